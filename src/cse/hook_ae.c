/* hook_ae.c - registration of an AE (TS-0001 10.2.2.2, TS-0004 7.3.2.7, 7.4.5). */
#include "cse/admission.h"

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

static bool elsewhere(const struct run *r, char kind)
{
    return kind == 'S' && r->c->conf.role != ROLE_IN;
}

/* "C" or "S" alone: the stem that the certificate grants, else a new one; at an MN-CSE the IN-CSE gives those of kind
 * S. */
static void assign(struct run *r, char kind)
{
    struct span stem = certified_stem(r, kind);
    r->aei = stem.n ? stem : elsewhere(r, kind) ? SPAN_NONE : hook_ae_fresh(r, kind);
}

/* From says which: empty or "C": assign a C-stem; "S", "/S": an S-stem; "Cxyz", "Sxyz": that one. */
static enum says choose(struct run *r)
{
    struct span fr = prim_text(r->q, PA_fr);
    if (span_starts(fr, SPAN("/")) && fr.n >= 2 && fr.p[1] == 'S')
        fr = span_from(fr, 1);
    struct id id = id_parse(fr, &r->c->conf.self);
    char kind = (fr.n && fr.p[0] == 'S') || (!fr.n && r->c->conf.admission.empty_is_s) ? 'S' : 'C';
    if (fr.n <= 1 && (fr.n == 0 || fr.p[0] == 'C' || fr.p[0] == 'S')) {
        assign(r, kind);
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
    if (r->granted.n)
        r->aei = r->granted;
    return MORE;
}

/* Nobody else may have the stem. What is expired, or was registered elsewhere before it comes to the IN-CSE itself,
 * makes room. */
static enum says check_free(struct run *r)
{
    struct row row;
    enum err e = store_alias(r->t, r->aei, r->a, &row);
    if (e == OK && row.et > r->now && row.ty != TY_AE_A)
        return refuse(r, RSC_ORIGINATOR_HAS_ALREADY_REGISTERED, SPAN("fr"),
                      "an AE of this identifier is registered here already (TS-0004 7.4.5.2.1)");
    if (e == OK && r->t->writes) {
        STEP_TRY(r, gone_tree(r, &row, true));
        e = store_get(r->t, r->target.rid, r->a, &r->target);
    }
    return e == OK || e == ERR_NOTFOUND ? MORE : oops(r, e);
}

static enum says check_ae(struct run *r)
{
    enum says say = choose(r);
    if (say == MORE)
        say = admission_check(r);
    if (say != MORE)
        return say;
    if (!r->aei.n) /* not known yet: enroll.c */
        return r->stage == AT_WRITER ? oops(r, ERR_NOMEM) : MORE;
    if (!is_certified(r, r->aei))
        return refuse(r, RSC_ORIGINATOR_NOT_AUTHENTICATED, SPAN("fr"),
                      "the certificate of this connection does not name this AE-ID (TS-0004 7.3.2.1)");
    return check_free(r);
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
