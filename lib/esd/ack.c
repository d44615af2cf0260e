#include "esd/claim.h"
#include "esd/letter.h"

enum err ack_build(const struct ack *k, const struct p256 *release, struct span kid, struct buf *scratch,
                   struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_B64URL(&w, "req", span_of(k->req, ESD_HASH));
    JW_STR(&w, "code", k->code);
    JW_U64(&w, "version", k->version);
    JW_U64(&w, "index", k->index);
    JW_U64(&w, "size", k->size);
    JW_STR(&w, "head", k->head);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(release, JWS_ACK, kid, buf_span(scratch), out);
}

enum reason ack_open(struct span text, struct span request, const struct p256 *release, struct arena *a,
                     struct ack *out)
{
    struct jws j;
    uint8_t req[ESD_HASH];
    *out = (struct ack){0};
    JUDGE(jws_open(text, JWS_ACK, release, a, &j));
    JUDGE(claim_octets(j.claims, "req", a, out->req, ESD_HASH));
    JUDGE(claim_name(j.claims, "code", a, &out->code));
    JUDGE(claim_u64(j.claims, "version", ESD_INT_END, &out->version));
    JUDGE(claim_u64(j.claims, "index", ESD_INT_END, &out->index));
    JUDGE(claim_u64(j.claims, "size", ESD_INT_END, &out->size));
    JUDGE(claim_str(j.claims, "head", a, &out->head));
    if (esd_sha256(request, req) != OK)
        return REASON_FAILED;
    return span_eq(span_of(req, ESD_HASH), span_of(out->req, ESD_HASH)) ? REASON_OK : REASON_TAMPERED;
}
