#include "esd/letter_open.h"

#include <string.h>

#include "base/code.h"

/* What letter_read leaves to whoever can open it: length, commitment, the TTP's own domain. */
static enum reason fits(const struct key_letter *l, const struct letter_item *i, struct span kv)
{
    uint8_t kc[ESD_KC];
    struct span relative, fqdn;
    JUDGE(keys_kc(kv, i->sid, kc));
    JUDGE(keys_check_kc(kc, i->kid));
    JUDGE(kid_split(i->kid, &relative, &fqdn));
    bool same = span_eq_secret(span_of(kc, ESD_KC), span_of(i->kc, ESD_KC)) && span_eq_nocase(fqdn, l->aud);
    return same ? REASON_OK : REASON_COMMITMENT_MISMATCH;
}

/* {"kid":"KV", ...}, each item once and no other. */
static enum reason read_batch(const struct key_letter *l, struct span json, struct arena *a, uint8_t (*kvs)[ESD_KV])
{
    struct jval *v;
    if (json_parse(json, a, &v, NULL) != OK || v->type != J_OBJ || v->n != l->n)
        return REASON_MALFORMED;
    for (size_t i = 0; i < l->n; i++) {
        struct span text;
        struct buf b = buf_over(kvs[i], ESD_KV);
        const struct jval *m = json_get(v, l->items[i].kid);
        if (!m || json_str(m, a, &text) != OK)
            return REASON_MALFORMED;
        if (text.n != B64URL_LEN(ESD_KV) || b64url_get(text, &b) != OK)
            return REASON_COMMITMENT_MISMATCH;
        JUDGE(fits(l, &l->items[i], span_of(kvs[i], ESD_KV)));
    }
    return REASON_OK;
}

static enum reason read_single(const struct key_letter *l, struct span kv, uint8_t (*kvs)[ESD_KV])
{
    JUDGE(fits(l, &l->items[0], kv));
    memcpy(kvs[0], kv.p, ESD_KV);
    return REASON_OK;
}

enum reason letter_open(const struct key_letter *l, const struct p256 *sealing, struct arena *a, uint8_t (*kvs)[ESD_KV])
{
    uint8_t *p = (uint8_t *)arena_alloc(a, l->jwe.n + 1);
    if (!p)
        return REASON_FAILED;
    struct buf b = buf_over(p, l->jwe.n + 1);
    enum reason r = jwe_unwrap(sealing, l->jwe, NULL, a, &b);
    if (r == REASON_OK)
        r = l->batch ? read_batch(l, buf_span(&b), a, kvs) : read_single(l, buf_span(&b), kvs);
    buf_wipe(&b);
    if (r != REASON_OK)
        wipe(kvs, l->n * ESD_KV);
    return r;
}
