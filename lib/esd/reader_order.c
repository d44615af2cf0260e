/* Order: a mark per key, a bitmap of the indices below it, a remembered hash for each (e2e.md 5). */
#include <string.h>

#include "esd/reader_order.h"

/* ---- a mark ----------------------------------------------------------------------------------------- */

static bool seen_get(const struct reader_mark *m, uint32_t below)
{
    return m->seen[below / 8] >> below % 8 & 1;
}

static void seen_set(struct reader_mark *m, uint32_t below)
{
    m->seen[below / 8] |= (uint8_t)(1 << below % 8);
}

bool order_seen(const struct reader_mark *m, uint32_t i)
{
    if (i >= m->high)
        return i == m->high;
    return m->high - i <= READER_WINDOW && seen_get(m, m->high - i - 1);
}

/* Moves the mark up by n: every bit moves n places, and the old mark itself becomes bit n - 1. */
static void advance(struct reader_mark *m, uint32_t n)
{
    uint8_t old[sizeof m->seen];
    memcpy(old, m->seen, sizeof old);
    memset(m->seen, 0, sizeof m->seen);
    for (uint32_t k = 0; n < READER_WINDOW && k < READER_WINDOW - n; k++)
        if (old[k / 8] >> k % 8 & 1)
            seen_set(m, k + n);
    if (n <= READER_WINDOW)
        seen_set(m, n - 1);
    m->high += n;
}

/* ---- judging ---------------------------------------------------------------------------------------- */

struct look {
    const struct reader_store *st;
    const struct order *o;
    struct reader_mark m;
    struct reader_stream s;
    bool marked;    /* the key was seen before */
    bool known;     /* there is a stream row */
    bool hashed;    /* the hash of (kid, i) is remembered */
    bool same_hash; /* and it is this one */
    reason_set flags;
    uint32_t missing;
};

static enum reason failed(enum err e)
{
    return e == OK ? REASON_OK : REASON_FAILED;
}

static enum reason look_up(struct look *l)
{
    uint8_t h[ESD_HASH];
    const struct reader_store *st = l->st;
    const struct order *o = l->o;
    enum err em = st->mark_get(st->ctx, o->kid, &l->m), eh = st->hash_get(st->ctx, o->kid, o->i, h, NULL),
             es = st->stream_get(st->ctx, o->sid, &l->s);
    if ((em != OK && em != ERR_NOTFOUND) || (eh != OK && eh != ERR_NOTFOUND) || (es != OK && es != ERR_NOTFOUND))
        return REASON_FAILED;
    l->marked = em == OK;
    l->known = es == OK;
    l->hashed = eh == OK;
    l->same_hash = eh == OK && memcmp(h, o->hash, ESD_HASH) == 0;
    return REASON_OK;
}

/* Did `la` show this reading, and something else after it? Then it is an earlier state. */
static enum reason shown_before(const struct look *l, const uint8_t kid_hash[ESD_HASH])
{
    const struct reader_stream *s = &l->s;
    bool again = s->la_i == l->o->i && memcmp(s->la_kid, kid_hash, ESD_HASH) == 0;
    return l->marked && l->m.shown > l->o->i && !again ? REASON_ROLLED_BACK : REASON_OK;
}

/* `la` with a key that was never seen, of an earlier epoch: another process may have kept that epoch open, which time
 * tells; without a clock it cannot be told. */
static enum reason earlier_epoch(const struct look *l)
{
    if (l->marked || !l->known || l->o->ep >= l->s.ep)
        return REASON_OK;
    bool timed = l->o->t_ms && l->s.la_t;
    return timed && (int64_t)l->o->t_ms + READER_AHEAD_MS >= l->s.la_t ? REASON_OK : REASON_ROLLED_BACK;
}

/* An index at or below the mark. */
static enum reason judge_old(struct look *l)
{
    const struct order *o = l->o;
    uint32_t back = l->m.high - o->i;
    if (back > READER_WINDOW)
        return REASON_ROLLED_BACK;
    bool seen = order_seen(&l->m, o->i);
    if (o->how == READER_LATEST && back > 0)
        return REASON_ROLLED_BACK;
    if (seen && o->how != READER_LATEST)
        return REASON_REPLAYED;
    if (seen)
        l->flags |= reason_bit(REASON_REPLAYED); /* `la` asked twice is no attack */
    else
        seen_set(&l->m, back - 1);
    return REASON_OK;
}

/* Epochs between the highest one and this one that were never seen: each has at least one message (e2e.md 1). */
static uint32_t epochs_missing(const struct look *l)
{
    char text[READER_KID_TEXT];
    struct buf known = BUF_ARRAY(text);
    if (!l->s.notified || l->o->ep <= l->s.ep + 1)
        return 0;
    if (l->st->epoch_get(l->st->ctx, l->o->sid, l->o->ep - 1, &known) == OK)
        return 0;
    uint64_t n = l->o->ep - l->s.ep - 1;
    return n < ESD_INDEX_END ? (uint32_t)n : ESD_INDEX_END;
}

/* The first one of its key. A late joiner has missed nothing that it was promised; who was there already when the epoch
 * began has. */
