/* src/ttp: vault and ledger together, without processes. */
#include "ttp_m2m.h"

static const uint8_t kv1[ESD_KV] = {1, 2, 3}, kv2[ESD_KV] = {4, 5, 6};

struct scene {
    struct house *h;
    struct party gateway, app, other;
    struct span kid;
};

static void scene_set(struct scene *s)
{
    s->h = house_new();
    s->gateway = party_new(s->h, "//demo.example/id-mn", "DNS:id-mn.id-in.demo.example");
    s->app = party_new(s->h, "//demo.example/Sapp-heat", "URI:m2m://demo.example/Sapp-heat");
    s->other = party_new(s->h, "//demo.example/Sapp-other", "URI:m2m://demo.example/Sapp-other");
    join(s->h, &s->gateway);
    join(s->h, &s->app);
    join(s->h, &s->other);
    struct letter_item m = item_of(s->h, kv1, 7, 1, "ward");
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
    p256_free(s->other.key);
    house_free(s->h);
}

static void a_key_goes_to_the_reader_and_to_nobody_else(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_OK);
    assert_memory_equal(kv, kv1, ESD_KV);
    assert_int_equal(release_one(s.h, &s.other, s.kid, kv), REASON_REFUSED);
    struct span unknown = SPAN("00000000000000000000000000000000@ttp.demo.example");
    assert_int_equal(release_one(s.h, &s.app, unknown, kv), REASON_NO_KEY_YET);
    scene_end(&s);
}

/* e2e.md 6 point 4: no answer before the leaf is durable and the parent has the head. */
static void no_answer_before_its_record(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct release_ask q = {0};
    struct release_got g;
    struct span text = release_text(s.h, &s.app, &q, &s.kid, 1);
    uint64_t size = s.h->size;
    s.h->n_answers = 0;
    uint64_t id = ask_only(s.h, KIND_RELEASE, "", text);
    s.h->hold_heads = true;
    size_t before_commit = 0;
    while (step_vault(s.h) || (s.h->v_ledger.n > 0 && step_ledger(s.h))) {
        while (step_parent(s.h))
            continue;
        assert_null(answer_of(s.h, id));
        before_commit++;
    }
    assert_true(before_commit > 3);
    assert_int_equal(s.h->size, size); /* the parent said nothing yet */
    s.h->hold_heads = false;
    s.h->size = size + 1;
    kept(s.h);
    pump(s.h);
    const struct answer *a = answer_of(s.h, id);
    assert_non_null(a);
    assert_int_equal(open_answer(s.h, text, &q, *a, &g), REASON_OK);
    assert_int_equal(g.size, size + 1);
    p256_free(q.epk);
    release_wipe(&g);
    scene_end(&s);
}

static void what_was_not_signed_is_dropped_at_restart(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    uint64_t size = s.h->size;
    struct letter_item m = item_of(s.h, kv2, 7, 2, "ward");
    struct span letter = letter_text(s.h, &s.gateway, &m, 1, &kv2);
    struct span policy = policy_text(s.h, &s.gateway, "ward", 2, &s.other);
    s.h->hold_heads = true;
    s.h->n_answers = 0;
    ask_only(s.h, KIND_LETTER, "", letter);
    ask_only(s.h, KIND_POLICY, "", policy);
    pump(s.h);
    assert_int_equal(s.h->n_answers, 0);
    s.h->hold_heads = false;
    house_restart(s.h);
    assert_true(s.h->up);
    assert_int_equal(s.h->size, size);
    assert_int_equal(release_one(s.h, &s.app, m.kid, kv), REASON_NO_KEY_YET);
    assert_int_equal(release_one(s.h, &s.other, s.kid, kv), REASON_REFUSED);
    assert_true(span_eq(ack_of(s.h, letter, ask(s.h, KIND_LETTER, "", letter)).code, SPAN("ok")));
    assert_true(span_eq(ack_of(s.h, policy, ask(s.h, KIND_POLICY, "", policy)).code, SPAN("ok")));
    assert_int_equal(release_one(s.h, &s.other, s.kid, kv), REASON_OK);
    scene_end(&s);
}

static void restarts_keep_everything(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_OK);
        house_restart(s.h);
        assert_true(s.h->up);
    }
    s.h->known = false; /* a cold start */
    house_restart(s.h);
    assert_true(s.h->up);
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_OK);
    scene_end(&s);
}

static void letters_are_safe_to_send_again(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct letter_item m = item_of(s.h, kv2, 9, 1, "ward"), changed = m;
    struct span t = letter_text(s.h, &s.gateway, &m, 1, &kv2);
    struct ack first = ack_of(s.h, t, ask(s.h, KIND_LETTER, "", t));
    uint64_t size = s.h->size;
    struct ack again = ack_of(s.h, t, ask(s.h, KIND_LETTER, "", t));
    assert_true(span_eq(again.code, SPAN("ok")));
    assert_int_equal(first.index, again.index);
    assert_int_equal(s.h->size, size);
    changed.ep = 2;
    t = letter_text(s.h, &s.gateway, &changed, 1, &kv2);
    struct answer a = ask(s.h, KIND_LETTER, "", t);
    assert_int_equal(a.status, 409);
    assert_true(span_eq(ack_of(s.h, t, a).code, SPAN("conflict")));
    scene_end(&s);
}

