/* src/ttp: who may have a key - targets, windows, denials, what the vault says about it, quotas. */
#include "ttp_house.h"

#include "esd/policy_ask.h"

static const uint8_t kv1[ESD_KV] = {1, 2, 3};

struct scene {
    struct house *h;
    struct party gateway, app, other, dev;
    struct span kid;
    uint64_t version, n;
};

static void scene_set_quota(struct scene *s, const struct msg_VAULT_QUOTA *quota)
{
    *s = (struct scene){.h = house_new(), .n = 1};
    if (quota) {
        s->h->quota = *quota;
        s->h->has_quota = true;
        house_restart(s->h);
    }
    s->gateway = party_new(s->h, "//demo.example/id-mn", "DNS:id-mn.id-in.demo.example");
    s->app = party_new(s->h, "//demo.example/Sapp-heat", "URI:m2m://demo.example/Sapp-heat");
    s->other = party_new(s->h, "//demo.example/Sother", "URI:m2m://demo.example/Sother");
    s->dev = party_new(s->h, "//far.example/id-mn/Cdev", "URI:m2m://far.example/id-mn/Cdev");
    join(s->h, &s->gateway);
    join(s->h, &s->app);
    join(s->h, &s->other);
    join(s->h, &s->dev);
    struct letter_item m = item_of(s->h, kv1, 7, 1, "ward");
    struct span t = letter_text(s->h, &s->gateway, &m, 1, &kv1);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_LETTER, "", t)).code, SPAN("ok")));
    s->kid = m.kid;
}

static void scene_set(struct scene *s)
{
    scene_set_quota(s, NULL);
}

static void scene_end(struct scene *s)
{
    p256_free(s->gateway.key);
    p256_free(s->app.key);
    p256_free(s->other.key);
    p256_free(s->dev.key);
    house_free(s->h);
}

/* The next version of "ward". */
static void set(struct scene *s, struct policy_reader *r, size_t n, int64_t from, int64_t until)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct policy p = {.iss = span_str(s->gateway.iss),
                       .aud = SPAN(FQDN),
                       .policy = SPAN("ward"),
                       .version = ++s->version,
                       .readers = r,
                       .n = n,
                       .from = from,
                       .until = until};
    enum err e = policy_build(&p, s->gateway.key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    struct span t = built(s->h, &out, e);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_POLICY, "", t)).code, SPAN("ok")));
}

static void set_id(struct scene *s, const char *id)
{
    struct policy_reader r = {.id = span_str(id)};
    set(s, &r, 1, 0, 0);
}

static void deny(struct scene *s, const struct p256 *key, struct denial d)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    d.aud = SPAN(FQDN);
    d.n = ++s->n;
    enum err e = denial_build(&d, key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    struct span t = built(s->h, &out, e);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_POLICY, "", t)).code, SPAN("ok")));
}

static enum reason released(struct scene *s, const struct party *p)
{
    uint8_t kv[ESD_KV];
    return release_one(s->h, p, s->kid, kv);
}

static void targets_decide(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    set_id(&s, "//demo.example/Sapp*");
    assert_int_equal(released(&s, &s.app), REASON_OK);
    assert_int_equal(released(&s, &s.other), REASON_REFUSED);
    set_id(&s, "//DEMO.example");
    assert_int_equal(released(&s, &s.other), REASON_OK);
    assert_int_equal(released(&s, &s.dev), REASON_REFUSED);
    assert_int_equal(released(&s, &s.gateway), REASON_REFUSED); /* a CSE is no AE of its domain */
    set_id(&s, "//far.example/id-mn/*");
    assert_int_equal(released(&s, &s.dev), REASON_OK);
    scene_end(&s);
}

