/* lib/esd: keys of every kind as JWK and PEM, what is refused, signatures by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/code.h"
#include "esd/jwkey.h"

static uint8_t memory[1 << 20], text[1 << 16], again[1 << 16];
static const enum jwkey_kind pairs[] = {JWKEY_P256, JWKEY_P384, JWKEY_P521, JWKEY_X25519, JWKEY_RSA};

static enum reason reads(struct span jwk, struct jwkey *out)
{
    struct arena a;
    arena_over(&a, memory, sizeof memory);
    return jwkey_read_text(jwk, &a, out);
}

static void as_jwk(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(pairs); i++) {
        struct jwkey k, pub, pair;
        struct buf b = BUF_ARRAY(text), c = BUF_ARRAY(again);
        uint8_t x[JOSE_THUMB], y[JOSE_THUMB];
        assert_int_equal(jwkey_new(pairs[i], &k), OK);
        jwkey_put(&b, &k);
        jwkey_put_private(&c, &k);
        assert_int_equal(b.e | c.e, OK);
        assert_int_equal(reads(buf_span(&b), &pub), REASON_OK);
        assert_int_equal(reads(buf_span(&c), &pair), REASON_OK);
        assert_true(pub.kind == pairs[i] && pair.kind == pairs[i]);
        assert_true(jwkey_private(&k) && jwkey_private(&pair) && !jwkey_private(&pub));
        assert_true(jwkey_same(&k, &pub) && jwkey_same(&k, &pair));
        assert_int_equal(jwkey_thumb(&k, x), OK);
        assert_int_equal(jwkey_thumb(&pub, y), OK);
        assert_memory_equal(x, y, sizeof x);
        buf_reset(&b);
        jwkey_put_private(&b, &pub);
        assert_int_equal(b.e, ERR_NOTNOW);
        jwkey_free(&k);
        jwkey_free(&pub);
        jwkey_free(&pair);
        jwkey_free(&pair);
    }
}

static void as_pem(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(pairs); i++) {
        struct jwkey k, pub, pair;
        struct buf b = BUF_ARRAY(text), c = BUF_ARRAY(again);
        assert_int_equal(jwkey_new(pairs[i], &k), OK);
        assert_int_equal(jwkey_write_pem(&k, &b), OK);
        assert_int_equal(jwkey_write_pem_public(&k, &c), OK);
        assert_int_equal(jwkey_read_pem(buf_span(&b), &pair), OK);
        assert_int_equal(jwkey_read_pem(buf_span(&c), &pub), OK);
        assert_true(jwkey_same(&k, &pub) && jwkey_same(&k, &pair));
        assert_true(jwkey_private(&pair) && !jwkey_private(&pub));
        assert_int_equal(jwkey_write_pem(&pub, &b), ERR_NOTNOW);
        jwkey_free(&k);
        jwkey_free(&pub);
        jwkey_free(&pair);
    }
    struct jwkey k;
    assert_int_equal(jwkey_read_pem(SPAN("nothing"), &k), ERR_SYNTAX);
    assert_null(k.evp);
}

/* RFC 7638 3.1, the one example that exists for RSA; its e and n alone make the thumbprint. */
static void thumbprint_of_the_rfc(void **state)
{
    (void)state;
    static const char jwk[] =
        "{\"kty\":\"RSA\",\"n\":"
        "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
        "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
        "FDW2QvzqY368QQMicAtaSqz"
        "s8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
        "xBniIqbw0"
        "Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}";
    struct jwkey k;
    uint8_t thumb[JOSE_THUMB];
    struct buf b = BUF_ARRAY(text);
    assert_int_equal(reads(span_str(jwk), &k), REASON_OK);
    assert_int_equal(jwkey_thumb(&k, thumb), OK);
    b64url_put(&b, span_of(thumb, sizeof thumb));
    assert_true(span_eq(buf_span(&b), SPAN("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")));
    jwkey_free(&k);
}

static void jwk_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *jwk;
        enum reason r;
    } rows[] = {
        {"[]", REASON_MALFORMED},
        {"{}", REASON_MALFORMED},
        {"{\"kty\":7}", REASON_MALFORMED},
        {"{\"kty\":\"XX\"}", REASON_ALGORITHM_REFUSED},
        {"{\"kty\":\"EC\"}", REASON_MALFORMED},
        {"{\"kty\":\"EC\",\"crv\":\"secp256k1\"}", REASON_ALGORITHM_REFUSED},
        {"{\"kty\":\"EC\",\"crv\":\"X25519\"}", REASON_ALGORITHM_REFUSED},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}", REASON_ALGORITHM_REFUSED},
        {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}", REASON_MALFORMED},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
         REASON_MALFORMED},
        {"{\"kty\":\"oct\"}", REASON_MALFORMED},
        {"{\"kty\":\"oct\",\"k\":\"\"}", REASON_MALFORMED},
        {"{\"kty\":\"oct\",\"k\":\"A\"}", REASON_MALFORMED},
        {"{\"kty\":\"oct\",\"k\":\"AB\"}", REASON_MALFORMED},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\"}", REASON_MALFORMED},
        {"{\"kty\":\"RSA\",\"n\":\"AAAB\",\"e\":\"AQAB\"}", REASON_MALFORMED},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", REASON_ALGORITHM_REFUSED},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct jwkey k;
        enum reason r = reads(span_str(rows[i].jwk), &k);
        if (r != rows[i].r || k.evp || k.kind != JWKEY_NONE)
            fail_msg("%s: %s", rows[i].jwk, reason_code(r));
    }
}

