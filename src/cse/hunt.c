/* hunt.c - discovery, RETRIEVE with fu = 1 (TS-0004 7.3.3.14): a flat list of what matches and may be discovered.
 *
 * Two ways to the candidates: an index of the store (label, type, or all there is) whose rows are asked where they
 * stand, or a walk over the tree. Which is shorter is estimated once. Either takes PAGE rows in a turn and then gives
 * the loop back, without holding a snapshot; it goes on by key. */
#include "cse/hunt.h"

#include "cse/match.h"
#include "cse/sheet.h"
#include "cse/site.h"
#include "cse/walk.h"
#include "host/heap.h"

enum {
    SCRATCH_BLOCK = 32768,
    SCRATCH_MEM = 64 << 20,
    LOOK_TREE = 500,    /* resources that are counted to see whether a tree is small */
    LOOK_INDEX = 20000, /* rows of an index that are worth it in place of a tree that is not small */
};

struct hunt {
    const struct fc *fc;
    enum { BY_WALK, BY_TYPES, BY_LABELS, BY_ALL } way;
    struct walk walk;
    struct match match;
    struct sites sites;
    size_t value;  /* which type or label */
    int64_t after; /* resume key */
    uint64_t skip, lim, n;
    int64_t last; /* rid of the last entry: arp may lead to the same resource again and again */
    bool more, bare, begun;
    struct sheet sheet;
};

static bool has(const struct hunt *h, uint64_t bit)
{
    return h->fc->have & bit;
}

/* ---- the list ------------------------------------------------------------------------------------ */

static void put_match(struct run *r, struct hunt *h, const struct row *row, struct span path)
{
    struct text id;
    struct jw *w = &h->sheet.w;
    text_init(&id, r->a);
    name_put_ri(&id.b, row);
    struct span val = r->q->drt == 2 ? buf_span(&id.b) : path;
    if (r->q->rcn == RCN_REFS)
        view_put_ref(r, w, row, val);
    else
        jw_str(w, val);
}

static enum err take(struct run *r, struct hunt *h, const struct row *row, struct span path)
{
    if (h->skip > 0) {
        h->skip--;
    } else if (h->n == h->lim) {
        h->more = true;
    } else {
        h->n++;
        put_match(r, h, row, path);
    }
    return sheet_flush(&h->sheet, r);
}

static enum says answer(struct run *r, struct hunt *h)
{
    jw_end_arr(&h->sheet.w);
    if (r->q->rcn == RCN_REFS)
        jw_end_obj(&h->sheet.w);
    jw_end_obj(&h->sheet.w);
    if (h->more)
        r->cut_at = (uint32_t)((has(h, FC_BIT(ofst)) && h->fc->ofst ? h->fc->ofst : 1) + h->n);
    return sheet_answer(&h->sheet, r);
}

/* applyRelativePath: the resource at MATCH/arp takes the place of the match; without one it vanishes. */
static enum err take_relative(struct run *r, struct hunt *h, const struct row *match)
{
    struct found f = {.row = *match};
    struct span path;
    bool yes;
    enum err e = find_relative(r, h->fc->arp, &f);
    if (e == ERR_NOTFOUND)
        return OK;
    TRY(e);
    if (f.row.rid == h->last)
        return OK;
    TRY(rights_ask(r, &r->q->from, &f.row, ACOP_DISCOVERY, 0, &yes));
    if (!yes)
        return OK;
    h->last = f.row.rid;
    TRY(name_path(r->t, &f.row, r->a, &path));
    return take(r, h, &f.row, path);
}

/* ---- by walking ---------------------------------------------------------------------------------- */

static enum err walk_take(struct walk *w, struct hunt *h, struct branch *b, const struct row *row)
{
    struct text t;
    if (has(h, FC_BIT(arp)))
        return take_relative(w->r, h, row);
    text_init(&t, w->r->a);
    walk_put_path(w, b, row, &t.b);
    TRY(t.b.e);
    return take(w->r, h, row, buf_span(&t.b));
}

static enum err visit(struct walk *w, struct branch *b, struct row *row)
{
    struct hunt *h = w->ctx;
    bool hidden, yes, leaf;
    TRY(site_inactive(w->r, row, &hidden));
    if (hidden)
        return OK;
    TRY(match_row(w->r, &h->match, row, &yes));
    if (yes)
        TRY(walk_may(w, b, row, ACOP_DISCOVERY, &yes));
    if (yes)
        TRY(walk_take(w, h, b, row));
    w->stop = h->more;
    TRY(walk_is_leaf(w, row->ty, &leaf));
    if (leaf || (has(h, FC_BIT(lvl)) && b->level + 1 >= h->fc->lvl))
        return OK;
    return walk_push(w, b, row, NULL);
}

