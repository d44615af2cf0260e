/* notify.c - a NOTIFY that came in: to an AE of this CSE it goes on to its point of access, to the CSEBase it is for us
 * (TS-0004 7.3.3.9, 7.5.1.2). */
#include "cse/crs.h"
#include "cse/esprim.h"
#include "cse/request.h"

static bool is_true(const struct jval *v)
{
    bool yes = false;
    return v && json_bool(v, &yes) == OK && yes;
}

bool notify_is_verification(const struct run *r)
{
    return r->q->op == OP_NOTIFY && span_eq(r->q->root, SPAN("m2m:sgn")) && is_true(JSON_GET(r->q->content, "vrq"));
}

bool notify_is_result(const struct run *r)
{
    return r->q->op == OP_NOTIFY && r->target.ty == TY_CB && span_eq(r->q->root, SPAN("m2m:rsp"));
}

static void over(struct hop *h, enum err e, const struct prim *rsp)
{
    forward_answer(h->r, e, rsp);
}

/* The creator of the subscription must itself have the right to NOTIFY the target. */
static enum says check_creator(struct run *r)
{
    bool yes = true;
    struct span cr = name_text(JSON_GET(r->q->content, "cr"), r->a);
    if (!notify_is_verification(r) || !cr.n)
        return MORE;
    struct id who = id_parse(cr, &r->c->conf.self);
    STEP_TRY(r, rights_ask(r, &who, &r->target, ACOP_NOTIFY, 0, &yes));
    return yes ? MORE
               : refuse(r, RSC_SUBSCRIPTION_CREATOR_HAS_NO_PRIVILEGE, SPAN("cr"),
                        "the creator of the subscription may not NOTIFY this target (TS-0004 7.4.8.2.1)");
}

/* What goes on to the AE: the content as it came, without what only concerns the way up to here. */
static void plain_request(struct run *r, struct hop *h)
{
    h->req = *r->q;
    h->req.have &= ~(PA_BIT(rt) | PA_BIT(rtu) | PA_BIT(rp) | PA_BIT(rcn) | PA_BIT(oet));
    h->req.args = NULL;
    h->req.vnd = false;
    hop_release(r->c, h);
}

static enum says to_ae(struct run *r)
{
    enum says say = check_creator(r);
    if (say != MORE)
        return say;
    struct hop *h = r->hop = ARENA_NEW(r->a, struct hop);
    if (!h)
        return oops(r, ERR_NOMEM);
    *h = (struct hop){.r = r, .a = r->a, .loop = r->x->loop, .deadline = hop_deadline(r), .over = over};
    enum err e = hop_to_ae(r, &r->target, h);
    if (e == ERR_UNREACHABLE)
        return refuse(r, RSC_TARGET_NOT_REACHABLE, SPAN("to"), "the AE takes no requests or has no point of access");
    STEP_TRY(r, e);
    plain_request(r, h);
    hop_go(r->c, h);
    return WAIT;
}

/* What this CSE asked for: agreement to a subscription of its own, its end, the result of a request that it passed on.
 * Registration changes (aerp, aerid) and discovery requests for interworking proxies (idr) concern nothing that is
 * kept here. */
static enum says to_us(struct run *r)
{
    if (span_eq(r->q->root, SPAN("m2m:rsp")))
        return request_result(r);
    if (esprim_is(r))
        return esprim_hear(r);
    if (!span_eq(r->q->root, SPAN("m2m:sgn")) ||
        !(is_true(JSON_GET(r->q->content, "vrq")) || is_true(JSON_GET(r->q->content, "sud"))))
        return refuse(r, RSC_BAD_REQUEST, r->q->root,
                      "nothing that this CSE asked to be notified of (TS-0004 7.3.3.9)");
    view_answer(r, RSC_OK, SPAN_NONE);
    return DONE;
}

/* Its root was looked at when it was read (prim_body). */
enum says notify_apply(struct run *r)
{
    return r->target.ty == TY_AE ? to_ae(r) : crs_is_target(r) ? crs_hear(r) : to_us(r);
}
