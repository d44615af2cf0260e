/* src/cse/net_seal_post: what the gateway sends to its TTP, in which order, and what it does when the TTP does not
 * answer, refuses, forgets, or is somebody else. The TTP is played here, over HTTP on the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/code.h"
#include "cse/net_seal_post.h"
#include "esd/letter_open.h"
#include "seal_plant.h"

/* ---- the TTP that is played ---------------------------------------------------------------------------- */

enum { CALLS_MAX = 64 };
static struct {
    char calls[CALLS_MAX][16];
    unsigned n;
    bool bound;                 /* knows the gateway */
    uint64_t version;           /* of the policy */
    size_t readers;             /* of the newest policy */
    unsigned letters;           /* accepted */
    unsigned fail;              /* so many calls are answered 503 */
    bool forged;                /* acknowledges with another key */
    const struct p256 *by;      /* identity that signs /bundle */
    const struct p256 *release; /* signs acknowledgements and stands in /bundle; NULL: as pinned */
    uint64_t bundle_exp, bundle_seq;
    char kid[64];   /* of the newest letter */
    uint64_t state; /* changes: policies, denials */
    bool mute;      /* does not answer polls */
    bool keep;      /* holds polls that may be held */
    struct http_req *held;
    uint8_t question[65536]; /* of the held one */
    size_t question_n;
    uint64_t known_ep; /* what it says of every stream */
    unsigned polls, streams;
} ttp;

static uint8_t text_of[65536], scratch_of_[65536], body_of[65536], memory[1 << 20];

static void answer(struct http_req *r, int status, struct span fields, struct span body)
{
    http_reply(r, &(struct http_answer){.status = status, .fields = fields, .body = body});
}

static void acknowledge(struct http_req *r, struct span code, uint64_t version)
{
    struct buf scratch = BUF_ARRAY(scratch_of_), out = BUF_ARRAY(text_of);
    struct ack a = {.code = code, .version = version, .head = SPAN("head")};
    assert_int_equal(esd_sha256(r->body, a.req), OK);
    assert_int_equal(ack_build(&a,
                               ttp.forged    ? identity
                               : ttp.release ? ttp.release
                                             : release,
                               ttp.release ? SPAN("release-2@" TTP) : SPAN("release-1"), &scratch, &out),
                     OK);
    answer(r, span_eq(code, SPAN("ok")) ? 200 : 409, SPAN("Content-Type: application/jose\r\n"), buf_span(&out));
}

static void refuse(struct http_req *r, int status)
{
    answer(r, status, SPAN_NONE, SPAN("{\"code\":\"refused\"}"));
}

static void take_client(struct http_req *r, struct arena *a)
{
    struct jws j;
    struct client c;
    assert_int_equal(client_open(r->body, a, &j, &c), REASON_OK);
    assert_true(span_eq(c.iss, SPAN("//demo.example/id-mn")) && span_eq(c.aud, SPAN(TTP)));
    assert_true(span_eq(c.nonce, SPAN("bm9uY2Utb2YtMTYtb2N0")) && j.n_x5c == 1 && p256_same(c.key, gateway));
    p256_free(c.key);
    ttp.bound = true;
    acknowledge(r, SPAN("ok"), 0);
}

static void take_policy(struct http_req *r, struct arena *a)
{
    struct jws j;
    struct policy p;
    assert_int_equal(policy_read(r->body, a, &j, &p), REASON_OK);
    assert_int_equal(jws_verify(&j, gateway), REASON_OK);
    assert_true(span_eq(p.policy, SPAN("ward")));
    if (p.version != ttp.version + 1) {
        acknowledge(r, SPAN("conflict"), ttp.version);
        return;
    }
    ttp.version++;
    ttp.state++;
    ttp.readers = p.n;
    acknowledge(r, SPAN("ok"), ttp.version);
}

static void take_letter(struct http_req *r, struct arena *a)
{
    struct jws j;
    struct key_letter l;
    uint8_t kv[1][ESD_KV];
    assert_int_equal(letter_read(r->body, a, &j, &l), REASON_OK);
    assert_int_equal(jws_verify(&j, gateway), REASON_OK);
    assert_int_equal(letter_open(&l, sealing, a, kv), REASON_OK);
    struct buf b = BUF_ARRAY(ttp.kid);
    buf_put(&b, l.items[0].kid);
    buf_nul(&b);
    if (!ttp.forged)
        ttp.letters++;
    acknowledge(r, SPAN("ok"), 0);
}

