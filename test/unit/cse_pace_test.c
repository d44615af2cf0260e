/* src/cse: when notifications leave. Batches, latest only, rate limits, pending notifications, schedules. */
#include "cse/pace.h"
#include "cse_node.h"

static struct outside target, second;
static struct node *n;

/* AE `one` is the originator and, at http://t/ae, a target; `two` lives at http://u/ae. */
static void up(bool lab)
{
    n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, lab);
    target = (struct outside){.url = "http://t/", .rsc = 2000};
    second = (struct outside){.url = "http://u/", .rsc = 2000};
    net.outside[0] = &target;
    net.outside[1] = &second;
    net.nout = 2;
    IS(2001,
       CREATE(n, "in", "Cone", 2,
              "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://t/ae\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
}

/* A subscription to new instances with further members; the container's targets have seen nothing afterwards. */
static void subscribe(const char *nu, const char *more)
{
    char body[600];
    snprintf(body, sizeof body, "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"%s\"],\"enc\":{\"net\":[3]}%s}}", nu, more);
    IS(2001, CREATE(n, "in/one/c", "Cone", 23, body));
    target.seen = second.seen = 0;
    target.all[0] = second.all[0] = target.ec[0] = 0;
}

static void event(const char *con)
{
    char body[100];
    snprintf(body, sizeof body, "{\"m2m:cin\":{\"con\":\"%s\"}}", con);
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, body));
}

static void events(const char *cons)
{
    for (char con[2] = {0}; *cons; cons++) {
        con[0] = *cons;
        event(con);
    }
}

/* The contents that were told, in order: "abc". */
static const char *told(const struct outside *o)
{
    static char out[64];
    size_t k = 0;
    for (const char *at = o->all; (at = strstr(at, "\"con\":\"")); at++)
        if (k < sizeof out - 1)
            out[k++] = at[7];
    out[k] = 0;
    return out;
}

static void batches(void **state)
{
    (void)state;
    up(true);
    subscribe("http://t/n", ",\"bn\":{\"num\":3}");
    HOLDS("\"bn\":{\"num\":3,\"dur\":60}"); /* switch 30 */
    events("ab");
    assert_int_equal(target.seen, 0);
    event("c");
    assert_int_equal(target.seen, 1);
    assert_string_equal(told(&target), "abc");
    assert_non_null(strstr(target.last, "{\"m2m:agn\":{\"m2m:sgn\":[{\"nev\":{\"rep\":"));
    events("d");
    wait_ms(&net, 59000);
    assert_int_equal(target.seen, 1);
    wait_ms(&net, 2000); /* the default duration, from the first event on */
    assert_int_equal(target.seen, 2);
    assert_string_equal(told(&target), "abcd");
    assert_non_null(strstr(target.last, "{\"m2m:agn\":{\"m2m:sgn\":[{"));
    /* a change holds for the next event: plain from now on */
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"bn\":null}}"));
    event("e");
    assert_int_equal(target.seen, 3);
    assert_null(strstr(target.last, "m2m:agn"));
    /* switch 17: what is collected is sent before the subscription goes */
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"bn\":{\"dur\":\"PT5S\"}}}"));
    HOLDS("\"bn\":{\"dur\":\"PT5S\"}");
    events("fg");
    IS(2002, DELETE(n, "in/one/c/s", "Cone"));
    assert_int_equal(target.seen, 4);
    assert_string_equal(told(&target), "abcdefg");
    wait_ms(&net, 10000);
    assert_int_equal(target.seen, 4);
}

static void batches_by_the_text(void **state)
{
    (void)state;
    up(false);
    subscribe("http://t/n", ",\"bn\":{}");
    HOLDS("\"bn\":{\"dur\":\"PT60S\"}");
    events("ab");
    IS(2002, DELETE(n, "in/one/c/s", "Cone"));
    wait_ms(&net, 61000);
    assert_int_equal(target.seen, 0); /* dropped */
    subscribe("http://t/n", ",\"bn\":{\"num\":3}");
    events("ab");
    IS(2002, DELETE(n, "in/one/c", "Cone"));
    assert_string_equal(told(&target), "ab"); /* what happened before the parent went is told */
}

static void the_latest_of_a_batch(void **state)
{
    (void)state;
    up(true);
    subscribe("http://t/n", ",\"ln\":true,\"bn\":{\"num\":3}");
    events("abc");
    assert_int_equal(target.seen, 1);
    assert_string_equal(told(&target), "c");
    assert_string_equal(target.ec, "4");
    assert_non_null(strstr(target.last, "m2m:agn"));
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"bn\":null}}"));
    event("d");
    assert_string_equal(target.ec, "4"); /* without a batch a plain notification */
    assert_null(strstr(target.last, "m2m:agn"));
}

