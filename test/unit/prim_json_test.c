/* lib/m2m/prim_json: primitives as JSON objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "m2m/prim_json.h"

static uint8_t room[1 << 16], text[1 << 14];
static struct arena a;
static struct buf b;

static struct jw fresh(void)
{
    arena_over(&a, room, sizeof room);
    b = BUF_ARRAY(text);
    return jw_over(&b);
}

static void is(const char *want)
{
    assert_int_equal(b.e, OK);
    buf_nul(&b);
    assert_string_equal((const char *)text, want);
}

static void set(struct prim *p, enum param id, const char *value)
{
    prim_set(p, id, span_str(value));
}

static void a_request(void **state)
{
    (void)state;
    struct jw w = fresh();
    struct prim p;
    prim_init(&p);
    p.op = OP_RETRIEVE;
    set(&p, PA_op, "2");
    set(&p, PA_to, "/id-mn/mn/x");
    set(&p, PA_fr, "/id-in/C\"1");
    set(&p, PA_rqi, "r1");
    set(&p, PA_rvi, "3");
    set(&p, PA_rqet, "5000");
    set(&p, PA_rt, "2");
    set(&p, PA_rtu, "http://a/?x=1&/id-in/Cx");
    set(&p, PA_rcn, "4");
    set(&p, PA_ec, "3");
    set(&p, PA_da, "1");
    set(&p, PA_rids, "one two");
    set(&p, PA_atrl, "ri lbl");
    set(&p, PA_vsi, "v");
    assert_int_equal(prim_add(&p, FC_ty, AT_NONE, SPAN("3 4"), &a), OK);
    assert_int_equal(prim_add(&p, FC_lim, AT_NONE, SPAN("10"), &a), OK);
    assert_int_equal(prim_add(&p, FC_ty, AT_NONE, SPAN("23"), &a), OK);
    assert_int_equal(prim_add(&p, FC_crb, AT_NONE, SPAN("20200101T000000"), &a), OK);
    assert_int_equal(prim_add(&p, FC_atr, AT_cr, SPAN("Sam*"), &a), OK);
    assert_int_equal(prim_add(&p, FC_atr, AT_rn, SPAN("x"), &a), OK);
    prim_put_request(&w, &p);
    is("{\"op\":2,\"to\":\"/id-mn/mn/x\",\"fr\":\"/id-in/C\\\"1\",\"rqi\":\"r1\",\"rvi\":\"3\",\"rqet\":\"5000\","
       "\"rt\":{\"rtv\":2,\"nu\":[\"http://a/?x=1\",\"/id-in/Cx\"]},\"rcn\":4,\"ec\":3,\"da\":true,"
       "\"rids\":[\"one\",\"two\"],\"vsi\":\"v\","
       "\"fc\":{\"ty\":[3,4,23],\"lim\":10,\"crb\":\"20200101T000000\","
       "\"atr\":[{\"nm\":\"cr\",\"val\":\"Sam*\"},{\"nm\":\"rn\",\"val\":\"x\"}]},"
       "\"pc\":{\"m2m:atrl\":[\"ri\",\"lbl\"]}}");
}

static void content(void **state)
{
    (void)state;
    struct jw w = fresh();
    struct prim p;
    prim_init(&p);
    p.op = OP_CREATE;
    set(&p, PA_ty, "4");
    p.pc = SPAN("{\"m2m:cin\": {\"con\":1.50}}");
    p.ser = SER_JSON;
    prim_put_request(&w, &p);
    is("{\"op\":1,\"ty\":4,\"pc\":{\"m2m:cin\": {\"con\":1.50}}}");
    w = fresh();
    p.ser = SER_XML; /* cannot stand in JSON */
    prim_put_request(&w, &p);
    is("{\"op\":1,\"ty\":4}");
}

/* metaInformation keeps no credentials; a request of release 1 says so. */
static void meta(void **state)
{
    (void)state;
    struct jw w = fresh();
    struct prim p;
    prim_init(&p);
    set(&p, PA_fr, "Cx");
    set(&p, PA_to, "mn");
    set(&p, PA_tkns, "secret");
    set(&p, PA_aus, "secret");
    set(&p, PA_rt, "2");
    set(&p, PA_rtu, "");
    set(&p, PA_tqi, "false");
    prim_put_meta(&w, &p);
    is("{\"rt\":{\"rtv\":2,\"nu\":[]},\"tqi\":false,\"rvi\":\"1\"}");
}

static void an_answer(void **state)
{
    (void)state;
    struct jw w = fresh();
    struct prim p;
    prim_init(&p);
    p.rsc = 2000;
    set(&p, PA_rqi, "r1");
    set(&p, PA_rvi, "3");
    set(&p, PA_cnst, "1");
    set(&p, PA_cnot, "17");
    p.pc = SPAN("{}");
    p.ser = SER_JSON;
    prim_put_response(&w, &p, SPAN("/id-in"), SPAN("Cx"));
    is("{\"rsc\":2000,\"rqi\":\"r1\",\"rvi\":\"3\",\"cnst\":1,\"cnot\":17,\"fr\":\"/id-in\",\"to\":\"Cx\",\"pc\":{}}");
    w = fresh();
    prim_put_result(&w, &p, SPAN_NONE, SPAN_NONE);
    is("{\"rsc\":2000,\"rqi\":\"r1\",\"cnst\":1,\"cnot\":17,\"pc\":{}}");
}

