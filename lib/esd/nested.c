#include "esd/nested.h"

#include <string.h>

#include "base/code.h"
#include "esd/cek.h"

/* Signed content that was moved into another envelope says so itself. Padding belongs to the envelope alone. */
static bool same_place(const struct esd_e2e *x, const struct esd_e2e *y)
{
    return x->here == y->here && memcmp(x->sid, y->sid, ESD_SID) == 0 && x->ep == y->ep && x->i == y->i &&
           x->t_ms == y->t_ms && x->device == y->device && x->batch == y->batch;
}

static enum reason read(const struct esd_label *outer, struct span text, struct arena *a, struct esd_label *l)
{
    bool refused, json = span_eq_nocase(outer->cty, SPAN("JOSE+JSON")) ||
                         span_eq_nocase(outer->cty, SPAN("application/jose+json"));
    JUDGE(label_shape(text, json ? 2 : 1, a, l, &refused));
    if (l->jws && l->ct_len == 0)
        return REASON_MALFORMED;
    for (size_t i = 0; l->jws && i < l->n_parts; i++) {
        const struct esd_part *p = &l->parts[i];
        if (p->alg != ESD_ALG__N && p->kid.n == 0)
            return REASON_MALFORMED;
        refused |= p->alg == ESD_ALG__N || alg_row(p->alg)->family != ALG_SIGN;
    }
    return refused || !l->jws ? REASON_ALGORITHM_REFUSED : REASON_OK;
}

static enum reason verify(const struct nested *n, const struct esd_label *l, const struct esd_part **good)
{
    for (size_t i = 0; i < l->n_parts; i++) {
        const struct jwkey *key = n->signer(n->ctx, l->parts[i].kid);
        if (!key)
            continue;
        JUDGE(cek_verify(&l->parts[i], key, l->ct_text));
        if (!*good)
            *good = &l->parts[i];
    }
    return *good ? REASON_OK : REASON_WRITER_CHANGED;
}

enum reason nested_verify(void *ctx, const struct esd_label *outer, struct span text, struct arena *a,
                          struct open_inner *out)
{
    const struct esd_part *good = NULL;
    struct esd_label l;
    *out = (struct open_inner){0};
    JUDGE(read(outer, text, a, &l));
    if (outer->e2e.here && !same_place(&outer->e2e, &l.e2e))
        return REASON_WRONG_PLACE;
    JUDGE(verify((const struct nested *)ctx, &l, &good));
    uint8_t *p = (uint8_t *)arena_alloc(a, l.ct_text.n);
    struct buf plain = buf_over(p, l.ct_text.n);
    if (!p || b64url_get(l.ct_text, &plain) != OK)
        return REASON_FAILED;
    out->payload = buf_span(&plain);
    out->signer = good->kid;
    out->json = span_eq(good->cty, SPAN("json"));
    return REASON_OK;
}
