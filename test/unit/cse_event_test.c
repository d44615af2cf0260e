/* src/cse: which events subscriptions hear: blocking updates, operation monitors, reads of what has expired,
 * statistics, deletion of a subscription, crossResourceSubscription hosts. */
#include "cse_node.h"

static struct outside target, second;
static struct node *n;

/* AEs `one` (http://t/ae) and `two` (http://u/ae); anybody may do anything with in/one/c. */
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
    IS(2001,
       CREATE(n, "in", "Ctwo", 2,
              "{\"m2m:ae\":{\"rn\":\"two\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://u/ae\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 1,
                    "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":63}]},"
                    "\"pvs\":{\"acr\":[{\"acor\":[\"Cone\"],\"acop\":63}]}}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"acpi\":[\"in/one/p\"]}}"));
}

static void subscribe(const char *fr, const char *more)
{
    char body[600];
    snprintf(body, sizeof body, "{\"m2m:sub\":{\"rn\":\"s\",%s}}", more);
    IS(2001, CREATE(n, "in/one/c", fr, 23, body));
    target.seen = second.seen = 0;
}

static void told_(const struct outside *o, const char *piece, int line)
{
    if (strstr(o->last, piece))
        return;
    print_error("line %d: not told: %s\n  %s\n", line, piece, o->last);
    fail();
}
#define TOLD(o, piece) told_((o), (piece), __LINE__)

static void blocking(void **state)
{
    (void)state;
    up(true);
    subscribe("Cone", "\"nu\":[\"Cone\"],\"enc\":{\"net\":[7],\"atr\":[\"lbl\"]}");
    HOLDS("\"nct\":2");
    IS(4124, CREATE(n, "in/one/c", "Cone", 23, "{\"m2m:sub\":{\"nu\":[\"Cone\"],\"enc\":{\"net\":[7]}}}"));
    IS(2004, UPDATE(n, "in/one/c", "Ctwo", "{\"m2m:cnt\":{\"mni\":5}}"));
    assert_int_equal(target.seen, 0); /* another attribute */
    IS(2004, UPDATE(n, "in/one/c", "Ctwo", "{\"m2m:cnt\":{\"lbl\":[\"a\"]}}"));
    assert_int_equal(target.seen, 1);
    TOLD(&target, "\"nev\":{\"rep\":{\"m2m:cnt\":{\"lbl\":[\"a\"]}},\"net\":7}");
    target.rsc = 4005;
    IS(4127, UPDATE(n, "in/one/c", "Ctwo", "{\"m2m:cnt\":{\"lbl\":[\"b\"]}}"));
    target.rsc = 4103;
    IS(4127, UPDATE(n, "in/one/c", "Ctwo", "{\"m2m:cnt\":{\"lbl\":[\"b\"]}}"));
    target.rsc = 0;
    IS(5107, UPDATE(n, "in/one/c", "Ctwo", "{\"m2m:cnt\":{\"lbl\":[\"b\"]}}"));
    target.rsc = 5103;
    IS(5107, UPDATE(n, "in/one/c", "Ctwo", "{\"m2m:cnt\":{\"lbl\":[\"b\"]}}"));
    IS(2004, UPDATE(n, "in/one", "Cone", "{\"m2m:ae\":{\"rr\":false}}"));
    IS(5107, UPDATE(n, "in/one/c", "Ctwo", "{\"m2m:cnt\":{\"lbl\":[\"b\"]}}"));
    target.seen = 0;
    IS(4000, UPDATE(n, "in/one/c", "Ctwo", "{\"m2m:cnt\":{\"lbl\":5}}")); /* nobody is asked about nonsense */
    assert_int_equal(target.seen, 0);
    IS(2000, RETRIEVE(n, "in/one/c", "Cone"));
    HOLDS("\"lbl\":[\"a\"]");
    IS(2002, DELETE(n, "in/one/c/s", "Cone"));
    IS(2004, UPDATE(n, "in/one/c", "Ctwo", "{\"m2m:cnt\":{\"lbl\":[\"b\"]}}"));
    assert_int_equal(target.seen, 0);
    IS(2001, CREATE(n, "in/one/c", "Cone", 23, "{\"m2m:sub\":{\"nu\":[\"Cone\"],\"enc\":{\"net\":[7]}}}"));
}

static struct ask *later_ask(enum op op, const char *fr, const char *body)
{
    struct ask *k = start(n, op, "in/one/c", fr, 0, body, NULL);
    while (write_all(n) || later_all(n)) {
    }
    return k;
}

