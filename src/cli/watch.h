/* watch.h - an application that lives: receives notifications, opens them, shows them. Used by `watch` and by
 * the application of the demo. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "app/ae.h"
#include "app/receiver.h"
#include "cli/cli.h"

struct watch {
    struct session s;
    struct receiver r;
    struct net_timer *again; /* looks at the inbox again while something waits for a key */
    bool stop, opens;
    bool fills;   /* a gap is looked for at once */
    int64_t seen; /* inbox rows up to here were shown (without opens) */
    /* Shows one judged reading; returns ST_DONE to go on. */
    enum status (*show)(struct watch *w, const struct book_mail *m, const struct outcome *out);
    enum status st;
    uint64_t shown, waiting;
    /* With --confirmed (watch_confirm.h): */
    bool confirms;
    struct span stream; /* absolute structured address that is watched; empty: not known */
    struct net_timer *tick;
    int64_t began_ms, looked_ms;
    int64_t told; /* mail up to here was said to wait */
};
/* Opens session and receiver, and stops at SIGINT and SIGTERM. w->s.p is loaded. */
MUST_USE enum status watch_open(struct cli *c, struct watch *w);
void watch_close(struct watch *w);
/* Judges what lies in the inbox. What only waits for a key stays there. */
void watch_mail(struct watch *w);

#endif
