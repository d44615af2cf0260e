/* src/cse: requests that other CSEs host (TS-0004 7.3.2.6), over several hops, at every kind of next hop. */
#include "cse_node.h"

static struct outside far, second;
static struct node *in, *mn;

static void two(bool lab)
{
    in = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, lab);
    mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", in, lab);
    wait_ms(&net, 3000);
    far = (struct outside){.url = "http://far/", .rsc = 2000, .answer = "{\"m2m:cnt\":{\"rn\":\"x\"}}"};
    second = (struct outside){.url = "http://second/", .rsc = 2000, .answer = "{\"m2m:cnt\":{\"rn\":\"y\"}}"};
    net.outside[0] = &far;
    net.outside[1] = &second;
    net.nout = 2;
    IS(2001,
       CREATE(in, "in", "Cone", 2,
              "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"2a\"],\"poa\":[\"http://far/ae\"]}}"));
}

static int up(void **state)
{
    (void)state;
    two(true);
    return 0;
}

static int up_strict(void **state)
{
    (void)state;
    two(false);
    return 0;
}

static int all_down(void **state)
{
    (void)state;
    if (last)
        ask_free(last);
    last = NULL;
    net_down(&net);
    node_conf = NULL;
    return 0;
}

#define MORE_OF(...) ((const struct more[]){__VA_ARGS__, {NULL, NULL}})

/* A CSE without a real one behind it: /id-far. */
static void far_cse(const char *more)
{
    char body[500];
    snprintf(body, sizeof body,
             "{\"m2m:csr\":{\"rn\":\"far\",\"cb\":\"/id-far/far\",\"csi\":\"/id-far\",\"rr\":true,%s}}", more);
    IS(2001, CREATE(in, "in", "/id-far", 16, body));
}

static void release_1(void **state)
{
    (void)state;
    far_cse("\"poa\":[\"http://far/\"],\"srv\":[\"1\"]");
    IS(2000, call(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL, MORE_OF({"vsi", "v"})));
    assert_string_equal(far.rvi, "");
    assert_string_equal(far.vsi, "");
    assert_string_equal(far.fr, "/id-in/Cone");
    assert_string_equal(far.to, "/id-far/far/x");
    assert_true(span_eq(prim_text(last->x.rsp, PA_rvi), SPAN("3"))); /* ours again */
    IS(2004, UPDATE(in, "in/far", "/id-far", "{\"m2m:csr\":{\"srv\":[\"1\",\"3\"]}}"));
    IS(2000, call(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL, MORE_OF({"vsi", "v"})));
    assert_string_equal(far.rvi, "3");
    assert_string_equal(far.vsi, "v");
}

/* One that takes the request and says nothing leaves time for the next. */
static void addresses_in_their_order(void **state)
{
    (void)state;
    far_cse("\"poa\":[\"http://far/\",\"http://second/\"],\"srv\":[\"3\"]");
    IS(2000, RETRIEVE(in, "/id-far/far/x", "Cone"));
    HOLDS("\"rn\":\"x\"");
    assert_int_equal(second.seen, 0);
    far.rsc = 0;
    IS(2000, RETRIEVE(in, "/id-far/far/x", "Cone"));
    HOLDS("\"rn\":\"y\"");
    far.rsc = 4103; /* an answer is an answer */
    IS(4103, RETRIEVE(in, "/id-far/far/x", "Cone"));
    assert_int_equal(second.seen, 1);
    far.silent = true;
    struct ask *k = start(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL, NULL);
    wait_ms(&net, 4900);
    assert_false(k->done);
    wait_ms(&net, 200);
    assert_true(k->done);
    assert_int_equal(k->rsc, 2000);
    ask_free(k);
    second.rsc = far.rsc = 0;
    far.silent = false;
    IS(5103, RETRIEVE(in, "/id-far/far/x", "Cone"));
}

