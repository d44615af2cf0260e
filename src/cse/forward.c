/* forward.c - requests for other CSEs: towards the target, unchanged but for From (TS-0004 7.3.2.6). */
#include <string.h>

#include "cse/inside.h"

/* ---- going in circles ---------------------------------------------------------------------------- */
/* oneM2M has no hop count. A request that passes here while it is still under way from here goes in circles: the list
 * of what is under way tells. It is short; all loops share it. */

static void lock(struct cse *c)
{
    while (atomic_flag_test_and_set_explicit(&c->fly_lock, memory_order_acquire)) {
    }
}

static void unlock(struct cse *c)
{
    atomic_flag_clear_explicit(&c->fly_lock, memory_order_release);
}

static bool same_request(const struct prim *x, const struct prim *y)
{
    return span_eq(prim_text(x, PA_rqi), prim_text(y, PA_rqi)) && span_eq(prim_text(x, PA_to), prim_text(y, PA_to)) &&
           x->op == y->op;
}

static enum rsc take_off(struct run *r)
{
    struct cse *c = r->c;
    unsigned passes = 0;
    lock(c);
    for (const struct run *f = c->flying; f; f = f->fly_next)
        passes += same_request(f->q, r->q);
    enum rsc rsc = passes >= HOPS_MAX ? RSC_NOT_FOUND : c->nflying >= FLYING_MAX ? RSC_TARGET_NOT_REACHABLE : RSC_NONE;
    if (rsc == RSC_NONE) {
        r->fly_next = c->flying;
        c->flying = r;
        c->nflying++;
    }
    unlock(c);
    return rsc;
}

static void land(struct run *r)
{
    struct cse *c = r->c;
    lock(c);
    struct run **at = &c->flying;
    while (*at && *at != r)
        at = &(*at)->fly_next;
    if (*at) {
        *at = r->fly_next;
        c->nflying--;
    }
    unlock(c);
}

/* ---- the answer ---------------------------------------------------------------------------------- */

/* Its own identifier, whatever it was on the way; and the release, which an entity of release 1 did not repeat. */
static void repeat(struct run *r, const struct prim *rsp)
{
    struct prim *p = ARENA_NEW(r->a, struct prim);
    if (!p) {
        oops(r, ERR_NOMEM);
        return;
    }
    *p = *rsp;
    prim_set(p, PA_rqi, prim_text(r->q, PA_rqi));
    if (prim_has(r->q, PA_rvi))
        prim_set(p, PA_rvi, prim_text(r->q, PA_rvi));
    p->vnd = r->q->vnd;
    r->x->rsp = p;
}

static bool passed(int64_t at, int64_t now)
{
    return at && at <= now;
}

void forward_answer(struct run *r, enum err e, const struct prim *rsp)
{
    int64_t now = r->c->w.now(r->c->w.ctx);
    if (e == OK && rsp)
        repeat(r, rsp);
    else if (passed(r->q->rqet, now) || passed(r->q->rset, now))
        refuse(r, RSC_REQUEST_TIMEOUT, passed(r->q->rqet, now) ? SPAN("rqet") : SPAN("rset"),
               "the time is over, and the target has not answered (TS-0004 7.3.2.6)");
    else
        refuse(r, RSC_TARGET_NOT_REACHABLE, SPAN("to"), e == OK ? "the next hop gave no answer" : err_text(e));
    run_answer(r);
}

static void over(struct hop *h, enum err e, const struct prim *rsp)
{
    land(h->r);
    forward_answer(h->r, e, rsp);
}

/* ---- the request --------------------------------------------------------------------------------- */

/* The CSE that sent it to us: "/id-in"; empty: an AE, or nobody knows. */
static struct span sender(const struct run *r)
{
    const struct assoc *as = &r->q->assoc;
    if (as->secured && as->kind == ASSOC_CSE && as->n_ids)
        return id_parse(as->ids[0], &r->c->conf.self).cse;
    /* without a security association only From can tell */
    return !as->secured && !span_eq(r->q->from.cse, r->c->conf.self.csi) ? r->q->from.cse : SPAN_NONE;
}

static void own_request_id(struct run *r, struct prim *p)
{
    struct text t;
    const struct id *from = &r->q->from;
    bool ours = (from->kind == ID_AE_C || from->kind == ID_AE_S) && !sender(r).n;
    if (sw_open(&r->c->conf.sw, SW_request_id_prefix) || !ours)
        return;
    text_init(&t, r->a);
    buf_put(&t.b, from->stem);
    buf_c(&t.b, '/');
    buf_put(&t.b, prim_text(r->q, PA_rqi));
    prim_set(p, PA_rqi, buf_span(&t.b));
}

static struct hop *hop_for(struct run *r)
{
    struct hop *h = ARENA_NEW(r->a, struct hop);
    struct text fr;
    if (!h)
        return NULL;
    *h = (struct hop){.r = r, .a = r->a, .loop = r->x->loop, .deadline = hop_deadline(r), .over = over};
    h->req = *r->q;
    h->req.vnd = false; /* the media types of this hop are its own */
    text_init(&fr, r->a);
    bool leaves_sp = r->q->addr.where == ADDR_OTHER_SP && r->c->conf.role == ROLE_IN;
    id_put_forwarded(&fr.b, prim_text(r->q, PA_fr), &r->c->conf.self, leaves_sp);
    prim_set(&h->req, PA_fr, buf_span(&fr.b));
    own_request_id(r, &h->req);
    return h;
}

enum says step_forward(struct run *r)
{
    if (!find_away(r, &r->q->addr))
        return MORE;
    if (r->q->op == OP_CREATE && (r->q->ty == TY_AE || r->q->ty == TY_CSR))
        return refuse(r, RSC_BAD_REQUEST, SPAN("to"), "a registration cannot be forwarded (TS-0004 7.3.2.6)");
    if (passed(r->q->oet, r->now))
        return refuse(r, RSC_REQUEST_TIMEOUT, SPAN("oet"),
                      "the time of execution is over before the hosting CSE could have the request (TS-0004 7.3.2.6)");
    struct span from = r->x->trusted ? SPAN_NONE : sender(r); /* a request of our own has come from nowhere */
    struct hop *h = r->hop = hop_for(r);
    if (!h)
        return oops(r, ERR_NOMEM);
    enum err e = hop_towards(r, &r->q->addr, from.n && span_eq(from, r->c->conf.parent_csi), h);
    if (e == ERR_NOTFOUND)
        return refuse(r, RSC_NOT_FOUND, SPAN("to"),
                      "no registered CSE is or leads to the hosting CSE (TS-0004 7.3.2.6)");
    if (e == ERR_UNREACHABLE)
        return refuse(r, RSC_TARGET_NOT_REACHABLE, SPAN("to"), "the next hop has no point of access");
    STEP_TRY(r, e);
    if (from.n && span_ends(h->peer, from))
        return refuse(r, RSC_NOT_FOUND, SPAN("to"), "the request came from the CSE that it would be forwarded to");
    if (h->rel == REL_1)
        hop_release_1(h);
    enum rsc rsc = take_off(r);
    if (rsc != RSC_NONE)
        return refuse(r, rsc, SPAN("to"),
                      rsc == RSC_NOT_FOUND ? "the request goes in circles: it passed here too often"
                                           : "too many forwarded requests are under way");
    hop_go(r->c, h);
    return WAIT;
}
