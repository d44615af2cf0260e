/* One connection of the client: look up, connect, handshake, then one call after the other. */
#include "net/client_in.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_ROOM = 4096, TURNS_MAX = 64 };

static void on_ready(struct net_io *io, int events);

/* ---- endings */

static void on_io_closed(struct net_io *io)
{
    client_link_gone((struct link *)io);
}

void link_close(struct link *k)
{
    if (k->closing)
        return;
    k->closing = true;
    net_block_drop(k->client->loop, k->in);
    k->in = NULL;
    if (k->opened)
        io_close(&k->io, on_io_closed);
    else if (k->lookup)
        uv_cancel((uv_req_t *)k->lookup); /* its callback lets the link go */
}

void link_fail(struct link *k, enum err e, const char *why)
{
    struct http_pending *p = k->call;
    bool stale = p && k->calls > 0 && !k->got_any && !p->repeated && e == ERR_CLOSED && (p->may_repeat || !p->sent);
    if (stale) {
        k->call = NULL;
        client_again(p); /* the closed link lets the pump run */
    } else if (p) {
        client_end_later(p, e, why);
    } else if (k->phase < LINK_IDLE && k->target->first) {
        client_end_later(k->target->first, e, why);
    }
    link_close(k);
}

/* A name may have several addresses, and nobody listens at the first: a fresh link tries the next one. */
static void fail_errno(struct link *k, int number)
{
    char text[128], buffer[96];
    if (k->more) {
        k->target->nth++;
        link_close(k); /* the closed link lets the pump run */
        return;
    }
    k->target->nth = 0;
    snprintf(text, sizeof text, "cannot connect: %s", strerror_r(number, buffer, sizeof buffer));
    link_fail(k, ERR_UNREACHABLE, text);
}

static void fail_tls(struct link *k)
{
    char text[CLIENT_WHY_MAX - 80];
    struct buf why = buf_over(text, sizeof text - 1);
    tls_why(k->io.ssl, &k->expect, &why);
    text[why.n] = 0;
    link_fail(k, ERR_TLS, text);
}

/* ---- the call under way */

static void begin_answer(struct link *k)
{
    head_begin(&k->head, true, &k->client->limits);
    k->head_done = false;
    k->body = k->body_n = 0;
}

static void write_some(struct link *k)
{
    struct http_pending *p = k->call;
    while (k->sent < p->n) {
        ssize_t n = io_write(&k->io, p->request + k->sent, p->n - k->sent);
        if (n == IO_AGAIN)
            break;
        if (n < 0)
            return; /* the answer may have come before the end: reading tells */
        k->sent += (size_t)n;
        p->sent = true;
    }
    int events = UV_READABLE;
    if (k->sent < p->n && !k->io.write_wants_read)
        events |= UV_WRITABLE;
    io_wait(&k->io, events);
}

void link_start(struct link *k, struct http_pending *p)
{
    k->phase = LINK_BUSY;
    k->deadline = INT64_MAX;
    k->call = p;
    k->sent = 0;
    k->got_any = false;
    p->link = k;
    p->deadline = net_loop_now(k->client->loop) + p->response_ms;
    begin_answer(k);
    write_some(k);
}

static bool make_room(struct link *k)
{
    struct net_block *old = k->in;
    if (old && old->cap - old->n >= READ_ROOM)
        return true;
    size_t n = old ? old->n : 0;
    struct net_block *b = net_block_new(k->client->loop, n > READ_ROOM ? 2 * n : n + READ_ROOM, k->client->conf.wipe);
    if (!b)
        return false;
    if (old)
        memcpy(b->p, old->p, n);
    b->n = n;
    k->in = b;
    net_block_drop(k->client->loop, old);
    return true;
}

