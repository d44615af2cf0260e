/* alarm.h - durable points in time of a resource: what has to happen to it later although nobody asks.
 *
 * An alarm is a row (kind, rid, due) of the store, set in the transaction of its cause, so that it survives the end of
 * the process. When its time has come it is removed and name_ring(r, row, due) runs on the writer, at most a second
 * late, mostly at once. A resource that is gone, or has expired, takes its alarms with it.
 *
 * name_ring: r has neither a request nor an exchange of anybody: r->now, r->t, r->a and r->c are set, and the
 * originator is this CSE. It may change the store, write letters (tell_...) and set the alarm again. What it returns
 * other than OK takes back what it did; the alarm is tried again ALARM_AGAIN_MS later. */
#ifndef CSE_ALARM_H
#define CSE_ALARM_H

#include "cse/inside.h"

enum alarm_kind {
#define ALARM(name, number, what) ALARM_##name = number,
#include "cse/alarm.def"
#undef ALARM
    ALARM_NONE = 0
};
#define ALARM(name, number, what) enum err name##_ring(struct run *r, struct row *row, int64_t due);
#include "cse/alarm.def"
#undef ALARM

enum {
    ALARMS_MAX = 200,       /* rung in one job */
    ALARM_AGAIN_MS = 60000, /* until one that failed is tried again */
};

/* Writer. NEVER: no alarm. */
enum err alarm_at(struct run *r, enum alarm_kind kind, int64_t rid, int64_t due);

/* Loop 0: rings what is due; gives the time of the next. */
int64_t alarm_tick(struct cse *c, int64_t now);
enum err alarm_new(struct cse *c);
void alarm_free(struct cse *c);

#endif
