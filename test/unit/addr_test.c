/* lib/m2m/addr: addresses of resources, identifiers of entities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "m2m/addr.h"

static const struct self me = {
    {(const uint8_t *)"//demo.example", 14}, {(const uint8_t *)"/id-mn", 6}, {(const uint8_t *)"mn", 2}};
static const struct switches r3, lab = {UINT64_C(1) << SW_final_slash};

struct row {
    const char *to;
    enum addr_where where;
    bool structured;
    const char *csi, *path, *id, *names, *attr;
};

static void forms(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* the six forms and the hybrids */
        {"mn/thermo-1/data", ADDR_HERE, true, "/id-mn", "mn/thermo-1/data", "", "thermo-1/data", ""},
        {"mn", ADDR_HERE, true, "/id-mn", "mn", "", "", ""},
        {"-", ADDR_HERE, true, "/id-mn", "-", "", "", ""},
        {"-/thermo-1", ADDR_HERE, true, "/id-mn", "-/thermo-1", "", "thermo-1", ""},
        {"3f", ADDR_HERE, false, "/id-mn", "3f", "3f", "", ""},
        {"3f/la", ADDR_HERE, false, "/id-mn", "3f/la", "3f", "la", ""},
        {"/id-mn/mn/thermo-1", ADDR_HERE, true, "/id-mn", "mn/thermo-1", "", "thermo-1", ""},
        {"/id-mn/-", ADDR_HERE, true, "/id-mn", "-", "", "", ""},
        {"/id-mn/3f", ADDR_HERE, false, "/id-mn", "3f", "3f", "", ""},
        {"/id-mn/3f/la", ADDR_HERE, false, "/id-mn", "3f/la", "3f", "la", ""},
        {"//demo.example/id-mn/mn/x", ADDR_HERE, true, "/id-mn", "mn/x", "", "x", ""},
        {"//DEMO.example/id-mn/3f", ADDR_HERE, false, "/id-mn", "3f", "3f", "", ""},
        /* elsewhere; a prefix of our CSE-ID is not ours */
        {"/id-in/in/app", ADDR_OTHER_CSE, false, "/id-in", "in/app", "in", "app", ""},
        {"/id-m/mn/x", ADDR_OTHER_CSE, false, "/id-m", "mn/x", "mn", "x", ""},
        {"/id-mn2/mn", ADDR_OTHER_CSE, false, "/id-mn2", "mn", "mn", "", ""},
        {"/id-in/-", ADDR_OTHER_CSE, true, "/id-in", "-", "", "", ""},
        {"//other.example/id-mn/mn/x", ADDR_OTHER_SP, false, "/id-mn", "mn/x", "mn", "x", ""},
        {"//demo.example.evil/id-mn/mn", ADDR_OTHER_SP, false, "/id-mn", "mn", "mn", "", ""},
        /* an S-type AE, wherever it is registered */
        {"/Sapp", ADDR_HERE, false, "/id-mn", "Sapp", "Sapp", "", ""},
        {"//demo.example/Sapp", ADDR_HERE, false, "/id-mn", "Sapp", "Sapp", "", ""},
        {"//other.example/Sapp", ADDR_OTHER_SP, false, "", "Sapp", "Sapp", "", ""},
        /* one attribute, one final slash */
        {"mn/thermo-1#lbl", ADDR_HERE, true, "/id-mn", "mn/thermo-1", "", "thermo-1", "lbl"},
        {"mn/thermo-1/", ADDR_HERE, true, "/id-mn", "mn/thermo-1", "", "thermo-1", ""},
        {"/id-mn/3f/", ADDR_HERE, false, "/id-mn", "3f", "3f", "", ""},
        /* names that only begin like virtual ones stay whole */
        {"mn/lab", ADDR_HERE, true, "/id-mn", "mn/lab", "", "lab", ""},
        {"mn/a..b/~x", ADDR_HERE, true, "/id-mn", "mn/a..b/~x", "", "a..b/~x", ""},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct addr a;
        const char *why;
        if (addr_parse(span_str(r->to), &me, &r3, &a, &why) != OK)
            fail_msg("%s: %s", r->to, why);
        if (a.where != r->where || a.structured != r->structured || !span_eq(a.csi, span_str(r->csi)) ||
            !span_eq(a.path, span_str(r->path)) || !span_eq(a.id, span_str(r->id)) ||
            !span_eq(a.names, span_str(r->names)) || !span_eq(a.attr, span_str(r->attr)))
            fail_msg("%s: where %d structured %d csi %.*s path %.*s id %.*s names %.*s attr %.*s", r->to, a.where,
                     a.structured, SPAN_FMT(a.csi), SPAN_FMT(a.path), SPAN_FMT(a.id), SPAN_FMT(a.names),
                     SPAN_FMT(a.attr));
    }
}

