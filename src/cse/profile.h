/* profile.h - what an MN-CSE or ASN-CSE knows of its service subscription; profile.c. Its prelude judges AE CREATEs. */
#ifndef CSE_PROFILE_H
#define CSE_PROFILE_H

#include "cse/inside.h"

enum { PROFILE_AGAIN_MS = 10000 /* after nobody answered */ };

enum err profile_new(struct cse *c);
void profile_free(struct cse *c);

#endif
