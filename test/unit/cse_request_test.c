/* src/cse: response types, request resources, times of requests (TS-0004 7.3.2.2, 7.4.12). */
#include "cse_node.h"

static struct outside target;
static struct node *in;

static const char ae_one[] =
    "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://t/ae\"]}}";
static const char ae_two[] = "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}";

static int up(void **state)
{
    (void)state;
    in = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    target = (struct outside){.url = "http://t/", .rsc = 2000};
    net.outside[0] = &target;
    net.nout = 1;
    IS(2001, CREATE(in, "in", "Cone", 2, ae_one));
    IS(2001, CREATE(in, "in", "Ctwo", 2, ae_two));
    IS(2001, CREATE(in, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    return 0;
}

static unsigned asks(enum op op, const char *to, const char *fr, unsigned ty, const char *body, const struct more *m)
{
    return call(in, op, to, fr, ty, body, m);
}
#define MORE_OF(...) ((const struct more[]){__VA_ARGS__, {NULL, NULL}})

/* The acknowledgement's address, CSE-relative. */
static void uri_of(char out[300])
{
    snprintf(out, 300, "%s", value("m2m:uri"));
    assert_true(out[0]);
}

static const char *at_ms(int64_t ms)
{
    static char text[4][40];
    static unsigned turn;
    char *to = text[turn++ % 4];
    struct buf b = buf_over(to, 39);
    m2mtime_put_us(&b, net.now + ms);
    buf_nul(&b);
    return to;
}

static void synchronous(void **state)
{
    (void)state;
    char uri[300];
    struct ask *k = start(in, OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "1"}));
    settle(&net);
    assert_int_equal(k->rsc, 1001);
    ask_free(last);
    last = k;
    uri_of(uri);
    IS(2000, RETRIEVE(in, uri, "Cone"));
    HOLDS("{\"m2m:req\":{\"rn\":\"req-");
    HOLDS("\"op\":2,\"tg\":\"in/one/c\",\"org\":\"Cone\",\"rid\":\"r");
    HOLDS("\"lbl\":[\"Cone\"]");
    HOLDS("\"rs\":1");
    HOLDS("\"ors\":{\"rsc\":2000,\"rqi\":\"r");
    HOLDS("\"pc\":{\"m2m:cnt\":{\"rn\":\"c\"");
    HOLDS("\"mi\":{");
    HOLDS("\"rt\":{\"rtv\":1}");
    IS(4103, RETRIEVE(in, uri, "Ctwo"));
    IS(4103, DELETE(in, uri, "Ctwo"));
    IS(4000, asks(OP_RETRIEVE, uri, "Cone", 0, NULL, MORE_OF({"rt", "1"})));
    IS(4000, asks(OP_DELETE, uri, "Cone", 0, NULL, MORE_OF({"rt", "2"})));
    IS(2000, asks(OP_RETRIEVE, uri, "Cone", 0, NULL, MORE_OF({"rt", "4"}))); /* counts as blocking */
    IS(4005, UPDATE(in, uri, "Cone", "{\"m2m:req\":{\"lbl\":[\"x\"]}}"));
    IS(4103, CREATE(in, uri, "Cone", 23, "{\"m2m:sub\":{\"nu\":[\"http://t/n\"]}}"));
    IS(2002, DELETE(in, uri, "Cone"));
    IS(4004, RETRIEVE(in, uri, "Cone"));
    IS(4005, CREATE(in, "in", "Cone", 17, "{\"m2m:req\":{}}"));
}

/* Between the acknowledgement and the work. */
static void pending_at_first(void **state)
{
    (void)state;
    char uri[300];
    IS(1001, asks(OP_CREATE, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"later\"}}",
                  MORE_OF({"rt", "1"}, {"oet", at_ms(3000)})));
    uri_of(uri);
    IS(2000, RETRIEVE(in, uri, "Cone"));
    HOLDS("\"rs\":3");
    HOLDS("\"ors\":{\"rsc\":1000,\"rqi\":\"r");
    HOLDS("\"pc\":{\"m2m:cin\":{\"con\":\"later\"}}");
    wait_ms(&net, 2900);
    IS(4004, RETRIEVE(in, "in/one/c/la", "Cone"));
    wait_ms(&net, 200);
    IS(2000, RETRIEVE(in, "in/one/c/la", "Cone"));
    HOLDS("\"con\":\"later\"");
    IS(2000, RETRIEVE(in, uri, "Cone"));
    HOLDS("\"rs\":1");
    HOLDS("\"rsc\":2001");
}

