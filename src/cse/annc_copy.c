/* annc_copy.c - what a copy shows: the rows say which attributes are announced always (MA) and which on demand (OA,
 * named in aa). Values are those that are stored, so sealed content is announced sealed. */
#include "base/m2mtime.h"
#include "cse/annc.h"

/* ---- names ---------------------------------------------------------------------------------------- */

/* Of the CSE-ID and the identifier of the original, so that a second try meets the first one's copy. What a resource
 * name cannot hold becomes an underscore. */
void annc_put_name(struct buf *b, const struct cse *c, const struct row *row)
{
    uint8_t p[STORE_NAME_MAX + 32];
    struct buf id = BUF_ARRAY(p);
    buf_put(&id, span_from(c->conf.self.csi, 1));
    if (row->ty != TY_CB) {
        buf_c(&id, '-');
        name_put_ri(&id, row);
    }
    struct span s = buf_span(&id);
    buf_str(b, "annc-");
    for (size_t i = 0; i < s.n; i++) {
        uint8_t ch = s.p[i];
        bool fine = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '-' ||
                    ch == '.' || ch == '_';
        buf_c(b, (uint8_t)(fine ? ch : '_'));
    }
}

/* An identifier of this CSE as others know it. */
static void put_global(struct buf *b, const struct cse *c, struct span id, bool other_sp)
{
    if (other_sp && !span_starts(id, SPAN("//")))
        buf_put(b, c->conf.self.sp);
    if (!span_starts(id, SPAN("/")))
        addr_put_sp_relative(b, &c->conf.self, id);
    else
        buf_put(b, id);
}

/* ---- acpi ----------------------------------------------------------------------------------------- */

#define LOCAL_NAME "annc-policy"

/* The local policy, for originals that have no acpi: as the default policy says, it lets nobody but us in. It is made
 * when it is needed first; an operator may open it like any other accessControlPolicy, for all such copies at once. */
static enum err local_policy(struct run *r)
{
    struct text t, ri, id;
    struct row o;
    enum err e = store_child(r->t, RID_BASE, SPAN(LOCAL_NAME), r->a, &o);
    if (e != ERR_NOTFOUND)
        return e;
    o = (struct row){.pid = RID_BASE, .ty = TY_ACP, .rn = SPAN(LOCAL_NAME), .ct = r->now, .lt = r->now, .et = NEVER};
    o.creator = r->c->conf.self.csi;
    TRY(store_next_rid(r->t, &o.rid));
    text_init(&t, r->a);
    text_init(&ri, r->a);
    text_init(&id, r->a);
    name_put_ri(&ri.b, &o);
    buf_str(&id.b, "{\"acr\":[{\"acor\":[\"");
    buf_put(&id.b, r->c->conf.self.csi);
    buf_str(&id.b, "\"],\"acop\":63}]}");
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    JW_STR(&w, "rn", o.rn);
    JW_U64(&w, "ty", TY_ACP);
    JW_STR(&w, "ri", buf_span(&ri.b));
    JW_STR(&w, "pi", span_from(r->c->conf.self.csi, 1));
    JW_STR(&w, "ct", name_time(r->now, r->a));
    JW_STR(&w, "lt", name_time(r->now, r->a));
    JW_STR(&w, "et", SPAN("99991231T235959"));
    JW_NAME(&w, "pv");
    jw_raw(&w, buf_span(&id.b));
    JW_NAME(&w, "pvs");
    jw_raw(&w, buf_span(&id.b));
    jw_end_obj(&w);
    TRY(t.b.e);
    o.body = buf_span(&t.b);
    return store_put(r->t, &o);
}

static bool some(const struct jval *list)
{
    return list && list->type == J_ARR && list->n;
}

/* The original's, else its parent's, else the local policy. */
static enum err policies(struct run *r, const struct attrs *at, const struct attrs *parent, const struct jval **out)
{
    struct text t;
    *out = attrs_get(at, AT_acpi);
    if (!some(*out) && parent)
        *out = attrs_get(parent, AT_acpi);
    if (some(*out))
        return OK;
    TRY(local_policy(r));
    text_init(&t, r->a);
    buf_str(&t.b, "[\"");
    buf_put(&t.b, r->c->conf.self.base);
    buf_str(&t.b, "/" LOCAL_NAME "\"]");
    TRY(t.b.e);
    return name_parse(buf_span(&t.b), r->a, out);
}

