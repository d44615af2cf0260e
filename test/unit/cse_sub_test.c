/* src/cse: subscriptions, verification, the outbox; what crosses from one CSE to another. */
#include "cse_node.h"

static struct outside target, second;

static struct node *lab(void)
{
    struct node *n = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, true);
    target = (struct outside){.url = "http://t/", .rsc = 2000};
    second = (struct outside){.url = "http://u/", .rsc = 2000};
    net.outside[0] = &target;
    net.outside[1] = &second;
    net.nout = 2;
    IS(2001,
       CREATE(n, "in", "Cone", 2,
              "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://t/ae\"]}}"));
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    return n;
}

static bool told(const struct outside *o, const char *piece)
{
    if (strstr(o->last, piece))
        return true;
    print_error("not told: %s\n  %s\n", piece, o->last);
    return false;
}

static void tells_of_children(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in/one/c", "Cone", 23,
                    "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"http://t/n\"],\"enc\":{\"net\":[3],\"chty\":[4]}}}"));
    HOLDS("\"nct\":1");
    char sub[300];
    snprintf(sub, sizeof sub, "/id-in/%s", value("ri"));
    assert_int_equal(target.seen, 1); /* switch 13: asked before */
    assert_true(told(&target, "\"vrq\":true"));
    assert_true(told(&target, sub));
    assert_true(told(&target, "\"cr\":\"Cone\""));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"hello\"}}"));
    assert_int_equal(target.seen, 2);
    assert_true(told(&target, "{\"m2m:sgn\":{\"nev\":{\"rep\":{\"m2m:cin\":{"));
    assert_true(told(&target, "\"con\":\"hello\""));
    assert_true(told(&target, "\"net\":3"));
    assert_true(told(&target, sub));
    assert_string_equal(target.fr, "/id-in");
    IS(2001, CREATE(n, "in/one/c", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"d\"}}"));
    assert_int_equal(target.seen, 2); /* another child type */
    IS(2004, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"lbl\":[\"x\"]}}"));
    assert_int_equal(target.seen, 2);
    IS(2002, DELETE(n, "in/one/c/s", "Cone"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"hello\"}}"));
    assert_int_equal(target.seen, 2);
}

static void tells_of_updates_and_ends(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001,
       CREATE(
           n, "in/one/c", "Cone", 23,
           "{\"m2m:sub\":{\"rn\":\"u\",\"nu\":[\"http://t/n\"],\"nct\":2,\"enc\":{\"net\":[1],\"atr\":[\"mni\"]}}}"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 23,
                    "{\"m2m:sub\":{\"rn\":\"d\",\"nu\":[\"http://u/n\"],\"nct\":3,\"su\":\"http://u/end\","
                    "\"enc\":{\"net\":[2,4]}}}"));
    target.seen = second.seen = 0;
    IS(2004, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"lbl\":[\"x\"]}}"));
    assert_int_equal(target.seen, 0);
    IS(2004, UPDATE(n, "in/one/c", "Cone", "{\"m2m:cnt\":{\"mni\":5}}"));
    assert_int_equal(target.seen, 1);
    assert_true(told(&target, "\"mni\":5"));
    assert_true(told(&target, "\"st\":2"));
    assert_null(strstr(target.last, "\"ri\""));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"rn\":\"i\",\"con\":\"x\"}}"));
    assert_int_equal(second.seen, 0);
    IS(2002, DELETE(n, "in/one/c/i", "Cone"));
    assert_int_equal(second.seen, 1);
    assert_true(told(&second, "\"rep\":{\"m2m:uri\":\"/id-in/"));
    assert_true(told(&second, "\"net\":4"));
    IS(2002, DELETE(n, "in/one/c", "Cone"));
    assert_int_equal(second.seen, 3); /* net 2, then the end of the subscription */
    assert_true(told(&second, "\"sud\":true"));
}

