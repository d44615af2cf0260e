#include "esd/keyask.h"

#include "esd/letter_item.h"

/* ---- request ------------------------------------------------------------------------------------ */

static void put_ask(struct buf *b, const struct key_ask *q, struct span epk)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_STR(&w, "iss", q->iss);
    JW_STR(&w, "aud", q->aud);
    JW_B64URL(&w, "nonce", span_of(q->nonce, KEYASK_NONCE));
    if (q->pairs) {
        JW_B64URL(&w, "sid", span_of(q->item.sid, ESD_SID));
        JW_STR(&w, "adfq", q->item.adfq);
        JW_U64(&w, "pairs", q->pairs);
    } else {
        jw_name(&w, SPAN("epk"));
        jw_raw(&w, epk);
        letter_item_put(&w, &q->item, false);
    }
    jw_end_obj(&w);
}

enum err keyask_build(const struct key_ask *q, const struct p256 *key, struct span kid, struct buf *scratch,
                      struct buf *out)
{
    uint8_t text[256];
    struct buf epk = BUF_ARRAY(text);
    if (q->pairs > KEYASK_PAIRS_MAX)
        return ERR_RANGE;
    if (q->pairs == 0)
        p256_put(&epk, q->epk);
    TRY(epk.e);
    buf_reset(scratch);
    put_ask(scratch, q, buf_span(&epk));
    TRY(scratch->e);
    return jws_sign(key, JWS_KEY, kid, buf_span(scratch), out);
}

static enum reason read_pairs(const struct jval *o, struct arena *a, struct key_ask *q)
{
    uint64_t n;
    JUDGE(claim_u64(o, "pairs", KEYASK_PAIRS_MAX + 1, &n));
    JUDGE(claim_octets(o, "sid", a, q->item.sid, ESD_SID));
    JUDGE(claim_name(o, "adfq", a, &q->item.adfq));
    q->pairs = (uint8_t)n;
    return n > 0 ? REASON_OK : REASON_MALFORMED;
}

static enum reason read_epk(const struct jval *o, struct arena *a, struct key_ask *q)
{
    JUDGE(p256_read(JSON_GET(o, "epk"), a, &q->epk));
    if (!p256_private(q->epk))
        return REASON_OK;
    p256_free(q->epk);
    q->epk = NULL;
    return REASON_MALFORMED;
}

enum reason keyask_read(struct span text, struct arena *a, struct jws *j, struct key_ask *out)
{
    *out = (struct key_ask){0};
    JUDGE(jws_read(text, JWS_KEY, a, j));
    const struct jval *o = j->claims;
    bool pairs = JSON_GET(o, "pairs") != NULL, epk = JSON_GET(o, "epk") != NULL;
    JUDGE(claim_parties(o, a, &out->iss, &out->aud));
    JUDGE(claim_octets(o, "nonce", a, out->nonce, KEYASK_NONCE));
    if (pairs == epk)
        return REASON_MALFORMED;
    if (pairs)
        return read_pairs(o, a, out);
    JUDGE(letter_item_read(o, a, false, &out->item));
    return read_epk(o, a, out);
}

/* ---- answer ------------------------------------------------------------------------------------- */

static enum err put_key(struct jw *w, const struct key_made *k)
{
    uint8_t text[256];
    struct buf jwk = BUF_ARRAY(text);
    jw_obj(w);
    JW_STR(w, "kid", k->kid);
    JW_B64URL(w, "kc", span_of(k->kc, ESD_KC));
    claim_put_time(w, SPAN("et"), k->et);
    if (k->pub) {
        p256_put(&jwk, k->pub);
        jw_name(w, SPAN("jwk"));
        jw_raw(w, buf_span(&jwk));
    }
    jw_end_obj(w);
    return jwk.e;
}

static enum err put_answer(struct buf *b, const struct key_answer *r, struct span jwe)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_B64URL(&w, "req", span_of(r->req, ESD_HASH));
    if (jwe.n)
        JW_STR(&w, "jwe", jwe);
    jw_name(&w, SPAN("keys"));
    jw_arr(&w);
    for (size_t i = 0; i < r->n; i++)
        TRY(put_key(&w, &r->keys[i]));
    jw_end_arr(&w);
    JW_U64(&w, "index", r->index);
    JW_U64(&w, "size", r->size);
    JW_STR(&w, "head", r->head);
    jw_end_obj(&w);
    return b->e;
}

/* JSON kid to KV for the request's epk; the text stands at the end of `out` for the moment. */
static enum err wrap_keys(const struct key_answer *r, const struct p256 *epk, struct buf *scratch, struct buf *out)
{
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    for (size_t i = 0; i < r->n; i++) {
        jw_name(&w, r->keys[i].kid);
        jw_b64url(&w, span_of(r->keys[i].kv, ESD_KV));
    }
    jw_end_obj(&w);
    enum err e = scratch->e;
    if (e == OK)
        e = jwe_wrap(epk, SPAN_NONE, r->req, buf_span(scratch), out);
    buf_wipe(scratch);
    return e;
}

enum err keyask_answer_build(const struct key_answer *r, const struct p256 *epk, const struct p256 *release,
                             struct span kid, struct buf *scratch, struct buf *out)
{
    size_t start = out->n;
    enum err e = OK;
    buf_reset(scratch);
    if (epk)
        e = wrap_keys(r, epk, scratch, out);
    if (e == OK)
        e = put_answer(scratch, r, span_of(out->p + start, out->n - start));
    out->n = start;
    if (e == OK)
        e = jws_sign(release, JWS_KEYED, kid, buf_span(scratch), out);
    buf_wipe(scratch);
    return e;
}
