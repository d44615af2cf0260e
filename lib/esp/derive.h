/* derive.h - keys that come from other keys without a random object: what a TLS exporter gives, and the chain of remote
 * provisioning (TS-0003 10.3.1, 10.3.2, 10.3.4, 10.3.6, 10.3.7). A pairwise key for ESPrim may be any of them, as its
 * SUID says (13, 23, 33). Concatenation has no separator and no length. All results are secret. */
#ifndef ESP_DERIVE_H
#define ESP_DERIVE_H

#include "base/buf.h"

enum { DERIVE_EXPORTER = 48, DERIVE_ID = 16, DERIVE_KEY = 32 };

/* The 48 octets of an exporter: the first 16 name the key (upper-case hexadecimal, also for leading zeros; `fqdn` of n
 * == 0: no "@fqdn" behind it, as in ESCertKE), the other 32 are the key, a piece of `material`. ERR_RANGE: another
 * length; the buf's errors. */
MUST_USE enum err derive_exporter(struct span material, struct span fqdn, struct buf *id, struct span *key);

/* Km for a MAF, Kpsa for Enrolee B, both from Ke. id: MAF-ID or Enrolee-B-ID. ERR_CRYPTO. */
MUST_USE enum err derive_km(struct span ke, struct span maf_id, uint8_t out[DERIVE_KEY]);
MUST_USE enum err derive_kpsa(struct span ke, struct span enrolee_b, uint8_t out[DERIVE_KEY]);
/* Kuc: the SUID as decimal digits (security.md D10). */
MUST_USE enum err derive_kuc(struct span ke, unsigned suid, struct span target, uint8_t out[DERIVE_KEY]);

/* The four end-to-end keys from Kpsa: one chain, no HKDF-Expand, since the label changes with each block. */
struct derive_e2e {
    uint8_t master[DERIVE_KEY], msg_auth[DERIVE_KEY], msg_conf[DERIVE_KEY], att_auth[DERIVE_KEY], att_conf[DERIVE_KEY];
};
/* salt of n == 0: 32 zero octets (RFC 5869 2.2). ERR_CRYPTO. */
MUST_USE enum err derive_e2e(struct span kpsa, struct span salt, struct derive_e2e *out);

#endif
