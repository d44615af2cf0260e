/* stats.h - notificationStatsInfo: per target, notifications sent, answers, events (TS-0001 9.6.8, R4). On the writer.
 */
#ifndef CSE_STATS_H
#define CSE_STATS_H

#include "cse/inside.h"

/* An event became a notification (or part of a batch) for every target of a resource with nse. */
enum err stats_event(struct run *r, int64_t rid);
/* One was sent to `to`; answered: a response came. */
enum err stats_sent(struct run *r, int64_t rid, struct span to, bool answered);
/* nsi of a resource whose statistics begin: an entry with zeros for each of its targets. */
void stats_begin(struct jw *w, const struct jval *nu, struct arena *a);

#endif
