/* src/cse: every criterion of filterCriteria, result contents, results that are spilt, who is asked first. */
#include "cse_node.h"

static struct node *n;

/* in / one / { hall [room:hall, floor:1] loc { i1 i2 i3 } , attic [room:attic] mni 5 { box [deep] } , flat [] } */
static int up(void **state)
{
    (void)state;
    n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    IS(2001, CREATE(n, "in", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3,
                    "{\"m2m:cnt\":{\"rn\":\"hall\",\"lbl\":[\"room:hall\",\"floor:1\"],"
                    "\"loc\":{\"typ\":1,\"crd\":\"[13.4,52.5]\"},\"cr\":null}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3,
                    "{\"m2m:cnt\":{\"rn\":\"attic\",\"lbl\":[\"room:attic\"],\"mni\":5,\"disr\":false}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"flat\"}}"));
    IS(2001, CREATE(n, "in/one/attic", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"box\",\"lbl\":[\"deep\"]}}"));
    net.now += 60000;
    IS(2001, CREATE(n, "in/one/hall", "Cone", 4,
                    "{\"m2m:cin\":{\"rn\":\"i1\",\"con\":\"clear\",\"cnf\":\"text/plain:0\",\"lbl\":[\"first\"]}}"));
    IS(2001, CREATE(n, "in/one/hall", "Cone", 4,
                    "{\"m2m:cin\":{\"rn\":\"i2\",\"con\":\"clear\",\"cnf\":\"application/jose:0:1\"}}"));
    IS(2001, CREATE(n, "in/one/hall", "Cone", 4, "{\"m2m:cin\":{\"rn\":\"i3\",\"con\":\"other\"}}"));
    return 0;
}

/* What a discovery below in/one finds, names behind "in/one/" joined by blanks. */
static const char *names(void)
{
    static char out[2000];
    size_t at = 0;
    const char *p = last->pc;
    out[0] = 0;
    while ((p = strstr(p, "\"in/one/")) != NULL) {
        p += 8;
        size_t k = strcspn(p, "\"");
        if (at)
            out[at++] = ' ';
        memcpy(out + at, p, k);
        out[at += k] = 0;
    }
    return out;
}

#define FINDS(want, ...)                                                                                               \
    do {                                                                                                               \
        IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, __VA_ARGS__));                                                \
        assert_string_equal(names(), want);                                                                            \
    } while (0)

static void compares_by_type(void **state)
{
    (void)state;
    FINDS("attic", {"mni", "5"});
    FINDS("attic", {"mni", "5.0"});
    FINDS("attic", {"mni", "50e-1"});
    FINDS("", {"mni", "51"});
    FINDS("attic", {"disr", "false"});
    FINDS("attic", {"disr", "0"});
    FINDS("", {"disr", "true"});
    FINDS("hall", {"cr", "Cone"});
    FINDS("hall", {"cr", "C*e"});
    FINDS("hall", {"cr", "/id-in/Cone"}); /* another form of the same identifier */
    FINDS("hall", {"cni", "3"});
    FINDS("attic", {"rn", "attic"}, {"mni", "5"});
    FINDS("hall/i1", {"con", "clear"}); /* i2 is protected: never compared */
    FINDS("hall/i1 hall/i3", {"con", "*e*"});
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"cs", "5"}));
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"ct", "x"}));
}

static void joins_conditions(void **state)
{
    (void)state;
    FINDS("", {"rn", "attic"}, {"mni", "6"});
    FINDS("hall attic", {"rn", "hall"}, {"mni", "5"}, {"fo", "2"});
    FINDS("hall attic", {"rn", "hall"}, {"rn", "attic"}); /* the same attribute again: alternatives */
    FINDS("attic", {"rn", "hall"}, {"mni", "5"}, {"cni", "3"}, {"fo", "3"});
    FINDS("hall attic attic/box", {"ty", "3"}, {"lbl", "*"});
    FINDS("flat", {"ty", "3"}, {"lbl", "*"}, {"fo", "3"}, {"cty", "text/plain"}, {"lvl", "1"});
    FINDS("hall attic flat attic/box", {"ty", "3"}, {"ty", "3"});
}