static void tell(struct http_req *r, struct span question, const struct poll *p)
{
    struct buf scratch = BUF_ARRAY(scratch_of_), out = BUF_ARRAY(text_of);
    struct poll_answer news = {.t_ms = (uint64_t)now, .state = ttp.state, .streams = p->streams, .n = p->n};
    for (size_t i = 0; i < p->n; i++)
        p->streams[i].ep = ttp.known_ep;
    assert_int_equal(esd_sha256(question, news.req), OK);
    assert_int_equal(poll_answer_build(&news, ttp.forged ? identity : release, SPAN("release-1"), &scratch, &out), OK);
    answer(r, 200, SPAN("Content-Type: application/jose\r\n"), buf_span(&out));
}

/* Polls come by the clock: they do not stand in `calls`. */
static void take_poll(struct http_req *r, struct arena *a)
{
    struct jws j;
    struct poll p;
    assert_int_equal(poll_read(r->body, a, &j, &p), REASON_OK);
    assert_int_equal(jws_verify(&j, gateway), REASON_OK);
    ttp.polls++;
    ttp.streams += (unsigned)p.n;
    if (ttp.mute) {
        refuse(r, 503);
    } else if (ttp.keep && p.wait > 0 && p.has_state && p.state == ttp.state) {
        assert_null(ttp.held);
        ttp.held = r;
        memcpy(ttp.question, r->body.p, r->body.n);
        ttp.question_n = r->body.n;
    } else {
        tell(r, r->body, &p);
    }
}

/* The held poll gets its answer. */
static void let_go(void)
{
    struct arena a;
    struct jws j;
    struct poll p;
    struct span q = span_of(ttp.question, ttp.question_n);
    struct http_req *r = ttp.held;
    heap_arena(&a, 4096, 1 << 20);
    assert_non_null(r);
    ttp.held = NULL;
    assert_int_equal(poll_read(q, &a, &j, &p), REASON_OK);
    tell(r, q, &p);
    arena_reset(&a);
}

static void give_bundle(struct http_req *r)
{
    struct buf out = BUF_ARRAY(body_of);
    struct bundle b = {.fqdn = SPAN(TTP),
                       .seq = ttp.bundle_seq,
                       .next = ttp.bundle_exp,
                       .exp = ttp.bundle_exp,
                       .identity = (struct p256 *)(uintptr_t)ttp.by,
                       .sealing = sealing,
                       .release = (struct p256 *)(uintptr_t)(ttp.release ? ttp.release : release),
                       .sealing_kid = SPAN("sealing-2@" TTP),
                       .release_kid = ttp.release ? SPAN("release-2@" TTP) : SPAN("release-1@" TTP),
                       .log_vkey = SPAN("ttp.demo.example/log+00+AA")};
    assert_int_equal(bundle_build(&b, &out), OK);
    answer(r, 200, SPAN_NONE, buf_span(&out));
}

static void serve(void *ctx, struct http_req *r)
{
    struct arena a;
    (void)ctx;
    arena_over(&a, memory, sizeof memory);
    if (ttp.bound && ttp.fail == 0 && span_eq(r->path, SPAN("/poll"))) {
        take_poll(r, &a);
        return;
    }
    if (ttp.n < CALLS_MAX)
        snprintf(ttp.calls[ttp.n++], sizeof ttp.calls[0], "%.*s", SPAN_FMT(r->path));
    if (ttp.fail > 0) {
        ttp.fail--;
        refuse(r, 503);
    } else if (span_eq(r->path, SPAN("/bundle")))
        give_bundle(r);
    else if (span_eq(r->path, SPAN("/nonce")))
        answer(r, 200, SPAN("Oneseal-Nonce: bm9uY2Utb2YtMTYtb2N0\r\n"), SPAN("{}"));
    else if (span_eq(r->path, SPAN("/client")))
        take_client(r, &a);
    else if (!ttp.bound)
        refuse(r, 403);
    else if (span_eq(r->path, SPAN("/policy")))
        take_policy(r, &a);
    else
        take_letter(r, &a);
}

/* ---- the gateway --------------------------------------------------------------------------------------- */

static struct net_loop *loop;
static struct http_server *server;
static struct http_client *http;
static struct store *store;
static struct conf *conf;
static struct hook_seal *h;
static struct cse_hook hook;
static struct net_seal_post *post;
static struct exch *job; /* the writer's queue, of one place */

