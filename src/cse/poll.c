/* poll.c - polling channels: the queue of each, polls that wait, answers that come back. */
#include "cse/poll.h"

#include <stdlib.h>
#include <string.h>

#include "cse/timer.h"
#include "m2m/prim_json.h"

enum { SHELVES = 256 };
static const char STOPS[] = "this CSE stops; poll again later";

/* A request on its way through a channel. It belongs to the loop of its hop; the lists only know it. */
struct parcel {
    struct timer timer; /* first */
    struct parcel *next;
    struct cse *c;
    struct hop *hop;
    int64_t channel;
    enum { WAITS, FETCHED, ANSWERED } state; /* under the lock; ANSWERED: in no list any more */
    struct span rqi;                         /* as the owner sees it */
    struct span text;                        /* m2m:rqp, both behind this struct */
    uint8_t *answer;                         /* m2m:rsp */
    size_t answer_n;
};

/* A RETRIEVE of pcu that waits. It lies in the arena of its exchange. */
struct open_poll {
    struct timer timer; /* first */
    struct open_poll *next;
    struct run *r;
    int64_t channel;
    int64_t until;
    bool all;    /* requestAggregation */
    bool listed; /* under the lock */
};

struct shelf {
    struct parcel *first, **end;
    struct open_poll *open;
};

struct polls {
    atomic_flag lock;
    struct shelf shelf[SHELVES]; /* by channel */
    size_t n;
};

static void lock(struct polls *p)
{
    while (atomic_flag_test_and_set_explicit(&p->lock, memory_order_acquire)) {
    }
}

static void unlock(struct polls *p)
{
    atomic_flag_clear_explicit(&p->lock, memory_order_release);
}

static struct shelf *shelf_of(struct polls *p, int64_t channel)
{
    return &p->shelf[(uint64_t)channel % SHELVES];
}

enum err poll_new(struct cse *c)
{
    struct polls *p = c->polls = calloc(1, sizeof *p);
    if (!p)
        return ERR_NOMEM;
    atomic_flag_clear(&p->lock);
    for (size_t i = 0; i < SHELVES; i++)
        p->shelf[i].end = &p->shelf[i].first;
    return OK;
}

/* What it carried may be a reading. */
static void parcel_free(struct parcel *k)
{
    wipe((void *)(uintptr_t)k->text.p, k->text.n);
    if (k->answer)
        wipe(k->answer, k->answer_n);
    free(k->answer);
    free(k);
}

void poll_free(struct cse *c)
{
    struct polls *p = c->polls;
    for (size_t i = 0; p && i < SHELVES; i++)
        for (struct parcel *k = p->shelf[i].first, *next; k; k = next) {
            next = k->next;
            parcel_free(k);
        }
    free(p);
}

enum err poll_channel(struct store_tx *t, int64_t owner, struct arena *a, int64_t *rid)
{
    struct rows one;
    TRY(store_list(t, owner, TY_PCH, 0, 1, true, a, &one));
    *rid = one.n ? one.v[0].rid : 0;
    return OK;
}

/* ---- the lists, under the lock ---------------------------------------------------------------------- */

static void unlink_parcel(struct polls *p, struct parcel *k)
{
    struct shelf *s = shelf_of(p, k->channel);
    for (struct parcel **at = &s->first; *at; at = &(*at)->next)
        if (*at == k) {
            *at = k->next;
            if (!k->next)
                s->end = at;
            p->n--;
            return;
        }
}

static void unlink_poll(struct polls *p, struct open_poll *o)
{
    for (struct open_poll **at = &shelf_of(p, o->channel)->open; *at; at = &(*at)->next)
        if (*at == o) {
            *at = o->next;
            break;
        }
    o->listed = false;
}

static struct parcel *first_waiting(struct polls *p, int64_t channel)
{
    for (struct parcel *k = shelf_of(p, channel)->first; k; k = k->next)
        if (k->channel == channel && k->state == WAITS)
            return k;
    return NULL;
}

/* ---- a request goes in ------------------------------------------------------------------------------- */

static void parcel_over(struct parcel *k, enum err e, const struct prim *rsp)
{
    struct hop *h = k->hop;
    timer_stop(k->c, &k->timer);
    parcel_free(k);
    h->over(h, e, rsp);
}

static void too_late(struct timer *t)
{
    struct parcel *k = (struct parcel *)(void *)t;
    struct polls *p = k->c->polls;
    lock(p);
    bool mine = k->state != ANSWERED;
    if (mine)
        unlink_parcel(p, k);
    unlock(p);
    if (mine) /* otherwise the answer is on its way to this loop */
        parcel_over(k, ERR_TIMEOUT, NULL);
}

static void is_full(void *arg)
{
    parcel_over(arg, ERR_FULL, NULL);
}

