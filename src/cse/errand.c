/* errand.c - requests of this CSE itself. They wait in a list of their loop thread and start from its next turn, some
 * at a time, so that whoever makes a thousand of them leaves room for others. */
#include "cse/errand.h"

#include <stdlib.h>

#include "host/heap.h"

enum { ERRAND_BLOCK = 2048, ERRAND_MEM = 64 << 20, ERRANDS_A_TURN = 32 };

static void on_behalf(struct errand *e, const struct run *r)
{
    static const enum param same[] = {PA_fr, PA_rvi, PA_rids, PA_tkns, PA_tids, PA_ltids, PA_ec};
    for (size_t i = 0; i < LEN(same); i++)
        if (prim_has(r->q, same[i]))
            prim_set(&e->q, same[i], prim_text(r->q, same[i]));
    e->q.assoc = r->q->assoc;
    e->x.self = r->x->self;
    e->x.proven = r->x->proven;
}

static void number(struct errand *e, enum param id, unsigned n)
{
    struct text t;
    text_init(&t, &e->a);
    buf_u64(&t.b, n);
    prim_set(&e->q, id, buf_span(&t.b));
}

struct errand *errand_new(struct cse *c, struct run *r, unsigned loop, enum op op, struct span to)
{
    struct errand *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    heap_arena(&e->a, ERRAND_BLOCK, ERRAND_MEM);
    prim_init(&e->q);
    e->c = c;
    e->r = r;
    e->x = (struct exch){.req = &e->q, .arena = &e->a, .loop = loop, .door = e, .trusted = true, .self = !r};
    e->q.op = (uint8_t)op;
    number(e, PA_op, op);
    prim_set(&e->q, PA_to, arena_dup(&e->a, to));
    prim_set(&e->q, PA_fr, c->conf.self.csi);
    prim_set(&e->q, PA_rqi, name_fresh(c, "e-", &e->a));
    prim_set(&e->q, PA_rvi, SPAN("3"));
    if (r)
        on_behalf(e, r);
    return e;
}

void errand_content(struct errand *e, struct span json)
{
    e->q.pc = json;
    e->q.ser = SER_JSON;
}

void errand_type(struct errand *e, unsigned ty)
{
    number(e, PA_ty, ty);
}

void errand_secret(struct errand *e)
{
    heap_arena_wipes(&e->a);
}

void errand_free(struct errand *e)
{
    arena_reset(&e->a);
    free(e);
}

/* ---- on its way ------------------------------------------------------------------------------------ */

static void over(struct exch *x)
{
    struct errand *e = x->door;
    e->over(e);
}

static void answered(void *arg)
{
    over(arg);
}

/* Its answer comes in a turn of its own: an errand that is answered at once must not call back from within. */
static void done(struct exch *x)
{
    struct errand *e = x->door;
    e->c->w.later(e->c->w.ctx, x->loop, answered, x);
}

static void start(void *arg);

static void start_later(struct cse *c, struct errands *all)
{
    c->w.later(c->w.ctx, all->loop, start, all);
}

static void start(void *arg)
{
    struct errands *all = arg;
    struct errand *e = all->first;
    for (unsigned n = 0; e && n < ERRANDS_A_TURN; n++) {
        all->first = e->next;
        struct errand *next = e->next;
        cse_submit(e->c, &e->x); /* e may be gone behind this */
        e = next;
    }
    if (!all->first)
        all->last = NULL;
    else
        start_later(all->first->c, all);
}

void errand_go(struct errand *e)
{
    struct errands *all = &e->c->errands[e->x.loop];
    bool idle = !all->first;
    all->loop = e->x.loop;
    e->x.done = done;
    e->next = NULL;
    *(idle ? &all->first : &all->last->next) = e;
    all->last = e;
    if (idle)
        start_later(e->c, all);
}
