/* walk.c - over everything below a resource, level by level, in turns. Pages of rows live in a scratch arena that is
 * given back with each page, so that a query costs memory for what it answers, not for what it looked at. */
#include "cse/inside.h"
#include "host/heap.h"

enum { SCRATCH_BLOCK = 32768, SCRATCH_MEM = 64 << 20 };

enum err walk_begin(struct walk *w, struct run *r, const struct row *root, struct span path, void *under)
{
    w->r = r;
    w->keep = r->a;
    w->first = NULL;
    w->end = &w->first;
    w->after = 0;
    return walk_push(w, root->rid, 0, path, under);
}

enum err walk_push(struct walk *w, int64_t rid, uint32_t level, struct span path, void *under)
{
    struct branch *b = ARENA_NEW(w->keep, struct branch);
    if (!b)
        return ERR_NOMEM;
    *b = (struct branch){.rid = rid, .level = level, .path = arena_dup(w->keep, path), .under = under};
    *w->end = b;
    w->end = &b->next;
    return arena_ok(w->keep) ? OK : ERR_NOMEM;
}

/* The parent's own row, once for all of its children: instances ask for its rights. */
static enum err load_holder(struct walk *w, struct branch *b, struct row *out)
{
    return store_get(w->r->t, b->rid, w->r->a, out);
}

static enum err one_page(struct walk *w, size_t max, size_t *seen)
{
    struct branch *b = w->first;
    struct run *r = w->r;
    struct rows page;
    struct row holder;
    enum err e = load_holder(w, b, &holder);
    page = (struct rows){0};
    if (e == OK)
        e = store_list(r->t, b->rid, 0, w->after, max, w->bare, r->a, &page);
    else if (e == ERR_NOTFOUND)
        e = OK; /* gone between two turns */
    for (size_t i = 0; i < page.n && e == OK && !w->stop; i++)
        if (page.v[i].et > r->now)
            e = w->visit(w, b, &holder, &page.v[i]);
    *seen += page.n + 1;
    w->after = page.more ? page.v[page.n - 1].rid : 0;
    if (!page.more) {
        w->first = b->next;
        if (!b->next)
            w->end = &w->first;
    }
    return e;
}

enum err walk_turn(struct walk *w)
{
    struct run *r = w->r;
    struct arena scratch;
    enum err e = OK;
    heap_arena(&scratch, SCRATCH_BLOCK, SCRATCH_MEM);
    for (size_t seen = 0; w->first && seen < PAGE && !w->stop && e == OK;) {
        r->a = &scratch;
        e = one_page(w, PAGE - seen, &seen);
        r->a = w->keep;
        arena_reset(&scratch);
    }
    return e;
}

bool walk_over(const struct walk *w)
{
    return !w->first || w->stop;
}

/* Instances of one parent share its rights: asked once per branch. Everything else is asked by itself; a row that was
 * listed without its body gets it. */
enum err walk_may(struct walk *w, struct branch *b, const struct row *holder, struct row *row, unsigned op, bool *yes)
{
    struct run *r = w->r;
    if (type_of(row->ty)->flags & TF_ACPI || row->ty == TY_ACP) {
        if (!row->body.n)
            TRY(store_get(r->t, row->rid, r->a, row));
        return rights_ask(r, &r->q->from, row, op, 0, yes);
    }
    if (!b->asked) {
        TRY(rights_ask(r, &r->q->from, holder, op, 0, &b->may));
        b->asked = true;
    }
    *yes = b->may;
    return OK;
}