static bool enqueue(void *ctx, struct exch *x)
{
    (void)ctx;
    if (job)
        return false;
    job = x;
    return true;
}

static int64_t clock_of(void *ctx)
{
    (void)ctx;
    return now;
}

static void work(void)
{
    struct exch *x = job;
    struct store_tx *t;
    job = NULL;
    if (!x)
        return;
    assert_int_equal(store_write(store, &t), OK);
    assert_int_equal(store_save(t), OK);
    x->wrote = x->job(NULL, t, x);
    assert_int_equal(x->wrote, OK);
    assert_int_equal(store_keep(t), OK);
    assert_int_equal(store_commit(t), OK);
    x->done(x);
}

static void entropy(void *ctx, void *p, size_t n)
{
    (void)ctx;
    assert_int_equal(esd_random(p, n), OK);
}

/* One reading of a container; each container is a stream with a letter of its own. */
static enum rsc reading(const char *container)
{
    static uint8_t room[1 << 20];
    struct arena a;
    struct store_tx *t;
    struct cse_hook_say say = {0};
    char con[] = "\"21.5\"";
    arena_over(&a, room, sizeof room);
    assert_int_equal(store_write(store, &t), OK);
    assert_int_equal(store_save(t), OK);
    struct cse_hook_ask ask = {
        .t = t, .arena = &a, .now = now, .path = span_str(container), .con = span_str(con), .entropy = entropy};
    struct verdict v = hook.before(hook.ctx, &ask, &say);
    assert_int_equal(verdict_go(v) ? store_keep(t) : store_undo(t), OK);
    if (!verdict_go(v))
        hook.undone(hook.ctx);
    assert_int_equal(store_commit(t), OK);
    hook.committed(hook.ctx, OK);
    return v.rsc;
}

#define ONE "//demo.example/id-mn/mn/thermo-1/data"
#define TWO "//demo.example/id-mn/mn/thermo-1/data-2"

static void start(const char *readers)
{
    char text[2048], words[1024], at[NET_ADDR_TEXT_MAX];
    struct net_addr addr = http_server_addr(server);
    struct buf why = BUF_ARRAY(words);
    snprintf(text, sizeof text,
             "[cse]\nrole=mn\ncse-id=/id-mn\nname=mn\nsp=//demo.example\n[storage]\npath=:memory:\n"
             "[ttp " TTP "]\nurl=http://%s\nbundle=bundle\nsigning-key-file=key\nsigning-certificate=cert\n"
             "[seal ward]\nfor=/id-mn/mn/thermo-1/data*\npolicy=seal-at-gateway\nreaders=%s\nttp=" TTP "\n",
             net_addr_text(&addr, at), readers);
    assert_int_equal(conf_read(in_folder("conf"), span_str(text), rows, LEN(rows), &conf, &why), OK);
    assert_int_equal(hook_seal_new(conf, SPAN("//demo.example"), SPAN("/id-mn"), &h, &why), OK);
    hook = hook_seal_hook(h);
    struct net_seal_post_conf c = {
        .loop = loop, .http = http, .store = store, .enqueue = enqueue, .now = clock_of, .seal = h};
    assert_int_equal(net_seal_post_new(&c, &post), OK);
}

static bool through;
static void passed(struct net_post *p)
{
    (void)p;
    through = true;
}

static void stop(void)
{
    struct net_post last = {.run = passed};
    net_seal_post_stop(post);
    for (through = false, net_loop_post(loop, &last); !through;)
        net_loop_turn(loop); /* what was posted before has run */
    job = NULL;
    net_seal_post_free(post);
    hook_seal_free(h);
    conf_free(conf);
    post = NULL;
}

static int set_up(void **state)
{
    (void)state;
    uint8_t id[16] = {2};
    struct http_conf c = {.limits = http_limits_default(), .handle = serve};
    struct http_client_conf client = {0};
    memset(&ttp, 0, sizeof ttp);
    ttp.by = identity;
    ttp.bundle_exp = 4000000000;
    ttp.bundle_seq = 1;
    store = store_mem(id);
    if (!store || net_loop_new(&loop) || net_addr_parse(SPAN("127.0.0.1:0"), &c.addr) ||
        http_server_new(loop, &c, &server, NULL) || http_client_new(loop, &client, &http))
        return -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (post)
        stop();
    http_client_free(http);
    http_server_free(server);
    net_loop_free(loop);
    store_close(store);
    return 0;
}

