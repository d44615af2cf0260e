/* port.h - what ESPrim needs from a cryptographic library; internal to lib/esp. */
#ifndef ESP_PORT_H
#define ESP_PORT_H

#include "esp/esp.h"

/* HMAC-SHA-256 over the parts. ERR_CRYPTO. */
MUST_USE enum err esp_port_hmac(struct span key, const struct span *parts, size_t n, uint8_t out[32]);
/* AES-GCM with a key of 16, 24 or 32 octets; in.n octets to out, which may be the same place. ERR_CRYPTO. */
MUST_USE enum err esp_port_seal(struct span key, const uint8_t iv[ESP_IV], struct span aad, struct span in,
                                uint8_t *out, uint8_t tag[ESP_TAG]);
/* ERR_AUTH when the tag does not fit; out then holds octets that nobody may see. */
MUST_USE enum err esp_port_open(struct span key, const uint8_t iv[ESP_IV], struct span aad, struct span in,
                                const uint8_t tag[ESP_TAG], uint8_t *out);

#endif