static void recalled(void **state)
{
    (void)state;
    char uri[300];
    IS(1001, asks(OP_CREATE, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"never\"}}",
                  MORE_OF({"rt", "1"}, {"oet", "3000"})));
    uri_of(uri);
    IS(2002, DELETE(in, uri, "Cone"));
    wait_ms(&net, 6000);
    IS(4004, RETRIEVE(in, "in/one/c/la", "Cone"));
}

static void failed_operation(void **state)
{
    (void)state;
    char uri[300];
    IS(1001, asks(OP_RETRIEVE, "in/nowhere", "Cone", 0, NULL, MORE_OF({"rt", "1"})));
    uri_of(uri);
    IS(2000, RETRIEVE(in, uri, "Cone"));
    HOLDS("\"rs\":2");
    HOLDS("\"rsc\":4004");
    HOLDS("\"m2m:dbg\"");
    IS(1001, asks(OP_RETRIEVE, "in/one/c", "Ctwo", 0, NULL, MORE_OF({"rt", "1"})));
    uri_of(uri);
    IS(2000, RETRIEVE(in, uri, "Ctwo"));
    HOLDS("\"rsc\":4103");
}

static bool told(const char *piece)
{
    if (strstr(target.last, piece))
        return true;
    print_error("not told: %s\n  %s\n", piece, target.last);
    return false;
}

static void asynchronous(void **state)
{
    (void)state;
    char uri[300];
    IS(1002, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "2"})));
    uri_of(uri);
    assert_int_equal(target.seen, 1); /* the originator's point of access */
    assert_true(told("{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"r"));
    assert_true(told("\"pc\":{\"m2m:cnt\":{"));
    assert_string_equal(target.fr, "/id-in");
    IS(1002, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "2"}, {"rtu", "http://t/1&http://t/2"})));
    assert_int_equal(target.seen, 3);
    IS(1002, asks(OP_RETRIEVE, "in/nowhere", "Cone", 0, NULL, MORE_OF({"rt", "2"}, {"rtu", "http://t/1"})));
    assert_int_equal(target.seen, 4);
    assert_true(told("\"rsc\":4004"));
    IS(1002, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "2"}, {"rtu", ""})));
    uri_of(uri);
    assert_int_equal(target.seen, 4);
    IS(2000, RETRIEVE(in, uri, "Cone"));
    HOLDS("\"rs\":1");
    HOLDS("\"rt\":{\"rtv\":2,\"nu\":[]}");
    IS(4000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "1"}, {"rtu", "http://t/1"})));
}

/* A target that is down gets the result when it is up again, as long as the result is kept. */
static void result_is_kept_for_its_target(void **state)
{
    (void)state;
    target.rsc = 0;
    IS(1002, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "2"}, {"rp", "10000"})));
    assert_int_equal(target.seen, 1);
    target.rsc = 2000;
    wait_ms(&net, 3000);
    assert_int_equal(target.seen, 2);
    target.rsc = 0;
    IS(1002, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "2"}, {"rp", "10000"})));
    wait_ms(&net, 12000);
    target.rsc = 2000;
    target.seen = 0;
    wait_ms(&net, 60000);
    assert_int_equal(target.seen, 0);
}

static void flexible_and_others(void **state)
{
    (void)state;
    IS(2000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "4"})));
    IS(1001, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "4"}, {"oet", "1000"})));
    IS(1002,
       asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "4"}, {"oet", "1000"}, {"rtu", "http://t/1"})));
    wait_ms(&net, 1500);
    assert_int_equal(target.seen, 1);
    IS(2000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "3"})));
    IS(4000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "6"})));
    IS(4000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "x"})));
    IS(5001, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "5"})));
}