static uint64_t waiting(void)
{
    uint64_t first, next;
    struct store_tx *t;
    struct arena a;
    static uint8_t room[65536];
    arena_over(&a, room, sizeof room);
    assert_int_equal(store_read(store, 0, &t), OK);
    assert_int_equal(seal_queue_span(t, &a, &first, &next), OK);
    store_end(t);
    return next - first;
}

/* Turns the loop until the TTP has so many letters and nothing waits; the test's own limit ends what never comes. */
static void until_letters(unsigned n)
{
    while (ttp.letters < n || waiting() > 0 || job) {
        net_loop_turn(loop);
        work();
    }
}
static void until_calls(unsigned n)
{
    while (ttp.n < n) {
        net_loop_turn(loop);
        work();
    }
}

static void calls_are(const char *const *want, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_string_equal(ttp.calls[i], want[i]);
    assert_int_equal(ttp.n, n);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void client_policy_letters_in_this_order(void **state)
{
    (void)state;
    static const char *const want[] = {"/bundle", "/nonce", "/client", "/policy", "/letter", "/letter"};
    start("//demo.example/Sapp-heat");
    assert_int_equal(reading(ONE), RSC_NONE);
    assert_int_equal(reading(ONE), RSC_NONE);
    assert_int_equal(reading(TWO), RSC_NONE);
    until_letters(2);
    calls_are(want, LEN(want));
    assert_true(ttp.version == 1 && ttp.readers == 1);
    assert_int_equal(net_seal_post_counts(post).sent, 2);
    assert_int_equal(net_seal_post_counts(post).failed, 0);
}

/* Writing goes on while the TTP does not answer; what waited arrives when it does. */
static void letters_wait_for_the_ttp(void **state)
{
    (void)state;
    ttp.fail = 3; /* the first is its bundle: it can do without a newer one */
    start("//demo.example/Sapp-heat");
    assert_int_equal(reading(ONE), RSC_NONE);
    assert_int_equal(waiting(), 1);
    until_calls(3);
    assert_int_equal(reading(TWO), RSC_NONE);
    assert_int_equal(waiting(), 2);
    until_letters(2);
    assert_int_equal(net_seal_post_counts(post).failed, 2);
}

static void a_restart_sends_what_was_left_and_no_policy_again(void **state)
{
    (void)state;
    start("//demo.example/Sapp-heat");
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(1);
    assert_int_equal(reading(TWO), RSC_NONE); /* its letter lies in the store */
    assert_int_equal(waiting(), 1);
    stop();
    ttp.n = 0;
    start("//demo.example/Sapp-heat");
    until_letters(2);
    static const char *const want[] = {"/bundle", "/nonce", "/client", "/letter"};
    calls_are(want, LEN(want));
    assert_int_equal(ttp.version, 1);
    /* other readers: the next version */
    stop();
    start("//demo.example/Sapp-heat, //demo.example/Sapp-b");
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(3);
    assert_true(ttp.version == 2 && ttp.readers == 2);
}

static void a_version_behind_is_made_good(void **state)
{
    (void)state;
    ttp.version = 7; /* the gateway's store was lost */
    start("//demo.example/Sapp-heat");
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(1);
    assert_int_equal(ttp.version, 8);
}

static void a_forgetful_ttp_is_told_again(void **state)
{
    (void)state;
    start("//demo.example/Sapp-heat");
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(1);
    ttp.bound = false;
    assert_int_equal(reading(TWO), RSC_NONE);
    until_letters(2);
    assert_true(ttp.bound);
}

/* Whoever answers in the place of the vault: the letter stays until the vault itself has signed for it. */
static void a_forged_acknowledgement_counts_for_nothing(void **state)
{
    (void)state;
    start("//demo.example/Sapp-heat");
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(1);
    ttp.forged = true;
    unsigned calls = ttp.n;
    assert_int_equal(reading(TWO), RSC_NONE);
    until_calls(calls + 2);
    assert_int_equal(waiting(), 1);
    assert_int_equal(ttp.letters, 1);
    ttp.forged = false;
    until_letters(2);
}

static void a_bundle_that_ends_is_fetched_under_the_pinned_identity(void **state)
{
    (void)state;
    write_bundle((uint64_t)(now / 1000) + 3600);
    start("//demo.example/Sapp-heat");
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(1);
    assert_string_equal(ttp.calls[0], "/bundle");
    assert_true(span_eq(h->ttps[0].bundle.sealing_kid, SPAN("sealing-2@" TTP)) && h->ttps[0].bundle.exp == 4000000000);
    stop();
    /* one of another identity, and one that is older than ours, are not taken */
    for (int i = 0; i < 2; i++) {
        ttp.n = 0;
        ttp.by = i == 0 ? gateway : identity;
        ttp.bundle_seq = i == 0 ? 1 : 0;
        start("//demo.example/Sapp-heat");
        until_calls(2);
        assert_string_equal(ttp.calls[0], "/bundle");
        assert_true(span_eq(h->ttps[0].bundle.sealing_kid, SPAN("sealing-1@" TTP)));
        stop();
    }
    write_bundle(4000000000);
    start("//demo.example/Sapp-heat");
}

static unsigned called(const char *path)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ttp.n; i++)
        n += strcmp(ttp.calls[i], path) == 0;
    return n;
}

