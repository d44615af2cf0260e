#include "cse/crs.h"

#include <string.h>

#include "cse/alarm.h"
#include "cse/patch.h"
#include "cse/tell.h"

enum { PERIODIC = 1, SLIDING = 2 };
/* eventEvaluationMode; default ALL_PRESENT. */
enum { ALL_PRESENT = 1, SOME_PRESENT, SOME_OR_ALL_MISSING, ALL_MISSING, SOME_MISSING };

struct window {
    int64_t end;    /* ms; 0: none is open */
    uint64_t heard; /* bit i: target i, those of rrat first */
    int64_t told;   /* this window has notified */
};

struct span crs_address(struct run *r, const struct row *crs)
{
    return name_sp_relative(r->c, crs, r->a);
}

/* ---- rules ---------------------------------------------------------------------------------------- */

static size_t count(const struct jval *list)
{
    return list && list->type == J_ARR ? list->n : 0;
}

static enum says check_crs(struct run *r)
{
    const struct jval *rrat = attrs_get(&r->in, AT_rrat), *srat = attrs_get(&r->in, AT_srat),
                      *encs = attrs_get(&r->in, AT_encs), *encn = JSON_GET(encs, "encn");
    if (!count(rrat) && !count(srat))
        return refuse(r, RSC_BAD_REQUEST, SPAN("rrat"), "rrat or srat must name a target (TS-0004 7.4.58.2.1)");
    if (count(rrat) && !encs)
        return refuse(r, RSC_BAD_REQUEST, SPAN("encs"), "must be there with rrat (TS-0004 7.4.58.2.1)");
    if (count(rrat) && count(encn) != 1 && count(encn) != count(rrat))
        return refuse(r, RSC_BAD_REQUEST, SPAN("encs"),
                      "needs one entry, or one for each of rrat (TS-0004 7.4.58.2.1)");
    if (count(rrat) + count(srat) > CRS_TARGETS_MAX)
        return refuse(r, RSC_BAD_REQUEST, count(rrat) ? SPAN("rrat") : SPAN("srat"),
                      "more targets than this CSE serves for one crossResourceSubscription");
    return MORE;
}

static enum err fill_crs(struct run *r, struct jw *w)
{
    if (!attrs_get(&r->in, AT_cr)) /* multiplicity 1: it acts as its creator */
        JW_STR(w, "cr", r->out.creator);
    return OK;
}

/* ---- the window ----------------------------------------------------------------------------------- */

static struct span key_of(uint8_t p[24], int64_t rid)
{
    struct buf b = buf_over(p, 24);
    buf_str(&b, "crs");
    buf_i64(&b, rid);
    return buf_span(&b);
}

static enum err window_get(struct run *r, int64_t rid, struct window *w)
{
    uint8_t p[24];
    struct span v;
    *w = (struct window){0};
    enum err e = store_state_get(r->t, key_of(p, rid), r->a, &v);
    if (e == OK && v.n == sizeof *w)
        memcpy(w, v.p, sizeof *w);
    return e == ERR_NOTFOUND ? OK : e;
}

static enum err window_put(struct run *r, int64_t rid, const struct window *w)
{
    uint8_t p[24];
    TRY(alarm_at(r, ALARM_crs, rid, w->end ? w->end : NEVER));
    return store_state_put(r->t, key_of(p, rid), span_of(w, sizeof *w));
}

static int64_t size_of(struct run *r, const struct attrs *at)
{
    int64_t ms = 0;
    return check_duration(attrs_text(at, AT_tws, r->a), &ms) && ms > 0 ? ms : 1000;
}

enum err crs_begin(struct run *r, const struct row *crs, const struct attrs *at)
{
    struct window w = {0};
    if (patch_int(at, AT_twt, PERIODIC) == PERIODIC)
        w.end = r->now + size_of(r, at);
    return window_put(r, crs->rid, &w);
}

static size_t targets(const struct attrs *at)
{
    return count(attrs_get(at, AT_rrat)) + count(attrs_get(at, AT_srat));
}

static unsigned bits(uint64_t v)
{
    unsigned n = 0;
    for (; v; v &= v - 1)
        n++;
    return n;
}

