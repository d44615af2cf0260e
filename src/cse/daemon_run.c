/* daemon_run.c - the stations: threads, listeners, the engine's world, and how it all ends. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "bind/http.h"
#include "cse/daemon.h"
#include "cse/esprim.h"
#include "cse/seal_head.h"
#include "host/heap.h"
#include "store/sqlite.h"

enum { HEAD_MAX = 1 << 20, FIGURES_MS = 200, POLL_MS = 2, SECOND_MS = 1000 };

/* ---- the engine's world --------------------------------------------------------------------------- */

int64_t daemon_now(void *ctx)
{
    struct daemon *d = ctx;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000, last = atomic_load(&d->last_now);
    while (now > last && !atomic_compare_exchange_weak(&d->last_now, &last, now))
        continue;
    return now > last ? now : last; /* the clock may be set back; our time stands still then */
}

static void entropy(void *ctx, void *p, size_t n)
{
    (void)ctx;
    for (uint8_t *at = p; n > 0;) {
        ssize_t got = getrandom(at, n, 0);
        if (got <= 0)
            continue; /* a signal */
        at += got;
        n -= (size_t)got;
    }
}

static bool enqueue(void *ctx, struct exch *x)
{
    struct daemon *d = ctx;
    struct station *s = &d->station[x->loop];
    s->at_writer++;
    if (writer_put(d->writer, x))
        return true;
    s->at_writer--;
    return false;
}

struct later {
    struct net_post post;
    void (*fn)(void *arg);
    void *arg;
};

static void later_run(struct net_post *p)
{
    struct later *l = (struct later *)(void *)p;
    void (*fn)(void *) = l->fn;
    void *arg = l->arg;
    free(l);
    fn(arg);
}

static void wake(void *ctx, unsigned loop, int64_t when)
{
    struct daemon *d = ctx;
    int64_t left = when - daemon_now(d);
    net_timer_start(d->station[loop].bell, left < 1 ? 1 : (uint64_t)left, 0);
}

static void later(void *ctx, unsigned loop, void (*fn)(void *arg), void *arg)
{
    struct daemon *d = ctx;
    struct later *l = xalloc(sizeof *l);
    *l = (struct later){.post.run = later_run, .fn = fn, .arg = arg};
    net_loop_post(d->station[loop].loop, &l->post);
}

static void ring(void *ctx)
{
    struct station *s = ctx;
    int64_t next = cse_loop_tick(s->d->cse, s->n);
    if (next != INT64_MAX)
        wake(s->d, s->n, next);
}

static void note(void *ctx, const char *event, struct span target, const char *why, uint32_t tries)
{
    (void)ctx;
    LOG(LOG_L_WARN, event, log_span("target", target), log_str("why", why), log_int("tries", tries));
}

/* ---- the writer ----------------------------------------------------------------------------------- */

static void tell_figures(struct daemon *d)
{
    int64_t now = daemon_now(d);
    if (!d->set.folder || now - d->figures_at < FIGURES_MS)
        return;
    d->figures_at = now;
    struct batch_stats batch;
    struct cache_stats cache;
    sqlite_figures(d->store, &batch, &cache);
    pthread_mutex_lock(&d->lock);
    d->batch = batch;
    d->cache = cache;
    pthread_mutex_unlock(&d->lock);
}

static void run_batch(void *ctx, struct exch **list, size_t n)
{
    struct daemon *d = ctx;
    cse_run_write(d->cse, list, n);
    tell_figures(d);
}

static uint64_t pause_ns(void *ctx)
{
    struct daemon *d = ctx;
    return d->set.folder ? sqlite_pause_ns(d->store) : 0;
}

static void tray_taken(struct net_post *p)
{
    struct tray *t = (struct tray *)(void *)p;
    struct station *s = t->at;
    pthread_mutex_lock(&t->lock);
    struct exch *x = t->first;
    t->first = NULL;
    t->end = &t->first;
    t->posted = false;
    pthread_mutex_unlock(&t->lock);
    for (struct exch *next; x; x = next) {
        next = x->next;
        s->at_writer--;
        cse_finish(s->d->cse, x);
    }
    if (cse_wants_tick(s->d->cse))
        daemon_wants_tick(s->d);
}

