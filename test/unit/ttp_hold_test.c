/* src/ttp: polls that the vault holds, and what it tells each issuer of. */
#include "ttp_house.h"

static const uint8_t kv1[ESD_KV] = {1, 2, 3};

struct scene {
    struct house *h;
    struct party gateway, second, app;
    uint64_t n;
};

static void scene_set(struct scene *s)
{
    *s = (struct scene){.h = house_new()};
    s->gateway = party_new(s->h, "//demo.example/id-mn", "DNS:id-mn.id-in.demo.example");
    s->second = party_new(s->h, "//demo.example/id-mn2", "DNS:id-mn2.id-in.demo.example");
    s->app = party_new(s->h, "//demo.example/Sapp-heat", "URI:m2m://demo.example/Sapp-heat");
    join(s->h, &s->gateway);
    join(s->h, &s->second);
    join(s->h, &s->app);
}

static void scene_end(struct scene *s)
{
    p256_free(s->gateway.key);
    p256_free(s->second.key);
    p256_free(s->app.key);
    house_free(s->h);
}

/* `state` NULL: no waiting. */
static struct span poll_text(struct scene *s, const struct party *p, const uint64_t *state)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    char nonce[16];
    snprintf(nonce, sizeof nonce, "n%llu", (unsigned long long)++s->n);
    struct poll_stream stream = {.sid = {7}};
    struct poll q = {.iss = span_str(p->iss),
                     .aud = SPAN(FQDN),
                     .nonce = span_str(nonce),
                     .streams = &stream,
                     .n = 1,
                     .has_state = state != NULL,
                     .state = state ? *state : 0,
                     .wait = state ? POLL_WAIT_S : 0};
    enum err e = poll_build(&q, p->key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    return built(s->h, &out, e);
}

static struct poll_answer news_in(struct scene *s, struct span text, const struct answer *a)
{
    struct poll_answer r;
    assert_non_null(a);
    assert_int_equal(poll_answer_open(a->body, text, s->h->bundle.release, &s->h->mem, &r), REASON_OK);
    return r;
}

static uint64_t state_of(struct scene *s, const struct party *p)
{
    struct span t = poll_text(s, p, NULL);
    struct answer a = ask(s->h, KIND_POLL, "", t);
    return news_in(s, t, &a).state;
}

static bool answered(struct scene *s, uint64_t id)
{
    assert_int_equal(vault_tick(s->h->vault), OK);
    pump(s->h);
    return answer_of(s->h, id) != NULL;
}

/* Holds a poll of p: its id. */
static uint64_t held(struct scene *s, const struct party *p, struct span *text)
{
    uint64_t state = state_of(s, p);
    *text = poll_text(s, p, &state);
    s->h->n_answers = 0;
    uint64_t id = ask_only(s->h, KIND_POLL, "", *text);
    pump(s->h);
    assert_false(answered(s, id));
    return id;
}

static void ok(struct scene *s, struct span t)
{
    uint64_t id = ask_only(s->h, KIND_POLICY, "", t);
    pump(s->h);
    assert_non_null(answer_of(s->h, id));
    assert_true(span_eq(ack_of(s->h, t, *answer_of(s->h, id)).code, SPAN("ok")));
}

static void held_until_something_concerns_it(void **state)
{
    (void)state;
    struct scene s;
    struct span t, u;
    scene_set(&s);
    uint64_t mine = held(&s, &s.gateway, &t), old = state_of(&s, &s.gateway);
    ok(&s, policy_text(s.h, &s.second, "ward", 1, &s.app)); /* another owner's: no news */
    assert_false(answered(&s, mine));
    ok(&s, policy_text(s.h, &s.gateway, "ward", 1, &s.app));
    assert_true(answered(&s, mine));
    assert_int_equal(news_in(&s, t, answer_of(s.h, mine)).state, old + 1);
    mine = held(&s, &s.gateway, &t);
    uint64_t theirs = held(&s, &s.second, &u);
    ok(&s, denial_text(s.h, "operator", s.h->operator_key, "//demo.example/Sapp-heat", true, 5)); /* everybody's */
    assert_true(answered(&s, mine) && answered(&s, theirs));
    /* A state that is not today's is answered at once. */
    u = poll_text(&s, &s.gateway, &old);
    s.h->n_answers = 0;
    theirs = ask_only(s.h, KIND_POLL, "", u);
    pump(s.h);
    assert_true(answered(&s, theirs));
    scene_end(&s);
}

