/* outbox.h - inside the outbox: a letter on its way. */
#ifndef CSE_OUTBOX_H
#define CSE_OUTBOX_H

#include "cse/annc.h"
#include "cse/pace.h"

struct rates;
struct errand;

/* What becomes of a letter. */
enum fate {
    FATE_SENT,    /* it arrived */
    FATE_REFUSED, /* for good */
    FATE_AGAIN,   /* no answer, or one that may change with time */
    FATE_HELD,    /* a schedule or the receiver's reachability forbids it: pn decides */
    FATE_LIMITED, /* rate limit: at `due` */
    FATE_RIPE,    /* it is the first of a batch that is over */
};

struct flight {
    struct flight *next;
    struct cse *c;
    struct arena a;
    struct letter l;
    struct pace pace;
    int64_t written; /* ms: when the letter was written; 0: it is tried for ever */
    struct exch x;   /* first as the context of addressing, then as the job that records the outcome */
    struct run r;
    struct prim q;
    struct hop hop;
    struct errand *errand; /* to a resource of this CSE that is neither AE nor CSEBase */
    uint64_t host;         /* of the target: so many at once */
    enum fate fate;
    int64_t due;   /* HELD, LIMITED */
    bool answered; /* a response came */
    bool left;     /* it was sent at all */
    uint16_t rsc;
    struct span pc;        /* the response's content */
    struct annc_swap swap; /* announcements */
};

/* outcome.c: the writer's part, a job of its own. */
enum err outcome_record(struct cse *c, struct store_tx *t, struct exch *x);

#endif
