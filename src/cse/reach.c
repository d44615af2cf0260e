#include "cse/reach.h"

#include "cse/pace.h"
#include "m2m/acr.h"

/* ---- schedules --------------------------------------------------------------------------------------- */

static enum err look(struct run *r, const struct row *schedule, bool *open, int64_t *until)
{
    struct attrs at;
    TRY(name_attrs(schedule, r->a, &at));
    const struct jval *se = attrs_get(&at, AT_se), *sce = JSON_GET(se, "sce");
    for (const struct jval *v = sce ? sce->child : NULL; v; v = v->next) {
        int64_t next = acr_schedule_next(name_text(v, r->a), r->now);
        *open |= next <= r->now;
        if (next < *until)
            *until = next;
    }
    return OK;
}

enum err reach_open(struct run *r, int64_t rid, bool *open, int64_t *until)
{
    struct rows page;
    size_t alive = 0;
    *open = false;
    *until = NEVER;
    TRY(store_list(r->t, rid, TY_SCH, 0, PAGE, false, r->a, &page));
    for (size_t i = 0; i < page.n; i++) {
        if (page.v[i].et <= r->now)
            continue;
        alive++;
        TRY(look(r, &page.v[i], open, until));
    }
    *open |= alive == 0;
    return OK;
}

enum err reach_receiver(struct run *r, const struct row *row, bool *open, int64_t *until)
{
    struct attrs at;
    struct row node;
    TRY(reach_open(r, row->rid, open, until));
    if (!*open)
        return OK;
    TRY(name_attrs(row, r->a, &at));
    struct span nl = attrs_text(&at, AT_nl, r->a);
    if (!nl.n || find_text(r, nl, &node) != OK)
        return OK;
    return reach_open(r, node.rid, open, until);
}

/* ---- letters that may go ------------------------------------------------------------------------------- */

static enum err wake(struct run *r, int64_t sub, struct span to)
{
    r->c->told = true;
    TRY(store_letters_wake(r->t, sub, pace_lane(to), r->now));
    return store_letters_wake(r->t, sub, pace_lane(arena_join(r->a, to, SPAN("?ct=json"))), r->now);
}

/* A target may be named in every form of an identifier, and the letters have the one of their subscription. */
static enum err wake_ae(struct run *r, const struct row *ae)
{
    const struct self *me = &r->c->conf.self;
    struct text rn;
    text_init(&rn, r->a);
    name_put_rn(&rn.b, ae);
    TRY(rn.b.e);
    struct span here = arena_join(r->a, arena_join(r->a, me->base, SPAN("/")), buf_span(&rn.b));
    struct span dash = arena_join(r->a, SPAN("-/"), buf_span(&rn.b));
    const struct span forms[] = {ae->alias, here, dash};
    struct span front = arena_join(r->a, me->csi, SPAN("/")), domain = arena_join(r->a, me->sp, SPAN("/"));
    for (size_t i = 0; i < LEN(forms); i++) {
        struct span relative = arena_join(r->a, front, forms[i]);
        TRY(wake(r, 0, forms[i]));
        TRY(wake(r, 0, relative));
        TRY(wake(r, 0, arena_join(r->a, me->sp, relative)));
    }
    TRY(wake(r, 0, arena_join(r->a, SPAN("/"), ae->alias)));
    return wake(r, 0, arena_join(r->a, domain, ae->alias));
}

static enum err wake_sub(struct run *r, const struct row *sub)
{
    struct attrs at;
    TRY(name_attrs(sub, r->a, &at));
    const struct jval *nu = attrs_get(&at, AT_nu);
    for (const struct jval *v = nu ? nu->child : NULL; v; v = v->next)
        TRY(wake(r, sub->rid, name_text(v, r->a)));
    return OK;
}

enum err reach_changed(struct run *r, const struct row *row)
{
    struct row up = *row;
    if (row->ty == TY_SCH || row->ty == TY_PCH) {
        enum err e = store_get(r->t, row->pid, r->a, &up);
        if (e != OK)
            return e == ERR_NOTFOUND ? OK : e;
    }
    return up.ty == TY_AE ? wake_ae(r, &up) : up.ty == TY_SUB ? wake_sub(r, &up) : OK;
}
