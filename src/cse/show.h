/* show.h - answers to RETRIEVE that are not the target's own text: the original of a copy (rcn 7), what the originator
 * may do (rcn 12), and what an interworking proxy finds when it is asked (fu 3). */
#ifndef CSE_SHOW_H
#define CSE_SHOW_H

#include "cse/inside.h"

/* rcn 7: the resource that an announced one is the copy of, asked for on behalf of the originator. */
enum says show_original(struct run *r);
/* rcn 12: {"m2m:ps":{"pv":[...]}}, a rule for the originator with every operation that it may do on the target. */
enum says show_permissions(struct run *r);
/* fu 3: the AE is asked first (TS-0004 7.5.1.2.8). MORE: it agreed, and discovery follows; DONE: 5208. */
enum says show_ipe(struct run *r);

#endif
