/* secret.h - memory for keys: locked, not in core dumps, guarded by unreadable pages, wiped when freed. */
#ifndef HOST_SECRET_H
#define HOST_SECRET_H

#include "base/span.h"

/* First OpenSSL-related call of main: everything that OpenSSL frees or moves is overwritten first
 * (CRYPTO_set_mem_functions). ERR_NOTNOW: OpenSSL has allocated already. */
MUST_USE enum err secret_openssl_wipes(void);

/* n octets of zeroes, page-aligned end towards a guard page; NULL when there is no memory or it cannot be locked
 * (RLIMIT_MEMLOCK). */
void *secret_alloc(size_t n);
/* Wipes and gives back. NULL is fine. */
void secret_free(void *p);

/* A key from a file: an even number of hexadecimal digits and at most a newline behind them, least..most octets, into
 * `out` (memory of secret_alloc). A file that others may read is refused. On failure *why is a sentence: ERR_NOTFOUND,
 * ERR_IO, ERR_CONFIG. */
MUST_USE enum err secret_key_file(const char *path, size_t least, size_t most, uint8_t *out, size_t *n,
                                  const char **why);

#endif
