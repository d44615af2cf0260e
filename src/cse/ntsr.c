/* ntsr.c - a notification target takes itself out of a subscription: DELETE of notificationTargetSelfReference (TS-0001
 * 9.6.34, TS-0004 7.4.29), and the resources that decide about it: notificationTargetMgmtPolicyRef, -Policy and
 * policyDeletionRules.
 *
 * The policy is that of the reference below the subscription which lists the target, else one of the subscription's
 * creator that is labelled "Default"; without any, the target may go. A policy with rules holds only while they do. */
#include <string.h>

#include "cse/pace.h"
#include "cse/tell.h"
#include "m2m/acr.h"

enum action { ACCEPT = 1, REJECT, ASK, INFORM };
enum relation { REL_AND = 1, REL_OR };

/* ---- who is it? ---------------------------------------------------------------------------------------- */

/* The entry of a list of targets that is the originator; the empty span: none. */
static struct span entry_of(struct run *r, const struct jval *list)
{
    for (const struct jval *v = list && list->type == J_ARR ? list->child : NULL; v; v = v->next) {
        struct span nu = name_text(v, r->a);
        if (verify_is_originator(r, nu))
            return nu;
    }
    return SPAN_NONE;
}

static unsigned number(const struct attrs *at, enum attr a, unsigned none)
{
    uint64_t n;
    const struct jval *v = attrs_get(at, a);
    return v && json_u64(v, 255, &n) == OK ? (unsigned)n : none;
}

/* ---- rules --------------------------------------------------------------------------------------------- */

/* A place is not known of anybody: a context that names one does not hold. */
static bool context_holds(struct run *r, const struct jval *c)
{
    const struct jval *tod = JSON_GET(c, "tod");
    bool hit = !tod;
    for (const struct jval *v = tod ? tod->child : NULL; v && !hit; v = v->next)
        hit = acr_schedule_now(name_text(v, r->a), r->now);
    return hit && !JSON_GET(c, "lr");
}

static bool rules_hold(struct run *r, const struct attrs *at)
{
    const struct jval *dr = attrs_get(at, AT_dr), *first = dr && dr->type == J_ARR ? dr->child : dr;
    bool all = number(at, AT_drr, REL_OR) == REL_AND, hold = all || !first;
    for (const struct jval *v = first; v; v = dr->type == J_ARR ? v->next : NULL) {
        bool one = context_holds(r, v);
        hold = all ? hold && one : hold || one;
    }
    return hold;
}

/* Both rules of a policy, by rulesRelationship. */
static enum err policy_holds(struct run *r, const struct row *policy, const struct attrs *at, bool *hold)
{
    struct rows page;
    bool all = number(at, AT_rrs, REL_AND) == REL_AND;
    TRY(store_list(r->t, policy->rid, TY_PDR, 0, PAGE, false, r->a, &page));
    *hold = all || page.n == 0;
    for (size_t i = 0; i < page.n; i++) {
        struct attrs rule;
        TRY(name_attrs(&page.v[i], r->a, &rule));
        bool one = rules_hold(r, &rule);
        *hold = all ? *hold && one : *hold || one;
    }
    return OK;
}

/* ---- which policy -------------------------------------------------------------------------------------- */

static enum err by_reference(struct run *r, const struct row *sub, struct row *policy, bool *found)
{
    struct rows page = {.more = true};
    for (int64_t after = 0; page.more && !*found; after = page.v[page.n - 1].rid) {
        TRY(store_list(r->t, sub->rid, TY_NTPR, after, PAGE, false, r->a, &page));
        for (size_t i = 0; i < page.n && !*found; i++) {
            struct attrs at;
            TRY(name_attrs(&page.v[i], r->a, &at));
            struct span npi = attrs_text(&at, AT_npi, r->a);
            if (entry_of(r, attrs_get(&at, AT_ntu)).n && npi.n)
                *found = find_text(r, npi, policy) == OK && policy->ty == TY_NTP;
        }
        if (!page.n)
            break;
    }
    return OK;
}

static enum err by_default(struct run *r, const struct row *sub, struct row *policy, bool *found)
{
    struct rows page = {.more = true};
    for (int64_t after = 0; page.more && !*found; after = page.v[page.n - 1].rid) {
        TRY(store_find(r->t, FIND_TYPE, TY_NTP, SPAN_NONE, after, PAGE, false, r->a, &page));
        for (size_t i = 0; i < page.n && !*found; i++) {
            struct attrs at;
            TRY(name_attrs(&page.v[i], r->a, &at));
            *policy = page.v[i];
            *found = span_eq(attrs_text(&at, AT_plbl, r->a), SPAN("Default")) &&
                     span_eq(policy->creator, sub->creator) && policy->et > r->now;
        }
        if (!page.n)
            break;
    }
    return OK;
}

