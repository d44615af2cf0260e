/* hook.h - the one place where somebody may change or refuse content before it is stored: sealing.
 *
 * Called in the step `before`, on the writer thread, inside the savepoint of the request, for everything that brings
 * readings: CREATE of a contentInstance, of a timeSeriesInstance, of a timeSeries (whose cnf is that of its instances
 * and never changes), CREATE and UPDATE of a flexContainer; and with the CREATE of a container, so that keys can be
 * fetched ahead. Whatever the hook writes through `t` (index, letters, small
 * state) is taken back with the savepoint; if it keeps something in memory as well (the counter of an epoch), `undone`
 * tells it that the request was rolled back, so that the index is given out again. Before it returns nothing of the
 * content was stored, logged or notified. */
#ifndef CSE_HOOK_H
#define CSE_HOOK_H

#include "base/arena.h"
#include "cse/readers.h"
#include "m2m/rsc.h"
#include "store/store.h"

enum cse_hook_what {
    HOOK_CIN,
    HOOK_TSI,
    HOOK_TS,
    HOOK_FCNT,
    HOOK_CNT, /* a container comes: nothing is to be sealed yet */
};

/* One attribute of a flexContainer that its specialization has: content. */
struct cse_hook_attr {
    struct span name, json; /* json: source text, as sent */
    bool sealable;          /* its description says `sealed` (m2m/spec.h), and the value is a string */
    struct span say;        /* filled by the hook: JSON string to be stored instead; p NULL: as sent */
};

struct cse_hook_ask {
    struct store_tx *t; /* the write transaction */
    struct arena *arena;
    int64_t now;       /* ms since 1970 */
    uint8_t what;      /* enum cse_hook_what */
    bool update;       /* of a flexContainer */
    int64_t container; /* rid of what lies at `path`; 0: it is not there yet */
    struct span path;  /* absolute structured address of the stream's place: of the container, of the timeSeries,
                          of the flexContainer: "//sp/id-mn/mn/thermo-1/data" */
    struct span con;   /* JSON source text of con, quotes and escapes as sent; instances only */
    struct span cnf;   /* value of cnf, that of the timeSeries for its instances; empty when absent */
    struct cse_hook_attr *attrs; /* HOOK_FCNT: content that the request sets, null left out */
    size_t n_attrs;
    uint64_t access; /* another number: access control may have changed since (readers.h) */
    /* Who may RETRIEVE what lies at `path`, as it is or is to be. */
    enum err (*readers)(void *ctx, struct readers *out);
    void *readers_ctx;
    const struct span *lbl; /* labels of what lies at `path`: as stored and as sent */
    size_t nlbl;
    void (*entropy)(void *ctx, void *p, size_t n);
    void *entropy_ctx;
};
struct cse_hook_say {
    /* When con.p is not NULL, con (JSON text) and cnf (text) are stored instead of what was sent; cnf alone for a
     * timeSeries. They live in the arena. The engine overwrites the octets of the request that were replaced with
     * zeros.
     */
    struct span con, cnf;
};

/* An UPDATE that changes labels. */
struct cse_hook_relabel {
    struct arena *arena;
    struct span path;
    const struct span *was, *will; /* labels */
    size_t nwas, nwill;
    bool admin; /* the operator asks */
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
    /* Loop 0, at each tick: what it has to do by itself (heads); gives the time of the next. NULL: nothing. */
    int64_t (*tick)(void *ctx, int64_t now);
    /* After a COMMIT: policies, groups or AEs may have changed. NULL: nobody cares. */
    void (*access)(void *ctx);
    /* May the labels of a container, timeSeries or flexContainer become these? NULL: any. */
    struct verdict (*relabel)(void *ctx, const struct cse_hook_relabel *ask);
};

struct cse;
/* Before any thread runs. */
void cse_set_hook(struct cse *c, const struct cse_hook *h);

#endif
