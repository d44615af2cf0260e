/* src/cse: a notification target takes itself out of a subscription. */
#include "cse_node.h"

static struct outside target, second;
static struct node *n;

/* AE `one` subscribes for itself and `two`. */
static int up(void **state)
{
    (void)state;
    n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    target = (struct outside){.url = "http://t/", .rsc = 2000};
    second = (struct outside){.url = "http://u/", .rsc = 2000};
    net.outside[0] = &target;
    net.outside[1] = &second;
    net.nout = 2;
    IS(2001,
       CREATE(n, "in", "Cone", 2,
              "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://t/ae\"]}}"));
    IS(2001,
       CREATE(n, "in", "Ctwo", 2,
              "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://u/ae\"]}}"));
    IS(2001, CREATE(n, "in", "Ctwo", 1,
                    "{\"m2m:acp\":{\"rn\":\"open\",\"pv\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":16}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"Ctwo\"],\"acop\":63}]}}}"));
    IS(2004, UPDATE(n, "in/two", "Ctwo", "{\"m2m:ae\":{\"acpi\":[\"in/open\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 23,
                    "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"Cone\",\"Ctwo\"],\"enc\":{\"net\":[3]}}}"));
    target.seen = second.seen = 0;
    return 0;
}

static void policy(const char *rn, const char *more)
{
    char body[300];
    snprintf(body, sizeof body, "{\"m2m:ntp\":{\"rn\":\"%s\",%s}}", rn, more);
    IS(2001, CREATE(n, "in", "CAdmin", 26, body));
}

static void refers(const char *npi)
{
    char body[300];
    snprintf(body, sizeof body, "{\"m2m:ntpr\":{\"rn\":\"ref\",\"ntu\":[\"Ctwo\"],\"npi\":\"%s\"}}", npi);
    IS(2001, CREATE(n, "in/one/c/s", "Cone", 25, body));
}