/* Many letters at once, of one stream and of several, some twice: tenant and stream keys are made once. */
static void letters_that_come_together(void **state)
{
    (void)state;
    struct scene s;
    struct house *h = house_new();
    s.gateway = party_new(h, "//demo.example/id-mn", "DNS:id-mn.id-in.demo.example");
    join(h, &s.gateway);
    struct span text[24];
    for (uint8_t i = 0; i < 24; i++) {
        const uint8_t kv[1][ESD_KV] = {{(uint8_t)(i % 20 + 1)}};
        struct letter_item m = item_of(h, kv[0], i % 20 % 3, i % 20, "p");
        text[i] = letter_text(h, &s.gateway, &m, 1, kv);
    }
    h->n_answers = 0;
    uint64_t id[24];
    for (int i = 0; i < 24; i++)
        id[i] = ask_only(h, KIND_LETTER, "", text[i]);
    pump(h);
    assert_int_equal(h->vault_end, OK);
    for (int i = 0; i < 24; i++) {
        const struct answer *a = answer_of(h, id[i]);
        assert_non_null(a);
        assert_true(span_eq(ack_of(h, text[i], *a).code, SPAN("ok")));
    }
    p256_free(s.gateway.key);
    house_free(h);
}

static void a_batch_letter_registers_all_its_items(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    static uint8_t kvs[LETTER_ITEMS_MAX][ESD_KV], kv[ESD_KV];
    static struct letter_item items[LETTER_ITEMS_MAX];
    for (size_t i = 0; i < LETTER_ITEMS_MAX; i++) {
        kvs[i][0] = (uint8_t)(i + 1);
        kvs[i][9] = 1;
        items[i] = item_of(s.h, kvs[i], (uint8_t)(i % 7), i, "ward");
    }
    struct span t = letter_text(s.h, &s.gateway, items, LETTER_ITEMS_MAX, (const uint8_t(*)[ESD_KV])kvs);
    assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_LETTER, "", t)).code, SPAN("ok")));
    assert_int_equal(release_one(s.h, &s.app, items[55].kid, kv), REASON_OK);
    assert_memory_equal(kv, kvs[55], ESD_KV);
    scene_end(&s);
}

static void a_denial_outlives_policies_and_restarts(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    struct span t = denial_text(s.h, "operator", s.h->operator_key, s.app.iss, true, 10);
    assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_POLICY, "", t)).code, SPAN("ok")));
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_REFUSED);
    struct span p = policy_text(s.h, &s.gateway, "ward", 2, &s.app);
    assert_true(span_eq(ack_of(s.h, p, ask(s.h, KIND_POLICY, "", p)).code, SPAN("ok")));
    house_restart(s.h);
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_REFUSED);
    /* an old lift does not help, a newer one does */
    t = denial_text(s.h, "operator", s.h->operator_key, s.app.iss, false, 9);
    assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_POLICY, "", t)).code, SPAN("conflict")));
    t = denial_text(s.h, s.other.iss, s.other.key, s.app.iss, false, 99); /* somebody else's lift */
    (void)ask(s.h, KIND_POLICY, "", t);
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_REFUSED);
    t = denial_text(s.h, "operator", s.h->operator_key, s.app.iss, false, 11);
    assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_POLICY, "", t)).code, SPAN("ok")));
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_OK);
    scene_end(&s);
}

static void versions_only_rise_by_one(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    static const struct {
        uint64_t version;
        const char *code;
    } rows[] = {{1, "conflict"}, {3, "conflict"}, {2, "ok"}, {2, "conflict"}, {3, "ok"}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct span t = policy_text(s.h, &s.gateway, "ward", rows[i].version, &s.app);
        assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_POLICY, "", t)).code, span_str(rows[i].code)));
    }
    /* Somebody else's policy of the same name rules nothing here. */
    uint8_t kv[ESD_KV];
    struct span t = policy_text(s.h, &s.other, "ward", 1, &s.other);
    (void)ask(s.h, KIND_POLICY, "", t);
    assert_int_equal(release_one(s.h, &s.other, s.kid, kv), REASON_REFUSED);
    scene_end(&s);
}

static void a_batch_that_is_not_written_changes_nothing(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    disk(s.h, "CREATE TRIGGER full BEFORE INSERT ON leaf BEGIN SELECT RAISE(ABORT,'disk full'); END");
    struct span t = policy_text(s.h, &s.gateway, "ward", 2, &s.other);
    struct answer a = ask(s.h, KIND_POLICY, "", t);
    assert_int_equal(a.status, 503);
    struct span l;
    struct letter_item m = item_of(s.h, kv2, 3, 1, "ward");
    l = letter_text(s.h, &s.gateway, &m, 1, &kv2);
    assert_int_equal(ask(s.h, KIND_LETTER, "", l).status, 503);
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_FAILED); /* 503: no key without a record */
    disk(s.h, "DROP TRIGGER full");
    assert_int_equal(release_one(s.h, &s.other, s.kid, kv), REASON_REFUSED);
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_OK);
    assert_true(span_eq(ack_of(s.h, l, ask(s.h, KIND_LETTER, "", l)).code, SPAN("ok")));
    assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_POLICY, "", t)).code, SPAN("ok")));
    house_restart(s.h);
    assert_true(s.h->up);
    scene_end(&s);
}