static void asks_relatives(void **state)
{
    (void)state;
    FINDS("attic", {"c.rn", "box"}, {"clbl", "deep"});
    FINDS("attic", {"clbl", "dee*"});
    FINDS("attic/box", {"palb", "room:attic"});
    FINDS("hall/i1 hall/i2 hall/i3", {"palb", "floor:*"});
    FINDS("hall", {"chty", "4"});
    FINDS("attic", {"chty", "3"});
    FINDS("hall/i1 hall/i2 hall/i3 attic/box", {"pty", "3"});
    FINDS("attic/box", {"p.mni", "5"});
    FINDS("hall", {"c.rn", "i2"});
    FINDS("hall", {"c.con", "clear"});
    FINDS("hall attic", {"c.rn", "i2"}, {"c.mni", "5"}, {"mni", "5"}, {"fo", "2"});
}

static void queries_labels(void **state)
{
    (void)state;
    FINDS("hall attic", {"lbq", "room"});
    FINDS("hall", {"lbq", "room EQ hall"});
    FINDS("hall", {"lbq", "room:hall"});
    FINDS("attic", {"lbq", "room NE hall"});
    FINDS("hall attic", {"lbq", "room IN (hall, attic)"});
    FINDS("flat attic/box", {"lbq", "NT room"}, {"ty", "3"});
    FINDS("hall attic attic/box", {"lbq", "room:hall"}, {"lbq", "deep room:attic"});
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"lbq", "room EQ"}));
}

static void looks_at_places(void **state)
{
    (void)state;
    const char *berlin = "[[13,52],[14,52],[14,53],[13,53]]", *far = "[[0,0],[1,0],[1,1]]";
    FINDS("hall", {"gmty", "3"}, {"gsf", "1"}, {"geom", berlin});
    FINDS("", {"gmty", "3"}, {"gsf", "1"}, {"geom", far});
    FINDS("hall", {"gmty", "3"}, {"gsf", "3"}, {"geom", berlin});
    FINDS("hall", {"gmty", "1"}, {"gsf", "2"}, {"geom", "[13.4,52.5]"});
    FINDS("", {"gmty", "3"}, {"gsf", "2"}, {"geom", berlin});
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"gmty", "3"}, {"gsf", "1"}));
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"geom", berlin}));
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"gmty", "3"}, {"gsf", "4"}, {"geom", berlin}));
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"gmty", "3"}, {"gsf", "1"}, {"geom", "[1,2]"}));
}

/* Only clear JSON is looked into: a protected reading stays the reader's alone. */
static void looks_into_content(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"m2m:cin\":{\"rn\":\"o\",\"con\":{\"t\":21,\"u\":\"C\"}}}",
        "{\"m2m:cin\":{\"rn\":\"s\",\"con\":\"{\\\"t\\\":22}\",\"cnf\":\"application/json:0\"}}",
        "{\"m2m:cin\":{\"rn\":\"p\",\"con\":\"{\\\"t\\\":22}\",\"cnf\":\"application/json:0:1\"}}",
        "{\"m2m:cin\":{\"rn\":\"b\",\"con\":\"{\\\"t\\\":22}\",\"cnf\":\"application/json:1\"}}",
        "{\"m2m:cin\":{\"rn\":\"x\",\"con\":\"{\\\"t\\\":22}\",\"cnf\":\"text/plain:0\"}}"};
    for (size_t i = 0; i < LEN(bodies); i++)
        IS(2001, CREATE(n, "in/one/flat", "Cone", 4, bodies[i]));
    FINDS("flat/o flat/s", {"cfs", "1"}, {"cfq", "$.t"});
    FINDS("flat/s", {"cfs", "1"}, {"cfq", "$[?(@ > 21)]"});
    FINDS("flat/o", {"cfs", "1"}, {"cfq", "$.u"}, {"ty", "4"});
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    IS(5001, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"smf", "x"}));
    IS(5001, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"aq", "x"}));
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"cfs", "1"}, {"cfq", "a"}));
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"cfs", "2"}, {"cfq", "$.a"}));
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"cfq", "$.a"}));
    IS(5001, QUERY(n, "in/one", "Cone", {"fu", "4"}));
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "5"}));
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"ty", "99999"}));
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"crb", "yesterday"}));
    IS(4000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"rcn", "4"}));
    IS(4000, call(n, OP_DELETE, "in/one/flat", "Cone", 0, NULL, (const struct more[]){{"fu", "1"}, {0}}));
}

