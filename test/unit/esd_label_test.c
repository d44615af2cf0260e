/* lib/esd: cnf, and the outside of an envelope where no key is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/code.h"
#include "esd/seal.h"

static uint8_t memory[ESD_ARENA];

static void cnf_follows_the_grammar(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "text",
                                      "text/plain",
                                      "text/plain:",
                                      "text/plain:3",
                                      "text/plain:0:6",
                                      "text/plain:0:",
                                      "text/plain:0:1:1",
                                      "/plain:0",
                                      "text/:0",
                                      "te xt/plain:0",
                                      "text/plain:00",
                                      "text/plain:0:11"};
    struct esd_cnf c;
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_equal(cnf_read(span_str(bad[i]), &c), REASON_MALFORMED);
    assert_int_equal(cnf_read(SPAN("application/json:0:1"), &c), REASON_OK);
    assert_true(span_eq(c.media, SPAN("application/json")));
    assert_int_equal(c.security, 1);
    assert_int_equal(cnf_read(SPAN("text/plain:2"), &c), REASON_OK);
    assert_int_equal(c.security, 0);
    uint8_t text[64];
    struct buf b = BUF_ARRAY(text);
    assert_int_equal(seal_cnf(SPAN_NONE, true, &b), OK);
    assert_true(span_eq(buf_span(&b), SPAN("application/json:0:1")));
    assert_int_equal(seal_cnf(SPAN("text/plain:0:1"), true, &b), ERR_NOTNOW);
    assert_int_equal(seal_cnf(SPAN("nonsense"), true, &b), ERR_SYNTAX);
}

/* Numbers of unknown members: what a double holds is fine, what it does not is refused. */
static void header_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *number;
        enum reason r;
    } rows[] = {
        {"1e308", REASON_OK},
        {"1.7976931348623157e308", REASON_OK},
        {"0.00017e312", REASON_OK},
        {"-1e308", REASON_OK},
        {"0e999999", REASON_OK},
        {"123456.5e-400", REASON_OK},
        {"1e309", REASON_MALFORMED},
        {"1.8e308", REASON_MALFORMED},
        {"-1e400", REASON_MALFORMED},
        {"10e308", REASON_MALFORMED},
        {"0.001e313", REASON_MALFORMED},
        {"1e99999999999999999999", REASON_MALFORMED},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char header[256], text[512];
        struct arena a;
        struct esd_label l;
        struct buf b = BUF_ARRAY(text);
        int n = snprintf(header, sizeof header, "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"a@b\",\"x\":%s}",
                         rows[i].number);
        b64url_put(&b, span_of(header, (size_t)n));
        buf_str(&b, "..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA");
        arena_over(&a, memory, sizeof memory);
        if (label_read(buf_span(&b), &a, &l) != rows[i].r)
            fail_msg("%s", rows[i].number);
    }
}

static void looks_sealed(void **state)
{
    (void)state;
    unsigned security;
    struct span sealed = SPAN("eyJhbGciOiJkaXIifQ..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA");
    assert_true(label_looks_sealed(sealed));
    assert_false(label_looks_sealed(SPAN("{\"t\":1}")));
    assert_false(label_looks_sealed(SPAN("eyJ.a.b.c")));
    assert_false(label_looks_sealed(SPAN("eyJ.a.b.c.d e")));
    /* cnf that denies what stands there changes nothing; XML is not for us */
    assert_int_equal(cnf_security(sealed, SPAN("text/plain:0"), &security), REASON_OK);
    assert_int_equal(security, 1);
    assert_int_equal(cnf_security(sealed, SPAN_NONE, &security), REASON_OK);
    assert_int_equal(cnf_security(SPAN("21.5"), SPAN("text/plain:0"), &security), REASON_NOT_SEALED);
    assert_int_equal(cnf_security(SPAN("21.5"), SPAN_NONE, &security), REASON_NOT_SEALED);
    assert_int_equal(cnf_security(SPAN("{}"), SPAN("text/plain:0:3"), &security), REASON_OK);
    assert_int_equal(security, 3);
    assert_int_equal(cnf_security(SPAN("<a/>"), SPAN("text/plain:0:4"), &security), REASON_ALGORITHM_REFUSED);
    assert_int_equal(cnf_security(SPAN("x"), SPAN("text/plain:0:9"), &security), REASON_MALFORMED);
}

