/* fan.h - what the fan-out point (fan.c) and the subscriptions made through it (fan_sub.c) share. */
#ifndef CSE_FAN_H
#define CSE_FAN_H

#include "cse/inside.h"

/* Do both identifiers name the same resource? Here by what they resolve to, elsewhere by their text. */
bool fan_same(struct run *r, struct span x, struct span y);
/* ms: when the answer leaves whatever has come. */
int64_t fan_deadline(const struct run *r);

/* Content of the members' requests, in the arena: that of r, but for a subscription with nfu, whose nu becomes the
 * fan-out point itself, so that its notices come to the group (TS-0004 7.4.14.2.2). */
MUST_USE enum err fan_content(struct run *r, struct arena *a, struct span *out);
/* Is r such a notice, or the question whether the group wants them? */
bool fan_is_notice(const struct run *r);
/* Takes it in: collected, and sent to nfu as m2m:agn; 4103 when it comes from no member. */
enum says fan_notice(struct run *r);

void fan_free(struct cse *c);

#endif
