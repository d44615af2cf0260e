/* src/cse: types that are rows alone, specializations, and what the CSEBase says of them. */
#include "cse_node.h"
#include "m2m/spec.h"

static struct arena mem;
static struct spec_list list;

static int all_down(void **state)
{
    (void)state;
    if (last)
        ask_free(last);
    last = NULL;
    net_down(&net);
    type_extend(NULL);
    arena_reset(&mem);
    return 0;
}

static struct node *lab(uint8_t role)
{
    static const char lamp[] = "{\"cnd\":\"org.x.lamp\",\"root\":\"x:lamp\",\"attributes\":["
                               "{\"sn\":\"brigs\",\"type\":\"integer\",\"least\":0,\"most\":100,\"create\":\"M\"},"
                               "{\"sn\":\"colour\",\"type\":\"string\"}]}";
    struct spec_why why;
    heap_arena(&mem, 65536, 1 << 20);
    list = (struct spec_list){0};
    assert_int_equal(spec_read(&list, span_str(lamp), &mem, &why), OK);
    type_extend(&list);
    struct node *n = node_up(&net, role, "/id-x", "x", "https://x", NULL, true);
    IS(2001, CREATE(n, "x", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    return n;
}

static void a_management_object_has_its_own_table(void **state)
{
    (void)state;
    struct node *n = lab(ROLE_IN);
    IS(2001, CREATE(n, "x", "CAdmin", TY_NOD, "{\"m2m:nod\":{\"rn\":\"n\",\"ni\":\"urn:n\"}}"));
    IS(2001, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:bat\":{\"mgd\":1006,\"btl\":23,\"bts\":5}}"));
    HOLDS("\"m2m:bat\":{");
    HOLDS("\"rn\":\"bat-");
    HOLDS("\"btl\":23");
    char at[300];
    snprintf(at, sizeof at, "x/n/%s", value("rn"));
    IS(2000, RETRIEVE(n, at, "CAdmin"));
    HOLDS("{\"m2m:bat\":{");
    IS(2004, UPDATE(n, at, "CAdmin", "{\"m2m:bat\":{\"btl\":22}}"));
    HOLDS("\"btl\":22");
    HOLDS("\"bts\":5");
    IS(4000, UPDATE(n, at, "CAdmin", "{\"m2m:bat\":{\"btl\":101}}"));
    HOLDS("btl");
    IS(4000, UPDATE(n, at, "CAdmin", "{\"m2m:bat\":{\"mma\":1}}"));
    HOLDS("mma");
    IS(4000, UPDATE(n, at, "CAdmin", "{\"m2m:mem\":{\"mma\":1}}"));
    IS(4000, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:bat\":{\"mgd\":1003,\"btl\":23,\"bts\":5}}"));
    HOLDS("mgd");
    IS(4000, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:bat\":{\"mgd\":1006,\"bts\":5}}"));
    HOLDS("btl");
    IS(4000, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:nothing\":{\"mgd\":1006}}"));
    IS(4108, CREATE(n, "x/one", "CAdmin", TY_MGO, "{\"m2m:bat\":{\"mgd\":1006,\"btl\":23,\"bts\":5}}"));
}

/* mgd 0: what the schema behind mgs defines is in no table. */
static void an_open_type_keeps_what_no_table_has(void **state)
{
    (void)state;
    struct node *n = lab(ROLE_IN);
    IS(2001, CREATE(n, "x", "CAdmin", TY_NOD, "{\"m2m:nod\":{\"rn\":\"n\",\"ni\":\"urn:n\"}}"));
    IS(4000, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:mgo\":{\"mgd\":0}}"));
    HOLDS("mgs");
    IS(2001, CREATE(n, "x/n", "CAdmin", TY_MGO,
                    "{\"m2m:mgo\":{\"rn\":\"m\",\"mgd\":0,\"mgs\":\"urn:s\",\"fan\":3,\"lamp\":{\"on\":true}}}"));
    HOLDS("\"fan\":3");
    HOLDS("\"lamp\":{\"on\":true}");
    IS(2004, UPDATE(n, "x/n/m", "CAdmin", "{\"m2m:mgo\":{\"fan\":4,\"lamp\":null,\"door\":\"open\"}}"));
    IS(2000, RETRIEVE(n, "x/n/m", "CAdmin"));
    HOLDS("\"fan\":4");
    HOLDS("\"door\":\"open\"");
    assert_null(strstr(last->pc, "lamp"));
    IS(4000, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:mgo\":{\"mgd\":0,\"mgs\":\"urn:s\",\"fan\":null}}"));
    HOLDS("fan");
    IS(4000, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:mgo\":{\"mgd\":0,\"mgs\":\"urn:s\",\"1fan\":3}}"));
}

