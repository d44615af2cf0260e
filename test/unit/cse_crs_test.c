/* src/cse: crossResourceSubscription: its subscriptions, windows, what happens when one of them fails. */
#include "cse_node.h"

static struct outside target;

static struct node *lab(void)
{
    struct node *n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    target = (struct outside){.url = "http://t/", .rsc = 2000};
    net.outside[0] = &target;
    net.nout = 1;
    IS(2001, CREATE(n, "in", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"a\"}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"b\"}}"));
    return n;
}

static unsigned cross(struct node *n, const char *members)
{
    char body[700];
    snprintf(body, sizeof body, "{\"m2m:crs\":{\"rn\":\"x\",\"nu\":[\"http://t/n\"],%s}}", members);
    return CREATE(n, "in/one", "Cone", TY_CRS, body);
}

static void put(struct node *n, const char *box)
{
    IS(2001, CREATE(n, box, "Cone", 4, "{\"m2m:cin\":{\"con\":\"1\"}}"));
}

#define ENC  "\"encs\":{\"encn\":[{\"net\":[3]}]}"
#define BOTH "\"rrat\":[\"in/one/a\",\"in/one/b\"]," ENC

static void rules(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(4000, cross(n, "\"twt\":1,\"tws\":\"PT10S\""));
    IS(4000, cross(n, "\"twt\":1,\"tws\":\"PT10S\",\"rrat\":[\"in/one/a\"]"));
    IS(4000, cross(n, "\"twt\":1,\"tws\":\"PT10S\",\"rrat\":[\"in/one/a\",\"in/one/b\",\"in/one\"],"
                      "\"encs\":{\"encn\":[{\"net\":[3]},{\"net\":[3]}]}"));
    IS(4000, cross(n, "\"twt\":1," BOTH));
    IS(4004, RETRIEVE(n, "in/one/x", "Cone"));
}

static unsigned subs_of(struct node *n, const char *box)
{
    char body[8192];
    IS(2000, QUERY(n, box, "Cone", {"rcn", "6"}, {"ty", "23"}));
    copy_text(body, sizeof body, span_str(last->pc));
    unsigned count = 0;
    for (const char *p = body; (p = strstr(p, "\"typ\":23")); p++)
        count++;
    return count;
}

static void both_inside_the_window(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, cross(n, "\"twt\":1,\"tws\":\"PT10S\"," BOTH));
    HOLDS("\"rrats\":[\"/id-in/");
    HOLDS("\"cr\":\"Cone\"");
    target.seen = 0;
    put(n, "in/one/a");
    assert_int_equal(target.seen, 0);
    put(n, "in/one/a");
    assert_int_equal(target.seen, 0);
    put(n, "in/one/b");
    assert_int_equal(target.seen, 1);
    assert_non_null(strstr(target.last, "{\"m2m:sgn\":{\"sur\":\"/id-in/"));
    put(n, "in/one/a");
    put(n, "in/one/b");
    assert_int_equal(target.seen, 1); /* once a window */
    wait_ms(&net, 11000);
    put(n, "in/one/b");
    put(n, "in/one/a");
    assert_int_equal(target.seen, 2);
}

static void only_one_is_not_enough(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, cross(n, "\"twt\":2,\"tws\":\"PT10S\"," BOTH));
    target.seen = 0;
    put(n, "in/one/a");
    wait_ms(&net, 11000);
    put(n, "in/one/b"); /* another window */
    wait_ms(&net, 11000);
    assert_int_equal(target.seen, 0);
    put(n, "in/one/b");
    wait_ms(&net, 9000);
    put(n, "in/one/a");
    assert_int_equal(target.seen, 1);
}

static void the_order_of_rrat(void **state)
{
    (void)state;
    struct node *n = lab();
    char first[300], second[300], box[2][300];
    IS(2000, RETRIEVE(n, "in/one/b", "Cone"));
    copy_text(box[0], 300, span_str(value("ri")));
    IS(2000, RETRIEVE(n, "in/one/a", "Cone"));
    copy_text(box[1], 300, span_str(value("ri")));
    IS(2001, cross(n, "\"twt\":1,\"tws\":\"PT10S\",\"rrat\":[\"in/one/b\",\"in/one/a\"],"
                      "\"encs\":{\"encn\":[{\"net\":[3]},{\"net\":[4]}]}"));
    const char *at = strstr(last->pc, "\"rrats\":[\"");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"rrats\":[\"%299[^\"]\",\"%299[^\"]\"", first, second), 2);
    IS(2000, RETRIEVE(n, first, "Cone"));
    assert_string_equal(value("pi"), box[0]);
    HOLDS("\"net\":[3]");
    HOLDS("\"acrs\":[\"/id-in/");
    IS(2000, RETRIEVE(n, second, "Cone"));
    assert_string_equal(value("pi"), box[1]);
    HOLDS("\"net\":[4]");
    IS(2002, DELETE(n, "in/one/x", "Cone"));
    IS(4004, RETRIEVE(n, first, "Cone"));
    IS(4004, RETRIEVE(n, second, "Cone"));
    assert_int_equal(subs_of(n, "in/one/a"), 0);
}

