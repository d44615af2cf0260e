/* rights.c - may the originator do that? (TS-0004 7.3.3.15, TS-0001 9.6.1.3.2, TS-0003 7.1)
 *
 *   the administrator                         yes
 *   a type without acpi (contentInstance ...) its parent decides
 *   an accessControlPolicy                    its own pvs
 *   acpi has entries                          any rule of any policy listed; ids of deleted ones grant nothing, those
 * of other CSEs what was fetched for this very request (consult.c) a token                                   its
 * privileges, for the resources that it names an authorization server (daci)            what it granted, as long as it
 * said acpi not set                              the custodian, else the originator of the CREATE, and nobody else
 *   CSEBase without acpi                      the administrator; besides, what switch 22 opens
 *   NOTIFY from a CSE to an AE without acpi   yes: "hosting CSE may always NOTIFY" (TS-0003 7.1); forwarded notices
 *                                             come from the CSE that hosts the subscription
 *
 * Policies are compiled once per thread and kept as long as their text does not change: the text is compared, so a
 * cache can never be older than the row. The same holds for gates, which are what a resource itself says about access:
 * to parse its text again for every request would be a third of the work of a RETRIEVE. */
#include <stdlib.h>
#include <string.h>

#include "cse/access.h"
#include "cse/annc.h"
#include "cse/crs.h"
#include "cse/esprim.h"
#include "cse/group.h"
#include "cse/poll.h"
#include "host/heap.h"
#include "m2m/region.h"

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
    const struct jval *daci; /* NULL: not set */
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
    const struct jval *acpi = attrs_get(&at, AT_acpi), *disr = attrs_get(&at, AT_disr), *daci = attrs_get(&at, AT_daci);
    g->acpi = acpi && acpi->type == J_ARR && acpi->n > 0 ? acpi : NULL;
    g->daci = daci && daci->type == J_ARR && daci->n > 0 ? daci : NULL;
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

static bool same(const struct run *r, const struct id *who, struct span text)
{
    struct id other = id_parse(text, &r->c->conf.self);
    return text.n && id_same(who, &other);
}

/* rq_authn (TS-0003 table 7.1.5-1): the peer of the security association itself, and whoever an ESPrim Object came
 * from. What a CSE forwards for others in clear is not, another CSE's request included. */
static bool is_authenticated(const struct run *r, const struct id *who)
{
    const struct assoc *as = &r->q->assoc;
    if (r->x->proven && who == &r->q->from)
        return true;
    if (!as->secured)
        return false;
    return as->kind == ASSOC_AE ||
           (as->kind == ASSOC_CSE && as->n_ids && who->kind == ID_CSE && same(r, who, as->ids[0]));
}

/* A question to policies, with what the answers may need to know. */
struct asking {
    struct acr_ask q;
    struct run *r;
    const struct row *row;
    const struct id *who;
};

static enum acr_member ask_member(void *ctx, struct span entry, const struct id *who)
{
    return member_of(((struct asking *)ctx)->r, entry, who);
}

/* Where the originator's AE says that it is (location, Release 4): a point. */
static bool ask_place(void *ctx, double *lat, double *lon)
{
    struct asking *k = ctx;
    struct row ae;
    struct attrs at;
    uint64_t typ;
    if (!id_ours(k->who, &k->r->c->conf.self) || find_ae(k->r, k->who->stem, &ae) != OK ||
        name_attrs(&ae, k->r->a, &at) != OK)
        return false;
    const struct jval *loc = attrs_get(&at, AT_loc);
    if (loc && loc->type == J_ARR)
        loc = loc->child;
    return json_u64(JSON_GET(loc, "typ"), 1, &typ) == OK && typ == 1 &&
           region_point(name_text(JSON_GET(loc, "crd"), k->r->a), lat, lon) == OK;
}

/* Has the object this specialization? 0: it has none at all, -1: another, 1: this one. */
static int special_of(const struct jval *object, struct span cnd, uint64_t mgd)
{
    uint64_t v;
    const struct jval *jc = JSON_GET(object, "cnd"), *jm = JSON_GET(object, "mgd");
    if (!jc && !jm)
        return 0;
    return (cnd.n ? json_is(jc, cnd) : jm && json_u64(jm, UINT32_MAX, &v) == OK && v == mgd) ? 1 : -1;
}

/* TS-0001 9.6.2.4 compares spty with the target, TS-0003 7.1.5 with what is created: whichever of them has a
 * specialization must have this one, and one of them must. */
