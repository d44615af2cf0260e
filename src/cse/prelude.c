/* prelude.c - what surrounds the work of the writer: preludes before it, postludes after its commit. Each list is run
 * through in order; whoever waits goes on with the next entry. */
#include "cse/prelude.h"

#define ON_CREATE (1u << OP_CREATE)
#define ON_UPDATE (1u << OP_UPDATE)
#define ON_DELETE (1u << OP_DELETE)

static const struct {
    unsigned ops;
    bool (*wanted)(struct run *r);
    enum says (*start)(struct run *r);
} preludes[] = {
#define PRELUDE(name, ops, what) {ops, name##_wanted, name##_start},
#include "cse/prelude.def"
#undef PRELUDE
};

static bool wanted(struct run *r, size_t i)
{
    return preludes[i].ops >> r->q->op & 1 && preludes[i].wanted(r);
}

bool prelude_wanted(struct run *r)
{
    bool any = false;
    for (size_t i = 0; i < LEN(preludes) && !any; i++)
        any = wanted(r, i);
    return any;
}

enum says prelude_run(struct run *r)
{
    for (; r->prelude < LEN(preludes); r->prelude++) {
        enum says say = wanted(r, r->prelude) ? preludes[r->prelude].start(r) : MORE;
        if (say != MORE)
            return say;
    }
    r->stage = AT_WRITER;
    return WAIT;
}

void prelude_over(struct run *r)
{
    r->prelude++;
    run_again(r);
}

void prelude_fail(struct run *r, struct verdict v)
{
    refuse_verdict(r, v);
    run_answer(r);
}

static enum err reserve(struct cse *c, struct store_tx *t, struct exch *x)
{
    (void)c;
    return store_next_rid(t, &x->run->reserved);
}

enum says prelude_reserve(struct run *r)
{
    r->x->job = reserve;
    r->stage = AT_RESERVE;
    return WAIT;
}

/* ---- after the commit ------------------------------------------------------------------------------ */

static bool (*const postludes[])(struct run *r) = {
#define POSTLUDE(name, what) name##_hold,
#include "cse/postlude.def"
#undef POSTLUDE
};

void postlude_run(struct run *r)
{
    while (rsc_ok(r->x->rsp->rsc) && r->postlude < LEN(postludes))
        if (postludes[r->postlude++](r))
            return; /* postlude_over goes on behind it */
    run_answer(r);
}

void postlude_over(struct run *r)
{
    postlude_run(r);
}
