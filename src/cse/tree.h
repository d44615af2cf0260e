/* tree.h - a resource with its children: rcn 4, 5, 6, 8 (TS-0001 8.1.2, 10.2.6.2; serialization.md 2.6, 2.7). */
#ifndef CSE_TREE_H
#define CSE_TREE_H

#include "cse/inside.h"

enum { TREE_MAX = 100000 }; /* resources of one children form: so many are remembered, 48 octets each */

/* The content for a children form, of r->target, at once: for DELETE on the writer. MORE, or DONE with a refusal. */
enum says tree_content(struct run *r, unsigned rcn, struct span *out);
/* RETRIEVE with a children form, in turns: WAIT, and run_again goes on. */
enum says tree_start(struct run *r, unsigned rcn);

#endif
