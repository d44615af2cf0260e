/* net_seal_poll.c - news from the vault (e2e.md 7): while streams are open a poll lies there at all times, signed over
 * a nonce of ours, so that nobody on the way can say "nothing changed". Somebody else's change ends every epoch at this
 * TTP; 30 s after the nonce of the newest answer the writer begins one new epoch, and the task keeps letters back until
 * an answer is fresh again. Polls go beside the task's other calls: one that is held keeps nothing else waiting. */
#include "base/code.h"
#include "cse/net_seal_own.h"
#include "cse/seal_head.h"
#include "host/heap.h"
#include "host/log.h"

enum {
    ANSWER_MS = 3000,                            /* beyond the time that the vault may hold it */
    LONGEST_MS = POLL_WAIT_S * 1000 + ANSWER_MS, /* a call that takes longer is given up */
    AGAIN_MIN_MS = 250,                          /* after a failure, twice as long each time */
    AGAIN_MAX_MS = 4000,
    HELD_MS = 5000, /* an answer that took so long was held: the next question may follow at once */
};

bool net_seal_fresh(const struct net_seal_post *p, const struct keeper *k)
{
    return seal_ttp_fresh(p->c.seal, k->t);
}

/* ---- asking ------------------------------------------------------------------------------------------------- */

static enum err build(struct net_seal_post *p, struct keeper *k, bool wait)
{
    enum { NONCE = 16, SCRATCH = 128 * 1024 };
    struct keeper_poll *y = &k->poll;
    uint8_t random[NONCE], text[B64URL_LEN(NONCE)];
    struct buf nonce = BUF_ARRAY(text), scratch = heap_buf(SCRATCH);
    TRY(esd_random(random, sizeof random));
    b64url_put(&nonce, span_of(random, sizeof random));
    y->made = p->c.seal->mono(); /* the answer is as old as its nonce */
    struct poll ask = {.iss = p->c.seal->iss,
                       .aud = k->t->fqdn,
                       .nonce = buf_span(&nonce),
                       .streams = p->seen,
                       .n = seal_seen_ask(p->c.seal, k->t, p->seen, POLL_STREAMS_MAX),
                       .has_state = k->known,
                       .state = k->state + k->own,
                       .wait = wait ? POLL_WAIT_S : 0};
    buf_reset(&y->request);
    enum err e = poll_build(&ask, k->t->key, p->c.seal->kid, &scratch, &y->request);
    heap_buf_free(&scratch);
    return e;
}

static void answered(void *ctx, const struct http_result *r);

static void again(struct net_seal_post *p, struct keeper *k, const char *why, int status)
{
    int64_t ms = AGAIN_MIN_MS;
    for (unsigned i = 0; i < k->poll.failures && ms < AGAIN_MAX_MS; i++)
        ms *= 2;
    LOG(k->poll.failures == 3 ? LOG_L_WARN : LOG_L_INFO, "ttp-poll-failed", log_span("ttp", k->t->fqdn),
        log_str("why", why), log_int("status", status), log_int("again_ms", ms));
    k->poll.failures++;
    k->poll.retry = net_loop_now(p->c.loop) + ms;
}

/* The vault holds it only while its last word is fresh: otherwise letters wait for the answer. */
static void ask(struct net_seal_post *p, struct keeper *k)
{
    bool wait = k->known && net_seal_fresh(p, k) && !k->held;
    enum err e = build(p, k, wait);
    if (e != OK) {
        again(p, k, err_text(e), 0);
        return;
    }
    struct http_call c = {.address = k->url.address,
                          .tls = k->url.tls ? p->c.tls : NULL,
                          .name = k->t->fqdn,
                          .host = k->t->fqdn,
                          .method = SPAN("POST"),
                          .target = SPAN("/poll"),
                          .fields = SPAN("Content-Type: application/jose\r\n"),
                          .body = buf_span(&k->poll.request),
                          .may_repeat = true,
                          .response_ms = wait ? LONGEST_MS : ANSWER_MS,
                          .done = answered,
                          .ctx = k};
    http_call_start(p->c.http, &c, &k->poll.pending);
}

/* A host that slept finds its question dead, and does not wait for its end. */
static bool forsaken(const struct net_seal_post *p, const struct keeper *k)
{
    return k->poll.pending && p->c.seal->mono() - k->poll.made > LONGEST_MS;
}

/* Keys that a TTP makes are not sealed with on an old word: then its word is kept fresh also while nothing is open. */
static bool wanted(const struct net_seal_post *p, const struct keeper *k)
{
    const struct hook_seal *h = p->c.seal;
    return k->t && k->t->used && k->bound && (!k->t->heard || h->streams > 0 || k->held || hook_seal_asks(h));
}

