/* lib/m2m/spec: descriptions of flexContainer specializations become tables, and only good ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "host/heap.h"
#include "m2m/check.h"
#include "m2m/spec.h"

static struct arena mem;
static struct spec_list list;

static int up(void **state)
{
    (void)state;
    heap_arena(&mem, 65536, 16 << 20);
    list = (struct spec_list){0};
    return 0;
}

static int down(void **state)
{
    (void)state;
    type_extend(NULL);
    arena_reset(&mem);
    return 0;
}

#define HEAD "{\"cnd\":\"org.x.lamp\",\"root\":\"x:lamp\",\"attributes\":["

static const char lamp[] = HEAD "{\"sn\":\"brigs\",\"type\":\"integer\",\"least\":0,\"most\":100,\"create\":\"M\"},"
                                "{\"sn\":\"colours\",\"name\":\"colours\",\"type\":\"string\",\"list\":true},"
                                "{\"sn\":\"dgt\",\"type\":\"timestamp\",\"announce\":\"NA\",\"update\":\"NP\"}]}";

static void read_lamp(void)
{
    struct spec_why why;
    assert_int_equal(spec_read(&list, span_str(lamp), &mem, &why), OK);
    type_extend(&list);
}

static void a_description_becomes_four_tables(void **state)
{
    (void)state;
    read_lamp();
    assert_int_equal(list.n_types, 4);
    const struct type *t = type_spec(TY_FCNT, SPAN("x:lamp"));
    assert_non_null(t);
    assert_ptr_equal(t, type_of_cnd(SPAN("org.x.lamp")));
    assert_ptr_equal(t, type_of_root(SPAN("x:lamp")));
    assert_int_equal(t->n, type_of(TY_FCNT)->n + 3);
    assert_int_equal(t->number, TY_FCNT);
    assert_true(t->flags & TF_SPEC);
    assert_int_equal(type_rule(t, AT_cnd)->create, P_M);
    assert_int_equal(type_named(t, SPAN("brigs"))->create, P_M);
    assert_int_equal(type_rule(t, AT_dgt)->update, P_NP);
    enum attr brigs = attr_find(SPAN("brigs"));
    assert_true(brigs >= AT__N);
    assert_string_equal(attr_row(brigs)->long_name, "brigs");
    assert_ptr_equal(type_rule(t, brigs), type_named(t, SPAN("brigs")));
    assert_int_equal(type_rule(type_of(TY_CNT), brigs)->create, P_ABSENT);
    const struct type *annc = type_spec(TY_FCNT_A, SPAN("x:lampA")), *inst = type_spec(TY_FCI, SPAN("x:lamp"));
    assert_int_equal(type_named(annc, SPAN("brigs"))->create, P_O);
    assert_int_equal(type_rule(annc, AT_dgt)->create, P_ABSENT); /* not announced */
    assert_int_equal(type_rule(annc, AT_lnk)->create, P_M);
    assert_true(inst && inst->flags & TF_INSTANCE && inst->flags & TF_NO_CREATE);
    assert_int_equal(type_named(inst, SPAN("colours"))->update, P_NP);
    assert_null(type_spec(TY_FCNT, SPAN("x:lampA")));
    for (size_t i = 2; i <= t->n; i++) { /* in the order that lookup needs */
        struct span a = t->own[i - 1].row->sn, b = t->own[i].row->sn;
        assert_true(a.n < b.n || (a.n == b.n && span_cmp(a, b) < 0));
        assert_ptr_equal(type_named(t, b), &t->own[i]);
    }
}

