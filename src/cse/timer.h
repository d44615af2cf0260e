/* timer.h - points in time on a loop thread, in memory: a poll that waits, an operation that shall happen later. What
 * must survive a restart is an alarm (alarm.h) instead.
 *
 * The owner embeds struct timer and keeps it until it has rung or was stopped. Everything happens on the one loop
 * thread that it was set for. */
#ifndef CSE_TIMER_H
#define CSE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct cse;
struct timer {
    struct timer *next, *prev;
    int64_t when; /* ms since 1970 */
    void (*fn)(struct timer *t);
    unsigned loop;
    bool set;
};

/* Rings at `when` (at once, but never from inside, when that has passed). Set already: moves it. */
void timer_set(struct cse *c, struct timer *t, unsigned loop, int64_t when, void (*fn)(struct timer *t));
/* Does nothing when it is not set. */
void timer_stop(struct cse *c, struct timer *t);

#endif
