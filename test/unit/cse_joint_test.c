/* src/cse: a CSE registers at its registrar, stays registered, and leaves; who is below whom. */
#include "cse_node.h"

static struct outside registrar;

static int all_down(void **state)
{
    (void)state;
    node_conf = NULL;
    if (last)
        ask_free(last);
    last = NULL;
    net_down(&net);
    return 0;
}

static void with_attributes(struct cse_conf *c)
{
    static const struct span lbl[] = {{(const uint8_t *)"site:7", 6}, {(const uint8_t *)"east", 4}};
    if (c->role == ROLE_IN)
        return;
    c->join = (struct join_conf){
        .labels = {lbl, 2}, .node = SPAN("/id-mn/mn/nod"), .lifetime = 100000, .refresh = 60000, .leave = true};
}

static void shows_what_is_configured(void **state)
{
    (void)state;
    node_conf = with_attributes;
    struct node *in = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    struct node *mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, true);
    wait_ms(&net, 2000);
    assert_true(cse_is_joined(mn->cse));
    IS(2000, RETRIEVE(in, "in/id-mn", "CAdmin"));
    HOLDS("\"lbl\":[\"site:7\",\"east\"]");
    HOLDS("\"nl\":\"/id-mn/mn/nod\"");
    HOLDS("\"csi\":\"/id-mn\"");
    HOLDS("\"cst\":2");
    HOLDS("\"rr\":true");
    HOLDS("\"poa\":[\"https://mn\"]");
    char et[64];
    snprintf(et, sizeof et, "%s", value("et"));
    /* The registrar here, from its CSEBase. */
    IS(2000, RETRIEVE(mn, "mn/id-in", "CAdmin"));
    HOLDS("\"cb\":\"/id-in/in\"");
    HOLDS("\"cst\":1");
    HOLDS("\"ici\":\"/id-in\"");
    HOLDS("\"srv\":[\"2a\",\"3\",\"4\",\"5\"]");
    wait_ms(&net, 300000); /* long behind the lifetime: refreshed in time */
    IS(2000, RETRIEVE(in, "in/id-mn", "/id-mn"));
    assert_string_not_equal(et, value("et"));
}

static unsigned left;
static void gone(void *ctx)
{
    (void)ctx;
    left++;
}

static void leaves(void **state)
{
    (void)state;
    node_conf = with_attributes;
    struct node *in = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    struct node *mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, true);
    assert_false(cse_leave(mn->cse, gone, NULL)); /* not there yet */
    wait_ms(&net, 2000);
    assert_false(cse_leave(in->cse, gone, NULL));
    assert_true(cse_leave(mn->cse, gone, NULL));
    assert_int_equal(left, 0);
    settle(&net);
    assert_int_equal(left, 1);
    IS(4004, RETRIEVE(in, "in/id-mn", "CAdmin"));
    wait_ms(&net, 120000);
    IS(4004, RETRIEVE(in, "in/id-mn", "CAdmin")); /* and does not come back */
}

static void a_dead_registrar_stops_nothing(void **state)
{
    (void)state;
    struct node *in = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    struct node *mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, true);
    net.down = 1;
    wait_ms(&net, 5000);
    assert_false(cse_is_joined(mn->cse));
    IS(2001, CREATE(mn, "mn", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(mn, "mn/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    net.down = 0;
    wait_ms(&net, 40000);
    assert_true(cse_is_joined(mn->cse));
    IS(2002, DELETE(in, "in/id-mn", "CAdmin")); /* a registrar that forgets learns it anew */
    wait_ms(&net, 6 * 60000);
    IS(2000, RETRIEVE(in, "in/id-mn", "CAdmin"));
}

/* REG/011, 012: over three levels. */
static void who_is_below(void **state)
{
    (void)state;
    struct node *in = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    struct node *mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, true);
    struct node *low = node_up(&net, ROLE_MN, "/id-low", "low", "https://low", mn, true);
    wait_ms(&net, 3000);
    node_up(&net, ROLE_ASN, "/id-asn", "asn", "https://asn", low, true);
    wait_ms(&net, 3000);
    IS(2000, RETRIEVE(mn, "mn/id-low", "CAdmin"));
    HOLDS("\"dcse\":[\"/id-asn\"]");
    IS(2000, RETRIEVE(in, "in/id-mn", "CAdmin"));
    HOLDS("\"dcse\":[\"/id-low\",\"/id-asn\"]");
    IS(2000, call(in, OP_RETRIEVE, "/id-asn/asn", "CAdmin", 0, NULL, (const struct more[]){{"fu", "1"}, {NULL, NULL}}));
    IS(2002, DELETE(mn, "mn/id-low", "CAdmin")); /* with all below it */
    wait_ms(&net, 1000);
    IS(2000, RETRIEVE(in, "in/id-mn", "CAdmin"));
    LACKS("id-low");
    LACKS("id-asn");
    IS(4005,
       CREATE(net.nodes[3], "asn", "/id-x", 16, "{\"m2m:csr\":{\"cb\":\"/id-x/x\",\"rr\":false,\"srv\":[\"3\"]}}"));
}

/* What our CSE sends, seen by a stranger that refuses everything. */
static void sees_refusals(void **state)
{
    (void)state;
    registrar = (struct outside){.url = "https://other", .rsc = 4103};
    net.outside[0] = &registrar;
    net.nout = 1;
    struct node *in = node_up(&net, ROLE_IN, "/id-in", "in", "https://other", NULL, true);
    struct node *mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, true);
    wait_ms(&net, 1000);
    assert_non_null(strstr(registrar.last, "\"m2m:csr\""));
    assert_non_null(strstr(registrar.last, "\"cb\":\"/id-mn/mn\""));
    assert_string_equal(registrar.fr, "/id-mn");
    assert_false(cse_is_joined(mn->cse));
    unsigned seen = registrar.seen;
    wait_ms(&net, 60000);
    assert_in_range(registrar.seen - seen, 3, 10); /* backs off */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(shows_what_is_configured, all_down),
        cmocka_unit_test_teardown(leaves, all_down),
        cmocka_unit_test_teardown(a_dead_registrar_stops_nothing, all_down),
        cmocka_unit_test_teardown(who_is_below, all_down),
        cmocka_unit_test_teardown(sees_refusals, all_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
