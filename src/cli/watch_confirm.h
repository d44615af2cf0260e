/* watch_confirm.h - the second verdict of what a watching application opened: heads are looked for once a second while
 * something waits, and now and then otherwise; what is confirmed is shown, the rest is told. */
#ifndef CLI_WATCH_CONFIRM_H
#define CLI_WATCH_CONFIRM_H

#include "cli/watch.h"

/* Starts the timer. in->stream is known. ST_CONFIG (said): the address is not structured, so no head can be placed. */
MUST_USE enum status watch_confirm_open(struct inbox *in);
void watch_confirm_close(struct inbox *in);
/* Looks for heads when it is time, shows what is confirmed, tells what is not. Counts in->shown; sets in->st. */
void watch_confirm(struct inbox *in);

#endif
