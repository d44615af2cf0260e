/* notice.c - switch 16: the answer of a DELETE waits until the targets have answered the deletion notices, a second at
 * most. The notices are ordinary letters; loop 0 sends them, the answer leaves on the loop of its request. */
#include "cse/prelude.h"

static void lock(struct cse *c)
{
    while (atomic_flag_test_and_set_explicit(&c->hold_lock, memory_order_acquire)) {
    }
}

static void unlock(struct cse *c)
{
    atomic_flag_clear_explicit(&c->hold_lock, memory_order_release);
}

void notice_wrote(struct run *r, int64_t letter)
{
    bool waits = sw_open(&r->c->conf.sw, SW_sud_before_answer) && !r->x->job && r->q->op == OP_DELETE;
    if (waits && r->nnotices < NOTICES_MAX)
        r->notices[r->nnotices++] = letter;
}

bool notice_hold(struct run *r)
{
    struct cse *c = r->c;
    if (!r->nnotices)
        return false;
    r->notice_until = c->w.now(c->w.ctx) + NOTICE_MS;
    lock(c);
    r->hold_next = c->held;
    c->held = r;
    unlock(c);
    return true;
}

static void answer(void *arg)
{
    postlude_over(arg);
}

/* Takes the runs out for which `over` says so, and lets them answer. */
static void release(struct cse *c, bool (*over)(struct run *r, int64_t n), int64_t n)
{
    struct run *out = NULL;
    lock(c);
    for (struct run **at = &c->held; *at;) {
        struct run *r = *at;
        if (over(r, n)) {
            *at = r->hold_next;
            r->hold_next = out;
            out = r;
        } else {
            at = &r->hold_next;
        }
    }
    unlock(c);
    while (out) {
        struct run *r = out;
        out = r->hold_next;
        c->w.later(c->w.ctx, r->x->loop, answer, r);
    }
}

static bool was_last(struct run *r, int64_t letter)
{
    for (unsigned i = 0; i < r->nnotices; i++)
        if (r->notices[i] == letter) {
            r->notices[i] = r->notices[--r->nnotices];
            return r->nnotices == 0;
        }
    return false;
}

static bool too_late(struct run *r, int64_t now)
{
    return r->notice_until <= now;
}

void notice_over(struct cse *c, int64_t letter)
{
    release(c, was_last, letter);
}

void notice_tick(struct cse *c, int64_t now)
{
    release(c, too_late, now);
}
