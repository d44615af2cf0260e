/* src/cse: discovery, criteria, children forms, partial retrieval. */
#include "cse_node.h"

static struct node *n;

/* in / one / { a [x,room:1] { i1 i2 }, b [y] { deep [x] } , p }    in / two / z (foreign) */
static int up(void **state)
{
    (void)state;
    n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    IS(2001, CREATE(n, "in", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in", "Ctwo", 2, "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"a\",\"lbl\":[\"x\",\"room:1\"],\"mni\":5}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"b\",\"lbl\":[\"y\"]}}"));
    IS(2001, CREATE(n, "in/one/b", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"deep\",\"lbl\":[\"x\"]}}"));
    net.now += 60000;
    IS(2001,
       CREATE(n, "in/one/a", "Cone", 4, "{\"m2m:cin\":{\"rn\":\"i1\",\"con\":\"12345\",\"cnf\":\"text/plain:0\"}}"));
    IS(2001, CREATE(n, "in/one/a", "Cone", 4, "{\"m2m:cin\":{\"rn\":\"i2\",\"con\":\"1\"}}"));
    IS(2001, CREATE(n, "in/two", "Ctwo", 3, "{\"m2m:cnt\":{\"rn\":\"z\",\"lbl\":[\"x\"]}}"));
    return 0;
}

