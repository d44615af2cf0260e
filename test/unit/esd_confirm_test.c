/* lib/esd: the second verdict - what a reader makes of heads that come, that do not come, and that contradict what it
 * was given. */
#include "reader_house.h"

#include "esd/reader_head.h"
#include "esd/reader_keys.h"

/* ---- a writer with its signing key ------------------------------------------------------------------ */

#define NOW 1000000
static struct p256 *signer, *stranger;
static uint8_t thumb[JOSE_THUMB];
static struct head_maker maker;
static struct log_hash hashes[HEAD_SEGMENT_MAX];
static struct reader_head_result head_res;
static uint8_t head_memory[4 << 20];

static int with_signer(void **state)
{
    int failed = set_up(state);
    assert_int_equal(p256_thumb(signer, thumb), OK);
    wk = thumb;
    return failed;
}

static void begin(const struct writer *w, const uint8_t *prev, bool store_hashes)
{
    assert_int_equal(head_maker_begin(&maker, w->keys.sid, w->keys.kc, w->ep, kid_of(w), prev, 0), OK);
    maker.hashes = store_hashes ? hashes : NULL;
}

static void covers(struct span con)
{
    struct log_hash h;
    assert_int_equal(log_entry_envelope(con, &h), OK);
    assert_int_equal(head_maker_add(&maker, &h, 0), OK);
}

struct heading {
    const struct p256 *key;
    uint32_t oldest;
    bool closed;
    int64_t t;
};

/* con of the next head; each call has a text of its own. */
static struct span head_of_all(struct heading h)
{
    static uint8_t text[16][HEAD_CON_MAX], jws[HEAD_JWS_MAX];
    static int next;
    struct buf con = BUF_ARRAY(text[next++ % 16]), scratch = BUF_ARRAY(jws);
    struct head_make how = {.key = h.key ? h.key : signer,
                            .signer = SPAN("53-//demo.example/id-mn"),
                            .oldest = h.oldest,
                            .t = h.t ? h.t : NOW,
                            .closed = h.closed};
    struct span cnf;
    assert_int_equal(head_maker_make(&maker, &how, &scratch, &con, &cnf), OK);
    return buf_span(&con);
}

static enum reason bring_item(struct reader_head_item item)
{
    struct arena a;
    arena_over(&a, head_memory, sizeof head_memory);
    return reader_head(&reader, &item, &a, &head_res);
}

static enum reason bring(struct span con, int64_t now)
{
    return bring_item((struct reader_head_item){.con = con, .address = ADDRESS, .now_ms = now});
}

static enum reason second(const struct writer *w, uint32_t i, struct span con, int64_t now)
{
    struct arena a;
    uint8_t hash[ESD_HASH];
    struct reader_second q = {.kid = kid_of(w), .i = i, .hash = hash, .sid = w->keys.sid, .now_ms = now};
    arena_over(&a, head_memory, sizeof head_memory);
    assert_int_equal(esd_sha256(con, hash), OK);
    return reader_second(&reader, &q, &a);
}

/* What the store remembers of an index, delivered or not. */
static enum reason kept(const struct writer *w, uint32_t i)
{
    char text[READER_KID_TEXT];
    enum reason r = REASON_FAILED;
    assert_int_equal(second_get(NULL, reader_kid(kid_of(w), text), i, &r), OK);
    return r;
}

/* n readings, sealed and covered; not yet given to the reader. */
static void sealed(const struct writer *w, struct span *con, uint32_t from, uint32_t n)
{
    static uint8_t text[64][2048];
    static unsigned next;
    for (uint32_t i = 0; i < n; i++) {
        struct span s = made(w, from + i, NOW);
        uint8_t *own = text[next++ % 64];
        memcpy(own, s.p, s.n);
        con[i] = span_of(own, s.n);
        covers(con[i]);
    }
}

/* ---- tests ------------------------------------------------------------------------------------------ */

