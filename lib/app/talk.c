/* talk.c - see talk.h. */
#include "app/talk.h"

#include <openssl/rand.h>

#include "base/code.h"
#include "host/heap.h"
#include "m2m/rsc.h"
#include "wire/json.h"

enum { HEAD_MAX = 4096, TARGET_MAX = 2048, WHY_MAX = 2048, DEBUG_ARENA = 16384, PREFIX_OCTETS = 6 };

static const struct span methods[] = {{(const uint8_t *)"POST", 4},
                                      {(const uint8_t *)"GET", 3},
                                      {(const uint8_t *)"PUT", 3},
                                      {(const uint8_t *)"DELETE", 6},
                                      {(const uint8_t *)"POST", 4}};

static enum status open_tls(struct talk *t)
{
    const struct profile *p = t->p;
    char text[WHY_MAX];
    struct buf why = BUF_ARRAY(text);
    struct tls_conf conf = {.cert_file = p->certificate, .key_file = p->key_file, .ca_file = p->ca};
    enum err e = tls_ctx_new(&conf, &t->tls, &why);
    if (e == OK)
        return ST_DONE;
    return APP_FAIL(t->app, ST_CONFIG, .what = app_fmt(t->app, "TLS cannot be set up: %.*s", SPAN_FMT(buf_span(&why))),
                    .who = "this program", .kind = "profile", .object = p->path,
                    .todo = "check certificate, key-file and ca in [tls]");
}

enum status talk_open(struct app *app, const struct profile *p, struct talk *t)
{
    *t = (struct talk){.app = app, .p = p};
    if (http_url_parse(span_str(p->url), &t->server) != OK)
        return APP_FAIL(app, ST_CONFIG, .what = "[server] url is no http or https URL", .who = "this program",
                        .kind = "profile", .object = p->path, .todo = "write https://host:port");
    enum status st = p->ca ? open_tls(t) : ST_DONE;
    if (st != ST_DONE)
        return st;
    uint8_t octets[PREFIX_OCTETS];
    struct buf b = BUF_ARRAY(t->prefix);
    struct http_client_conf conf = {.response_ms = (uint32_t)app->timeout_ms, .wipe = true};
    if (RAND_bytes(octets, sizeof octets) == 1 && net_loop_new(&t->loop) == OK &&
        http_client_new(t->loop, &conf, &t->http) == OK) {
        hex_put(&b, span_of(octets, sizeof octets));
        buf_nul(&b);
        return ST_DONE;
    }
    talk_close(t);
    return APP_FAIL(app, ST_FAILED, .what = "the network loop cannot be made", .who = "the operating system",
                    .todo = "check the limits on memory and descriptors");
}

void talk_close(struct talk *t)
{
    http_client_free(t->http);
    net_loop_free(t->loop);
    tls_ctx_free(t->tls);
    *t = (struct talk){0};
}

void talk_target(struct buf *b, struct span to)
{
    if (span_starts(to, SPAN("//"))) {
        buf_str(b, "/_");
        buf_put(b, span_from(to, 1));
    } else if (span_starts(to, SPAN("/"))) {
        buf_str(b, "/~");
        buf_put(b, to);
    } else {
        buf_c(b, '/');
        buf_put(b, to);
    }
}

static void put_head(struct talk *t, const struct talk_ask *ask, const char *rqi, struct buf *head)
{
    struct span from = ask->from.n ? ask->from : span_str(t->p->stem);
    buf_fmt(head, "X-M2M-Origin: %.*s\r\nX-M2M-RI: %s\r\nX-M2M-RVI: 3\r\nAccept: application/json\r\n", SPAN_FMT(from),
            rqi);
    if (ask->op == TALK_CREATE)
        buf_fmt(head, "Content-Type: application/json; ty=%d\r\n", ask->ty);
    else if (ask->body.n)
        buf_str(head, "Content-Type: application/json\r\n");
}

/* Without X-M2M-RSC (something between us and the CSE answered) the class of the HTTP status is what we know. */
static int answer_rsc(const struct talk_answer *a)
{
    uint64_t rsc = 0;
    struct span text = http_reply_copy_field(&a->copy, SPAN("x-m2m-rsc"));
    if (text.p && span_u64(text, 9999, &rsc) == OK)
        return (int)rsc;
    return a->http >= 200 && a->http < 300 ? RSC_OK : a->http == 404 ? RSC_NOT_FOUND : RSC_BAD_REQUEST;
}