static void discovers(void **state)
{
    (void)state;
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}));
    assert_string_equal(last->pc,
                        "{\"m2m:uril\":[\"in/one/a\",\"in/one/b\",\"in/one/a/i1\",\"in/one/a/i2\",\"in/one/b/deep\"]}");
    IS(2000, QUERY(n, "in", "Cone", {"fu", "1"}, {"ty", "3"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a\",\"in/one/b\",\"in/one/b/deep\"]}"); /* not Ctwo's */
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"ty", "4"}, {"ty", "2"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a/i1\",\"in/one/a/i2\"]}");
    IS(2000, QUERY(n, "in", "Cone", {"fu", "1"}, {"lbl", "x"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a\",\"in/one/b/deep\"]}");
    IS(2000, QUERY(n, "in/one/b", "Cone", {"fu", "1"}, {"lbl", "x"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/b/deep\"]}");
    IS(2000, QUERY(n, "in", "Cone", {"fu", "1"}, {"lbl", "x"}, {"lbl", "room:1"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a\",\"in/one/b/deep\"]}"); /* a once, though it has both */
    IS(2000, QUERY(n, "in", "Cone", {"fu", "1"}, {"lbl", "room*"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a\"]}");
    IS(2000, QUERY(n, "in", "Cone", {"fu", "1"}, {"lbl", "none"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[]}");
    IS(2000, QUERY(n, "in", "Cstranger", {"fu", "1"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[]}");
    IS(4004, QUERY(n, "in/none", "Cone", {"fu", "1"}));
}

static void narrows_down(void **state)
{
    (void)state;
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"lvl", "1"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a\",\"in/one/b\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"lbl", "x"}, {"lvl", "1"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"lim", "2"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a\",\"in/one/b\"]}");
    assert_true(span_eq(prim_text(last->x.rsp, PA_cnst), SPAN("1")));
    assert_true(span_eq(prim_text(last->x.rsp, PA_cnot), SPAN("3")));
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"lim", "2"}, {"ofst", "3"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a/i1\",\"in/one/a/i2\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"ofst", "5"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/b/deep\"]}");
    assert_false(prim_has(last->x.rsp, PA_cnst));
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"sza", "5"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a/i1\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"szb", "5"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a/i2\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"cty", "text/plain"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a/i1\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"mni", "5"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"ty", "4"}, {"lbl", "y"}, {"fo", "2"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/b\",\"in/one/a/i1\",\"in/one/a/i2\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"pty", "3"}, {"ty", "3"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/b/deep\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"clbl", "x"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/b\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"arp", "la"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a/i2\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"ty", "4"}, {"arp", ".."}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a\"]}");
    IS(2000, QUERY(n, "in", "Cone", {"fu", "1"}, {"lbl", "y"}, {"arp", "deep"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/b/deep\"]}");
    IS(2000, QUERY(n, "in", "Cone", {"fu", "1"}, {"lbl", "y"}, {"arp", "../a/i1"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a/i1\"]}");
    IS(2000, QUERY(n, "in", "Cone", {"fu", "1"}, {"lbl", "y"}, {"arp", "../../two/z"})); /* not Cone's to discover */
    assert_string_equal(last->pc, "{\"m2m:uril\":[]}");
}

static void compares_times(void **state)
{
    (void)state;
    IS(2000, RETRIEVE(n, "in/one/a/i1", "Cone"));
    const char *ct = value("ct");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"crb", ct}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a\",\"in/one/b\",\"in/one/b/deep\"]}");
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"cra", ct})); /* inclusive (switch 7) */
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a/i1\",\"in/one/a/i2\"]}");
}

static void names_in_other_ways(void **state)
{
    (void)state;
    IS(2000, RETRIEVE(n, "in/one/a", "Cone"));
    char want[400];
    snprintf(want, sizeof want, "{\"m2m:uril\":[\"%s\"]}", value("ri"));
    IS(2000, QUERY(n, "in", "Cone", {"fu", "1"}, {"lbl", "room:1"}, {"drt", "2"}));
    assert_string_equal(last->pc, want);
    IS(2000, QUERY(n, "in", "Cone", {"fu", "1"}, {"lbl", "room:1"}, {"rcn", "6"}));
    assert_string_equal(last->pc, "{\"m2m:rrl\":{\"rrf\":[{\"nm\":\"a\",\"typ\":3,\"val\":\"in/one/a\"}]}}");
    IS(4000, QUERY(n, "in", "Cone", {"fu", "1"}, {"rcn", "1"}));
    IS(2000, QUERY(n, "in", "Cone", {"fu", "1"}, {"lbl", "room:1"}, {"rcn", "11"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/one/a\"]}");
}

static void shows_children(void **state)
{
    (void)state;
    IS(2000, QUERY(n, "in/one", "Cone", {"rcn", "4"}));
    HOLDS("{\"m2m:ae\":{\"rn\":\"one\"");
    HOLDS("\"m2m:cnt\":[{\"rn\":\"a\"");
    HOLDS("\"m2m:cin\":[{\"rn\":\"i1\"");
    HOLDS("\"m2m:cnt\":[{\"rn\":\"deep\"");
    IS(2000, QUERY(n, "in/one", "Cone", {"rcn", "8"}));
    HOLDS("{\"m2m:ae\":{\"m2m:cnt\":[{");
    IS(2000, QUERY(n, "in/one", "Cone", {"rcn", "5"}, {"lvl", "1"}));
    HOLDS("\"ch\":[{\"nm\":\"a\",\"typ\":3,\"val\":\"in/one/a\"},{\"nm\":\"b\",\"typ\":3,\"val\":\"in/one/b\"}]}}");
    IS(2000, QUERY(n, "in/one/b/deep", "Cone", {"rcn", "5"}));
    HOLDS("\"ch\":[]}}");
    IS(2000, QUERY(n, "in/one/b/deep", "Cone", {"rcn", "6"}));
    assert_string_equal(last->pc, "{\"m2m:rrl\":{\"rrf\":[]}}");
    IS(2000, QUERY(n, "in/one/b/deep", "Cone", {"rcn", "8"}));
    assert_string_equal(last->pc, "{\"m2m:cnt\":{}}");
    /* a match whose parent is left out hangs under its nearest ancestor that is there */
    IS(2000, QUERY(n, "in/one", "Cone", {"rcn", "8"}, {"ty", "4"}));
    HOLDS("{\"m2m:ae\":{\"m2m:cin\":[{\"rn\":\"i1\"");
    LACKS("m2m:cnt");
    IS(2000, QUERY(n, "in/one", "Cone", {"rcn", "6"}, {"lim", "3"}));
    assert_string_equal(last->pc, "{\"m2m:rrl\":{\"rrf\":[{\"nm\":\"a\",\"typ\":3,\"val\":\"in/one/a\"},"
                                  "{\"nm\":\"i1\",\"typ\":4,\"val\":\"in/one/a/i1\"},"
                                  "{\"nm\":\"i2\",\"typ\":4,\"val\":\"in/one/a/i2\"}]}}");
    assert_true(span_eq(prim_text(last->x.rsp, PA_cnot), SPAN("2")));
    IS(2000, QUERY(n, "in/one", "Cone", {"rcn", "6"}, {"lim", "3"}, {"ofst", "2"}));
    HOLDS("in/one/b/deep");
    LACKS("in/one/a");
    assert_false(prim_has(last->x.rsp, PA_cnst));
    /* what the originator may not read is left out */
    IS(2000, QUERY(n, "in", "CAdmin", {"rcn", "4"}));
    HOLDS("\"rn\":\"z\"");
    IS(2000, QUERY(n, "in", "Cone", {"rcn", "4"}));
    LACKS("\"rn\":\"z\"");
    HOLDS("\"rn\":\"deep\"");
}

static void shows_parts(void **state)
{
    (void)state;
    IS(2000, RETRIEVE(n, "in/one/a#mni", "Cone"));
    assert_string_equal(last->pc, "{\"m2m:cnt\":{\"mni\":5}}");
    IS(2000, QUERY(n, "in/one/a", "Cone", {"atrl", "rn cni"}));
    assert_string_equal(last->pc, "{\"m2m:cnt\":{\"rn\":\"a\",\"cni\":2}}");
    IS(2000, call(n, OP_RETRIEVE, "in/one/a", "Cone", 0, "{\"m2m:atrl\":[\"rn\",\"st\"]}", NULL));
    assert_string_equal(last->pc, "{\"m2m:cnt\":{\"rn\":\"a\",\"st\":2}}");
    IS(4004, RETRIEVE(n, "in/one/a#mbs", "Cone"));
    IS(4000, RETRIEVE(n, "in/one/a#con", "Cone"));
    IS(4000, RETRIEVE(n, "in/one/a#nonsense", "Cone"));
}

static void shows_what_was_created(void **state)
{
    (void)state;
    const struct more r0[] = {{"rcn", "0"}, {0}}, r2[] = {{"rcn", "2"}, {0}}, r3[] = {{"rcn", "3"}, {0}},
                      r9[] = {{"rcn", "9"}, {0}}, r4[] = {{"rcn", "4"}, {0}};
    IS(2001, call(n, OP_CREATE, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"k0\"}}", r0));
    assert_string_equal(last->pc, "");
    IS(2001, call(n, OP_CREATE, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"k2\"}}", r2));
    assert_string_equal(last->pc, "{\"m2m:uri\":\"in/one/k2\"}");
    IS(2001, call(n, OP_CREATE, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"k3\"}}", r3));
    HOLDS("{\"m2m:rce\":{\"uri\":\"in/one/k3\",\"m2m:cnt\":{\"rn\":\"k3\"");
    HOLDS("\"cbs\":0}}}");
    IS(2001, call(n, OP_CREATE, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"k9\",\"mni\":4}}", r9));
    LACKS("\"rn\"");
    LACKS("\"mni\"");
    HOLDS("\"ri\"");
    HOLDS("\"cni\":0");
    IS(4000, call(n, OP_CREATE, "in/one", "Cone", 3, "{\"m2m:cnt\":{}}", r4));
    IS(2004, call(n, OP_UPDATE, "in/one/k9", "Cone", 0, "{\"m2m:cnt\":{\"mni\":3}}", r0));
    assert_string_equal(last->pc, "");
    IS(2004, call(n, OP_UPDATE, "in/one/k9", "Cone", 0, "{\"m2m:cnt\":{\"mni\":2}}", r9));
    LACKS("mni");
    HOLDS("\"st\":2");
    IS(2002, call(n, OP_DELETE, "in/one/b", "Cone", 0, NULL, r4));
    HOLDS("\"m2m:cnt\":[{\"rn\":\"deep\"");
}

static void meets_conditions(void **state)
{
    (void)state;
    IS(2000, QUERY(n, "in/one/a", "Cone", {"lbl", "none"})); /* switch 25, laboratory column */
    IS(4004,
       call(n, OP_UPDATE, "in/one/a", "Cone", 0, "{\"m2m:cnt\":{}}", (const struct more[]){{"lbl", "none"}, {0}}));
    IS(2004, call(n, OP_UPDATE, "in/one/a", "Cone", 0, "{\"m2m:cnt\":{}}", (const struct more[]){{"lbl", "x"}, {0}}));
    IS(4004, call(n, OP_DELETE, "in/one/a", "Cone", 0, NULL, (const struct more[]){{"ty", "4"}, {0}}));
    IS(2002, call(n, OP_DELETE, "in/one/a", "Cone", 0, NULL, (const struct more[]){{"ty", "3"}, {0}}));
}

static void goes_on_over_many_turns(void **state)
{
    (void)state;
    for (int i = 0; i < 700; i++)
        IS(2001, CREATE(n, "in/two/z", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    struct ask *k =
        start(n, OP_RETRIEVE, "in/two", "Ctwo", 0, NULL, (const struct more[]){{"fu", "1"}, {"ty", "4"}, {0}});
    assert_false(k->done); /* it gave the loop back */
    IS(2001, CREATE(n, "in/one/b", "Cone", 4, "{\"m2m:cin\":{\"con\":\"served meanwhile\"}}"));
    settle(&net);
    assert_true(k->done);
    size_t paths = 0;
    for (const char *p = k->pc; (p = strstr(p, "in/two/z/")) != NULL; p++)
        paths++;
    assert_int_equal(paths, 700);
    ask_free(k);
}

static void looking_costs_no_memory(void **state)
{
    (void)state;
    static char body[3000];
    snprintf(body, sizeof body, "{\"m2m:cin\":{\"lbl\":[\"big\"],\"con\":\"%02000d\"}}", 0);
    for (int i = 0; i < 1500; i++)
        IS(2001, CREATE(n, "in/two/z", "Ctwo", 4, body));
    ask_memory = 1 << 19; /* the rows alone are 3 MB */
    IS(2000, QUERY(n, "in", "Ctwo", {"fu", "1"}, {"lbl", "n*ne"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[]}");
    IS(2000, QUERY(n, "in", "Ctwo", {"fu", "1"}, {"lbl", "big"}, {"ty", "3"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[]}");
    IS(2000, QUERY(n, "in/two", "Ctwo", {"rcn", "8"}, {"lbl", "x"}));
    LACKS("m2m:cin");
    IS(2000, QUERY(n, "in/two", "Ctwo", {"rcn", "6"}, {"ty", "3"}));
    ask_memory = 64 << 20;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(discovers, up, down),
        cmocka_unit_test_setup_teardown(narrows_down, up, down),
        cmocka_unit_test_setup_teardown(compares_times, up, down),
        cmocka_unit_test_setup_teardown(names_in_other_ways, up, down),
        cmocka_unit_test_setup_teardown(shows_children, up, down),
        cmocka_unit_test_setup_teardown(shows_parts, up, down),
        cmocka_unit_test_setup_teardown(shows_what_was_created, up, down),
        cmocka_unit_test_setup_teardown(meets_conditions, up, down),
        cmocka_unit_test_setup_teardown(goes_on_over_many_turns, up, down),
        cmocka_unit_test_setup_teardown(looking_costs_no_memory, up, down),
    };
    return cmocka_run_group_tests_name("cse_find", tests, NULL, NULL);
}