static void keeps_order_over_failures(void **state)
{
    (void)state;
    struct node *n = lab();
    char rqi[200];
    IS(2001, CREATE(n, "in/one/c", "Cone", 23,
                    "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"http://t/n\",\"http://u/n\"],\"enc\":{\"net\":[3]}}}"));
    target.seen = second.seen = 0;
    target.rsc = 0; /* down */
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"first\"}}"));
    snprintf(rqi, sizeof rqi, "%s", target.rqi);
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"second\"}}"));
    assert_int_equal(target.seen, 1); /* one try; the second waits behind it */
    assert_int_equal(second.seen, 2); /* the other target is not held up */
    wait_ms(&net, 120000);
    assert_in_range(target.seen, 6, 12); /* backs off: about 1 2 4 8 16 32 s */
    assert_true(told(&target, "first"));
    assert_string_equal(target.rqi, rqi); /* the same request all the time */
    target.rsc = 2000;
    wait_ms(&net, 200000);
    assert_true(told(&target, "second"));
    assert_string_not_equal(target.rqi, rqi);
    IS(2000, RETRIEVE(n, "in/one/c/s", "Cone")); /* never removed because a target was down */
    target.rsc = 4000;
    target.seen = 0;
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"third\"}}"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"fourth\"}}"));
    assert_int_equal(target.seen, 2); /* a final refusal is no reason to try again */
    wait_ms(&net, 5000);
    assert_int_equal(target.seen, 2);
}

static void counts_down(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(2001, CREATE(n, "in/one/c", "Cone", 23,
                    "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"http://t/n\"],\"exc\":2,\"su\":\"http://u/"
                    "end\",\"enc\":{\"net\":[3]}}}"));
    target.seen = second.seen = 0;
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    IS(2000, RETRIEVE(n, "in/one/c/s", "Cone"));
    HOLDS("\"exc\":1");
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"y\"}}"));
    assert_int_equal(target.seen, 2);
    IS(4004, RETRIEVE(n, "in/one/c/s", "Cone"));
    assert_true(told(&second, "\"sud\":true"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"z\"}}"));
    assert_int_equal(target.seen, 2);
}

