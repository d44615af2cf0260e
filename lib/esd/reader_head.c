/* reader_head.c - see reader_head.h. */
#include "esd/reader_head.h"

#include <string.h>

#include "esd/reader_keys.h"
#include "esd/reader_order.h"
#include "esd/reader_second.h"

/* ---- the store -------------------------------------------------------------------------------------- */

enum reason second_failed(enum err e)
{
    return e == OK ? REASON_OK : REASON_FAILED;
}

enum reason chain_load(const struct reader_store *st, struct span kid, struct reader_chain *out)
{
    *out = (struct reader_chain){0};
    enum err e = st->chain_get(st->ctx, kid, out, sizeof *out);
    return e == ERR_NOTFOUND ? REASON_OK : second_failed(e);
}

enum reason chain_save(const struct reader_store *st, struct span kid, const uint8_t *sid, const struct reader_chain *c)
{
    return second_failed(st->chain_put(st->ctx, kid, sid, c, sizeof *c));
}

enum reason mark_load(const struct reader_store *st, struct span kid, struct reader_mark *out, bool *there)
{
    enum err e = st->mark_get(st->ctx, kid, out);
    *there = e == OK;
    return e == ERR_NOTFOUND ? REASON_OK : second_failed(e);
}

/* ---- one head --------------------------------------------------------------------------------------- */

struct work {
    struct reader *r;
    const struct reader_head_item *item;
    struct arena *a;
    struct reader_head_result *res;
    struct head_text text;
    char kid_text[READER_KID_TEXT];
    struct span kid; /* upper case */
    struct reader_chain chain;
};

static enum reason known_ttp(const struct work *w)
{
    struct span relative, fqdn;
    JUDGE(kid_split(w->text.head.kid, &relative, &fqdn));
    for (size_t i = 0; i < w->r->n_ttps; i++)
        if (span_eq_nocase(w->r->ttps[i], fqdn))
            return REASON_OK;
    return REASON_UNKNOWN_TTP;
}

/* Whose head it is: the key of the stream is cached, the writer is the one that may write there, and the signature is
 * by the key that the writer registered with it. */
static enum reason verify(struct work *w)
{
    uint8_t sid[ESD_SID], kc[ESD_KC];
    const struct head *h = &w->text.head;
    bool placed = w->item->address.n && keys_sid(w->item->address, sid) == REASON_OK;
    if (placed && memcmp(sid, h->sid, ESD_SID) != 0)
        return REASON_WRONG_PLACE;
    JUDGE(known_ttp(w));
    struct reader_key *k = reader_key_find(w->r, h->kid, w->item->now_ms);
    if (!k)
        return REASON_NO_KEY_YET;
    if (!reader_writer_fits(w->item->address, w->item->writer, span_of(k->cr, k->cr_n)))
        return REASON_WRITER_CHANGED;
    if (!k->signs)
        return REASON_PROOF_INVALID;
    if (k->kv_n == ESD_KV)
        JUDGE(keys_kc(span_of(k->kv, k->kv_n), h->sid, kc));
    else if (k->has_kc)
        memcpy(kc, k->kc, ESD_KC);
    else
        return REASON_COMMITMENT_MISMATCH;
    struct head_of of = {.sid = placed ? sid : NULL, .kid = span_of(k->kid, k->kid_n), .kc = kc, .wk = k->wk};
    return head_verify(&w->text, &of);
}

/* The chain of the epoch before, when its end is known. */
static enum reason prior_chain(const struct work *w, struct reader_chain *out)
{
    const struct reader_store *st = &w->r->store;
    char text[READER_KID_TEXT];
    struct buf kid = BUF_ARRAY(text);
    *out = (struct reader_chain){0};
    if (w->text.head.ep == 0)
        return REASON_OK;
    enum err e = st->epoch_get(st->ctx, w->text.head.sid, w->text.head.ep - 1, &kid);
    return e == ERR_NOTFOUND ? REASON_OK : e != OK ? REASON_FAILED : chain_load(st, buf_span(&kid), out);
}

/* The links before it are gone: what they covered can be confirmed by nothing. */
static enum reason skip(struct work *w)
{
    const struct reader_store *st = &w->r->store;
    const struct head *h = &w->text.head;
    uint32_t from = w->chain.heads.next, since;
    JUDGE(second_promised(st, w->kid, h, &since));
    if (h->first - from > READER_WINDOW)
        from = h->first - READER_WINDOW;
    head_skip(&w->chain.heads, &w->text);
    for (uint32_t i = from; i < h->first; i++) {
        bool excused = i < h->oldest || i < since;
        JUDGE(second_failed(st->second_put(st->ctx, w->kid, i, excused ? REASON_PARTIAL : REASON_WITHHELD)));
        w->res->partial += excused;
        w->res->withheld += !excused;
    }
    return REASON_OK;
}

