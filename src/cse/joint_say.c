/* joint_say.c - the registration in words: our remoteCSE as the registrar gets it, and the registrar's as we keep it.
 */
#include "base/m2mtime.h"
#include "cse/esprim.h"
#include "cse/joint.h"

/* ---- our remoteCSE there -------------------------------------------------------------------------- */

/* Our resource there is named after our CSE-ID. */
static struct span own_name(const struct cse *c)
{
    return span_from(c->conf.self.csi, 1);
}

/* CSE-IDs of the CSEs registered here and of those below them. */
static enum err put_descendants(struct cse *c, struct store_tx *t, struct arena *a, struct jw *w, size_t *n)
{
    struct rows page = {.more = true};
    for (int64_t after = 0; page.more; after = page.v[page.n - 1].rid) {
        TRY(store_find(t, FIND_TYPE, TY_CSR, SPAN_NONE, after, PAGE, false, a, &page));
        for (size_t i = 0; i < page.n; i++) {
            struct attrs at;
            if (span_eq(page.v[i].alias, c->conf.parent_csi))
                continue;
            TRY(name_attrs(&page.v[i], a, &at));
            jw_str(w, page.v[i].alias);
            ++*n;
            const struct jval *dcse = attrs_get(&at, AT_dcse);
            for (const struct jval *v = dcse ? dcse->child : NULL; v; v = v->next, ++*n)
                jw_raw(w, v->raw);
        }
        if (!page.n)
            break;
    }
    return OK;
}

/* Their list as JSON; the empty span when there is none. */
static struct span descendants(struct cse *c, struct arena *a)
{
    struct store_tx *t;
    struct text list;
    size_t n = 0;
    if (store_read(c->w.store, 0, &t) != OK)
        return SPAN_NONE;
    text_init(&list, a);
    struct jw w = jw_over(&list.b);
    jw_arr(&w);
    enum err e = put_descendants(c, t, a, &w, &n);
    jw_end_arr(&w);
    store_end(t);
    return e == OK && n > 0 ? buf_span(&list.b) : SPAN_NONE;
}

static void put_list(struct jw *w, struct span name, const struct span *v, size_t n)
{
    if (!n)
        return;
    jw_name(w, name);
    jw_arr(w);
    for (size_t i = 0; i < n; i++)
        jw_str(w, v[i]);
    jw_end_arr(w);
}

/* What never changes afterwards. */
static void put_fixed(struct jw *w, const struct cse_conf *k, struct arena *a)
{
    struct text cb;
    text_init(&cb, a);
    buf_put(&cb.b, k->self.csi);
    buf_c(&cb.b, '/');
    buf_put(&cb.b, k->self.base);
    JW_STR(w, "rn", span_from(k->self.csi, 1));
    JW_STR(w, "cb", buf_span(&cb.b));
    JW_STR(w, "csi", k->self.csi);
    JW_U64(w, "cst", k->role);
}

/* A lifetime is asked for when the operator wants one; afterwards what was granted is asked for again. */
static void put_et(struct jw *w, const struct joint *j, const struct cse_conf *k, bool create, struct arena *a)
{
    int64_t life = k->join.lifetime ? k->join.lifetime : create ? 0 : j->life;
    if (life)
        JW_STR(w, "et", name_time_s(j->r.now + life, a));
}

