/* The life of the vault's own keys: each kind is replaced while clients of before and after are served. */
#include "ttp_house.h"

#include "ttp/admin.h"
#include "ttp/vault_ring.h"

static const uint8_t kv1[ESD_KV] = {1, 2, 3};
enum { DAY = 86400 };

struct scene {
    struct house *h;
    struct party gateway, app;
    struct span kid;
};

static unsigned told(struct house *h, enum admin_name name, const char *words)
{
    struct buf b = heap_buf(MSG_FRAME_MAX);
    h->done_status = 0;
    msg_put_VAULT_DO(&b, &(struct msg_VAULT_DO){.id = 7, .command = (uint8_t)name, .words = span_str(words)});
    assert_int_equal(msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b)), OK);
    heap_buf_free(&b);
    pump(h);
    return h->done_status;
}

static void scene_set(struct scene *s)
{
    s->h = house_new();
    s->gateway = party_new(s->h, "//demo.example/id-mn", "DNS:id-mn.id-in.demo.example");
    s->app = party_new(s->h, "//demo.example/Sapp-heat", "URI:m2m://demo.example/Sapp-heat");
    join(s->h, &s->gateway);
    join(s->h, &s->app);
    struct letter_item m = item_of(s->h, kv1, 7, 1, "ward");
    m.et = s->h->now + 300 * (int64_t)DAY * 1000;
    struct span t = letter_text(s->h, &s->gateway, &m, 1, &kv1);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_LETTER, "", t)).code, SPAN("ok")));
    s->kid = m.kid;
    t = policy_text(s->h, &s->gateway, "ward", 1, &s->app);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_POLICY, "", t)).code, SPAN("ok")));
}

static void scene_end(struct scene *s)
{
    p256_free(s->gateway.key);
    p256_free(s->app.key);
    house_free(s->h);
}

/* Days pass, as the parent's clock sees them; certificates of the test live 30 days, so nobody joins anew. */
static void days(struct house *h, int n)
{
    h->now += (int64_t)n * DAY * 1000;
    assert_int_equal(vault_tick(h->vault), OK);
    pump(h);
}

/* What a client does: fetches the bundle under the identity that it pinned, takes it when its number is no lower. */
static enum reason follow(struct house *h, const struct p256 *pinned)
{
    struct bundle fresh;
    struct answer a = ask(h, KIND_BUNDLE, "", SPAN_NONE);
    enum reason r = bundle_open(a.body, SPAN(FQDN), pinned, (uint64_t)(h->now / 1000), &h->mem, &fresh);
    if (r == REASON_OK)
        r = bundle_follows(&h->bundle, &fresh);
    if (r != REASON_OK)
        return r;
    bundle_free(&h->bundle);
    h->bundle = fresh;
    return REASON_OK;
}

static bool letter_taken(struct scene *s, uint8_t sid, struct bundle *with)
{
    struct bundle now = s->h->bundle;
    uint8_t kv[1][ESD_KV] = {{sid, 9}};
    struct letter_item m = item_of(s->h, kv[0], sid, 1, "ward");
    m.et = s->h->now + 300 * (int64_t)DAY * 1000;
    s->h->bundle = *with;
    struct span t = letter_text(s->h, &s->gateway, &m, 1, (const uint8_t(*)[ESD_KV])kv);
    s->h->bundle = now;
    return ask(s->h, KIND_LETTER, "", t).status == 200;
}

static struct bundle kept_bundle(struct house *h)
{
    struct bundle b;
    struct span text = keep_text(h, ask(h, KIND_BUNDLE, "", SPAN_NONE).body);
    assert_int_equal(bundle_open(text, SPAN(FQDN), NULL, 0, &h->mem, &b), REASON_OK);
    return b;
}

static bool opens(struct scene *s)
{
    uint8_t kv[ESD_KV];
    return release_one(s->h, &s->app, s->kid, kv) == REASON_OK && memcmp(kv, kv1, ESD_KV) == 0;
}