static enum reason follow(struct work *w)
{
    struct reader_chain prior;
    JUDGE(prior_chain(w, &prior));
    JUDGE(head_follow(&w->chain.heads, &w->text, prior.heads.begun ? &prior.heads : NULL, &w->res->step));
    if (w->res->step != HEAD_AHEAD)
        return REASON_OK;
    w->res->ahead_from = w->chain.heads.next;
    w->res->ahead_n = w->text.head.first - w->chain.heads.next;
    return w->item->alone ? skip(w) : REASON_OK;
}

static enum reason keep(struct work *w)
{
    const struct reader_store *st = &w->r->store;
    const struct head *h = &w->text.head;
    uint32_t forget = w->chain.heads.next > READER_WINDOW ? w->chain.heads.next - READER_WINDOW : 0;
    char known[READER_KID_TEXT];
    struct buf kid = BUF_ARRAY(known);
    enum err e = st->epoch_get(st->ctx, h->sid, h->ep, &kid);
    if (e == ERR_NOTFOUND)
        e = st->epoch_put(st->ctx, h->sid, h->ep, w->kid);
    if (e == OK && h->n > 0)
        e = st->head_put(st->ctx, w->kid, h->first, h->n, w->item->con, true, forget);
    return second_failed(e);
}

static enum reason judge(struct work *w)
{
    const struct reader_store *st = &w->r->store;
    JUDGE(verify(w));
    w->kid = reader_kid(w->text.head.kid, w->kid_text);
    JUDGE(chain_load(st, w->kid, &w->chain));
    JUDGE(follow(w));
    if (w->res->step == HEAD_AHEAD && !w->item->alone)
        return REASON_OK;
    JUDGE(keep(w));
    w->chain.heard_ms = w->item->now_ms;
    w->chain.silent = false;
    JUDGE(second_sweep(w->r, w->kid, &w->text.head, &w->chain, w->item->now_ms, w->a, w->res));
    return chain_save(st, w->kid, w->text.head.sid, &w->chain);
}

enum reason reader_head(struct reader *r, const struct reader_head_item *item, struct arena *a,
                        struct reader_head_result *res)
{
    struct work w = {.r = r, .item = item, .a = a, .res = res};
    *res = (struct reader_head_result){0};
    res->reason = head_read(item->con, a, &w.text);
    if (res->reason != REASON_OK)
        return res->reason;
    res->head = w.text.head;
    res->reason = judge(&w);
    head_text_free(&w.text);
    return res->reason;
}

/* ---- holes ------------------------------------------------------------------------------------------ */

enum reason reader_tried(struct reader *r, struct span kid, int64_t now_ms)
{
    char text[READER_KID_TEXT];
    struct reader_chain c;
    struct reader_mark m;
    bool marked;
    struct span key = reader_kid(kid, text);
    JUDGE(chain_load(&r->store, key, &c));
    JUDGE(mark_load(&r->store, key, &m, &marked));
    c.tried_ms = now_ms;
    return marked ? chain_save(&r->store, key, m.sid, &c) : REASON_OK;
}

enum reason reader_known_end(struct reader *r, struct span kid, uint32_t *end)
{
    char text[READER_KID_TEXT];
    struct reader_chain c;
    struct reader_mark m;
    bool marked;
    struct span key = reader_kid(kid, text);
    JUDGE(chain_load(&r->store, key, &c));
    JUDGE(mark_load(&r->store, key, &m, &marked));
    *end = c.heads.begun ? c.heads.next : 0;
    if (marked && m.high + 1 > *end)
        *end = m.high + 1;
    return REASON_OK;
}

enum reason reader_holes(struct reader *r, struct span kid, uint32_t end, uint32_t *out, size_t max, size_t *n)
{
    char text[READER_KID_TEXT];
    struct reader_mark m;
    struct reader_chain c;
    bool marked;
    struct span key = reader_kid(kid, text);
    *n = 0;
    JUDGE(mark_load(&r->store, key, &m, &marked));
    JUDGE(chain_load(&r->store, key, &c));
    if (!marked || m.low == READER_NO_INDEX)
        return REASON_OK;
    uint32_t from = m.high > READER_WINDOW ? m.high - READER_WINDOW : 0;
    from = from > m.low ? from : m.low;
    from = from > c.heads.oldest ? from : c.heads.oldest;
    for (uint32_t i = from; *n < max && (i < end || i < m.high); i++)
        if (!order_seen(&m, i))
            out[(*n)++] = i;
    return REASON_OK;
}
