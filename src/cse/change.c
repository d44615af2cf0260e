/* change.c - UPDATE (TS-0004 7.3.3.4, 7.3.3.7): attributes named are set, null removes them, others stay as they are.
 */
#include <string.h>

#include "cse/inside.h"

/* ---- check --------------------------------------------------------------------------------------- */

/* A conditional operation (fc without fu 1): the target must meet the criteria. */
static enum says check_condition(struct run *r)
{
    bool yes = true;
    if (!r->q->fc || !(r->q->fc->have & ~FC_HANDLING))
        return MORE;
    STEP_TRY(r, match_row(r, &r->target, r->q->fc, sw_open(&r->c->conf.sw, SW_wildcard_conditions), &yes));
    return yes ? MORE
               : refuse(r, RSC_NOT_FOUND, SPAN("fc"), "the target does not meet the filter criteria (TS-0004 7.3.3.1)");
}

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
    enum says say = check_condition(r);
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
                      .pc = r->q->body};
    struct verdict v = check_update(&c, &r->old, r->a, &r->in);
    if (!verdict_go(v))
        return refuse_verdict(r, v);
    r->holder = parent;
    const struct type_hook *h = type_hook(r->target.ty);
    say = make_check_acpi(r);
    if (say == MORE)
        say = check_children_et(r);
    return say == MORE && h && h->check_update ? h->check_update(r) : say;
}

/* ---- apply --------------------------------------------------------------------------------------- */

struct merge {
    struct run *r;
    struct jw w;
    struct text t;
    bool *changed;
    bool *done; /* attributes written already */
};

static void put(struct merge *m, enum attr a, struct span json)
{
    jw_name(&m->w, attr_row(a)->sn);
    jw_raw(&m->w, json);
    m->done[a] = true;
}

/* The new value of one attribute, if it keeps one. */
static void put_merged(struct merge *m, enum attr a, const struct jval *old, struct span et)
{
    const struct jval *in = m->r->in.v[a];
    if (a == AT_et && (in || !old))
        put(m, a, name_json(et, m->r->a));
    else if (a == AT_lt)
        put(m, a, name_json(name_time(m->r->now, m->r->a), m->r->a));
    else if (in && in->type != J_NULL)
        put(m, a, in->raw);
    else if (!in && old)
        put(m, a, old->raw);
    m->done[a] = true;
    if (in || a == AT_lt)
        m->changed[a] = true;
}

static enum err merge_body(struct run *r, struct span et, struct span *out)
{
    const struct jval *old;
    struct merge m = {.r = r};
    text_init(&m.t, r->a);
    m.w = jw_over(&m.t.b);
    m.changed = ARENA_ARRAY(r->a, bool, AT__N);
    m.done = ARENA_ARRAY(r->a, bool, AT__N);
    if (!m.changed || !m.done)
        return ERR_NOMEM;
    TRY(name_parse(r->target.body, r->a, &old));
    jw_obj(&m.w);
    for (const struct jval *v = old->child; v; v = v->next) {
        enum attr a = attr_find(v->key);
        if (a != AT_NONE)
            put_merged(&m, a, v, et);
    }
    for (int a = 1; a < AT__N; a++)
        if (r->in.v[a] && !m.done[a])
            put_merged(&m, (enum attr)a, NULL, et);
    const struct type_hook *h = type_hook(r->target.ty);
    if (h && h->fill_update)
        TRY(h->fill_update(r, &m.w));
    jw_end_obj(&m.w);
    m.changed[AT_lt] = true;
    if (type_of(r->target.ty)->flags & TF_STATE)
        m.changed[AT_st] = true;
    r->changed = m.changed;
    *out = buf_span(&m.t.b);
    return m.t.b.e;
}

enum says change_apply(struct run *r)
{
    struct attrs up = {{0}}, next;
    struct span et = SPAN_NONE;
    struct row *o = &r->out;
    *o = r->target;
    if (attrs_get(&r->in, AT_et)) {
        STEP_TRY(r, name_attrs(&r->holder, r->a, &up));
        et = make_et(r, attrs_get(&r->in, AT_et), &r->holder, &up, &o->et);
    }
    STEP_TRY(r, merge_body(r, et, &o->body));
    o->lt = r->now;
    if (type_of(o->ty)->flags & TF_STATE)
        o->st++;
    STEP_TRY(r, name_attrs(o, r->a, &next));
    STEP_TRY(r, make_labels(r, attrs_get(&next, AT_lbl), o));
    STEP_TRY(r, store_set(r->t, o));
    return arena_ok(r->a) ? MORE : oops(r, ERR_NOMEM);
}
