/* wire/csv.h: RFC 4180 records become JSON objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/csv.h"
#include "wire/json.h"

static uint8_t memory[1 << 18], text[1 << 18];

static enum err object(const char *header, const char *record, struct span *out)
{
    static struct csv h;
    struct arena a;
    struct buf b = BUF_ARRAY(text);
    arena_over(&a, memory, sizeof memory);
    assert_int_equal(csv_header(span_str(header), &a, &h), OK);
    enum err e = csv_object(&h, span_str(record), &a, &b);
    *out = buf_span(&b);
    return e;
}

static void records(void **state)
{
    (void)state;
    static const struct {
        const char *header, *record, *json;
    } rows[] = {
        {"a", "1", "{\"a\":1}"},
        {"temp,unit", "21.5,C", "{\"temp\":21.5,\"unit\":\"C\"}"},
        {"a,b,c,d", "-0,1e5,-12.5E-3,0.1", "{\"a\":-0,\"b\":1e5,\"c\":-12.5E-3,\"d\":0.1}"},
        {"a,b,c,d", "01,+1,.5,1.", "{\"a\":\"01\",\"b\":\"+1\",\"c\":\".5\",\"d\":\"1.\"}"},
        {"a,b,c", "true,false,null", "{\"a\":true,\"b\":false,\"c\":\"null\"}"},
        {"a,b,c", "\"1\",\"true\",\"\"", "{\"a\":\"1\",\"b\":\"true\",\"c\":\"\"}"},
        {"a,b,c", ",,3", "{\"c\":3}"},
        {"a,b", " 1,1 ", "{\"a\":\" 1\",\"b\":\"1 \"}"}, /* RFC 4180 2.4: blanks are part of a field */
        {"\"a,b\",\"c\"\"d\"", "\"x,y\",\"\"\"q\"\"\"", "{\"a,b\":\"x,y\",\"c\\\"d\":\"\\\"q\\\"\"}"},
        {"a", "\"two\nlines\"", "{\"a\":\"two\\nlines\"}"},
        {"\xef\xbb\xbf"
         "a",
         "\xc3\xa4", "{\"a\":\"\xc3\xa4\"}"},
        {"a", "{\"x\":1}", NULL},
        {"a", "[1]", "{\"a\":\"[1]\"}"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct span got;
        enum err e = object(rows[i].header, rows[i].record, &got);
        if (!rows[i].json) {
            assert_int_equal(e, ERR_SYNTAX);
            continue;
        }
        if (e != OK || !span_eq(got, span_str(rows[i].json)))
            fail_msg("%s / %s: %.*s", rows[i].header, rows[i].record, SPAN_FMT(got));
        assert_int_equal(json_check(got, NULL), OK);
    }
}

static void bad_records(void **state)
{
    (void)state;
    static const struct {
        const char *header, *record;
        enum err e;
    } rows[] = {
        {"a,b", "1", ERR_RANGE},       {"a,b", "1,2,3", ERR_RANGE},     {"a", "", OK},
        {"a", "\"open", ERR_SYNTAX},   {"a", "\"x\"y", ERR_SYNTAX},     {"a", "x\"y", ERR_SYNTAX},
        {"a", "\xc3\x28", ERR_SYNTAX}, {"a,b", "\"x\" ,1", ERR_SYNTAX}, {"a,b", "1,", OK},
        {"a,b", "\"x\",", OK},         {"a", "\"", ERR_SYNTAX},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct span got;
        enum err e = object(rows[i].header, rows[i].record, &got);
        if (e != rows[i].e || (e != OK && got.n != 0))
            fail_msg("%s / %s: %s", rows[i].header, rows[i].record, err_text(e));
    }
}

static void bad_headers(void **state)
{
    (void)state;
    static struct csv h;
    static char wide[4 * (CSV_FIELDS_MAX + 2)];
    struct arena a;
    arena_over(&a, memory, sizeof memory);
    assert_int_equal(csv_header(SPAN("a,b,a"), &a, &h), ERR_EXISTS);
    assert_int_equal(csv_header(SPAN("a\0b"), &a, &h), ERR_SYNTAX); /* no JSON name may have a NUL */
    assert_int_equal(csv_header(SPAN("a,,b"), &a, &h), ERR_NOTFOUND);
    assert_int_equal(csv_header(SPAN(""), &a, &h), ERR_NOTFOUND);
    assert_int_equal(csv_header(SPAN("a,\"b"), &a, &h), ERR_SYNTAX);
    for (int i = 0; i <= CSV_FIELDS_MAX; i++)
        snprintf(wide + 4 * i, 5, "%03d,", i);
    assert_int_equal(csv_header(span_of(wide, 4 * CSV_FIELDS_MAX - 1), &a, &h), OK);
    assert_int_equal(h.n, CSV_FIELDS_MAX);
    assert_int_equal(csv_header(span_of(wide, 4 * (CSV_FIELDS_MAX + 1) - 1), &a, &h), ERR_LIMIT);
}

static void where_a_record_ends(void **state)
{
    (void)state;
    assert_true(csv_whole(SPAN("a,b")));
    assert_true(csv_whole(SPAN("\"a\"\"b\",c")));
    assert_false(csv_whole(SPAN("1,\"a")));
    assert_false(csv_whole(SPAN("1,\"a\"\"")));
    assert_true(csv_whole(SPAN("1,\"a\nb\"")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),
        cmocka_unit_test(bad_records),
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(where_a_record_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
