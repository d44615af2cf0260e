/* lib/esd beside libjose: what one seals, signs or wraps, the other opens, verifies and unwraps; 200 random messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <jose/jose.h>

#include "base/code.h"
#include "esd/open.h"
#include "esd/seal.h"
#include "esd/unwrap.h"

enum { ROUNDS = 200, PLAIN_MAX = 3000 };

static uint8_t memory[1 << 20], text[1 << 16], out[1 << 16], plain[PLAIN_MAX];
static struct esd_keys keys;
static json_t *cek;

static size_t some_octets(void)
{
    uint8_t n[2];
    assert_int_equal(esd_random(n, 2), OK);
    size_t len = 1 + (size_t)(n[0] << 8 | n[1]) % PLAIN_MAX;
    assert_int_equal(esd_random(plain, len), OK);
    return len;
}

/* a.b.c.d.e as libjose's flattened object. */
static json_t *flattened(struct span compact)
{
    static const char *const names[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};
    json_t *o = json_object();
    for (size_t i = 0; i < 5; i++) {
        struct span part = span_cut(&compact, '.');
        if (part.n)
            json_object_set_new(o, names[i], json_stringn((const char *)part.p, part.n));
    }
    return o;
}

/* And back. */
static struct span compacted(const json_t *o)
{
    static const char *const names[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};
    struct buf b = BUF_ARRAY(text);
    for (size_t i = 0; i < 5; i++) {
        const char *s = json_string_value(json_object_get(o, names[i]));
        if (i)
            buf_c(&b, '.');
        buf_str(&b, s ? s : "");
    }
    return buf_span(&b);
}

static json_t *jwk_of(const struct p256 *k, bool private)
{
    uint8_t room[1024];
    struct buf b = BUF_ARRAY(room);
    if (private)
        p256_put_private(&b, k);
    else
        p256_put(&b, k);
    json_t *j = json_loadb((const char *)b.p, b.n, 0, NULL);
    assert_non_null(j);
    wipe(room, sizeof room);
    return j;
}

static int set_up(void **state)
{
    (void)state;
    uint8_t kv[ESD_KV], sid[ESD_SID], k[64];
    struct buf b = BUF_ARRAY(k);
    if (esd_random(kv, sizeof kv) != OK || keys_sid(SPAN("//demo.example/id-mn/mn/x"), sid) != REASON_OK ||
        keys_derive(span_of(kv, sizeof kv), sid, &keys) != REASON_OK)
        return -1;
    b64url_put(&b, span_of(keys.kv, 32));
    buf_nul(&b);
    cek = json_pack("{s:s,s:s,s:s}", "kty", "oct", "alg", "A256GCM", "k", (const char *)k);
    return cek ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(cek);
    return 0;
}

static void libjose_opens_what_we_seal(void **state)
{
    (void)state;
    struct sealer s;
    struct seal_key sk;
    assert_int_equal(sealer_init(&s, (struct esd_rng){0}), OK);
    assert_int_equal(seal_key_init(&sk, &keys, SPAN("ttp.demo.example")), OK);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        size_t n = some_octets(), got = 0;
        struct buf b = BUF_ARRAY(out);
        struct seal_msg m = {.ep = 1, .i = i, .t_ms = i, .json = i % 2};
        assert_int_equal(seal(&s, &sk, &m, span_of(plain, n), NULL, &b), OK);
        json_t *o = flattened(buf_span(&b));
        uint8_t *p = jose_jwe_dec_cek(NULL, o, cek, &got);
        assert_non_null(p);
        assert_int_equal(got, n);
        assert_memory_equal(p, plain, n);
        free(p);
        json_decref(o);
    }
    sealer_free(&s);
}

static enum reason give(void *ctx, const struct esd_label *l, struct open_key *k)
{
    (void)ctx, (void)l;
    *k = (struct open_key){.value = span_of(keys.kv, 32), .suid = 14};
    return REASON_OK;
}

static void we_open_what_libjose_seals(void **state)
{
    (void)state;
    static const struct span ttps[] = {{(const uint8_t *)"ttp.demo.example", 16}};
    struct opener o;
    assert_int_equal(opener_init(&o), OK);
    for (int i = 0; i < ROUNDS; i++) {
        size_t n = some_octets();
        struct arena a;
        struct opened res;
        struct buf b = BUF_ARRAY(out);
        struct open_ask ask = {.ttps = ttps, .n_ttps = 1, .key = give};
        json_t *jwe =
            json_pack("{s:{s:s,s:s,s:s}}", "protected", "alg", "dir", "enc", "A256GCM", "kid", "x@ttp.demo.example");
        assert_true(jose_jwe_enc_cek(NULL, jwe, cek, plain, n));
        arena_over(&a, memory, sizeof memory);
        assert_int_equal(open_envelope(&o, compacted(jwe), &ask, &a, &b, &res), REASON_OK);
        assert_true(span_eq(res.plain, span_of(plain, n)));
        json_decref(jwe);
    }
    opener_free(&o);
}

