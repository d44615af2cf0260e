/* errand.h - a request that this CSE makes: of one of its own resources or of another CSE's, on behalf of a run (its
 * originator's rights) or of nobody (its own). It takes the way of every request: admitted, forwarded when its target
 * is elsewhere, judged, written. */
#ifndef CSE_ERRAND_H
#define CSE_ERRAND_H

#include "cse/inside.h"

struct errand {
    struct errand *next;
    struct cse *c;
    struct run *r;  /* on whose behalf; NULL: nobody's */
    struct prim q;  /* the request: prim_set(&e->q, PA_to, ...), q.op, q.pc + q.ser, q.ty ... */
    struct arena a; /* of request and answer; texts of the run live long enough too */
    struct exch x;  /* x.rsp: the answer, once it is over. x.self: every right */
    void (*over)(struct errand *e);
    void *ctx;    /* the caller's */
    unsigned tag; /* the caller's */
};

/* op, fr, rqi (unique) and rvi are set. With a run: From, roles, tokens and the proof of who sent it are the run's.
 * Without: From is this CSE, with every right (x.self), or set another `fr` and x.self = false: then it counts as
 * proven, and access control decides. NULL: no memory. */
struct errand *errand_new(struct cse *c, struct run *r, unsigned loop, enum op op, struct span to);
/* Content: one JSON object with its root. */
void errand_content(struct errand *e, struct span json);
void errand_type(struct errand *e, unsigned ty);
/* What it carries was decrypted: its memory is overwritten when it is freed. Right after errand_new. */
void errand_secret(struct errand *e);
/* e->over is called exactly once, in a later turn of that loop, never from inside. */
void errand_go(struct errand *e);
/* By whoever made it, in `over` or later; or instead of errand_go. */
void errand_free(struct errand *e);

#endif