/* At the end of a window, or when everybody was heard of. */
static bool fires(const struct attrs *at, const struct window *w, bool over)
{
    size_t n = targets(at), heard = bits(w->heard);
    switch (patch_int(at, AT_eem, ALL_PRESENT)) {
    case SOME_PRESENT:
        return over && heard > 0;
    case SOME_OR_ALL_MISSING:
        return over && heard < n;
    case ALL_MISSING:
        return over && heard == 0;
    case SOME_MISSING:
        return over && heard > 0 && heard < n;
    default:
        return heard == n;
    }
}

static enum err tell(struct run *r, const struct row *crs, const struct attrs *at)
{
    struct text t;
    struct span cr = attrs_text(at, AT_cr, r->a);
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:sgn");
    jw_obj(&w);
    JW_STR(&w, "sur", crs_address(r, crs));
    if (cr.n)
        JW_STR(&w, "cr", cr);
    jw_end_obj(&w);
    jw_end_obj(&w);
    TRY(t.b.e);
    return tell_letters(r, crs, at, AT_nu, buf_span(&t.b), true);
}

/* A periodic window is followed by the next one, which keeps its beat; a sliding one ends until somebody is heard. */
static enum err next_window(struct run *r, const struct row *crs, const struct attrs *at, const struct window *was)
{
    struct window w = {0};
    int64_t size = size_of(r, at);
    if (patch_int(at, AT_twt, PERIODIC) == PERIODIC)
        w.end = was->end + ((r->now - was->end) / size + 1) * size;
    return window_put(r, crs->rid, &w);
}

enum err crs_ring(struct run *r, struct row *crs, int64_t due)
{
    struct attrs at;
    struct window w;
    (void)due;
    TRY(name_attrs(crs, r->a, &at));
    TRY(window_get(r, crs->rid, &w));
    if (!w.end)
        return OK;
    if (!w.told && fires(&at, &w, true))
        TRY(tell(r, crs, &at));
    return next_window(r, crs, &at, &w);
}

/* ---- notifications that come in ------------------------------------------------------------------- */

bool crs_is_target(const struct run *r)
{
    return r->q->op == OP_NOTIFY && r->target.ty == TY_CRS && !r->virt;
}

/* Is it that subscription? Texts may differ in form, so that local ones are compared by what they name. */
static bool same_sub(struct run *r, struct span entry, struct span sur, const struct row *sub)
{
    struct row row;
    return span_eq(entry, sur) || (sub->rid && find_text(r, entry, &row) == OK && row.rid == sub->rid);
}

/* Number of the target whose subscription speaks; -1: none of ours. */
static int who_speaks(struct run *r, const struct attrs *at, struct span sur)
{
    static const enum attr lists[] = {AT_rrats, AT_srat};
    struct row sub;
    int i = 0;
    if (find_text(r, sur, &sub) != OK)
        sub.rid = 0;
    for (size_t k = 0; k < LEN(lists); k++) {
        const struct jval *list = attrs_get(at, lists[k]);
        for (const struct jval *v = list ? list->child : NULL; v; v = v->next, i++)
            if (same_sub(r, name_text(v, r->a), sur, &sub))
                return i;
    }
    return -1;
}

/* Access control was not asked: only the CSE that hosts a subscription speaks for it. */
static bool hosts(const struct run *r, struct span sur)
{
    struct addr at;
    const char *why;
    const struct id *from = &r->q->from;
    if (addr_parse(sur, &r->c->conf.self, &r->c->conf.sw, &at, &why) != OK)
        return false;
    return at.where == ADDR_HERE ? r->x->self : from->kind == ID_CSE && span_eq(from->cse, at.csi);
}

static enum err heard(struct run *r, const struct attrs *at, int target)
{
    struct window w;
    TRY(window_get(r, r->target.rid, &w));
    if (!w.end)
        w = (struct window){.end = r->now + size_of(r, at)};
    w.heard |= UINT64_C(1) << target;
    if (w.told || !fires(at, &w, false))
        return window_put(r, r->target.rid, &w);
    w.told = 1;
    TRY(tell(r, &r->target, at));
    if (patch_int(at, AT_twt, PERIODIC) != PERIODIC)
        w = (struct window){0};
    return window_put(r, r->target.rid, &w);
}

static bool is_true(const struct jval *v)
{
    bool yes = false;
    return v && json_bool(v, &yes) == OK && yes;
}

/* On the writer: which target it is, and what follows. A subscription that ends takes the whole with it: it could never
 * be complete again. */
