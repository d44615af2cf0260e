/* crs.h - crossResourceSubscription (TS-0001 9.6.58, TS-0004 7.4.58): one notification when several resources were
 * heard of within a window.
 *
 * It is made like any resource. Before its CREATE is answered (postlude `crs`) its subscriptions are made, as its
 * creator, in the order of rrat, and it joins nu and acrs of those that srat names; when one of that fails, what was
 * made is taken back, the resource goes, and the answer is 5221. Their notifications arrive at the resource; which
 * targets were heard of in the present window is small state of the store, its end an alarm. */
#ifndef CSE_CRS_H
#define CSE_CRS_H

#include "cse/inside.h"

enum { CRS_TARGETS_MAX = 64 }; /* rrat and srat together */

/* A NOTIFY whose target is such a resource. */
enum says crs_hear(struct run *r);
bool crs_is_target(const struct run *r);
/* Writer: a window begins, if it begins by itself. */
enum err crs_begin(struct run *r, const struct row *crs, const struct attrs *at);
/* "/id-in/3f" */
struct span crs_address(struct run *r, const struct row *crs);

#endif
