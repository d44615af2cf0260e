/* timer.c - the timers of each loop thread, a list in the order of time. New ones look for their place from the end:
 * most wait about equally long, so that place is near. */
#include "cse/timer.h"

#include "cse/inside.h"

void timer_stop(struct cse *c, struct timer *t)
{
    struct timers *all = &c->timers[t->loop];
    if (!t->set)
        return;
    *(t->prev ? &t->prev->next : &all->first) = t->next;
    *(t->next ? &t->next->prev : &all->last) = t->prev;
    t->set = false;
}

void timer_set(struct cse *c, struct timer *t, unsigned loop, int64_t when, void (*fn)(struct timer *t))
{
    struct timers *all = &c->timers[loop];
    timer_stop(c, t);
    struct timer *after = all->last;
    while (after && after->when > when)
        after = after->prev;
    *t = (struct timer){.when = when, .fn = fn, .loop = loop, .set = true, .prev = after};
    t->next = after ? after->next : all->first;
    *(t->prev ? &t->prev->next : &all->first) = t;
    *(t->next ? &t->next->prev : &all->last) = t;
    if (all->first == t)
        c->w.wake(c->w.ctx, loop, when);
}

int64_t cse_loop_tick(struct cse *c, unsigned loop)
{
    struct timers *all = &c->timers[loop];
    int64_t now = c->w.now(c->w.ctx);
    for (struct timer *t = all->first; t && t->when <= now; t = all->first) {
        timer_stop(c, t);
        t->fn(t);
    }
    return all->first ? all->first->when : NEVER;
}
