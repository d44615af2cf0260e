/* walk.c - the walk. Pages of rows live in a scratch arena that is given back with each page, branches are used again:
 * a query costs memory for what it answers, not for what it looked at. */
#include "cse/walk.h"

#include "host/heap.h"

enum { SCRATCH_BLOCK = 32768, SCRATCH_MEM = 64 << 20, BRANCHES = 32 /* children that are gone into, of one page */ };

static struct branch *fresh(struct walk *w)
{
    struct branch *b = w->spare;
    if (b)
        w->spare = b->next;
    else
        b = ARENA_NEW(w->keep, struct branch);
    return b;
}

static void set(struct branch *b, struct branch *up, int64_t rid, uint32_t level, void *under)
{
    b->next = NULL;
    b->up = up;
    b->first = NULL;
    b->end = &b->first;
    b->rid = rid;
    b->level = level;
    b->ty = 0;
    b->after = 0;
    b->fresh = b->listed = b->asked = b->may = b->hidden = false;
    b->under = under;
    b->n = 0;
}

enum err walk_begin(struct walk *w, struct run *r, const struct row *root, void *under)
{
    w->r = r;
    w->keep = r->a;
    w->spare = NULL;
    w->path_of = NULL;
    text_init(&w->path, w->keep);
    if (!(w->top = fresh(w)))
        return ERR_NOMEM;
    set(w->top, NULL, root->rid, 0, under);
    return name_path(r->t, root, w->keep, &w->root_path);
}

enum err walk_push(struct walk *w, struct branch *b, const struct row *row, void *under)
{
    struct branch *k = fresh(w);
    if (!k)
        return ERR_NOMEM;
    set(k, b, row->rid, b->level + 1, under);
    struct buf name = BUF_ARRAY(k->name);
    name_put_rn(&name, row);
    k->n = name.n;
    *b->end = k;
    b->end = &k->next;
    return name.e;
}

static void drop(struct walk *w, struct branch *b)
{
    if (w->path_of == b)
        w->path_of = NULL;
    w->top = b->up;
    b->next = w->spare;
    w->spare = b;
}

bool walk_over(const struct walk *w)
{
    return !w->top || w->stop;
}

/* ---- which types --------------------------------------------------------------------------------- */

/* Instances are many and hardly ever have children: the store is asked once for the types that they may have. */
enum err walk_is_leaf(struct walk *w, uint32_t ty, bool *yes)
{
    const struct type *t = type_of(ty);
    *yes = t && t->n_kids == 0;
    if (*yes || !t || !(t->flags & TF_INSTANCE))
        return OK;
    for (unsigned i = 0; i < w->nknown; i++)
        if (w->known[i].ty == ty) {
            *yes = w->known[i].leaf;
            return OK;
        }
    int64_t n = 0;
    for (unsigned i = 0; i < t->n_kids && n == 0; i++)
        TRY(store_estimate(w->r->t, FIND_TYPE, t->kids[i], SPAN_NONE, 1, &n));
    *yes = n == 0;
    if (w->nknown < LEN(w->known)) {
        w->known[w->nknown].ty = ty;
        w->known[w->nknown++].leaf = *yes;
    }
    return OK;
}

static enum err skips(struct walk *w, uint32_t ty, bool *yes)
{
    *yes = false;
    if (!w->only)
        return OK;
    for (size_t i = 0; i < w->only->n; i++)
        if (w->only->v[i] == ty)
            return OK;
    return walk_is_leaf(w, ty, yes);
}

static enum err next_type(struct walk *w, struct branch *b)
{
    bool skip = true;
    while (skip) {
        TRY(store_next_type(w->r->t, b->rid, b->ty, &b->ty));
        if (b->ty == 0) {
            b->listed = true;
            return OK;
        }
        TRY(skips(w, b->ty, &skip));
    }
    b->after = 0;
    return OK;
}

/* ---- pages --------------------------------------------------------------------------------------- */

static enum err visit_page(struct walk *w, struct branch *b, struct rows *page)
{
    struct run *r = w->r;
    for (size_t i = 0; i < page->n && !w->stop; i++) {
        b->fresh = i == 0;
        if (page->v[i].et > r->now)
            TRY(w->visit(w, b, &page->v[i])); /* not now: b->after is still before it */
        b->after = page->v[i].rid;
    }
    if (!page->more)
        return next_type(w, b);
    return OK;
}

static enum err one_page(struct walk *w, struct branch *b, size_t max, size_t *seen)
{
    struct rows page = {0};
    bool leaf;
    if (b->ty == 0)
        TRY(next_type(w, b));
    ++*seen;
    if (b->listed)
        return OK;
    TRY(walk_is_leaf(w, b->ty, &leaf));
    max = !leaf && max > BRANCHES ? BRANCHES : max;
    TRY(store_list(w->r->t, b->rid, b->ty, b->after, max, w->bare, w->r->a, &page));
    *seen += page.n;
    return visit_page(w, b, &page);
}

static enum err go_on(struct walk *w, size_t most, size_t *seen)
{
    struct branch *b = w->top;
    if (b->first) {
        w->top = b->first;
        b->first = b->first->next;
        if (!b->first)
            b->end = &b->first;
        return OK;
    }
    if (b->listed) {
        drop(w, b);
        return OK;
    }
    return one_page(w, b, most - *seen, seen);
}

enum err walk_turn(struct walk *w)
{
    struct run *r = w->r;
    struct arena scratch;
    enum err e = OK;
    w->nknown = 0;
    heap_arena(&scratch, SCRATCH_BLOCK, SCRATCH_MEM);
    size_t most = w->page ? w->page : PAGE;
    for (size_t seen = 0; seen < most && !walk_over(w) && e == OK;) {
        r->a = &scratch;
        e = go_on(w, most, &seen);
        r->a = w->keep;
        arena_reset(&scratch);
    }
    return e == ERR_NOTNOW ? OK : e;
}

/* ---- for the visitor ----------------------------------------------------------------------------- */

/* Instances share the rights of their parent: asked once for each branch. Everything else is asked by itself; a row
 * that was listed without its body gets it. */
enum err walk_may(struct walk *w, struct branch *b, struct row *row, unsigned op, bool *yes)
{
    struct run *r = w->r;
    bool instance = type_of(row->ty)->flags & TF_INSTANCE;
    if (instance && b->asked) {
        *yes = b->may;
        return OK;
    }
    if (!row->body.n)
        TRY(store_get(r->t, row->rid, r->a, row));
    TRY(rights_ask(r, &r->q->from, row, op, 0, yes));
    b->asked |= instance;
    b->may = instance ? *yes : b->may;
    return OK;
}

static void put_branch(struct walk *w, const struct branch *b, struct buf *out)
{
    if (!b->up) {
        buf_put(out, w->root_path);
        return;
    }
    put_branch(w, b->up, out); /* no deeper than resources nest: LEVELS_MAX */
    buf_c(out, '/');
    buf_put(out, span_of(b->name, b->n));
}

void walk_put_path(struct walk *w, struct branch *b, const struct row *row, struct buf *out)
{
    if (w->path_of != b) {
        w->path.b.n = 0;
        put_branch(w, b, &w->path.b);
        w->path_of = w->path.b.e == OK ? b : NULL;
    }
    buf_put(out, buf_span(&w->path.b));
    buf_c(out, '/');
    name_put_rn(out, row);
}
