/* TLS: who may talk to whom, and what is said when not. Server and client are ours, on one loop; for what our client
 * would never do, OpenSSL itself is the peer. */
#include "host/heap.h"
#include "net/client.h"
#include "net_pki.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GATEWAY "id-mn.id-in.demo.example"

static struct pki_cert ca, other_ca, gateway, expired, wild, ae, no_san;

struct house {
    struct net_loop *loop;
    struct http_server *server;
    struct http_client *client;
    struct tls_ctx *server_tls;
    char address[NET_ADDR_TEXT_MAX];
    struct net_addr at;
};

static void handle(void *ctx, struct http_req *r)
{
    (void)ctx;
    struct span who = tls_peer_first(r->peer, TLS_NAME_AE);
    if (who.n == 0)
        who = tls_peer_first(r->peer, TLS_NAME_DNS);
    http_reply(r, &(struct http_answer){.status = 200, .body = who.n > 0 ? who : SPAN("nobody")});
}

static struct tls_ctx *context(bool server, const struct pki_cert *own, const struct pki_cert *trusted, bool need)
{
    struct tls_conf c = {.server = server, .client_cert_needed = need};
    if (own) {
        c.cert_pem = span_str(own->cert_pem);
        c.key_pem = span_str(own->key_pem);
    }
    if (trusted)
        c.ca_pem = span_str(trusted->cert_pem);
    struct tls_ctx *out;
    char text[512];
    struct buf why = BUF_ARRAY(text);
    enum err e = tls_ctx_new(&c, &out, &why);
    if (e != OK)
        fail_msg("%.*s", SPAN_FMT(buf_span(&why)));
    return out;
}

static void open_house(struct house *h, const struct pki_cert *own, bool need, struct http_limits limits)
{
    memset(h, 0, sizeof *h);
    assert_int_equal(net_loop_new(&h->loop), OK);
    h->server_tls = context(true, own, &ca, need);
    struct http_conf conf = {.limits = limits, .handle = handle, .tls = h->server_tls};
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1:0"), &conf.addr), OK);
    assert_int_equal(http_server_new(h->loop, &conf, &h->server, NULL), OK);
    h->at = http_server_addr(h->server);
    net_addr_text(&h->at, h->address);
    assert_int_equal(http_client_new(h->loop, NULL, &h->client), OK);
}

static void close_house(struct house *h)
{
    http_client_free(h->client);
    http_server_free(h->server);
    net_loop_free(h->loop);
    tls_ctx_free(h->server_tls);
}

/* Asks with `own` as certificate and `name` as who must be there. */
static enum err ask(struct house *h, const struct pki_cert *own, const struct pki_cert *trusted, const char *name,
                    struct http_reply_copy *r)
{
    struct tls_ctx *tls = context(false, own, trusted, false);
    struct http_call c = {.address = span_str(h->address),
                          .tls = tls,
                          .name = span_str(name),
                          .method = SPAN("GET"),
                          .target = SPAN("/")};
    enum err e = http_call_wait(h->client, &c, r);
    buf_nul(&r->why);
    tls_ctx_free(tls);
    return e;
}

static void expect_body(struct http_reply_copy *r, const char *body)
{
    assert_int_equal(r->status, 200);
    assert_true(span_eq(buf_span(&r->body), span_str(body)));
}

static void test_mutual(void **state)
{
    (void)state;
    struct house h;
    struct http_reply_copy r;
    open_house(&h, &gateway, true, http_limits_default());
    assert_int_equal(ask(&h, &ae, &ca, GATEWAY, &r), OK);
    expect_body(&r, "//demo.example/Sapp-heat");
    assert_true(r.has_peer);
    assert_true(tls_peer_is_dns(&r.peer, SPAN("ID-MN.id-in.demo.example")));
    assert_false(tls_peer_is_dns(&r.peer, SPAN("id-in.demo.example")));
    http_reply_copy_free(&r);
    assert_int_equal(ask(&h, &gateway, &ca, GATEWAY, &r), OK);
    expect_body(&r, GATEWAY);
    http_reply_copy_free(&r);
    assert_int_equal(ask(&h, &no_san, &ca, GATEWAY, &r), OK);
    expect_body(&r, "nobody");
    http_reply_copy_free(&r);
    close_house(&h);
}

static void test_client_certificate_optional(void **state)
{
    (void)state;
    struct house h;
    struct http_reply_copy r;
    open_house(&h, &gateway, false, http_limits_default());
    assert_int_equal(ask(&h, NULL, &ca, GATEWAY, &r), OK);
    expect_body(&r, "nobody");
    http_reply_copy_free(&r);
    close_house(&h);
}

