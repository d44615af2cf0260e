/* outbox.c - letters leave (TS-0004 7.5.1.2): due ones become NOTIFY requests; what was answered is removed, what was
 * not is tried again later. A letter keeps its request identifier over all tries, so that a receiver knows a repeat. A
 * subscription is never removed because its target is down. Loop 0; the outcome is the writer's (outcome.c). */
#include "cse/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "cse/errand.h"
#include "cse/poll.h"
#include "cse/rate.h"
#include "cse/reach.h"
#include "host/heap.h"

struct post {
    struct flight *flying;
    unsigned n;
    struct rates *rates;
};

enum {
    FLIGHT_BLOCK = 2048,
    LOOK_PAGE = 32,
    LOOK_MAX = 2048, /* due letters that one tick looks at */
};

enum err post_new(struct cse *c)
{
    c->post = calloc(1, sizeof *c->post);
    return c->post ? OK : ERR_NOMEM;
}

static void flight_free(struct flight *f)
{
    arena_reset(&f->a);
    free(f);
}

void post_free(struct cse *c)
{
    for (struct flight *f = c->post ? c->post->flying : NULL, *next; f; f = next) {
        next = f->next;
        flight_free(f);
    }
    if (c->post)
        rate_free(c->post->rates);
    free(c->post);
}

/* ---- landing -------------------------------------------------------------------------------------- */

static void recorded(struct exch *x)
{
    struct flight *f = x->door;
    struct post *p = f->c->post;
    struct flight **at = &p->flying;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    p->n -= !f->hop.channel;
    atomic_store(&f->c->tick, true);
    if (annc_letter(&f->l))
        annc_over(f->c, f->l.id, x->wrote == OK ? &f->swap : NULL);
    flight_free(f);
}

/* The queue was full: nothing was recorded, the letter is still due and goes again. */
static void record_later(struct flight *f)
{
    f->x.job = outcome_record;
    f->x.run = NULL;
    f->x.done = recorded;
    f->x.door = f;
    if (!f->c->w.enqueue(f->c->w.ctx, &f->x))
        recorded(&f->x);
}

/* The operator hears of the first failure, and of refusals that end the letter. */
static void say(struct flight *f, enum err e, unsigned rsc)
{
    bool last = f->fate == FATE_REFUSED || (f->fate == FATE_HELD && !f->pace.pn);
    const char *why = e != OK ? err_text(e) : rsc_name(rsc);
    if (f->c->w.note && (f->l.tries == 0 || last))
        f->c->w.note(f->c->w.ctx, last ? "notify-refused" : "notify-waits", f->l.to, why, f->l.tries + 1);
}

/* No answer, or one that may change with time: again. Any other refusal is final, for this letter. */
static void landed(struct flight *f, enum err e, const struct prim *rsp)
{
    unsigned rsc = e == OK && rsp ? rsp->rsc : 0;
    bool final = rsc >= 4000 && rsc < 5000 && rsc != RSC_NOT_FOUND && rsc != RSC_REQUEST_TIMEOUT;
    f->answered = e == OK;
    f->rsc = (uint16_t)rsc;
    f->fate = rsc_ok(rsc) ? FATE_SENT : final ? FATE_REFUSED : FATE_AGAIN;
    if (e == OK && rsp)
        f->pc = arena_dup(&f->a, rsp->pc);
    notice_over(f->c, f->l.id);
    if (f->fate != FATE_SENT && !annc_letter(&f->l))
        say(f, e, rsc);
    record_later(f);
}

static void over(struct hop *h, enum err e, const struct prim *rsp)
{
    landed(h->ctx, e, rsp);
}

static void errand_over(struct errand *e)
{
    struct flight *f = e->ctx;
    landed(f, OK, e->x.rsp);
    errand_free(e);
}

/* It does not leave now. */
static void stays(struct flight *f, enum fate fate, enum err e)
{
    f->fate = fate;
    notice_over(f->c, f->l.id);
    if (fate == FATE_AGAIN || fate == FATE_HELD)
        say(f, e, 0);
    record_later(f);
}

/* ---- leaving ------------------------------------------------------------------------------------- */

