#include "cse/node.h"

#include "cse/patch.h"

struct link_row {
    uint16_t ty;
    enum attr link; /* of the node */
    bool list;
};
static const struct link_row links[] = {{TY_AE, AT_hael, true}, {TY_CSR, AT_hcl, false}, {TY_FCNT, AT_hsl, true}};

static const struct link_row *link_of(unsigned ty)
{
    for (size_t i = 0; i < LEN(links); i++)
        if (links[i].ty == ty)
            return &links[i];
    return NULL;
}

static struct span id_of(struct run *r, const struct row *row)
{
    struct text t;
    text_init(&t, r->a);
    name_put_ri(&t.b, row);
    return buf_span(&t.b);
}

/* The list without id, and with it at the end when `add`; p NULL: nothing is left. */
static struct span list_text(struct run *r, const struct jval *old, struct span id, bool add)
{
    struct text t;
    size_t n = 0;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_arr(&w);
    for (const struct jval *v = old && old->type == J_ARR ? old->child : NULL; v; v = v->next)
        if (!json_is(v, id)) {
            jw_raw(&w, v->raw);
            n++;
        }
    if (add)
        jw_str(&w, id);
    jw_end_arr(&w);
    return n || add ? buf_span(&t.b) : SPAN_NONE;
}

static enum err change(struct run *r, struct span nl, const struct row *row, bool add)
{
    struct row node;
    struct attrs at;
    const struct link_row *l = link_of(row->ty);
    struct span id = id_of(r, row);
    enum err e = nl.n ? find_text(r, nl, &node) : ERR_NOTFOUND;
    if (e == ERR_NOTFOUND || e == ERR_SYNTAX || e == ERR_UNREACHABLE || (e == OK && node.ty != TY_NOD))
        return OK; /* of another CSE, or no node: nothing here to keep true */
    TRY(e);
    TRY(name_attrs(&node, r->a, &at));
    const struct jval *old = attrs_get(&at, l->link);
    struct patch p = {attr_row(l->link)->sn, SPAN_NONE};
    if (l->list)
        p.json = list_text(r, old, id, add);
    else if (add)
        p.json = name_json(id, r->a);
    else if (!old || !json_is(old, id))
        return OK; /* it links to another by now */
    return patch_row(r, &node, &p, 1);
}

enum err node_follow(struct run *r)
{
    const struct jval *nl = attrs_get(&r->in, AT_nl);
    if (!nl || !link_of(r->out.ty))
        return OK;
    if (r->q->op == OP_UPDATE)
        TRY(change(r, attrs_text(&r->old, AT_nl, r->a), &r->out, false));
    return change(r, nl->type == J_STR ? name_text(nl, r->a) : SPAN_NONE, &r->out, true);
}

enum err node_gone(struct run *r, const struct row *row)
{
    struct attrs at;
    if (!link_of(row->ty))
        return OK;
    TRY(name_attrs(row, r->a, &at));
    return change(r, attrs_text(&at, AT_nl, r->a), row, false);
}
