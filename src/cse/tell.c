/* tell.c - events become letters (TS-0004 7.5.1.2.2): which subscriptions match, and what their notice says. Letters
 * are written in the transaction of the change itself; sending is outbox.c's. */
#include "base/m2mtime.h"
#include "cse/inside.h"

enum net { NET_UPDATE = 1, NET_DELETE, NET_CREATE_CHILD, NET_DELETE_CHILD, NET_MISSING = 8 };

struct event {
    enum net net;
    const struct row *target;       /* subscribed-to */
    const struct row *subject;      /* whose representation is told */
    const struct attr_set *changed; /* NET_UPDATE */
    struct span rep;                /* NET_MISSING: m2m:tsn */
};

/* ---- does it match? ------------------------------------------------------------------------------ */

static bool lists(const struct jval *list, uint64_t n)
{
    uint64_t v;
    for (const struct jval *e = list ? list->child : NULL; e; e = e->next)
        if (json_u64(e, UINT32_MAX, &v) == OK && v == n)
            return true;
    return false;
}

static bool any_changed(const struct jval *atr, const struct event *e, struct arena *a)
{
    for (const struct jval *v = atr->child; v; v = v->next)
        if (attr_set_named(e->changed, name_text(v, a)))
            return true;
    return false;
}

/* Conditions on the subscribed-to resource: "since" and "bigger" are strict here, sizeAbove is not (switch 7). */
struct bound {
    const char *name;
    enum { OF_CT, OF_LT, OF_ET, OF_ST, OF_SIZE } of;
    enum { BELOW, ABOVE, AT_LEAST } how;
};
static const struct bound bounds[] = {
    {"crb", OF_CT, BELOW},   {"cra", OF_CT, ABOVE},      {"ms", OF_LT, ABOVE},  {"us", OF_LT, BELOW},
    {"exb", OF_ET, BELOW},   {"exa", OF_ET, ABOVE},      {"sts", OF_ST, BELOW}, {"stb", OF_ST, ABOVE},
    {"szb", OF_SIZE, BELOW}, {"sza", OF_SIZE, AT_LEAST},
};

static int64_t value_of(const struct row *r, const struct bound *b)
{
    switch (b->of) {
    case OF_CT:
        return r->ct;
    case OF_LT:
        return r->lt;
    case OF_ET:
        return r->et;
    case OF_ST:
        return r->st;
    default:
        return r->ty == TY_CNT ? r->cbs : r->cs;
    }
}

static bool limit_of(const struct jval *v, const struct bound *b, struct arena *a, int64_t *out)
{
    return b->of <= OF_ET ? m2mtime_get(name_text(v, a), out) == OK : json_i64(v, out) == OK;
}

static bool conditions(const struct jval *enc, const struct row *row, struct arena *a)
{
    uint64_t fo = 1;
    unsigned asked = 0, met = 0;
    for (size_t i = 0; i < LEN(bounds); i++) {
        int64_t limit, has = value_of(row, &bounds[i]);
        const struct jval *v = json_get(enc, span_str(bounds[i].name));
        if (!v || !limit_of(v, &bounds[i], a, &limit))
            continue;
        asked++;
        met += bounds[i].how == BELOW ? has < limit : bounds[i].how == ABOVE ? has > limit : has >= limit;
    }
    const struct jval *j = JSON_GET(enc, "fo");
    if (j && json_u64(j, 3, &fo) != OK)
        fo = 1;
    return !asked || (fo == 2 ? met > 0 : fo == 3 ? met % 2 == 1 : met == asked);
}

static bool matches(const struct attrs *sub, const struct event *e, struct arena *a)
{
    const struct jval *enc = attrs_get(sub, AT_enc), *net = JSON_GET(enc, "net"), *chty = JSON_GET(enc, "chty"),
                      *atr = JSON_GET(enc, "atr");
    if (net ? !lists(net, e->net) : e->net != NET_UPDATE)
        return false;
    if (chty && e->net >= NET_CREATE_CHILD && !lists(chty, e->subject->ty))
        return false;
    if (atr && e->net == NET_UPDATE && !any_changed(atr, e, a))
        return false;
    return !enc || conditions(enc, e->target, a);
}

