/* enroll.c - S-type AE-ID-Stems at an MN-CSE or ASN-CSE (TS-0001 10.2.2.2): before the AE is made, the IN-CSE is asked
 * for its stem by an AEAnnc, which later tells where the AE is. "S": CREATE, the IN-CSE chooses. "Sxyz": UPDATE of the
 * AEAnnc of that stem, or CREATE when there is none. A refusal of the IN-CSE is the answer of the registration. */
#include "cse/enroll.h"

#include "cse/annc.h"
#include "cse/errand.h"
#include "cse/prelude.h"

/* ---- who is asked --------------------------------------------------------------------------------- */

static bool is_s(const struct run *r)
{
    struct span fr = prim_text(r->q, PA_fr);
    if (!fr.n)
        return r->c->conf.admission.empty_is_s;
    return r->q->from.kind == ID_AE_S || fr.p[0] == 'S' || (fr.n >= 2 && fr.p[0] == '/' && fr.p[1] == 'S');
}

bool enroll_wanted(struct run *r)
{
    return r->q->op == OP_CREATE && r->q->ty == TY_AE && r->c->conf.role != ROLE_IN && is_s(r);
}

/* The IN-CSE: as configured, as the registrar's CSEBase says, else the registrar. */
struct span enroll_in_cse(struct run *r)
{
    const struct cse_conf *k = &r->c->conf;
    struct row csr;
    struct attrs at;
    int64_t cst = 0;
    if (k->in_csi.n || k->role == ROLE_IN)
        return k->in_csi.n ? k->in_csi : k->self.csi;
    if (find_cse(r, k->parent_csi, &csr) != OK || name_attrs(&csr, r->a, &at) != OK)
        return k->parent_csi;
    const struct jval *type = attrs_get(&at, AT_cst);
    struct span ici = attrs_text(&at, AT_ici, r->a);
    if (type && json_i64(type, &cst) == OK && cst == ROLE_IN)
        return k->parent_csi;
    return ici.n ? ici : k->parent_csi;
}

/* ---- what is sent --------------------------------------------------------------------------------- */

struct enrolment {
    struct run *r;
    struct errand *e;
    struct span in;   /* CSE-ID of the IN-CSE */
    struct span stem; /* "S": any */
    bool create;
};

/* Where the AE will be. While it has no stem, its place in the tree is the only thing that is known. */
static struct span future_link(struct enrolment *n, struct arena *a)
{
    struct text t;
    struct run *r = n->r;
    struct span rn = attrs_text(&r->in, AT_rn, a);
    text_init(&t, a);
    buf_put(&t.b, r->c->conf.self.csi);
    buf_c(&t.b, '/');
    if (n->stem.n > 1) {
        buf_put(&t.b, n->stem);
        return buf_span(&t.b);
    }
    buf_put(&t.b, r->c->conf.self.base);
    buf_c(&t.b, '/');
    if (rn.n)
        buf_put(&t.b, rn);
    else
        name_put_rn(&t.b, &(struct row){.rid = r->reserved, .ty = TY_AE});
    return buf_span(&t.b);
}

static void put_label(struct jw *w, const struct run *r, struct arena *a)
{
    const struct assoc *as = &r->q->assoc;
    bool known = as->secured && as->kind == ASSOC_AE && as->n_ids;
    JW_NAME(w, "lbl");
    jw_arr(w);
    jw_str(w, arena_join(a, SPAN("Credential-ID:"), known ? as->ids[0] : SPAN_NONE));
    jw_end_arr(w);
}

