/* request.c - request resources (TS-0001 9.6.12, TS-0004 7.3.2.2, 7.4.12): written when a request is acknowledged,
 * carried out behind it, completed with its result.
 *
 * A `back` is one such request under way. It belongs to the loop that got the request; the list of all is for the
 * writer (may it be recalled?) and for results that arrive on another loop, and is guarded by a lock. */
#include "cse/request.h"

#include <stdlib.h>
#include <string.h>

#include "cse/errand.h"
#include "cse/request_text.h"
#include "cse/tell.h"
#include "cse/timer.h"
#include "host/heap.h"

enum { AGAIN_MS = 1000 };

struct back {
    struct timer timer; /* first; for oet, for another try, for the end of a forwarded one */
    struct back *next;
    struct cse *c;
    int64_t rid, et;
    unsigned loop;
    enum { OET, RECALLED, RUNS, FORWARDED, RECORDS } state; /* under the lock */
    bool asynch;
    struct span rqi, sent_rqi, host; /* host: CSE-ID that the request was for, empty: this one */
    struct errand *e;                /* the request; later the memory of everything else */
    const struct prim *rsp;
    struct exch job;
};

struct backs {
    atomic_flag lock;
    struct back *first;
    size_t n;
    int64_t rows; /* writer: request resources, at least */
};

static void lock(struct backs *b)
{
    while (atomic_flag_test_and_set_explicit(&b->lock, memory_order_acquire)) {
    }
}

static void unlock(struct backs *b)
{
    atomic_flag_clear_explicit(&b->lock, memory_order_release);
}

enum err request_open(struct cse *c)
{
    c->backs = calloc(1, sizeof *c->backs);
    if (!c->backs)
        return ERR_NOMEM;
    atomic_flag_clear(&c->backs->lock);
    return OK;
}

void request_close(struct cse *c)
{
    for (struct back *b = c->backs ? c->backs->first : NULL, *next; b; b = next) {
        next = b->next;
        errand_free(b->e);
        free(b);
    }
    free(c->backs);
}

bool request_full(struct cse *c)
{
    lock(c->backs);
    bool full = c->backs->n >= REQUEST_RUNNING_MAX;
    unlock(c->backs);
    return full;
}

static void back_free(struct back *b)
{
    struct backs *all = b->c->backs;
    timer_stop(b->c, &b->timer);
    lock(all);
    for (struct back **at = &all->first; *at; at = &(*at)->next)
        if (*at == b) {
            *at = b->next;
            all->n--;
            break;
        }
    unlock(all);
    errand_free(b->e);
    free(b);
}

static void set_state(struct back *b, int state)
{
    lock(b->c->backs);
    b->state = (unsigned)state;
    unlock(b->c->backs);
}

/* ---- the resource is made, on the writer --------------------------------------------------------------- */

static enum err count_rows(struct store_tx *t, struct arena *a, int64_t *n)
{
    struct rows page = {.more = true};
    *n = 0;
    for (int64_t after = 0; page.more && *n < REQUEST_ALL_MAX; after = page.v[page.n - 1].rid) {
        TRY(store_find(t, FIND_TYPE, TY_REQ, SPAN_NONE, after, PAGE, true, a, &page));
        *n += (int64_t)page.n;
        if (!page.n)
            break;
    }
    return OK;
}

/* The number is only ever too large: what went is noticed when the limit is met. */
static enum err room_for_one(struct cse *c, struct store_tx *t, struct arena *a)
{
    if (c->backs->rows >= REQUEST_ALL_MAX)
        TRY(count_rows(t, a, &c->backs->rows));
    if (c->backs->rows >= REQUEST_ALL_MAX)
        return ERR_LIMIT;
    c->backs->rows++;
    return OK;
}

enum err request_make(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct run *r = x->run;
    struct row base, row = {.pid = RID_BASE, .ty = TY_REQ, .creator = prim_text(r->q, PA_fr), .et = r->ack->et};
    TRY(room_for_one(c, t, r->a));
    TRY(store_get(t, RID_BASE, r->a, &base));
    TRY(store_next_rid(t, &row.rid));
    row.ct = row.lt = c->w.now(c->w.ctx);
    row.lbl = &row.creator;
    row.nlbl = 1;
    TRY(request_text_new(c, r->q, &row, r->ack->away, r->a, &row.body));
    TRY(store_put(t, &row));
    r->ack->rid = row.rid;
    TRY(request_text_uri(c, t, r->q, &row, r->a, &r->ack->uri));
    struct run mine = {.c = c, .x = x, .q = r->q, .a = r->a, .t = t, .now = row.ct, .slot = STORE_SLOTS_MAX};
    return tell_create(&mine, &base, &row);
}

