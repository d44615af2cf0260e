/* action.h - action and dependency (Release 4: TS-0001 9.6.61, 9.6.62): a request that this CSE carries out by itself,
 * as the action's creator, when an attribute of a resource meets a criterion.
 *
 * Which actions look at which resources is an index in memory that the writer keeps (read from the store with the first
 * action, entries may be older than the store and are compared when they are used). What shall be carried out goes to
 * loop 0, which looks once more and sends an errand; its answer becomes air. */
#ifndef CSE_ACTION_H
#define CSE_ACTION_H

#include "cse/inside.h"

enum {
    ACTIONS_MAX = 10000,     /* looked-at resources of all actions together */
    ACTION_PERIOD_MIN = 1000 /* ms: a shorter ecp of a periodic action counts as this */
};

/* Writer: that resource, or one right below it, has changed. Costs a comparison when there is no action. */
enum err action_look(struct run *r, int64_t rid);
/* Writer: the transaction is over. */
void action_committed(struct cse *c, enum err e);
/* Loop 0: carries out what is waiting. */
void action_tick(struct cse *c);
enum err action_new(struct cse *c);
void action_free(struct cse *c);

#endif
