#include "net/http_in.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPTS_PER_TURN = 64, SPARE_MAX = 128, ACCEPT_RETRY_MS = 100 };

/* ---- tables */

enum limit_id {
    LIMIT_none,
#define LIMIT(name, def, least, most, unit, prose) LIMIT_##name,
#include "net/http_limits.def"
#undef LIMIT
};

static const struct {
    const char *name, *unit;
    size_t offset;
    uint32_t def, least, most;
} limit_row[] = {
    {"none", "", 0, 0, 0, 0},
#define LIMIT(name, def, least, most, unit, prose) {#name, unit, offsetof(struct http_limits, name), def, least, most},
#include "net/http_limits.def"
#undef LIMIT
};

static const struct {
    const char *name, *text;
    int status;
    enum limit_id limit;
} refusal_row[] = {
#define REFUSE(name, status, limit, text) {#name, text, status, LIMIT_##limit},
#include "net/http_refusals.def"
#undef REFUSE
};

const char *http_refusal_name(enum http_refusal r)
{
    return (size_t)r < LEN(refusal_row) ? refusal_row[r].name : "?";
}

int http_refusal_status(enum http_refusal r)
{
    return (size_t)r < LEN(refusal_row) ? refusal_row[r].status : 400;
}

static uint32_t *limit_at(struct http_limits *l, size_t i)
{
    return (uint32_t *)(void *)((char *)l + limit_row[i].offset);
}

void http_refusal_text(enum http_refusal r, const struct http_server *s, struct buf *out)
{
    if ((size_t)r >= LEN(refusal_row))
        return;
    buf_str(out, refusal_row[r].text);
    enum limit_id id = refusal_row[r].limit;
    if (id == LIMIT_none)
        return;
    struct http_limits l = s ? s->conf.limits : http_limits_default();
    buf_fmt(out, " (limit %s = %u %s)", limit_row[id].name, (unsigned)*limit_at(&l, id), limit_row[id].unit);
}

struct http_limits http_limits_default(void)
{
    struct http_limits l;
    for (size_t i = 1; i < LEN(limit_row); i++)
        *limit_at(&l, i) = limit_row[i].def;
    return l;
}

static void clamp_limits(struct http_limits *l)
{
    for (size_t i = 1; i < LEN(limit_row); i++) {
        uint32_t *v = limit_at(l, i);
        *v = *v < limit_row[i].least ? limit_row[i].least : *v > limit_row[i].most ? limit_row[i].most : *v;
    }
}

/* ---- requests */

struct request *request_new(struct http_server *s)
{
    struct request *r = s->spare;
    if (r) {
        s->spare = r->next;
        s->spare_n--;
    } else if (!(r = malloc(sizeof *r))) {
        return NULL;
    }
    memset(r, 0, offsetof(struct request, field)); /* fields are filled as far as they are counted */
    return r;
}

void request_free(struct http_server *s, struct request *r)
{
    if (s->spare_n >= SPARE_MAX) {
        free(r);
        return;
    }
    r->next = s->spare;
    s->spare = r;
    s->spare_n++;
}

struct span http_req_field(const struct http_req *r, struct span name)
{
    for (unsigned i = 0; i < r->fields; i++)
        if (r->field[i].name.n == name.n && span_eq_nocase(r->field[i].name, name))
            return r->field[i].value;
    return SPAN_NONE;
}

unsigned http_req_count(const struct http_req *r, struct span name)
{
    unsigned n = 0;
    for (unsigned i = 0; i < r->fields; i++)
        n += span_eq_nocase(r->field[i].name, name);
    return n;
}

bool http_req_gone(const struct http_req *r)
{
    const struct conn *c = ((const struct request *)r)->conn;
    return c->closing || c->eof;
}

const char *http_req_from(const struct http_req *r)
{
    return ((const struct request *)r)->conn->from;
}

struct net_loop *http_req_loop(const struct http_req *r)
{
    return ((const struct request *)r)->conn->server->loop;
}

/* ---- deadlines: one timer looks at all connections */

