/* explain_reading.h - `oneseal explain RESOURCE --as APP`. */
#ifndef CLI_EXPLAIN_READING_H
#define CLI_EXPLAIN_READING_H

#include "cli/cli.h"

/* The exit status is that of the verdict; ST_DONE when it opens. */
enum status explain_reading(struct cli *c);

#endif
