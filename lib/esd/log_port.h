/* log_port.h - what the log needs from a cryptographic library, and no more. log_port.c has it on OpenSSL. */
#ifndef ESD_LOG_PORT_H
#define ESD_LOG_PORT_H

#include "esd/log.h"

/* SHA-256 over up to four pieces in a row. ERR_CRYPTO (and zero octets). */
MUST_USE enum err log_port_sha256(const struct span *piece, size_t n, struct log_hash *out);
/* Ed25519 (RFC 8032, pure). ERR_CRYPTO. */
MUST_USE enum err log_port_public(const uint8_t seed[LOG_SEED], uint8_t pub[LOG_PUBLIC]);
MUST_USE enum err log_port_sign(const uint8_t seed[LOG_SEED], struct span text, uint8_t sig[64]);
/* ERR_AUTH. */
MUST_USE enum err log_port_verify(const uint8_t pub[LOG_PUBLIC], struct span text, const uint8_t sig[64]);

#endif
