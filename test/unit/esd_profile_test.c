/* lib/esd: every given object of the ESData profile opens, or is refused for the reason that the vector gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd_vectors.h"

static struct given g;
static uint8_t text[1 << 18];

static struct span object_of(const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in");
    return JSON_GET(in, "object_hex") ? vec_hex(&g.v, in, "object_hex") : vec_str(&g.v, in, "object");
}

static struct span plaintext_of(const struct jval *vec)
{
    static const char *const names[] = {"plaintext_hex", "payload_hex"};
    const struct jval *out = JSON_GET(vec, "out"), *in = JSON_GET(vec, "in");
    for (size_t i = 0; i < LEN(names); i++)
        if (json_get(out, span_str(names[i])))
            return vec_hex(&g.v, out, names[i]);
    return vec_hex(&g.v, in, "out_plaintext_hex");
}

static void judge(const struct jval *vec)
{
    struct buf b = BUF_ARRAY(text);
    struct opened res;
    g.in = JSON_GET(vec, "in");
    enum reason r = given_judge(&g, object_of(vec), &b, &res);
    if (given_verdict(&g, vec, r))
        given_octets(&g, vec, "plaintext", res.plain, plaintext_of(vec));
    else if (b.n != 0 || res.plain.n != 0)
        given_differs(&g, vec, "leftover", buf_span(&b), SPAN(""));
}

/* Each of the keys alone must open it, and be named as the one that did. */
static void jwe(void **state)
{
    (void)state;
    unsigned opened = 0;
    given_open(&g, "esdata-jwe");
    for (const struct jval *vec = g.v.list->child; vec; vec = vec->next, g.v.ran++) {
        const struct jval *with = JSON_GET(JSON_GET(vec, "in"), "open_with");
        for (const struct jval *k = with->child; k; k = k->next, opened++) {
            assert_int_equal(json_str(k, &g.v.a, &g.only), OK);
            judge(vec);
        }
        g.only = SPAN_NONE;
        judge(vec);
    }
    printf("# opened with one key alone: %u\n", opened);
    assert_true(opened > 150);
    assert_true(given_close(&g, "esdata-jwe"));
}

static void jws(void **state)
{
    (void)state;
    given_open(&g, "esdata-jws");
    for (const struct jval *vec = g.v.list->child; vec; vec = vec->next, g.v.ran++)
        judge(vec);
    assert_true(given_close(&g, "esdata-jws"));
}

static void negative(void **state)
{
    (void)state;
    given_open(&g, "esdata-negative");
    for (const struct jval *vec = g.v.list->child; vec; vec = vec->next, g.v.ran++)
        judge(vec);
    assert_true(given_close(&g, "esdata-negative"));
}

/* The same objects as base64 of JSON (contentSecurity 3). */
static void base64_of_json(void **state)
{
    (void)state;
    static uint8_t wide[1 << 18];
    unsigned n = 0;
    given_open(&g, "esdata-jwe");
    for (const struct jval *vec = g.v.list->child; vec; vec = vec->next, g.v.ran++) {
        struct buf w = BUF_ARRAY(wide), b = BUF_ARRAY(text);
        struct opened res;
        struct arena a;
        struct open_ask ask = {.ttps = given_ttps, .n_ttps = LEN(given_ttps), .key = given_ask, .ctx = &g};
        g.in = JSON_GET(vec, "in");
        if (!span_ends(vec_str(&g.v, g.in, "cnf"), SPAN(":2")))
            continue;
        b64_put(&w, object_of(vec));
        arena_over(&a, given_memory, sizeof given_memory);
        ask.security = 3;
        assert_int_equal(open_envelope(&given_opener, buf_span(&w), &ask, &a, &b, &res), REASON_OK);
        assert_true(span_eq(res.plain, plaintext_of(vec)));
        arena_reset(&a);
        ask.security = 2;
        assert_int_equal(open_envelope(&given_opener, buf_span(&w), &ask, &a, &b, &res), REASON_MALFORMED);
        n++;
    }
    assert_true(n > 40);
    assert_true(given_close(&g, "esdata-jwe, as base64"));
}

/* A stream's list of algorithms holds for every recipient, and for enc. */
static void allow_list(void **state)
{
    (void)state;
    static const struct {
        const char *id, *names;
        enum reason r;
    } rows[] = {
        {"compact-dir-a256gcm", "dir A256GCM", REASON_OK},
        {"compact-dir-a256gcm", "dir A128GCM", REASON_ALGORITHM_REFUSED},
        {"compact-dir-a256gcm", "A256KW A256GCM", REASON_ALGORITHM_REFUSED},
        {"general-2-2-a256gcm", "A256KW ECDH-ES+A256KW A256GCM", REASON_OK},
        {"general-2-2-a256gcm", "A256KW A256GCM", REASON_ALGORITHM_REFUSED},
    };
    given_open(&g, "esdata-jwe");
    for (const struct jval *vec = g.v.list->child; vec; vec = vec->next, g.v.ran++)
        for (size_t i = 0; i < LEN(rows); i++) {
            if (!span_eq(vec_str(&g.v, vec, "id"), span_str(rows[i].id)))
                continue;
            struct buf b = BUF_ARRAY(text);
            struct opened res;
            struct arena a;
            struct open_ask ask = {.ttps = given_ttps, .n_ttps = LEN(given_ttps), .key = given_ask, .ctx = &g};
            g.in = JSON_GET(vec, "in");
            assert_int_equal(alg_set_read(span_str(rows[i].names), &ask.allow), OK);
            assert_int_equal(cnf_security(object_of(vec), vec_str(&g.v, g.in, "cnf"), &ask.security), REASON_OK);
            arena_over(&a, given_memory, sizeof given_memory);
            assert_int_equal(open_envelope(&given_opener, object_of(vec), &ask, &a, &b, &res), rows[i].r);
        }
    alg_set s;
    assert_int_equal(alg_set_read(SPAN("dir PBES2"), &s), ERR_UNSUPPORTED);
    assert_int_equal(alg_set_read(SPAN(""), &s), ERR_UNSUPPORTED);
    assert_true(given_close(&g, "esdata-jwe, allow-list"));
}

/* Without somebody who looks at the signature, signed content is refused. */
static void nobody_verifies(void **state)
{
    (void)state;
    unsigned n = 0;
    given_open(&g, "esdata-jws");
    for (const struct jval *vec = g.v.list->child; vec; vec = vec->next, g.v.ran++) {
        struct buf b = BUF_ARRAY(text);
        struct opened res;
        struct arena a;
        struct open_ask ask = {.ttps = given_ttps, .n_ttps = LEN(given_ttps), .key = given_ask, .ctx = &g};
        g.in = JSON_GET(vec, "in");
        if (!JSON_GET(g.in, "nested"))
            continue;
        arena_over(&a, given_memory, sizeof given_memory);
        assert_int_equal(open_envelope(&given_opener, object_of(vec), &ask, &a, &b, &res), REASON_ALGORITHM_REFUSED);
        assert_int_equal(b.n, 0);
        n++;
    }
    assert_int_equal(n, 7);
    assert_true(given_close(&g, "esdata-jws, nobody verifies"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jwe),        cmocka_unit_test(jws),
        cmocka_unit_test(negative),   cmocka_unit_test(base64_of_json),
        cmocka_unit_test(allow_list), cmocka_unit_test(nobody_verifies),
    };
    if (opener_init(&given_opener) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    opener_free(&given_opener);
    return failed;
}