static bool ask_special(void *ctx, struct span cnd, uint64_t mgd)
{
    struct asking *k = ctx;
    const struct jval *body;
    if (name_parse(k->row->body, k->r->a, &body) != OK)
        return false;
    int there = special_of(body, cnd, mgd), made = special_of(k->r->q->content, cnd, mgd);
    return there >= 0 && made >= 0 && there + made > 0;
}

/* The address is that of the peer: for requests that a CSE forwards, nobody knows the originator's. */
static bool from_peer(const struct run *r, const struct id *who)
{
    const struct assoc *as = &r->q->assoc;
    if (as->kind == ASSOC_CSE)
        return who->kind == ID_CSE && as->n_ids && same(r, who, as->ids[0]);
    return as->secured || who->kind == ID_CSE || who->kind == ID_OPAQUE || id_ours(who, &r->c->conf.self);
}

static enum err question(struct run *r, const struct id *who, const struct row *row, unsigned op, unsigned child_ty,
                         struct asking *k)
{
    const struct assoc *as = &r->q->assoc;
    const struct claims *claims = NULL;
    *k = (struct asking){.r = r, .row = row, .who = who};
    k->q = (struct acr_ask){
        .self = &r->c->conf.self,
        .who = *who,
        .authenticated = is_authenticated(r, who),
        .op = (uint8_t)op,
        .ip_family = from_peer(r, who) ? as->ip_family : 0,
        .ty = (uint16_t)row->ty,
        .child_ty = (uint16_t)child_ty,
        .now = r->now,
        .group = ask_member,
        .place = ask_place,
        .special = ask_special,
        .ctx = k,
    };
    memcpy(k->q.ip, as->ip, sizeof k->q.ip);
    if (who == &r->q->from)
        TRY(claims_of(r, &claims));
    if (claims) {
        k->q.roles = claims->roles;
        k->q.n_roles = claims->n_roles;
    }
    return OK;
}

/* The rules of one entry of acpi; NULL: it grants nothing. self: pvs. */
static enum err rules_of(struct run *r, struct span id, bool self, const struct acr_set **out)
{
    struct row row;
    const struct policy *p;
    *out = NULL;
    enum err e = find_text(r, id, &row);
    if (e == ERR_UNREACHABLE && !self)
        *out = consult_policy(r, id);
    if (e == ERR_NOTFOUND || e == ERR_UNREACHABLE || e == ERR_SYNTAX || (e == OK && row.ty != TY_ACP))
        return OK;
    TRY(e);
    TRY(policy_of(r, &row, &p));
    *out = self ? p->pvs : p->pv;
    return OK;
}

/* Does any policy of the list grant? self: by their pvs. */
static enum err ask_list(struct run *r, const struct jval *acpi, const struct acr_ask *q, bool self, bool *yes)
{
    for (const struct jval *v = acpi->child; v; v = v->next) {
        const struct acr_set *set;
        TRY(rules_of(r, name_text(v, r->a), self, &set));
        enum acr_answer say = set ? acr_ask_set(set, q) : ACR_DENY;
        *yes = say == ACR_PERMIT;
        if (say != ACR_DENY)
            return OK;
    }
    return OK;
}

/* A token's permissions: privileges, for the resources that it names or for all. */
static bool names_row(struct run *r, const struct jval *ris, const struct row *row)
{
    for (const struct jval *v = ris && ris->type == J_ARR ? ris->child : NULL; v; v = v->next) {
        struct row it;
        if (find_text(r, name_text(v, r->a), &it) == OK && it.rid == row->rid)
            return true;
    }
    return !ris;
}

static enum err ask_token(struct run *r, const struct jval *tkps, const struct asking *k, bool *yes)
{
    const struct jval *pm = JSON_GET(tkps, "pm");
    for (const struct jval *p = pm && pm->type == J_ARR ? pm->child : NULL; p && !*yes; p = p->next) {
        const struct acr_set *set;
        const struct jval *pv = JSON_GET(p, "pv");
        if (!pv || !names_row(r, JSON_GET(p, "ris"), k->row))
            continue;
        enum err e = acr_compile(pv, r->a, &set);
        if (e == ERR_NOMEM)
            return e;
        *yes = e == OK && acr_ask_set(set, &k->q) == ACR_PERMIT;
    }
    return OK;
}

