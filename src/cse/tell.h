/* tell.h - events become notifications (TS-0004 7.5.1.2.2). Everything here runs on the writer, in the transaction of
 * the change itself, unless it says otherwise; sending is outbox.c's. */
#ifndef CSE_TELL_H
#define CSE_TELL_H

#include "cse/inside.h"

/* m2m:notificationEventType. */
enum net {
    NET_NONE,
    NET_UPDATE,
    NET_DELETE,
    NET_CREATE_CHILD,
    NET_DELETE_CHILD,
    NET_RETRIEVE_NONE,
    NET_TRIGGER,
    NET_BLOCKING,
    NET_MISSING,
};

/* Something that happened to a resource. `net` is what subscriptions of event types hear, `op` what operation monitors
 * hear; either may be none. */
struct event {
    enum net net;
    unsigned op;                    /* ACOP_ bit; 0: nobody's operation */
    const struct row *target;       /* subscribed-to */
    const struct row *subject;      /* whose representation is told */
    const struct attr_set *changed; /* UPDATE; NULL otherwise */
    struct span rep; /* the representation, when it is not the subject's: m2m:tsn; empty: the subject's */
};

/* What a row adds to its parent's `subs`, which tells in one look whether anybody listens, and whether anybody listens
 * to reads; for a subscription, whether it has a schedule. 0 for a row that nobody counts. */
#define SUBS_ONE    INT64_C(1)
#define SUBS_READS  (INT64_C(1) << 32) /* up to 65535 of them */
#define SUBS_BLOCKS (INT64_C(1) << 48)
static inline bool subs_hear_reads(const struct row *row)
{
    return row->subs >> 32 & 0xffff;
}
static inline bool subs_hear_blocks(const struct row *row)
{
    return row->subs >= SUBS_BLOCKS;
}
enum err tell_weight(struct run *r, const struct row *row, uint32_t parent_ty, int64_t *weight);

enum err tell_update(struct run *r, const struct row *row, const struct attr_set *changed);
enum err tell_create(struct run *r, const struct row *parent, const struct row *child);
enum err tell_delete(struct run *r, const struct row *row); /* net 2: subscriptions of the row itself */
enum err tell_delete_child(struct run *r, const struct row *parent, const struct row *child);
/* RETRIEVE, discovery or NOTIFY of r->target was let through. Loop thread, inside of a turn: when somebody wants to
 * know, the writer gets a job of its own. Costs one comparison when nobody does. */
void tell_read(struct run *r);
/* An instance of the container has expired and goes; the container itself goes (net 5). */
enum err tell_expired(struct run *r, const struct row *container);
enum err tell_container_ends(struct run *r, const struct row *container);
/* Net 8 of one subscription: rep is {"m2m:tsn":{...}}. */
enum err tell_missing(struct run *r, const struct row *ts, const struct row *sub, const struct attrs *sub_at,
                      struct span rep);
/* Finished content (m2m:sgn, m2m:tsbn ...) to every entry of a list attribute of a resource that is no subscription:
 * crossResourceSubscription, timeSyncBeacon. Its nec and, with `counts`, its exc are honoured. */
enum err tell_letters(struct run *r, const struct row *row, const struct attrs *at, enum attr nu, struct span pc,
                      bool counts);
/* A notification of a group member's subscription with nfu, on the group's CSE: `sgn` is the object inside m2m:sgn. It
 * joins others to one m2m:agn for nfu, after `num` of them (0: any number) or `dur` ms (0: the default duration). */
enum err tell_forward(struct run *r, const struct row *group, struct span nfu, struct span sgn, int64_t num,
                      int64_t dur);
/* A subscription (or crossResourceSubscription) ends: its letters go, its notice is written. keep: the letters stay. */
enum err tell_sub_ends(struct run *r, const struct row *sub, bool keep_letters);
/* A subscription was changed: cached notifications that pn no longer asks for go, hosts of a
 * crossResourceSubscription that left acrs are told. */
enum err tell_sub_changed(struct run *r, const struct row *sub, const struct attrs *old, const struct attrs *next);
void tell_free(struct cse *c);

#endif