/* ---- the result is written, on the writer --------------------------------------------------------------- */

static enum request_status status_of(const struct prim *rsp)
{
    return rsp->rsc < 2000 ? RS_FORWARDED : rsc_ok(rsp->rsc) ? RS_COMPLETED : RS_FAILED;
}

static enum err record(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct back *b = x->door;
    struct prim q;
    struct row row;
    prim_init(&q);
    struct run r = {.c = c, .x = x, .q = &q, .a = x->arena, .t = t, .now = c->w.now(c->w.ctx), .slot = STORE_SLOTS_MAX};
    enum err e = store_get(t, b->rid, r.a, &row);
    if (e == ERR_NOTFOUND)
        return OK; /* recalled, or its time is over: nobody wants to know */
    TRY(e);
    return request_text_result(&r, &row, status_of(b->rsp), b->rsp);
}

static void record_later(struct back *b);

static void again(struct timer *t)
{
    record_later((struct back *)(void *)t);
}

static void end_of_life(struct timer *t)
{
    struct back *b = (struct back *)(void *)t;
    lock(b->c->backs);
    bool mine = b->state == FORWARDED;
    unlock(b->c->backs);
    if (mine)
        back_free(b);
}

static void recorded(struct exch *x)
{
    struct back *b = x->door;
    atomic_store(&b->c->tick, true);
    if (x->wrote != OK) {
        timer_set(b->c, &b->timer, b->loop, b->c->w.now(b->c->w.ctx) + AGAIN_MS, again);
    } else if (status_of(b->rsp) == RS_FORWARDED) {
        timer_set(b->c, &b->timer, b->loop, b->et, end_of_life);
        set_state(b, FORWARDED);
    } else {
        back_free(b);
    }
}

static void record_later(struct back *b)
{
    b->job =
        (struct exch){.req = &b->e->q, .arena = &b->e->a, .self = true, .loop = b->loop, .done = recorded, .door = b};
    b->job.job = record;
    if (!b->c->w.enqueue(b->c->w.ctx, &b->job))
        timer_set(b->c, &b->timer, b->loop, b->c->w.now(b->c->w.ctx) + AGAIN_MS, again);
}

/* ---- under way ------------------------------------------------------------------------------------------ */

static void over(struct errand *e)
{
    struct back *b = e->ctx;
    b->rsp = e->x.rsp;
    set_state(b, RECORDS);
    record_later(b);
}

static void run_it(struct back *b)
{
    set_state(b, RUNS);
    errand_go(b->e);
}

/* A recalled one is gone once the DELETE is committed; should that have failed, it runs after all. */
static void its_time(struct timer *t)
{
    struct back *b = (struct back *)(void *)t;
    struct cse *c = b->c;
    struct store_tx *tx;
    struct row row;
    lock(c->backs);
    bool recalled = b->state == RECALLED;
    b->state = recalled ? OET : RUNS;
    unlock(c->backs);
    enum err e = store_read(c->w.store, b->loop, &tx);
    if (e == OK) {
        e = store_get(tx, b->rid, &b->e->a, &row);
        store_end(tx);
    }
    if (e == ERR_NOTFOUND)
        back_free(b);
    else if (recalled || e != OK)
        timer_set(c, &b->timer, b->loop, c->w.now(c->w.ctx) + AGAIN_MS, its_time);
    else
        run_it(b);
}

static enum err copy_args(struct prim *to, const struct prim *from, struct arena *a)
{
    for (const struct arg *g = from->args; g; g = g->next)
        TRY(prim_add(to, (enum crit)g->crit, (enum attr)g->attr, arena_dup(a, g->value), a));
    return OK;
}

