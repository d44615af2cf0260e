/* rights.c - may the originator do that? (TS-0004 7.3.3.15, TS-0001 9.6.1.3.2, TS-0003 7.1)
 *
 *   the administrator                         yes
 *   a type without acpi (contentInstance ...) its parent decides
 *   an accessControlPolicy                    its own pvs
 *   acpi has entries                          any rule of any policy listed; ids of deleted ones grant nothing
 *   acpi not set                              the custodian, else the originator of the CREATE, and nobody else
 *   CSEBase without acpi                      the administrator; besides, what switch 22 opens
 *   NOTIFY from a CSE to an AE without acpi   yes: "hosting CSE may always NOTIFY" (TS-0003 7.1); forwarded notices
 *                                             come from the CSE that hosts the subscription
 *
 * Policies are compiled once per thread and kept as long as their text does not change: the text is compared, so a
 * cache can never be older than the row. The same holds for gates, which are what a resource itself says about access:
 * to parse its text again for every request would be a third of the work of a RETRIEVE. */
#include <stdlib.h>
#include <string.h>

#include "cse/poll.h"
#include "host/heap.h"

struct policy {
    int64_t rid;
    struct span body; /* in mem */
    const struct acr_set *pv, *pvs;
    struct arena mem;
};

/* What a resource says about access to it and to its instances. */
struct gate {
    int64_t rid;
    struct span body;        /* in mem */
    const struct jval *acpi; /* NULL: not set */
    struct span custodian;
    bool disr;
    struct arena mem;
};

enum { POLICY_BLOCK = 1024, POLICY_MEM = 1 << 22, GATE_BODY_MAX = 16384 };

void rights_free(struct cse *c)
{
    for (size_t s = 0; s < LEN(c->policies); s++) {
        for (size_t i = 0; c->policies[s] && i < POLICIES; i++)
            if (c->policies[s][i].rid)
                arena_reset(&c->policies[s][i].mem);
        free(c->policies[s]);
        for (size_t i = 0; c->gates[s] && i < GATES; i++)
            if (c->gates[s][i].rid)
                arena_reset(&c->gates[s][i].mem);
        free(c->gates[s]);
    }
}

static enum err compile(struct policy *p, const struct row *row)
{
    struct attrs at;
    if (p->rid)
        arena_reset(&p->mem);
    heap_arena(&p->mem, POLICY_BLOCK, POLICY_MEM);
    p->rid = row->rid;
    p->pv = p->pvs = NULL;
    p->body = arena_dup(&p->mem, row->body);
    TRY(name_attrs(row, &p->mem, &at));
    TRY(acr_compile(attrs_get(&at, AT_pv), &p->mem, &p->pv));
    return acr_compile(attrs_get(&at, AT_pvs), &p->mem, &p->pvs);
}

static enum err policy_of(struct run *r, const struct row *row, const struct policy **out)
{
    struct policy **mine = &r->c->policies[r->slot];
    if (!*mine && !(*mine = calloc(POLICIES, sizeof **mine)))
        return ERR_NOMEM;
    struct policy *p = &(*mine)[(uint64_t)row->rid % POLICIES];
    *out = p;
    if (p->rid == row->rid && p->pvs && span_eq(p->body, row->body))
        return OK;
    return compile(p, row);
}

static enum err read_gate(struct gate *g, const struct row *row, struct arena *a)
{
    struct attrs at;
    struct row mine = *row;
    g->rid = row->rid;
    g->body = SPAN_NONE; /* until it is whole */
    mine.body = arena_dup(a, row->body);
    TRY(name_attrs(&mine, a, &at));
    const struct jval *acpi = attrs_get(&at, AT_acpi), *disr = attrs_get(&at, AT_disr);
    g->acpi = acpi && acpi->type == J_ARR && acpi->n > 0 ? acpi : NULL;
    g->custodian = attrs_text(&at, AT_cstn, a);
    if (!disr || json_bool(disr, &g->disr) != OK)
        g->disr = false;
    if (!arena_ok(a))
        return ERR_NOMEM;
    g->body = mine.body;
    return OK;
}

