/* src/cse: the sealing hook, failures of the store, the full queue, limits. */
#include "cse_node.h"
#include "store/fault.h"

static struct node *n;
static struct outside target;

static int up(void **state)
{
    (void)state;
    n = node_up(&net, ROLE_MN, "/id-mn", "mn", "https://mn", NULL, true);
    target = (struct outside){.url = "http://t/", .rsc = 2000};
    net.outside[0] = &target;
    net.nout = 1;
    IS(2001, CREATE(n, "mn", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(n, "mn/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"mbs\":40,\"lbl\":[\"e2e:policy=heat\"]}}"));
    return 0;
}

/* ---- the hook ------------------------------------------------------------------------------------ */

struct seal {
    unsigned called, undone, committed;
    enum err e;
    char path[200], con[200], label[100];
    bool refuse, large;
};

static struct verdict before(void *ctx, const struct cse_hook_ask *ask, struct cse_hook_say *say)
{
    struct seal *s = ctx;
    s->called++;
    copy_text(s->path, sizeof s->path, ask->path);
    copy_text(s->con, sizeof s->con, ask->con);
    copy_text(s->label, sizeof s->label, ask->nlbl ? ask->lbl[0] : SPAN_NONE);
    assert_true(ask->t->writes);
    if (s->refuse)
        return verdict_of(RSC_CONTENTS_UNACCEPTABLE, SPAN("con"), "clear text is refused here");
    say->con = s->large ? SPAN("\"sealed.sealed.sealed.sealed.sealed.sealed\"") : SPAN("\"a..b.c.d\"");
    say->cnf = SPAN("text/plain:0:1");
    assert_int_equal(store_state_put(ask->t, SPAN("epoch"), SPAN("1")), OK);
    return VERDICT_GO;
}

static void undone(void *ctx)
{
    ((struct seal *)ctx)->undone++;
}

static void committed(void *ctx, enum err e)
{
    ((struct seal *)ctx)->committed++;
    ((struct seal *)ctx)->e = e;
}

static struct seal hook(void)
{
    return (struct seal){0};
}

static bool state_is_there(void)
{
    struct store_tx *t;
    struct arena a;
    struct span v;
    uint8_t p[64];
    arena_over(&a, p, sizeof p);
    assert_int_equal(store_read(n->store, 0, &t), OK);
    enum err e = store_state_get(t, SPAN("epoch"), &a, &v);
    store_end(t);
    return e == OK;
}

static void content_is_replaced_before_anybody_sees_it(void **state)
{
    (void)state;
    struct seal s = hook();
    struct cse_hook h = {.ctx = &s, .before = before, .undone = undone, .committed = committed};
    cse_set_hook(n->cse, &h);
    IS(2001,
       CREATE(n, "mn/one/c", "Cone", 23, "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"http://t/n\"],\"enc\":{\"net\":[3]}}}"));
    assert_int_equal(s.called, 0); /* only contentInstances */
    IS(2001, CREATE(n, "mn/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"can\\u0061ry\",\"cnf\":\"text/plain:0\"}}"));
    assert_string_equal(s.path, "//demo.example/id-mn/mn/one/c");
    assert_string_equal(s.con, "\"can\\u0061ry\""); /* JSON source text */
    assert_string_equal(s.label, "e2e:policy=heat");
    HOLDS("\"con\":\"a..b.c.d\"");
    HOLDS("\"cnf\":\"text/plain:0:1\"");
    HOLDS("\"cs\":8");
    LACKS("ry\"");
    assert_null(memmem(last->q.pc.p, last->q.pc.n, "ry", 2)); /* the request's own octets are gone */
    assert_non_null(strstr(target.last, "a..b.c.d"));
    assert_null(strstr(target.last, "ry\""));
    IS(2000, RETRIEVE(n, "mn/one/c", "Cone"));
    HOLDS("\"cbs\":8");
    assert_int_equal(s.undone, 0);
    assert_true(state_is_there());
}

static void a_refusal_takes_everything_back(void **state)
{
    (void)state;
    struct seal s = hook();
    struct cse_hook h = {.ctx = &s, .before = before, .undone = undone, .committed = committed};
    cse_set_hook(n->cse, &h);
    s.refuse = true;
    IS(4102, CREATE(n, "mn/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    HOLDS("clear text is refused here");
    assert_int_equal(s.undone, 1);
    s.refuse = false;
    s.large = true; /* too large once it is sealed */
    IS(5207, CREATE(n, "mn/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    assert_int_equal(s.undone, 2);
    assert_false(state_is_there());
    IS(4000, CREATE(n, "mn/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\",\"nope\":1}}"));
    IS(4103, CREATE(n, "mn/one/c", "Ctwo", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    assert_int_equal(s.called, 2); /* nothing is sealed that will be refused */
    assert_int_equal(s.undone, 2); /* and nothing is given back that was not taken */
    IS(4004, RETRIEVE(n, "mn/one/c/la", "Cone"));
}

/* ---- failures ------------------------------------------------------------------------------------ */

static void a_failed_commit_answers_nobody_yes(void **state)
{
    (void)state;
    struct seal s = hook();
    struct cse_hook h = {.ctx = &s, .before = before, .undone = undone, .committed = committed};
    struct fault plan = {.at = FAULT_COMMIT, .e = ERR_DISK};
    struct node *f;
    struct store *inner;
    static const uint8_t instance[16] = {9};
    atomic_init(&plan.left, FAULT_NEVER);
    inner = store_fault(store_mem(instance), &plan);
    f = node_up_on(&net, ROLE_MN, "/id-f", "f", "https://f", NULL, true, inner);
    cse_set_hook(f->cse, &h);
    IS(2001, CREATE(f, "f", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(f, "f/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    atomic_store(&plan.left, 0);
    struct ask *k[3];
    for (size_t i = 0; i < LEN(k); i++)
        k[i] = start(f, OP_CREATE, "f/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}", NULL);
    settle(&net);
    for (size_t i = 0; i < LEN(k); i++) {
        assert_int_equal(k[i]->rsc, 5000);
        assert_non_null(strstr(k[i]->pc, "no space left"));
        ask_free(k[i]);
    }
    assert_int_equal(s.e, ERR_DISK);
    atomic_store(&plan.left, FAULT_NEVER);
    IS(4004, RETRIEVE(f, "f/one/c/la", "Cone"));
    IS(2001, CREATE(f, "f/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
}

static void every_change_may_fail(void **state)
{
    (void)state;
    struct fault plan = {.at = FAULT_CHANGE, .e = ERR_IO};
    static const uint8_t instance[16] = {9};
    atomic_init(&plan.left, FAULT_NEVER);
    struct node *f =
        node_up_on(&net, ROLE_MN, "/id-f", "f", "https://f", NULL, true, store_fault(store_mem(instance), &plan));
    IS(2001, CREATE(f, "f", "Cone", 2, "{\"m2m:ae\":{\"rn\":\"one\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"));
    IS(2001, CREATE(f, "f/one", "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"c\",\"mni\":1}}"));
    IS(2001, CREATE(f, "f/one/c", "Cone", 23, "{\"m2m:sub\":{\"nu\":[\"http://t/n\"],\"enc\":{\"net\":[3]}}}"));
    IS(2001, CREATE(f, "f/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"first\"}}"));
    unsigned failures = 0;
    for (int left = 0; left < 20; left++) {
        struct ask *k = start(f, OP_CREATE, "f/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"next\"}}", NULL);
        atomic_store(&plan.left, left);
        write_all(f);
        atomic_store(&plan.left, FAULT_NEVER);
        assert_true(k->done);
        bool failed = k->rsc == 5000;
        failures += failed;
        assert_true(failed || k->rsc == 2001);
        ask_free(k);
        IS(2000, RETRIEVE(f, "f/one/c/la", "Cone"));
        HOLDS(failed ? "first" : "next");
        IS(2000, RETRIEVE(f, "f/one/c", "Cone"));
        HOLDS("\"cni\":1");
        if (!failed)
            break;
    }
    assert_in_range(failures, 4, 10); /* rid, row, eviction, counters, letter ... */
}

static void a_full_queue_refuses_at_once(void **state)
{
    (void)state;
    n->full = true;
    IS(5000, CREATE(n, "mn/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
    assert_true(last->x.busy);
    IS(2000, RETRIEVE(n, "mn/one/c", "Cone"));
    n->full = false;
    IS(2001, CREATE(n, "mn/one/c", "Cone", 4, "{\"m2m:cin\":{\"con\":\"x\"}}"));
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    char path[1000] = "mn/one";
    unsigned rsc = 2001, depth = 0;
    for (; rsc == 2001 && depth < 300; depth++) {
        rsc = CREATE(n, path, "Cone", 3, "{\"m2m:cnt\":{\"rn\":\"d\"}}");
        snprintf(path + strlen(path), sizeof path - strlen(path), "/d");
    }
    assert_int_equal(rsc, 5207);
    assert_in_range(depth, 100, 150);
    IS(2000, QUERY(n, "mn/one", "Cone", {"rcn", "4"}));
    IS(2000, QUERY(n, "mn/one", "Cone", {"fu", "1"}));
    IS(2002, DELETE(n, "mn/one/d", "Cone"));
    IS(4004, RETRIEVE(n, "mn/one/d", "Cone"));
}

static void times_of_a_request(void **state)
{
    (void)state;
    IS(4008, QUERY(n, "mn/one", "Cone", {"rqet", "20200101T000000"}));
    IS(2000, QUERY(n, "mn/one", "Cone", {"oet", "-5000"}));
    IS(2000, QUERY(n, "mn/one", "Cone", {"ot", "20260921T141319"}));
    assert_true(prim_has(last->x.rsp, PA_ot));
    IS(2000, RETRIEVE(n, "mn/one", "Cone"));
    assert_false(prim_has(last->x.rsp, PA_ot));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(content_is_replaced_before_anybody_sees_it, up, down),
        cmocka_unit_test_setup_teardown(a_refusal_takes_everything_back, up, down),
        cmocka_unit_test_setup_teardown(a_failed_commit_answers_nobody_yes, up, down),
        cmocka_unit_test_setup_teardown(every_change_may_fail, up, down),
        cmocka_unit_test_setup_teardown(a_full_queue_refuses_at_once, up, down),
        cmocka_unit_test_setup_teardown(nesting_has_an_end, up, down),
        cmocka_unit_test_setup_teardown(times_of_a_request, up, down),
    };
    return cmocka_run_group_tests_name("cse_hook", tests, NULL, NULL);
}