static enum err copy_assoc(struct assoc *to, struct arena *a)
{
    struct span *ids = ARENA_ARRAY(a, struct span, to->n_ids + 1u);
    if (!ids)
        return ERR_NOMEM;
    for (size_t i = 0; i < to->n_ids; i++)
        ids[i] = arena_dup(a, to->ids[i]);
    to->ids = ids;
    return OK;
}

/* Times are points in time from now on: a relative one would begin anew when the request is read again. */
static void fix_time(struct prim *p, enum param id, int64_t ms, struct arena *a)
{
    if (ms)
        prim_set(p, id, name_time(ms, a));
}

/* The request as it came, but blocking. */
static enum err copy_request(struct prim *to, const struct prim *from, bool keep_oet, struct arena *a)
{
    prim_init(to);
    for (uint64_t left = from->have; left; left &= left - 1) {
        enum param id = (enum param)__builtin_ctzll(left);
        prim_set(to, id, arena_dup(a, from->raw[id]));
    }
    to->op = from->op;
    to->ser = from->ser;
    to->accept = from->accept;
    to->pc = arena_dup(a, from->pc);
    to->assoc = from->assoc;
    to->have &= ~(PA_BIT(rt) | PA_BIT(rtu) | PA_BIT(rp) | (keep_oet ? 0 : PA_BIT(oet)));
    fix_time(to, PA_rqet, from->rqet, a);
    fix_time(to, PA_rset, from->rset, a);
    if (keep_oet)
        fix_time(to, PA_oet, from->oet, a);
    TRY(copy_args(to, from, a));
    TRY(copy_assoc(&to->assoc, a));
    return arena_ok(a) ? OK : ERR_NOMEM;
}

static enum err prepare(struct back *b, struct run *r)
{
    struct errand *e = b->e;
    const struct cse *c = b->c;
    TRY(copy_request(&e->q, r->q, r->ack->away, &e->a));
    if (c->hook.before && before_is_reading(r->q))
        wipe((void *)(uintptr_t)r->q->pc.p, r->q->pc.n); /* the copy is sealed, and overwritten there */
    e->x.request = b->rid;
    e->x.self = r->x->self;
    e->x.trusted = r->x->trusted;
    e->over = over;
    e->ctx = b;
    b->rqi = prim_text(&e->q, PA_rqi);
    b->host = arena_dup(&e->a, r->ack->away ? r->q->addr.csi : SPAN_NONE);
    b->sent_rqi = arena_join(&e->a, arena_join(&e->a, r->q->from.stem, SPAN("/")), b->rqi);
    return arena_ok(&e->a) ? OK : ERR_NOMEM;
}

enum err request_start(struct run *r)
{
    struct cse *c = r->c;
    struct back *b = calloc(1, sizeof *b);
    if (!b)
        return ERR_NOMEM;
    *b = (struct back){.c = c, .rid = r->ack->rid, .et = r->ack->et, .loop = r->x->loop, .asynch = r->ack->asynch};
    b->e = errand_new(c, NULL, b->loop, (enum op)r->q->op, prim_text(r->q, PA_to));
    enum err e = b->e ? prepare(b, r) : ERR_NOMEM;
    if (e != OK) {
        if (b->e)
            errand_free(b->e);
        free(b);
        return e;
    }
    lock(c->backs);
    b->next = c->backs->first;
    c->backs->first = b;
    c->backs->n++;
    unlock(c->backs);
    if (r->q->oet > r->now && !r->ack->away)
        timer_set(c, &b->timer, b->loop, r->q->oet, its_time);
    else
        run_it(b);
    return OK;
}

/* ---- results that come by themselves -------------------------------------------------------------------- */

/* The result of a request that another CSE had acknowledged, on its way to the loop of the request. */
struct late_result {
    struct back *b;
    size_t n;
    uint8_t text[];
};

static void take_late(void *arg)
{
    struct late_result *l = arg;
    struct back *b = l->b;
    struct arena *a = &b->e->a;
    struct prim *rsp = ARENA_NEW(a, struct prim);
    struct jval *v;
    enum err e = rsp ? json_parse(arena_dup(a, span_of(l->text, l->n)), a, &v, NULL) : ERR_NOMEM;
    if (e == OK)
        e = prim_take_response(v, a, rsp);
    free(l);
    timer_stop(b->c, &b->timer);
    if (e != OK) { /* it was read before: no memory */
        back_free(b);
        return;
    }
    prim_set(rsp, PA_rqi, b->rqi);
    b->rsp = rsp;
    record_later(b);
}

