#include "esd/policy_ask.h"

#include "esd/claim.h"
#include "esd/target.h"

static void put_parties(struct jw *w, struct span iss, struct span aud, const uint8_t nonce[RELEASE_NONCE])
{
    jw_obj(w);
    JW_STR(w, "iss", iss);
    JW_STR(w, "aud", aud);
    JW_B64URL(w, "nonce", span_of(nonce, RELEASE_NONCE));
}

static enum reason read_parties(struct span text, enum jws_typ typ, struct arena *a, struct jws *j, struct span *iss,
                                struct span *aud, uint8_t nonce[RELEASE_NONCE])
{
    JUDGE(jws_read(text, typ, a, j));
    JUDGE(claim_parties(j->claims, a, iss, aud));
    return claim_octets(j->claims, "nonce", a, nonce, RELEASE_NONCE);
}

static enum reason identity(struct span text)
{
    struct target who;
    return target_read(text, &who) == OK && who.kind == TARGET_ID ? REASON_OK : REASON_MALFORMED;
}

enum err policy_show_build(const struct policy_show *q, const struct p256 *key, struct span kid, struct buf *scratch,
                           struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    put_parties(&w, q->iss, q->aud, q->nonce);
    if (q->owner.n)
        JW_STR(&w, "owner", q->owner);
    if (q->policy.n)
        JW_STR(&w, "policy", q->policy);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(key, JWS_SHOW, kid, buf_span(scratch), out);
}

enum reason policy_show_read(struct span text, struct arena *a, struct jws *j, struct policy_show *out)
{
    *out = (struct policy_show){0};
    JUDGE(read_parties(text, JWS_SHOW, a, j, &out->iss, &out->aud, out->nonce));
    JUDGE(claim_name_opt(j->claims, "owner", a, &out->owner));
    JUDGE(claim_name_opt(j->claims, "policy", a, &out->policy));
    if (out->owner.n == 0)
        out->owner = out->iss;
    return identity(out->owner);
}

enum err policy_why_build(const struct policy_why *q, const struct p256 *key, struct span kid, struct buf *scratch,
                          struct buf *out)
{
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    put_parties(&w, q->iss, q->aud, q->nonce);
    JW_STR(&w, "subject", q->subject);
    JW_STR(&w, "kid", q->kid);
    if (q->has_jkt)
        JW_B64URL(&w, "jkt", span_of(q->jkt, JOSE_THUMB));
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign(key, JWS_WHY, kid, buf_span(scratch), out);
}

enum reason policy_why_read(struct span text, struct arena *a, struct jws *j, struct policy_why *out)
{
    struct span relative, fqdn;
    *out = (struct policy_why){0};
    JUDGE(read_parties(text, JWS_WHY, a, j, &out->iss, &out->aud, out->nonce));
    JUDGE(claim_name(j->claims, "subject", a, &out->subject));
    JUDGE(claim_name(j->claims, "kid", a, &out->kid));
    out->has_jkt = JSON_GET(j->claims, "jkt") != NULL;
    if (out->has_jkt)
        JUDGE(claim_octets(j->claims, "jkt", a, out->jkt, JOSE_THUMB));
    JUDGE(identity(out->subject));
    return kid_split(out->kid, &relative, &fqdn);
}

enum reason policy_answer_open(struct span text, enum jws_typ typ, struct span request, const struct p256 *release,
                               struct arena *a, struct jval **claims)
{
    struct jws j;
    uint8_t is[ESD_HASH], said[ESD_HASH];
    JUDGE(jws_open(text, typ, release, a, &j));
    JUDGE(claim_octets(j.claims, "req", a, said, ESD_HASH));
    if (esd_sha256(request, is) != OK)
        return REASON_FAILED;
    *claims = j.claims;
    return span_eq(span_of(is, ESD_HASH), span_of(said, ESD_HASH)) ? REASON_OK : REASON_TAMPERED;
}
