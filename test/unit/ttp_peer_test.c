/* src/ttp: partners. The house is one TTP; the partner, honest or not, is made by the test. */
#include "ttp_house.h"

#include "esd/voucher.h"

static const char PARTNER[] = "ttp.b.example";
enum { MINUTE_MS = 60000, QUOTA = 6 };

struct scene {
    struct house *h;
    struct party writer, app, pinned, other; /* all but the writer are of b.example, and unknown to the house */
    struct bundle b;                         /* the partner's own keys */
    struct buf own, peers;
    struct span kid;
    uint8_t kv[ESD_KV];
};

static struct span bundle_text(const struct bundle *b, struct buf *out)
{
    buf_reset(out);
    assert_int_equal(bundle_build(b, out), OK);
    return buf_span(out);
}

static void partner_new(struct bundle *b, int64_t now, const struct span *vouches, size_t n)
{
    *b = (struct bundle){.fqdn = SPAN(PARTNER),
                         .seq = 5,
                         .next = 3600,
                         .exp = (uint64_t)(now / 1000) + 86400,
                         .sealing_kid = SPAN("s"),
                         .release_kid = SPAN("r"),
                         .log_vkey = SPAN("v"),
                         .vouches = vouches,
                         .n_vouches = n};
    assert_int_equal(p256_new(&b->identity), OK);
    assert_int_equal(p256_new(&b->sealing), OK);
    assert_int_equal(p256_new(&b->release), OK);
}

/* What the parent would have read of [peer ttp.b.example] and [ttp] vouches-for. */
static void pin(struct scene *s, struct msg_VAULT_PEERS *m, const char *domains)
{
    static const uint8_t numbers[] = {0, 0, 0, QUOTA, 1};
    struct buf text = heap_buf(65536), item = heap_buf(65536);
    struct span bundle = bundle_text(&s->b, &text);
    buf_reset(&s->own);
    buf_reset(&s->peers);
    msg_item_put(&s->own, SPAN("demo.example\n"));
    msg_item_put(&item, SPAN("TTP.b.example"));
    msg_item_put(&item, bundle);
    msg_item_put(&item, span_str(domains));
    msg_item_put(&item, span_of(numbers, sizeof numbers));
    msg_item_put(&s->peers, buf_span(&item));
    *m = (struct msg_VAULT_PEERS){.own = buf_span(&s->own), .peers = buf_span(&s->peers)};
    house_partners = m;
    heap_buf_free(&text);
    heap_buf_free(&item);
}

static struct party stranger(const char *iss)
{
    struct party p = {.key = NULL};
    snprintf(p.iss, sizeof p.iss, "%s", iss);
    assert_int_equal(p256_new(&p.key), OK);
    return p;
}

static struct msg_VAULT_PEERS partners;
#define FIXED(lit)                                                                                                     \
    {                                                                                                                  \
        (const uint8_t *)(lit), sizeof(lit) - 1                                                                        \
    }
static const struct span claims[] = {FIXED("b.example"), FIXED("c.example"), FIXED("demo.example")};

static void readers(struct scene *s)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    struct policy_reader r[] = {{.id = span_str(s->app.iss)},
                                {.id = span_str(s->pinned.iss), .pinned = true},
                                {.id = SPAN("//d.example/Sapp")},
                                {.id = SPAN("//e.example/Sapp")},
                                {.id = SPAN("//demo.example/Slocal")}};
    assert_int_equal(p256_thumb(s->pinned.key, r[1].jkt), OK);
    struct policy q = {
        .iss = span_str(s->writer.iss), .aud = SPAN(FQDN), .policy = SPAN("ward"), .version = 1, .readers = r, .n = 5};
    enum err e = policy_build(&q, s->writer.key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    struct span t = built(s->h, &out, e);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_POLICY, "", t)).code, SPAN("ok")));
}

