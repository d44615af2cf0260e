/* Interleavings of revoke and release: the vault alone, the test being its ledger, its parent and the network. A
 * scheduler with a seed decides which queue moves next, whether a commit fails, and whether several requests come
 * between two moves. What must never happen: an answer with a key that leaves after the acknowledgement of the
 * revocation of its reader.
 *
 *   ttp_order_test ROUNDS [finds] [SEED]   finds: the control; it must happen */
#include "ttp_house.h"

enum { ASKS = 4 };
static const uint8_t kv1[ESD_KV] = {1, 2, 3};

struct trial {
    struct house *h;
    struct party gateway, app;
    struct span release, policy;
    uint8_t *found; /* the frame with the row, as the true ledger gave it */
    size_t found_n;
    struct buf net; /* frames ASKED, on their way */
    uint64_t seed, rng, round;
    uint64_t deny_id, lift_id, n;
    bool acknowledged, denied;
    uint64_t revoked, released, failed, refused, leaks;
    uint64_t size; /* of the log, as the vault said last */
};

/* xorshift64*: the same schedule for the same seed, everywhere. */
static uint64_t next(struct trial *t)
{
    t->rng ^= t->rng >> 12;
    t->rng ^= t->rng << 25;
    t->rng ^= t->rng >> 27;
    return t->rng * 2685821657736338717u;
}

static unsigned below(struct trial *t, unsigned n)
{
    return (unsigned)((next(t) >> 33) % n);
}

/* ---- the other rooms ----------------------------------------------------------------------------------------------
 */

static bool has_key(struct trial *t, struct span body)
{
    struct jws j;
    struct arena a;
    heap_arena(&a, 1 << 16, 1 << 20);
    assert_int_equal(jws_read(body, JWS_ANSWER, &a, &j), REASON_OK);
    bool yes = JSON_GET(j.claims, "jwe") != NULL;
    arena_reset(&a);
    (void)t;
    return yes;
}

static void reply(struct trial *t, const struct msg_REPLY *r)
{
    if (r->id == t->deny_id) {
        t->acknowledged = r->status == 200;
        t->denied = t->denied || t->acknowledged;
        t->revoked += t->acknowledged;
        t->failed += !t->acknowledged;
    } else if (r->id == t->lift_id) {
        assert_int_equal(r->status, 200);
    } else if (r->status == 200 && has_key(t, r->body)) {
        t->released++;
        if (t->acknowledged && t->leaks++ == 0)
            print_message("a key left after the revocation: seed %llu round %llu\n", (unsigned long long)t->seed,
                          (unsigned long long)t->round);
    } else {
        t->refused++;
    }
}

static void answer_find(struct trial *t, uint64_t id, uint64_t n)
{
    enum msg type;
    union msg_any m;
    assert_int_equal(msg_get(span_of(t->found, t->found_n), &type, &m), OK);
    m.FOUND.id = id;
    m.FOUND.n = n;
    msg_put_FOUND(&t->h->l_vault, &m.FOUND);
}

/* One frame of the vault to its ledger. False: there is none. */
static bool ledger_moves(struct trial *t, bool may_fail)
{
    enum msg type;
    union msg_any m;
    size_t n;
    if (!take_frame(&t->h->v_ledger, frame, &n))
        return false;
    assert_int_equal(msg_get(span_of(frame, n), &type, &m), OK);
    if (type == SAY_FIND)
        answer_find(t, m.FIND.id, m.FIND.n);
    else if (type == SAY_REPLY)
        reply(t, &m.REPLY);
    else if (type == SAY_COMMIT && may_fail && below(t, 6) == 0)
        msg_put_NOT_COMMITTED(&t->h->l_vault, &(struct msg_NOT_COMMITTED){.size = m.COMMIT.size, .why = SPAN("full")});
    else if (type == SAY_COMMIT)
        msg_put_COMMITTED(&t->h->l_vault, &(struct msg_COMMITTED){.size = m.COMMIT.size});
    return true;
}

static bool parent_moves(struct trial *t)
{
    enum msg type;
    union msg_any m;
    size_t n;
    if (!take_frame(&t->h->v_parent, frame, &n))
        return false;
    assert_int_equal(msg_get(span_of(frame, n), &type, &m), OK);
    if (type == SAY_HEAD) {
        t->h->size = m.HEAD.size;
        kept(t->h);
    }
    return true;
}

static bool vault_moves(struct trial *t)
{
    bool moved = step_vault(t->h);
    assert_int_equal(t->h->vault_end, OK);
    return moved;
}

static bool network_moves(struct trial *t)
{
    size_t n;
    if (!take_frame(&t->net, frame, &n))
        return false;
    buf_put(&t->h->l_vault, span_of(frame, n));
    return true;
}

static void settle(struct trial *t)
{
    while (network_moves(t) || ledger_moves(t, false) || vault_moves(t) || parent_moves(t))
        continue;
}

static void asks_for(struct trial *t, enum ttp_kind kind, struct span body)
{
    msg_put_ASKED(&t->net, &(struct msg_ASKED){.id = ++t->h->next_id, .kind = (uint8_t)kind, .body = body});
}

