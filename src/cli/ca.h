/* ca.h - what the other verbs need of `oneseal ca`. */
#ifndef CLI_CA_H
#define CLI_CA_H

#include "cli/cli.h"

/* Makes DIR (when it is not there), DIR/ca.key and DIR/ca.pem for the SP domain. Says the fault. */
MUST_USE enum status ca_make(struct cli *c, const char *dir, const char *domain, uint64_t days);

#endif
