/* m2mtime.h - m2m:timestamp: basic ISO 8601, UTC, YYYYMMDDThhmmss with an optional fraction
 * (TS-0004 6.3.3). Inside the house a point in time is milliseconds since 1970, int64. */
#ifndef BASE_M2MTIME_H
#define BASE_M2MTIME_H

#include "base/buf.h"

/* Writes YYYYMMDDThhmmss; the part of a second is left out. Years 0000..9999, others clamp. */
void m2mtime_put(struct buf *b, int64_t ms);
/* The same with a fraction of six digits, "...,123000". */
void m2mtime_put_us(struct buf *b, int64_t ms);
/* Reads YYYYMMDDThhmmss, optionally ',' or '.' and 1 to 6 digits (rounded down to ms).
 * ERR_SYNTAX when it is anything else or no date of the calendar. */
MUST_USE enum err m2mtime_get(struct span text, int64_t *ms);

#endif
