/* group.c - what happens to a group without anybody asking for it: members that could not be reached come back, members
 * that are deleted leave it. */
#include "cse/group.h"

#include "cse/alarm.h"
#include "cse/errand.h"
#include "host/heap.h"

enum { GROUP_BLOCK = 16384, GROUP_MEM = 64 << 20 };

/* ---- members that could not be reached --------------------------------------------------------------- */
/* The alarm rings on the writer; loop 0 then makes the request that looks at the members again: an UPDATE of mid with
 * itself, with the rights of the group's creator towards other CSEs. */

static void lock(struct cse *c)
{
    while (atomic_flag_test_and_set_explicit(&c->regroup.lock, memory_order_acquire)) {
    }
}

static void unlock(struct cse *c)
{
    atomic_flag_clear_explicit(&c->regroup.lock, memory_order_release);
}

enum err group_unsure(struct run *r, const struct row *group)
{
    return alarm_at(r, ALARM_group, group->rid, r->now + GROUP_RETRY_MS);
}

static bool is_unsure(struct run *r, const struct row *row)
{
    struct attrs at;
    bool sure = true;
    if (row->ty != TY_GRP || name_attrs(row, r->a, &at) != OK)
        return false;
    const struct jval *mtv = attrs_get(&at, AT_mtv);
    return mtv && json_bool(mtv, &sure) == OK && !sure;
}

enum err group_ring(struct run *r, struct row *row, int64_t due)
{
    struct cse *c = r->c;
    (void)due;
    if (!is_unsure(r, row))
        return OK;
    lock(c);
    if (c->regroup.n < LEN(c->regroup.rid))
        c->regroup.rid[c->regroup.n++] = row->rid;
    unlock(c);
    atomic_store(&c->tick, true);
    return group_unsure(r, row);
}

static bool pop(struct cse *c, int64_t *rid)
{
    lock(c);
    bool any = c->regroup.n > 0;
    if (any)
        *rid = c->regroup.rid[--c->regroup.n];
    unlock(c);
    return any;
}

static void erased(struct errand *e)
{
    errand_free(e);
}

/* csy ABANDON_GROUP, and a member turns out to be of another type: the group goes (TS-0004 7.4.13.2.1). */
static void judged(struct errand *e)
{
    struct errand *del = NULL;
    if (e->x.rsp->rsc == RSC_GROUP_MEMBER_TYPE_INCONSISTENT)
        del = errand_new(e->c, NULL, 0, OP_DELETE, prim_text(&e->q, PA_to));
    if (del) {
        prim_set(&del->q, PA_to, arena_dup(&del->a, prim_text(&e->q, PA_to)));
        del->over = erased;
        errand_go(del);
    }
    errand_free(e);
}

static enum err mid_again(struct run *r, const struct row *row, struct arena *a, struct span *out)
{
    struct attrs at;
    struct text t;
    TRY(name_attrs(row, r->a, &at));
    const struct jval *mid = attrs_get(&at, AT_mid);
    text_init(&t, a);
    buf_str(&t.b, "{\"m2m:grp\":{\"mid\":");
    buf_put(&t.b, mid ? mid->raw : SPAN("[]"));
    buf_str(&t.b, "}}");
    *out = buf_span(&t.b);
    return t.b.e;
}

static void try_again(struct cse *c, int64_t rid)
{
    struct row row;
    struct span mid;
    struct text to;
    struct errand *e = errand_new(c, NULL, 0, OP_UPDATE, SPAN("-"));
    if (!e)
        return;
    struct run r = {.c = c, .a = &e->a, .now = c->w.now(c->w.ctx)};
    enum err err = store_read(c->w.store, 0, &r.t);
    if (err == OK)
        err = store_get(r.t, rid, &e->a, &row);
    if (err == OK)
        err = is_unsure(&r, &row) ? mid_again(&r, &row, &e->a, &mid) : ERR_NOTFOUND;
    if (r.t)
        store_end(r.t);
    if (err != OK) {
        errand_free(e);
        return;
    }
    text_init(&to, &e->a);
    name_put_ri(&to.b, &row);
    prim_set(&e->q, PA_to, buf_span(&to.b));
    if (row.creator.n)
        prim_set(&e->q, PA_fr, row.creator);
    prim_set(&e->q, PA_vsi, GROUP_AGAIN);
    errand_content(e, mid);
    e->over = judged;
    errand_go(e);
}

