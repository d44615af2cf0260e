/* hunt.c - discovery, RETRIEVE with fu = 1 (TS-0004 7.3.3.14): a flat list of what matches and may be discovered.
 *
 * Two ways to the candidates: the label or type index of the store, or a walk over the tree level by level. Either
 * takes PAGE rows in a turn and then gives the loop back, without holding a snapshot; it goes on by key. */
#include "cse/inside.h"

struct branch { /* a resource whose children are still to be looked at */
    struct branch *next;
    int64_t rid;
    uint32_t level;
    struct span path;
};

struct hunt {
    const struct fc *fc;
    enum { BY_WALK, BY_TYPES, BY_LABELS } way;
    struct branch *branches, **end;
    size_t value;  /* which type or label */
    int64_t after; /* resume key */
    uint64_t skip, lim, n;
    bool more;
    struct text t;
    struct jw w;
};

/* ---- the list ------------------------------------------------------------------------------------ */

static void put_match(struct run *r, struct hunt *h, const struct row *row, struct span path)
{
    struct text id, name;
    text_init(&id, r->a);
    name_put_ri(&id.b, row);
    struct span val = r->q->drt == 2 ? buf_span(&id.b) : path;
    if (r->q->rcn != RCN_REFS) {
        jw_str(&h->w, val);
        return;
    }
    text_init(&name, r->a);
    name_put_rn(&name.b, row);
    jw_obj(&h->w);
    JW_STR(&h->w, "nm", buf_span(&name.b));
    JW_U64(&h->w, "typ", row->ty);
    JW_STR(&h->w, "val", val);
    jw_end_obj(&h->w);
}

static void take(struct run *r, struct hunt *h, const struct row *row, struct span path)
{
    if (h->skip > 0) {
        h->skip--;
    } else if (h->n == h->lim) {
        h->more = true;
    } else {
        h->n++;
        put_match(r, h, row, path);
    }
}

static enum says answer(struct run *r, struct hunt *h)
{
    jw_end_arr(&h->w);
    if (r->q->rcn == RCN_REFS)
        jw_end_obj(&h->w);
    jw_end_obj(&h->w);
    STEP_TRY(r, h->t.b.e);
    if (h->more)
        r->cut_at = (uint32_t)((h->fc->have & FC_BIT(ofst) && h->fc->ofst ? h->fc->ofst : 1) + h->n);
    view_answer(r, RSC_OK, buf_span(&h->t.b));
    view_cut(r);
    return DONE;
}

/* ---- one candidate ------------------------------------------------------------------------------- */

static enum err inactive(struct run *r, const struct row *row, bool *yes)
{
    struct attrs at;
    uint64_t regs = 0;
    *yes = false;
    if (row->ty != TY_AE)
        return OK;
    TRY(name_attrs(row, r->a, &at));
    *yes = attrs_get(&at, AT_regs) && json_u64(attrs_get(&at, AT_regs), 9, &regs) == OK && regs == 2;
    return OK;
}

static enum err wanted(struct run *r, struct hunt *h, const struct row *row, bool *yes)
{
    *yes = false;
    if (row->et <= r->now)
        return OK;
    TRY(match_row(r, row, h->fc, true, yes));
    if (*yes)
        TRY(rights_ask(r, &r->q->from, row, ACOP_DISCOVERY, 0, yes));
    return OK;
}

/* ---- by walking ---------------------------------------------------------------------------------- */

static enum err push(struct run *r, struct hunt *h, int64_t rid, uint32_t level, struct span path)
{
    struct branch *b = ARENA_NEW(r->a, struct branch);
    if (!b)
        return ERR_NOMEM;
    *b = (struct branch){NULL, rid, level, path};
    *h->end = b;
    h->end = &b->next;
    return OK;
}

static enum err visit(struct run *r, struct hunt *h, const struct branch *b, const struct row *row)
{
    bool hidden, yes;
    struct text t;
    TRY(inactive(r, row, &hidden));
    if (hidden)
        return OK;
    text_init(&t, r->a);
    buf_put(&t.b, b->path);
    buf_c(&t.b, '/');
    name_put_rn(&t.b, row);
    TRY(t.b.e);
    TRY(wanted(r, h, row, &yes));
    if (yes)
        take(r, h, row, buf_span(&t.b));
    bool deeper = !(h->fc->have & FC_BIT(lvl)) || b->level + 1 < h->fc->lvl;
    if (deeper && row->ty != TY_CIN)
        return push(r, h, row->rid, b->level + 1, buf_span(&t.b));
    return OK;
}

static enum err walk_turn(struct run *r, struct hunt *h)
{
    size_t seen = 0;
    while (h->branches && seen < PAGE && !h->more) {
        struct rows page;
        struct branch *b = h->branches;
        TRY(store_list(r->t, b->rid, 0, h->after, PAGE - seen, false, r->a, &page));
        for (size_t i = 0; i < page.n && !h->more; i++)
            TRY(visit(r, h, b, &page.v[i]));
        seen += page.n + 1;
        h->after = page.more ? page.v[page.n - 1].rid : 0;
        if (!page.more) {
            h->branches = b->next;
            if (!b->next)
                h->end = &h->branches;
        }
    }
    return OK;
}

