/* inbox.h - an application that lives: registers, subscribes, receives notifications, judges what lies in the inbox of
 * the book and hands it on. Used by `watch`, the applications of the demo, and liboneseal. */
#ifndef APP_INBOX_H
#define APP_INBOX_H

#include "app/ae.h"
#include "app/receiver.h"

struct inbox {
    struct session s; /* open, with SESSION_OPEN */
    struct receiver r;
    struct net_timer *again; /* looks at the inbox again while something waits for a key */
    _Atomic bool stop;       /* set from anywhere; the loop must be woken, too */
    bool opens;
    bool fills;   /* a gap is looked for at once */
    int64_t seen; /* inbox rows up to here were shown (without opens) */
    /* Shows one judged reading (without opens: out is NULL); returns ST_DONE to go on. */
    enum status (*show)(struct inbox *in, const struct book_mail *m, const struct outcome *out);
    enum status st;
    uint64_t shown, waiting;
    /* For whoever waits for the second verdict. Then duplicates are shown, too, and `show` does not count. */
    bool confirms;
    struct span stream; /* absolute structured address that is watched; empty: not known */
    struct net_timer *tick;
    int64_t began_ms, looked_ms;
    int64_t told; /* mail up to here was said to wait */
};
/* Listens. Says the fault. *in must stay where it is until inbox_close. */
MUST_USE enum status inbox_open(struct inbox *in);
/* Fine in every state after inbox_open; the session stays open. */
void inbox_close(struct inbox *in);
/* Registers and subscribes, and tries again while the way is not there yet, until in->stop. Says the fault. */
MUST_USE enum status inbox_enrol(struct inbox *in, struct span container);
/* Judges what lies in the inbox. What only waits for a key stays there, and the loop turns again for it. What `show`
 * said is in in->st. */
void inbox_round(struct inbox *in);

#endif
