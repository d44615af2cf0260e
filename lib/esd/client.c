#include "esd/claim.h"
#include "esd/letter.h"

enum err client_build(const struct client *c, struct span kid, const struct span *x5c, size_t n_x5c,
                      struct buf *scratch, struct buf *out)
{
    uint8_t text[256];
    struct buf jwk = BUF_ARRAY(text);
    p256_put(&jwk, c->key);
    TRY(jwk.e);
    buf_reset(scratch);
    struct jw w = jw_over(scratch);
    jw_obj(&w);
    JW_STR(&w, "iss", c->iss);
    JW_STR(&w, "aud", c->aud);
    JW_STR(&w, "nonce", c->nonce);
    jw_name(&w, SPAN("jwk"));
    jw_raw(&w, buf_span(&jwk));
    if (c->join.n)
        JW_STR(&w, "join", c->join);
    jw_end_obj(&w);
    TRY(scratch->e);
    return jws_sign_x5c(c->key, JWS_CLIENT, kid, x5c, n_x5c, buf_span(scratch), out);
}

enum reason client_open(struct span text, struct arena *a, struct jws *j, struct client *out)
{
    *out = (struct client){0};
    JUDGE(jws_read(text, JWS_CLIENT, a, j));
    JUDGE(claim_parties(j->claims, a, &out->iss, &out->aud));
    JUDGE(claim_name(j->claims, "nonce", a, &out->nonce));
    JUDGE(claim_name_opt(j->claims, "join", a, &out->join));
    JUDGE(p256_read(JSON_GET(j->claims, "jwk"), a, &out->key));
    enum reason r = p256_private(out->key) ? REASON_MALFORMED : jws_verify(j, out->key);
    if (r != REASON_OK) {
        p256_free(out->key);
        out->key = NULL;
    }
    return r;
}
