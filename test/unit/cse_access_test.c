/* src/cse: access by groups, roles, tokens, places and attributes; by policies of other CSEs; by authorization servers.
 */
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
    return n;
}

/* A policy "p" with one rule; its text without the braces. */
static void policy(struct node *n, const char *rule)
{
    char body[1500];
    (void)snprintf(
        body, sizeof body,
        "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{%s}]},\"pvs\":{\"acr\":[{\"acor\":[\"CAdmin\"],\"acop\":63}]}}}",
        rule);
    IS(2001, CREATE(n, "in", "CAdmin", 1, body));
    IS(2001,
       CREATE(n, "in", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"acpi\":[\"in/p\"],\"mni\":7,\"lbl\":[\"x\"]}}"));
}

static void new_rule(struct node *n, const char *rule)
{
    char body[1500];
    (void)snprintf(body, sizeof body, "{\"m2m:acp\":{\"pv\":{\"acr\":[{%s}]}}}", rule);
    IS(2004, UPDATE(n, "in/p", "CAdmin", body));
}

static void groups(void **state)
{
    (void)state;
    struct node *n = lab();
    policy(n, "\"acor\":[\"in/g\"],\"acop\":63");
    IS(4103, RETRIEVE(n, "in/c", "Cone")); /* no such group: the entry is nobody */
    IS(2001, CREATE(n, "in", "CAdmin", 9, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"in/one\"]}}"));
    IS(2000, RETRIEVE(n, "in/c", "Cone"));
    IS(4103, RETRIEVE(n, "in/c", "Ctwo"));
    static const char *const forms[] = {"Ctwo",  "/id-in/Ctwo",   "//demo.example/id-in/Ctwo",
                                        "-/two", "/id-in/in/two", "/id-in/-/two"};
    for (size_t i = 0; i < LEN(forms); i++) {
        char body[200];
        (void)snprintf(body, sizeof body, "{\"m2m:grp\":{\"mid\":[\"in/c\",\"%s\"]}}", forms[i]);
        IS(2004, UPDATE(n, "in/g", "CAdmin", body));
        IS(2000, RETRIEVE(n, "in/c", "Ctwo"));
        IS(4103, RETRIEVE(n, "in/c", "Cone")); /* the very next request */
        IS(2001, CREATE(n, "in/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    }
    new_rule(n, "\"acor\":[\"in/one\"],\"acop\":63"); /* the AE's resource itself */
    IS(2000, RETRIEVE(n, "in/c", "Cone"));
    IS(4103, RETRIEVE(n, "in/c", "Ctwo"));
}

static unsigned with(struct node *n, const char *to, const char *fr, const char *name, const char *text)
{
    return call(n, OP_RETRIEVE, to, fr, 0, NULL, (const struct more[]){{name, text}, {NULL, NULL}});
}

static void roles(void **state)
{
    (void)state;
    struct node *n = lab();
    policy(n, "\"acor\":[\"nurse@demo.example\"],\"acop\":2");
    IS(4103, with(n, "in/c", "Cone", "rids", "nurse@demo.example")); /* a claim alone is nothing */
    IS(2001,
       CREATE(n, "in", "CAdmin", 31,
              "{\"m2m:rol\":{\"rn\":\"r\",\"rlid\":\"nurse@demo.example\",\"tkis\":\"CAdmin\",\"tkhd\":\"/id-in/Cone\","
              "\"tknb\":\"20260101T000000\",\"tkna\":\"20261231T000000\"}}"));
    IS(4103, CREATE(n, "in", "Cone", 31,
                    "{\"m2m:rol\":{\"rlid\":\"nurse@demo.example\",\"tkis\":\"Cone\",\"tkhd\":\"Cone\","
                    "\"tknb\":\"20260101T000000\",\"tkna\":\"20261231T000000\"}}")); /* nobody makes his own */
    IS(2000, with(n, "in/c", "Cone", "rids", "guard@demo.example nurse@demo.example"));
    IS(4103, RETRIEVE(n, "in/c", "Cone")); /* a role must be claimed */
    IS(4103, with(n, "in/c", "Ctwo", "rids", "nurse@demo.example"));
    IS(4103, with(n, "in/c", "Cone", "rids", "nurse@demo.exampl"));
    IS(2002, DELETE(n, "in/r", "CAdmin"));
    IS(4103, with(n, "in/c", "Cone", "rids", "nurse@demo.example"));
    IS(2001, CREATE(n, "in", "CAdmin", 31,
                    "{\"m2m:rol\":{\"rlid\":\"nurse@demo.example\",\"tkis\":\"CAdmin\",\"tkhd\":\"Cone\","
                    "\"tknb\":\"20250101T000000\",\"tkna\":\"20251231T000000\"}}"));
    IS(4103, with(n, "in/c", "Cone", "rids", "nurse@demo.example")); /* over */
}

#define JWT         "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.e30.AAAA"
#define UNPROTECTED "eyJhbGciOiJub25lIn0.e30."

/* A right to CREATE below the CSEBase is not enough: a role or a token opens whatever names it. */
static void only_the_administrator_issues(void **state)
{
    static const struct span may[] = {{(const uint8_t *)"in/p", 4}};
    (void)state;
    base_policies = (struct strings){may, 1};
    struct node *n = lab();
    base_policies = (struct strings){0};
    policy(n, "\"acor\":[\"Cone\"],\"acop\":63");
    IS(2001, CREATE(n, "in", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"mine\"}}"));
    IS(4103, CREATE(n, "in", "Cone", 31,
                    "{\"m2m:rol\":{\"rlid\":\"nurse@demo.example\",\"tkis\":\"Cone\",\"tkhd\":\"Cone\","
                    "\"tknb\":\"20260101T000000\",\"tkna\":\"20261231T000000\"}}"));
    HOLDS("administrator");
    IS(4103, CREATE(n, "in", "Cone", 32, "{\"m2m:tk\":{\"tkid\":\"t1\",\"tkob\":\"" JWT "\"}}"));
    HOLDS("administrator");
}

static void tokens(void **state)
{
    (void)state;
    struct node *n = lab();
    policy(n, "\"acor\":[\"nurse@demo.example\"],\"acop\":2");
    IS(2001, CREATE(n, "in", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"d\"}}"));
    IS(4000, CREATE(n, "in", "CAdmin", 32, "{\"m2m:tk\":{\"tkid\":\"t1\",\"tkob\":\"" UNPROTECTED "\"}}"));
    HOLDS("tkob");
    IS(2001,
       CREATE(
           n, "in", "CAdmin", 32,
           "{\"m2m:tk\":{\"rn\":\"t\",\"tkid\":\"t1\",\"tkob\":\"" JWT
           "\",\"tkhd\":\"Cone\",\"tknb\":\"20260101T000000\","
           "\"tkna\":\"20261231T000000\",\"tkau\":[\"/id-in\"],\"tkps\":{\"pm\":[{\"rids\":[\"nurse@demo.example\"]},"
           "{\"ris\":[\"in/d\"],\"pv\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":2}]}}]}}}"));
    IS(2000, with(n, "in/c", "Cone", "tids", "t1"));
    IS(2000, with(n, "in/d", "Cone", "tids", "t0 t1"));
    IS(4103, with(n, "in/two", "Cone", "tids", "t1")); /* not among ris */
    IS(4103, with(n, "in/d", "Ctwo", "tids", "t1"));   /* not its holder */
    IS(4103, with(n, "in/d", "Cone", "tids", "t2"));
    IS(4103, RETRIEVE(n, "in/d", "Cone"));
    IS(2001, CREATE(n, "in", "CAdmin", 32,
                    "{\"m2m:tk\":{\"tkid\":\"t3\",\"tkob\":\"" JWT "\",\"tkhd\":\"Cone\",\"tknb\":\"20260101T000000\","
                    "\"tkna\":\"20261231T000000\",\"tkau\":[\"/id-other\"],"
                    "\"tkps\":{\"pm\":[{\"pv\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":2}]}}]}}}"));
    IS(4103, with(n, "in/d", "Cone", "tids", "t3")); /* for another audience */
    IS(2002, DELETE(n, "in/t", "CAdmin"));
    IS(4103, with(n, "in/d", "Cone", "tids", "t1"));
}

