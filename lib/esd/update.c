#include "esd/update.h"

#include "esd/claim.h"

enum err update_build(const struct key_update *u, const struct p256 *key, struct span kid, struct buf *scratch,
                      struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_STR(&w, "iss", u->iss);
    JW_STR(&w, "aud", u->aud);
    JW_STR(&w, "kid", u->kid);
    JW_U64(&w, "n", u->n);
    claim_put_time(&w, SPAN("et"), u->et);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(key, JWS_UPDATE, kid, buf_span(scratch), out);
}

enum reason update_read(struct span text, struct arena *a, struct jws *j, struct key_update *out)
{
    *out = (struct key_update){0};
    JUDGE(jws_read(text, JWS_UPDATE, a, j));
    JUDGE(claim_parties(j->claims, a, &out->iss, &out->aud));
    JUDGE(claim_name(j->claims, "kid", a, &out->kid));
    JUDGE(claim_u64(j->claims, "n", ESD_INT_END, &out->n));
    JUDGE(claim_time_opt(j->claims, "et", a, &out->et));
    return out->et > 0 ? REASON_OK : REASON_MALFORMED;
}