/* The same identifier of two senders must not be taken for one request: then it is made anew. */
static bool same_rqi(struct polls *p, int64_t channel, struct span rqi, size_t *n)
{
    bool same = false;
    *n = 0;
    for (const struct parcel *k = shelf_of(p, channel)->first; k; k = k->next)
        if (k->channel == channel) {
            ++*n;
            same |= span_eq(k->rqi, rqi);
        }
    return same;
}

static struct parcel *parcel_new(struct cse *c, struct hop *h)
{
    struct text t;
    text_init(&t, h->a);
    struct jw w = jw_over(&t.b);
    prim_put_request(&w, &h->req);
    struct span text = buf_span(&t.b), rqi = prim_text(&h->req, PA_rqi);
    bool fits = t.b.e == OK && text.n <= POLL_TEXT_MAX;
    size_t n = fits ? text.n + rqi.n : 0;
    struct parcel *k = calloc(1, sizeof *k + n);
    if (!k)
        abort(); /* a hop that is never over would hold its exchange for ever */
    uint8_t *at = (uint8_t *)(k + 1);
    *k = (struct parcel){.c = c, .hop = h, .channel = h->channel, .state = ANSWERED};
    if (!fits)
        return k;
    memcpy(at, text.p, text.n);
    memcpy(at + text.n, rqi.p, rqi.n);
    k->text = span_of(at, text.n);
    k->rqi = span_of(at + text.n, rqi.n);
    return k;
}

static void serve(void *arg);

/* Who polls takes its time: a request that says how long it may take waits so long, others as long as for anybody. */
static int64_t patience(const struct hop *h)
{
    const struct prim *q = h->r ? h->r->q : NULL;
    int64_t rqet = q ? q->rqet : 0, rset = q ? q->rset : 0, until = !rset || (rqet && rqet < rset) ? rqet : rset;
    int64_t most = until ? h->r->now + POLL_HOLD_MAX_MS : 0;
    return !until ? h->deadline : until < most ? until : most;
}

void poll_put(struct cse *c, struct hop *h)
{
    struct polls *p = c->polls;
    size_t n;
    struct open_poll *o = NULL;
    h->c = c;
    h->deadline = patience(h);
    lock(p);
    bool twice = same_rqi(p, h->channel, prim_text(&h->req, PA_rqi), &n);
    unlock(p);
    if (twice)
        prim_set(&h->req, PA_rqi, name_fresh(c, "p-", h->a));
    struct parcel *k = parcel_new(c, h);
    if (!k->text.n || n >= POLL_QUEUE_MAX) {
        c->w.later(c->w.ctx, h->loop, is_full, k);
        return;
    }
    timer_set(c, &k->timer, h->loop, h->deadline, too_late);
    lock(p);
    bool room = p->n < POLL_ALL_MAX;
    if (room) {
        struct shelf *s = shelf_of(p, k->channel);
        k->state = WAITS;
        *s->end = k;
        s->end = &k->next;
        p->n++;
        for (o = s->open; o && o->channel != k->channel; o = o->next) {
        }
        if (o)
            unlink_poll(p, o);
    }
    unlock(p);
    if (!room)
        c->w.later(c->w.ctx, h->loop, is_full, k);
    if (o)
        c->w.later(c->w.ctx, o->r->x->loop, serve, o);
}

/* ---- a poll takes them out --------------------------------------------------------------------------- */

/* Copies what waits into the exchange; true: there was something. */
static bool fetch(struct run *r, int64_t channel, bool all, struct span *pc)
{
    struct polls *p = r->c->polls;
    struct text t;
    struct parcel *k = NULL;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    if (all) {
        JW_NAME(&w, "m2m:agrp");
        jw_obj(&w);
    }
    JW_NAME(&w, "m2m:rqp");
    if (all)
        jw_arr(&w);
    lock(p);
    for (unsigned n = 0; n < (all ? POLL_BATCH_MAX : 1); n++) {
        struct parcel *more = first_waiting(p, channel);
        if (!more || (k && t.b.n + more->text.n > POLL_TEXT_MAX))
            break;
        k = more;
        jw_raw(&w, k->text);
        if (t.b.e != OK)
            break; /* stays for the next one */
        k->state = FETCHED;
    }
    unlock(p);
    if (all) {
        jw_end_arr(&w);
        jw_end_obj(&w);
    }
    jw_end_obj(&w);
    *pc = t.b.e == OK ? buf_span(&t.b) : SPAN_NONE;
    return k != NULL;
}

static void answer_poll(struct run *r, struct span pc)
{
    if (pc.n)
        view_answer(r, RSC_OK, pc);
    else
        oops(r, ERR_NOMEM);
}

