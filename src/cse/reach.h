/* reach.h - may a notification leave now? Schedules of subscriptions and of receivers (TS-0001 9.6.8, 9.6.9; procedures
 * 14), and what makes waiting letters leave earlier than was planned. */
#ifndef CSE_REACH_H
#define CSE_REACH_H

#include "cse/inside.h"

/* Is it open, by the schedules right below that resource? No schedule: open. false: *until is the next opening; NEVER:
 * there is none. */
enum err reach_open(struct run *r, int64_t rid, bool *open, int64_t *until);
/* The same for an AE or a remoteCSE that takes requests: its own schedule and that of its node. */
enum err reach_receiver(struct run *r, const struct row *row, bool *open, int64_t *until);
/* Writer: a resource that may let letters go was created, changed or removed: an AE, its polling channel, a schedule.
 */
enum err reach_changed(struct run *r, const struct row *row);

#endif
