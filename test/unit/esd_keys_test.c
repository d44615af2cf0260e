/* lib/esd: sid, keys, kid, commitment and nonces against the given vectors, octet for octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd/seal.h"
#include "esd/seal_to.h"
#include "esd/strict.h"
#include "esd_vectors.h"

static struct given g;

static void check_keys(const struct jval *vec, struct span address, struct span kv, struct span fqdn,
                       const struct jval *out)
{
    struct esd_keys k;
    uint8_t sid[ESD_SID], text[ESD_KID_MAX];
    struct buf kid = BUF_ARRAY(text);
    assert_int_equal(keys_sid(address, sid), REASON_OK);
    assert_int_equal(keys_derive(kv, sid, &k), REASON_OK);
    keys_kid_put(&kid, k.kc, fqdn);
    if (JSON_GET(out, "sid_hex"))
        given_octets(&g, vec, "sid", span_of(sid, ESD_SID), vec_hex(&g.v, out, "sid_hex"));
    given_octets(&g, vec, "EK", span_of(k.kv, 32), vec_hex(&g.v, out, "ek_hex"));
    given_octets(&g, vec, "KC", span_of(k.kc, ESD_KC), vec_hex(&g.v, out, "kc_hex"));
    given_octets(&g, vec, "NK", span_of(k.nk, 32), vec_hex(&g.v, out, "nk_hex"));
    given_differs(&g, vec, "kid", buf_span(&kid), vec_str(&g.v, out, "kid"));
}

/* A strict stream's kid commits to the public key, which both halves give. */
static void strict_vector(const struct jval *vec, const struct jval *in, const struct jval *out)
{
    struct jwkey pub, pair, made;
    struct seal_to_key k;
    uint8_t sid[ESD_SID], thumb[JOSE_THUMB], octets[64];
    struct buf d = BUF_ARRAY(octets);
    assert_int_equal(keys_sid(vec_str(&g.v, in, "address"), sid), REASON_OK);
    assert_int_equal(jwkey_read(JSON_GET(in, "public_jwk"), &g.v.a, &pub), REASON_OK);
    assert_int_equal(jwkey_read(JSON_GET(in, "private_jwk"), &g.v.a, &pair), REASON_OK);
    assert_int_equal(b64url_get(vec_str(&g.v, JSON_GET(in, "private_jwk"), "d"), &d), OK);
    assert_int_equal(jwkey_of_scalar(JWKEY_P256, buf_span(&d), &made), OK);
    assert_true(jwkey_same(&pub, &pair) && jwkey_same(&pub, &made));
    assert_true(!jwkey_private(&pub) && jwkey_private(&pair) && jwkey_private(&made));
    assert_int_equal(jwkey_thumb(&made, thumb), OK);
    given_octets(&g, vec, "thumbprint", span_of(thumb, sizeof thumb), vec_hex(&g.v, out, "thumbprint_hex"));
    assert_int_equal(seal_to_init(&k, jwkey_p256(&pub), sid, vec_str(&g.v, in, "ttp_fqdn")), OK);
    given_octets(&g, vec, "KC", span_of(k.kc, ESD_KC), vec_hex(&g.v, out, "kc_hex"));
    given_differs(&g, vec, "kid", span_of(k.kid, k.kid_n), vec_str(&g.v, out, "kid"));
    seal_to_free(&k);
    jwkey_free(&pub);
    jwkey_free(&pair);
    jwkey_free(&made);
}

