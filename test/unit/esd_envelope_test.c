/* lib/esd: P-256 keys in files, our typed JWS, key envelopes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/code.h"
#include "esd/unwrap.h"

static uint8_t memory[4 << 20], scratch_memory[1 << 16], out_memory[1 << 16], out2_memory[1 << 16];

static struct arena fresh(void)
{
    struct arena a;
    arena_over(&a, memory, sizeof memory);
    return a;
}

static struct p256 *pair(void)
{
    struct p256 *k;
    assert_int_equal(p256_new(&k), OK);
    return k;
}

static void keys_in_files(void **state)
{
    (void)state;
    struct arena a = fresh();
    struct buf pem = BUF_ARRAY(out_memory), jwk = BUF_ARRAY(out2_memory);
    struct p256 *k = pair(), *r, *s;
    assert_int_equal(p256_write_pem(k, &pem), OK);
    assert_int_equal(p256_read_pem(buf_span(&pem), &r), OK);
    assert_true(p256_same(k, r) && p256_private(r));
    p256_free(r);
    p256_put_private(&jwk, k);
    assert_int_equal(p256_read_text(buf_span(&jwk), &a, &r), REASON_OK);
    assert_true(p256_same(k, r) && p256_private(r));
    buf_reset(&jwk);
    p256_put(&jwk, k);
    assert_int_equal(p256_read_text(buf_span(&jwk), &a, &s), REASON_OK);
    assert_false(p256_private(s));
    buf_reset(&pem);
    assert_int_equal(p256_write_pem(s, &pem), ERR_NOTNOW);
    p256_put_private(&jwk, s);
    assert_int_equal(jwk.e, ERR_NOTNOW);
    struct p256 *t;
    assert_int_equal(p256_read_pem(SPAN("no key"), &t), ERR_SYNTAX);
    /* d of another pair */
    struct p256 *o = pair();
    char text[1024];
    struct buf b = BUF_ARRAY(text), x = BUF_ARRAY(out_memory), y = BUF_ARRAY(scratch_memory);
    p256_put(&x, k);
    p256_put_private(&y, o);
    size_t d = 0;
    while (memcmp(y.p + d, "\"d\":", 4) != 0)
        d++;
    buf_put(&b, span_of(x.p, x.n - 1));
    buf_c(&b, ',');
    buf_put(&b, span_of(y.p + d, y.n - d));
    assert_int_equal(p256_read_text(buf_span(&b), &a, &t), REASON_MALFORMED);
    p256_free(k);
    p256_free(r);
    p256_free(s);
    p256_free(o);
}

/* Whatever bit of a signed text is changed, it does not verify. */
static void no_flipped_bit_verifies(void **state)
{
    (void)state;
    struct buf text = BUF_ARRAY(out_memory);
    struct p256 *k = pair();
    assert_int_equal(jws_sign(k, JWS_ACK, SPAN("me"), SPAN("{\"a\":1}"), &text), OK);
    for (size_t bit = 0; bit < text.n * 8; bit++) {
        struct arena a = fresh();
        struct jws j;
        text.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (jws_open(buf_span(&text), JWS_ACK, k, &a, &j) == REASON_OK)
            fail_msg("bit %zu", bit);
        text.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    struct arena a = fresh();
    struct jws j;
    assert_int_equal(jws_open(buf_span(&text), JWS_ACK, k, &a, &j), REASON_OK);
    p256_free(k);
}

static void no_flipped_bit_unwraps(void **state)
{
    (void)state;
    struct buf text = BUF_ARRAY(out_memory);
    struct p256 *k = pair();
    uint8_t apv[32] = {1};
    assert_int_equal(jwe_wrap(k, SPAN("me"), apv, SPAN("secret octets"), &text), OK);
    for (size_t bit = 0; bit <= text.n * 8; bit++) {
        struct arena a = fresh();
        struct buf out = BUF_ARRAY(out2_memory);
        bool last = bit == text.n * 8;
        if (!last)
            text.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum reason r = jwe_unwrap(k, buf_span(&text), apv, &a, &out);
        if ((r == REASON_OK) != last || (out.n == 0) == last)
            fail_msg("bit %zu: %s", bit, reason_code(r));
        if (!last)
            text.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    struct arena a = fresh();
    struct buf out = BUF_ARRAY(out2_memory);
    assert_int_equal(jwe_unwrap(k, buf_span(&text), NULL, &a, &out), REASON_TAMPERED);
    p256_free(k);
}

static void foreign_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum reason r;
    } rows[] = {
        {"{\"alg\":\"ES256\",\"typ\":\"oneseal-ack+jws\"}", REASON_TAMPERED},
        {"{\"alg\":\"ES256\",\"typ\":\"oneseal-deny+jws\"}", REASON_MALFORMED},
        {"{\"alg\":\"ES256\"}", REASON_MALFORMED},
        {"{\"typ\":\"oneseal-ack+jws\"}", REASON_MALFORMED},
        {"{\"alg\":\"none\",\"typ\":\"oneseal-ack+jws\"}", REASON_ALGORITHM_REFUSED},
        {"{\"alg\":\"ES384\",\"typ\":\"oneseal-ack+jws\"}", REASON_ALGORITHM_REFUSED},
        {"{\"alg\":\"ES256\",\"typ\":\"oneseal-ack+jws\",\"crit\":[\"x\"],\"x\":1}", REASON_ALGORITHM_REFUSED},
        {"{\"alg\":\"ES256\",\"typ\":\"oneseal-ack+jws\",\"crit\":[]}", REASON_MALFORMED},
        {"{\"alg\":\"ES256\",\"typ\":\"oneseal-ack+jws\",\"x5c\":[]}", REASON_MALFORMED},
        {"{\"alg\":\"ES256\",\"typ\":\"oneseal-ack+jws\",\"kid\":7}", REASON_MALFORMED},
    };
    struct p256 *k = pair();
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena a = fresh();
        struct jws j;
        uint8_t sig[64] = {1};
        struct buf t = BUF_ARRAY(out_memory);
        b64url_put(&t, span_str(rows[i].header));
        buf_str(&t, ".e30.");
        b64url_put(&t, span_of(sig, 64));
        if (jws_open(buf_span(&t), JWS_ACK, k, &a, &j) != rows[i].r)
            fail_msg("%s", rows[i].header);
    }
    p256_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_in_files),
        cmocka_unit_test(no_flipped_bit_verifies),
        cmocka_unit_test(no_flipped_bit_unwraps),
        cmocka_unit_test(foreign_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
