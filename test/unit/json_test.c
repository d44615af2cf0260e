/* lib/wire: the JSON parser and writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/json.h"
#include "wire/utf8.h"

static uint8_t memory[1 << 20];

static struct jval *parse(struct arena *a, const char *text)
{
    struct jval *v;
    arena_over(a, memory, sizeof memory);
    assert_int_equal(json_parse(span_str(text), a, &v, NULL), OK);
    return v;
}

static void reads_a_document(void **state)
{
    (void)state;
    struct arena a;
    struct jval *v =
        parse(&a, " {\"m2m:cnt\":{\"rn\":\"a\\u00e9\\n\",\"mni\":10,\"lbl\":[\"x\",\"y\"],\"d\":true,\"f\":1.5e2,"
                  "\"\\u0065t\":null, \"e\":[], \"o\":{} }} ");
    struct jval *c = JSON_GET(v, "m2m:cnt");
    struct span s;
    uint64_t u;
    bool d;
    assert_int_equal(json_str(JSON_GET(c, "rn"), &a, &s), OK);
    assert_true(span_eq(s, SPAN("a\xC3\xA9\n")));
    assert_int_equal(json_u64(JSON_GET(c, "mni"), 100, &u), OK);
    assert_int_equal(u, 10);
    assert_int_equal(json_u64(JSON_GET(c, "mni"), 9, &u), ERR_RANGE);
    assert_int_equal(json_bool(JSON_GET(c, "d"), &d), OK);
    assert_true(d);
    assert_int_equal(JSON_GET(c, "f")->type, J_FLOAT);
    assert_int_equal(JSON_GET(c, "et")->type, J_NULL);
    assert_int_equal(JSON_GET(c, "lbl")->n, 2);
    assert_true(json_is(json_at(JSON_GET(c, "lbl"), 1), SPAN("y")));
    assert_null(json_at(JSON_GET(c, "lbl"), 2));
    assert_null(JSON_GET(c, "none"));
    assert_true(span_eq(JSON_GET(c, "lbl")->raw, SPAN("[\"x\",\"y\"]")));
    assert_true(span_eq(JSON_GET(c, "o")->raw, SPAN("{}")));
    assert_int_equal(c->n, 8);
}

static void refuses_with_place_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err e;
        size_t at;
    } rows[] = {
        {"", ERR_SYNTAX, 0},
        {"{", ERR_SYNTAX, 1},
        {"{\"a\":1,}", ERR_SYNTAX, 7},
        {"[1,]", ERR_SYNTAX, 3},
        {"[1 2]", ERR_SYNTAX, 3},
        {"{\"a\" 1}", ERR_SYNTAX, 5},
        {"{a:1}", ERR_SYNTAX, 1},
        {"01", ERR_SYNTAX, 1},
        {"1.", ERR_SYNTAX, 0},
        {"+1", ERR_SYNTAX, 0},
        {"1e", ERR_SYNTAX, 0},
        {"tru", ERR_SYNTAX, 0},
        {"1 1", ERR_SYNTAX, 2},
        {"\"\t\"", ERR_SYNTAX, 1},
        {"\"\\x\"", ERR_SYNTAX, 1},
        {"\"\\u12\"", ERR_SYNTAX, 1},
        {"\"\\u0000\"", ERR_SYNTAX, 1},
        {"\"\\ud800\"", ERR_SYNTAX, 1},
        {"\"\\udc00\"", ERR_SYNTAX, 1},
        {"\"\xC0\x80\"", ERR_UTF8, 1},
        {"\"\xED\xA0\x80\"", ERR_UTF8, 1},
        {"\xEF\xBB\xBF{}", ERR_SYNTAX, 0},
        {"{\"a\":1,\"a\":2}", ERR_TWICE, 11},
        {"{\"a\":1,\"\\u0061\":2}", ERR_TWICE, 16},
        {"[}", ERR_SYNTAX, 1},
        {"/* */1", ERR_SYNTAX, 0},
        {"NaN", ERR_SYNTAX, 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena a;
        struct jval *v;
        struct jerr why;
        arena_over(&a, memory, sizeof memory);
        assert_int_equal(json_parse(span_str(rows[i].text), &a, &v, &why), rows[i].e);
        assert_null(v);
        assert_int_equal(why.at, rows[i].at);
        assert_non_null(why.what);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static char text[200001];
    struct arena a;
    struct jval *v;
    memset(text, '[', 100000);
    memset(text + 100000, ']', 100000);
    arena_over(&a, memory, sizeof memory);
    assert_int_equal(json_parse(span_of(text, 200000), &a, &v, NULL), ERR_DEPTH);
    arena_over(&a, memory, sizeof memory);
    assert_int_equal(json_parse(span_of(text + 100000 - 64, 128), &a, &v, NULL), OK);
    arena_over(&a, memory, 64);
    assert_int_equal(json_parse(SPAN("[1,2,3]"), &a, &v, NULL), ERR_NOMEM);
}

static void writes(void **state)
{
    (void)state;
    uint8_t text[256];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_STR(&w, "s", SPAN("a\"\\\n\x01\xC3\xA9\xFF"));
    JW_U64(&w, "u", 18446744073709551615u);
    JW_NAME(&w, "a");
    jw_arr(&w);
    jw_i64(&w, INT64_MIN);
    jw_bool(&w, false);
    jw_null(&w);
    jw_obj(&w);
    jw_end_obj(&w);
    jw_end_arr(&w);
    JW_B64URL(&w, "b", SPAN("\xFF\xFE"));
    jw_end_obj(&w);
    assert_int_equal(b.e, OK);
    assert_true(
        span_eq(buf_span(&b), SPAN("{\"s\":\"a\\\"\\\\\\n\\u0001\xC3\xA9\xEF\xBF\xBD\",\"u\":18446744073709551615,"
                                   "\"a\":[-9223372036854775808,false,null,{}],\"b\":\"__4\"}")));
    struct arena a;
    struct jval *v;
    int64_t i;
    arena_over(&a, memory, sizeof memory);
    assert_int_equal(json_parse(buf_span(&b), &a, &v, NULL), OK);
    assert_int_equal(json_i64(json_at(JSON_GET(v, "a"), 0), &i), OK);
    assert_true(i == INT64_MIN);
}

/* Every octet at every place of three words: what needs attention is never skipped, what needs none is, by words. */
static void plain_text_is_skipped_by_words(void **state)
{
    (void)state;
    uint8_t text[24];
    for (size_t at = 0; at < sizeof text; at++)
        for (unsigned c = 0; c < 256; c++) {
            memset(text, 'x', sizeof text);
            text[at] = (uint8_t)c;
            bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            assert_int_equal(utf8_plain(span_of(text, sizeof text)), plain ? 24 : at / 8 * 8);
        }
    assert_int_equal(utf8_plain(SPAN("seven c")), 0);
    assert_int_equal(utf8_plain(SPAN_NONE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_document),
        cmocka_unit_test(refuses_with_place_and_reason),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(writes),
        cmocka_unit_test(plain_text_is_skipped_by_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