/* ---- by an index --------------------------------------------------------------------------------- */

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

/* Instances of one parent share its rights. */
static enum err may(struct run *r, struct site *up, struct row *row, bool *yes)
{
    bool instance = type_of(row->ty)->flags & TF_INSTANCE;
    if (instance && up->asked) {
        *yes = up->may;
        return OK;
    }
    if (!row->body.n)
        TRY(store_get(r->t, row->rid, r->a, row));
    TRY(rights_ask(r, &r->q->from, row, ACOP_DISCOVERY, 0, yes));
    up->asked |= instance;
    up->may = instance ? *yes : up->may;
    return OK;
}

static enum err consider(struct run *r, struct hunt *h, struct row *row)
{
    struct site *up;
    struct text t;
    bool yes, hidden;
    if (row->et <= r->now || row->pid == 0 || row->rid == h->sites.root)
        return OK;
    TRY(site_of(&h->sites, r, row->pid, &up));
    if (!up->below || (has(h, FC_BIT(lvl)) && up->depth + 1 > h->fc->lvl))
        return OK;
    TRY(match_row(r, &h->match, row, &yes));
    if (!yes || seen_before(r, h, row))
        return OK;
    TRY(site_inactive(r, row, &hidden));
    if (hidden)
        return OK;
    TRY(may(r, up, row, &yes));
    if (!yes)
        return OK;
    if (has(h, FC_BIT(arp)))
        return take_relative(r, h, row);
    text_init(&t, r->a);
    site_put_path(&t.b, up, row);
    TRY(t.b.e);
    return take(r, h, row, buf_span(&t.b));
}

static enum err index_rows(struct run *r, struct hunt *h, size_t max, struct rows *page)
{
    static const enum find_by by[] = {[BY_TYPES] = FIND_TYPE, [BY_LABELS] = FIND_LABEL, [BY_ALL] = FIND_ALL};
    uint32_t ty = h->way == BY_TYPES ? h->fc->ty.v[h->value] : 0;
    struct span label = h->way == BY_LABELS ? h->fc->lbl.v[h->value] : SPAN_NONE;
    return store_find(r->t, by[h->way], ty, label, h->after, max, h->bare, r->a, page);
}