static void wraps_are_the_same_to_both(void **state)
{
    (void)state;
    struct p256 *k;
    assert_int_equal(p256_new(&k), OK);
    json_t *both = jwk_of(k, true), *pub = jwk_of(k, false);
    for (int i = 0; i < ROUNDS / 10; i++) {
        size_t n = some_octets(), got = 0;
        uint8_t apv[32] = {7};
        struct buf b = BUF_ARRAY(out);
        struct arena a;
        assert_int_equal(jwe_wrap(k, SPAN("me"), i % 2 ? apv : NULL, span_of(plain, n), &b), OK);
        json_t *o = flattened(buf_span(&b));
        uint8_t *p = jose_jwe_dec(NULL, o, NULL, both, &got);
        assert_non_null(p);
        assert_true(span_eq(span_of(p, got), span_of(plain, n)));
        free(p);
        json_decref(o);
        /* the other way round; libjose puts epk and alg beside the protected header unless it is told them */
        json_t *rcp = json_object(),
               *jwe = json_pack("{s:{s:s,s:s}}", "protected", "alg", "ECDH-ES+A256KW", "enc", "A256GCM");
        json_t *fresh = json_pack("{s:s}", "alg", "A256GCM");
        assert_true(jose_jwe_enc_jwk(NULL, jwe, rcp, pub, fresh));
        json_t *epk = json_object_get(json_object_get(jwe, "header"), "epk");
        assert_non_null(epk);
        json_object_set(json_object_get(jwe, "protected"), "epk", epk);
        json_object_del(jwe, "header");
        assert_true(jose_jwe_enc_cek(NULL, jwe, fresh, plain, n));
        struct buf back = BUF_ARRAY(out);
        arena_over(&a, memory, sizeof memory);
        assert_int_equal(jwe_unwrap(k, compacted(jwe), NULL, &a, &back), REASON_OK);
        assert_true(span_eq(buf_span(&back), span_of(plain, n)));
        json_decref(fresh);
        json_decref(jwe);
        json_decref(rcp);
    }
    json_decref(both);
    json_decref(pub);
    p256_free(k);
}

static void signatures_are_the_same_to_both(void **state)
{
    (void)state;
    struct p256 *k, *other;
    assert_int_equal(p256_new(&k), OK);
    assert_int_equal(p256_new(&other), OK);
    json_t *both = jwk_of(k, true), *pub = jwk_of(k, false), *wrong = jwk_of(other, false);
    for (int i = 0; i < ROUNDS / 10; i++) {
        struct buf b = BUF_ARRAY(out);
        struct arena a;
        struct jws j;
        assert_int_equal(jws_sign(k, JWS_ACK, SPAN("me"), SPAN("{\"a\":1}"), &b), OK);
        struct span rest = buf_span(&b), h = span_cut(&rest, '.'), p = span_cut(&rest, '.');
        json_t *o = json_object();
        json_object_set_new(o, "protected", json_stringn((const char *)h.p, h.n));
        json_object_set_new(o, "payload", json_stringn((const char *)p.p, p.n));
        json_object_set_new(o, "signature", json_stringn((const char *)rest.p, rest.n));
        assert_true(jose_jws_ver(NULL, o, NULL, pub, false));
        assert_false(jose_jws_ver(NULL, o, NULL, wrong, false));
        json_decref(o);
        o = json_pack("{s:s}", "payload", "eyJhIjoxfQ");
        json_t *sig = json_pack("{s:{s:s,s:s}}", "protected", "alg", "ES256", "typ", "oneseal-ack+jws");
        assert_true(jose_jws_sig(NULL, o, sig, both));
        struct buf c = BUF_ARRAY(text);
        buf_fmt(&c, "%s.%s.%s", json_string_value(json_object_get(o, "protected")),
                json_string_value(json_object_get(o, "payload")), json_string_value(json_object_get(o, "signature")));
        arena_over(&a, memory, sizeof memory);
        assert_int_equal(jws_open(buf_span(&c), JWS_ACK, k, &a, &j), REASON_OK);
        assert_int_equal(jws_verify(&j, other), REASON_TAMPERED);
        json_decref(sig);
        json_decref(o);
    }
    json_decref(both);
    json_decref(pub);
    json_decref(wrong);
    p256_free(k);
    p256_free(other);
}

/* The thumbprint that others compute. */
static void thumbprints_are_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct p256 *k;
        uint8_t mine[JOSE_THUMB], theirs[JOSE_THUMB];
        assert_int_equal(p256_new(&k), OK);
        json_t *j = jwk_of(k, false);
        assert_int_equal(p256_thumb(k, mine), OK);
        assert_int_equal(jose_jwk_thp_buf(NULL, j, "S256", theirs, sizeof theirs), JOSE_THUMB);
        assert_memory_equal(mine, theirs, JOSE_THUMB);
        json_decref(j);
        p256_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libjose_opens_what_we_seal), cmocka_unit_test(we_open_what_libjose_seals),
        cmocka_unit_test(wraps_are_the_same_to_both), cmocka_unit_test(signatures_are_the_same_to_both),
        cmocka_unit_test(thumbprints_are_the_same),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
