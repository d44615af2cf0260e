/* tree.c - a resource with its children.
 *
 * Only what the originator may RETRIEVE is in it; criteria select among the descendants, never the target; a match
 * whose parent is not in the result hangs under its nearest ancestor that is. `lim` cuts whole subtrees of direct
 * children, `ofst` counts direct children from 1.
 *
 * Two passes. The first walks and remembers which resources are in the result and under which, a few octets for each.
 * The second reads them once more, one after the other, and writes. Each gives the loop back after PAGE rows; a
 * resource that went in between is left out with all below it. */
#include "cse/tree.h"

#include "cse/match.h"
#include "cse/sheet.h"
#include "cse/site.h"
#include "cse/walk.h"
#include "host/heap.h"

enum { SCRATCH_BLOCK = 32768, SCRATCH_MEM = 64 << 20 };

struct node {
    struct node *first, *last, *next;
    int64_t rid;
    const struct type *type;
    uint32_t n; /* resources from here down */
    bool ghost; /* in front of the offset: a parent, but not shown */
};

/* Where the second pass is: one frame for each open node. */
struct frame {
    struct frame *up;
    struct node *at;         /* the child that comes next */
    const struct type *open; /* type whose array is open */
    bool any;                /* members were written */
};

struct tree {
    struct walk w;
    struct node root, ghost;
    struct node *whole; /* last direct child whose subtree is certainly complete */
    unsigned rcn;
    const struct fc *fc; /* criteria; NULL: everything */
    struct match match;
    struct sites sites;
    bool refs, writing, opened;
    uint32_t lvl;
    uint64_t from, lim, direct; /* direct children: first wanted; seen */
    size_t total, most;
    struct frame *frame, *spare;
    struct sheet sheet;
};

/* ---- first pass ---------------------------------------------------------------------------------- */

/* A node for a row; NULL: no memory. What stands in front of the offset needs none. */
static struct node *add(struct tree *t, struct node *under, const struct row *row)
{
    if (under == &t->ghost || (under == &t->root && ++t->direct < t->from))
        return &t->ghost;
    struct node *n = ARENA_NEW(t->w.keep, struct node);
    if (!n)
        return NULL;
    n->rid = row->rid;
    n->type = type_of_row(row);
    *(under->last ? &under->last->next : &under->first) = n;
    under->last = n;
    t->total++;
    return n;
}

/* Instances of a container whose disr is true are left out of every form. */
static enum err hides_instances(struct run *r, int64_t rid, bool *yes)
{
    struct attrs at;
    struct row holder;
    *yes = false;
    TRY(store_get(r->t, rid, r->a, &holder));
    if (type_rule(type_of(holder.ty), AT_disr)->create == P_ABSENT)
        return OK;
    TRY(name_attrs(&holder, r->a, &at));
    const struct jval *v = attrs_get(&at, AT_disr);
    if (v && json_bool(v, yes) != OK)
        *yes = false;
    return OK;
}

/* Between two pages of direct children the subtrees of those before are complete: is that enough? */
static bool enough(struct tree *t)
{
    t->whole = t->root.last;
    return t->total > t->lim;
}

static enum err visit(struct walk *w, struct branch *b, struct row *row)
{
    struct tree *t = w->ctx;
    struct run *r = w->r;
    struct node *n = b->under;
    bool instance = type_of(row->ty)->flags & TF_INSTANCE, fresh = !b->asked, yes, fits = true, leaf;
    if (b->level == 0 && b->fresh && enough(t)) {
        w->stop = true;
        return OK;
    }
    TRY(walk_may(w, b, row, ACOP_RETRIEVE, &yes));
    if (instance && fresh && b->may) {
        TRY(hides_instances(r, row->pid, &b->hidden));
        b->may = yes = !b->hidden;
    }
    if (yes && t->fc)
        TRY(match_row(r, &t->match, row, &fits));
    if (yes && fits && !(n = add(t, n, row)))
        return ERR_NOMEM;
    w->stop = t->total >= t->most;
    TRY(walk_is_leaf(w, row->ty, &leaf));
    if (leaf || (t->lvl && b->level + 1 >= t->lvl))
        return OK;
    return walk_push(w, b, row, n);
}

/* ---- offset and limit ---------------------------------------------------------------------------- */

static void count(struct node *root)
{
    /* no deeper than resources nest */
    root->n = 1;
    for (struct node *k = root->first; k; k = k->next) {
        count(k);
        root->n += k->n;
    }
}

/* The walk ended early: what is behind the last whole direct child may lack descendants. */
static void drop_unfinished(struct tree *t)
{
    if (t->w.stop && t->whole && t->whole->next) {
        t->whole->next = NULL;
        t->root.last = t->whole;
    }
}

