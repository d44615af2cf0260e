/* net_seal_poll.c - news from the vault (e2e.md 7): a poll every 10 s while streams are open, signed over a nonce of
 * ours, so that nobody on the way can say "nothing changed". Somebody else's change ends every epoch at this TTP;
 * without an answer for 30 s the writer begins one new epoch, and the task keeps letters back until there is one. */
#include "base/code.h"
#include "cse/net_seal_own.h"
#include "cse/seal_head.h"
#include "host/log.h"

bool net_seal_fresh(const struct net_seal_post *p, const struct keeper *k)
{
    return seal_ttp_fresh(p->c.seal, k->t);
}

static bool due(const struct net_seal_post *p, const struct keeper *k)
{
    const struct hook_seal *h = p->c.seal;
    int64_t heard = k->t->heard;
    return !heard || ((h->streams > 0 || k->held) && h->mono() - heard >= SEAL_POLL_MS);
}

static enum err build(struct net_seal_post *p, struct keeper *k)
{
    enum { NONCE = 16 };
    uint8_t random[NONCE], text[B64URL_LEN(NONCE)];
    struct buf nonce = BUF_ARRAY(text), scratch = net_seal_scratch(p);
    TRY(esd_random(random, sizeof random));
    b64url_put(&nonce, span_of(random, sizeof random));
    k->polled = p->c.seal->mono(); /* the answer is as old as its nonce */
    struct poll ask = {.iss = p->c.seal->iss, .aud = k->t->fqdn, .nonce = buf_span(&nonce)};
    buf_reset(&p->request);
    return poll_build(&ask, k->t->key, p->c.seal->kid, &scratch, &p->request);
}

bool net_seal_poll(struct net_seal_post *p)
{
    for (size_t i = 0; i < p->c.seal->n_ttps; i++) {
        struct keeper *k = &p->keeper[i];
        if (!k->t->used || !net_seal_may(p, i) || !due(p, k))
            continue;
        p->ttp = i;
        arena_reset(&p->mem);
        if (net_seal_ready(p, build(p, k), "poll"))
            net_seal_call(p, DOING_POLL, "POST", "/poll");
        return true;
    }
    return false;
}

/* Each policy of ours that the vault has taken has raised its number by one. */
static void take_news(struct hook_seal *h, struct keeper *k, const struct poll_answer *news)
{
    bool others = k->known && news->state != k->state + k->own;
    k->state = news->state;
    k->known = true;
    k->own = 0;
    k->held = false;
    k->failures = k->strangers = 0;
    k->t->heard = k->polled;
    if (!others)
        return;
    k->t->news++;
    h->told++;
    h->heads->next_due = 0; /* quiet streams get their closing heads */
    LOG(LOG_L_NOTICE, "news-of-the-ttp", log_span("ttp", k->t->fqdn), log_str("means", "every stream gets a new key"));
}

void net_seal_poll_answered(struct net_seal_post *p, const struct http_result *r)
{
    struct keeper *k = &p->keeper[p->ttp];
    struct poll_answer news;
    arena_reset(&p->mem);
    enum reason v = r->status == 200
                        ? poll_answer_open(r->body, buf_span(&p->request), net_seal_release(p, r), &p->mem, &news)
                        : REASON_REFUSED;
    if (v != REASON_OK && net_seal_stranger(p, r))
        return;
    if (v != REASON_OK) {
        k->bound = k->bound && r->status != 401 && r->status != 403; /* it may have forgotten us */
        net_seal_failed(p, "poll", reason_code(v), r->status);
        return;
    }
    take_news(p->c.seal, k, &news);
    net_seal_turn(p);
}
