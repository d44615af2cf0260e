/* crs_make.c - the subscriptions of a crossResourceSubscription, made as its creator before its CREATE is answered
 * (TS-0004 7.4.58.2.1). One after the other; the first failure takes everything back, newest first. */
#include "cse/crs.h"
#include "cse/errand.h"
#include "cse/patch.h"
#include "cse/prelude.h"

struct made {
    struct span id;   /* subscription, SP-relative where that can be told */
    struct span undo; /* content of the UPDATE that takes back; empty: DELETE */
};

struct making {
    struct run *r;
    struct span id;                 /* of the crossResourceSubscription */
    const struct jval *rrat, *srat; /* what comes next of each; NULL: all done */
    const struct jval *enc;
    struct made made[CRS_TARGETS_MAX];
    size_t n, nrrat;
    bool failed;
    struct exch x; /* the writer's visit at the end */
    struct span pc;
};

static void go_on(struct making *m);

/* ---- what is asked -------------------------------------------------------------------------------- */

static void put_copies(struct making *m, struct jw *w)
{
    static const struct {
        enum attr a;
    } same[] = {{AT_nec}, {AT_et}};
    for (size_t i = 0; i < LEN(same); i++) {
        const struct jval *v = attrs_get(&m->r->in, same[i].a);
        if (v && v->type != J_NULL)
            jw_name(w, v->key), jw_raw(w, v->raw);
    }
}

static void put_self(struct making *m, struct jw *w, struct span name, const struct jval *old)
{
    jw_name(w, name);
    jw_arr(w);
    for (const struct jval *v = old ? old->child : NULL; v; v = v->next)
        if (!json_is(v, m->id))
            jw_raw(w, v->raw);
    jw_str(w, m->id);
    jw_end_arr(w);
}

