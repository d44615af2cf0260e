/* unwrap.h - opening key envelopes: ECDH-ES+A256KW with A256GCM by the holder of the private half. For the
 * vault (letters) and for readers (answers); a CSE holds no such key and does not link it. */
#ifndef ESD_UNWRAP_H
#define ESD_UNWRAP_H

#ifdef ONESEAL_NEVER_OPENS
#error "this program never opens key envelopes (architecture.md 1): it must not include esd/unwrap.h"
#endif

#include "esd/jose.h"

/* Reads a compact JWE and appends its plaintext (a secret) to `out`. `apv` not NULL: the header must carry exactly
 * these 32 octets, otherwise TAMPERED; NULL: the header must not carry apv. MALFORMED, ALGORITHM_REFUSED, TAMPERED,
 * FAILED. On a refusal `out` holds nothing of it. */
MUST_USE enum reason jwe_unwrap(const struct p256 *me, struct span jwe, const uint8_t *apv, struct arena *a,
                                struct buf *out);
/* kid of the header, to choose the private half by; empty when absent. MALFORMED. */
MUST_USE enum reason jwe_kid(struct span jwe, struct arena *a, struct span *kid);

#endif
