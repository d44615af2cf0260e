/* cek.h - from an encrypted key to the content key, the AEAD, and signatures of what label_shape read; internal to
 * those who open envelopes. */
#ifndef ESD_CEK_H
#define ESD_CEK_H

#include "esd/gcm.h"
#include "esd/jwkey.h"

enum { CEK_MAX = 64 };

/* Ephemeral keys that are no points on their curve: MALFORMED. FAILED. */
MUST_USE enum reason cek_points(const struct esd_label *l);
/* The content key of one recipient, by a symmetric key or a private half. ALGORITHM_REFUSED: the key, or what was
 * wrapped, does not go with alg and enc; TAMPERED; FAILED. cek is a secret. */
MUST_USE enum reason cek_unwrap(const struct esd_label *l, const struct esd_part *p, const struct jwkey *key,
                                uint8_t cek[32]);
/* The AEAD of what was read, appended to `out`, padding included. ALGORITHM_REFUSED: the key's length does not go with
 * enc; MALFORMED; TAMPERED; FAILED. On a refusal `out` holds nothing of it. */
MUST_USE enum reason cek_aead(struct gcm *g, const struct esd_label *l, struct span cek, struct buf *out,
                              struct span *plain);
/* The signature of one part over a payload's base64url text. MALFORMED: a length; ALGORITHM_REFUSED: the key does not
 * go with alg; TAMPERED. */
MUST_USE enum reason cek_verify(const struct esd_part *p, const struct jwkey *key, struct span payload_text);

/* AES key unwrap (RFC 3394): n - 8 octets to out. ERR_AUTH. */
MUST_USE enum err unwrap_kw(struct span kek, struct span in, uint8_t *out);
/* RSA-OAEP with SHA-256: at most cap octets. ERR_AUTH. */
MUST_USE enum err unwrap_rsa(const void *evp, struct span in, uint8_t *out, size_t cap, size_t *n);

#endif
