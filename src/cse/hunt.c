/* hunt.c - discovery, RETRIEVE with fu = 1 (TS-0004 7.3.3.14): a flat list of what matches and may be discovered.
 *
 * Two ways to the candidates: the label or type index of the store, or a walk over the tree level by level. Either
 * takes PAGE rows in a turn and then gives the loop back, without holding a snapshot; it goes on by key. */
#include "cse/match.h"
#include "host/heap.h"

enum { SCRATCH_BLOCK = 32768, SCRATCH_MEM = 64 << 20 };

struct hunt {
    const struct fc *fc;
    enum { BY_WALK, BY_TYPES, BY_LABELS } way;
    struct walk walk;
    struct match match;
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

/* ---- by walking ---------------------------------------------------------------------------------- */

static enum err visit(struct walk *w, struct branch *b, const struct row *holder, struct row *row)
{
    struct hunt *h = w->ctx;
    struct run *r = w->r;
    struct text t;
    bool hidden, yes;
    if (row->ty == TY_AE && !row->body.n)
        TRY(store_get(r->t, row->rid, r->a, row));
    TRY(inactive(r, row, &hidden));
    if (hidden)
        return OK;
    text_init(&t, r->a);
    buf_put(&t.b, b->path);
    buf_c(&t.b, '/');
    name_put_rn(&t.b, row);
    TRY(t.b.e);
    TRY(match_row(r, &h->match, row, &yes));
    if (yes)
        TRY(walk_may(w, b, holder, row, ACOP_DISCOVERY, &yes));
    if (yes)
        take(r, h, row, buf_span(&t.b));
    w->stop = h->more;
    bool deeper = !(h->fc->have & FC_BIT(lvl)) || b->level + 1 < h->fc->lvl;
    if (deeper && row->ty != TY_CIN)
        return walk_push(w, row->rid, b->level + 1, buf_span(&t.b), NULL);
    return OK;
}

static enum err wanted(struct run *r, struct hunt *h, const struct row *row, bool *yes)
{
    *yes = false;
    if (row->et <= r->now)
        return OK;
    TRY(match_row(r, &h->match, row, yes));
    if (*yes)
        TRY(rights_ask(r, &r->q->from, row, ACOP_DISCOVERY, 0, yes));
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

static enum err index_page(struct run *r, struct hunt *h)
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
    return OK;
}

/* The page lives in an arena of its own; only what is answered stays. */
static enum err index_turn(struct run *r, struct hunt *h)
{
    struct arena *keep = r->a, scratch;
    heap_arena(&scratch, SCRATCH_BLOCK, SCRATCH_MEM);
    r->a = &scratch;
    enum err e = index_page(r, h);
    r->a = keep;
    arena_reset(&scratch);
    return e;
}

/* ---- turns --------------------------------------------------------------------------------------- */

static void again(void *arg)
{
    run_again(arg);
}

static enum says turn(struct run *r, struct hunt *h)
{
    const struct fc *fc = h->fc;
    bool over;
    if (h->way == BY_WALK) {
        STEP_TRY(r, walk_turn(&h->walk));
        over = walk_over(&h->walk);
    } else {
        STEP_TRY(r, index_turn(r, h));
        over = h->more || h->value == (h->way == BY_LABELS ? fc->lbl.n : fc->ty.n);
    }
    if (over)
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
    h->walk.visit = visit;
    h->walk.ctx = h;
    STEP_TRY(r, match_begin(&h->match, h->fc, true, r->a));
    h->walk.bare = !h->match.body;
    STEP_TRY(r, name_path(r->t, &r->target, r->a, &path));
    STEP_TRY(r, walk_begin(&h->walk, r, &r->target, path, NULL));
    if (h->fc->have & FC_BIT(lvl) && h->fc->lvl == 0) { /* only the target itself, which is never listed */
        h->way = BY_WALK;
        h->walk.stop = true;
    }
    return turn(r, h);
}
