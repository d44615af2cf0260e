/* writer.h - the one thread that changes the store, and the bounded queue before it.
 *
 * Loops put exchanges in; the thread takes the whole queue, has it run as one transaction (cse_run_write: a savepoint
 * each, then COMMIT) and gives every exchange back, those of one loop in one list in their order, after the
 * transaction is over. A full queue refuses at once: who waits in front of it could only time out.
 *
 * Clients that wait for their answer before they ask again fall into two halves that commit in turn; so the thread
 * waits a moment (`pause_ns`) between its wake-up and taking the queue, when the last batch had more than one. */
#ifndef CSE_WRITER_H
#define CSE_WRITER_H

#include "cse/cse.h"

enum {
    WRITER_QUEUE = 4096, /* default of queue_max */
    WRITER_BATCH = 1024  /* exchanges in one transaction at most; the rest of the queue comes next */
};

struct writer_conf {
    size_t queue_max; /* 0: WRITER_QUEUE */
    unsigned loops;   /* numbers of exch.loop are below this; at most STORE_SLOTS_MAX */
    void *ctx;
    /* Writer thread: the transaction for all of them. */
    void (*run)(void *ctx, struct exch **list, size_t n);
    /* Writer thread: a list of exchanges (by `next`) of one loop, done. */
    void (*back)(void *ctx, unsigned loop, struct exch *first);
    /* Writer thread: how long to wait before the queue is taken, in nanoseconds. NULL: not at all. */
    uint64_t (*pause_ns)(void *ctx);
};

struct writer_counts {
    uint64_t taken, refused, batches;
    size_t waiting, largest; /* in the queue now; largest batch so far */
};

struct writer;

/* Starts the thread. ERR_NOMEM. */
MUST_USE enum err writer_new(const struct writer_conf *conf, struct writer **out);
/* Any thread. False: the queue is full or the writer stops; x still belongs to the caller. */
bool writer_put(struct writer *w, struct exch *x);
/* Any thread. */
struct writer_counts writer_counts(struct writer *w);
/* Takes nothing more, finishes what is queued (and gives it back), ends the thread. */
void writer_stop(struct writer *w);
/* After writer_stop. NULL is fine. */
void writer_free(struct writer *w);

#endif