static void cut(struct run *r, struct tree *t)
{
    uint64_t at = t->from, total = 0;
    struct node **link = &t->root.first;
    bool early = t->w.stop && walk_over(&t->w) && t->w.top;
    if (early)
        drop_unfinished(t);
    count(&t->root);
    for (; *link && (total == 0 || total + (*link)->n <= t->lim) && t->lim > 0; link = &(*link)->next, at++)
        total += (*link)->n;
    if (!*link && !early && t->lim > 0)
        return;
    if (*link || early || t->direct >= t->from)
        r->cut_at = (uint32_t)at;
    *link = NULL;
}

/* Children of one type stand together in the text: their order is the walk's, but what was hung up may be between. */
static void group(struct node *n)
{
    struct node *rest = n->first, **end = &n->first;
    while (rest) {
        const struct type *type = rest->type;
        struct node *others = NULL, **others_end = &others;
        for (struct node *k = rest, *next; k; k = next) {
            next = k->next;
            struct node ***to = k->type == type ? &end : &others_end;
            **to = k;
            *to = &k->next;
        }
        *others_end = NULL;
        rest = others;
    }
    *end = NULL;
}

/* ---- second pass --------------------------------------------------------------------------------- */

static struct frame *push(struct tree *t, struct node *n, bool any)
{
    struct frame *f = t->spare;
    if (f)
        t->spare = f->up;
    else
        f = ARENA_NEW(t->w.keep, struct frame);
    if (!f)
        return NULL;
    if (!t->refs)
        group(n);
    *f = (struct frame){.up = t->frame, .at = n->first, .any = any};
    t->frame = f;
    return f;
}

static enum err put_ref(struct run *r, struct tree *t, const struct row *row)
{
    struct site *up;
    struct text val;
    text_init(&val, r->a);
    if (r->q->drt == 2) {
        name_put_ri(&val.b, row);
    } else {
        TRY(site_of(&t->sites, r, row->pid, &up));
        site_put_path(&val.b, up, row);
    }
    TRY(val.b.e);
    view_put_ref(r, &t->sheet.w, row, buf_span(&val.b));
    return OK;
}

/* The member that the node belongs into is opened, the one before it closed. */
static void separate(struct frame *f, struct buf *b, const struct node *n)
{
    if (f->open == n->type) {
        buf_c(b, ',');
        return;
    }
    if (f->open)
        buf_c(b, ']');
    buf_str(b, f->any ? ",\"" : "\"");
    buf_put(b, n->type->root);
    buf_str(b, "\":[");
    f->open = n->type;
    f->any = true;
}

static enum err put_node(struct run *r, struct tree *t, struct node *n)
{
    struct row row;
    struct frame *f = t->frame;
    struct buf *b = &t->sheet.t.b;
    enum err e = store_get(r->t, n->rid, r->a, &row);
    if (e == ERR_NOTFOUND)
        return OK; /* gone, and all below it */
    TRY(e);
    bool any = false;
    if (t->refs) {
        TRY(put_ref(r, t, &row));
    } else {
        separate(f, b, n);
        any = view_put_open(r, b, &row);
    }
    if (n->first || !t->refs)
        return push(t, n, any) ? OK : ERR_NOMEM;
    return OK;
}

static void close_frame(struct tree *t)
{
    struct frame *f = t->frame;
    struct buf *b = &t->sheet.t.b;
    if (f->open)
        buf_c(b, ']');
    if (!t->refs)
        buf_c(b, '}');
    t->frame = f->up;
    f->up = t->spare;
    t->spare = f;
}

static enum err put_some(struct run *r, struct tree *t, size_t max)
{
    for (size_t n = 0; t->frame && n < max; n++) {
        struct node *k = t->frame->at;
        if (k) {
            t->frame->at = k->next;
            TRY(put_node(r, t, k));
        } else {
            close_frame(t);
        }
        TRY(sheet_flush(&t->sheet, r));
    }
    return OK;
}

/* What stands in front of the children: {"m2m:rrl":{"rrf":[   {"m2m:cnt":{   {"m2m:cnt":{ATTRIBUTES   and ,"ch":[ */
static bool open_result(struct run *r, struct tree *t)
{
    struct buf *b = &t->sheet.t.b;
    struct jw *w = &t->sheet.w;
    bool any = false;
    if (t->rcn == RCN_REFS) {
        jw_obj(w);
        JW_NAME(w, "m2m:rrl");
        jw_obj(w);
        JW_NAME(w, "rrf");
        jw_arr(w);
        return push(t, &t->root, false);
    }
    buf_str(b, "{\"");
    buf_put(b, type_of_row(&r->target)->root);
    buf_str(b, "\":");
    if (t->rcn == RCN_CHILDREN)
        buf_c(b, '{');
    else
        any = view_put_open(r, b, &r->target);
    if (t->rcn == RCN_ATTRIBUTES_REFS) {
        buf_str(b, any ? ",\"ch\":" : "\"ch\":");
        jw_arr(w);
    }
    return push(t, &t->root, any);
}

