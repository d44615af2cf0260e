/* lib/esd/target.c: the grammar of targets, and policies and denials that are written with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd/letter.h"
#include "esd/policy_ask.h"
#include "esd/target.h"
#include "host/heap.h"

static bool covers(const char *target, const char *id)
{
    struct target t;
    assert_int_equal(target_read(span_str(target), &t), OK);
    return target_covers(&t, span_str(id));
}

static void an_identity_means_itself(void **state)
{
    (void)state;
    assert_true(covers("//sp.example/Sapp", "//sp.example/Sapp"));
    assert_true(covers("//sp.example/Sapp", "//SP.Example/Sapp"));
    assert_false(covers("//sp.example/Sapp", "//sp.example/sapp"));
    assert_false(covers("//sp.example/Sapp", "//sp.example/Sapp2"));
    assert_false(covers("//sp.example/Sapp", "//sp.example/Sapp/C1"));
    assert_false(covers("//sp.example/Sapp", "//sp.example.org/Sapp"));
    assert_true(covers("//sp.example/id-mn", "//sp.example/id-mn"));
}

static void a_star_stays_within_one_part(void **state)
{
    (void)state;
    assert_true(covers("//sp.example/S*", "//sp.example/Sapp"));
    assert_true(covers("//sp.example/S*", "//sp.example/S"));
    assert_false(covers("//sp.example/S*", "//sp.example/id-mn"));
    assert_false(covers("//sp.example/S*", "//sp.example/Sx/Cy"));
    assert_false(covers("//sp.example/S*", "//sp.example.org/Sapp"));
    assert_false(covers("//sp.example/S*", "//sp.example/S*"));
    assert_true(covers("//sp.example/id-mn/*", "//sp.example/id-mn/C7"));
    assert_false(covers("//sp.example/id-mn/*", "//sp.example/id-mn"));
    assert_true(covers("//sp.example/id-mn/C1*", "//sp.example/id-mn/C17"));
    assert_false(covers("//sp.example/id-mn/C1*", "//sp.example/id-mn/C27"));
}

static void a_domain_means_its_aes(void **state)
{
    (void)state;
    assert_true(covers("//sp.example", "//sp.example/Sapp"));
    assert_true(covers("//sp.example", "//SP.example/id-mn/Cdev"));
    assert_false(covers("//sp.example", "//sp.example/id-mn"));
    assert_false(covers("//sp.example", "//sp.example/id-mn/Sapp"));
    assert_false(covers("//sp.example", "//a.sp.example/Sapp"));
    assert_false(covers("//sp.example", "//sp.example"));
}

static void what_is_no_target(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "//",
                                      "/Sapp",
                                      "sp.example/Sapp",
                                      "//sp.example/",
                                      "//sp.example/*",
                                      "//*",
                                      "//sp.*/Sapp",
                                      "//sp.example/S*p",
                                      "//sp.example/S**",
                                      "//sp.example/a/b/c",
                                      "//sp.example/a//",
                                      "//sp.example//b",
                                      "//sp.example/a/",
                                      "//sp.example/S app",
                                      "//sp.example/S\"",
                                      "//sp.example/S\\",
                                      "//-sp/Sapp",
                                      "//sp.example/*/C1",
                                      "//sp.example/a/b/*"};
    struct target t;
    for (size_t i = 0; i < LEN(bad); i++)
        if (target_read(span_str(bad[i]), &t) == OK)
            fail_msg("%s is taken", bad[i]);
}

static void written_canonically(void **state)
{
    (void)state;
    uint8_t text[64];
    struct buf b = BUF_ARRAY(text);
    struct target t;
    assert_int_equal(target_read(SPAN("//SP.Example/Id-MN/C*"), &t), OK);
    target_put(&b, &t);
    assert_true(span_eq(buf_span(&b), SPAN("//sp.example/Id-MN/C*")));
    assert_true(span_eq(target_domain(SPAN("//a.b/Sx")), SPAN("a.b")));
    assert_int_equal(target_domain(SPAN("Sx")).n, 0);
}

/* ---- documents --------------------------------------------------------------------------------------------------- */

static uint8_t scratch_memory[65536], out_memory[65536];