/* ms until it is asked; 0: now. */
static int64_t left(const struct net_seal_post *p, const struct keeper *k)
{
    int64_t retry = k->poll.retry - net_loop_now(p->c.loop), next = k->poll.next - p->c.seal->mono();
    if (!net_seal_fresh(p, k))
        next = 0;
    int64_t ms = retry > next ? retry : next;
    return ms > 0 ? ms : 0;
}

void net_seal_polls(struct net_seal_post *p)
{
    int64_t soonest = SEAL_POLL_MS;
    for (size_t i = 0; i < p->c.seal->n_ttps && !p->closing; i++) {
        struct keeper *k = &p->keeper[i];
        if (forsaken(p, k))
            http_call_cancel(k->poll.pending);
        if (!wanted(p, k) || k->poll.pending)
            continue;
        int64_t ms = left(p, k);
        if (ms == 0)
            ask(p, k);
        else if (ms < soonest)
            soonest = ms;
    }
    if (!p->closing)
        net_timer_start(p->poll_timer, (uint64_t)soonest, 0);
}

/* ---- answers ------------------------------------------------------------------------------------------------ */

static bool policy_under_way(const struct net_seal_post *p, const struct keeper *k)
{
    return (p->doing == DOING_POLICY || p->doing == DOING_READERS) && &p->keeper[p->ttp] == k;
}

static void others_changed(struct net_seal_post *p, struct keeper *k)
{
    struct hook_seal *h = p->c.seal;
    k->t->news++;
    h->told++;
    h->heads->next_due = 0; /* quiet streams get their closing heads */
    LOG(LOG_L_NOTICE, "news-of-the-ttp", log_span("ttp", k->t->fqdn), log_str("means", "every stream gets a new key"));
}

/* Each policy of ours that the vault has taken has raised its number by one; that of one under way may have, before its
 * acknowledgement came (decision 083). */
static void take_news(struct net_seal_post *p, struct keeper *k, const struct poll_answer *news)
{
    bool same = !k->known || news->state == k->state + k->own;
    bool early = !same && !k->early && policy_under_way(p, k) && news->state == k->state + k->own + 1;
    bool moved = k->known && news->state != k->state + k->own;
    int64_t now = p->c.seal->mono();
    k->state = news->state;
    k->known = true;
    k->own = 0;
    k->held = false;
    k->early = k->early || early;
    k->t->heard = k->poll.made;
    k->poll.failures = k->strangers = 0;
    k->poll.next = moved || now - k->poll.made >= HELD_MS ? now : k->poll.made + SEAL_POLL_MS;
    seal_seen_told(p->c.seal, k->t, news->streams, news->n);
    if (!same && !early)
        others_changed(p, k);
}

void net_seal_own_policy(struct net_seal_post *p, struct keeper *k, bool taken)
{
    if (k->early && !taken)
        others_changed(p, k); /* it was not ours, then */
    else if (!k->early && taken)
        k->own++;
    k->early = false;
}

static void answered(void *ctx, const struct http_result *r)
{
    struct keeper *k = (struct keeper *)ctx;
    struct net_seal_post *p = k->post;
    struct poll_answer news;
    struct arena mem;
    k->poll.pending = NULL;
    if (p->closing || r->e == ERR_NOTNOW)
        return;
    heap_arena(&mem, 16384, 1 << 20);
    enum reason v = REASON_TTP_UNREACHABLE;
    if (r->e == OK)
        v = r->status == 200
                ? poll_answer_open(r->body, buf_span(&k->poll.request), net_seal_release(k, r), &mem, &news)
                : REASON_REFUSED;
    if (v == REASON_OK) {
        take_news(p, k, &news);
    } else if (r->e != OK || !net_seal_stranger(p, k, r)) {
        k->bound = k->bound && r->status != 401 && r->status != 403; /* it may have forgotten us */
        again(p, k, r->e == OK ? reason_code(v) : r->why, r->status);
    }
    arena_reset(&mem);
    net_seal_polls(p);
    net_seal_turn(p); /* letters may have waited */
}

/* ---- life --------------------------------------------------------------------------------------------------- */

static void fired(void *ctx)
{
    net_seal_polls((struct net_seal_post *)ctx);
}

enum err net_seal_polls_new(struct net_seal_post *p)
{
    for (size_t i = 0; i < p->c.seal->n_ttps; i++) {
        p->keeper[i].post = p;
        p->keeper[i].poll.request = heap_buf(128 * 1024);
    }
    return net_timer_new(p->c.loop, fired, p, &p->poll_timer);
}

void net_seal_polls_stop(struct net_seal_post *p)
{
    for (size_t i = 0; i < p->c.seal->n_ttps; i++)
        if (p->keeper[i].poll.pending)
            http_call_cancel(p->keeper[i].poll.pending);
    net_timer_free(p->poll_timer);
    p->poll_timer = NULL;
}

void net_seal_polls_free(struct net_seal_post *p)
{
    for (size_t i = 0; i < p->c.seal->n_ttps; i++)
        heap_buf_free(&p->keeper[i].poll.request);
}