static struct back *take_forwarded(struct cse *c, struct span rqi, const struct id *from)
{
    struct back *b;
    lock(c->backs);
    for (b = c->backs->first; b; b = b->next)
        if (b->state == FORWARDED && span_eq(b->host, from->cse) && (span_eq(b->rqi, rqi) || span_eq(b->sent_rqi, rqi)))
            break;
    if (b)
        b->state = RECORDS;
    unlock(c->backs);
    return b;
}

enum says request_result(struct run *r)
{
    struct prim rsp;
    const struct jval *v = r->q->content;
    enum err e = prim_take_response(v, r->a, &rsp);
    if (e == ERR_NOMEM)
        return oops(r, e);
    if (e != OK)
        return refuse(r, RSC_BAD_REQUEST, SPAN("m2m:rsp"), "needs rsc, a number, and the rqi of the request");
    if (rsp.rsc < 2000)
        return refuse(r, RSC_BAD_REQUEST, SPAN("rsc"), "is no result yet");
    struct late_result *l = v->raw.n <= REQUEST_RESULT_MAX ? malloc(sizeof *l + v->raw.n) : NULL;
    if (!l)
        return oops(r, ERR_NOMEM);
    l->n = v->raw.n;
    memcpy(l->text, v->raw.p, v->raw.n);
    l->b = r->q->from.kind == ID_CSE ? take_forwarded(r->c, prim_text(&rsp, PA_rqi), &r->q->from) : NULL;
    if (!l->b) {
        free(l);
        return refuse(r, RSC_BAD_REQUEST, SPAN("rqi"), "no request of this identifier waits for a result of that CSE");
    }
    r->c->w.later(r->c->w.ctx, l->b->loop, take_late, l);
    view_answer(r, RSC_OK, SPAN_NONE);
    return DONE;
}

/* ---- results that come in parts --------------------------------------------------------------------------- */

struct part {
    struct exch job;
    struct cse *c;
    int64_t rid;
    struct prim rsp;
    struct arena a;
};

static enum err record_part(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct part *p = x->door;
    struct prim q;
    struct row row;
    prim_init(&q);
    struct run r = {.c = c, .x = x, .q = &q, .a = &p->a, .t = t, .now = c->w.now(c->w.ctx), .slot = STORE_SLOTS_MAX};
    enum err e = store_get(t, p->rid, r.a, &row);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    return request_text_result(&r, &row, RS_PARTIALLY_COMPLETED, &p->rsp);
}

static void part_recorded(struct exch *x)
{
    struct part *p = x->door;
    atomic_store(&p->c->tick, true);
    arena_reset(&p->a);
    free(p);
}

void request_partial(struct run *r, struct span pc)
{
    enum { BLOCK = 4096, MEMORY = 4 * REQUEST_RESULT_MAX };
    struct part *p = r->x->request && pc.n <= REQUEST_RESULT_MAX ? calloc(1, sizeof *p) : NULL;
    if (!p)
        return;
    heap_arena(&p->a, BLOCK, MEMORY);
    p->c = r->c;
    p->rid = r->x->request;
    prim_init(&p->rsp);
    p->rsp.rsc = RSC_OK;
    prim_set(&p->rsp, PA_rqi, arena_dup(&p->a, prim_text(r->q, PA_rqi)));
    p->rsp.pc = arena_dup(&p->a, pc);
    p->rsp.ser = SER_JSON;
    p->job = (struct exch){.arena = &p->a, .self = true, .loop = r->x->loop, .done = part_recorded, .door = p};
    p->job.job = record_part;
    if (!arena_ok(&p->a) || !r->c->w.enqueue(r->c->w.ctx, &p->job)) /* the whole result comes later anyway */
        part_recorded(&p->job);
}

/* ---- DELETE: recall, on the writer ------------------------------------------------------------------------ */

static bool recall(struct cse *c, int64_t rid)
{
    struct back *b;
    lock(c->backs);
    for (b = c->backs->first; b && b->rid != rid; b = b->next) {
    }
    bool yes = b && (b->state == OET || b->state == RECALLED);
    if (yes)
        b->state = RECALLED;
    unlock(c->backs);
    return yes;
}

