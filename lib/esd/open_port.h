/* open_port.h - what opening needs from a cryptographic library; internal to esd-open. */
#ifndef ESD_OPEN_PORT_H
#define ESD_OPEN_PORT_H

#include "esd/open.h"

MUST_USE enum err open_port_init(struct opener *o);
void open_port_free(struct opener *o);
/* AES-GCM: in.n octets to out. ERR_AUTH when the tag does not fit; out then holds octets that nobody may see.
 * key.n is 16, 24 or 32. */
MUST_USE enum err open_port_gcm(struct opener *o, struct span key, const uint8_t iv[ESD_IV], struct span aad,
                                struct span in, const uint8_t tag[ESD_TAG], uint8_t *out);

#endif
