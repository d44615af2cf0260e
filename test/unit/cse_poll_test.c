/* src/cse: polling channels (TS-0004 7.4.21, 7.4.22). */
#include "cse_node.h"

static struct outside target;
static struct node *in;

static const char ae_one[] = "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}";
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
    IS(2001, CREATE(in, "in/one", "Cone", 15, "{\"m2m:pch\":{\"rn\":\"p\"}}"));
    IS(2001, CREATE(in, "in/two", "Ctwo", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    return 0;
}

#define MORE_OF(...) ((const struct more[]){__VA_ARGS__, {NULL, NULL}})

static void whose_it_is(void **state)
{
    (void)state;
    IS(4103, CREATE(in, "in/one", "Ctwo", 15, "{\"m2m:pch\":{\"rn\":\"q\"}}"));
    IS(4103, RETRIEVE(in, "in/one/p", "Ctwo"));
    IS(4103, UPDATE(in, "in/one/p", "Ctwo", "{\"m2m:pch\":{\"lbl\":[\"x\"]}}"));
    IS(4103, DELETE(in, "in/one/p", "Ctwo"));
    IS(4103, RETRIEVE(in, "in/one/p/pcu", "Ctwo"));
    IS(4103, NOTIFY(in, "in/one/p/pcu", "Ctwo", "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"x\"}}"));
    IS(2000, RETRIEVE(in, "in/one/p", "Cone"));
    IS(2004, UPDATE(in, "in/one/p", "Cone", "{\"m2m:pch\":{\"lbl\":[\"x\"]}}"));
    IS(4105, CREATE(in, "in/one", "Cone", 15, "{\"m2m:pch\":{\"rn\":\"q\"}}"));
    IS(4005, UPDATE(in, "in/one/p/pcu", "Cone", "{\"m2m:pch\":{\"lbl\":[\"x\"]}}"));
    IS(4005, DELETE(in, "in/one/p/pcu", "Cone"));
    IS(4005, CREATE(in, "in/one/p/pcu", "Cone", 3, "{\"m2m:cnt\":{}}"));
    IS(2002, DELETE(in, "in/one/p", "Cone"));
    IS(4004, RETRIEVE(in, "in/one/p/pcu", "Cone"));
}

static struct ask *poll(const char *rqet)
{
    return start(in, OP_RETRIEVE, "in/one/p/pcu", "Cone", 0, NULL, MORE_OF({"rqet", rqet}));
}

static void nothing_comes(void **state)
{
    (void)state;
    struct ask *k = poll("3000");
    settle(&net);
    assert_false(k->done);
    wait_ms(&net, 2990);
    assert_false(k->done);
    wait_ms(&net, 20);
    assert_true(k->done);
    assert_int_equal(k->rsc, 4008);
    ask_free(k);
    k = start(in, OP_RETRIEVE, "in/one/p/pcu", "Cone", 0, NULL, NULL); /* a time of our own */
    wait_ms(&net, 59000);
    assert_false(k->done);
    wait_ms(&net, 2000);
    assert_int_equal(k->rsc, 4008);
    ask_free(k);
}

/* {"m2m:rsp":{"rsc":...,"rqi":"<that of the request fetched last>"}} */
static const char *answer_to(const struct ask *k, unsigned rsc)
{
    static char text[400];
    const char *at = strstr(k->pc, "\"rqi\":\""), *end = at ? strchr(at + 7, '"') : NULL;
    assert_non_null(end);
    snprintf(text, sizeof text, "{\"m2m:rsp\":{\"rsc\":%u,\"rqi\":\"%.*s\",\"rvi\":\"3\"}}", rsc, (int)(end - at - 7),
             at + 7);
    return text;
}

/* A NOTIFY of another AE waits, is fetched, and gets the answer that the owner brings. */
static void blocking_notify(void **state)
{
    (void)state;
    IS(2001, CREATE(in, "in", "CAdmin", 1,
                    "{\"m2m:acp\":{\"rn\":\"acp\",\"pv\":{\"acr\":[{\"acor\":[\"Ctwo\",\"Cone\"],\"acop\":63}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"CAdmin\"],\"acop\":63}]}}}"));
    IS(2004, UPDATE(in, "in/one", "Cone", "{\"m2m:ae\":{\"acpi\":[\"in/acp\"]}}"));
    static const char note[] = "{\"m2m:sgn\":{\"sur\":\"x\",\"nev\":{\"net\":3}}}";
    struct ask *n = start(in, OP_NOTIFY, "in/one", "Ctwo", 0, note, MORE_OF({"rqi", "mine"}));
    settle(&net);
    assert_false(n->done);
    IS(2000, RETRIEVE(in, "in/one/p/pcu", "Cone"));
    HOLDS("{\"m2m:rqp\":{\"op\":5,\"to\":\"in/one\",\"fr\":\"Ctwo\",\"rqi\":\"mine\",\"rvi\":\"3\"");
    HOLDS("\"pc\":{\"m2m:sgn\":{\"sur\":\"x\"");
    const char *text = answer_to(last, 2000);
    IS(4000, NOTIFY(in, "in/one/p/pcu", "Cone", "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"other\"}}"));
    IS(4000, NOTIFY(in, "in/one/p/pcu", "Cone", "{\"m2m:rsp\":{\"rsc\":\"2000\",\"rqi\":\"mine\"}}"));
    IS(4000, NOTIFY(in, "in/one/p/pcu", "Cone", note));
    assert_false(n->done);
    IS(2000, NOTIFY(in, "in/one/p/pcu", "Cone", text));
    assert_true(n->done);
    assert_int_equal(n->rsc, 2000);
    ask_free(n);
    IS(4000, NOTIFY(in, "in/one/p/pcu", "Cone", text)); /* only once */
    /* the poll is there first */
    struct ask *k = poll("20000");
    settle(&net);
    n = start(in, OP_NOTIFY, "in/one", "Ctwo", 0, note, NULL);
    settle(&net);
    assert_true(k->done);
    assert_int_equal(k->rsc, 2000);
    IS(2000, NOTIFY(in, "in/one/p/pcu", "Cone", answer_to(k, 4103)));
    assert_int_equal(n->rsc, 4103);
    ask_free(n);
    ask_free(k);
    /* nobody fetches */
    n = start(in, OP_NOTIFY, "in/one", "Ctwo", 0, note, MORE_OF({"rqet", "2000"}));
    wait_ms(&net, 1900);
    assert_false(n->done);
    wait_ms(&net, 200);
    assert_int_equal(n->rsc, 4008);
    ask_free(n);
    n = start(in, OP_NOTIFY, "in/one", "Ctwo", 0, note, NULL);
    wait_ms(&net, 11000);
    assert_int_equal(n->rsc, 5103);
    ask_free(n);
    n = start(in, OP_NOTIFY, "in/one", "Ctwo", 0, note, MORE_OF({"rqet", "40000"})); /* it has the time */
    wait_ms(&net, 39000);
    assert_false(n->done);
    wait_ms(&net, 2000);
    assert_int_equal(n->rsc, 4008);
    ask_free(n);
}

/* Two senders with the same identifier are told apart, and each sees its own. */
static void same_identifier_twice(void **state)
{
    (void)state;
    static const char note[] = "{\"m2m:sgn\":{\"sur\":\"x\"}}";
    struct ask *one = start(in, OP_NOTIFY, "in/one", "CAdmin", 0, note, MORE_OF({"rqi", "same"}));
    struct ask *two = start(in, OP_NOTIFY, "in/one", "Cone", 0, note, MORE_OF({"rqi", "same"}));
    settle(&net);
    IS(2000, RETRIEVE(in, "in/one/p/pcu", "Cone"));
    char first[400];
    snprintf(first, sizeof first, "%s", answer_to(last, 2000));
    IS(2000, RETRIEVE(in, "in/one/p/pcu", "Cone"));
    char second[400];
    snprintf(second, sizeof second, "%s", answer_to(last, 2000));
    assert_string_not_equal(first, second);
    IS(2000, NOTIFY(in, "in/one/p/pcu", "Cone", second));
    assert_false(one->done);
    assert_true(two->done);
    assert_true(span_eq(prim_text(two->x.rsp, PA_rqi), SPAN("same")));
    IS(2000, NOTIFY(in, "in/one/p/pcu", "Cone", first));
    assert_true(one->done);
    ask_free(one);
    ask_free(two);
}

/* Notices of subscriptions: letters that wait for the poll, in their order, and go on waiting when nobody answers. */
static void notices(void **state)
{
    (void)state;
    struct ask *k = start(in, OP_CREATE, "in/two/c", "Ctwo", 23,
                          "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"/id-in/Cone\"],\"enc\":{\"net\":[3]}}}", NULL);
    (void)k;
    settle(&net);
    if (!k->done) { /* verification goes by the channel as well */
        IS(2000, RETRIEVE(in, "in/one/p/pcu", "Cone"));
        HOLDS("\"vrq\":true");
        IS(2000, NOTIFY(in, "in/one/p/pcu", "Cone", answer_to(last, 2000)));
    }
    assert_int_equal(k->rsc, 5204); /* the originator may not NOTIFY that AE */
    ask_free(k);
    IS(2001,
       CREATE(in, "in", "CAdmin", 1,
              "{\"m2m:acp\":{\"rn\":\"acp\",\"pv\":{\"acr\":[{\"acor\":[\"Ctwo\",\"Cone\",\"/id-in\"],\"acop\":63}]},"
              "\"pvs\":{\"acr\":[{\"acor\":[\"CAdmin\"],\"acop\":63}]}}}"));
    IS(2004, UPDATE(in, "in/one", "Cone", "{\"m2m:ae\":{\"acpi\":[\"in/acp\"]}}"));
    k = start(in, OP_CREATE, "in/two/c", "Ctwo", 23,
              "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"/id-in/Cone\"],\"enc\":{\"net\":[3]}}}", NULL);
    settle(&net);
    assert_false(k->done);
    IS(2000, RETRIEVE(in, "in/one/p/pcu", "Cone"));
    HOLDS("\"vrq\":true");
    IS(2000, NOTIFY(in, "in/one/p/pcu", "Cone", answer_to(last, 2000)));
    assert_int_equal(k->rsc, 2001);
    ask_free(k);
    IS(2001, CREATE(in, "in/two/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"first\"}}"));
    IS(2001, CREATE(in, "in/two/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"second\"}}"));
    wait_ms(&net, 200000); /* longer than any other target gets */
    IS(2000, RETRIEVE(in, "in/one/p/pcu", "Cone"));
    HOLDS("\"con\":\"first\"");
    HOLDS("\"fr\":\"/id-in\"");
    IS(2000, NOTIFY(in, "in/one/p/pcu", "Cone", answer_to(last, 2000)));
    IS(2000, RETRIEVE(in, "in/one/p/pcu", "Cone"));
    HOLDS("\"con\":\"second\"");
    wait_ms(&net, 310000); /* fetched, never answered: it is tried anew */
    IS(2000, RETRIEVE(in, "in/one/p/pcu", "Cone"));
    HOLDS("\"con\":\"second\"");
    IS(2000, NOTIFY(in, "in/one/p/pcu", "Cone", answer_to(last, 2000)));
    k = poll("1000");
    wait_ms(&net, 1100);
    assert_int_equal(k->rsc, 4008);
    ask_free(k);
}

static void several_at_once(void **state)
{
    (void)state;
    static const char note[] = "{\"m2m:sgn\":{\"sur\":\"x\"}}";
    struct ask *n[3];
    IS(2004, UPDATE(in, "in/one/p", "Cone", "{\"m2m:pch\":{\"rqag\":true}}"));
    for (size_t i = 0; i < 3; i++)
        n[i] = start(in, OP_NOTIFY, "in/one", "Cone", 0, note, NULL);
    settle(&net);
    IS(2000, RETRIEVE(in, "in/one/p/pcu", "Cone"));
    HOLDS("{\"m2m:agrp\":{\"m2m:rqp\":[{\"op\":5,");
    unsigned count = 0;
    for (const char *at = last->pc; (at = strstr(at, "\"op\":5")) != NULL; at++)
        count++;
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) {
        char text[400];
        snprintf(text, sizeof text, "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"%.*s\"}}",
                 SPAN_FMT(prim_text(&n[i]->q, PA_rqi)));
        IS(2000, NOTIFY(in, "in/one/p/pcu", "Cone", text));
        assert_int_equal(n[i]->rsc, 2000);
        ask_free(n[i]);
    }
}

