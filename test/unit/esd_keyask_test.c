/* lib/esd: keys that the TTP makes: the request, the answer, strict pairs and their activation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/code.h"
#include "esd/keyask_open.h"
#include "esd/strict.h"
#include "vectors.h"

static const char FQDN[] = "ttp.demo.example", WRITER[] = "54-//demo.example/Sdev";
static uint8_t memory[1 << 20], scratch_memory[1 << 16], ask_memory[1 << 16], answer_memory[1 << 16];

/* Writer, vault, and one exchange between them. */
struct talk {
    struct arena a;
    struct buf scratch, request, answer;
    struct p256 *writer, *release, *epk, *other;
    struct key_ask q;
    struct key_made made[KEYASK_PAIRS_MAX];
    struct key_answer r;
    uint8_t kv[ESD_KV], kid[KEYASK_PAIRS_MAX][64];
};

static struct p256 *pair(void)
{
    struct p256 *k;
    assert_int_equal(p256_new(&k), OK);
    return k;
}

static struct span name(struct talk *t, size_t i)
{
    struct buf b = BUF_ARRAY(t->kid[i]);
    keys_kid_put(&b, t->made[i].kc, SPAN(FQDN));
    return buf_span(&b);
}

/* The request of t->q, and the facts of an answer to it: a Key Value, or as many pairs as were asked for. */
static void begin(struct talk *t, uint8_t pairs)
{
    memset(t, 0, sizeof *t);
    arena_over(&t->a, memory, sizeof memory);
    t->scratch = buf_over(scratch_memory, sizeof scratch_memory);
    t->request = buf_over(ask_memory, sizeof ask_memory);
    t->answer = buf_over(answer_memory, sizeof answer_memory);
    t->writer = pair();
    t->release = pair();
    t->epk = pair();
    t->other = pair();
    t->q = (struct key_ask){.iss = SPAN("//demo.example/Sdev"),
                            .aud = SPAN(FQDN),
                            .nonce = {4},
                            .pairs = pairs,
                            .epk = pairs ? NULL : t->epk,
                            .item = {.sid = {7}, .ep = 3, .suid = 24, .adfq = SPAN(FQDN), .policy = SPAN("ward-3")}};
    assert_int_equal(keyask_build(&t->q, t->writer, SPAN(WRITER), &t->scratch, &t->request), OK);
    t->r = (struct key_answer){.keys = t->made, .n = pairs ? pairs : 1, .index = 5, .size = 6, .head = SPAN("head")};
    assert_int_equal(esd_sha256(buf_span(&t->request), t->r.req), OK);
    for (size_t i = 0; i < t->r.n; i++) {
        struct key_made *k = &t->made[i];
        k->et = 1800000000000;
        if (pairs) {
            k->pub = pair();
            assert_int_equal(strict_kc(k->pub, t->q.item.sid, k->kc), OK);
        } else {
            assert_int_equal(esd_random(t->kv, ESD_KV), OK);
            assert_int_equal(keys_kc(span_of(t->kv, ESD_KV), t->q.item.sid, k->kc), REASON_OK);
            k->kv = t->kv;
        }
        k->kid = name(t, i);
    }
}

static void end(struct talk *t)
{
    for (size_t i = 0; i < t->r.n; i++)
        p256_free(t->made[i].pub);
    p256_free(t->writer);
    p256_free(t->release);
    p256_free(t->epk);
    p256_free(t->other);
}

/* The vault answers, and the writer opens it. */
static enum reason answer(struct talk *t, struct key_answer *got)
{
    buf_reset(&t->answer);
    assert_int_equal(
        keyask_answer_build(&t->r, t->q.pairs ? NULL : t->epk, t->release, SPAN("release-1"), &t->scratch, &t->answer),
        OK);
    struct keyask_expect x = {.request = buf_span(&t->request), .ask = &t->q, .release = t->release};
    return keyask_open(buf_span(&t->answer), &x, &t->a, got);
}

static void refused(struct talk *t, enum reason want)
{
    struct key_answer got;
    assert_int_equal(answer(t, &got), want);
    assert_int_equal(got.n, 0);
}