static void check_conn(struct conn *c, int64_t now)
{
    static const enum http_refusal why[] = {
        [PHASE_HANDSHAKE] = HTTP_REFUSE_HANDSHAKE_TIME,
        [PHASE_IDLE] = HTTP_REFUSE_IDLE_TIME,
        [PHASE_HEAD] = HTTP_REFUSE_HEAD_TIME,
        [PHASE_BODY] = HTTP_REFUSE_BODY_TIME,
    };
    if (c->closing)
        return;
    if (now >= c->write_deadline)
        conn_cut(c, HTTP_REFUSE_WRITE_TIME);
    else if (now < c->deadline || (c->phase == PHASE_IDLE && (c->first || conn_has_output(c))))
        return; /* who waits for us is not idle */
    else if (c->phase == PHASE_LINGER)
        conn_close(c);
    else if (c->phase < PHASE_DEAF && http_refusal_status(why[c->phase]) == 0)
        conn_cut(c, why[c->phase]);
    else if (c->phase < PHASE_DEAF && !c->paused)
        conn_refuse(c, why[c->phase]);
}

static void on_sweep(void *ctx)
{
    struct http_server *s = ctx;
    int64_t now = net_loop_now(s->loop);
    for (struct conn *c = s->conns; c; c = c->next)
        check_conn(c, now);
    if (!s->conns)
        net_timer_stop(s->sweep);
}

static uint64_t tick_of(const struct http_limits *l)
{
    const uint32_t ms[] = {l->handshake_ms, l->head_ms, l->body_ms, l->idle_ms, l->write_ms, LINGER_MS};
    uint32_t least = ms[0];
    for (size_t i = 1; i < LEN(ms); i++)
        least = ms[i] < least ? ms[i] : least;
    return least / 4 < 5 ? 5 : least / 4 > 500 ? 500 : least / 4;
}

/* ---- the listener */

static void free_timers(struct http_server *s)
{
    net_timer_free(s->sweep);
    net_timer_free(s->retry);
    net_timer_free(s->grace);
    s->sweep = s->retry = s->grace = NULL;
}

static void maybe_done(struct http_server *s)
{
    if (s->conns || s->listening)
        return;
    if (s->drained) {
        void (*done)(void *) = s->drained;
        s->drained = NULL;
        done(s->drained_ctx);
        return;
    }
    if (!s->freed)
        return;
    while (s->spare) {
        struct request *r = s->spare;
        s->spare = r->next;
        free(r);
    }
    free_timers(s);
    tls_ctx_free(s->conf.tls);
    free(s);
}

void server_conn_gone(struct http_server *s, struct conn *c)
{
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->conns_n--;
    s->shut_out -= c->cut_short;
    s->counts.open = s->conns_n;
    peers_drop(&s->peers, c->count);
    free(c->peer);
    free(c);
    maybe_done(s);
}

static void on_accept(uv_poll_t *h, int status, int events);

static void listen_again(void *ctx)
{
    struct http_server *s = ctx;
    if (s->listening)
        uv_poll_start(&s->listen, UV_READABLE, on_accept);
}

static void on_accept(uv_poll_t *h, int status, int events)
{
    (void)status, (void)events;
    struct http_server *s = h->data;
    bool first = !s->conns;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct net_addr from = {.n = sizeof from.sa};
        int fd = accept4(s->fd, (struct sockaddr *)&from.sa, &from.n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            conn_new(s, fd, &from);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            uv_poll_stop(&s->listen); /* the connection waits in the kernel's queue; otherwise we would spin */
            net_timer_start(s->retry, ACCEPT_RETRY_MS, 0);
        }
        if (errno != ECONNABORTED && errno != EINTR)
            break;
    }
    s->counts.open = s->conns_n;
    if (first && s->conns)
        net_timer_start(s->sweep, s->tick_ms, s->tick_ms);
}

static enum err fail(struct buf *why, const struct net_addr *a, const char *what)
{
    char text[NET_ADDR_TEXT_MAX];
    if (why)
        buf_fmt(why, "%s: %s: %s", net_addr_text(a, text), what, strerror(errno));
    return ERR_IO;
}

