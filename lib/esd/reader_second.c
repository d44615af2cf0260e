/* What heads say about single readings: confirmed, forged, withheld, partial (e2e.md 5). */
#include "esd/reader_second.h"

#include <string.h>

#include "esd/reader_keys.h"
#include "esd/reader_order.h"

struct sweep {
    struct reader *r;
    struct span kid;
    struct reader_head_result *res; /* NULL: nobody counts */
    bool final;                     /* what is missing was looked for before the newest head was made */
    bool open;                      /* something may still change */
    uint32_t since, oldest;
    enum err e;
};

static enum err get_hash(void *ctx, uint32_t i, uint8_t out[ESD_HASH])
{
    const struct sweep *s = ctx;
    return s->r->store.hash_get(s->r->store.ctx, s->kid, i, out, NULL);
}

static void say(void *ctx, uint32_t i, enum reason v)
{
    struct sweep *s = ctx;
    struct reader_head_result none, *res = s->res ? s->res : &none;
    if (v == REASON_WITHHELD && !s->final) {
        res->missing++;
        s->open = true;
        return;
    }
    if (v == REASON_PARTIAL && i >= s->oldest && i >= s->since)
        s->open = true; /* it is there, others of its segment are not yet */
    res->confirmed += v == REASON_OK;
    res->forged += v == REASON_FORGED_BY_READER;
    res->withheld += v == REASON_WITHHELD;
    res->partial += v == REASON_PARTIAL;
    s->open = s->open || v == REASON_WITHHELD;
    if (s->e == OK)
        s->e = s->r->store.second_put(s->r->store.ctx, s->kid, i, v);
}

enum reason second_promised(const struct reader_store *st, struct span kid, const struct head *h, uint32_t *since)
{
    struct reader_mark m;
    struct reader_stream s = {0};
    bool marked;
    JUDGE(mark_load(st, kid, &m, &marked));
    *since = marked ? m.low : READER_NO_INDEX;
    if (marked)
        return REASON_OK;
    enum err e = st->stream_get(st->ctx, h->sid, &s);
    if (e == OK && s.notified && h->ep > s.ep)
        *since = 0; /* a whole epoch of which nothing came */
    return e == ERR_NOTFOUND ? REASON_OK : second_failed(e);
}

/* One stored head, verified when it came, against what is there now. */
static enum reason compare(struct sweep *s, struct span con, struct arena *a)
{
    struct head_text t;
    JUDGE(head_read(con, a, &t));
    s->open = false;
    enum reason v = head_confirm(&t, s->oldest, s->since, (struct head_got){get_hash, s}, (struct head_say){say, s});
    head_text_free(&t);
    return v == REASON_FAILED ? v : second_failed(s->e);
}

static enum reason compare_open(struct sweep *s, uint32_t *from, bool *more, struct arena *a)
{
    const struct reader_store *st = &s->r->store;
    uint8_t *room = arena_alloc(a, HEAD_CON_MAX);
    if (!room)
        return REASON_FAILED;
    struct buf con = buf_over(room, HEAD_CON_MAX);
    uint32_t first = 0;
    enum err e = st->head_next(st->ctx, s->kid, *from, &first, &con);
    *more = e == OK;
    if (e != OK)
        return e == ERR_NOTFOUND ? REASON_OK : REASON_FAILED;
    *from = first + 1;
    JUDGE(compare(s, buf_span(&con), a));
    if (s->open)
        return REASON_OK;
    struct head_text t;
    JUDGE(head_read(buf_span(&con), a, &t));
    e = st->head_put(st->ctx, s->kid, t.head.first, t.head.n, buf_span(&con), false, 0);
    head_text_free(&t);
    return second_failed(e);
}

/* What came and lies behind the last link: the writer closed before it, or signed long after it came that it had sealed
 * less. */