static void conditional_operations(void **state)
{
    (void)state;
    const struct more deep[] = {{"clbl", "deep"}, {0}}, none[] = {{"p.mni", "5"}, {0}};
    IS(2004, call(n, OP_UPDATE, "in/one/attic", "Cone", 0, "{\"m2m:cnt\":{\"mni\":7}}", deep));
    IS(4004, call(n, OP_UPDATE, "in/one/hall", "Cone", 0, "{\"m2m:cnt\":{\"mni\":7}}", deep));
    IS(4103, call(n, OP_UPDATE, "in/one/hall", "Cstranger", 0, "{\"m2m:cnt\":{\"mni\":7}}", deep));
    IS(4004, call(n, OP_DELETE, "in/one/attic/box", "Cone", 0, NULL, none)); /* its parent has 7 by now */
    IS(2002, call(n, OP_DELETE, "in/one/attic", "Cone", 0, NULL, deep));
    IS(2000, QUERY(n, "in/one", "Cone", {"rcn", "8"}, {"cra", "20990101T000000"}));
    assert_string_equal(last->pc, "{\"m2m:ae\":{}}");
    IS(2000, QUERY(n, "in/one", "Cone", {"rcn", "5"}, {"cra", "20990101T000000"}));
    HOLDS("\"ch\":[]}}");
}