static void life_of_a_result(void **state)
{
    (void)state;
    char uri[300];
    IS(1001, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "1"}, {"rp", "4000"})));
    uri_of(uri);
    wait_ms(&net, 3900);
    IS(2000, RETRIEVE(in, uri, "Cone"));
    wait_ms(&net, 1100);
    IS(4004, RETRIEVE(in, uri, "Cone"));
    IS(4000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "1"}, {"rp", "-1000"})));
    IS(4000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "1"}, {"rp", "99990101T000000"})));
    IS(4000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "1"}, {"rp", "1000"}, {"oet", "2000"})));
}

static void no_request_resources(void **state)
{
    (void)state;
    struct cse_conf *conf = &in->conf;
    struct node *other;
    (void)conf;
    other = node_up(&net, ROLE_IN, "/id-no", "no", "https://no", NULL, true);
    cse_free(other->cse);
    other->conf.no_requests = true;
    const char *why;
    assert_int_equal(cse_new(&other->conf, &other->w, &other->cse, &why), OK);
    IS(5206, call(other, OP_RETRIEVE, "no", "CAdmin", 0, NULL, MORE_OF({"rt", "1"})));
    IS(5001, call(other, OP_RETRIEVE, "no", "CAdmin", 0, NULL, MORE_OF({"rt", "2"})));
    IS(2000, RETRIEVE(other, "no", "CAdmin"));
    LACKS(",17,");
}

/* A fan-out of which one member says nothing: what is there can be seen, and the whole when its time is over. */
static void a_result_in_parts(void **state)
{
    (void)state;
    char uri[300];
    target.silent = true;
    IS(2001, call(in, OP_CREATE, "in", "/id-far", 16,
                  "{\"m2m:csr\":{\"rn\":\"far\",\"cb\":\"/id-far/far\",\"csi\":\"/id-far\",\"rr\":true,\"srv\":[\"3\"],"
                  "\"poa\":[\"http://t/\"]}}",
                  NULL));
    IS(2001, CREATE(in, "in/one", "Cone", 9,
                    "{\"m2m:grp\":{\"rn\":\"g\",\"mt\":0,\"mnm\":5,\"mid\":[\"in/one/c\",\"/id-far/far/x\"]}}"));
    target.seen = 0;
    IS(1001, asks(OP_RETRIEVE, "in/one/g/fopt", "Cone", 0, NULL, MORE_OF({"rt", "1"})));
    uri_of(uri);
    assert_int_equal(target.seen, 1);
    IS(2000, RETRIEVE(in, uri, "Cone"));
    HOLDS("\"rs\":5");
    HOLDS("\"ors\":{\"rsc\":2000,\"rqi\":\"r");
    HOLDS("{\"m2m:agr\":{\"m2m:rsp\":[{\"rsc\":2000,");
    IS(5220, DELETE(in, uri, "Cone"));
    wait_ms(&net, 30000);
    IS(2000, RETRIEVE(in, uri, "Cone"));
    HOLDS("\"rs\":1");
    IS(2002, DELETE(in, uri, "Cone"));
}

/* A CSE that seals keeps no reading in a request resource, nor does one that it only passes by. */
static struct verdict seals(void *ctx, const struct cse_hook_ask *ask, struct cse_hook_say *say)
{
    (void)ctx;
    (void)ask;
    *say = (struct cse_hook_say){.con = SPAN("\"sealed\""), .cnf = SPAN("application/jose:0:1")};
    return VERDICT_GO;
}

