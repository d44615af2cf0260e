/* keys.h - from the Key Value to everything a stream needs (e2e.md 1, 2; vectors README 1 to 5). */
#ifndef ESD_KEYS_H
#define ESD_KEYS_H

#include "esd/label.h"

/* SHA-256 and HMAC-SHA-256. ERR_CRYPTO only when the library has no SHA-256. */
MUST_USE enum err esd_sha256(struct span octets, uint8_t out[ESD_HASH]);
/* Over a then b. */
MUST_USE enum err esd_sha256_2(struct span a, struct span b, uint8_t out[ESD_HASH]);
MUST_USE enum err esd_hmac(struct span key, struct span a, struct span b, uint8_t out[ESD_HASH]);
/* n octets from the operating system's seeded generator. */
MUST_USE enum err esd_random(void *p, size_t n);

/* sid of an absolute structured address: //SP-domain/CSE-ID/CSEBase/..., `#name` for an attribute. The
 * text is taken exactly as pinned: no folding, no decoding. PLACE_UNVERIFIED: any other form, a slash at
 * the end, an empty part, a part "-", "~" or "_", or `la`/`ol` as the last. FAILED. */
MUST_USE enum reason keys_sid(struct span address, uint8_t sid[ESD_SID]);

/* All that follows from one KV in one stream. Secret: keep it in locked memory and wipe it. */
struct esd_keys {
    uint8_t kv[ESD_KV]; /* EK is its first 32 octets */
    uint8_t kc[ESD_KC];
    uint8_t nk[32];
    uint8_t sid[ESD_SID];
};
/* COMMITMENT_MISMATCH: kv has not exactly 64 octets (checked before any HMAC). FAILED. */
MUST_USE enum reason keys_derive(struct span kv, const uint8_t sid[ESD_SID], struct esd_keys *out);
void keys_wipe(struct esd_keys *k);

/* KC alone. COMMITMENT_MISMATCH: kv.n != 64; FAILED. */
MUST_USE enum reason keys_kc(struct span kv, const uint8_t sid[ESD_SID], uint8_t kc[ESD_KC]);
/* kid = upper-case hex of KC[0..16) @ fqdn. */
void keys_kid_put(struct buf *b, const uint8_t kc[ESD_KC], struct span fqdn);
/* Does kid commit to this KV in this stream? OK, COMMITMENT_MISMATCH, MALFORMED (kid without form), FAILED. */
MUST_USE enum reason keys_check(struct span kv, const uint8_t sid[ESD_SID], struct span kid);
/* Is the relative part of kid the first half of KC? The same verdicts. */
MUST_USE enum reason keys_check_kc(const uint8_t kc[ESD_KC], struct span kid);

#endif