static void scene_set(struct scene *s)
{
    s->own = heap_buf(65536);
    s->peers = heap_buf(65536);
    partner_new(&s->b, 1000 * (int64_t)time(NULL), claims, LEN(claims));
    pin(s, &partners, "b.example\nd.example\ndemo.example\n");
    s->h = house_new();
    s->writer = party_new(s->h, "//demo.example/Sdev", "URI:m2m://demo.example/Sdev");
    join(s->h, &s->writer);
    s->app = stranger("//b.example/Sapp");
    s->pinned = stranger("//b.example/Spinned");
    s->other = stranger("//b.example/Sother");
    readers(s);
    memset(s->kv, 7, sizeof s->kv);
    struct letter_item m = item_of(s->h, s->kv, 3, 1, "ward");
    m.et += 60 * (int64_t)86400000;
    struct span t = letter_text(s->h, &s->writer, &m, 1, (const uint8_t(*)[ESD_KV]) & s->kv);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_LETTER, "", t)).code, SPAN("ok")));
    s->kid = m.kid;
}

static void scene_end(struct scene *s)
{
    p256_free(s->writer.key);
    p256_free(s->app.key);
    p256_free(s->pinned.key);
    p256_free(s->other.key);
    bundle_free(&s->b);
    house_free(s->h);
    heap_buf_free(&s->own);
    heap_buf_free(&s->peers);
    house_partners = NULL;
}

/* A request that was relayed, and everything about it that may be wrong. */
struct call {
    const struct party *who;
    const char *iss;                 /* NULL: who->iss */
    struct span aud[2];              /* empty: as it should be */
    struct span kid;                 /* empty: the one that there is */
    struct span v_iss, v_aud, v_sub; /* of the voucher; empty: as it should be */
    const struct p256 *v_key;        /* NULL: the partner's release key */
    const struct p256 *jwk;          /* NULL: who->key */
    int life;                        /* seconds; 0: 60 */
    bool other_request, other_jkt;
};

static struct span or_else(struct span s, struct span otherwise)
{
    return s.n ? s : otherwise;
}

static struct span call_text(struct scene *s, const struct call *c, struct release_ask *q, struct span *request)
{
    struct house *h = s->h;
    struct buf scratch = heap_buf(1 << 16), text = heap_buf(1 << 16), jws = heap_buf(1 << 16), out = heap_buf(1 << 18);
    *q = (struct release_ask){.iss = span_str(c->iss ? c->iss : c->who->iss),
                              .aud = {or_else(c->aud[0], SPAN(FQDN)), or_else(c->aud[1], SPAN(PARTNER))},
                              .n_aud = 2,
                              .nonce = {1},
                              .n_want = 1};
    struct span *kid = ARENA_NEW(&h->mem, struct span);
    *kid = or_else(c->kid, s->kid);
    q->want = kid;
    assert_int_equal(p256_new(&q->epk), OK);
    assert_int_equal(release_ask_build(q, c->who->key, SPAN("k"), &scratch, &text), OK);
    struct voucher x = {.iss = or_else(c->v_iss, SPAN(PARTNER)),
                        .aud = or_else(c->v_aud, SPAN(FQDN)),
                        .sub = or_else(c->v_sub, q->iss),
                        .exp = (uint64_t)(h->now / 1000 + (c->life ? c->life : VOUCHER_LIFE_S))};
    assert_int_equal(p256_thumb(c->who->key, x.jkt), OK);
    assert_int_equal(esd_sha256(buf_span(&text), x.req), OK);
    x.req[0] ^= c->other_request;
    x.jkt[0] ^= c->other_jkt;
    assert_int_equal(voucher_build(&x, c->v_key ? c->v_key : s->b.release, SPAN("r"), &scratch, &jws), OK);
    struct vouched v = {.request = buf_span(&text),
                        .voucher = buf_span(&jws),
                        .key = (struct p256 *)(uintptr_t)(c->jwk ? c->jwk : c->who->key)};
    vouched_put(&out, &v);
    *request = keep_text(h, buf_span(&text));
    heap_buf_free(&scratch);
    heap_buf_free(&text);
    heap_buf_free(&jws);
    return built(h, &out, OK);
}

