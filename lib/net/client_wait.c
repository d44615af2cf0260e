/* For tools: URLs, and a call that is waited for. */
#include "net/client_in.h"

#include "host/heap.h"

#include <ctype.h>
#include <string.h>

enum { FIELDS_MAX_OCTETS = 1 << 20 };

struct waiting {
    struct http_reply_copy *out;
    enum err e;
    bool done;
};

static void put_lower(struct buf *b, struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_c(b, (uint8_t)tolower(s.p[i]));
}

static void on_done(void *ctx, const struct http_result *r)
{
    struct waiting *w = ctx;
    struct http_reply_copy *out = w->out;
    w->done = true;
    w->e = r->e;
    out->status = r->status;
    out->sent = r->sent;
    out->has_peer = r->peer != NULL;
    if (r->peer)
        out->peer = *r->peer;
    buf_put(&out->body, r->body);
    buf_str(&out->why, r->why);
    for (unsigned i = 0; i < r->fields; i++) {
        put_lower(&out->fields, r->field[i].name);
        buf_str(&out->fields, ": ");
        buf_put(&out->fields, r->field[i].value);
        buf_c(&out->fields, '\n');
    }
    if (w->e == OK && out->body.e != OK)
        w->e = out->body.e;
}

enum err http_call_wait(struct http_client *c, const struct http_call *call, struct http_reply_copy *out)
{
    memset(out, 0, sizeof *out);
    out->body = heap_buf(c->conf.body_max);
    out->fields = heap_buf(FIELDS_MAX_OCTETS);
    out->why = heap_buf(4096);
    struct waiting w = {.out = out};
    struct http_call mine = *call;
    mine.done = on_done;
    mine.ctx = &w;
    http_call_start(c, &mine, NULL);
    while (!w.done)
        net_loop_turn(c->loop);
    return w.e;
}

struct span http_reply_copy_field(const struct http_reply_copy *r, struct span name)
{
    struct span rest = buf_span(&r->fields);
    while (rest.n > 0) {
        struct span line = span_cut(&rest, '\n');
        if (line.n >= name.n + 2 && span_starts(line, name) && line.p[name.n] == ':')
            return span_from(line, name.n + 2);
    }
    return SPAN_NONE;
}

void http_reply_copy_free(struct http_reply_copy *r)
{
    buf_wipe(&r->body);
    heap_buf_free(&r->body);
    heap_buf_free(&r->fields);
    heap_buf_free(&r->why);
}

struct span http_result_field(const struct http_result *r, struct span name)
{
    for (unsigned i = 0; i < r->fields; i++)
        if (span_eq_nocase(r->field[i].name, name))
            return r->field[i].value;
    return SPAN_NONE;
}

/* ---- URLs */

/* host[:port] in front of the path. */
static enum err parse_authority(struct span a, struct http_url *u)
{
    size_t colon = span_rfind(a, ':'), bracket = span_rfind(a, ']');
    if (bracket < a.n && colon < bracket)
        colon = a.n; /* the colons are those of the address */
    u->host = span_first(a, colon);
    if (u->host.n > 1 && u->host.p[0] == '[') {
        if (u->host.p[u->host.n - 1] != ']')
            return ERR_SYNTAX;
        u->host = span_of(u->host.p + 1, u->host.n - 2);
    }
    if (u->host.n == 0 || span_find(a, '@') < a.n)
        return ERR_SYNTAX;
    uint64_t port = u->tls ? 443 : 80;
    if (colon < a.n)
        TRY(span_u64(span_from(a, colon + 1), 65535, &port));
    u->port = (uint16_t)port;
    u->address = a;
    if (colon < a.n)
        return OK;
    struct buf b = BUF_ARRAY(u->text);
    buf_put(&b, a);
    buf_c(&b, ':');
    buf_u64(&b, port);
    u->address = buf_span(&b);
    return b.e == OK ? OK : ERR_LIMIT;
}

enum err http_url_parse(struct span url, struct http_url *u)
{
    memset(u, 0, sizeof *u);
    u->tls = span_starts(url, SPAN("https://"));
    if (!u->tls && !span_starts(url, SPAN("http://")))
        return ERR_UNSUPPORTED;
    struct span rest = span_from(url, u->tls ? 8 : 7);
    size_t end = 0;
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
        end++;
    TRY(parse_authority(span_first(rest, end), u));
    u->target = end < rest.n ? span_from(rest, end) : SPAN("/");
    enum http_refusal why;
    if (u->target.p[0] == '?') /* "http://host?x" has the path "/" which the caller must write */
        return ERR_SYNTAX;
    return head_target_ok(u->target, &why) ? OK : ERR_SYNTAX;
}