static struct span content(struct enrolment *n, struct arena *a)
{
    struct text t;
    struct run *r = n->r;
    const struct jval *api = attrs_get(&r->in, AT_api), *et = attrs_get(&r->in, AT_et);
    int64_t most = r->now + (r->c->conf.et_max ? r->c->conf.et_max : ET_DEFAULT);
    text_init(&t, a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:aeA");
    jw_obj(&w);
    JW_STR(&w, "lnk", future_link(n, a));
    JW_STR(&w, "et", et && et->type == J_STR ? name_text(et, a) : name_time_s(most, a));
    put_label(&w, r, a);
    if (api) {
        JW_NAME(&w, "api");
        jw_raw(&w, api->raw);
    }
    jw_end_obj(&w);
    jw_end_obj(&w);
    return buf_span(&t.b);
}

static void over(struct errand *e);

static enum err ask(struct enrolment *n)
{
    struct run *r = n->r;
    struct span to = arena_join(r->a, n->in, n->create ? SPAN("/-") : SPAN("/"));
    if (!n->create)
        to = arena_join(r->a, to, n->stem);
    struct errand *e = n->e = errand_new(r->c, NULL, r->x->loop, n->create ? OP_CREATE : OP_UPDATE, to);
    if (!e)
        return ERR_NOMEM;
    e->x.self = false;
    prim_set(&e->q, PA_fr, arena_join(&e->a, arena_join(&e->a, r->c->conf.self.csi, SPAN("/")), n->stem));
    if (n->create)
        errand_type(e, TY_AE_A);
    errand_content(e, content(n, &e->a));
    e->over = over;
    e->ctx = n;
    errand_go(e);
    return OK;
}

/* ---- what comes back ------------------------------------------------------------------------------ */

/* The stem is the identifier of the AEAnnc: "Sx", or "/id-in/Sx". */
static struct span stem_of(struct run *r, const struct prim *rsp)
{
    const struct jval *o;
    if (!rsp->pc.n || name_parse(arena_dup(r->a, rsp->pc), r->a, &o) != OK || o->type != J_OBJ || !o->child)
        return SPAN_NONE;
    const struct jval *ri = JSON_GET(o->child, "ri");
    struct span id = ri ? name_text(ri, r->a) : SPAN_NONE;
    size_t at = span_rfind(id, '/');
    return at < id.n ? span_from(id, at + 1) : id;
}

static void over(struct errand *e)
{
    struct enrolment *n = e->ctx;
    struct run *r = n->r;
    unsigned rsc = e->x.rsp->rsc;
    struct span stem = rsc_ok(rsc) && n->create ? stem_of(r, e->x.rsp) : n->stem;
    errand_free(e);
    if (rsc_ok(rsc) && stem.n > 1 && stem.p[0] == 'S') {
        r->granted = stem;
        prelude_over(r);
    } else if (rsc == RSC_NOT_FOUND && !n->create) {
        n->create = true;
        if (ask(n) != OK)
            prelude_fail(r, verdict_of(RSC_INTERNAL_SERVER_ERROR, SPAN("fr"), "no memory"));
    } else {
        prelude_fail(r, verdict_of(rsc_ok(rsc) ? RSC_TARGET_NOT_REACHABLE : (enum rsc)rsc, SPAN("fr"),
                                   "the IN-CSE gives no S-type AE-ID-Stem (TS-0001 10.2.2.2)"));
    }
}

enum says enroll_start(struct run *r)
{
    struct enrolment *n = ARENA_NEW(r->a, struct enrolment);
    if (!n)
        return oops(r, ERR_NOMEM);
    *n = (struct enrolment){.r = r, .in = enroll_in_cse(r), .stem = r->aei.n ? r->aei : SPAN("S")};
    n->create = n->stem.n == 1;
    if (n->create && !attrs_get(&r->in, AT_rn) && !r->reserved)
        return prelude_reserve(r);
    STEP_TRY(r, ask(n));
    return WAIT;
}

/* ---- it leaves ------------------------------------------------------------------------------------ */

enum err enroll_gone(struct run *r, const struct row *row)
{
    int64_t id;
    struct span in;
    if (row->ty != TY_AE || !row->alias.n || row->alias.p[0] != 'S' || r->c->conf.role == ROLE_IN)
        return OK;
    in = enroll_in_cse(r);
    struct annc_note n = {.op = OP_UPDATE, .how = ANNC_ENROLLED, .cse = in};
    struct span to = arena_join(r->a, arena_join(r->a, in, SPAN("/")), row->alias);
    return annc_put(r, row->rid, to, SPAN("{\"m2m:aeA\":{\"lnk\":\"INACTIVE\"}}"), &n, &id);
}