static void a_failure_leaves_nothing(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(5221, cross(n, "\"twt\":1,\"tws\":\"PT10S\",\"rrat\":[\"in/one/a\",\"in/nowhere\"]," ENC));
    HOLDS("rrat");
    assert_int_equal(subs_of(n, "in/one/a"), 0);
    IS(4004, RETRIEVE(n, "in/one/x", "Cone"));
    IS(5221, cross(n, "\"twt\":1,\"tws\":\"PT10S\",\"srat\":[\"in/one/none\"]"));
    IS(4004, RETRIEVE(n, "in/one/x", "Cone"));
}

static void joins_subscriptions_that_are_there(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in/one/a", "Cone", 23,
                    "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"http://t/own\"],\"enc\":{\"net\":[3]}}}"));
    IS(2001, cross(n, "\"twt\":2,\"tws\":\"PT10S\",\"srat\":[\"in/one/a/s\"],\"rrat\":[\"in/one/b\"]," ENC));
    IS(2000, RETRIEVE(n, "in/one/a/s", "Cone"));
    HOLDS("\"nu\":[\"http://t/own\",\"/id-in/");
    HOLDS("\"acrs\":[\"/id-in/");
    target.seen = 0;
    put(n, "in/one/a");
    assert_int_equal(target.seen, 1); /* its own */
    put(n, "in/one/b");
    assert_int_equal(target.seen, 2);
    IS(5221, CREATE(n, "in/one", "Cone", TY_CRS,
                    "{\"m2m:crs\":{\"rn\":\"y\",\"nu\":[\"http://t/n\"],\"twt\":1,\"tws\":\"PT1S\","
                    "\"srat\":[\"in/one/a/s\",\"in/one/a/gone\"]}}"));
    IS(2002, DELETE(n, "in/one/x", "Cone"));
    IS(2000, RETRIEVE(n, "in/one/a/s", "Cone"));
    HOLDS("\"nu\":[\"http://t/own\"]");
    LACKS("acrs");
}

static void modes_are_judged_at_the_end(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, cross(n, "\"twt\":1,\"tws\":\"PT10S\",\"eem\":5,\"exc\":1,\"su\":\"http://t/end\"," BOTH));
    target.seen = 0;
    wait_ms(&net, 11000);
    assert_int_equal(target.seen, 0); /* all missing is not some missing */
    put(n, "in/one/a");
    assert_int_equal(target.seen, 0);
    wait_ms(&net, 10000);
    assert_int_equal(target.seen, 2); /* the notification, and the end: exc was 1 */
    assert_non_null(strstr(target.last, "\"sud\":true"));
    IS(4004, RETRIEVE(n, "in/one/x", "Cone"));
    assert_int_equal(subs_of(n, "in/one/b"), 0);
}

#define T(name) cmocka_unit_test_teardown(name, down)

/* Whoever knows the identifiers can forge a notification; the sender must be the CSE that hosts the subscription. */
static void nobody_else_speaks_for_a_subscription(void **state)
{
    static const char *const from[] = {"Cone", "CAdmin", "/id-far"};
    (void)state;
    struct node *n = lab();
    char sub[64], event[200];
    IS(2001, cross(n, "\"twt\":1,\"tws\":\"PT10S\",\"rrat\":[\"in/one/a\",\"/id-in/in/one/b\"]," ENC));
    const char *at = strstr(last->pc, "\"rrats\":[\"");
    snprintf(sub, sizeof sub, "%.*s", (int)strcspn(at + 10, "\""), at + 10);
    for (size_t i = 0; i < LEN(from); i++) {
        snprintf(event, sizeof event, "{\"m2m:sgn\":{\"sud\":true,\"sur\":\"%s\"}}", sub);
        IS(4103, NOTIFY(n, "in/one/x", from[i], event));
        snprintf(event, sizeof event, "{\"m2m:sgn\":{\"nev\":{\"net\":3,\"rep\":{}},\"sur\":\"%s\"}}", sub);
        IS(4103, NOTIFY(n, "in/one/x", from[i], event));
    }
    IS(2000, RETRIEVE(n, "in/one/x", "Cone"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rules),
        T(both_inside_the_window),
        T(only_one_is_not_enough),
        T(the_order_of_rrat),
        T(a_failure_leaves_nothing),
        T(joins_subscriptions_that_are_there),
        T(modes_are_judged_at_the_end),
        T(nobody_else_speaks_for_a_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