/* d of another pair beside x and y is no key. */
static void halves_that_do_not_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(pairs); i++) {
        struct jwkey k, other, none;
        struct buf b = BUF_ARRAY(text), c = BUF_ARRAY(again);
        assert_int_equal(jwkey_new(pairs[i], &k), OK);
        assert_int_equal(jwkey_new(pairs[i], &other), OK);
        jwkey_put_private(&b, &other);
        jwkey_put(&c, &k);
        /* public members of k, then everything from "d" on of the other */
        size_t at = 0;
        while (memcmp(b.p + at, ",\"d\":", 5) != 0)
            at++;
        c.n--;
        buf_put(&c, span_from(buf_span(&b), at));
        assert_int_equal(reads(buf_span(&c), &none), REASON_MALFORMED);
        jwkey_free(&k);
        jwkey_free(&other);
    }
}

/* ---- signatures --------------------------------------------------------------------------------- */

static void signatures(void **state)
{
    (void)state;
    for (unsigned a = ESD_HS256; a < ESD_ALG__N; a++) {
        enum esd_alg alg = (enum esd_alg)a;
        const struct span parts[] = {SPAN("head"), SPAN("."), SPAN("payload")}, whole = SPAN("head.payload");
        struct jwkey k, other;
        struct buf sig = BUF_ARRAY(text);
        assert_int_equal(jwkey_new(alg_row(alg)->kind, &k), OK);
        assert_int_equal(jwkey_new(alg_row(alg)->kind, &other), OK);
        if (k.kind == JWKEY_OCT)
            k.oct_n = other.oct_n = 64;
        assert_int_equal(jwkey_sign(&k, alg, parts, LEN(parts), &sig), OK);
        assert_int_equal(sig.n, alg_row(alg)->sig ? alg_row(alg)->sig : 256);
        assert_int_equal(jwkey_verify(&k, alg, &whole, 1, buf_span(&sig)), OK);
        assert_int_equal(jwkey_verify(&other, alg, &whole, 1, buf_span(&sig)), ERR_AUTH);
        assert_int_equal(jwkey_verify(&k, alg, parts, 2, buf_span(&sig)), ERR_AUTH);
        assert_int_equal(jwkey_verify(&k, alg, &whole, 1, span_first(buf_span(&sig), sig.n - 1)), ERR_SYNTAX);
        for (size_t i = 0; i < sig.n; i++) {
            sig.p[i] ^= 1;
            assert_int_equal(jwkey_verify(&k, alg, &whole, 1, buf_span(&sig)), ERR_AUTH);
            sig.p[i] ^= 1;
        }
        jwkey_free(&k);
        jwkey_free(&other);
    }
}

/* A key serves only the algorithms of its kind and length. */
static void fitting(void **state)
{
    (void)state;
    static const struct {
        enum jwkey_kind kind;
        uint8_t n;
        const char *fits;
    } rows[] = {
        {JWKEY_OCT, 16, "dir A128KW"},
        {JWKEY_OCT, 24, "dir A192KW"},
        {JWKEY_OCT, 31, NULL},
        {JWKEY_OCT, 32, "dir A256KW HS256"},
        {JWKEY_OCT, 48, "HS256 HS384"},
        {JWKEY_OCT, 64, "HS256 HS384 HS512"},
        {JWKEY_P256, 0, "ECDH-ES+A128KW ECDH-ES+A192KW ECDH-ES+A256KW ES256"},
        {JWKEY_X25519, 0, "ECDH-ES+A128KW ECDH-ES+A192KW ECDH-ES+A256KW"},
        {JWKEY_P384, 0, "ES384"},
        {JWKEY_P521, 0, "ES512"},
        {JWKEY_RSA, 0, "RSA-OAEP-256 RS256 RS384 RS512"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct jwkey k = {.kind = rows[i].kind, .oct_n = rows[i].n};
        alg_set want = 0;
        if (rows[i].fits)
            assert_int_equal(alg_set_read(span_str(rows[i].fits), &want), OK);
        for (unsigned a = 0; a < ESD_ALG__N; a++)
            if (jwkey_fits(&k, (enum esd_alg)a) != (bool)(want >> a & 1))
                fail_msg("row %zu, %s", i, alg_row((enum esd_alg)a)->text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_jwk),
        cmocka_unit_test(as_pem),
        cmocka_unit_test(jwk_refusals),
        cmocka_unit_test(halves_that_do_not_fit),
        cmocka_unit_test(signatures),
        cmocka_unit_test(fitting),
        cmocka_unit_test(thumbprint_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