static void refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "/",
        "//",
        "///",
        "/id-mn",
        "//demo.example",
        "//demo.example/",
        "//demo.example/id-mn",
        "/id-mn/",
        "mn//x",
        "/id-mn//x",
        "mn/x//",
        "mn/./x",
        "mn/../x",
        "..",
        ".",
        "/..",
        "mn/a b",
        "mn/a%20b",
        "mn/\x01",
        "mn/a\xC3\xA9",
        "mn/a?b",
        "mn/x#",
        "mn/x#a#b",
        "mn/x#1a",
        "#lbl",
        "mn/'OR 1=1--",
        "mn/a*",
        "mn\\x",
        "//demo.example//id-mn/x",
        "http://h/mn",
    };
    struct addr a;
    const char *why;
    for (size_t i = 0; i < LEN(rows); i++) {
        if (addr_parse(span_str(rows[i]), &me, &r3, &a, &why) != ERR_SYNTAX)
            fail_msg("'%s' was accepted", rows[i]);
        assert_non_null(why);
    }
    assert_int_equal(addr_parse(span_of("mn\0x", 4), &me, &r3, &a, &why), ERR_SYNTAX);
    assert_int_equal(addr_parse(SPAN("mn/x/"), &me, &lab, &a, &why), ERR_SYNTAX);
    assert_int_equal(addr_parse(SPAN("/id-mn/mn/"), &me, &lab, &a, &why), ERR_SYNTAX);
    assert_int_equal(addr_parse(SPAN("//demo.example/id-mn/mn/"), &me, &lab, &a, &why), ERR_SYNTAX);
    assert_int_equal(addr_parse(SPAN("mn/x"), &me, &lab, &a, &why), OK);
}

static void segments(void **state)
{
    (void)state;
    struct span names = SPAN("a/b");
    assert_true(span_eq(addr_next(&names), SPAN("a")));
    assert_true(span_eq(addr_next(&names), SPAN("b")));
    assert_int_equal(addr_next(&names).n, 0);
    uint8_t room[64];
    struct buf b = BUF_ARRAY(room);
    addr_put_sp_relative(&b, &me, SPAN("3f"));
    assert_true(span_eq(buf_span(&b), SPAN("/id-mn/3f")));
    buf_reset(&b);
    addr_put_absolute(&b, &me, SPAN("3f"));
    assert_true(span_eq(buf_span(&b), SPAN("//demo.example/id-mn/3f")));
}

struct who {
    const char *text;
    enum id_kind kind;
    const char *absolute, *sp_relative, *stem;
    bool ours;
};

