/* src/cse: types with a little behaviour: schedule, semanticDescriptor, mgmtObj, node, locationPolicy. */
#include "cse_node.h"

static struct node *up(bool open)
{
    struct node *n = node_up(&net, ROLE_IN, "/id-x", "x", "https://x", NULL, open);
    IS(2001, CREATE(n, "x", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "x", "CAdmin", TY_NOD, "{\"m2m:nod\":{\"rn\":\"n\",\"ni\":\"urn:n\"}}"));
    return n;
}

static void schedules(void **state)
{
    (void)state;
    struct node *n = up(true);
    IS(2001, CREATE(n, "x", "CAdmin", TY_SCH, "{\"m2m:sch\":{\"rn\":\"s\",\"se\":{\"sce\":[\"* * * * * * *\"]}}}"));
    IS(4000, CREATE(n, "x", "CAdmin", TY_SCH, "{\"m2m:sch\":{\"se\":{\"sce\":[\"* * * * * *\"]}}}"));
    IS(4000, CREATE(n, "x", "CAdmin", TY_SCH, "{\"m2m:sch\":{\"se\":{\"sce\":[\"61 * * * * * *\"]}}}"));
    IS(4102, CREATE(n, "x", "CAdmin", TY_SCH, "{\"m2m:sch\":{\"se\":{\"sce\":[\"* * * * * * *\"]},\"nco\":true}}"));
    IS(4102, UPDATE(n, "x/s", "CAdmin", "{\"m2m:sch\":{\"nco\":false}}"));
    IS(2001, CREATE(n, "x/n", "CAdmin", TY_SCH,
                    "{\"m2m:sch\":{\"rn\":\"s\",\"se\":{\"sce\":[\"* * * * * * *\"]},\"nco\":true}}"));
    IS(2004, UPDATE(n, "x/n/s", "CAdmin", "{\"m2m:sch\":{\"nco\":null}}"));
}

static void semantic_descriptors(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"dcrp\":9,\"dsp\":\"PGEvPg==\"",
                                      "\"dcrp\":1,\"dsp\":\"PGEvPg==\"",
                                      "\"dcrp\":4,\"dsp\":\"not base64!\"",
                                      "\"dcrp\":4,\"dsp\":\"e30=\"",
                                      "\"dcrp\":7,\"dsp\":\"PGEvPg==\"",
                                      "\"dcrp\":5,\"dsp\":\"gICA\"",
                                      "\"dcrp\":4"};
    struct node *n = up(true);
    for (size_t i = 0; i < LEN(bad); i++) {
        char body[200];
        snprintf(body, sizeof body, "{\"m2m:smd\":{%s}}", bad[i]);
        IS(4000, CREATE(n, "x/one", "Cone", TY_SMD, body));
    }
    IS(2001, CREATE(n, "x/one", "Cone", TY_SMD, "{\"m2m:smd\":{\"rn\":\"d\",\"dcrp\":4,\"dsp\":\"PGEvPg==\"}}"));
    IS(2001, CREATE(n, "x/one", "Cone", TY_SMD, "{\"m2m:smd\":{\"dcrp\":7,\"dsp\":\"e30=\"}}"));
    IS(4000, UPDATE(n, "x/one/d", "Cone", "{\"m2m:smd\":{\"soe\":\"INSERT\",\"dsp\":\"PGEvPg==\"}}"));
    IS(5212, UPDATE(n, "x/one/d", "Cone", "{\"m2m:smd\":{\"soe\":\"INSERT\"}}"));
    IS(4000, UPDATE(n, "x/one/d", "Cone", "{\"m2m:smd\":{\"dsp\":\"e30=\"}}"));
    IS(4000, UPDATE(n, "x/one/d", "Cone", "{\"m2m:smd\":{\"dcrp\":7}}"));
    IS(2004, UPDATE(n, "x/one/d", "Cone", "{\"m2m:smd\":{\"dcrp\":7,\"dsp\":\"e30=\"}}"));
}

