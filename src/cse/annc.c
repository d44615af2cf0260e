/* annc.c - the original's side of announcement: what `at` and `aa` may say, and which letters follow from a change. */
#include "cse/annc.h"

#include <string.h>

/* ---- entries -------------------------------------------------------------------------------------- */

static bool is_cse_id(const struct id *id)
{
    return id->kind == ID_CSE && !id->stem.n;
}

static struct span cse_text(struct run *r, struct span sp, struct span cse, bool other)
{
    return other ? arena_join(r->a, sp, cse) : cse;
}

enum err annc_dest_of(struct run *r, struct span entry, struct annc_dest *out)
{
    const struct self *me = &r->c->conf.self;
    struct id id = id_parse(entry, me);
    struct addr at;
    const char *why;
    *out = (struct annc_dest){.entry = entry};
    if (is_cse_id(&id)) {
        out->other_sp = !span_eq_nocase(id.sp, me->sp);
        out->cse = cse_text(r, id.sp, id.cse, out->other_sp);
        return !out->other_sp && span_eq(id.cse, me->csi) ? ERR_SYNTAX : OK;
    }
    if (addr_parse(entry, me, &r->c->conf.sw, &at, &why) != OK || at.where == ADDR_HERE)
        return ERR_SYNTAX;
    out->other_sp = at.where == ADDR_OTHER_SP;
    out->cse = cse_text(r, at.sp, at.csi, out->other_sp);
    out->uri = entry;
    return OK;
}

enum err annc_list(struct run *r, const struct jval *at, struct annc_dest *v, size_t max, size_t *n)
{
    *n = 0;
    for (const struct jval *j = at && at->type == J_ARR ? at->child : NULL; j; j = j->next) {
        if (*n == max)
            return ERR_LIMIT;
        TRY(annc_dest_of(r, name_text(j, r->a), &v[*n]));
        ++*n;
    }
    return OK;
}

size_t annc_find(const struct annc_dest *v, size_t n, const struct annc_dest *at)
{
    size_t i = 0;
    while (i < n && !span_eq(v[i].cse, at->cse))
        i++;
    return i;
}

/* ---- check ---------------------------------------------------------------------------------------- */

static enum says bad(struct run *r, struct span attr, const char *rule)
{
    return refuse(r, RSC_BAD_REQUEST, attr, rule);
}

static enum says check_aa(struct run *r, const struct type *t)
{
    const struct jval *aa = attrs_get(&r->in, AT_aa);
    for (const struct jval *v = aa && aa->type == J_ARR ? aa->child : NULL; v; v = v->next)
        if (type_named(t, name_text(v, r->a))->announce != ANN_OA)
            return bad(r, SPAN("aa"), "an entry is no attribute of this type that may be announced on demand (OA)");
    return MORE;
}

/* An instance is announced below the copy of its parent, and nowhere else. */
static enum says check_instance(struct run *r, const struct annc_dest *v, size_t n)
{
    struct annc_dest up[ANNC_ENTRIES_MAX];
    size_t nup;
    STEP_TRY(r, run_old(r));
    STEP_TRY(r, annc_list(r, attrs_get(&r->old, AT_at), up, LEN(up), &nup));
    for (size_t i = 0; i < n; i++)
        if (annc_find(up, nup, &v[i]) == nup)
            return refuse(r, RSC_OPERATION_NOT_ALLOWED, SPAN("at"),
                          "the parent is not announced there, so its instance cannot be (TS-0004 7.4.26)");
    return MORE;
}

/* A copy that is there already answers an entry of the same text, or one that names just its CSE. */
static bool answers(const struct annc_dest *there, const struct annc_dest *asked)
{
    return span_eq(there->entry, asked->entry) || (!asked->uri.n && span_eq(there->cse, asked->cse));
}

static bool any_answers(const struct annc_dest *there, size_t n, const struct annc_dest *asked)
{
    bool any = false;
    for (size_t i = 0; i < n && !any; i++)
        any = answers(&there[i], asked);
    return any;
}

static bool any_asked(const struct annc_dest *asked, size_t n, const struct annc_dest *there)
{
    bool any = false;
    for (size_t i = 0; i < n && !any; i++)
        any = answers(there, &asked[i]);
    return any;
}

static enum err list_text(struct run *r, const struct annc_dest *v, size_t n, const struct annc_dest *asked,
                          size_t nasked, const struct jval **out)
{
    struct text t;
    size_t kept = 0;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_arr(&w);
    for (size_t i = 0; i < n; i++)
        if (any_asked(asked, nasked, &v[i])) {
            jw_str(&w, v[i].entry);
            kept++;
        }
    jw_end_arr(&w);
    TRY(t.b.e);
    return name_parse(kept ? buf_span(&t.b) : SPAN("null"), r->a, out);
}

/* What of the wish is fulfilled already stays in r->in, the rest is for annc_after. */
static enum err split(struct run *r, struct annc *x, const struct annc_dest *asked, size_t n)
{
    struct annc_dest there[ANNC_ENTRIES_MAX];
    size_t nthere = 0;
    const struct jval *kept = NULL;
    x->asked = attrs_get(&r->in, AT_at);
    if (r->q->op == OP_UPDATE) {
        TRY(annc_list(r, attrs_get(&r->old, AT_at), there, LEN(there), &nthere));
        TRY(list_text(r, there, nthere, asked, n, &kept));
    }
    r->in.v[r->in.t->slot[AT_at]] = kept;
    return OK;
}

