/* joint.c - this CSE registers at its registrar (TS-0001 10.2.2.7): CREATE remoteCSE there, or UPDATE when it is there
 * already; then our resource is read back, the registrar's CSEBase as well, and the registrar gets a remoteCSE here.
 * Tried again until it works, with back-off; nothing else waits for it. From then on UPDATE when the CSEs below this
 * one change (dcse), before our resource there expires, and now and then, so that a registrar that lost us learns us
 * anew. Loop 0. */
#include "cse/joint.h"

#include <stdlib.h>
#include <string.h>

#include "base/m2mtime.h"
#include "host/heap.h"

enum { JOINT_BLOCK = 4096, JOINT_MEM = 1 << 20, JOINT_AGAIN_MS = 5 * 60000, JOINT_LEAVE_MS = 1500 };

enum err joint_new(struct cse *c)
{
    if (!c->conf.parent_url.n)
        return OK;
    c->joint = calloc(1, sizeof *c->joint);
    return c->joint ? OK : ERR_NOMEM;
}

void joint_free(struct cse *c)
{
    if (!c->joint)
        return;
    if (c->joint->busy)
        arena_reset(&c->joint->a);
    free(c->joint);
}

/* ---- what comes next ------------------------------------------------------------------------------ */

/* When to show up again: the operator's interval, and a quarter of the lifetime before its end. */
static int64_t refresh_at(const struct cse *c, const struct joint *j, int64_t now)
{
    int64_t at = now + (c->conf.join.refresh ? c->conf.join.refresh : JOINT_AGAIN_MS);
    if (j->et && j->et - j->life / 4 < at)
        at = j->et - j->life / 4;
    return at < now + BACKOFF_MIN ? now + BACKOFF_MIN : at;
}

static void rest(struct cse *c, bool failed)
{
    struct joint *j = c->joint;
    int64_t ms = BACKOFF_MIN, now = c->w.now(c->w.ctx);
    for (uint32_t i = 0; i < j->tries && ms < BACKOFF_MAX / 10; i++)
        ms *= 2;
    j->tries = failed ? j->tries + 1 : 0;
    j->next = failed ? now + ms : j->todo == JOINT_DONE ? refresh_at(c, j, now) : 0;
    j->busy = false;
    j->base = SPAN_NONE;
    arena_reset(&j->a);
    atomic_store(&c->tick, true);
}

/* The registrar says how long it keeps us. */
static void read_et(struct joint *j, const struct prim *rsp)
{
    const struct jval *body;
    int64_t et;
    if (!rsp->pc.n || name_parse(rsp->pc, &j->a, &body) != OK)
        return;
    const struct jval *csr = JSON_GET(body, "m2m:csr"), *v = csr ? JSON_GET(csr, "et") : NULL;
    if (!v || m2mtime_get(name_text(v, &j->a), &et) != OK || et <= j->r.now)
        return;
    j->et = et;
    j->life = et - j->r.now;
}

static void recorded(struct exch *x)
{
    struct joint *j = x->door;
    j->known = x->wrote == OK;
    j->todo = JOINT_DONE; /* should it have failed, the next refresh brings it again */
    rest(j->r.c, false);
}

static void record(struct cse *c, struct joint *j, struct span base)
{
    j->base = base;
    if (!c->w.enqueue(c->w.ctx, &j->x))
        rest(c, true);
}

static void left(struct joint *j)
{
    void (*fn)(void *) = j->left;
    j->left = NULL;
    if (fn)
        fn(j->left_ctx);
}

/* ---- answers -------------------------------------------------------------------------------------- */

static bool registered(struct cse *c, struct joint *j, unsigned rsc, const struct prim *rsp)
{
    if (rsc == RSC_ORIGINATOR_HAS_ALREADY_REGISTERED || (rsc == RSC_CONFLICT && j->todo == JOINT_CREATE)) {
        j->todo = JOINT_UPDATE;
        return true;
    }
    if (rsc == RSC_NOT_FOUND)
        j->todo = JOINT_CREATE;
    if (!rsc_ok(rsc)) {
        if (c->w.note && j->tries == 0)
            c->w.note(c->w.ctx, "registration-waits", c->conf.parent_csi,
                      rsc ? rsc_name(rsc) : "the registrar does not answer", 1);
        return false;
    }
    read_et(j, rsp);
    j->joined = true;
    j->todo = j->known ? JOINT_DONE : JOINT_READ;
    return true;
}

static void over(struct hop *h, enum err e, const struct prim *rsp)
{
    struct cse *c = h->ctx;
    struct joint *j = c->joint;
    unsigned rsc = e == OK && rsp ? rsp->rsc : 0;
    switch ((enum joint_todo)j->todo) {
    case JOINT_READ:
        j->todo = rsc == RSC_NOT_FOUND ? JOINT_CREATE : JOINT_BASE;
        rest(c, false);
        return;
    case JOINT_BASE: /* it may well be closed to us: then the configuration has to do */
        record(c, j, rsc_ok(rsc) ? rsp->pc : SPAN_NONE);
        return;
    case JOINT_LEAVE:
        j->todo = JOINT_LEFT;
        rest(c, false);
        left(j);
        return;
    default:
        rest(c, !registered(c, j, rsc, rsp));
    }
}

/* ---- turns ---------------------------------------------------------------------------------------- */

static void ask(struct cse *c, struct joint *j, int64_t now)
{
    struct text peer;
    struct id id = id_parse(c->conf.parent_csi, &c->conf.self);
    j->busy = true;
    heap_arena(&j->a, JOINT_BLOCK, JOINT_MEM);
    prim_init(&j->q);
    j->x = (struct exch){.req = &j->q, .arena = &j->a, .self = true, .door = j, .done = recorded, .job = joint_record};
    j->r = (struct run){.c = c, .x = &j->x, .q = &j->q, .a = &j->a, .now = now};
    j->hop = (struct hop){.a = &j->a, .over = over, .ctx = c, .deadline = hop_deadline(&j->r), .base = true};
    if (j->todo == JOINT_LEAVE && j->hop.deadline > now + JOINT_LEAVE_MS)
        j->hop.deadline = now + JOINT_LEAVE_MS;
    j->hop.urls = &c->conf.parent_url;
    j->hop.n = 1;
    text_init(&peer, &j->a);
    id_put_absolute(&peer.b, &id);
    j->hop.peer = buf_span(&peer.b);
    joint_request(c, j);
    hop_go(c, &j->hop);
}

int64_t joint_tick(struct cse *c, int64_t now)
{
    struct joint *j = c->joint;
    if (!j || j->busy || j->todo == JOINT_LEFT)
        return NEVER;
    if (j->todo == JOINT_DONE && (atomic_exchange(&c->below_changed, false) || now >= j->next))
        j->todo = JOINT_UPDATE;
    else if (j->todo == JOINT_DONE || now < j->next)
        return j->next;
    ask(c, j, now);
    return NEVER;
}

bool cse_is_joined(const struct cse *c)
{
    return !c->joint || c->joint->joined;
}

bool cse_leave(struct cse *c, void (*fn)(void *ctx), void *ctx)
{
    struct joint *j = c->joint;
    if (!j || !c->conf.join.leave || !j->joined || j->busy)
        return false;
    j->todo = JOINT_LEAVE;
    j->left = fn;
    j->left_ctx = ctx;
    ask(c, j, c->w.now(c->w.ctx));
    return true;
}
