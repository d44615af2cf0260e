/* profile.c - an MN-CSE or ASN-CSE learns of its service subscription from the IN-CSE (TS-0004 7.3.2.7): it looks for
 * the serviceSubscribedNode that names it, reads that and the rules it links to, and keeps them for a minute. When the
 * IN-CSE cannot be asked, what was known last counts. */
#include "cse/profile.h"

#include <stdlib.h>
#include <string.h>

#include "cse/admission.h"
#include "cse/enroll.h"
#include "cse/errand.h"
#include "cse/prelude.h"

/* ---- what is known -------------------------------------------------------------------------------- */

struct profiles {
    atomic_flag lock;
    int64_t until;
    uint8_t state; /* enum profile */
    char *rules;   /* JSON array, heap */
    size_t n;
};

enum err profile_new(struct cse *c)
{
    c->profiles = calloc(1, sizeof *c->profiles);
    if (c->profiles)
        atomic_flag_clear(&c->profiles->lock);
    return c->profiles ? OK : ERR_NOMEM;
}

void profile_free(struct cse *c)
{
    if (c->profiles)
        free(c->profiles->rules);
    free(c->profiles);
}

static void lock(struct profiles *p)
{
    while (atomic_flag_test_and_set_explicit(&p->lock, memory_order_acquire)) {
    }
}

static void unlock(struct profiles *p)
{
    atomic_flag_clear_explicit(&p->lock, memory_order_release);
}

/* A copy of what is known; false: too old. */
static bool known(struct run *r, uint8_t *state, struct span *rules)
{
    struct profiles *p = r->c->profiles;
    lock(p);
    bool fresh = p->until > r->now;
    *state = p->state;
    *rules = arena_dup(r->a, span_of(p->rules, p->n));
    unlock(p);
    return fresh;
}

static void keep(struct run *r, uint8_t state, struct span rules)
{
    struct profiles *p = r->c->profiles;
    char *mine = malloc(rules.n + 1);
    if (!mine)
        return;
    if (rules.n)
        memcpy(mine, rules.p, rules.n);
    lock(p);
    char *old = p->rules;
    p->rules = mine;
    p->n = rules.n;
    p->state = state;
    p->until = r->now + PROFILE_KEEP_MS;
    unlock(p);
    free(old);
}

/* Nobody answered: what was known last stays, and is not asked for at once again. */
static void keep_old(struct run *r)
{
    struct profiles *p = r->c->profiles;
    lock(p);
    p->until = r->now + PROFILE_AGAIN_MS;
    unlock(p);
}

static enum says judge(struct run *r)
{
    uint8_t state;
    struct span text;
    const struct jval *rules = NULL;
    known(r, &state, &text);
    if (text.n)
        STEP_TRY(r, name_parse(text, r->a, &rules));
    return admission_judge(r, (enum profile)state, rules);
}

/* ---- asking --------------------------------------------------------------------------------------- */

struct look {
    struct run *r;
    struct span in; /* CSE-ID of the IN-CSE */
    void (*then)(struct look *l, const struct prim *rsp);
    struct text rules;
    struct jw w;
    const struct jval *link; /* the next rule */
    unsigned links;
};

static void finish(struct look *l)
{
    struct run *r = l->r;
    if (judge(r) == MORE)
        prelude_over(r);
    else
        run_answer(r);
}

static void give_up(struct look *l)
{
    keep_old(l->r);
    finish(l);
}

static void settled(struct look *l, enum profile state, struct span rules)
{
    keep(l->r, (uint8_t)state, rules);
    finish(l);
}

static void over(struct errand *e)
{
    struct look *l = e->ctx;
    struct arena *a = l->r->a;
    struct prim rsp = *e->x.rsp;
    rsp.pc = arena_dup(a, rsp.pc);
    errand_free(e);
    l->then(l, &rsp);
}

/* An address as the IN-CSE gave it. */
static struct span there(struct look *l, struct span id)
{
    struct arena *a = l->r->a;
    return span_starts(id, SPAN("/")) ? id : arena_join(a, arena_join(a, l->in, SPAN("/")), id);
}

