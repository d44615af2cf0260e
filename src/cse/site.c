/* site.c - places of rows, found by walking up and kept. */
#include "cse/site.h"

#include <string.h>

enum { REGS_INACTIVE = 2 };

enum err site_inactive(struct run *r, struct row *row, bool *yes)
{
    struct attrs at;
    uint64_t regs = 0;
    *yes = false;
    if (row->ty != TY_AE)
        return OK;
    if (!row->body.n)
        TRY(store_get(r->t, row->rid, r->a, row));
    if (span_find(row->body, 'g') == row->body.n) /* no attribute with that letter, hence no regs */
        return OK;
    TRY(name_attrs(row, r->a, &at));
    *yes = json_u64(attrs_get(&at, AT_regs), REGS_INACTIVE, &regs) == OK && regs == REGS_INACTIVE;
    return OK;
}

enum err sites_begin(struct sites *p, struct run *r, const struct row *root, struct arena *keep)
{
    *p = (struct sites){.keep = keep, .root = root->rid};
    if (!(p->v = ARENA_ARRAY(keep, struct site, SITES)))
        return ERR_NOMEM;
    return name_path(r->t, root, keep, &p->root_path);
}

void sites_turn(struct sites *p)
{
    for (size_t i = 0; i < SITES; i++)
        p->v[i].rid = 0;
}

static struct site *slot(struct sites *p, int64_t rid)
{
    return &p->v[((uint64_t)rid * 0x9e3779b97f4a7c15u >> 32) % SITES];
}

static enum err set_path(struct sites *p, struct site *at, struct span path)
{
    if (at->room < path.n) {
        size_t room = at->room ? at->room : 64;
        while (room < path.n)
            room *= 2;
        void *fresh = arena_alloc(p->keep, room);
        if (!fresh)
            return ERR_NOMEM;
        at->path.p = fresh;
        at->room = room;
    }
    if (path.n)
        memcpy((uint8_t *)at->path.p, path.p, path.n); /* ours: it was allocated above */
    at->path.n = path.n;
    return OK;
}

static enum err keep(struct sites *p, int64_t rid, bool below, uint32_t depth, struct span path, struct site **out)
{
    struct site *at = *out = slot(p, rid);
    at->rid = rid;
    at->below = below;
    at->asked = at->may = false;
    at->depth = depth;
    return set_path(p, at, below ? path : SPAN_NONE);
}

/* One step of the way up. */
struct rung {
    struct rung *below;
    int64_t rid;
    struct text name;
    bool hidden;
};

/* Up to the root, to the top, or to a place that is known; *known is NULL for the first two. */
static enum err climb(struct sites *p, struct run *r, int64_t rid, struct rung **top, struct site **known, bool *in)
{
    *top = NULL;
    *known = NULL;
    *in = false;
    for (;;) {
        struct site *at = slot(p, rid);
        if (at->rid == rid)
            *known = at;
        if (rid == p->root || at->rid == rid) {
            *in = rid == p->root || at->below;
            return OK;
        }
        struct row row;
        struct rung *s = ARENA_NEW(r->a, struct rung);
        if (!s)
            return ERR_NOMEM;
        TRY(store_get(r->t, rid, r->a, &row));
        s->rid = rid;
        s->below = *top;
        *top = s;
        text_init(&s->name, r->a);
        name_put_rn(&s->name.b, &row);
        TRY(s->name.b.e);
        TRY(site_inactive(r, &row, &s->hidden));
        if (row.pid == 0)
            return OK;
        rid = row.pid;
    }
}

enum err site_of(struct sites *p, struct run *r, int64_t rid, struct site **out)
{
    struct rung *top;
    struct site *known;
    struct text path;
    bool in;
    TRY(climb(p, r, rid, &top, &known, &in));
    *out = known;
    if (!top && known)
        return OK;
    text_init(&path, r->a);
    if (in)
        buf_put(&path.b, known ? known->path : p->root_path);
    uint32_t depth = known ? known->depth : 0;
    if (!top)
        return keep(p, rid, in, depth, buf_span(&path.b), out);
    for (struct rung *s = top; s; s = s->below) {
        in = in && !s->hidden;
        if (in) {
            buf_c(&path.b, '/');
            buf_put(&path.b, buf_span(&s->name.b));
            depth++;
        }
        TRY(path.b.e);
        TRY(keep(p, s->rid, in, depth, buf_span(&path.b), out));
    }
    return OK;
}

void site_put_path(struct buf *b, const struct site *up, const struct row *row)
{
    buf_put(b, up->path);
    buf_c(b, '/');
    name_put_rn(b, row);
}
