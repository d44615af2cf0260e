/* wrap_port.h - wrapping content keys: what it needs from a cryptographic library, and the key derivation that both
 * directions share; internal to lib/esd. */
#ifndef ESD_WRAP_PORT_H
#define ESD_WRAP_PORT_H

#include "esd/key_port.h"

enum { WRAP_KW_MAX = 40, WRAP_MAX = JWKEY_SIG_MAX };

/* Wrapping key of ECDH-ES+AxxxKW (RFC 7518 4.6.2): one round of the Concat KDF; the row's octets of kek are filled.
 * apu and apv are octets, each at most ESD_PARTY_MAX. */
MUST_USE enum err wrap_kek(enum esd_alg alg, const uint8_t z[32], struct span apu, struct span apv, uint8_t kek[32]);
/* The library's AES key wrap under a key of 16, 24 or 32 octets, fetched once; NULL: it has none. */
const void *wrap_cipher(size_t kek_n);
/* AES key wrap (RFC 3394): cek.n + 8 octets, appended. */
MUST_USE enum err wrap_kw(struct span kek, struct span cek, struct buf *out);
/* RSA-OAEP with SHA-256 and MGF1 with SHA-256, appended. */
MUST_USE enum err wrap_rsa(const void *evp, struct span cek, struct buf *out);

#endif
