#include "esd/release_open.h"

#include <string.h>

#include "base/code.h"
#include "esd/claim.h"
#include "esd/log.h"
#include "esd/strict.h"

/* An answer while it is checked. */
struct work {
    const struct release_expect *x;
    const struct release_ask *ask;
    struct arena *a;
    struct jval *o; /* the claims */
    struct release_got *got;
    uint8_t req[ESD_HASH];
    struct log_head head;
};

/* ---- who is released, who is denied --------------------------------------------------------------- */

/* Place of a kid in the request, or n_want. */
static size_t wanted(const struct work *w, struct span kid)
{
    size_t i = 0;
    while (i < w->ask->n_want && !kid_eq(w->ask->want[i], kid))
        i++;
    return i;
}

static enum reason read_deny(struct work *w, enum reason *codes, bool *answered)
{
    const struct jval *list;
    JUDGE(claim_list(w->o, "deny", RELEASE_WANT_MAX, &list));
    w->got->deny = ARENA_ARRAY(w->a, struct release_deny, (size_t)list->n);
    if (!w->got->deny)
        return REASON_FAILED;
    for (const struct jval *v = list->child; v; v = v->next) {
        struct release_deny *d = &w->got->deny[w->got->n_deny++];
        struct span code;
        JUDGE(claim_name(v, "kid", w->a, &d->kid));
        JUDGE(claim_name(v, "code", w->a, &code));
        size_t i = wanted(w, d->kid);
        if (i == w->ask->n_want || answered[i] || reason_of(code, &d->code) != OK || d->code == REASON_OK)
            return REASON_MALFORMED;
        answered[i] = true;
        codes[i] = d->code;
    }
    return REASON_OK;
}

static enum reason read_released(struct work *w, enum reason *codes, bool *answered)
{
    const struct jval *kc = JSON_GET(w->o, "kc");
    size_t n = kc ? kc->n : 0;
    if (kc && (kc->type != J_OBJ || n == 0 || n > RELEASE_WANT_MAX))
        return REASON_MALFORMED;
    w->got->keys = ARENA_ARRAY(w->a, struct release_key, n);
    if (!w->got->keys)
        return REASON_FAILED;
    for (const struct jval *v = kc ? kc->child : NULL; v; v = v->next) {
        struct release_key *k = &w->got->keys[w->got->n_keys++];
        if (json_key(v, w->a, &k->kid) != OK)
            return REASON_MALFORMED;
        size_t i = wanted(w, k->kid);
        if (i == w->ask->n_want || answered[i])
            return REASON_MALFORMED;
        answered[i] = true;
        codes[i] = REASON_OK;
    }
    return REASON_OK;
}

/* What the answer says of one released key beside its value. */
static enum reason read_key(struct work *w, struct release_key *k)
{
    char name[ESD_KID_MAX + 1];
    if (k->kid.n > ESD_KID_MAX)
        return REASON_MALFORMED;
    memcpy(name, k->kid.p, k->kid.n);
    name[k->kid.n] = 0;
    JUDGE(claim_u64(JSON_GET(w->o, "pv"), name, ESD_INT_END, &k->pv));
    JUDGE(claim_octets(JSON_GET(w->o, "kc"), name, w->a, k->kc, ESD_KC));
    JUDGE(claim_octets(JSON_GET(w->o, "wk"), name, w->a, k->wk, JOSE_THUMB));
    return claim_name(JSON_GET(w->o, "cr"), name, w->a, &k->cr);
}

static bool one_for_each(const struct work *w, const char *name)
{
    const struct jval *v = json_get(w->o, span_str(name));
    return v && v->type == J_OBJ && v->n == w->got->n_keys;
}

/* Every wanted kid exactly once, and nothing else (vectors README 19). */
static enum reason read_verdicts(struct work *w, enum reason *codes)
{
    bool answered[RELEASE_WANT_MAX] = {false};
    JUDGE(read_deny(w, codes, answered));
    JUDGE(read_released(w, codes, answered));
    for (size_t i = 0; i < w->ask->n_want; i++)
        if (!answered[i])
            return REASON_MALFORMED;
    if (w->got->n_keys == 0)
        return REASON_OK;
    if (!one_for_each(w, "pv") || !one_for_each(w, "wk") || !one_for_each(w, "cr"))
        return REASON_MALFORMED;
    for (size_t i = 0; i < w->got->n_keys; i++)
        JUDGE(read_key(w, &w->got->keys[i]));
    return claim_u64(w->o, "ttl", ESD_INT_END, &w->got->ttl);
}

