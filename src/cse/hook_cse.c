/* hook_cse.c - registration of a CSE: remoteCSE (TS-0001 10.2.2.7, TS-0004 7.4.4). */
#include "cse/inside.h"

static enum says check_csr(struct run *r)
{
    const struct id *from = &r->q->from;
    const struct assoc *as = &r->q->assoc;
    struct text csi;
    struct row row;
    if (from->kind == ID_AE_C || from->kind == ID_AE_S || r->c->conf.role == ROLE_ASN)
        return refuse(r, RSC_OPERATION_NOT_ALLOWED, SPAN("fr"),
                      r->c->conf.role == ROLE_ASN
                          ? "an ASN-CSE takes no registration of a CSE (TS-0004 7.4.4.2.1)"
                          : "a CSE registers with its CSE-ID, not with an AE-ID (TS-0004 7.4.4.2.1)");
    if (from->kind != ID_CSE || from->stem.n)
        return refuse(r, RSC_BAD_REQUEST, SPAN("fr"), "must be the CSE-ID of the CSE that registers");
    if (!(as->secured && as->kind == ASSOC_CSE) && !sw_open(&r->c->conf.sw, SW_any_originator))
        return refuse(r, RSC_SECURITY_ASSOCIATION_REQUIRED, SPAN("fr"),
                      "a CSE registers over a security association that proves its CSE-ID (TS-0004 7.4.4.2.1)");
    const struct jval *given = attrs_get(&r->in, AT_csi);
    if (given && !id_same_text(name_text(given, r->a), prim_text(r->q, PA_fr), &r->c->conf.self))
        return refuse(r, RSC_BAD_REQUEST, SPAN("csi"), "differs from the originator");
    text_init(&csi, r->a);
    id_put_sp_relative(&csi.b, from);
    r->aei = buf_span(&csi.b);
    if (span_eq(r->aei, r->c->conf.self.csi))
        return refuse(r, RSC_BAD_REQUEST, SPAN("fr"), "is the CSE-ID of this CSE itself");
    enum err e = store_alias(r->t, r->aei, r->a, &row);
    if (e == OK && row.et > r->now)
        return refuse(r, RSC_ORIGINATOR_HAS_ALREADY_REGISTERED, SPAN("fr"),
                      "a CSE of this identifier is registered here already (TS-0004 7.4.4.2.1)");
    if (e == OK) {
        STEP_TRY(r, gone_tree(r, &row, true));
        e = store_get(r->t, r->target.rid, r->a, &r->target);
    }
    return e == OK || e == ERR_NOTFOUND ? MORE : oops(r, e);
}

static enum err fill_csr(struct run *r, struct jw *w)
{
    JW_STR(w, "csi", r->aei);
    return OK;
}

/* The registrar learns of it once this is committed; should it be rolled back, one UPDATE says nothing new. */
static enum says after_csr(struct run *r)
{
    r->c->csr_changed = true;
    return MORE;
}

const struct type_hook hook_cse = {.check = check_csr, .fill = fill_csr, .after = after_csr};
