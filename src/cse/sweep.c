/* sweep.c - resources whose expirationTime has passed are gone at most a second late, and their parents' counters
 * follow. */
#include <stdlib.h>
#include <string.h>

#include "cse/inside.h"
#include "host/heap.h"

enum { SWEEP_BLOCK = 16384, SWEEP_MEM = 256 << 20 };

static enum err remove_one(struct run *r, int64_t rid)
{
    struct row row;
    enum err e = store_get(r->t, rid, r->a, &row);
    if (e == ERR_NOTFOUND)
        return OK; /* went with its parent a moment ago */
    TRY(e);
    return gone_tree(r, &row, true);
}

static enum err sweep(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct prim q;
    struct run r = {.c = c, .x = x, .q = &q, .a = x->arena, .t = t, .slot = STORE_SLOTS_MAX, .now = c->w.now(c->w.ctx)};
    struct rows rows;
    prim_init(&q);
    TRY(store_expired(t, r.now, SWEEP_MAX, r.a, &rows));
    for (size_t i = 0; i < rows.n; i++)
        TRY(remove_one(&r, rows.v[i].rid));
    return OK;
}

static void swept(struct exch *x)
{
    struct cse *c = x->door;
    arena_reset(x->arena);
    c->sweeping = false;
    atomic_store(&c->tick, true); /* there may be more */
}

int64_t sweep_tick(struct cse *c, int64_t now)
{
    struct store_tx *t;
    int64_t et;
    if (c->sweeping || store_read(c->w.store, 0, &t) != OK)
        return now + TICK_MS;
    enum err e = store_next_et(t, &et);
    store_end(t);
    if (e != OK || et > now)
        return e == OK ? et : now + TICK_MS;
    heap_arena(&c->sweep_mem, SWEEP_BLOCK, SWEEP_MEM);
    c->sweep = (struct exch){.arena = &c->sweep_mem, .self = true, .done = swept, .door = c, .job = sweep};
    c->sweeping = c->w.enqueue(c->w.ctx, &c->sweep);
    return now + TICK_MS;
}