static void identifiers(void **state)
{
    (void)state;
    static const struct who rows[] = {
        {"Cthermo-1", ID_AE_C, "//demo.example/id-mn/Cthermo-1", "/id-mn/Cthermo-1", "Cthermo-1", true},
        {"/id-mn/Cthermo-1", ID_AE_C, "//demo.example/id-mn/Cthermo-1", "/id-mn/Cthermo-1", "Cthermo-1", true},
        {"//demo.example/id-mn/Cthermo-1", ID_AE_C, "//demo.example/id-mn/Cthermo-1", "/id-mn/Cthermo-1", "Cthermo-1",
         true},
        {"/id-in/C1", ID_AE_C, "//demo.example/id-in/C1", "/id-in/C1", "C1", false},
        {"//other.example/id-mn/C1", ID_AE_C, "//other.example/id-mn/C1", "/id-mn/C1", "C1", false},
        {"Sapp-heat", ID_AE_S, "//demo.example/Sapp-heat", "/Sapp-heat", "Sapp-heat", true},
        {"/Sapp-heat", ID_AE_S, "//demo.example/Sapp-heat", "/Sapp-heat", "Sapp-heat", true},
        {"//demo.example/Sapp-heat", ID_AE_S, "//demo.example/Sapp-heat", "/Sapp-heat", "Sapp-heat", true},
        {"//other.example/Sapp-heat", ID_AE_S, "//other.example/Sapp-heat", "/Sapp-heat", "Sapp-heat", false},
        {"/id-mn/Sapp-heat", ID_CSE, "//demo.example/id-mn/Sapp-heat", "/id-mn/Sapp-heat", "Sapp-heat",
         false}, /* speaks for it */
        {"/id-in", ID_CSE, "//demo.example/id-in", "/id-in", "/id-in", false},
        {"//demo.example/id-mn", ID_CSE, "//demo.example/id-mn", "/id-mn", "/id-mn", false},
        {"//demo.example", ID_SP, "//demo.example", "", "", false},
        {"admin", ID_OPAQUE, NULL, NULL, "admin", false},
    };
    uint8_t room[128];
    for (size_t i = 0; i < LEN(rows); i++) {
        struct id id = id_parse(span_str(rows[i].text), &me);
        if (id.kind != rows[i].kind)
            fail_msg("%s: kind %d", rows[i].text, id.kind);
        assert_int_equal(id_ours(&id, &me), rows[i].ours);
        struct buf b = BUF_ARRAY(room);
        if (rows[i].absolute) {
            id_put_absolute(&b, &id);
            assert_true(span_eq(buf_span(&b), span_str(rows[i].absolute)));
            buf_reset(&b);
            id_put_sp_relative(&b, &id);
            assert_true(span_eq(buf_span(&b), span_str(rows[i].sp_relative)));
            buf_reset(&b);
        }
        id_put_stem(&b, &id);
        assert_true(span_eq(buf_span(&b), span_str(rows[i].stem)));
    }
    static const char *const bad[] = {"",
                                      "/",
                                      "//",
                                      "C 1",
                                      "C1/x",
                                      "/id-mn/",
                                      "/id-mn/x",
                                      "/id-mn/C1/x",
                                      "//demo.example/",
                                      "///",
                                      "C\n",
                                      "C*",
                                      "//demo.example//C1",
                                      "//d e/C1",
                                      "/id in",
                                      "mn/thermo-1"};
    for (size_t i = 0; i < LEN(bad); i++)
        if (id_parse(span_str(bad[i]), &me).kind != ID_BAD)
            fail_msg("'%s' is no identifier", bad[i]);
}

static void same_entity(void **state)
{
    (void)state;
    assert_true(id_same_text(SPAN("C1"), SPAN("//demo.example/id-mn/C1"), &me));
    assert_true(id_same_text(SPAN("/S1"), SPAN("S1"), &me));
    assert_true(id_same_text(SPAN("//DEMO.EXAMPLE/S1"), SPAN("S1"), &me));
    assert_false(id_same_text(SPAN("C1"), SPAN("c1"), &me));
    assert_false(id_same_text(SPAN("C1"), SPAN("/id-in/C1"), &me));
    assert_false(id_same_text(SPAN("S1"), SPAN("//other.example/S1"), &me));
    assert_false(id_same_text(SPAN("/id-mn"), SPAN("//demo.example"), &me));
    assert_false(id_same_text(SPAN(""), SPAN(""), &me));
    assert_false(id_same_text(SPAN("C1/x"), SPAN("C1/x"), &me));
}

