/* lib/esd: bundles that are renewed, identities that follow one another, orders to destroy keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "esd/letter.h"
#include "esd/shred.h"

static uint8_t memory[1 << 20], text_memory[64 << 10], scratch_memory[64 << 10];
static const char fqdn[] = "ttp.demo.example";

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

static struct span successor(const struct p256 *old, const struct p256 *next, uint8_t *room, size_t n)
{
    struct buf b = buf_over(room, n);
    assert_int_equal(bundle_successor_build(old, next, SPAN(fqdn), 7, &b), OK);
    return buf_span(&b);
}

struct keys {
    struct p256 *id[4], *sealing, *release, *later;
    uint8_t link[3][1024];
    struct span chain[3];
};

static void keys_set(struct keys *k)
{
    for (int i = 0; i < 4; i++)
        k->id[i] = pair();
    k->sealing = pair();
    k->release = pair();
    k->later = pair();
    for (int i = 0; i < 3; i++)
        k->chain[i] = successor(k->id[i], k->id[i + 1], k->link[i], sizeof k->link[i]);
}

static void keys_end(struct keys *k)
{
    for (int i = 0; i < 4; i++)
        p256_free(k->id[i]);
    p256_free(k->sealing);
    p256_free(k->release);
    p256_free(k->later);
}

static struct bundle bundle_of(const struct keys *k, const struct p256 *identity)
{
    return (struct bundle){.fqdn = SPAN(fqdn),
                           .seq = 5,
                           .next = 10,
                           .exp = 100,
                           .identity = (struct p256 *)(uintptr_t)identity,
                           .sealing = k->sealing,
                           .release = k->release,
                           .sealing_kid = SPAN("sealing-1@ttp.demo.example"),
                           .release_kid = SPAN("release-1@ttp.demo.example"),
                           .log_vkey = SPAN("ttp.demo.example/log+00+AA")};
}

static enum reason opens(const struct bundle *b, const struct p256 *pinned)
{
    struct buf text = BUF_ARRAY(text_memory);
    struct arena a = fresh();
    struct bundle got;
    assert_int_equal(bundle_build(b, &text), OK);
    enum reason r = bundle_open(buf_span(&text), SPAN(fqdn), pinned, 50, &a, &got);
    if (r == REASON_OK)
        bundle_free(&got);
    return r;
}

static void whoever_pinned_an_older_identity_follows_the_chain(void **state)
{
    (void)state;
    struct keys k;
    keys_set(&k);
    struct bundle b = bundle_of(&k, k.id[3]);
    assert_int_equal(opens(&b, k.id[3]), REASON_OK);
    assert_int_equal(opens(&b, k.id[0]), REASON_TAMPERED); /* nothing leads there */
    b.chain = k.chain;
    b.n_chain = 3;
    for (int i = 0; i < 4; i++)
        assert_int_equal(opens(&b, k.id[i]), REASON_OK);
    assert_int_equal(opens(&b, k.later), REASON_TAMPERED); /* a stranger to the whole chain */
    b.chain = k.chain + 1;
    b.n_chain = 2;
    assert_int_equal(opens(&b, k.id[0]), REASON_TAMPERED); /* the first link is gone */
    assert_int_equal(opens(&b, k.id[1]), REASON_OK);
    struct span hole[] = {k.chain[0], k.chain[2]};
    b.chain = hole;
    assert_int_equal(opens(&b, k.id[0]), REASON_TAMPERED);
    keys_end(&k);
}

/* A link of another TTP's, or by a key that is not the pinned one, leads nowhere; nor does a chain whose bundle some
 * other identity signed. */
static void a_chain_cannot_be_borrowed(void **state)
{
    (void)state;
    struct keys k;
    uint8_t room[1024];
    struct buf text = BUF_ARRAY(room);
    keys_set(&k);
    struct bundle b = bundle_of(&k, k.later);
    b.chain = k.chain;
    b.n_chain = 3;
    assert_int_equal(opens(&b, k.id[0]), REASON_TAMPERED);
    assert_int_equal(bundle_successor_build(k.id[0], k.later, SPAN("ttp.other.example"), 7, &text), OK);
    struct span other = buf_span(&text);
    b.chain = &other;
    b.n_chain = 1;
    assert_int_equal(opens(&b, k.id[0]), REASON_TAMPERED);
    buf_reset(&text);
    assert_int_equal(bundle_successor_build(k.later, k.later, SPAN(fqdn), 7, &text), OK);
    other = buf_span(&text);
    assert_int_equal(opens(&b, k.id[0]), REASON_TAMPERED);
    keys_end(&k);
}

