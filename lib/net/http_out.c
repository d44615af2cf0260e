/* Answers: rendered in the order of the requests, sent once per turn. And how connections end. */
#include "net/http_in.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_ROOM = 256 }; /* status line, Date, Content-Length, Connection and the empty line */

/* ---- rendering */

static void put_date(char date[40], int64_t now_s)
{
    static const char day[] = "SunMonTueWedThuFriSat", month[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t t = (time_t)now_s;
    struct tm tm;
    gmtime_r(&t, &tm);
    snprintf(date, 40, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", day + 3 * tm.tm_wday, tm.tm_mday,
             month + 3 * tm.tm_mon, (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static const char *date_of(struct http_server *s)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != s->date_s) {
        s->date_s = now.tv_sec;
        put_date(s->date, s->date_s);
    }
    return s->date;
}

static uint8_t *put(uint8_t *at, const void *p, size_t n)
{
    if (n > 0)
        memcpy(at, p, n);
    return at + n;
}
#define PUT_LIT(at, lit) put((at), (lit), sizeof(lit) - 1)

static uint8_t *put_number(uint8_t *at, uint64_t v)
{
    uint8_t digits[20];
    size_t k = sizeof digits;
    do {
        digits[--k] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    return put(at, digits + k, sizeof digits - k);
}

/* Room for n octets behind those of *b (of which the first `gone` are no longer needed); NULL without memory. */
static uint8_t *room(struct http_server *s, struct net_block **b, size_t *gone, size_t n)
{
    struct net_block *old = *b;
    if (old && old->cap - old->n >= n)
        return old->p + old->n;
    size_t rest = old ? old->n - *gone : 0;
    size_t cap = rest + n > 2 * rest ? rest + n : 2 * rest;
    struct net_block *fresh = net_block_new(s->loop, cap, s->conf.wipe);
    if (!fresh)
        return NULL;
    if (old)
        memcpy(fresh->p, old->p + *gone, rest);
    fresh->n = rest;
    *gone = 0;
    *b = fresh;
    net_block_drop(s->loop, old);
    return fresh->p + fresh->n;
}

static bool render(struct http_server *s, struct net_block **b, size_t *gone, const struct request *r,
                   const struct http_answer *a)
{
    bool has_body = a->status != 204 && a->status != 304;
    uint8_t *at = room(s, b, gone, HEAD_ROOM + a->fields.n + a->body.n);
    if (!at)
        return false;
    unsigned status = (unsigned)a->status % 1000;
    at = PUT_LIT(at, "HTTP/1.1 ");
    *at++ = (uint8_t)('0' + status / 100);
    *at++ = (uint8_t)('0' + status / 10 % 10);
    *at++ = (uint8_t)('0' + status % 10);
    at = PUT_LIT(at, " \r\n");
    const char *date = date_of(s);
    at = put(at, date, strlen(date));
    at = put(at, a->fields.p, a->fields.n);
    if (has_body) {
        at = PUT_LIT(at, "Content-Length: ");
        at = put_number(at, a->file > 0 ? a->file_n : a->body.n);
        at = PUT_LIT(at, "\r\n");
    }
    if (r->close)
        at = PUT_LIT(at, "Connection: close\r\n");
    else if (r->old)
        at = PUT_LIT(at, "Connection: keep-alive\r\n");
    at = PUT_LIT(at, "\r\n");
    if (has_body && !r->head_only && a->file <= 0)
        at = put(at, a->body.p, a->body.n);
    (*b)->n = (size_t)(at - (*b)->p);
    return true;
}

/* ---- bodies in files */

static void file_drop(struct file_body *f)
{
    if (f->fd > 0)
        f->done(f->ctx);
    f->fd = 0;
}

/* The next piece into `out`. False: the file ended before its time or cannot be read; the peer was promised more. */
static bool file_piece(struct conn *c)
{
    struct file_body *f = &c->file;
    uint64_t left = f->n - f->at;
    size_t want = left < FILE_PIECE ? (size_t)left : FILE_PIECE;
    uint8_t *to = room(c->server, &c->out, &c->out_at, want);
    if (!to)
        return false;
    ssize_t n;
    do
        n = pread(f->fd, to, want, (off_t)f->at);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    c->out->n += (size_t)n;
    f->at += (uint64_t)n;
    return true;
}

/* ---- order */

static bool append_held(struct conn *c, struct request *r)
{
    if (!r->held || c->said_close)
        return true;
    uint8_t *at = room(c->server, &c->out, &c->out_at, r->held->n);
    if (!at)
        return false;
    memcpy(at, r->held->p, r->held->n);
    c->out->n += r->held->n;
    return true;
}

/* Takes requests that are answered off the front of the line; behind a file they wait until it is sent. */
static void settle(struct conn *c)
{
    while (c->first && c->first->answered && c->file.fd <= 0) {
        struct request *r = c->first;
        c->first = r->next;
        c->last = c->first ? c->last : NULL;
        c->waiting--;
        if (!c->closing && !append_held(c, r))
            conn_close(c);
        if (c->closing || c->said_close)
            file_drop(&r->file);
        c->file = r->file;
        if (r->close && !c->closing) {
            c->said_close = true;
            c->phase = PHASE_DEAF;
            c->deadline = INT64_MAX;
        }
        net_block_drop(c->server->loop, r->held);
        request_free(c->server, r);
    }
}

static void answer(struct request *r, const struct http_answer *a)
{
    struct conn *c = r->conn;
    struct http_server *s = c->server;
    r->close = r->close || a->close;
    r->file = (struct file_body){.fd = a->file, .n = a->file_n, .done = a->file_done, .ctx = a->file_ctx};
    if (r->head_only || a->file_n == 0)
        file_drop(&r->file);
    if (!c->closing && !c->said_close) {
        size_t none = 0;
        bool now = c->first == r && c->file.fd <= 0;
        if (!render(s, now ? &c->out : &r->held, now ? &c->out_at : &none, r, a))
            conn_close(c);
    }
    r->answered = true;
    net_block_drop(s->loop, r->block);
    r->block = NULL;
    s->counts.answers++;
    settle(c);
    if (c->closed && !c->first)
        server_conn_gone(s, c);
    else if (!c->busy && !c->closing)
        net_dirty_add(s->loop, &c->dirty);
}

void http_reply(struct http_req *q, const struct http_answer *a)
{
    answer((struct request *)q, a);
}

/* ---- refusals */

static void default_refusal(const char *sentence, struct buf *fields, struct buf *body)
{
    buf_str(fields, "Content-Type: application/json\r\n");
    buf_str(body, "{\"m2m:dbg\":\"");
    buf_str(body, sentence); /* our own words: nothing in them needs an escape */
    buf_str(body, "\"}");
}

static void answer_refusal(struct conn *c, struct request *r, enum http_refusal why)
{
    const struct http_conf *conf = &c->server->conf;
    char sentence[256], fields[512], body[1024];
    struct buf text = BUF_ARRAY(sentence), f = BUF_ARRAY(fields), b = BUF_ARRAY(body);
    http_refusal_text(why, c->server, &text);
    buf_nul(&text);
    int status = http_refusal_status(why);
    if (status == 503)
        buf_str(&f, "Retry-After: 1\r\n");
    if (conf->refuse)
        conf->refuse(conf->ctx, status, text.e == OK ? sentence : http_refusal_name(why), &f, &b);
    else
        default_refusal(sentence, &f, &b);
    struct http_answer a = {.status = status, .fields = buf_span(&f), .body = buf_span(&b), .close = true};
    answer(r, &a);
}

void conn_refuse(struct conn *c, enum http_refusal why)
{
    struct http_server *s = c->server;
    struct request *r = request_new(s);
    if (!r) {
        conn_cut(c, why);
        return;
    }
    s->counts.refused[why]++;
    s->counts.answers--; /* not an answer of the handler */
    r->conn = c;
    r->close = true;
    if (c->last)
        c->last->next = r;
    else
        c->first = r;
    c->last = r;
    c->waiting++;
    conn_deafen(c);
    answer_refusal(c, r, why);
}

/* ---- sending and endings */

static void finish(struct conn *c)
{
    if (c->eof || c->io.broken) {
        conn_close(c);
        return;
    }
    io_end(&c->io);
    c->phase = PHASE_LINGER;
    conn_set_deadline(c);
}

/* What was sent is not needed again; with the last of it the block goes. */
static void sent(struct conn *c, size_t n)
{
    c->server->counts.octets_out += n;
    c->out_at += n;
    if (c->out_at < c->out->n) {
        c->write_deadline = net_loop_now(c->server->loop) + c->server->conf.limits.write_ms;
        return;
    }
    net_block_drop(c->server->loop, c->out);
    c->out = NULL;
    c->out_at = 0;
    c->write_deadline = INT64_MAX;
}

/* Writes what is in `out`. False: the socket takes no more, or is gone. */
static bool write_out(struct conn *c)
{
    while (c->out) {
        ssize_t n = io_write(&c->io, c->out->p + c->out_at, c->out->n - c->out_at);
        if (n == IO_AGAIN)
            return false;
        if (n < 0) {
            conn_close(c);
            return false;
        }
        sent(c, (size_t)n);
    }
    return true;
}

/* Piece by piece, some in a turn: a fast peer shall not have the loop for itself. */
static void write_file(struct conn *c)
{
    for (int i = 0; c->file.fd > 0 && i < FILE_PIECES; i++) {
        if (c->file.at == c->file.n) {
            file_drop(&c->file);
            settle(c);
        } else if (!file_piece(c)) {
            conn_close(c);
        }
        if (c->closing || !write_out(c))
            return;
    }
}

void conn_flush(struct conn *c)
{
    if (write_out(c))
        write_file(c);
    if (c->closing)
        return;
    if (c->out && c->write_deadline == INT64_MAX)
        c->write_deadline = net_loop_now(c->server->loop) + c->server->conf.limits.write_ms;
    if (c->out && c->out->n - c->out_at > c->server->conf.limits.output)
        conn_cut(c, HTTP_REFUSE_OUTPUT_SIZE);
    else if (!conn_has_output(c) && c->phase == PHASE_DEAF && (!c->first || c->said_close))
        finish(c);
}

void conn_poll(struct conn *c)
{
    if (c->phase == PHASE_HANDSHAKE)
        return;
    int events = 0;
    if (c->phase == PHASE_LINGER || (c->phase < PHASE_DEAF && !c->paused))
        events = UV_READABLE;
    if (conn_has_output(c))
        events |= c->io.write_wants_read ? UV_READABLE : UV_WRITABLE;
    if (c->io.read_wants_write)
        events |= UV_WRITABLE;
    io_wait(&c->io, events);
}

void conn_deafen(struct conn *c)
{
    if (c->phase >= PHASE_DEAF)
        return;
    c->phase = PHASE_DEAF;
    c->deadline = INT64_MAX;
    c->want_continue = false;
    if (c->in && c->start < c->in->n)
        c->start = c->in->n; /* what is left is not looked at */
}

static void on_closed(struct net_io *io)
{
    struct conn *c = (struct conn *)io;
    c->closed = true;
    if (!c->first)
        server_conn_gone(c->server, c);
}

void conn_close(struct conn *c)
{
    if (c->closing)
        return;
    struct http_server *s = c->server;
    c->closing = true;
    c->deadline = c->write_deadline = INT64_MAX;
    net_dirty_remove(s->loop, &c->dirty);
    net_block_drop(s->loop, c->in);
    net_block_drop(s->loop, c->out);
    c->in = c->out = NULL;
    file_drop(&c->file);
    settle(c); /* what waited behind a file has nothing to wait for */
    s->counts.closed++;
    io_close(&c->io, on_closed);
}

void conn_cut(struct conn *c, enum http_refusal why)
{
    c->server->counts.refused[why]++;
    conn_close(c);
}
