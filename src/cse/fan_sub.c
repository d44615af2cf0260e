/* fan_sub.c - subscriptions made through a fan-out point (TS-0001 10.2.7.11, TS-0004 7.4.14.2.2): with nfu, the
 * members' subscriptions notify the group, and the group notifies nfu of many events at once. */
#include "base/m2mtime.h"
#include "cse/fan.h"
#include "cse/prelude.h"
#include "cse/tell.h"

static bool is_true(const struct jval *v)
{
    bool yes = false;
    return v && json_bool(v, &yes) == OK && yes;
}

/* ---- the subscription -------------------------------------------------------------------------------- */

static struct span own_address(struct run *r)
{
    struct text t;
    text_init(&t, r->a);
    buf_put(&t.b, name_sp_relative(r->c, &r->target, r->a));
    buf_str(&t.b, "/fopt");
    return buf_span(&t.b);
}

enum err fan_content(struct run *r, struct arena *a, struct span *out)
{
    struct text t;
    *out = SPAN_NONE;
    if (r->q->op != OP_CREATE || r->q->ty != TY_SUB || !JSON_GET(r->q->content, "nfu")) {
        *out = arena_dup(a, r->q->pc);
        return arena_ok(a) ? OK : ERR_NOMEM;
    }
    text_init(&t, a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    jw_name(&w, r->q->root);
    jw_obj(&w);
    for (const struct jval *v = r->q->content->child; v; v = v->next) {
        if (span_eq(v->key, SPAN("nu")))
            continue;
        jw_name(&w, v->key);
        jw_raw(&w, v->raw);
    }
    JW_NAME(&w, "nu");
    jw_arr(&w);
    jw_str(&w, own_address(r));
    jw_end_arr(&w);
    jw_end_obj(&w);
    jw_end_obj(&w);
    *out = buf_span(&t.b);
    return t.b.e;
}

/* ---- its notices ------------------------------------------------------------------------------------- */

bool fan_is_notice(const struct run *r)
{
    return r->q->op == OP_NOTIFY && span_eq(r->q->root, SPAN("m2m:sgn")) && !r->rest.n &&
           (JSON_GET(r->q->content, "nfu") || is_true(JSON_GET(r->q->content, "vrq")));
}

/* A resource here and those above it, in the forms that a member list names them by. */
struct above {
    struct span ri[LEVELS_MAX], names;
    size_t n;
};

static enum err climb(struct run *r, const struct row *sub, struct above *up)
{
    struct row at = *sub;
    struct span path;
    TRY(name_path(r->t, sub, r->a, &path));
    up->names = span_from(path, span_find(path, '/') + 1);
    up->n = 0;
    while (at.pid && up->n < LEN(up->ri)) {
        struct text ri;
        TRY(store_get(r->t, at.pid, r->a, &at));
        text_init(&ri, r->a);
        name_put_ri(&ri.b, &at);
        up->ri[up->n++] = buf_span(&ri.b);
    }
    return arena_ok(r->a) ? OK : ERR_NOMEM;
}

static bool covers(const struct addr *at, const struct above *up)
{
    if (at->structured)
        return span_starts(up->names, at->names) && up->names.n > at->names.n && up->names.p[at->names.n] == '/';
    for (size_t i = 0; i < up->n; i++)
        if (span_eq(up->ri[i], at->id))
            return true;
    return false;
}

/* Is the subscription below a member? On another CSE: does that CSE, which has sent this, host one? */
static enum err from_member(struct run *r, const struct jval *mid, bool *yes)
{
    struct addr sur, at;
    struct found f;
    struct above up = {.n = 0};
    const char *why;
    const struct cse_conf *conf = &r->c->conf;
    *yes = false;
    if (addr_parse(name_text(JSON_GET(r->q->content, "sur"), r->a), &conf->self, &conf->sw, &sur, &why) != OK)
        return OK;
    bool here = sur.where == ADDR_HERE;
    if (here) {
        enum err e = find_addr(r, &sur, &f);
        if (e == ERR_NOTFOUND || (e == OK && f.row.ty != TY_SUB))
            return OK;
        TRY(e);
        TRY(climb(r, &f.row, &up));
    } else if (!span_eq(r->q->from.cse, sur.csi)) {
        return OK;
    }
    for (const struct jval *v = mid ? mid->child : NULL; v && !*yes; v = v->next)
        if (addr_parse(name_text(v, r->a), &conf->self, &conf->sw, &at, &why) == OK && at.where == sur.where)
            *yes = here ? covers(&at, &up) : span_eq(at.csi, sur.csi);
    return OK;
}

/* nar of the group, else a notice of each member and the default duration. */
static void limits(struct run *r, const struct attrs *at, uint64_t *num, int64_t *dur)
{
    const struct jval *nar = attrs_get(at, AT_nar), *cnm = attrs_get(at, AT_cnm);
    const struct jval *n = JSON_GET(nar, "num"), *d = JSON_GET(nar, "dur");
    *dur = 0;
    if (d && !check_duration(name_text(d, r->a), dur))
        *dur = 0;
    if (n ? json_u64(n, UINT32_MAX, num) == OK : cnm && json_u64(cnm, UINT32_MAX, num) == OK)
        return;
    *num = 1;
}

/* On the writer: the notice waits with the others for nfu. */
static enum err collect(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct run w = *x->run;
    struct attrs at;
    uint64_t num;
    int64_t dur;
    w.t = t;
    w.now = c->w.now(c->w.ctx);
    enum err e = store_get(t, w.target.rid, w.a, &w.target);
    if (e == ERR_NOTFOUND)
        return OK; /* the group is gone since */
    TRY(e);
    TRY(name_attrs(&w.target, w.a, &at));
    limits(&w, &at, &num, &dur);
    const struct jval *nfu = JSON_GET(w.q->content, "nfu");
    if (nfu->type == J_STR)
        return tell_forward(&w, &w.target, name_text(nfu, w.a), w.q->content->raw, (int64_t)num, dur);
    for (const struct jval *v = nfu->type == J_ARR ? nfu->child : NULL; v; v = v->next)
        TRY(tell_forward(&w, &w.target, name_text(v, w.a), w.q->content->raw, (int64_t)num, dur));
    return OK;
}

enum says fan_notice(struct run *r)
{
    bool yes;
    struct attrs at;
    if (is_true(JSON_GET(r->q->content, "vrq")) || r->stage == AT_PRELUDE) { /* agreed, or collected and stored */
        view_answer(r, RSC_OK, SPAN_NONE);
        return DONE;
    }
    STEP_TRY(r, name_attrs(&r->target, r->a, &at));
    STEP_TRY(r, from_member(r, attrs_get(&at, AT_mid), &yes));
    if (!yes)
        return refuse(r, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, SPAN("sur"),
                      "the notice comes from no member of the group (TS-0004 7.4.14.2.2)");
    r->x->job = collect;
    r->stage = AT_RESERVE; /* through the writer, and back here */
    return WAIT;
}