static void windows_escrow_and_denied_keys_travel(void **state)
{
    (void)state;
    struct arena a;
    struct buf scratch = BUF_ARRAY(scratch_memory), out = BUF_ARRAY(out_memory);
    struct p256 *key;
    struct jws j;
    struct policy q;
    struct denial e;
    heap_arena(&a, 4096, 1 << 20);
    assert_int_equal(p256_new(&key), OK);
    struct policy_reader r = {
        .id = SPAN("//sp.example/S*"), .escrow = true, .from = 1700000000000, .until = 1800000000000};
    struct policy p = {.iss = SPAN("//sp.example/id"),
                       .aud = SPAN("t.example"),
                       .policy = SPAN("w"),
                       .version = 3,
                       .readers = &r,
                       .n = 1};
    assert_int_equal(policy_build(&p, key, SPAN("k"), &scratch, &out), OK);
    assert_int_equal(policy_read(buf_span(&out), &a, &j, &q), REASON_OK);
    assert_true(q.n == 1 && q.readers[0].escrow && q.readers[0].from == r.from && q.readers[0].until == r.until);
    r.id = SPAN("//sp.example/S*x");
    buf_reset(&out);
    assert_int_equal(policy_build(&p, key, SPAN("k"), &scratch, &out), OK);
    assert_int_equal(policy_read(buf_span(&out), &a, &j, &q), REASON_MALFORMED);

    struct denial d = {.iss = p.iss, .aud = p.aud, .by_key = true, .jkt = {7}, .deny = true, .n = 5};
    buf_reset(&out);
    assert_int_equal(denial_build(&d, key, SPAN("k"), &scratch, &out), OK);
    assert_int_equal(denial_read(buf_span(&out), &a, &j, &e), REASON_OK);
    assert_true(e.by_key && e.jkt[0] == 7 && e.id.n == 0);
    static const char *const ids[] = {"//sp.example", "//sp.example/S*", "Sapp"};
    static const enum reason want[] = {REASON_OK, REASON_MALFORMED, REASON_MALFORMED};
    for (size_t i = 0; i < LEN(ids); i++) {
        d = (struct denial){.iss = p.iss, .aud = p.aud, .id = span_str(ids[i]), .deny = true, .n = 5};
        buf_reset(&out);
        assert_int_equal(denial_build(&d, key, SPAN("k"), &scratch, &out), OK);
        assert_int_equal(denial_read(buf_span(&out), &a, &j, &e), want[i]);
    }
    p256_free(key);
    arena_reset(&a);
}

static void questions_travel(void **state)
{
    (void)state;
    struct arena a;
    struct buf scratch = BUF_ARRAY(scratch_memory), out = BUF_ARRAY(out_memory);
    struct p256 *key;
    struct jws j;
    struct policy_show s = {.iss = SPAN("//sp.example/id"), .aud = SPAN("t.example"), .policy = SPAN("w")}, sr;
    struct policy_why w = {.iss = SPAN("//sp.example/id"),
                           .aud = SPAN("t.example"),
                           .subject = SPAN("//sp.example/Sa"),
                           .kid = SPAN("00112233445566778899AABBCCDDEEFF@t.example"),
                           .has_jkt = true},
                      wr;
    heap_arena(&a, 4096, 1 << 20);
    assert_int_equal(p256_new(&key), OK);
    assert_int_equal(policy_show_build(&s, key, SPAN("k"), &scratch, &out), OK);
    assert_int_equal(policy_show_read(buf_span(&out), &a, &j, &sr), REASON_OK);
    assert_true(span_eq(sr.owner, s.iss) && span_eq(sr.policy, s.policy));
    assert_int_equal(policy_why_read(buf_span(&out), &a, &j, &wr), REASON_MALFORMED);
    buf_reset(&out);
    assert_int_equal(policy_why_build(&w, key, SPAN("k"), &scratch, &out), OK);
    assert_int_equal(policy_why_read(buf_span(&out), &a, &j, &wr), REASON_OK);
    assert_true(wr.has_jkt && span_eq(wr.subject, w.subject));
    w.subject = SPAN("//sp.example/S*");
    buf_reset(&out);
    assert_int_equal(policy_why_build(&w, key, SPAN("k"), &scratch, &out), OK);
    assert_int_equal(policy_why_read(buf_span(&out), &a, &j, &wr), REASON_MALFORMED);
    p256_free(key);
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_means_itself), cmocka_unit_test(a_star_stays_within_one_part),
        cmocka_unit_test(a_domain_means_its_aes),   cmocka_unit_test(what_is_no_target),
        cmocka_unit_test(written_canonically),      cmocka_unit_test(windows_escrow_and_denied_keys_travel),
        cmocka_unit_test(questions_travel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
