/* lib/esd: the order of several open epochs, what `la` may show, holes, and what a policy makes of remarks. */
#include "reader_house.h"

static const reason_set gap = READER_BIT(GAP), replayed = READER_BIT(REPLAYED), rolled_back = READER_BIT(ROLLED_BACK);

/* Two processes seal one stream, each in an epoch of its own; `la` shows now one, now the other. */
static void latest_of_two_processes(void **state)
{
    (void)state;
    struct writer a = writer_of(1, 5), b = writer_of(2, 6);
    give_key(&a, 2000000);
    give_key(&b, 2000000);
    struct span first = made(&a, 0, 990000);
    assert_int_equal(judge(first, READER_LATEST), REASON_OK);
    assert_int_equal(judge(made(&b, 0, 991000), READER_LATEST), REASON_OK);
    struct span second = made(&a, 1, 992000);
    assert_int_equal(judge(second, READER_LATEST), REASON_OK); /* a lower epoch, and later all the same */
    assert_int_equal(res.flags, 0);
    assert_int_equal(judge(made(&b, 1, 993000), READER_LATEST), REASON_OK);
    assert_int_equal(res.flags, 0);
    /* but what was shown before something else is an earlier state, in either epoch */
    assert_int_equal(judge(second, READER_LATEST), REASON_ROLLED_BACK);
    assert_int_equal(judge(first, READER_LATEST), REASON_ROLLED_BACK);
    assert_int_equal(judge(made(&b, 2, 994000), READER_LATEST), REASON_OK);
}

static void an_epoch_never_seen_is_told_by_time(void **state)
{
    (void)state;
    struct writer old = writer_of(1, 5), now = writer_of(2, 6), blind = writer_of(3, 4);
    give_key(&old, 2000000);
    give_key(&now, 2000000);
    give_key(&blind, 2000000);
    assert_int_equal(judge(made(&now, 9, 990000), READER_LATEST), REASON_OK);
    assert_int_equal(judge(made(&old, 7, 984999), READER_LATEST), REASON_ROLLED_BACK);
    assert_int_equal(judge(made(&old, 7, 985000), READER_LATEST), REASON_OK); /* clocks differ by no more */
    struct span timeless = made(&blind, 7, 0);
    assert_int_equal(judge(timeless, READER_LATEST), REASON_ROLLED_BACK); /* without a clock nobody can tell */
    reader.policy = &(struct reader_policy){0};
    assert_int_equal(judge(timeless, READER_LATEST), REASON_OK);
    assert_int_equal(res.flags, rolled_back | READER_BIT(NO_CLOCK));
    assert_int_equal(res.second, REASON_UNCONFIRMED);
}