static void close_result(struct tree *t)
{
    struct buf *b = &t->sheet.t.b;
    if (t->rcn == RCN_REFS) {
        jw_end_arr(&t->sheet.w);
        jw_end_obj(&t->sheet.w);
        jw_end_obj(&t->sheet.w);
        return;
    }
    if (t->rcn == RCN_ATTRIBUTES_REFS) {
        jw_end_arr(&t->sheet.w);
        buf_c(b, '}');
    }
    buf_c(b, '}');
}

/* ---- turns --------------------------------------------------------------------------------------- */

static enum err begin(struct run *r, struct tree *t, unsigned rcn)
{
    const struct fc *fc = r->q->fc;
    uint64_t have = fc ? fc->have : 0;
    t->root.rid = r->target.rid;
    t->ghost.ghost = true;
    t->rcn = rcn;
    t->fc = match_selects(fc) ? fc : NULL;
    t->refs = rcn == RCN_REFS || rcn == RCN_ATTRIBUTES_REFS;
    t->lvl = have & FC_BIT(lvl) ? fc->lvl : 0;
    t->from = have & FC_BIT(ofst) && fc->ofst > 0 ? fc->ofst : 1;
    sheet_begin(&t->sheet, r);
    t->most = sheet_entries(&t->sheet) < TREE_MAX ? (size_t)sheet_entries(&t->sheet) : TREE_MAX;
    t->lim = have & FC_BIT(lim) && fc->lim < t->most ? fc->lim : t->most;
    t->w.visit = visit;
    t->w.page = match_page(fc);
    t->w.ctx = t;
    if (t->fc)
        TRY(match_begin(&t->match, t->fc, sw_open(&r->c->conf.sw, SW_wildcard_conditions), r->a));
    t->w.bare = !t->match.body;
    if (t->fc && t->fc->fo <= 1 && have & FC_BIT(ty))
        t->w.only = &fc->ty;
    if (t->refs)
        TRY(sites_begin(&t->sites, r, &r->target, r->a));
    return walk_begin(&t->w, r, &r->target, &t->root);
}

/* A turn of either pass; *over: the text is complete. */
static enum err one_turn(struct run *r, struct tree *t, bool *over)
{
    *over = false;
    if (!walk_over(&t->w)) {
        match_turn(&t->match);
        return walk_turn(&t->w);
    }
    if (!t->writing) {
        t->writing = true;
        cut(r, t);
        if (!open_result(r, t))
            return ERR_NOMEM;
    }
    if (t->refs)
        sites_turn(&t->sites);
    struct arena scratch, *keep = r->a;
    heap_arena(&scratch, SCRATCH_BLOCK, SCRATCH_MEM);
    r->a = &scratch;
    enum err e = put_some(r, t, PAGE);
    r->a = keep;
    arena_reset(&scratch);
    TRY(e);
    if (t->frame)
        return OK;
    close_result(t);
    *over = true;
    return t->sheet.t.b.e;
}

static struct tree *tree_new(struct run *r, unsigned rcn, enum err *e)
{
    struct tree *t = ARENA_NEW(r->a, struct tree);
    *e = t ? begin(r, t, rcn) : ERR_NOMEM;
    return t;
}

enum says tree_content(struct run *r, unsigned rcn, struct span *out)
{
    enum err e;
    bool over = false;
    bool may = r->x->spills;
    r->x->spills = false; /* the answer waits for the commit: it is held */
    struct tree *t = tree_new(r, rcn, &e);
    r->x->spills = may;
    while (e == OK && !over)
        e = one_turn(r, t, &over);
    STEP_TRY(r, e);
    *out = buf_span(&t->sheet.t.b);
    return MORE;
}

static void again(void *arg)
{
    run_again(arg);
}

enum says tree_start(struct run *r, unsigned rcn)
{
    enum err e = OK;
    bool over = false;
    if (!r->tree)
        r->tree = tree_new(r, rcn, &e);
    for (int n = 0; e == OK && !over && n < 2; n++) /* a small tree is walked and written at once */
        e = one_turn(r, r->tree, &over);
    if (e != OK) {
        if (r->tree)
            sheet_drop(&r->tree->sheet, r);
        return oops(r, e);
    }
    if (over)
        return sheet_answer(&r->tree->sheet, r);
    r->c->w.later(r->c->w.ctx, r->x->loop, again, r);
    return WAIT;
}