static void rate_limits(void **state)
{
    (void)state;
    up(true);
    subscribe("http://t/n", ",\"rl\":{\"mnn\":2,\"tww\":\"PT10S\"}");
    events("abcde");
    assert_string_equal(told(&target), "ab");
    wait_ms(&net, 9000);
    assert_string_equal(told(&target), "ab");
    wait_ms(&net, 2000);
    assert_string_equal(told(&target), "abcd");
    wait_ms(&net, 10000);
    assert_string_equal(told(&target), "abcde");
    wait_ms(&net, 30000);
    IS(2002, DELETE(n, "in/one/c/s", "Cone"));
    /* with ln the last one of those that waited, with bn whole batches count */
    subscribe("http://t/n", ",\"ln\":true,\"rl\":{\"mnn\":1,\"tww\":\"PT10S\"}");
    events("abcd");
    wait_ms(&net, 11000);
    assert_string_equal(told(&target), "ad");
    wait_ms(&net, 30000);
    IS(2002, DELETE(n, "in/one/c/s", "Cone"));
    subscribe("http://t/n", ",\"bn\":{\"num\":2},\"rl\":{\"mnn\":1,\"tww\":\"PT10S\"}");
    events("abcdef");
    assert_string_equal(told(&target), "ab");
    wait_ms(&net, 11000);
    assert_string_equal(told(&target), "abcd");
    wait_ms(&net, 11000);
    assert_string_equal(told(&target), "abcdef");
    assert_int_equal(target.seen, 3);
}

static void reachable(bool yes)
{
    IS(2004, UPDATE(n, "in/one", "Cone", yes ? "{\"m2m:ae\":{\"rr\":true}}" : "{\"m2m:ae\":{\"rr\":false}}"));
}

static void pending(void **state)
{
    (void)state;
    static const char *const forms[] = {"Cone",        "in/one",        "-/one",
                                        "/id-in/Cone", "/id-in/in/one", "//demo.example/id-in/Cone"};
    up(true);
    for (size_t i = 0; i < LEN(forms); i++) { /* all: in order, at once when it comes back */
        subscribe(forms[i], ",\"pn\":2");
        reachable(false);
        events("abc");
        assert_int_equal(target.seen, 0);
        reachable(true);
        assert_string_equal(told(&target), "abc");
        assert_string_equal(target.ec, "");
        IS(2002, DELETE(n, "in/one/c/s", "Cone"));
    }
    subscribe("Cone", ",\"pn\":1"); /* the newest */
    reachable(false);
    events("abc");
    wait_ms(&net, 200000);
    reachable(true);
    assert_string_equal(told(&target), "c");
    assert_string_equal(target.ec, "4");
    event("d");
    assert_string_equal(target.ec, ""); /* this one never waited */
    /* a change from all to the newest, and to none */
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"pn\":2}}"));
    reachable(false);
    events("efg");
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"pn\":1}}"));
    reachable(true);
    assert_string_equal(told(&target), "cdg");
    reachable(false);
    events("hi");
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"pn\":null}}"));
    reachable(true);
    assert_string_equal(told(&target), "cdg");
    reachable(false); /* none: discarded */
    events("jk");
    wait_ms(&net, 5000);
    reachable(true);
    wait_ms(&net, 100000);
    assert_string_equal(told(&target), "cdg");
    event("l");
    assert_string_equal(told(&target), "cdgl");
}

static void a_broken_line(void **state)
{
    (void)state;
    up(false);
    subscribe("http://t/n", ""); /* tried again: a line that breaks is no schedule */
    target.rsc = 0;
    events("ab");
    wait_ms(&net, 3000);
    target.rsc = 2000;
    target.all[0] = 0;
    wait_ms(&net, 20000);
    assert_string_equal(told(&target), "ab");
    IS(2002, DELETE(n, "in/one/c/s", "Cone"));
    subscribe("http://t/n", ",\"pn\":1");
    target.rsc = 0;
    events("abc");
    wait_ms(&net, 3000);
    target.rsc = 2000;
    target.all[0] = 0;
    wait_ms(&net, 20000);
    assert_string_equal(told(&target), "c");
    assert_string_equal(target.ec, "4");
    IS(2002, DELETE(n, "in/one/c/s", "Cone"));
    /* seven days, then not any more */
    subscribe("http://t/n", "");
    target.rsc = 0;
    event("a");
    net.now += 7 * INT64_C(86400000);
    wait_ms(&net, 2000);
    target.rsc = 2000;
    target.all[0] = 0;
    wait_ms(&net, 700000);
    assert_string_equal(told(&target), "");
}