#define FIRMWARE "\"mgd\":1001,\"vr\":\"1\",\"fwn\":\"a\",\"url\":\"http://u\",\"ud\":false"
#define DEVICE   "\"mgd\":1007,\"dlb\":\"x:1\",\"man\":\"m\",\"mod\":\"o\",\"dty\":\"t\""

static void management_actions(void **state)
{
    (void)state;
    struct node *n = up(false);
    IS(4000, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:fwr\":{\"mgd\":1007}}"));
    IS(2001, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:fwr\":{\"rn\":\"f\"," FIRMWARE "}}"));
    HOLDS("\"uds\":{\"sus\":0}");
    IS(2004, UPDATE(n, "x/n/f", "CAdmin", "{\"m2m:fwr\":{\"ud\":true}}"));
    HOLDS("\"uds\":{\"acn\":\"ud\",\"sus\":3}");
    IS(2004, UPDATE(n, "x/n/f", "CAdmin", "{\"m2m:fwr\":{\"uds\":{\"acn\":\"ud\",\"sus\":1},\"ud\":false}}"));
    HOLDS("\"sus\":1");
    IS(2001, CREATE(n, "x/n", "CAdmin", TY_MGO,
                    "{\"m2m:swr\":{\"rn\":\"s\",\"mgd\":1002,\"vr\":\"1\",\"swn\":\"a\",\"url\":\"http://u\"}}"));
    HOLDS("\"in\":false,\"un\":false");
    IS(4000, UPDATE(n, "x/n/s", "CAdmin", "{\"m2m:swr\":{\"in\":true,\"un\":true}}"));
    IS(4000, UPDATE(n, "x/n/s", "CAdmin", "{\"m2m:swr\":{\"act\":true,\"dea\":true}}"));
    IS(2004, UPDATE(n, "x/n/s", "CAdmin", "{\"m2m:swr\":{\"un\":true,\"act\":true}}"));
    HOLDS("\"ins\":{\"acn\":\"un\",\"sus\":3}");
    HOLDS("\"acts\":{\"acn\":\"act\",\"sus\":3}");
    IS(2001, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:rbo\":{\"rn\":\"r\",\"mgd\":1009}}"));
    HOLDS("\"rbo\":false,\"far\":false");
    IS(4000, UPDATE(n, "x/n/r", "CAdmin", "{\"m2m:rbo\":{\"rbo\":true,\"far\":true}}"));
    IS(2001, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:dvi\":{\"rn\":\"i\"," DEVICE "}}"));
    IS(4000, UPDATE(n, "x/n/i", "CAdmin", "{\"m2m:dvi\":{\"man\":\"other\"}}"));
    HOLDS("man");
}

static void switch_12(void **state)
{
    (void)state;
    struct node *n = up(true);
    IS(2001, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:dvi\":{\"rn\":\"i\"," DEVICE "}}"));
    IS(2004, UPDATE(n, "x/n/i", "CAdmin", "{\"m2m:dvi\":{\"man\":\"other\"}}"));
    IS(2001, CREATE(n, "x/n", "CAdmin", TY_MGO, "{\"m2m:fwr\":{\"rn\":\"f\"," FIRMWARE "}}"));
    IS(4000, UPDATE(n, "x/n/f", "CAdmin", "{\"m2m:fwr\":{\"uds\":{\"sus\":1}}}"));
    HOLDS("uds");
}

