/* block.h - blocking updates (net 7; TS-0001 10.2.10.7, TS-0004 7.5.1.2.2): before an UPDATE is performed, the target
 * of the resource's blocking subscription must agree. Meanwhile other UPDATEs and the DELETE of the resource wait. */
#ifndef CSE_BLOCK_H
#define CSE_BLOCK_H

#include "cse/inside.h"

enum {
    BLOCK_WAIT_MAX = 64 /* requests that wait for one resource; further ones are refused as when the writer is busy */
};

/* The answer of a run leaves: those that waited for it go on. Any loop thread. */
void block_over(struct run *r);

#endif
