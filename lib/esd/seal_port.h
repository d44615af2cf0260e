/* seal_port.h - what sealing needs from a cryptographic library; internal to esd-seal. */
#ifndef ESD_SEAL_PORT_H
#define ESD_SEAL_PORT_H

#include "esd/seal.h"

MUST_USE enum err seal_port_init(struct sealer *s);
void seal_port_free(struct sealer *s);
/* Wipes the key schedule that is left from the last message. */
void seal_port_forget(struct sealer *s);
/* SHA-256 over the parts; allocates nothing. */
MUST_USE enum err seal_port_hash(const struct span *parts, size_t n, uint8_t out[ESD_HASH]);
/* AES-GCM under a key of 16, 24 or 32 octets: ciphertext of in.n octets to out, and the tag. The key schedule stays
 * between messages of one `serial`; 0: a key for this message alone. */
MUST_USE enum err seal_port_gcm(struct sealer *s, struct span key, uint64_t serial, const uint8_t iv[ESD_IV],
                                const struct span *aad, size_t n_aad, struct span in, uint8_t *out,
                                uint8_t tag[ESD_TAG]);

/* A content key and IV at work. */
struct seal_gcm {
    struct span key;
    uint64_t serial;
    const uint8_t *iv;
};
/* Room for n more octets, so that nothing written to `out` moves until they are there. */
MUST_USE enum err seal_reserve(struct buf *out, size_t n);
/* Appends the ciphertext's base64url text. It is encrypted at the end of that room and its text written over it from
 * the left, so that no second buffer is needed. The aad may stand in `out`: reserve first. */
MUST_USE enum err seal_text(struct sealer *s, const struct seal_gcm *g, const struct span *aad, size_t n_aad,
                            struct span in, struct buf *out, uint8_t tag[ESD_TAG]);
/* n octets of the sealer's randomness. */
MUST_USE enum err seal_random(struct sealer *s, uint8_t *p, size_t n);
/* Plaintext and the message's padding in one piece, in `scratch` when there is any. ERR_FULL. */
MUST_USE enum err seal_padded(const struct seal_msg *m, struct span *plain, struct buf *scratch);
/* Index, epoch, time, padding and length in bounds? */
bool seal_msg_ok(const struct seal_msg *m, struct span plain);
/* The `e2e` member's value for this message. */
struct esd_e2e seal_e2e(const struct seal_msg *m, const uint8_t sid[ESD_SID]);

#endif
