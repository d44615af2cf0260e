/* m-of-n shares: the vectors made by another way of calculating, every set of shares that is large enough, and texts
 * that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ttp/unsealer_shamir.h"
#include "vectors.h"

struct plan {
    struct sharing g;
    uint8_t secret[SHAMIR_N], coef[(SHAMIR_MOST - 1) * SHAMIR_N];
    struct share share[SHAMIR_MOST];
};

static void hex_of(const struct jval *v, struct arena *a, uint8_t *out, size_t n)
{
    struct span text;
    struct buf b = buf_over(out, n);
    assert_int_equal(json_str(v, a, &text), OK);
    assert_int_equal(hex_get(text, &b), OK);
    assert_int_equal(b.n, n);
}

static struct plan read_plan(const struct jval *v, struct arena *a)
{
    struct plan p = {0};
    const struct jval *in = JSON_GET(v, "in");
    uint64_t m, n;
    assert_int_equal(json_u64(JSON_GET(in, "m"), 16, &m), OK);
    assert_int_equal(json_u64(JSON_GET(in, "n"), 16, &n), OK);
    p.g.m = (unsigned)m;
    p.g.n = (unsigned)n;
    hex_of(JSON_GET(in, "secret_hex"), a, p.secret, SHAMIR_N);
    hex_of(JSON_GET(in, "coefficients_hex"), a, p.coef, (p.g.m - 1) * SHAMIR_N);
    hex_of(JSON_GET(in, "set_hex"), a, p.g.set, SHAMIR_SET);
    shamir_split(p.secret, p.coef, p.g.m, p.g.n, p.share);
    return p;
}

static void same_as_the_vector(const struct plan *p, const struct jval *out, struct arena *a)
{
    for (unsigned i = 0; i < p->g.n; i++) {
        uint8_t y[SHAMIR_N], want[SHAMIR_TAG], tag[SHAMIR_TAG], text[SHAMIR_TEXT], set[SHAMIR_SET];
        struct share back;
        struct span line;
        hex_of(json_at(JSON_GET(out, "y_hex"), i), a, y, SHAMIR_N);
        hex_of(json_at(JSON_GET(out, "tag_hex"), i), a, want, SHAMIR_TAG);
        assert_int_equal(json_str(json_at(JSON_GET(out, "text"), i), a, &line), OK);
        assert_int_equal(p->share[i].x, i + 1);
        assert_memory_equal(p->share[i].y, y, SHAMIR_N);
        assert_int_equal(shamir_tag_share(&p->g, &p->share[i], tag), OK);
        assert_memory_equal(tag, want, SHAMIR_TAG);
        assert_int_equal(shamir_put(&p->g, &p->share[i], text), OK);
        assert_true(span_eq(span_of(text, SHAMIR_TEXT), line));
        assert_int_equal(shamir_get(line, set, &back), OK);
        assert_memory_equal(set, p->g.set, SHAMIR_SET);
        assert_int_equal(back.x, i + 1);
        assert_memory_equal(back.y, y, SHAMIR_N);
    }
    uint8_t tag[SHAMIR_TAG], want[SHAMIR_TAG];
    hex_of(JSON_GET(out, "secret_tag_hex"), a, want, SHAMIR_TAG);
    assert_int_equal(shamir_tag_secret(&p->g, p->secret, tag), OK);
    assert_memory_equal(tag, want, SHAMIR_TAG);
}

/* Every choice of shares as a set of bits: m of them give the secret, in any order; fewer and one more do what they
 * should. */
static void every_choice(const struct plan *p)
{
    unsigned tried = 0;
    for (unsigned set = 1; set < 1u << p->g.n; set++) {
        struct share s[SHAMIR_MOST];
        uint8_t got[SHAMIR_N];
        unsigned n = 0;
        for (unsigned i = p->g.n; i-- > 0;)
            if (set >> i & 1)
                s[n++] = p->share[i];
        if (n < p->g.m - 1 || n > p->g.m)
            continue;
        shamir_combine(s, n, got);
        assert_int_equal(memcmp(got, p->secret, SHAMIR_N) == 0, n == p->g.m);
        tried++;
    }
    assert_true(tried >= p->g.n);
}

