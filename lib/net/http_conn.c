/* Reading: octets become requests, requests go to the handler. */
#include "net/http_in.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { READ_LEAST = 2048, TURNS_MAX = 16, SHUT_OUT_MAX = 64 };

void conn_set_deadline(struct conn *c)
{
    const struct http_limits *l = &c->server->conf.limits;
    int64_t ms = 0;
    switch (c->phase) {
    case PHASE_HANDSHAKE:
        ms = l->handshake_ms;
        break;
    case PHASE_IDLE:
        ms = l->idle_ms;
        break;
    case PHASE_HEAD:
        ms = l->head_ms;
        break;
    case PHASE_BODY:
        ms = l->body_ms;
        break;
    case PHASE_LINGER:
        ms = LINGER_MS;
        break;
    case PHASE_DEAF:
        break;
    }
    c->deadline = ms ? net_loop_now(c->server->loop) + ms : INT64_MAX;
}

static void enter(struct conn *c, enum phase phase)
{
    if (c->phase == phase)
        return;
    c->phase = phase;
    conn_set_deadline(c);
}

/* ---- room to read into */

/* Makes room for `more` octets behind what is there. Requests that wait for their answer point into the
 * block: then the unread rest moves to a fresh one, and the old one stays until they are answered. */
static bool make_room(struct conn *c, size_t more)
{
    struct net_loop *l = c->server->loop;
    bool wipe_it = c->server->conf.wipe;
    if (!c->in) {
        c->start = c->body = 0;
        c->in = net_block_new(l, more, wipe_it);
        return c->in != NULL;
    }
    struct net_block *old = c->in;
    if (old->cap - old->n >= more)
        return true;
    size_t rest = old->n - c->start, moved = c->start;
    if (old->refs == 1 && old->cap - rest >= more) {
        memmove(old->p, old->p + c->start, rest);
        if (wipe_it)
            explicit_bzero(old->p + rest, old->n - rest);
        old->n = rest;
    } else {
        size_t cap = rest + more;
        struct net_block *b = net_block_new(l, cap > 2 * rest ? cap : 2 * rest, wipe_it);
        if (!b)
            return false;
        memcpy(b->p, old->p + c->start, rest);
        b->n = rest;
        c->in = b;
        net_block_drop(l, old);
    }
    c->start = 0;
    c->body -= c->phase == PHASE_BODY ? moved : 0;
    return true;
}

/* An idle connection holds no block. */
static void let_go_of_block(struct conn *c)
{
    if (!c->in || c->start < c->in->n)
        return;
    net_block_drop(c->server->loop, c->in);
    c->in = NULL;
    c->start = 0;
}

/* ---- dispatch */

static void fill(struct request *r, struct conn *c)
{
    struct http_req *q = &r->pub;
    const struct head *h = &c->head;
    const uint8_t *base = c->in->p + c->start;
    q->method = span_of(base + h->method.at, h->method.n);
    q->target = span_of(base + h->target.at, h->target.n);
    q->path = q->target;
    q->query = SPAN_NONE;
    size_t mark = span_find(q->target, '?');
    q->has_query = mark < q->target.n;
    if (q->has_query) {
        q->path = span_first(q->target, mark);
        q->query = span_from(q->target, mark + 1);
    }
    head_fields(h, base, r->field);
    q->field = r->field;
    q->fields = h->fields;
    q->body = span_of(c->in->p + c->body, c->body_n);
    q->tls = c->io.ssl != NULL;
    q->peer = c->peer;
    q->user = NULL;
    r->close = !h->keep_alive;
    r->old = h->minor == 0;
    r->head_only = span_eq(q->method, SPAN("HEAD"));
}

static bool dispatch(struct conn *c)
{
    struct http_server *s = c->server;
    struct request *r = request_new(s);
    if (!r) {
        conn_refuse(c, HTTP_REFUSE_NO_MEMORY);
        return false;
    }
    r->conn = c;
    fill(r, c);
    r->block = c->in;
    c->in->refs++;
    if (c->last)
        c->last->next = r;
    else
        c->first = r;
    c->last = r;
    c->waiting++;
    s->counts.requests++;
    if (r->close || s->draining)
        enter(c, PHASE_DEAF);
    else
        c->phase = PHASE_IDLE; /* its deadline is set at the end of the turn */
    s->conf.handle(s->conf.ctx, &r->pub);
    return !c->closing;
}

/* ---- the message under way */

static void begin_message(struct conn *c)
{
    head_begin(&c->head, false, &c->server->head_limits);
    c->want_continue = false;
    enter(c, PHASE_HEAD);
}