/* OK: the key came and opens; otherwise the denial's code, or FAILED when the whole request was refused. */
static enum reason call(struct scene *s, const struct call *c, unsigned *status)
{
    struct release_ask q;
    struct release_got g;
    struct span request, body = call_text(s, c, &q, &request);
    struct answer a = ask(s->h, KIND_VOUCHED, "", body);
    enum reason r = REASON_FAILED;
    *status = a.status;
    if (a.status == 200) {
        assert_int_equal(open_answer(s->h, request, &q, a, &g), REASON_OK);
        r = g.n_keys ? REASON_OK : g.deny[0].code;
        if (g.n_keys)
            assert_memory_equal(g.keys[0].kv, s->kv, ESD_KV);
        release_wipe(&g);
    }
    p256_free(q.epk);
    s->h->now += MINUTE_MS; /* each has a quota of its own */
    return r;
}

static void expect(struct scene *s, struct call c, unsigned status, enum reason r)
{
    unsigned got;
    enum reason is = call(s, &c, &got);
    if (got != status || is != r)
        fail_msg("status %u, not %u; %s, not %s", got, status, reason_code(is), reason_code(r));
}

static void test_a_partner_may_vouch(void **state)
{
    struct scene s;
    (void)state;
    scene_set(&s);
    expect(&s, (struct call){.who = &s.app}, 200, REASON_OK);
    expect(&s, (struct call){.who = &s.pinned}, 200, REASON_OK);
    expect(&s, (struct call){.who = &s.other}, 200, REASON_REFUSED); /* the owner's policy decides */
    expect(&s, (struct call){.who = &s.app, .kid = SPAN("00000000000000000000000000000000@ttp.demo.example")}, 200,
           REASON_NO_KEY_YET);
    scene_end(&s);
}

static void test_outside_its_domains(void **state)
{
    struct scene s;
    (void)state;
    scene_set(&s);
    /* d: the operator lets it, its bundle does not say so; e: neither; demo.example: both say so, and it is the house's
     * own. */
    static const char *const who[] = {"//d.example/Sapp", "//e.example/Sapp",      "//demo.example/Slocal",
                                      "//c.example/Sapp", "//b.example.evil/Sapp", "/b.example/Sapp"};
    for (size_t i = 0; i < LEN(who); i++)
        expect(&s, (struct call){.who = &s.app, .iss = who[i]}, 403, REASON_FAILED);
    scene_end(&s);
}

static void test_vouchers_that_do_not_count(void **state)
{
    struct scene s;
    (void)state;
    scene_set(&s);
    const struct call bad[] = {
        {.who = &s.app, .v_key = s.other.key},
        {.who = &s.app, .v_key = s.b.identity},
        {.who = &s.app, .v_iss = SPAN("ttp.c.example")},
        {.who = &s.app, .v_aud = SPAN("ttp.c.example")},
        {.who = &s.other, .v_sub = span_str(s.app.iss)},
        {.who = &s.other, .iss = s.app.iss, .jwk = s.app.key},
        {.who = &s.app, .jwk = s.other.key},
        {.who = &s.app, .life = -1},
        {.who = &s.app, .life = VOUCHER_LIFE_S + VOUCHER_SKEW_S + 1},
        {.who = &s.app, .other_request = true},
        {.who = &s.app, .other_jkt = true},
        /* handed on a second time, or by somebody else than the reader asked */
        {.who = &s.app, .kid = SPAN("00000000000000000000000000000000@ttp.c.example")},
        {.who = &s.app, .aud = {SPAN("ttp.c.example"), SPAN(FQDN)}},
        {.who = &s.app, .aud = {SPAN(FQDN), SPAN("ttp.c.example")}},
        {.who = &s.app, .aud = {SPAN(PARTNER), SPAN(FQDN)}},
    };
    for (size_t i = 0; i < LEN(bad); i++)
        expect(&s, bad[i], 403, REASON_FAILED);
    expect(&s, (struct call){.who = &s.app}, 200, REASON_OK);
    assert_int_equal(ask(s.h, KIND_VOUCHED, "", SPAN("{}")).status, 400);
    scene_end(&s);
}