static void request_round_trip(void **state)
{
    (void)state;
    struct talk t;
    struct jws j;
    struct key_ask got;
    begin(&t, 0);
    assert_int_equal(keyask_read(buf_span(&t.request), &t.a, &j, &got), REASON_OK);
    assert_int_equal(jws_verify(&j, t.writer), REASON_OK);
    assert_int_equal(jws_verify(&j, t.other), REASON_TAMPERED);
    assert_true(p256_same(got.epk, t.epk));
    assert_false(p256_private(got.epk));
    assert_true(got.item.ep == 3 && got.item.suid == 24 && got.nonce[0] == 4 && got.item.sid[0] == 7);
    assert_true(span_eq(got.item.policy, SPAN("ward-3")));
    p256_free(got.epk);
    /* a signature made for one purpose serves no other */
    struct key_letter l;
    assert_int_equal(letter_read(buf_span(&t.request), &t.a, &j, &l), REASON_MALFORMED);
    assert_int_equal(letter_activation_read(buf_span(&t.request), &t.a, &j, &l), REASON_MALFORMED);
    end(&t);
    begin(&t, 24);
    assert_int_equal(keyask_read(buf_span(&t.request), &t.a, &j, &got), REASON_OK);
    assert_int_equal(got.pairs, 24);
    assert_null(got.epk);
    t.q.pairs = 25;
    assert_int_equal(keyask_build(&t.q, t.writer, SPAN(WRITER), &t.scratch, &t.request), ERR_RANGE);
    end(&t);
}

/* Requests that say too much, too little or something else. */
static void request_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *claims;
    } rows[] = {
        {"nothing wanted", "{\"iss\":\"a\",\"aud\":\"b\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\"}"},
        {"no nonce", "{\"iss\":\"a\",\"aud\":\"b\",\"sid\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"adfq\":\"b\",\"pairs\":2}"},
        {"no pairs", "{\"iss\":\"a\",\"aud\":\"b\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"sid\":"
                     "\"AAAAAAAAAAAAAAAAAAAAAA\",\"adfq\":\"b\",\"pairs\":0}"},
        {"too many", "{\"iss\":\"a\",\"aud\":\"b\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"sid\":"
                     "\"AAAAAAAAAAAAAAAAAAAAAA\",\"adfq\":\"b\",\"pairs\":25}"},
        {"both", "{\"iss\":\"a\",\"aud\":\"b\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"sid\":"
                 "\"AAAAAAAAAAAAAAAAAAAAAA\",\"adfq\":\"b\",\"pairs\":2,\"epk\":{}}"},
    };
    struct talk t;
    begin(&t, 0);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct jws j;
        struct key_ask got;
        buf_reset(&t.request);
        assert_int_equal(jws_sign(t.writer, JWS_KEY, SPAN("k"), span_str(rows[i].claims), &t.request), OK);
        if (keyask_read(buf_span(&t.request), &t.a, &j, &got) != REASON_MALFORMED)
            fail_msg("%s", rows[i].what);
    }
    end(&t);
}

static void key_value_round_trip(void **state)
{
    (void)state;
    struct talk t;
    struct key_answer got;
    begin(&t, 0);
    assert_int_equal(answer(&t, &got), REASON_OK);
    assert_int_equal(got.n, 1);
    assert_memory_equal(got.keys[0].kv, t.kv, ESD_KV);
    assert_true(span_eq(got.keys[0].kid, t.made[0].kid) && got.keys[0].et == 1800000000000 && got.index == 5);
    keyask_free(&got);
    /* another one's signature, another request, another ephemeral key */
    struct keyask_expect x = {.request = buf_span(&t.request), .ask = &t.q, .release = t.other};
    assert_int_equal(keyask_open(buf_span(&t.answer), &x, &t.a, &got), REASON_TAMPERED);
    x.release = t.release;
    x.request = SPAN("another");
    assert_int_equal(keyask_open(buf_span(&t.answer), &x, &t.a, &got), REASON_TAMPERED);
    x.request = buf_span(&t.request);
    struct key_ask stolen = t.q;
    stolen.epk = t.other;
    x.ask = &stolen;
    assert_int_equal(keyask_open(buf_span(&t.answer), &x, &t.a, &got), REASON_TAMPERED);
    /* the answer for another stream: its key does not commit to this one */
    stolen = t.q;
    stolen.item.sid[0] = 8;
    assert_int_equal(keyask_open(buf_span(&t.answer), &x, &t.a, &got), REASON_COMMITMENT_MISMATCH);
    end(&t);
}