/* "100 Continue" may leave only when no older answer is outstanding, and only when it is of use. */
static void send_continue(struct conn *c)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!c->want_continue || c->first || conn_has_output(c) || c->body_n > 0)
        return;
    c->want_continue = false;
    ssize_t n = io_write(&c->io, line, sizeof line - 1);
    if (n != (ssize_t)sizeof line - 1 && n != IO_AGAIN)
        conn_close(c);
}

/* HEAD_DONE: prepares for the body. */
static void begin_body(struct conn *c)
{
    c->body = c->start + c->head.end;
    c->body_n = 0;
    c->want_continue = c->head.expects_continue;
    if (c->head.chunked)
        chunk_begin(&c->chunk, c->server->conf.limits.body);
    enter(c, PHASE_BODY);
}

static enum http_refusal chunk_refusal(enum chunk_result r)
{
    return r == CHUNK_TOO_LARGE     ? HTTP_REFUSE_BODY_SIZE
           : r == CHUNK_BAD_TRAILER ? HTTP_REFUSE_TRAILER
                                    : HTTP_REFUSE_CHUNK;
}

/* Takes the framing off in place. 1: the body is complete and *next stands behind it; 0: more to come; -1: refused. */
static int read_chunks(struct conn *c, size_t *next)
{
    uint8_t *raw = c->in->p + c->body + c->body_n;
    size_t have = c->in->n - c->body - c->body_n, used = 0;
    enum chunk_result r = chunk_feed(&c->chunk, raw, have, c->in->p + c->body, &c->body_n, &used);
    *next = (size_t)(raw - c->in->p) + used;
    if (r == CHUNK_DONE)
        return 1;
    if (r == CHUNK_MORE) {
        size_t keep = c->body + c->body_n;
        if (c->server->conf.wipe)
            explicit_bzero(c->in->p + keep, c->in->n - keep);
        c->in->n = keep;
        return 0;
    }
    conn_refuse(c, chunk_refusal(r));
    return -1;
}

static int read_body(struct conn *c, size_t *next)
{
    if (c->head.chunked)
        return read_chunks(c, next);
    size_t length = c->head.length > 0 ? (size_t)c->head.length : 0;
    size_t here = c->in->n - c->body;
    c->body_n = here < length ? here : length;
    *next = c->body + c->body_n;
    return here >= length;
}

static bool can_take_more(const struct conn *c)
{
    return c->waiting < c->server->conf.limits.pipeline && (!c->out || c->out->n - c->out_at < PAUSE_OUTPUT);
}

/* Reads as many messages as are complete. */
static void advance(struct conn *c)
{
    while (!c->closing && c->phase < PHASE_DEAF && c->in && c->start < c->in->n) {
        if (!can_take_more(c)) {
            c->paused = true;
            return;
        }
        if (c->phase == PHASE_IDLE)
            begin_message(c);
        if (c->phase == PHASE_HEAD) {
            enum head_result r = head_feed(&c->head, c->in->p + c->start, c->in->n - c->start);
            if (r == HEAD_REFUSED)
                conn_refuse(c, c->head.why);
            if (r != HEAD_DONE)
                return;
            begin_body(c);
        }
        size_t next;
        int done = read_body(c, &next);
        if (done == 0)
            send_continue(c);
        if (done <= 0)
            return;
        bool go_on = dispatch(c);
        c->start = next;
        if (!go_on)
            return;
    }
}

static void finish_handshake(struct conn *c)
{
    int r = io_handshake(&c->io);
    if (r == IO_AGAIN)
        return;
    struct http_server *s = c->server;
    if (r == IO_BROKEN) {
        bool clear = tls_error_is_clear_http();
        s->counts.handshakes_failed++;
        if (clear) {
            SSL_free(c->io.ssl);
            c->io.ssl = NULL; /* the answer has to be in clear */
            conn_refuse(c, HTTP_REFUSE_CLEAR_ON_TLS);
        } else {
            conn_close(c);
        }
        return;
    }
    s->counts.handshakes++;
    c->peer = malloc(sizeof *c->peer);
    if (!c->peer || !tls_peer_read(c->io.ssl, c->peer)) {
        free(c->peer);
        c->peer = NULL;
    }
    enter(c, PHASE_IDLE);
}

/* Room for the next read. Memory grows with what has come, never with what a Content-Length promises. */
static size_t room_wanted(const struct conn *c)
{
    if (c->phase != PHASE_BODY || c->head.chunked)
        return READ_LEAST;
    size_t missing = (size_t)c->head.length - (c->in->n - c->body);
    return missing < READ_LEAST ? missing : READ_LEAST;
}