static enum err index_page(struct run *r, struct hunt *h)
{
    struct rows page;
    uint64_t left = h->lim - h->n + h->skip + 1;
    size_t max = match_page(h->fc);
    /* a first page as short as the result may be; behind it many rows do not match */
    TRY(index_rows(r, h, !h->begun && left < max ? (size_t)left : max, &page));
    h->begun = true;
    for (size_t i = 0; i < page.n && !h->more; i++) {
        enum err e = consider(r, h, &page.v[i]);
        if (e == ERR_NOTNOW)
            return OK; /* this row again: h->after is still before it */
        TRY(e == ERR_NOTFOUND ? OK : e);
        h->after = page.v[i].rid;
    }
    if (!page.more) {
        h->after = 0;
        h->value++;
    }
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

static size_t values(const struct hunt *h)
{
    return h->way == BY_LABELS ? h->fc->lbl.n : h->way == BY_TYPES ? h->fc->ty.n : 1;
}

/* ---- turns --------------------------------------------------------------------------------------- */

static void again(void *arg)
{
    run_again(arg);
}

static enum err one_turn(struct run *r, struct hunt *h, bool *over)
{
    match_turn(&h->match);
    if (h->way == BY_WALK) {
        TRY(walk_turn(&h->walk));
        *over = walk_over(&h->walk);
        return OK;
    }
    sites_turn(&h->sites);
    TRY(index_turn(r, h));
    *over = h->more || h->value == values(h);
    return OK;
}

static enum says turn(struct run *r, struct hunt *h)
{
    bool over = h->walk.stop;
    enum err e = over ? OK : one_turn(r, h, &over);
    if (e != OK) {
        sheet_drop(&h->sheet, r);
        return oops(r, e);
    }
    if (over)
        return answer(r, h);
    r->c->w.later(r->c->w.ctx, r->x->loop, again, r);
    return WAIT;
}

/* ---- which way ----------------------------------------------------------------------------------- */

static bool plain_labels(const struct fc *fc)
{
    bool plain = fc->lbl.n > 0;
    for (size_t i = 0; i < fc->lbl.n && plain; i++)
        plain = span_find(fc->lbl.v[i], '*') == fc->lbl.v[i].n;
    return plain;
}

/* Rows that the index of the present way has, up to max. */
static enum err index_size(struct run *r, const struct hunt *h, int64_t max, int64_t *n)
{
    *n = 0;
    for (size_t i = 0; i < values(h) && *n < max; i++) {
        int64_t some;
        if (h->way == BY_LABELS)
            TRY(store_estimate(r->t, FIND_LABEL, 0, h->fc->lbl.v[i], max - *n, &some));
        else
            TRY(store_estimate(r->t, FIND_TYPE, h->fc->ty.v[i], SPAN_NONE, max - *n, &some));
        *n += some;
    }
    return OK;
}

struct look {
    size_t seen;
    int64_t instances;
};

static enum err look(struct walk *w, struct branch *b, struct row *row)
{
    struct look *k = w->ctx;
    bool leaf;
    k->seen++;
    k->instances += row->cni > 0 ? row->cni : 0;
    w->stop = k->seen + (size_t)k->instances >= LOOK_TREE;
    TRY(walk_is_leaf(w, row->ty, &leaf));
    return leaf ? OK : walk_push(w, b, row, NULL);
}

/* Is the tree below the target so small that walking it is the shortest way? Instances are not listed: their parents
 * know how many there are. */
static enum err is_small(struct run *r, bool *yes)
{
    static const struct numbers nothing;
    struct look k = {.instances = r->target.cni > 0 ? r->target.cni : 0};
    struct walk w = {.visit = look, .ctx = &k, .bare = true, .only = &nothing};
    TRY(walk_begin(&w, r, &r->target, NULL));
    w.stop = k.instances >= LOOK_TREE;
    for (size_t n = 0; !walk_over(&w) && n < LOOK_TREE; n += PAGE)
        TRY(walk_turn(&w));
    *yes = walk_over(&w) && !w.stop;
    return OK;
}

/* From the CSEBase every row is in the tree, and the index is never the longer way. Elsewhere a small tree is walked;
 * a large one is when the index is large as well, for it may lead anywhere. */
static enum err choose_way(struct run *r, struct hunt *h)
{
    bool all = h->fc->fo <= 1 && !(has(h, FC_BIT(lvl)) && h->fc->lvl == 1), base = r->target.rid == RID_BASE, small;
    int64_t n;
    h->way = BY_WALK;
    if (all && has(h, FC_BIT(lbl)) && plain_labels(h->fc))
        h->way = BY_LABELS;
    else if (all && has(h, FC_BIT(ty)) && h->fc->ty.n)
        h->way = BY_TYPES;
    else if (base && !has(h, FC_BIT(lvl)))
        h->way = BY_ALL;
    if (h->way == BY_WALK || base)
        return OK;
    TRY(is_small(r, &small));
    TRY(small ? OK : index_size(r, h, LOOK_INDEX, &n));
    if (small || n >= LOOK_INDEX)
        h->way = BY_WALK;
    return OK;
}

/* ---- the beginning ------------------------------------------------------------------------------- */

static enum err begin(struct run *r, struct hunt *h)
{
    uint64_t most;
    h->fc = r->q->fc;
    sheet_begin(&h->sheet, r);
    most = sheet_entries(&h->sheet);
    h->lim = has(h, FC_BIT(lim)) && h->fc->lim < most ? h->fc->lim : most;
    h->skip = has(h, FC_BIT(ofst)) && h->fc->ofst ? h->fc->ofst - 1 : 0;
    TRY(match_begin(&h->match, h->fc, true, r->a));
    TRY(choose_way(r, h));
    /* what the index found needs no second look */
    if (h->way == BY_LABELS && h->fc->lbl.n == 1)
        match_without(&h->match, FC_lbl);
    if (h->way == BY_TYPES)
        match_without(&h->match, FC_ty);
    h->walk.visit = visit;
    h->walk.page = match_page(h->fc);
    h->walk.ctx = h;
    h->walk.bare = !h->match.body;
    h->bare =
        h->walk.bare && (h->way == BY_ALL || (h->way == BY_TYPES && type_of(h->fc->ty.v[0])->flags & TF_INSTANCE));
    h->walk.only = h->fc->fo <= 1 && has(h, FC_BIT(ty)) ? &h->fc->ty : NULL;
    if (h->way == BY_WALK)
        return walk_begin(&h->walk, r, &r->target, NULL);
    return sites_begin(&h->sites, r, &r->target, r->a);
}

enum says hunt_start(struct run *r)
{
    struct hunt *h = r->hunt;
    if (h)
        return turn(r, h);
    h = r->hunt = ARENA_NEW(r->a, struct hunt);
    if (!h)
        return oops(r, ERR_NOMEM);
    STEP_TRY(r, begin(r, h));
    struct jw *w = &h->sheet.w;
    jw_obj(w);
    if (r->q->rcn == RCN_REFS) {
        JW_NAME(w, "m2m:rrl");
        jw_obj(w);
        JW_NAME(w, "rrf");
    } else {
        JW_NAME(w, "m2m:uril");
    }
    jw_arr(w);
    return turn(r, h);
}
