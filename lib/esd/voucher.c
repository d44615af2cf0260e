#include "esd/voucher.h"

#include <string.h>

#include "esd/claim.h"

enum err voucher_build(const struct voucher *x, const struct p256 *release, struct span kid, struct buf *scratch,
                       struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_STR(&w, "iss", x->iss);
    JW_STR(&w, "aud", x->aud);
    JW_STR(&w, "sub", x->sub);
    JW_B64URL(&w, "jkt", span_of(x->jkt, JOSE_THUMB));
    JW_B64URL(&w, "req", span_of(x->req, ESD_HASH));
    JW_U64(&w, "exp", x->exp);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(release, JWS_VOUCHER, kid, buf_span(scratch), out);
}

enum reason voucher_read(struct span text, struct arena *a, struct jws *j, struct voucher *out)
{
    *out = (struct voucher){0};
    JUDGE(jws_read(text, JWS_VOUCHER, a, j));
    JUDGE(claim_parties(j->claims, a, &out->iss, &out->aud));
    JUDGE(claim_name(j->claims, "sub", a, &out->sub));
    JUDGE(claim_octets(j->claims, "jkt", a, out->jkt, JOSE_THUMB));
    JUDGE(claim_octets(j->claims, "req", a, out->req, ESD_HASH));
    return claim_u64(j->claims, "exp", ESD_INT_END, &out->exp);
}

enum reason voucher_judge(const struct voucher *x, struct span me, struct span sub, const uint8_t jkt[JOSE_THUMB],
                          struct span request, uint64_t now_s)
{
    uint8_t req[ESD_HASH];
    if (esd_sha256(request, req) != OK)
        return REASON_FAILED;
    if (!span_eq_nocase(x->aud, me) || !span_eq(x->sub, sub) || memcmp(x->jkt, jkt, JOSE_THUMB) != 0 ||
        memcmp(x->req, req, ESD_HASH) != 0)
        return REASON_REFUSED;
    if (x->exp > now_s + VOUCHER_LIFE_S + VOUCHER_SKEW_S)
        return REASON_REFUSED;
    return x->exp < now_s ? REASON_EXPIRED : REASON_OK;
}

bool voucher_covers(struct span domain, struct span sub)
{
    if (domain.n == 0 || !span_starts(sub, SPAN("//")))
        return false;
    struct span rest = span_from(sub, 2), sp = span_first(rest, span_find(rest, '/'));
    return sp.n < rest.n && span_eq_nocase(sp, domain);
}

void vouched_put(struct buf *b, const struct vouched *x)
{
    uint8_t text[256];
    struct buf jwk = BUF_ARRAY(text);
    struct jw w = jw_over(b);
    p256_put(&jwk, x->key);
    if (jwk.e != OK && b->e == OK)
        b->e = jwk.e;
    jw_obj(&w);
    JW_STR(&w, "request", x->request);
    JW_STR(&w, "voucher", x->voucher);
    jw_name(&w, SPAN("jwk"));
    jw_raw(&w, buf_span(&jwk));
    jw_end_obj(&w);
}

enum reason vouched_read(struct span body, struct arena *a, struct vouched *out)
{
    struct jval *o;
    *out = (struct vouched){0};
    if (body.n > JWS_MAX || json_parse(body, a, &o, NULL) != OK || o->type != J_OBJ)
        return REASON_MALFORMED;
    JUDGE(claim_str(o, "request", a, &out->request));
    JUDGE(claim_str(o, "voucher", a, &out->voucher));
    JUDGE(p256_read(JSON_GET(o, "jwk"), a, &out->key));
    if (!p256_private(out->key))
        return REASON_OK;
    p256_free(out->key);
    out->key = NULL;
    return REASON_MALFORMED;
}