static void asks_before_it_subscribes(void **state)
{
    (void)state;
    struct node *n = lab();
    second.rsc = 4103;
    IS(5204, CREATE(n, "in/one/c", "Cone", 23, "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"http://u/n\"]}}"));
    second.rsc = 0;
    IS(5204, CREATE(n, "in/one/c", "Cone", 23, "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"http://u/n\"]}}"));
    IS(4004, RETRIEVE(n, "in/one/c/s", "Cone"));
    IS(5204, CREATE(n, "in/one/c", "Cone", 23, "{\"m2m:sub\":{\"nu\":[\"in/none\"]}}"));
    second.rsc = 2000;
    second.seen = 0;
    /* the originator's own AE, in any form, is not asked */
    static const char *const own[] = {"Cone",   "/id-in/Cone",   "//demo.example/id-in/Cone",
                                      "in/one", "/id-in/in/one", "//demo.example/id-in/-/one"};
    for (size_t i = 0; i < LEN(own); i++) {
        char body[200];
        target.seen = 0;
        snprintf(body, sizeof body,
                 "{\"m2m:sub\":{\"rn\":\"s%zu\",\"nu\":[\"%s\"],\"enc\":{\"net\":[3],\"chty\":[4]}}}", i, own[i]);
        IS(2001, CREATE(n, "in/one/c", "Cone", 23, body));
        assert_int_equal(target.seen, 0);
    }
    IS(2001, CREATE(n, "in/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    assert_int_equal(target.seen, LEN(own)); /* by the AE's point of access */
    assert_string_equal(target.peer, "//demo.example/id-in/Cone");
    IS(4103, CREATE(n, "in/one/c", "Cother", 23, "{\"m2m:sub\":{\"nu\":[\"http://u/n\"]}}"));
    IS(4000, CREATE(n, "in/one/c", "Cone", 23, "{\"m2m:sub\":{\"nu\":[]}}"));
    IS(5001, CREATE(n, "in/one/c", "Cone", 23, "{\"m2m:sub\":{\"nu\":[\"http://u/n\"],\"psn\":3}}"));
    /* UPDATE of nu: what is new is asked (switch 14) */
    second.seen = 0;
    second.rsc = 4103;
    IS(5204, UPDATE(n, "in/one/c/s0", "Cone", "{\"m2m:sub\":{\"nu\":[\"Cone\",\"http://u/n\"]}}"));
    second.rsc = 2000;
    IS(2004, UPDATE(n, "in/one/c/s0", "Cone", "{\"m2m:sub\":{\"nu\":[\"Cone\",\"http://u/n\"]}}"));
    assert_int_equal(second.seen, 2);
    assert_true(told(&second, "\"vrq\":true"));
}

static void an_end_is_told_before_the_answer(void **state)
{
    (void)state;
    struct node *n = lab();
    static const char *const sub = "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"Cone\"],\"su\":\"http://u/end\"}}";
    IS(2001, CREATE(n, "in/one/c", "Cone", 23, sub));
    struct ask *k = start(n, OP_DELETE, "in/one/c/s", "Cone", 0, NULL, NULL);
    assert_true(write_all(n));
    assert_false(k->done); /* switch 16 */
    settle(&net);
    assert_true(k->done);
    assert_int_equal(second.seen, 1);
    ask_free(k);
    /* with its parent, and with a target that is down: a second at most */
    IS(2001, CREATE(n, "in/one/c", "Cone", 23, sub));
    second.rsc = 0;
    k = start(n, OP_DELETE, "in/one/c", "Cone", 0, NULL, NULL);
    settle(&net);
    assert_true(k->done); /* it was tried and did not answer */
    assert_int_equal(k->rsc, 2002);
    assert_int_equal(second.seen, 2);
    ask_free(k);
    IS(2001, CREATE(n, "in/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    IS(2001, CREATE(n, "in/one/c", "Cone", 23, sub));
    k = start(n, OP_DELETE, "in/one/c", "Cone", 0, NULL, NULL);
    assert_true(write_all(n));
    net.now += 1000; /* nobody sends: the answer leaves anyway */
    cse_tick(n->cse);
    assert_true(later_all(n));
    assert_true(k->done);
    settle(&net);
    ask_free(k);
}

static void a_notify_reaches_an_ae(void **state)
{
    (void)state;
    struct node *n = lab();
    IS(4103, NOTIFY(n, "in/one", "Cother", "{\"m2m:sgn\":{\"sur\":\"/x/y\"}}"));
    IS(2000, NOTIFY(n, "in/one", "Cone", "{\"m2m:sgn\":{\"sur\":\"/x/y\"}}"));
    assert_true(told(&target, "{\"m2m:sgn\":{\"sur\":\"/x/y\"}}"));
    IS(4000, NOTIFY(n, "in/one", "Cone", "{\"m2m:sgn\":{}}"));
    IS(4000, NOTIFY(n, "in/one", "Cone", "{\"m2m:cin\":{}}"));
    IS(4005, NOTIFY(n, "in/one/c", "Cone", "{\"m2m:sgn\":{\"sur\":\"/x/y\"}}"));
    target.rsc = 0;
    IS(5103, NOTIFY(n, "in/one", "Cone", "{\"m2m:sgn\":{\"sur\":\"/x/y\"}}"));
    IS(2004, UPDATE(n, "in/one", "Cone", "{\"m2m:ae\":{\"rr\":false}}"));
    IS(5103, NOTIFY(n, "in/one", "Cone", "{\"m2m:sgn\":{\"sur\":\"/x/y\"}}"));
}

/* ---- two CSEs: the use case ------------------------------------------------------------------------ */

static struct node *server, *gateway;

static struct ask *as_ae(struct node *n, enum op op, const char *to, const char *fr, const char *cert, unsigned ty,
                         const char *body)
{
    struct ask *k = ask_new();
    struct span *id = ARENA_NEW(&k->a, struct span);
    char t[32];
    static unsigned serial;
    *id = span_str(cert);
    k->q.op = (uint8_t)op;
    k->q.assoc = (struct assoc){.secured = true, .kind = ASSOC_AE, .ids = id, .n_ids = 1};
    put_text(k, PA_to, to);
    put_text(k, PA_fr, fr);
    snprintf(t, sizeof t, "q%u", ++serial);
    put_text(k, PA_rqi, t);
    put_text(k, PA_rvi, "3");
    if (ty) {
        snprintf(t, sizeof t, "%u", ty);
        put_text(k, PA_ty, t);
    }
    if (body) {
        k->q.pc = arena_dup(&k->a, span_str(body));
        k->q.ser = SER_JSON;
    }
    cse_submit(n->cse, &k->x);
    settle(&net);
    assert_true(k->done);
    if (last)
        ask_free(last);
    last = k;
    return k;
}

static void use_case_up(void)
{
    server = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, false);
    gateway = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", server, false);
    target = (struct outside){.url = "https://heat/", .rsc = 2000};
    net.outside[0] = &target;
    net.nout = 1;
    cse_tick(gateway->cse);
    settle(&net);
    assert_true(cse_is_joined(gateway->cse));
    IS(2001, as_ae(gateway, OP_CREATE, "mn", "Cthermo-1", "//demo.example/id-mn/Cthermo-1", 2,
                   "{\"m2m:ae\":{\"rn\":\"thermo-1\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}")
                 ->rsc);
    IS(2001,
       as_ae(server, OP_CREATE, "in", "Sapp-heat", "//demo.example/Sapp-heat", 2,
             "{\"m2m:ae\":{\"rn\":\"heat\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"https://heat/n\"]}}")
           ->rsc);
    IS(2001,
       as_ae(gateway, OP_CREATE, "mn/thermo-1", "Cthermo-1", "//demo.example/id-mn/Cthermo-1", 1,
             "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"/Sapp-heat\"],\"acop\":51},"
             "{\"acor\":[\"Cthermo-1\"],\"acop\":63}]},\"pvs\":{\"acr\":[{\"acor\":[\"Cthermo-1\"],\"acop\":63}]}}}")
           ->rsc);
    IS(2001, as_ae(gateway, OP_CREATE, "mn/thermo-1", "Cthermo-1", "//demo.example/id-mn/Cthermo-1", 3,
                   "{\"m2m:cnt\":{\"rn\":\"data\",\"acpi\":[\"mn/thermo-1/p\"]}}")
                 ->rsc);
}

static struct ask *heat(enum op op, const char *to, unsigned ty, const char *body)
{
    return as_ae(server, op, to, "Sapp-heat", "//demo.example/Sapp-heat", ty, body);
}

static struct ask *thermo(enum op op, const char *to, unsigned ty, const char *body)
{
    return as_ae(gateway, op, to, "Cthermo-1", "//demo.example/id-mn/Cthermo-1", ty, body);
}

static void the_server_forwards(void **state)
{
    (void)state;
    use_case_up();
    IS(2001, thermo(OP_CREATE, "mn/thermo-1/data", 4, "{\"m2m:cin\":{\"con\":\"secret\"}}")->rsc);
    IS(2000, heat(OP_RETRIEVE, "/id-mn/mn/thermo-1/data/la", 0, NULL)->rsc);
    HOLDS("\"con\":\"secret\"");
    /* the originator sees its own request identifier, though it travelled with another one (switch 9) */
    assert_true(span_eq(prim_text(last->x.rsp, PA_rqi), prim_text(&last->q, PA_rqi)));
    IS(2000, heat(OP_RETRIEVE, "//demo.example/id-mn/-/thermo-1/data/la", 0, NULL)->rsc);
    IS(4103, heat(OP_DELETE, "/id-mn/mn/thermo-1/data", 0, NULL)->rsc);
    IS(4004, heat(OP_RETRIEVE, "/id-mn/mn/thermo-1/none", 0, NULL)->rsc);
    IS(4004, heat(OP_RETRIEVE, "/id-nobody/mn", 0, NULL)->rsc);
    IS(4106, as_ae(server, OP_RETRIEVE, "/id-mn/mn/thermo-1/data/la", "Sapp-other", "//demo.example/Sapp-heat", 0, NULL)
                 ->rsc);
    net.down = 2;
    IS(5103, heat(OP_RETRIEVE, "/id-mn/mn/thermo-1/data/la", 0, NULL)->rsc);
    /* what the gateway does not know goes up, and does not come back down */
    net.down = 0;
    IS(4004, thermo(OP_RETRIEVE, "/id-nobody/x", 0, NULL)->rsc);
    /* a registration is not forwarded */
    IS(4000, as_ae(server, OP_CREATE, "/id-mn/mn", "C", "//demo.example/id-in/Cx", 2,
                   "{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}")
                 ->rsc);
}

static void notices_cross_the_server(void **state)
{
    (void)state;
    use_case_up();
    /* a structured form of another CSE's AE: cannot be known to be the originator, so it is asked */
    IS(2001, heat(OP_CREATE, "/id-mn/mn/thermo-1/data", 23,
                  "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"/id-in/in/heat\"],\"enc\":{\"net\":[3]}}}")
                 ->rsc);
    assert_int_equal(target.seen, 1);
    assert_true(told(&target, "\"vrq\":true"));
    assert_true(told(&target, "\"cr\":\"/Sapp-heat\""));
    assert_true(told(&target, "\"sur\":\"/id-mn/"));
    assert_string_equal(target.fr, "/id-mn");
    IS(2001, thermo(OP_CREATE, "mn/thermo-1/data", 4, "{\"m2m:cin\":{\"con\":\"sealed\"}}")->rsc);
    assert_int_equal(target.seen, 2);
    assert_true(told(&target, "\"con\":\"sealed\""));
    /* the server is away: the letter waits, then arrives */
    net.down = 1;
    IS(2001, thermo(OP_CREATE, "mn/thermo-1/data", 4, "{\"m2m:cin\":{\"con\":\"later\"}}")->rsc);
    wait_ms(&net, 10000);
    assert_int_equal(target.seen, 2);
    net.down = 0;
    wait_ms(&net, 60000);
    assert_int_equal(target.seen, 3);
    assert_true(told(&target, "\"con\":\"later\""));
}

static void the_registration_is_renewed(void **state)
{
    (void)state;
    net.down = 1;
    server = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, false);
    gateway = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", server, false);
    cse_tick(gateway->cse);
    settle(&net);
    assert_false(cse_is_joined(gateway->cse));
    net.down = 0;
    wait_ms(&net, 10000);
    assert_true(cse_is_joined(gateway->cse));
    IS(2000, RETRIEVE(server, "in/id-mn", "CAdmin"));
    HOLDS("\"poa\":[\"https://mn\"]");
    /* the gateway loses its memory and comes back with another address */
    struct node *again = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn2", server, false);
    cse_tick(again->cse);
    settle(&net);
    assert_true(cse_is_joined(again->cse));
    IS(2000, RETRIEVE(server, "in/id-mn", "CAdmin"));
    HOLDS("\"poa\":[\"https://mn2\"]");
}

static void a_chain_of_gateways_is_known(void **state)
{
    (void)state;
    server = node_up(&net, ROLE_IN, "/id-in", "in", "https://in", NULL, false);
    gateway = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", server, false);
    wait_ms(&net, 2000);
    struct node *far = node_up(&net, ROLE_MN, "/id-far", "far", "https://far", gateway, false);
    wait_ms(&net, 2000);
    assert_true(cse_is_joined(far->cse));
    IS(2000, RETRIEVE(server, "in/id-mn", "CAdmin"));
    HOLDS("\"dcse\":[\"/id-far\"]");
    /* server -> gateway -> far, and back */
    IS(2001,
       heat(OP_CREATE, "in", 2, "{\"m2m:ae\":{\"rn\":\"heat\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}")->rsc);
    IS(4103, heat(OP_RETRIEVE, "/id-far/far", 0, NULL)->rsc);
    HOLDS("no access control policy");
    IS(2002, DELETE(gateway, "mn/id-far", "CAdmin"));
    wait_ms(&net, 2000);
    IS(2000, RETRIEVE(server, "in/id-mn", "CAdmin"));
    LACKS("dcse");
    /* the server forgets the gateway; it comes back by itself */
    IS(2002, DELETE(server, "in/id-mn", "CAdmin"));
    wait_ms(&net, 310000);
    IS(2000, RETRIEVE(server, "in/id-mn", "CAdmin"));
}

static void a_circle_ends(void **state)
{
    (void)state;
    struct node *a = node_up(&net, ROLE_IN, "/id-a", "a", "https://a", NULL, true);
    struct node *b = node_up(&net, ROLE_IN, "/id-b", "b", "https://b", NULL, true);
    struct node *c = node_up(&net, ROLE_IN, "/id-c", "c", "https://c", NULL, true);
    static const char *const csr = "{\"m2m:csr\":{\"cb\":\"/x/y\",\"rr\":true,\"poa\":[\"%s\"],\"srv\":[\"3\"],"
                                   "\"dcse\":[\"/id-far\"]}}";
    struct node *from[] = {a, b, c}, *to[] = {b, c, a};
    for (size_t i = 0; i < LEN(from); i++) {
        char body[300];
        snprintf(body, sizeof body, csr, to[i]->url);
        char csi[20];
        copy_text(csi, sizeof csi, to[i]->conf.self.csi);
        IS(2001, CREATE(from[i], "-", csi, 16, body));
    }
    IS(4004, RETRIEVE(a, "/id-far/x", "Swho"));
    HOLDS("circles");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(tells_of_children, down),
        cmocka_unit_test_teardown(tells_of_updates_and_ends, down),
        cmocka_unit_test_teardown(keeps_order_over_failures, down),
        cmocka_unit_test_teardown(counts_down, down),
        cmocka_unit_test_teardown(asks_before_it_subscribes, down),
        cmocka_unit_test_teardown(an_end_is_told_before_the_answer, down),
        cmocka_unit_test_teardown(a_notify_reaches_an_ae, down),
        cmocka_unit_test_teardown(the_server_forwards, down),
        cmocka_unit_test_teardown(notices_cross_the_server, down),
        cmocka_unit_test_teardown(the_registration_is_renewed, down),
        cmocka_unit_test_teardown(a_chain_of_gateways_is_known, down),
        cmocka_unit_test_teardown(a_circle_ends, down),
    };
    return cmocka_run_group_tests_name("cse_sub", tests, NULL, NULL);
}