/* The link is free again (or closed) before `done` runs, because that may start the next call. */
static void complete(struct link *k, bool keep)
{
    struct http_pending *p = k->call;
    struct net_loop *l = k->client->loop;
    struct net_block *b = k->in;
    struct http_field field[HTTP_FIELDS_MAX];
    struct tls_peer peer;
    head_fields(&k->head, b->p, field);
    if (k->peer)
        peer = *k->peer;
    struct http_result r = {
        .why = "",
        .status = k->head.status,
        .body = span_of(b->p + k->body, k->body_n),
        .field = field,
        .fields = k->head.fields,
        .peer = k->peer ? &peer : NULL,
        .sent = true,
    };
    void (*done)(void *, const struct http_result *) = p->done;
    void *ctx = p->ctx;
    k->in = NULL;
    k->call = NULL;
    k->calls++;
    bool rest = k->sent < p->n; /* it answered before it had the whole request: no further use of this link */
    client_forget(p);
    if (keep && !rest) {
        k->phase = LINK_IDLE;
        k->deadline = net_loop_now(l) + k->client->conf.idle_ms;
        io_wait(&k->io, UV_READABLE);
        client_pump(k->target);
    } else {
        link_close(k);
    }
    done(ctx, &r);
    net_block_drop(l, b);
}

static void refuse(struct link *k, enum http_refusal why)
{
    char text[160];
    bool limit = why == HTTP_REFUSE_HEAD_SIZE || why == HTTP_REFUSE_FIELD_COUNT || why == HTTP_REFUSE_VALUE_SIZE ||
                 why == HTTP_REFUSE_BODY_SIZE;
    snprintf(text, sizeof text,
             limit ? "the answer is larger than the client's limit (%s)" : "the answer does not follow RFC 9112 (%s)",
             http_refusal_name(why));
    link_fail(k, limit ? ERR_LIMIT : ERR_SYNTAX, text);
}

static bool has_no_body(const struct link *k)
{
    int s = k->head.status;
    return k->call->head_only || s == 204 || s == 304;
}

/* Interim answers (1xx) are read and forgotten (RFC 9110 section 15.2). */
static void skip_interim(struct link *k)
{
    size_t rest = k->in->n - k->head.end;
    memmove(k->in->p, k->in->p + k->head.end, rest);
    k->in->n = rest;
    begin_answer(k);
}

/* 1: the head is there; 0: not yet; -1: the link has failed. */
static int read_head(struct link *k)
{
    while (!k->head_done) {
        enum head_result r = head_feed(&k->head, k->in->p, k->in->n);
        if (r == HEAD_MORE)
            return 0;
        if (r == HEAD_REFUSED || k->head.status < 100 || k->head.status == 101) {
            refuse(k, r == HEAD_REFUSED ? k->head.why : HTTP_REFUSE_HEAD_SYNTAX);
            return -1;
        }
        if (k->head.status < 200) {
            skip_interim(k);
            continue;
        }
        k->head_done = true;
        k->body = k->head.end;
        chunk_begin(&k->chunk, k->client->conf.body_max);
    }
    return 1;
}

static void read_chunks(struct link *k)
{
    uint8_t *raw = k->in->p + k->body + k->body_n;
    size_t have = k->in->n - k->body - k->body_n, used;
    enum chunk_result r = chunk_feed(&k->chunk, raw, have, k->in->p + k->body, &k->body_n, &used);
    if (r == CHUNK_DONE) {
        complete(k, k->head.keep_alive && used == have);
    } else if (r == CHUNK_MORE) {
        k->in->n = k->body + k->body_n;
    } else {
        refuse(k, r == CHUNK_TOO_LARGE ? HTTP_REFUSE_BODY_SIZE : HTTP_REFUSE_CHUNK);
    }
}