static void opened_then_confirmed(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span c[6];
    give_key(&w, 9000000);
    begin(&w, NULL, false);
    sealed(&w, c, 0, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(judge(c[i], READER_NOTIFY), REASON_OK);
        assert_int_equal(res.second, REASON_UNCONFIRMED);
    }
    struct span first = head_of_all((struct heading){0});
    assert_int_equal(bring(first, NOW + 1), REASON_OK);
    assert_int_equal(head_res.step, HEAD_STARTS);
    assert_int_equal(head_res.confirmed, 3);
    assert_int_equal(second(&w, 1, c[1], NOW), REASON_OK);
    assert_int_equal(judge(c[1], READER_BY_NAME), REASON_OK);
    assert_int_equal(res.second, REASON_OK);
    sealed(&w, c + 3, 3, 2);
    assert_int_equal(judge(c[3], READER_NOTIFY), REASON_OK);
    assert_int_equal(res.second, REASON_UNCONFIRMED);
    assert_int_equal(judge(c[4], READER_NOTIFY), REASON_OK);
    assert_int_equal(bring(head_of_all((struct heading){.closed = true}), NOW + 2), REASON_OK);
    assert_int_equal(head_res.step, HEAD_FOLLOWS);
    assert_int_equal(second(&w, 4, c[4], NOW), REASON_OK);
    /* the same head again says nothing new */
    assert_int_equal(bring(first, NOW + 3), REASON_OK);
    assert_int_equal(head_res.step, HEAD_KNOWN);
    assert_int_equal(second(&w, 2, c[2], NOW), REASON_OK);
}