static void pins_and_windows_decide(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct policy_reader r[2] = {{.id = SPAN("//demo.example/S*"), .pinned = true}};
    assert_int_equal(p256_thumb(s.app.key, r[0].jkt), OK);
    set(&s, r, 1, 0, 0);
    assert_int_equal(released(&s, &s.app), REASON_OK);
    assert_int_equal(released(&s, &s.other), REASON_REFUSED);
    int64_t now = s.h->now, second = now / 1000 * 1000;
    r[0] =
        (struct policy_reader){.id = SPAN("//demo.example/Sapp-heat"), .from = second + 2000, .until = second + 4000};
    r[1] = (struct policy_reader){.id = SPAN("//demo.example/Sapp-heat"), .from = second + 6000};
    set(&s, r, 2, 0, second + 8000);
    static const struct {
        int64_t at;
        enum reason want;
    } times[] = {{1999, REASON_REFUSED}, {2000, REASON_OK}, {3999, REASON_OK},     {4000, REASON_REFUSED},
                 {6000, REASON_OK},      {7999, REASON_OK}, {8000, REASON_REFUSED}};
    for (size_t i = 0; i < LEN(times); i++) {
        s.h->now = second + times[i].at;
        assert_int_equal(released(&s, &s.app), times[i].want);
    }
    scene_end(&s);
}

static void denials_of_identity_domain_and_key(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct policy_reader r[2] = {{.id = SPAN("//demo.example")}, {.id = SPAN("//far.example")}};
    struct span gateway = span_str(s.gateway.iss);
    set(&s, r, 2, 0, 0);
    deny(&s, s.gateway.key, (struct denial){.iss = gateway, .id = SPAN("//Demo.Example"), .deny = true});
    assert_int_equal(released(&s, &s.app), REASON_REFUSED);
    assert_int_equal(released(&s, &s.dev), REASON_OK);
    deny(&s, s.gateway.key, (struct denial){.iss = gateway, .id = SPAN("//demo.example"), .deny = false});
    assert_int_equal(released(&s, &s.app), REASON_OK);
    struct denial by_key = {.iss = gateway, .policy = SPAN("ward"), .by_key = true, .deny = true};
    assert_int_equal(p256_thumb(s.app.key, by_key.jkt), OK);
    deny(&s, s.gateway.key, by_key);
    assert_int_equal(released(&s, &s.app), REASON_REFUSED);
    assert_int_equal(released(&s, &s.other), REASON_OK);
    house_restart(s.h);
    assert_int_equal(released(&s, &s.app), REASON_REFUSED);
    /* Somebody else's denial concerns somebody else's policies; the operator's everybody's. */
    deny(&s, s.other.key, (struct denial){.iss = span_str(s.other.iss), .id = SPAN("//far.example"), .deny = true});
    assert_int_equal(released(&s, &s.dev), REASON_OK);
    deny(&s, s.h->operator_key, (struct denial){.iss = SPAN("operator"), .id = SPAN("//far.example"), .deny = true});
    assert_int_equal(released(&s, &s.dev), REASON_REFUSED);
    scene_end(&s);
}

/* ---- show and why -------------------------------------------------------------------------------------------------
 */

static struct answer show(struct scene *s, const struct party *p, const char *name, struct span *text)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct policy_show q = {
        .iss = span_str(p->iss), .aud = SPAN(FQDN), .owner = span_str(s->gateway.iss), .policy = span_str(name)};
    nonce_of(s->h, q.nonce);
    enum err e = policy_show_build(&q, p->key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    *text = built(s->h, &out, e);
    return ask(s->h, KIND_SHOW, "", *text);
}

static struct jval *shown(struct scene *s, const struct party *p, const char *name)
{
    struct span text;
    struct jval *claims;
    struct answer a = show(s, p, name, &text);
    assert_int_equal(a.status, 200);
    assert_int_equal(policy_answer_open(a.body, JWS_SHOWN, text, s->h->bundle.release, &s->h->mem, &claims), REASON_OK);
    return claims;
}

