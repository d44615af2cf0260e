/* tell.c - events become letters (TS-0004 7.5.1.2.2): which subscriptions hear them, and for whom. */
#include "cse/tell.h"

#include <stdlib.h>

#include "cse/sgn.h"
#include "cse/stats.h"
#include "host/heap.h"

/* ---- one subscription ------------------------------------------------------------------------------- */

static enum err post_event(struct run *r, const struct row *row, const struct sub *s, const struct event *e,
                           const struct monitor *om)
{
    struct span open, body;
    int64_t id;
    TRY(sgn_event(r, row, s, e, om, &open));
    for (size_t i = 0; i < s->nu.n; i++) {
        TRY(sgn_close(r, open, s->cr, s->nu.v[i], &body));
        TRY(pace_post(r, row->rid, s->nu.v[i], &s->pace, body, &id));
    }
    return s->pace.nse ? stats_event(r, row->rid) : OK;
}

static enum err tell_one(struct run *r, const struct row *row, const struct event *e)
{
    const struct monitor *om;
    const struct sub *s;
    if (row->et <= r->now || row->rid == e->subject->rid)
        return OK; /* nobody is told of his own subscription */
    TRY(sub_of(r, row, &s));
    return sub_hears(r, s, e, &om) ? post_event(r, row, s, e, om) : OK;
}

static enum err tell(struct run *r, const struct event *e)
{
    struct rows page = {.more = e->target->subs > 0 && e->target->ty != TY_SUB};
    for (int64_t after = 0; page.more; after = page.v[page.n - 1].rid) {
        TRY(store_list(r->t, e->target->rid, TY_SUB, after, PAGE, false, r->a, &page));
        for (size_t i = 0; i < page.n; i++)
            TRY(tell_one(r, &page.v[i], e));
        if (!page.n)
            break;
    }
    return OK;
}

/* ---- events ------------------------------------------------------------------------------------------- */

/* Monitors hear operations that somebody asked for, not what the CSE does by itself. */
static unsigned op_of(const struct run *r)
{
    return r->q && r->q->op && prim_has(r->q, PA_fr) ? op_acop((enum op)r->q->op) : 0;
}

enum err tell_update(struct run *r, const struct row *row, const struct attr_set *changed)
{
    return tell(r, &(struct event){NET_UPDATE, op_of(r), row, row, changed, SPAN_NONE});
}

enum err tell_create(struct run *r, const struct row *parent, const struct row *child)
{
    return tell(r, &(struct event){NET_CREATE_CHILD, op_of(r), parent, child, NULL, SPAN_NONE});
}

enum err tell_delete(struct run *r, const struct row *row)
{
    return tell(r, &(struct event){NET_DELETE, op_of(r), row, row, NULL, SPAN_NONE});
}

enum err tell_delete_child(struct run *r, const struct row *parent, const struct row *child)
{
    return tell(r, &(struct event){NET_DELETE_CHILD, 0, parent, child, NULL, SPAN_NONE});
}

enum err tell_missing(struct run *r, const struct row *ts, const struct row *sub, const struct attrs *sub_at,
                      struct span rep)
{
    (void)sub_at;
    return tell_one(r, sub, &(struct event){NET_MISSING, 0, ts, ts, NULL, rep});
}

enum err tell_letters(struct run *r, const struct row *row, const struct attrs *at, enum attr nu, struct span pc,
                      bool counts)
{
    uint64_t ec = 0;
    bool nse = false;
    int64_t id;
    const struct jval *list = attrs_get(at, nu), *nec = attrs_get(at, AT_nec), *jnse = attrs_get(at, AT_nse);
    if (nec && json_u64(nec, UINT16_MAX, &ec) != OK)
        ec = 0;
    if (jnse && json_bool(jnse, &nse) != OK)
        nse = false;
    struct pace p = {.ec = (uint16_t)ec, .exc = counts && attrs_get(at, AT_exc), .nse = counts && nse, .mnn = -1};
    for (const struct jval *v = list ? list->child : NULL; v; v = v->next)
        TRY(pace_plain(r, row->rid, name_text(v, r->a), &p, pc, &id));
    return p.nse ? stats_event(r, row->rid) : OK;
}