static void put_policies(struct run *r, struct jw *w, const struct jval *acpi, bool other_sp)
{
    JW_NAME(w, "acpi");
    jw_arr(w);
    for (const struct jval *v = acpi->child; v; v = v->next) {
        struct text t;
        text_init(&t, r->a);
        put_global(&t.b, r->c, name_text(v, r->a), other_sp);
        jw_str(w, buf_span(&t.b));
    }
    jw_end_arr(w);
}

/* ---- attributes ----------------------------------------------------------------------------------- */

static bool listed(const struct jval *aa, struct span name)
{
    for (const struct jval *v = aa && aa->type == J_ARR ? aa->child : NULL; v; v = v->next)
        if (json_is(v, name))
            return true;
    return false;
}

/* Does the attribute of this rule show in the copy? acpi and et are treated apart. */
static bool shown(const struct rule *rule, const struct attrs *at)
{
    if (rule->at == AT_acpi || rule->at == AT_et)
        return false;
    return rule->announce == ANN_MA || (rule->announce == ANN_OA && listed(attrs_get(at, AT_aa), rule->row->sn));
}

static const struct jval *value_of(const struct rule *rule, const struct attrs *at, size_t i)
{
    return at && i <= at->n && shown(rule, at) && at->v[i] && at->v[i]->type != J_NULL ? at->v[i] : NULL;
}

static void put_all(struct jw *w, const struct attrs *at)
{
    for (size_t i = 1; i <= at->t->n; i++) {
        const struct rule *rule = &at->t->own[i];
        const struct jval *v = value_of(rule, at, i);
        if (!v)
            continue;
        jw_name(w, rule->row->sn);
        jw_raw(w, v->raw);
    }
    for (size_t i = at->t->n + 1u; i <= at->n; i++) /* those of a loaded specialization */
        if (at->v[i] && listed(attrs_get(at, AT_aa), at->v[i]->key)) {
            jw_name(w, at->v[i]->key);
            jw_raw(w, at->v[i]->raw);
        }
}

static void begin(struct jw *w, const struct type *t, struct arena *a)
{
    jw_obj(w);
    jw_name(w, arena_join(a, t->root, SPAN("A")));
    jw_obj(w);
}

static struct span end(struct jw *w, struct text *t)
{
    jw_end_obj(w);
    jw_end_obj(w);
    return buf_span(&t->b);
}

static void put_head(struct run *r, struct jw *w, const struct row *row, const struct annc_dest *d)
{
    struct text rn, id, lnk;
    text_init(&rn, r->a);
    text_init(&id, r->a);
    text_init(&lnk, r->a);
    annc_put_name(&rn.b, r->c, row);
    name_put_ri(&id.b, row);
    put_global(&lnk.b, r->c, buf_span(&id.b), d->other_sp);
    JW_STR(w, "rn", buf_span(&rn.b));
    JW_STR(w, "lnk", buf_span(&lnk.b));
}

/* ---- whole contents ------------------------------------------------------------------------------- */

enum err annc_copy(struct run *r, const struct row *row, const struct row *parent, const struct annc_dest *d,
                   struct span *out)
{
    struct attrs at, up;
    struct text t;
    TRY(name_attrs(row, r->a, &at));
    TRY(name_attrs(parent, r->a, &up));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    begin(&w, at.t, r->a);
    put_head(r, &w, row, d);
    struct span et = attrs_text(&at, AT_et, r->a);
    JW_STR(&w, "et", et.n ? et : name_time_s(row->et, r->a));
    if (type_of(row->ty + TY_ANNC)->flags & TF_ACPI) {
        const struct jval *acpi;
        TRY(policies(r, &at, &up, &acpi));
        put_policies(r, &w, acpi, d->other_sp);
    }
    put_all(&w, &at);
    *out = end(&w, &t);
    return t.b.e;
}

static bool differs(const struct jval *a, const struct jval *b)
{
    return !a || !b ? a != b : !span_eq(a->raw, b->raw);
}

struct change {
    struct run *r;
    const struct attrs *at, *before; /* before NULL: unknown */
    struct jw w;
    bool any;
};

static void put_change(struct change *c, struct span name, const struct jval *now, const struct jval *was)
{
    if (c->before && !differs(now, was))
        return;
    jw_name(&c->w, name);
    if (now)
        jw_raw(&c->w, now->raw);
    else
        jw_null(&c->w);
    c->any = true;
}