/* ---- by an index --------------------------------------------------------------------------------- */

/* From the row up to the root of the search: its path and depth below it; *in false: not below, or hidden. */
static enum err chain(struct run *r, const struct row *row, struct span *path, uint32_t *depth, bool *in)
{
    struct row at = *row;
    bool hidden;
    *in = false;
    *depth = 0;
    while (at.rid != r->target.rid) {
        TRY(inactive(r, &at, &hidden));
        if (hidden || at.pid == 0)
            return OK;
        ++*depth;
        TRY(store_get(r->t, at.pid, r->a, &at));
    }
    *in = *depth > 0;
    return name_path(r->t, row, r->a, path);
}

/* A row that has several of the wanted labels comes once for each: only the first counts. */
static bool seen_before(struct run *r, struct hunt *h, const struct row *row)
{
    struct attrs at;
    bool seen = false;
    if (h->way != BY_LABELS || h->value == 0 || name_attrs(row, r->a, &at) != OK)
        return false;
    const struct jval *lbl = attrs_get(&at, AT_lbl);
    for (const struct jval *l = lbl ? lbl->child : NULL; l; l = l->next)
        for (size_t i = 0; i < h->value && !seen; i++)
            seen = json_is(l, h->fc->lbl.v[i]);
    return seen;
}

static enum err index_turn(struct run *r, struct hunt *h, bool *over)
{
    struct rows page;
    const struct fc *fc = h->fc;
    bool labels = h->way == BY_LABELS;
    TRY(store_find(r->t, labels ? FIND_LABEL : FIND_TYPE, labels ? 0 : fc->ty.v[h->value],
                   labels ? fc->lbl.v[h->value] : SPAN_NONE, h->after, PAGE, false, r->a, &page));
    for (size_t i = 0; i < page.n && !h->more; i++) {
        bool yes, in = false;
        uint32_t depth;
        struct span path;
        TRY(wanted(r, h, &page.v[i], &yes));
        if (yes && !seen_before(r, h, &page.v[i]))
            TRY(chain(r, &page.v[i], &path, &depth, &in));
        if (in && (!(fc->have & FC_BIT(lvl)) || depth <= fc->lvl))
            take(r, h, &page.v[i], path);
    }
    h->after = page.more ? page.v[page.n - 1].rid : 0;
    if (!page.more)
        h->value++;
    *over = h->value == (labels ? fc->lbl.n : fc->ty.n);
    return OK;
}

/* ---- turns --------------------------------------------------------------------------------------- */

static void again(void *arg)
{
    run_again(arg);
}

static enum says turn(struct run *r, struct hunt *h)
{
    bool over = false;
    if (h->way == BY_WALK) {
        STEP_TRY(r, walk_turn(r, h));
        over = !h->branches;
    } else {
        STEP_TRY(r, index_turn(r, h, &over));
    }
    if (over || h->more)
        return answer(r, h);
    r->c->w.later(r->c->w.ctx, r->x->loop, again, r);
    return WAIT;
}

static bool plain_labels(const struct fc *fc)
{
    bool plain = fc->lbl.n > 0;
    for (size_t i = 0; i < fc->lbl.n && plain; i++)
        plain = span_find(fc->lbl.v[i], '*') == fc->lbl.v[i].n;
    return plain;
}

static void choose_way(struct run *r, struct hunt *h)
{
    bool both = h->fc->fo <= 1; /* AND: every match has the label, the type */
    h->way = BY_WALK;
    if (both && h->fc->have & FC_BIT(lbl) && plain_labels(h->fc))
        h->way = BY_LABELS;
    else if (both && h->fc->have & FC_BIT(ty) && h->fc->ty.n && r->target.rid == RID_BASE)
        h->way = BY_TYPES;
}

enum says hunt_start(struct run *r)
{
    struct hunt *h = r->hunt;
    struct span path;
    if (h)
        return turn(r, h);
    h = r->hunt = ARENA_NEW(r->a, struct hunt);
    if (!h)
        return oops(r, ERR_NOMEM);
    h->fc = r->q->fc;
    h->end = &h->branches;
    h->lim = h->fc->have & FC_BIT(lim) && h->fc->lim < RESULT_MAX ? h->fc->lim : RESULT_MAX;
    h->skip = h->fc->have & FC_BIT(ofst) && h->fc->ofst ? h->fc->ofst - 1 : 0;
    text_init(&h->t, r->a);
    h->w = jw_over(&h->t.b);
    jw_obj(&h->w);
    if (r->q->rcn == RCN_REFS) {
        JW_NAME(&h->w, "m2m:rrl");
        jw_obj(&h->w);
        JW_NAME(&h->w, "rrf");
    } else {
        JW_NAME(&h->w, "m2m:uril");
    }
    jw_arr(&h->w);
    choose_way(r, h);
    STEP_TRY(r, name_path(r->t, &r->target, r->a, &path));
    if (!(h->fc->have & FC_BIT(lvl)) || h->fc->lvl > 0)
        STEP_TRY(r, push(r, h, r->target.rid, 0, path));
    else
        h->way = BY_WALK;
    return turn(r, h);
}
