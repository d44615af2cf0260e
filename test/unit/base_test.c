/* lib/base: span, buf, arena, code, m2mtime, err. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/code.h"
#include "base/m2mtime.h"

static void span_compares(void **state)
{
    (void)state;
    assert_true(span_eq(SPAN("abc"), span_str("abc")));
    assert_false(span_eq(SPAN("abc"), SPAN("abd")));
    assert_true(span_eq(SPAN_NONE, SPAN("")));
    assert_true(span_eq_nocase(SPAN("Content-Type"), SPAN("content-type")));
    assert_false(span_eq_nocase(SPAN("a[c"), SPAN("a{c")));
    assert_true(span_starts(SPAN("/~/mn"), SPAN("/~")));
    assert_true(span_ends(SPAN("a/la"), SPAN("/la")));
    assert_int_equal(span_cmp(SPAN("a"), SPAN("ab")), -1);
    assert_true(span_eq_secret(SPAN("tag"), SPAN("tag")));
    assert_false(span_eq_secret(SPAN("tag"), SPAN("taG")));
    for (size_t n = 0; n <= 20; n++) {
        uint8_t x[20] = {1, 2, 3}, y[20] = {1, 2, 3};
        assert_true(span_eq_secret(span_of(x, n), span_of(y, n)));
        assert_true(n == 0 || !span_eq_secret(span_of(x, n), span_of(y, n - 1)));
        for (size_t bit = 0; bit < 8 * n; bit++) {
            y[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(span_eq_secret(span_of(x, n), span_of(y, n)));
            y[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void span_cuts_pieces(void **state)
{
    (void)state;
    struct span s = SPAN("a,,b");
    assert_true(span_eq(span_cut(&s, ','), SPAN("a")));
    assert_true(span_eq(span_cut(&s, ','), SPAN("")));
    assert_true(span_eq(span_cut(&s, ','), SPAN("b")));
    assert_null(s.p);
    s = SPAN("a,");
    span_cut(&s, ',');
    assert_non_null(s.p);
    assert_int_equal(s.n, 0);
}

static void numbers_are_strict(void **state)
{
    (void)state;
    uint64_t v = 7;
    assert_int_equal(span_u64(SPAN("0"), 9, &v), OK);
    assert_int_equal(v, 0);
    assert_int_equal(span_u64(SPAN("18446744073709551615"), UINT64_MAX, &v), OK);
    assert_true(v == UINT64_MAX);
    assert_int_equal(span_u64(SPAN("18446744073709551616"), UINT64_MAX, &v), ERR_RANGE);
    assert_int_equal(span_u64(SPAN("10"), 9, &v), ERR_RANGE);
    static const char *const bad[] = {"", "01", "+1", "-1", " 1", "1 ", "0x1", "1e3"};
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_equal(span_u64(span_str(bad[i]), UINT64_MAX, &v), ERR_SYNTAX);
}

static void buf_keeps_first_error(void **state)
{
    (void)state;
    uint8_t room[4];
    struct buf b = BUF_ARRAY(room);
    buf_str(&b, "abc");
    buf_str(&b, "de");
    buf_c(&b, 'f');
    assert_int_equal(b.e, ERR_FULL);
    assert_true(span_eq(buf_span(&b), SPAN("abc")));
    buf_wipe(&b);
    assert_int_equal(room[0], 0);
    buf_u64(&b, 4096);
    assert_true(span_eq(buf_span(&b), SPAN("4096")));
}

static void arena_overflow_sticks(void **state)
{
    (void)state;
    _Alignas(max_align_t) uint8_t room[128];
    struct arena a;
    arena_over(&a, room, sizeof room);
    struct span s = arena_join(&a, SPAN("ab"), SPAN("cd"));
    assert_true(span_eq(s, SPAN("abcd")));
    assert_int_equal((uintptr_t)arena_alloc(&a, 8) % _Alignof(max_align_t), 0);
    assert_null(arena_alloc(&a, 1000));
    assert_null(arena_alloc(&a, 1));
    assert_false(arena_ok(&a));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 100));
}

static void codes_round_trip_and_refuse(void **state)
{
    (void)state;
    uint8_t octets[64], text[128], back[64];
    for (size_t n = 0; n <= sizeof octets; n++) {
        for (size_t i = 0; i < n; i++)
            octets[i] = (uint8_t)(i * 37 + n);
        struct buf t = BUF_ARRAY(text), b = BUF_ARRAY(back);
        b64url_put(&t, span_of(octets, n));
        assert_int_equal(t.n, B64URL_LEN(n));
        assert_int_equal(b64url_get(buf_span(&t), &b), OK);
        assert_true(b64url_ok(buf_span(&t)));
        assert_true(span_eq(buf_span(&b), span_of(octets, n)));
        buf_reset(&t);
        buf_reset(&b);
        b64_put(&t, span_of(octets, n));
        assert_int_equal(b64_get(buf_span(&t), &b), OK);
        assert_true(span_eq(buf_span(&b), span_of(octets, n)));
        buf_reset(&t);
        buf_reset(&b);
        hex_put_upper(&t, span_of(octets, n));
        assert_int_equal(hex_get(buf_span(&t), &b), OK);
        assert_true(span_eq(buf_span(&b), span_of(octets, n)));
    }
    static const char *const bad_url[] = {"A", "AB=", "AB==", "A B", "AB+/", "AAA\n"};
    struct buf b = BUF_ARRAY(back);
    for (size_t i = 0; i < LEN(bad_url); i++) {
        assert_int_equal(b64url_get(span_str(bad_url[i]), &b), ERR_SYNTAX);
        assert_false(b64url_ok(span_str(bad_url[i])));
    }
    assert_int_equal(b64url_get(SPAN("AB"), &b), ERR_SYNTAX);  /* trailing bits set */
    assert_int_equal(b64url_get(SPAN("AAB"), &b), ERR_SYNTAX); /* likewise */
    assert_false(b64url_ok(SPAN("AB")) || b64url_ok(SPAN("AAB")));
    assert_int_equal(b.n, 0);
    assert_int_equal(b64_get(SPAN("AA"), &b), ERR_SYNTAX);
    assert_int_equal(hex_get(SPAN("0"), &b), ERR_SYNTAX);
    assert_int_equal(hex_get(SPAN("0g"), &b), ERR_SYNTAX);
}

