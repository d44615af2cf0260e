#include "net/loop.h"

#include "net/loop_in.h"

#include <pthread.h>
#include <signal.h>

struct net_timer {
    uv_timer_t uv; /* first: h->data == h tells our own handles */
    void (*fire)(void *ctx);
    void *ctx;
};

struct net_signal {
    uv_signal_t uv; /* first: h->data == h tells our own handles */
    void (*fire)(void *ctx);
    void *ctx;
};

static void ignore_sigpipe(void)
{
    struct sigaction sa = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &sa, NULL);
}

/* The newest post is first on the stack, so the list is turned round before it is run. */
static struct net_post *take_posts(struct net_loop *l)
{
    struct net_post *p = atomic_exchange_explicit(&l->posts, NULL, memory_order_acquire);
    struct net_post *first = NULL;
    while (p) {
        struct net_post *next = p->next;
        p->next = first;
        first = p;
        p = next;
    }
    return first;
}

static void on_wake(uv_async_t *a)
{
    struct net_loop *l = a->data;
    if (atomic_load_explicit(&l->stop, memory_order_acquire))
        uv_stop(&l->uv);
    struct net_post *p = take_posts(l);
    while (p) {
        struct net_post *next = p->next;
        p->run(p);
        p = next;
    }
}

/* Answers given during this turn leave together, once per connection. */
static void flush_dirty(struct net_loop *l)
{
    while (l->dirty) {
        struct net_dirty *d = l->dirty;
        l->dirty = d->next;
        d->queued = false;
        d->flush(d);
    }
}

/* What timers left is flushed before the poll, which then must not sleep: net_loop_turn's caller may wait for
 * just what the flush did. */
static void on_prepare(uv_prepare_t *h)
{
    struct net_loop *l = h->data;
    if (!l->dirty)
        return;
    flush_dirty(l);
    uv_async_send(&l->wake);
}

static void on_check(uv_check_t *h)
{
    flush_dirty(h->data);
}

void net_dirty_add(struct net_loop *l, struct net_dirty *d)
{
    if (d->queued)
        return;
    d->queued = true;
    d->next = l->dirty;
    l->dirty = d;
}

void net_dirty_remove(struct net_loop *l, struct net_dirty *d)
{
    struct net_dirty **at = &l->dirty;
    while (d->queued && *at) {
        if (*at == d) {
            *at = d->next;
            d->queued = false;
        } else {
            at = &(*at)->next;
        }
    }
}

enum err net_loop_new(struct net_loop **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ignore_sigpipe);
    *out = NULL;
    struct net_loop *l = calloc(1, sizeof *l);
    if (!l)
        return ERR_NOMEM;
    if (uv_loop_init(&l->uv) != 0) {
        free(l);
        return ERR_IO;
    }
    if (uv_async_init(&l->uv, &l->wake, on_wake) != 0) {
        uv_loop_close(&l->uv);
        free(l);
        return ERR_IO;
    }
    l->wake.data = l;
    uv_prepare_init(&l->uv, &l->prepare);
    uv_check_init(&l->uv, &l->check);
    l->prepare.data = l->check.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_check_start(&l->check, on_check);
    uv_unref((uv_handle_t *)&l->prepare);
    uv_unref((uv_handle_t *)&l->check);
    *out = l;
    return OK;
}

static void free_timer(uv_handle_t *h)
{
    free(h->data);
}

static void close_rest(uv_handle_t *h, void *arg)
{
    (void)arg;
    bool own = (h->type == UV_TIMER || h->type == UV_SIGNAL) && h->data == (void *)h;
    if (!uv_is_closing(h))
        uv_close(h, own ? free_timer : NULL);
}

void net_loop_free(struct net_loop *l)
{
    if (!l)
        return;
    atomic_store_explicit(&l->stop, false, memory_order_release);
    on_wake(&l->wake); /* what was posted is still run: it may own memory */
    flush_dirty(l);
    uv_run(&l->uv, UV_RUN_NOWAIT); /* handles that servers and clients are closing */
    uv_walk(&l->uv, close_rest, NULL);
    while (uv_loop_close(&l->uv) == UV_EBUSY)
        uv_run(&l->uv, UV_RUN_ONCE);
    net_blocks_free(l);
    free(l);
}

void net_loop_run(struct net_loop *l)
{
    while (!atomic_load_explicit(&l->stop, memory_order_acquire) && uv_run(&l->uv, UV_RUN_DEFAULT) != 0)
        continue;
    atomic_store_explicit(&l->stop, false, memory_order_release);
}

void net_loop_turn(struct net_loop *l)
{
    uv_run(&l->uv, UV_RUN_ONCE);
    flush_dirty(l);
}

void net_loop_stop(struct net_loop *l)
{
    atomic_store_explicit(&l->stop, true, memory_order_release);
    uv_async_send(&l->wake);
}

int64_t net_loop_now(const struct net_loop *l)
{
    return (int64_t)uv_now(&l->uv);
}

uv_loop_t *net_loop_uv(struct net_loop *l)
{
    return &l->uv;
}

static void push(struct net_loop *l, struct net_post *newest, struct net_post *oldest)
{
    struct net_post *head = atomic_load_explicit(&l->posts, memory_order_relaxed);
    do
        oldest->next = head;
    while (
        !atomic_compare_exchange_weak_explicit(&l->posts, &head, newest, memory_order_acq_rel, memory_order_relaxed));
    if (!head)
        uv_async_send(&l->wake);
}

void net_loop_post(struct net_loop *l, struct net_post *p)
{
    push(l, p, p);
}

void net_loop_post_list(struct net_loop *l, struct net_post *first)
{
    if (!first)
        return;
    struct net_post *newest = NULL, *p = first;
    while (p) {
        struct net_post *next = p->next;
        p->next = newest;
        newest = p;
        p = next;
    }
    push(l, newest, first);
}

/* ---- timers and signals */

static void on_timer(uv_timer_t *h)
{
    struct net_timer *t = h->data;
    t->fire(t->ctx);
}

enum err net_timer_new(struct net_loop *l, void (*fire)(void *ctx), void *ctx, struct net_timer **out)
{
    struct net_timer *t = calloc(1, sizeof *t);
    *out = t;
    if (!t)
        return ERR_NOMEM;
    uv_timer_init(&l->uv, &t->uv);
    t->uv.data = t;
    t->fire = fire;
    t->ctx = ctx;
    return OK;
}

void net_timer_start(struct net_timer *t, uint64_t ms, uint64_t every_ms)
{
    uv_timer_start(&t->uv, on_timer, ms, every_ms);
}

void net_timer_stop(struct net_timer *t)
{
    uv_timer_stop(&t->uv);
}

void net_timer_free(struct net_timer *t)
{
    if (t && !uv_is_closing((uv_handle_t *)&t->uv))
        uv_close((uv_handle_t *)&t->uv, free_timer);
}

static void on_signal(uv_signal_t *h, int number)
{
    (void)number;
    struct net_signal *s = h->data;
    s->fire(s->ctx);
}

enum err net_signal_on(struct net_loop *l, int number, void (*fire)(void *ctx), void *ctx)
{
    struct net_signal *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    uv_signal_init(&l->uv, &s->uv);
    s->uv.data = s;
    s->fire = fire;
    s->ctx = ctx;
    uv_unref((uv_handle_t *)&s->uv);
    if (uv_signal_start(&s->uv, on_signal, number) == 0)
        return OK;
    uv_close((uv_handle_t *)&s->uv, free_timer);
    return ERR_IO;
}