/* Bounded: polls of a channel, requests of a channel. */
static void bounds(void **state)
{
    (void)state;
    enum { POLLS = 4, QUEUE = 128 };
    struct ask *k[POLLS], *n[QUEUE + 1];
    for (size_t i = 0; i < POLLS; i++)
        k[i] = poll("5000");
    settle(&net);
    IS(5103, RETRIEVE(in, "in/one/p/pcu", "Cone"));
    wait_ms(&net, 5100);
    for (size_t i = 0; i < POLLS; i++) {
        assert_int_equal(k[i]->rsc, 4008);
        ask_free(k[i]);
    }
    for (size_t i = 0; i <= QUEUE; i++)
        n[i] = start(in, OP_NOTIFY, "in/one", "Cone", 0, "{\"m2m:sgn\":{\"sur\":\"x\"}}", NULL);
    settle(&net);
    for (size_t i = 0; i < QUEUE; i++)
        assert_false(n[i]->done);
    assert_int_equal(n[QUEUE]->rsc, 5103);
    cse_loop_stop(in->cse, 0); /* and when the CSE stops all are answered */
    for (size_t i = 0; i <= QUEUE; i++) {
        assert_int_equal(n[i]->rsc, 5103);
        ask_free(n[i]);
    }
}

/* A CSE that cannot be reached fetches what others want of it. */
static void of_another_cse(void **state)
{
    (void)state;
    IS(2001,
       call(in, OP_CREATE, "in", "/id-far", 16,
            "{\"m2m:csr\":{\"rn\":\"far\",\"cb\":\"/id-far/far\",\"csi\":\"/id-far\",\"rr\":false,\"srv\":[\"3\"]}}",
            NULL));
    IS(2001, CREATE(in, "in/far", "/id-far", 15, "{\"m2m:pch\":{\"rn\":\"p\"}}"));
    struct ask *n = start(in, OP_RETRIEVE, "/id-far/far/x", "Cone", 0, NULL, MORE_OF({"rcn", "1"}, {"ty", "3"}));
    settle(&net);
    assert_false(n->done);
    IS(2000, RETRIEVE(in, "in/far/p/pcu", "/id-far"));
    HOLDS("\"op\":2,\"to\":\"/id-far/far/x\",\"fr\":\"/id-in/Cone\"");
    HOLDS("\"rcn\":1");
    char text[600];
    snprintf(text, sizeof text,
             "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"%s\",\"pc\":{\"m2m:cnt\":{\"rn\":\"x\",\"lbl\":[\"a\\u00e9\"]}}}}",
             value("rqi"));
    IS(2000, NOTIFY(in, "in/far/p/pcu", "/id-far", text));
    assert_true(n->done);
    assert_int_equal(n->rsc, 2000);
    assert_string_equal(n->pc, "{\"m2m:cnt\":{\"rn\":\"x\",\"lbl\":[\"a\\u00e9\"]}}");
    ask_free(n);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
int main(void)
{
    const struct CMUnitTest tests[] = {T(whose_it_is), T(nothing_comes),   T(blocking_notify), T(same_identifier_twice),
                                       T(notices),     T(several_at_once), T(bounds),          T(of_another_cse)};
    return cmocka_run_group_tests_name("cse_poll", tests, NULL, NULL);
}