static void key_value_refused(void **state)
{
    (void)state;
    struct talk t;
    begin(&t, 0);
    t.kv[63] ^= 1;
    refused(&t, REASON_COMMITMENT_MISMATCH);
    t.kv[63] ^= 1;
    t.made[0].kc[0] ^= 1;
    refused(&t, REASON_COMMITMENT_MISMATCH);
    t.made[0].kc[0] ^= 1;
    t.made[0].kid = SPAN("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@ttp.demo.example");
    refused(&t, REASON_COMMITMENT_MISMATCH);
    struct buf b = BUF_ARRAY(t.kid[0]);
    keys_kid_put(&b, t.made[0].kc, SPAN("ttp.other.example"));
    t.made[0].kid = buf_span(&b);
    refused(&t, REASON_COMMITMENT_MISMATCH);
    t.made[0].kid = name(&t, 0);
    t.r.n = 0;
    refused(&t, REASON_MALFORMED);
    /* pairs where a Key Value was asked for, and the other way round */
    end(&t);
    begin(&t, 2);
    struct keyask_expect x = {.request = buf_span(&t.request), .ask = &t.q, .release = t.release};
    struct key_answer got;
    assert_int_equal(answer(&t, &got), REASON_OK);
    keyask_free(&got);
    struct key_ask q = t.q;
    q.pairs = 0;
    q.epk = t.epk;
    x.ask = &q;
    assert_int_equal(keyask_open(buf_span(&t.answer), &x, &t.a, &got), REASON_MALFORMED);
    end(&t);
}

static void pairs_round_trip(void **state)
{
    (void)state;
    struct talk t;
    struct key_answer got;
    begin(&t, 3);
    assert_int_equal(answer(&t, &got), REASON_OK);
    assert_int_equal(got.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(p256_same(got.keys[i].pub, t.made[i].pub) && !p256_private(got.keys[i].pub));
        assert_null(got.keys[i].kv);
    }
    keyask_free(&got);
    t.made[2].kid = t.made[1].kid;
    memcpy(t.made[2].kc, t.made[1].kc, ESD_KC);
    refused(&t, REASON_MALFORMED); /* one twice */
    end(&t);
    begin(&t, 2);
    struct p256 *was = t.made[1].pub;
    t.made[1].pub = t.other;
    refused(&t, REASON_COMMITMENT_MISMATCH);
    t.made[1].pub = was;
    end(&t);
}

/* The given vector keys-strict. */
static void commitment_of_a_pair(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "oneseal-keys");
    const struct jval *vec = v.list->child;
    while (vec && !span_eq(vec_str(&v, vec, "id"), SPAN("keys-strict")))
        vec = vec->next;
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    uint8_t kc[ESD_KC], sid[ESD_SID], d[STRICT_D], text[64];
    struct p256 *pub, *made;
    struct buf kid = BUF_ARRAY(text);
    assert_int_equal(p256_read(JSON_GET(in, "public_jwk"), &v.a, &pub), REASON_OK);
    assert_int_equal(keys_sid(vec_str(&v, in, "address"), sid), REASON_OK);
    assert_int_equal(strict_kc(pub, sid, kc), OK);
    assert_true(span_eq(span_of(kc, sizeof kc), vec_hex(&v, out, "kc_hex")));
    keys_kid_put(&kid, kc, vec_str(&v, in, "ttp_fqdn"));
    assert_true(span_eq(buf_span(&kid), vec_str(&v, out, "kid")));
    assert_int_equal(strict_check(pub, sid, buf_span(&kid)), REASON_OK);
    sid[0]++;
    assert_int_equal(strict_check(pub, sid, buf_span(&kid)), REASON_COMMITMENT_MISMATCH);
    assert_int_equal(claim_octets(JSON_GET(in, "private_jwk"), "d", &v.a, d, sizeof d), REASON_OK);
    assert_int_equal(strict_pair(span_of(d, sizeof d), &made), REASON_OK);
    assert_true(p256_same(made, pub) && p256_private(made));
    p256_free(made);
    p256_free(pub);
    v.ran = 1;
    v.skipped = v.list->n - 1; /* the others are esd_keys' */
    assert_true(vectors_close(&v, "oneseal-keys"));
}