/* The certificate of an AE that serves notifications: its name is an AE-ID. */
static void test_server_is_an_ae(void **state)
{
    (void)state;
    struct house h;
    struct http_reply_copy r;
    open_house(&h, &ae, false, http_limits_default());
    assert_int_equal(ask(&h, NULL, &ca, "//demo.example/Sapp-heat", &r), OK);
    http_reply_copy_free(&r);
    assert_int_equal(ask(&h, NULL, &ca, "//demo.example/Sapp-other", &r), ERR_TLS);
    assert_non_null(
        strstr((char *)r.why.p, "is for \"//demo.example/Sapp-heat\", expected was \"//demo.example/Sapp-other\""));
    assert_false(r.sent);
    http_reply_copy_free(&r);
    close_house(&h);
}

static void refused(const struct pki_cert *server, const struct pki_cert *trusted, const char *name, const char *why)
{
    struct house h;
    struct http_reply_copy r;
    open_house(&h, server, false, http_limits_default());
    assert_int_equal(ask(&h, NULL, trusted, name, &r), ERR_TLS);
    if (!strstr((char *)r.why.p, why))
        fail_msg("\"%s\" does not say \"%s\"", (char *)r.why.p, why);
    assert_false(r.sent);
    http_reply_copy_free(&r);
    for (int i = 0; i < 20 && http_server_counts(h.server)->handshakes_failed == 0; i++)
        net_loop_turn(h.loop);
    assert_int_equal(http_server_counts(h.server)->requests, 0);
    close_house(&h);
}

static void test_client_refuses_the_server(void **state)
{
    (void)state;
    refused(&gateway, &other_ca, GATEWAY, "unable to get local issuer certificate");
    refused(&expired, &ca, GATEWAY, "certificate has expired");
    refused(&gateway, &ca, "id-in.demo.example",
            "is for \"id-mn.id-in.demo.example\", expected was \"id-in.demo.example\"");
    refused(&wild, &ca, "a.demo.example", "is for no name"); /* no wildcards: TS-0003 10.1.1 */
    refused(&no_san, &ca, GATEWAY, "is for no name");        /* a common name is no name */
}

static void test_server_refuses_the_client(void **state)
{
    (void)state;
    struct pki_cert stranger, old;
    pki_make(&stranger, &other_ca, "x", "URI:m2m://demo.example/Sapp-heat", 30);
    pki_make(&old, &ca, "x", "URI:m2m://demo.example/Sapp-heat", -1);
    const struct pki_cert *own[] = {NULL, &stranger, &old};
    for (size_t i = 0; i < LEN(own); i++) {
        struct house h;
        struct http_reply_copy r;
        open_house(&h, &gateway, true, http_limits_default());
        /* With TLS 1.3 the client learns of it only after its own handshake is done. */
        assert_int_not_equal(ask(&h, own[i], &ca, GATEWAY, &r), OK);
        http_reply_copy_free(&r);
        assert_int_equal(http_server_counts(h.server)->handshakes_failed, 1);
        assert_int_equal(http_server_counts(h.server)->requests, 0);
        close_house(&h);
    }
    pki_free(&stranger);
    pki_free(&old);
}

/* ---- authorities of another domain */

/* A server of ours that believes ca about everything and other_ca about b.example; `h` is opened with it. */
static void open_realm(struct house *h, const struct pki_cert *own, const char *domain)
{
    struct tls_realm realm = {.ca_pem = span_str(other_ca.cert_pem), .domain = span_str(domain)};
    struct tls_conf c = {.server = true,
                         .client_cert_needed = true,
                         .cert_pem = span_str(own->cert_pem),
                         .key_pem = span_str(own->key_pem),
                         .ca_pem = span_str(ca.cert_pem),
                         .realms = &realm,
                         .n_realms = 1};
    memset(h, 0, sizeof *h);
    assert_int_equal(net_loop_new(&h->loop), OK);
    assert_int_equal(tls_ctx_new(&c, &h->server_tls, NULL), OK);
    struct http_conf conf = {.limits = http_limits_default(), .handle = handle, .tls = h->server_tls};
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1:0"), &conf.addr), OK);
    assert_int_equal(http_server_new(h->loop, &conf, &h->server, NULL), OK);
    h->at = http_server_addr(h->server);
    net_addr_text(&h->at, h->address);
    assert_int_equal(http_client_new(h->loop, NULL, &h->client), OK);
}

