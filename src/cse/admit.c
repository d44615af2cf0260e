/* admit.c - is it a valid primitive, and may it name this originator? (TS-0004 7.3.2.1, Recv-1.0) */
#include "cse/inside.h"

/* The rows of 7.3.2.1 that ask whom this CSE knows. */
static bool registered(void *who, const struct id *ae)
{
    struct run *r = who;
    struct row row;
    return find_ae(r, ae->stem, &row) == OK;
}

static bool registree(void *who, const struct id *cse)
{
    struct run *r = who;
    struct row row;
    return span_eq(cse->cse, r->c->conf.parent_csi) || find_cse(r, cse->cse, &row) == OK;
}

enum says step_admit(struct run *r)
{
    const struct cse_conf *conf = &r->c->conf;
    struct prim_env env = {.self = &conf->self,
                           .sw = &conf->sw,
                           .now = r->now,
                           .role = conf->role,
                           .releases = conf->releases,
                           .refuse = PRIM_REFUSE,
                           .refuse_fc = PRIM_REFUSE_FC,
                           .who = r,
                           .trusted = r->x->trusted,
                           .registered = registered,
                           .registree = registree};
    struct verdict v = prim_read(r->q, &env, r->a);
    if (!verdict_go(v))
        return refuse_verdict(r, v);
    if (r->q->addr.where != ADDR_HERE)
        return MORE;
    v = prim_body(r->q, r->a);
    return verdict_go(v) ? MORE : refuse_verdict(r, v);
}
