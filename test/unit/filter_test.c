/* lib/m2m: label queries and geometries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/heap.h"
#include "m2m/geo.h"
#include "m2m/jsonpath.h"
#include "m2m/labelq.h"

static struct arena a;

static int up(void **state)
{
    (void)state;
    heap_arena(&a, 4096, 1 << 20);
    return 0;
}

static int down(void **state)
{
    (void)state;
    arena_reset(&a);
    return 0;
}

/* ---- label queries ------------------------------------------------------------------------------- */

static void reads_label_queries(void **state)
{
    (void)state;
    static const struct span labels[] = {
        {(const uint8_t *)"room:kitchen", 12}, {(const uint8_t *)"room:hall", 9}, {(const uint8_t *)"alarm", 5}};
    static const struct {
        const char *text;
        bool yes;
    } rows[] = {
        {"room", true},
        {"alarm", true},
        {"kitchen", false},
        {"roo", false},
        {"NT room", false},
        {"NT door", true},
        {"room EQ kitchen", true},
        {"room:kitchen", true},
        {"room:kit*", true},
        {"room EQ cellar", false},
        {"room NE cellar", true},
        {"room NE hall", false},
        {"door NE hall", false},
        {"room IN (cellar, hall)", true},
        {"room IN (cellar,attic)", false},
        {"room NI (cellar, attic)", true},
        {"room NI (cellar, hall)", false},
        {"door NI (cellar)", false},
        {"door room:hall", true},
        {"door EQ x NT alarm", false},
        {"NT alarm NT door", true},
        {"alarm EQ x", false},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct labelq q;
        if (labelq_parse(span_str(rows[i].text), &a, &q) != OK || labelq_match(&q, labels, LEN(labels)) != rows[i].yes)
            fail_msg("%s", rows[i].text);
    }
}

static void refuses_label_queries(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          " ",          "NT",          "NT room:x",  "room EQ",     "room NE ",
                                      "room IN x", "room IN ()", "room IN (a,", "room IN (a", "room IN(a,)", ":x",
                                      "room:",     "(a)",        "room )",      "a NI",       "NT (x)"};
    struct labelq q;
    for (size_t i = 0; i < LEN(bad); i++)
        if (labelq_parse(span_str(bad[i]), &a, &q) != ERR_SYNTAX)
            fail_msg("%s", bad[i]);
    char many[200] = "";
    for (int i = 0; i <= LABELQ_TERMS_MAX; i++)
        strncat(many, "a ", 3);
    assert_int_equal(labelq_parse(span_str(many), &a, &q), ERR_LIMIT);
}

/* ---- geometries ---------------------------------------------------------------------------------- */

static struct geo geo_of(unsigned type, const char *text)
{
    struct geo g;
    if (geo_parse(type, span_str(text), &a, &g) != OK)
        fail_msg("%s", text);
    return g;
}

#define SQUARE    "[[0,0],[10,0],[10,10],[0,10],[0,0]]"
#define RING      "[" SQUARE ",[[3,3],[7,3],[7,7],[3,7],[3,3]]]" /* a square with a hole */
#define HORSESHOE "[[0,0],[10,0],[10,10],[7,10],[7,3],[3,3],[3,10],[0,10]]"