/* T0 is 2026-09-21 14:13:20 UTC. */
static void schedules(void **state)
{
    (void)state;
    up(true);
    subscribe("http://t/n", ",\"pn\":2");
    IS(2001,
       CREATE(n, "in/one/c/s", "Cone", 18, "{\"m2m:sch\":{\"rn\":\"w\",\"se\":{\"sce\":[\"* 0-10 15 * * * *\"]}}}"));
    events("ab");
    assert_int_equal(target.seen, 0);
    wait_ms(&net, 46 * 60000); /* 14:59:20 */
    assert_int_equal(target.seen, 0);
    wait_ms(&net, 60000);
    assert_string_equal(told(&target), "ab");
    event("c");
    assert_string_equal(told(&target), "abc");
    wait_ms(&net, 15 * 60000);
    event("d");
    assert_string_equal(told(&target), "abc");
    IS(2004, UPDATE(n, "in/one/c/s/w", "Cone", "{\"m2m:sch\":{\"se\":{\"sce\":[\"* * * * * * *\"]}}}"));
    assert_string_equal(told(&target), "abcd");
    IS(2004, UPDATE(n, "in/one/c/s/w", "Cone", "{\"m2m:sch\":{\"se\":{\"sce\":[\"* * 3 * * * *\"]}}}"));
    event("e");
    /* an immediate one passes, once what waits before it is through */
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"pn\":null,\"nec\":2}}"));
    event("f");
    assert_string_equal(told(&target), "abcdf");
    assert_string_equal(target.ec, "2");
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"nec\":null}}"));
    event("g");
    wait_ms(&net, 24 * 3600000);
    assert_string_equal(told(&target), "abcdf"); /* without pn: discarded */
    IS(2002, DELETE(n, "in/one/c/s/w", "Cone"));
    event("h");
    assert_string_equal(told(&target), "abcdfh");
}

static void receivers_schedule(void **state)
{
    (void)state;
    up(true);
    IS(2001, CREATE(n, "in", "CAdmin", 14, "{\"m2m:nod\":{\"rn\":\"dev\",\"ni\":\"n1\"}}"));
    IS(2001, CREATE(n, "in/dev", "CAdmin", 18, "{\"m2m:sch\":{\"rn\":\"w\",\"se\":{\"sce\":[\"* * 15 * * * *\"]}}}"));
    IS(2004, UPDATE(n, "in/one", "CAdmin", "{\"m2m:ae\":{\"nl\":\"in/dev\"}}"));
    subscribe("Cone", ",\"pn\":1");
    events("ab");
    assert_int_equal(target.seen, 0);
    wait_ms(&net, 48 * 60000);
    assert_string_equal(told(&target), "b");
}

static void a_full_lane(void **state)
{
    (void)state;
    int64_t left = 9, sub = 0;
    struct store_tx *t;
    up(false);
    subscribe("http://t/n", "");
    assert_true(name_rid(span_str(value("ri")), &sub));
    target.rsc = 0;
    event("a");
    assert_int_equal(store_write(n->store, &t), OK);
    for (int i = 0; i < LANE_MAX - 2; i++) {
        struct letter l = {.sub = sub,
                           .tgt = pace_lane(SPAN("http://t/n")),
                           .due = net.now,
                           .to = SPAN("http://t/n"),
                           .body = SPAN("{\"m2m:sgn\":{\"sur\":\"x\"}}"),
                           .meta = SPAN("{}")};
        assert_int_equal(store_letter_put(t, &l), OK);
    }
    assert_int_equal(store_commit(t), OK);
    pace_undone(n->cse); /* behind its back */
    events("bcd");       /* the first of them has room */
    assert_int_equal(store_read(n->store, 0, &t), OK);
    assert_int_equal(store_letters_count(t, 0, &left), OK);
    store_end(t);
    assert_int_equal(left, LANE_MAX);
    target.rsc = 2000;
    target.all[0] = 0;
    target.seen = 0;
    wait_ms(&net, 3000);
    assert_int_equal(target.seen, LANE_MAX);
    assert_non_null(strstr(target.last, "\"con\":\"d\""));
    assert_null(strstr(target.all, "\"con\":\"a\"")); /* the oldest went */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(batches, down),
        cmocka_unit_test_teardown(batches_by_the_text, down),
        cmocka_unit_test_teardown(the_latest_of_a_batch, down),
        cmocka_unit_test_teardown(rate_limits, down),
        cmocka_unit_test_teardown(pending, down),
        cmocka_unit_test_teardown(a_broken_line, down),
        cmocka_unit_test_teardown(schedules, down),
        cmocka_unit_test_teardown(receivers_schedule, down),
        cmocka_unit_test_teardown(a_full_lane, down),
    };
    return cmocka_run_group_tests_name("cse_pace", tests, NULL, NULL);
}
