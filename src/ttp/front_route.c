/* Paths of the front (kind.def) and of the log. */
#include "ttp/front_est.h"
#include "ttp/front_tile.h"

#include "ttp/name.h"

#include <string.h>

static const struct {
    enum ttp_kind kind;
    const char *method, *path;
    bool cert;
} routes[] = {
#define KIND(name, method, path, cert, letter) {KIND_##name, (method), (path), (cert)},
#include "ttp/kind.def"
#undef KIND
};

static const struct {
    enum ttp_log what;
    const char *path, *from, *to; /* names of the two numbers in the query */
    bool cert;
} pages[] = {
    {LOG_CHECKPOINT, "/log/checkpoint", NULL, NULL, false},
    {LOG_COSIGNED, "/log/cosigned", NULL, NULL, false},
    {LOG_ENTRIES, "/log/entries", "start", "count", true},
    {LOG_CONSISTENCY, "/log/consistency", "from", "to", false},
};

static bool number(struct span query, const char *name, uint64_t *out)
{
    struct span want = span_str(name);
    while (query.p) {
        struct span part = span_cut(&query, '&');
        if (span_starts(part, want) && part.n > want.n && part.p[want.n] == '=')
            return span_u64(span_from(part, want.n + 1), INT64_MAX, out) == OK;
    }
    return false;
}

static bool is_auditor(const struct front *f, struct span peer)
{
    struct span list = buf_span(&f->auditors);
    while (list.n > 0) {
        struct span who = span_cut(&list, '\n'), names = peer;
        if (who.n > 0 && names_cover(names, who))
            return true;
        while (who.n > 0 && names.p) {
            struct span name = span_cut(&names, '\n');
            if (span_eq(name, who))
                return true;
        }
    }
    return false;
}

static void log_page(struct front *f, struct http_req *r, size_t row)
{
    uint8_t names[TTP_PEER_MAX + 16];
    struct buf b = BUF_ARRAY(names);
    struct msg_LOG_READ q = {.what = (uint8_t)pages[row].what};
    front_peer(r, &b);
    q.peer = b.e == OK ? buf_span(&b) : SPAN_NONE;
    if (pages[row].from && (!number(r->query, pages[row].from, &q.from) || !number(r->query, pages[row].to, &q.to))) {
        front_error(f, r, 400, "malformed", "the query must name both numbers of the page",
                    "GET /log/entries?start=0&count=100 or /log/consistency?from=1&to=2");
        return;
    }
    if (pages[row].what == LOG_ENTRIES) {
        uint64_t count = q.to > TTP_LOG_PAGE ? TTP_LOG_PAGE : q.to;
        q.to = q.from > INT64_MAX - count ? INT64_MAX : q.from + count;
    }
    q.all = is_auditor(f, q.peer);
    struct front_ask *a = front_take(f, r);
    if (!a)
        return;
    q.id = a->id;
    msg_put_LOG_READ(&f->ledger.out, &q);
    front_flush(f);
}

/* Numbers of the whole house: for those who may read its log. */
static bool metrics_handle(struct front *f, struct http_req *r)
{
    uint8_t names[TTP_PEER_MAX + 16];
    struct buf b = BUF_ARRAY(names);
    if (!span_eq(r->path, SPAN("/metrics")))
        return false;
    front_peer(r, &b);
    if (b.e != OK || b.n == 0 || !is_auditor(f, buf_span(&b))) {
        front_error(f, r, 403, "refused", "only auditors of this TTP may read its numbers",
                    "the TTP's operator lists them: [operator] auditors");
        return true;
    }
    struct front_ask *a = front_take(f, r);
    if (a)
        front_ask(f, a, KIND_METRICS, 0, SPAN_NONE);
    return true;
}

static bool no_certificate(struct front *f, struct http_req *r)
{
    if (r->peer)
        return false;
    front_error(f, r, 403, "refused", "this path needs a client certificate",
                "connect with the certificate of an AE or CSE; only GET /bundle and GET /nonce do without");
    return true;
}

static void wrong_method(struct front *f, struct http_req *r)
{
    front_error(f, r, 405, "malformed", "this path takes another method", "see kind.def: GET or POST");
}

static bool log_handle(struct front *f, struct http_req *r)
{
    for (size_t i = 0; i < LEN(pages); i++)
        if (span_eq(r->path, span_str(pages[i].path))) {
            if (!span_eq(r->method, SPAN("GET")))
                wrong_method(f, r);
            else if (!pages[i].cert || !no_certificate(f, r))
                log_page(f, r, i);
            return true;
        }
    return false;
}

void front_handle(void *ctx, struct http_req *r)
{
    struct front *f = ctx;
    if (log_handle(f, r) || metrics_handle(f, r) || front_tile_handle(f, r) || front_m2m_handle(f, r) ||
        front_est_handle(f, r))
        return;
    for (size_t i = 0; i < LEN(routes); i++) {
        if (!routes[i].path || !span_eq(r->path, span_str(routes[i].path)))
            continue;
        if (!span_eq(r->method, span_str(routes[i].method))) {
            wrong_method(f, r);
        } else if (!routes[i].cert || !no_certificate(f, r)) {
            struct front_ask *a = front_take(f, r);
            if (a)
                front_ask(f, a, routes[i].kind, 0, span_eq(r->method, SPAN("GET")) ? r->query : r->body);
        }
        return;
    }
    front_error(f, r, 404, "malformed", "there is nothing at this path",
                "letter, key, release, policy, policy/show, policy/why, client, shred, poll, bundle, nonce, health, "
                "metrics, anchors, log/..., maf/..., mef/..., .well-known/est/...");
}
