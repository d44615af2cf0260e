/* block.c - a prelude (prelude.def). What is blocked stands in one short list behind a lock; it ends with the answer of
 * the UPDATE that began it. */
#include "cse/block.h"

#include "cse/prelude.h"
#include "cse/sgn.h"

struct block {
    struct block *next;
    int64_t rid;
    struct run *first, **end; /* that wait, by hold_next */
    unsigned n;
};

static void lock(struct cse *c)
{
    while (atomic_flag_test_and_set_explicit(&c->block_lock, memory_order_acquire)) {
    }
}

static void unlock(struct cse *c)
{
    atomic_flag_clear_explicit(&c->block_lock, memory_order_release);
}

static struct block *block_of(struct cse *c, int64_t rid)
{
    struct block *b = c->blocks;
    while (b && b->rid != rid)
        b = b->next;
    return b;
}

/* ---- the end ----------------------------------------------------------------------------------------- */

static void go_on(void *arg)
{
    run_again(arg);
}

void block_over(struct run *r)
{
    struct cse *c = r->c;
    struct block *b = r->block, **at = &c->blocks;
    lock(c);
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    atomic_fetch_sub(&c->nblocks, 1);
    unlock(c);
    r->block = NULL;
    for (struct run *w = b->first, *next; w; w = next) {
        next = w->hold_next;
        c->w.later(c->w.ctx, w->x->loop, go_on, w);
    }
}

/* ---- the question ------------------------------------------------------------------------------------ */

static void over(struct hop *h, enum err e, const struct prim *rsp)
{
    struct run *r = h->r;
    unsigned rsc = e == OK && rsp ? rsp->rsc : RSC_TARGET_NOT_REACHABLE;
    if (rsc_ok(rsc))
        prelude_over(r);
    else if (rsc == RSC_TARGET_NOT_REACHABLE)
        prelude_fail(r, verdict_of(RSC_REMOTE_ENTITY_NOT_REACHABLE, SPAN("nu"),
                                   "the target of a blocking subscription does not answer (TS-0004 7.5.1.2.2)"));
    else
        prelude_fail(r, verdict_of(RSC_OPERATION_DENIED_BY_REMOTE_ENTITY, SPAN("nu"),
                                   "the target of a blocking subscription does not agree (TS-0004 7.5.1.2.2)"));
}

static enum says ask(struct run *r, const struct row *row, const struct sub *s)
{
    struct span open, body, to = s->nu.v[0];
    struct event e = {NET_BLOCKING, 0, &r->target, &r->target, NULL, r->q->body->raw};
    struct hop *h = ARENA_NEW(r->a, struct hop);
    bool here;
    if (!h)
        return oops(r, ERR_NOMEM);
    *h = (struct hop){.r = r, .a = r->a, .loop = r->x->loop, .deadline = hop_deadline(r), .over = over};
    STEP_TRY(r, sgn_event(r, row, s, &e, NULL, &open));
    STEP_TRY(r, sgn_close(r, open, s->cr, to, &body));
    enum err err = hop_to_target(r, to, h, &here);
    if (err == ERR_NOTFOUND || err == ERR_UNREACHABLE)
        return refuse(r, RSC_REMOTE_ENTITY_NOT_REACHABLE, SPAN("nu"),
                      "the target of a blocking subscription has no point of access (TS-0004 7.5.1.2.2)");
    STEP_TRY(r, err);
    if (here)
        return MORE; /* this CSE itself agrees */
    hop_notify(r, h, to, name_fresh(r->c, "b-", r->a), body);
    hop_go(r->c, h);
    return WAIT;
}

/* ---- the prelude ------------------------------------------------------------------------------------- */

bool block_wanted(struct run *r)
{
    return (r->q->op == OP_UPDATE && subs_hear_blocks(&r->target)) || atomic_load(&r->c->nblocks) > 0;
}

/* What the UPDATE names. */
static struct attr_set named(const struct attrs *in)
{
    struct attr_set s = {.t = in->t};
    for (size_t i = 1; i <= in->n; i++)
        if (in->v[i])
            s.bits |= UINT64_C(1) << (i <= in->t->n ? i : 0);
    return s;
}

/* The blocking subscription that this UPDATE concerns; *s NULL: none. */
static enum err find_blocking(struct run *r, struct row *row, const struct sub **s)
{
    struct attr_set changed = named(&r->in);
    struct event e = {NET_BLOCKING, 0, &r->target, &r->target, &changed, SPAN_NONE};
    struct rows page = {.more = r->q->op == OP_UPDATE && subs_hear_blocks(&r->target)};
    *s = NULL;
    for (int64_t after = 0; page.more; after = page.v[page.n - 1].rid) {
        TRY(store_list(r->t, r->target.rid, TY_SUB, after, PAGE, false, r->a, &page));
        for (size_t i = 0; i < page.n; i++) {
            const struct monitor *om;
            const struct sub *one;
            TRY(sub_of(r, &page.v[i], &one));
            if (page.v[i].et <= r->now || !one->nu.n || !sub_hears(r, one, &e, &om))
                continue;
            *row = page.v[i];
            *s = one;
            return OK;
        }
        if (!page.n)
            break;
    }
    return OK;
}

/* Somebody else is asking: behind him. */
static bool wait_behind(struct run *r, struct block *b)
{
    if (b->n == BLOCK_WAIT_MAX)
        return false;
    r->hold_next = NULL;
    *b->end = r;
    b->end = &r->hold_next;
    b->n++;
    return true;
}

static enum says busy(struct run *r)
{
    r->x->busy = true;
    return refuse(r, RSC_INTERNAL_SERVER_ERROR, SPAN_NONE,
                  "too many changes of this resource wait for a blocking subscription; try again later");
}

enum says block_start(struct run *r)
{
    struct cse *c = r->c;
    struct block *mine = ARENA_NEW(r->a, struct block);
    const struct sub *s;
    struct row row;
    if (!mine)
        return oops(r, ERR_NOMEM);
    STEP_TRY(r, find_blocking(r, &row, &s));
    lock(c);
    struct block *b = block_of(c, r->target.rid);
    bool waits = b && wait_behind(r, b);
    if (!b && s) {
        *mine = (struct block){.next = c->blocks, .rid = r->target.rid, .end = &mine->first};
        c->blocks = r->block = mine;
        atomic_fetch_add(&c->nblocks, 1);
    }
    unlock(c);
    if (b)
        return waits ? WAIT : busy(r);
    return s ? ask(r, &row, s) : MORE;
}
