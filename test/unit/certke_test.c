/* lib/esp: ESCertKE with both ends in memory, and with ends that do not keep the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/ssl.h>

#include "base/code.h"
#include "esp/certke.h"
#include "net_pki.h"

static const struct self me = {
    {(const uint8_t *)"//demo.example", 14}, {(const uint8_t *)"/id-mn", 6}, {(const uint8_t *)"mn", 2}};
static struct pki_cert ca, other_ca, app, gateway, stranger;
static struct certke_ctx *of_app, *of_gateway;
static int64_t now;
static uint8_t room[4][CERTKE_MESSAGE_MAX];

static struct certke_ctx *context(const struct pki_cert *own, const struct pki_cert *trusted)
{
    struct certke_ctx *c = NULL;
    const char *why;
    assert_int_equal(
        certke_ctx_new(span_str(own->cert_pem), span_str(own->key_pem), span_str(trusted->cert_pem), &c, NULL, &why),
        OK);
    return c;
}

static int up(void **state)
{
    (void)state;
    now = (int64_t)time(NULL) * 1000;
    pki_make(&ca, NULL, "ca", NULL, 30);
    pki_make(&other_ca, NULL, "other", NULL, 30);
    pki_make(&app, &ca, "app", "URI:m2m://demo.example/Sapp-heat", 10);
    pki_make(&gateway, &ca, "gw", "DNS:id-mn.id-in.demo.example", 10);
    pki_make(&stranger, &other_ca, "x", "URI:m2m://demo.example/Sapp-heat", 10);
    of_app = context(&app, &ca);
    of_gateway = context(&gateway, &ca);
    return 0;
}

static int all_down(void **state)
{
    (void)state;
    certke_ctx_free(of_app);
    certke_ctx_free(of_gateway);
    struct pki_cert *all[] = {&ca, &other_ca, &app, &gateway, &stranger};
    for (size_t i = 0; i < LEN(all); i++)
        pki_free(all[i]);
    return 0;
}

/* Message number n, 1 to 4, made by `h` from the one before. */
static enum err message(struct certke *h, unsigned n, struct span in, struct span *out)
{
    struct buf b = BUF_ARRAY(room[n - 1]);
    enum err e = certke_step(h, in, &b);
    *out = buf_span(&b);
    return e;
}

struct ends {
    struct certke i, t;
    struct span m[4];
};

/* Up to and with message n. */
static void run_to(struct ends *e, unsigned n)
{
    struct span none;
    assert_int_equal(certke_begin(of_app, true, now, &e->i), OK);
    assert_int_equal(certke_begin(of_gateway, false, now, &e->t), OK);
    for (unsigned k = 1; k <= n; k++)
        assert_int_equal(message(k % 2 ? &e->i : &e->t, k, k == 1 ? SPAN_NONE : e->m[k - 2], &e->m[k - 1]), OK);
    if (n == 4) {
        struct buf b = buf_over(room[0], 0);
        none = buf_span(&b);
        assert_int_equal(certke_step(&e->i, e->m[3], &b), OK);
        assert_int_equal(none.n, 0);
    }
}

static void end(struct ends *e)
{
    certke_free(&e->i);
    certke_free(&e->t);
}

