/* lib/esd: content that is signed inside its envelope, against the given vectors and our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd/nested.h"
#include "esd/seal.h"
#include "vectors.h"

static struct opener opener;
static uint8_t memory[4 << 20], text[1 << 16];

/* ---- keys of a file: for opening and for verifying ------------------------------------------------------- */

struct keys {
    struct vectors *v;
    const struct jval *vec;
    struct jwkey last;
};

static const struct jval *by_kid(struct vectors *v, const char *list, struct span kid)
{
    const struct jval *l = json_get(v->root, span_str(list));
    for (const struct jval *k = l ? l->child : NULL; k; k = k->next)
        if (kid_eq(vec_str(v, k, "kid"), kid))
            return k;
    return NULL;
}

static enum reason give(void *ctx, const struct esd_label *l, struct open_key *out)
{
    struct keys *k = (struct keys *)ctx;
    const struct jval *in = JSON_GET(k->vec, "in"), *s = by_kid(k->v, "streams", l->kid),
                      *o = by_kid(k->v, "keys", l->kid);
    *out = (struct open_key){.suid = 24, .commits = true};
    if (JSON_GET(in, "kv_hex"))
        out->value = vec_hex(k->v, in, "kv_hex");
    else if (s)
        out->value = vec_hex(k->v, s, "kv_hex");
    else if (o) {
        uint8_t *p = (uint8_t *)arena_alloc(&k->v->a, 128);
        struct buf b = buf_over(p, 128);
        assert_int_equal(b64url_get(vec_str(k->v, o, "k"), &b), OK);
        *out = (struct open_key){.value = buf_span(&b), .suid = 14};
    } else
        return REASON_NO_KEY_YET;
    return REASON_OK;
}

static const struct jwkey *signer(void *ctx, struct span kid)
{
    struct keys *k = (struct keys *)ctx;
    const struct jval *o = by_kid(k->v, "keys", kid);
    jwkey_free(&k->last);
    return o && jwkey_read(o, &k->v->a, &k->last) == REASON_OK ? &k->last : NULL;
}

static unsigned judge(struct vectors *v, const struct jval *vec)
{
    static const struct span ttps[] = {{(const uint8_t *)"ttp.example.com", 15}};
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    struct keys keys = {v, vec, {0}};
    struct nested nested = {signer, &keys};
    struct open_ask ask = {
        .ttps = ttps, .n_ttps = 1, .key = give, .ctx = &keys, .nested = nested_verify, .nested_ctx = &nested};
    struct buf b = BUF_ARRAY(text);
    struct opened res;
    struct arena a;
    uint8_t sid[ESD_SID];
    enum reason want;
    struct span word = vec_str(v, vec, "reason"), address = vec_str(v, in, "address");
    if (address.n) {
        assert_int_equal(keys_sid(address, sid), REASON_OK);
        ask.sid = sid;
    }
    arena_over(&a, memory, sizeof memory);
    enum reason r = open_envelope(&opener, vec_str(v, in, "object"), &ask, &a, &b, &res);
    if (!word.p)
        word = vec_str(v, vec, "verdict");
    assert_int_equal(reason_of(word, &want), OK);
    bool ok = r == want &&
              (r == REASON_OK ? span_eq(res.plain, vec_hex(v, out, "payload_hex")) && res.signer.n > 0 : b.n == 0);
    if (!ok)
        vec_fail(vec_str(v, vec, "id"), "verdict", span_str(reason_code(r)), word);
    /* without somebody who verifies it, signed content is refused */
    buf_reset(&b);
    ask.nested = NULL;
    arena_reset(&a);
    if (open_envelope(&opener, vec_str(v, in, "object"), &ask, &a, &b, &res) != REASON_ALGORITHM_REFUSED || b.n != 0)
        ok = false;
    jwkey_free(&keys.last);
    return ok ? 0 : 1;
}

static void given_vectors(void **state)
{
    (void)state;
    struct vectors v;
    unsigned wrong = 0;
    vectors_open(&v, "esdata-negative");
    for (const struct jval *vec = v.list->child; vec; vec = vec->next)
        if (span_starts(vec_str(&v, vec, "id"), SPAN("neg-nested-"))) {
            v.ran++;
            wrong += judge(&v, vec);
        } else
            v.skipped++;
    assert_int_equal(v.ran, 4);
    assert_true(vectors_close(&v, "esdata-negative, nested"));
    vectors_open(&v, "esdata-jws");
    for (const struct jval *vec = v.list->child; vec; vec = vec->next) {
        struct span id = vec_str(&v, vec, "id");
        if (span_eq(id, SPAN("jws-nested-es256")) || span_eq(id, SPAN("jws-nested-oneseal"))) {
            v.ran++;
            wrong += judge(&v, vec);
        } else
            v.skipped++;
    }
    assert_int_equal(v.ran, 2);
    assert_true(vectors_close(&v, "esdata-jws, nested"));
    assert_int_equal(wrong, 0);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(given_vectors), cmocka_unit_test(inner_headers)};
    if (opener_init(&opener) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    opener_free(&opener);
    return failed;
}
