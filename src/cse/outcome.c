/* outcome.c - what became of a letter, on the writer: it goes, or waits; statistics and the expirationCounter follow.
 */
#include "cse/outbox.h"
#include "cse/stats.h"

static int64_t back_off(struct cse *c, uint32_t tries)
{
    uint16_t dice;
    int64_t ms = BACKOFF_MIN;
    for (uint32_t i = 0; i < tries && ms < BACKOFF_MAX; i++)
        ms *= 2;
    if (ms > BACKOFF_MAX)
        ms = BACKOFF_MAX;
    c->w.entropy(c->w.ctx, &dice, sizeof dice);
    return ms / 2 + ms / 2 * dice / UINT16_MAX; /* between half of it and all of it */
}

/* exc counts notices that arrived; at 0 the subscription ends. */
static enum err lower_exc(struct run *r, int64_t rid)
{
    struct row sub;
    struct attrs at;
    struct text t;
    uint64_t exc;
    enum err e = store_get(r->t, rid, r->a, &sub);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    TRY(name_attrs(&sub, r->a, &at));
    if (!attrs_get(&at, AT_exc) || json_u64(attrs_get(&at, AT_exc), INT64_MAX, &exc) != OK)
        return OK;
    if (exc <= 1)
        return gone_tree(r, &sub, false);
    text_init(&t, r->a);
    buf_u64(&t.b, exc - 1);
    TRY(name_with(sub.body, SPAN("exc"), buf_span(&t.b), r->a, &sub.body));
    TRY(make_labels(r, attrs_get(&at, AT_lbl), &sub));
    return store_set(r->t, &sub);
}

static enum err done(struct flight *f)
{
    enum err e = pace_done(&f->r, &f->l);
    return e == ERR_NOTFOUND ? OK : e; /* dropped meanwhile: with its subscription, or for a newer one */
}

static enum err sent(struct flight *f)
{
    TRY(done(f));
    return f->pace.exc ? lower_exc(&f->r, f->l.sub) : OK;
}

static enum err again(struct flight *f)
{
    int64_t keep = f->c->conf.notify_keep ? f->c->conf.notify_keep : NOTIFY_KEEP;
    if (!f->pace.pn && f->written && f->r.now - f->written >= keep)
        return done(f);
    return pace_hold(&f->r, &f->l, f->r.now + back_off(f->c, f->l.tries), f->l.tries + 1,
                     f->pace.pn == 1 || f->pace.ln);
}

static enum err held(struct flight *f)
{
    int64_t poll = f->r.now + HELD_MS;
    if (!f->pace.pn)
        return done(f);
    return pace_hold(&f->r, &f->l, f->due < poll ? f->due : poll, f->l.tries + 1, f->pace.pn == 1 || f->pace.ln);
}

static enum err limited(struct flight *f)
{
    return pace_hold(&f->r, &f->l, f->due, f->l.tries, f->pace.ln);
}

static enum err ripe(struct flight *f)
{
    return pace_ripen(&f->r, f->l.sub, f->l.tgt);
}

enum err outcome_record(struct cse *c, struct store_tx *t, struct exch *x)
{
    static enum err (*const by_fate[])(struct flight *
                                       f) = {[FATE_SENT] = sent, [FATE_REFUSED] = done,    [FATE_AGAIN] = again,
                                             [FATE_HELD] = held, [FATE_LIMITED] = limited, [FATE_RIPE] = ripe};
    struct flight *f = x->door;
    f->r.t = t;
    f->r.slot = STORE_SLOTS_MAX;
    f->r.now = c->w.now(c->w.ctx);
    c->told = true;
    if (annc_letter(&f->l)) {
        f->swap = (struct annc_swap){0};
        f->r.annc_swap = &f->swap;
        return annc_record(&f->r, &f->l, f->rsc, f->pc, f->r.now + back_off(c, f->l.tries));
    }
    if (f->left && f->pace.nse)
        TRY(stats_sent(&f->r, f->l.sub, f->l.to, f->answered));
    return by_fate[f->fate](f);
}
