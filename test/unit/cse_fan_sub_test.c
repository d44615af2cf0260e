/* src/cse: subscriptions made through a fan-out point, and groups as notification targets. */
#include "cse_node.h"

static struct outside far, near;

static struct node *lab(void)
{
    struct node *n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    far = (struct outside){.url = "http://far/", .rsc = 2000};
    near = (struct outside){.url = "http://near/", .rsc = 2000};
    net.outside[0] = &far;
    net.outside[1] = &near;
    net.nout = 2;
    IS(2001,
       CREATE(n, "in", "Cone", 2,
              "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://far/\"]}}"));
    IS(2001,
       CREATE(n, "in", "Ctwo", 2,
              "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://near/\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"a\"}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"b\"}}"));
    return n;
}

static unsigned times(const char *text, const char *piece)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, piece)); at++)
        n++;
    return n;
}

static void collected_for_nfu(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/one/a\",\"in/one/b\"],\"nar\":{\"num\":2}}}"));
    IS(2000, CREATE(n, "in/one/g/fopt", "Cone", 23,
                    "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"http://near/ignored\"],\"nfu\":[\"http://near/"
                    "n\"],\"enc\":{\"net\":[3]}}}"));
    assert_int_equal(times(last->pc, "\"rsc\":2001"), 2);
    IS(2000, RETRIEVE(n, "in/one/a/s", "Cone"));
    LACKS("ignored");
    HOLDS("/fopt\"]");
    near.seen = far.seen = 0;
    IS(2001, CREATE(n, "in/one/a", "Cone", 4, "{\"m2m:cin\":{\"con\":\"first\"}}"));
    assert_int_equal(near.seen, 0); /* waits for a second one */
    IS(2001, CREATE(n, "in/one/b", "Cone", 4, "{\"m2m:cin\":{\"con\":\"second\"}}"));
    wait_ms(&net, 1000);
    assert_int_equal(near.seen, 1);
    assert_int_equal(far.seen, 0);
    assert_non_null(strstr(near.last, "{\"m2m:agn\":{\"m2m:sgn\":["));
    assert_non_null(strstr(near.last, "first"));
    assert_non_null(strstr(near.last, "second"));
    IS(4103, NOTIFY(n, "in/one/g/fopt", "Ctwo",
                    "{\"m2m:sgn\":{\"sur\":\"/id-in/zz\",\"nfu\":\"http://near/n\",\"nev\":{\"net\":3,\"rep\":{}}}}"));
    /* a subscription elsewhere in the tree is no member's */
    IS(2001, CREATE(n, "in/two", "Ctwo", 23, "{\"m2m:sub\":{\"rn\":\"t\",\"nu\":[\"Ctwo\"]}}"));
    IS(4103, NOTIFY(n, "in/one/g/fopt", "Ctwo",
                    "{\"m2m:sgn\":{\"sur\":\"in/two/t\",\"nfu\":\"http://near/n\",\"nev\":{\"net\":3,\"rep\":{}}}}"));
}

static void members_of_another_cse(void **state)
{
    (void)state;
    struct node *n = lab(), *mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", n, true);
    wait_ms(&net, 3000);
    IS(2001, CREATE(mn, "mn", "CAdmin", 1,
                    "{\"m2m:acp\":{\"rn\":\"open\",\"pv\":{\"acr\":[{\"acor\":[\"/id-in/Cone\"],\"acop\":63}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"CAdmin\"],\"acop\":63}]}}}"));
    IS(2001, CREATE(mn, "mn", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"d\",\"acpi\":[\"mn/open\"]}}"));
    IS(2001,
       CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/one/a\",\"/id-mn/mn/d\"]}}"));
    IS(2000,
       CREATE(n, "in/one/g/fopt", "Cone", 23,
              "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"Cone\"],\"nfu\":[\"http://near/n\"],\"enc\":{\"net\":[3]}}}"));
    assert_int_equal(times(last->pc, "\"rsc\":2001"), 2);
    near.seen = 0;
    IS(2001, CREATE(n, "in/one/a", "Cone", 4, "{\"m2m:cin\":{\"con\":\"first\"}}"));
    IS(2001, CREATE(mn, "mn/d", "CAdmin", 4, "{\"m2m:cin\":{\"con\":\"second\"}}"));
    wait_ms(&net, 1000);
    assert_int_equal(near.seen, 1); /* without nar: one of each member */
    assert_non_null(strstr(near.last, "m2m:agn"));
    assert_non_null(strstr(near.last, "second"));
}

static void group_as_target(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in/one", "Cone", 9, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/one\",\"in/two\"]}}"));
    IS(2001,
       CREATE(n, "in/one/a", "Cone", 23, "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"in/one/g\"],\"enc\":{\"net\":[3]}}}"));
    near.seen = far.seen = 0;
    IS(2001, CREATE(n, "in/one/a", "Cone", 4, "{\"m2m:cin\":{\"con\":\"both\"}}"));
    assert_int_equal(near.seen, 1);
    assert_int_equal(far.seen, 1);
    assert_non_null(strstr(near.last, "both"));
    IS(2001, CREATE(n, "in/one/a", "Cone", 4, "{\"m2m:cin\":{\"con\":\"again\"}}"));
    assert_int_equal(near.seen, 2);
}

/* The group is here, the subscription on another CSE. */
static void group_elsewhere(void **state)
{
    (void)state;
    struct node *n = lab(), *mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", n, true);
    wait_ms(&net, 3000);
    IS(2001, CREATE(n, "in", "CAdmin", 1,
                    "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"/id-mn\"],\"acop\":16}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"CAdmin\"],\"acop\":63}]}}}"));
    IS(2001, CREATE(n, "in", "CAdmin", 9,
                    "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/one\",\"in/two\"],\"acpi\":[\"in/p\"]}}"));
    IS(2001, CREATE(mn, "mn", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"d\"}}"));
    IS(2001, CREATE(mn, "mn/d", "CAdmin", 23, "{\"m2m:sub\":{\"nu\":[\"/id-in/in/g\"],\"enc\":{\"net\":[3]}}}"));
    near.seen = far.seen = 0;
    IS(2001, CREATE(mn, "mn/d", "CAdmin", 4, "{\"m2m:cin\":{\"con\":\"for all\"}}"));
    assert_int_equal(near.seen, 1);
    assert_int_equal(far.seen, 1);
    IS(4103, NOTIFY(n, "in/g", "Cone", "{\"m2m:sgn\":{\"sur\":\"x\",\"nev\":{\"net\":3,\"rep\":{}}}}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(collected_for_nfu, down),
        cmocka_unit_test_teardown(members_of_another_cse, down),
        cmocka_unit_test_teardown(group_as_target, down),
        cmocka_unit_test_teardown(group_elsewhere, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