/* A query whose children are more than a turn takes. */
static void looks_at_many_children(void **state)
{
    (void)state;
    for (int i = 0; i < 900; i++)
        IS(2001, CREATE(n, "in/one/flat", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(2001, CREATE(n, "in/one/flat", "Cone", 4, "{\"m2m:cin\":{\"con\":\"needle\"}}"));
    FINDS("flat", {"c.con", "needle"});
    FINDS("hall flat", {"c.con", "needle"}, {"c.con", "other"});
    IS(2004, call(n, OP_UPDATE, "in/one/flat", "Cone", 0, "{\"m2m:cnt\":{}}",
                  (const struct more[]){{"c.con", "needle"}, {0}}));
    IS(4004, call(n, OP_UPDATE, "in/one/flat", "Cone", 0, "{\"m2m:cnt\":{}}",
                  (const struct more[]){{"c.con", "haystack"}, {0}}));
}

/* ---- result contents ----------------------------------------------------------------------------- */

static void tells_permissions(void **state)
{
    (void)state;
    IS(2000, QUERY(n, "in/one/hall", "Cone", {"rcn", "12"}));
    assert_string_equal(last->pc, "{\"m2m:ps\":{\"pv\":[{\"acr\":[{\"acor\":[\"Cone\"],\"acop\":63}]}]}}");
    IS(2001, CREATE(n, "in", "CAdmin", 1,
                    "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"Cguest\"],\"acop\":34}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"CAdmin\"],\"acop\":63}]}}}"));
    IS(2004, UPDATE(n, "in/one/hall", "Cone", "{\"m2m:cnt\":{\"acpi\":[\"in/p\"]}}"));
    IS(2000, QUERY(n, "in/one/hall", "Cguest", {"rcn", "12"}));
    HOLDS("\"acop\":34");
    IS(4103, QUERY(n, "in/one/flat", "Cguest", {"rcn", "12"}));
    IS(5001, QUERY(n, "in/one/hall", "CAdmin", {"rcn", "10"}));
    IS(4000, QUERY(n, "in/one/hall", "CAdmin", {"rcn", "7"}));
    IS(4000, QUERY(n, "in/one/hall", "CAdmin", {"rcn", "13"}));
}

static void shows_changes_only(void **state)
{
    (void)state;
    const struct more r9[] = {{"rcn", "9"}, {0}};
    IS(2004, call(n, OP_UPDATE, "in/one/attic", "Cone", 0, "{\"m2m:cnt\":{\"mni\":9,\"lbl\":null}}", r9));
    LACKS("mni");
    LACKS("lbl");
    LACKS("\"rn\"");
    HOLDS("\"lt\"");
    HOLDS("\"st\":1");
}

/* An AE that is registered elsewhere by now (regs 2) is not discovered, and nothing below it, by either way. */
static void hides_inactive(void **state)
{
    (void)state;
    static char body[1000];
    struct store_tx *t;
    struct row ae;
    struct arena a;
    FINDS("hall attic flat attic/box", {"ty", "3"});
    IS(2000, QUERY(n, "in", "CAdmin", {"fu", "1"}, {"lbl", "deep"}));
    assert_string_equal(names(), "attic/box");
    heap_arena(&a, 4096, 1 << 20);
    assert_int_equal(store_write(n->store, &t), OK);
    assert_int_equal(store_child(t, 1, SPAN("one"), &a, &ae), OK);
    snprintf(body, sizeof body, "%.*s,\"regs\":2}", (int)ae.body.n - 1, (const char *)ae.body.p);
    ae.body = span_str(body);
    assert_int_equal(store_set(t, &ae), OK);
    assert_int_equal(store_commit(t), OK);
    arena_reset(&a);
    IS(2000, QUERY(n, "in", "CAdmin", {"fu", "1"}, {"lbl", "deep"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[]}");
    IS(2000, QUERY(n, "in", "CAdmin", {"fu", "1"}, {"ty", "2"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[]}");
    IS(2000, QUERY(n, "in", "CAdmin", {"fu", "1"}, {"lvl", "3"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[]}");
}

static void goes_from_page_to_page(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        char body[100];
        snprintf(body, sizeof body, "{\"m2m:cnt\":{\"rn\":\"k%02d\"}}", i);
        IS(2001, CREATE(n, "in/one/flat", "Cone", 3, body));
    }
    for (int i = 0; i < 100; i += 10) { /* each page goes on where the one before ended, with its subtrees */
        char path[40];
        snprintf(path, sizeof path, "in/one/flat/k%02d", i);
        IS(2001, CREATE(n, path, "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    }
    unsigned seen = 0, pages = 0;
    char ofst[12] = "1";
    for (bool more = true; more; pages++) {
        IS(2000, QUERY(n, "in/one/flat", "Cone", {"rcn", "6"}, {"lim", "30"}, {"ofst", ofst}));
        unsigned here = 0;
        for (const char *p = last->pc; (p = strstr(p, "\"nm\"")) != NULL; p++)
            here++;
        if (here > 30 || here < 18)
            fail_msg("page %u from %s has %u", pages, ofst, here);
        seen += here;
        more = prim_has(last->x.rsp, PA_cnot);
        if (more)
            snprintf(ofst, sizeof ofst, "%.*s", SPAN_FMT(prim_text(last->x.rsp, PA_cnot)));
    }
    assert_int_equal(seen, 110);
    assert_int_equal(pages, 4);
    IS(2000, QUERY(n, "in/one/flat", "Cone", {"rcn", "8"}, {"ofst", "100"}));
    HOLDS("\"rn\":\"k99\"");
    LACKS("k98");
    assert_false(prim_has(last->x.rsp, PA_cnst));
}

/* ---- long results -------------------------------------------------------------------------------- */

static void spills_long_results(void **state)
{
    (void)state;
    static char body[700];
    snprintf(body, sizeof body, "{\"m2m:cin\":{\"con\":\"%0600d\"}}", 0);
    for (int i = 0; i < 2500; i++)
        IS(2001, CREATE(n, "in/one/flat", "Cone", 4, body));
    ask_memory = 1 << 19; /* the answers are 0.1 and 1.9 MB */
    ask_spills = true;
    IS(2000, QUERY(n, "in/one", "Cone", {"fu", "1"}, {"ty", "4"}, {"rcn", "6"}));
    assert_non_null(last->spilt);
    unsigned seen = 0;
    for (const char *p = last->spilt; (p = strstr(p, "\"nm\"")) != NULL; p++)
        seen++;
    assert_int_equal(seen, 2503);
    IS(2000, QUERY(n, "in/one", "Cone", {"rcn", "4"}));
    assert_non_null(last->spilt);
    seen = 0;
    for (const char *p = last->spilt; (p = strstr(p, "\"con\"")) != NULL; p++)
        seen++;
    assert_int_equal(seen, 2503);
    struct arena a;
    struct jval *v;
    heap_arena(&a, 1 << 16, 64 << 20);
    assert_int_equal(json_parse(span_str(last->spilt), &a, &v, NULL), OK);
    arena_reset(&a);
    IS(2000, QUERY(n, "in/one/hall", "Cone", {"rcn", "4"})); /* short ones are held */
    assert_null(last->spilt);
    ask_spills = false;
    ask_memory = 64 << 20;
}

/* What goes while a children form is written is left out. */
static void follows_changes(void **state)
{
    (void)state;
    for (int i = 0; i < 700; i++)
        IS(2001, CREATE(n, "in/one/flat", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    struct ask *k = start(n, OP_RETRIEVE, "in/one", "Cone", 0, NULL, (const struct more[]){{"rcn", "4"}, {0}});
    later_all(n); /* the first pass is over, the second has not come to it */
    assert_false(k->done);
    IS(2002, DELETE(n, "in/one/flat", "Cone"));
    settle(&net);
    assert_true(k->done);
    assert_int_equal(k->rsc, 2000);
    struct arena a;
    struct jval *v;
    heap_arena(&a, 1 << 16, 64 << 20);
    assert_int_equal(json_parse(span_str(k->pc), &a, &v, NULL), OK);
    assert_null(strstr(k->pc, "\"rn\":\"cin-"));
    arena_reset(&a);
    ask_free(k);
}

/* ---- who is asked first -------------------------------------------------------------------------- */

static void asks_a_proxy(void **state)
{
    (void)state;
    static struct outside ipe = {.url = "http://ipe", .rsc = 2000};
    net.outside[net.nout++] = &ipe;
    IS(2001,
       CREATE(n, "in", "Cipe", 2,
              "{\"m2m:ae\":{\"rn\":\"ipe\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://ipe\"]}}"));
    IS(2001, CREATE(n, "in/ipe", "Cipe", 3, "{\"m2m:cnt\":{\"rn\":\"dev\",\"lbl\":[\"x\"]}}"));
    ipe.seen = 0;
    IS(2000, QUERY(n, "in/ipe", "Cipe", {"fu", "3"}, {"lbl", "x"}, {"ty", "3"}));
    assert_string_equal(last->pc, "{\"m2m:uril\":[\"in/ipe/dev\"]}");
    assert_int_equal(ipe.seen, 1);
    assert_non_null(strstr(ipe.last, "{\"m2m:sgn\":{\"idr\":{\"or\":\"Cipe\",\"fc\":{"));
    assert_non_null(strstr(ipe.last, "\"lbl\":[\"x\"]"));
    assert_non_null(strstr(ipe.last, "\"ty\":[3]"));
    ipe.rsc = 4103;
    IS(5208, QUERY(n, "in/ipe", "Cipe", {"fu", "3"}));
    ipe.rsc = 0;
    IS(5103, QUERY(n, "in/ipe", "Cipe", {"fu", "3"}));
    IS(4000, QUERY(n, "in/ipe/dev", "Cipe", {"fu", "3"}));
    IS(4103, QUERY(n, "in/ipe", "Cstranger", {"fu", "3"}));
}

/* Who may discover a resource learns nothing of its parent and its children by trying conditions on them. */
static void keeps_relatives_to_themselves(void **state)
{
    (void)state;
    IS(2001, CREATE(n, "in/one", "Cone", 1,
                    "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"Cguest\"],\"acop\":32}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"Cone\"],\"acop\":63}]}}}"));
    IS(2004, UPDATE(n, "in/one/attic/box", "Cone", "{\"m2m:cnt\":{\"acpi\":[\"in/one/p\"]}}"));
    IS(2000, QUERY(n, "in/one", "Cguest", {"fu", "1"}, {"palb", "room:attic"}));
    assert_string_equal(names(), "");
    IS(2000, QUERY(n, "in/one", "Cguest", {"fu", "1"}, {"p.mni", "5"}));
    assert_string_equal(names(), "");
    IS(2000, QUERY(n, "in/one", "Cguest", {"fu", "1"}, {"pty", "3"}));
    assert_string_equal(names(), "attic/box");
    IS(2001, CREATE(n, "in/one/attic/box", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"own\",\"lbl\":[\"hidden\"]}}"));
    IS(2000, QUERY(n, "in/one", "Cguest", {"fu", "1"}, {"clbl", "hidden"}));
    assert_string_equal(names(), "");
    IS(2000, QUERY(n, "in/one", "CAdmin", {"fu", "1"}, {"clbl", "hidden"}));
    assert_string_equal(names(), "attic/box");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(compares_by_type, up, down),
        cmocka_unit_test_setup_teardown(joins_conditions, up, down),
        cmocka_unit_test_setup_teardown(asks_relatives, up, down),
        cmocka_unit_test_setup_teardown(keeps_relatives_to_themselves, up, down),
        cmocka_unit_test_setup_teardown(queries_labels, up, down),
        cmocka_unit_test_setup_teardown(looks_at_places, up, down),
        cmocka_unit_test_setup_teardown(looks_into_content, up, down),
        cmocka_unit_test_setup_teardown(refuses_what_it_does_not_know, up, down),
        cmocka_unit_test_setup_teardown(conditional_operations, up, down),
        cmocka_unit_test_setup_teardown(looks_at_many_children, up, down),
        cmocka_unit_test_setup_teardown(tells_permissions, up, down),
        cmocka_unit_test_setup_teardown(shows_changes_only, up, down),
        cmocka_unit_test_setup_teardown(hides_inactive, up, down),
        cmocka_unit_test_setup_teardown(goes_from_page_to_page, up, down),
        cmocka_unit_test_setup_teardown(spills_long_results, up, down),
        cmocka_unit_test_setup_teardown(follows_changes, up, down),
        cmocka_unit_test_setup_teardown(asks_a_proxy, up, down),
    };
    return cmocka_run_group_tests_name("cse_filter", tests, NULL, NULL);
}