void talk_m2m(struct talk *t, const struct talk_ask *ask, struct talk_answer *out)
{
    char head_text[HEAD_MAX], target_text[TARGET_MAX];
    struct buf head = BUF_ARRAY(head_text), target = BUF_ARRAY(target_text);
    *out = (struct talk_answer){0};
    if (ask->rqi.n)
        (void)snprintf(out->request, sizeof out->request, "%.*s", SPAN_FMT(ask->rqi));
    else
        (void)snprintf(out->request, sizeof out->request, "%s-%llu", t->prefix, (unsigned long long)++t->calls);
    put_head(t, ask, out->request, &head);
    talk_target(&target, ask->to);
    out->e = head.e != OK ? head.e : target.e;
    if (out->e != OK)
        return;
    struct http_call call = {
        .address = t->server.address,
        .tls = t->server.tls ? t->tls : NULL,
        .name = span_str(t->p->server_name),
        .method = methods[ask->op],
        .target = buf_span(&target),
        .fields = buf_span(&head),
        .body = ask->body,
        .response_ms = (uint32_t)t->app->timeout_ms,
    };
    out->e = http_call_wait(t->http, &call, &out->copy);
    out->http = out->copy.status;
    out->rsc = out->e == OK ? answer_rsc(out) : 0;
}

void talk_plain(struct talk *t, const char *url, struct span name, struct span method, struct span path,
                struct span type, struct span body, struct talk_answer *out)
{
    char head_text[HEAD_MAX], target_text[TARGET_MAX];
    struct buf head = BUF_ARRAY(head_text), target = BUF_ARRAY(target_text);
    struct http_url where;
    *out = (struct talk_answer){0};
    out->e = http_url_parse(span_str(url), &where);
    if (out->e != OK)
        return;
    if (where.target.n > 1)
        buf_put(&target, where.target);
    buf_put(&target, path);
    if (type.n)
        buf_fmt(&head, "Content-Type: %.*s\r\n", SPAN_FMT(type));
    struct http_call call = {
        .address = where.address,
        .tls = where.tls ? t->tls : NULL,
        .name = name,
        .method = method,
        .target = buf_span(&target),
        .fields = buf_span(&head),
        .body = body,
        .may_repeat = true, /* everything a TTP is sent may be sent again: same content, same answer */
        .response_ms = (uint32_t)t->app->timeout_ms,
    };
    out->e = http_call_wait(t->http, &call, &out->copy);
    out->http = out->copy.status;
}

void talk_answer_free(struct talk_answer *a)
{
    http_reply_copy_free(&a->copy);
    *a = (struct talk_answer){0};
}

struct span talk_body(const struct talk_answer *a)
{
    return buf_span(&a->copy.body);
}

enum status talk_status(int rsc)
{
    static const struct {
        int rsc;
        enum status st;
    } rows[] = {
        {RSC_NOT_FOUND, ST_NOT_FOUND},
        {RSC_CONFLICT, ST_CONFLICT},
        {RSC_ORIGINATOR_HAS_ALREADY_REGISTERED, ST_CONFLICT},
        {RSC_SUBSCRIPTION_CREATOR_HAS_NO_PRIVILEGE, ST_REFUSED},
        {RSC_CONTENTS_UNACCEPTABLE, ST_REFUSED},
        {RSC_ORIGINATOR_HAS_NO_PRIVILEGE, ST_REFUSED},
        {RSC_ORIGINATOR_NOT_AUTHENTICATED, ST_REFUSED},
        {RSC_SECURITY_ASSOCIATION_REQUIRED, ST_REFUSED},
        {RSC_REQUEST_TIMEOUT, ST_UNREACHABLE},
        {RSC_TARGET_NOT_REACHABLE, ST_UNREACHABLE},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].rsc == rsc)
            return rows[i].st;
    return rsc_ok((unsigned)rsc) ? ST_DONE : ST_FAILED;
}

/* m2m:dbg of an error answer; NULL when it has none. */
static const char *debug_text(struct app *app, const struct talk_answer *a)
{
    uint8_t block[DEBUG_ARENA];
    struct arena mem;
    struct jval *v = NULL;
    struct span text;
    arena_over(&mem, block, sizeof block);
    if (json_parse(talk_body(a), &mem, &v, NULL) != OK || json_str(JSON_GET(v, "m2m:dbg"), &mem, &text) != OK)
        return NULL;
    return app_fmt(app, "%.*s", SPAN_FMT(text));
}

enum status talk_judge(struct app *app, const struct talk_answer *a, const char *what, struct span object)
{
    const char *name = app_fmt(app, "%.*s", SPAN_FMT(object));
    if (a->e != OK)
        return APP_FAIL(app, ST_UNREACHABLE,
                        .what = app_fmt(app, "%s: %s (%.*s)", what, err_text(a->e), SPAN_FMT(buf_span(&a->copy.why))),
                        .who = "the network", .object = name, .request = a->request,
                        .todo = "check that the CSE runs and that [server] url and name are right; try again");
    enum status st = talk_status(a->rsc);
    if (st == ST_DONE)
        return st;
    const char *debug = debug_text(app, a);
    return APP_FAIL(app, st, .what = app_fmt(app, "%s: %s", what, debug ? debug : rsc_name((unsigned)a->rsc)),
                    .who = "the CSE that answered", .object = name, .rsc = a->rsc, .request = a->request,
                    .todo = app_fmt(app, "see: oneseal explain %d", a->rsc));
}