/* ---- proofs --------------------------------------------------------------------------------------- */

static enum reason read_hashes(struct work *w, const char *name, size_t max, struct log_hash *h, size_t *n)
{
    const struct jval *list;
    JUDGE(claim_list(w->o, name, (uint32_t)max, &list));
    *n = 0;
    for (const struct jval *v = list->child; v; v = v->next) {
        struct span text;
        struct buf b = BUF_ARRAY(h[*n].b);
        if (json_str(v, w->a, &text) != OK || b64url_get(text, &b) != OK || b.n != LOG_HASH)
            return REASON_MALFORMED;
        ++*n;
    }
    return REASON_OK;
}

/* The head is the log's, and later than the one the reader kept. */
static enum reason check_head(struct work *w)
{
    struct span origin;
    uint8_t pub[LOG_PUBLIC];
    struct log_hash proof[LOG_PROOF_MAX], kept;
    size_t n = 0;
    JUDGE(claim_str(w->o, "head", w->a, &w->got->head));
    if (log_vkey_get(w->x->log_vkey, &origin, pub) != OK ||
        log_checkpoint_verify(w->got->head, origin, pub, &w->head) != OK)
        return REASON_PROOF_INVALID;
    w->got->size = w->head.size;
    memcpy(w->got->root, w->head.root.b, ESD_HASH);
    if (!w->ask->has_head || w->ask->size == 0)
        return REASON_OK;
    memcpy(kept.b, w->ask->root, ESD_HASH);
    if (w->head.size < w->ask->size)
        return REASON_PROOF_INVALID;
    if (w->head.size == w->ask->size)
        return memcmp(kept.b, w->head.root.b, LOG_HASH) == 0 ? REASON_OK : REASON_PROOF_INVALID;
    /* An answer that only denies proves nothing and asks for no trust: the kept head stays the kept one. */
    if (!JSON_GET(w->o, "consistency") && !JSON_GET(w->o, "jwe")) {
        w->got->size = w->ask->size;
        memcpy(w->got->root, w->ask->root, ESD_HASH);
        return REASON_OK;
    }
    if (!JSON_GET(w->o, "consistency"))
        return REASON_PROOF_INVALID;
    JUDGE(read_hashes(w, "consistency", LOG_PROOF_MAX, proof, &n));
    bool ok = log_consistency_verify(w->ask->size, w->head.size, &kept, &w->head.root, proof, n) == OK;
    return ok ? REASON_OK : REASON_PROOF_INVALID;
}

/* The logged record is about this request and says the same verdicts. */
static bool record_fits(struct work *w, struct span record, const enum reason *codes)
{
    struct jval *r;
    struct span iss;
    uint8_t req[ESD_HASH];
    const struct jval *items;
    if (json_parse(record, w->a, &r, NULL) != OK || claim_str(r, "iss", w->a, &iss) != REASON_OK ||
        claim_octets(r, "req", w->a, req, ESD_HASH) != REASON_OK ||
        claim_list(r, "items", RELEASE_WANT_MAX, &items) != REASON_OK)
        return false;
    if (!span_eq(iss, w->ask->iss) || memcmp(req, w->req, ESD_HASH) != 0 || items->n != w->ask->n_want)
        return false;
    size_t i = 0;
    for (const struct jval *v = items->child; v; v = v->next, i++) {
        struct span kid, code;
        enum reason said;
        if (claim_str(v, "kid", w->a, &kid) != REASON_OK || claim_str(v, "code", w->a, &code) != REASON_OK ||
            !kid_eq(kid, w->ask->want[i]) || reason_of(code, &said) != OK || said != codes[i])
            return false;
    }
    return true;
}

static enum reason check_leaf(struct work *w, const enum reason *codes)
{
    uint8_t salt[RELEASE_SALT];
    struct span record;
    uint64_t index, size;
    struct log_hash leaf, path[LOG_LEVELS];
    size_t n;
    JUDGE(claim_octets(w->o, "salt", w->a, salt, RELEASE_SALT));
    JUDGE(claim_str(w->o, "record", w->a, &record));
    JUDGE(claim_u64(w->o, "index", ESD_INT_END, &index));
    JUDGE(claim_u64(w->o, "size", ESD_INT_END, &size));
    JUDGE(read_hashes(w, "path", LOG_LEVELS, path, &n));
    if (size != w->head.size || !record_fits(w, record, codes))
        return REASON_PROOF_INVALID;
    if (release_leaf(salt, record, leaf.b) != OK)
        return REASON_FAILED;
    bool ok = log_inclusion_verify(&leaf, index, size, path, n, &w->head.root) == OK;
    return ok ? REASON_OK : REASON_PROOF_INVALID;
}

