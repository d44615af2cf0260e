/* alarm.c - the bell-ringer: on loop 0 it looks what is due, on the writer it rings. */
#include "cse/alarm.h"

#include <stdlib.h>

#include "host/heap.h"

enum { ALARM_BLOCK = 16384, ALARM_MEM = 64 << 20 };

struct alarms {
    bool busy;    /* a job is under way */
    size_t max;   /* to be rung in the next job */
    bool put_off; /* the next job only moves the first one to later */
    struct exch x;
    struct arena mem;
    struct prim q;
};

static const struct {
    int64_t number;
    enum err (*ring)(struct run *r, struct row *row, int64_t due);
} kinds[] = {
#define ALARM(name, number, what) {number, name##_ring},
#include "cse/alarm.def"
#undef ALARM
    {ALARM_NONE, NULL}};

enum err alarm_new(struct cse *c)
{
    c->alarms = calloc(1, sizeof *c->alarms);
    if (!c->alarms)
        return ERR_NOMEM;
    c->alarms->max = ALARMS_MAX;
    return OK;
}

void alarm_free(struct cse *c)
{
    if (c->alarms)
        arena_reset(&c->alarms->mem);
    free(c->alarms);
}

enum err alarm_at(struct run *r, enum alarm_kind kind, int64_t rid, int64_t due)
{
    r->c->told = true; /* loop 0 has to look for the next time anew */
    return store_alarm_set(r->t, kind, rid, due);
}

/* ---- on the writer ------------------------------------------------------------------------------- */

static enum err ring_one(struct run *r, const struct alarm *al)
{
    struct row row;
    size_t i = 0;
    TRY(store_alarm_set(r->t, al->kind, al->rid, NEVER));
    enum err e = store_get(r->t, al->rid, r->a, &row);
    if (e == ERR_NOTFOUND || (e == OK && row.et <= r->now))
        return OK;
    TRY(e);
    while (kinds[i].ring && kinds[i].number != al->kind)
        i++;
    if (!kinds[i].ring)
        return OK; /* of a later version of this program */
    r->target = row;
    r->type = type_of_row(&row);
    return kinds[i].ring(r, &row, al->due);
}

static enum err ring(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct alarms *m = c->alarms;
    struct alarm *due;
    size_t n;
    int64_t now = c->w.now(c->w.ctx);
    TRY(store_alarms_due(t, now, m->max, x->arena, &due, &n));
    for (size_t i = 0; i < n; i++) {
        struct run r = {.c = c, .x = x, .q = &m->q, .a = x->arena, .t = t, .slot = STORE_SLOTS_MAX, .now = now};
        if (m->put_off)
            TRY(store_alarm_set(t, due[i].kind, due[i].rid, now + ALARM_AGAIN_MS));
        else
            TRY(ring_one(&r, &due[i]));
    }
    return OK;
}

/* One that fails takes its whole job back, so the next job rings one alone; when that is the one that fails, it is put
 * off. */
static void rung(struct exch *x)
{
    struct cse *c = x->door;
    struct alarms *m = c->alarms;
    arena_reset(x->arena);
    m->busy = false;
    m->put_off = x->wrote != OK && m->max == 1;
    m->max = x->wrote != OK ? 1 : ALARMS_MAX;
    atomic_store(&c->tick, true);
}

/* ---- on loop 0 ----------------------------------------------------------------------------------- */

int64_t alarm_tick(struct cse *c, int64_t now)
{
    struct alarms *m = c->alarms;
    struct store_tx *t;
    int64_t due;
    if (m->busy || store_read(c->w.store, 0, &t) != OK)
        return now + TICK_MS;
    enum err e = store_alarm_next(t, &due);
    store_end(t);
    if (e != OK || due > now)
        return e == OK ? due : now + TICK_MS;
    heap_arena(&m->mem, ALARM_BLOCK, ALARM_MEM);
    prim_init(&m->q);
    m->x = (struct exch){.arena = &m->mem, .self = true, .done = rung, .door = c, .job = ring};
    m->busy = c->w.enqueue(c->w.ctx, &m->x);
    return now + TICK_MS;
}