static enum reason judge_rest(struct sweep *s, const struct head *h, struct reader_chain *c)
{
    const struct reader_store *st = &s->r->store;
    struct reader_mark m;
    bool marked;
    c->waiting_ms = 0;
    JUDGE(mark_load(st, s->kid, &m, &marked));
    if (!marked || m.high < c->heads.next)
        return REASON_OK;
    uint32_t from = m.high > READER_WINDOW ? m.high - READER_WINDOW : 0;
    for (uint32_t i = from > c->heads.next ? from : c->heads.next; i <= m.high; i++) {
        uint8_t hash[ESD_HASH];
        int64_t came = 0;
        enum err e = st->hash_get(st->ctx, s->kid, i, hash, &came);
        if (e == ERR_NOTFOUND)
            continue;
        JUDGE(second_failed(e));
        if (c->heads.closed || (h->t && h->t > came + READER_LATE_MS)) {
            s->res->forged++;
            JUDGE(second_failed(st->second_put(st->ctx, s->kid, i, REASON_FORGED_BY_READER)));
        } else if (!c->waiting_ms || came < c->waiting_ms) {
            c->waiting_ms = came;
        }
    }
    return REASON_OK;
}

enum reason second_sweep(struct reader *r, struct span kid, const struct head *h, struct reader_chain *c,
                         int64_t now_ms, struct arena *a, struct reader_head_result *res)
{
    struct sweep s = {.r = r, .kid = kid, .res = res, .oldest = c->heads.oldest};
    uint32_t from = 0;
    bool more = true;
    s.final = c->tried_ms && now_ms > c->tried_ms;
    JUDGE(second_promised(&r->store, kid, h, &s.since));
    while (more)
        JUDGE(compare_open(&s, &from, &more, a));
    return judge_rest(&s, h, c);
}

/* ---- one reading ------------------------------------------------------------------------------------ */

enum reason second_opened(struct reader *r, struct span kid, const uint8_t *sid, uint32_t i, int64_t now_ms)
{
    struct reader_chain c;
    JUDGE(chain_load(&r->store, kid, &c));
    if (c.waiting_ms || (c.heads.begun && i < c.heads.next))
        return REASON_OK;
    c.waiting_ms = now_ms;
    return chain_save(&r->store, kid, sid, &c);
}

static int64_t heartbeat(const struct reader *r, const struct reader_policy *p)
{
    p = p ? p : r->policy;
    return (p && p->heartbeat_ms ? p->heartbeat_ms : READER_HEARTBEAT_MS) + READER_LATE_MS;
}

/* It came late, after the head that covers it was judged. */
static enum reason by_stored_head(struct reader *r, const struct reader_second *q, struct span kid,
                                  const struct reader_chain *c, struct arena *a)
{
    const struct reader_store *st = &r->store;
    struct sweep s = {.r = r, .kid = kid, .since = READER_NO_INDEX, .oldest = c->heads.oldest};
    uint8_t *room = arena_alloc(a, HEAD_CON_MAX);
    if (!room)
        return REASON_FAILED;
    struct buf con = buf_over(room, HEAD_CON_MAX);
    enum err e = st->head_cover(st->ctx, kid, q->i, &con);
    if (e == ERR_NOTFOUND)
        return REASON_PARTIAL;
    JUDGE(second_failed(e));
    JUDGE(compare(&s, buf_span(&con), a));
    enum reason v = REASON_PARTIAL;
    e = st->second_get(st->ctx, kid, q->i, &v);
    return e == OK || e == ERR_NOTFOUND ? v : REASON_FAILED;
}

static enum reason not_covered(const struct reader *r, const struct reader_second *q, int64_t came)
{
    return q->now_ms > came + heartbeat(r, q->policy) ? REASON_WITHHELD : REASON_UNCONFIRMED;
}

enum reason reader_second(struct reader *r, const struct reader_second *q, struct arena *a)
{
    const struct reader_store *st = &r->store;
    char text[READER_KID_TEXT];
    struct span kid = reader_kid(q->kid, text);
    struct reader_chain c;
    uint8_t known[ESD_HASH];
    int64_t came = q->now_ms;
    enum reason v = REASON_UNCONFIRMED;
    JUDGE(chain_load(st, kid, &c));
    enum err eh = st->hash_get(st->ctx, kid, q->i, known, &came), es = st->second_get(st->ctx, kid, q->i, &v);
    if ((eh != OK && eh != ERR_NOTFOUND) || (es != OK && es != ERR_NOTFOUND))
        return REASON_FAILED;
    bool same = eh == OK && memcmp(known, q->hash, ESD_HASH) == 0;
    if (!same) /* never confirmed by what was said about another envelope */
        return es == OK && v == REASON_OK ? REASON_FORGED_BY_READER : REASON_UNCONFIRMED;
    if (es == OK && (v == REASON_OK || v == REASON_FORGED_BY_READER))
        return v;
    if (!c.heads.begun || (q->i >= c.heads.next && !c.heads.closed))
        return not_covered(r, q, came);
    enum reason place = head_place(&c.heads, q->i);
    if (place == REASON_FORGED_BY_READER)
        JUDGE(second_failed(st->second_put(st->ctx, kid, q->i, place)));
    return place != REASON_OK ? place : by_stored_head(r, q, kid, &c, a);
}