static void coming_and_past_keys_are_listed(void **state)
{
    (void)state;
    struct keys k;
    struct buf text = BUF_ARRAY(text_memory);
    struct arena a = fresh();
    struct bundle got;
    keys_set(&k);
    struct bundle b = bundle_of(&k, k.id[0]);
    struct bundle_key others[] = {
        {.use = BUNDLE_RELEASE, .coming = true, .key = k.later, .kid = SPAN("release-2@ttp.demo.example"), .at = 70},
        {.use = BUNDLE_LOG, .coming = true, .vkey = SPAN("ttp.demo.example/log+01+AB"), .at = 71},
        {.use = BUNDLE_RELEASE, .key = k.id[2], .kid = SPAN("release-0@ttp.demo.example"), .at = 20},
        {.use = BUNDLE_IDENTITY, .key = k.id[1], .at = 21},
    };
    b.others = others;
    b.n_others = LEN(others);
    assert_int_equal(bundle_build(&b, &text), OK);
    assert_int_equal(bundle_open(buf_span(&text), SPAN(fqdn), k.id[0], 50, &a, &got), REASON_OK);
    assert_int_equal(got.n_others, LEN(others));
    assert_true(got.others[0].coming && !got.others[2].coming);
    assert_int_equal(got.others[1].at, 71);
    assert_true(span_eq(got.others[1].vkey, others[1].vkey));
    assert_ptr_equal(bundle_release_by(&got, SPAN("release-1@ttp.demo.example")), got.release);
    assert_true(p256_same(bundle_release_by(&got, others[0].kid), k.later));
    assert_null(bundle_release_by(&got, others[2].kid)); /* it signs nothing any more */
    assert_true(p256_same(bundle_release_ever(&got, others[2].kid), k.id[2]));
    assert_null(bundle_release_ever(&got, SPAN("release-9@ttp.demo.example")));
    assert_null(bundle_release_by(&got, SPAN("release-9@ttp.demo.example")));
    struct buf answer = BUF_ARRAY(scratch_memory);
    assert_int_equal(jws_sign(k.later, JWS_ACK, others[0].kid, SPAN("{}"), &answer), OK);
    assert_true(p256_same(bundle_release_of(&got, buf_span(&answer), &a), k.later));
    assert_ptr_equal(bundle_release_of(&got, SPAN("no.jws"), &a), got.release);
    bundle_free(&got);
    keys_end(&k);
}

static void a_number_never_falls(void **state)
{
    (void)state;
    struct keys k;
    keys_set(&k);
    struct bundle kept = bundle_of(&k, k.id[0]), b = kept;
    assert_int_equal(bundle_follows(&kept, &b), REASON_OK); /* the same one again */
    b.seq = 6;
    b.sealing = k.later;
    assert_int_equal(bundle_follows(&kept, &b), REASON_OK);
    b.seq = 4;
    assert_int_equal(bundle_follows(&kept, &b), REASON_ROLLED_BACK);
    b.seq = 5;
    assert_int_equal(bundle_follows(&kept, &b), REASON_ROLLED_BACK); /* two bundles of one number */
    keys_end(&k);
}

static void too_many_keys_are_not_written(void **state)
{
    (void)state;
    struct keys k;
    struct buf text = BUF_ARRAY(text_memory);
    keys_set(&k);
    struct bundle b = bundle_of(&k, k.id[0]);
    b.n_others = BUNDLE_OTHERS_MAX + 1;
    assert_int_equal(bundle_build(&b, &text), ERR_LIMIT);
    b.n_others = 0;
    b.n_chain = BUNDLE_CHAIN_MAX + 1;
    assert_int_equal(bundle_build(&b, &text), ERR_LIMIT);
    keys_end(&k);
}