static void others_wait_meanwhile(void **state)
{
    (void)state;
    struct ask *waits[66];
    up(true);
    subscribe("Cone", "\"nu\":[\"Cone\"],\"enc\":{\"net\":[7],\"atr\":[\"lbl\"]}");
    struct ask *first = later_ask(OP_UPDATE, "Ctwo", "{\"m2m:cnt\":{\"lbl\":[\"a\"]}}");
    assert_false(first->done);
    for (size_t i = 0; i < 64; i++) {
        waits[i] = later_ask(OP_UPDATE, "Ctwo", "{\"m2m:cnt\":{\"mni\":5}}");
        assert_false(waits[i]->done); /* though nobody has to be asked about mni */
    }
    waits[64] = later_ask(OP_DELETE, "Ctwo", NULL);
    assert_true(waits[64]->done && waits[64]->x.busy); /* so many, no more */
    waits[65] = later_ask(OP_CREATE, "Ctwo", NULL);
    IS(2000, RETRIEVE(n, "in/one/c", "Cone")); /* settles: the target agrees, all go on */
    assert_int_equal(first->rsc, 2004);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(waits[i]->rsc, 2004);
        ask_free(waits[i]);
    }
    ask_free(first);
    ask_free(waits[64]);
    ask_free(waits[65]);
    /* a DELETE behind an UPDATE that is refused */
    target.rsc = 4005;
    first = later_ask(OP_UPDATE, "Ctwo", "{\"m2m:cnt\":{\"lbl\":[\"c\"]}}");
    struct ask *gone = later_ask(OP_DELETE, "Ctwo", NULL);
    assert_false(gone->done);
    settle(&net);
    assert_int_equal(first->rsc, 4127);
    assert_int_equal(gone->rsc, 2002);
    ask_free(first);
    ask_free(gone);
}

static void monitors_by_number(void **state)
{
    (void)state;
    up(true);
    subscribe("Cone", "\"nu\":[\"http://u/n\"],\"enc\":{\"om\":[{\"ops\":2,\"org\":\"Ctwo\"}]}");
    HOLDS("\"enc\":{\"om\":[{\"ops\":2,\"org\":\"Ctwo\"}]}");
    IS(2000, RETRIEVE(n, "in/one/c", "Cone"));
    IS(2004, UPDATE(n, "in/one/c", "Ctwo", "{\"m2m:cnt\":{\"mni\":5}}"));
    assert_int_equal(second.seen, 0);
    IS(2000, RETRIEVE(n, "in/one/c", "Ctwo"));
    settle(&net);
    assert_int_equal(second.seen, 1);
    TOLD(&second, "\"om\":{\"ops\":2,\"org\":\"Ctwo\"}");
    TOLD(&second, "\"rep\":{\"m2m:cnt\":{");
    IS(4000, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"enc\":{\"om\":[{\"ops\":6}]}}}"));
    /* all operations of one originator; reads do not count any more afterwards */
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"enc\":{\"om\":[{\"ops\":1},{\"ops\":3},{\"ops\":4}]}}}"));
    second.seen = 0;
    IS(2000, RETRIEVE(n, "in/one/c", "Ctwo"));
    settle(&net);
    assert_int_equal(second.seen, 0);
    IS(2001, CREATE(n, "in/one/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    TOLD(&second, "\"om\":{\"ops\":1,\"or\":\"Ctwo\"}");
    IS(2004, UPDATE(n, "in/one/c", "Ctwo", "{\"m2m:cnt\":{\"mni\":6}}"));
    TOLD(&second, "\"om\":{\"ops\":3,\"or\":\"Ctwo\"}");
    IS(2002, DELETE(n, "in/one/c", "Ctwo"));
    assert_int_equal(second.seen, 3);
    TOLD(&second, "\"om\":{\"ops\":4,\"or\":\"Ctwo\"}");
}