static enum err take(const char *json, struct prim *p)
{
    struct jval *v;
    (void)fresh();
    assert_int_equal(json_parse(span_str(json), &a, &v, NULL), OK);
    return prim_take_response(v, &a, p);
}

static void is_taken(void **state)
{
    (void)state;
    struct prim p;
    assert_int_equal(
        take("{\"rsc\":4103,\"rqi\":\"a\\u0062\",\"rvi\":\"2a\",\"pc\":{\"m2m:dbg\":\"x\"},\"x\":1,\"cnot\":7}", &p),
        OK);
    assert_int_equal(p.rsc, 4103);
    assert_int_equal(p.rvi, REL_2A);
    assert_true(span_eq(prim_text(&p, PA_rqi), SPAN("ab")));
    assert_true(span_eq(prim_text(&p, PA_cnot), SPAN("7")));
    assert_true(span_eq(p.pc, SPAN("{\"m2m:dbg\":\"x\"}")));
    assert_int_equal(p.ser, SER_JSON);
    static const char *const refused[] = {"[]",
                                          "\"x\"",
                                          "{}",
                                          "{\"rsc\":2000}",
                                          "{\"rqi\":\"a\"}",
                                          "{\"rsc\":\"2000\",\"rqi\":\"a\"}",
                                          "{\"rsc\":2e3,\"rqi\":\"a\"}",
                                          "{\"rsc\":200,\"rqi\":\"a\"}",
                                          "{\"rsc\":20000,\"rqi\":\"a\"}",
                                          "{\"rsc\":2000,\"rqi\":\"\"}"};
    for (size_t i = 0; i < LEN(refused); i++)
        assert_int_equal(take(refused[i], &p), ERR_SYNTAX);
}

/* What prim_put_request writes is what prim_take_request reads. */
static void a_request_is_taken(void **state)
{
    static const char *const same[] = {
        "{\"op\":2,\"to\":\"mn/x\",\"fr\":\"/id-in/"
        "C\\\"1\",\"rqi\":\"r1\",\"rvi\":\"3\",\"rqet\":\"5000\",\"rt\":{\"rtv\":2,"
        "\"nu\":[\"http://a\",\"/id-in/"
        "Cx\"]},\"rcn\":4,\"da\":true,\"rids\":[\"one\",\"two\"],\"fc\":{\"ty\":[3,4,23],\"lim\":10,"
        "\"crb\":\"20200101T000000\",\"atr\":[{\"nm\":\"cr\",\"val\":\"Sam*\"}]}}",
        "{\"op\":1,\"to\":\"mn\",\"fr\":\"C1\",\"rqi\":\"r\",\"ty\":3,\"pc\":{\"m2m:cnt\":{\"rn\":\"c\"}}}",
    };
    static const char *const wrong[] = {
        "{\"op\":2,\"colour\":1}",       "{\"op\":2,\"rsc\":2000}",
        "{\"op\":2,\"rt\":3}",           "{\"op\":2,\"to\":null}",
        "{\"op\":2,\"fc\":{\"x\":1}}",   "{\"op\":2,\"fc\":{\"atr\":[{\"nm\":\"zzz\",\"val\":1}]}}",
        "{\"op\":2,\"fc\":[]}",          "{\"op\":2,\"fr\":{\"a\":\"b\"}}",
        "{\"op\":2,\"rids\":[[\"a\"]]}",
    };
    struct prim p;
    struct jval *v;
    (void)state;
    for (size_t i = 0; i < LEN(same); i++) {
        struct jw w = fresh();
        assert_int_equal(json_parse(span_str(same[i]), &a, &v, NULL), OK);
        assert_int_equal(prim_take_request(v, &a, &p), OK);
        assert_null(p.bad);
        prim_put_request(&w, &p);
        is(same[i]);
    }
    for (size_t i = 0; i < LEN(wrong); i++) {
        (void)fresh();
        assert_int_equal(json_parse(span_str(wrong[i]), &a, &v, NULL), OK);
        assert_int_equal(prim_take_request(v, &a, &p), OK);
        assert_non_null(p.bad);
    }
    assert_int_equal(json_parse(SPAN("{\"op\":9}"), &a, &v, NULL), OK);
    assert_int_equal(prim_take_request(v, &a, &p), OK);
    assert_int_equal(p.op, OP_NONE);
    assert_int_equal(json_parse(SPAN("[]"), &a, &v, NULL), OK);
    assert_int_equal(prim_take_request(v, &a, &p), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_request), cmocka_unit_test(content),
                                       cmocka_unit_test(meta),      cmocka_unit_test(an_answer),
                                       cmocka_unit_test(is_taken),  cmocka_unit_test(a_request_is_taken)};
    return cmocka_run_group_tests_name("prim_json", tests, NULL, NULL);
}