static enum err decide(struct run *r, const struct row *sub, enum action *action)
{
    struct row policy = {0};
    struct attrs at;
    bool found = false, hold;
    *action = ACCEPT;
    TRY(by_reference(r, sub, &policy, &found));
    if (!found)
        TRY(by_default(r, sub, &policy, &found));
    if (!found)
        return OK;
    TRY(name_attrs(&policy, r->a, &at));
    TRY(policy_holds(r, &policy, &at, &hold));
    *action = hold ? (enum action)number(&at, AT_acn, REJECT) : REJECT;
    return OK;
}

/* ---- what follows -------------------------------------------------------------------------------------- */

/* The writer's part. */
struct leave {
    struct exch x;
    struct run r;   /* of the job */
    struct run *of; /* the request */
    int64_t rid;
    struct span target, tell; /* ACCEPT: this entry goes; INFORM: this content goes to the creator */
    struct span creator;
};

static void refuse_it(struct run *r, const char *rule)
{
    refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("ntsr"), rule);
}

static enum err take_out(struct leave *l, const struct row *sub)
{
    struct run *r = &l->r;
    struct row next = *sub;
    struct attrs at;
    struct text t;
    size_t kept = 0;
    TRY(name_attrs(sub, r->a, &at));
    const struct jval *nu = attrs_get(&at, AT_nu);
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_arr(&w);
    for (const struct jval *v = nu ? nu->child : NULL; v; v = v->next)
        if (!json_is(v, l->target)) {
            jw_raw(&w, v->raw);
            kept++;
        }
    jw_end_arr(&w);
    TRY(t.b.e);
    if (!kept)
        return gone_tree(r, sub, true); /* nobody is left to be told */
    TRY(pace_drop(r, sub->rid, pace_lane(l->target), false));
    TRY(pace_drop(r, sub->rid, pace_lane(l->target) | 1, false));
    TRY(name_with(sub->body, SPAN("nu"), buf_span(&t.b), r->a, &next.body));
    TRY(name_with(next.body, SPAN("lt"), name_json(name_time(r->now, r->a), r->a), r->a, &next.body));
    next.lt = r->now;
    TRY(make_labels(r, attrs_get(&at, AT_lbl), &next));
    return store_set(r->t, &next);
}

static enum err write_leave(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct leave *l = x->door;
    struct row sub;
    int64_t id;
    l->r.t = t;
    l->r.now = c->w.now(c->w.ctx);
    enum err e = store_get(t, l->rid, l->r.a, &sub);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    if (!l->tell.n)
        return take_out(l, &sub);
    return pace_plain(&l->r, l->rid, l->creator, &(struct pace){.mnn = -1}, l->tell, &id);
}

static void left(struct exch *x)
{
    struct leave *l = x->door;
    struct run *r = l->of;
    if (x->wrote != OK)
        oops(r, x->wrote);
    else if (l->tell.n)
        refuse_it(r, "the policy informs the subscription's creator and takes no action (TS-0001 9.6.32)");
    else
        view_answer(r, RSC_DELETED, SPAN_NONE);
    run_answer(r);
}

static enum says go_write(struct run *r, struct leave *l)
{
    l->x = (struct exch){.req = r->q, .arena = r->a, .loop = r->x->loop, .door = l, .job = write_leave, .done = left};
    l->x.self = true;
    l->r = (struct run){.c = r->c, .x = &l->x, .q = r->q, .a = r->a, .slot = STORE_SLOTS_MAX};
    if (r->c->w.enqueue(r->c->w.ctx, &l->x))
        return WAIT;
    r->x->busy = true;
    return refuse(r, RSC_INTERNAL_SERVER_ERROR, SPAN_NONE,
                  "more changes are waiting than this CSE queues; try again later");
}

static struct span request_of(struct run *r, const struct row *sub)
{
    struct text t;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:sgn");
    jw_obj(&w);
    JW_STR(&w, "sur", name_sp_relative(r->c, sub, r->a));
    JW_STR(&w, "ntt", prim_text(r->q, PA_fr));
    JW_BOOL(&w, "trr", true);
    jw_end_obj(&w);
    jw_end_obj(&w);
    return buf_span(&t.b);
}

/* The creator's answer: m2m:sgn with targetRemovalAllowance. */
static bool allows(struct run *r, const struct prim *rsp)
{
    bool yes = false;
    const struct jval *v;
    if (!rsp || !rsc_ok(rsp->rsc) || name_parse(rsp->pc, r->a, &v) != OK)
        return false;
    const struct jval *tra = JSON_GET(JSON_GET(v, "m2m:sgn"), "tra");
    return tra && json_bool(tra, &yes) == OK && yes;
}

