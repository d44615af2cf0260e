/* pace.h - when notifications leave (TS-0001 9.6.8, TS-0004 7.5.1.2.2): batches, latest only, what waits for a target
 * that is not reachable, and the limit of what may wait. All on the writer.
 *
 * A lane is (owner, target): letters of one lane keep their order. Lanes with an even number hold letters that may
 * leave; the lane with the next odd number collects the events of a batch: the due time of its first letter is the end
 * of the batch. */
#ifndef CSE_PACE_H
#define CSE_PACE_H

#include "cse/inside.h"

enum {
    LANE_MAX = 10000, /* letters that wait for one target of one subscription; a further one costs the oldest */
    BATCH_MAX = 1000, /* events of one m2m:agn; a larger batch leaves in several */
    BATCH_OCTETS = 4 << 20,
    BATCH_MS = 60000,   /* duration of a batch that names none */
    LANES_KNOWN = 1024, /* lanes whose size the writer remembers */
    EC_IMMEDIATE = 2,   /* m2m:stdEventCats */
    EC_LATEST = 4,
};

/* How the notifications of one subscription leave. */
struct pace {
    uint16_t ec; /* eventCategory; 0: none */
    uint8_t pn;  /* pendingNotification: 0 none, 1 latest, 2 all */
    bool ln;     /* latestNotify */
    bool exc;    /* a success lowers the expirationCounter */
    bool nse;    /* statistics are kept */
    bool sched;  /* the subscription has a schedule */
    bool batch;
    int64_t num, dur; /* of a batch: 0 any number; ms */
    int64_t mnn, tww; /* rate limit: so many (-1: no limit) in so many ms */
};

int64_t pace_lane(struct span to);
static inline bool pace_collects(int64_t lane)
{
    return lane & 1;
}
/* A notification for one target: `body` is {"m2m:sgn":{...}}. It joins the batch, or becomes a letter that is due at
 * once
 * (*id, else 0). */
enum err pace_post(struct run *r, int64_t owner, struct span to, const struct pace *p, struct span body, int64_t *id);
/* A letter that no policy holds up. */
enum err pace_plain(struct run *r, int64_t owner, struct span to, const struct pace *p, struct span body, int64_t *id);
/* The batch of a lane (even or odd number) is over: what it holds becomes m2m:agn letters. */
enum err pace_ripen(struct run *r, int64_t owner, int64_t lane);
/* A letter has to wait until `due`; with `latest` only the newest of its lane stays. */
enum err pace_hold(struct run *r, const struct letter *l, int64_t due, uint32_t tries, bool latest);
/* Letters of a lane go; latest: all but the newest. */
enum err pace_drop(struct run *r, int64_t owner, int64_t lane, bool latest);
enum err pace_done(struct run *r, const struct letter *l);
/* What stands in a letter about its pace; *at: ms when it was written. */
void pace_read(struct span meta, struct arena *a, struct pace *p, int64_t *at);
/* The remembered sizes do not hold any more: something was rolled back. */
void pace_undone(struct cse *c);
void pace_free(struct cse *c);

/* Letters that the limit has cost: how many since the last call, and whose. Loop 0. */
uint64_t pace_lost(struct cse *c, uint8_t *to, size_t cap, size_t *n);

#endif