void group_tick(struct cse *c)
{
    int64_t rid;
    while (pop(c, &rid))
        try_again(c, rid);
}

/* ---- members that are deleted (switch 28) ------------------------------------------------------------ */

/* The resource that goes, in the forms that a list can name it by. */
struct leaving {
    struct span ri, names; /* "3f"; "ae/data": behind the CSEBase's name */
};

static bool is_it(struct run *r, struct span text, const struct leaving *l)
{
    struct addr at;
    const char *why;
    if (addr_parse(text, &r->c->conf.self, &r->c->conf.sw, &at, &why) != OK || at.where != ADDR_HERE)
        return false;
    return at.structured ? span_eq(at.names, l->names) : !at.names.n && span_eq(at.id, l->ri);
}

static enum err leave(struct run *r, struct row *group, const struct leaving *l)
{
    struct attrs at;
    struct text list, t;
    uint32_t kept = 0;
    const struct jval *body;
    TRY(name_attrs(group, r->a, &at));
    const struct jval *mid = attrs_get(&at, AT_mid);
    text_init(&list, r->a);
    buf_c(&list.b, '[');
    for (const struct jval *v = mid ? mid->child : NULL; v; v = v->next) {
        if (is_it(r, name_text(v, r->a), l))
            continue;
        if (kept++)
            buf_c(&list.b, ',');
        buf_put(&list.b, v->raw);
    }
    buf_c(&list.b, ']');
    if (!mid || kept == mid->n)
        return OK;
    TRY(name_parse(group->body, r->a, &body));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    for (const struct jval *v = body->child; v; v = v->next) {
        jw_name(&w, v->key);
        if (span_eq(v->key, SPAN("mid")))
            jw_raw(&w, buf_span(&list.b));
        else if (span_eq(v->key, SPAN("cnm")))
            jw_u64(&w, kept);
        else
            jw_raw(&w, v->raw);
    }
    jw_end_obj(&w);
    TRY(t.b.e);
    group->body = buf_span(&t.b);
    TRY(make_labels(r, attrs_get(&at, AT_lbl), group));
    readers_moved(r, TY_GRP);
    return store_set(r->t, group);
}

static enum err forms_of(struct run *r, const struct row *row, struct leaving *l)
{
    struct text ri;
    struct span path;
    text_init(&ri, r->a);
    name_put_ri(&ri.b, row);
    TRY(ri.b.e);
    TRY(name_path(r->t, row, r->a, &path));
    l->ri = buf_span(&ri.b);
    l->names = span_from(path, span_find(path, '/') + 1);
    return OK;
}

static enum err leave_all(struct run *r, const struct row *row)
{
    struct leaving l = {.ri = SPAN_NONE};
    struct rows page = {.more = true};
    for (int64_t after = 0; page.more; after = page.v[page.n - 1].rid) {
        TRY(store_find(r->t, FIND_TYPE, TY_GRP, SPAN_NONE, after, PAGE, false, r->a, &page));
        if (page.n && !l.ri.n)
            TRY(forms_of(r, row, &l));
        for (size_t i = 0; i < page.n; i++)
            if (page.v[i].rid != row->rid)
                TRY(leave(r, &page.v[i], &l));
        if (!page.n)
            break;
    }
    return OK;
}

/* In memory of its own: a sweep takes many rows, and each looks at every group. */
enum err group_forget(struct run *r, const struct row *row)
{
    struct run mine = *r;
    struct arena a;
    if (!sw_open(&r->c->conf.sw, SW_group_members))
        return OK;
    heap_arena(&a, GROUP_BLOCK, GROUP_MEM);
    mine.a = &a;
    enum err e = leave_all(&mine, row);
    arena_reset(&a);
    return e;
}