/* What has come is looked at; `ended`: nothing more will. */
static void look(struct link *k, bool ended)
{
    int r = k->in && k->in->n > 0 ? read_head(k) : 0;
    if (r < 0)
        return;
    if (r == 0) {
        if (ended)
            link_fail(k, ERR_CLOSED, "the server closed the connection without an answer");
        return;
    }
    size_t here = k->in->n - k->body;
    if (has_no_body(k)) {
        complete(k, k->head.keep_alive && here == 0 && !ended);
    } else if (k->head.chunked) {
        read_chunks(k);
        if (ended && k->call)
            link_fail(k, ERR_CLOSED, "the server closed the connection within its answer");
    } else if (k->head.length > (int64_t)k->client->conf.body_max) {
        refuse(k, HTTP_REFUSE_BODY_SIZE);
    } else if (k->head.length >= 0) {
        size_t length = (size_t)k->head.length;
        k->body_n = here < length ? here : length;
        if (here >= length)
            complete(k, k->head.keep_alive && here == length && !ended);
        else if (ended)
            link_fail(k, ERR_CLOSED, "the server closed the connection within its answer");
    } else { /* HTTP/1.0, or Connection: close: the end of the connection ends the body */
        k->body_n = here;
        if (here > k->client->conf.body_max)
            refuse(k, HTTP_REFUSE_BODY_SIZE);
        else if (ended)
            complete(k, false);
    }
}

static void read_some(struct link *k)
{
    for (int i = 0; i < TURNS_MAX && !k->closing && k->phase == LINK_BUSY; i++) {
        bool more;
        if (!make_room(k)) {
            link_fail(k, ERR_NOMEM, "out of memory");
            return;
        }
        ssize_t n = io_read(&k->io, k->in->p + k->in->n, k->in->cap - k->in->n, &more);
        if (n == IO_AGAIN)
            return;
        if (n < 0) {
            link_fail(k, ERR_CLOSED,
                      k->io.ssl ? "the TLS connection broke, or our certificate was refused"
                                : "the connection was reset");
            return;
        }
        k->got_any = k->got_any || n > 0;
        k->in->n += (size_t)n;
        look(k, n == 0);
        if (n == 0 || !more)
            return;
    }
}