static void test_another_domains_authority_is_believed_about_it_alone(void **state)
{
    (void)state;
    static const struct {
        const char *san;
        bool in;
    } rows[] = {{"DNS:id-in.b.example", true},
                {"DNS:B.example", true},
                {"DNS:id-in.b.example,DNS:id-mn.b.example", true},
                {"DNS:" GATEWAY, false},
                {"DNS:id-in.b.example,DNS:" GATEWAY, false},
                {"DNS:ab.example", false},
                {"URI:m2m://b.example/Sapp", false},
                {"URI:m2m://demo.example/Sapp-heat", false},
                {NULL, false}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct house h;
        struct http_reply_copy r;
        struct pki_cert theirs;
        pki_make(&theirs, &other_ca, "x", rows[i].san, 30);
        open_realm(&h, &gateway, "b.example");
        assert_int_equal(ask(&h, &theirs, &ca, GATEWAY, &r) == OK, rows[i].in);
        http_reply_copy_free(&r);
        assert_int_equal(ask(&h, &ae, &ca, GATEWAY, &r), OK); /* our own is not touched by it */
        http_reply_copy_free(&r);
        close_house(&h);
        pki_free(&theirs);
    }
}

static void test_a_client_believes_it_alike(void **state)
{
    (void)state;
    static const char *const sans[] = {"DNS:id-in.b.example", "DNS:id-in.c.example"};
    for (size_t i = 0; i < LEN(sans); i++) {
        struct house h;
        struct http_reply_copy r;
        struct pki_cert theirs;
        struct tls_realm realm = {.ca_pem = span_str(other_ca.cert_pem), .domain = SPAN("b.example")};
        struct tls_conf conf = {.ca_pem = span_str(ca.cert_pem), .realms = &realm, .n_realms = 1};
        struct tls_ctx *tls;
        pki_make(&theirs, &other_ca, "x", sans[i], 30);
        open_house(&h, &theirs, false, http_limits_default());
        assert_int_equal(tls_ctx_new(&conf, &tls, NULL), OK);
        struct http_call c = {.address = span_str(h.address),
                              .tls = tls,
                              .name = span_from(span_str(sans[i]), 4),
                              .method = SPAN("GET"),
                              .target = SPAN("/")};
        assert_int_equal(http_call_wait(h.client, &c, &r), i == 0 ? OK : ERR_TLS);
        http_reply_copy_free(&r);
        tls_ctx_free(tls);
        close_house(&h);
        pki_free(&theirs);
    }
}

/* ---- OpenSSL as a stranger */

static SSL *stranger(struct house *h, SSL_CTX **ctx, int min, int max)
{
    *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(*ctx, 0);
    SSL_CTX_set_min_proto_version(*ctx, min);
    SSL_CTX_set_max_proto_version(*ctx, max);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&h->at.sa, h->at.n), 0);
    assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
    SSL *s = SSL_new(*ctx);
    SSL_set_fd(s, fd);
    SSL_set_connect_state(s);
    return s;
}

static int shake(struct house *h, SSL *s)
{
    int r;
    while ((r = SSL_do_handshake(s)) != 1 && SSL_get_error(s, r) == SSL_ERROR_WANT_READ)
        net_loop_turn(h->loop);
    return r;
}

static void end_stranger(SSL *s, SSL_CTX *ctx)
{
    close(SSL_get_fd(s));
    SSL_free(s);
    SSL_CTX_free(ctx);
}

static void test_versions(void **state)
{
    (void)state;
    static const struct {
        int version, ok;
    } row[] = {{TLS1_VERSION, 0}, {TLS1_1_VERSION, 0}, {TLS1_2_VERSION, 1}, {TLS1_3_VERSION, 1}};
    for (size_t i = 0; i < LEN(row); i++) {
        struct house h;
        SSL_CTX *ctx;
        open_house(&h, &gateway, false, http_limits_default());
        SSL *s = stranger(&h, &ctx, row[i].version, row[i].version);
        assert_int_equal(shake(&h, s) == 1, row[i].ok);
        if (row[i].ok) {
            assert_int_equal(SSL_version(s), row[i].version);
            const char *suite = SSL_get_cipher_name(s);
            assert_string_equal(suite, row[i].version == TLS1_3_VERSION ? "TLS_AES_128_GCM_SHA256"
                                                                        : "ECDHE-ECDSA-AES128-GCM-SHA256");
            assert_false(SSL_SESSION_has_ticket(SSL_get_session(s)));
        }
        end_stranger(s, ctx);
        close_house(&h);
    }
}