enum err tell_forward(struct run *r, const struct row *group, struct span nfu, struct span sgn, int64_t num,
                      int64_t dur)
{
    struct pace p = {.batch = true, .num = num, .dur = dur ? dur : BATCH_MS, .mnn = -1};
    struct text t;
    int64_t id;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:sgn");
    jw_raw(&w, sgn);
    jw_end_obj(&w);
    TRY(t.b.e);
    return pace_post(r, group->rid, nfu, &p, buf_span(&t.b), &id);
}

/* ---- reads -------------------------------------------------------------------------------------------- */

enum { READ_BLOCK = 2048, READ_MEM = 32 << 20 };

/* What somebody read, as a job of the writer. */
struct reading {
    struct exch x;
    struct arena a;
    struct prim q;
    struct run r;
    int64_t rid;
    unsigned op;
    bool none; /* net 5 as well */
};

/* Small state: an instance of this container has expired since somebody was told. */
static struct span expired_key(int64_t rid, struct arena *a)
{
    struct text t;
    text_init(&t, a);
    buf_str(&t.b, "expired/");
    buf_i64(&t.b, rid);
    return buf_span(&t.b);
}

enum err tell_expired(struct run *r, const struct row *container)
{
    return subs_hear_reads(container) ? store_state_put(r->t, expired_key(container->rid, r->a), SPAN("1")) : OK;
}

enum err tell_container_ends(struct run *r, const struct row *container)
{
    return store_state_drop(r->t, expired_key(container->rid, r->a));
}

static enum err write_reading(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct reading *g = x->door;
    struct row row;
    g->r.t = t;
    g->r.now = c->w.now(c->w.ctx);
    enum err e = store_get(t, g->rid, &g->a, &row);
    if (e != OK)
        return e == ERR_NOTFOUND ? OK : e;
    struct event ev = {g->none ? NET_RETRIEVE_NONE : NET_NONE, g->op, &row, &row, NULL, SPAN_NONE};
    TRY(tell(&g->r, &ev));
    return g->none ? store_state_drop(t, expired_key(row.rid, &g->a)) : OK;
}

static void reading_over(struct exch *x)
{
    struct reading *g = x->door;
    arena_reset(&g->a);
    free(g);
}

/* Net 5: the content would show instances, and one has expired, or did since somebody was told (TS-0001 9.6.8). */
static bool meets_nothing(struct run *r)
{
    struct row old;
    struct span mark;
    if (r->q->op != OP_RETRIEVE || r->target.ty != TY_CNT ||
        (r->q->rcn != RCN_ATTRIBUTES_CHILDREN && r->q->rcn != RCN_CHILDREN))
        return false;
    enum err e = store_oldest(r->t, r->target.rid, TY_CIN, 0, r->a, &old);
    return (e == OK && old.et <= r->now) || store_state_get(r->t, expired_key(r->target.rid, r->a), r->a, &mark) == OK;
}

void tell_read(struct run *r)
{
    if (!subs_hear_reads(&r->target) || r->virt)
        return;
    struct reading *g = calloc(1, sizeof *g);
    if (!g)
        return;
    heap_arena(&g->a, READ_BLOCK, READ_MEM);
    prim_init(&g->q);
    g->q.op = r->q->op;
    prim_set(&g->q, PA_fr, arena_dup(&g->a, prim_text(r->q, PA_fr)));
    g->q.from = id_parse(prim_text(&g->q, PA_fr), &r->c->conf.self);
    g->rid = r->target.rid;
    g->op = r->q->fc && r->q->fc->fu == FU_DISCOVERY ? ACOP_DISCOVERY : op_acop((enum op)r->q->op);
    g->none = meets_nothing(r);
    g->x = (struct exch){.req = &g->q,
                         .arena = &g->a,
                         .self = true,
                         .loop = r->x->loop,
                         .door = g,
                         .job = write_reading,
                         .done = reading_over};
    g->r = (struct run){.c = r->c, .x = &g->x, .q = &g->q, .a = &g->a, .slot = STORE_SLOTS_MAX};
    if (!r->c->w.enqueue(r->c->w.ctx, &g->x))
        reading_over(&g->x); /* more changes wait than are queued: a read is not worth one of their places */
}