static void poll_over(struct open_poll *o, const char *rule)
{
    struct run *r = o->r;
    timer_stop(r->c, &o->timer);
    refuse(r, RSC_REQUEST_TIMEOUT, SPAN("rqet"), rule);
    run_answer(r);
}

static void nothing_came(struct timer *t)
{
    struct open_poll *o = (struct open_poll *)(void *)t;
    struct polls *p = o->r->c->polls;
    lock(p);
    bool mine = o->listed;
    if (mine)
        unlink_poll(p, o);
    unlock(p);
    if (mine) /* otherwise `serve` is on its way */
        poll_over(o, "no request came until then (TS-0004 7.4.22.2.2)");
}

/* Listed unless something came meanwhile. */
static bool wait_on(struct open_poll *o)
{
    struct polls *p = o->r->c->polls;
    lock(p);
    bool empty = !first_waiting(p, o->channel);
    if (empty) {
        struct shelf *s = shelf_of(p, o->channel);
        o->next = s->open;
        s->open = o;
        o->listed = true;
    }
    unlock(p);
    return empty;
}

static void serve(void *arg)
{
    struct open_poll *o = arg;
    struct run *r = o->r;
    struct span pc;
    do {
        if (fetch(r, o->channel, o->all, &pc)) {
            timer_stop(r->c, &o->timer);
            answer_poll(r, pc);
            run_answer(r);
            return;
        }
        if (r->c->w.now(r->c->w.ctx) >= o->until) {
            poll_over(o, "no request came until then (TS-0004 7.4.22.2.2)");
            return;
        }
    } while (!wait_on(o));
}

static bool is_true(const struct jval *v)
{
    bool yes = false;
    return v && json_bool(v, &yes) == OK && yes;
}

static size_t polls_open(struct polls *p, int64_t channel)
{
    size_t n = 0;
    lock(p);
    for (const struct open_poll *o = shelf_of(p, channel)->open; o; o = o->next)
        n += o->channel == channel;
    unlock(p);
    return n;
}

static enum says fetch_or_wait(struct run *r)
{
    struct attrs at;
    struct span pc;
    int64_t channel = r->holder.rid;
    STEP_TRY(r, name_attrs(&r->holder, r->a, &at));
    bool all = is_true(attrs_get(&at, AT_rqag));
    if (fetch(r, channel, all, &pc)) {
        answer_poll(r, pc);
        return DONE;
    }
    if (r->c->stopping[r->x->loop])
        return refuse(r, RSC_REQUEST_TIMEOUT, SPAN("rqet"), STOPS);
    if (polls_open(r->c->polls, channel) >= POLL_OPEN_MAX)
        return refuse(r, RSC_TARGET_NOT_REACHABLE, SPAN("to"), "too many polls of this channel are waiting already");
    struct open_poll *o = ARENA_NEW(r->a, struct open_poll);
    if (!o)
        return oops(r, ERR_NOMEM);
    int64_t until = r->q->rqet ? r->q->rqet : r->now + POLL_HOLD_MS;
    if (r->q->rset && r->q->rset < until)
        until = r->q->rset;
    if (until > r->now + POLL_HOLD_MAX_MS)
        until = r->now + POLL_HOLD_MAX_MS;
    *o = (struct open_poll){.r = r, .channel = channel, .until = until, .all = all};
    timer_set(r->c, &o->timer, r->x->loop, until, nothing_came);
    if (!wait_on(o)) /* one came in this very moment */
        r->c->w.later(r->c->w.ctx, r->x->loop, serve, o);
    return WAIT;
}

/* ---- its answer comes back --------------------------------------------------------------------------- */

/* On the loop of the hop. */
static void deliver(void *arg)
{
    struct parcel *k = arg;
    struct hop *h = k->hop;
    struct jval *v;
    struct prim *rsp = ARENA_NEW(h->a, struct prim);
    struct span text = arena_dup(h->a, span_of(k->answer, k->answer_n));
    enum err e = !rsp || !arena_ok(h->a) ? ERR_NOMEM : json_parse(text, h->a, &v, NULL);
    if (e == OK)
        e = prim_take_response(v, h->a, rsp);
    parcel_over(k, e, e == OK ? rsp : NULL);
}

static struct parcel *take_fetched(struct polls *p, int64_t channel, struct span rqi)
{
    struct parcel *k = shelf_of(p, channel)->first;
    while (k && !(k->channel == channel && k->state == FETCHED && span_eq(k->rqi, rqi)))
        k = k->next;
    if (!k)
        return NULL;
    unlink_parcel(p, k);
    k->state = ANSWERED;
    return k;
}

