/* node.h - links of a node to what it hosts: hcl, hael and hsl follow the nl of remoteCSE, AE and flexContainer
 * resources of this CSE (TS-0001 9.6.18). */
#ifndef CSE_NODE_H
#define CSE_NODE_H

#include "cse/inside.h"

/* Writer, after r->out was stored by CREATE or UPDATE. */
enum err node_follow(struct run *r);
/* Writer: the resource goes. */
enum err node_gone(struct run *r, const struct row *row);

#endif
