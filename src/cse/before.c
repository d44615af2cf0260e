/* before.c - what the hook is shown of a request before anything of it is stored (hook.h), and what becomes of its
 * word.
 */
#include <string.h>

#include "cse/inside.h"

/* ---- the place ------------------------------------------------------------------------------------- */

/* Absolute structured address of the target. Names never change, so the writer keeps the last ones. */
static enum err path_of(struct run *r, struct span *out)
{
    struct cse *c = r->c;
    struct known_path *p = &c->paths[(uint64_t)r->target.rid % PATHS];
    *out = span_of(p->text, p->n);
    if (p->rid == r->target.rid)
        return OK;
    struct text t;
    struct span path;
    TRY(name_path(r->t, &r->target, r->a, &path));
    text_init(&t, r->a);
    buf_put(&t.b, c->conf.self.sp);
    buf_put(&t.b, c->conf.self.csi);
    buf_c(&t.b, '/');
    buf_put(&t.b, path);
    TRY(t.b.e);
    *out = buf_span(&t.b);
    if (out->n <= sizeof p->text) {
        p->rid = r->target.rid;
        p->n = out->n;
        memcpy(p->text, out->p, out->n);
    }
    return OK;
}

/* The address that what is created will have: a name that follows from the identifier needs that now. */
static enum err path_to_be(struct run *r, struct span *out)
{
    struct text t;
    struct span rn = attrs_text(&r->in, AT_rn, r->a);
    struct row row = {.ty = r->q->ty, .rn = rn, .spec = r->in.t->flags & TF_SPEC ? r->in.t->root : SPAN_NONE};
    if (!rn.n)
        TRY(make_rid(r, &r->reserved));
    row.rid = r->reserved;
    TRY(path_of(r, out));
    text_init(&t, r->a);
    buf_put(&t.b, *out);
    buf_c(&t.b, '/');
    name_put_rn(&t.b, &row);
    *out = buf_span(&t.b);
    return t.b.e;
}

/* Labels as stored, then as sent: a request cannot take away the label that protects what it brings. */
static enum err labels_of(struct run *r, bool stored, bool sent, struct cse_hook_ask *ask)
{
    const struct span *was = NULL, *will = NULL;
    size_t nwas = 0, nwill = 0;
    if (stored)
        TRY(make_label_list(r, attrs_get(&r->old, AT_lbl), &was, &nwas));
    if (sent)
        TRY(make_label_list(r, attrs_get(&r->in, AT_lbl), &will, &nwill));
    ask->lbl = nwas ? was : will;
    ask->nlbl = nwas + nwill;
    if (!nwas || !nwill)
        return OK;
    struct span *all = ARENA_ARRAY(r->a, struct span, nwas + nwill);
    if (!all)
        return ERR_NOMEM;
    memcpy(all, was, nwas * sizeof *all);
    memcpy(all + nwas, will, nwill * sizeof *all);
    ask->lbl = all;
    return OK;
}

/* ---- content ---------------------------------------------------------------------------------------- */

/* The request's own octets go: nothing echoes them. */
static void forget(const struct jval *v)
{
    if (v && v->raw.n)
        wipe((void *)(uintptr_t)v->raw.p, v->raw.n);
}

/* Another value in the place of what was sent. `slot`: of r->in. */
static enum err replace(struct run *r, size_t slot, struct span name, struct span json)
{
    const struct jval *v;
    struct jval *mine = ARENA_NEW(r->a, struct jval);
    TRY(name_parse(json, r->a, &v));
    if (!mine)
        return ERR_NOMEM;
    *mine = *v;
    mine->key = name;
    mine->next = NULL;
    forget(r->in.v[slot]);
    r->in.v[slot] = mine;
    return OK;
}

/* readers.h: as it is, or as the request will make it. */
static enum err readers_now(void *ctx, struct readers *out)
{
    struct run *r = (struct run *)ctx;
    bool comes = r->q->op == OP_CREATE && r->q->ty != TY_CIN && r->q->ty != TY_TSI;
    if (comes)
        return readers_of(r, &r->in, prim_text(r->q, PA_fr), out);
    TRY(run_old(r));
    return readers_of(r, &r->old, r->target.creator, out);
}

static enum says ask_hook(struct run *r, struct cse_hook_ask *ask, struct cse_hook_say *say)
{
    const struct cse_hook *h = &r->c->hook;
    ask->t = r->t;
    ask->arena = r->a;
    ask->now = r->now;
    ask->entropy = r->c->w.entropy;
    ask->entropy_ctx = r->c->w.ctx;
    ask->access = r->c->access_turn;
    ask->readers = readers_now;
    ask->readers_ctx = r;
    r->hooked = true;
    struct verdict v = h->before(h->ctx, ask, say);
    return verdict_go(v) ? MORE : refuse_verdict(r, v);
}

/* The hot path. */
static enum says before_cin(struct run *r)
{
    const struct jval *con = attrs_get(&r->in, AT_con);
    struct cse_hook_say say = {0};
    struct cse_hook_ask ask = {.what = HOOK_CIN,
                               .container = r->target.rid,
                               .con = con ? con->raw : SPAN_NONE,
                               .cnf = attrs_text(&r->in, AT_cnf, r->a)};
    STEP_TRY(r, path_of(r, &ask.path));
    STEP_TRY(r, run_old(r));
    STEP_TRY(r, labels_of(r, true, false, &ask));
    if (ask_hook(r, &ask, &say) != MORE)
        return DONE;
    if (say.con.p) {
        r->con = say.con;
        r->cnf = say.cnf;
        forget(con);
    }
    return hook_cin_fits(r);
}

