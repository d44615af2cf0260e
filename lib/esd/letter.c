#include "esd/letter.h"

#include <string.h>

#include "base/code.h"
#include "esd/letter_item.h"

/* ---- building ----------------------------------------------------------------------------------- */

void letter_item_put(struct jw *w, const struct letter_item *i, bool named)
{
    JW_B64URL(w, "sid", span_of(i->sid, ESD_SID));
    JW_U64(w, "ep", i->ep);
    if (named) {
        JW_STR(w, "kid", i->kid);
        JW_B64URL(w, "kc", span_of(i->kc, ESD_KC));
    }
    JW_U64(w, "suid", i->suid);
    JW_STR(w, "adfq", i->adfq);
    if (i->et)
        claim_put_time(w, SPAN("et"), i->et);
    JW_STR(w, "policy", i->policy);
    if (i->has_pv)
        JW_U64(w, "pv", i->pv);
    JW_B64URL(w, "wk", span_of(i->wk, JOSE_THUMB));
    if (i->plain)
        JW_BOOL(w, "plain", true);
}

/* An activation has no jwe: the vault has the key. */
static void put_body(struct buf *b, const struct key_letter *l, struct span jwe)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_STR(&w, "iss", l->iss);
    JW_STR(&w, "aud", l->aud);
    if (!l->batch)
        letter_item_put(&w, &l->items[0], true);
    else {
        jw_name(&w, SPAN("items"));
        jw_arr(&w);
        for (size_t i = 0; i < l->n; i++) {
            jw_obj(&w);
            letter_item_put(&w, &l->items[i], true);
            jw_end_obj(&w);
        }
        jw_end_arr(&w);
    }
    if (jwe.n)
        JW_STR(&w, "jwe", jwe);
    jw_end_obj(&w);
}

static bool count_fits(const struct key_letter *l)
{
    return l->n > 0 && l->n <= LETTER_ITEMS_MAX && (l->batch || l->n == 1);
}

/* A single letter wraps the 64 raw octets (vectors README 20), a batch a JSON object kid to KV. */
static void put_secret(struct buf *b, const struct key_letter *l, const uint8_t (*kvs)[ESD_KV])
{
    if (!l->batch) {
        buf_put(b, span_of(kvs[0], ESD_KV));
        return;
    }
    struct jw w = jw_over(b);
    jw_obj(&w);
    for (size_t i = 0; i < l->n; i++) {
        jw_name(&w, l->items[i].kid);
        jw_b64url(&w, span_of(kvs[i], ESD_KV));
    }
    jw_end_obj(&w);
}

enum err letter_build(const struct key_letter *l, const uint8_t (*kvs)[ESD_KV], const struct p256 *key, struct span kid,
                      const struct p256 *sealing, struct span sealing_kid, struct buf *scratch, struct buf *out)
{
    size_t start = out->n;
    if (!count_fits(l))
        return ERR_RANGE;
    buf_reset(scratch);
    put_secret(scratch, l, kvs);
    enum err e = scratch->e;
    if (e == OK) /* for the moment the envelope stands where the letter will be */
        e = jwe_wrap(sealing, sealing_kid, NULL, buf_span(scratch), out);
    buf_wipe(scratch);
    if (e == OK) {
        put_body(scratch, l, span_of(out->p + start, out->n - start));
        out->n = start;
        e = scratch->e != OK ? scratch->e : jws_sign(key, JWS_LETTER, kid, buf_span(scratch), out);
    }
    buf_wipe(scratch);
    return e;
}

enum err letter_activation_build(const struct key_letter *l, const struct p256 *key, struct span kid,
                                 struct buf *scratch, struct buf *out)
{
    if (!count_fits(l))
        return ERR_RANGE;
    buf_reset(scratch);
    put_body(scratch, l, SPAN_NONE);
    return scratch->e != OK ? scratch->e : jws_sign(key, JWS_ACTIVATE, kid, buf_span(scratch), out);
}

/* ---- reading ------------------------------------------------------------------------------------ */

enum reason letter_item_read(const struct jval *o, struct arena *a, bool named, struct letter_item *i)
{
    struct span relative, fqdn;
    uint64_t suid;
    *i = (struct letter_item){0};
    JUDGE(claim_octets(o, "sid", a, i->sid, ESD_SID));
    JUDGE(claim_u64(o, "ep", ESD_INT_END, &i->ep));
    if (named) {
        JUDGE(claim_name(o, "kid", a, &i->kid));
        JUDGE(kid_split(i->kid, &relative, &fqdn));
        JUDGE(claim_octets(o, "kc", a, i->kc, ESD_KC));
    }
    JUDGE(claim_u64(o, "suid", 100, &suid));
    JUDGE(claim_name(o, "adfq", a, &i->adfq));
    JUDGE(claim_time_opt(o, "et", a, &i->et));
    JUDGE(claim_name(o, "policy", a, &i->policy));
    JUDGE(claim_u64_opt(o, "pv", ESD_INT_END, &i->pv));
    JUDGE(claim_octets(o, "wk", a, i->wk, JOSE_THUMB));
    JUDGE(claim_bool_opt(o, "plain", &i->plain));
    i->has_pv = JSON_GET(o, "pv") != NULL;
    i->suid = (uint8_t)suid;
    return REASON_OK;
}

static bool kid_twice(const struct key_letter *l, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kid_eq(l->items[i].kid, l->items[n].kid))
            return true;
    return false;
}

static enum reason read_items(const struct jval *o, struct arena *a, struct key_letter *l)
{
    const struct jval *items = JSON_GET(o, "items");
    l->batch = items != NULL;
    if (l->batch)
        JUDGE(claim_list(o, "items", LETTER_ITEMS_MAX, &items));
    l->n = l->batch ? items->n : 1;
    l->items = ARENA_ARRAY(a, struct letter_item, l->n);
    if (l->n == 0)
        return REASON_MALFORMED;
    if (!l->items)
        return REASON_FAILED;
    const struct jval *each = l->batch ? items->child : o;
    for (size_t i = 0; i < l->n; i++, each = each->next) {
        JUDGE(letter_item_read(each, a, true, &l->items[i]));
        if (kid_twice(l, i))
            return REASON_MALFORMED;
    }
    return REASON_OK;
}

enum reason letter_read(struct span text, struct arena *a, struct jws *j, struct key_letter *out)
{
    *out = (struct key_letter){.text = text};
    JUDGE(jws_read(text, JWS_LETTER, a, j));
    JUDGE(claim_parties(j->claims, a, &out->iss, &out->aud));
    JUDGE(read_items(j->claims, a, out));
    return claim_str(j->claims, "jwe", a, &out->jwe);
}

enum reason letter_activation_read(struct span text, struct arena *a, struct jws *j, struct key_letter *out)
{
    *out = (struct key_letter){.text = text};
    JUDGE(jws_read(text, JWS_ACTIVATE, a, j));
    JUDGE(claim_parties(j->claims, a, &out->iss, &out->aud));
    JUDGE(read_items(j->claims, a, out));
    return JSON_GET(j->claims, "jwe") ? REASON_MALFORMED : REASON_OK;
}
