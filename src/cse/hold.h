/* hold.h - types that hold instances: container, timeSeries, flexContainer. Retention by mni, mbs and mia; la and ol;
 * counters. Everything happens in the transaction of its cause (TS-0004 7.4.6, 7.4.7, 7.4.38, 7.4.39). */
#ifndef CSE_HOLD_H
#define CSE_HOLD_H

#include "cse/inside.h"

struct hold {
    uint16_t ty, kid; /* type of the holder and of its instances */
    bool ranked;      /* ordered by rank (dgt), not by age */
    bool state;       /* st grows with each instance */
};
/* By the type of the holder; NULL: it holds no instances. */
const struct hold *hold_of(unsigned ty);

/* The newest or oldest instance that is alive. ERR_NOTFOUND. */
enum err hold_end(struct run *r, const struct row *holder, bool newest, struct row *out);
/* Writer: an instance was stored: counters of its holder, then retention. */
enum err hold_took(struct run *r, struct row *holder, const struct attrs *limits, const struct row *kid);
/* Writer: an instance was removed by request or expiry. */
enum err hold_lost(struct run *r, int64_t holder, const struct row *kid);
/* Writer: removes instances until the holder keeps to its limits, counters included. An instance that goes tells
 * nobody (net 4). */
enum err hold_trim(struct run *r, struct row *holder, const struct attrs *limits);
/* Writer: all instances go; counters are 0. */
enum err hold_clear(struct run *r, struct row *holder);
/* An instance ends with mia: the et that it gets, when that is earlier; the text is in the arena. */
struct span hold_shorten(struct run *r, const struct attrs *limits, struct span et, int64_t *ms);

#endif