static struct span subscription(struct making *m)
{
    struct text t;
    text_init(&t, m->r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:sub");
    jw_obj(&w);
    put_self(m, &w, SPAN("nu"), NULL);
    put_self(m, &w, SPAN("acrs"), NULL);
    JW_NAME(&w, "enc");
    jw_raw(&w, m->enc->raw);
    put_copies(m, &w);
    jw_end_obj(&w);
    jw_end_obj(&w);
    return buf_span(&t.b);
}

/* nu and acrs of a subscription as they are, or with this resource in both. */
static struct span lists(struct making *m, const struct jval *sub, bool with)
{
    struct text t;
    const struct jval *nu = JSON_GET(sub, "nu"), *acrs = JSON_GET(sub, "acrs");
    text_init(&t, m->r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:sub");
    jw_obj(&w);
    if (with) {
        put_self(m, &w, SPAN("nu"), nu);
        put_self(m, &w, SPAN("acrs"), acrs);
    } else {
        JW_NAME(&w, "nu");
        jw_raw(&w, nu->raw);
        JW_NAME(&w, "acrs");
        jw_raw(&w, acrs ? acrs->raw : SPAN("null"));
    }
    jw_end_obj(&w);
    jw_end_obj(&w);
    return buf_span(&t.b);
}

static bool send(struct making *m, enum op op, struct span to, struct span pc, void (*over)(struct errand *e))
{
    struct errand *e = errand_new(m->r->c, m->r, m->r->x->loop, op, to);
    if (!e)
        return false;
    e->ctx = m;
    e->over = over;
    if (op == OP_CREATE)
        errand_type(e, TY_SUB);
    if (pc.n)
        errand_content(e, pc);
    errand_go(e);
    return true;
}

/* ---- what is answered ------------------------------------------------------------------------------ */

/* The object inside the root of an answer, copied; NULL: it has none. */
static const struct jval *inside(struct making *m, const struct errand *e)
{
    const struct jval *v;
    struct span pc = arena_dup(m->r->a, e->x.rsp->pc);
    return pc.n && name_parse(pc, m->r->a, &v) == OK ? v->child : NULL;
}

/* "/csi/ri" of what was made below `to`. */
static struct span address_of(struct making *m, struct span to, const struct jval *sub)
{
    struct addr at;
    struct text t;
    const char *why;
    const struct self *me = &m->r->c->conf.self;
    text_init(&t, m->r->a);
    if (addr_parse(to, me, &m->r->c->conf.sw, &at, &why) != OK)
        return SPAN_NONE;
    if (at.where == ADDR_OTHER_SP)
        buf_put(&t.b, at.sp);
    buf_put(&t.b, at.where == ADDR_HERE ? me->csi : at.csi);
    buf_c(&t.b, '/');
    buf_put(&t.b, name_text(JSON_GET(sub, "ri"), m->r->a));
    return buf_span(&t.b);
}

static void created(struct errand *e)
{
    struct making *m = e->ctx;
    const struct jval *sub = rsc_ok(e->x.rsp->rsc) ? inside(m, e) : NULL;
    struct span id = sub ? address_of(m, prim_text(&e->q, PA_to), sub) : SPAN_NONE;
    if (id.n)
        m->made[m->n++] = (struct made){.id = id};
    else
        m->failed = true;
    errand_free(e);
    go_on(m);
}

static void joined(struct errand *e)
{
    struct making *m = e->ctx;
    if (rsc_ok(e->x.rsp->rsc))
        m->n++; /* made[n] was prepared */
    else
        m->failed = true;
    errand_free(e);
    go_on(m);
}

static void read_sub(struct errand *e)
{
    struct making *m = e->ctx;
    struct span to = arena_dup(m->r->a, prim_text(&e->q, PA_to));
    const struct jval *sub = rsc_ok(e->x.rsp->rsc) ? inside(m, e) : NULL;
    m->failed = !sub || !span_eq(sub->key, SPAN("m2m:sub")) || !JSON_GET(sub, "nu");
    errand_free(e);
    if (!m->failed) {
        m->made[m->n] = (struct made){.id = to, .undo = lists(m, sub, false)};
        m->failed = !send(m, OP_UPDATE, to, lists(m, sub, true), joined);
    }
    if (m->failed)
        go_on(m);
}

/* ---- the end --------------------------------------------------------------------------------------- */

static void undone(struct errand *e)
{
    struct making *m = e->ctx;
    errand_free(e);
    go_on(m);
}

static void refused(struct errand *e)
{
    struct making *m = e->ctx;
    errand_free(e);
    refuse(m->r, RSC_CROSS_RESOURCE_OPERATION_FAILURE, m->nrrat ? SPAN("rrat") : SPAN("srat"),
           "a subscription on one of the targets could not be made or joined (TS-0004 7.4.58.2.1)");
    run_answer(m->r);
}

static void take_back(struct making *m)
{
    struct run *r = m->r;
    if (m->n > 0) {
        struct made *d = &m->made[--m->n];
        if (!send(m, d->undo.n ? OP_UPDATE : OP_DELETE, d->id, d->undo, undone))
            go_on(m);
        return;
    }
    struct errand *e = errand_new(r->c, NULL, r->x->loop, OP_DELETE, m->id);
    if (!e) {
        oops(r, ERR_NOMEM);
        run_answer(r);
        return;
    }
    e->ctx = m;
    e->over = refused;
    errand_go(e);
}

/* On the writer: rrats, in the order of rrat, and the first window. */
static enum err record(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct making *m = x->door;
    struct run *r = m->r, w = {.c = c, .x = x, .q = r->q, .a = r->a, .t = t, .slot = STORE_SLOTS_MAX};
    struct row row;
    struct attrs at;
    struct text list;
    w.now = c->w.now(c->w.ctx);
    enum err e = store_get(t, r->out.rid, r->a, &row);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e; /* deleted meanwhile */
    text_init(&list, r->a);
    struct jw j = jw_over(&list.b);
    jw_arr(&j);
    for (size_t i = 0; i < m->nrrat; i++)
        jw_str(&j, m->made[i].id);
    jw_end_arr(&j);
    if (m->nrrat)
        TRY(patch_row(&w, &row, &(struct patch){SPAN("rrats"), buf_span(&list.b)}, 1));
    TRY(name_attrs(&row, r->a, &at));
    TRY(crs_begin(&w, &row, &at));
    return view_text(&w, &row, &m->pc);
}

static void recorded(struct exch *x)
{
    struct making *m = x->door;
    struct run *r = m->r;
    if (x->wrote != OK) {
        m->failed = true;
        go_on(m);
        return;
    }
    if (m->pc.n && (r->q->rcn == RCN_DEFAULT || r->q->rcn == RCN_ATTRIBUTES))
        r->x->rsp->pc = m->pc;
    postlude_over(r);
}

static bool finish(struct making *m)
{
    m->x = (struct exch){
        .arena = m->r->a, .self = true, .loop = m->r->x->loop, .done = recorded, .door = m, .job = record};
    return m->r->c->w.enqueue(m->r->c->w.ctx, &m->x);
}

static bool next(struct making *m)
{
    const struct jval *v = m->rrat ? m->rrat : m->srat;
    if (!v)
        return finish(m);
    if (!m->rrat) {
        m->srat = v->next;
        return send(m, OP_RETRIEVE, name_text(v, m->r->a), SPAN_NONE, read_sub);
    }
    struct span pc = subscription(m);
    m->rrat = v->next;
    m->enc = m->enc->next ? m->enc->next : m->enc;
    return send(m, OP_CREATE, name_text(v, m->r->a), pc, created);
}

static void go_on(struct making *m)
{
    m->failed = m->failed || !next(m);
    if (m->failed)
        take_back(m);
}

static const struct jval *first(const struct jval *list)
{
    return list ? list->child : NULL;
}

static void forgotten(struct errand *e)
{
    errand_free(e);
}

/* Deleted by a request: subscriptions on other CSEs are deleted there, whatever they answer. */
static void end_elsewhere(struct run *r)
{
    struct attrs at;
    struct addr to;
    const char *why;
    if (name_attrs(&r->target, r->a, &at) != OK)
        return;
    for (const struct jval *v = first(attrs_get(&at, AT_rrats)); v; v = v->next) {
        struct span id = name_text(v, r->a);
        if (addr_parse(id, &r->c->conf.self, &r->c->conf.sw, &to, &why) != OK || to.where == ADDR_HERE)
            continue;
        struct errand *e = errand_new(r->c, r, r->x->loop, OP_DELETE, id);
        if (!e)
            return;
        e->over = forgotten;
        errand_go(e);
    }
}

bool crs_hold(struct run *r)
{
    if (r->q->op == OP_DELETE && r->target.ty == TY_CRS)
        end_elsewhere(r);
    if (r->q->op != OP_CREATE || r->out.ty != TY_CRS)
        return false;
    struct making *m = ARENA_NEW(r->a, struct making);
    if (!m) {
        oops(r, ERR_NOMEM);
        return false;
    }
    *m = (struct making){.r = r,
                         .id = crs_address(r, &r->out),
                         .rrat = first(attrs_get(&r->in, AT_rrat)),
                         .srat = first(attrs_get(&r->in, AT_srat)),
                         .enc = first(JSON_GET(attrs_get(&r->in, AT_encs), "encn"))};
    m->nrrat = m->rrat ? attrs_get(&r->in, AT_rrat)->n : 0;
    go_on(m);
    return true;
}