bool link_usable(struct link *k)
{
    uint8_t octet;
    bool more;
    ssize_t n = IO_AGAIN;
    if (k->io.ssl) {
        n = io_read(&k->io, &octet, 1, &more); /* takes in what TLS has to say between answers */
    } else {
        ssize_t r = recv(k->io.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
        n = r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? IO_AGAIN : 0;
    }
    if (n == IO_AGAIN)
        return true;
    link_close(k);
    return false;
}

/* ---- connecting */

static void connected(struct link *k)
{
    k->phase = LINK_IDLE;
    k->deadline = net_loop_now(k->client->loop) + k->client->conf.idle_ms;
    io_wait(&k->io, UV_READABLE);
    client_pump(k->target);
}

static void handshake(struct link *k)
{
    int r = io_handshake(&k->io);
    if (r == IO_AGAIN)
        return;
    if (r == IO_BROKEN) {
        fail_tls(k);
        return;
    }
    k->peer = malloc(sizeof *k->peer);
    if (k->peer && !tls_peer_read(k->io.ssl, k->peer)) {
        free(k->peer);
        k->peer = NULL;
    }
    connected(k);
}

static void tcp_done(struct link *k)
{
    int number = 0;
    socklen_t n = sizeof number;
    if (getsockopt(k->io.fd, SOL_SOCKET, SO_ERROR, &number, &n) != 0)
        number = errno;
    if (number != 0) {
        fail_errno(k, number);
        return;
    }
    if (!k->target->tls) {
        connected(k);
        return;
    }
    k->phase = LINK_HANDSHAKE;
    k->io.ssl = tls_session(k->target->tls, k->io.fd, &k->expect);
    if (k->io.ssl)
        handshake(k);
    else
        link_fail(k, ERR_NOMEM, "no memory for a TLS session");
}

static void on_ready(struct net_io *io, int events)
{
    struct link *k = (struct link *)io;
    switch (k->phase) {
    case LINK_RESOLVE:
        break;
    case LINK_CONNECT:
        tcp_done(k);
        break;
    case LINK_HANDSHAKE:
        handshake(k);
        break;
    case LINK_IDLE:
        if (link_usable(k) && io->broken)
            link_close(k);
        break;
    case LINK_BUSY:
        if (k->sent < k->call->n && ((events & UV_WRITABLE) || io->write_wants_read))
            write_some(k);
        if (!k->closing && ((events & UV_READABLE) || io->read_wants_write))
            read_some(k);
        break;
    }
}

static void start_connect(struct link *k)
{
    int one = 1;
    int fd = socket(k->addr.sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&k->addr.sa, k->addr.n);
    int number = errno;
    if (fd < 0 || (r != 0 && number != EINPROGRESS)) {
        if (fd >= 0)
            close(fd);
        fail_errno(k, number);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (io_open(&k->io, k->client->loop, fd, on_ready) != OK) {
        link_fail(k, ERR_IO, "no descriptor left");
        return;
    }
    k->opened = true;
    k->phase = LINK_CONNECT;
    io_wait(&k->io, UV_WRITABLE);
}

/* A link that never got a socket has no handle to close: it goes at the end of the turn all the same. */
struct gone {
    struct net_post post;
    struct link *k;
};

static void on_gone(struct net_post *p)
{
    struct link *k = ((struct gone *)p)->k;
    free(p);
    client_link_gone(k);
}

static void let_go(struct link *k)
{
    struct gone *g = malloc(sizeof *g);
    if (!g)
        abort();
    g->post.run = on_gone;
    g->k = k;
    net_loop_post(k->client->loop, &g->post);
}

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct link *k = req->data;
    k->lookup = NULL;
    free(req);
    const struct addrinfo *one = list;
    for (unsigned i = 0; one && one->ai_next && i < k->target->nth; i++)
        one = one->ai_next;
    if (!k->closing && status == 0 && one && one->ai_addrlen <= sizeof k->addr.sa) {
        memcpy(&k->addr.sa, one->ai_addr, one->ai_addrlen);
        k->addr.n = one->ai_addrlen;
        k->more = one->ai_next != NULL;
        start_connect(k);
    } else if (!k->closing) {
        link_fail(k, ERR_UNREACHABLE, "the host name is not known");
    }
    uv_freeaddrinfo(list);
    if (k->closing && !k->opened)
        client_link_gone(k);
}

static void look_up(struct link *k)
{
    char host[256];
    struct span address = span_str(k->target->address);
    size_t colon = span_rfind(address, ':');
    if (colon == address.n || colon >= sizeof host) {
        link_fail(k, ERR_SYNTAX, "the address is not host:port");
        let_go(k);
        return;
    }
    memcpy(host, address.p, colon);
    host[colon] = 0;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    k->lookup = calloc(1, sizeof *k->lookup);
    if (k->lookup) {
        k->lookup->data = k;
        if (uv_getaddrinfo(net_loop_uv(k->client->loop), k->lookup, on_lookup, host, k->target->address + colon + 1,
                           &hints) == 0)
            return;
    }
    free(k->lookup);
    k->lookup = NULL;
    link_fail(k, ERR_UNREACHABLE, "the host name cannot be looked up");
    let_go(k);
}

void link_open(struct target *t)
{
    struct http_client *c = t->client;
    struct link *k = calloc(1, sizeof *k);
    if (!k) {
        client_end_later(t->first, ERR_NOMEM, "out of memory");
        return;
    }
    k->target = t;
    k->client = c;
    k->expect.name = span_str(t->name);
    k->phase = LINK_RESOLVE;
    k->deadline = net_loop_now(c->loop) + c->conf.connect_ms;
    k->next = t->links;
    t->links = k;
    t->links_n++;
    c->links++;
    if (net_addr_parse(span_str(t->address), &k->addr) != OK) {
        look_up(k);
        return;
    }
    start_connect(k);
    if (k->closing && !k->opened)
        let_go(k);
}
