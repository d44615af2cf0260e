/* find.c - the resource that an address names (TS-0001 9.3.1, TS-0004 7.3.3.1). */
#include <string.h>

#include "cse/annc.h"
#include "cse/hold.h"

static bool gone(const struct run *r, const struct row *row)
{
    return row->et <= r->now;
}

/* A resource that has passed its et counts as gone, though the sweep may not have met it yet. */
static enum err alive(const struct run *r, const struct row *row, enum err e)
{
    return e == OK && gone(r, row) ? ERR_NOTFOUND : e;
}

/* Unstructured identifier of one segment. */
static enum err by_id(struct run *r, struct span id, struct row *out)
{
    int64_t rid;
    struct span stem = span_from(r->c->conf.self.csi, 1);
    if (span_eq(id, stem))
        return store_get(r->t, RID_BASE, r->a, out);
    if (name_rid(id, &rid)) {
        enum err e = store_get(r->t, rid, r->a, out);
        /* the AE has another identifier, its stem */
        return e == OK && out->alias.n && out->ty != TY_CSR ? ERR_NOTFOUND : e;
    }
    enum err e = store_alias(r->t, id, r->a, out);
    return e == OK && out->ty == TY_CSR ? ERR_NOTFOUND : e;
}

/* The child of that name: the chosen one, else a derived one. */
static enum err by_name(struct run *r, const struct row *parent, struct span rn, struct row *out)
{
    enum err e = store_child(r->t, parent->rid, rn, r->a, out);
    int64_t rid;
    if (e != ERR_NOTFOUND || !name_derived(rn, &rid))
        return e;
    TRY(store_get(r->t, rid, r->a, out));
    uint8_t p[64];
    struct buf b = BUF_ARRAY(p);
    name_put_rn(&b, out);
    return out->pid == parent->rid && !out->rn.n && span_eq(buf_span(&b), rn) ? OK : ERR_NOTFOUND;
}

/* The instance that la or ol stands for; an empty container gives ERR_NOTFOUND. */
static enum err behind_virtual(struct run *r, struct found *f)
{
    f->holder = f->row;
    memset(&f->row, 0, sizeof f->row);
    return hold_end(r, &f->holder, f->virt->number == TY_LA, &f->row);
}

static enum err walk(struct run *r, struct span names, struct found *f)
{
    for (struct span seg = addr_next(&names); seg.n; seg = addr_next(&names)) {
        f->virt = type_virtual(f->row.ty, seg);
        if (f->virt) {
            const struct type_hook *h = type_hook(f->virt->number);
            if (h && h->virt) {
                f->holder = f->row;
                f->rest = names;
                return OK;
            }
            if (names.n || (f->virt->number != TY_LA && f->virt->number != TY_OL))
                return ERR_NOTFOUND; /* a virtual resource has no children; one without behaviour is not there */
            return behind_virtual(r, f);
        }
        struct row child;
        TRY(alive(r, &child, by_name(r, &f->row, seg, &child)));
        f->row = child;
    }
    return OK;
}

enum err find_addr(struct run *r, const struct addr *at, struct found *f)
{
    memset(f, 0, sizeof *f);
    enum err e = at->structured ? store_get(r->t, RID_BASE, r->a, &f->row) : by_id(r, at->id, &f->row);
    TRY(alive(r, &f->row, e));
    return walk(r, at->names, f);
}

enum err find_relative(struct run *r, struct span path, struct found *f)
{
    while (path.n) {
        struct span rest = path, seg = span_cut(&rest, '/');
        if (span_eq(seg, SPAN(".."))) {
            if (!f->row.pid)
                return ERR_NOTFOUND;
            TRY(store_get(r->t, f->row.pid, r->a, &f->row));
        } else {
            TRY(walk(r, seg, f));
            if (f->rest.p || (f->virt && rest.n))
                return ERR_NOTFOUND; /* what a virtual resource answers is no resource */
        }
        path = rest;
    }
    return f->row.rid ? OK : ERR_NOTFOUND;
}

enum err find_text(struct run *r, struct span id, struct row *out)
{
    struct addr at;
    const char *why;
    struct found f;
    TRY(addr_parse(id, &r->c->conf.self, &r->c->conf.sw, &at, &why));
    if (at.where != ADDR_HERE)
        return ERR_UNREACHABLE;
    TRY(find_addr(r, &at, &f));
    *out = f.row;
    return OK;
}

enum err find_ae(struct run *r, struct span stem, struct row *out)
{
    enum err e = store_alias(r->t, stem, r->a, out);
    if (e == OK && out->ty != TY_AE)
        return ERR_NOTFOUND;
    return alive(r, out, e);
}

bool find_away(struct run *r, const struct addr *at)
{
    struct row row;
    struct span home;
    if (at->where != ADDR_HERE || !at->s_ae)
        return at->where != ADDR_HERE;
    return find_ae(r, at->id, &row) == ERR_NOTFOUND && (r->c->conf.parent_url.n || annc_home(r, at->id, &home) == OK);
}

enum err find_cse(struct run *r, struct span csi, struct row *out)
{
    enum err e = store_alias(r->t, csi, r->a, out);
    if (e == OK && out->ty != TY_CSR)
        return ERR_NOTFOUND;
    return alive(r, out, e);
}
