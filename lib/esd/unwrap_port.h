/* unwrap_port.h - what opening a key envelope needs from a cryptographic library; internal to lib/esd. */
#ifndef ESD_UNWRAP_PORT_H
#define ESD_UNWRAP_PORT_H

#include "esd/p256_port.h"
#include "esd/unwrap.h"

/* ERR_AUTH when the key or the tag does not fit. */
MUST_USE enum err kw_unwrap(const uint8_t kek[32], const uint8_t in[KW_TEXT], uint8_t cek[KW_PLAIN]);
MUST_USE enum err gcm_unwrap(const uint8_t cek[32], const uint8_t iv[ESD_IV], struct span aad, struct span in,
                             const uint8_t tag[ESD_TAG], uint8_t *out);

#endif