/* ---- subscriptions come, change and go ------------------------------------------------------------------ */

enum err tell_weight(struct run *r, const struct row *row, uint32_t parent_ty, int64_t *weight)
{
    const struct sub *s;
    *weight = row->ty == TY_SUB || (row->ty == TY_SCH && parent_ty == TY_SUB) ? SUBS_ONE : 0;
    if (row->ty != TY_SUB)
        return OK;
    TRY(sub_of(r, row, &s));
    if (sub_hears_reads(s))
        *weight += SUBS_READS;
    if (s->nets >> NET_BLOCKING & 1)
        *weight += SUBS_BLOCKS;
    return OK;
}

static enum err tell_end(struct run *r, const struct row *row, const struct sub *s, struct span to)
{
    struct span body;
    struct pace p = {.ec = s->pace.ec, .mnn = -1};
    int64_t id;
    TRY(sgn_end(r, row, s->cr, to, &body));
    TRY(pace_plain(r, row->rid, to, &p, body, &id));
    notice_wrote(r, id);
    return OK;
}

static bool lists(const struct jval *list, const struct jval *text, struct arena *a)
{
    struct span s = name_text(text, a);
    for (const struct jval *v = list && list->type == J_ARR ? list->child : NULL; v; v = v->next)
        if (json_is(v, s))
            return true;
    return false;
}

/* Hosts of crossResourceSubscriptions that `old` names and `next` does not. */
static enum err tell_left(struct run *r, const struct row *row, const struct sub *s, const struct jval *old,
                          const struct jval *next)
{
    for (const struct jval *v = old && old->type == J_ARR ? old->child : NULL; v; v = v->next)
        if (!lists(next, v, r->a))
            TRY(tell_end(r, row, s, name_text(v, r->a)));
    return OK;
}

/* Cached notifications are dropped; batches by switch 17. What happened before the parent went is still told. */
static enum err drop_lanes(struct run *r, const struct row *row, const struct sub *s, bool keep)
{
    bool send = keep || sw_open(&r->c->conf.sw, SW_batch_on_delete);
    if (!send) {
        pace_undone(r->c);
        return store_letters_drop(r->t, row->rid);
    }
    for (size_t i = 0; i < s->nu.n; i++) {
        int64_t lane = pace_lane(s->nu.v[i]);
        if (!keep)
            TRY(pace_drop(r, row->rid, lane, false));
        TRY(pace_ripen(r, row->rid, lane));
    }
    return OK;
}

enum err tell_sub_ends(struct run *r, const struct row *row, bool keep_letters)
{
    struct sub s;
    TRY(sub_parse(r->c, row, r->a, &s));
    TRY(drop_lanes(r, row, &s, keep_letters));
    if (s.su.n)
        TRY(tell_end(r, row, &s, s.su));
    return tell_left(r, row, &s, attrs_get(&s.at, AT_acrs), NULL);
}

enum err tell_sub_changed(struct run *r, const struct row *row, const struct attrs *old, const struct attrs *next)
{
    struct sub s;
    uint64_t was = 0, is = 0;
    const struct jval *pn = attrs_get(old, AT_pn), *now = attrs_get(next, AT_pn);
    TRY(sub_parse(r->c, row, r->a, &s));
    if (pn && json_u64(pn, 2, &was) != OK)
        was = 0;
    if (now && json_u64(now, 2, &is) != OK)
        is = 0;
    for (size_t i = 0; i < s.nu.n && was && (is == 0 || is < was); i++)
        TRY(pace_drop(r, row->rid, pace_lane(s.nu.v[i]), is == 1));
    return tell_left(r, row, &s, attrs_get(old, AT_acrs), attrs_get(next, AT_acrs));
}

void tell_free(struct cse *c)
{
    sub_forget(c);
    pace_free(c);
}