static struct span request_id(struct flight *f)
{
    struct text t;
    text_init(&t, &f->a);
    buf_str(&t.b, "n-");
    for (size_t i = 0; i < 6; i++)
        buf_fmt(&t.b, "%02x", f->c->w.store->instance[i]);
    buf_c(&t.b, '-');
    buf_i64(&t.b, f->l.id);
    return buf_span(&t.b);
}

static void put_category(struct flight *f, struct prim *q)
{
    struct text t;
    unsigned ec = f->pace.pn == 1 && f->l.tries > 0 ? EC_LATEST : f->pace.ec;
    if (!ec)
        return;
    text_init(&t, &f->a);
    buf_u64(&t.b, ec);
    q->ec = (uint16_t)ec;
    prim_set(q, PA_ec, buf_span(&t.b));
}

/* A resource of this CSE that takes notifications as it takes requests: a group, a crossResourceSubscription. */
static bool go_inside(struct flight *f, const struct row *row)
{
    struct span ct, to = nu_plain(f->l.to, &ct);
    if (row->ty == TY_GRP && !span_ends(to, SPAN("/fopt")))
        to = arena_join(&f->a, to, SPAN("/fopt"));
    struct errand *e = f->errand = errand_new(f->c, NULL, 0, OP_NOTIFY, to);
    if (!e)
        return false;
    prim_set(&e->q, PA_rqi, request_id(f));
    put_category(f, &e->q);
    errand_content(e, f->l.body);
    e->over = errand_over;
    e->ctx = f;
    errand_go(e);
    return true;
}

static void go(struct flight *f, const struct row *row)
{
    bool here = false;
    bool inside = row->rid && row->ty != TY_AE && row->ty != TY_CB;
    enum err e = inside ? OK : hop_to_target(&f->r, f->l.to, &f->hop, &here);
    if (e == OK && !arena_ok(&f->a))
        e = ERR_NOMEM;
    if (e != OK) {
        bool closed = e == ERR_UNREACHABLE && row->ty == TY_AE; /* takes no requests, says its registration */
        f->due = NEVER;
        stays(f, closed ? FATE_HELD : FATE_AGAIN, e);
        return;
    }
    if (f->hop.channel) { /* waits for its poll, and takes no place of those that leave */
        f->hop.deadline = f->r.now + POLL_KEEP_MS;
        f->c->post->n--;
    }
    f->left = true;
    rate_left(f->c->post->rates, &f->l, &f->pace, f->r.now);
    if (here) {
        stays(f, FATE_SENT, OK); /* this CSE told itself */
    } else if (inside) {
        if (!go_inside(f, row))
            stays(f, FATE_AGAIN, ERR_NOMEM);
    } else {
        hop_notify(&f->r, &f->hop, f->l.to, request_id(f), f->l.body);
        put_category(f, &f->hop.req);
        if (annc_letter(&f->l))
            annc_dress(f->c, &f->l, &f->a, &f->hop.req);
        hop_go(f->c, &f->hop);
    }
}

/* Schedules of the subscription (an immediate notification passes them) and of the receiver. */
static enum err open_now(struct flight *f, const struct row *row, bool *open)
{
    *open = true;
    f->due = NEVER;
    if (f->pace.sched && f->pace.ec != EC_IMMEDIATE)
        TRY(reach_open(&f->r, f->l.sub, open, &f->due));
    return *open && row->ty == TY_AE ? reach_receiver(&f->r, row, open, &f->due) : OK;
}

static void depart(struct flight *f)
{
    struct span ct, to = nu_plain(f->l.to, &ct);
    struct row row = {0};
    bool open = true;
    if (pace_collects(f->l.tgt)) {
        stays(f, FATE_RIPE, OK);
        return;
    }
    if (!rate_may(&f->c->post->rates, &f->l, &f->pace, f->r.now, &f->due)) {
        stays(f, FATE_LIMITED, OK);
        return;
    }
    if (!is_url(to) && find_text(&f->r, to, &row) != OK)
        row.rid = 0; /* of another CSE, or gone: hop_to_target tells */
    enum err e = open_now(f, &row, &open);
    if (e != OK)
        stays(f, FATE_AGAIN, e);
    else if (!open)
        stays(f, FATE_HELD, ERR_UNREACHABLE);
    else
        go(f, &row);
}

/* ---- which ------------------------------------------------------------------------------------------ */