static struct errand *ask(struct look *l, struct span to, void (*then)(struct look *l, const struct prim *rsp))
{
    struct errand *e = errand_new(l->r->c, NULL, l->r->x->loop, OP_RETRIEVE, to);
    l->then = then;
    if (e) {
        e->over = over;
        e->ctx = l;
    }
    return e;
}

/* Discovery at the IN-CSE: resources of that type, of this CSE when csi is given. */
static void discover(struct look *l, struct span ty, struct span csi, void (*then)(struct look *l, const struct prim *))
{
    struct errand *e = ask(l, there(l, SPAN("-")), then);
    if (!e) {
        give_up(l);
        return;
    }
    enum err bad = prim_add(&e->q, FC_fu, AT_NONE, SPAN("1"), &e->a);
    if (bad == OK)
        bad = prim_add(&e->q, FC_ty, AT_NONE, ty, &e->a);
    if (bad == OK && csi.n)
        bad = prim_add(&e->q, FC_atr, AT_csi, csi, &e->a);
    if (bad == OK) {
        errand_go(e);
        return;
    }
    errand_free(e);
    give_up(l);
}

static void retrieve(struct look *l, struct span id, void (*then)(struct look *l, const struct prim *))
{
    struct errand *e = ask(l, there(l, id), then);
    if (e)
        errand_go(e);
    else
        give_up(l);
}

/* ---- answers -------------------------------------------------------------------------------------- */

static const struct jval *content(struct look *l, const struct prim *rsp)
{
    const struct jval *o = NULL;
    if (!rsc_ok(rsp->rsc) || !rsp->pc.n || name_parse(rsp->pc, l->r->a, &o) != OK || o->type != J_OBJ)
        return NULL;
    return o->child;
}

static void next_rule(struct look *l);

static void got_rule(struct look *l, const struct prim *rsp)
{
    const struct jval *rule = content(l, rsp);
    if (rule)
        jw_raw(&l->w, rule->raw);
    next_rule(l);
}

static void next_rule(struct look *l)
{
    if (l->link && l->links < PROFILE_RULES_MAX) {
        struct span id = name_text(l->link, l->r->a);
        l->link = l->link->next;
        l->links++;
        retrieve(l, id, got_rule);
        return;
    }
    jw_end_arr(&l->w);
    settled(l, PROFILE_RULES, buf_span(&l->rules.b));
}

static void got_node(struct look *l, const struct prim *rsp)
{
    const struct jval *node = content(l, rsp), *links = node ? JSON_GET(node, "rlk") : NULL;
    if (!node) {
        give_up(l);
        return;
    }
    text_init(&l->rules, l->r->a);
    l->w = jw_over(&l->rules.b);
    jw_arr(&l->w);
    l->link = links && links->type == J_ARR ? links->child : NULL;
    next_rule(l);
}

static void found_profiles(struct look *l, const struct prim *rsp)
{
    const struct jval *list = content(l, rsp);
    if (list)
        settled(l, list->child ? PROFILE_NO_NODE : PROFILE_NONE, SPAN_NONE);
    else
        give_up(l);
}

static void found_nodes(struct look *l, const struct prim *rsp)
{
    const struct jval *list = content(l, rsp);
    if (!list)
        give_up(l);
    else if (list->type == J_ARR && list->child)
        retrieve(l, name_text(list->child, l->r->a), got_node);
    else
        discover(l, SPAN("11"), SPAN_NONE, found_profiles);
}

/* ---- the prelude ---------------------------------------------------------------------------------- */

bool profile_wanted(struct run *r)
{
    return r->q->op == OP_CREATE && r->q->ty == TY_AE && r->c->conf.role != ROLE_IN && admission_subscribed(r->c);
}

enum says profile_start(struct run *r)
{
    uint8_t state;
    struct span rules;
    if (known(r, &state, &rules))
        return judge(r);
    struct look *l = ARENA_NEW(r->a, struct look);
    if (!l)
        return oops(r, ERR_NOMEM);
    *l = (struct look){.r = r, .in = enroll_in_cse(r)};
    discover(l, SPAN("20"), r->c->conf.self.csi, found_nodes);
    return WAIT;
}