static void back(void *ctx, unsigned loop, struct exch *first)
{
    struct daemon *d = ctx;
    struct tray *t = &d->station[loop].tray;
    pthread_mutex_lock(&t->lock);
    *t->end = first;
    for (; first; first = first->next)
        t->end = &first->next;
    bool post = !t->posted;
    t->posted = true;
    pthread_mutex_unlock(&t->lock);
    if (post) {
        t->post.run = tray_taken;
        net_loop_post(d->station[loop].loop, &t->post);
    }
}

/* ---- ticks ---------------------------------------------------------------------------------------- */

static void publish(struct station *s)
{
    struct daemon *d = s->d;
    struct figures f = {.busy = s->busy, .visits = s->visits, .errands = s->errands};
    if (s->http)
        f.http = *http_server_counts(s->http);
    if (s->https)
        f.https = *http_server_counts(s->https);
    pthread_mutex_lock(&d->lock);
    d->figures[s->n] = f;
    pthread_mutex_unlock(&d->lock);
}

static void tick(void *ctx)
{
    struct station *s = ctx;
    publish(s);
    if (s->n != 0) {
        net_timer_start(s->tick, SECOND_MS, 0);
        return;
    }
    if (s->d->stopping)
        return;
    int64_t left = cse_tick(s->d->cse) - daemon_now(s->d);
    net_timer_start(s->tick, left < 1 ? 1 : left > SECOND_MS ? SECOND_MS : (uint64_t)left, 0);
}

static void tick_at_once(struct net_post *p)
{
    struct daemon *d = (struct daemon *)(void *)((char *)p - offsetof(struct daemon, tick_post));
    atomic_store(&d->tick_posted, false);
    tick(&d->station[0]);
}

void daemon_wants_tick(struct daemon *d)
{
    if (atomic_exchange(&d->tick_posted, true))
        return;
    d->tick_post.run = tick_at_once;
    net_loop_post(d->station[0].loop, &d->tick_post);
}

/* ---- listening ------------------------------------------------------------------------------------ */

static enum err listen_at(struct station *s, const char *text, bool tls, struct http_server **out, struct buf *why)
{
    struct daemon *d = s->d;
    struct http_conf conf = {.tls = tls ? d->server_tls : NULL,
                             .limits = d->set.http_limits,
                             .reuse_port = d->stations > 1,
                             .wipe = true,
                             .handle = daemon_in,
                             .refuse = bind_http_refusal,
                             .ctx = s};
    enum err e = net_addr_parse(span_str(text), &conf.addr);
    if (e != OK) {
        buf_fmt(why, "%s is no address and port, such as 127.0.0.1:8443", text);
        return e;
    }
    if (s->n > 0) /* the port that the kernel chose for the first one */
        conf.addr = http_server_addr(tls ? d->station[0].https : d->station[0].http);
    return http_server_new(s->loop, &conf, out, why);
}

static enum err station_new(struct daemon *d, unsigned n, struct buf *why)
{
    struct station *s = &d->station[n];
    s->d = d;
    s->n = n;
    s->head = heap_buf(HEAD_MAX);
    s->tray.at = s;
    s->tray.end = &s->tray.first;
    pthread_mutex_init(&s->tray.lock, NULL);
    TRY(net_loop_new(&s->loop));
    if (d->set.https)
        TRY(listen_at(s, d->set.https, true, &s->https, why));
    if (d->set.http)
        TRY(listen_at(s, d->set.http, false, &s->http, why));
    struct http_client_conf client = {.connect_ms = (uint32_t)d->set.cse.remote_ms, .wipe = true};
    TRY(http_client_new(s->loop, &client, &s->client));
    TRY(net_timer_new(s->loop, ring, s, &s->bell));
    TRY(net_timer_new(s->loop, tick, s, &s->tick));
    return OK;
}

enum err daemon_listen(struct daemon *d, struct buf *why)
{
    pthread_mutex_init(&d->lock, NULL);
    d->stations = d->set.loops;
    d->station = xalloc(d->stations * sizeof *d->station);
    for (unsigned i = 0; i < d->stations; i++)
        TRY(station_new(d, i, why));
    return OK;
}

