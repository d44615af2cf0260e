/* hunt.h - discovery: RETRIEVE with fu = 1 (TS-0004 7.3.3.14), and what stands behind IPE discovery. */
#ifndef CSE_HUNT_H
#define CSE_HUNT_H

#include "cse/inside.h"

/* The answer's flat list, in turns: WAIT, and run_again goes on. */
enum says hunt_start(struct run *r);

#endif
