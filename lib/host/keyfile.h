/* keyfile.h - makes a provisioned key (SUID 14): 32 octets that both ends are given beforehand, as a file that
 * secret_key_file (secret.h) reads: 64 hexadecimal digits and a newline, for its owner alone. */
#ifndef HOST_KEYFILE_H
#define HOST_KEYFILE_H

#include "base/err.h"

enum { KEYFILE_OCTETS = 32 };

/* A fresh random one, mode 0600, durable. ERR_EXISTS: nothing is overwritten; ERR_IO, ERR_DISK, ERR_CRYPTO. */
MUST_USE enum err keyfile_make(const char *path);

#endif