static void the_vault_shows_what_counts(void **state)
{
    (void)state;
    struct scene s;
    struct span text;
    struct jval *c;
    scene_set(&s);
    struct policy_reader r[3] = {{.id = SPAN("//Demo.example/Sapp-heat")},
                                 {.id = SPAN("//far.example")},
                                 {.id = SPAN("//demo.example/Svault-keeper"), .escrow = true}};
    set(&s, r, 3, 0, 0);
    deny(&s, s.gateway.key, (struct denial){.iss = span_str(s.gateway.iss), .id = SPAN("//far.example"), .deny = true});
    c = shown(&s, &s.gateway, "ward");
    assert_true(span_eq(JSON_GET(c, "version")->raw, SPAN("1")) && JSON_GET(c, "readers")->n == 3);
    assert_int_equal(JSON_GET(c, "denials")->n, 1);
    c = shown(&s, &s.gateway, "");
    assert_int_equal(JSON_GET(c, "policies")->n, 1);
    assert_true(span_eq(JSON_GET(shown(&s, &s.gateway, "none"), "version")->raw, SPAN("0")));
    /* A reader sees himself and who keeps keys in escrow; a stranger nothing. */
    c = shown(&s, &s.app, "ward");
    assert_true(JSON_GET(c, "readers")->n == 2 && JSON_GET(c, "denials")->n == 0);
    assert_int_equal(show(&s, &s.other, "ward", &text).status, 403);
    /* Somebody else's signature, an answer to another question, an old nonce. */
    struct party liar = s.gateway;
    liar.key = s.other.key;
    assert_int_equal(show(&s, &liar, "ward", &text).status, 403);
    struct answer a = show(&s, &s.gateway, "ward", &text);
    assert_int_equal(policy_answer_open(a.body, JWS_SHOWN, SPAN("another"), s.h->bundle.release, &s.h->mem, &c),
                     REASON_TAMPERED);
    s.h->now += 130000;
    assert_int_equal(ask(s.h, KIND_SHOW, "", text).status, 403);
    scene_end(&s);
}

static void why(struct scene *s, const struct party *p, const char *subject, const char *rule)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct policy_why q = {.iss = span_str(p->iss), .aud = SPAN(FQDN), .subject = span_str(subject), .kid = s->kid};
    struct jval *c;
    struct span text, said;
    nonce_of(s->h, q.nonce);
    enum err e = policy_why_build(&q, p->key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    text = built(s->h, &out, e);
    struct answer a = ask(s->h, KIND_WHY, "", text);
    if (!rule) {
        assert_int_equal(a.status, 403);
        return;
    }
    assert_int_equal(policy_answer_open(a.body, JWS_BECAUSE, text, s->h->bundle.release, &s->h->mem, &c), REASON_OK);
    assert_int_equal(json_str(JSON_GET(c, "rule"), &s->h->mem, &said), OK);
    if (!span_eq(said, span_str(rule)))
        fail_msg("%s: %.*s instead of %s", subject, SPAN_FMT(said), rule);
}

static void the_vault_says_why(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct party operator= {.iss = "//demo.example/Soperator", .key = s.h->operator_key};
    why(&s, &s.gateway, s.app.iss, "no-policy");
    struct policy_reader r[3] = {{.id = span_str(s.app.iss)},
                                 {.id = span_str(s.other.iss), .pinned = true},
                                 {.id = span_str(s.dev.iss), .until = s.h->now / 1000 * 1000}};
    set(&s, r, 3, 0, 0);
    why(&s, &s.gateway, s.app.iss, "reader");
    why(&s, &s.app, s.app.iss, "reader");
    why(&s, &operator, s.app.iss, "reader");
    why(&s, &s.app, s.other.iss, NULL); /* not about himself, not his key */
    why(&s, &s.gateway, s.other.iss, "other-key");
    why(&s, &s.gateway, s.dev.iss, "reader-window");
    why(&s, &s.gateway, "//demo.example/Snobody", "not-a-reader");
    deny(&s, s.gateway.key, (struct denial){.iss = span_str(s.gateway.iss), .id = span_str(s.app.iss), .deny = true});
    why(&s, &s.gateway, s.app.iss, "denied-by-owner");
    deny(&s, s.h->operator_key, (struct denial){.iss = SPAN("operator"), .id = SPAN("//far.example"), .deny = true});
    why(&s, &s.gateway, s.dev.iss, "denied-by-operator");
    set(&s, r, 3, 0, s.h->now / 1000 * 1000);
    why(&s, &s.gateway, s.app.iss, "denied-by-owner");
    s.h->now += 2 * 86400000;
    r[2].until = 0;
    set(&s, r, 3, 0, 0);
    why(&s, &s.gateway, s.other.iss, "other-key");
    scene_end(&s);
}