/* What only this request can bring with it: tokens, and grants of an authorization server. */
static enum err ask_beyond(struct run *r, const struct asking *k, const struct jval *daci, bool *yes)
{
    if (*yes || k->who != &r->q->from)
        return OK;
    for (size_t i = 0; r->claims && i < r->claims->n_tokens && !*yes; i++)
        TRY(ask_token(r, r->claims->tokens[i], k, yes));
    return *yes || !daci ? OK : consult_granted(r, k->row, daci, &k->q, yes);
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

/* Whose policies decide about the row: itself, or the nearest parent of a type that has policies. */
static enum err decider(struct run *r, const struct row **row, struct row *up)
{
    while (!(type_of((*row)->ty)->flags & TF_ACPI) && (*row)->ty != TY_ACP && (*row)->pid) {
        if (r->holder.rid == (*row)->pid)
            *up = r->holder;
        else
            TRY(store_get(r->t, (*row)->pid, r->a, up));
        *row = up;
    }
    return OK;
}

enum err rights_ask(struct run *r, const struct id *who, const struct row *row, unsigned op, unsigned child_ty,
                    bool *yes)
{
    struct row up;
    struct asking k;
    const struct type_hook *h = type_hook(row->ty);
    *yes = r->x->self || (who->kind != ID_BAD && id_same(who, &r->c->admin));
    if (*yes)
        return OK;
    if (h && h->may)
        return h->may(r, who, row, op, child_ty, yes);
    TRY(decider(r, &row, &up));
    if (row->ty == TY_ACP) {
        const struct policy *p;
        TRY(question(r, who, row, op, child_ty, &k));
        TRY(policy_of(r, row, &p));
        *yes = acr_ask_set(p->pvs, &k.q) == ACR_PERMIT;
        return OK;
    }
    const struct gate *g; /* asking policies opens no other gate */
    TRY(gate_of(r, row, &g));
    TRY(question(r, who, row, op, child_ty, &k));
    TRY(g->acpi ? ask_list(r, g->acpi, &k.q, false, yes) : ask_default(r, who, row, g->custodian, op, child_ty, yes));
    return ask_beyond(r, &k, g->daci, yes);
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
    struct asking k;
    TRY(question(r, &r->q->from, row, ACOP_UPDATE, 0, &k));
    return ask_list(r, g->acpi, &k.q, true, yes);
}

enum err rights_fan(struct run *r, const struct row *group, unsigned op, unsigned child_ty, bool *yes)
{
    struct attrs at;
    struct asking k;
    *yes = run_is_admin(r);
    TRY(name_attrs(group, r->a, &at));
    const struct jval *macp = attrs_get(&at, AT_macp);
    if (*yes || !macp || macp->type != J_ARR || !macp->n)
        return *yes ? OK : rights_ask(r, &r->q->from, group, op, child_ty, yes);
    TRY(question(r, &r->q->from, group, op, child_ty, &k));
    TRY(ask_list(r, macp, &k.q, false, yes));
    return ask_beyond(r, &k, attrs_get(&at, AT_daci), yes);
}

enum err rights_daci(struct run *r, const struct row **row, struct row *up, const struct jval **daci)
{
    const struct gate *g;
    *daci = NULL;
    TRY(decider(r, row, up));
    if ((*row)->ty == TY_ACP)
        return OK;
    TRY(gate_of(r, *row, &g));
    *daci = g->daci;
    return OK;
}

/* ---- attributes (accessControlAttributes, Release 4) ---------------------------------------------- */

/* Names that rules open to the originator. */
struct opened {
    struct span v[64];
    size_t n;
};

static void take_name(void *ctx, struct span name)
{
    struct opened *o = ctx;
    if (o->n < LEN(o->v))
        o->v[o->n++] = name;
}

static bool is_open(const struct opened *o, struct span name)
{
    for (size_t i = 0; i < o->n; i++)
        if (span_eq(o->v[i], name))
            return true;
    return false;
}

static enum err ask_attrs(struct run *r, unsigned op, struct opened *o)
{
    struct row up;
    struct asking k;
    const struct gate *g;
    const struct row *row = &r->target;
    TRY(decider(r, &row, &up));
    if (row->ty == TY_ACP)
        return OK; /* its own policy opens it as a whole */
    TRY(gate_of(r, row, &g));
    if (!g->acpi)
        return OK;
    TRY(question(r, &r->q->from, row, op, 0, &k));
    for (const struct jval *v = g->acpi->child; v; v = v->next) {
        const struct acr_set *set;
        TRY(rules_of(r, name_text(v, r->a), false, &set));
        if (set && acr_ask_attrs(set, &k.q, take_name, o) == ACR_REFUSE) {
            o->n = 0;
            return OK;
        }
    }
    return OK;
}

/* A RETRIEVE of the whole becomes one of what is open; false: nothing of it is there, or it wants more than attributes.
 */
static enum err narrow_retrieve(struct run *r, const struct opened *o, bool *yes)
{
    struct text whole;
    const struct jval *v;
    unsigned rcn = r->q->rcn;
    if ((rcn != RCN_DEFAULT && rcn != RCN_ATTRIBUTES) || (r->q->fc && (r->q->fc->have & ~FC_HANDLING)))
        return OK;
    for (size_t i = 0; i < r->q->atrl.n; i++)
        if (!is_open(o, r->q->atrl.v[i]))
            return OK;
    *yes = r->q->atrl.n > 0;
    if (*yes)
        return OK;
    struct span *names = ARENA_ARRAY(r->a, struct span, o->n);
    text_init(&whole, r->a);
    view_put_object(r, &whole.b, &r->target);
    TRY(names ? whole.b.e : ERR_NOMEM);
    TRY(name_parse(buf_span(&whole.b), r->a, &v));
    for (size_t i = 0; i < o->n; i++)
        if (json_get(v, o->v[i]))
            names[r->q->atrl.n++] = o->v[i];
    r->q->atrl.v = names;
    *yes = r->q->atrl.n > 0;
    return OK;
}

/* An UPDATE of open attributes alone; its answer shows no others. */
static bool narrow_update(struct run *r, const struct opened *o)
{
    const struct jval *v = r->q->content ? r->q->content->child : NULL;
    bool yes = v != NULL && !r->q->fc;
    for (; v && yes; v = v->next)
        yes = is_open(o, v->key);
    if (yes && r->q->rcn != RCN_NOTHING)
        r->q->rcn = RCN_MODIFIED;
    return yes;
}

/* The whole is denied: is a part open? */
static enum err ask_part(struct run *r, bool *yes)
{
    struct opened o = {.n = 0};
    if (*yes || (r->q->op != OP_RETRIEVE && r->q->op != OP_UPDATE))
        return OK;
    TRY(ask_attrs(r, op_acop(r->q->op), &o));
    if (!o.n)
        return OK;
    if (r->q->op == OP_RETRIEVE)
        return narrow_retrieve(r, &o, yes);
    *yes = narrow_update(r, &o);
    return OK;
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

static enum err ask_target(struct run *r, unsigned op, bool *yes)
{
    bool acpi = r->q->op == OP_UPDATE && r->q->content && JSON_GET(r->q->content, "acpi");
    if (r->q->op == OP_CREATE && r->q->ty == TY_PCH) {
        *yes = poll_may_make(r);
        return OK;
    }
    if (acpi && (type_of(r->target.ty)->flags & TF_ACPI))
        return rights_acpi(r, &r->target, yes);
    TRY(rights_ask(r, &r->q->from, &r->target, op, r->q->ty, yes));
    return ask_part(r, yes);
}

static bool wants_tokens(const struct run *r)
{
    struct span tqi = prim_text(r->q, PA_tqi);
    return prim_has(r->q, PA_tqi) && (span_eq(tqi, SPAN("true")) || span_eq(tqi, SPAN("1")));
}

static enum says deny(struct run *r)
{
    struct span info = SPAN_NONE;
    if (notify_is_verification(r))
        return refuse(r, RSC_SUBSCRIPTION_HOST_HAS_NO_PRIVILEGE, SPAN("fr"),
                      "the CSE that hosts the subscription may not NOTIFY this target (TS-0004 7.4.8.2.1)");
    if (wants_tokens(r))
        STEP_TRY(r, consult_token_info(r, &info));
    if (info.n) {
        view_answer(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, info);
        return DONE;
    }
    return refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("fr"),
                  "no access control policy of the target permits this operation to the originator (TS-0004 7.3.3.15)");
}

enum says step_authorise(struct run *r)
{
    bool yes = true;
    unsigned op = right_needed(r);
    if (!op || registers(r) || notify_is_result(r) || esprim_is(r) || crs_is_target(r))
        return MORE;
    bool announced;
    STEP_TRY(r, annc_rights(r, &announced, &yes));
    if (announced)
        return yes ? MORE
                   : refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("fr"),
                            "an announced resource is written by the original's CSE alone (TS-0004 7.4.26.2)");
    STEP_TRY(r, ask_target(r, op, &yes));
    if (yes)
        return check_disr(r);
    enum says say = consult_start(r);
    return say == MORE ? deny(r) : say;
}
