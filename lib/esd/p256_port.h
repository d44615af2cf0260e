/* p256_port.h - what JOSE needs from a cryptographic library beside keys.h; internal to lib/esd. */
#ifndef ESD_P256_PORT_H
#define ESD_P256_PORT_H

#include "esd/jose.h"

enum { P256_COORD = 32 };

/* Affine coordinates, 32 octets each. ERR_CRYPTO. */
MUST_USE enum err p256_point(const struct p256 *k, uint8_t x[P256_COORD], uint8_t y[P256_COORD]);
/* The private number. ERR_NOTNOW when there is none. */
MUST_USE enum err p256_scalar(const struct p256 *k, uint8_t d[P256_COORD]);
/* d may be NULL. ERR_AUTH: the point is not on the curve, or d does not go with it. */
MUST_USE enum err p256_make(const uint8_t x[P256_COORD], const uint8_t y[P256_COORD], const uint8_t *d,
                            struct p256 **out);
/* The pair of a private number. ERR_AUTH: zero, or at least the order. */
MUST_USE enum err p256_of_scalar(const uint8_t d[P256_COORD], struct p256 **out);
/* ECDSA with SHA-256, r || s. */
MUST_USE enum err p256_sign(const struct p256 *k, struct span octets, uint8_t sig[JOSE_SIG]);
/* ERR_AUTH. */
MUST_USE enum err p256_verify(const struct p256 *k, struct span octets, const uint8_t sig[JOSE_SIG]);

#endif