/* ---- the end -------------------------------------------------------------------------------------- */

static void leave_when_empty(void *ctx)
{
    struct station *s = ctx;
    bool empty = s->draining == 0 && s->visits == 0 && s->at_writer == 0 && s->errands == 0;
    if (!empty && net_loop_now(s->loop) < s->stop_at)
        return; /* the timer comes again */
    if (!empty) {
        LOG(LOG_L_WARN, "unfinished", log_int("loop", s->n), log_int("requests", (int64_t)s->visits),
            log_int("changes", (int64_t)s->at_writer), log_int("sent", (int64_t)s->errands));
        atomic_store(&s->d->late, true);
    }
    net_timer_stop(s->stop);
    net_loop_stop(s->loop);
}

static void drained(void *ctx)
{
    struct station *s = ctx;
    if (--s->draining > 0)
        return;
    struct http_client *c = s->client;
    if (s->n == 0)
        net_seal_post_stop(s->d->post);
    s->client = NULL; /* what the engine sends from now on fails */
    http_client_free(c);
}

static void station_stop(struct net_post *p)
{
    struct station *s = (struct station *)(void *)((char *)p - offsetof(struct station, stop_post));
    net_timer_stop(s->tick);
    cse_loop_stop(s->d->cse, s->n);
    s->stop_at = net_loop_now(s->loop) + STOP_MS;
    s->draining = 1; /* until both were told */
    if (net_timer_new(s->loop, leave_when_empty, s, &s->stop) != OK) {
        atomic_store(&s->d->late, true);
        net_loop_stop(s->loop);
        return;
    }
    net_timer_start(s->stop, 1, POLL_MS); /* whatever holds the servers up, the end comes at stop_at */
    struct http_server *const both[] = {s->https, s->http};
    for (size_t i = 0; i < LEN(both); i++)
        if (both[i]) {
            s->draining++;
            http_server_drain(both[i], DRAIN_MS, drained, s);
        }
    drained(s);
}

static void stop_all(void *ctx)
{
    struct daemon *d = ctx;
    for (unsigned i = 0; i < d->stations; i++) {
        d->station[i].stop_post.run = station_stop;
        net_loop_post(d->station[i].loop, &d->station[i].stop_post);
    }
}

static void told_to_stop(void *ctx)
{
    struct daemon *d = ctx;
    if (d->stopping)
        return;
    d->stopping = true;
    LOG(LOG_L_INFO, "stopping", log_span("cse", d->set.cse.self.csi));
    admin_close(d->admin);
    d->admin = NULL;
    if (!cse_leave(d->cse, stop_all, d))
        stop_all(d);
}

/* ---- the begin ------------------------------------------------------------------------------------ */

static void add_poa(struct daemon *d, const struct http_server *server, const char *scheme)
{
    char text[NET_ADDR_TEXT_MAX], url[NET_ADDR_TEXT_MAX + 16];
    struct net_addr at = http_server_addr(server);
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&at.sa;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)&at.sa;
    bool any =
        at.sa.ss_family == AF_INET ? four->sin_addr.s_addr == INADDR_ANY : IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
    if (any)
        return; /* others cannot use it: the operator names the points of access */
    snprintf(url, sizeof url, "%s://%s", scheme, net_addr_text(&at, text));
    d->set.poa = realloc(d->set.poa, (d->set.npoa + 1) * sizeof *d->set.poa);
    if (!d->set.poa)
        abort();
    d->set.poa[d->set.npoa++] = span_str(d->own_poa = xstrdup(url)); /* one at most */
}

