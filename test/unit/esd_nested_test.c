/* lib/esd: content that is signed inside its envelope, written and read; the given vectors run in esd_profile_test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/code.h"
#include "esd/jwe.h"
#include "esd/nested.h"

static struct opener opener;
static uint8_t memory[4 << 20], text[1 << 16];

/* Every header that must not pass, signed and sealed by the right keys. */
static const struct jwkey *only(void *ctx, struct span kid)
{
    return span_eq(kid, SPAN("54-//demo.example/Swriter")) ? (const struct jwkey *)ctx : NULL;
}
static void inner_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum reason r;
        size_t sig; /* octets */
    } rows[] = {
        {"{\"alg\":\"ES256\",\"kid\":\"54-//demo.example/Swriter\"}", REASON_TAMPERED, 64},
        {"{\"alg\":\"ES256\",\"kid\":\"54-//demo.example/Sother\"}", REASON_WRITER_CHANGED, 64},
        {"{\"alg\":\"ES256\"}", REASON_MALFORMED, 64},
        {"{\"kid\":\"54-//demo.example/Swriter\"}", REASON_MALFORMED, 64},
        {"{\"alg\":\"HS256\",\"kid\":\"54-//demo.example/Swriter\"}", REASON_ALGORITHM_REFUSED, 32},
        {"{\"alg\":\"HS256\",\"kid\":\"54-//demo.example/Swriter\"}", REASON_MALFORMED, 64},
        {"{\"alg\":\"ES384\",\"kid\":\"54-//demo.example/Swriter\"}", REASON_ALGORITHM_REFUSED, 96},
        {"{\"alg\":\"none\",\"kid\":\"54-//demo.example/Swriter\"}", REASON_ALGORITHM_REFUSED, 64},
        {"{\"alg\":\"ES256\",\"kid\":\"54-//demo.example/Swriter\",\"crit\":[\"b64\"],\"b64\":false}",
         REASON_ALGORITHM_REFUSED, 64},
        {"{\"alg\":\"ES256\",\"kid\":\"54-//demo.example/Swriter\",\"crit\":[]}", REASON_MALFORMED, 64},
    };
    struct jwkey k;
    struct nested n = {only, &k};
    assert_int_equal(jwkey_new(JWKEY_P256, &k), OK);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena a;
        struct esd_label outer = {.ct_len = 1000};
        struct open_inner in;
        uint8_t sig[96] = {1};
        struct buf t = BUF_ARRAY(text);
        arena_over(&a, memory, sizeof memory);
        b64url_put(&t, span_str(rows[i].header));
        buf_str(&t, ".eyJ0IjoxfQ.");
        b64url_put(&t, span_of(sig, rows[i].sig));
        if (nested_verify(&n, &outer, buf_span(&t), &a, &in) != rows[i].r)
            fail_msg("%s", rows[i].header);
        assert_int_equal(in.payload.n, 0);
    }
    jwkey_free(&k);
}

/* ---- written and read --------------------------------------------------------------------------------- */

static const struct span place = {(const uint8_t *)"//demo.example/id-mn/mn/valve", 29};
static const struct span mine = {(const uint8_t *)"54-//demo.example/Swriter", 25};
static const struct span stranger = {(const uint8_t *)"54-//demo.example/Sstranger", 27};
static uint8_t inner_text[1 << 13];
static struct esd_keys stream;

static enum reason stream_key(void *ctx, const struct esd_label *l, struct open_key *out)
{
    (void)ctx, (void)l;
    *out = (struct open_key){.value = span_of(stream.kv, ESD_KV), .suid = 24, .commits = true};
    return REASON_OK;
}