static void keys_vector(const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    struct span address = vec_str(&g.v, in, "address");
    uint8_t sid[ESD_SID];
    if (JSON_GET(in, "public_jwk")) {
        strict_vector(vec, in, out);
    } else if (JSON_GET(in, "addresses")) {
        for (uint32_t i = 0; i < out->n; i++) {
            struct span each;
            assert_int_equal(json_str(json_at(JSON_GET(in, "addresses"), i), &g.v.a, &each), OK);
            check_keys(vec, each, vec_hex(&g.v, in, "kv_hex"), vec_str(&g.v, in, "ttp_fqdn"), json_at(out, i));
        }
    } else if (JSON_GET(in, "ttp_fqdn")) {
        given_differs(&g, vec, "address", address, vec_hex(&g.v, in, "address_octets_hex"));
        check_keys(vec, address, vec_hex(&g.v, in, "kv_hex"), vec_str(&g.v, in, "ttp_fqdn"), out);
    } else if (JSON_GET(in, "kid")) {
        assert_int_equal(keys_sid(address, sid), REASON_OK);
        (void)given_verdict(&g, vec, keys_check(vec_hex(&g.v, in, "kv_hex"), sid, vec_str(&g.v, in, "kid")));
    } else {
        (void)given_verdict(&g, vec, keys_sid(address, sid));
    }
}

static enum err fixed_random(void *ctx, uint8_t *p, size_t n)
{
    memcpy(p, ctx, n);
    return OK;
}

static void read_label(struct span con, struct esd_label *l)
{
    struct arena a;
    arena_over(&a, given_memory, sizeof given_memory);
    assert_int_equal(label_read(con, &a, l), REASON_OK);
}

/* Our sealer makes the header itself: epoch, index and time are read from the given header and the message is sealed
 * again; the header text and the IV must be the given ones. */
static void nonce(const struct jval *vec, const struct jval *x)
{
    const struct jval *in = JSON_GET(vec, "in");
    struct esd_keys k;
    struct seal_key sk;
    struct sealer s;
    struct esd_label l;
    uint8_t sid[ESD_SID], text[8192], iv[ESD_IV], probe[8192], fixed[16];
    struct buf o = BUF_ARRAY(probe), con = BUF_ARRAY(text), i = BUF_ARRAY(iv);
    struct span aad = vec_str(&g.v, x, "protected");
    assert_int_equal(keys_sid(vec_str(&g.v, in, "address"), sid), REASON_OK);
    assert_int_equal(keys_derive(vec_hex(&g.v, in, "kv_hex"), sid, &k), REASON_OK);
    assert_int_equal(seal_key_init(&sk, &k, vec_str(&g.v, in, "ttp_fqdn")), OK);
    buf_put(&o, aad);
    buf_str(&o, "..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA");
    read_label(buf_span(&o), &l);
    memcpy(fixed, vec_hex(&g.v, x, "random16_hex").p, 16);
    assert_int_equal(sealer_init(&s, (struct esd_rng){fixed_random, fixed}), OK);
    struct seal_msg m = {.ep = l.e2e.ep,
                         .t_ms = l.e2e.t_ms,
                         .i = l.e2e.i,
                         .device = l.e2e.device,
                         .batch = l.e2e.batch,
                         .json = l.cty.n > 0,
                         .padding = l.e2e.padded};
    assert_int_equal(vec_u64(x, "index"), l.e2e.i);
    assert_int_equal(seal(&s, &sk, &m, vec_hex(&g.v, x, "plaintext_hex"), NULL, &con), OK);
    sealer_free(&s);
    read_label(buf_span(&con), &l);
    assert_int_equal(b64url_get(l.iv_text, &i), OK);
    given_differs(&g, vec, "header of a nonce", l.aad, aad);
    given_octets(&g, vec, "nonce", buf_span(&i), vec_hex(&g.v, x, "nonce_hex"));
}

static void oneseal_keys(void **state)
{
    (void)state;
    unsigned nonces = 0;
    given_open(&g, "oneseal-keys");
    for (const struct jval *vec = g.v.list->child; vec; vec = vec->next, g.v.ran++) {
        const struct jval *list = JSON_GET(JSON_GET(vec, "out"), "nonces");
        keys_vector(vec);
        for (const struct jval *x = list ? list->child : NULL; x; x = x->next, nonces++)
            nonce(vec, x);
    }
    printf("# nonces: %u\n", nonces);
    assert_true(nonces > 0);
    assert_true(given_close(&g, "oneseal-keys"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(oneseal_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