/* Announced three refreshes ahead: whoever has asked within them knows the key before it signs. */
static void an_announced_key_surprises_nobody(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    uint64_t seq = s.h->bundle.seq;
    assert_int_equal(told(s.h, ADMIN_rotate, "release"), 200);
    assert_true(opens(&s)); /* with the bundle of before: nothing has changed yet */
    assert_int_equal(follow(s.h, s.h->bundle.identity), REASON_OK);
    assert_int_equal(s.h->bundle.seq, seq + 1);
    struct bundle ahead = kept_bundle(s.h);
    assert_int_equal(ahead.n_others, 1);
    assert_true(ahead.others[0].coming && ahead.others[0].use == BUNDLE_RELEASE);
    days(s.h, 2);
    assert_true(opens(&s));
    days(s.h, 2);
    /* Answers are signed by the new one: it is in the bundle of three days ago. */
    struct span t = policy_text(s.h, &s.gateway, "other", 1, &s.app);
    struct answer a = ask(s.h, KIND_POLICY, "", t);
    struct ack k;
    const struct p256 *by = bundle_release_of(&ahead, a.body, &s.h->mem);
    assert_non_null(by);
    assert_false(p256_same(by, ahead.release));
    assert_int_equal(ack_open(a.body, t, by, &s.h->mem, &k), REASON_OK);
    assert_int_equal(ack_open(a.body, t, ahead.release, &s.h->mem, &k), REASON_TAMPERED);
    assert_int_equal(follow(s.h, s.h->bundle.identity), REASON_OK);
    assert_true(opens(&s));
    bundle_free(&ahead);
    scene_end(&s);
}

static void each_kind_changes_at_once_and_survives_a_restart(void **state)
{
    (void)state;
    static const char *const kinds[] = {"release now", "log now", "sealing now", "identity now"};
    struct scene s;
    scene_set(&s);
    struct p256 *pinned = p256_ref(s.h->bundle.identity);
    for (size_t i = 0; i < 12; i++) {
        struct bundle was = kept_bundle(s.h);
        assert_int_equal(told(s.h, ADMIN_rotate, kinds[i % 4]), 200);
        assert_int_equal(follow(s.h, pinned), REASON_OK);
        assert_int_equal(s.h->bundle.seq, was.seq + 1);
        assert_int_equal(p256_same(was.release, s.h->bundle.release), i % 4 != 0);
        assert_int_equal(span_eq(was.log_vkey, s.h->bundle.log_vkey), i % 4 != 1);
        assert_int_equal(p256_same(was.sealing, s.h->bundle.sealing), i % 4 != 2);
        assert_int_equal(p256_same(was.identity, s.h->bundle.identity), i % 4 != 3);
        assert_true(opens(&s));
        assert_true(letter_taken(&s, (uint8_t)(20 + i), &was)); /* a letter under way */
        assert_true(letter_taken(&s, (uint8_t)(60 + i), &s.h->bundle));
        house_restart(s.h);
        assert_true(s.h->up);
        assert_true(opens(&s));
        bundle_free(&was);
    }
    s.h->known = false; /* a cold start */
    house_restart(s.h);
    assert_true(s.h->up && opens(&s));
    p256_free(pinned);
    scene_end(&s);
}

/* A reader who holds the log key of before verifies heads for 30 days more. */
static void heads_carry_both_signatures(void **state)
{
    (void)state;
    struct scene s;
    struct log_head head;
    scene_set(&s);
    struct bundle was = kept_bundle(s.h);
    assert_int_equal(told(s.h, ADMIN_rotate, "log now"), 200);
    assert_int_equal(follow(s.h, was.identity), REASON_OK);
    const struct bundle *both[] = {&was, &s.h->bundle};
    static const int at[] = {0, 29, 2}; /* days later */
    for (size_t i = 0; i < LEN(at); i++) {
        days(s.h, at[i]);
        struct span t = denial_text(s.h, "operator", s.h->operator_key, s.app.iss, true, 10 + i);
        struct ack k = ack_of(s.h, t, ask(s.h, KIND_POLICY, "", t));
        for (size_t j = 0; j < 2; j++) {
            uint8_t pub[LOG_PUBLIC];
            struct span origin;
            assert_int_equal(log_vkey_get(both[j]->log_vkey, &origin, pub), OK);
            assert_int_equal(log_checkpoint_verify(k.head, origin, pub, &head), i == 2 && j == 0 ? ERR_AUTH : OK);
        }
    }
    bundle_free(&was);
    scene_end(&s);
}

/* offline-max: a letter to the old key is opened for 33 days, then its private half is gone. */
static void a_sealing_key_ends_when_no_letter_can_be_under_way(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct bundle was = kept_bundle(s.h);
    assert_int_equal(told(s.h, ADMIN_rotate, "sealing now"), 200);
    days(s.h, 29); /* the gateway's certificate ends after 30 */
    assert_true(letter_taken(&s, 30, &was));
    assert_int_equal(follow(s.h, was.identity), REASON_OK);
    s.h->now += 5 * (int64_t)DAY * 1000;
    assert_int_equal(vault_tick(s.h->vault), OK);
    pump(s.h);
    s.h->now -= 5 * (int64_t)DAY * 1000;
    assert_false(letter_taken(&s, 31, &was));
    assert_true(letter_taken(&s, 32, &s.h->bundle));
    assert_int_equal(told(s.h, ADMIN_keys, ""), 200);
    assert_true(span_starts(s.h->done_json, SPAN("{\"v\":1,\"now\":")));
    bundle_free(&was);
    scene_end(&s);
}