/* One read. True: there may be more at once. */
static bool read_once(struct conn *c)
{
    if (!make_room(c, room_wanted(c))) {
        conn_refuse(c, HTTP_REFUSE_NO_MEMORY);
        return false;
    }
    bool more;
    ssize_t n = io_read(&c->io, c->in->p + c->in->n, c->in->cap - c->in->n, &more);
    if (n == IO_AGAIN)
        return false;
    if (n <= 0) {
        /* The peer is gone, or will send no more but may still read what it asked for. */
        c->eof = true;
        if (n == 0 && (c->first || conn_has_output(c)))
            conn_deafen(c);
        else
            conn_close(c);
        return false;
    }
    c->in->n += (size_t)n;
    c->server->counts.octets_in += (uint64_t)n;
    advance(c);
    return more;
}

static void read_turn(struct conn *c)
{
    for (int i = 0; i < TURNS_MAX && !c->closing && !c->paused && c->phase < PHASE_DEAF; i++)
        if (!read_once(c))
            break;
}

static void linger(struct conn *c)
{
    ssize_t n;
    while ((n = io_discard(&c->io, LINGER_MAX)) > 0) {
        c->lingered += (size_t)n;
        if (c->lingered > LINGER_MAX)
            break;
    }
    if (n != IO_AGAIN)
        conn_close(c);
}

/* What every turn ends with: answers leave, what was paused goes on, the poll waits for the right thing. */
static void end_turn(struct conn *c)
{
    for (;;) {
        c->busy = false;
        if (c->closing)
            return;
        let_go_of_block(c);
        conn_flush(c);
        if (c->closing || !c->paused || !can_take_more(c))
            break;
        c->busy = true;
        c->paused = false;
        conn_set_deadline(c); /* the time of the pause was ours, not the peer's */
        advance(c);
        if (c->io.ssl) /* OpenSSL may hold octets that would not wake the poll */
            read_turn(c);
    }
    if (c->closing)
        return;
    if (c->phase == PHASE_IDLE)
        conn_set_deadline(c);
    if (!c->first)
        send_continue(c);
    if (!c->closing)
        conn_poll(c);
}

void conn_ready(struct net_io *io, int events)
{
    struct conn *c = (struct conn *)io;
    c->busy = true;
    if (c->phase == PHASE_HANDSHAKE) {
        finish_handshake(c);
        events |= UV_READABLE; /* the first request may have come with the handshake */
    }
    if (c->phase == PHASE_LINGER)
        linger(c);
    else if (io->broken && c->phase == PHASE_DEAF)
        conn_close(c);
    else if (!c->closing && c->phase < PHASE_DEAF && c->phase != PHASE_HANDSHAKE &&
             ((events & UV_READABLE) || io->read_wants_write))
        read_turn(c);
    end_turn(c);
}

void conn_flush_dirty(struct net_dirty *d)
{
    struct conn *c = (struct conn *)((char *)d - offsetof(struct conn, dirty));
    if (!c->closing)
        end_turn(c);
}

void conn_new(struct http_server *s, int fd, const struct net_addr *from)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->server = s;
    c->dirty.flush = conn_flush_dirty;
    c->write_deadline = INT64_MAX;
    net_addr_text(from, c->from);
    c->count = peers_add(&s->peers, from);
    c->phase = s->conf.tls ? PHASE_HANDSHAKE : PHASE_IDLE;
    conn_set_deadline(c);
    if (io_open(&c->io, s->loop, fd, conn_ready) != OK) {
        peers_drop(&s->peers, c->count);
        free(c);
        return;
    }
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    s->conns_n++;
    s->counts.accepted++;
    bool full = s->conns_n - s->shut_out > s->conf.limits.connections;
    bool peer_full = c->count && c->count->n > s->conf.limits.per_peer;
    if (full || peer_full || !c->count) {
        enum http_refusal why = full        ? HTTP_REFUSE_CONNECTIONS
                                : peer_full ? HTTP_REFUSE_PER_PEER
                                            : HTTP_REFUSE_NO_MEMORY;
        c->cut_short = true;
        s->shut_out++;
        if (s->conf.tls || s->shut_out > SHUT_OUT_MAX)
            conn_cut(c, why);
        else
            conn_refuse(c, why);
        return;
    }
    if (s->conf.tls && !(c->io.ssl = tls_session(s->conf.tls, fd, NULL))) {
        conn_close(c);
        return;
    }
    io_wait(&c->io, UV_READABLE);
}