enum err annc_copy_policy(struct run *r, const struct row *row, const struct annc_dest *d, const struct attrs *before,
                          bool *any, struct span *out)
{
    struct row parent;
    struct attrs at, up = {0};
    struct text t;
    TRY(name_attrs(row, r->a, &at));
    const struct jval *now = attrs_get(&at, AT_acpi);
    *any = (type_of(row->ty + TY_ANNC)->flags & TF_ACPI) && (!before || differs(now, attrs_get(before, AT_acpi)));
    if (!*any)
        return OK;
    if (store_get(r->t, row->pid, r->a, &parent) == OK)
        TRY(name_attrs(&parent, r->a, &up));
    TRY(policies(r, &at, &up, &now));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    begin(&w, at.t, r->a);
    put_policies(r, &w, now, d->other_sp);
    *out = end(&w, &t);
    return t.b.e;
}

static void put_custom_changes(struct change *c)
{
    const struct attrs *at = c->at;
    for (size_t i = at->t->n + 1u; i <= at->n; i++) {
        struct span name = at->v[i] ? at->v[i]->key : SPAN_NONE;
        if (!name.n)
            continue;
        const struct jval *now = listed(attrs_get(at, AT_aa), name) ? at->v[i] : NULL;
        const struct jval *was =
            c->before && listed(attrs_get(c->before, AT_aa), name) ? attrs_named(c->before, name) : NULL;
        if (now || was)
            put_change(c, name, now, was);
    }
}

enum err annc_copy_changes(struct run *r, const struct row *row, const struct attrs *before, bool *any,
                           struct span *out)
{
    struct attrs at;
    struct text t;
    TRY(name_attrs(row, r->a, &at));
    text_init(&t, r->a);
    struct change c = {.r = r, .at = &at, .before = before, .w = jw_over(&t.b)};
    begin(&c.w, at.t, r->a);
    const struct jval *et = attrs_get(&at, AT_et);
    if (et)
        put_change(&c, SPAN("et"), et, before ? attrs_get(before, AT_et) : NULL);
    for (size_t i = 1; i <= at.t->n; i++) {
        const struct rule *rule = &at.t->own[i];
        bool may = rule->announce != ANN_NA && rule->at != AT_acpi && rule->at != AT_et;
        if (may)
            put_change(&c, rule->row->sn, value_of(rule, &at, i), value_of(rule, before, i));
    }
    put_custom_changes(&c);
    *any = c.any;
    *out = end(&c.w, &t);
    return t.b.e;
}

/* ---- the CSEBase ---------------------------------------------------------------------------------- */

/* Switch 11: what only open deployments announce, and only when the operator says so. */
static bool base_shows(const struct run *r, const struct rule *rule)
{
    static const uint16_t by_switch[] = {AT_csi, AT_cst, AT_csz, AT_poa, AT_srv};
    const struct strings *also = &r->c->conf.announced;
    bool special = false, named = false;
    for (size_t i = 0; i < LEN(by_switch); i++)
        special |= rule->at == by_switch[i];
    for (size_t i = 0; i < also->n && special; i++)
        named |= span_eq(also->v[i], rule->row->sn);
    if (special)
        return named && sw_open(&r->c->conf.sw, SW_announce_csebase) &&
               type_named(type_of(TY_CB_A), rule->row->sn)->create != P_ABSENT;
    return rule->announce == ANN_MA && rule->at != AT_acpi && rule->at != AT_et;
}

enum err annc_copy_base(struct run *r, const struct annc_dest *d, struct span *out)
{
    struct row row;
    struct attrs at;
    struct text t;
    TRY(store_get(r->t, RID_BASE, r->a, &row));
    TRY(name_attrs(&row, r->a, &at));
    text_init(&t, r->a);
    struct jw w = jw_over(&t.b);
    begin(&w, at.t, r->a);
    put_head(r, &w, &row, d);
    JW_STR(&w, "et", name_time_s(r->now + (r->c->conf.et_max ? r->c->conf.et_max : ET_DEFAULT), r->a));
    const struct jval *acpi;
    TRY(policies(r, &at, NULL, &acpi));
    put_policies(r, &w, acpi, d->other_sp);
    for (size_t i = 1; i <= at.t->n; i++)
        if (at.v[i] && base_shows(r, &at.t->own[i])) {
            jw_name(&w, at.t->own[i].row->sn);
            jw_raw(&w, at.v[i]->raw);
        }
    *out = end(&w, &t);
    return t.b.e;
}
