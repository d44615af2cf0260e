/* enroll.h - S-type AE-ID-Stems, which the IN-CSE assigns (TS-0001 10.2.2.2). The prelude of AE registration at other
 * CSEs sets r->granted, which the hook of AE uses; enroll.c. */
#ifndef CSE_ENROLL_H
#define CSE_ENROLL_H

#include "cse/inside.h"

/* CSE-ID of the IN-CSE of this domain, as far as it is known. */
struct span enroll_in_cse(struct run *r);
/* An AE leaves: the AEAnnc at the IN-CSE is told that it is INACTIVE, by a letter. Nothing for other resources. */
enum err enroll_gone(struct run *r, const struct row *row);

#endif
