/* src/cse: timeSeries, its instances by the time of their data, missing data. */
#include "cse_node.h"

static struct outside target;

static struct node *lab(const char *ts)
{
    struct node *n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    target = (struct outside){.url = "http://t/", .rsc = 2000};
    net.outside[0] = &target;
    net.nout = 1;
    IS(2001, CREATE(n, "in", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 29, ts));
    return n;
}

/* An instance whose data were made so many ms after T0. */
static unsigned point(struct node *n, int64_t ms, const char *con)
{
    char body[300], when[40];
    struct buf b = BUF_ARRAY(when);
    m2mtime_put_us(&b, T0 + ms);
    snprintf(body, sizeof body, "{\"m2m:tsi\":{\"dgt\":\"%.*s\",\"con\":\"%s\"}}", (int)b.n, when, con);
    return CREATE(n, "in/one/t", "Cone", 30, body);
}

static void until(int64_t ms)
{
    wait_ms(&net, T0 + ms - net.now);
}

static void terms_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"pei\":1000,\"peid\":501",
                                      "\"pei\":1000,\"mdd\":true",
                                      "\"pei\":1000,\"peid\":400,\"mdd\":true,\"mdt\":400",
                                      "\"mni\":-1",
                                      "\"pei\":0",
                                      "\"mdc\":1",
                                      "\"mdlt\":[]"};
    struct node *n = lab("{\"m2m:ts\":{\"rn\":\"t\",\"pei\":1000,\"mdt\":400,\"cnf\":\"text/plain:0\"}}");
    HOLDS("\"peid\":399");
    HOLDS("\"mdc\":0");
    HOLDS("\"cni\":0,\"cbs\":0");
    HOLDS("\"cnf\":\"text/plain:0\"");
    LACKS("\"st\"");
    for (size_t i = 0; i < LEN(bad); i++) {
        char body[200];
        snprintf(body, sizeof body, "{\"m2m:ts\":{%s}}", bad[i]);
        IS(4000, CREATE(n, "in/one", "Cone", 29, body));
    }
    IS(4000, UPDATE(n, "in/one/t", "Cone", "{\"m2m:ts\":{\"mdd\":true,\"mdn\":4}}"));
    IS(4000, UPDATE(n, "in/one/t", "Cone", "{\"m2m:ts\":{\"peid\":501}}"));
    IS(2004, UPDATE(n, "in/one/t", "Cone", "{\"m2m:ts\":{\"mdd\":true}}"));
    IS(4000, UPDATE(n, "in/one/t", "Cone", "{\"m2m:ts\":{\"pei\":2000}}"));
    IS(4000, UPDATE(n, "in/one/t", "Cone", "{\"m2m:ts\":{\"mdd\":false,\"pei\":2000}}"));
    IS(2004, UPDATE(n, "in/one/t", "Cone", "{\"m2m:ts\":{\"mdd\":false}}"));
    IS(2004, UPDATE(n, "in/one/t", "Cone", "{\"m2m:ts\":{\"pei\":2000}}"));
    IS(4000, UPDATE(n, "in/one/t", "Cone", "{\"m2m:ts\":{\"mdt\":null,\"mdd\":true}}"));
}

static void instances_are_ordered_by_their_time(void **state)
{
    (void)state;
    struct node *n = lab("{\"m2m:ts\":{\"rn\":\"t\",\"mni\":3}}");
    IS(4004, RETRIEVE(n, "in/one/t/la", "Cone"));
    IS(2001, point(n, 2000, "b"));
    IS(2001, point(n, 4000, "dd"));
    IS(2001, point(n, 1000, "a"));
    HOLDS("\"cs\":1");
    IS(4105, point(n, 2000, "again"));
    IS(4000, CREATE(n, "in/one/t", "Cone", 30, "{\"m2m:tsi\":{\"con\":\"x\"}}"));
    IS(4000, CREATE(n, "in/one/t", "Cone", 30, "{\"m2m:tsi\":{\"dgt\":\"-1\"}}"));
    IS(4000, CREATE(n, "in/one/t", "Cone", 30, "{\"m2m:tsi\":{\"dgt\":\"yesterday\",\"con\":1}}"));
    IS(2000, RETRIEVE(n, "in/one/t/la", "Cone"));
    HOLDS("\"con\":\"dd\"");
    IS(2000, RETRIEVE(n, "in/one/t/ol", "Cone"));
    HOLDS("\"con\":\"a\"");
    IS(2001, point(n, 3000, "c")); /* the smallest time goes, not the first created */
    IS(2000, RETRIEVE(n, "in/one/t/ol", "Cone"));
    HOLDS("\"con\":\"b\"");
    IS(2000, RETRIEVE(n, "in/one/t", "Cone"));
    HOLDS("\"cni\":3,\"cbs\":4");
    IS(4005, UPDATE(n, "in/one/t/la", "Cone", "{\"m2m:tsi\":{\"con\":1}}"));
    IS(2002, DELETE(n, "in/one/t/la", "Cone"));
    IS(2004, UPDATE(n, "in/one/t", "Cone", "{\"m2m:ts\":{\"mni\":1}}"));
    HOLDS("\"cni\":1,\"cbs\":1");
    IS(2000, RETRIEVE(n, "in/one/t/la", "Cone"));
    HOLDS("\"con\":\"c\"");
    IS(4005, UPDATE(n, value("rn")[0] ? "in/one/t/ol" : "", "Cone", "{\"m2m:tsi\":{}}"));
}