static enum says before_tsi(struct run *r)
{
    const struct jval *con = attrs_get(&r->in, AT_con);
    struct cse_hook_say say = {0};
    STEP_TRY(r, run_old(r));
    struct cse_hook_ask ask = {.what = HOOK_TSI,
                               .container = r->target.rid,
                               .con = con ? con->raw : SPAN_NONE,
                               .cnf = attrs_text(&r->old, AT_cnf, r->a)};
    STEP_TRY(r, path_of(r, &ask.path));
    STEP_TRY(r, labels_of(r, true, false, &ask));
    if (ask_hook(r, &ask, &say) != MORE)
        return DONE;
    if (say.con.p)
        STEP_TRY(r, replace(r, type_slot(r->in.t, AT_con), SPAN("con"), say.con));
    return hook_tsi_fits(r);
}

/* Its cnf is that of all its instances. */
static enum says before_ts(struct run *r)
{
    struct cse_hook_say say = {0};
    struct cse_hook_ask ask = {.what = HOOK_TS, .cnf = attrs_text(&r->in, AT_cnf, r->a)};
    STEP_TRY(r, path_to_be(r, &ask.path));
    STEP_TRY(r, labels_of(r, false, true, &ask));
    if (ask_hook(r, &ask, &say) != MORE)
        return DONE;
    if (say.cnf.p)
        STEP_TRY(r, replace(r, type_slot(r->in.t, AT_cnf), SPAN("cnf"), name_json(say.cnf, r->a)));
    return MORE;
}

/* Nothing of it is content, but content will come. */
static enum says before_cnt(struct run *r)
{
    struct cse_hook_say say = {0};
    struct cse_hook_ask ask = {.what = HOOK_CNT};
    STEP_TRY(r, path_to_be(r, &ask.path));
    STEP_TRY(r, labels_of(r, false, true, &ask));
    return ask_hook(r, &ask, &say);
}

/* A flexContainer is content itself: its own address counts. */
static enum says before_fcnt(struct run *r)
{
    bool update = r->q->op == OP_UPDATE;
    size_t slot[ATTRS_MAX + 1];
    struct cse_hook_attr attrs[ATTRS_MAX + 1];
    struct cse_hook_say say = {0};
    struct cse_hook_ask ask = {
        .what = HOOK_FCNT, .update = update, .container = update ? r->target.rid : 0, .attrs = attrs};
    for (size_t i = 1; i <= r->in.n && i <= ATTRS_MAX; i++) {
        const struct jval *v = r->in.v[i];
        if (!v || v->type == J_NULL || !hook_fcnt_custom(v->key))
            continue;
        slot[ask.n_attrs] = i;
        attrs[ask.n_attrs++] = (struct cse_hook_attr){
            .name = v->key, .json = v->raw, .sealable = v->type == J_STR && type_named(r->in.t, v->key)->sealed};
    }
    if (!ask.n_attrs)
        return MORE;
    STEP_TRY(r, update ? path_of(r, &ask.path) : path_to_be(r, &ask.path));
    STEP_TRY(r, update ? run_old(r) : OK);
    STEP_TRY(r, labels_of(r, update, true, &ask));
    if (ask_hook(r, &ask, &say) != MORE)
        return DONE;
    for (size_t i = 0; i < ask.n_attrs; i++)
        if (attrs[i].say.p)
            STEP_TRY(r, replace(r, slot[i], attrs[i].name, attrs[i].say));
    return hook_fcnt_fits(r);
}

/* ---- labels ----------------------------------------------------------------------------------------- */

static enum says before_labels(struct run *r)
{
    const struct cse_hook *h = &r->c->hook;
    struct cse_hook_relabel ask = {.arena = r->a, .admin = run_is_admin(r)};
    if (!h->relabel || !attrs_get(&r->in, AT_lbl))
        return MORE;
    STEP_TRY(r, path_of(r, &ask.path));
    STEP_TRY(r, run_old(r));
    STEP_TRY(r, make_label_list(r, attrs_get(&r->old, AT_lbl), &ask.was, &ask.nwas));
    STEP_TRY(r, make_label_list(r, attrs_get(&r->in, AT_lbl), &ask.will, &ask.nwill));
    struct verdict v = h->relabel(h->ctx, &ask);
    return verdict_go(v) ? MORE : refuse_verdict(r, v);
}

/* ---- readings --------------------------------------------------------------------------------------- */

bool before_is_reading(const struct prim *q)
{
    if (q->op == OP_CREATE)
        return q->ty == TY_CIN || q->ty == TY_TSI || q->ty == TY_FCNT;
    const struct type *t = q->op == OP_UPDATE ? type_of_root(q->root) : NULL;
    return q->op == OP_UPDATE && (!t || t->number == TY_FCNT);
}

enum says step_before(struct run *r)
{
    bool create = r->q->op == OP_CREATE;
    if (!r->c->hook.before || !(create || r->q->op == OP_UPDATE))
        return MORE;
    switch (create ? r->q->ty : r->target.ty) {
    case TY_CIN:
        return create ? before_cin(r) : MORE;
    case TY_TSI:
        return create ? before_tsi(r) : MORE;
    case TY_TS:
        return create ? before_ts(r) : before_labels(r);
    case TY_CNT:
        return create ? before_cnt(r) : before_labels(r);
    case TY_FCNT: {
        enum says say = create ? MORE : before_labels(r);
        return say == MORE ? before_fcnt(r) : say;
    }
    default:
        return MORE;
    }
}
