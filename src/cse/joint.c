/* joint.c - this CSE registers at its registrar (TS-0001 10.2.2.7): CREATE remoteCSE there, or UPDATE when it is there
 * already; then the registrar gets a remoteCSE here. Tried again until it works, with back-off. From then on UPDATE
 * when the CSEs below this one change (dcse) and now and then, so that a registrar that lost us learns us anew. Loop 0.
 */
#include <stdlib.h>
#include <string.h>

#include "cse/inside.h"
#include "host/heap.h"

enum { JOINT_BLOCK = 4096, JOINT_MEM = 1 << 20, JOINT_AGAIN_MS = 5 * 60000 };

struct joint {
    enum { TO_CREATE, TO_UPDATE, TO_RECORD, JOINED } todo;
    bool busy, joined;
    int64_t next; /* not before */
    uint32_t tries;
    struct arena a;
    struct prim q; /* of the context */
    struct exch x;
    struct run r;
    struct hop hop;
};

enum err joint_new(struct cse *c)
{
    if (!c->conf.parent_url.n)
        return OK;
    c->joint = calloc(1, sizeof *c->joint);
    return c->joint ? OK : ERR_NOMEM;
}

void joint_free(struct cse *c)
{
    if (!c->joint)
        return;
    if (c->joint->busy)
        arena_reset(&c->joint->a);
    free(c->joint);
}

/* ---- what is sent -------------------------------------------------------------------------------- */

/* Our resource there is named after our CSE-ID. */
static struct span own_name(const struct cse *c)
{
    return span_from(c->conf.self.csi, 1);
}

/* CSE-IDs of the CSEs registered here and of those below them. */
static enum err put_descendants(struct cse *c, struct store_tx *t, struct arena *a, struct jw *w, size_t *n)
{
    struct rows page = {.more = true};
    for (int64_t after = 0; page.more; after = page.v[page.n - 1].rid) {
        TRY(store_find(t, FIND_TYPE, TY_CSR, SPAN_NONE, after, PAGE, false, a, &page));
        for (size_t i = 0; i < page.n; i++) {
            struct attrs at;
            if (span_eq(page.v[i].alias, c->conf.parent_csi))
                continue;
            TRY(name_attrs(&page.v[i], a, &at));
            jw_str(w, page.v[i].alias);
            ++*n;
            const struct jval *dcse = attrs_get(&at, AT_dcse);
            for (const struct jval *v = dcse ? dcse->child : NULL; v; v = v->next, ++*n)
                jw_raw(w, v->raw);
        }
        if (!page.n)
            break;
    }
    return OK;
}

/* Their list as JSON; the empty span when there is none. */
static struct span descendants(struct cse *c, struct arena *a)
{
    struct store_tx *t;
    struct text list;
    size_t n = 0;
    if (store_read(c->w.store, 0, &t) != OK)
        return SPAN_NONE;
    text_init(&list, a);
    struct jw w = jw_over(&list.b);
    jw_arr(&w);
    enum err e = put_descendants(c, t, a, &w, &n);
    jw_end_arr(&w);
    store_end(t);
    return e == OK && n > 0 ? buf_span(&list.b) : SPAN_NONE;
}

