/* tree.c - a resource with its children: rcn 4, 5, 6, 8 (TS-0001 8.1.2, 10.2.6.2; serialization.md 2.6, 2.7).
 *
 * Only what the originator may RETRIEVE is in it; criteria select among the descendants, never the target; a match
 * whose parent is not in the result hangs under its nearest ancestor that is. `lim` cuts whole subtrees of direct
 * children, `ofst` counts direct children from 1. */
#include "cse/match.h"

struct node {
    struct row row;
    struct span path; /* rcn 5, 6 */
    struct node *first, *last, *next;
    size_t n; /* resources from here down */
};

struct tree {
    struct walk w;
    struct node root;
    unsigned rcn;
    const struct fc *fc; /* criteria; NULL: everything */
    struct match match;
    bool refs;
    uint32_t lvl;
    size_t total;
};

/* Everything that lasts longer than the page. */
static struct node *add(struct tree *t, struct node *under, const struct row *row, struct span path)
{
    struct arena *a = t->w.keep;
    struct node *n = ARENA_NEW(a, struct node);
    if (!n)
        return NULL;
    n->row = *row;
    n->row.rn = arena_dup(a, row->rn);
    n->row.alias = arena_dup(a, row->alias);
    n->row.creator = SPAN_NONE;
    n->row.body = t->refs ? SPAN_NONE : arena_dup(a, row->body);
    n->path = arena_dup(a, path);
    *(under->last ? &under->last->next : &under->first) = n;
    under->last = n;
    t->total++;
    return arena_ok(a) ? n : NULL;
}

static struct span path_below(struct tree *t, struct span path, const struct row *row)
{
    struct text s;
    if (!t->refs)
        return SPAN_NONE;
    text_init(&s, t->w.r->a);
    buf_put(&s.b, path);
    buf_c(&s.b, '/');
    name_put_rn(&s.b, row);
    return buf_span(&s.b);
}

/* Instances of a container whose disr is true are left out of every form. */
static enum err hides_instances(struct run *r, const struct row *holder, bool *yes)
{
    struct attrs at;
    *yes = false;
    if (holder->ty != TY_CNT)
        return OK;
    TRY(name_attrs(holder, r->a, &at));
    const struct jval *v = attrs_get(&at, AT_disr);
    if (v && json_bool(v, yes) != OK)
        *yes = false;
    return OK;
}

static enum err visit(struct walk *w, struct branch *b, const struct row *holder, struct row *row)
{
    struct tree *t = w->ctx;
    struct run *r = w->r;
    struct node *n = b->under;
    bool yes, fits = true, instance = row->ty == TY_CIN;
    struct span own = path_below(t, b->path, row);
    bool fresh = !b->asked;
    TRY(walk_may(w, b, holder, row, ACOP_RETRIEVE, &yes));
    if (instance && fresh && b->may) {
        TRY(hides_instances(r, holder, &b->hidden));
        b->may = yes = !b->hidden;
    }
    if (yes && t->fc)
        TRY(match_row(r, &t->match, row, &fits));
    if (yes && fits && !(n = add(t, n, row, own)))
        return ERR_NOMEM;
    w->stop = t->total >= RESULT_MAX;
    if (instance || (t->lvl && b->level + 1 >= t->lvl))
        return OK;
    return walk_push(w, row->rid, b->level + 1, own, n);
}

/* ---- offset and limit ---------------------------------------------------------------------------- */

static size_t count(struct node *n)
{
    n->n = 1;
    for (struct node *k = n->first; k; k = k->next)
        n->n += count(k);
    return n->n;
}

static void cut(struct run *r, struct node *root)
{
    const struct fc *fc = r->q->fc;
    uint64_t lim = fc && fc->have & FC_BIT(lim) ? fc->lim : RESULT_MAX;
    uint64_t from = fc && fc->have & FC_BIT(ofst) && fc->ofst > 0 ? fc->ofst : 1, at = 1, total = 0;
    count(root);
    while (root->first && at < from) {
        root->first = root->first->next;
        at++;
    }
    struct node **link = &root->first;
    for (; *link && (total == 0 || total + (*link)->n <= lim); link = &(*link)->next, at++)
        total += (*link)->n;
    if (*link || lim == 0) {
        *link = NULL;
        r->cut_at = (uint32_t)at;
    }
}

/* ---- texts --------------------------------------------------------------------------------------- */

static void put_children(struct run *r, struct buf *b, const struct node *n, bool any);

static void put_node(struct run *r, struct buf *b, const struct node *n)
{
    bool any = view_put_open(r, b, &n->row);
    put_children(r, b, n, any);
    buf_c(b, '}');
}