/* Good until the next call on this thread. */
static enum err gate_of(struct run *r, const struct row *row, const struct gate **out)
{
    struct gate **mine = &r->c->gates[r->slot];
    if (!*mine && !(*mine = calloc(GATES, sizeof **mine)))
        return ERR_NOMEM;
    struct gate *g = &(*mine)[(uint64_t)row->rid % GATES];
    *out = g;
    if (g->rid == row->rid && g->body.n && span_eq(g->body, row->body))
        return OK;
    if (row->body.n > GATE_BODY_MAX) { /* too large to be kept */
        *out = g = ARENA_NEW(r->a, struct gate);
        return g ? read_gate(g, row, r->a) : ERR_NOMEM;
    }
    if (g->rid)
        arena_reset(&g->mem);
    heap_arena(&g->mem, POLICY_BLOCK, POLICY_MEM);
    return read_gate(g, row, &g->mem);
}

/* An entry of acor may also be the identifier of an AE's resource (TS-0001 9.6.2.1). Groups are not hosted here. */
static enum acr_member member(void *ctx, struct span entry, const struct id *who)
{
    struct run *r = ctx;
    struct row row;
    if (find_text(r, entry, &row) != OK || row.ty != TY_AE)
        return ACR_NO_GROUP;
    struct id ae = id_parse(row.alias, &r->c->conf.self);
    return id_same(&ae, who) ? ACR_MEMBER : ACR_NOT_MEMBER;
}

static bool same(const struct run *r, const struct id *who, struct span text)
{
    struct id other = id_parse(text, &r->c->conf.self);
    return text.n && id_same(who, &other);
}

/* rq_authn (TS-0003 table 7.1.5-1): the peer of the security association itself. What a CSE forwards for others is not,
 * another CSE's request included. */
static bool is_authenticated(const struct run *r, const struct id *who)
{
    const struct assoc *as = &r->q->assoc;
    if (!as->secured)
        return false;
    return as->kind == ASSOC_AE ||
           (as->kind == ASSOC_CSE && as->n_ids && who->kind == ID_CSE && same(r, who, as->ids[0]));
}

static struct acr_ask question(struct run *r, const struct id *who, const struct row *row, unsigned op,
                               unsigned child_ty)
{
    const struct assoc *as = &r->q->assoc;
    struct acr_ask q = {
        .self = &r->c->conf.self,
        .who = *who,
        .authenticated = is_authenticated(r, who),
        .op = (uint8_t)op,
        .ip_family = as->ip_family,
        .ty = (uint16_t)row->ty,
        .child_ty = (uint16_t)child_ty,
        .now = r->now,
        .group = member,
        .ctx = r,
    };
    memcpy(q.ip, as->ip, sizeof q.ip);
    return q;
}

/* Does any policy of the list grant? self: by their pvs. */
static enum err ask_list(struct run *r, const struct jval *acpi, const struct acr_ask *q, bool self, bool *yes)
{
    for (const struct jval *v = acpi->child; v; v = v->next) {
        struct row row;
        const struct policy *p;
        enum err e = find_text(r, name_text(v, r->a), &row);
        if (e == ERR_NOTFOUND || e == ERR_UNREACHABLE || e == ERR_SYNTAX || (e == OK && row.ty != TY_ACP))
            continue; /* grants nothing */
        TRY(e);
        TRY(policy_of(r, &row, &p));
        enum acr_answer say = acr_ask_set(self ? p->pvs : p->pv, q);
        *yes = say == ACR_PERMIT;
        if (say != ACR_DENY)
            return OK;
    }
    return OK;
}

/* Resource without acpi. */
static enum err ask_default(struct run *r, const struct id *who, const struct row *row, struct span custodian,
                            unsigned op, unsigned child_ty, bool *yes)
{
    if (row->ty == TY_CB) {
        struct row ae;
        bool open = sw_open(&r->c->conf.sw, SW_csebase_rights);
        *yes = open && op == ACOP_CREATE && child_ty == TY_ACP;
        if (open && op == ACOP_RETRIEVE && (who->stem.n || who->kind == ID_CSE)) { /* whoever is registered */
            enum err e = who->kind == ID_CSE ? find_cse(r, who->cse, &ae) : find_ae(r, who->stem, &ae);
            *yes = e == OK;
            return e == ERR_NOTFOUND ? OK : e;
        }
        return OK;
    }
    *yes = same(r, who, custodian.n ? custodian : row->creator) ||
           (op == ACOP_NOTIFY && row->ty == TY_AE && who->kind == ID_CSE);
    return OK;
}