/* ---- quotas ------------------------------------------------------------------------------------------------------ */

static struct answer ask_release(struct scene *s, const struct party *p, size_t n)
{
    struct release_ask q = {0};
    char text[RELEASE_WANT_MAX][64];
    struct span want[RELEASE_WANT_MAX];
    for (size_t i = 0; i < n; i++) {
        snprintf(text[i], sizeof text[i], "%032zX@%s", i, FQDN);
        want[i] = span_str(text[i]);
    }
    struct span t = release_text(s->h, p, &q, want, n);
    p256_free(q.epk);
    return ask(s->h, KIND_RELEASE, "", t);
}

static bool says(struct answer a, const char *text)
{
    for (size_t i = 0; i + strlen(text) <= a.body.n; i++)
        if (memcmp(a.body.p + i, text, strlen(text)) == 0)
            return true;
    return false;
}

static void a_batch_costs_what_it_asks_for(void **state)
{
    (void)state;
    struct scene s;
    scene_set_quota(&s, &(struct msg_VAULT_QUOTA){.client_minute = 300, .client_day = 700});
    s.h->now = (s.h->now / 86400000 + 1) * 86400000;
    assert_int_equal(ask_release(&s, &s.app, 256).status, 200);
    struct answer a = ask_release(&s, &s.app, 45);
    assert_int_equal(a.status, 429);
    assert_true(says(a, "\"retry\":60") && says(a, "client //demo.example/Sapp-heat is 300 a minute"));
    assert_int_equal(ask_release(&s, &s.app, 44).status, 200);   /* what was refused cost nothing */
    assert_int_equal(ask_release(&s, &s.other, 10).status, 200); /* and nobody else is touched */
    s.h->now += 60000;
    assert_int_equal(ask_release(&s, &s.app, 256).status, 200);
    s.h->now += 60000;
    a = ask_release(&s, &s.app, 256);
    assert_int_equal(a.status, 429);
    assert_true(says(a, "a day") && says(a, "\"retry\":86280"));
    s.h->now += 86400000;
    assert_int_equal(ask_release(&s, &s.app, 256).status, 200);
    scene_end(&s);
}

static void a_tenant_has_one_quota(void **state)
{
    (void)state;
    struct scene s;
    scene_set_quota(&s, &(struct msg_VAULT_QUOTA){.tenant_minute = 100});
    s.h->now = (s.h->now / 86400000 + 1) * 86400000;
    assert_int_equal(ask_release(&s, &s.app, 60).status, 200);
    struct answer a = ask_release(&s, &s.other, 60);
    assert_int_equal(a.status, 429);
    assert_true(says(a, "tenant //demo.example is 100 a minute"));
    assert_int_equal(ask_release(&s, &s.dev, 60).status, 200); /* another domain */
    a = ask_release(&s, &s.dev, 120);
    assert_true(a.status == 429 && says(a, "fewer keys"));
    scene_end(&s);
}

/* Requests in somebody's name without his signature cost him nothing. */
static void strangers_use_up_nobodys_quota(void **state)
{
    (void)state;
    struct scene s;
    scene_set_quota(&s, &(struct msg_VAULT_QUOTA){.client_minute = 20, .tenant_minute = 40});
    s.h->now = (s.h->now / 86400000 + 1) * 86400000;
    struct party liar = s.app;
    liar.key = s.dev.key;
    for (int i = 0; i < 50; i++)
        assert_int_equal(ask_release(&s, &liar, 20).status, 403);
    assert_int_equal(ask_release(&s, &s.app, 20).status, 200);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_decide),
        cmocka_unit_test(pins_and_windows_decide),
        cmocka_unit_test(denials_of_identity_domain_and_key),
        cmocka_unit_test(the_vault_shows_what_counts),
        cmocka_unit_test(the_vault_says_why),
        cmocka_unit_test(a_batch_costs_what_it_asks_for),
        cmocka_unit_test(a_tenant_has_one_quota),
        cmocka_unit_test(strangers_use_up_nobodys_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