/* ---- overdue ---------------------------------------------------------------------------------------- */

struct watchman {
    struct reader *r;
    const uint8_t *sid;
    int64_t since_ms, now_ms, heartbeat;
    struct reader_say say;
};

static enum reason overdue_readings(const struct watchman *w, struct span kid, struct reader_chain *c)
{
    const struct reader_store *st = &w->r->store;
    struct reader_mark m;
    bool marked;
    int64_t waiting = 0;
    JUDGE(mark_load(st, kid, &m, &marked));
    uint32_t from = marked && m.high > READER_WINDOW ? m.high - READER_WINDOW : 0;
    for (uint32_t i = from > c->heads.next ? from : c->heads.next; marked && i <= m.high; i++) {
        uint8_t hash[ESD_HASH];
        int64_t came = 0;
        enum reason v = REASON_OK;
        enum err e = st->hash_get(st->ctx, kid, i, hash, &came);
        if (e == ERR_NOTFOUND || (e == OK && st->second_get(st->ctx, kid, i, &v) == OK))
            continue;
        JUDGE(second_failed(e));
        if (w->now_ms > came + w->heartbeat) {
            JUDGE(second_failed(st->second_put(st->ctx, kid, i, REASON_WITHHELD)));
            w->say.say(w->say.ctx, kid, i, REASON_WITHHELD);
        } else if (!waiting || came < waiting) {
            waiting = came;
        }
    }
    c->waiting_ms = waiting;
    return REASON_OK;
}

static enum reason overdue_key(void *ctx, struct span kid)
{
    const struct watchman *w = ctx;
    struct reader_chain c;
    JUDGE(chain_load(&w->r->store, kid, &c));
    int64_t heard = c.heard_ms > w->since_ms ? c.heard_ms : w->since_ms;
    bool silent = c.heads.begun && !c.heads.closed && !c.silent && w->now_ms > heard + w->heartbeat;
    bool late = c.waiting_ms && w->now_ms > c.waiting_ms + w->heartbeat;
    if (!silent && !late)
        return REASON_OK;
    if (late)
        JUDGE(overdue_readings(w, kid, &c));
    if (silent) {
        c.silent = true;
        w->say.say(w->say.ctx, kid, READER_NO_INDEX, REASON_WITHHELD);
    }
    return chain_save(&w->r->store, kid, w->sid, &c);
}

/* Each key of a stream in turn. */
static enum reason each_key(struct reader *r, const uint8_t *sid, enum reason (*one)(void *ctx, struct span kid),
                            void *ctx)
{
    char last[READER_KID_TEXT], next[READER_KID_TEXT];
    struct span after = SPAN_NONE;
    for (;;) {
        struct buf b = BUF_ARRAY(next);
        enum err e = r->store.chain_next(r->store.ctx, sid, after, &b);
        if (e != OK)
            return e == ERR_NOTFOUND ? REASON_OK : REASON_FAILED;
        JUDGE(one(ctx, buf_span(&b)));
        memcpy(last, next, b.n);
        after = span_of(last, b.n);
    }
}

enum reason reader_overdue(struct reader *r, const uint8_t sid[ESD_SID], const struct reader_policy *policy,
                           int64_t since_ms, int64_t now_ms, struct reader_say sayer)
{
    struct watchman w = {r, sid, since_ms, now_ms, heartbeat(r, policy), sayer};
    return each_key(r, sid, overdue_key, &w);
}

struct newest {
    struct reader *r;
    int64_t t_ms;
};

static enum reason newer(void *ctx, struct span kid)
{
    struct newest *n = ctx;
    struct reader_chain c;
    JUDGE(chain_load(&n->r->store, kid, &c));
    if (c.heads.t > n->t_ms)
        n->t_ms = c.heads.t;
    return REASON_OK;
}

enum reason reader_heads_until(struct reader *r, const uint8_t sid[ESD_SID], int64_t *t_ms)
{
    struct newest n = {r, 0};
    enum reason v = each_key(r, sid, newer, &n);
    *t_ms = n.t_ms;
    return v;
}