static enum says take(struct run *r)
{
    const struct jval *sgn = r->q->content;
    struct span sur = name_text(JSON_GET(sgn, "sur"), r->a);
    if (!hosts(r, sur))
        return refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("fr"),
                      "only the CSE that hosts a subscription may notify for it (TS-0004 7.3.3.9)");
    STEP_TRY(r, run_old(r));
    int target = who_speaks(r, &r->old, sur);
    if (target >= 0 && is_true(JSON_GET(sgn, "sud")))
        STEP_TRY(r, gone_tree(r, &r->target, true));
    else if (target >= 0 && JSON_GET(sgn, "nev"))
        STEP_TRY(r, heard(r, &r->old, target));
    view_answer(r, RSC_OK, SPAN_NONE);
    return DONE;
}

enum says crs_hear(struct run *r)
{
    if (!span_eq(r->q->root, SPAN("m2m:sgn")))
        return refuse(r, RSC_BAD_REQUEST, r->q->root,
                      "a crossResourceSubscription hears m2m:sgn only (TS-0004 7.4.58)");
    if (is_true(JSON_GET(r->q->content, "vrq"))) {
        view_answer(r, RSC_OK, SPAN_NONE); /* it has asked for that subscription itself */
        return DONE;
    }
    if (r->stage == AT_WRITER)
        return take(r);
    r->stage = AT_WRITER;
    return WAIT;
}

/* ---- UPDATE, and its end -------------------------------------------------------------------------- */

static enum says after_crs(struct run *r)
{
    struct attrs at;
    if (r->q->op != OP_UPDATE || (!attrs_get(&r->in, AT_tws) && !attrs_get(&r->in, AT_twt)))
        return MORE;
    STEP_TRY(r, name_attrs(&r->out, r->a, &at));
    STEP_TRY(r, crs_begin(r, &r->out, &at));
    return MORE;
}

/* The list without this resource; p NULL: nothing else is in it. */
static struct span list_without(struct run *r, const struct jval *list, struct span id)
{
    struct text t;
    size_t n = 0;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_arr(&w);
    for (const struct jval *v = list ? list->child : NULL; v; v = v->next)
        if (!json_is(v, id)) {
            jw_raw(&w, v->raw);
            n++;
        }
    jw_end_arr(&w);
    return n ? buf_span(&t.b) : SPAN_NONE;
}

/* Out of nu and acrs of a subscription that it had joined. */
static enum err leave(struct run *r, struct row *sub, struct span id)
{
    struct attrs at;
    TRY(name_attrs(sub, r->a, &at));
    struct patch p[] = {{SPAN("nu"), list_without(r, attrs_get(&at, AT_nu), id)},
                        {SPAN("acrs"), list_without(r, attrs_get(&at, AT_acrs), id)}};
    return patch_row(r, sub, p[0].json.p ? p : p + 1, p[0].json.p ? 2 : 1);
}

/* Subscriptions of this CSE go with it in the same transaction; those of other CSEs end with their et, which is not
 * later, unless it was deleted by a request (crs_make.c). */
static enum err gone_crs(struct run *r, const struct row *row)
{
    struct attrs at;
    struct row sub;
    uint8_t p[24];
    TRY(name_attrs(row, r->a, &at));
    const struct jval *rrats = attrs_get(&at, AT_rrats), *srat = attrs_get(&at, AT_srat);
    for (const struct jval *v = rrats ? rrats->child : NULL; v; v = v->next)
        if (find_text(r, name_text(v, r->a), &sub) == OK && sub.ty == TY_SUB) {
            unsigned notices = r->nnotices;
            TRY(gone_tree(r, &sub, false));
            TRY(store_letters_drop(r->t, sub.rid)); /* nobody is there to hear of its end */
            r->nnotices = notices;
        }
    for (const struct jval *v = srat ? srat->child : NULL; v; v = v->next)
        if (find_text(r, name_text(v, r->a), &sub) == OK && sub.ty == TY_SUB)
            TRY(leave(r, &sub, crs_address(r, row)));
    TRY(tell_sub_ends(r, row, false));
    return store_state_drop(r->t, key_of(p, row->rid));
}

const struct type_hook hook_crs = {.check = check_crs, .fill = fill_crs, .after = after_crs, .gone = gone_crs};