static void a_flex_container_has_the_table_of_its_description(void **state)
{
    (void)state;
    struct node *n = lab(ROLE_MN);
    IS(2001, CREATE(n, "x/one", "Cone", TY_FCNT,
                    "{\"x:lamp\":{\"rn\":\"l\",\"cnd\":\"org.x.lamp\",\"brigs\":5,\"lbl\":[\"a\"]}}"));
    HOLDS("\"x:lamp\":{");
    HOLDS("\"brigs\":5");
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"brigs\":6,\"colour\":\"red\"}}"));
    HOLDS("\"brigs\":6");
    HOLDS("\"colour\":\"red\"");
    IS(2004, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"colour\":null}}"));
    IS(2000, RETRIEVE(n, "x/one/l", "Cone"));
    assert_null(strstr(last->pc, "colour"));
    static const struct {
        unsigned rsc;
        const char *body, *names;
    } bad[] = {
        {4125, "{\"x:lamp\":{\"cnd\":\"org.x.other\",\"brigs\":5}}", "cnd"},
        {4125, "{\"x:tree\":{\"cnd\":\"org.x.other\"}}", "cnd"},
        {4000, "{\"x:tree\":{\"cnd\":\"org.x.lamp\",\"brigs\":5}}", "x:tree"},
        {4000, "{\"m2m:fcnt\":{\"cnd\":\"org.x.lamp\",\"brigs\":5}}", "m2m:fcnt"},
        {4000, "{\"x:lamp\":{\"brigs\":5}}", "cnd"},
        {4000, "{\"x:lamp\":{\"cnd\":7,\"brigs\":5}}", "cnd"},
        {4000, "{\"x:lamp\":{\"cnd\":\"org.x.lamp\"}}", "brigs"},
        {4000, "{\"x:lamp\":{\"cnd\":\"org.x.lamp\",\"brigs\":101}}", "brigs"},
        {4000, "{\"x:lamp\":{\"cnd\":\"org.x.lamp\",\"brigs\":5,\"shape\":1}}", "shape"},
        {4000, "{\"x:lamp\":{\"cnd\":\"org.x.lamp\",\"brigs\":null}}", "brigs"},
        {4000, "{\"x:lamp\":7}", "x:lamp"},
    };
    for (size_t i = 0; i < LEN(bad); i++) {
        IS(bad[i].rsc, CREATE(n, "x/one", "Cone", TY_FCNT, bad[i].body));
        HOLDS(bad[i].names);
    }
    IS(4000, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"shape\":1}}"));
    IS(4000, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"brigs\":null}}"));
    IS(4000, UPDATE(n, "x/one/l", "Cone", "{\"x:lamp\":{\"cnd\":\"org.x.lamp\"}}"));
}

static void the_base_says_which_types_it_hosts(void **state)
{
    (void)state;
    struct node *n = lab(ROLE_MN);
    IS(2000, RETRIEVE(n, "x", "CAdmin"));
    HOLDS("\"srt\":[1,2,3,4,5,9,10,13,14,15,16,17,18,");
    HOLDS(",10001,");
    assert_null(strstr(last->pc, "20001"));
    assert_null(strstr(last->pc, ",19,")); /* only on an IN-CSE */
    IS(4005, CREATE(n, "x", "CAdmin", TY_ASAR, "{\"m2m:asar\":{}}"));
    IS(5001, CREATE(n, "x", "CAdmin", TY_TRAC, "{\"m2m:trac\":{}}"));
    IS(4000, CREATE(n, "x", "CAdmin", TY_FOPT, "{\"fopt\":{}}"));
    IS(4000, CREATE(n, "x", "CAdmin", 33, "{\"m2m:trpt\":{}}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_management_object_has_its_own_table, all_down),
        cmocka_unit_test_teardown(an_open_type_keeps_what_no_table_has, all_down),
        cmocka_unit_test_teardown(a_flex_container_has_the_table_of_its_description, all_down),
        cmocka_unit_test_teardown(the_base_says_which_types_it_hosts, all_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