static enum err make_socket(struct http_server *s, struct buf *why)
{
    const struct net_addr *a = &s->conf.addr;
    int one = 1;
    s->fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return fail(why, a, "cannot make a socket");
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (s->conf.reuse_port && setsockopt(s->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0)
        return fail(why, a, "cannot share the port");
    if (bind(s->fd, (const struct sockaddr *)&a->sa, a->n) != 0 || listen(s->fd, BACKLOG) != 0)
        return fail(why, a, "cannot listen here");
    return OK;
}

static enum err open_socket(struct http_server *s, struct buf *why)
{
    const struct net_addr *a = &s->conf.addr;
    if (s->conf.fd > 0) {
        s->fd = s->conf.fd;
        if (fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK) != 0)
            return fail(why, a, "cannot use the socket that was handed over");
    } else {
        TRY(make_socket(s, why));
    }
    s->addr.n = sizeof s->addr.sa;
    if (getsockname(s->fd, (struct sockaddr *)&s->addr.sa, &s->addr.n) != 0)
        return fail(why, a, "cannot read the address");
    if (uv_poll_init(net_loop_uv(s->loop), &s->listen, s->fd) != 0)
        return fail(why, a, "cannot wait for connections");
    s->listen.data = s;
    s->listening = true;
    uv_poll_start(&s->listen, UV_READABLE, on_accept);
    return OK;
}

enum err http_server_new(struct net_loop *l, const struct http_conf *conf, struct http_server **out, struct buf *why)
{
    *out = NULL;
    struct http_server *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->loop = l;
    s->conf = *conf;
    s->fd = -1;
    clamp_limits(&s->conf.limits);
    s->head_limits =
        (struct head_limits){s->conf.limits.head, s->conf.limits.fields, s->conf.limits.value, s->conf.limits.body};
    s->tick_ms = tick_of(&s->conf.limits);
    if (s->conf.tls)
        tls_ctx_ref(s->conf.tls);
    enum err e = net_timer_new(l, on_sweep, s, &s->sweep);
    if (e == OK)
        e = net_timer_new(l, listen_again, s, &s->retry);
    if (e == OK)
        e = open_socket(s, why);
    if (e != OK) {
        if (s->fd >= 0)
            close(s->fd);
        s->freed = true;
        maybe_done(s);
        return e;
    }
    *out = s;
    return OK;
}

struct net_addr http_server_addr(const struct http_server *s)
{
    return s->addr;
}

const struct http_counts *http_server_counts(const struct http_server *s)
{
    return &s->counts;
}

void http_server_tls(struct http_server *s, struct tls_ctx *tls)
{
    struct tls_ctx *old = s->conf.tls;
    s->conf.tls = tls_ctx_ref(tls);
    tls_ctx_free(old);
}

/* ---- endings */

static void on_listener_closed(uv_handle_t *h)
{
    struct http_server *s = h->data;
    s->listening = false;
    maybe_done(s);
}

static void stop_listening(struct http_server *s)
{
    if (s->fd < 0)
        return;
    uv_close((uv_handle_t *)&s->listen, on_listener_closed);
    close(s->fd);
    s->fd = -1;
}

static void close_all(void *ctx)
{
    struct http_server *s = ctx;
    for (struct conn *c = s->conns; c; c = c->next)
        conn_close(c);
}

void http_server_drain(struct http_server *s, uint64_t grace_ms, void (*done)(void *ctx), void *ctx)
{
    s->draining = true;
    s->drained = done;
    s->drained_ctx = ctx;
    stop_listening(s);
    for (struct conn *c = s->conns; c; c = c->next) {
        if (c->closing || c->phase >= PHASE_DEAF)
            continue;
        if (c->phase == PHASE_HANDSHAKE || (c->phase == PHASE_IDLE && !c->first && !conn_has_output(c)))
            conn_close(c);
        else if (c->phase == PHASE_IDLE)
            conn_deafen(c);
    }
    if (net_timer_new(s->loop, close_all, s, &s->grace) == OK)
        net_timer_start(s->grace, grace_ms, 0);
    else
        close_all(s);
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    s->freed = true;
    s->drained = NULL;
    stop_listening(s);
    close_all(s);
    free_timers(s);
    if (s->fd < 0 && !s->listening)
        maybe_done(s);
}