static void times(void **state)
{
    (void)state;
    far_cse("\"poa\":[\"http://far/\"],\"srv\":[\"3\"]");
    IS(4008, call(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL, MORE_OF({"rqet", "-1"})));
    IS(4008, call(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL, MORE_OF({"rset", "-1"})));
    IS(4008, call(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL, MORE_OF({"oet", "-1"})));
    assert_int_equal(far.seen, 0);
    IS(2000, call(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL, MORE_OF({"oet", "1000"}))); /* the host waits */
    far.silent = true;
    struct ask *k = start(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL, MORE_OF({"rqet", "2000"}));
    struct ask *l = start(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL, MORE_OF({"oet", "5000"}));
    struct ask *m = start(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL, NULL);
    wait_ms(&net, 2000);
    assert_int_equal(k->rsc, 4008);
    wait_ms(&net, 8500);
    assert_int_equal(m->rsc, 5103);
    assert_false(l->done); /* it is given the time that the operation waits */
    wait_ms(&net, 5000);
    assert_int_equal(l->rsc, 5103);
    ask_free(k);
    ask_free(l);
    ask_free(m);
}

/* Switch 9: unique towards others, its own towards the AE. */
static void request_identifier(void **state)
{
    (void)state;
    struct ask *k = start(in, OP_RETRIEVE, "/id-mn/mn", "Cone", 0, NULL, MORE_OF({"rqi", "001"}));
    assert_non_null(net.first);
    assert_true(span_eq(prim_text(net.first->s->req, PA_rqi), SPAN("Cone/001")));
    settle(&net);
    assert_true(k->done);
    assert_true(span_eq(prim_text(k->x.rsp, PA_rqi), SPAN("001")));
    ask_free(k);
}

/* Another service provider: only IN-CSEs speak to one another, From becomes absolute there. */
static void other_provider(struct cse_conf *conf)
{
    static const struct cse_peer peer[] = {{{(const uint8_t *)"//other.example", 15},
                                            {(const uint8_t *)"/id-o", 5},
                                            {(const uint8_t *)"http://far/", 11}}};
    if (conf->role == ROLE_IN) {
        conf->peers = peer;
        conf->npeers = 1;
    }
}

static int up_peers(void **state)
{
    node_conf = other_provider;
    return up(state);
}

static void over_mcc_prime(void **state)
{
    (void)state;
    IS(2000, RETRIEVE(in, "//other.example/id-o/o/x", "Cone"));
    assert_string_equal(far.fr, "//demo.example/id-in/Cone");
    assert_string_equal(far.to, "//other.example/id-o/o/x");
    assert_string_equal(far.peer, "//other.example/id-o");
    IS(2001, CREATE(mn, "mn", "Ctwo", 2, "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"));
    IS(2000, RETRIEVE(mn, "//other.example/id-any/o/x", "Ctwo")); /* its IN-CSE knows the way */
    assert_string_equal(far.fr, "//demo.example/id-mn/Ctwo");
    IS(4004, RETRIEVE(in, "//third.example/id-o/o/x", "Cone"));
    IS(4004, RETRIEVE(mn, "//third.example/id-o/o/x", "Ctwo"));
}

/* ---- behind an acknowledgement ---------------------------------------------------------------------------- */

