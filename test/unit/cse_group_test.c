/* src/cse: groups and their fan-out points, with members here and on another CSE. */
#include "cse_node.h"

static struct outside das;

static struct node *lab(void)
{
    struct node *n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    das = (struct outside){.url = "http://das/", .rsc = 2000};
    net.outside[0] = &das;
    net.nout = 1;
    IS(2001, CREATE(n, "in", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in", "Ctwo", 2, "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"a\"}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"b\"}}"));
    IS(2001, CREATE(n, "in/two", "Ctwo", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    return n;
}

/* A second CSE, registered with the first, with an AE and a container. */
static struct node *below(struct node *in)
{
    struct node *mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, true);
    wait_ms(&net, 3000);
    IS(2001, CREATE(mn, "mn", "Cfar", 2, "{\"m2m:ae\":{\"rn\":\"far\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(mn, "mn", "CAdmin", 1,
                    "{\"m2m:acp\":{\"rn\":\"open\",\"pv\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":63}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":63}]}}}"));
    IS(2001, CREATE(mn, "mn/far", "Cfar", 3, "{\"m2m:cnt\":{\"rn\":\"d\",\"acpi\":[\"mn/open\"]}}"));
    return mn;
}

/* ---- CREATE and UPDATE ------------------------------------------------------------------------------- */

static void counts_and_doubles(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(6010, CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"mnm\":1,\"mid\":[\"in/one/a\",\"in/one/b\"]}}"));
    HOLDS("mid");
    IS(2001,
       CREATE(n, "in/one", "Cone", 9,
              "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/one/a\",\"in/one/b\",\"-/one/a\",\"in/one/a\"]}}"));
    HOLDS("\"mid\":[\"in/one/a\",\"in/one/b\"]");
    HOLDS("\"cnm\":2");
    HOLDS("\"mt\":0");
    HOLDS("\"csy\":1");
    LACKS("mtv");
    IS(6010, UPDATE(n, "in/one/g", "Cone", "{\"m2m:grp\":{\"mnm\":1}}"));
    HOLDS("mnm");
    IS(6010, UPDATE(n, "in/one/g", "Cone", "{\"m2m:grp\":{\"mnm\":1,\"mid\":[\"in/one/a\",\"in/one/b\"]}}"));
    IS(2004, UPDATE(n, "in/one/g", "Cone", "{\"m2m:grp\":{\"mnm\":2,\"mid\":[\"in/one/b\",\"in/one/b\"]}}"));
    HOLDS("\"mid\":[\"in/one/b\"]");
    HOLDS("\"cnm\":1");
    IS(4000, UPDATE(n, "in/one/g", "Cone", "{\"m2m:grp\":{\"mt\":3}}"));
    IS(4000, UPDATE(n, "in/one/g", "Cone", "{\"m2m:grp\":{\"csy\":2}}"));
    IS(4000, UPDATE(n, "in/one/g", "Cone", "{\"m2m:grp\":{\"cnm\":2}}"));
    IS(2004, UPDATE(n, "in/one/g", "Cone", "{\"m2m:grp\":{\"mid\":[]}}"));
    HOLDS("\"cnm\":0");
    IS(4109, RETRIEVE(n, "in/one/g/fopt", "Cone"));
}