static void begin(struct look *l)
{
    const struct order *o = l->o;
    bool promised = o->how == READER_NOTIFY && l->s.notified && o->ep > l->s.ep;
    l->m = (struct reader_mark){.ep = o->ep, .high = o->i, .low = READER_NO_INDEX};
    memcpy(l->m.sid, o->sid, ESD_SID);
    if (promised) {
        l->m.low = 0;
        l->missing = o->i + epochs_missing(l);
    }
}

static void move(struct look *l)
{
    uint32_t n = l->o->i - l->m.high;
    if (l->o->how != READER_FILL)
        l->missing = n - 1;
    advance(&l->m, n);
}

/* A second key under a known epoch number means that the writer's database was put back (e2e.md 1). */
static enum reason check_epoch(struct look *l, bool *fresh)
{
    char text[READER_KID_TEXT];
    struct buf known = BUF_ARRAY(text);
    enum err e = l->st->epoch_get(l->st->ctx, l->o->sid, l->o->ep, &known);
    *fresh = e == ERR_NOTFOUND;
    if (e == OK && !span_eq(buf_span(&known), l->o->kid))
        l->flags |= reason_bit(REASON_WRITER_RESTORED);
    return e == ERR_NOTFOUND ? REASON_OK : failed(e);
}

/* ---- remembering ------------------------------------------------------------------------------------ */

static void note_stream(struct look *l, const uint8_t kid_hash[ESD_HASH])
{
    const struct order *o = l->o;
    l->s.sealed = true;
    l->s.notified = l->s.notified || o->how == READER_NOTIFY;
    if (o->ep > l->s.ep)
        l->s.ep = o->ep;
    if (o->how != READER_LATEST)
        return;
    l->s.la_i = o->i;
    memcpy(l->s.la_kid, kid_hash, ESD_HASH);
    if ((int64_t)o->t_ms > l->s.la_t)
        l->s.la_t = (int64_t)o->t_ms;
}

static enum reason remember(struct look *l, const uint8_t kid_hash[ESD_HASH])
{
    const struct order *o = l->o;
    const struct reader_store *st = l->st;
    uint32_t forget = l->m.high > READER_WINDOW ? l->m.high - READER_WINDOW : 0;
    if (o->how == READER_NOTIFY && l->m.low == READER_NO_INDEX)
        l->m.low = o->i;
    if (o->how == READER_LATEST && l->m.shown < o->i + 1)
        l->m.shown = o->i + 1;
    note_stream(l, kid_hash);
    enum err e = st->mark_put(st->ctx, o->kid, &l->m);
    if (e == OK && !l->hashed)
        e = st->hash_put(st->ctx, o->kid, o->i, o->hash, o->now_ms, forget);
    if (e == OK)
        e = st->stream_put(st->ctx, o->sid, &l->s);
    return failed(e);
}

/* By name: only the hash counts. It is remembered, so that a head may confirm it and another envelope under the same
 * index is noticed; the mark stands. */
static enum reason judge_by_name(struct look *l)
{
    const struct reader_store *st = l->st;
    if (l->hashed && !l->same_hash)
        return REASON_REPLAYED;
    if (!l->hashed)
        JUDGE(failed(st->hash_put(st->ctx, l->o->kid, l->o->i, l->o->hash, l->o->now_ms, 0)));
    if (l->s.sealed)
        return REASON_OK;
    l->s.sealed = true;
    return failed(st->stream_put(st->ctx, l->o->sid, &l->s));
}

static enum reason judge_place(struct look *l, const uint8_t kid_hash[ESD_HASH])
{
    if (l->hashed && !l->same_hash)
        return REASON_REPLAYED; /* two envelopes under one index: the later one is not the writer's */
    if (l->o->how == READER_LATEST) {
        JUDGE(shown_before(l, kid_hash));
        JUDGE(earlier_epoch(l));
    }
    if (!l->marked)
        begin(l);
    else if (l->o->i > l->m.high)
        move(l);
    else
        JUDGE(judge_old(l));
    if (l->missing)
        l->flags |= reason_bit(REASON_GAP);
    return REASON_OK;
}

static enum reason fatal_one(reason_set s)
{
    for (unsigned r = 1; r < REASON__N; r++)
        if (s & reason_bit((enum reason)r))
            return (enum reason)r;
    return REASON_OK;
}

enum reason order_judge(const struct reader_store *st, const struct order *o, reason_set *flags, uint32_t *missing)
{
    struct look l = {.st = st, .o = o};
    uint8_t kid_hash[ESD_HASH];
    bool fresh;
    *missing = 0;
    JUDGE(look_up(&l));
    if (o->how == READER_BY_NAME)
        return judge_by_name(&l);
    JUDGE(failed(esd_sha256(o->kid, kid_hash)));
    JUDGE(judge_place(&l, kid_hash));
    JUDGE(check_epoch(&l, &fresh));
    *flags |= l.flags;
    *missing = l.missing;
    JUDGE(fatal_one(l.flags & o->fatal & (reason_bit(REASON_GAP) | reason_bit(REASON_WRITER_RESTORED))));
    if (fresh)
        JUDGE(failed(st->epoch_put(st->ctx, o->sid, o->ep, o->kid)));
    return remember(&l, kid_hash);
}