static void a_node_knows_what_it_hosts(void **state)
{
    (void)state;
    struct node *n = up(true);
    IS(2001, CREATE(n, "x", "CAdmin", TY_NOD, "{\"m2m:nod\":{\"rn\":\"o\",\"ni\":\"urn:o\"}}"));
    IS(2004, UPDATE(n, "x/one", "Cone", "{\"m2m:ae\":{\"nl\":\"x/n\"}}"));
    IS(2001, CREATE(n, "x", "Ctwo", 2,
                    "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"nl\":\"x/n\"}}"));
    IS(2000, RETRIEVE(n, "x/n", "CAdmin"));
    HOLDS("\"hael\":[\"Cone\",\"Ctwo\"]");
    IS(2004, UPDATE(n, "x/one", "Cone", "{\"m2m:ae\":{\"nl\":\"x/o\"}}"));
    IS(2000, RETRIEVE(n, "x/o", "CAdmin"));
    HOLDS("\"hael\":[\"Cone\"]");
    IS(2002, DELETE(n, "x/two", "Ctwo"));
    IS(2000, RETRIEVE(n, "x/n", "CAdmin"));
    LACKS("hael");
    IS(2004, UPDATE(n, "x/one", "Cone", "{\"m2m:ae\":{\"nl\":null}}"));
    IS(2000, RETRIEVE(n, "x/o", "CAdmin"));
    LACKS("hael");
    IS(2001, CREATE(n, "x", "/id-mn", 16,
                    "{\"m2m:csr\":{\"rn\":\"mn\",\"cb\":\"/id-mn/mn\",\"csi\":\"/id-mn\",\"rr\":false,\"srv\":[\"3\"],"
                    "\"nl\":\"x/n\"}}"));
    IS(2000, RETRIEVE(n, "x/n", "CAdmin"));
    HOLDS("\"hcl\":\"");
}

static void a_location_policy_has_its_container(void **state)
{
    (void)state;
    struct node *n = up(true);
    IS(4000, CREATE(n, "x/one", "Cone", TY_LCP, "{\"m2m:lcp\":{\"los\":1}}"));
    IS(4000, CREATE(n, "x/one", "Cone", TY_LCP, "{\"m2m:lcp\":{\"los\":1,\"lot\":\"t\"}}"));
    IS(2001, CREATE(n, "x/one", "Cone", TY_LCP, "{\"m2m:lcp\":{\"rn\":\"p\",\"los\":2,\"lon\":\"places\"}}"));
    HOLDS("\"lit\":1");
    HOLDS("\"lost\":\"");
    const char *ri = value("ri"), *loi = value("loi");
    IS(2000, RETRIEVE(n, loi, "Cone"));
    HOLDS("\"rn\":\"places\"");
    assert_string_equal(value("li"), ri);
    IS(4105, CREATE(n, "x/one", "Cone", TY_LCP, "{\"m2m:lcp\":{\"los\":2,\"lon\":\"places\"}}"));
    IS(2001, CREATE(n, "x/one/places", "Cone", 4, "{\"m2m:cin\":{\"con\":\"here\"}}"));
    IS(2002, DELETE(n, "x/one/p", "Cone"));
    IS(2000, RETRIEVE(n, "x/one/places", "Cone"));
    LACKS("\"li\"");
    HOLDS("\"cni\":1");
}