static enum err engine_new(struct daemon *d, struct buf *why)
{
    const char *sentence = NULL;
    if (d->set.npoa == 0 && d->station[0].https)
        add_poa(d, d->station[0].https, "https");
    if (d->set.npoa == 0 && d->station[0].http)
        add_poa(d, d->station[0].http, "http");
    d->set.cse.poa = d->set.poa;
    d->set.cse.npoa = d->set.npoa;
    struct world w = {.ctx = d,
                      .now = daemon_now,
                      .entropy = entropy,
                      .store = d->store,
                      .send = daemon_out,
                      .enqueue = enqueue,
                      .later = later,
                      .wake = wake,
                      .note = note};
    if (d->set.folder) { /* a store in memory has no folder: results are held */
        w.spill_new = daemon_spill_new;
        w.spill_put = daemon_spill_put;
        w.spill_free = daemon_spill_free;
    }
    enum err e = cse_new(&d->set.cse, &w, &d->cse, &sentence);
    if (e != OK) {
        buf_str(why, sentence ? sentence : err_text(e));
        return e;
    }
    struct cse_hook hook = hook_seal_hook(d->seal);
    TRY(seal_head_attach(d->seal, d->cse, &hook));
    cse_set_hook(d->cse, &hook);
    hook_seal_reads(d->seal, readers_at);
    return OK;
}

static enum err sealing_start(struct daemon *d)
{
    struct station *s = &d->station[0];
    if (!hook_seal_seals(d->seal))
        return OK;
    struct net_seal_post_conf conf = {.loop = s->loop,
                                      .http = s->client,
                                      .tls = d->client_tls,
                                      .store = d->store,
                                      .slot = 0,
                                      .enqueue = enqueue,
                                      .ctx = d,
                                      .now = daemon_now,
                                      .seal = d->seal};
    return net_seal_post_new(&conf, &d->post);
}

static void *station_main(void *arg)
{
    struct station *s = arg;
    net_loop_run(s->loop);
    return NULL;
}

/* Signals are for the main thread. */
static enum err start_threads(struct daemon *d)
{
    sigset_t all, was;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &was);
    struct writer_conf conf = {.queue_max = d->set.queue,
                               .loops = d->stations,
                               .ctx = d,
                               .run = run_batch,
                               .back = back,
                               .pause_ns = pause_ns};
    enum err e = writer_new(&conf, &d->writer);
    for (unsigned i = 1; i < d->stations && e == OK; i++) {
        struct station *s = &d->station[i];
        net_timer_start(s->tick, SECOND_MS, 0);
        s->runs = pthread_create(&s->thread, NULL, station_main, s) == 0;
        e = s->runs ? OK : ERR_NOMEM;
    }
    pthread_sigmask(SIG_SETMASK, &was, NULL);
    return e;
}

enum err daemon_start(struct daemon *d, struct buf *why)
{
    struct station *first = &d->station[0];
    d->started = daemon_now(d);
    TRY(engine_new(d, why));
    TRY(net_signal_on(first->loop, SIGTERM, told_to_stop, d));
    TRY(net_signal_on(first->loop, SIGINT, told_to_stop, d));
    if (d->set.socket)
        TRY(admin_open(net_loop_uv(first->loop), d->set.socket, daemon_desk, d, &d->admin, why));
    TRY(start_threads(d));
    TRY(sealing_start(d));
    net_timer_start(first->tick, 1, 0);
    return OK;
}

bool daemon_run(struct daemon *d)
{
    net_loop_run(d->station[0].loop);
    for (unsigned i = 1; i < d->stations; i++)
        if (d->station[i].runs)
            pthread_join(d->station[i].thread, NULL);
    if (atomic_load(&d->late))
        return false;
    writer_stop(d->writer);
    return true;
}

static void station_free(struct station *s)
{
    http_server_free(s->https);
    http_server_free(s->http);
    http_client_free(s->client);
    net_timer_free(s->bell);
    net_timer_free(s->tick);
    net_timer_free(s->stop);
    net_loop_free(s->loop);
    daemon_in_free(s);
    heap_buf_free(&s->head);
    pthread_mutex_destroy(&s->tray.lock);
}

void daemon_free(struct daemon *d)
{
    if (d->writer)
        writer_stop(d->writer);
    writer_free(d->writer);
    admin_close(d->admin);
    for (unsigned i = 0; i < d->stations; i++)
        station_free(&d->station[i]);
    free(d->station);
    net_seal_post_free(d->post);
    hook_seal_free(d->seal);
    if (d->cse)
        cse_free(d->cse);
    esprim_free(d->set.cse.esprim);
    if (d->store)
        store_close(d->store);
    tls_ctx_free(d->server_tls);
    tls_ctx_free(d->client_tls);
    settings_free(&d->set);
    free(d->own_poa);
}
