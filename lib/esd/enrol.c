#include "esd/enrol.h"

#include "base/code.h"
#include "esd/claim.h"

enum err enrol_anchors_build(const struct enrol_anchors *k, const struct p256 *release, struct span kid,
                             struct buf *scratch, struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_STR(&w, "fqdn", k->fqdn);
    JW_U64(&w, "t", k->t);
    JW_NAME(&w, "certs");
    jw_arr(&w);
    for (size_t i = 0; i < k->n; i++)
        jw_b64url(&w, k->cert[i]);
    jw_end_arr(&w);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(release, JWS_ANCHORS, kid, buf_span(scratch), out);
}

/* A string of base64url into octets in the arena, 1 to max of them. */
static enum reason octets(const struct jval *v, struct arena *a, size_t max, struct span *out)
{
    struct span text;
    if (!v || v->type != J_STR || json_str(v, a, &text) != OK || text.n == 0 || text.n > B64URL_LEN(max))
        return REASON_MALFORMED;
    uint8_t *p = arena_alloc(a, text.n);
    if (!p)
        return REASON_FAILED;
    struct buf b = buf_over(p, text.n);
    if (b64url_get(text, &b) != OK)
        return REASON_MALFORMED;
    *out = buf_span(&b);
    return REASON_OK;
}

enum reason enrol_anchors_open(struct span text, struct span fqdn, const struct p256 *release, struct arena *a,
                               struct enrol_anchors *out)
{
    struct jws j;
    const struct jval *list;
    *out = (struct enrol_anchors){.n = 0};
    JUDGE(jws_open(text, JWS_ANCHORS, release, a, &j));
    JUDGE(claim_name(j.claims, "fqdn", a, &out->fqdn));
    JUDGE(claim_u64(j.claims, "t", ESD_INT_END, &out->t));
    JUDGE(claim_list(j.claims, "certs", ENROL_ANCHORS_MAX, &list));
    for (const struct jval *v = list->child; v; v = v->next)
        JUDGE(octets(v, a, ENROL_CSR_MAX, &out->cert[out->n++]));
    return span_eq_nocase(out->fqdn, fqdn) ? REASON_OK : REASON_REFUSED;
}

enum err enrol_ask_build(const struct enrol_ask *q, const struct p256 *key, const struct span *x5c, size_t n_x5c,
                         struct buf *scratch, struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_STR(&w, "iss", q->iss);
    JW_STR(&w, "aud", q->aud);
    JW_STR(&w, "nonce", q->nonce);
    JW_B64URL(&w, "csr", q->csr);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign_x5c(key, JWS_JOIN, SPAN_NONE, x5c, n_x5c, buf_span(scratch), out);
}

enum reason enrol_ask_read(struct span text, struct arena *a, struct jws *j, struct enrol_ask *out)
{
    *out = (struct enrol_ask){.csr = SPAN_NONE};
    JUDGE(jws_read(text, JWS_JOIN, a, j));
    JUDGE(claim_parties(j->claims, a, &out->iss, &out->aud));
    JUDGE(claim_name(j->claims, "nonce", a, &out->nonce));
    JUDGE(octets(JSON_GET(j->claims, "csr"), a, ENROL_CSR_MAX, &out->csr));
    return j->n_x5c > 0 ? REASON_OK : REASON_MALFORMED;
}