static void relative_and_fine_times(void **state)
{
    (void)state;
    struct node *n = lab("{\"m2m:ts\":{\"rn\":\"t\",\"mbs\":10}}");
    IS(2001, CREATE(n, "in/one/t", "Cone", 30, "{\"m2m:tsi\":{\"dgt\":\"20260101T000000,000001\",\"con\":1}}"));
    IS(2001, CREATE(n, "in/one/t", "Cone", 30, "{\"m2m:tsi\":{\"dgt\":\"20260101T000000,000002\",\"con\":2}}"));
    IS(4105, CREATE(n, "in/one/t", "Cone", 30, "{\"m2m:tsi\":{\"dgt\":\"20260101T000000.000002\",\"con\":3}}"));
    IS(2001, CREATE(n, "in/one/t", "Cone", 30, "{\"m2m:tsi\":{\"dgt\":\"-5000\",\"con\":4}}"));
    HOLDS("\"dgt\":\"-5000\"");
    IS(5207, CREATE(n, "in/one/t", "Cone", 30, "{\"m2m:tsi\":{\"dgt\":\"-1\",\"con\":\"12345678901\"}}"));
    IS(2001, CREATE(n, "in/one/t", "Cone", 30, "{\"m2m:tsi\":{\"dgt\":\"-2\",\"con\":\"123456789\"}}"));
    IS(2000, RETRIEVE(n, "in/one/t", "Cone"));
    HOLDS("\"cni\":2,\"cbs\":10");
}

#define WATCHED "{\"m2m:ts\":{\"rn\":\"t\",\"mni\":1,\"pei\":2000,\"peid\":200,\"mdt\":500,\"mdn\":3,\"mdd\":true}}"

static void missing_points_are_listed(void **state)
{
    (void)state;
    struct node *n = lab(WATCHED);
    until(10000);
    IS(2000, RETRIEVE(n, "in/one/t", "Cone"));
    HOLDS("\"mdc\":0"); /* begins with the first instance */
    IS(2001, point(n, 10000, "0"));
    until(12000);
    IS(2001, point(n, 12200, "1"));
    IS(2001, point(n, 14300, "not 2")); /* too late for point 2; and 1 is evicted before it is looked at */
    until(14400);
    IS(2000, RETRIEVE(n, "in/one/t", "Cone"));
    HOLDS("\"mdc\":0");
    until(15500);
    IS(2000, RETRIEVE(n, "in/one/t", "Cone"));
    HOLDS("\"mdlt\":[\"20260921T141334,000000\"],\"mdc\":1");
    until(19000);
    IS(2000, RETRIEVE(n, "in/one/t", "Cone"));
    HOLDS("\"mdlt\":[\"20260921T141338,000000\",\"20260921T141336,000000\",\"20260921T141334,000000\"],\"mdc\":3");
    until(21000);
    IS(2000, RETRIEVE(n, "in/one/t", "Cone"));
    HOLDS("\"mdlt\":[\"20260921T141340,000000\",\"20260921T141338,000000\",\"20260921T141336,000000\"],\"mdc\":3");
    IS(2004, UPDATE(n, "in/one/t", "Cone", "{\"m2m:ts\":{\"mdd\":false}}"));
    HOLDS("\"mdc\":3");
    until(40000);
    IS(2000, RETRIEVE(n, "in/one/t", "Cone"));
    HOLDS("\"mdc\":3");
    IS(2004, UPDATE(n, "in/one/t", "Cone", "{\"m2m:ts\":{\"mdd\":true}}"));
    HOLDS("\"mdc\":0");
    LACKS("mdlt");
    until(50000);
    IS(2001, point(n, 50000, "0"));
    until(53000);
    IS(2000, RETRIEVE(n, "in/one/t", "Cone"));
    HOLDS("\"mdc\":1");
    IS(2002, DELETE(n, "in/one/t", "Cone"));
    until(60000);
}

static struct node *subscribed(const char *md)
{
    char body[300];
    struct node *n = lab(WATCHED);
    snprintf(body, sizeof body, "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"http://t/n\"],\"enc\":{\"net\":[8],\"md\":%s}}}",
             md);
    IS(2001, CREATE(n, "in/one/t", "Cone", 23, body));
    HOLDS("\"nct\":5");
    target.seen = 0;
    IS(2001, point(n, 0, "0"));
    return n;
}

static void subscribers_hear_at_the_threshold(void **state)
{
    (void)state;
    subscribed("{\"num\":2,\"dur\":\"PT2S\"}");
    until(3000);
    assert_int_equal(target.seen, 0); /* one in the window */
    until(5000);
    assert_int_equal(target.seen, 1);
    assert_non_null(strstr(target.last, "\"rep\":{\"m2m:tsn\":{\"mdlt\":[\"20260921T141322,000000\",\"20260921T141324,"
                                        "000000\"],\"mdc\":2}},\"net\":8"));
    until(7000);
    assert_int_equal(target.seen, 1); /* another window */
    until(9000);
    assert_int_equal(target.seen, 2);
}

static void a_window_longer_than_the_period_never_fires(void **state)
{
    (void)state;
    subscribed("{\"num\":1,\"dur\":\"PT3S\"}");
    until(20000);
    assert_int_equal(target.seen, 0);
}

static void every_point_counts_with_one(void **state)
{
    (void)state;
    subscribed("{\"num\":1,\"dur\":\"PT1S\"}");
    until(9000);
    assert_int_equal(target.seen, 4);
    assert_non_null(strstr(target.last, "\"mdlt\":[\"20260921T141328,000000\"],\"mdc\":1"));
}

#define T(name) cmocka_unit_test_teardown(name, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(terms_are_checked),
        T(instances_are_ordered_by_their_time),
        T(relative_and_fine_times),
        T(missing_points_are_listed),
        T(subscribers_hear_at_the_threshold),
        T(a_window_longer_than_the_period_never_fires),
        T(every_point_counts_with_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