/* The TTP changes the key that signs its answers, and nobody announced it: the bundle is fetched, what was asked is
 * asked again, and no call counts as failed. */
static void a_new_release_key_is_followed(void **state)
{
    (void)state;
    struct p256 *later;
    assert_int_equal(p256_new(&later), OK);
    start("//demo.example/Sapp-heat");
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(1);
    ttp.release = later;
    ttp.bundle_seq = 2;
    assert_int_equal(reading(TWO), RSC_NONE);
    until_letters(2);
    assert_int_equal(called("/bundle"), 2);
    assert_int_equal(net_seal_post_counts(post).failed, 0);
    assert_int_equal(h->ttps[0].bundle.seq, 2);
    stop();
    /* It is kept, and an older one is refused from then on. */
    ttp.fail = 1;
    ttp.n = 0;
    start("//demo.example/Sapp-heat");
    until_calls(1);
    assert_int_equal(h->ttps[0].bundle.seq, 2);
    stop();
    ttp.fail = 0;
    ttp.bundle_seq = 1;
    ttp.release = NULL;
    ttp.n = 0;
    start("//demo.example/Sapp-heat");
    until_calls(2);
    assert_int_equal(h->ttps[0].bundle.seq, 2);
    p256_free(later);
}

/* A key that the TTP's own bundle does not list stays a forgery. */
static void a_key_that_no_bundle_lists_is_refused(void **state)
{
    (void)state;
    start("//demo.example/Sapp-heat");
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(1);
    ttp.forged = true;
    assert_int_equal(reading(TWO), RSC_NONE);
    unsigned n = ttp.n;
    until_calls(n + 4);
    assert_true(called("/bundle") <= 2);
    assert_int_equal(waiting(), 1);
    assert_true(net_seal_post_counts(post).failed > 0);
    ttp.forged = false;
    until_letters(2);
}

/* ---- news ----------------------------------------------------------------------------------------------- */

static int64_t mono = 1000000;
static struct net_timer *pulse;
static int64_t clock_rising(void)
{
    return mono;
}

static uint64_t epochs(void)
{
    return hook_seal_counts(h).epochs;
}

static void until_polls(unsigned n)
{
    while (ttp.polls < n) {
        net_loop_turn(loop);
        work();
    }
    for (unsigned i = 0; i < 20; i++) /* and its answer was read */
        net_loop_turn(loop);
}

static void news_end_every_epoch(void **state)
{
    (void)state;
    start("//demo.example/Sapp-heat");
    h->mono = clock_rising;
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(1);
    uint64_t before = epochs();
    mono += SEAL_POLL_MS;
    assert_int_equal(reading(ONE), RSC_NONE);
    unsigned polls = ttp.polls;
    hook.committed(hook.ctx, OK);
    h->wake(h->wake_ctx);
    until_polls(polls + 1);
    assert_int_equal(reading(ONE), RSC_NONE);
    assert_int_equal(epochs(), before); /* the policy that raised the number was ours */
    mono += SEAL_POLL_MS;
    ttp.state++; /* somebody is denied */
    h->wake(h->wake_ctx);
    until_polls(polls + 2);
    assert_int_equal(reading(ONE), RSC_NONE);
    assert_int_equal(epochs(), before + 1);
    assert_int_equal(reading(ONE), RSC_NONE);
    assert_int_equal(epochs(), before + 1);
    until_letters(2);
}

