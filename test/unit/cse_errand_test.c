/* cse_errand_test.c - requests that the engine makes itself, and the timers of a loop. */
#include "cse/errand.h"
#include "cse/timer.h"
#include "cse_node.h"

static struct node *in, *mn;

static int up(void **state)
{
    (void)state;
    in = node_up(&net, ROLE_IN, "/id-in", "in", "http://in", NULL, true);
    mn = node_up(&net, ROLE_MN, "/id-mn", "mn", "http://mn", in, true);
    cse_tick(mn->cse);
    settle(&net);
    assert_int_equal(call(mn, OP_CREATE, "mn", "Cae", TY_AE,
                          "{\"m2m:ae\":{\"rn\":\"ae\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}", NULL),
                     2001);
    return 0;
}

static int all_down(void **state)
{
    (void)state;
    net_down(&net);
    return 0;
}

struct outcome {
    unsigned times, rsc;
    char pc[1024];
};

static void over(struct errand *e)
{
    struct outcome *o = e->ctx;
    o->times++;
    o->rsc = e->x.rsp->rsc;
    copy_text(o->pc, sizeof o->pc, e->x.rsp->pc);
    errand_free(e);
}

static struct errand *of_nobody(struct node *n, enum op op, const char *to, struct outcome *o)
{
    struct errand *e = errand_new(n->cse, NULL, 0, op, span_str(to));
    assert_non_null(e);
    e->over = over;
    e->ctx = o;
    return e;
}

static void the_cse_itself_has_every_right(void **state)
{
    struct outcome o = {0};
    struct errand *e = of_nobody(mn, OP_CREATE, "mn/ae", &o);
    (void)state;
    errand_type(e, TY_CNT);
    errand_content(e, SPAN("{\"m2m:cnt\":{\"rn\":\"c\"}}"));
    errand_go(e);
    assert_int_equal(o.times, 0); /* never from inside */
    settle(&net);
    assert_int_equal(o.times, 1);
    assert_int_equal(o.rsc, 2001);
    assert_non_null(strstr(o.pc, "\"rn\":\"c\""));
}

static void another_name_is_judged_by_access_control(void **state)
{
    static const struct {
        const char *fr;
        unsigned rsc;
    } rows[] = {{"Cae", 2000}, {"Cother", 4103}};
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct outcome o = {0};
        struct errand *e = of_nobody(mn, OP_RETRIEVE, "mn/ae", &o);
        prim_set(&e->q, PA_fr, span_str(rows[i].fr));
        e->x.self = false;
        errand_go(e);
        settle(&net);
        assert_int_equal(o.rsc, rows[i].rsc);
    }
}

static void it_is_forwarded_when_its_target_is_elsewhere(void **state)
{
    struct outcome o = {0};
    (void)state;
    errand_go(of_nobody(mn, OP_RETRIEVE, "/id-in/-/id-mn", &o));
    settle(&net);
    assert_int_equal(o.rsc, 2000);
    assert_non_null(strstr(o.pc, "\"csi\":\"/id-mn\""));
}

static void a_thousand_of_them_all_come_back(void **state)
{
    struct outcome o = {0};
    (void)state;
    for (int i = 0; i < 1000; i++)
        errand_go(of_nobody(mn, OP_RETRIEVE, "mn/ae", &o));
    settle(&net);
    assert_int_equal(o.times, 1000);
}

/* ---- timers -------------------------------------------------------------------------------------- */

static struct timer bells[4];
static char rung[16];

static void ring(struct timer *t)
{
    size_t n = strlen(rung);
    rung[n] = (char)('a' + (t - bells));
    rung[n + 1] = 0;
}

static void timers_ring_in_the_order_of_time(void **state)
{
    static const int64_t after[] = {300, 100, 200, 100};
    (void)state;
    rung[0] = 0;
    for (size_t i = 0; i < LEN(bells); i++)
        timer_set(mn->cse, &bells[i], 0, net.now + after[i], ring);
    timer_stop(mn->cse, &bells[2]);
    settle(&net);
    assert_string_equal(rung, "");
    wait_ms(&net, 150);
    assert_string_equal(rung, "bd");
    timer_set(mn->cse, &bells[0], 0, net.now + 500, ring); /* moved */
    wait_ms(&net, 200);
    assert_string_equal(rung, "bd");
    wait_ms(&net, 400);
    assert_string_equal(rung, "bda");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_cse_itself_has_every_right, up, all_down),
        cmocka_unit_test_setup_teardown(another_name_is_judged_by_access_control, up, all_down),
        cmocka_unit_test_setup_teardown(it_is_forwarded_when_its_target_is_elsewhere, up, all_down),
        cmocka_unit_test_setup_teardown(a_thousand_of_them_all_come_back, up, all_down),
        cmocka_unit_test_setup_teardown(timers_ring_in_the_order_of_time, up, all_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
