/* jwkey.h - one type for every key of the ESData profile, as JWK (RFC 7517, 7518 6, 8037) and PEM: octets, P-256,
 * P-384, P-521, X25519, RSA. What it may be used for is a row of alg.def.
 * A P-256 key is a struct p256 (jose.h) and the other way round. */
#ifndef ESD_JWKEY_H
#define ESD_JWKEY_H

#include "esd/alg.h"
#include "esd/jose.h"

enum {
    JWKEY_OCT_MAX = 128,
    JWKEY_RSA_BITS_MIN = 2048,
    JWKEY_RSA_BITS_MAX = 8192,
    JWKEY_SIG_MAX = JWKEY_RSA_BITS_MAX / 8,
    JWKEY_COORD_MAX = 66,
};

/* A key. Owned by whoever read or made it: jwkey_free. Octets are a secret: keep it in locked memory. */
struct jwkey {
    enum jwkey_kind kind;
    void *evp; /* OpenSSL's key; NULL for octets */
    uint8_t oct[JWKEY_OCT_MAX];
    uint8_t oct_n;
};
/* Wipes and frees what is inside; an empty or wiped one is fine. */
void jwkey_free(struct jwkey *k);

/* A fresh key: octets (32), a pair on a curve, RSA of 2048 bits. ERR_CRYPTO. */
MUST_USE enum err jwkey_new(enum jwkey_kind kind, struct jwkey *out);
/* From octets, 1 to JWKEY_OCT_MAX. ERR_RANGE. */
MUST_USE enum err jwkey_oct(struct span octets, struct jwkey *out);
/* The pair of a private number of 32 octets, P-256 (big endian: what is released for a strict epoch) or X25519.
 * ERR_RANGE: a length, zero or not below the order; ERR_UNSUPPORTED: another kind; ERR_CRYPTO. */
MUST_USE enum err jwkey_of_scalar(enum jwkey_kind kind, struct span d, struct jwkey *out);
/* The same key seen as the other type: another reference; a borrowed pointer, NULL when k is not P-256. */
MUST_USE enum err jwkey_of_p256(const struct p256 *p, struct jwkey *out);
const struct p256 *jwkey_p256(const struct jwkey *k);

/* A JWK; private when it has `d`, which must then go with the public members; `oct` by its `k`. Unknown members are
 * ignored. MALFORMED: a member missing, of wrong type or length, not canonical, the point not on the curve;
 * ALGORITHM_REFUSED: another kty or crv, RSA shorter than 2048 bits or longer than 8192, or with a strange exponent;
 * FAILED. */
MUST_USE enum reason jwkey_read(const struct jval *jwk, struct arena *a, struct jwkey *out);
MUST_USE enum reason jwkey_read_text(struct span jwk, struct arena *a, struct jwkey *out);
/* PEM: a private key (PKCS#8, SEC1 or PKCS#1, not encrypted), the first certificate's public key, or a public key.
 * ERR_SYNTAX; ERR_UNSUPPORTED: no kind of ours. */
MUST_USE enum err jwkey_read_pem(struct span pem, struct jwkey *out);
/* A DER certificate's public key. The same errors. */
MUST_USE enum err jwkey_read_cert(struct span der, struct jwkey *out);

bool jwkey_private(const struct jwkey *k);
/* Same public key, or same octets? */
bool jwkey_same(const struct jwkey *x, const struct jwkey *y);
/* The public JWK, members in the order kty crv x y (kty n e). Sticky ERR_NOTNOW for octets, which have no public
 * half. */
void jwkey_put(struct buf *b, const struct jwkey *k);
/* With the secret: d of a pair (RSA: d p q dp dq qi), k of octets. Sticky ERR_NOTNOW without a private half. */
void jwkey_put_private(struct buf *b, const struct jwkey *k);
/* PKCS#8 PEM of a private key; SubjectPublicKeyInfo PEM of a public one. ERR_NOTNOW: octets, or no private half. */
MUST_USE enum err jwkey_write_pem(const struct jwkey *k, struct buf *out);
MUST_USE enum err jwkey_write_pem_public(const struct jwkey *k, struct buf *out);
/* RFC 7638 SHA-256 thumbprint. */
MUST_USE enum err jwkey_thumb(const struct jwkey *k, uint8_t out[JOSE_THUMB]);

/* Does the key's kind go with the algorithm, and its length? ECDH takes X25519 as well. */
bool jwkey_fits(const struct jwkey *k, enum esd_alg alg);
/* A signature or MAC over the parts, one after the other: raw r || s for ECDSA. Appends to `out`. ERR_UNSUPPORTED: the
 * key does not fit; ERR_NOTNOW: no private half; ERR_CRYPTO. */
MUST_USE enum err jwkey_sign(const struct jwkey *k, enum esd_alg alg, const struct span *parts, size_t n,
                             struct buf *out);
/* ERR_AUTH; ERR_UNSUPPORTED: the key does not fit; ERR_SYNTAX: a length that no signature by this key has. MACs are
 * compared in constant time. */
MUST_USE enum err jwkey_verify(const struct jwkey *k, enum esd_alg alg, const struct span *parts, size_t n,
                               struct span sig);

#endif
