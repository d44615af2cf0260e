/* unsealer_custody.h - the root key from what the operator keeps: a passphrase in a file of mode 0600, and XK, random
 * octets in a file that belongs into no backup (e2e.md 6, "Keys at rest").
 *
 *   RK = HKDF-SHA-256(salt = XK, input = Argon2id(passphrase, salt), info = "oneseal-root-v1")
 *
 * The custody file is text: "oneseal-custody 1 argon2id t=3 m=65536 p=1 salt=<hex>\n". */
#ifndef TTP_UNSEALER_CUSTODY_H
#define TTP_UNSEALER_CUSTODY_H

#include "base/buf.h"

enum {
    CUSTODY_ROOT = 32,
    CUSTODY_SECRET = 32,
    CUSTODY_XK = 32,
    CUSTODY_SALT = 16,
    CUSTODY_PASS_MAX = 4096,
    CUSTODY_PASS_LEAST = 8
};

struct custody {
    uint32_t t, m_kib, p; /* Argon2id: passes, memory, lanes */
    uint8_t salt[CUSTODY_SALT];
};
/* Fresh parameters. ERR_CRYPTO. */
MUST_USE enum err custody_new(struct custody *c);
void custody_write(const struct custody *c, struct buf *b);
/* ERR_SYNTAX; ERR_RANGE: weaker or dearer than we would ever write. */
MUST_USE enum err custody_read(struct span text, struct custody *c);
/* Makes OpenSSL load what custody_root will use, while files may still be opened. ERR_CRYPTO. */
MUST_USE enum err custody_warm(void);
/* S of a passphrase. One line feed at its end does not count. ERR_RANGE: shorter than CUSTODY_PASS_LEAST; ERR_NOMEM,
 * ERR_CRYPTO. */
MUST_USE enum err custody_stretch(const struct custody *c, struct span passphrase, uint8_t secret[CUSTODY_SECRET]);
/* RK of S and XK. ERR_SYNTAX (XK of another length), ERR_CRYPTO. */
MUST_USE enum err custody_mix(const uint8_t secret[CUSTODY_SECRET], struct span xk, uint8_t root[CUSTODY_ROOT]);
/* Both. One line feed at the end of the passphrase does not count. ERR_RANGE: shorter than CUSTODY_PASS_LEAST;
 * ERR_SYNTAX (XK of another length), ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err custody_root(const struct custody *c, struct span passphrase, struct span xk,
                               uint8_t root[CUSTODY_ROOT]);

#endif
