/* jose.h - P-256 keys and JWS compact with ES256 (RFC 7515, 7517, 7518, 7638), each with its own `typ`.
 * Signs and verifies; wraps keys for others (ECDH-ES+A256KW, A256GCM); opening a wrap is in unwrap.h. */
#ifndef ESD_JOSE_H
#define ESD_JOSE_H

#include "esd/keys.h"
#include "wire/json.h"

enum {
    JOSE_SIG = 64,
    JOSE_THUMB = 32,
    JWS_MAX = 1024 * 1024, /* octets of compact text that are read */
    JWS_X5C_MAX = 4,       /* certificates in a chain */
    JWS_KID_MAX = 320,
};

/* A P-256 key, public or with its private half. Owned by whoever made it: p256_free. */
struct p256;
/* A fresh pair. ERR_CRYPTO. */
MUST_USE enum err p256_new(struct p256 **out);
/* From a JWK (RFC 7517): with `d` the pair, and d must go with x and y. MALFORMED: a member missing, of wrong
 * type or length, not canonical, the point not on the curve; ALGORITHM_REFUSED: another kty or crv. FAILED. */
MUST_USE enum reason p256_read(const struct jval *jwk, struct arena *a, struct p256 **out);
/* The same from JSON text. */
MUST_USE enum reason p256_read_text(struct span jwk, struct arena *a, struct p256 **out);
/* From PEM: a private key (PKCS#8 or SEC1, not encrypted) or the first certificate's public key.
 * ERR_SYNTAX, ERR_UNSUPPORTED: not P-256; ERR_CRYPTO. */
MUST_USE enum err p256_read_pem(struct span pem, struct p256 **out);
/* From a DER certificate. The same errors. */
MUST_USE enum err p256_read_cert(struct span der, struct p256 **out);
/* From a DER SubjectPublicKeyInfo with the curve named and the point uncompressed, as TS-0003 10.1.1 wants it.
 * ERR_UNSUPPORTED: of another form; ERR_AUTH: not on the curve. */
MUST_USE enum err p256_read_spki(struct span der, struct p256 **out);
/* PKCS#8 PEM of a private key, for files that only the owner reads. ERR_NOTNOW: no private half. */
MUST_USE enum err p256_write_pem(const struct p256 *k, struct buf *out);
void p256_free(struct p256 *k); /* NULL is fine */
/* Another reference to the same key; freed on its own. */
struct p256 *p256_ref(const struct p256 *k);
bool p256_private(const struct p256 *k);
/* Same public key? */
bool p256_same(const struct p256 *x, const struct p256 *y);
/* The public JWK, members in the order kty crv x y. */
void p256_put(struct buf *b, const struct p256 *k);
/* The same with `d`: a secret. Sticky ERR_NOTNOW when there is no private half. */
void p256_put_private(struct buf *b, const struct p256 *k);
/* RFC 7638 SHA-256 thumbprint. */
MUST_USE enum err p256_thumb(const struct p256 *k, uint8_t out[JOSE_THUMB]);
/* The OpenSSL EVP_PKEY inside, for X.509 and TLS code; stays owned by k. */
void *p256_evp(const struct p256 *k);

enum jws_typ {
#define TYP(name, text) JWS_##name,
#include "esd/typ.def"
#undef TYP
    JWS__N
};
const char *jws_typ_text(enum jws_typ t);

/* Header {"alg":"ES256","kid":...,"typ":...}; kid of n == 0 is left out. x5c (DER, leaf first) is added when
 * n_x5c > 0. Appends the compact text. ERR_NOTNOW: no private half; ERR_CRYPTO; the buf's errors. */
MUST_USE enum err jws_sign(const struct p256 *key, enum jws_typ typ, struct span kid, struct span payload,
                           struct buf *out);
MUST_USE enum err jws_sign_x5c(const struct p256 *key, enum jws_typ typ, struct span kid, const struct span *x5c,
                               size_t n_x5c, struct span payload, struct buf *out);

/* The same with a header of the caller's, JSON. */
MUST_USE enum err jws_sign_header(const struct p256 *key, struct span header, struct span payload, struct buf *out);

/* A JWS as read and not yet verified. Spans point into the text or the arena. */
struct jws {
    struct span text, signing_input;
    struct span kid;              /* empty: absent */
    struct span x5c[JWS_X5C_MAX]; /* DER */
    size_t n_x5c;
    struct span payload; /* decoded octets */
    struct jval *claims; /* the payload as a JSON object */
    uint8_t sig[JOSE_SIG];
    enum jws_typ typ;
};
/* MALFORMED: syntax, another typ than `want`, a payload that is no JSON object; ALGORITHM_REFUSED: another alg,
 * `crit`, `b64`. FAILED. */
MUST_USE enum reason jws_read(struct span text, enum jws_typ want, struct arena *a, struct jws *out);
/* TAMPERED when the signature is not by this key. A key in the header is never used. */
MUST_USE enum reason jws_verify(const struct jws *j, const struct p256 *key);
/* jws_read, then jws_verify. */
MUST_USE enum reason jws_open(struct span text, enum jws_typ want, const struct p256 *key, struct arena *a,
                              struct jws *out);

/* ECDH-ES+A256KW with A256GCM, compact, header alg enc kid epk apv (RFC 7518 4.6). kid of n == 0 and apv NULL are
 * left out; apv is 32 octets. Appends the text. ERR_CRYPTO; the buf's errors. */
MUST_USE enum err jwe_wrap(const struct p256 *to, struct span kid, const uint8_t *apv, struct span plain,
                           struct buf *out);
/* The same with everything that is random given: for vectors. */
struct jwe_fixed {
    const struct p256 *epk;
    uint8_t cek[32], iv[ESD_IV];
};
MUST_USE enum err jwe_wrap_fixed(const struct p256 *to, struct span kid, const uint8_t *apv, struct span plain,
                                 const struct jwe_fixed *f, struct buf *out);

/* Claims: the members that recur. MALFORMED when the member is missing or of another form. */
MUST_USE enum reason claim_str(const struct jval *o, const char *name, struct arena *a, struct span *out);
MUST_USE enum reason claim_u64(const struct jval *o, const char *name, uint64_t end, uint64_t *out);
/* n octets as base64url. */
MUST_USE enum reason claim_octets(const struct jval *o, const char *name, struct arena *a, uint8_t *out, size_t n);
/* `aud`: a string, or an array of strings that holds `me`. REFUSED when it does not name me. */
MUST_USE enum reason claim_aud(const struct jval *o, struct arena *a, struct span me);

#endif
