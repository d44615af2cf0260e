/* HTTP/1.1 on one connection, one request after the other; framing as strict as the front's (lib/net/head.c). */
#include "ttp/teller.h"

#include <stdio.h>
#include <string.h>

static const struct head_limits limits = {
    .head = TELLER_HEAD_MAX, .fields = HTTP_FIELDS_MAX, .value = 8192, .body = TELLER_BODY_MAX};

struct span teller_field(const struct teller_req *r, struct span name)
{
    for (unsigned i = 0; i < r->fields; i++)
        if (span_eq_nocase(r->field[i].name, name))
            return r->field[i].value;
    return SPAN_NONE;
}

static const char *phrase(int status)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {{200, "OK"},
                {201, "Created"},
                {400, "Bad Request"},
                {403, "Forbidden"},
                {404, "Not Found"},
                {405, "Method Not Allowed"},
                {409, "Conflict"},
                {413, "Content Too Large"},
                {411, "Length Required"},
                {429, "Too Many Requests"},
                {500, "Internal Server Error"},
                {503, "Service Unavailable"},
                {507, "Insufficient Storage"}};
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].status == status)
            return rows[i].text;
    return "Answer";
}

enum err teller_write(struct teller *t, int status, const char *media, struct span fields, struct span body, bool last)
{
    struct buf b = BUF_ARRAY(t->desk->work);
    int64_t end = teller_now() + TELLER_ANSWER_MS;
    buf_fmt(&b, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\nContent-Length: %zu\r\n", status,
            phrase(status), media, body.n);
    buf_put(&b, fields);
    buf_str(&b, last ? "Connection: close\r\n\r\n" : "\r\n");
    buf_put(&b, body);
    enum err e = b.e == OK ? tls_one_write(t->one, buf_span(&b), end < t->until ? end : t->until) : b.e;
    buf_wipe(&b);
    return e;
}

/* The sentence names the rule, never what was sent. */
static enum err refused(struct teller *t, int status, const char *what)
{
    uint8_t text[512];
    struct buf b = BUF_ARRAY(text);
    buf_fmt(&b,
            "{\"code\":\"malformed\",\"what\":\"%s\",\"who\":\"teller\",\"object\":\"request\","
            "\"do\":\"send HTTP/1.1 as RFC 9112 has it\"}",
            what);
    enum err e = teller_write(t, status, "application/json", SPAN_NONE, buf_span(&b), true);
    return e == OK ? ERR_SYNTAX : e;
}

static enum err more(struct teller *t, size_t *have, size_t cap, int64_t deadline)
{
    size_t got = 0;
    if (*have == cap)
        return ERR_LIMIT;
    TRY(tls_one_read(t->one, t->desk->in + *have, cap - *have, &got, deadline < t->until ? deadline : t->until));
    *have += got;
    return OK;
}

static enum err head(struct teller *t, struct head *h, size_t *have)
{
    int64_t deadline = teller_now() + TELLER_IDLE_MS;
    head_begin(h, false, &limits);
    for (;;) {
        TRY(more(t, have, sizeof t->desk->in, deadline));
        if (*have > 0 && h->fed == 0)
            deadline = teller_now() + TELLER_REQUEST_MS;
        enum head_result r = head_feed(h, t->desk->in, *have);
        if (r == HEAD_DONE)
            return OK;
        if (r == HEAD_REFUSED || *have > TELLER_HEAD_MAX)
            return refused(t, 400, "the head of the request is not in order");
    }
}

enum err teller_read(struct teller *t, struct teller_req *r)
{
    struct head h;
    size_t have = 0;
    TRY(head(t, &h, &have));
    if (h.chunked)
        return refused(t, 411, "a body must come with Content-Length");
    size_t length = h.length > 0 ? (size_t)h.length : 0;
    if (length > TELLER_BODY_MAX)
        return refused(t, 413, "the body is too large");
    int64_t deadline = teller_now() + TELLER_REQUEST_MS;
    while (have < h.end + length)
        TRY(more(t, &have, h.end + length, deadline));
    if (have > h.end + length)
        return refused(t, 400, "a request must not come before the answer to the one before");
    const uint8_t *base = t->desk->in;
    *r = (struct teller_req){.method = span_of(base + h.method.at, h.method.n),
                             .path = span_of(base + h.target.at, h.target.n),
                             .body = span_of(base + h.end, length),
                             .fields = h.fields,
                             .last = !h.keep_alive};
    head_fields(&h, base, r->field);
    return OK;
}
