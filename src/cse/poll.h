/* poll.h - polling channels (TS-0001 10.2.5.14, TS-0004 7.4.21, 7.4.22): requests for an AE or CSE that takes none wait
 * here until it fetches them.
 *
 * A request that waits belongs to the hop that sent it and to that hop's loop; a RETRIEVE of pcu that waits belongs to
 * its own loop. What passes between them are texts: the request as m2m:rqp, made when it is put in, and the m2m:rsp
 * that the owner brings by NOTIFY. One lock guards the lists; whoever takes something out owns it, and tells its loop.
 *
 * Everything is bounded: requests of one channel and of all, polls of one channel, the time that each waits. */
#ifndef CSE_POLL_H
#define CSE_POLL_H

#include "cse/inside.h"

enum {
    POLL_QUEUE_MAX = 128,      /* requests of one channel that wait for being fetched or answered */
    POLL_ALL_MAX = 8192,       /* of all channels */
    POLL_OPEN_MAX = 4,         /* polls of one channel that wait */
    POLL_BATCH_MAX = 32,       /* requests that one poll fetches with requestAggregation */
    POLL_HOLD_MS = 60000,      /* how long a poll without rqet waits */
    POLL_HOLD_MAX_MS = 600000, /* how long any poll waits */
    POLL_KEEP_MS = 300000,     /* how long a notification waits for its poll, then it is tried anew (outbox.c) */
    POLL_TEXT_MAX = 1 << 20,   /* octets of one request or answer */
};

struct polls;
MUST_USE enum err poll_new(struct cse *c);
void poll_free(struct cse *c);

/* The pollingChannel of an AE or remoteCSE: its rid, or 0. */
enum err poll_channel(struct store_tx *t, int64_t owner, struct arena *a, int64_t *rid);
/* Puts the request of the hop into the queue of h->channel until h->deadline; h->over is called once, on h->loop, in a
 * later turn. ERR_FULL: too many wait; ERR_TIMEOUT: nobody fetched or answered it. */
void poll_put(struct cse *c, struct hop *h);
/* May the originator make a pollingChannel below r->target? Only its owner (TS-0004 7.4.21.2.1). */
bool poll_may_make(struct run *r);
/* pcu: RETRIEVE fetches, NOTIFY answers; nothing else, and nobody but the owner. */
enum says poll_virt(struct run *r);
/* Everything of this loop that waits is over: the CSE stops. */
void poll_stop(struct cse *c, unsigned loop);

#endif