enum says annc_check(struct run *r)
{
    const struct type *t = r->in.t;
    const struct jval *at = attrs_get(&r->in, AT_at);
    struct annc_dest v[ANNC_ENTRIES_MAX];
    size_t n;
    r->annc = NULL;
    if (!t || !(t->flags & TF_ANNC))
        return MORE;
    enum says say = attrs_get(&r->in, AT_aa) ? check_aa(r, t) : MORE;
    if (say != MORE || !at)
        return say;
    enum err e = annc_list(r, at, v, LEN(v), &n);
    if (e == ERR_LIMIT)
        return bad(r, SPAN("at"), "more entries than this CSE announces one resource to");
    if (e == ERR_SYNTAX)
        return bad(r, SPAN("at"),
                   "an entry is neither the CSE-ID of another CSE nor a resource there (TS-0001 9.6.26)");
    STEP_TRY(r, e);
    if (r->q->op == OP_CREATE && (t->flags & TF_INSTANCE))
        say = check_instance(r, v, n);
    if (say != MORE)
        return say;
    r->annc = ARENA_NEW(r->a, struct annc);
    if (!r->annc)
        return oops(r, ERR_NOMEM);
    STEP_TRY(r, split(r, r->annc, v, n));
    return MORE;
}

/* ---- after ---------------------------------------------------------------------------------------- */

/* The request is answered when the letter is, or after so long. */
static void waits_for(struct run *r, int64_t letter, int64_t ms)
{
    if (!r->annc && !(r->annc = ARENA_NEW(r->a, struct annc)))
        return;
    if (letter && r->annc->n < ANNC_WAIT_MAX)
        r->annc->letters[r->annc->n++] = letter;
    if (r->annc->until < r->now + ms)
        r->annc->until = r->now + ms;
}

static int64_t patience(const struct run *r)
{
    return ANNC_PATIENCE_TURNS * (r->c->conf.remote_ms ? r->c->conf.remote_ms : REMOTE_MS);
}

static enum err create_new(struct run *r, const struct row *parent, const struct annc_dest *there, size_t nthere)
{
    struct annc_dest asked[ANNC_ENTRIES_MAX];
    size_t n;
    if (!r->annc || !r->annc->asked)
        return OK;
    TRY(annc_list(r, r->annc->asked, asked, LEN(asked), &n));
    for (size_t i = 0; i < n; i++) {
        int64_t id = 0;
        bool stuck;
        if (any_answers(there, nthere, &asked[i]) || any_answers(asked, i, &asked[i]))
            continue;
        TRY(annc_put_create(r, &r->out, parent, &asked[i], 0, &id, &stuck));
        waits_for(r, id, stuck ? NOTICE_MS : patience(r));
    }
    return OK;
}

static enum err put_delete(struct run *r, int64_t rid, const struct annc_dest *d)
{
    int64_t id = 0;
    TRY(annc_put_delete(r, rid, d, &id));
    if ((r->q->op == OP_DELETE || r->q->op == OP_UPDATE) && !r->x->job)
        waits_for(r, id, NOTICE_MS);
    return OK;
}

static enum err delete_old(struct run *r, const struct annc_dest *there, size_t nthere, bool *keep)
{
    struct annc_dest asked[ANNC_ENTRIES_MAX];
    size_t n = 0;
    bool all = !r->annc; /* the request says nothing about at */
    if (!all)
        TRY(annc_list(r, r->annc->asked, asked, LEN(asked), &n));
    for (size_t i = 0; i < nthere; i++) {
        keep[i] = all || any_asked(asked, n, &there[i]);
        if (!keep[i])
            TRY(put_delete(r, r->out.rid, &there[i]));
    }
    return OK;
}

static enum err after_update(struct run *r)
{
    struct annc_dest there[ANNC_ENTRIES_MAX];
    bool keep[ANNC_ENTRIES_MAX];
    size_t n;
    TRY(annc_list(r, attrs_get(&r->old, AT_at), there, LEN(there), &n));
    TRY(delete_old(r, there, n, keep));
    for (size_t i = 0; i < n; i++)
        if (keep[i]) {
            int64_t id = 0;
            TRY(annc_put_update(r, &r->out, &there[i], &r->old, &id));
            if (id)
                waits_for(r, id, NOTICE_MS);
        }
    return create_new(r, &r->holder, there, n);
}

enum err annc_after(struct run *r)
{
    if (r->q->op == OP_CREATE)
        return r->annc ? create_new(r, &r->target, NULL, 0) : OK;
    if (r->q->op != OP_UPDATE || !(r->in.t->flags & TF_ANNC) || (!r->annc && !attrs_get(&r->old, AT_at)))
        return OK;
    return after_update(r);
}

/* ---- gone ----------------------------------------------------------------------------------------- */

enum err annc_gone(struct run *r, const struct row *row)
{
    struct attrs at;
    struct annc_dest v[ANNC_ENTRIES_MAX];
    size_t n;
    const struct type *t = type_of(row->ty);
    if (!t || !(t->flags & TF_ANNC) || !memmem(row->body.p, row->body.n, "\"at\":", 5))
        return OK;
    TRY(name_attrs(row, r->a, &at));
    enum err e = annc_list(r, attrs_get(&at, AT_at), v, LEN(v), &n);
    if (e != OK)
        return e == ERR_SYNTAX || e == ERR_LIMIT ? OK : e;
    for (size_t i = 0; i < n; i++)
        TRY(put_delete(r, row->rid, &v[i]));
    return OK;
}
