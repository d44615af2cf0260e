/* Polls: a writer asks, under its own nonce, whether anything changed that concerns it (e2e.md 7). Answered at once, or
 * held (vault_hold.h). Only what is durable is told: a number that a failed batch takes back must never have been
 * seen, or the next change would look like no change. */
#include "host/heap.h"
#include "ttp/vault_news.h"

#include <string.h>

struct own {
    struct poll p;
};

static void poll_find(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    for (size_t i = 0; i < o->p.n; i++)
        vault_find_stream(v, a, i, o->p.iss, o->p.streams[i].sid, span_str(v->fqdn));
}

static enum err poll_read_ask(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    a->own = o;
    enum reason r = poll_read(a->body, &a->mem, &a->jws, &o->p);
    if (r != REASON_OK) {
        vault_refuse_reason(v, a, r);
        return OK;
    }
    if (!vault_signed_by(v, a, o->p.iss, NULL))
        return OK;
    a->n_need = o->p.n;
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, a->n_need);
    if (!a->need)
        return ERR_NOMEM;
    poll_find(v, a);
    return OK;
}

static enum err poll_reply(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    struct poll_answer r = {.t_ms = (uint64_t)v->conf.now_ms(v->conf.ctx),
                            .state = vault_news_of(v, o->p.iss),
                            .streams = o->p.streams,
                            .n = o->p.n};
    struct buf out = heap_buf(VAULT_ANSWER_MAX);
    memcpy(r.req, a->req, ESD_HASH);
    for (size_t i = 0; i < o->p.n; i++) {
        uint64_t shredded = vault_tomb_epoch(v, o->p.iss, o->p.streams[i].sid);
        o->p.streams[i].ep = a->need[i].ep > shredded ? a->need[i].ep : shredded;
    }
    enum err e = poll_answer_build(&r, v->release, span_str(v->release_kid), &v->scratch, &out);
    if (e == OK)
        vault_reply(v, a, 200, TYPE_JOSE, buf_span(&out), SPAN_NONE);
    buf_wipe(&v->scratch);
    heap_buf_free(&out);
    return e;
}

/* ---- held polls
 * ---------------------------------------------------------------------------------------------------------- */

static void let_go(struct vault *v, struct vault_ask *a)
{
    if (!a->hold.on)
        return;
    a->hold.on = false;
    v->holds.n--;
}

/* The oldest held poll of this issuer when there are too many of it; NULL otherwise. */
static struct vault_ask *one_too_many(struct vault *v, struct span iss)
{
    struct vault_ask *oldest = NULL;
    size_t n = 0;
    for (struct vault_ask *b = v->first; b; b = b->next) {
        const struct own *o = b->own;
        if (!b->hold.on || !span_eq(o->p.iss, iss))
            continue;
        oldest = oldest ? oldest : b;
        n++;
    }
    return n >= HOLD_CLIENT_MAX ? oldest : NULL;
}

static void hold(struct vault *v, struct vault_ask *a, const struct poll *p, int64_t now)
{
    struct vault_ask *old = one_too_many(v, p->iss);
    if (old)
        old->hold.until = v->holds.next = now; /* its turn comes at once */
    a->hold =
        (struct vault_hold){.on = true, .turn = v->holds.turn, .since = now, .until = now + (int64_t)p->wait * 1000};
    v->holds.n++;
    if (v->holds.next == 0 || a->hold.until < v->holds.next)
        v->holds.next = a->hold.until;
}

static bool over(const struct vault_hold *h, int64_t now)
{
    return now >= h->until || now < h->since;
}

void vault_holds_turn(struct vault *v)
{
    int64_t now = v->conf.now_ms(v->conf.ctx);
    struct vault_holds *h = &v->holds;
    if (v->changes != h->changes)
        h->turn++; /* whoever raised it */
    h->changes = v->changes;
    if (h->n == 0 || (h->next > now && h->next - now <= POLL_WAIT_S * 1000 && h->looked == h->turn))
        return;
    h->looked = h->turn;
    h->next = 0;
    for (struct vault_ask *a = v->first; a; a = a->next) {
        const struct own *o = a->own;
        if (!a->hold.on)
            continue;
        if (over(&a->hold, now) || (a->hold.turn != h->turn && vault_news_of(v, o->p.iss) != o->p.state)) {
            let_go(v, a);
            if (poll_reply(v, a) != OK)
                vault_refuse_reason(v, a, REASON_FAILED);
            continue;
        }
        a->hold.turn = h->turn;
        if (h->next == 0 || a->hold.until < h->next)
            h->next = a->hold.until;
    }
}

int vault_wait_ms(const struct vault *v)
{
    int64_t left = v->holds.next - v->conf.now_ms(v->conf.ctx);
    if (v->holds.n == 0 || left > VAULT_WAIT_MAX_MS)
        return VAULT_WAIT_MAX_MS;
    return left < 0 ? 0 : (int)left;
}

static enum err poll_decide(struct vault *v, struct vault_ask *a)
{
    const struct own *o = a->own;
    int64_t now = v->conf.now_ms(v->conf.ctx);
    if (v->open || v->changed || a->hold.on)
        return OK; /* not durable yet, or held: looked at before the next batch */
    if (o->p.wait > 0 && o->p.has_state && o->p.state == vault_news_of(v, o->p.iss) && v->holds.n < HOLD_MAX) {
        hold(v, a, &o->p, now);
        return OK;
    }
    return poll_reply(v, a);
}

const struct vault_kind vault_kind_poll = {.read = poll_read_ask, .decide = poll_decide, .find = poll_find};