/* ---- keys ----------------------------------------------------------------------------------------- */

/* KC of a released value: of 64 octets it is a Key Value, of 32 the private half of a strict pair. */
static enum reason value_kc(struct span value, const uint8_t sid[ESD_SID], uint8_t kc[ESD_KC])
{
    struct p256 *pair;
    if (value.n != STRICT_D)
        return keys_kc(value, sid, kc);
    JUDGE(strict_pair(value, &pair));
    enum err e = strict_kc(pair, sid, kc);
    p256_free(pair);
    return e == OK ? REASON_OK : REASON_FAILED;
}

static enum reason take_key(struct work *w, struct release_key *k, const struct jval *values)
{
    struct span text;
    uint8_t *kv = (uint8_t *)arena_alloc(w->a, ESD_KV), kc[ESD_KC];
    struct buf b = buf_over(kv, ESD_KV);
    if (!kv)
        return REASON_FAILED;
    if (json_str(json_get(values, k->kid), w->a, &text) != OK)
        return REASON_MALFORMED;
    if (b64url_get(text, &b) != OK || (b.n != ESD_KV && b.n != STRICT_D))
        return REASON_COMMITMENT_MISMATCH;
    k->kv = kv;
    k->kv_n = b.n;
    JUDGE(keys_check_kc(k->kc, k->kid));
    const uint8_t *sid = w->x->sid ? w->x->sid(w->x->ctx, k->kid) : NULL;
    if (!sid)
        return REASON_OK;
    JUDGE(value_kc(buf_span(&b), sid, kc));
    return memcmp(kc, k->kc, ESD_KC) == 0 ? REASON_OK : REASON_COMMITMENT_MISMATCH;
}

static enum reason unwrap_keys(struct work *w)
{
    struct span jwe;
    struct jval *values = NULL;
    JUDGE(claim_str(w->o, "jwe", w->a, &jwe));
    uint8_t *p = (uint8_t *)arena_alloc(w->a, jwe.n + 1);
    if (!p)
        return REASON_FAILED;
    struct buf b = buf_over(p, jwe.n + 1);
    enum reason r = jwe_unwrap(w->ask->epk, jwe, w->req, w->a, &b);
    if (r == REASON_OK &&
        (json_parse(buf_span(&b), w->a, &values, NULL) != OK || values->type != J_OBJ || values->n != w->got->n_keys))
        r = REASON_MALFORMED;
    for (size_t i = 0; r == REASON_OK && i < w->got->n_keys; i++)
        r = take_key(w, &w->got->keys[i], values);
    buf_wipe(&b);
    return r;
}

/* ---- all together --------------------------------------------------------------------------------- */

static enum reason judge(struct span answer, struct work *w)
{
    struct jws j;
    uint8_t req[ESD_HASH];
    enum reason codes[RELEASE_WANT_MAX];
    if (w->ask->n_want == 0 || w->ask->n_want > RELEASE_WANT_MAX || esd_sha256(w->x->request, w->req) != OK)
        return REASON_FAILED;
    JUDGE(jws_open(answer, JWS_ANSWER, w->x->release, w->a, &j));
    w->o = j.claims;
    JUDGE(claim_octets(w->o, "req", w->a, req, ESD_HASH));
    if (memcmp(req, w->req, ESD_HASH) != 0)
        return REASON_TAMPERED;
    JUDGE(read_verdicts(w, codes));
    JUDGE(check_head(w));
    if (w->got->n_keys == 0)
        return REASON_OK;
    JUDGE(check_leaf(w, codes));
    return unwrap_keys(w);
}

enum reason release_open(struct span answer, const struct release_expect *x, struct arena *a, struct release_got *out)
{
    struct work w = {.x = x, .ask = x->ask, .a = a, .got = out};
    *out = (struct release_got){0};
    enum reason r = judge(answer, &w);
    if (r != REASON_OK)
        release_wipe(out);
    return r;
}

void release_wipe(struct release_got *g)
{
    for (size_t i = 0; i < g->n_keys; i++)
        if (g->keys[i].kv)
            wipe((uint8_t *)(uintptr_t)g->keys[i].kv, g->keys[i].kv_n);
    *g = (struct release_got){0};
}
