/* key_port.h - what keys need from a cryptographic library; internal to lib/esd. An asymmetric key is the library's
 * object behind a void *. */
#ifndef ESD_KEY_PORT_H
#define ESD_KEY_PORT_H

#include "esd/jwkey.h"

enum { KEY_NUMBERS = 8 };
/* The numbers of a kind in the order of its JWK members: EC x y d; OKP x d; RSA n e d p q dp dq qi. */
struct key_kind {
    const char *kty, *crv; /* crv NULL: none */
    const char *group;     /* the library's name */
    uint16_t octets;       /* of each number; 0: as many as it needs (RSA) */
    uint8_t n, n_public;
    const char *member[KEY_NUMBERS];
    const char *param[KEY_NUMBERS];
};
/* NULL for octets and NONE. */
const struct key_kind *key_kind(enum jwkey_kind kind);

MUST_USE enum err key_new(enum jwkey_kind kind, void **evp);
void key_free(void *evp);
MUST_USE enum err key_ref(const void *evp, void **out);
/* From its numbers, big endian; `pair`: with the secret ones, which must fit the public ones. ERR_AUTH: they are no
 * key (a point not on the curve, d of another key); ERR_CRYPTO. */
MUST_USE enum err key_make(enum jwkey_kind kind, const struct span number[KEY_NUMBERS], bool pair, void **evp);
/* A pair from its private number alone: P-256 (ERR_RANGE: zero or not below the order), X25519. ERR_CRYPTO. */
MUST_USE enum err key_of_scalar(enum jwkey_kind kind, const uint8_t d[32], void **evp);
/* A pair that is used once: of a P-256 peer and a private number of our own, the shared secret and the affine
 * coordinates of the public half. ERR_RANGE: d is zero or not below the order; ERR_CRYPTO. */
MUST_USE enum err key_once(const uint8_t d[32], const void *peer, uint8_t xy[64], uint8_t z[32]);
/* Number i of a key, appended. ERR_NOTNOW: it has none (no private half). */
MUST_USE enum err key_number(enum jwkey_kind kind, const void *evp, size_t i, struct buf *out);
bool key_private(enum jwkey_kind kind, const void *evp);
bool key_same(const void *x, const void *y);
/* Kind and limits of a key from a file. ERR_UNSUPPORTED. */
MUST_USE enum err key_read_pem(struct span pem, enum jwkey_kind *kind, void **evp);
MUST_USE enum err key_read_cert(struct span der, enum jwkey_kind *kind, void **evp);
MUST_USE enum err key_write_pem(const void *evp, bool pair, struct buf *out);

/* Octets that RSA makes: its modulus. */
size_t key_octets(const void *evp);
/* ECDSA (raw r || s of `octets` each) and RSASSA-PKCS1-v1_5 with SHA-2 of 32, 48 or 64 octets. */
MUST_USE enum err key_sign(const void *evp, size_t hash, size_t ec_octets, const struct span *parts, size_t n,
                           struct buf *out);
/* ERR_AUTH. */
MUST_USE enum err key_verify(const void *evp, size_t hash, size_t ec_octets, const struct span *parts, size_t n,
                             struct span sig);
/* HMAC with SHA-2 of `hash` octets. */
MUST_USE enum err key_mac(struct span key, size_t hash, const struct span *parts, size_t n, uint8_t out[64]);
/* The shared secret Z, 32 octets, of two keys of one kind (P-256, X25519). ERR_AUTH: there is none (a point of small
 * order). */
MUST_USE enum err key_agree(const void *mine, const void *peer, uint8_t z[32]);

#endif