static void held_for_twelve_seconds_at_most(void **state)
{
    (void)state;
    struct scene s;
    struct span t;
    scene_set(&s);
    uint64_t id = held(&s, &s.gateway, &t);
    assert_true(vault_wait_ms(s.h->vault) <= VAULT_WAIT_MAX_MS);
    s.h->now += 11999;
    assert_false(answered(&s, id));
    assert_int_equal(vault_wait_ms(s.h->vault), 1);
    s.h->now += 1;
    assert_int_equal(vault_wait_ms(s.h->vault), 0);
    assert_true(answered(&s, id));
    /* A clock that is set back holds nobody for an hour. */
    id = held(&s, &s.gateway, &t);
    s.h->now -= 3600000;
    assert_true(answered(&s, id));
    assert_int_equal(vault_wait_ms(s.h->vault), VAULT_WAIT_MAX_MS);
    scene_end(&s);
}

static void held_polls_are_bounded_and_block_nobody(void **state)
{
    (void)state;
    struct scene s;
    struct span t[3];
    scene_set(&s);
    uint64_t a = held(&s, &s.gateway, &t[0]), b = held(&s, &s.gateway, &t[1]), c = held(&s, &s.gateway, &t[2]);
    s.h->n_answers = 0;
    uint64_t d = held(&s, &s.second, &t[2]);
    assert_null(answer_of(s.h, d));
    /* The third of one client: its oldest was answered for it. */
    struct span u;
    uint64_t e = held(&s, &s.gateway, &u);
    assert_non_null(answer_of(s.h, b));
    assert_null(answer_of(s.h, c));
    assert_null(answer_of(s.h, e));
    (void)a;
    /* Meanwhile others get what they want. */
    struct letter_item m = item_of(s.h, kv1, 7, 1, "ward");
    struct span l = letter_text(s.h, &s.gateway, &m, 1, &kv1);
    uint64_t id = ask_only(s.h, KIND_LETTER, "", l);
    pump(s.h);
    assert_non_null(answer_of(s.h, id));
    scene_end(&s);
}

/* A number of a batch that was not written must never have been seen: the next change would look like none. */
static void a_failed_change_is_no_news(void **state)
{
    (void)state;
    struct scene s;
    struct span t, p;
    scene_set(&s);
    uint64_t id = held(&s, &s.gateway, &t), before = state_of(&s, &s.gateway);
    p = policy_text(s.h, &s.gateway, "ward", 1, &s.app);
    disk(s.h, "CREATE TRIGGER full BEFORE INSERT ON leaf BEGIN SELECT RAISE(ABORT,'disk full'); END");
    s.h->n_answers = 0;
    uint64_t failed = ask_only(s.h, KIND_POLICY, "", p);
    struct span at_once = poll_text(&s, &s.gateway, NULL); /* asked while the batch is under way */
    uint64_t asked = ask_only(s.h, KIND_POLL, "", at_once);
    pump(s.h);
    assert_int_equal(answer_of(s.h, failed)->status, 503);
    assert_int_equal(news_in(&s, at_once, answer_of(s.h, asked)).state, before);
    assert_false(answered(&s, id));
    disk(s.h, "DROP TRIGGER full");
    ok(&s, p);
    assert_true(answered(&s, id));
    assert_int_equal(news_in(&s, t, answer_of(s.h, id)).state, before + 1);
    house_restart(s.h);
    assert_int_equal(state_of(&s, &s.gateway), before + 1);
    scene_end(&s);
}

static void the_highest_epoch_is_told(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct letter_item m = item_of(s.h, kv1, 7, 41, "ward");
    struct span l = letter_text(s.h, &s.gateway, &m, 1, &kv1), t;
    (void)ask(s.h, KIND_LETTER, "", l);
    t = poll_text(&s, &s.gateway, NULL);
    uint8_t sid[ESD_SID];
    memset(sid, 7, sizeof sid);
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct poll_stream stream;
    memcpy(stream.sid, sid, ESD_SID);
    stream.ep = 1;
    struct poll q = {.iss = span_str(s.gateway.iss), .aud = SPAN(FQDN), .nonce = SPAN("x"), .streams = &stream, .n = 1};
    enum err e = poll_build(&q, s.gateway.key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    t = built(s.h, &out, e);
    struct answer a = ask(s.h, KIND_POLL, "", t);
    assert_int_equal(news_in(&s, t, &a).streams[0].ep, 41);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_until_something_concerns_it),
        cmocka_unit_test(held_for_twelve_seconds_at_most),
        cmocka_unit_test(held_polls_are_bounded_and_block_nobody),
        cmocka_unit_test(a_failed_change_is_no_news),
        cmocka_unit_test(the_highest_epoch_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