/* Every octet in every place of a text of 2 to 44 characters (long ones are read sixteen at a time): only the alphabet
 * passes, in the last place only what leaves no bits over, and the six bits come out where they belong. */
static void base64url_octet_by_octet(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t n = 2; n <= 44; n++)
        for (size_t at = 0; n % 4 != 1 && at < n; at++)
            for (unsigned c = 0; c < 256; c++) {
                uint8_t text[44], octets[33], want[34] = {0};
                struct buf b = BUF_ARRAY(octets);
                memset(text, 'A', sizeof text);
                text[at] = (uint8_t)c;
                const char *found = c ? strchr(alphabet, (int)c) : NULL;
                unsigned over = n % 4 == 2 ? 15 : n % 4 == 3 ? 3 : 0, v = found ? (unsigned)(found - alphabet) : 0;
                bool fine = found && (at + 1 < n || (v & over) == 0);
                want[at * 6 / 8] |= (uint8_t)(v << 10 >> (at * 6 % 8) >> 8);
                want[at * 6 / 8 + 1] |= (uint8_t)(v << 10 >> (at * 6 % 8));
                assert_int_equal(b64url_get(span_of(text, n), &b), fine ? OK : ERR_SYNTAX);
                assert_int_equal(b64url_ok(span_of(text, n)), fine);
                assert_int_equal(b.n, fine ? n * 3 / 4 : 0);
                assert_memory_equal(octets, want, b.n);
            }
}

static void times_round_trip(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"19700101T000000", 0},     {"20260101T120000", 1767268800000},   {"20240229T235959", 1709251199000},
        {"19691231T235959", -1000}, {"00000101T000000", -62167219200000}, {"99991231T235959", 253402300799000},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        int64_t ms;
        uint8_t text[32];
        struct buf b = BUF_ARRAY(text);
        assert_int_equal(m2mtime_get(span_str(rows[i].text), &ms), OK);
        assert_true(ms == rows[i].ms);
        m2mtime_put(&b, ms);
        assert_true(span_eq(buf_span(&b), span_str(rows[i].text)));
    }
    int64_t ms;
    assert_int_equal(m2mtime_get(SPAN("20260101T120000,5"), &ms), OK);
    assert_true(ms == 1767268800500);
    assert_int_equal(m2mtime_get(SPAN("20260101T120000,123456"), &ms), OK);
    assert_true(ms == 1767268800123);
    static const char *const bad[] = {"",
                                      "20260101",
                                      "20260101T1200",
                                      "20261301T000000",
                                      "20260230T000000",
                                      "20260101 120000",
                                      "20260101T120060",
                                      "20260101T120000Z",
                                      "20260101T120000,",
                                      "20260101T120000,1234567",
                                      "2026-01-01T12:00:00",
                                      "20250229T000000"};
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_equal(m2mtime_get(span_str(bad[i]), &ms), ERR_SYNTAX);
}

static void errors_have_sentences(void **state)
{
    (void)state;
    for (int e = 0; e < ERR__N; e++)
        assert_true(err_text((enum err)e)[0] != 0 && err_name((enum err)e)[0] != 0);
    assert_string_equal(err_name(ERR_NOMEM), "NOMEM");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span_compares),
        cmocka_unit_test(span_cuts_pieces),
        cmocka_unit_test(numbers_are_strict),
        cmocka_unit_test(buf_keeps_first_error),
        cmocka_unit_test(arena_overflow_sticks),
        cmocka_unit_test(codes_round_trip_and_refuse),
        cmocka_unit_test(base64url_octet_by_octet),
        cmocka_unit_test(times_round_trip),
        cmocka_unit_test(errors_have_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