static void asked(struct hop *h, enum err e, const struct prim *rsp)
{
    struct run *r = h->r;
    bool may = e == OK && allows(r, rsp);
    if (!may)
        refuse_it(r, "the subscription's creator does not allow it (TS-0001 9.6.32)");
    if (!may || go_write(r, h->ctx) == DONE)
        run_answer(r);
}

static enum says ask_creator(struct run *r, const struct row *sub, struct leave *l)
{
    struct hop *h = ARENA_NEW(r->a, struct hop);
    struct text rqi;
    bool here;
    if (!h)
        return oops(r, ERR_NOMEM);
    *h = (struct hop){.r = r, .a = r->a, .loop = r->x->loop, .deadline = hop_deadline(r), .over = asked, .ctx = l};
    if (hop_to_target(r, l->creator, h, &here) != OK || here) {
        refuse_it(r, "the subscription's creator cannot be asked (TS-0001 9.6.32)");
        return DONE;
    }
    text_init(&rqi, r->a);
    buf_str(&rqi.b, "t-");
    buf_put(&rqi.b, prim_text(r->q, PA_rqi));
    hop_notify(r, h, l->creator, buf_span(&rqi.b), request_of(r, sub));
    hop_go(r->c, h);
    return WAIT;
}

static enum says ntsr_virt(struct run *r)
{
    struct attrs at;
    enum action action;
    const struct row *sub = &r->target;
    if (r->q->op != OP_DELETE)
        return refuse(r, RSC_OPERATION_NOT_ALLOWED, SPAN("to"), "ntsr takes DELETE only (TS-0004 7.4.29)");
    if (r->rest.n)
        return refuse(r, RSC_NOT_FOUND, SPAN("to"), "ntsr has no children (TS-0001 9.6.34)");
    struct leave *l = ARENA_NEW(r->a, struct leave);
    if (!l)
        return oops(r, ERR_NOMEM);
    STEP_TRY(r, name_attrs(sub, r->a, &at));
    l->of = r;
    l->rid = sub->rid;
    l->creator = sub->creator;
    l->target = entry_of(r, attrs_get(&at, AT_nu));
    if (!l->target.n)
        return refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("fr"),
                      "only a notification target of the subscription may take itself out (TS-0001 9.6.34)");
    STEP_TRY(r, decide(r, sub, &action));
    if (action == REJECT) {
        refuse_it(r, "the policy for this target rejects its removal (TS-0001 9.6.32)");
        return DONE;
    }
    if (action == ASK)
        return ask_creator(r, sub, l);
    if (action == INFORM)
        l->tell = request_of(r, sub);
    return go_write(r, l);
}

const struct type_hook hook_ntsr = {.virt = ntsr_virt};

/* ---- notificationTargetMgmtPolicyRef, policyDeletionRules ------------------------------------------------ */

static bool shares(struct run *r, const struct jval *a, const struct jval *b)
{
    for (const struct jval *v = a && a->type == J_ARR ? a->child : NULL; v; v = v->next) {
        struct span text = name_text(v, r->a);
        for (const struct jval *u = b && b->type == J_ARR ? b->child : NULL; u; u = u->next)
            if (json_is(u, text))
                return true;
    }
    return false;
}

/* A target has one policy: no sibling lists it. */
static enum says check_reference(struct run *r)
{
    int64_t parent = r->q->op == OP_CREATE ? r->target.rid : r->target.pid;
    struct rows page = {.more = attrs_get(&r->in, AT_ntu) != NULL};
    for (int64_t after = 0; page.more; after = page.v[page.n - 1].rid) {
        STEP_TRY(r, store_list(r->t, parent, TY_NTPR, after, PAGE, false, r->a, &page));
        for (size_t i = 0; i < page.n; i++) {
            struct attrs at;
            STEP_TRY(r, name_attrs(&page.v[i], r->a, &at));
            if ((r->q->op == OP_CREATE || page.v[i].rid != r->target.rid) && page.v[i].et > r->now &&
                shares(r, attrs_get(&r->in, AT_ntu), attrs_get(&at, AT_ntu)))
                return refuse(r, RSC_CONFLICT, SPAN("ntu"), "a sibling lists this target already (TS-0004 7.4.30)");
        }
        if (!page.n)
            break;
    }
    return MORE;
}

const struct type_hook hook_ntpr = {.check = check_reference, .check_update = check_reference};

static enum says check_rules(struct run *r)
{
    struct rows page;
    size_t alive = 0;
    STEP_TRY(r, store_list(r->t, r->target.rid, TY_PDR, 0, PAGE, true, r->a, &page));
    for (size_t i = 0; i < page.n; i++)
        alive += page.v[i].et > r->now;
    return alive < 2 ? MORE
                     : refuse(r, RSC_CONFLICT, SPAN("pdr"), "a policy has two sets of rules at most (TS-0004 7.4.32)");
}

const struct type_hook hook_pdr = {.check = check_rules};