/* Signs a command with these keys for index `signed_for`, seals it as index 3, opens it. */
static enum reason round_trip(const struct jws_by *by, size_t n, uint32_t signed_for, const struct jwkey *trusted,
                              struct opened *res)
{
    static const struct span ttps[] = {{(const uint8_t *)"ttp.example.com", 15}};
    struct nested nested = {only, (void *)(uintptr_t)trusted};
    struct open_ask ask = {.sid = stream.sid,
                           .ttps = ttps,
                           .n_ttps = 1,
                           .key = stream_key,
                           .nested = nested_verify,
                           .nested_ctx = &nested};
    struct buf inner = BUF_ARRAY(inner_text), con = BUF_ARRAY(text), out;
    static uint8_t plain[1 << 13];
    struct esd_e2e e = {.here = true, .ep = 2, .i = signed_for, .t_ms = 1767225600000, .device = true};
    struct jws_ask j = {.form = n > 1 ? JOSE_GENERAL : JOSE_COMPACT, .by = by, .n = n, .cty = SPAN("json"), .e2e = &e};
    struct sealer s;
    struct arena a;
    memcpy(e.sid, stream.sid, ESD_SID);
    assert_int_equal(jws_write(&j, SPAN("{\"cmd\":\"open\"}"), &inner), OK);
    assert_int_equal(sealer_init(&s, (struct esd_rng){0}), OK);
    if (n == 1) {
        struct seal_key k;
        struct seal_msg m = {.ep = 2, .i = 3, .t_ms = 1767225600000, .device = true, .nested = true};
        assert_int_equal(seal_key_init(&k, &stream, ttps[0]), OK);
        assert_int_equal(seal(&s, &k, &m, buf_span(&inner), NULL, &con), OK);
    } else { /* a JSON text inside: cty JOSE+JSON, which only the whole writer has */
        uint8_t kid[64];
        struct buf id = BUF_ARRAY(kid);
        struct jwkey key;
        keys_kid_put(&id, stream.kc, ttps[0]);
        assert_int_equal(jwkey_oct(span_of(stream.kv, 32), &key), OK);
        struct jwe_to to = {.alg = ESD_DIR, .key = &key, .kid = buf_span(&id)};
        struct jwe_ask ask_seal = {.enc = ESD_A256GCM, .to = &to, .n = 1, .cty = SPAN("JOSE+JSON"), .e2e = &e};
        e.i = 3;
        assert_int_equal(jwe_seal(&s, &ask_seal, buf_span(&inner), &con), OK);
    }
    sealer_free(&s);
    out = buf_over(plain, sizeof plain);
    arena_over(&a, memory, sizeof memory);
    enum reason r = open_envelope(&opener, buf_span(&con), &ask, &a, &out, res);
    assert_int_equal(out.n == 0, r != REASON_OK);
    return r;
}

static void written_and_read(void **state)
{
    (void)state;
    struct jwkey k, other, rsa;
    struct opened res;
    uint8_t sid[ESD_SID], kv[ESD_KV] = {9};
    assert_int_equal(keys_sid(place, sid), REASON_OK);
    assert_int_equal(keys_derive(span_of(kv, sizeof kv), sid, &stream), REASON_OK);
    assert_int_equal(jwkey_new(JWKEY_P256, &k), OK);
    assert_int_equal(jwkey_new(JWKEY_P256, &other), OK);
    assert_int_equal(jwkey_new(JWKEY_RSA, &rsa), OK);
    struct jws_by one[] = {{ESD_ES256, &k, mine}}, both[] = {{ESD_RS256, &rsa, stranger}, {ESD_ES256, &k, mine}};
    struct jws_by forged[] = {{ESD_ES256, &other, mine}, {ESD_ES256, &k, mine}},
                  nobody[] = {{ESD_ES256, &k, stranger}, {ESD_RS256, &rsa, stranger}};
    assert_int_equal(round_trip(one, 1, 3, &k, &res), REASON_OK);
    assert_true(span_eq(res.plain, SPAN("{\"cmd\":\"open\"}")) && res.json && span_eq(res.signer, mine));
    assert_int_equal(round_trip(one, 1, 4, &k, &res), REASON_WRONG_PLACE);
    assert_int_equal(round_trip(one, 1, 3, &other, &res), REASON_TAMPERED);
    assert_int_equal(round_trip(one, 1, 3, &rsa, &res), REASON_ALGORITHM_REFUSED);
    assert_int_equal(round_trip(both, 2, 3, &k, &res), REASON_OK);
    assert_true(span_eq(res.plain, SPAN("{\"cmd\":\"open\"}")) && span_eq(res.signer, mine));
    assert_int_equal(round_trip(both, 2, 4, &k, &res), REASON_WRONG_PLACE);
    assert_int_equal(round_trip(forged, 2, 3, &k, &res), REASON_TAMPERED);
    assert_int_equal(round_trip(nobody, 2, 3, &k, &res), REASON_WRITER_CHANGED);
    jwkey_free(&k);
    jwkey_free(&other);
    jwkey_free(&rsa);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(inner_headers), cmocka_unit_test(written_and_read)};
    if (opener_init(&opener) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    opener_free(&opener);
    return failed;
}
