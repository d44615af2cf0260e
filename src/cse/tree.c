/* tree.c - a resource with its children: rcn 4, 5, 6, 8 (TS-0001 8.1.2, 10.2.6.2; serialization.md 2.6, 2.7).
 *
 * Only what the originator may RETRIEVE is in it; criteria select among the descendants, never the target; a match
 * whose parent is not in the result hangs under its nearest ancestor that is. `lim` cuts whole subtrees of direct
 * children, `ofst` counts direct children from 1. */
#include "cse/inside.h"

struct node {
    struct row row;
    struct span path; /* rcn 5, 6 */
    struct node *first, *last, *next;
    size_t n; /* resources from here down */
};

struct grow {
    struct run *r;
    const struct fc *fc; /* criteria; NULL: everything */
    bool wild, refs;
    uint32_t lvl;
    size_t total;
};

static bool disabled(const struct attrs *at)
{
    bool yes = false;
    const struct jval *v = attrs_get(at, AT_disr);
    return v && json_bool(v, &yes) == OK && yes;
}

static struct node *add(struct grow *g, struct node *under, const struct row *row, struct span path)
{
    struct node *n = ARENA_NEW(g->r->a, struct node);
    if (!n)
        return NULL;
    n->row = *row;
    n->path = path;
    *(under->last ? &under->last->next : &under->first) = n;
    under->last = n;
    g->total++;
    return n;
}

static struct span path_below(struct grow *g, struct span path, const struct row *row)
{
    struct text t;
    if (!g->refs)
        return SPAN_NONE;
    text_init(&t, g->r->a);
    buf_put(&t.b, path);
    buf_c(&t.b, '/');
    name_put_rn(&t.b, row);
    return buf_span(&t.b);
}

/* What is the same for all instances of one parent. */
struct family {
    bool disabled, asked, readable;
};

static enum err family_of(struct run *r, const struct row *parent, struct family *f)
{
    struct attrs at;
    *f = (struct family){0};
    if (parent->ty != TY_CNT)
        return OK;
    TRY(name_attrs(parent, r->a, &at));
    f->disabled = disabled(&at);
    return OK;
}

static enum err readable(struct run *r, const struct row *parent, const struct row *row, struct family *f, bool *yes)
{
    if (type_of(row->ty)->flags & TF_ACPI || row->ty == TY_ACP)
        return rights_ask(r, &r->q->from, row, ACOP_RETRIEVE, 0, yes);
    if (!f->asked) {
        f->asked = true;
        TRY(rights_ask(r, &r->q->from, parent, ACOP_RETRIEVE, 0, &f->readable));
    }
    *yes = f->readable && !f->disabled;
    return OK;
}

static enum err grow_below(struct grow *g, const struct row *parent, struct span path, struct node *under,
                           uint32_t level);

static enum err grow_one(struct grow *g, const struct row *parent, struct family *f, const struct row *row,
                         struct span path, struct node *under, uint32_t level)
{
    bool yes = false, fits = true;
    struct span own = path_below(g, path, row);
    if (row->et <= g->r->now)
        return OK;
    TRY(readable(g->r, parent, row, f, &yes));
    if (yes && g->fc)
        TRY(match_row(g->r, row, g->fc, g->wild, &fits));
    struct node *n = under;
    if (yes && fits && !(n = add(g, under, row, own)))
        return ERR_NOMEM;
    if (row->ty == TY_CIN || (g->lvl && level >= g->lvl) || g->total >= RESULT_MAX)
        return OK;
    return grow_below(g, row, own, n, level + 1);
}

static enum err grow_below(struct grow *g, const struct row *parent, struct span path, struct node *under,
                           uint32_t level)
{
    struct rows page = {.more = true};
    struct family f;
    TRY(family_of(g->r, parent, &f));
    for (int64_t after = 0; page.more && g->total < RESULT_MAX; after = page.v[page.n - 1].rid) {
        TRY(store_list(g->r->t, parent->rid, 0, after, PAGE, false, g->r->a, &page));
        for (size_t i = 0; i < page.n && g->total < RESULT_MAX; i++)
            TRY(grow_one(g, parent, &f, &page.v[i], path, under, level));
        if (!page.n)
            break;
    }
    return OK;
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

enum says tree_content(struct run *r, unsigned rcn, struct span *out)
{
    struct node root = {.row = r->target};
    struct grow g = {.r = r,
                     .fc = r->q->fc && r->q->fc->have & ~FC_HANDLING ? r->q->fc : NULL,
                     .wild = sw_open(&r->c->conf.sw, SW_wildcard_conditions),
                     .refs = rcn == RCN_REFS || rcn == RCN_ATTRIBUTES_REFS,
                     .lvl = r->q->fc && r->q->fc->have & FC_BIT(lvl) ? r->q->fc->lvl : 0};
    struct text t;
    struct span path = SPAN_NONE;
    bool none = r->q->fc && r->q->fc->have & FC_BIT(lvl) && r->q->fc->lvl == 0;
    if (g.refs)
        STEP_TRY(r, name_path(r->t, &r->target, r->a, &path));
    if (!none)
        STEP_TRY(r, grow_below(&g, &r->target, path, &root, 1));
    cut(r, &root);
    text_init(&t, r->a);
    put_result(r, &t.b, &root, rcn);
    STEP_TRY(r, t.b.e);
    *out = buf_span(&t.b);
    return MORE;
}

void tree_answer(struct run *r)
{
    view_answer(r, RSC_OK, r->pc);
    view_cut(r);
}
