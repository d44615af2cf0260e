#include "esd/release.h"

#include <string.h>

#include "esd/claim.h"

/* ---- request ------------------------------------------------------------------------------------ */

static void put_ask(struct buf *b, const struct release_ask *q, struct span epk)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_STR(&w, "iss", q->iss);
    jw_name(&w, SPAN("aud"));
    if (q->n_aud > 1)
        jw_arr(&w);
    for (size_t i = 0; i < q->n_aud; i++)
        jw_str(&w, q->aud[i]);
    if (q->n_aud > 1)
        jw_end_arr(&w);
    JW_B64URL(&w, "nonce", span_of(q->nonce, RELEASE_NONCE));
    jw_name(&w, SPAN("want"));
    jw_arr(&w);
    for (size_t i = 0; i < q->n_want; i++)
        jw_str(&w, q->want[i]);
    jw_end_arr(&w);
    jw_name(&w, SPAN("epk"));
    jw_raw(&w, epk);
    if (q->has_head) {
        jw_name(&w, SPAN("head"));
        jw_obj(&w);
        JW_U64(&w, "size", q->size);
        JW_B64URL(&w, "root", span_of(q->root, ESD_HASH));
        jw_end_obj(&w);
    }
    if (q->purpose.n)
        JW_STR(&w, "purpose", q->purpose);
    jw_end_obj(&w);
}

enum err release_ask_build(const struct release_ask *q, const struct p256 *key, struct span kid, struct buf *scratch,
                           struct buf *out)
{
    uint8_t text[256];
    struct buf epk = BUF_ARRAY(text);
    if (q->n_want == 0 || q->n_want > RELEASE_WANT_MAX || q->n_aud == 0 || q->n_aud > RELEASE_AUD_MAX)
        return ERR_RANGE;
    p256_put(&epk, q->epk);
    TRY(epk.e);
    buf_reset(scratch);
    put_ask(scratch, q, buf_span(&epk));
    TRY(scratch->e);
    return jws_sign(key, JWS_REQUEST, kid, buf_span(scratch), out);
}

static enum reason read_aud(const struct jval *o, struct arena *a, struct release_ask *q)
{
    const struct jval *aud = JSON_GET(o, "aud");
    if (!aud || aud->type != J_ARR) {
        q->n_aud = 1;
        return claim_name(o, "aud", a, &q->aud[0]);
    }
    if (aud->n == 0 || aud->n > RELEASE_AUD_MAX)
        return REASON_MALFORMED;
    for (const struct jval *v = aud->child; v; v = v->next)
        if (json_str(v, a, &q->aud[q->n_aud++]) != OK)
            return REASON_MALFORMED;
    return REASON_OK;
}

static enum reason read_want(const struct jval *o, struct arena *a, struct release_ask *q)
{
    const struct jval *list;
    struct span relative, fqdn;
    JUDGE(claim_list(o, "want", RELEASE_WANT_MAX, &list));
    struct span *want = ARENA_ARRAY(a, struct span, (size_t)list->n);
    if (list->n == 0)
        return REASON_MALFORMED;
    if (!want)
        return REASON_FAILED;
    q->want = want;
    for (const struct jval *v = list->child; v; v = v->next, q->n_want++) {
        if (json_str(v, a, &want[q->n_want]) != OK)
            return REASON_MALFORMED;
        JUDGE(kid_split(want[q->n_want], &relative, &fqdn));
        for (size_t i = 0; i < q->n_want; i++)
            if (kid_eq(want[i], want[q->n_want]))
                return REASON_MALFORMED;
    }
    return REASON_OK;
}

static enum reason read_ask(const struct jval *o, struct arena *a, struct release_ask *q)
{
    const struct jval *head = JSON_GET(o, "head");
    JUDGE(claim_name(o, "iss", a, &q->iss));
    JUDGE(read_aud(o, a, q));
    JUDGE(claim_octets(o, "nonce", a, q->nonce, RELEASE_NONCE));
    JUDGE(read_want(o, a, q));
    JUDGE(claim_name_opt(o, "purpose", a, &q->purpose));
    q->has_head = head != NULL;
    if (head) {
        JUDGE(claim_u64(head, "size", ESD_INT_END, &q->size));
        JUDGE(claim_octets(head, "root", a, q->root, ESD_HASH));
    }
    return p256_read(JSON_GET(o, "epk"), a, &q->epk);
}

enum reason release_ask_read(struct span text, struct arena *a, struct jws *j, struct release_ask *out)
{
    *out = (struct release_ask){0};
    JUDGE(jws_read(text, JWS_REQUEST, a, j));
    enum reason r = read_ask(j->claims, a, out);
    if (r == REASON_OK && p256_private(out->epk))
        r = REASON_MALFORMED;
    if (r != REASON_OK) {
        p256_free(out->epk);
        out->epk = NULL;
    }
    return r;
}

enum reason release_ask_judge(const struct jws *j, const struct release_ask *q, const struct p256 *registered,
                              struct span me)
{
    bool for_me = false;
    for (size_t i = 0; i < q->n_aud; i++)
        for_me = for_me || span_eq_nocase(q->aud[i], me);
    return for_me && jws_verify(j, registered) == REASON_OK ? REASON_OK : REASON_REFUSED;
}