static void places(void **state)
{
    (void)state;
    struct node *n = lab();
    policy(n, "\"acor\":[\"Cone\"],\"acop\":2,\"acco\":[{\"aclr\":{\"accr\":[48.85,2.35,5000]}}]");
    IS(4103, RETRIEVE(n, "in/c", "Cone")); /* nobody knows where it is */
    IS(2004, UPDATE(n, "in/one", "Cone", "{\"m2m:ae\":{\"loc\":{\"typ\":1,\"crd\":\"[2.34,48.86]\"}}}"));
    IS(2000, RETRIEVE(n, "in/c", "Cone"));
    IS(2004, UPDATE(n, "in/one", "Cone", "{\"m2m:ae\":{\"loc\":{\"typ\":1,\"crd\":\"[4.83,45.76]\"}}}"));
    IS(4103, RETRIEVE(n, "in/c", "Cone"));
}

static void attributes(void **state)
{
    (void)state;
    struct node *n = lab();
    policy(n, "\"acor\":[\"Cone\"],\"acop\":63,\"aca\":[\"lbl\",\"mni\",\"mbs\"]");
    IS(2000, RETRIEVE(n, "in/c", "Cone"));
    HOLDS("\"mni\":7");
    HOLDS("\"lbl\":[\"x\"]");
    LACKS("\"ct\"");
    LACKS("acpi");
    IS(2000, QUERY(n, "in/c", "Cone", {"atrl", "mni"}));
    LACKS("lbl");
    IS(4103, QUERY(n, "in/c", "Cone", {"atrl", "mni ct"}));
    IS(4103, QUERY(n, "in/c", "Cone", {"rcn", "4"}));
    IS(4103, QUERY(n, "in/c", "Cone", {"mni", "7"})); /* conditions would tell of others */
    IS(2004, UPDATE(n, "in/c", "Cone", "{\"m2m:cnt\":{\"mni\":8,\"lbl\":null}}"));
    LACKS("acpi");
    IS(4103, UPDATE(n, "in/c", "Cone", "{\"m2m:cnt\":{\"mni\":9,\"mia\":5}}"));
    IS(4103, CREATE(n, "in/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(4103, DELETE(n, "in/c", "Cone"));
    IS(4103, CREATE(n, "in/c", "Cone", 23, "{\"m2m:sub\":{\"nu\":[\"Cone\"]}}"));
    IS(4103, RETRIEVE(n, "in/c", "Ctwo"));
}

/* ---- other CSEs -------------------------------------------------------------------------------------- */

/* A policy and a group on /id-mn that /id-in may read. */
static struct node *below(struct node *in)
{
    struct node *mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, true);
    wait_ms(&net, 3000);
    IS(2001, CREATE(mn, "mn", "CAdmin", 1,
                    "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"/id-in/Cone\",\"/id-in\"],\"acop\":63}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"CAdmin\"],\"acop\":63},{\"acor\":[\"/id-in\"],\"acop\":2}]}}}"));
    IS(2001, CREATE(mn, "mn", "CAdmin", 9,
                    "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"/id-in/Cone\"],\"acpi\":[\"mn/p\"]}}"));
    return mn;
}

static void policies_elsewhere(void **state)
{
    (void)state;
    struct node *n = lab(), *mn = below(n);
    IS(2001, CREATE(n, "in", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"acpi\":[\"/id-mn/mn/p\"]}}"));
    IS(2000, RETRIEVE(n, "in/c", "Cone"));
    IS(4103, RETRIEVE(n, "in/c", "Ctwo"));
    IS(2001, CREATE(n, "in/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(2004, UPDATE(n, "in/c", "Cone", "{\"m2m:cnt\":{\"lbl\":[\"y\"]}}"));
    IS(4103, CREATE(n, "in/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    /* taken back there, gone here with the next request */
    IS(2004, UPDATE(mn, "mn/p", "CAdmin", "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acor\":[\"/id-in\"],\"acop\":2}]}}}"));
    IS(4103, RETRIEVE(n, "in/c", "Cone"));
    IS(4103, CREATE(n, "in/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    net.down = 2;
    IS(4103, RETRIEVE(n, "in/c", "Cone"));
    IS(2000, RETRIEVE(n, "in/c", "CAdmin"));
}

/* ... as macp of a group likewise. */
static void macp_elsewhere(void **state)
{
    (void)state;
    struct node *n = lab();
    (void)below(n);
    IS(2001, CREATE(n, "in", "CAdmin", 9,
                    "{\"m2m:grp\":{\"rn\":\"h\",\"mnm\":5,\"mid\":[\"in/one\"],\"macp\":[\"/id-mn/mn/p\"]}}"));
    IS(2000, RETRIEVE(n, "in/h/fopt", "Cone"));
    IS(2000, UPDATE(n, "in/h/fopt", "Cone", "{\"m2m:ae\":{\"lbl\":[\"x\"]}}"));
    HOLDS("2004");
    IS(4103, RETRIEVE(n, "in/h/fopt", "Ctwo"));
}

static void groups_elsewhere(void **state)
{
    (void)state;
    struct node *n = lab();
    (void)below(n);
    policy(n, "\"acor\":[\"/id-mn/mn/g\"],\"acop\":63");
    IS(2000, RETRIEVE(n, "in/c", "Cone"));
    IS(2002, DELETE(n, "in/c", "Cone"));
    IS(2001, CREATE(n, "in", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"acpi\":[\"in/p\"]}}"));
    IS(4103, RETRIEVE(n, "in/c", "Ctwo"));
    net.down = 2;
    IS(4103, RETRIEVE(n, "in/c", "Cone"));
}

/* ---- authorization servers --------------------------------------------------------------------------- */

static void servers(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in", "CAdmin", 34, "{\"m2m:dac\":{\"rn\":\"d\",\"dae\":true,\"dap\":[\"http://das/ask\"]}}"));
    IS(2001, CREATE(n, "in", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"daci\":[\"in/d\"]}}"));
    IS(4103, RETRIEVE(n, "in/c", "Cone")); /* it says nothing */
    assert_int_equal(das.seen, 1);
    assert_non_null(strstr(das.last, "{\"m2m:seci\":{\"sit\":1,\"dreq\":{\"or\":\"Cone\",\"trt\":3,\"op\":2"));
    assert_non_null(strstr(das.last, "\"trid\":\"/id-in/"));
    das.answer = "{\"m2m:seci\":{\"sit\":2,\"dres\":{\"dai\":{\"gp\":{\"acr\":[{\"acor\":[\"Cone\"],\"acop\":3}]},"
                 "\"pl\":\"5000\"}}}}";
    IS(2000, RETRIEVE(n, "in/c", "Cone"));
    assert_int_equal(das.seen, 2);
    IS(2000, RETRIEVE(n, "in/c", "Cone")); /* as long as it said */
    IS(2001, CREATE(n, "in/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    assert_int_equal(das.seen, 2);
    IS(4103, DELETE(n, "in/c", "Cone")); /* asked for what it has not granted */
    assert_int_equal(das.seen, 3);
    assert_non_null(strstr(das.last, "\"op\":4"));
    wait_ms(&net, 6000);
    das.answer = NULL;
    IS(4103, RETRIEVE(n, "in/c", "Cone"));
    assert_int_equal(das.seen, 4);
    IS(2000, RETRIEVE(n, "in/c", "CAdmin"));
    assert_int_equal(das.seen, 4);
    /* a change goes from the writer back to the loop to ask */
    das.answer = "{\"m2m:seci\":{\"sit\":2,\"dres\":{\"dai\":{\"gp\":{\"acr\":[{\"acor\":[\"Ctwo\"],\"acop\":1}]}}}}}";
    IS(2001, CREATE(n, "in/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    assert_int_equal(das.seen, 5);
    IS(2001, CREATE(n, "in/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}")); /* without pl for one request */
    assert_int_equal(das.seen, 6);
    IS(2004, UPDATE(n, "in/d", "CAdmin", "{\"m2m:dac\":{\"dae\":false}}"));
    IS(4103, CREATE(n, "in/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    assert_int_equal(das.seen, 6);
}

static void where_tokens_are(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in", "CAdmin", 34, "{\"m2m:dac\":{\"rn\":\"d\",\"dae\":true,\"dap\":[\"http://das/ask\"]}}"));
    IS(2001, CREATE(n, "in", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"daci\":[\"in/d\"]}}"));
    IS(4103, with(n, "in/c", "Cone", "tqi", "true"));
    HOLDS("{\"m2m:tqf\":{\"dasi\":[{\"uri\":\"http://das/ask\",\"dreq\":{\"or\":\"Cone\"");
    IS(4103, RETRIEVE(n, "in/c", "Cone"));
    HOLDS("m2m:dbg");
    IS(2001, CREATE(n, "in", "CAdmin", 3, "{\"m2m:cnt\":{\"rn\":\"e\"}}"));
    IS(4103, with(n, "in/e", "Cone", "tqi", "true"));
    HOLDS("m2m:dbg");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(groups, down),
        cmocka_unit_test_teardown(roles, down),
        cmocka_unit_test_teardown(tokens, down),
        cmocka_unit_test_teardown(places, down),
        cmocka_unit_test_teardown(only_the_administrator_issues, down),
        cmocka_unit_test_teardown(places, down),
        cmocka_unit_test_teardown(attributes, down),
        cmocka_unit_test_teardown(policies_elsewhere, down),
        cmocka_unit_test_teardown(macp_elsewhere, down),
        cmocka_unit_test_teardown(groups_elsewhere, down),
        cmocka_unit_test_teardown(servers, down),
        cmocka_unit_test_teardown(where_tokens_are, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