static void an_order_names_one_thing(void **state)
{
    (void)state;
    struct keys k;
    struct arena a = fresh();
    struct buf scratch = BUF_ARRAY(scratch_memory), text = BUF_ARRAY(text_memory);
    struct jws j;
    struct shred got, s = {.iss = SPAN("//demo.example/id-mn"), .aud = SPAN(fqdn), .nonce = {9}};
    keys_set(&k);
    assert_int_equal(shred_build(&s, k.id[0], SPAN("k"), &scratch, &text), ERR_RANGE);
    s.kid = SPAN("00AA@ttp.demo.example");
    s.tenant = SPAN(fqdn);
    assert_int_equal(shred_build(&s, k.id[0], SPAN("k"), &scratch, &text), ERR_RANGE);
    s.tenant = SPAN_NONE;
    assert_int_equal(shred_build(&s, k.id[0], SPAN("k"), &scratch, &text), OK);
    assert_int_equal(shred_read(buf_span(&text), &a, &j, &got), REASON_OK);
    assert_true(span_eq(got.kid, s.kid) && !got.has_sid && got.nonce[0] == 9);
    assert_int_equal(jws_verify(&j, k.id[0]), REASON_OK);
    assert_int_equal(jws_verify(&j, k.id[1]), REASON_TAMPERED);
    static const char *const wrong[] = {
        "{\"iss\":\"a\",\"aud\":\"b\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\"}",
        "{\"iss\":\"a\",\"aud\":\"b\",\"kid\":\"c\"}",
        "{\"iss\":\"a\",\"aud\":\"b\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"kid\":\"c\",\"tenant\":\"d\"}",
        "{\"iss\":\"a\",\"aud\":\"b\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"kid\":\"c\",\"owner\":\"d\"}",
        "{\"iss\":\"a\",\"aud\":\"b\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"sid\":\"AAAA\"}",
    };
    for (size_t i = 0; i < LEN(wrong); i++) {
        buf_reset(&text);
        assert_int_equal(jws_sign(k.id[0], JWS_SHRED, SPAN("k"), span_str(wrong[i]), &text), OK);
        assert_int_equal(shred_read(buf_span(&text), &a, &j, &got), REASON_MALFORMED);
    }
    keys_end(&k);
}

static void what_was_destroyed_is_answered(void **state)
{
    (void)state;
    struct keys k;
    struct arena a = fresh();
    struct buf scratch = BUF_ARRAY(scratch_memory), text = BUF_ARRAY(text_memory);
    struct shred_copy copies[] = {{SPAN("safe"), SPAN("copy of XK 1"), 12}};
    struct shred_answer got, r = {.code = SPAN("ok"),
                                  .complete = 99,
                                  .rekey = true,
                                  .copies = copies,
                                  .n_copies = 1,
                                  .index = 3,
                                  .size = 4,
                                  .head = SPAN("h")};
    keys_set(&k);
    assert_int_equal(esd_sha256(SPAN("order"), r.req), OK);
    assert_int_equal(shred_answer_build(&r, k.release, SPAN("release-1"), &scratch, &text), OK);
    struct span t = buf_span(&text);
    assert_int_equal(shred_answer_open(t, SPAN("order"), k.release, &a, &got), REASON_OK);
    assert_int_equal(got.complete, 99);
    assert_true(got.rekey && got.n_copies == 1 && span_eq(got.copies[0].name, SPAN("safe")));
    assert_int_equal(shred_answer_open(t, SPAN("another"), k.release, &a, &got), REASON_TAMPERED);
    assert_int_equal(shred_answer_open(t, SPAN("order"), k.later, &a, &got), REASON_TAMPERED);
    keys_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_pinned_an_older_identity_follows_the_chain),
        cmocka_unit_test(a_chain_cannot_be_borrowed),
        cmocka_unit_test(coming_and_past_keys_are_listed),
        cmocka_unit_test(a_number_never_falls),
        cmocka_unit_test(too_many_keys_are_not_written),
        cmocka_unit_test(an_order_names_one_thing),
        cmocka_unit_test(what_was_destroyed_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
