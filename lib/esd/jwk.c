#include <string.h>

#include "base/code.h"
#include "esd/p256_port.h"

static enum reason coordinate(const struct jval *jwk, const char *name, struct arena *a, uint8_t out[P256_COORD])
{
    return claim_octets(jwk, name, a, out, P256_COORD);
}

enum reason p256_read(const struct jval *jwk, struct arena *a, struct p256 **out)
{
    uint8_t x[P256_COORD], y[P256_COORD], d[P256_COORD];
    struct span kty, crv;
    *out = NULL;
    if (!jwk || jwk->type != J_OBJ)
        return REASON_MALFORMED;
    JUDGE(claim_str(jwk, "kty", a, &kty));
    if (!span_eq(kty, SPAN("EC")))
        return REASON_ALGORITHM_REFUSED;
    JUDGE(claim_str(jwk, "crv", a, &crv));
    if (!span_eq(crv, SPAN("P-256")))
        return REASON_ALGORITHM_REFUSED;
    JUDGE(coordinate(jwk, "x", a, x));
    JUDGE(coordinate(jwk, "y", a, y));
    bool pair = JSON_GET(jwk, "d") != NULL;
    if (pair)
        JUDGE(coordinate(jwk, "d", a, d));
    enum err e = p256_make(x, y, pair ? d : NULL, out);
    wipe(d, sizeof d);
    return e == OK ? REASON_OK : e == ERR_AUTH ? REASON_MALFORMED : REASON_FAILED;
}

enum reason p256_read_text(struct span jwk, struct arena *a, struct p256 **out)
{
    struct jval *v;
    *out = NULL;
    enum err e = json_parse(jwk, a, &v, NULL);
    if (e != OK)
        return e == ERR_NOMEM ? REASON_FAILED : REASON_MALFORMED;
    return p256_read(v, a, out);
}

/* Members in the order that RFC 7638 wants them for a thumbprint: crv kty x y; for people: kty crv x y. */
static enum err put_public(struct jw *w, const struct p256 *k, bool canonical)
{
    uint8_t x[P256_COORD], y[P256_COORD];
    TRY(p256_point(k, x, y));
    jw_obj(w);
    if (canonical)
        JW_STR(w, "crv", SPAN("P-256"));
    JW_STR(w, "kty", SPAN("EC"));
    if (!canonical)
        JW_STR(w, "crv", SPAN("P-256"));
    JW_B64URL(w, "x", span_of(x, sizeof x));
    JW_B64URL(w, "y", span_of(y, sizeof y));
    return OK;
}

void p256_put(struct buf *b, const struct p256 *k)
{
    struct jw w = jw_over(b);
    enum err e = put_public(&w, k, false);
    jw_end_obj(&w);
    if (e != OK && b->e == OK)
        b->e = e;
}

void p256_put_private(struct buf *b, const struct p256 *k)
{
    uint8_t d[P256_COORD];
    struct jw w = jw_over(b);
    enum err e = p256_scalar(k, d);
    if (e == OK)
        e = put_public(&w, k, false);
    if (e == OK)
        JW_B64URL(&w, "d", span_of(d, sizeof d));
    wipe(d, sizeof d);
    if (e == OK)
        jw_end_obj(&w);
    else if (b->e == OK)
        b->e = e;
}

enum err p256_thumb(const struct p256 *k, uint8_t out[JOSE_THUMB])
{
    uint8_t text[256];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    TRY(put_public(&w, k, true));
    jw_end_obj(&w);
    TRY(b.e);
    return esd_sha256(buf_span(&b), out);
}