static void both_ends_agree(void **state)
{
    struct ends e;
    struct certke_result x, y;
    (void)state;
    run_to(&e, 4);
    assert_true(certke_done(&e.i) && certke_done(&e.t));
    assert_int_equal(certke_result(&e.i, &x), OK);
    assert_int_equal(certke_result(&e.t, &y), OK);
    assert_memory_equal(x.id, y.id, CERTKE_ID);
    assert_memory_equal(x.key, y.key, CERTKE_KEY);
    struct id heat = id_parse(SPAN("//demo.example/Sapp-heat"), &me), mn = id_parse(SPAN("/id-mn"), &me),
              in = id_parse(SPAN("/id-in"), &me), cold = id_parse(SPAN("//demo.example/Sapp-cold"), &me);
    assert_true(certke_is(&y, &heat, &me) && !certke_is(&y, &cold, &me) && !certke_is(&y, &mn, &me));
    assert_true(certke_is(&x, &mn, &me) && !certke_is(&x, &in, &me) && !certke_is(&x, &heat, &me));
    /* another handshake gives another key */
    struct ends again;
    struct certke_result z;
    run_to(&again, 4);
    assert_int_equal(certke_result(&again.i, &z), OK);
    assert_memory_not_equal(x.key, z.key, CERTKE_KEY);
    assert_memory_not_equal(x.id, z.id, CERTKE_ID);
    /* nothing more is taken */
    struct buf b = BUF_ARRAY(room[0]);
    assert_int_equal(certke_step(&e.t, again.m[2], &b), ERR_SYNTAX);
    end(&e);
    end(&again);
}

static void out_of_turn(void **state)
{
    struct ends e;
    struct certke fresh;
    struct span out;
    struct certke_result r;
    (void)state;
    run_to(&e, 3);
    assert_int_equal(certke_result(&e.i, &r), ERR_NOTNOW);
    /* message 3 without 1, and again to another handshake of the same ends */
    assert_int_equal(certke_begin(of_gateway, false, now, &fresh), OK);
    assert_int_equal(message(&fresh, 4, e.m[2], &out), ERR_SYNTAX);
    assert_int_equal(out.n, 0);
    certke_free(&fresh);
    assert_int_equal(certke_begin(of_gateway, false, now, &fresh), OK);
    assert_int_equal(message(&fresh, 2, e.m[0], &out), OK);
    assert_int_not_equal(message(&fresh, 4, e.m[2], &out), OK);
    assert_null(fresh.ssl);
    /* message 1 where 3 is due */
    assert_int_not_equal(message(&e.t, 4, e.m[0], &out), OK);
    assert_null(e.t.ssl);
    end(&e);
}

static void half_and_more(void **state)
{
    static uint8_t longer[CERTKE_MESSAGE_MAX + 1];
    struct ends e;
    struct span out;
    (void)state;
    run_to(&e, 2);
    assert_int_equal(message(&e.i, 3, span_first(e.m[1], e.m[1].n - 1), &out), ERR_SYNTAX);
    end(&e);
    run_to(&e, 3);
    memcpy(longer, e.m[2].p, e.m[2].n);
    assert_int_equal(message(&e.t, 4, span_of(longer, e.m[2].n + 1), &out), ERR_SYNTAX);
    end(&e);
    run_to(&e, 0);
    longer[0] = 22, longer[1] = 3, longer[5] = 1;
    assert_int_equal(message(&e.t, 2, span_of(longer, sizeof longer), &out), ERR_LIMIT);
    end(&e);
    run_to(&e, 3);
    room[2][e.m[2].n - 3] ^= 1; /* Finished */
    assert_int_equal(message(&e.t, 4, e.m[2], &out), ERR_AUTH);
    end(&e);
}

static void certificates(void **state)
{
    struct ends e;
    struct span out;
    struct certke_ctx *foreign = context(&stranger, &ca);
    (void)state;
    /* of another authority: the terminating end refuses message 3 */
    run_to(&e, 0);
    certke_free(&e.i);
    assert_int_equal(certke_begin(foreign, true, now, &e.i), OK);
    assert_int_equal(message(&e.i, 1, SPAN_NONE, &e.m[0]), OK);
    assert_int_equal(message(&e.t, 2, e.m[0], &e.m[1]), OK);
    enum err mine = message(&e.i, 3, e.m[1], &e.m[2]);
    if (mine == OK)
        assert_int_equal(message(&e.t, 4, e.m[2], &out), ERR_AUTH);
    end(&e);
    certke_ctx_free(foreign);
    /* expired by the caller's clock */
    run_to(&e, 0);
    certke_free(&e.i);
    assert_int_equal(certke_begin(of_app, true, now + INT64_C(86400000) * 11, &e.i), OK);
    assert_int_equal(message(&e.i, 1, SPAN_NONE, &e.m[0]), OK);
    assert_int_equal(message(&e.t, 2, e.m[0], &e.m[1]), OK);
    assert_int_equal(message(&e.i, 3, e.m[1], &out), ERR_AUTH);
    end(&e);
}