static void goes_without_a_policy(void **state)
{
    (void)state;
    IS(4103, DELETE(n, "in/one/c/s/ntsr", "Cother"));
    IS(4005, RETRIEVE(n, "in/one/c/s/ntsr", "Ctwo"));
    IS(4005, UPDATE(n, "in/one/c/s/ntsr", "Ctwo", "{\"m2m:sub\":{}}"));
    IS(4004, DELETE(n, "in/one/c/s/ntsr/x", "Ctwo"));
    IS(2002, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
    IS(2000, RETRIEVE(n, "in/one/c/s", "Cone"));
    HOLDS("\"nu\":[\"Cone\"]");
    IS(4103, DELETE(n, "in/one/c/s/ntsr", "Ctwo")); /* it is none any more */
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    assert_int_equal(second.seen, 0);
    assert_int_equal(target.seen, 1);
    IS(2002, DELETE(n, "in/one/c/s/ntsr", "Cone")); /* the last one */
    IS(4004, RETRIEVE(n, "in/one/c/s", "Cone"));
}

static void a_policy_decides(void **state)
{
    (void)state;
    policy("yes", "\"acn\":1,\"plbl\":\"a\"");
    policy("no", "\"acn\":2,\"plbl\":\"b\"");
    policy("tell", "\"acn\":4,\"plbl\":\"c\"");
    refers("in/no");
    IS(4105, CREATE(n, "in/one/c/s", "Cone", 25, "{\"m2m:ntpr\":{\"ntu\":[\"Cx\",\"Ctwo\"],\"npi\":\"in/yes\"}}"));
    IS(2001, CREATE(n, "in/one/c/s", "Cone", 25, "{\"m2m:ntpr\":{\"rn\":\"o\",\"ntu\":[\"Cx\"],\"npi\":\"in/yes\"}}"));
    IS(4105, UPDATE(n, "in/one/c/s/o", "Cone", "{\"m2m:ntpr\":{\"ntu\":[\"Ctwo\"]}}"));
    IS(2004, UPDATE(n, "in/one/c/s/o", "Cone", "{\"m2m:ntpr\":{\"ntu\":[\"Cx\",\"Cy\"]}}"));
    IS(4103, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
    IS(2004, UPDATE(n, "in/one/c/s/ref", "Cone", "{\"m2m:ntpr\":{\"npi\":\"in/tell\"}}"));
    IS(4103, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
    assert_int_equal(target.seen, 1);
    assert_non_null(strstr(target.last, "\"ntt\":\"Ctwo\",\"trr\":true"));
    IS(2000, RETRIEVE(n, "in/one/c/s", "Cone"));
    HOLDS("\"nu\":[\"Cone\",\"Ctwo\"]");
    IS(2004, UPDATE(n, "in/one/c/s/ref", "Cone", "{\"m2m:ntpr\":{\"npi\":\"in/yes\"}}"));
    IS(2002, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
}

static void the_creator_is_asked(void **state)
{
    (void)state;
    policy("ask", "\"acn\":3,\"plbl\":\"a\"");
    refers("in/ask");
    target.rsc = 0;
    IS(4103, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
    target.rsc = 2000; /* an answer without content allows nothing */
    IS(4103, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
    assert_non_null(strstr(target.last, "\"trr\":true"));
    target.answer = "{\"m2m:sgn\":{\"sur\":\"x\",\"tra\":false}}";
    IS(4103, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
    target.answer = "{\"m2m:sgn\":{\"sur\":\"x\",\"tra\":true}}";
    IS(2002, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
    IS(2000, RETRIEVE(n, "in/one/c/s", "Cone"));
    HOLDS("\"nu\":[\"Cone\"]");
}

/* T0 is 2026-09-21 14:13:20 UTC. */
static void rules_by_time(void **state)
{
    (void)state;
    policy("p", "\"acn\":1,\"plbl\":\"a\",\"rrs\":2");
    refers("in/p");
    IS(2001, CREATE(n, "in/p", "CAdmin", 27, "{\"m2m:pdr\":{\"rn\":\"r\",\"dr\":[{\"tod\":[\"* * 3 * * * *\"]}]}}"));
    IS(4103, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
    IS(2001, CREATE(n, "in/p", "CAdmin", 27,
                    "{\"m2m:pdr\":{\"dr\":[{\"tod\":[\"* * 3 * * * *\"]},{\"tod\":[\"* * 14 * * * *\"]}],\"drr\":1}}"));
    IS(4105, CREATE(n, "in/p", "CAdmin", 27, "{\"m2m:pdr\":{}}"));
    IS(4103, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
    IS(2002, DELETE(n, "in/p/r", "CAdmin"));
    IS(2001, CREATE(n, "in/p", "CAdmin", 27,
                    "{\"m2m:pdr\":{\"dr\":[{\"tod\":[\"* * 3 * * * *\"]},{\"tod\":[\"* * 14 * * * *\"]}]}}"));
    IS(2002, DELETE(n, "in/one/c/s/ntsr", "Ctwo")); /* either rule, either context */
}

static void the_default_policy(void **state)
{
    (void)state;
    policy("admins", "\"acn\":2,\"plbl\":\"Default\""); /* of somebody else */
    IS(2002, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"nu\":[\"Cone\",\"Ctwo\"]}}"));
    IS(2002, DELETE(n, "in/one/c/s", "Cone"));
    IS(2001, CREATE(n, "in/one/c", "CAdmin", 23, "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"Cone\",\"Ctwo\"]}}"));
    IS(4103, DELETE(n, "in/one/c/s/ntsr", "Ctwo"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_without_a_policy, up, down),
        cmocka_unit_test_setup_teardown(a_policy_decides, up, down),
        cmocka_unit_test_setup_teardown(the_creator_is_asked, up, down),
        cmocka_unit_test_setup_teardown(rules_by_time, up, down),
        cmocka_unit_test_setup_teardown(the_default_policy, up, down),
    };
    return cmocka_run_group_tests_name("cse_ntsr", tests, NULL, NULL);
}