static void test_a_key_that_is_known_cannot_be_replaced(void **state)
{
    struct scene s;
    (void)state;
    scene_set(&s);
    /* the partner's operator invents a key for the identity that the owner pinned */
    struct party fake = stranger(s.pinned.iss);
    expect(&s, (struct call){.who = &fake}, 200, REASON_REFUSED);
    /* and for one that is registered here as well */
    struct party known = party_new(s.h, s.app.iss, "URI:m2m://b.example/Sapp");
    join(s.h, &known);
    expect(&s, (struct call){.who = &s.app}, 403, REASON_FAILED);
    expect(&s, (struct call){.who = &known}, 200, REASON_OK);
    p256_free(fake.key);
    p256_free(known.key);
    scene_end(&s);
}

static void test_sent_again_it_is_decided_again(void **state)
{
    struct scene s;
    struct release_ask q;
    struct release_got g;
    struct span request;
    (void)state;
    scene_set(&s);
    struct span body = call_text(&s, &(struct call){.who = &s.app}, &q, &request);
    struct answer one = ask(s.h, KIND_VOUCHED, "", body), two = ask(s.h, KIND_VOUCHED, "", body);
    assert_int_equal(open_answer(s.h, request, &q, one, &g), REASON_OK);
    uint64_t size = g.size;
    assert_int_equal(open_answer(s.h, request, &q, two, &g), REASON_OK);
    assert_int_equal(g.size, size + 1);
    struct span deny = denial_text(s.h, s.writer.iss, s.writer.key, s.app.iss, true, 1);
    assert_true(span_eq(ack_of(s.h, deny, ask(s.h, KIND_POLICY, "", deny)).code, SPAN("ok")));
    assert_int_equal(open_answer(s.h, request, &q, ask(s.h, KIND_VOUCHED, "", body), &g), REASON_OK);
    assert_int_equal(g.n_keys, 0);
    s.h->now += MINUTE_MS + 1000;
    assert_int_equal(ask(s.h, KIND_VOUCHED, "", body).status, 403);
    p256_free(q.epk);
    scene_end(&s);
}

static void test_quota_of_a_partner(void **state)
{
    struct scene s;
    struct release_ask q;
    struct span request;
    (void)state;
    scene_set(&s);
    s.h->now -= s.h->now % MINUTE_MS;
    struct span body = call_text(&s, &(struct call){.who = &s.app}, &q, &request);
    for (int i = 0; i < QUOTA; i++)
        assert_int_equal(ask(s.h, KIND_VOUCHED, "", body).status, 200);
    assert_int_equal(ask(s.h, KIND_VOUCHED, "", body).status, 429);
    p256_free(q.epk);
    expect(&s, (struct call){.who = &s.app}, 429, REASON_FAILED);
    expect(&s, (struct call){.who = &s.app}, 200, REASON_OK);
    scene_end(&s);
}

/* ---- bundles of partners -------------------------------------------------------------------------------------------
 */

static void posted(struct house *h, uint64_t id, unsigned status, const char *media, struct span body)
{
    struct buf b = heap_buf(MSG_FRAME_MAX);
    msg_put_POSTED(&b,
                   &(struct msg_POSTED){.id = id, .status = (uint16_t)status, .media = span_str(media), .body = body});
    assert_int_equal(msg_receive(vault_end(h->vault), ROOM_LEDGER, buf_span(&b)), OK);
    heap_buf_free(&b);
    pump(h);
}

static struct span post_part(struct house *h, size_t n)
{
    struct span all = h->posted, item = SPAN_NONE;
    for (size_t i = 0; i <= n; i++)
        assert_int_equal(msg_item_get(&all, &item), OK);
    return item;
}