/* Objects with something odd in one place of a JSON serialization. AA is one octet, E the header {"enc":"A256GCM"}. */
static void odd_places(void **state)
{
    (void)state;
#define E    "\"protected\":\"eyJlbmMiOiJBMjU2R0NNIn0\","
#define REST "\"iv\":\"AAAAAAAAAAAAAAAA\",\"ciphertext\":\"AA\",\"tag\":\"AAAAAAAAAAAAAAAAAAAAAA\"}"
#define DIR  "\"header\":{\"alg\":\"dir\",\"kid\":\"a@b.example\"},"
    static const struct {
        const char *object;
        enum reason r;
    } rows[] = {
        {"{" E DIR REST, REASON_OK},
        {"{" E "\"x\":[{}]," DIR REST, REASON_OK},
        {"{\"unprotected\":{\"enc\":\"A256GCM\"}," DIR REST, REASON_OK},
        {"{\"protected\":\"\",\"unprotected\":{\"enc\":\"A256GCM\"}," DIR REST, REASON_MALFORMED},
        {"{" E "\"header\":{\"alg\":\"dir\"}," REST, REASON_MALFORMED},
        {"{" E "\"header\":{\"alg\":\"dir\",\"kid\":\"no form\"}," REST, REASON_MALFORMED},
        {"{" E "\"header\":{\"alg\":\"dir\",\"kid\":\"54-a b\"}," REST, REASON_MALFORMED},
        {"{" E "\"header\":{\"alg\":\"dir\",\"kid\":\"a@b.example\",\"e2e\":[]}," REST, REASON_MALFORMED},
        {"{" E "\"header\":{\"alg\":\"dir\",\"kid\":\"a@b.example\",\"x\":[[[1]]]}," REST, REASON_OK},
        {"{" E "\"header\":{\"alg\":\"dir\",\"kid\":\"a@b.example\",\"x\":[[[[1]]]]}," REST, REASON_MALFORMED},
        {"{" E "\"header\":[]," REST, REASON_MALFORMED},
        {"{" E "\"recipients\":[{"
         "\"header\":{\"alg\":\"dir\",\"kid\":\"a@b.example\"}}]," REST,
         REASON_OK},
        {"{" E "\"recipients\":[7]," REST, REASON_MALFORMED},
        {"{" E "\"recipients\":[{\"header\":{\"alg\":\"PBES2\"}},{\"header\":{\"alg\":\"A256KW\","
         "\"kid\":\"a@b.example\"}}]," REST,
         REASON_MALFORMED},
        {"{" E "\"recipients\":[{\"header\":{\"alg\":\"PBES2\"}},{\"header\":{\"alg\":\"A256KW\",\"kid\":"
         "\"a@b.example\"},\"encrypted_key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]," REST,
         REASON_ALGORITHM_REFUSED},
        {"{" E DIR "\"encrypted_key\":\"AA\"," REST, REASON_MALFORMED},
        {"{" E DIR "\"aad\":\"A\"," REST, REASON_MALFORMED},
        {"{" E DIR "\"aad\":\"\\u0041A\"," REST, REASON_MALFORMED},
        {"{" E DIR "\"aad\":7," REST, REASON_MALFORMED},
        {"[]", REASON_MALFORMED},
        {"{}", REASON_MALFORMED},
        {"{\"payload\":\"AA\",\"signatures\":[]}", REASON_MALFORMED},
        {"{\"payload\":\"AA\",\"signature\":\"AA\",\"header\":{\"alg\":\"none\"}}", REASON_ALGORITHM_REFUSED},
        {"{\"payload\":\"AA\",\"signature\":\"AA\",\"header\":{\"alg\":\"dir\"}}", REASON_ALGORITHM_REFUSED},
        {"{\"payload\":\"AA\",\"signature\":\"AA\",\"header\":{\"alg\":\"HS256\",\"kid\":\"a@b.example\"}}",
         REASON_MALFORMED},
        {"{\"payload\":\"AA\",\"signature\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"header\":{\"alg\":"
         "\"HS256\",\"kid\":\"a@b.example\"}}",
         REASON_OK},
    };
#undef E
#undef REST
#undef DIR
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena a;
        struct esd_label l;
        arena_over(&a, memory, sizeof memory);
        enum reason r = label_read_as(span_str(rows[i].object), 2, &a, &l);
        if (r != rows[i].r)
            fail_msg("%s: %s", rows[i].object, reason_code(r));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cnf_follows_the_grammar), cmocka_unit_test(header_numbers),
                                       cmocka_unit_test(looks_sealed), cmocka_unit_test(odd_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
