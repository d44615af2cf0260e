#include "esd/claim.h"
#include "esd/letter.h"

static void put_key(struct jw *w, struct span name, struct span kid, const struct p256 *k)
{
    uint8_t text[256];
    struct buf b = BUF_ARRAY(text);
    p256_put(&b, k);
    jw_name(w, name);
    jw_obj(w);
    if (kid.n)
        JW_STR(w, "kid", kid);
    jw_name(w, SPAN("jwk"));
    jw_raw(w, buf_span(&b));
    jw_end_obj(w);
    if (b.e != OK && w->b->e == OK)
        w->b->e = b.e;
}

enum err bundle_build(const struct bundle *b, struct buf *out)
{
    uint8_t text[4096];
    struct buf body = BUF_ARRAY(text);
    struct jw w = jw_over(&body);
    jw_obj(&w);
    JW_STR(&w, "fqdn", b->fqdn);
    JW_U64(&w, "seq", b->seq);
    jw_name(&w, SPAN("keys"));
    jw_obj(&w);
    put_key(&w, SPAN("identity"), SPAN_NONE, b->identity);
    put_key(&w, SPAN("sealing"), b->sealing_kid, b->sealing);
    put_key(&w, SPAN("release"), b->release_kid, b->release);
    JW_STR(&w, "log", b->log_vkey);
    jw_end_obj(&w);
    JW_U64(&w, "next", b->next);
    JW_U64(&w, "exp", b->exp);
    jw_end_obj(&w);
    TRY(body.e);
    return jws_sign(b->identity, JWS_BUNDLE, SPAN_NONE, buf_span(&body), out);
}

static enum reason read_key(const struct jval *keys, const char *name, struct arena *a, struct span *kid,
                            struct p256 **out)
{
    const struct jval *k = json_get(keys, span_str(name));
    if (kid)
        JUDGE(claim_name(k, "kid", a, kid));
    return p256_read(JSON_GET(k, "jwk"), a, out);
}

static enum reason read_body(const struct jval *o, struct arena *a, struct bundle *b)
{
    const struct jval *keys = JSON_GET(o, "keys");
    JUDGE(claim_name(o, "fqdn", a, &b->fqdn));
    JUDGE(claim_u64(o, "seq", ESD_INT_END, &b->seq));
    JUDGE(claim_u64(o, "next", ESD_INT_END, &b->next));
    JUDGE(claim_u64(o, "exp", ESD_INT_END, &b->exp));
    JUDGE(read_key(keys, "identity", a, NULL, &b->identity));
    JUDGE(read_key(keys, "sealing", a, &b->sealing_kid, &b->sealing));
    JUDGE(read_key(keys, "release", a, &b->release_kid, &b->release));
    return claim_name(keys, "log", a, &b->log_vkey);
}

static enum reason judge(const struct jws *j, struct span fqdn, const struct p256 *pinned, uint64_t now_s,
                         const struct bundle *b)
{
    JUDGE(jws_verify(j, pinned ? pinned : b->identity));
    if (!span_eq_nocase(fqdn, b->fqdn))
        return REASON_REFUSED;
    if (pinned && !p256_same(pinned, b->identity))
        return REASON_TAMPERED;
    return b->exp < now_s ? REASON_EXPIRED : REASON_OK;
}

enum reason bundle_open(struct span text, struct span fqdn, const struct p256 *pinned, uint64_t now_s, struct arena *a,
                        struct bundle *out)
{
    struct jws j;
    *out = (struct bundle){0};
    while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--; /* it may come from a file */
    JUDGE(jws_read(text, JWS_BUNDLE, a, &j));
    enum reason r = read_body(j.claims, a, out);
    if (r == REASON_OK)
        r = judge(&j, fqdn, pinned, now_s, out);
    if (r != REASON_OK)
        bundle_free(out);
    return r;
}

void bundle_free(struct bundle *b)
{
    p256_free(b->identity);
    p256_free(b->sealing);
    p256_free(b->release);
    *b = (struct bundle){0};
}
