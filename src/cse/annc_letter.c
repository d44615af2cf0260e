/* annc_letter.c - letters to the CSEs that hold copies: what their meta says, how they become requests. */
#include <string.h>

#include "cse/annc.h"

enum { LANE_LOOK = 64 };

/* ---- meta ----------------------------------------------------------------------------------------- */

bool annc_letter(const struct letter *l)
{
    return span_starts(l->meta, SPAN("{\"annc\":"));
}

static enum err meta_text(const struct annc_note *n, struct arena *a, struct span *out)
{
    struct text t;
    text_init(&t, a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_U64(&w, "annc", n->op);
    JW_U64(&w, "how", n->how);
    JW_U64(&w, "ty", n->ty);
    JW_STR(&w, "cse", n->cse);
    JW_STR(&w, "as", n->entry);
    JW_NAME(&w, "lt");
    jw_i64(&w, n->lt);
    jw_end_obj(&w);
    *out = buf_span(&t.b);
    return t.b.e;
}

static uint64_t number(const struct jval *o, struct span name)
{
    uint64_t v = 0;
    const struct jval *j = json_get(o, name);
    return j && json_u64(j, INT64_MAX, &v) == OK ? v : 0;
}

enum err annc_note_read(struct span meta, struct arena *a, struct annc_note *out)
{
    const struct jval *o;
    TRY(name_parse(meta, a, &o));
    *out = (struct annc_note){.op = (uint8_t)number(o, SPAN("annc")),
                              .how = (uint8_t)number(o, SPAN("how")),
                              .ty = (uint16_t)number(o, SPAN("ty")),
                              .cse = name_text(JSON_GET(o, "cse"), a),
                              .entry = name_text(JSON_GET(o, "as"), a),
                              .lt = (int64_t)number(o, SPAN("lt"))};
    return arena_ok(a) ? OK : ERR_NOMEM;
}

/* ---- writing -------------------------------------------------------------------------------------- */

/* One lane for each original and CSE; an even number, odd ones collect batches (pace.h). */
static int64_t lane(struct span cse)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < cse.n; i++)
        h = (h ^ cse.p[i]) * 0x100000001b3;
    return (int64_t)(h & INT64_MAX & ~UINT64_C(1));
}

enum err annc_put(struct run *r, int64_t rid, struct span to, struct span body, const struct annc_note *n, int64_t *id)
{
    struct letter l = {.sub = rid, .tgt = lane(n->cse), .due = r->now, .to = to, .body = body};
    TRY(meta_text(n, r->a, &l.meta));
    TRY(arena_ok(r->a) ? OK : ERR_NOMEM);
    TRY(store_letter_put(r->t, &l));
    r->c->told = true;
    *id = l.id;
    return OK;
}

static struct span joined(struct run *r, struct span a, const char *b)
{
    return arena_join(r->a, a, span_str(b));
}

/* The copy of our CSEBase there, by its name. */
static struct span base_address(struct run *r, const struct annc_dest *d)
{
    struct text t;
    struct row base = {.rid = RID_BASE, .ty = TY_CB, .alias = span_from(r->c->conf.self.csi, 1)};
    text_init(&t, r->a);
    buf_put(&t.b, d->cse);
    buf_str(&t.b, "/-/");
    annc_put_name(&t.b, r->c, &base);
    return buf_span(&t.b);
}

static enum err base_known(struct run *r, const struct annc_dest *d, bool *yes)
{
    struct span was;
    enum err e = store_state_get(r->t, arena_join(r->a, SPAN("annc:"), d->cse), r->a, &was);
    *yes = e == OK;
    return e == ERR_NOTFOUND ? OK : e;
}

static enum err put_base(struct run *r, int64_t rid, const struct annc_dest *d, int64_t *id)
{
    struct span body;
    struct annc_note n = {.op = OP_CREATE, .how = ANNC_BASE, .ty = TY_CB_A, .cse = d->cse};
    TRY(annc_copy_base(r, d, &body));
    return annc_put(r, rid, joined(r, d->cse, "/-"), body, &n, id);
}

/* Where the copy goes: below the parent's, below what the originator named, else below our CSEBase's. */
static enum err place(struct run *r, int64_t rid, const struct row *parent, const struct annc_dest *d, unsigned how,
                      struct span *to)
{
    struct attrs at;
    struct annc_dest up[ANNC_ENTRIES_MAX];
    size_t n = 0, i;
    bool there;
    int64_t id;
    *to = d->uri;
    if (to->n)
        return OK;
    if (parent->ty != TY_CB) {
        TRY(name_attrs(parent, r->a, &at));
        TRY(annc_list(r, attrs_get(&at, AT_at), up, LEN(up), &n));
        i = annc_find(up, n, d);
        if (i < n) {
            *to = up[i].entry;
            return OK;
        }
    }
    *to = base_address(r, d);
    TRY(base_known(r, d, &there));
    return there && !(how & ANNC_AGAIN) ? OK : put_base(r, rid, d, &id);
}

