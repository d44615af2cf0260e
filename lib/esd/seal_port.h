/* seal_port.h - what sealing needs from a cryptographic library; internal to esd-seal. */
#ifndef ESD_SEAL_PORT_H
#define ESD_SEAL_PORT_H

#include "esd/seal.h"

MUST_USE enum err seal_port_init(struct sealer *s);
void seal_port_free(struct sealer *s);
/* Wipes the key schedule that is left from the last message. */
void seal_port_forget(struct sealer *s);
/* SHA-256 over the parts, with the sealer's own context. */
MUST_USE enum err seal_port_hash(struct sealer *s, const struct span *parts, size_t n, uint8_t out[ESD_HASH]);
/* AES-GCM: ciphertext of in.n octets to out, the tag behind it. The key schedule stays between messages of one key. */
MUST_USE enum err seal_port_gcm(struct sealer *s, const struct seal_key *k, const uint8_t iv[ESD_IV], struct span aad,
                                struct span in, uint8_t *out, uint8_t tag[ESD_TAG]);

#endif
