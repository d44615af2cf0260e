#include "esd/keyask_open.h"

#include <string.h>

#include "base/code.h"
#include "esd/claim.h"
#include "esd/strict.h"
#include "esd/unwrap.h"

/* An answer while it is checked. */
struct work {
    const struct keyask_expect *x;
    struct arena *a;
    const struct jval *o; /* the claims */
    struct key_answer *got;
};

static bool twice(const struct key_answer *got, struct span kid)
{
    for (size_t i = 0; i + 1 < got->n; i++)
        if (kid_eq(got->keys[i].kid, kid))
            return true;
    return false;
}

/* What both kinds have, and the pair's public half. */
static enum reason read_key(struct work *w, const struct jval *v, struct key_made *k)
{
    struct span relative, fqdn;
    JUDGE(claim_name(v, "kid", w->a, &k->kid));
    JUDGE(kid_split(k->kid, &relative, &fqdn));
    JUDGE(claim_octets(v, "kc", w->a, k->kc, ESD_KC));
    JUDGE(claim_time_opt(v, "et", w->a, &k->et));
    if (k->et == 0 || twice(w->got, k->kid))
        return REASON_MALFORMED;
    if (w->x->ask->pairs)
        JUDGE(p256_read(JSON_GET(v, "jwk"), w->a, &k->pub));
    if (k->pub && p256_private(k->pub))
        return REASON_MALFORMED;
    JUDGE(keys_check_kc(k->kc, k->kid));
    return span_eq_nocase(fqdn, w->x->ask->aud) ? REASON_OK : REASON_COMMITMENT_MISMATCH;
}

static enum reason read_keys(struct work *w)
{
    const struct jval *list;
    uint8_t pairs = w->x->ask->pairs;
    JUDGE(claim_list(w->o, "keys", KEYASK_PAIRS_MAX, &list));
    if (list->n == 0 || (!pairs && list->n != 1))
        return REASON_MALFORMED;
    w->got->keys = ARENA_ARRAY(w->a, struct key_made, (size_t)list->n);
    if (!w->got->keys)
        return REASON_FAILED;
    for (const struct jval *v = list->child; v; v = v->next) {
        struct key_made *k = &w->got->keys[w->got->n++];
        *k = (struct key_made){0};
        JUDGE(read_key(w, v, k));
    }
    return REASON_OK;
}

/* The commitment is the key's own, in the stream that was asked for. */
static enum reason fits(const struct work *w, const struct key_made *k, struct span kv)
{
    const uint8_t *sid = w->x->ask->item.sid;
    uint8_t kc[ESD_KC];
    if (!k->pub)
        JUDGE(keys_kc(kv, sid, kc));
    else if (strict_kc(k->pub, sid, kc) != OK)
        return REASON_FAILED;
    return memcmp(kc, k->kc, ESD_KC) == 0 ? REASON_OK : REASON_COMMITMENT_MISMATCH;
}

static enum reason take_kv(struct work *w, struct span json)
{
    struct key_made *k = &w->got->keys[0];
    struct jval *v;
    struct span text;
    uint8_t *kv = (uint8_t *)arena_alloc(w->a, ESD_KV);
    struct buf b = buf_over(kv, ESD_KV);
    if (!kv)
        return REASON_FAILED;
    if (json_parse(json, w->a, &v, NULL) != OK || v->type != J_OBJ || v->n != 1 ||
        json_str(json_get(v, k->kid), w->a, &text) != OK)
        return REASON_MALFORMED;
    if (text.n != B64URL_LEN(ESD_KV) || b64url_get(text, &b) != OK)
        return REASON_COMMITMENT_MISMATCH;
    k->kv = kv;
    return fits(w, k, buf_span(&b));
}

static enum reason unwrap(struct work *w)
{
    struct span jwe;
    JUDGE(claim_str(w->o, "jwe", w->a, &jwe));
    uint8_t *p = (uint8_t *)arena_alloc(w->a, jwe.n + 1);
    if (!p)
        return REASON_FAILED;
    struct buf b = buf_over(p, jwe.n + 1);
    enum reason r = jwe_unwrap(w->x->ask->epk, jwe, w->got->req, w->a, &b);
    if (r == REASON_OK)
        r = take_kv(w, buf_span(&b));
    buf_wipe(&b);
    return r;
}

static enum reason pairs_fit(struct work *w)
{
    for (size_t i = 0; i < w->got->n; i++)
        JUDGE(fits(w, &w->got->keys[i], SPAN_NONE));
    return JSON_GET(w->o, "jwe") ? REASON_MALFORMED : REASON_OK;
}

static enum reason judge(struct work *w, struct span answer)
{
    struct jws j;
    uint8_t req[ESD_HASH];
    if (esd_sha256(w->x->request, req) != OK)
        return REASON_FAILED;
    JUDGE(jws_open(answer, JWS_KEYED, w->x->release, w->a, &j));
    w->o = j.claims;
    JUDGE(claim_octets(w->o, "req", w->a, w->got->req, ESD_HASH));
    if (memcmp(req, w->got->req, ESD_HASH) != 0)
        return REASON_TAMPERED;
    JUDGE(claim_u64(w->o, "index", ESD_INT_END, &w->got->index));
    JUDGE(claim_u64(w->o, "size", ESD_INT_END, &w->got->size));
    JUDGE(claim_str(w->o, "head", w->a, &w->got->head));
    JUDGE(read_keys(w));
    return w->x->ask->pairs ? pairs_fit(w) : unwrap(w);
}

enum reason keyask_open(struct span answer, const struct keyask_expect *x, struct arena *a, struct key_answer *out)
{
    struct work w = {.x = x, .a = a, .got = out};
    *out = (struct key_answer){0};
    enum reason r = judge(&w, answer);
    if (r != REASON_OK)
        keyask_free(out);
    return r;
}

void keyask_free(struct key_answer *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->keys[i].kv)
            wipe((uint8_t *)(uintptr_t)r->keys[i].kv, ESD_KV);
        p256_free(r->keys[i].pub);
    }
    *r = (struct key_answer){0};
}