static void readings_are_not_kept(void **state)
{
    (void)state;
    char uri[300];
    cse_set_hook(in->cse, &(struct cse_hook){.before = seals});
    IS(1001, asks(OP_CREATE, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"secret\"}}",
                  MORE_OF({"rt", "1"}, {"oet", "2000"})));
    uri_of(uri);
    IS(2000, RETRIEVE(in, uri, "Cone"));
    LACKS("secret");
    HOLDS("\"rs\":3");
    wait_ms(&net, 3000);
    IS(2000, RETRIEVE(in, uri, "Cone"));
    HOLDS("\"rsc\":2001");
    HOLDS("\"con\":\"sealed\"");
    LACKS("secret");
}

/* What was under way when the CSE went down is not pending for ever. */
static void down_and_up_again(void **state)
{
    (void)state;
    char uri[300];
    const char *why;
    IS(1002,
       asks(OP_CREATE, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}", MORE_OF({"rt", "2"}, {"oet", "60000"})));
    uri_of(uri);
    for (int i = 0; i < 300; i++) /* more than a page of them, with results */
        IS(1001, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rt", "1"})));
    cse_free(in->cse);
    assert_int_equal(cse_new(&in->conf, &in->w, &in->cse, &why), OK);
    cse_tick(in->cse);
    settle(&net);
    IS(2000, RETRIEVE(in, uri, "Cone"));
    HOLDS("\"rs\":2");
    HOLDS("\"rsc\":5000");
    assert_true(told("\"rsc\":5000"));
    wait_ms(&net, 70000);
    IS(4004, RETRIEVE(in, "in/one/c/la", "Cone"));
}

/* ---- times of blocking requests ------------------------------------------------------------------------- */

static void executed_at_its_time(void **state)
{
    (void)state;
    struct ask *k =
        start(in, OP_CREATE, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"t\"}}", MORE_OF({"oet", "PT2S"}));
    settle(&net);
    assert_false(k->done);
    wait_ms(&net, 1990);
    assert_false(k->done);
    wait_ms(&net, 20);
    assert_true(k->done);
    assert_int_equal(k->rsc, 2001);
    ask_free(k);
    IS(2001, asks(OP_CREATE, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"p\"}}", MORE_OF({"oet", "-5000"})));
    IS(5001, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"oet", "3600000"})));
    IS(4000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"oet", "3000"}, {"rqet", "2000"})));
    IS(4000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"oet", "soon"})));
}

static void expired(void **state)
{
    (void)state;
    IS(4008, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rqet", "-1"})));
    IS(4008, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rqet", "20200101T000000"})));
    IS(2000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rqet", "5000"})));
    IS(4008, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rset", "-1"})));
    IS(4000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rqet", "5000"}, {"rset", "3000"})));
    IS(4000, asks(OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"rqet", "tomorrow"})));
}

/* The writer was busy until the time was over: nothing is done any more. */
static void too_late_at_the_writer(void **state)
{
    (void)state;
    struct ask *k =
        start(in, OP_CREATE, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"t\"}}", MORE_OF({"rset", "500"}));
    net.now += 600;
    settle(&net);
    assert_true(k->done);
    assert_int_equal(k->rsc, 4008);
    ask_free(k);
    IS(4004, RETRIEVE(in, "in/one/c/la", "Cone"));
}

/* Told to stop: who waits is answered. */
static void stops(void **state)
{
    (void)state;
    struct ask *k = start(in, OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, MORE_OF({"oet", "20000"}));
    settle(&net);
    assert_false(k->done);
    cse_loop_stop(in->cse, 0);
    assert_true(k->done);
    assert_int_equal(k->rsc, 5000);
    ask_free(k);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
int main(void)
{
    const struct CMUnitTest tests[] = {T(synchronous),
                                       T(pending_at_first),
                                       T(recalled),
                                       T(failed_operation),
                                       T(asynchronous),
                                       T(result_is_kept_for_its_target),
                                       T(flexible_and_others),
                                       T(life_of_a_result),
                                       T(no_request_resources),
                                       T(a_result_in_parts),
                                       T(readings_are_not_kept),
                                       T(down_and_up_again),
                                       T(executed_at_its_time),
                                       T(expired),
                                       T(too_late_at_the_writer),
                                       T(stops)};
    return cmocka_run_group_tests_name("cse_request", tests, NULL, NULL);
}