static void bad_ones_are_refused_and_leave_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err e;
        const char *attr;
    } bad[] = {
        {"", ERR_SYNTAX, ""},
        {"7", ERR_SYNTAX, ""},
        {"{\"cnd\":\"c\",\"attributes\":[]}", ERR_SYNTAX, ""},
        {"{\"root\":\"x:y\",\"attributes\":[]}", ERR_SYNTAX, ""},
        {"{\"root\":\"xy\",\"cnd\":\"c\"}", ERR_SYNTAX, ""},
        {"{\"root\":\"x:y\",\"cnd\":\"a b\"}", ERR_SYNTAX, ""},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"atributes\":[]}", ERR_SYNTAX, ""},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":{}}", ERR_SYNTAX, ""},
        {"{\"root\":\"m2m:cnt\",\"cnd\":\"c\"}", ERR_EXISTS, ""},
        {"{\"root\":\"x:lamp\",\"cnd\":\"c\"}", ERR_EXISTS, ""},
        {"{\"root\":\"x:y\",\"cnd\":\"org.x.lamp\"}", ERR_EXISTS, ""},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"a\"}]}", ERR_SYNTAX, "a"},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"1a\",\"type\":\"any\"}]}", ERR_SYNTAX, "1a"},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"a\",\"type\":\"bool\"}]}", ERR_SYNTAX, "a"},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"a\",\"type\":\"any\",\"creat\":\"M\"}]}",
         ERR_SYNTAX, "a"},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"a\",\"type\":\"any\",\"create\":\"X\"}]}",
         ERR_SYNTAX, "a"},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"a\",\"type\":\"any\",\"least\":1}]}", ERR_SYNTAX,
         "a"},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"a\",\"type\":\"integer\",\"least\":2,\"most\":1}]}",
         ERR_RANGE, "a"},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"lbl\",\"type\":\"any\"}]}", ERR_EXISTS, "lbl"},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"a\",\"type\":\"any\"},{\"sn\":\"a\",\"type\":"
         "\"any\"}]}",
         ERR_EXISTS, "a"},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"a\",\"type\":\"float\",\"sealed\":true}]}",
         ERR_SYNTAX, "a"},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"a\",\"type\":\"string\",\"list\":true,\"sealed\":"
         "true}]}",
         ERR_SYNTAX, "a"},
        {"{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[{\"sn\":\"a\",\"type\":\"string\",\"sealed\":1}]}",
         ERR_SYNTAX, "a"},
    };
    read_lamp();
    for (size_t i = 0; i < LEN(bad); i++) {
        struct spec_why why;
        enum err e = spec_read(&list, span_str(bad[i].text), &mem, &why);
        if (e != bad[i].e || !why.rule || !span_eq(why.attr, span_str(bad[i].attr)))
            fail_msg("%s: got %s", bad[i].text, err_text(e));
        assert_int_equal(list.n_types, 4);
        assert_int_equal(list.n_names, 2);
    }
}

static void too_many_attributes_are_refused(void **state)
{
    (void)state;
    char text[8192] = "{\"root\":\"x:y\",\"cnd\":\"c\",\"attributes\":[";
    struct spec_why why;
    for (int i = 0; i < 40; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s{\"sn\":\"a%d\",\"type\":\"any\"}", i ? "," : "", i);
    }
    strncat(text, "]}", 3);
    assert_int_equal(spec_read(&list, span_str(text), &mem, &why), ERR_LIMIT);
    assert_int_equal(list.n_types, 0);
}

static void many_descriptions_are_taken(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        char text[200];
        struct spec_why why;
        snprintf(text, sizeof text,
                 "{\"root\":\"x:y%d\",\"cnd\":\"c%d\",\"attributes\":[{\"sn\":\"long%d\",\"type\":\"any\"}]}", i, i, i);
        assert_int_equal(spec_read(&list, arena_dup(&mem, span_str(text)), &mem, &why), OK);
    }
    type_extend(&list);
    assert_non_null(type_of_cnd(SPAN("c499")));
    assert_int_equal(type_named(type_of_cnd(SPAN("c7")), SPAN("long7"))->create, P_O);
    assert_int_equal(type_named(type_of_cnd(SPAN("c7")), SPAN("long8"))->create, P_ABSENT);
    assert_true(attr_find(SPAN("long499")) == AT__N + 499);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_description_becomes_four_tables, up, down),
        cmocka_unit_test_setup_teardown(bad_ones_are_refused_and_leave_nothing, up, down),
        cmocka_unit_test_setup_teardown(too_many_attributes_are_refused, up, down),
        cmocka_unit_test_setup_teardown(many_descriptions_are_taken, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