static void forwarded(void **state)
{
    (void)state;
    static const struct {
        const char *fr, *inside, *outside;
    } rows[] = {
        {"C1", "/id-mn/C1", "//demo.example/id-mn/C1"},
        {"S1", "/S1", "//demo.example/S1"},
        {"/id-asn/C2", "/id-asn/C2", "//demo.example/id-asn/C2"},
        {"//demo.example/S1", "//demo.example/S1", "//demo.example/S1"},
        {"/id-mn", "/id-mn", "//demo.example/id-mn"},
        {"odd", "odd", "odd"},
    };
    uint8_t room[64];
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf b = BUF_ARRAY(room);
        id_put_forwarded(&b, span_str(rows[i].fr), &me, false);
        assert_true(span_eq(buf_span(&b), span_str(rows[i].inside)));
        buf_reset(&b);
        id_put_forwarded(&b, span_str(rows[i].fr), &me, true);
        assert_true(span_eq(buf_span(&b), span_str(rows[i].outside)));
    }
}

static void certificates(void **state)
{
    (void)state;
    assert_true(span_eq(id_of_uri(SPAN("m2m://demo.example/Sapp-heat")), SPAN("//demo.example/Sapp-heat")));
    assert_true(span_eq(id_of_uri(SPAN("//demo.example/id-mn/Cthermo-1")), SPAN("//demo.example/id-mn/Cthermo-1")));
    static const char *const not [] = {"",
                                       "m2m:/Sapp",
                                       "m2m://demo.example",
                                       "https://demo.example/x",
                                       "m2m://demo.example/id-mn",
                                       "//demo.example/Sa/b",
                                       "m2m://demo.example/S*",
                                       "Sapp-heat"};
    for (size_t i = 0; i < LEN(not ); i++)
        if (id_of_uri(span_str(not [i])).n)
            fail_msg("'%s' is no AE-ID", not [i]);
    uint8_t room[64];
    struct buf b = BUF_ARRAY(room);
    assert_int_equal(id_of_dns(SPAN("id-mn.id-in.demo.example"), &me, &b), OK);
    assert_true(span_eq(buf_span(&b), SPAN("/id-mn")));
    buf_reset(&b);
    assert_int_equal(id_of_dns(SPAN("id-in.DEMO.example"), &me, &b), OK);
    assert_true(span_eq(buf_span(&b), SPAN("/id-in")));
    assert_int_equal(id_of_dns(SPAN("demo.example"), &me, &b), ERR_SYNTAX);
    assert_int_equal(id_of_dns(SPAN("id-mn.evildemo.example"), &me, &b), ERR_SYNTAX);
    assert_int_equal(id_of_dns(SPAN("id-mn.other.example"), &me, &b), ERR_SYNTAX);
    assert_int_equal(id_of_dns(SPAN(".demo.example"), &me, &b), ERR_SYNTAX);
    assert_int_equal(id_of_dns(SPAN("id-mn.x.id-in.demo.example"), &me, &b), ERR_SYNTAX);
    assert_int_equal(id_of_dns(SPAN("id-mn..demo.example"), &me, &b), ERR_SYNTAX);
    assert_int_equal(id_of_dns(SPAN("*.demo.example"), &me, &b), ERR_SYNTAX);
    buf_reset(&b);
    id_put_dns(&b, SPAN("/id-mn"), SPAN("/id-in"), SPAN("//demo.example"));
    assert_true(span_eq(buf_span(&b), SPAN("id-mn.id-in.demo.example")));
    buf_reset(&b);
    id_put_dns(&b, SPAN("/id-in"), SPAN("/id-in"), SPAN("//demo.example"));
    assert_true(span_eq(buf_span(&b), SPAN("id-in.demo.example")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),        cmocka_unit_test(refused),     cmocka_unit_test(segments),
        cmocka_unit_test(identifiers),  cmocka_unit_test(same_entity), cmocka_unit_test(forwarded),
        cmocka_unit_test(certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