/* A CBC suite is there only when the configuration asks for it. */
static void test_legacy_suite(void **state)
{
    (void)state;
    for (int legacy = 0; legacy < 2; legacy++) {
        struct house h;
        SSL_CTX *ctx;
        open_house(&h, &gateway, false, http_limits_default());
        struct tls_conf c = {.server = true,
                             .legacy_suites = legacy,
                             .cert_pem = span_str(gateway.cert_pem),
                             .key_pem = span_str(gateway.key_pem)};
        struct tls_ctx *tls;
        assert_int_equal(tls_ctx_new(&c, &tls, NULL), OK);
        http_server_tls(h.server, tls); /* a renewed context serves new connections */
        SSL *s = stranger(&h, &ctx, TLS1_2_VERSION, TLS1_2_VERSION);
        assert_int_equal(SSL_set_cipher_list(s, "ECDHE-ECDSA-AES128-SHA256"), 1);
        assert_int_equal(shake(&h, s) == 1, legacy);
        end_stranger(s, ctx);
        close_house(&h);
        tls_ctx_free(tls);
    }
}

static void test_renegotiation_is_refused(void **state)
{
    (void)state;
    struct house h;
    SSL_CTX *ctx;
    open_house(&h, &gateway, false, http_limits_default());
    SSL *s = stranger(&h, &ctx, TLS1_2_VERSION, TLS1_2_VERSION);
    assert_int_equal(shake(&h, s), 1);
    assert_int_equal(SSL_renegotiate(s), 1);
    int r;
    while ((r = SSL_do_handshake(s)) != 1 && SSL_get_error(s, r) == SSL_ERROR_WANT_READ)
        net_loop_turn(h.loop);
    assert_int_not_equal(r, 1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
    end_stranger(s, ctx);
    close_house(&h);
}

static void test_alpn_and_sni(void **state)
{
    (void)state;
    static const unsigned char both[] = "\x02h2\x08http/1.1", only[] = "\x02h2";
    struct house h;
    SSL_CTX *ctx;
    open_house(&h, &gateway, false, http_limits_default());
    SSL *s = stranger(&h, &ctx, TLS1_2_VERSION, TLS1_3_VERSION);
    SSL_set_alpn_protos(s, both, sizeof both - 1);
    SSL_set_tlsext_host_name(s, "other.example");
    assert_int_equal(shake(&h, s), 1);
    const unsigned char *chosen;
    unsigned n;
    SSL_get0_alpn_selected(s, &chosen, &n);
    assert_int_equal(n, 8);
    end_stranger(s, ctx);
    s = stranger(&h, &ctx, TLS1_2_VERSION, TLS1_3_VERSION);
    SSL_set_alpn_protos(s, only, sizeof only - 1);
    assert_int_not_equal(shake(&h, s), 1);
    ERR_clear_error();
    end_stranger(s, ctx);
    close_house(&h);
}

/* Clear HTTP on the TLS port is told so, in clear. */
static void test_clear_text_on_the_tls_port(void **state)
{
    (void)state;
    struct house h;
    struct http_reply_copy r;
    open_house(&h, &gateway, true, http_limits_default());
    struct http_call c = {.address = span_str(h.address), .method = SPAN("GET"), .target = SPAN("/")};
    assert_int_equal(http_call_wait(h.client, &c, &r), OK);
    assert_int_equal(r.status, 400);
    buf_nul(&r.body);
    assert_non_null(strstr((char *)r.body.p, "this port speaks HTTPS"));
    http_reply_copy_free(&r);
    assert_int_equal(http_server_counts(h.server)->refused[HTTP_REFUSE_CLEAR_ON_TLS], 1);
    close_house(&h);
}

static void test_slow_handshake(void **state)
{
    (void)state;
    struct house h;
    struct http_limits l = http_limits_default();
    l.handshake_ms = 20;
    open_house(&h, &gateway, true, l);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&h.at.sa, h.at.n), 0);
    assert_int_equal(send(fd, "\x16\x03\x01", 3, 0), 3);
    while (http_server_counts(h.server)->refused[HTTP_REFUSE_HANDSHAKE_TIME] == 0)
        net_loop_turn(h.loop);
    close(fd);
    close_house(&h);
}

