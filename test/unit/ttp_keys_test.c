/* src/ttp: keys that the vault makes, Key Values and strict pairs, without processes. */
#include "ttp_house.h"

#include "esd/keyask_open.h"
#include "esd/strict.h"

enum { DAY_MS = 86400000 };

struct scene {
    struct house *h;
    struct party writer, app, other;
};

static void scene_set(struct scene *s)
{
    s->h = house_new();
    s->writer = party_new(s->h, "//demo.example/Sdev", "URI:m2m://demo.example/Sdev");
    s->app = party_new(s->h, "//demo.example/Sapp-heat", "URI:m2m://demo.example/Sapp-heat");
    s->other = party_new(s->h, "//demo.example/Sapp-other", "URI:m2m://demo.example/Sapp-other");
    join(s->h, &s->writer);
    join(s->h, &s->app);
    join(s->h, &s->other);
    struct span t = policy_text(s->h, &s->writer, "ward", 1, &s->app);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_POLICY, "", t)).code, SPAN("ok")));
}

static void scene_end(struct scene *s)
{
    p256_free(s->writer.key);
    p256_free(s->app.key);
    p256_free(s->other.key);
    house_free(s->h);
}

/* A request of `p` for the stream whose sid is all `sid`; the pair behind epk goes into q. */
static struct span key_text(struct house *h, const struct party *p, uint8_t sid, uint8_t pairs, struct key_ask *q)
{
    struct buf scratch = heap_buf(1 << 16), out = heap_buf(1 << 16);
    *q = (struct key_ask){.iss = span_str(p->iss),
                          .aud = SPAN(FQDN),
                          .pairs = pairs,
                          .item = {.ep = 1, .suid = 24, .adfq = SPAN(FQDN), .policy = SPAN("ward")}};
    memset(q->item.sid, sid, ESD_SID);
    nonce_of(h, q->nonce);
    if (!pairs)
        assert_int_equal(p256_new(&q->epk), OK);
    enum err e = keyask_build(q, p->key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    return built(h, &out, e);
}

static struct key_answer key_open(struct house *h, struct span text, const struct key_ask *q, struct answer a)
{
    struct key_answer got;
    struct keyask_expect x = {.request = text, .ask = q, .release = h->bundle.release};
    assert_int_equal(a.status, 200);
    assert_int_equal(keyask_open(a.body, &x, &h->mem, &got), REASON_OK);
    return got;
}

static struct key_answer pairs_of(struct scene *s, uint8_t sid, uint8_t n)
{
    struct key_ask q;
    struct span text = key_text(s->h, &s->writer, sid, n, &q);
    return key_open(s->h, text, &q, ask(s->h, KIND_KEY, "", text));
}

static struct span activation_text(struct house *h, const struct party *p, const struct key_made *k, uint8_t sid,
                                   uint64_t ep)
{
    struct buf scratch = heap_buf(1 << 16), out = heap_buf(1 << 16);
    struct letter_item m = {.ep = ep, .kid = k->kid, .suid = 24, .adfq = SPAN(FQDN), .policy = SPAN("ward")};
    struct key_letter l = {.iss = span_str(p->iss), .aud = SPAN(FQDN), .items = &m, .n = 1};
    memset(m.sid, sid, ESD_SID);
    memcpy(m.kc, k->kc, ESD_KC);
    enum err e = letter_activation_build(&l, p->key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    return built(h, &out, e);
}

static bool acked(struct house *h, struct span text, const char *code)
{
    return span_eq(ack_of(h, text, ask(h, KIND_LETTER, "", text)).code, span_str(code));
}

/* The value that a reader gets: OK and 32 octets, or the code of the denial. */
static enum reason release_d(struct house *h, const struct party *p, struct span kid, uint8_t d[STRICT_D])
{
    struct release_ask q = {0};
    struct release_got g;
    struct span text = release_text(h, p, &q, &kid, 1);
    struct answer a = ask(h, KIND_RELEASE, "", text);
    assert_int_equal(a.status, 200);
    assert_int_equal(open_answer(h, text, &q, a, &g), REASON_OK);
    p256_free(q.epk);
    if (g.n_keys == 0)
        return g.deny[0].code;
    assert_int_equal(g.keys[0].kv_n, STRICT_D);
    memcpy(d, g.keys[0].kv, STRICT_D);
    release_wipe(&g);
    return REASON_OK;
}

/* ---- Key Values --------------------------------------------------------------------------------- */

static void a_made_key_is_registered(void **state)
{
    (void)state;
    struct scene s;
    struct key_ask q;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    struct span text = key_text(s.h, &s.writer, 7, 0, &q);
    struct key_answer got = key_open(s.h, text, &q, ask(s.h, KIND_KEY, "", text));
    struct span kid = got.keys[0].kid;
    assert_true(got.index > 0 && got.size > got.index);
    assert_true(got.keys[0].et > s.h->now + 399 * (int64_t)DAY_MS);
    assert_int_equal(release_one(s.h, &s.app, kid, kv), REASON_OK);
    assert_memory_equal(kv, got.keys[0].kv, ESD_KV);
    assert_int_equal(release_one(s.h, &s.other, kid, kv), REASON_REFUSED);
    keyask_free(&got);
    /* the same request again is decided anew: another key */
    got = key_open(s.h, text, &q, ask(s.h, KIND_KEY, "", text));
    assert_false(kid_eq(got.keys[0].kid, kid));
    keyask_free(&got);
    house_restart(s.h);
    assert_int_equal(release_one(s.h, &s.app, kid, kv), REASON_OK);
    p256_free(q.epk);
    scene_end(&s);
}

/* e2e.md 6 point 4 counts for keys that leave to a writer too. */
static void no_key_before_its_record(void **state)
{
    (void)state;
    struct scene s;
    struct key_ask q;
    scene_set(&s);
    struct span text = key_text(s.h, &s.writer, 7, 0, &q);
    uint64_t size = s.h->size;
    s.h->n_answers = 0;
    uint64_t id = ask_only(s.h, KIND_KEY, "", text);
    s.h->hold_heads = true;
    pump(s.h);
    assert_null(answer_of(s.h, id));
    s.h->hold_heads = false;
    s.h->size = size + 1;
    kept(s.h);
    pump(s.h);
    assert_non_null(answer_of(s.h, id));
    struct key_answer got = key_open(s.h, text, &q, *answer_of(s.h, id));
    keyask_free(&got);
    p256_free(q.epk);
    scene_end(&s);
}

static void who_may_not_ask(void **state)
{
    (void)state;
    struct scene s;
    struct key_ask q;
    scene_set(&s);
    struct party stranger = party_new(s.h, "//demo.example/Sstranger", "URI:m2m://demo.example/Sstranger");
    struct span text = key_text(s.h, &stranger, 7, 2, &q);
    assert_int_equal(ask(s.h, KIND_KEY, "", text).status, 403);
    struct party thief = s.writer;
    thief.key = s.other.key;
    text = key_text(s.h, &thief, 7, 2, &q);
    assert_int_equal(ask(s.h, KIND_KEY, "", text).status, 403);
    text = key_text(s.h, &s.writer, 7, 2, &q);
    s.h->now += 121000;
    assert_int_equal(ask(s.h, KIND_KEY, "", text).status, 403); /* the nonce is no longer fresh */
    p256_free(stranger.key);
    scene_end(&s);
}

/* ---- pairs -------------------------------------------------------------------------------------- */

static void asking_again_gives_the_same_pairs(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct key_answer first = pairs_of(&s, 7, 3);
    uint64_t size = s.h->size;
    struct key_answer again = pairs_of(&s, 7, 3);
    assert_int_equal(s.h->size, size); /* nothing new, no leaf */
    assert_int_equal(first.n, 3);
    assert_int_equal(again.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(kid_eq(first.keys[i].kid, again.keys[i].kid) && p256_same(first.keys[i].pub, again.keys[i].pub));
    keyask_free(&again);
    house_restart(s.h);
    again = pairs_of(&s, 7, 24);
    assert_int_equal(again.n, 24);
    for (size_t i = 0; i < 3; i++)
        assert_true(kid_eq(first.keys[i].kid, again.keys[i].kid));
    keyask_free(&again);
    struct key_answer elsewhere = pairs_of(&s, 8, 1);
    assert_false(kid_eq(first.keys[0].kid, elsewhere.keys[0].kid));
    keyask_free(&elsewhere);
    keyask_free(&first);
    scene_end(&s);
}

static void a_pair_is_released_after_its_activation(void **state)
{
    (void)state;
    struct scene s;
    uint8_t d[STRICT_D];
    struct p256 *pair;
    scene_set(&s);
    struct key_answer got = pairs_of(&s, 7, 2);
    const struct key_made *k = &got.keys[0];
    assert_int_equal(release_d(s.h, &s.app, k->kid, d), REASON_NO_KEY_YET);
    struct span text = activation_text(s.h, &s.writer, k, 7, 4);
    struct ack first = ack_of(s.h, text, ask(s.h, KIND_LETTER, "", text));
    assert_true(span_eq(first.code, SPAN("ok")));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(release_d(s.h, &s.app, k->kid, d), REASON_OK);
        assert_int_equal(strict_pair(span_of(d, STRICT_D), &pair), REASON_OK);
        assert_true(p256_same(pair, k->pub));
        p256_free(pair);
        assert_int_equal(release_d(s.h, &s.other, k->kid, d), REASON_REFUSED);
        house_restart(s.h);
    }
    /* the one beside it still waits, and the activated one is offered no more */
    assert_int_equal(release_d(s.h, &s.app, got.keys[1].kid, d), REASON_NO_KEY_YET);
    struct key_answer rest = pairs_of(&s, 7, 2);
    assert_int_equal(rest.n, 2);
    assert_true(kid_eq(rest.keys[0].kid, got.keys[1].kid));
    assert_false(kid_eq(rest.keys[1].kid, k->kid));
    keyask_free(&rest);
    /* the same letter again is the same registration, another epoch is none */
    struct ack again = ack_of(s.h, text, ask(s.h, KIND_LETTER, "", text));
    assert_true(span_eq(again.code, SPAN("ok")) && again.index == first.index);
    assert_true(acked(s.h, activation_text(s.h, &s.writer, k, 7, 5), "conflict"));
    keyask_free(&got);
    scene_end(&s);
}

/* Both kinds in one stream, under one policy; a denial counts for both. */
static void pairs_beside_key_values(void **state)
{
    (void)state;
    static const uint8_t own[1][ESD_KV] = {{1, 2, 3}};
    struct scene s;
    uint8_t d[STRICT_D], kv[ESD_KV];
    scene_set(&s);
    struct key_answer got = pairs_of(&s, 7, 1);
    struct letter_item m = item_of(s.h, own[0], 7, 1, "ward");
    struct span text = letter_text(s.h, &s.writer, &m, 1, own);
    assert_true(acked(s.h, text, "ok"));
    assert_true(acked(s.h, activation_text(s.h, &s.writer, &got.keys[0], 7, 2), "ok"));
    /* an activation cannot take the place of a letter, since there is no pair of that name */
    struct key_made k = {.kid = m.kid};
    memcpy(k.kc, m.kc, ESD_KC);
    assert_true(acked(s.h, activation_text(s.h, &s.writer, &k, 7, 3), "conflict"));
    assert_int_equal(release_one(s.h, &s.app, m.kid, kv), REASON_OK);
    assert_int_equal(release_d(s.h, &s.app, got.keys[0].kid, d), REASON_OK);
    text = denial_text(s.h, s.writer.iss, s.writer.key, s.app.iss, true, 1);
    assert_true(span_eq(ack_of(s.h, text, ask(s.h, KIND_POLICY, "", text)).code, SPAN("ok")));
    assert_int_equal(release_one(s.h, &s.app, m.kid, kv), REASON_REFUSED);
    assert_int_equal(release_d(s.h, &s.app, got.keys[0].kid, d), REASON_REFUSED);
    keyask_free(&got);
    scene_end(&s);
}

static void activations_that_are_refused(void **state)
{
    (void)state;
    struct scene s;
    uint8_t d[STRICT_D];
    scene_set(&s);
    struct key_answer got = pairs_of(&s, 7, 1);
    struct key_made k = got.keys[0];
    assert_true(acked(s.h, activation_text(s.h, &s.other, &k, 7, 1), "refused"));  /* somebody else's pair */
    assert_true(acked(s.h, activation_text(s.h, &s.writer, &k, 8, 1), "refused")); /* of another stream */
    k.kc[31] ^= 1;
    assert_true(acked(s.h, activation_text(s.h, &s.writer, &k, 7, 1), "commitment-mismatch"));
    k.kid = SPAN("00000000000000000000000000000000@ttp.demo.example");
    assert_true(acked(s.h, activation_text(s.h, &s.writer, &k, 7, 1), "expired")); /* never made */
    assert_int_equal(release_d(s.h, &s.app, got.keys[0].kid, d), REASON_NO_KEY_YET);
    keyask_free(&got);
    scene_end(&s);
}

/* A pair that nobody activated ends after 30 days. */
static void a_pair_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    s.h->now -= 3000000; /* so that the pair's end is before the certificate's */
    struct key_answer got = pairs_of(&s, 7, 2);
    assert_true(acked(s.h, activation_text(s.h, &s.writer, &got.keys[1], 7, 1), "ok"));
    s.h->now += 30 * (int64_t)DAY_MS + 1000;
    assert_true(acked(s.h, activation_text(s.h, &s.writer, &got.keys[0], 7, 2), "expired"));
    struct key_answer next = pairs_of(&s, 7, 1);
    assert_int_equal(next.n, 1);
    assert_false(kid_eq(next.keys[0].kid, got.keys[0].kid));
    uint8_t d[STRICT_D];
    assert_int_equal(release_d(s.h, &s.app, got.keys[1].kid, d), REASON_OK); /* an activated one lives on */
    keyask_free(&next);
    keyask_free(&got);
    scene_end(&s);
}

/* The pair must outlive an activation whose leaf was never signed. */
static void an_unsigned_activation_can_be_sent_again(void **state)
{
    (void)state;
    struct scene s;
    uint8_t d[STRICT_D];
    scene_set(&s);
    struct key_answer got = pairs_of(&s, 7, 1);
    struct span text = activation_text(s.h, &s.writer, &got.keys[0], 7, 1);
    s.h->hold_heads = true;
    ask_only(s.h, KIND_LETTER, "", text);
    pump(s.h);
    s.h->hold_heads = false;
    house_restart(s.h);
    assert_true(s.h->up);
    assert_int_equal(release_d(s.h, &s.app, got.keys[0].kid, d), REASON_NO_KEY_YET);
    assert_true(acked(s.h, text, "ok"));
    assert_int_equal(release_d(s.h, &s.app, got.keys[0].kid, d), REASON_OK);
    keyask_free(&got);
    scene_end(&s);
}

static void two_askers_at_once_share_the_pairs(void **state)
{
    (void)state;
    struct scene s;
    struct key_ask q[2];
    uint64_t id[2];
    struct span text[2];
    struct key_answer got[2];
    scene_set(&s);
    for (int i = 0; i < 2; i++)
        text[i] = key_text(s.h, &s.writer, 7, 24, &q[i]);
    s.h->n_answers = 0;
    for (int i = 0; i < 2; i++)
        id[i] = ask_only(s.h, KIND_KEY, "", text[i]);
    pump(s.h);
    for (int i = 0; i < 2; i++) {
        assert_non_null(answer_of(s.h, id[i]));
        got[i] = key_open(s.h, text[i], &q[i], *answer_of(s.h, id[i]));
        assert_int_equal(got[i].n, 24);
    }
    for (size_t k = 0; k < 24; k++)
        assert_true(kid_eq(got[0].keys[k].kid, got[1].keys[k].kid));
    keyask_free(&got[0]);
    keyask_free(&got[1]);
    scene_end(&s);
}

/* ---- a disk that somebody else wrote on --------------------------------------------------------- */

static void a_spoilt_pair_serves_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        bool asked; /* shows when pairs are asked for */
    } rows[] = {
        {"UPDATE registration SET kind=3, kid_key=substr(kid_key,6) WHERE kind=2", false},
        {"UPDATE registration SET kind=1, kid_key=substr(kid_key,6) WHERE kind=2", false},
        {"UPDATE registration SET kid_key=substr(kid_key,6) WHERE kind=2", false},
        {"UPDATE registration SET et=et+1 WHERE kind=2", true},
        {"UPDATE registration SET sealed=randomblob(length(sealed)) WHERE kind=2", true},
        {"UPDATE registration SET kc=zeroblob(32) WHERE kind=2", true},
    };
    struct scene s;
    uint8_t d[STRICT_D];
    scene_set(&s);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct key_ask q;
        struct key_answer got = pairs_of(&s, (uint8_t)(20 + i), 1);
        disk(s.h, rows[i].sql);
        if (release_d(s.h, &s.app, got.keys[0].kid, d) == REASON_OK)
            fail_msg("%s: released", rows[i].sql);
        struct span text = activation_text(s.h, &s.writer, &got.keys[0], (uint8_t)(20 + i), 1);
        if (acked(s.h, text, "ok"))
            fail_msg("%s: activated", rows[i].sql);
        text = key_text(s.h, &s.writer, (uint8_t)(20 + i), 1, &q);
        if (rows[i].asked && ask(s.h, KIND_KEY, "", text).status == 200)
            fail_msg("%s: offered", rows[i].sql);
        assert_int_equal(s.h->vault_end, OK);
        disk(s.h, "DELETE FROM registration");
        keyask_free(&got);
    }
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_made_key_is_registered),
        cmocka_unit_test(no_key_before_its_record),
        cmocka_unit_test(who_may_not_ask),
        cmocka_unit_test(asking_again_gives_the_same_pairs),
        cmocka_unit_test(a_pair_is_released_after_its_activation),
        cmocka_unit_test(pairs_beside_key_values),
        cmocka_unit_test(activations_that_are_refused),
        cmocka_unit_test(a_pair_does_not_wait_for_ever),
        cmocka_unit_test(an_unsigned_activation_can_be_sent_again),
        cmocka_unit_test(two_askers_at_once_share_the_pairs),
        cmocka_unit_test(a_spoilt_pair_serves_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