/* Targets behind one door share it: scheme and authority of a URL, else the whole identifier. */
static uint64_t host_of(struct span to)
{
    size_t n = to.n, slashes = 0;
    if (is_url(to))
        for (n = 0; n < to.n && (slashes += to.p[n] == '/') < 3; n++) {
        }
    return (uint64_t)pace_lane(span_first(to, n));
}

/* One letter of a lane at a time, so that their order holds; not all flights for one host that does not answer. */
static bool may_depart(const struct post *p, const struct letter *l, uint64_t host)
{
    unsigned there = 0;
    for (const struct flight *f = p->flying; f; f = f->next) {
        if (f->l.sub == l->sub && f->l.tgt == l->tgt)
            return false;
        there += f->host == host;
    }
    return there < HOST_LETTERS_MAX;
}

static enum err take_off(struct cse *c, struct store_tx *t, int64_t now, const struct letter *l, uint64_t host)
{
    struct flight *f = calloc(1, sizeof *f);
    if (!f)
        return ERR_NOMEM;
    heap_arena(&f->a, FLIGHT_BLOCK, STORE_BODY_MAX * 2);
    f->c = c;
    f->l = *l;
    f->l.to = arena_dup(&f->a, l->to);
    f->l.body = arena_dup(&f->a, l->body);
    f->l.meta = arena_dup(&f->a, l->meta);
    f->host = host;
    pace_read(f->l.meta, &f->a, &f->pace, &f->written);
    prim_init(&f->q);
    f->x = (struct exch){.req = &f->q, .arena = &f->a, .self = true, .door = f};
    f->r = (struct run){.c = c, .x = &f->x, .q = &f->q, .a = &f->a, .t = t, .now = now};
    f->hop = (struct hop){.a = &f->a, .over = over, .ctx = f, .deadline = hop_deadline(&f->r)};
    f->next = c->post->flying;
    c->post->flying = f;
    c->post->n++;
    depart(f);
    f->r.t = NULL;
    return OK;
}

/* Some letters; where they have no room together, one. */
static enum err some_due(struct store_tx *t, int64_t now, int64_t after, struct arena *a, struct letter **v, size_t *n)
{
    arena_reset(a);
    heap_arena(a, FLIGHT_BLOCK, STORE_BODY_MAX * 2);
    enum err e = store_letters_due(t, now, after, LOOK_PAGE, a, v, n);
    if (e != ERR_NOMEM)
        return e;
    arena_reset(a);
    heap_arena(a, FLIGHT_BLOCK, STORE_BODY_MAX * 2);
    return store_letters_due(t, now, after, 1, a, v, n);
}

static enum err look(struct cse *c, struct store_tx *t, int64_t now, struct arena *a, int64_t *next)
{
    struct letter *v;
    size_t n = 1;
    int64_t after = 0;
    for (size_t seen = 0; n > 0 && c->post->n < LETTERS_MAX && seen < LOOK_MAX; seen += n) {
        TRY(some_due(t, now, after, a, &v, &n));
        for (size_t i = 0; i < n && c->post->n < LETTERS_MAX; i++) {
            uint64_t host = host_of(v[i].to);
            after = v[i].id;
            if (may_depart(c->post, &v[i], host))
                TRY(take_off(c, t, now, &v[i], host));
        }
    }
    return store_letter_next(t, next);
}

static void say_lost(struct cse *c)
{
    uint8_t to[128];
    size_t n;
    uint64_t lost = pace_lost(c, to, sizeof to, &n);
    if (lost && c->w.note)
        c->w.note(c->w.ctx, "notify-dropped", span_of(to, n), "its lane is full (limit LANE_MAX); the oldest went",
                  lost < UINT32_MAX ? (uint32_t)lost : UINT32_MAX);
}

int64_t post_tick(struct cse *c, int64_t now)
{
    struct store_tx *t;
    struct arena a;
    int64_t next = NEVER;
    say_lost(c);
    if (store_read(c->w.store, 0, &t) != OK)
        return now + TICK_MS;
    heap_arena(&a, FLIGHT_BLOCK, STORE_BODY_MAX * 2);
    enum err e = look(c, t, now, &a, &next);
    store_end(t);
    arena_reset(&a);
    /* what is under way is due as well: its end sets the tick */
    return e != OK || next <= now ? now + TICK_MS : next;
}