/* What the vault makes comes back from its d. */
static void fresh_pair(void **state)
{
    (void)state;
    uint8_t d[STRICT_D];
    struct p256 *k, *again;
    assert_int_equal(strict_new(d, &k), OK);
    assert_int_equal(strict_pair(span_of(d, STRICT_D), &again), REASON_OK);
    assert_true(p256_same(k, again) && p256_private(again));
    p256_free(again);
    p256_free(k);
}

static void no_private_number(void **state)
{
    (void)state;
    /* the order of P-256 (SEC 2, 2.4.2), the largest number below it, and the example of RFC 6979 A.2.5 */
    static const char order[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
                      least[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
                      rfc[] = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
                      rfc_x[] = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
    uint8_t d[STRICT_D] = {0}, x[STRICT_D], got[STRICT_D], jwk[256];
    struct arena a;
    struct jval *doc;
    arena_over(&a, memory, sizeof memory);
    struct p256 *k;
    assert_int_equal(strict_pair(span_of(d, STRICT_D), &k), REASON_COMMITMENT_MISMATCH);
    assert_int_equal(strict_pair(span_of(d, 31), &k), REASON_COMMITMENT_MISMATCH);
    struct buf b = BUF_ARRAY(d);
    assert_int_equal(hex_get(SPAN(order), &b), OK);
    assert_int_equal(strict_pair(buf_span(&b), &k), REASON_COMMITMENT_MISMATCH);
    assert_null(k);
    buf_reset(&b);
    assert_int_equal(hex_get(SPAN(least), &b), OK);
    assert_int_equal(strict_pair(buf_span(&b), &k), REASON_OK);
    p256_free(k);
    buf_reset(&b);
    assert_int_equal(hex_get(SPAN(rfc), &b), OK);
    assert_int_equal(strict_pair(buf_span(&b), &k), REASON_OK);
    struct buf xb = BUF_ARRAY(x), j = BUF_ARRAY(jwk);
    assert_int_equal(hex_get(SPAN(rfc_x), &xb), OK);
    p256_put(&j, k);
    assert_int_equal(json_parse(buf_span(&j), &a, &doc, NULL), OK);
    assert_int_equal(claim_octets(doc, "x", &a, got, sizeof got), REASON_OK);
    assert_memory_equal(got, x, sizeof x);
    p256_free(k);
}

static void activation_round_trip(void **state)
{
    (void)state;
    struct talk t;
    struct jws j;
    struct key_letter got;
    begin(&t, 2);
    struct letter_item items[2];
    for (size_t i = 0; i < 2; i++) {
        items[i] = t.q.item;
        items[i].kid = t.made[i].kid;
        memcpy(items[i].kc, t.made[i].kc, ESD_KC);
        items[i].ep = i + 1;
    }
    struct key_letter l = {.iss = t.q.iss, .aud = t.q.aud, .items = items, .n = 1};
    for (l.n = 1; l.n <= 2; l.n++) {
        buf_reset(&t.request);
        l.batch = l.n == 2;
        assert_int_equal(letter_activation_build(&l, t.writer, SPAN(WRITER), &t.scratch, &t.request), OK);
        assert_int_equal(letter_activation_read(buf_span(&t.request), &t.a, &j, &got), REASON_OK);
        assert_int_equal(jws_verify(&j, t.writer), REASON_OK);
        assert_int_equal(got.n, l.n);
        assert_true(span_eq(got.items[l.n - 1].kid, t.made[l.n - 1].kid) && got.items[l.n - 1].ep == l.n);
        assert_int_equal(letter_read(buf_span(&t.request), &t.a, &j, &got), REASON_MALFORMED);
    }
    items[1].kid = items[0].kid;
    l.n = 2;
    buf_reset(&t.request);
    assert_int_equal(letter_activation_build(&l, t.writer, SPAN(WRITER), &t.scratch, &t.request), OK);
    assert_int_equal(letter_activation_read(buf_span(&t.request), &t.a, &j, &got), REASON_MALFORMED);
    l.batch = false;
    assert_int_equal(letter_activation_build(&l, t.writer, SPAN(WRITER), &t.scratch, &t.request), ERR_RANGE);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_round_trip),
        cmocka_unit_test(request_refused),
        cmocka_unit_test(key_value_round_trip),
        cmocka_unit_test(key_value_refused),
        cmocka_unit_test(pairs_round_trip),
        cmocka_unit_test(commitment_of_a_pair),
        cmocka_unit_test(fresh_pair),
        cmocka_unit_test(no_private_number),
        cmocka_unit_test(activation_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