enum err annc_put_create(struct run *r, const struct row *row, const struct row *parent, const struct annc_dest *d,
                         unsigned how, int64_t *id, bool *stuck)
{
    struct span to, body;
    struct annc_note n = {.op = OP_CREATE,
                          .how = (uint8_t)how,
                          .ty = (uint16_t)(row->ty + TY_ANNC),
                          .entry = d->entry,
                          .cse = d->cse,
                          .lt = row->lt};
    int64_t before;
    TRY(store_letters_in(r->t, row->rid, lane(d->cse), &before));
    TRY(place(r, row->rid, parent, d, how, &to));
    TRY(annc_copy(r, row, parent, d, &body));
    TRY(annc_put(r, row->rid, to, body, &n, id));
    *stuck = before > 0;
    return OK;
}

/* An UPDATE that waits behind another letter is replaced by one of its kind, so that a CSE that is down collects one,
 * not a thousand. */
static enum err replace_waiting(struct run *r, int64_t rid, int64_t tgt, unsigned how, bool *others)
{
    struct letter *v;
    size_t n;
    TRY(store_letters_lane(r->t, rid, tgt, 0, LANE_LOOK, r->a, &v, &n));
    *others = n > 0;
    for (size_t i = 1; i < n; i++) {
        struct annc_note was;
        TRY(annc_note_read(v[i].meta, r->a, &was));
        if (was.op == OP_UPDATE && was.how == how)
            TRY(store_letter_done(r->t, v[i].id));
    }
    return OK;
}

static enum err put_update(struct run *r, const struct row *row, const struct annc_dest *d, unsigned how,
                           struct span body, bool others, int64_t *id)
{
    struct annc_note n = {.op = OP_UPDATE, .how = (uint8_t)how, .cse = d->cse, .lt = row->lt};
    int64_t mine;
    TRY(annc_put(r, row->rid, d->entry, body, &n, &mine));
    if (!others)
        *id = mine;
    return OK;
}

enum err annc_put_policy(struct run *r, const struct row *row, const struct annc_dest *d, const struct attrs *before,
                         int64_t *id)
{
    struct span body;
    bool others, any;
    TRY(annc_copy_policy(r, row, d, before, &any, &body));
    if (!any)
        return OK;
    TRY(replace_waiting(r, row->rid, lane(d->cse), ANNC_POLICY, &others));
    return put_update(r, row, d, ANNC_POLICY, body, others, id);
}

enum err annc_put_update(struct run *r, const struct row *row, const struct annc_dest *d, const struct attrs *before,
                         int64_t *id)
{
    struct span body;
    bool others, any;
    *id = 0;
    if (before)
        TRY(annc_put_policy(r, row, d, before, id));
    TRY(annc_copy_changes(r, row, before, &any, &body));
    if (!any)
        return OK;
    TRY(replace_waiting(r, row->rid, lane(d->cse), 0, &others));
    if (others) /* what was replaced is in here, too */
        TRY(annc_copy_changes(r, row, NULL, &any, &body));
    return put_update(r, row, d, 0, body, others, id);
}

enum err annc_put_delete(struct run *r, int64_t rid, const struct annc_dest *d, int64_t *id)
{
    struct annc_note n = {.op = OP_DELETE, .cse = d->cse};
    bool others;
    TRY(replace_waiting(r, rid, lane(d->cse), 0, &others));
    TRY(replace_waiting(r, rid, lane(d->cse), ANNC_POLICY, &others));
    TRY(annc_put(r, rid, d->entry, SPAN("{}"), &n, id));
    if (others)
        *id = 0;
    return OK;
}

/* ---- as a request --------------------------------------------------------------------------------- */

static struct span decimal(struct arena *a, unsigned v)
{
    struct text t;
    text_init(&t, a);
    buf_u64(&t.b, v);
    return buf_span(&t.b);
}

void annc_dress(struct cse *c, const struct letter *l, struct arena *a, struct prim *p)
{
    struct annc_note n;
    struct span fr = c->conf.self.csi;
    if (annc_note_read(l->meta, a, &n) != OK)
        return;
    if (span_starts(n.cse, SPAN("//")))
        fr = arena_join(a, c->conf.self.sp, fr);
    struct span rqi = prim_text(p, PA_rqi);
    prim_init(p);
    p->op = n.op;
    prim_set(p, PA_op, decimal(a, n.op));
    prim_set(p, PA_to, l->to);
    prim_set(p, PA_fr, fr);
    prim_set(p, PA_rqi, rqi);
    prim_set(p, PA_rvi, SPAN("3"));
    p->rvi = REL_3;
    if (n.op == OP_CREATE) {
        p->ty = n.ty;
        prim_set(p, PA_ty, decimal(a, n.ty));
    }
    if (n.op != OP_DELETE) {
        p->pc = l->body;
        p->ser = SER_JSON;
    }
}
