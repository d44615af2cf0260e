/* receiver.c - see receiver.h. */
#include "app/receiver.h"

#include "host/heap.h"
#include "m2m/rsc.h"

enum { WHY_MAX = 2048, HEAD_MAX = 2048, ARENA_BLOCK = 1 << 16, ARENA_MAX = 32 << 20 };

static void answer(struct http_req *q, unsigned rsc, const char *debug)
{
    char head[HEAD_MAX], body[HEAD_MAX];
    struct buf h = BUF_ARRAY(head), b = BUF_ARRAY(body);
    struct span rqi = HTTP_FIELD(q, "x-m2m-ri"), rvi = HTTP_FIELD(q, "x-m2m-rvi");
    buf_fmt(&h, "X-M2M-RSC: %u\r\n", rsc);
    if (rqi.n)
        buf_fmt(&h, "X-M2M-RI: %.*s\r\n", SPAN_FMT(rqi));
    if (rvi.n)
        buf_fmt(&h, "X-M2M-RVI: %.*s\r\n", SPAN_FMT(rvi));
    if (debug) {
        buf_str(&h, "Content-Type: application/json\r\n");
        buf_fmt(&b, "{\"m2m:dbg\":\"%s\"}", debug);
    }
    http_reply(q, &(struct http_answer){.status = (int)rsc_http(rsc), .fields = buf_span(&h), .body = buf_span(&b)});
}

/* For --verbose: who asked for what, and what it was told. Never the content. */
static void note(const struct receiver *r, const struct http_req *q, const char *outcome)
{
    struct span who = q->peer ? tls_peer_first(q->peer, TLS_NAME_DNS) : SPAN_NONE;
    app_note(r->s->app, "%.*s %.*s from %.*s (%s), %zu octets: %s", SPAN_FMT(q->method), SPAN_FMT(q->target),
             SPAN_FMT(who), http_req_from(q), q->body.n, outcome);
}

static bool from_registrar(const struct receiver *r, const struct http_req *q)
{
    return !q->tls || tls_peer_is_dns(q->peer, span_str(r->s->p.server_name));
}

/* Keeps a reading as it came. Sealed or not is for the reader to judge later. */
static enum err keep(struct receiver *r, const struct item *it, struct arena *mem)
{
    struct esd_label l = {0};
    struct book_mail m = {
        .sur = it->sur, .cnf = it->cnf, .con = it->con, .con_json = it->con_json, .came_ms = ttp_now_ms()};
    if (!it->con_json && label_read(it->con, mem, &l) == REASON_OK)
        m.kid = l.kid;
    return book_mail_put(r->s->book, &m);
}

/* A flexContainer changed: the attribute that the subscription is about ("#name" of its address), if it is in there. */
static void take_attribute(struct receiver *r, struct item *it, struct arena *mem)
{
    struct span address, name;
    struct item attribute;
    if (book_subscribed_get(r->s->book, it->sur, mem, &address) != OK)
        return;
    (void)span_cut(&address, '#');
    name = address;
    if (name.n == 0 || item_attribute(it->rep, name, mem, &attribute) != OK)
        return;
    attribute.sur = it->sur;
    *it = attribute;
}

static void take(struct receiver *r, struct http_req *q, struct arena *mem)
{
    struct item it;
    if (!span_eq(q->method, SPAN("POST"))) {
        note(r, q, "not a NOTIFY");
        answer(q, RSC_OPERATION_NOT_ALLOWED, "only NOTIFY is served here");
        return;
    }
    if (!from_registrar(r, q)) {
        r->refused++;
        note(r, q, "not the registrar");
        answer(q, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "only the registrar CSE may notify this AE");
        return;
    }
    enum err e = item_read(q->body, mem, &it);
    if (e != OK) {
        note(r, q, err_text(e));
        answer(q, RSC_BAD_REQUEST, "no notification with a contentInstance");
        return;
    }
    if (it.other)
        take_attribute(r, &it, mem);
    if (it.verify || it.deletion || it.other) {
        r->verified += it.verify;
        note(r, q, it.verify ? "verification" : it.deletion ? "the subscription is gone" : "about something else");
        answer(q, RSC_OK, NULL);
        return;
    }
    e = keep(r, &it, mem);
    r->notified += e == OK;
    note(r, q, e == OK ? "kept" : err_text(e));
    if (e == OK)
        answer(q, RSC_OK, NULL);
    else
        answer(q, RSC_INTERNAL_SERVER_ERROR, "the notification cannot be stored");
}

static void handle(void *ctx, struct http_req *q)
{
    struct arena mem;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    take(ctx, q, &mem);
    arena_reset(&mem);
}

static enum status listen_fault(struct receiver *r, enum err e, const struct buf *why)
{
    return APP_FAIL(r->s->app, e == ERR_CONFIG ? ST_CONFIG : ST_FAILED,
                    .what = app_fmt(r->s->app, "notifications cannot be received: %.*s", SPAN_FMT(buf_span(why))),
                    .who = "the operating system", .kind = "address", .object = r->s->p.listen,
                    .todo = "choose another address in [listen], or 127.0.0.1:0");
}

enum status receiver_open(struct session *s, struct receiver *r)
{
    char text[WHY_MAX], where[NET_ADDR_TEXT_MAX];
    struct buf why = BUF_ARRAY(text);
    *r = (struct receiver){.s = s};
    struct tls_conf conf = {.server = true,
                            .client_cert_needed = true,
                            .cert_file = s->p.certificate,
                            .key_file = s->p.key_file,
                            .ca_file = s->p.ca};
    enum err e = s->p.certificate ? tls_ctx_new(&conf, &r->tls, &why) : OK;
    struct http_conf http = {.tls = r->tls, .limits = http_limits_default(), .wipe = true, .handle = handle, .ctx = r};
    if (e == OK)
        e = net_addr_parse(span_str(s->p.listen), &http.addr);
    if (e == OK)
        e = http_server_new(s->t.loop, &http, &r->http, &why);
    if (e != OK)
        return listen_fault(r, e, &why);
    struct net_addr at = http_server_addr(r->http);
    (void)snprintf(r->url, sizeof r->url, "%s://%s", r->tls ? "https" : "http", net_addr_text(&at, where));
    return ST_DONE;
}

void receiver_close(struct receiver *r)
{
    http_server_free(r->http);
    tls_ctx_free(r->tls);
    *r = (struct receiver){0};
}