/* A reading that comes after its head is confirmed as soon as it is opened. */
static void late_readings_are_confirmed(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span c[3];
    give_key(&w, 9000000);
    begin(&w, NULL, false);
    sealed(&w, c, 0, 3);
    assert_int_equal(judge(c[0], READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(c[2], READER_NOTIFY), REASON_OK);
    assert_int_equal(bring(head_of_all((struct heading){0}), NOW), REASON_OK);
    assert_int_equal(head_res.missing, 1);
    assert_int_equal(head_res.confirmed, 0);
    assert_int_equal(second(&w, 0, c[0], NOW), REASON_PARTIAL);
    assert_int_equal(judge(c[1], READER_FILL), REASON_OK);
    assert_int_equal(res.second, REASON_OK);
    assert_int_equal(second(&w, 0, c[0], NOW), REASON_OK);
    assert_int_equal(second(&w, 2, c[2], NOW), REASON_OK);
}

/* Another reader has the key, and the server is on its side. */
static void a_forgery_never_is_confirmed(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span c[3], forged;
    for (int stored = 0; stored < 2; stored++) {
        with_signer(state);
        give_key(&w, 9000000);
        begin(&w, NULL, stored);
        sealed(&w, c, 0, 3);
        forged = made(&w, 1, NOW);
        assert_int_equal(judge(c[0], READER_NOTIFY), REASON_OK);
        assert_int_equal(judge(forged, READER_NOTIFY), REASON_OK);
        assert_int_equal(judge(c[2], READER_NOTIFY), REASON_OK);
        assert_int_equal(bring(head_of_all((struct heading){0}), NOW), REASON_OK);
        assert_int_equal(second(&w, 1, forged, NOW), REASON_FORGED_BY_READER);
        assert_int_equal(head_res.forged, stored ? 1 : 3); /* without stored hashes it cannot be told which */
        assert_int_equal(second(&w, 0, c[0], NOW), stored ? REASON_OK : REASON_FORGED_BY_READER);
        assert_int_equal(judge(forged, READER_BY_NAME), REASON_OK);
        assert_int_equal(res.second, REASON_FORGED_BY_READER);
    }
}

/* Behind the end of an epoch, and far ahead of it. */
static void indices_that_the_writer_never_gave(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span c[2], ahead = made(&w, 500, NOW), behind = made(&w, 2, NOW);
    give_key(&w, 9000000);
    begin(&w, NULL, false);
    sealed(&w, c, 0, 2);
    assert_int_equal(judge(c[0], READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(c[1], READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(ahead, READER_NOTIFY), REASON_OK);
    assert_int_equal(res.flags, READER_BIT(GAP));
    assert_int_equal(bring(head_of_all((struct heading){.t = NOW + READER_LATE_MS}), NOW), REASON_OK);
    assert_int_equal(second(&w, 500, ahead, NOW), REASON_UNCONFIRMED); /* it may still come */
    assert_int_equal(bring(head_of_all((struct heading){.t = NOW + READER_LATE_MS + 1}), NOW), REASON_OK);
    assert_int_equal(second(&w, 500, ahead, NOW), REASON_FORGED_BY_READER);
    assert_int_equal(bring(head_of_all((struct heading){.closed = true, .t = NOW + 2}), NOW), REASON_OK);
    assert_int_equal(judge(behind, READER_NOTIFY), REASON_OK);
    assert_int_equal(res.second, REASON_FORGED_BY_READER);
}

static void dropped_readings_are_withheld(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span c[4];
    give_key(&w, 9000000);
    begin(&w, NULL, false);
    sealed(&w, c, 0, 4);
    assert_int_equal(judge(c[0], READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(c[1], READER_NOTIFY), REASON_OK);
    assert_int_equal(bring(head_of_all((struct heading){0}), NOW), REASON_OK);
    assert_int_equal(head_res.missing, 2);
    assert_int_equal(head_res.withheld, 0); /* first they are looked for */
    assert_int_equal(reader_tried(&reader, kid_of(&w), NOW + 1), REASON_OK);
    /* a heartbeat after the failed search says that they still are there */
    assert_int_equal(bring(head_of_all((struct heading){0}), NOW + 2), REASON_OK);
    assert_int_equal(head_res.withheld, 2);
    assert_int_equal(kept(&w, 3), REASON_WITHHELD);
    assert_int_equal(judge(c[3], READER_FILL), REASON_OK); /* found after all */
    assert_int_equal(judge(c[2], READER_FILL), REASON_OK);
    assert_int_equal(res.second, REASON_OK);
}

static void eviction_is_no_attack(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span c[4];
    for (int stored = 0; stored < 2; stored++) {
        with_signer(state);
        give_key(&w, 9000000);
        begin(&w, NULL, stored);
        sealed(&w, c, 0, 4);
        assert_int_equal(judge(c[0], READER_NOTIFY), REASON_OK);
        assert_int_equal(judge(c[3], READER_NOTIFY), REASON_OK);
        assert_int_equal(bring(head_of_all((struct heading){.oldest = 3}), NOW), REASON_OK);
        assert_int_equal(reader_tried(&reader, kid_of(&w), NOW + 1), REASON_OK);
        assert_int_equal(bring(head_of_all((struct heading){.oldest = 3}), NOW + 2), REASON_OK);
        assert_int_equal(head_res.withheld, 0);
        assert_int_equal(head_res.missing, 0);
        /* with stored hashes each single one can be confirmed */
        assert_int_equal(second(&w, 3, c[3], NOW), stored ? REASON_OK : REASON_PARTIAL);
    }
}

static void a_late_joiner_has_a_part(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span c[6];
    give_key(&w, 9000000);
    begin(&w, NULL, false);
    sealed(&w, c, 0, 2);
    (void)head_of_all((struct heading){0});
    sealed(&w, c + 2, 2, 2);
    assert_int_equal(judge(c[3], READER_NOTIFY), REASON_OK);
    assert_int_equal(bring(head_of_all((struct heading){0}), NOW), REASON_OK);
    assert_int_equal(head_res.missing, 0);
    assert_int_equal(head_res.partial, 2);
    assert_int_equal(second(&w, 3, c[3], NOW), REASON_PARTIAL);
    sealed(&w, c + 4, 4, 1);
    assert_int_equal(judge(c[4], READER_NOTIFY), REASON_OK);
    assert_int_equal(bring(head_of_all((struct heading){0}), NOW), REASON_OK);
    assert_int_equal(second(&w, 4, c[4], NOW), REASON_OK);
    /* whoever fetches the rest of the segment by name gets it confirmed */
    assert_int_equal(judge(c[2], READER_BY_NAME), REASON_OK);
    assert_int_equal(res.second, REASON_OK);
    assert_int_equal(second(&w, 3, c[3], NOW), REASON_OK);
    assert_int_equal(judge(c[0], READER_BY_NAME), REASON_OK);
    assert_int_equal(res.second, REASON_PARTIAL); /* before the first head that it has */
}

static void heads_that_do_not_verify(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1), other = writer_of(2, 2);
    struct span c[2];
    give_key(&w, 9000000);
    begin(&w, NULL, false);
    sealed(&w, c, 0, 2);
    assert_int_equal(judge(c[0], READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(c[1], READER_NOTIFY), REASON_OK);
    struct head_maker before = maker;
    struct span forged = head_of_all((struct heading){.key = stranger});
    assert_int_equal(bring(forged, NOW), REASON_PROOF_INVALID); /* another reader signs */
    maker = before;
    struct span fine = head_of_all((struct heading){0});
    uint8_t text[HEAD_CON_MAX];
    memcpy(text, fine.p, fine.n);
    text[fine.n - 3] = text[fine.n - 3] == 'A' ? 'B' : 'A';
    assert_int_equal(bring(span_of(text, fine.n), NOW), REASON_PROOF_INVALID);
    assert_int_equal(bring(span_first(fine, fine.n - 4), NOW), REASON_MALFORMED);
    assert_int_equal(bring_item((struct reader_head_item){
                         .con = fine, .address = SPAN("//demo.example/id-mn/mn/thermo-2/data"), .now_ms = NOW}),
                     REASON_WRONG_PLACE);
    assert_int_equal(bring_item((struct reader_head_item){
                         .con = fine, .address = ADDRESS, .writer = SPAN("//demo.example/Sx"), .now_ms = NOW}),
                     REASON_WRITER_CHANGED);
    assert_int_equal(second(&w, 0, c[0], NOW), REASON_UNCONFIRMED);
    assert_int_equal(bring(fine, NOW), REASON_OK);
    begin(&other, NULL, false);
    covers(c[0]);
    assert_int_equal(bring(head_of_all((struct heading){0}), NOW), REASON_NO_KEY_YET);
    assert_true(span_eq(head_res.head.kid, kid_of(&other)));
    wk = NULL;
    give_key(&other, 9000000);
    begin(&other, NULL, false);
    covers(c[0]);
    assert_int_equal(bring(head_of_all((struct heading){0}), NOW), REASON_PROOF_INVALID); /* nobody signs for it */
    reader.n_ttps = 0;
    assert_int_equal(bring(fine, NOW), REASON_UNKNOWN_TTP);
}

/* The writer's own key signs two heads of one place: a writer that was put back, or a fork. */
static void a_fork_is_no_proof(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span c[2], d[2];
    give_key(&w, 9000000);
    begin(&w, NULL, false);
    struct head_maker start = maker;
    sealed(&w, c, 0, 2);
    assert_int_equal(judge(c[0], READER_NOTIFY), REASON_OK);
    assert_int_equal(judge(c[1], READER_NOTIFY), REASON_OK);
    assert_int_equal(bring(head_of_all((struct heading){0}), NOW), REASON_OK);
    maker = start;
    sealed(&w, d, 0, 2);
    assert_int_equal(bring(head_of_all((struct heading){0}), NOW), REASON_PROOF_INVALID);
    assert_int_equal(second(&w, 0, c[0], NOW), REASON_OK);
}

static void missing_links_are_fetched_first(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span c[6];
    give_key(&w, 9000000);
    begin(&w, NULL, false);
    sealed(&w, c, 0, 2);
    struct span one = head_of_all((struct heading){0});
    sealed(&w, c + 2, 2, 2);
    struct span two = head_of_all((struct heading){0});
    sealed(&w, c + 4, 4, 2);
    struct span three = head_of_all((struct heading){0});
    for (int i = 0; i < 6; i++)
        assert_int_equal(judge(c[i], READER_NOTIFY), REASON_OK);
    assert_int_equal(bring(one, NOW), REASON_OK);
    assert_int_equal(bring(three, NOW), REASON_OK);
    assert_int_equal(head_res.step, HEAD_AHEAD);
    assert_int_equal(head_res.ahead_from, 2);
    assert_int_equal(head_res.ahead_n, 2);
    assert_int_equal(second(&w, 5, c[5], NOW), REASON_UNCONFIRMED);
    if (*state) { /* the server does not have it */
        assert_int_equal(
            bring_item((struct reader_head_item){.con = three, .address = ADDRESS, .alone = true, .now_ms = NOW}),
            REASON_OK);
        assert_int_equal(head_res.withheld, 2);
        assert_int_equal(kept(&w, 2), REASON_WITHHELD);
        assert_int_equal(second(&w, 1, c[1], NOW), REASON_OK);
        assert_int_equal(second(&w, 5, c[5], NOW), REASON_OK);
        assert_int_not_equal(second(&w, 2, c[2], NOW), REASON_OK);
        return;
    }
    assert_int_equal(bring(two, NOW), REASON_OK);
    assert_int_equal(bring(three, NOW), REASON_OK);
    assert_int_equal(head_res.step, HEAD_FOLLOWS);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(second(&w, i, c[i], NOW), REASON_OK);
}

static void missing_links_are_withheld(void **state)
{
    int yes = 1;
    void *with = &yes;
    (void)state;
    missing_links_are_fetched_first(&with);
}

/* A whole epoch of which nothing was delivered but its head. */
static void an_epoch_that_never_came(void **state)
{
    (void)state;
    struct writer one = writer_of(1, 1), two = writer_of(2, 2);
    struct span c[2], d[2];
    give_key(&one, 9000000);
    give_key(&two, 9000000);
    begin(&one, NULL, false);
    sealed(&one, c, 0, 1);
    assert_int_equal(judge(c[0], READER_NOTIFY), REASON_OK);
    begin(&two, NULL, false);
    sealed(&two, d, 0, 2);
    assert_int_equal(bring(head_of_all((struct heading){0}), NOW), REASON_OK);
    assert_int_equal(head_res.missing, 2);
}

struct told {
    uint32_t n, silent, i;
};
static void tell(void *ctx, struct span kid, uint32_t i, enum reason r)
{
    struct told *t = ctx;
    assert_true(kid.n > 0);
    assert_int_equal(r, REASON_WITHHELD);
    if (i == READER_NO_INDEX) {
        t->silent++;
    } else {
        t->n++;
        t->i = i;
    }
}

static struct told overdue(const struct writer *w, int64_t since, int64_t now)
{
    struct told t = {0};
    assert_int_equal(reader_overdue(&reader, w->keys.sid, NULL, since, now, (struct reader_say){tell, &t}), REASON_OK);
    return t;
}

static void no_head_within_a_heartbeat(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span c[2];
    int64_t limit = NOW + READER_HEARTBEAT_MS + READER_LATE_MS;
    give_key(&w, 9000000);
    begin(&w, NULL, false);
    sealed(&w, c, 0, 2);
    assert_int_equal(judge(c[0], READER_NOTIFY), REASON_OK);
    assert_int_equal(overdue(&w, 0, limit).n, 0);
    assert_int_equal(second(&w, 0, c[0], limit), REASON_UNCONFIRMED);
    assert_int_equal(second(&w, 0, c[0], limit + 1), REASON_WITHHELD);
    assert_int_equal(overdue(&w, 0, limit + 1).n, 1);
    assert_int_equal(overdue(&w, 0, limit + 2).n, 0); /* said once */
    struct reader_policy quick = {.fatal = READER_FATAL, .heartbeat_ms = 2000};
    reader.policy = &quick;
    assert_int_equal(judge(c[1], READER_NOTIFY), REASON_OK);
    assert_int_equal(overdue(&w, 0, NOW + 2000 + READER_LATE_MS).n, 0);
    assert_int_equal(overdue(&w, 0, NOW + 2001 + READER_LATE_MS).i, 1);
    /* the head comes after all */
    assert_int_equal(bring(head_of_all((struct heading){0}), limit), REASON_OK);
    assert_int_equal(second(&w, 0, c[0], limit), REASON_OK);
}

static void a_writer_that_falls_silent(void **state)
{
    (void)state;
    struct writer w = writer_of(1, 1);
    struct span c[1];
    int64_t limit = NOW + READER_HEARTBEAT_MS + READER_LATE_MS;
    give_key(&w, 99000000);
    begin(&w, NULL, false);
    sealed(&w, c, 0, 1);
    assert_int_equal(judge(c[0], READER_NOTIFY), REASON_OK);
    assert_int_equal(bring(head_of_all((struct heading){0}), NOW), REASON_OK);
    assert_int_equal(overdue(&w, 0, limit).silent, 0);
    assert_int_equal(overdue(&w, limit, limit + 1).silent, 0); /* the reader itself was away */
    assert_int_equal(overdue(&w, 0, limit + 1).silent, 1);
    assert_int_equal(overdue(&w, 0, limit + 2).silent, 0);
    assert_int_equal(bring(head_of_all((struct heading){0}), limit + 3), REASON_OK); /* a heartbeat */
    assert_int_equal(overdue(&w, 0, limit + 4).silent, 0);
    assert_int_equal(bring(head_of_all((struct heading){.closed = true}), limit + 5), REASON_OK);
    assert_int_equal(overdue(&w, 0, 9 * limit).silent, 0); /* an epoch that is closed owes nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(opened_then_confirmed, with_signer),
        cmocka_unit_test_setup(late_readings_are_confirmed, with_signer),
        cmocka_unit_test_setup(a_forgery_never_is_confirmed, with_signer),
        cmocka_unit_test_setup(indices_that_the_writer_never_gave, with_signer),
        cmocka_unit_test_setup(dropped_readings_are_withheld, with_signer),
        cmocka_unit_test_setup(eviction_is_no_attack, with_signer),
        cmocka_unit_test_setup(a_late_joiner_has_a_part, with_signer),
        cmocka_unit_test_setup(heads_that_do_not_verify, with_signer),
        cmocka_unit_test_setup(a_fork_is_no_proof, with_signer),
        cmocka_unit_test_setup(missing_links_are_fetched_first, with_signer),
        cmocka_unit_test_setup(missing_links_are_withheld, with_signer),
        cmocka_unit_test_setup(an_epoch_that_never_came, with_signer),
        cmocka_unit_test_setup(no_head_within_a_heartbeat, with_signer),
        cmocka_unit_test_setup(a_writer_that_falls_silent, with_signer),
    };
    if (house_open() != 0 || p256_new(&signer) != OK || p256_new(&stranger) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    house_close();
    p256_free(signer);
    p256_free(stranger);
    return failed;
}