/* The ClientHello of a client that wants something else. */
static struct span hello(void (*rules)(SSL_CTX *))
{
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    rules(c);
    SSL *ssl = SSL_new(c);
    BIO *out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    SSL_set_connect_state(ssl);
    (void)SSL_do_handshake(ssl);
    int n = BIO_read(out, room[0], sizeof room[0]);
    SSL_free(ssl);
    SSL_CTX_free(c);
    assert_true(n > 0);
    return span_of(room[0], (size_t)n);
}

static void only_13(SSL_CTX *c)
{
    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
}

static void only_rsa(SSL_CTX *c)
{
    SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set_cipher_list(c, "ECDHE-RSA-AES128-GCM-SHA256"), 1);
}

static void both_versions(SSL_CTX *c)
{
    (void)c;
}

static void offers(void **state)
{
    struct certke t;
    struct span out;
    (void)state;
    void (*const refused[])(SSL_CTX *) = {only_13, only_rsa};
    for (size_t i = 0; i < LEN(refused); i++) {
        assert_int_equal(certke_begin(of_gateway, false, now, &t), OK);
        assert_int_equal(message(&t, 2, hello(refused[i]), &out), ERR_UNSUPPORTED);
        assert_int_equal(out.n, 0);
        certke_free(&t);
    }
    assert_int_equal(certke_begin(of_gateway, false, now, &t), OK);
    assert_int_equal(message(&t, 2, hello(both_versions), &out), OK);
    assert_true(out.n > 100 && out.p[0] == 22 && out.p[1] == 3 && out.p[2] == 3); /* TLS 1.2 it is */
    certke_free(&t);
}

/* Without extended master secret an exporter does not bind the key to this handshake. */
static void needs_extended_master_secret(void **state)
{
    struct ends e;
    struct span out;
    (void)state;
    SSL_CTX_set_options((SSL_CTX *)of_app, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    run_to(&e, 3);
    SSL_CTX_clear_options((SSL_CTX *)of_app, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    assert_int_equal(message(&e.t, 4, e.m[2], &out), ERR_UNSUPPORTED);
    assert_int_equal(out.n, 0);
    end(&e);
}

static void context_is_checked(void **state)
{
    struct certke_ctx *c;
    const char *why;
    uint8_t der[4096];
    struct buf b = BUF_ARRAY(der);
    (void)state;
    struct span cert = span_str(app.cert_pem), key = span_str(app.key_pem), root = span_str(ca.cert_pem);
    assert_int_equal(certke_ctx_new(cert, span_str(gateway.key_pem), root, &c, NULL, &why), ERR_CONFIG);
    assert_int_equal(certke_ctx_new(SPAN("x"), key, root, &c, NULL, &why), ERR_CONFIG);
    assert_int_equal(certke_ctx_new(cert, key, SPAN(""), &c, NULL, &why), ERR_CONFIG);
    assert_int_equal(certke_ctx_new(cert, key, root, &c, &b, &why), OK);
    assert_true(b.n > 100 && b.p[0] == 0x30);
    certke_ctx_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_agree),
        cmocka_unit_test(out_of_turn),
        cmocka_unit_test(half_and_more),
        cmocka_unit_test(certificates),
        cmocka_unit_test(offers),
        cmocka_unit_test(needs_extended_master_secret),
        cmocka_unit_test(context_is_checked),
    };
    return cmocka_run_group_tests(tests, up, all_down);
}
