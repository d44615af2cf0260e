/* watch.h - an inbox that ends at SIGINT and SIGTERM, for `watch` and the applications of the demo. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "app/inbox.h"
#include "cli/cli.h"

/* Opens session and inbox. in->s.p is loaded. Says the fault. */
MUST_USE enum status watch_open(struct cli *c, struct inbox *in);
void watch_close(struct inbox *in);

#endif