static void a_deleted_registration_stays_refused(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    struct span kid = s.kid, name = span_cut(&kid, '@');
    static const char app[] = "m2m://demo.example/Sapp-heat\n", gateway[] = "id-mn.id-in.demo.example\n";
    static const char other[] = "//demo.example/Sapp-other\n";
    struct span by_app = m2m_body(s.h, s.app.iss, name, ""), by_owner = m2m_body(s.h, s.gateway.iss, name, "");
    assert_int_equal(ask(s.h, KIND_SKR_DELETE, app, by_app).status, 403);
    assert_int_equal(ask(s.h, KIND_SKR_DELETE, app, by_owner).status, 403);
    assert_int_equal(ask(s.h, KIND_SKR_GET, other, m2m_body(s.h, s.other.iss, name, "")).status, 403);
    assert_int_equal(ask(s.h, KIND_SKR_GET, app, by_app).status, 200);
    assert_int_equal(ask(s.h, KIND_SKR_DELETE, gateway, by_owner).status, 200);
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_SHREDDED);
    house_restart(s.h);
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_SHREDDED);
    struct letter_item m = item_of(s.h, kv1, 7, 1, "ward");
    struct span t = letter_text(s.h, &s.gateway, &m, 1, &kv1);
    assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_LETTER, "", t)).code, SPAN("shredded")));
    assert_int_equal(ask(s.h, KIND_SKR_GET, gateway, by_owner).status, 404);
    scene_end(&s);
}

static void denials_fold_into_one_leaf_a_minute(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    uint64_t size = s.h->size;
    for (int i = 0; i < 20; i++)
        assert_int_equal(release_one(s.h, &s.other, s.kid, kv), REASON_REFUSED);
    assert_int_equal(s.h->size, size);
    s.h->now += 61000;
    assert_int_equal(vault_tick(s.h->vault), OK);
    pump(s.h);
    assert_int_equal(s.h->size, size + 1);
    scene_end(&s);
}

static void expiry_and_nonces_end(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    struct release_ask q = {0};
    struct span text = release_text(s.h, &s.app, &q, &s.kid, 1);
    s.h->now += 121000;
    assert_int_equal(ask(s.h, KIND_RELEASE, "", text).status, 403);
    s.h->now -= 121000;
    assert_int_equal(ask(s.h, KIND_RELEASE, "", text).status, 200); /* asked again: decided anew */
    s.h->now += 86400000;
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_EXPIRED);
    p256_free(q.epk);
    scene_end(&s);
}

static void a_client_speaks_only_for_its_certificate(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct party thief = s.other;
    snprintf(thief.iss, sizeof thief.iss, "%s", s.app.iss);
    assert_int_equal(ask(s.h, KIND_CLIENT, "", client_text(s.h, &thief)).status, 403);
    /* somebody's certificate with one's own key */
    thief = s.app;
    assert_int_equal(p256_new(&thief.key), OK);
    assert_int_equal(ask(s.h, KIND_CLIENT, "", client_text(s.h, &thief)).status, 403);
    p256_free(thief.key);
    /* a CA that is not an anchor */
    EVP_PKEY *k = EVP_EC_gen("P-256");
    X509 *ca = cert_new("ca", k, NULL, k, NULL, true), *was = s.h->ca;
    EVP_PKEY *was_key = s.h->ca_key;
    s.h->ca = ca;
    s.h->ca_key = k;
    thief = party_new(s.h, "//demo.example/Sapp-heat", "URI:m2m://demo.example/Sapp-heat");
    s.h->ca = was;
    s.h->ca_key = was_key;
    assert_int_equal(ask(s.h, KIND_CLIENT, "", client_text(s.h, &thief)).status, 403);
    p256_free(thief.key);
    X509_free(ca);
    EVP_PKEY_free(k);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_goes_to_the_reader_and_to_nobody_else),
        cmocka_unit_test(no_answer_before_its_record),
        cmocka_unit_test(what_was_not_signed_is_dropped_at_restart),
        cmocka_unit_test(restarts_keep_everything),
        cmocka_unit_test(letters_are_safe_to_send_again),
        cmocka_unit_test(letters_that_come_together),
        cmocka_unit_test(a_batch_letter_registers_all_its_items),
        cmocka_unit_test(a_denial_outlives_policies_and_restarts),
        cmocka_unit_test(versions_only_rise_by_one),
        cmocka_unit_test(a_batch_that_is_not_written_changes_nothing),
        cmocka_unit_test(a_deleted_registration_stays_refused),
        cmocka_unit_test(denials_fold_into_one_leaf_a_minute),
        cmocka_unit_test(expiry_and_nonces_end),
        cmocka_unit_test(a_client_speaks_only_for_its_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
