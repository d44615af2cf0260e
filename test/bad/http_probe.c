/* http_probe - a server with nothing behind it: what arrived is told as JSON. For the tests in test/bad and for
 * test/bench, which measure lib/net alone.
 *
 * http_probe [--tls CERT KEY CA] [--need-cert] [--set LIMIT=VALUE]... [--wipe]
 * prints "ready http=127.0.0.1:PORT" (or https=), ends on SIGTERM.
 *   /la           a body of 500 octets
 *   /late?ms=N    the answer comes N ms later
 *   /counts       the server's counters
 *   /body         the body back
 *   anything else {"method":..,"target":..,"fields":..,"body":octets,"peer":name or null} */
#include "host/heap.h"
#include "host/secret.h"
#include "net/http.h"
#include "wire/json.h"

#include <signal.h>

static struct net_loop *loop;
static struct http_server *server;

static void reply(struct http_req *r, struct span body)
{
    struct http_answer a = {.status = 200, .fields = SPAN("Content-Type: application/json\r\n"), .body = body};
    http_reply(r, &a);
}

static void tell(struct http_req *r)
{
    struct buf b = heap_buf(1 << 20);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_STR(&w, "method", r->method);
    JW_STR(&w, "target", r->target);
    JW_U64(&w, "fields", r->fields);
    JW_U64(&w, "body", r->body.n);
    JW_NAME(&w, "peer");
    if (r->peer && r->peer->n > 0)
        jw_str(&w, tls_name_span(&r->peer->name[0]));
    else
        jw_null(&w);
    jw_end_obj(&w);
    reply(r, buf_span(&b));
    heap_buf_free(&b);
}

static void counts(struct http_req *r)
{
    const struct http_counts *c = http_server_counts(server);
    struct buf b = heap_buf(1 << 16);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "requests", c->requests);
    JW_U64(&w, "accepted", c->accepted);
    JW_U64(&w, "open", c->open);
    JW_U64(&w, "handshakes_failed", c->handshakes_failed);
    for (int i = 0; i < HTTP_REFUSE__N; i++) {
        jw_name(&w, span_str(http_refusal_name((enum http_refusal)i)));
        jw_u64(&w, c->refused[i]);
    }
    jw_end_obj(&w);
    reply(r, buf_span(&b));
    heap_buf_free(&b);
}

struct late {
    struct http_req *r;
    struct net_timer *t;
};

static void on_late(void *ctx)
{
    struct late *l = ctx;
    tell(l->r);
    net_timer_free(l->t);
    free(l);
}

static void answer_late(struct http_req *r)
{
    uint64_t ms = 0;
    struct span q = r->query;
    (void)span_cut(&q, '=');
    if (span_u64(q, 10000, &ms) != OK)
        ms = 0;
    struct late *l = xalloc(sizeof *l);
    l->r = r;
    if (net_timer_new(loop, on_late, l, &l->t) != OK)
        abort();
    net_timer_start(l->t, ms, 0);
}

static void handle(void *ctx, struct http_req *r)
{
    static char la[500];
    (void)ctx;
    if (la[0] == 0)
        memset(la, 'x', sizeof la);
    if (span_eq(r->path, SPAN("/la")))
        reply(r, span_of(la, sizeof la));
    else if (span_eq(r->path, SPAN("/late")))
        answer_late(r);
    else if (span_eq(r->path, SPAN("/counts")))
        counts(r);
    else if (span_eq(r->path, SPAN("/body")))
        reply(r, r->body);
    else
        tell(r);
}

static void set_limit(struct http_limits *l, const char *text)
{
    struct span v = span_str(text), name = span_cut(&v, '=');
    uint64_t n;
    if (span_u64(v, UINT32_MAX, &n) != OK)
        exit(2);
#define LIMIT(row, def, least, most, unit, prose)                                                                      \
    if (span_eq(name, SPAN(#row)))                                                                                     \
        l->row = (uint32_t)n;
#include "net/http_limits.def"
#undef LIMIT
}

static void on_term(void *ctx)
{
    (void)ctx;
    net_loop_stop(loop);
}

int main(int argc, char **argv)
{
    if (secret_openssl_wipes() != OK)
        return 1;
    struct tls_conf tls = {.server = true};
    struct http_conf conf = {.limits = http_limits_default(), .handle = handle};
    for (int i = 1; i < argc; i++) {
        struct span a = span_str(argv[i]);
        if (span_eq(a, SPAN("--tls")) && i + 3 < argc) {
            tls.cert_file = argv[i + 1];
            tls.key_file = argv[i + 2];
            tls.ca_file = argv[i + 3];
            i += 3;
        } else if (span_eq(a, SPAN("--need-cert"))) {
            tls.client_cert_needed = true;
        } else if (span_eq(a, SPAN("--wipe"))) {
            conf.wipe = true;
        } else if (span_eq(a, SPAN("--set")) && i + 1 < argc) {
            set_limit(&conf.limits, argv[++i]);
        } else {
            fputs("http_probe: unknown argument\n", stderr);
            return 2;
        }
    }
    struct buf why = heap_buf(1024);
    if (net_addr_parse(SPAN("127.0.0.1:0"), &conf.addr) != OK || net_loop_new(&loop) != OK ||
        (tls.cert_file && tls_ctx_new(&tls, &conf.tls, &why) != OK) ||
        http_server_new(loop, &conf, &server, &why) != OK || net_signal_on(loop, SIGTERM, on_term, NULL) != OK) {
        fprintf(stderr, "http_probe: %.*s\n", SPAN_FMT(buf_span(&why)));
        return 1;
    }
    struct net_addr at = http_server_addr(server);
    char text[NET_ADDR_TEXT_MAX];
    printf("ready %s=%s\n", conf.tls ? "https" : "http", net_addr_text(&at, text));
    fflush(stdout);
    net_loop_run(loop);
    http_server_free(server);
    net_loop_free(loop);
    tls_ctx_free(conf.tls);
    heap_buf_free(&why);
    return 0;
}
