/* letter_open.h - the vault takes the Key Values out of a letter whose signature it has verified. */
#ifndef ESD_LETTER_OPEN_H
#define ESD_LETTER_OPEN_H

#include "esd/letter.h"
#include "esd/unwrap.h"

/* Opens l->jwe with the sealing key's private half, checks that each KV has 64 octets and gives kc and kid of its
 * item under aud's domain. kvs needs l->n rows and is secret. TAMPERED, MALFORMED, COMMITMENT_MISMATCH, FAILED. On
 * a refusal kvs is wiped. */
MUST_USE enum reason letter_open(const struct key_letter *l, const struct p256 *sealing, struct arena *a,
                                 uint8_t (*kvs)[ESD_KV]);

#endif