/* ---- what does it say? --------------------------------------------------------------------------- */

/* nct 2: attributes that the UPDATE named, as they are now, and what the CSE changed itself. */
static enum err put_modified(struct run *r, struct jw *w, const struct event *e)
{
    struct text whole;
    const struct jval *v;
    text_init(&whole, r->a);
    view_put_object(r, &whole.b, e->subject);
    TRY(whole.b.e);
    TRY(name_parse(buf_span(&whole.b), r->a, &v));
    jw_obj(w);
    jw_name(w, type_of_row(e->subject)->root);
    jw_obj(w);
    for (v = v->child; v; v = v->next)
        if (attr_set_named(e->changed, v->key)) {
            jw_name(w, v->key);
            jw_raw(w, v->raw);
        }
    for (size_t i = 1; i <= r->in.n; i++)
        if (r->in.v[i] && r->in.v[i]->type == J_NULL) {
            jw_name(w, r->in.v[i]->key); /* removed */
            jw_null(w);
        }
    jw_end_obj(w);
    jw_end_obj(w);
    return OK;
}

static enum err put_rep(struct run *r, struct jw *w, const struct event *e, uint64_t nct)
{
    struct span rep;
    if (e->rep.n) {
        jw_raw(w, e->rep);
        return OK;
    }
    if (nct == 2 && e->net == NET_UPDATE)
        return put_modified(r, w, e);
    if (nct == 3) {
        jw_obj(w);
        JW_STR(w, "m2m:uri", name_sp_relative(r->c, e->subject, r->a));
        jw_end_obj(w);
        return OK;
    }
    TRY(view_text(r, e->subject, &rep));
    jw_raw(w, rep);
    return OK;
}

/* cr as it is stored; for a target on another CSE in the form that names it there. */
static struct span creator_for(struct run *r, const struct attrs *sub, struct span nu)
{
    struct addr at;
    struct text t;
    const char *why;
    struct span ct, cr = attrs_text(sub, AT_cr, r->a);
    nu = nu_plain(nu, &ct);
    if (!cr.n || is_url(nu) || addr_parse(nu, &r->c->conf.self, &r->c->conf.sw, &at, &why) != OK || !find_away(r, &at))
        return cr;
    text_init(&t, r->a);
    id_put_forwarded(&t.b, cr, &r->c->conf.self, at.where == ADDR_OTHER_SP);
    return buf_span(&t.b);
}

/* A target by its text: letters for one target keep their order, whatever becomes of the list. */
static int64_t lane_of(struct span nu)
{
    uint64_t h = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < nu.n; i++)
        h = (h ^ nu.p[i]) * 0x100000001b3ULL;
    return (int64_t)(h >> 1);
}

/* eventCategory of the notice: nec; 4 (latest) with ln. */
static struct span meta_of(struct run *r, const struct attrs *sub, bool counts)
{
    struct text t;
    uint64_t ec = 0;
    bool ln = false;
    const struct jval *nec = attrs_get(sub, AT_nec), *jln = attrs_get(sub, AT_ln);
    if (nec && json_u64(nec, UINT16_MAX, &ec) != OK)
        ec = 0;
    if (jln && json_bool(jln, &ln) == OK && ln)
        ec = 4;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    if (ec)
        JW_U64(&w, "ec", ec);
    JW_BOOL(&w, "exc", counts && attrs_get(sub, AT_exc) != NULL);
    jw_end_obj(&w);
    return buf_span(&t.b);
}

static enum err post(struct run *r, const struct row *sub, struct span nu, struct span body, struct span meta,
                     int64_t *id)
{
    struct letter l = {.sub = sub->rid, .tgt = lane_of(nu), .due = r->now, .to = nu, .body = body, .meta = meta};
    r->c->told = true;
    TRY(store_letter_put(r->t, &l));
    *id = l.id;
    return OK;
}

