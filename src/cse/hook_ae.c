/* hook_ae.c - registration of an AE (TS-0001 10.2.2.2, TS-0004 7.3.2.7, 7.4.5). */
#include "cse/inside.h"

enum { STEM_DIGITS = 12 }; /* of an assigned stem: 62 bits */

struct span hook_ae_fresh(struct run *r, char kind)
{
    uint8_t *p = arena_alloc(r->a, STEM_DIGITS + 1);
    if (!p)
        return SPAN_NONE;
    r->c->w.entropy(r->c->w.ctx, p, STEM_DIGITS + 1);
    for (size_t i = 1; i <= STEM_DIGITS; i++)
        p[i] = (uint8_t) "abcdefghijklmnopqrstuvwxyz0123456789"[p[i] % 36];
    p[0] = (uint8_t)kind;
    return span_of(p, STEM_DIGITS + 1);
}

/* The stem that a certificate grants for "give me one": its first AE-ID of that kind. */
static struct span certified_stem(const struct run *r, char kind)
{
    const struct assoc *as = &r->q->assoc;
    for (size_t i = 0; as->secured && as->kind == ASSOC_AE && i < as->n_ids; i++) {
        struct id id = id_parse(as->ids[i], &r->c->conf.self);
        if (id.stem.n && id.stem.p[0] == (uint8_t)kind)
            return id.stem;
    }
    return SPAN_NONE;
}

static bool is_certified(const struct run *r, struct span stem)
{
    const struct assoc *as = &r->q->assoc;
    bool found = !(as->secured && as->kind == ASSOC_AE);
    for (size_t i = 0; i < as->n_ids && !found; i++)
        found = span_eq(id_parse(as->ids[i], &r->c->conf.self).stem, stem);
    return found;
}

/* From says which: empty or "C": assign a C-stem; "S", "/S": an S-stem; "Cxyz", "Sxyz": that one. */
static enum says choose(struct run *r)
{
    struct span fr = prim_text(r->q, PA_fr);
    if (span_starts(fr, SPAN("/")) && fr.n >= 2 && fr.p[1] == 'S')
        fr = span_from(fr, 1);
    struct id id = id_parse(fr, &r->c->conf.self);
    char kind = fr.n && fr.p[0] == 'S' ? 'S' : 'C';
    if (fr.n <= 1 && (fr.n == 0 || fr.p[0] == 'C' || fr.p[0] == 'S')) {
        struct span stem = certified_stem(r, kind);
        r->aei = stem.n ? stem : hook_ae_fresh(r, kind);
    } else if (id.kind == ID_CSE || id.kind == ID_SP) {
        return refuse(r, RSC_SECURITY_ASSOCIATION_REQUIRED, SPAN("fr"),
                      "an AE registers with an AE-ID, not with a CSE-ID");
    } else if (id.kind != ID_AE_C && id.kind != ID_AE_S) {
        return refuse(r, RSC_BAD_REQUEST, SPAN("fr"), "an AE-ID-Stem begins with C or S (TS-0001 7.2)");
    } else if (!id_ours(&id, &r->c->conf.self)) {
        return refuse(r, RSC_BAD_REQUEST, SPAN("fr"), "the identifier belongs to another CSE; register there");
    } else {
        r->aei = id.stem;
    }
    return MORE;
}

static enum says check_ae(struct run *r)
{
    struct row row;
    enum says say = choose(r);
    if (say != MORE)
        return say;
    if (!is_certified(r, r->aei))
        return refuse(r, RSC_ORIGINATOR_NOT_AUTHENTICATED, SPAN("fr"),
                      "the certificate of this connection does not name this AE-ID (TS-0004 7.3.2.1)");
    if (r->aei.n && r->aei.p[0] == 'S' && r->c->conf.role != ROLE_IN)
        return refuse(r, RSC_NOT_IMPLEMENTED, SPAN("fr"),
                      "an S-type AE-ID is assigned at the IN-CSE; this CSE does not ask it for one");
    enum err e = store_alias(r->t, r->aei, r->a, &row);
    if (e == OK && row.et > r->now)
        return refuse(r, RSC_ORIGINATOR_HAS_ALREADY_REGISTERED, SPAN("fr"),
                      "an AE of this identifier is registered here already (TS-0004 7.4.5.2.1)");
    if (e == OK) {
        STEP_TRY(r, gone_tree(r, &row, true)); /* its time is over, the sweep has not come by yet */
        e = store_get(r->t, r->target.rid, r->a, &r->target);
    }
    return e == OK || e == ERR_NOTFOUND ? MORE : oops(r, e);
}

static enum err fill_ae(struct run *r, struct jw *w)
{
    JW_STR(w, "aei", r->aei);
    if (!attrs_get(&r->in, AT_srv)) { /* a request of release 1 or 2 */
        struct span rel = release_text(r->q->rvi);
        JW_NAME(w, "srv");
        jw_arr(w);
        jw_str(w, rel.n ? rel : SPAN("1"));
        jw_end_arr(w);
    }
    return OK;
}

const struct type_hook hook_ae = {.check = check_ae, .fill = fill_ae};
