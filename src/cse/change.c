/* change.c - UPDATE (TS-0004 7.3.3.4, 7.3.3.7): attributes named are set, null removes them, others stay as they are.
 */
#include <string.h>

#include "cse/annc.h"
#include "cse/match.h"

/* ---- check --------------------------------------------------------------------------------------- */

/* et may not fall behind a child's (procedures 2.4). */
static enum says check_children_et(struct run *r)
{
    struct rows page;
    int64_t et = 0, after = 0;
    const struct jval *given = attrs_get(&r->in, AT_et);
    if (!given || given->type != J_STR)
        return MORE;
    make_et(r, given, &(struct row){.et = NEVER}, &r->old, &et);
    if (et >= r->target.et)
        return MORE;
    do {
        STEP_TRY(r, store_list(r->t, r->target.rid, 0, after, PAGE, true, r->a, &page));
        for (size_t i = 0; i < page.n; i++)
            if (page.v[i].et > et)
                return refuse(r, RSC_BAD_REQUEST, SPAN("et"),
                              "a child would outlive the resource: its et is later (TS-0004 7.3.3.4)");
        after = page.n ? page.v[page.n - 1].rid : 0;
    } while (page.more);
    return MORE;
}

enum says change_check(struct run *r)
{
    struct row parent = {0};
    enum says say = match_condition(r);
    if (say != MORE)
        return say;
    STEP_TRY(r, run_old(r));
    if (r->target.pid)
        STEP_TRY(r, store_get(r->t, r->target.pid, r->a, &parent));
    struct check c = {.sw = &r->c->conf.sw,
                      .now = r->now,
                      .role = r->c->conf.role,
                      .rvi = r->q->rvi,
                      .parent_ty = (uint16_t)parent.ty,
                      .ty = (uint16_t)r->target.ty,
                      .type = r->type,
                      .pc = r->q->body};
    struct verdict v = check_update(&c, &r->old, r->a, &r->in);
    if (!verdict_go(v))
        return refuse_verdict(r, v);
    r->holder = parent;
    const struct type_hook *h = type_hook(r->target.ty);
    say = make_check_acpi(r);
    if (say == MORE)
        say = annc_check(r);
    if (say == MORE)
        say = annc_check_copy_update(r);
    if (say == MORE)
        say = check_children_et(r);
    return say == MORE && h && h->check_update ? h->check_update(r) : say;
}

/* ---- apply --------------------------------------------------------------------------------------- */

struct merge {
    struct run *r;
    struct jw w;
    struct text t;
    struct span et;
};

static bool is(const struct rule *rule, enum attr a)
{
    return rule->at == a;
}

/* The new value of one attribute, if it keeps one. `old`: as stored; NULL: it has none yet. */
static void put_merged(struct merge *m, const struct rule *rule, struct span name, const struct jval *in,
                       const struct jval *old)
{
    struct span json = in ? in->raw : old->raw;
    if (is(rule, AT_et) && (in || !old))
        json = name_json(m->et, m->r->a);
    else if (is(rule, AT_lt))
        json = name_json(name_time(m->r->now, m->r->a), m->r->a);
    else if (in && in->type == J_NULL)
        return;
    jw_name(&m->w, name);
    jw_raw(&m->w, json);
}

static void put_old(struct merge *m, const struct attrs *in, const struct jval *old)
{
    for (const struct jval *v = old->child; v; v = v->next)
        put_merged(m, type_named(in->t, v->key), v->key, attrs_named(in, v->key), v);
}

/* Attributes that the resource did not have. */
static void put_new(struct merge *m, const struct attrs *in, const struct jval *old)
{
    for (size_t i = 1; i <= in->n; i++) {
        const struct rule *rule = &in->t->own[i <= in->t->n ? i : 0];
        struct span name = i <= in->t->n ? rule->row->sn : in->v[i] ? in->v[i]->key : SPAN_NONE;
        if (in->v[i] && !json_get(old, name))
            put_merged(m, rule, name, in->v[i], NULL);
    }
}

static struct attr_set changes(const struct attrs *in)
{
    struct attr_set s = {.t = in->t};
    for (size_t i = 1; i <= in->n; i++)
        if (in->v[i])
            s.bits |= UINT64_C(1) << (i <= in->t->n ? i : 0);
    attr_set_add(&s, AT_lt);
    if (in->t->flags & TF_STATE)
        attr_set_add(&s, AT_st);
    return s;
}

static enum err merge_body(struct run *r, struct span et, struct span *out)
{
    const struct jval *old;
    struct merge m = {.r = r, .et = et};
    text_init(&m.t, r->a);
    m.w = jw_over(&m.t.b);
    TRY(name_parse(r->target.body, r->a, &old));
    jw_obj(&m.w);
    put_old(&m, &r->in, old);
    put_new(&m, &r->in, old);
    const struct type_hook *h = type_hook(r->target.ty);
    if (h && h->fill_update)
        TRY(h->fill_update(r, &m.w));
    jw_end_obj(&m.w);
    r->changed = changes(&r->in);
    *out = buf_span(&m.t.b);
    return m.t.b.e;
}

enum says change_apply(struct run *r)
{
    struct attrs up = {0}, next;
    struct span et = SPAN_NONE;
    struct row *o = &r->out;
    *o = r->target;
    if (attrs_get(&r->in, AT_et)) {
        STEP_TRY(r, name_attrs(&r->holder, r->a, &up));
        et = make_et(r, attrs_get(&r->in, AT_et), &r->holder, &up, &o->et);
    }
    STEP_TRY(r, merge_body(r, et, &o->body));
    o->lt = r->now;
    readers_moved(r, attrs_get(&r->in, AT_acpi) || attrs_get(&r->in, AT_cstn) ? TY_ACP : o->ty);
    if (type_of(o->ty)->flags & TF_STATE)
        o->st++;
    STEP_TRY(r, name_attrs(o, r->a, &next));
    STEP_TRY(r, make_labels(r, attrs_get(&next, AT_lbl), o));
    STEP_TRY(r, store_set(r->t, o));
    return arena_ok(r->a) ? MORE : oops(r, ERR_NOMEM);
}