static enum says take_answer(struct run *r)
{
    struct cse *c = r->c;
    struct prim rsp;
    const struct jval *v = r->q->content;
    if (!span_eq(r->q->root, SPAN("m2m:rsp")))
        return refuse(r, RSC_BAD_REQUEST, r->q->root, "a polling channel takes answers, m2m:rsp (TS-0004 7.4.22.2.5)");
    enum err e = prim_take_response(v, r->a, &rsp);
    if (e == ERR_NOMEM)
        return oops(r, e);
    if (e != OK)
        return refuse(r, RSC_BAD_REQUEST, SPAN("m2m:rsp"), "needs rsc, a number, and the rqi of the request");
    uint8_t *copy = v->raw.n <= POLL_TEXT_MAX ? malloc(v->raw.n) : NULL;
    if (!copy)
        return oops(r, ERR_NOMEM);
    memcpy(copy, v->raw.p, v->raw.n);
    lock(c->polls);
    struct parcel *k = take_fetched(c->polls, r->holder.rid, prim_text(&rsp, PA_rqi));
    unlock(c->polls);
    if (!k) {
        free(copy);
        return refuse(r, RSC_BAD_REQUEST, SPAN("rqi"),
                      "no request of this identifier waits for an answer; perhaps its time is over");
    }
    k->answer = copy;
    k->answer_n = v->raw.n;
    c->w.later(c->w.ctx, k->hop->loop, deliver, k);
    view_answer(r, RSC_OK, SPAN_NONE);
    return DONE;
}

/* ---- pcu --------------------------------------------------------------------------------------------- */

static bool is_owner(struct run *r, const struct id *who, const struct row *parent)
{
    struct id owner = id_parse(parent->alias, &r->c->conf.self);
    return (parent->ty == TY_AE || parent->ty == TY_CSR) && id_same(who, &owner);
}

static enum err owns(struct run *r, const struct id *who, int64_t parent, bool *yes)
{
    struct row up;
    TRY(store_get(r->t, parent, r->a, &up));
    *yes = is_owner(r, who, &up);
    return OK;
}

bool poll_may_make(struct run *r)
{
    return run_is_admin(r) || is_owner(r, &r->q->from, &r->target);
}

enum says poll_virt(struct run *r)
{
    bool yes;
    if (r->q->op != OP_RETRIEVE && r->q->op != OP_NOTIFY)
        return refuse(r, RSC_OPERATION_NOT_ALLOWED, SPAN("to"),
                      "a polling channel is fetched from (RETRIEVE) and answered to (NOTIFY) (TS-0004 7.4.22)");
    STEP_TRY(r, owns(r, &r->q->from, r->holder.pid, &yes));
    if (!yes)
        return refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("fr"),
                      "only the owner of a polling channel fetches from it (TS-0004 7.4.22.2)");
    return r->q->op == OP_RETRIEVE ? fetch_or_wait(r) : take_answer(r);
}

/* ---- the end ----------------------------------------------------------------------------------------- */

static struct open_poll *any_open(struct polls *p, unsigned loop)
{
    struct open_poll *o = NULL;
    lock(p);
    for (size_t i = 0; i < SHELVES && !o; i++)
        for (o = p->shelf[i].open; o && o->r->x->loop != loop; o = o->next) {
        }
    if (o)
        unlink_poll(p, o);
    unlock(p);
    return o;
}

static struct parcel *any_parcel(struct polls *p, unsigned loop)
{
    struct parcel *k = NULL;
    lock(p);
    for (size_t i = 0; i < SHELVES && !k; i++)
        for (k = p->shelf[i].first; k && k->hop->loop != loop; k = k->next) {
        }
    if (k)
        unlink_parcel(p, k);
    unlock(p);
    return k;
}

void poll_stop(struct cse *c, unsigned loop)
{
    for (struct open_poll *o; (o = any_open(c->polls, loop)) != NULL;)
        poll_over(o, STOPS);
    for (struct parcel *k; (k = any_parcel(c->polls, loop)) != NULL;)
        parcel_over(k, ERR_CLOSED, NULL);
}

/* ---- the resource ------------------------------------------------------------------------------------ */

/* At most one for each owner, made by the owner (TS-0001 10.2.2.13 asks for the first, 9.6.21 for the second). */
static enum says check_pch(struct run *r)
{
    int64_t rid = 0;
    STEP_TRY(r, poll_channel(r->t, r->target.rid, r->a, &rid));
    return rid ? refuse(r, RSC_CONFLICT, SPAN("ty"),
                        "there is a polling channel already; one is enough (TS-0001 9.6.21)")
               : MORE;
}

/* Nothing about it is anybody else's: TS-0004 7.4.21. */
static enum err may_pch(struct run *r, const struct id *who, const struct row *row, unsigned op, unsigned child_ty,
                        bool *yes)
{
    (void)op;
    (void)child_ty;
    return owns(r, who, row->pid, yes);
}

const struct type_hook hook_pch = {.check = check_pch, .may = may_pch};
const struct type_hook hook_pcu = {.virt = poll_virt};