static void monitors_by_mask(void **state)
{
    (void)state;
    up(false);
    IS(4000, CREATE(n, "in/one/c", "Cone", 23,
                    "{\"m2m:sub\":{\"nu\":[\"http://u/n\"],\"enc\":{\"om\":[{\"ops\":2,\"org\":\"Ctwo\"}]}}}"));
    HOLDS("enc.om.org");
    subscribe("Cone", "\"nu\":[\"http://u/n\"],\"enc\":{\"om\":[{\"ops\":34}]}");
    IS(2000, RETRIEVE(n, "in/one/c", "Ctwo"));
    settle(&net);
    assert_int_equal(second.seen, 1);
    TOLD(&second, "\"om\":{\"op\":2,\"or\":\"Ctwo\"}");
    IS(2000, QUERY(n, "in/one/c", "Cone", {"fu", "1"}));
    settle(&net);
    assert_int_equal(second.seen, 2);
    IS(2001, CREATE(n, "in/one/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(2000, RETRIEVE(n, "in/one/c/la", "Ctwo")); /* of the instance, not of the container */
    settle(&net);
    assert_int_equal(second.seen, 2);
    /* NOTIFY to an AE */
    IS(2001, CREATE(n, "in/one", "Cone", 23,
                    "{\"m2m:sub\":{\"rn\":\"m\",\"nu\":[\"http://u/n\"],\"enc\":{\"om\":[{\"ops\":16}]}}}"));
    IS(2000, NOTIFY(n, "in/one", "Cone", "{\"m2m:sgn\":{\"sur\":\"/x/y\"}}"));
    settle(&net);
    assert_int_equal(second.seen, 3);
    TOLD(&second, "\"om\":{\"op\":5,\"or\":\"Cone\"}");
}

static void what_has_expired(void **state)
{
    (void)state;
    char body[200], et[20];
    struct buf b = buf_over(et, sizeof et);
    up(true);
    subscribe("Cone", "\"nu\":[\"http://u/n\"],\"enc\":{\"net\":[5]}");
    HOLDS("\"nct\":1");
    m2mtime_put(&b, net.now + 3000);
    snprintf(body, sizeof body, "{\"m2m:cin\":{\"con\":\"x\",\"et\":\"%.15s\"}}", et);
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, body));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"y\"}}"));
    static const struct more rcn4[] = {{"rcn", "4"}, {NULL, NULL}}, rcn8[] = {{"rcn", "8"}, {NULL, NULL}};
    IS(2000, call(n, OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, rcn4));
    settle(&net);
    assert_int_equal(second.seen, 0);
    wait_ms(&net, 5000); /* swept */
    IS(2000, RETRIEVE(n, "in/one/c", "Cone"));
    settle(&net);
    assert_int_equal(second.seen, 0);
    IS(2000, call(n, OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, rcn8));
    settle(&net);
    assert_int_equal(second.seen, 1);
    TOLD(&second, "\"net\":5");
    IS(2000, call(n, OP_RETRIEVE, "in/one/c", "Cone", 0, NULL, rcn4));
    settle(&net);
    assert_int_equal(second.seen, 1); /* told once */
}

static void statistics(void **state)
{
    (void)state;
    up(true);
    subscribe("Cone", "\"nu\":[\"http://t/n\",\"http://u/n\"],\"nse\":true,\"enc\":{\"net\":[3]}");
    HOLDS("\"nsi\":[{\"tg\":\"http://t/n\",\"rqs\":0,\"rsr\":0,\"noec\":0}");
    second.rsc = 0;
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(2000, RETRIEVE(n, "in/one/c/s", "Cone"));
    HOLDS("{\"tg\":\"http://t/n\",\"rqs\":1,\"rsr\":1,\"noec\":1}");
    HOLDS("{\"tg\":\"http://u/n\",\"rqs\":1,\"rsr\":0,\"noec\":1}");
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"nse\":false}}"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(2000, RETRIEVE(n, "in/one/c/s", "Cone"));
    HOLDS("{\"tg\":\"http://t/n\",\"rqs\":1,\"rsr\":1,\"noec\":1}");
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"nse\":true}}"));
    HOLDS("{\"tg\":\"http://t/n\",\"rqs\":0,\"rsr\":0,\"noec\":0}");
}

static void hosts_of_cross_subscriptions(void **state)
{
    (void)state;
    up(true);
    subscribe("Cone", "\"nu\":[\"http://t/n\"],\"acrs\":[\"http://u/a\",\"http://u/b\"]");
    IS(2004, UPDATE(n, "in/one/c/s", "Cone", "{\"m2m:sub\":{\"acrs\":[\"http://u/a\"]}}"));
    assert_int_equal(second.seen, 1);
    TOLD(&second, "\"sud\":true");
    IS(2002, DELETE(n, "in/one/c/s", "Cone"));
    assert_int_equal(second.seen, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(blocking, down),
        cmocka_unit_test_teardown(others_wait_meanwhile, down),
        cmocka_unit_test_teardown(monitors_by_number, down),
        cmocka_unit_test_teardown(monitors_by_mask, down),
        cmocka_unit_test_teardown(what_has_expired, down),
        cmocka_unit_test_teardown(statistics, down),
        cmocka_unit_test_teardown(hosts_of_cross_subscriptions, down),
    };
    return cmocka_run_group_tests_name("cse_event", tests, NULL, NULL);
}