static void test_large_body_over_tls(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, &gateway, false, http_limits_default());
    struct tls_ctx *tls = context(false, NULL, &ca, false);
    uint8_t *big = calloc(1, 1 << 20);
    struct http_call c = {.address = span_str(h.address),
                          .tls = tls,
                          .name = SPAN(GATEWAY),
                          .method = SPAN("POST"),
                          .target = SPAN("/"),
                          .body = {big, 1 << 20}};
    for (int i = 0; i < 3; i++) {
        struct http_reply_copy r;
        assert_int_equal(http_call_wait(h.client, &c, &r), OK);
        expect_body(&r, "nobody");
        http_reply_copy_free(&r);
    }
    assert_int_equal(http_server_counts(h.server)->accepted, 1);
    free(big);
    tls_ctx_free(tls);
    close_house(&h);
}

static void test_bad_configuration(void **state)
{
    (void)state;
    char text[512];
    static const char junk[] = "junk";
    struct tls_ctx *out;
    struct {
        struct tls_conf c;
        const char *why;
    } row[] = {
        {{.server = true}, "a server needs a certificate and its key"},
        {{.server = true, .cert_pem = span_str(gateway.cert_pem), .key_pem = span_str(ae.key_pem)},
         "the key does not belong to the certificate"},
        {{.server = true, .cert_pem = SPAN(junk), .key_pem = span_str(ae.key_pem)}, "no usable certificate"},
        {{.server = true, .cert_pem = span_str(gateway.cert_pem), .key_pem = SPAN(junk)}, "no usable private key"},
        {{.server = false}, "a CA certificate is needed"},
        {{.server = false, .ca_pem = SPAN(junk)}, "no usable CA certificate"},
        {{.server = false, .ca_file = "/nowhere/ca.pem"}, "/nowhere/ca.pem: No such file or directory"},
    };
    for (size_t i = 0; i < LEN(row); i++) {
        struct buf why = BUF_ARRAY(text);
        assert_int_not_equal(tls_ctx_new(&row[i].c, &out, &why), OK);
        buf_nul(&why);
        if (!strstr(text, row[i].why))
            fail_msg("\"%s\" does not say \"%s\"", text, row[i].why);
        assert_null(out);
    }
}

static void test_uri_identity(void **state)
{
    (void)state;
    struct span id;
    const char *good[] = {"m2m://sp/Sx", "//sp/Sx", "https://sp/Sx", "a+b-c.d://sp/Sx"};
    for (size_t i = 0; i < LEN(good); i++) {
        assert_int_equal(tls_uri_ae_id(span_str(good[i]), &id), OK);
        assert_true(span_eq(id, SPAN("//sp/Sx")));
    }
    const char *bad[] = {"",        "//",          "///x",         "m2m:/sp/x", "m2m//sp/x",
                         "://sp/x", "m 2m://sp/x", "m2m://sp/x y", "urn:x",     "m2m://sp/\x01"};
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_equal(tls_uri_ae_id(span_str(bad[i]), &id), ERR_SYNTAX);
}

static int make_certificates(void **state)
{
    (void)state;
    pki_make(&ca, NULL, "CA", NULL, 30);
    pki_make(&other_ca, NULL, "other CA", NULL, 30);
    pki_make(&gateway, &ca, "gw", "DNS:" GATEWAY, 30);
    pki_make(&expired, &ca, "gw", "DNS:" GATEWAY, -1);
    pki_make(&wild, &ca, "w", "DNS:*.demo.example", 30);
    pki_make(&ae, &ca, "ae", "URI:m2m://demo.example/Sapp-heat", 30);
    pki_make(&no_san, &ca, GATEWAY, NULL, 30);
    return 0;
}

static int free_certificates(void **state)
{
    (void)state;
    struct pki_cert *all[] = {&ca, &other_ca, &gateway, &expired, &wild, &ae, &no_san};
    for (size_t i = 0; i < LEN(all); i++)
        pki_free(all[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutual),
        cmocka_unit_test(test_client_certificate_optional),
        cmocka_unit_test(test_server_is_an_ae),
        cmocka_unit_test(test_client_refuses_the_server),
        cmocka_unit_test(test_server_refuses_the_client),
        cmocka_unit_test(test_another_domains_authority_is_believed_about_it_alone),
        cmocka_unit_test(test_a_client_believes_it_alike),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_legacy_suite),
        cmocka_unit_test(test_renegotiation_is_refused),
        cmocka_unit_test(test_alpn_and_sni),
        cmocka_unit_test(test_clear_text_on_the_tls_port),
        cmocka_unit_test(test_slow_handshake),
        cmocka_unit_test(test_large_body_over_tls),
        cmocka_unit_test(test_bad_configuration),
        cmocka_unit_test(test_uri_identity),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