/* Whoever is there when an epoch begins is promised all of it. */
static void the_start_of_an_epoch_may_be_missing(void **state)
{
    (void)state;
    struct writer one = writer_of(1, 1), two = writer_of(2, 2), five = writer_of(3, 5);
    uint32_t hole[8];
    size_t n;
    give_key(&one, 2000000);
    give_key(&two, 2000000);
    give_key(&five, 2000000);
    assert_int_equal(judge(made(&one, 7, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, 0); /* a late joiner */
    assert_int_equal(reader_holes(&reader, kid_of(&one), 0, hole, 8, &n), REASON_OK);
    assert_int_equal(n, 0);
    assert_int_equal(judge(made(&two, 2, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, gap);
    assert_int_equal(res.missing, 2);
    assert_int_equal(reader_holes(&reader, kid_of(&two), 5, hole, 8, &n), REASON_OK);
    assert_int_equal(n, 4);
    assert_true(hole[0] == 0 && hole[1] == 1 && hole[2] == 3 && hole[3] == 4);
    assert_int_equal(reader_holes(&reader, kid_of(&two), 5, hole, 2, &n), REASON_OK);
    assert_int_equal(n, 2);
    assert_int_equal(judge(made(&two, 1, 1), READER_FILL), REASON_OK);
    assert_int_equal(judge(made(&two, 0, 1), READER_FILL), REASON_OK);
    assert_int_equal(reader_holes(&reader, kid_of(&two), 0, hole, 8, &n), REASON_OK);
    assert_int_equal(n, 0);
    /* epochs 3 and 4 had a message each at least */
    assert_int_equal(judge(made(&five, 0, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, gap);
    assert_int_equal(res.missing, 2);
}

/* Reading `la` now and then promises nothing. */
static void who_only_looks_is_promised_nothing(void **state)
{
    (void)state;
    struct writer one = writer_of(1, 1), two = writer_of(2, 2);
    uint32_t hole[8];
    size_t n;
    give_key(&one, 2000000);
    give_key(&two, 2000000);
    assert_int_equal(judge(made(&one, 3, 990000), READER_LATEST), REASON_OK);
    assert_int_equal(judge(made(&two, 3, 991000), READER_LATEST), REASON_OK);
    assert_int_equal(res.flags, 0);
    assert_int_equal(reader_holes(&reader, kid_of(&two), 9, hole, 8, &n), REASON_OK);
    assert_int_equal(n, 0);
    assert_int_equal(judge(made(&two, 5, 992000), READER_NOTIFY), REASON_OK);
    assert_int_equal(reader_holes(&reader, kid_of(&two), 8, hole, 8, &n), REASON_OK);
    assert_int_equal(n, 2); /* 6 and 7, from the first notification on */
}

static void a_policy_may_refuse_what_others_flag(void **state)
{
    (void)state;
    struct reader_policy p = {.fatal = READER_FATAL | gap | READER_BIT(STALE), .max_age_ms = 60000};
    struct writer w = writer_of(1, 1);
    give_key(&w, 2000000);
    reader.policy = &p;
    struct span three = made(&w, 3, 990000);
    assert_int_equal(judge(made(&w, 0, 990000), READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(three, READER_NOTIFY), REASON_GAP);
    assert_int_equal(res.missing, 2);
    assert_int_equal(judge(made(&w, 1, 1), READER_FILL), REASON_OK);
    assert_int_equal(judge(made(&w, 2, 1), READER_FILL), REASON_OK);
    assert_int_equal(judge(three, READER_NOTIFY), REASON_OK); /* nothing was remembered when it was refused */
    assert_int_equal(judge(made(&w, 4, 939999), READER_NOTIFY), REASON_STALE);
}

static void a_policy_may_flag_what_others_refuse(void **state)
{
    (void)state;
    struct reader_policy p = {0};
    struct writer w = writer_of(1, 1);
    give_key(&w, 2000000);
    reader.policy = &p;
    struct span five = made(&w, 5, 1);
    assert_int_equal(judge(five, READER_LATEST), REASON_OK);
    assert_int_equal(judge(made(&w, 4, 1), READER_LATEST), REASON_OK);
    assert_int_equal(res.flags, rolled_back);
    assert_int_equal(judge(made(&w, 5, 1), READER_LATEST), REASON_OK);
    assert_int_equal(res.flags, replayed);
    assert_int_equal(res.second, REASON_UNCONFIRMED); /* flagged is not confirmed */
    assert_int_equal(judge(made(&w, 3, 1), READER_NOTIFY), REASON_OK);
    /* what is no matter of taste stays refused */
    p.fatal = 0;
    struct span bad = made(&w, 6, 1);
    uint8_t *last = (uint8_t *)(uintptr_t)&bad.p[bad.n - 2];
    *last = *last == 'A' ? 'B' : 'A';
    assert_int_equal(judge(bad, READER_NOTIFY), REASON_TAMPERED);
}

static void a_place_that_is_not_known_may_refuse(void **state)
{
    (void)state;
    struct reader_policy p = {.fatal = READER_BIT(PLACE_UNVERIFIED)};
    struct writer w = writer_of(1, 1);
    struct reader_item item = {.con = made(&w, 0, 1),
                               .cnf = SPAN("application/json:0:1"),
                               .writer = CSE,
                               .how = READER_NOTIFY,
                               .now_ms = 1000000};
    give_key(&w, 2000000);
    assert_int_equal(judge_item(item), REASON_OK);
    assert_int_equal(res.flags, READER_BIT(PLACE_UNVERIFIED));
    item.con = made(&w, 1, 1);
    item.policy = &p;
    assert_int_equal(judge_item(item), REASON_PLACE_UNVERIFIED);
    item.address = ADDRESS;
    assert_int_equal(judge_item(item), REASON_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(latest_of_two_processes, set_up),
        cmocka_unit_test_setup(an_epoch_never_seen_is_told_by_time, set_up),
        cmocka_unit_test_setup(the_start_of_an_epoch_may_be_missing, set_up),
        cmocka_unit_test_setup(who_only_looks_is_promised_nothing, set_up),
        cmocka_unit_test_setup(a_policy_may_refuse_what_others_flag, set_up),
        cmocka_unit_test_setup(a_policy_may_flag_what_others_refuse, set_up),
        cmocka_unit_test_setup(a_place_that_is_not_known_may_refuse, set_up),
    };
    if (house_open() != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    house_close();
    return failed;
}
