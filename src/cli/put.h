/* put.h - inside `oneseal put`: what is sent, and how. */
#ifndef CLI_PUT_H
#define CLI_PUT_H

#include "app/session.h"
#include "app/writer_head.h"
#include "cli/readings.h"

enum put_as { PUT_CIN, PUT_TSI, PUT_FCNT };

struct put {
    struct session s;
    struct writer *w;      /* NULL: not sealing */
    struct writer_head *h; /* NULL: no heads */
    struct readings *r;
    struct span to; /* the parent, or the flexContainer itself */
    enum put_as as;
    struct span root, attribute; /* PUT_FCNT: its name on the wire, such as cod:tempe, and the attribute */
    const char *cnf, *rn;
    uint64_t count;  /* readings at most */
    uint64_t taken;  /* readings so far */
    uint64_t stored; /* messages so far */
    int64_t every_ms, retry_ms;
    uint64_t batch;   /* readings in one message; 0: each in its own, and no array */
    int64_t batch_ms; /* how long the first of them waits; 0: for the others */
    struct buf array; /* the batch that is being collected */
    uint64_t pending; /* readings in it */
    int64_t since_ms; /* its first one, monotonic */
    int64_t dgt_ms;   /* PUT_TSI: of the last instance */
    struct buf con, cnf_out, body;
};

/* put_send.c: seals (if it does), sends, prints. `readings` is how many the text holds; with a batch it is a JSON
 * array. Says the fault. */
MUST_USE enum status put_send(struct put *p, struct span json, uint64_t readings);

#endif