static void acknowledged_by_the_next(void **state)
{
    (void)state;
    char uri[300], text[300];
    far_cse("\"poa\":[\"http://far/\"],\"srv\":[\"3\"]");
    far.rsc = 1001;
    far.answer = "{\"m2m:uri\":\"/id-far/r1\"}";
    IS(1002, call(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL,
                  MORE_OF({"rt", "2"}, {"rtu", "http://second/"}, {"rqi", "mine"})));
    snprintf(uri, sizeof uri, "%s", value("m2m:uri"));
    IS(2000, RETRIEVE(in, uri, "Cone"));
    HOLDS("\"rs\":4");
    HOLDS("\"ors\":{\"rsc\":1001,\"rqi\":\"mine\"");
    IS(5220, DELETE(in, uri, "Cone"));
    assert_int_equal(second.seen, 0);
    snprintf(text, sizeof text, "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"%s\",\"pc\":{\"m2m:cnt\":{\"rn\":\"z\"}}}}",
             far.rqi);
    IS(4000, NOTIFY(in, "in", "/id-mn", text)); /* that one was not asked */
    IS(4000, NOTIFY(in, "in", "/id-far", "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"other\"}}"));
    IS(4000, NOTIFY(in, "in", "/id-far", "{\"m2m:rsp\":{\"rqi\":\"mine\"}}"));
    IS(2000, NOTIFY(in, "in", "/id-far", text));
    IS(4000, NOTIFY(in, "in", "/id-far", text));
    IS(2000, RETRIEVE(in, uri, "Cone"));
    HOLDS("\"rs\":1");
    HOLDS("\"pc\":{\"m2m:cnt\":{\"rn\":\"z\"}}");
    assert_int_equal(second.seen, 1);
    assert_non_null(strstr(second.last, "\"rn\":\"z\""));
    IS(2002, DELETE(in, uri, "Cone"));
}

static void over_two_hops(void **state)
{
    (void)state;
    char uri[300];
    IS(2001,
       CREATE(mn, "mn", "Ctwo", 2,
              "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://second/\"]}}"));
    IS(2001, CREATE(in, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    IS(1001, call(mn, OP_RETRIEVE, "/id-in/in/one/c", "Ctwo", 0, NULL, MORE_OF({"rt", "1"})));
    snprintf(uri, sizeof uri, "%s", value("m2m:uri"));
    assert_true(strncmp(uri, "mn/req-", 7) == 0);
    IS(2000, RETRIEVE(mn, uri, "Ctwo"));
    HOLDS("\"rs\":2"); /* it may not read that */
    HOLDS("\"rsc\":4103");
    /* asked from afar: the result travels to the originator, wherever it is */
    IS(1002, call(in, OP_RETRIEVE, "in/one/c", "/id-mn/Ctwo", 0, NULL, MORE_OF({"rt", "2"})));
    assert_true(strncmp(value("m2m:uri"), "/id-in/", 7) == 0);
    assert_int_equal(second.seen, 1);
    assert_non_null(strstr(second.last, "{\"m2m:rsp\":{\"rsc\":4103"));
    /* what another CSE passes on is not acknowledged a second time by choice */
    IS(1001, call(mn, OP_RETRIEVE, "/id-in/in", "Ctwo", 0, NULL, MORE_OF({"rt", "4"})));
}

/* The highest release that the AE serves, whatever the sender used (procedures 3). */
static void to_an_ae(void **state)
{
    (void)state;
    IS(2000, NOTIFY(in, "in/one", "Cone", "{\"m2m:sgn\":{\"sur\":\"x\"}}"));
    assert_string_equal(far.rvi, "2a");
    IS(2004, UPDATE(in, "in/one", "Cone", "{\"m2m:ae\":{\"srv\":[\"1\"]}}"));
    IS(2000, NOTIFY(in, "in/one", "Cone", "{\"m2m:sgn\":{\"sur\":\"x\"}}"));
    assert_string_equal(far.rvi, "");
}

#define T(f)       cmocka_unit_test_setup_teardown(f, up, all_down)
#define TS(f, set) cmocka_unit_test_setup_teardown(f, set, all_down)
int main(void)
{
    const struct CMUnitTest tests[] = {T(release_1),
                                       T(addresses_in_their_order),
                                       T(times),
                                       TS(request_identifier, up_strict),
                                       TS(over_mcc_prime, up_peers),
                                       T(acknowledged_by_the_next),
                                       T(over_two_hops),
                                       T(to_an_ae)};
    return cmocka_run_group_tests_name("cse_forward", tests, NULL, NULL);
}
