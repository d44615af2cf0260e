/* lib/esd: the reader - key cache, writer, order, time, clear text. */
#include "reader_house.h"

#include "vectors.h"

/* ---- tests ---------------------------------------------------------------------------------------- */

static void key_first_then_open(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span con = made(&w, 0, 999000);
    assert_int_equal(judge(con, READER_NOTIFY), REASON_NO_KEY_YET);
    assert_true(span_eq(res.label.kid, kid_of(&w)));
    give_key(&w, 1000001);
    assert_int_equal(judge(con, READER_NOTIFY), REASON_OK);
    assert_true(span_eq(res.plain, SPAN("{\"t\":1}")) && res.json && !res.batch);
    assert_int_equal(res.flags, 0);
    assert_true(span_eq(res.cr, CSE));
    assert_int_equal(reader.count.hits, 1);
    assert_int_equal(reader.count.misses, 1);
}

/* A key that was checked for one stream is checked again for another. */
static void commitment_is_checked_for_each_stream(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct esd_keys stolen = w.keys;
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    struct span other = SPAN("//demo.example/id-mn/mn/thermo-2/data");
    give_key(&w, 2000000);
    assert_int_equal(judge(made(&w, 0, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(made(&w, 1, 1), READER_NOTIFY), REASON_OK);
    /* sealed by somebody who has the key, under the other stream's sid and the old kid */
    assert_int_equal(keys_sid(other, stolen.sid), REASON_OK);
    assert_int_equal(seal_key_init(&w.sk, &stolen, FQDN), OK);
    struct seal_msg m = {.ep = 1, .i = 2};
    assert_int_equal(seal(&sealer, &w.sk, &m, SPAN("x"), NULL, &b), OK);
    struct reader_item item = {
        .con = buf_span(&b), .cnf = SPAN("text/plain:0:1"), .address = other, .how = READER_NOTIFY, .now_ms = 1000000};
    assert_int_equal(judge_item(item), REASON_COMMITMENT_MISMATCH);
}

static void expiry_is_absolute(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    give_key(&w, 1000000); /* judge() asks at 1000000 */
    assert_int_equal(judge(made(&w, 0, 0), READER_NOTIFY), REASON_NO_KEY_YET);
    assert_int_equal(slots[0].kv_n, 0);
    for (size_t i = 0; i < sizeof slots[0].kv; i++)
        assert_int_equal(slots[0].kv[i], 0);
}

static void cache_is_bounded(void **state)
{
    (void)state;
    struct writer w[5];
    for (uint8_t i = 0; i < 5; i++) {
        w[i] = writer_of((uint8_t)(i + 1), 1);
        give_key(&w[i], 2000000);
        if (i == 3) /* number 0 is used, so number 1 is the oldest */
            assert_int_equal(judge(made(&w[0], 0, 0), READER_NOTIFY), REASON_OK);
    }
    assert_true(reader_key_has(&reader, kid_of(&w[0]), 1));
    assert_false(reader_key_has(&reader, kid_of(&w[1]), 1));
    assert_true(reader_key_has(&reader, kid_of(&w[4]), 1));
    reader_key_drop(&reader, kid_of(&w[4]));
    assert_false(reader_key_has(&reader, kid_of(&w[4]), 1));
    reader_wipe(&reader);
    assert_false(reader_key_has(&reader, kid_of(&w[0]), 1));
    struct reader_fresh f = {.kid = kid_of(&w[0]), .value = SPAN("short"), .suid = 24, .until_ms = 1};
    assert_int_equal(reader_key_put(&reader, &f), ERR_RANGE);
    assert_int_equal(reader.count.evicted, 1);
}

static void only_the_hosting_cse_or_the_pinned_writer(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct reader_item item = {
        .con = made(&w, 0, 0), .cnf = SPAN("application/json:0:1"), .address = ADDRESS, .how = READER_BY_NAME};
    struct reader_fresh theirs = {.kid = kid_of(&w),
                                  .value = span_of(w.keys.kv, ESD_KV),
                                  .suid = 24,
                                  .commits = true,
                                  .cr = SPAN("//demo.example/id-mn2"),
                                  .until_ms = 5};
    assert_int_equal(reader_key_put(&reader, &theirs), OK);
    assert_int_equal(judge_item(item), REASON_WRITER_CHANGED);
    item.writer = SPAN("//demo.example/id-mn2");
    assert_int_equal(judge_item(item), REASON_OK);
    give_key(&w, 5);
    assert_int_equal(judge_item(item), REASON_WRITER_CHANGED);
    item.writer = SPAN_NONE;
    assert_int_equal(judge_item(item), REASON_OK);
    /* another place, no place */
    item.address = SPAN("//demo.example/id-mn/mn/thermo-2/data");
    assert_int_equal(judge_item(item), REASON_WRONG_PLACE);
    item.address = SPAN("mn/thermo-1/data");
    item.writer = CSE;
    assert_int_equal(judge_item(item), REASON_OK);
    assert_int_equal(res.flags & reason_bit(REASON_PLACE_UNVERIFIED), reason_bit(REASON_PLACE_UNVERIFIED));
}

static void notifications_in_any_order_each_once(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    give_key(&w, 2000000);
    struct span two = made(&w, 2, 1);
    assert_int_equal(judge(made(&w, 1, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, 0); /* a late joiner */
    assert_int_equal(judge(made(&w, 5, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, reason_bit(REASON_GAP));
    assert_int_equal(res.missing, 3);
    assert_int_equal(judge(two, READER_NOTIFY), REASON_OK); /* late, fills a gap */
    assert_int_equal(judge(two, READER_NOTIFY), REASON_REPLAYED);
    assert_int_equal(judge(made(&w, 2, 1), READER_FILL), REASON_REPLAYED); /* another envelope, same index */
    assert_int_equal(judge(made(&w, 3, 1), READER_FILL), REASON_OK);
    assert_int_equal(judge(made(&w, 0, 1), READER_FILL), REASON_OK);
    assert_int_equal(judge(made(&w, 5, 1), READER_NOTIFY), REASON_REPLAYED);
    assert_int_equal(judge(made(&w, 6, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, 0);
}

static void latest_never_goes_back(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1), later = writer_of(2, 2);
    give_key(&w, 2000000);
    give_key(&later, 2000000);
    struct span four = made(&w, 4, 1);
    assert_int_equal(judge(four, READER_LATEST), REASON_OK);
    assert_int_equal(judge(four, READER_LATEST), REASON_OK); /* asked twice */
    assert_int_equal(res.flags, reason_bit(REASON_REPLAYED));
    assert_int_equal(judge(made(&w, 4, 1), READER_LATEST), REASON_REPLAYED);
    assert_int_equal(judge(made(&w, 3, 1), READER_LATEST), REASON_ROLLED_BACK);
    assert_int_equal(judge(made(&later, 0, 1), READER_LATEST), REASON_OK);
    assert_int_equal(judge(four, READER_LATEST), REASON_ROLLED_BACK);
    /* by name it may be read as often as one likes, unless it is another one */
    assert_int_equal(judge(four, READER_BY_NAME), REASON_OK);
    assert_int_equal(judge(made(&w, 4, 1), READER_BY_NAME), REASON_REPLAYED);
    struct span three = made(&w, 3, 1);
    assert_int_equal(judge(three, READER_BY_NAME), REASON_OK);
    assert_int_equal(judge(made(&w, 3, 1), READER_BY_NAME), REASON_REPLAYED);
    assert_int_equal(judge(three, READER_NOTIFY), REASON_OK);
}

static void window_of_4096(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    give_key(&w, 2000000);
    struct span eight = made(&w, 8, 1);
    assert_int_equal(judge(eight, READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(made(&w, 8 + READER_WINDOW, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.missing, READER_WINDOW - 1);
    assert_int_equal(judge(eight, READER_NOTIFY), REASON_REPLAYED); /* the last one in the window */
    assert_int_equal(judge(made(&w, 7, 1), READER_NOTIFY), REASON_ROLLED_BACK);
    assert_int_equal(judge(made(&w, 9, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(made(&w, 9 + READER_WINDOW, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(eight, READER_NOTIFY), REASON_ROLLED_BACK);
    assert_int_equal(judge(made(&w, 100 * READER_WINDOW, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(made(&w, 100 * READER_WINDOW - 1, 1), READER_NOTIFY), REASON_OK);
}

/* The mark against a plain model: 3,000 random arrivals over a small range, each judged alike. */
static void order_agrees_with_a_model(void **state)
{
    (void)state;
    static bool seen[600];
    struct writer w = writer_of(1, 1);
    int64_t high = -1;
    uint32_t x = 12345;
    give_key(&w, 2000000);
    memset(seen, 0, sizeof seen);
    for (int n = 0; n < 3000; n++) {
        x = x * 1664525 + 1013904223;
        uint32_t i = (x >> 16) % (uint32_t)(n / 6 + 1);
        enum reason r = judge(made(&w, i, 1), READER_NOTIFY);
        assert_int_equal(r, seen[i] ? REASON_REPLAYED : REASON_OK);
        if (r == REASON_OK) {
            bool gap = high >= 0 && (int64_t)i > high + 1;
            assert_int_equal(res.flags, gap ? reason_bit(REASON_GAP) : 0);
            assert_int_equal(res.missing, gap ? (int64_t)i - high - 1 : 0);
            high = (int64_t)i > high ? (int64_t)i : high;
        }
        seen[i] = true;
    }
}

static void a_second_key_of_an_epoch_is_told(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 7), other = writer_of(2, 7);
    give_key(&w, 2000000);
    give_key(&other, 2000000);
    assert_int_equal(judge(made(&w, 0, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(made(&other, 0, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, reason_bit(REASON_WRITER_RESTORED));
    assert_int_equal(judge(made(&w, 1, 1), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, 0);
}

static void time_is_flagged(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    give_key(&w, 2000000);
    struct reader_policy p = {.fatal = READER_FATAL, .max_age_ms = 60000};
    reader.policy = &p;
    assert_int_equal(judge(made(&w, 0, 939999), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, reason_bit(REASON_STALE));
    assert_int_equal(judge(made(&w, 1, 940000), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, 0);
    assert_int_equal(judge(made(&w, 2, 1005000), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, 0);
    assert_int_equal(judge(made(&w, 3, 1005001), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, reason_bit(REASON_STALE));
    assert_int_equal(judge(made(&w, 4, 0), READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, reason_bit(REASON_NO_CLOCK));
    assert_int_equal(judge(made(&w, 5, 1), READER_FILL), REASON_OK); /* gaps are filled with old readings */
    assert_int_equal(res.flags, 0);
}

static void sealed_is_sticky(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct reader_item clear = {.con = SPAN("{\"t\":21.5}"),
                                .con_json = true,
                                .cnf = SPAN("application/json:0"),
                                .address = ADDRESS,
                                .how = READER_LATEST,
                                .now_ms = 1000000};
    give_key(&w, 2000000);
    assert_int_equal(judge_item(clear), REASON_NOT_SEALED);
    clear.may_be_clear = true;
    assert_int_equal(judge_item(clear), REASON_OK);
    assert_true(res.clear && res.json && span_eq(res.plain, clear.con));
    assert_int_equal(judge(made(&w, 0, 1), READER_BY_NAME), REASON_OK);
    assert_int_equal(judge_item(clear), REASON_NOT_SEALED);
}

static void content_info_decides_nothing_alone(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    give_key(&w, 2000000);
    struct reader_item item = {.con = made(&w, 0, 1), .address = ADDRESS, .how = READER_BY_NAME, .now_ms = 1000000};
    assert_int_equal(judge_item(item), REASON_OK); /* cnf taken away: an envelope all the same */
    item.cnf = SPAN("application/json:0");
    assert_int_equal(judge_item(item), REASON_OK);
    item.cnf = SPAN("application/json:0:2");
    assert_int_equal(judge_item(item), REASON_MALFORMED);
    item.cnf = SPAN("nonsense");
    assert_int_equal(judge_item(item), REASON_MALFORMED);
    item.cnf = SPAN("application/json:0:1");
    item.con = SPAN("{\"t\":21.5}");
    item.con_json = true;
    assert_int_equal(judge_item(item), REASON_MALFORMED);
}

static enum err count(void *ctx, uint32_t n, struct span reading)
{
    assert_int_equal(n, *(uint32_t *)ctx);
    assert_true(reading.n > 0);
    ++*(uint32_t *)ctx;
    return OK;
}

static void batches_are_opened(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct arena a;
    uint8_t text[2048];
    struct buf b = BUF_ARRAY(text);
    uint32_t n = 0;
    struct seal_msg m = {.ep = 1, .json = true, .batch = true};
    give_key(&w, 2000000);
    assert_int_equal(seal(&sealer, &w.sk, &m, SPAN("[{\"t\":1},2,\"x\"]"), NULL, &b), OK);
    assert_int_equal(judge(buf_span(&b), READER_NOTIFY), REASON_OK);
    assert_true(res.batch);
    arena_over(&a, memory, sizeof memory);
    assert_int_equal(reader_each(&res, &a, count, &n), OK);
    assert_int_equal(n, 3);
}

static void a_broken_store_is_our_own_fault(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    give_key(&w, 2000000);
    db.broken = true;
    assert_int_equal(judge(made(&w, 0, 1), READER_NOTIFY), REASON_FAILED);
}

/* Three of the given vectors are about clear text and cnf; the reader judges them. */
static void given_vectors(void **state)
{
    (void)state;
    struct vectors v;
    static const struct span theirs[] = {{(const uint8_t *)"ttp.example.com", 15}};
    reader.ttps = theirs;
    vectors_open(&v, "esdata-negative");
    for (const struct jval *vec = v.list->child; vec; vec = vec->next) {
        struct span id = vec_str(&v, vec, "id");
        const struct jval *in = JSON_GET(vec, "in");
        enum reason want;
        if (!span_eq(id, SPAN("neg-not-sealed")) && !span_starts(id, SPAN("neg-cnf-"))) {
            v.skipped++;
            continue;
        }
        v.ran++;
        struct reader_item item = {.con = vec_str(&v, in, "object"),
                                   .cnf = vec_str(&v, in, "cnf"),
                                   .address = vec_str(&v, in, "address"),
                                   .how = READER_LATEST};
        assert_int_equal(reason_of(vec_str(&v, vec, "reason"), &want), OK);
        assert_int_equal(judge_item(item), want);
    }
    assert_int_equal(v.ran, 3);
    assert_true(vectors_close(&v, "esdata-negative, by the reader"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(key_first_then_open, set_up),
        cmocka_unit_test_setup(commitment_is_checked_for_each_stream, set_up),
        cmocka_unit_test_setup(expiry_is_absolute, set_up),
        cmocka_unit_test_setup(cache_is_bounded, set_up),
        cmocka_unit_test_setup(only_the_hosting_cse_or_the_pinned_writer, set_up),
        cmocka_unit_test_setup(notifications_in_any_order_each_once, set_up),
        cmocka_unit_test_setup(latest_never_goes_back, set_up),
        cmocka_unit_test_setup(window_of_4096, set_up),
        cmocka_unit_test_setup(order_agrees_with_a_model, set_up),
        cmocka_unit_test_setup(a_second_key_of_an_epoch_is_told, set_up),
        cmocka_unit_test_setup(time_is_flagged, set_up),
        cmocka_unit_test_setup(sealed_is_sticky, set_up),
        cmocka_unit_test_setup(content_info_decides_nothing_alone, set_up),
        cmocka_unit_test_setup(batches_are_opened, set_up),
        cmocka_unit_test_setup(a_broken_store_is_our_own_fault, set_up),
        cmocka_unit_test_setup(given_vectors, set_up),
    };
    if (house_open() != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    house_close();
    return failed;
}
