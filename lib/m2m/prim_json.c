/* prim_json.c - primitives as JSON objects, by the rows of param.def. */
#include "m2m/prim_json.h"

#define BITS_META                                                                                                      \
    (PA_BIT(ty) | PA_BIT(ot) | PA_BIT(rqet) | PA_BIT(rset) | PA_BIT(oet) | PA_BIT(rt) | PA_BIT(rp) | PA_BIT(rcn) |     \
     PA_BIT(ec) | PA_BIT(da) | PA_BIT(gid) | PA_BIT(drt) | PA_BIT(rids) | PA_BIT(tqi) | PA_BIT(tids) | PA_BIT(ltids) | \
     PA_BIT(grtm) | PA_BIT(asi) | PA_BIT(auri) | PA_BIT(sqi) | PA_BIT(rvi) | PA_BIT(vsi))
#define BITS_RESULT                                                                                                    \
    (PA_BIT(rqi) | PA_BIT(to) | PA_BIT(fr) | PA_BIT(ot) | PA_BIT(rset) | PA_BIT(ec) | PA_BIT(cnst) | PA_BIT(cnot))

/* Parameters that hold several values, and what stands between them on the wire of HTTP. */
static const struct {
    uint8_t id;
    uint8_t separator;
} lists[] = {{PA_rids, ' '}, {PA_tids, ' '}, {PA_ltids, ' '}, {PA_tkns, '+'}, {PA_aus, '+'}, {PA_grtm, ' '}};

static void put_words(struct jw *w, struct span s, uint8_t separator)
{
    jw_arr(w);
    while (s.n) {
        struct span word = span_cut(&s, separator);
        if (word.n)
            jw_str(w, word);
    }
    jw_end_arr(w);
}

static void put_number(struct jw *w, struct span s)
{
    uint64_t v;
    if (span_u64(s, UINT64_MAX, &v) == OK)
        jw_u64(w, v);
    else
        jw_str(w, s);
}

static void put_bool(struct jw *w, struct span s)
{
    jw_bool(w, span_eq(s, SPAN("true")) || span_eq(s, SPAN("1")));
}

static void put_value(struct jw *w, enum param id, struct span s)
{
    for (size_t i = 0; i < LEN(lists); i++)
        if (lists[i].id == id) {
            put_words(w, s, lists[i].separator);
            return;
        }
    switch (param_row(id)->kind) {
    case VK_UINT:
    case VK_EVENTCAT:
        put_number(w, s);
        break;
    case VK_BOOL:
        put_bool(w, s);
        break;
    default:
        jw_str(w, s);
    }
}

static void put_rt(struct jw *w, const struct prim *p)
{
    JW_NAME(w, "rt");
    jw_obj(w);
    JW_NAME(w, "rtv");
    put_number(w, p->raw[PA_rt]);
    if (prim_has(p, PA_rtu)) {
        JW_NAME(w, "nu");
        put_words(w, p->raw[PA_rtu], '&');
    }
    jw_end_obj(w);
}

/* ---- filterCriteria ------------------------------------------------------------------------------- */

static bool is_list(enum crit c)
{
    static const uint8_t rows[] = {FC_lbl, FC_clbl, FC_palb, FC_ty, FC_chty, FC_pty, FC_cty, FC_smf};
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i] == c)
            return true;
    return false;
}

static void put_one(struct jw *w, enum crit c, struct span s)
{
    enum vkind k = crit_kind(c);
    if (k == VK_UINT || k == VK_ENUM)
        put_number(w, s);
    else
        jw_str(w, s);
}

static void put_criterion(struct jw *w, const struct arg *first)
{
    enum crit c = (enum crit)first->crit;
    bool list = is_list(c) || first->name.n;
    jw_name(w, crit_name(c));
    if (list)
        jw_arr(w);
    for (const struct arg *g = first; g; g = g->next) {
        if (g->crit != c)
            continue;
        if (g->name.n) {
            jw_obj(w);
            JW_STR(w, "nm", g->name);
            JW_STR(w, "val", g->value);
            jw_end_obj(w);
        } else if (list) {
            for (struct span rest = g->value; rest.n;)
                put_one(w, c, span_cut(&rest, ' '));
        } else {
            put_one(w, c, g->value);
            break;
        }
    }
    if (list)
        jw_end_arr(w);
}

void prim_put_fc(struct jw *w, const struct prim *p)
{
    uint64_t done = 0;
    jw_obj(w);
    for (const struct arg *g = p->args; g; g = g->next) {
        if (done >> g->crit & 1)
            continue;
        done |= UINT64_C(1) << g->crit;
        put_criterion(w, g);
    }
    jw_end_obj(w);
}

/* ---- whole primitives ------------------------------------------------------------------------------ */

static void put_params(struct jw *w, const struct prim *p, uint64_t which)
{
    for (uint64_t left = p->have & which; left; left &= left - 1) {
        enum param id = (enum param)__builtin_ctzll(left);
        if (id == PA_rt) {
            put_rt(w, p);
        } else {
            jw_name(w, param_row(id)->sn);
            put_value(w, id, p->raw[id]);
        }
    }
}

/* A list of attributes travels as content (serialization 2.13). */
static void put_content(struct jw *w, const struct prim *p)
{
    if (p->pc.n && p->ser == SER_JSON) {
        JW_NAME(w, "pc");
        jw_raw(w, p->pc);
    } else if (!p->pc.n && prim_has(p, PA_atrl)) {
        JW_NAME(w, "pc");
        jw_obj(w);
        JW_NAME(w, "m2m:atrl");
        put_words(w, p->raw[PA_atrl], ' ');
        jw_end_obj(w);
    }
}

void prim_put_request(struct jw *w, const struct prim *p)
{
    const uint64_t not_here = PA_BIT(op) | PA_BIT(pc) | PA_BIT(rsc) | PA_BIT(rtu) | PA_BIT(atrl) | PA_BIT(tqf);
    jw_obj(w);
    JW_U64(w, "op", p->op);
    put_params(w, p, ~not_here);
    if (p->args) {
        JW_NAME(w, "fc");
        prim_put_fc(w, p);
    }
    put_content(w, p);
    jw_end_obj(w);
}

void prim_put_meta(struct jw *w, const struct prim *p)
{
    jw_obj(w);
    put_params(w, p, BITS_META);
    if (!prim_has(p, PA_rvi))
        JW_STR(w, "rvi", SPAN("1"));
    if (p->args) {
        JW_NAME(w, "fc");
        prim_put_fc(w, p);
    }
    jw_end_obj(w);
}

static void put_answer(struct jw *w, const struct prim *p, uint64_t which, struct span fr, struct span to)
{
    jw_obj(w);
    JW_U64(w, "rsc", p->rsc);
    put_params(w, p, which);
    if (fr.n && !prim_has(p, PA_fr))
        JW_STR(w, "fr", fr);
    if (to.n && !prim_has(p, PA_to))
        JW_STR(w, "to", to);
    put_content(w, p);
    jw_end_obj(w);
}

void prim_put_response(struct jw *w, const struct prim *p, struct span fr, struct span to)
{
    put_answer(w, p, BITS_RESULT | PA_BIT(rvi) | PA_BIT(vsi) | PA_BIT(asri), fr, to);
}

void prim_put_result(struct jw *w, const struct prim *p, struct span fr, struct span to)
{
    put_answer(w, p, BITS_RESULT, fr, to);
}
