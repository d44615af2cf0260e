/* method.c - how a request is answered (TS-0004 7.3.2.2, Recv-2.0): with its result, perhaps later, or with an
 * acknowledgement while it is carried out. */
#include "cse/request.h"
#include "cse/timer.h"

/* ---- blocking ---------------------------------------------------------------------------------------- */

/* A blocking request that waits for its operationExecutionTime, in the arena of its exchange. */
struct held {
    struct timer timer; /* first */
    struct held *next, **at;
    struct run *r;
};

static const char STOPS[] = "this CSE stops before the time of execution";

static void let_go(struct held *h)
{
    *h->at = h->next;
    if (h->next)
        h->next->at = h->at;
    timer_stop(h->r->c, &h->timer);
}

static void its_time(struct timer *t)
{
    struct held *h = (struct held *)(void *)t;
    let_go(h);
    run_go_on(h->r);
}

static enum says hold(struct run *r)
{
    struct held **list = &r->c->waiting[r->x->loop];
    if (r->c->stopping[r->x->loop])
        return refuse(r, RSC_INTERNAL_SERVER_ERROR, SPAN("oet"), STOPS);
    if (r->q->oet > r->now + HOLD_MAX_MS)
        return refuse(r, RSC_NOT_IMPLEMENTED, SPAN("oet"),
                      "a blocking request does not wait so long here; use response type 1 or 2");
    struct held *h = ARENA_NEW(r->a, struct held);
    if (!h)
        return oops(r, ERR_NOMEM);
    *h = (struct held){.r = r, .next = *list, .at = list};
    if (h->next)
        h->next->at = &h->next;
    *list = h;
    timer_set(r->c, &h->timer, r->x->loop, r->q->oet, its_time);
    return WAIT;
}

void method_stop(struct cse *c, unsigned loop)
{
    for (struct held *h; (h = c->waiting[loop]) != NULL;) {
        let_go(h);
        refuse(h->r, RSC_INTERNAL_SERVER_ERROR, SPAN("oet"), STOPS);
        run_answer(h->r);
    }
}

/* ---- behind an acknowledgement ------------------------------------------------------------------------- */

/* What is asked about a request is said at once (TS-0004 7.4.12). */
static enum says check_target(struct run *r)
{
    struct found f;
    if (r->q->op == OP_CREATE || r->q->op == OP_NOTIFY || find_addr(r, &r->q->addr, &f) != OK || f.row.ty != TY_REQ)
        return MORE;
    return refuse(r, RSC_BAD_REQUEST, SPAN("rt"), "requests about a request resource are blocking (TS-0004 7.4.12)");
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The life of the request resource: as rp says, else a while beyond the last time that the request names. */
static enum says choose_life(struct run *r, struct ack *k)
{
    const struct prim *q = r->q;
    int64_t max = r->now + (r->c->conf.et_max ? r->c->conf.et_max : ET_DEFAULT);
    k->et = q->rp ? q->rp : later(later(q->rset, q->rqet), later(q->oet, r->now)) + REQUEST_KEEP_MS;
    if (q->rp && q->rp <= r->now)
        return refuse(r, RSC_BAD_REQUEST, SPAN("rp"), "is over already: nobody could fetch the result");
    if (q->rp && q->oet && q->rp < q->oet)
        return refuse(r, RSC_BAD_REQUEST, SPAN("rp"), "ends before the operation is executed (oet)");
    if (k->et > max)
        return refuse(r, RSC_BAD_REQUEST, q->rp ? SPAN("rp") : SPAN("rqet"),
                      "asks for a longer life of the request resource than this CSE grants (TS-0004 7.3.2.2)");
    return MORE;
}

static enum says offered(struct run *r)
{
    if (!r->c->conf.no_requests)
        return MORE;
    return r->q->rt == RT_SYNCH
               ? refuse(r, RSC_NON_BLOCKING_SYNCH_REQUEST_NOT_SUPPORTED, SPAN("rt"),
                        "this CSE has no request resources; leave rt out or use 3 (TS-0004 7.3.2.2)")
               : refuse(r, RSC_NOT_IMPLEMENTED, SPAN("rt"), "this CSE answers with the result only; use 3");
}

static enum says acknowledge(struct run *r, bool away)
{
    struct ack *k = ARENA_NEW(r->a, struct ack);
    if (!k)
        return oops(r, ERR_NOMEM);
    *k = (struct ack){.asynch = r->q->rt == RT_ASYNCH, .away = away};
    enum says say = offered(r);
    if (say == MORE)
        say = check_target(r);
    if (say == MORE)
        say = choose_life(r, k);
    if (say != MORE)
        return say;
    if (!prim_text(r->q, PA_fr).n)
        return refuse(r, RSC_BAD_REQUEST, SPAN("fr"),
                      "nobody could ask for the result: this request has no originator");
    if (request_full(r->c)) {
        r->x->busy = true;
        return refuse(r, RSC_INTERNAL_SERVER_ERROR, SPAN("rt"),
                      "too many requests are carried out behind their "
                      "acknowledgement; try again later");
    }
    r->ack = k;
    r->x->job = request_make;
    r->stage = AT_RESERVE; /* comes back to this step with the resource written */
    return WAIT;
}

/* The request resource is there: the originator learns of it, the work begins. */
static enum says acknowledged(struct run *r)
{
    struct text t;
    STEP_TRY(r, request_start(r));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_STR(&w, "m2m:uri", r->ack->uri);
    jw_end_obj(&w);
    STEP_TRY(r, t.b.e);
    view_answer(r, r->ack->asynch ? RSC_ACCEPTED_ASYNCH : RSC_ACCEPTED_SYNCH, buf_span(&t.b));
    return DONE;
}

/* ---- the choice ---------------------------------------------------------------------------------------- */

/* Flexible: with the result, unless that has to come from somebody else or is still to be waited for. What another CSE
 * passes on is answered by the CSE that got it from its originator. */
static unsigned choose(struct run *r, bool away)
{
    bool waits = away || r->q->oet > r->now;
    bool from_cse = r->q->assoc.secured && r->q->assoc.kind == ASSOC_CSE;
    if (!waits || from_cse || r->c->conf.no_requests || !prim_text(r->q, PA_fr).n)
        return RT_BLOCKING;
    return r->q->nu.n ? RT_ASYNCH : RT_SYNCH;
}

enum says step_method(struct run *r)
{
    struct prim *q = r->q;
    if (q->rt == RT_BLOCKING && q->oet <= r->now)
        return MORE;
    if (r->ack)
        return acknowledged(r);
    if (q->rt == RT_NONE)
        return refuse(r, RSC_NOT_IMPLEMENTED, SPAN("rt"),
                      "requests without response are for interworking with 3GPP networks (TS-0001 8.2.2)");
    bool away = find_away(r, &q->addr);
    bool flexible = q->rt == RT_FLEX;
    if (flexible)
        q->rt = (uint8_t)choose(r, away);
    if (q->rt != RT_BLOCKING) {
        struct found f;
        bool request = flexible && !away && find_addr(r, &q->addr, &f) == OK && f.row.ty == TY_REQ;
        if (!request)
            return acknowledge(r, away);
        q->rt = RT_BLOCKING;
    }
    if (flexible) /* nobody behind us shall choose again */
        q->have &= ~(PA_BIT(rt) | PA_BIT(rtu));
    return q->oet > r->now && !away ? hold(r) : MORE;
}