static enum says check_recall(struct run *r)
{
    uint64_t rs = 0;
    STEP_TRY(r, run_old(r));
    STEP_TRY(r, json_u64(attrs_get(&r->old, AT_rs), UINT32_MAX, &rs));
    if (rs == RS_COMPLETED || rs == RS_FAILED || (rs == RS_PENDING && recall(r->c, r->target.rid)))
        return MORE;
    return refuse(r, RSC_UNABLE_TO_RECALL_REQUEST, SPAN("rs"),
                  "the request is being carried out and cannot be recalled (TS-0004 7.4.12.2.4)");
}

/* Its originator reads and deletes it, and nobody else does anything (TS-0004 7.3.2.2). */
static enum err may_req(struct run *r, const struct id *who, const struct row *row, unsigned op, unsigned child_ty,
                        bool *yes)
{
    const unsigned discovery = 32;
    struct id owner = id_parse(row->creator, &r->c->conf.self);
    (void)child_ty;
    bool allowed = op == op_acop(OP_RETRIEVE) || op == op_acop(OP_DELETE) || op == discovery;
    *yes = allowed && row->creator.n &&
           (id_same(who, &owner) || (owner.kind == ID_OPAQUE && span_eq(row->creator, prim_text(r->q, PA_fr))));
    return OK;
}

const struct type_hook hook_req = {.check_delete = check_recall, .may = may_req};

/* ---- down and up again -------------------------------------------------------------------------------------- */

/* What waits for its time has not begun: it is answered by the restart, as failed. */
void request_stop(struct cse *c, unsigned loop)
{
    lock(c->backs);
    for (struct back *b = c->backs->first; b; b = b->next)
        if (b->loop == loop)
            timer_stop(c, &b->timer);
    unlock(c->backs);
}

static enum err fail(struct cse *c, struct store_tx *t, int64_t rid, struct arena *a)
{
    struct row row;
    struct prim q, rsp;
    struct attrs at;
    struct exch x = {.self = true, .arena = a, .req = &q};
    struct run r = {.c = c, .x = &x, .q = &q, .a = a, .t = t, .now = c->w.now(c->w.ctx), .slot = STORE_SLOTS_MAX};
    uint64_t rs = 0;
    prim_init(&q);
    TRY(store_get(t, rid, a, &row));
    TRY(name_attrs(&row, a, &at));
    if (json_u64(attrs_get(&at, AT_rs), UINT32_MAX, &rs) != OK || rs < RS_PENDING)
        return OK;
    prim_set(&q, PA_rqi, attrs_text(&at, AT_rid, a));
    prim_refuse(&rsp, &q, verdict_of(RSC_INTERNAL_SERVER_ERROR, SPAN_NONE, "this CSE was restarted meanwhile"), a);
    return request_text_result(&r, &row, RS_FAILED, &rsp);
}

/* One page of them; each with memory of its own, for their results may be large. */
static enum err recover_page(struct cse *c, struct store_tx *t, struct arena *a, int64_t *after, bool *more)
{
    enum { BLOCK = 4096, MEMORY = 4 * STORE_BODY_MAX };
    struct rows page;
    TRY(store_find(t, FIND_TYPE, TY_REQ, SPAN_NONE, *after, PAGE, true, a, &page));
    enum err e = OK;
    for (size_t i = 0; i < page.n && e == OK; i++) {
        struct arena own;
        heap_arena(&own, BLOCK, MEMORY);
        e = fail(c, t, page.v[i].rid, &own);
        arena_reset(&own);
    }
    c->backs->rows += (int64_t)page.n;
    *more = page.more && page.n > 0;
    *after = page.n ? page.v[page.n - 1].rid : 0;
    return e;
}

enum err request_recover(struct cse *c, struct store_tx *t)
{
    enum { BLOCK = 4096, MEMORY = 1 << 20 };
    bool more = true;
    enum err e = OK;
    for (int64_t after = 0; more && e == OK;) {
        struct arena a;
        heap_arena(&a, BLOCK, MEMORY);
        e = recover_page(c, t, &a, &after, &more);
        arena_reset(&a);
    }
    return e;
}