/* Nobody says "nothing changed" in the vault's place: one new epoch, whose letter waits. */
static void without_word_one_new_epoch_begins(void **state)
{
    (void)state;
    start("//demo.example/Sapp-heat");
    h->mono = clock_rising;
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(1);
    uint64_t before = epochs();
    ttp.mute = true;
    mono += SEAL_FRESH_MS - 1;
    assert_int_equal(reading(ONE), RSC_NONE);
    assert_int_equal(epochs(), before);
    mono += 1;
    for (int i = 0; i < 5; i++) {
        mono += SEAL_FRESH_MS;
        assert_int_equal(reading(ONE), RSC_NONE); /* writing goes on */
    }
    assert_int_equal(epochs(), before + 1);
    unsigned polls = ttp.polls;
    until_polls(polls + 1);
    assert_int_equal(waiting(), 1);
    assert_int_equal(ttp.letters, 1);
    ttp.mute = false;
    until_letters(2);
    assert_int_equal(reading(ONE), RSC_NONE);
    assert_int_equal(epochs(), before + 1);
    mono += SEAL_FRESH_MS; /* the next silence, the next one */
    assert_int_equal(reading(ONE), RSC_NONE);
    assert_int_equal(epochs(), before + 2);
}

static void turns(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        net_timer_start(pulse, 1, 0);
        net_loop_turn(loop);
        work();
    }
}

static void pulsed(void *ctx)
{
    (void)ctx;
}

/* A poll that the vault holds keeps no letter waiting, and a policy of ours under way is no news. */
static void letters_go_beside_a_held_poll(void **state)
{
    (void)state;
    assert_int_equal(net_timer_new(loop, pulsed, NULL, &pulse), OK);
    ttp.keep = true;
    start("//demo.example/Sapp-heat");
    h->mono = clock_rising;
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(1);
    turns(20);
    mono += SEAL_POLL_MS;
    hook.committed(hook.ctx, OK);
    h->wake(h->wake_ctx);
    turns(20);
    assert_non_null(ttp.held);
    uint64_t before = epochs();
    assert_int_equal(hook_seal_new_epoch(h), 1);
    assert_int_equal(reading(ONE), RSC_NONE);
    h->wake(h->wake_ctx);
    until_letters(2);
    assert_non_null(ttp.held);
    ttp.state++; /* somebody is denied: told at once */
    let_go();
    turns(20);
    assert_int_equal(reading(ONE), RSC_NONE);
    assert_int_equal(epochs(), before + 2);
    stop();
    ttp.held = NULL;
    net_timer_free(pulse);
    ttp.keep = false;
    start("//demo.example/Sapp-heat");
}

/* A database that was put back counts on above what the TTP has seen. */
static void epochs_go_on_above_what_the_ttp_knows(void **state)
{
    (void)state;
    assert_int_equal(net_timer_new(loop, pulsed, NULL, &pulse), OK);
    ttp.known_ep = 40;
    start("//demo.example/Sapp-heat");
    h->mono = clock_rising;
    assert_int_equal(reading(ONE), RSC_NONE);
    until_letters(1);
    mono += SEAL_POLL_MS;
    h->wake(h->wake_ctx);
    turns(30);
    assert_int_equal(ttp.streams, 1); /* asked once */
    assert_int_equal(hook_seal_new_epoch(h), 1);
    assert_int_equal(reading(ONE), RSC_NONE);
    uint64_t ep = 0;
    for (size_t i = 0; i < SEAL_STREAMS; i++)
        if (h->secret->epoch[i].open)
            ep = h->secret->epoch[i].ep;
    assert_int_equal(ep, 41);
    net_timer_free(pulse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(client_policy_letters_in_this_order),
        T(letters_wait_for_the_ttp),
        T(a_restart_sends_what_was_left_and_no_policy_again),
        T(a_version_behind_is_made_good),
        T(a_forgetful_ttp_is_told_again),
        T(a_forged_acknowledgement_counts_for_nothing),
        T(a_bundle_that_ends_is_fetched_under_the_pinned_identity),
        T(a_new_release_key_is_followed),
        T(a_key_that_no_bundle_lists_is_refused),
        T(news_end_every_epoch),
        T(without_word_one_new_epoch_begins),
        T(letters_go_beside_a_held_poll),
        T(epochs_go_on_above_what_the_ttp_knows),
    };
    return cmocka_run_group_tests(tests, before_all, after_all);
}