/* The partner, or whoever sits on the way, answers the next asking for its bundle with this one. */
static void news(struct scene *s, const struct bundle *b)
{
    struct buf text = heap_buf(65536);
    size_t before = s->h->n_posts;
    s->h->now += 86400000 / 2;
    assert_int_equal(vault_tick(s->h->vault), OK);
    pump(s->h);
    assert_int_equal(s->h->n_posts, before + 1);
    assert_true(span_eq(post_part(s->h, 0), SPAN(PARTNER)));
    assert_true(span_eq(post_part(s->h, 1), SPAN("/bundle")));
    assert_int_equal(post_part(s->h, 2).n, 0);
    posted(s->h, s->h->post_id, 200, "application/jose", bundle_text(b, &text));
    heap_buf_free(&text);
}

static void test_bundles_only_rise(void **state)
{
    struct scene s;
    struct p256 *old;
    (void)state;
    scene_set(&s);
    uint64_t leaves = s.h->size;
    struct bundle next = s.b, lower = s.b, forged = s.b;
    old = next.release;
    assert_int_equal(p256_new(&next.release), OK);
    next.exp = forged.exp = lower.exp = s.b.exp + 40 * 86400;
    next.seq = 9;
    lower.seq = 4;
    forged.seq = 20;
    assert_int_equal(p256_new(&forged.identity), OK);
    lower.release = forged.release = s.other.key;
    const struct call real = {.who = &s.app}, theft = {.who = &s.app, .v_key = s.other.key};
    news(&s, &lower);
    expect(&s, theft, 403, REASON_FAILED);
    news(&s, &forged);
    expect(&s, theft, 403, REASON_FAILED);
    lower.seq = 5; /* as high as the one that counts */
    news(&s, &lower);
    expect(&s, theft, 403, REASON_FAILED);
    s.b.release = next.release;
    news(&s, &next);
    expect(&s, real, 200, REASON_OK);
    expect(&s, (struct call){.who = &s.app, .v_key = old}, 403, REASON_FAILED);
    assert_true(s.h->size > leaves);
    /* what was accepted is the vault's state: a start with the old pin does not go back */
    house_restart(s.h);
    assert_true(s.h->up);
    expect(&s, real, 200, REASON_OK);
    struct bundle shown;
    assert_int_equal(
        bundle_open(ask(s.h, KIND_PARTNER, "", SPAN(PARTNER)).body, SPAN(PARTNER), s.b.identity, 0, &s.h->mem, &shown),
        REASON_OK);
    assert_int_equal(shown.seq, 9);
    bundle_free(&shown);
    assert_int_equal(ask(s.h, KIND_PARTNER, "", SPAN("ttp.c.example")).status, 404);
    news(&s, &lower);
    expect(&s, theft, 403, REASON_FAILED);
    p256_free(old);
    p256_free(forged.identity);
    scene_end(&s);
}

static uint64_t own_bundle(struct scene *s, struct span domain)
{
    struct bundle b;
    struct answer a = ask(s->h, KIND_BUNDLE, "", SPAN_NONE);
    assert_int_equal(bundle_open(a.body, SPAN(FQDN), NULL, 0, &s->h->mem, &b), REASON_OK);
    assert_int_equal(b.n_vouches, 1);
    assert_true(span_eq(b.vouches[0], domain));
    uint64_t seq = b.seq;
    bundle_free(&b);
    return seq;
}

static void test_the_own_bundle_claims_what_is_configured(void **state)
{
    struct scene s;
    (void)state;
    scene_set(&s);
    uint64_t seq = own_bundle(&s, SPAN("demo.example"));
    buf_reset(&s.own);
    msg_item_put(&s.own, SPAN("other.example\n"));
    partners.own = buf_span(&s.own);
    house_restart(s.h);
    assert_int_equal(vault_tick(s.h->vault), OK);
    pump(s.h);
    assert_int_equal(own_bundle(&s, SPAN("other.example")), seq + 1);
    house_restart(s.h);
    assert_int_equal(vault_tick(s.h->vault), OK);
    pump(s.h);
    assert_int_equal(own_bundle(&s, SPAN("other.example")), seq + 1);
    scene_end(&s);
}