static enum err post_event(struct run *r, const struct row *sub, const struct attrs *at, const struct event *e)
{
    uint64_t nct = 1;
    const struct jval *jnct = attrs_get(at, AT_nct), *nu = attrs_get(at, AT_nu);
    struct span sur = name_sp_relative(r->c, sub, r->a), meta = meta_of(r, at, true);
    int64_t id;
    if (jnct && json_u64(jnct, 9, &nct) != OK)
        nct = 1;
    for (const struct jval *v = nu ? nu->child : NULL; v; v = v->next) {
        struct span to = name_text(v, r->a), cr = creator_for(r, at, to);
        struct text t;
        text_init(&t, r->a);
        struct jw w = jw_over(&t.b);
        jw_obj(&w);
        JW_NAME(&w, "m2m:sgn");
        jw_obj(&w);
        JW_NAME(&w, "nev");
        jw_obj(&w);
        JW_NAME(&w, "rep");
        TRY(put_rep(r, &w, e, nct));
        JW_U64(&w, "net", e->net);
        jw_end_obj(&w);
        JW_STR(&w, "sur", sur);
        if (cr.n)
            JW_STR(&w, "cr", cr);
        jw_end_obj(&w);
        jw_end_obj(&w);
        TRY(t.b.e);
        TRY(post(r, sub, to, buf_span(&t.b), meta, &id));
    }
    return OK;
}

/* ---- events -------------------------------------------------------------------------------------- */

static enum err tell(struct run *r, const struct event *e)
{
    struct rows page = {.more = e->target->subs > 0};
    for (int64_t after = 0; page.more; after = page.v[page.n - 1].rid) {
        TRY(store_list(r->t, e->target->rid, TY_SUB, after, PAGE, false, r->a, &page));
        for (size_t i = 0; i < page.n; i++) {
            struct attrs at;
            if (page.v[i].et <= r->now || page.v[i].rid == e->subject->rid)
                continue; /* nobody is told of his own subscription */
            TRY(name_attrs(&page.v[i], r->a, &at));
            if (matches(&at, e, r->a))
                TRY(post_event(r, &page.v[i], &at, e));
        }
        if (!page.n)
            break;
    }
    return OK;
}

enum err tell_update(struct run *r, const struct row *row, const struct attr_set *changed)
{
    return tell(r, &(struct event){NET_UPDATE, row, row, changed, SPAN_NONE});
}

enum err tell_create(struct run *r, const struct row *parent, const struct row *child)
{
    return tell(r, &(struct event){NET_CREATE_CHILD, parent, child, NULL, SPAN_NONE});
}

enum err tell_delete(struct run *r, const struct row *row)
{
    return tell(r, &(struct event){NET_DELETE, row, row, NULL, SPAN_NONE});
}

enum err tell_delete_child(struct run *r, const struct row *parent, const struct row *child)
{
    return tell(r, &(struct event){NET_DELETE_CHILD, parent, child, NULL, SPAN_NONE});
}

enum err tell_missing(struct run *r, const struct row *ts, const struct row *sub, const struct attrs *sub_at,
                      struct span rep)
{
    return post_event(r, sub, sub_at, &(struct event){.net = NET_MISSING, .target = ts, .subject = ts, .rep = rep});
}

enum err tell_sub_ends(struct run *r, const struct row *sub, bool keep_letters)
{
    struct attrs at;
    struct text t;
    int64_t id;
    if (!keep_letters)
        TRY(store_letters_drop(r->t, sub->rid));
    TRY(name_attrs(sub, r->a, &at));
    struct span su = attrs_text(&at, AT_su, r->a), cr = creator_for(r, &at, su);
    if (!su.n)
        return OK;
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:sgn");
    jw_obj(&w);
    JW_BOOL(&w, "sud", true);
    JW_STR(&w, "sur", name_sp_relative(r->c, sub, r->a));
    if (cr.n)
        JW_STR(&w, "cr", cr);
    jw_end_obj(&w);
    jw_end_obj(&w);
    TRY(t.b.e);
    TRY(post(r, sub, su, buf_span(&t.b), meta_of(r, &at, false), &id));
    notice_wrote(r, id);
    return OK;
}
