/* request.h - response types (TS-0001 8.2.2, 10.2.5; TS-0004 7.3.2.2): a request that is not answered with its result
 * is acknowledged with a request resource and carried out behind it; the result goes into the resource, and to the
 * targets that the originator named.
 *
 * The resource is durable, the work is not: what was under way when the CSE went down is recorded as failed when it
 * comes up again (request_recover). Notifications of results are letters of the outbox, written with the result. */
#ifndef CSE_REQUEST_H
#define CSE_REQUEST_H

#include "cse/inside.h"

enum {
    REQUEST_ALL_MAX = 10000,      /* request resources */
    REQUEST_RUNNING_MAX = 4096,   /* requests carried out behind their acknowledgement */
    REQUEST_KEEP_MS = 600000,     /* how long a result is kept when the request does not say (rp) */
    REQUEST_RESULT_MAX = 4 << 20, /* octets of a result that is kept */
    HOLD_MAX_MS = 300000,         /* how long a blocking request may wait for its operationExecutionTime */
};
enum request_status { RS_COMPLETED = 1, RS_FAILED, RS_PENDING, RS_FORWARDED, RS_PARTIALLY_COMPLETED };

struct backs;
MUST_USE enum err request_open(struct cse *c);
void request_close(struct cse *c);
/* Before any thread runs: what was under way when the CSE went down has failed. */
MUST_USE enum err request_recover(struct cse *c, struct store_tx *t);
/* An m2m:rsp by NOTIFY to the CSEBase: the result of a request that another CSE had acknowledged to us. DONE. */
enum says request_result(struct run *r);
/* What is known so far of a result that comes in parts (fan-out): into the request resource of the run, as
 * PARTIALLY_COMPLETED; nothing happens when it has none. pc: content of the answer up to here. Loop thread. */
void request_partial(struct run *r, struct span pc);
/* Everything of this loop that waits is over: the CSE stops. Loop thread. */
void method_stop(struct cse *c, unsigned loop);
void request_stop(struct cse *c, unsigned loop);

/* ---- between method.c and request.c ------------------------------------------------------------------ */

/* What the step has decided about a request that goes on behind its acknowledgement; in the exchange's arena. */
struct ack {
    int64_t rid;     /* of the request resource, once it is written */
    int64_t et;      /* ms: until then the result is kept */
    struct span uri; /* what the acknowledgement names */
    bool asynch;     /* response type 2: the result is notified */
    bool away;       /* the target is elsewhere */
};
/* Job on the writer: the request resource of x->run, PENDING. */
enum err request_make(struct cse *c, struct store_tx *t, struct exch *x);
/* Carries the request out behind the acknowledgement: at oet when it is of this CSE, else at once. */
MUST_USE enum err request_start(struct run *r);
/* Are too many under way? */
bool request_full(struct cse *c);

#endif
