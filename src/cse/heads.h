/* heads.h - where the heads of sealed streams lie (e2e.md 4): the container e2e-heads, child of a container or
 * flexContainer, or NAME-e2e-heads beside the timeSeries NAME. The CSE makes it, keeps its acpi as the data's, and
 * gives it a retention that outlives the data's. What a head says is seal_head.h's. */
#ifndef CSE_HEADS_H
#define CSE_HEADS_H

#include "cse/inside.h"

enum {
    HEADS_PER_READING =
        8,             /* heads that one reading can have behind it: its segment's, six heartbeats, the closing one */
    HEADS_MORE = 1000, /* beyond what the data's own limits ask for */
    HEADS_LATER_S = 86400, /* they live so much longer than the data */
    HEADS_ENVELOPE = 256,  /* no envelope is shorter, about */
};

/* The container of the heads of what lies at `place`, made when it is missing; nobody is told of it. Writer.
 * ERR_EXISTS: something else has that name. */
enum err heads_box(struct run *r, const struct row *place, struct row *box);
/* A head becomes an instance there; whoever subscribed is told, as of every instance. Writer. */
enum err heads_put(struct run *r, struct row *box, struct span cnf, struct span con);
/* acpi of r->out may have changed: that of its heads follows. Writer. */
enum err heads_follow(struct run *r);

#endif