static void compares_geometries(void **state)
{
    (void)state;
    static const struct {
        unsigned gt, ht;
        const char *g, *h;
        bool within, intersects;
    } rows[] = {
        {1, 1, "[1,2]", "[1,2]", true, true},
        {1, 1, "[1,2]", "[1,2.5]", false, false},
        {1, 4, "[1,2]", "[[5,5],[1,2]]", true, true},
        {4, 1, "[[5,5],[1,2]]", "[1,2]", false, true},
        {1, 2, "[5,5]", "[[0,0],[10,10]]", true, true},
        {1, 2, "[5,6]", "[[0,0],[10,10]]", false, false},
        {1, 3, "[5,5]", SQUARE, true, true},
        {1, 3, "[5,5]", RING, false, false},
        {1, 3, "[3,5]", RING, true, true}, /* a border belongs to its area */
        {1, 3, "[5,8]", HORSESHOE, false, false},
        {1, 3, "[5,2]", HORSESHOE, true, true},
        {1, 3, "[11,5]", SQUARE, false, false},
        {1, 3, "[5,5,120.5]", "[" SQUARE "]", true, true},
        {1, 3, "[5.25e0,5]", "[[0,0],[10,0],[10,10],[0,10]]", true, true},
        {1, 3, "[-5,-5]", "[[-0.1e2,-10],[0,-10],[0,0],[-10,0]]", true, true},
        {1, 6, "[25,5]", "[[" SQUARE "],[[[20,0],[30,0],[30,10],[20,10]]]]", true, true},
        {2, 2, "[[2,2],[5,5]]", "[[0,0],[10,10]]", true, true},
        {2, 2, "[[2,2],[5,5]]", "[[0,0],[3,3],[10,10]]", true, true}, /* over two pieces of the other */
        {2, 2, "[[2,2],[5,6]]", "[[0,0],[10,10]]", false, true},
        {2, 2, "[[0,10],[10,0]]", "[[0,0],[10,10]]", false, true},
        {2, 2, "[[0,1],[9,10]]", "[[0,0],[10,10]]", false, false},
        {2, 1, "[[0,0],[10,10]]", "[4,4]", false, true},
        {2, 3, "[[1,1],[9,9]]", SQUARE, true, true},
        {2, 3, "[[1,1],[9,9]]", RING, false, true},
        {2, 3, "[[1,1],[9,1]]", RING, true, true},
        {2, 3, "[[1,8],[9,8]]", HORSESHOE, false, true}, /* both ends in, the middle out */
        {2, 3, "[[0,0],[10,0]]", SQUARE, true, true},
        {2, 3, "[[-5,5],[15,5]]", SQUARE, false, true},
        {2, 3, "[[-5,11],[15,11]]", SQUARE, false, false},
        {3, 3, "[[2,2],[8,2],[8,8],[2,8]]", SQUARE, true, true},
        {3, 3, "[[2,2],[8,2],[8,8],[2,8]]", RING, false, true}, /* around the hole */
        {3, 3, "[[3,3],[7,3],[7,7],[3,7]]", RING, false, true}, /* the hole itself */
        {3, 3, "[[4,4],[6,4],[6,6],[4,6]]", RING, false, false},
        {3, 3, SQUARE, SQUARE, true, true},
        {3, 3, RING, SQUARE, true, true},
        {3, 3, SQUARE, RING, false, true},
        {3, 3, RING, RING, true, true},
        {3, 3, "[[10,0],[20,0],[20,10],[10,10]]", SQUARE, false, true},
        {3, 3, "[[11,0],[20,0],[20,10],[11,10]]", SQUARE, false, false},
        {3, 3, "[[-5,-5],[15,-5],[15,15],[-5,15]]", SQUARE, false, true},
        {3, 2, SQUARE, "[[0,0],[10,0]]", false, true},
        {3, 3, "[[4,2],[6,2],[6,9],[4,9]]", HORSESHOE, false, true},
        {5, 3, "[[[1,1],[2,2]],[[8,8],[9,9]]]", SQUARE, true, true},
        {5, 3, "[[[1,1],[2,2]],[[8,8],[19,9]]]", SQUARE, false, true},
        {4, 3, "[[1,1],[12,2]]", SQUARE, false, true},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct geo g = geo_of(rows[i].gt, rows[i].g), h = geo_of(rows[i].ht, rows[i].h);
        if (geo_within(&g, &h) != rows[i].within || geo_is(GEO_CONTAINS, &h, &g) != rows[i].within ||
            geo_intersects(&g, &h) != rows[i].intersects || geo_intersects(&h, &g) != rows[i].intersects)
            fail_msg("row %zu: %s and %s", i, rows[i].g, rows[i].h);
    }
}

static void refuses_coordinates(void **state)
{
    (void)state;
    static const struct {
        unsigned type;
        const char *text;
    } bad[] = {{1, ""},
               {1, "x"},
               {1, "1,2"},
               {1, "[1]"},
               {1, "[1,2,3,4]"},
               {1, "[\"1\",2]"},
               {1, "[[1,2]]"},
               {1, "{}"},
               {2, "[[1,2]]"},
               {2, "[1,2]"},
               {3, "[[1,2]]"},
               {3, "[[1,2],[3,4]]"},
               {3, "[[[1,2],[3,4]]]"},
               {4, "[]"},
               {6, "[[1,2],[3,4],[5,6]]"},
               {0, "[1,2]"},
               {7, "[1,2]"},
               {3, "[[1,2],[3,4],[1,2]]"},
               {5, "[[[1,2]]]"}};
    struct geo g;
    for (size_t i = 0; i < LEN(bad); i++)
        if (geo_parse(bad[i].type, span_str(bad[i].text), &a, &g) != ERR_SYNTAX)
            fail_msg("%u %s", bad[i].type, bad[i].text);
    static char many[4096] = "[[0,0]";
    for (int i = 0; i < GEO_POINTS_MAX; i++)
        strncat(many, ",[1,1]", 7);
    strncat(many, "]", 2);
    assert_int_equal(geo_parse(4, span_str(many), &a, &g), ERR_LIMIT);
}

