/* hook.h - the one place where somebody may change or refuse content before it is stored: sealing.
 *
 * Called in the step `before` of a CREATE of a contentInstance, of a timeSeriesInstance, and of a CREATE or UPDATE of a
 * flexContainer, on the writer thread, inside the savepoint of the
 * request. Whatever the hook writes through `t` (index, letters, small state) is taken back with the savepoint; if it
 * keeps something in memory as well (the counter of an epoch), `undone` tells it that the request was rolled back,
 * so that the index is given out again. Before it returns nothing of the content was stored, logged or notified. */
#ifndef CSE_HOOK_H
#define CSE_HOOK_H

#include "base/arena.h"
#include "m2m/rsc.h"
#include "store/store.h"

struct cse_hook_ask {
    struct store_tx *t; /* the write transaction */
    struct arena *arena;
    int64_t now;            /* ms since 1970 */
    bool fixed;             /* cannot be replaced: what would have to be sealed is to be refused */
    int64_t container;      /* rid of the parent */
    struct span path;       /* absolute structured address of the parent: "//sp/id-mn/mn/thermo-1/data"; of a
                               flexContainer its own */
    struct span con;        /* JSON source text of con, quotes and escapes as sent; of a flexContainer all attributes */
    struct span cnf;        /* value of cnf; empty when absent */
    const struct span *lbl; /* labels of the container */
    size_t nlbl;
    void (*entropy)(void *ctx, void *p, size_t n);
    void *entropy_ctx;
};
struct cse_hook_say {
    /* When con.p is not NULL, these two are stored instead of what was sent: con as JSON text, cnf as text. They
     * live in the arena. The engine overwrites the octets of the request's con with zeros in that case. */
    struct span con, cnf;
};

struct cse_hook {
    void *ctx;
    /* VERDICT_GO: pass, or replaced through *say. Otherwise the request is refused: 4102 for clear text where
     * only sealed content is taken, 5000-class when sealing is not possible now. NULL: everything passes. */
    struct verdict (*before)(void *ctx, const struct cse_hook_ask *ask, struct cse_hook_say *say);
    /* The savepoint in which `before` was called last was taken back. Only called when it was called there. */
    void (*undone)(void *ctx);
    /* COMMIT returned: e == OK, or nothing of the whole transaction was stored. */
    void (*committed)(void *ctx, enum err e);
};

struct cse;
/* Before any thread runs. */
void cse_set_hook(struct cse *c, const struct cse_hook *h);

#endif