static void test_vectors(void **state)
{
    (void)state;
    struct vectors v = {.text = heap_buf(1 << 20)};
    char path[512];
    const char *top = getenv("SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/test/vectors/shares.json", top ? top : ".");
    heap_arena(&v.a, 1 << 16, 16 << 20);
    assert_int_equal(file_read(path, &v.text), OK);
    assert_int_equal(json_parse(buf_span(&v.text), &v.a, &v.root, NULL), OK);
    const struct jval *list = JSON_GET(v.root, "vectors");
    assert_true(list->n >= 6);
    for (uint32_t i = 0; i < list->n; i++) {
        struct plan p = read_plan(json_at(list, i), &v.a);
        same_as_the_vector(&p, JSON_GET(json_at(list, i), "out"), &v.a);
        every_choice(&p);
    }
    arena_reset(&v.a);
    heap_buf_free(&v.text);
}

/* Each octet of the text replaced by each other one: no share comes out, or the same one (a digit's other case). */
static void test_typing_errors(void **state)
{
    (void)state;
    struct plan p = {.g = {.m = 2, .n = 3}, .secret = {1, 2, 3}, .coef = {9, 8, 7}};
    uint8_t text[SHAMIR_TEXT], wrong[SHAMIR_TEXT + 1], set[SHAMIR_SET];
    struct share s;
    shamir_split(p.secret, p.coef, 2, 3, p.share);
    assert_int_equal(shamir_put(&p.g, &p.share[1], text), OK);
    for (size_t at = 0; at < SHAMIR_TEXT; at++)
        for (unsigned c = 0; c < 256; c++) {
            memcpy(wrong, text, SHAMIR_TEXT);
            wrong[at] = (uint8_t)c;
            bool case_only = (c | 0x20) == text[at] && c >= 'A' && c <= 'F' && at >= 16;
            enum err e = shamir_get(span_of(wrong, SHAMIR_TEXT), set, &s);
            if ((c == text[at] || case_only) != (e == OK))
                fail_msg("octet %zu as %u: %s", at, c, err_text(e));
            if (e == OK)
                assert_memory_equal(s.y, p.share[1].y, SHAMIR_N);
        }
    for (size_t n = 0; n < SHAMIR_TEXT; n++)
        assert_int_equal(shamir_get(span_of(text, n), set, &s), ERR_SYNTAX);
    memcpy(wrong, text, SHAMIR_TEXT);
    wrong[SHAMIR_TEXT] = ' ';
    assert_int_equal(shamir_get(span_of(wrong, SHAMIR_TEXT + 1), set, &s), ERR_SYNTAX);
}

static void test_custody_words(void **state)
{
    (void)state;
    struct sharing g = {.m = 2, .n = 3}, h;
    uint8_t text[1024];
    struct buf b = BUF_ARRAY(text);
    memset(g.set, 0xab, sizeof g.set);
    memset(g.secret, 0x12, sizeof g.secret);
    memset(g.tag, 0x34, 3 * SHAMIR_TAG);
    shamir_put_sharing(&g, &b);
    assert_int_equal(shamir_get_sharing(buf_span(&b), &h), OK);
    assert_memory_equal(&g, &h, sizeof g);
    for (size_t n = 0; n < b.n; n++)
        assert_int_not_equal(shamir_get_sharing(span_first(buf_span(&b), n), &h), OK);
    static const char *const bad[] = {"m=1 n=3", "m=4 n=3",  "m=2 n=17",      "n=3 m=2",
                                      "m=0 n=0", "m=-2 n=3", "m=2 n=3 set=zz"};
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_not_equal(shamir_get_sharing(span_str(bad[i]), &h), OK);
    buf_str(&b, ",");
    assert_int_not_equal(shamir_get_sharing(buf_span(&b), &h), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_typing_errors),
        cmocka_unit_test(test_custody_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
