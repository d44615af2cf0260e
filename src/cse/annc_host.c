/* annc_host.c - copies of other CSEs' resources here: who may make and change them (TS-0004 7.4.26.2), and the AEAnnc
 * by which the IN-CSE assigns S-type AE-ID-Stems (TS-0001 10.2.2.2). */
#include "cse/annc.h"

/* ---- the original's CSE --------------------------------------------------------------------------- */

/* CSE that a link leads to, "/id-mn" or "//other.example/id-x"; empty: none, as in INACTIVE. */
static struct span link_cse(struct run *r, struct span lnk)
{
    struct addr at;
    const char *why;
    if (!span_starts(lnk, SPAN("/")) || addr_parse(lnk, &r->c->conf.self, &r->c->conf.sw, &at, &why) != OK)
        return SPAN_NONE;
    if (at.s_ae || at.where == ADDR_HERE)
        return SPAN_NONE;
    return at.where == ADDR_OTHER_SP ? arena_join(r->a, at.sp, at.csi) : at.csi;
}

static struct span sender_cse(struct run *r)
{
    const struct id *from = &r->q->from;
    if (from->kind != ID_CSE)
        return SPAN_NONE;
    return span_eq_nocase(from->sp, r->c->conf.self.sp) ? from->cse : arena_join(r->a, from->sp, from->cse);
}

static enum err link_of(struct run *r, const struct row *copy, struct span *cse)
{
    struct attrs at;
    TRY(name_attrs(copy, r->a, &at));
    *cse = link_cse(r, attrs_text(&at, AT_lnk, r->a));
    return OK;
}

/* A CSE that this one knows: registered here or below, or the registrar. */
static bool is_known(struct run *r, struct span cse)
{
    struct hop h = {.a = r->a};
    struct addr to = {.where = ADDR_OTHER_CSE, .csi = cse};
    if (sw_open(&r->c->conf.sw, SW_any_originator) || span_eq(cse, r->c->conf.parent_csi))
        return true;
    enum err e = hop_towards(r, &to, true, &h);
    return e == OK || e == ERR_UNREACHABLE;
}

/* ---- rights --------------------------------------------------------------------------------------- */

static bool is_copy(const struct type *t)
{
    return t && (t->flags & TF_ANNOUNCED);
}

/* A CSE may announce itself, and further below what it has announced; anywhere else access control decides. */
static enum err may_create(struct run *r, bool *decided, bool *yes)
{
    struct span from = sender_cse(r), above = SPAN_NONE;
    if (!from.n || !is_copy(type_of(r->q->ty)))
        return OK;
    if (is_copy(r->type))
        TRY(link_of(r, &r->target, &above));
    *decided = r->target.ty == TY_CB || (above.n && span_eq(above, from));
    *yes = *decided && is_known(r, from);
    return OK;
}

/* An S-type AE that moves: its new registrar speaks for it. */
static bool speaks_for(const struct run *r, const struct row *copy)
{
    const struct id *from = &r->q->from;
    return copy->ty == TY_AE_A && copy->alias.n && from->kind == ID_CSE && span_eq(from->stem, copy->alias);
}

enum err annc_rights(struct run *r, bool *decided, bool *yes)
{
    struct span from, owner;
    *decided = *yes = false;
    if (run_is_admin(r))
        return OK;
    if (r->q->op == OP_CREATE)
        return may_create(r, decided, yes);
    if ((r->q->op != OP_UPDATE && r->q->op != OP_DELETE) || r->virt || !is_copy(r->type))
        return OK;
    *decided = true;
    from = sender_cse(r);
    if (!from.n)
        return OK;
    TRY(link_of(r, &r->target, &owner));
    *yes = (owner.n && span_eq(owner, from)) || (speaks_for(r, &r->target) && is_known(r, from));
    return OK;
}

/* ---- content -------------------------------------------------------------------------------------- */

static enum says check_link(struct run *r, const struct jval *lnk)
{
    struct span text = name_text(lnk, r->a), cse = link_cse(r, text);
    if (run_is_admin(r) || (cse.n && span_eq(cse, sender_cse(r))))
        return MORE;
    if (r->q->op == OP_UPDATE && span_eq(text, SPAN("INACTIVE")))
        return MORE;
    return refuse(r, RSC_BAD_REQUEST, SPAN("lnk"), "is no resource of the CSE that announces it (TS-0004 7.4.26.2)");
}

enum says annc_check_copy(struct run *r)
{
    return is_copy(r->in.t) ? check_link(r, attrs_get(&r->in, AT_lnk)) : MORE;
}

enum says annc_check_copy_update(struct run *r)
{
    const struct jval *lnk = is_copy(r->in.t) ? attrs_get(&r->in, AT_lnk) : NULL;
    return lnk ? check_link(r, lnk) : MORE;
}

/* ---- S-type AEs at the IN-CSE --------------------------------------------------------------------- */

/* From "/id-mn/S": give me a stem; "/id-mn/Sapp": that one. */
static enum says check_ae_copy(struct run *r)
{
    struct row row;
    const struct id *from = &r->q->from;
    if (from->kind != ID_CSE || !from->stem.n || r->target.ty != TY_CB)
        return MORE; /* an announcement like any other */
    if (r->c->conf.role != ROLE_IN)
        return refuse(r, RSC_OPERATION_NOT_ALLOWED, SPAN("fr"),
                      "S-type AE-IDs are assigned by the IN-CSE (TS-0001 10.2.2.2)");
    r->aei = from->stem.n == 1 ? hook_ae_fresh(r, 'S') : from->stem;
    enum err e = store_alias(r->t, r->aei, r->a, &row);
    if (e == OK && row.et <= r->now) {
        STEP_TRY(r, gone_tree(r, &row, true));
        e = store_get(r->t, r->target.rid, r->a, &r->target);
        return e == OK ? MORE : oops(r, e);
    }
    if (e == OK)
        return refuse(r, row.ty == TY_AE ? RSC_ORIGINATOR_HAS_ALREADY_REGISTERED : RSC_CONFLICT, SPAN("fr"),
                      "this AE-ID-Stem is in use already (TS-0001 10.2.2.2)");
    return e == ERR_NOTFOUND ? MORE : oops(r, e);
}

const struct type_hook hook_ae_copy = {.check = check_ae_copy};

enum err annc_home(struct run *r, struct span stem, struct span *cse)
{
    struct row row;
    TRY(store_alias(r->t, stem, r->a, &row));
    if (row.ty != TY_AE_A || row.et <= r->now)
        return ERR_NOTFOUND;
    TRY(link_of(r, &row, cse));
    return cse->n ? OK : ERR_NOTFOUND;
}