static void test_the_operators_new_pin_counts(void **state)
{
    struct scene s;
    (void)state;
    scene_set(&s);
    expect(&s, (struct call){.who = &s.app}, 200, REASON_OK);
    bundle_free(&s.b);
    partner_new(&s.b, s.h->now, claims, LEN(claims));
    s.b.seq = 1; /* a partner that began anew */
    pin(&s, &partners, "b.example\n");
    house_restart(s.h);
    assert_true(s.h->up);
    expect(&s, (struct call){.who = &s.app}, 200, REASON_OK);
    scene_end(&s);
}

static void test_a_bundle_that_is_over(void **state)
{
    struct scene s;
    (void)state;
    scene_set(&s);
    s.h->now += 2 * 86400000LL;
    expect(&s, (struct call){.who = &s.app}, 403, REASON_FAILED);
    scene_end(&s);
}

/* ---- the other side ------------------------------------------------------------------------------------------------
 */

/* A client of the house asks for a key of the partner. */
static struct span relay_text(struct scene *s, const struct party *p, struct span kid, struct span first,
                              struct release_ask *q)
{
    struct buf scratch = heap_buf(1 << 16), out = heap_buf(1 << 16);
    struct span *want = ARENA_NEW(&s->h->mem, struct span);
    *want = kid;
    *q = (struct release_ask){
        .iss = span_str(p->iss), .aud = {first, SPAN(FQDN)}, .n_aud = 2, .want = want, .n_want = 1};
    nonce_of(s->h, q->nonce);
    assert_int_equal(p256_new(&q->epk), OK);
    enum err e = release_ask_build(q, p->key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    return built(s->h, &out, e);
}

static const struct span theirs = FIXED("00000000000000000000000000000000@ttp.b.example");

static void voucher_is_right(struct scene *s, const struct party *p, struct span request)
{
    struct vouched x;
    struct jws j;
    struct voucher v;
    uint8_t jkt[JOSE_THUMB];
    assert_true(span_eq(post_part(s->h, 1), SPAN("/vouched")));
    assert_int_equal(vouched_read(post_part(s->h, 2), &s->h->mem, &x), REASON_OK);
    assert_true(span_eq(x.request, request));
    assert_true(p256_same(x.key, p->key));
    assert_int_equal(voucher_read(x.voucher, &s->h->mem, &j, &v), REASON_OK);
    assert_int_equal(jws_verify(&j, s->h->bundle.release), REASON_OK);
    assert_int_equal(p256_thumb(p->key, jkt), OK);
    assert_true(span_eq(v.iss, SPAN(FQDN)));
    assert_int_equal(voucher_judge(&v, SPAN(PARTNER), span_str(p->iss), jkt, request, (uint64_t)(s->h->now / 1000)),
                     REASON_OK);
    p256_free(x.key);
}

static void test_relaying(void **state)
{
    struct scene s;
    struct release_ask q;
    (void)state;
    scene_set(&s);
    struct house *h = s.h;
    struct span text = relay_text(&s, &s.writer, theirs, SPAN(PARTNER), &q);
    /* no voucher before its leaf is kept */
    size_t posts = h->n_posts;
    h->hold_heads = true;
    uint64_t id = ask_only(h, KIND_RELAY, "", text);
    pump(h);
    assert_int_equal(h->n_posts, posts);
    h->hold_heads = false;
    h->size++;
    kept(h);
    pump(h);
    assert_int_equal(h->n_posts, posts + 1);
    assert_true(span_eq(post_part(h, 0), SPAN(PARTNER)));
    voucher_is_right(&s, &s.writer, text);
    assert_null(answer_of(h, id));
    posted(h, h->post_id, 200, "application/jose", SPAN("as it came"));
    assert_int_equal(answer_of(h, id)->status, 200);
    assert_true(span_eq(answer_of(h, id)->body, SPAN("as it came")));
    posted(h, id, 200, "application/jose", SPAN("twice")); /* nobody waits for it */
    p256_free(q.epk);
    scene_end(&s);
}

/* The status of the answer to the client when the partner's is this one. */
static unsigned relayed(struct scene *s, unsigned status, const char *media, const char *body)
{
    struct release_ask q;
    struct span text = relay_text(s, &s->writer, theirs, SPAN(PARTNER), &q);
    p256_free(q.epk);
    s->h->now += MINUTE_MS;
    s->h->n_answers = 0;
    uint64_t id = ask_only(s->h, KIND_RELAY, "", text);
    pump(s->h);
    posted(s->h, id, status, media, span_str(body));
    return answer_of(s->h, id)->status;
}

static void test_what_the_partner_answers(void **state)
{
    struct scene s;
    (void)state;
    scene_set(&s);
    assert_int_equal(relayed(&s, 403, "application/json", "{\"who\":\"ttp.b.example\"}"), 403);
    assert_true(span_find(s.h->answer[0].body, '{') == 0);
    assert_int_equal(relayed(&s, 0, "", ""), 503);
    assert_int_equal(relayed(&s, 200, "text/html", "<p>"), 503);
    assert_int_equal(relayed(&s, 100, "application/json", ""), 503);
    scene_end(&s);
}

static unsigned refused(struct scene *s, const struct party *p, struct span kid, struct span first)
{
    struct release_ask q;
    struct span text = relay_text(s, p, kid, first, &q);
    size_t posts = s->h->n_posts;
    struct answer a = ask(s->h, KIND_RELAY, "", text);
    p256_free(q.epk);
    assert_int_equal(s->h->n_posts, posts);
    return a.status;
}

static void test_what_is_not_relayed(void **state)
{
    struct scene s;
    (void)state;
    scene_set(&s);
    assert_int_equal(refused(&s, &s.app, theirs, SPAN(PARTNER)), 403); /* no client of the house */
    assert_int_equal(refused(&s, &s.writer, theirs, SPAN("ttp.c.example")), 403);
    assert_int_equal(refused(&s, &s.writer, s.kid, SPAN(PARTNER)), 400);
    s.h->now -= s.h->now % MINUTE_MS;
    for (int i = 0; i < QUOTA; i++) {
        struct release_ask q;
        struct span text = relay_text(&s, &s.writer, theirs, SPAN(PARTNER), &q);
        p256_free(q.epk);
        (void)ask_only(s.h, KIND_RELAY, "", text);
        pump(s.h);
    }
    assert_int_equal(refused(&s, &s.writer, theirs, SPAN(PARTNER)), 429);
    /* a partner that never answers */
    s.h->n_answers = 0;
    s.h->now += 2 * MINUTE_MS;
    assert_int_equal(vault_tick(s.h->vault), OK);
    pump(s.h);
    assert_int_equal(s.h->n_answers, QUOTA);
    assert_int_equal(s.h->answer[0].status, 503);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_partner_may_vouch),
        cmocka_unit_test(test_outside_its_domains),
        cmocka_unit_test(test_vouchers_that_do_not_count),
        cmocka_unit_test(test_a_key_that_is_known_cannot_be_replaced),
        cmocka_unit_test(test_sent_again_it_is_decided_again),
        cmocka_unit_test(test_quota_of_a_partner),
        cmocka_unit_test(test_bundles_only_rise),
        cmocka_unit_test(test_the_own_bundle_claims_what_is_configured),
        cmocka_unit_test(test_the_operators_new_pin_counts),
        cmocka_unit_test(test_a_bundle_that_is_over),
        cmocka_unit_test(test_relaying),
        cmocka_unit_test(test_what_the_partner_answers),
        cmocka_unit_test(test_what_is_not_relayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
