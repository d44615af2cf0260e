/* lib/esd: the reader's key cache and its wishes - refresh ahead, one flight per key, what was denied, counters. */
#include "reader_house.h"

#include "esd/reader_want.h"

static struct reader_wants wants;

static int fresh_house(void **state)
{
    memset(&wants, 0, sizeof wants);
    return set_up(state);
}

static void put(const struct writer *w, int64_t now, int64_t until)
{
    struct reader_fresh f = {.kid = kid_of(w),
                             .value = span_of(w->keys.kv, ESD_KV),
                             .suid = 24,
                             .commits = true,
                             .cr = CSE,
                             .now_ms = now,
                             .until_ms = until};
    assert_int_equal(reader_key_put(&reader, &f), OK);
}

static void a_used_key_is_refreshed_ahead(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1), idle = writer_of(2, 2);
    struct span kid[4];
    put(&w, 900000, 1900000);
    put(&idle, 900000, 1900000);
    assert_int_equal(judge(made(&w, 0, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(reader_key_due(&reader, 1699999, kid, 4), 0); /* the last fifth at the earliest */
    assert_int_equal(reader_key_due(&reader, 1800000, kid, 4), 1); /* the last tenth at the latest */
    assert_true(kid_eq(kid[0], kid_of(&w)));
    assert_int_equal(reader_key_due(&reader, 1800001, kid, 4), 0); /* on its way */
    assert_int_equal(reader_key_due(&reader, 1850001, kid, 4), 1); /* it failed: again, and it still opens */
    assert_true(reader_key_has(&reader, kid_of(&w), 1899999));
    assert_false(reader_key_has(&reader, kid_of(&w), 1900000)); /* the expiry never slides */
    assert_int_equal(reader.count.refreshes, 2);
    assert_int_equal(reader.count.expired, 1);
}

static void readers_do_not_come_together(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    int64_t first = 0, last = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        reader.jitter = seed * 7919;
        put(&w, 0, 1000000);
        int64_t at = slots[0].refresh_ms;
        assert_true(at >= 800000 && at <= 900000);
        first = first == 0 || at < first ? at : first;
        last = at > last ? at : last;
    }
    assert_true(last - first > 80000);
}

static void a_key_that_never_expires_is_never_refreshed(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span kid[4];
    put(&w, 0, INT64_MAX);
    assert_int_equal(judge(made(&w, 0, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(reader_key_due(&reader, INT64_MAX - 1, kid, 4), 0);
}

static void one_flight_for_many_readings(void **state)
{
    (void)state;
    struct writer a = writer_of(1, 1), b = writer_of(2, 2);
    struct span kid[READER_WANTS_MAX];
    assert_int_equal(reader_want(&reader, &wants, kid_of(&a), a.keys.sid, 1000), REASON_OK);
    for (int i = 0; i < 99; i++)
        assert_int_equal(reader_want(&reader, &wants, kid_of(&a), a.keys.sid, 1000), REASON_NO_KEY_YET);
    assert_int_equal(reader_want(&reader, &wants, kid_of(&b), NULL, 1000), REASON_OK);
    assert_int_equal(reader_want(&reader, &wants, SPAN("0123@other.example"), NULL, 1000), REASON_OK);
    assert_int_equal(reader_want_take(&reader, &wants, SPAN("TTP.demo.example"), 1000, kid, LEN(kid)), 2);
    assert_true(kid_eq(kid[0], kid_of(&a)) && kid_eq(kid[1], kid_of(&b)));
    assert_memory_equal(reader_want_sid(&wants, kid[0]), a.keys.sid, ESD_SID);
    assert_null(reader_want_sid(&wants, kid[1]));
    assert_int_equal(reader_want_take(&reader, &wants, FQDN, 1000, kid, LEN(kid)), 0); /* in flight */
    assert_int_equal(reader_want(&reader, &wants, kid_of(&a), a.keys.sid, 1000), REASON_NO_KEY_YET);
    reader_want_done(&reader, &wants, kid_of(&a), REASON_OK, 1100);
    reader_want_done(&reader, &wants, kid_of(&b), REASON_REFUSED, 1100);
    assert_int_equal(reader.count.asked, 2);
    assert_int_equal(reader.count.coalesced, 100);
    assert_int_equal(reader.count.refusals, 1);
    assert_int_equal(reader_want(&reader, &wants, kid_of(&a), a.keys.sid, 1200), REASON_OK); /* it was dropped again */
}

static void what_was_denied_is_not_asked_for_at_once(void **state)
{
    (void)state;
    struct writer a = writer_of(1, 1);
    struct span kid[4];
    static const struct {
        enum reason answer;
        int64_t stands_ms;
    } rows[] = {
        {REASON_REFUSED, READER_DENIED_MS},        {REASON_SHREDDED, READER_DENIED_MS},
        {REASON_EXPIRED, READER_DENIED_MS},        {REASON_NO_KEY_YET, READER_AGAIN_MS},
        {REASON_TTP_UNREACHABLE, READER_AGAIN_MS}, {REASON_TTP_SEALED, READER_AGAIN_MS},
    };
    int64_t now = 1000;
    for (size_t i = 0; i < LEN(rows); i++) {
        assert_int_equal(reader_want(&reader, &wants, kid_of(&a), NULL, now), REASON_OK);
        assert_int_equal(reader_want_take(&reader, &wants, FQDN, now, kid, LEN(kid)), 1);
        reader_want_done(&reader, &wants, kid_of(&a), rows[i].answer, now);
        now += rows[i].stands_ms - 1;
        assert_int_equal(reader_want(&reader, &wants, kid_of(&a), NULL, now), rows[i].answer);
        now++;
    }
    assert_int_equal(reader_want(&reader, &wants, kid_of(&a), NULL, now), REASON_OK);
    reader_want_take(&reader, &wants, FQDN, now, kid, LEN(kid));
    reader_want_done(&reader, &wants, kid_of(&a), REASON_REFUSED, now);
    assert_int_equal(reader_want(&reader, &wants, kid_of(&a), NULL, now - 1), REASON_OK); /* the clock was set back */
}

static void wishes_are_bounded(void **state)
{
    (void)state;
    char text[64];
    struct span kid[READER_WANTS_MAX];
    for (int i = 0; i < READER_WANTS_MAX; i++) {
        int n = snprintf(text, sizeof text, "%032X@ttp.demo.example", (unsigned)i);
        assert_int_equal(reader_want(&reader, &wants, span_of(text, (size_t)n), NULL, 1000 + i), REASON_OK);
    }
    assert_int_equal(reader_want(&reader, &wants, SPAN("FF@ttp.demo.example"), NULL, 9999), REASON_FAILED);
    assert_int_equal(reader_want_take(&reader, &wants, FQDN, 9999, kid, LEN(kid)), READER_WANTS_MAX);
    assert_int_equal(reader_want(&reader, &wants, SPAN("FF@ttp.demo.example"), NULL, 9999), REASON_FAILED);
    reader_want_done(&reader, &wants, kid[3], REASON_REFUSED, 9999); /* an old answer makes room */
    assert_int_equal(reader_want(&reader, &wants, SPAN("FF@ttp.demo.example"), NULL, 9999), REASON_OK);
    assert_int_equal(reader_want(&reader, &wants, SPAN("no kid"), NULL, 9999), REASON_MALFORMED);
}

static enum reason own_key(void *ctx, const struct esd_label *l, struct open_key *out)
{
    static uint8_t value[32];
    (void)ctx;
    if (!span_eq(l->kid, SPAN("pump@ttp.demo.example")))
        return REASON_NO_KEY_YET;
    memset(value, 0x5a, sizeof value);
    *out = (struct open_key){.value = span_of(value, sizeof value), .suid = 14};
    return REASON_OK;
}

/* The reader's own keys come first; what they do not know goes on to the cache. */
static void own_keys_come_first(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    reader.own = own_key;
    assert_int_equal(judge(made(&w, 0, 1), READER_NOTIFY), REASON_NO_KEY_YET);
    assert_int_equal(reader.count.misses, 1);
    give_key(&w, 2000000);
    assert_int_equal(judge(made(&w, 0, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(reader.count.hits, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_used_key_is_refreshed_ahead, fresh_house),
        cmocka_unit_test_setup(readers_do_not_come_together, fresh_house),
        cmocka_unit_test_setup(a_key_that_never_expires_is_never_refreshed, fresh_house),
        cmocka_unit_test_setup(one_flight_for_many_readings, fresh_house),
        cmocka_unit_test_setup(what_was_denied_is_not_asked_for_at_once, fresh_house),
        cmocka_unit_test_setup(wishes_are_bounded, fresh_house),
        cmocka_unit_test_setup(own_keys_come_first, fresh_house),
    };
    if (house_open() != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    house_close();
    return failed;
}