/* ---- one interleaving ---------------------------------------------------------------------------------------------
 */

static void decree(struct trial *t, bool deny, struct arena *a)
{
    struct buf scratch = heap_buf(1 << 16), out = heap_buf(1 << 16);
    struct denial d = {
        .iss = span_str(t->gateway.iss), .aud = SPAN(FQDN), .id = span_str(t->app.iss), .deny = deny, .n = ++t->n};
    assert_int_equal(denial_build(&d, t->gateway.key, SPAN("k"), &scratch, &out), OK);
    asks_for(t, KIND_POLICY, arena_dup(a, buf_span(&out)));
    heap_buf_free(&scratch);
    heap_buf_free(&out);
}

static void interleave(struct trial *t)
{
    struct arena a;
    unsigned asks = 1 + below(t, ASKS), at = below(t, asks + 1);
    heap_arena(&a, 1 << 14, 1 << 20);
    t->acknowledged = false;
    t->deny_id = 0;
    for (unsigned i = 0, sent = 0;;) {
        unsigned what = below(t, 6);
        if (what >= 4 && sent <= asks) { /* the next request comes */
            if (sent++ == at) {
                decree(t, true, &a);
                t->deny_id = t->h->next_id;
            } else {
                asks_for(t, KIND_RELEASE, t->release);
            }
            continue;
        }
        bool moved = what == 0   ? network_moves(t)
                     : what == 1 ? ledger_moves(t, true)
                     : what == 2 ? vault_moves(t)
                                 : parent_moves(t);
        i = moved ? 0 : i + 1;
        if (sent > asks && i > 40)
            break;
    }
    settle(t);
    t->acknowledged = false;
    t->deny_id = 0;
    if (t->denied) {
        decree(t, false, &a);
        t->lift_id = t->h->next_id;
    }
    t->denied = false;
    settle(t);
    arena_reset(&a);
}

/* ---- setting ------------------------------------------------------------------------------------------------------
 */

static void learn_row(struct trial *t)
{
    size_t n;
    enum msg type;
    union msg_any m;
    (void)ask_only(t->h, KIND_RELEASE, "", t->release);
    while (!t->found) {
        while (step_ledger(t->h))
            continue;
        n = msg_frame_len(buf_span(&t->h->l_vault));
        assert_true(n > 0);
        assert_int_equal(msg_get(span_of(t->h->l_vault.p, n), &type, &m), OK);
        if (type == SAY_FOUND) {
            t->found = xalloc(n);
            memcpy(t->found, t->h->l_vault.p, n);
            t->found_n = n;
        }
        assert_true(step_vault(t->h));
    }
    pump(t->h);
}

static void set(struct trial *t)
{
    struct release_ask q = {0};
    t->h = house_new();
    t->h->quota = (struct msg_VAULT_QUOTA){0}; /* no bound */
    t->h->has_quota = true;
    house_restart(t->h);
    t->gateway = party_new(t->h, "//demo.example/id-mn", "DNS:id-mn.id-in.demo.example");
    t->app = party_new(t->h, "//demo.example/Sapp-heat", "URI:m2m://demo.example/Sapp-heat");
    join(t->h, &t->gateway);
    join(t->h, &t->app);
    struct letter_item m = item_of(t->h, kv1, 7, 1, "ward");
    struct span l = letter_text(t->h, &t->gateway, &m, 1, &kv1);
    (void)ask(t->h, KIND_LETTER, "", l);
    (void)ask(t->h, KIND_POLICY, "", policy_text(t->h, &t->gateway, "ward", 1, &t->app));
    t->release = release_text(t->h, &t->app, &q, &m.kid, 1);
    p256_free(q.epk);
    learn_row(t);
    t->net = heap_buf(1 << 20);
}

static struct trial trial = {.seed = 20261124};
static uint64_t rounds = 1000;
static bool finds;

static void no_release_after_an_acknowledged_revoke(void **state)
{
    struct trial *t = &trial;
    (void)state;
    set(t);
    t->rng = t->seed | 1;
    for (t->round = 0; t->round < rounds && !(finds && t->leaks > 0); t->round++)
        interleave(t);
    print_message("seed %llu: %llu interleavings, %llu revoked, %llu revocations not written, %llu released, %llu "
                  "refused, %llu leaks\n",
                  (unsigned long long)t->seed, (unsigned long long)t->round, (unsigned long long)t->revoked,
                  (unsigned long long)t->failed, (unsigned long long)t->released, (unsigned long long)t->refused,
                  (unsigned long long)t->leaks);
    assert_true(finds ? t->leaks > 0
                      : t->leaks == 0 && t->revoked > 0 && t->failed > 0 && t->released > 0 && t->refused > 0);
    heap_buf_free(&t->net);
    free(t->found);
    p256_free(t->gateway.key);
    p256_free(t->app.key);
    house_free(t->h);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_release_after_an_acknowledged_revoke)};
    finds = argc > 2 && strcmp(argv[2], "finds") == 0;
    if ((argc > 1 && span_u64(span_str(argv[1]), 100000000, &rounds) != OK) ||
        (argc > 3 && span_u64(span_str(argv[3]), UINT64_MAX, &trial.seed) != OK))
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