static struct span content(struct cse *c, struct joint *j, bool create)
{
    struct text t;
    struct arena *a = &j->a;
    struct span below = descendants(c, a);
    const struct cse_conf *k = &c->conf;
    text_init(&t, a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_NAME(&w, "m2m:csr");
    jw_obj(&w);
    if (create)
        put_fixed(&w, k, a);
    put_et(&w, j, k, create, a);
    put_list(&w, SPAN("lbl"), k->join.labels.v, k->join.labels.n);
    if (k->join.node.n)
        JW_STR(&w, "nl", k->join.node);
    JW_BOOL(&w, "rr", k->npoa > 0);
    put_list(&w, SPAN("poa"), k->poa, k->npoa);
    if (below.n || !create) {
        JW_NAME(&w, "dcse");
        jw_raw(&w, below.n ? below : SPAN("null"));
    }
    JW_NAME(&w, "srv");
    jw_arr(&w);
    for (unsigned rel = REL_1; rel < REL_OTHER; rel++)
        if (k->releases >> rel & 1)
            jw_str(&w, release_text(rel));
    jw_end_arr(&w);
    esprim_put_esi(k->esprim, &w);
    jw_end_obj(&w);
    jw_end_obj(&w);
    return buf_span(&t.b);
}

/* ---- requests ------------------------------------------------------------------------------------- */

static const struct {
    uint8_t op;
    bool ours; /* to our remoteCSE there, else to the CSEBase */
} asks[] = {
    [JOINT_CREATE] = {OP_CREATE, false}, [JOINT_UPDATE] = {OP_UPDATE, true}, [JOINT_READ] = {OP_RETRIEVE, true},
    [JOINT_BASE] = {OP_RETRIEVE, false}, [JOINT_LEAVE] = {OP_DELETE, true},
};

static struct span numbered(struct arena *a, const char *before, int64_t n)
{
    struct text t;
    text_init(&t, a);
    buf_str(&t.b, before);
    buf_i64(&t.b, n);
    return buf_span(&t.b);
}

void joint_request(struct cse *c, struct joint *j)
{
    struct prim *p = &j->hop.req;
    struct text to;
    text_init(&to, &j->a);
    buf_put(&to.b, c->conf.parent_csi);
    buf_str(&to.b, "/-");
    if (asks[j->todo].ours) {
        buf_c(&to.b, '/');
        buf_put(&to.b, own_name(c));
    }
    prim_init(p);
    p->op = asks[j->todo].op;
    prim_set(p, PA_op, numbered(&j->a, "", p->op));
    prim_set(p, PA_to, buf_span(&to.b));
    prim_set(p, PA_fr, c->conf.self.csi);
    prim_set(p, PA_rqi, numbered(&j->a, "r-", j->r.now));
    prim_set(p, PA_rvi, SPAN("3"));
    p->rvi = REL_3;
    if (p->op != OP_CREATE && p->op != OP_UPDATE)
        return;
    if (p->op == OP_CREATE) {
        p->ty = TY_CSR;
        prim_set(p, PA_ty, SPAN("16"));
    }
    p->pc = content(c, j, p->op == OP_CREATE);
    p->ser = SER_JSON;
}

/* ---- the registrar's remoteCSE here --------------------------------------------------------------- */

/* What its CSEBase said, where a remoteCSE has the same attribute. */
static void put_shown(struct jw *w, const struct jval *cb)
{
    static const char *const same[] = {"cst", "csz", "nl", "spi", "ici", "esi", "srv"};
    for (size_t i = 0; i < LEN(same); i++) {
        const struct jval *v = cb ? json_get(cb, span_str(same[i])) : NULL;
        if (!v || v->type == J_NULL)
            continue;
        jw_name(w, span_str(same[i]));
        jw_raw(w, v->raw);
    }
}

static const struct jval *shown(struct joint *j)
{
    const struct jval *body = NULL;
    if (!j->base.n || name_parse(j->base, &j->a, &body) != OK || !body)
        return NULL;
    return JSON_GET(body, "m2m:cb");
}

static struct span address_of(const struct cse_conf *k, const struct jval *cb, struct arena *a)
{
    struct text t;
    struct span rn = cb && JSON_GET(cb, "rn") ? name_text(JSON_GET(cb, "rn"), a) : SPAN_NONE;
    text_init(&t, a);
    buf_put(&t.b, k->parent_csi);
    buf_c(&t.b, '/');
    buf_put(&t.b, rn.n ? rn : SPAN("-"));
    return buf_span(&t.b);
}

static enum err body_of(struct cse *c, struct joint *j, const struct row *o, struct span *out)
{
    const struct cse_conf *k = &c->conf;
    const struct jval *cb = shown(j);
    struct text b, ri;
    text_init(&b, &j->a);
    text_init(&ri, &j->a);
    name_put_ri(&ri.b, o);
    struct jw w = jw_over(&b.b);
    jw_obj(&w);
    JW_STR(&w, "rn", o->rn);
    JW_U64(&w, "ty", TY_CSR);
    JW_STR(&w, "ri", buf_span(&ri.b));
    JW_STR(&w, "pi", span_from(k->self.csi, 1));
    JW_STR(&w, "ct", name_time(o->ct, &j->a));
    JW_STR(&w, "lt", name_time(o->lt, &j->a));
    JW_STR(&w, "cb", address_of(k, cb, &j->a));
    JW_STR(&w, "csi", k->parent_csi);
    JW_BOOL(&w, "rr", true);
    put_list(&w, SPAN("poa"), &k->parent_url, 1);
    put_shown(&w, cb);
    jw_end_obj(&w);
    *out = buf_span(&b.b);
    return b.b.e;
}

enum err joint_record(struct cse *c, struct store_tx *t, struct exch *x)
{
    struct joint *j = x->door;
    const struct cse_conf *k = &c->conf;
    struct row o;
    enum err e = store_alias(t, k->parent_csi, &j->a, &o);
    if (e == OK && !j->base.n)
        return OK; /* nothing new was learned */
    if (e != OK && e != ERR_NOTFOUND)
        return e;
    bool there = e == OK;
    int64_t now = c->w.now(c->w.ctx);
    if (!there) {
        o = (struct row){.pid = RID_BASE,
                         .ty = TY_CSR,
                         .rn = span_from(k->parent_csi, 1),
                         .alias = k->parent_csi,
                         .creator = k->self.csi,
                         .ct = now,
                         .et = NEVER};
        TRY(store_next_rid(t, &o.rid));
    }
    o.lt = now;
    TRY(body_of(c, j, &o, &o.body));
    e = there ? store_set(t, &o) : store_put(t, &o);
    return e == ERR_EXISTS ? OK : e; /* somebody took the name: forwarding goes by the configuration anyway */
}
