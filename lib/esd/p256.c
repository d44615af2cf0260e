/* P-256 keys: struct p256 is never defined, a pointer to it is the library's key inside a jwkey of that kind. */
#include <string.h>

#include "esd/key_port.h"
#include "esd/p256_port.h"

static struct jwkey seen(const struct p256 *k)
{
    return (struct jwkey){.kind = JWKEY_P256, .evp = p256_evp(k)};
}

static enum err taken(enum err e, enum jwkey_kind kind, void *evp, struct p256 **out)
{
    *out = NULL;
    TRY(e);
    if (kind != JWKEY_P256) {
        key_free(evp);
        return ERR_UNSUPPORTED;
    }
    *out = (struct p256 *)evp;
    return OK;
}

void *p256_evp(const struct p256 *k)
{
    return (void *)(uintptr_t)k; /* OpenSSL takes keys without const */
}

enum err p256_new(struct p256 **out)
{
    void *evp = NULL;
    enum err e = key_new(JWKEY_P256, &evp);
    return taken(e, JWKEY_P256, evp, out);
}

void p256_free(struct p256 *k)
{
    key_free(k);
}

struct p256 *p256_ref(const struct p256 *k)
{
    void *evp;
    return key_ref(k, &evp) == OK ? (struct p256 *)evp : NULL;
}

bool p256_private(const struct p256 *k)
{
    return k && key_private(JWKEY_P256, k);
}

bool p256_same(const struct p256 *x, const struct p256 *y)
{
    return key_same(x, y);
}

/* ---- parts ---------------------------------------------------------------------------------------- */

enum err p256_point(const struct p256 *k, uint8_t x[P256_COORD], uint8_t y[P256_COORD])
{
    struct buf bx = buf_over(x, P256_COORD), by = buf_over(y, P256_COORD);
    bool ok = key_number(JWKEY_P256, k, 0, &bx) == OK && key_number(JWKEY_P256, k, 1, &by) == OK;
    return ok ? OK : ERR_CRYPTO;
}

enum err p256_make(const uint8_t x[P256_COORD], const uint8_t y[P256_COORD], const uint8_t *d, struct p256 **out)
{
    struct span number[KEY_NUMBERS] = {span_of(x, P256_COORD), span_of(y, P256_COORD), span_of(d, d ? P256_COORD : 0)};
    void *evp = NULL;
    enum err e = key_make(JWKEY_P256, number, d != NULL, &evp);
    return taken(e, JWKEY_P256, evp, out);
}

enum err p256_scalar(const struct p256 *k, uint8_t d[P256_COORD])
{
    struct buf b = buf_over(d, P256_COORD);
    return key_number(JWKEY_P256, k, 2, &b);
}

enum err p256_of_scalar(const uint8_t d[P256_COORD], struct p256 **out)
{
    void *evp = NULL;
    enum err e = key_of_scalar(JWKEY_P256, d, &evp);
    return taken(e == ERR_RANGE ? ERR_AUTH : e, JWKEY_P256, evp, out);
}

/* ---- JWK ------------------------------------------------------------------------------------------ */

enum reason p256_read(const struct jval *jwk, struct arena *a, struct p256 **out)
{
    struct span kty, crv;
    struct jwkey k;
    *out = NULL;
    if (!jwk || jwk->type != J_OBJ)
        return REASON_MALFORMED;
    JUDGE(claim_str(jwk, "kty", a, &kty));
    if (!span_eq(kty, SPAN("EC")))
        return REASON_ALGORITHM_REFUSED;
    JUDGE(claim_str(jwk, "crv", a, &crv));
    if (!span_eq(crv, SPAN("P-256")))
        return REASON_ALGORITHM_REFUSED;
    JUDGE(jwkey_read(jwk, a, &k));
    *out = (struct p256 *)k.evp;
    return REASON_OK;
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

void p256_put(struct buf *b, const struct p256 *k)
{
    struct jwkey j = seen(k);
    jwkey_put(b, &j);
}

void p256_put_private(struct buf *b, const struct p256 *k)
{
    struct jwkey j = seen(k);
    jwkey_put_private(b, &j);
}

enum err p256_thumb(const struct p256 *k, uint8_t out[JOSE_THUMB])
{
    struct jwkey j = seen(k);
    return jwkey_thumb(&j, out);
}

/* ---- files ---------------------------------------------------------------------------------------- */

enum err p256_read_pem(struct span pem, struct p256 **out)
{
    enum jwkey_kind kind = JWKEY_NONE;
    void *evp = NULL;
    enum err e = key_read_pem(pem, &kind, &evp);
    return taken(e, kind, evp, out);
}

enum err p256_read_cert(struct span der, struct p256 **out)
{
    enum jwkey_kind kind = JWKEY_NONE;
    void *evp = NULL;
    enum err e = key_read_cert(der, &kind, &evp);
    return taken(e, kind, evp, out);
}

enum err p256_read_spki(struct span der, struct p256 **out)
{
    /* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING 04 x y }: DER leaves no other way to write it. */
    static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                   0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    *out = NULL;
    if (der.n != sizeof head + 2 * P256_COORD || !span_starts(der, span_of(head, sizeof head)))
        return ERR_UNSUPPORTED;
    return p256_make(der.p + sizeof head, der.p + sizeof head + P256_COORD, NULL, out);
}

enum err p256_write_pem(const struct p256 *k, struct buf *out)
{
    return p256_private(k) ? key_write_pem(k, true, out) : ERR_NOTNOW;
}

/* ---- ECDSA, ECDH ---------------------------------------------------------------------------------- */

enum err p256_sign(const struct p256 *k, struct span octets, uint8_t sig[JOSE_SIG])
{
    struct buf b = buf_over(sig, JOSE_SIG);
    return p256_private(k) ? key_sign(k, 32, P256_COORD, &octets, 1, &b) : ERR_NOTNOW;
}

enum err p256_verify(const struct p256 *k, struct span octets, const uint8_t sig[JOSE_SIG])
{
    return key_verify(k, 32, P256_COORD, &octets, 1, span_of(sig, JOSE_SIG));
}
