/* opened.h - an opened reading as a line of data. */
#ifndef CLI_OPENED_H
#define CLI_OPENED_H

#include "app/opening.h"
#include "cli/cli.h"

/* One line of data: the plaintext, or with --json an object with it. */
MUST_USE enum status opened_print(struct cli *c, const struct outcome *out);

#endif
