/* rate.h - rateLimit: at most so many notifications of a lane in a window (TS-0001 9.6.8). Loop 0, in memory: a restart
 * begins new windows. */
#ifndef CSE_RATE_H
#define CSE_RATE_H

#include "cse/pace.h"

enum { RATE_BUCKETS = 256, RATES_MAX = 65536 /* lanes with a window under way; further ones are not limited */ };

struct rates;
/* May one leave now? false: *due is the begin of the next window. */
bool rate_may(struct rates **all, const struct letter *l, const struct pace *p, int64_t now, int64_t *due);
/* One left. */
void rate_left(struct rates *all, const struct letter *l, const struct pace *p, int64_t now);
void rate_free(struct rates *all);

#endif