static void types(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mt\":3,\"mid\":[\"in/one/a\",\"in/one/b\"]}}"));
    HOLDS("\"mtv\":true");
    HOLDS("\"mt\":3");
    /* csy 1 leaves out what does not fit, 2 refuses, 3 gives up the type */
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"mnm\":5,\"mt\":3,\"mid\":[\"in/one/a\",\"in/one\",\"in/one/no\"]}}"));
    HOLDS("\"mid\":[\"in/one/a\"]");
    HOLDS("\"cnm\":1");
    IS(4110, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"mnm\":5,\"mt\":3,\"csy\":2,\"mid\":[\"in/one/a\",\"in/one\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"m\",\"mnm\":5,\"mt\":3,\"csy\":3,\"mid\":[\"in/one/a\",\"in/one\"]}}"));
    HOLDS("\"mt\":0");
    HOLDS("\"cnm\":2");
    LACKS("mtv");
    IS(2004, UPDATE(n, "in/one/g", "Cone", "{\"m2m:grp\":{\"mid\":[\"in/one\",\"in/one/b\"]}}"));
    HOLDS("\"mid\":[\"in/one/b\"]");
    HOLDS("\"mtv\":true");
    /* what cannot be read cannot be judged */
    IS(5105, CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"mnm\":5,\"mt\":3,\"mid\":[\"in/one/a\",\"in/two/c\"]}}"));
    IS(5105, UPDATE(n, "in/one/g", "Cone", "{\"m2m:grp\":{\"mid\":[\"in/two/c\"]}}"));
    IS(2001,
       CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"mnm\":5,\"mid\":[\"in/two/c\"]}}")); /* mixed: nobody asks */
    /* virtual members and fan-out points */
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"mnm\":5,\"mt\":20002,\"csy\":2,\"mid\":[\"in/one/a/la\",\"in/one/b/la\"]}}"));
    IS(4110, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"mnm\":5,\"mt\":20002,\"csy\":2,\"mid\":[\"in/one/a/la\",\"in/one/b/ol\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"mnm\":5,\"mt\":3,\"csy\":2,\"mid\":[\"in/one/a\",\"in/one/g/fopt\"]}}"));
    IS(4110,
       CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"mnm\":5,\"mt\":3,\"csy\":2,\"mid\":[\"in/one/m/fopt\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"mnm\":5,\"mt\":9,\"csy\":2,\"mid\":[\"in/one/g\",\"in/one/m\"]}}"));
}

static void types_elsewhere(void **state)
{
    (void)state;
    struct node *n = lab(), *mn = below(n);
    (void)mn;
    IS(2001,
       CREATE(n, "in/one", "Cone", 9,
              "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mt\":3,\"csy\":2,\"mid\":[\"in/one/a\",\"/id-mn/mn/far/d\"]}}"));
    HOLDS("\"mtv\":true");
    IS(5105, CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"mnm\":5,\"mt\":2,\"mid\":[\"/id-mn/mn/far\"]}}"));
    IS(4110,
       CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"mnm\":5,\"mt\":2,\"csy\":2,\"mid\":[\"/id-mn/mn/far/d\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"mnm\":5,\"mt\":20002,\"csy\":2,\"mid\":[\"/id-mn/mn/far/d/la\"]}}"));
    net.down = 2;
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"u\",\"mnm\":5,\"mt\":3,\"mid\":[\"in/one/a\",\"/id-mn/mn/far/d\"]}}"));
    HOLDS("\"mtv\":false");
    HOLDS("\"cnm\":2");
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"v\",\"mnm\":5,\"mt\":2,\"csy\":2,\"mid\":[\"/id-mn/mn/far/d\"]}}"));
    IS(2004, UPDATE(n, "in/one/g", "Cone", "{\"m2m:grp\":{\"mid\":[\"/id-mn/mn/far/d\"]}}"));
    HOLDS("\"mtv\":false");
    wait_ms(&net, 12000);
    IS(2000, RETRIEVE(n, "in/one/u", "Cone"));
    HOLDS("\"mtv\":false");
    net.down = 0;
    wait_ms(&net, 12000);
    IS(2000, RETRIEVE(n, "in/one/u", "Cone"));
    HOLDS("\"mtv\":true");
    IS(2000, RETRIEVE(n, "in/one/g", "Cone"));
    HOLDS("\"mtv\":true");
    IS(4004, RETRIEVE(n, "in/one/v", "Cone")); /* ABANDON_GROUP, found out later */
}

static void members_that_go(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mt\":3,\"mid\":[\"in/one/a\",\"in/one/b\"]}}"));
    IS(2002, DELETE(n, "in/one/a", "Cone")); /* switch 28 */
    IS(2000, RETRIEVE(n, "in/one/g", "Cone"));
    HOLDS("\"mid\":[\"in/one/b\"]");
    HOLDS("\"cnm\":1");
    net_down(&net);
    n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, false);
    IS(2001, CREATE(n, "in", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"a\"}}"));
    IS(2001, CREATE(n, "in", "CAdmin", 9, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/a\"]}}"));
    IS(2002, DELETE(n, "in/a", "CAdmin"));
    IS(2000, RETRIEVE(n, "in/g", "CAdmin"));
    HOLDS("\"mid\":[\"in/a\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(counts_and_doubles, down),
        cmocka_unit_test_teardown(types, down),
        cmocka_unit_test_teardown(types_elsewhere, down),
        cmocka_unit_test_teardown(members_that_go, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
