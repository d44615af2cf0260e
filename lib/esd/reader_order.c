/* Order: a mark per key, a bitmap of the indices below it, a remembered hash for each (e2e.md 5). */
#include <string.h>

#include "esd/reader_order.h"

static bool seen_get(const struct reader_mark *m, uint32_t below)
{
    return m->seen[below / 8] >> below % 8 & 1;
}

static void seen_set(struct reader_mark *m, uint32_t below)
{
    m->seen[below / 8] |= (uint8_t)(1 << below % 8);
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

/* An index at or below the mark. */
static enum reason judge_old(const struct order *o, struct reader_mark *m, bool same_hash, reason_set *flags)
{
    uint32_t back = m->high - o->i;
    if (back > READER_WINDOW)
        return REASON_ROLLED_BACK;
    bool seen = back == 0 || seen_get(m, back - 1);
    if (seen && !same_hash)
        return REASON_REPLAYED; /* two envelopes under one index: the later one is not the writer's */
    if (o->how == READER_LATEST && back > 0)
        return REASON_ROLLED_BACK;
    if (seen && o->how != READER_LATEST)
        return REASON_REPLAYED;
    if (seen)
        *flags |= reason_bit(REASON_REPLAYED); /* `la` asked twice is no attack */
    else
        seen_set(m, back - 1);
    return REASON_OK;
}

static enum reason failed(enum err e)
{
    return e == OK ? REASON_OK : REASON_FAILED;
}

/* A second key under a known epoch number means that the writer's database was put back (e2e.md 1). */
static enum reason check_epoch(const struct reader_store *st, const struct order *o, reason_set *flags)
{
    char text[READER_KID_TEXT];
    struct buf known = BUF_ARRAY(text);
    enum err e = st->epoch_get(st->ctx, o->sid, o->ep, &known);
    if (e == ERR_NOTFOUND)
        return failed(st->epoch_put(st->ctx, o->sid, o->ep, o->kid));
    if (e == OK && !span_eq(buf_span(&known), o->kid))
        *flags |= reason_bit(REASON_WRITER_RESTORED);
    return failed(e);
}

static enum reason remember(const struct reader_store *st, const struct order *o, const struct reader_mark *m,
                            struct reader_stream *s)
{
    uint32_t forget = m->high > READER_WINDOW ? m->high - READER_WINDOW : 0;
    enum err e = st->mark_put(st->ctx, o->kid, m);
    if (e == OK)
        e = st->hash_put(st->ctx, o->kid, o->i, o->hash, forget);
    s->sealed = true;
    if (o->ep > s->ep)
        s->ep = o->ep;
    if (e == OK)
        e = st->stream_put(st->ctx, o->sid, s);
    return failed(e);
}

/* By name: only the hash counts, where it is remembered; nothing moves but that the stream is known as sealed. */
static enum reason judge_by_name(const struct reader_store *st, const struct order *o, bool known, bool same_hash,
                                 struct reader_stream *s)
{
    if (known && !same_hash)
        return REASON_REPLAYED;
    if (s->sealed)
        return REASON_OK;
    s->sealed = true;
    return failed(st->stream_put(st->ctx, o->sid, s));
}

enum reason order_judge(const struct reader_store *st, const struct order *o, reason_set *flags, uint32_t *missing)
{
    struct reader_mark m = {0};
    struct reader_stream s = {0};
    uint8_t h[ESD_HASH];
    enum err em = st->mark_get(st->ctx, o->kid, &m), eh = st->hash_get(st->ctx, o->kid, o->i, h),
             es = st->stream_get(st->ctx, o->sid, &s);
    if ((em != OK && em != ERR_NOTFOUND) || (eh != OK && eh != ERR_NOTFOUND) || (es != OK && es != ERR_NOTFOUND))
        return REASON_FAILED;
    bool same_hash = eh == OK && memcmp(h, o->hash, ESD_HASH) == 0;
    *missing = 0;
    if (o->how == READER_BY_NAME)
        return judge_by_name(st, o, eh == OK, same_hash, &s);
    if (o->how == READER_LATEST && es == OK && o->ep < s.ep)
        return REASON_ROLLED_BACK;
    if (em == ERR_NOTFOUND) { /* a late joiner has missed nothing that it was promised */
        m = (struct reader_mark){.ep = o->ep, .high = o->i};
        memcpy(m.sid, o->sid, ESD_SID);
    } else if (o->i > m.high) {
        *missing = o->i - m.high - 1;
        if (*missing)
            *flags |= reason_bit(REASON_GAP);
        advance(&m, o->i - m.high);
    } else {
        JUDGE(judge_old(o, &m, same_hash, flags));
    }
    JUDGE(check_epoch(st, o, flags));
    return remember(st, o, &m, &s);
}