static void an_instance_that_is_read_away(void **state)
{
    (void)state;
    struct node *n = up(true);
    IS(2001, CREATE(n, "x/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    IS(2001, CREATE(n, "x/one/c", "Cone", 4, "{\"m2m:cin\":{\"rn\":\"i\",\"con\":\"1\",\"dcnt\":3}}"));
    HOLDS("\"dcnt\":3");
    IS(2000, RETRIEVE(n, "x/one/c/i", "Cone"));
    HOLDS("\"dcnt\":3");
    IS(2000, QUERY(n, "x/one/c", "Cone", {"rcn", "4"}));
    HOLDS("\"dcnt\":2"); /* with its container: not counted */
    IS(4103, RETRIEVE(n, "x/one/c/i", "Cnobody"));
    IS(2000, RETRIEVE(n, "x/one/c/la", "Cone"));
    HOLDS("\"dcnt\":2");
    IS(2000, RETRIEVE(n, "x/one/c/la", "Cone"));
    HOLDS("\"con\":\"1\"");
    HOLDS("\"dcnt\":1");
    IS(4004, RETRIEVE(n, "x/one/c/i", "Cone"));
    IS(2000, RETRIEVE(n, "x/one/c", "Cone"));
    HOLDS("\"cni\":0,\"cbs\":0");
    IS(2001, CREATE(n, "x/one/c", "Cone", 4, "{\"m2m:cin\":{\"rn\":\"j\",\"con\":\"1\"}}"));
    LACKS("dcnt");
}

static void instances_with_children_go_whole(void **state)
{
    (void)state;
    struct node *n = up(true);
    IS(2001, CREATE(n, "x/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"mni\":2}}"));
    IS(2001, CREATE(n, "x/one/c", "Cone", 4, "{\"m2m:cin\":{\"rn\":\"i\",\"con\":\"1\"}}"));
    IS(2001, CREATE(n, "x/one/c/i", "Cone", TY_SMD, "{\"m2m:smd\":{\"rn\":\"d\",\"dcrp\":7,\"dsp\":\"e30=\"}}"));
    IS(2000, RETRIEVE(n, "x/one/c/i/d", "Cone"));
    char ri[300];
    copy_text(ri, sizeof ri, span_str(value("ri")));
    IS(2001, CREATE(n, "x/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"2\"}}"));
    IS(2001, CREATE(n, "x/one/c", "Cone", 4, "{\"m2m:cin\":{\"rn\":\"k\",\"con\":\"3\"}}"));
    IS(4004, RETRIEVE(n, ri, "Cone")); /* evicted with its instance */
    IS(2001, CREATE(n, "x/one/c/k", "Cone", TY_SMD, "{\"m2m:smd\":{\"dcrp\":7,\"dsp\":\"e30=\"}}"));
    copy_text(ri, sizeof ri, span_str(value("ri")));
    IS(2004, UPDATE(n, "x/one/c", "Cone", "{\"m2m:cnt\":{\"disr\":true}}"));
    IS(2004, UPDATE(n, "x/one/c", "Cone", "{\"m2m:cnt\":{\"disr\":false}}"));
    HOLDS("\"cni\":0,\"cbs\":0");
    IS(4004, RETRIEVE(n, ri, "Cone"));
    IS(2001, CREATE(n, "x/one/c", "Cone", 4, "{\"m2m:cin\":{\"rn\":\"l\",\"con\":\"4\"}}"));
    IS(2001, CREATE(n, "x/one/c/l", "Cone", TY_SMD, "{\"m2m:smd\":{\"dcrp\":7,\"dsp\":\"e30=\"}}"));
    IS(2002, DELETE(n, "x/one/c", "Cone"));
}

static void beacons(void **state)
{
    (void)state;
    struct outside clock = {.url = "http://t/", .rsc = 2000};
    struct node *n = up(true);
    net.outside[0] = &clock;
    net.nout = 1;
    IS(4000, CREATE(n, "x/one", "Cone", TY_TSB, "{\"m2m:tsb\":{\"bcnc\":1,\"bcnu\":[\"http://t/n\"]}}"));
    IS(5001,
       CREATE(n, "x/one", "Cone", TY_TSB, "{\"m2m:tsb\":{\"bcnc\":2,\"bcnt\":\"PT1S\",\"bcnu\":[\"http://t/n\"]}}"));
    IS(2001, CREATE(n, "x/one", "Cone", TY_TSB,
                    "{\"m2m:tsb\":{\"rn\":\"b\",\"bcnc\":1,\"bcni\":\"PT5S\",\"bcnu\":[\"http://t/n\"]}}"));
    wait_ms(&net, 16000);
    assert_int_equal(clock.seen, 3);
    assert_non_null(strstr(clock.last, "{\"m2m:tsbn\":{\"tbr\":\"/id-x/"));
    assert_non_null(strstr(clock.last, "\"ctm\":\"20260921T141335,000000\""));
    IS(2002, DELETE(n, "x/one/b", "Cone"));
    wait_ms(&net, 10000);
    assert_int_equal(clock.seen, 3);
}

#define T(name) cmocka_unit_test_teardown(name, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(schedules),
        T(semantic_descriptors),
        T(management_actions),
        T(switch_12),
        T(a_node_knows_what_it_hosts),
        T(a_location_policy_has_its_container),
        T(an_instance_that_is_read_away),
        T(instances_with_children_go_whole),
        T(beacons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