enum err rights_ask(struct run *r, const struct id *who, const struct row *row, unsigned op, unsigned child_ty,
                    bool *yes)
{
    struct row up;
    *yes = r->x->self || (who->kind != ID_BAD && id_same(who, &r->c->admin));
    if (*yes)
        return OK;
    const struct type_hook *own = type_hook(row->ty);
    if (own && own->may)
        return own->may(r, who, row, op, child_ty, yes);
    if (row->ty == TY_ACP) {
        const struct policy *p;
        struct acr_ask q = question(r, who, row, op, child_ty);
        TRY(policy_of(r, row, &p));
        *yes = acr_ask_set(p->pvs, &q) == ACR_PERMIT;
        return OK;
    }
    const struct type *t = type_of(row->ty);
    if (!(t->flags & TF_ACPI)) {
        if (r->holder.rid == row->pid) {
            up = r->holder;
        } else {
            TRY(store_get(r->t, row->pid, r->a, &up));
        }
        row = &up;
    }
    const struct gate *g;
    TRY(gate_of(r, row, &g));
    if (!g->acpi)
        return ask_default(r, who, row, g->custodian, op, child_ty, yes);
    struct acr_ask q = question(r, who, row, op, child_ty);
    return ask_list(r, g->acpi, &q, false, yes);
}

enum err rights_acpi(struct run *r, const struct row *row, bool *yes)
{
    const struct gate *g;
    *yes = run_is_admin(r);
    if (*yes)
        return OK;
    TRY(gate_of(r, row, &g));
    if (!g->acpi)
        return ask_default(r, &r->q->from, row, g->custodian, ACOP_UPDATE, 0, yes);
    struct acr_ask q = question(r, &r->q->from, row, ACOP_UPDATE, 0);
    return ask_list(r, g->acpi, &q, true, yes);
}

/* ---- the step ------------------------------------------------------------------------------------ */

/* Registration decides for itself (make.c and the hooks): procedures.md 4.9. */
static bool registers(const struct run *r)
{
    return r->q->op == OP_CREATE && (r->q->ty == TY_AE || r->q->ty == TY_CSR);
}

/* disr: instances cannot be read or deleted; for la and ol it is looked at together with the rights. */
static enum says check_disr(struct run *r)
{
    const struct gate *g;
    if (r->target.ty != TY_CIN || (r->q->op != OP_RETRIEVE && r->q->op != OP_DELETE) || !r->holder.rid)
        return MORE;
    STEP_TRY(r, gate_of(r, &r->holder, &g));
    if (g->disr)
        return refuse(r, RSC_OPERATION_NOT_ALLOWED, SPAN("disr"),
                      "retrieval of the instances of this container is disabled (TS-0004 7.4.6)");
    return MORE;
}

static unsigned right_needed(const struct run *r)
{
    if (r->q->op == OP_RETRIEVE && r->q->fc && r->q->fc->fu == FU_DISCOVERY)
        return 0; /* each match is asked instead */
    if (r->q->op == OP_RETRIEVE && r->q->fc && r->q->fc->fu == FU_IPE)
        return ACOP_DISCOVERY;
    return op_acop(r->q->op);
}

enum says step_authorise(struct run *r)
{
    bool yes = true;
    unsigned op = right_needed(r);
    if (!op || registers(r) || notify_is_result(r))
        return MORE;
    bool acpi = r->q->op == OP_UPDATE && r->q->content && JSON_GET(r->q->content, "acpi");
    if (r->q->op == OP_CREATE && r->q->ty == TY_PCH)
        yes = poll_may_make(r);
    else if (acpi && (type_of(r->target.ty)->flags & TF_ACPI))
        STEP_TRY(r, rights_acpi(r, &r->target, &yes));
    else
        STEP_TRY(r, rights_ask(r, &r->q->from, &r->target, op, r->q->ty, &yes));
    if (!yes && notify_is_verification(r))
        return refuse(r, RSC_SUBSCRIPTION_HOST_HAS_NO_PRIVILEGE, SPAN("fr"),
                      "the CSE that hosts the subscription may not NOTIFY this target (TS-0004 7.4.8.2.1)");
    if (!yes)
        return refuse(
            r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("fr"),
            "no access control policy of the target permits this operation to the originator (TS-0004 7.3.3.15)");
    return check_disr(r);
}