/* ---- answer ------------------------------------------------------------------------------------- */

static void put_by_kid(struct jw *w, const char *name, const struct release_answer *r,
                       void (*one)(struct jw *w, const struct release_key *k))
{
    jw_name(w, span_str(name));
    jw_obj(w);
    for (size_t i = 0; i < r->n_keys; i++) {
        jw_name(w, r->keys[i].kid);
        one(w, &r->keys[i]);
    }
    jw_end_obj(w);
}
static void put_pv(struct jw *w, const struct release_key *k)
{
    jw_u64(w, k->pv);
}
static void put_kc(struct jw *w, const struct release_key *k)
{
    jw_b64url(w, span_of(k->kc, ESD_KC));
}
static void put_wk(struct jw *w, const struct release_key *k)
{
    jw_b64url(w, span_of(k->wk, JOSE_THUMB));
}
static void put_cr(struct jw *w, const struct release_key *k)
{
    jw_str(w, k->cr);
}
static void put_kv(struct jw *w, const struct release_key *k)
{
    jw_b64url(w, span_of(k->kv, k->kv_n));
}

static void put_hashes(struct jw *w, const char *name, const uint8_t (*h)[ESD_HASH], size_t n)
{
    jw_name(w, span_str(name));
    jw_arr(w);
    for (size_t i = 0; i < n; i++)
        jw_b64url(w, span_of(h[i], ESD_HASH));
    jw_end_arr(w);
}

static void put_released(struct jw *w, const struct release_answer *r, struct span jwe)
{
    JW_STR(w, "jwe", jwe);
    JW_U64(w, "ttl", r->ttl);
    put_by_kid(w, "pv", r, put_pv);
    put_by_kid(w, "kc", r, put_kc);
    put_by_kid(w, "wk", r, put_wk);
    put_by_kid(w, "cr", r, put_cr);
    JW_B64URL(w, "salt", span_of(r->salt, RELEASE_SALT));
    JW_STR(w, "record", r->record);
    JW_U64(w, "index", r->index);
    JW_U64(w, "size", r->size);
    put_hashes(w, "path", r->path, r->n_path);
}

static void put_answer(struct buf *b, const struct release_answer *r, struct span jwe)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_B64URL(&w, "req", span_of(r->req, ESD_HASH));
    if (r->n_keys)
        put_released(&w, r, jwe);
    JW_STR(&w, "head", r->head);
    if (r->has_consistency)
        put_hashes(&w, "consistency", r->consistency, r->n_consistency);
    jw_name(&w, SPAN("deny"));
    jw_arr(&w);
    for (size_t i = 0; i < r->n_deny; i++) {
        jw_obj(&w);
        JW_STR(&w, "kid", r->deny[i].kid);
        JW_STR(&w, "code", span_str(reason_code(r->deny[i].code)));
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
}

/* JSON kid to KV, wrapped for the request's epk; the text stands at the end of `out` for the moment. */
static enum err wrap_keys(const struct release_answer *r, const struct p256 *epk, struct buf *scratch, struct buf *out)
{
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    for (size_t i = 0; i < r->n_keys; i++) {
        jw_name(&w, r->keys[i].kid);
        put_kv(&w, &r->keys[i]);
    }
    jw_end_obj(&w);
    enum err e = scratch->e;
    if (e == OK)
        e = jwe_wrap(epk, SPAN_NONE, r->req, buf_span(scratch), out);
    buf_wipe(scratch);
    return e;
}

enum err release_answer_build(const struct release_answer *r, const struct p256 *epk, const struct p256 *release,
                              struct span kid, struct buf *scratch, struct buf *out)
{
    size_t start = out->n;
    enum err e = OK;
    buf_reset(scratch);
    if (r->n_keys)
        e = wrap_keys(r, epk, scratch, out);
    if (e == OK) {
        put_answer(scratch, r, span_of(out->p + start, out->n - start));
        out->n = start;
        e = scratch->e != OK ? scratch->e : jws_sign(release, JWS_ANSWER, kid, buf_span(scratch), out);
    }
    buf_wipe(scratch);
    return e;
}

/* ---- record ------------------------------------------------------------------------------------- */

void release_record_put(struct buf *b, uint64_t t, struct span iss, struct span via, const uint8_t req[ESD_HASH],
                        const struct span *want, const enum reason *codes, size_t n)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", t);
    JW_STR(&w, "iss", iss);
    if (via.n)
        JW_STR(&w, "via", via);
    JW_B64URL(&w, "req", span_of(req, ESD_HASH));
    jw_name(&w, SPAN("items"));
    jw_arr(&w);
    for (size_t i = 0; i < n; i++) {
        jw_obj(&w);
        JW_STR(&w, "kid", want[i]);
        JW_STR(&w, "code", codes[i] == REASON_OK ? SPAN("ok") : span_str(reason_code(codes[i])));
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
}

enum err release_leaf(const uint8_t salt[RELEASE_SALT], struct span record, uint8_t leaf[ESD_HASH])
{
    uint8_t entry[ESD_HASH];
    TRY(esd_sha256_2(span_of(salt, RELEASE_SALT), record, entry));
    return esd_sha256_2(span_of("\0", 1), span_of(entry, sizeof entry), leaf);
}