static struct span content(struct cse *c, struct arena *a, bool create)
{
    struct text t;
    struct span below = descendants(c, a);
    const struct cse_conf *k = &c->conf;
    text_init(&t, a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:csr");
    jw_obj(&w);
    if (create) {
        struct text cb;
        text_init(&cb, a);
        buf_put(&cb.b, k->self.csi);
        buf_c(&cb.b, '/');
        buf_put(&cb.b, k->self.base);
        JW_STR(&w, "rn", own_name(c));
        JW_STR(&w, "cb", buf_span(&cb.b));
        JW_STR(&w, "csi", k->self.csi);
        JW_U64(&w, "cst", k->role);
    }
    JW_BOOL(&w, "rr", k->npoa > 0);
    if (k->npoa) {
        JW_NAME(&w, "poa");
        jw_arr(&w);
        for (size_t i = 0; i < k->npoa; i++)
            jw_str(&w, k->poa[i]);
        jw_end_arr(&w);
    }
    if (below.n || !create) {
        JW_NAME(&w, "dcse");
        jw_raw(&w, below.n ? below : SPAN("null"));
    }
    JW_NAME(&w, "srv");
    jw_arr(&w);
    for (unsigned rel = REL_1; rel < REL_OTHER; rel++)
        if (k->releases >> rel & 1)
            jw_str(&w, release_text(rel));
    jw_end_arr(&w);
    jw_end_obj(&w);
    jw_end_obj(&w);
    return buf_span(&t.b);
}

static void request(struct cse *c, struct joint *j)
{
    bool create = j->todo == TO_CREATE;
    struct prim *p = &j->hop.req;
    struct text to, rqi;
    text_init(&to, &j->a);
    text_init(&rqi, &j->a);
    buf_put(&to.b, c->conf.parent_csi);
    buf_str(&to.b, "/-");
    if (!create) {
        buf_c(&to.b, '/');
        buf_put(&to.b, own_name(c));
    }
    buf_str(&rqi.b, "r-");
    buf_i64(&rqi.b, j->r.now);
    prim_init(p);
    p->op = create ? OP_CREATE : OP_UPDATE;
    prim_set(p, PA_op, create ? SPAN("1") : SPAN("3"));
    prim_set(p, PA_to, buf_span(&to.b));
    prim_set(p, PA_fr, c->conf.self.csi);
    prim_set(p, PA_rqi, buf_span(&rqi.b));
    prim_set(p, PA_rvi, SPAN("3"));
    p->rvi = REL_3;
    p->rcn = RCN_NOTHING;
    prim_set(p, PA_rcn, SPAN("0"));
    if (create) {
        p->ty = TY_CSR;
        prim_set(p, PA_ty, SPAN("16"));
    }
    p->pc = content(c, &j->a, create);
    p->ser = SER_JSON;
}

/* ---- the registrar's remoteCSE here --------------------------------------------------------------- */

static enum err record(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct joint *j = x->door;
    const struct cse_conf *k = &c->conf;
    struct row row, o = {.pid = RID_BASE,
                         .ty = TY_CSR,
                         .rn = span_from(k->parent_csi, 1),
                         .alias = k->parent_csi,
                         .creator = k->self.csi,
                         .ct = c->w.now(c->w.ctx),
                         .et = NEVER};
    struct text b, ri, cb;
    enum err e = store_alias(t, k->parent_csi, &j->a, &row);
    if (e != ERR_NOTFOUND)
        return e;
    TRY(store_next_rid(t, &o.rid));
    text_init(&b, &j->a);
    text_init(&ri, &j->a);
    text_init(&cb, &j->a);
    name_put_ri(&ri.b, &o);
    buf_put(&cb.b, k->parent_csi);
    buf_str(&cb.b, "/-");
    o.lt = o.ct;
    struct jw w = jw_over(&b.b);
    jw_obj(&w);
    JW_STR(&w, "rn", o.rn);
    JW_U64(&w, "ty", TY_CSR);
    JW_STR(&w, "ri", buf_span(&ri.b));
    JW_STR(&w, "pi", span_from(k->self.csi, 1));
    JW_STR(&w, "ct", name_time(o.ct, &j->a));
    JW_STR(&w, "lt", name_time(o.ct, &j->a));
    JW_STR(&w, "cb", buf_span(&cb.b));
    JW_STR(&w, "csi", k->parent_csi);
    JW_BOOL(&w, "rr", true);
    JW_NAME(&w, "poa");
    jw_arr(&w);
    jw_str(&w, k->parent_url);
    jw_end_arr(&w);
    jw_end_obj(&w);
    o.body = buf_span(&b.b);
    TRY(b.b.e);
    e = store_put(t, &o);
    return e == ERR_EXISTS ? OK : e; /* somebody took the name: forwarding goes by the configuration anyway */
}

static void rest(struct cse *c, bool failed)
{
    struct joint *j = c->joint;
    int64_t ms = BACKOFF_MIN;
    for (uint32_t i = 0; i < j->tries && ms < BACKOFF_MAX / 10; i++)
        ms *= 2;
    j->tries = failed ? j->tries + 1 : 0;
    j->next = failed ? c->w.now(c->w.ctx) + ms : j->todo == JOINED ? c->w.now(c->w.ctx) + JOINT_AGAIN_MS : 0;
    j->busy = false;
    arena_reset(&j->a);
    atomic_store(&c->tick, true);
}

static void recorded(struct exch *x)
{
    struct joint *j = x->door;
    struct cse *c = j->r.c;
    if (x->wrote == OK) {
        j->todo = JOINED;
        j->joined = true;
    }
    rest(c, x->wrote != OK);
}

/* ---- turns --------------------------------------------------------------------------------------- */

static void over(struct hop *h, enum err e, const struct prim *rsp)
{
    struct cse *c = h->ctx;
    struct joint *j = c->joint;
    unsigned rsc = e == OK && rsp ? rsp->rsc : 0;
    bool failed = !rsc_ok(rsc);
    if (rsc == RSC_ORIGINATOR_HAS_ALREADY_REGISTERED || (rsc == RSC_CONFLICT && j->todo == TO_CREATE)) {
        j->todo = TO_UPDATE;
        failed = false;
    } else if (rsc == RSC_NOT_FOUND && j->todo == TO_UPDATE) {
        j->todo = TO_CREATE;
    } else if (!failed) {
        j->todo = TO_RECORD;
    }
    rest(c, failed);
}

int64_t joint_tick(struct cse *c, int64_t now)
{
    struct joint *j = c->joint;
    if (!j || j->busy)
        return NEVER;
    if (j->todo == JOINED && (atomic_exchange(&c->below_changed, false) || now >= j->next))
        j->todo = TO_UPDATE;
    else if (j->todo == JOINED || now < j->next)
        return j->next;
    j->busy = true;
    heap_arena(&j->a, JOINT_BLOCK, JOINT_MEM);
    prim_init(&j->q);
    j->x = (struct exch){.req = &j->q, .arena = &j->a, .self = true, .door = j, .done = recorded, .job = record};
    j->r = (struct run){.c = c, .x = &j->x, .q = &j->q, .a = &j->a, .now = now};
    if (j->todo == TO_RECORD) {
        if (!c->w.enqueue(c->w.ctx, &j->x))
            rest(c, true);
        return NEVER;
    }
    j->hop = (struct hop){.a = &j->a, .over = over, .ctx = c, .deadline = hop_deadline(&j->r), .base = true};
    j->hop.urls = &c->conf.parent_url;
    j->hop.n = 1;
    struct text peer;
    struct id id = id_parse(c->conf.parent_csi, &c->conf.self);
    text_init(&peer, &j->a);
    id_put_absolute(&peer.b, &id);
    j->hop.peer = buf_span(&peer.b);
    request(c, j);
    hop_go(c, &j->hop);
    return NEVER;
}

bool cse_is_joined(const struct cse *c)
{
    return !c->joint || c->joint->joined;
}