/* Arrays of children, one per type. */
static void put_children(struct run *r, struct buf *b, const struct node *n, bool any)
{
    size_t types;
    const struct type *t = type_rows(&types);
    for (size_t i = 0; i < types; i++) {
        bool open = false;
        for (const struct node *k = n->first; k; k = k->next) {
            if (k->row.ty != t[i].number)
                continue;
            if (!open) {
                buf_str(b, any ? ",\"" : "\"");
                buf_put(b, t[i].root);
                buf_str(b, "\":[");
            } else {
                buf_c(b, ',');
            }
            open = any = true;
            put_node(r, b, k);
        }
        if (open)
            buf_c(b, ']');
    }
}

static void put_refs(struct run *r, struct jw *w, const struct node *n)
{
    for (const struct node *k = n->first; k; k = k->next) {
        struct text name, id;
        text_init(&name, r->a);
        text_init(&id, r->a);
        name_put_rn(&name.b, &k->row);
        name_put_ri(&id.b, &k->row);
        jw_obj(w);
        JW_STR(w, "nm", buf_span(&name.b));
        JW_U64(w, "typ", k->row.ty);
        JW_STR(w, "val", r->q->drt == 2 ? buf_span(&id.b) : k->path);
        jw_end_obj(w);
        put_refs(r, w, k);
    }
}

static void put_result(struct run *r, struct buf *b, const struct node *root, unsigned rcn)
{
    struct jw w = jw_over(b);
    if (rcn == RCN_REFS) {
        jw_obj(&w);
        JW_NAME(&w, "m2m:rrl");
        jw_obj(&w);
        JW_NAME(&w, "rrf");
        jw_arr(&w);
        put_refs(r, &w, root);
        jw_end_arr(&w);
        jw_end_obj(&w);
        jw_end_obj(&w);
        return;
    }
    buf_str(b, "{\"");
    buf_put(b, r->type->root);
    buf_str(b, "\":");
    if (rcn == RCN_ATTRIBUTES_REFS) {
        buf_str(b, view_put_open(r, b, &root->row) ? ",\"ch\":" : "\"ch\":");
        jw_arr(&w);
        put_refs(r, &w, root);
        jw_end_arr(&w);
        buf_c(b, '}');
    } else if (rcn == RCN_CHILDREN) {
        buf_c(b, '{');
        put_children(r, b, root, false);
        buf_c(b, '}');
    } else {
        put_node(r, b, root);
    }
    buf_c(b, '}');
}

/* ---- the walk ------------------------------------------------------------------------------------ */

static enum err begin(struct run *r, struct tree *t, unsigned rcn)
{
    const struct fc *fc = r->q->fc;
    struct span path = SPAN_NONE;
    *t = (struct tree){.root = {.row = r->target},
                       .rcn = rcn,
                       .fc = fc && fc->have & ~FC_HANDLING ? fc : NULL,
                       .refs = rcn == RCN_REFS || rcn == RCN_ATTRIBUTES_REFS,
                       .lvl = fc && fc->have & FC_BIT(lvl) ? fc->lvl : 0};
    t->w.visit = visit;
    t->w.ctx = t;
    if (t->fc)
        TRY(match_begin(&t->match, t->fc, sw_open(&r->c->conf.sw, SW_wildcard_conditions), r->a));
    t->w.bare = t->refs && !t->match.body;
    if (t->refs)
        TRY(name_path(r->t, &r->target, r->a, &path));
    TRY(walk_begin(&t->w, r, &r->target, path, &t->root));
    t->w.stop = fc && fc->have & FC_BIT(lvl) && fc->lvl == 0;
    return OK;
}

static enum err content(struct run *r, struct tree *t, struct span *out)
{
    struct text s;
    cut(r, &t->root);
    text_init(&s, r->a);
    put_result(r, &s.b, &t->root, t->rcn);
    *out = buf_span(&s.b);
    return s.b.e;
}

enum says tree_content(struct run *r, unsigned rcn, struct span *out)
{
    struct tree *t = ARENA_NEW(r->a, struct tree);
    if (!t)
        return oops(r, ERR_NOMEM);
    STEP_TRY(r, begin(r, t, rcn));
    while (!walk_over(&t->w))
        STEP_TRY(r, walk_turn(&t->w));
    STEP_TRY(r, content(r, t, out));
    return MORE;
}

static void again(void *arg)
{
    run_again(arg);
}

enum says tree_start(struct run *r, unsigned rcn)
{
    if (!r->tree) {
        r->tree = ARENA_NEW(r->a, struct tree);
        if (!r->tree)
            return oops(r, ERR_NOMEM);
        STEP_TRY(r, begin(r, r->tree, rcn));
    }
    STEP_TRY(r, walk_turn(&r->tree->w));
    if (!walk_over(&r->tree->w)) {
        r->c->w.later(r->c->w.ctx, r->x->loop, again, r);
        return WAIT;
    }
    STEP_TRY(r, content(r, r->tree, &r->pc));
    view_answer(r, RSC_OK, r->pc);
    view_cut(r);
    return DONE;
}
