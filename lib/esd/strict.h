/* strict.h - strict streams: the credential of an epoch is a P-256 pair that the vault made. The writer has the public
 * half and cannot open what it wrote; readers get the private half, 32 octets `d`, by release once the writer's
 * activation letter is there (e2e.md 2; vectors README 11). keyask.h fetches pairs, letter.h has the activation. */
#ifndef ESD_STRICT_H
#define ESD_STRICT_H

#include "esd/jose.h"

enum { STRICT_D = 32 };

/* KC = HMAC-SHA-256(RFC 7638 thumbprint of the public key, "oneseal-kc-v1" || sid); kid by keys_kid_put. ERR_CRYPTO. */
MUST_USE enum err strict_kc(const struct p256 *pub, const uint8_t sid[ESD_SID], uint8_t kc[ESD_KC]);
/* Does kid commit to this key, of which the public half counts, in this stream? COMMITMENT_MISMATCH, MALFORMED (kid
 * without form), FAILED. */
MUST_USE enum reason strict_check(const struct p256 *k, const uint8_t sid[ESD_SID], struct span kid);
/* The pair of a released d; free with p256_free. COMMITMENT_MISMATCH: no private number of P-256 (not 32 octets, zero,
 * at least the order). FAILED. */
MUST_USE enum reason strict_pair(struct span d, struct p256 **out);
/* A fresh pair and its d, a secret. For the vault. ERR_CRYPTO. */
MUST_USE enum err strict_new(uint8_t d[STRICT_D], struct p256 **out);

#endif