static void an_older_bundle_is_refused_and_a_new_one_comes_by_itself(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct bundle first = kept_bundle(s.h);
    uint64_t seq = s.h->bundle.seq, exp = s.h->bundle.exp;
    days(s.h, 29);
    assert_int_equal(kept_bundle(s.h).seq, seq);
    days(s.h, 2);
    assert_int_equal(follow(s.h, first.identity), REASON_OK);
    assert_int_equal(s.h->bundle.seq, seq + 1);
    assert_true(s.h->bundle.exp > exp);
    assert_int_equal(bundle_follows(&s.h->bundle, &first), REASON_ROLLED_BACK);
    days(s.h, 57); /* day 88: since 87 the next sealing key is announced */
    assert_int_equal(follow(s.h, first.identity), REASON_OK);
    assert_true(p256_same(s.h->bundle.sealing, first.sealing) && s.h->bundle.n_others == 1);
    days(s.h, 3);
    assert_int_equal(follow(s.h, first.identity), REASON_OK);
    assert_false(p256_same(s.h->bundle.sealing, first.sealing));
    bundle_free(&first);
    scene_end(&s);
}

/* A change whose batch fails never was; one whose head the parent never kept is dropped at the restart. */
static void a_change_that_was_not_kept_never_was(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct bundle was = kept_bundle(s.h);
    s.h->fail_commit = true;
    assert_int_equal(told(s.h, ADMIN_rotate, "release now"), 503);
    s.h->fail_commit = false;
    assert_true(opens(&s));
    assert_int_equal(kept_bundle(s.h).seq, was.seq);
    s.h->hold_heads = true;
    assert_int_equal(told(s.h, ADMIN_rotate, "identity now"), 0);
    s.h->hold_heads = false;
    house_restart(s.h);
    assert_true(s.h->up && opens(&s));
    struct bundle is = kept_bundle(s.h);
    assert_int_equal(is.seq, was.seq);
    assert_true(p256_same(is.identity, was.identity));
    assert_int_equal(told(s.h, ADMIN_rotate, "identity now"), 200);
    assert_int_equal(follow(s.h, was.identity), REASON_OK);
    assert_true(opens(&s));
    bundle_free(&was);
    bundle_free(&is);
    scene_end(&s);
}

/* A ledger that keeps yesterday's keys for later. */
static void yesterdays_ring_is_refused(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    disk(s.h, "CREATE TABLE old AS SELECT * FROM snapshot ORDER BY n DESC LIMIT 1");
    assert_int_equal(told(s.h, ADMIN_rotate, "release now"), 200);
    disk(s.h, "DELETE FROM snapshot; INSERT INTO snapshot SELECT * FROM old");
    house_restart(s.h);
    assert_false(s.h->up);
    assert_true(s.h->no.n > 0);
    scene_end(&s);
}

static void nonsense_changes_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "nonce", "sealing later", "release now now", "sealing  now"};
    struct scene s;
    scene_set(&s);
    uint64_t size = s.h->size;
    for (size_t i = 0; i < LEN(wrong); i++)
        assert_int_equal(told(s.h, ADMIN_rotate, wrong[i]), 400);
    assert_int_equal(s.h->size, size);
    /* Eight generations that still live are enough. */
    unsigned refused = 0;
    for (int i = 0; i < 10; i++)
        refused += told(s.h, ADMIN_rotate, "sealing now") == 409;
    assert_int_equal(refused, 3);
    assert_true(opens(&s));
    assert_true(letter_taken(&s, 40, &s.h->bundle)); /* the first generation still opens letters */
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_announced_key_surprises_nobody),
        cmocka_unit_test(each_kind_changes_at_once_and_survives_a_restart),
        cmocka_unit_test(heads_carry_both_signatures),
        cmocka_unit_test(a_sealing_key_ends_when_no_letter_can_be_under_way),
        cmocka_unit_test(an_older_bundle_is_refused_and_a_new_one_comes_by_itself),
        cmocka_unit_test(a_change_that_was_not_kept_never_was),
        cmocka_unit_test(yesterdays_ring_is_refused),
        cmocka_unit_test(nonsense_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