static void reads_stored_locations(void **state)
{
    (void)state;
    struct jval *v;
    struct geo g, point = geo_of(1, "[52.5,13.4]");
    assert_int_equal(json_parse(SPAN("{\"typ\":1,\"crd\":\"[52.5,13.4]\"}"), &a, &v, NULL), OK);
    assert_int_equal(geo_value(v, &a, &g), OK);
    assert_true(geo_within(&g, &point));
    assert_int_equal(json_parse(SPAN("{\"typ\":1,\"crd\":[52.50,134e-1]}"), &a, &v, NULL), OK);
    assert_int_equal(geo_value(v, &a, &g), OK);
    assert_true(geo_within(&g, &point));
    assert_int_equal(json_parse(SPAN("{\"typ\":2,\"crd\":\"[52.5,13.4]\"}"), &a, &v, NULL), OK);
    assert_int_equal(geo_value(v, &a, &g), ERR_SYNTAX);
}

/* ---- JSONPath ------------------------------------------------------------------------------------ */

static void follows_paths(void **state)
{
    (void)state;
    static const char text[] =
        "{\"t\":21.5,\"unit\":\"C\",\"ok\":true,\"none\":null,"
        "\"rooms\":[{\"name\":\"hall\",\"t\":19},{\"name\":\"attic\",\"t\":30,\"x\":{\"deep\":[1,2]}}]}";
    static const struct {
        const char *path;
        bool yes;
    } rows[] = {
        {"$", true},
        {"$.t", true},
        {"$.none", true},
        {"$.missing", false},
        {"$['unit']", true},
        {"$.rooms[1]", true},
        {"$.rooms[2]", false},
        {"$.rooms[*].x.deep[1]", true},
        {"$.rooms.name", false},
        {"$.t.x", false},
        {"$..deep", true},
        {"$..deep[5]", false},
        {"$..missing", false},
        {"$.*.name", false},
        {"$.*[0].name", true},
        {"$..*", true},
        {"$.rooms[?(@.t > 25)]", true},
        {"$.rooms[?(@.t > 30)]", false},
        {"$.rooms[?(@.t >= 30.0)].name", true},
        {"$.rooms[?(@.name == 'hall')]", true},
        {"$.rooms[?(@.name == \"cellar\")]", false},
        {"$.rooms[?(@.name < 'b')]", true},
        {"$.rooms[?(@.x)]", true},
        {"$.rooms[?(@.y)]", false},
        {"$.rooms[?(@.name != 'hall')].x", true},
        {"$.rooms[?(@.name == 'hall')].x", false},
        {"$.rooms[?(@.x.deep[0] == 1)]", true},
        {"$[?(@ == true)]", true},
        {"$[?(@ == 'K')]", false},
    };
    struct jval *v;
    assert_int_equal(json_parse(span_str(text), &a, &v, NULL), OK);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct jsonpath p;
        if (jsonpath_parse(span_str(rows[i].path), &a, &p) != OK || jsonpath_selects(&p, v) != rows[i].yes)
            fail_msg("%s", rows[i].path);
    }
    static const char *const bad[] = {"",          "t",           "$t",
                                      "$.",        "$[",          "$[]",
                                      "$['a]",     "$[-1]",       "$[1:2]",
                                      "$[?(@.t]",  "$[?@.t]",     "$.t ",
                                      "$[?(t)]",   "$[?(@ == )]", "$[?(@ == [1])]",
                                      "$..",       "$...t",       "$[?(@[?(@)])]",
                                      "$['a\\'b']"};
    for (size_t i = 0; i < LEN(bad); i++) {
        struct jsonpath p;
        if (jsonpath_parse(span_str(bad[i]), &a, &p) != ERR_SYNTAX)
            fail_msg("%s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_label_queries, up, down),
        cmocka_unit_test_setup_teardown(refuses_label_queries, up, down),
        cmocka_unit_test_setup_teardown(compares_geometries, up, down),
        cmocka_unit_test_setup_teardown(refuses_coordinates, up, down),
        cmocka_unit_test_setup_teardown(reads_stored_locations, up, down),
        cmocka_unit_test_setup_teardown(follows_paths, up, down),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
