/* cert.h - what the other verbs need of `oneseal cert`. */
#ifndef CLI_CERT_H
#define CLI_CERT_H

#include "cli/cli.h"

/* Makes out.key and out.pem, signed by the authority in ca_dir. san: "DNS:..." or "URI:...", made of
 * checked names only; cn: the readable name. Says the fault. */
MUST_USE enum status cert_make(struct cli *c, const char *ca_dir, const char *cn, const char *san, const char *out,
                               uint64_t days);
/* Prints names, dates and fingerprint of the first certificate of a PEM file. Says the fault. */
MUST_USE enum status cert_show_file(struct cli *c, const char *path);

#endif
