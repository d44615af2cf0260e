#include "esd/nested.h"

#include <string.h>

#include "base/code.h"
#include "esd/header.h"
#include "esd/p256_port.h"

struct signed_text {
    struct header h;
    struct span input, payload, sig, kid;
    struct esd_e2e e2e;
};

static enum reason read_signed(struct span text, size_t pad_end, struct arena *a, struct signed_text *s,
                               struct open_inner *out)
{
    struct span rest = text, head = span_cut(&rest, '.'), alg, cty;
    bool has_alg, has_kid, has_cty;
    if (!rest.p)
        return REASON_MALFORMED;
    s->payload = span_cut(&rest, '.');
    s->sig = rest;
    s->input = span_first(text, head.n + 1 + s->payload.n);
    if (!rest.p || !b64url_ok(s->payload) || !b64url_ok(s->sig) || s->payload.n == 0)
        return REASON_MALFORMED;
    JUDGE(header_read(head, a, &s->h));
    JUDGE(header_text(&s->h, SPAN("alg"), &alg, &has_alg));
    JUDGE(header_text(&s->h, SPAN("kid"), &s->kid, &has_kid));
    JUDGE(header_text(&s->h, SPAN("cty"), &cty, &has_cty));
    JUDGE(header_e2e(&s->h, pad_end, &s->e2e));
    if (!has_alg || s->kid.n > JWS_KID_MAX)
        return REASON_MALFORMED;
    JUDGE(header_crit(&s->h));
    if (!span_eq(alg, SPAN("ES256")) || JSON_GET(s->h.tree, "b64"))
        return REASON_ALGORITHM_REFUSED;
    out->json = span_eq(cty, SPAN("json"));
    return has_kid ? REASON_OK : REASON_MALFORMED;
}

/* Signed content that was moved into another envelope says so itself. Padding belongs to the envelope alone. */
static bool same_place(const struct esd_e2e *x, const struct esd_e2e *y)
{
    return x->here == y->here && memcmp(x->sid, y->sid, ESD_SID) == 0 && x->ep == y->ep && x->i == y->i &&
           x->t_ms == y->t_ms && x->device == y->device && x->batch == y->batch;
}

enum reason nested_verify(void *ctx, const struct esd_label *outer, struct span text, struct arena *a,
                          struct open_inner *out)
{
    const struct nested *n = (const struct nested *)ctx;
    struct signed_text s = {0};
    uint8_t sig[JOSE_SIG];
    struct buf b = BUF_ARRAY(sig);
    *out = (struct open_inner){0};
    JUDGE(read_signed(text, outer->ct_len, a, &s, out));
    if (outer->e2e.here && !same_place(&outer->e2e, &s.e2e))
        return REASON_WRONG_PLACE;
    if (b64url_get(s.sig, &b) != OK || b.n != JOSE_SIG)
        return REASON_MALFORMED;
    const struct p256 *key = n->signer(n->ctx, s.kid);
    if (!key)
        return REASON_WRITER_CHANGED;
    if (p256_verify(key, s.input, sig) != OK)
        return REASON_TAMPERED;
    uint8_t *p = (uint8_t *)arena_alloc(a, s.payload.n);
    struct buf plain = buf_over(p, s.payload.n);
    if (!p || b64url_get(s.payload, &plain) != OK)
        return REASON_FAILED;
    out->payload = buf_span(&plain);
    out->signer = s.kid;
    return REASON_OK;
}
