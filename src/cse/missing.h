/* missing.h - missing-data detection of a timeSeries (TS-0001 10.2.4.27, TS-0004 7.4.38, 7.5.1.2).
 *
 * The first instance after monitoring began gives the beginning b; point N is expected at b + N*pei, and an instance
 * within peid of it is that point. When mdt has passed after the expected time and it has not come, the point is
 * missing: it joins mdlt and mdc, and each subscription with event 8 counts it in its window.
 *
 * What is known of a monitored timeSeries (beginning, next point to be looked at, points that came before their turn)
 * is small state of the store, written in the transaction of the instance; the alarm `missing` looks at the next. */
#ifndef CSE_MISSING_H
#define CSE_MISSING_H

#include "cse/inside.h"

enum {
    MISSING_MAX = 1000,     /* entries of mdlt without mdn */
    MISSING_BACKLOG = 2000, /* points that one ring looks at; older ones are passed over */
};

/* Milliseconds and the rank of a dataGenerationTime: a timestamp, or relative to now. ERR_SYNTAX. */
enum err missing_dgt(struct run *r, const struct jval *dgt, int64_t *ms, int64_t *rank);
/* Writer: an instance with that dgt was stored under r->target, whose attributes are r->old. */
enum err missing_came(struct run *r, int64_t dgt);
/* Writer: monitoring begins anew with the next instance, or ends. */
enum err missing_forget(struct run *r, int64_t ts);
/* Writer: md of a subscription changed, or it ends: its window closes. */
enum err missing_window_forget(struct run *r, int64_t sub);

#endif
