/* match.c - filter criteria against one row. */
#include "cse/match.h"

#include <string.h>

#include "base/m2mtime.h"

enum {
    TESTS_MAX = 64,        /* bits of a set; a query has no more arguments (bind/http_query.c) */
    CHILDREN_MAX = 100000, /* of a target that is changed under a condition on its children */
    LABELS_MAX = STORE_LABELS_MAX
};

/* ---- what to ask --------------------------------------------------------------------------------- */

bool match_selects(const struct fc *fc)
{
    return fc && (fc->have & ~FC_HANDLING);
}

size_t match_page(const struct fc *fc)
{
    return fc && fc->have & FC_BIT(geom) ? GEO_PAGE : PAGE;
}

static bool of_parent(unsigned crit)
{
    return crit == FC_pty || crit == FC_palb || crit == FC_patr;
}

static bool of_children(unsigned crit)
{
    return crit == FC_clbl || crit == FC_catr;
}

static void add_test(struct match *m, unsigned crit, struct span attr)
{
    for (unsigned i = 0; i < m->n; i++)
        if (m->test[i].crit == crit && span_eq(m->test[i].attr, attr))
            return;
    if (m->n < TESTS_MAX)
        m->test[m->n++] = (struct match_test){.crit = (uint8_t)crit, .attr = attr};
    m->parent |= of_parent(crit);
    m->child |= of_children(crit);
}

static bool needs_body(const struct match *m)
{
    const uint64_t some = FC_BIT(lbl) | FC_BIT(lbq) | FC_BIT(cty) | FC_BIT(atr) | FC_BIT(geom) | FC_BIT(cfq);
    bool need = false;
    for (unsigned i = 0; i < m->n; i++)
        need |= some >> m->test[i].crit & 1;
    return need;
}

enum err match_begin(struct match *m, const struct fc *fc, bool wild, struct arena *a)
{
    /* cfs goes with cfq, gmty and gsf with geom: one test each */
    const uint64_t ones =
        ~(FC_HANDLING | FC_BIT(atr) | FC_BIT(catr) | FC_BIT(patr) | FC_BIT(gmty) | FC_BIT(gsf) | FC_BIT(cfs));
    *m = (struct match){.fc = fc, .wild = wild};
    if (!(m->test = ARENA_ARRAY(a, struct match_test, TESTS_MAX)))
        return ERR_NOMEM;
    for (unsigned crit = 1; crit < FC__N; crit++)
        if ((fc->have & ones) >> crit & 1)
            add_test(m, crit, SPAN_NONE);
    for (const struct condition *c = fc->cond; c; c = c->next)
        add_test(m, c->crit, c->name);
    m->body = needs_body(m);
    return OK;
}

void match_without(struct match *m, enum crit crit)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->n; i++)
        if (m->test[i].crit != crit)
            m->test[n++] = m->test[i];
    m->n = n;
    m->body = needs_body(m);
}

void match_turn(struct match *m)
{
    m->up = 0;
}

/* ---- values -------------------------------------------------------------------------------------- */

/* One resource that is looked at. */
struct subject {
    struct run *r;
    const struct row *row;
    struct attrs at;
    const struct jval *body; /* with the members that change by themselves */
};

static bool has_number(const struct numbers *v, uint32_t n)
{
    bool hit = false;
    for (size_t i = 0; i < v->n && !hit; i++)
        hit = v->v[i] == n;
    return hit;
}

static size_t labels_of(const struct subject *s, struct span *out)
{
    const struct jval *lbl = attrs_get(&s->at, AT_lbl);
    size_t n = 0;
    for (const struct jval *l = lbl && lbl->type == J_ARR ? lbl->child : NULL; l && n < LABELS_MAX; l = l->next)
        out[n++] = name_text(l, s->r->a);
    return n;
}

static bool has_label(const struct subject *s, const struct strings *want)
{
    struct span have[LABELS_MAX];
    size_t n = labels_of(s, have);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < want->n; k++)
            if (labelq_wild(want->v[k], have[i]))
                return true;
    return false;
}

static bool has_labels(const struct subject *s, const struct labelq *q)
{
    struct span have[LABELS_MAX];
    size_t n = labels_of(s, have);
    return labelq_match(q, have, n);
}

/* contentType: the media part of cnf, or all of it when the value has a colon. */
static bool has_type(const struct strings *want, struct span cnf)
{
    struct span media = span_first(cnf, span_find(cnf, ':'));
    bool hit = false;
    for (size_t i = 0; i < want->n && !hit && cnf.n; i++)
        hit = span_eq(want->v[i], span_find(want->v[i], ':') < want->v[i].n ? cnf : media);
    return hit;
}

/* "5", "5.0" and "50e-1" are one number. */
static bool same_number(const struct jval *v, struct span want, struct arena *a)
{
    struct jval *w;
    int64_t i, k;
    double x, y;
    if (json_parse(want, a, &w, NULL) != OK)
        return false;
    if (json_i64(v, &i) == OK && json_i64(w, &k) == OK)
        return i == k;
    return json_f64(v, &x) == OK && json_f64(w, &y) == OK && x <= y && x >= y;
}

static bool same_bool(const struct jval *v, struct span want)
{
    bool is = v->raw.p[0] == 't';
    return is ? span_eq(want, SPAN("true")) || span_eq(want, SPAN("1"))
              : span_eq(want, SPAN("false")) || span_eq(want, SPAN("0"));
}

static bool same_text(struct run *r, unsigned kind, struct span text, struct span want)
{
    int64_t x, y;
    if (span_eq(text, want))
        return true;
    switch (kind) {
    case VK_TIME:
        return m2mtime_get(text, &x) == OK && m2mtime_get(want, &y) == OK && x == y;
    case VK_DURATION:
        return check_duration(text, &x) && check_duration(want, &y) && x == y;
    case VK_ID: {
        struct id i = id_parse(text, &r->c->conf.self), k = id_parse(want, &r->c->conf.self);
        return i.kind != ID_BAD && i.kind != ID_OPAQUE && id_same(&i, &k);
    }
    default:
        return false;
    }
}

/* A value of an attribute against a condition, by what it is (TS-0004 7.3.3.17.9). */
static bool value_is(struct run *r, unsigned kind, const struct jval *v, struct span want, bool wild)
{
    bool hit = false, star = wild && span_find(want, '*') < want.n;
    switch (v->type) {
    case J_ARR:
        for (const struct jval *e = v->child; e && !hit; e = e->next)
            hit = value_is(r, kind, e, want, wild);
        return hit;
    case J_STR: {
        struct span text = name_text(v, r->a);
        return star ? labelq_wild(want, text) : same_text(r, kind, text, want);
    }
    case J_INT:
    case J_FLOAT:
        return star ? labelq_wild(want, v->raw) : same_number(v, want, r->a);
    case J_BOOL:
        return star ? labelq_wild(want, v->raw) : same_bool(v, want);
    default:
        return star ? labelq_wild(want, v->raw) : span_eq(want, v->raw);
    }
}

/* Content under protection is the reader's alone: comparing it would tell about it (TS-0003 8.5.3, e2e_security.md). */
static bool is_protected(const struct subject *s)
{
    struct span cnf = attrs_text(&s->at, AT_cnf, s->r->a);
    (void)span_cut(&cnf, ':');
    (void)span_cut(&cnf, ':');
    return cnf.n && !span_eq(cnf, SPAN("0"));
}

static bool has_attribute(const struct subject *s, const struct match *m, const struct match_test *t)
{
    const struct jval *v = attrs_named(&s->at, t->attr);
    bool hit = false;
    if (!v || (span_eq(t->attr, SPAN("con")) && is_protected(s)))
        return false;
    const struct attr_row *known = type_named(s->at.t, t->attr)->row;
    unsigned kind = known ? known->v.kind : VK_ANY;
    for (const struct condition *c = m->fc->cond; c && !hit; c = c->next)
        if (c->crit == t->crit && span_eq(c->name, t->attr))
            hit = value_is(s->r, kind, v, c->value, m->wild);
    return hit;
}

/* Does the query select anything of the content? Only clear JSON is looked at. */
static bool has_content(const struct subject *s, const struct fc *fc)
{
    const struct jval *con = attrs_get(&s->at, AT_con);
    struct span cnf = attrs_text(&s->at, AT_cnf, s->r->a), media = span_cut(&cnf, ':');
    struct jval *v = NULL;
    if (!con || is_protected(s))
        return false;
    if (con->type == J_OBJ || con->type == J_ARR)
        return jsonpath_selects(&fc->path, con);
    bool plain = !cnf.n || cnf.p[0] == '0', json = span_ends(media, SPAN("json"));
    return plain && json && json_parse(name_text(con, s->r->a), s->r->a, &v, NULL) == OK &&
           jsonpath_selects(&fc->path, v);
}

/* Is the place of the resource, or one of its places, so as to the geometry of the query? */
static bool is_placed(const struct subject *s, const struct fc *fc)
{
    const struct jval *loc = JSON_GET(s->body, "loc");
    bool hit = false;
    for (const struct jval *v = loc && loc->type == J_ARR ? loc->child : loc; v && !hit;
         v = loc->type == J_ARR ? v->next : NULL) {
        struct geo g;
        hit = geo_value(v, s->r->a, &g) == OK && geo_is(fc->gsf, &g, &fc->geo);
    }
    return hit;
}

/* ---- one test ------------------------------------------------------------------------------------ */

static bool has(const struct row *row, enum attr a)
{
    return type_rule(type_of_row(row), a)->create != P_ABSENT;
}

/* Criteria on the resource itself, those of its columns first. */
static bool holds(const struct subject *s, const struct match *m, const struct match_test *t)
{
    const struct row *w = s->row;
    const struct fc *fc = m->fc;
    switch (t->crit) {
    case FC_crb:
        return w->ct < fc->crb;
    case FC_cra:
        return w->ct >= fc->cra;
    case FC_ms:
        return w->lt >= fc->ms;
    case FC_us:
        return w->lt < fc->us;
    case FC_sts:
        return has(w, AT_st) && w->st < (int64_t)fc->sts;
    case FC_stb:
        return has(w, AT_st) && w->st >= (int64_t)fc->stb;
    case FC_exb:
        return w->et < fc->exb;
    case FC_exa:
        return w->et >= fc->exa;
    case FC_ty:
        return has_number(&fc->ty, w->ty);
    case FC_sza:
        return has(w, AT_cs) && w->cs >= (int64_t)fc->sza;
    case FC_szb:
        return has(w, AT_cs) && w->cs < (int64_t)fc->szb;
    case FC_lbl:
        return has_label(s, &fc->lbl);
    case FC_lbq:
        return has_labels(s, &fc->lbq);
    case FC_cty:
        return has_type(&fc->cty, attrs_text(&s->at, AT_cnf, s->r->a));
    case FC_geom:
        return is_placed(s, fc);
    case FC_cfq:
        return has_content(s, fc);
    case FC_atr:
        return has_attribute(s, m, t);
    default:
        return false;
    }
}

/* Criteria on a parent or a child, asked of that one. */
static bool holds_for(const struct subject *s, const struct match *m, const struct match_test *t)
{
    switch (t->crit) {
    case FC_clbl:
        return has_label(s, &m->fc->clbl);
    case FC_palb:
        return has_label(s, &m->fc->palb);
    case FC_pty:
        return has_number(&m->fc->pty, s->row->ty);
    default:
        return has_attribute(s, m, t);
    }
}

static enum err subject_of(struct run *r, const struct row *row, struct subject *out)
{
    struct text whole;
    out->r = r;
    out->row = row;
    out->body = NULL;
    memset(&out->at, 0, sizeof out->at);
    if (!row->body.n)
        return OK;
    text_init(&whole, r->a);
    view_put_object(r, &whole.b, row);
    TRY(whole.b.e);
    TRY(name_parse(buf_span(&whole.b), r->a, &out->body));
    attrs_from(out->body, type_of_row(row), &out->at);
    return OK;
}

/* ---- relatives ----------------------------------------------------------------------------------- */

static uint64_t ask_relative(const struct subject *s, const struct match *m, bool (*kind)(unsigned crit))
{
    uint64_t met = 0;
    for (unsigned i = 0; i < m->n; i++)
        if (kind(m->test[i].crit) && holds_for(s, m, &m->test[i]))
            met |= UINT64_C(1) << i;
    return met;
}

/* What a relative says of itself counts only for whom may discover it: otherwise its labels and attributes could be
 * found out by trying. Its type is no secret. */
static enum err disclose(struct run *r, const struct match *m, const struct row *relative, uint64_t *met)
{
    uint64_t secret = 0;
    bool may = false;
    for (unsigned i = 0; i < m->n; i++)
        secret |= (uint64_t)(m->test[i].crit != FC_pty) << i;
    if (*met & secret)
        TRY(rights_ask(r, &r->q->from, relative, ACOP_DISCOVERY, 0, &may));
    if (!may)
        *met &= ~secret;
    return OK;
}

static enum err ask_parent(struct run *r, struct match *m, const struct row *row)
{
    struct row up;
    struct subject s;
    if (m->up == row->pid || !row->pid) {
        m->up_met = row->pid ? m->up_met : 0;
        return OK;
    }
    TRY(store_get(r->t, row->pid, r->a, &up));
    TRY(subject_of(r, &up, &s));
    m->up_met = ask_relative(&s, m, of_parent);
    TRY(disclose(r, m, &up, &m->up_met));
    m->up = row->pid;
    return OK;
}

/* A page of children; goes on where the last call for this row ended. */
static enum err ask_children(struct run *r, struct match *m, const struct row *row)
{
    struct rows page;
    struct subject s;
    if (m->rid != row->rid) {
        m->rid = row->rid;
        m->after = 0;
        m->met = 0;
    }
    TRY(store_list(r->t, row->rid, 0, m->after, PAGE, false, r->a, &page));
    for (size_t i = 0; i < page.n; i++) {
        if (page.v[i].et <= r->now)
            continue;
        TRY(subject_of(r, &page.v[i], &s));
        uint64_t met = ask_relative(&s, m, of_children) & ~m->met;
        TRY(disclose(r, m, &page.v[i], &met));
        m->met |= met;
    }
    m->after = page.n ? page.v[page.n - 1].rid : m->after;
    return page.more ? ERR_NOTNOW : OK;
}

/* Is there a child of one of these types? */
static enum err has_child_of(struct run *r, const struct match *m, const struct row *row, bool *yes)
{
    *yes = false;
    for (size_t i = 0; i < m->fc->chty.n && !*yes; i++) {
        struct row kid;
        enum err e = store_oldest(r->t, row->rid, m->fc->chty.v[i], r->now, r->a, &kid);
        *yes = e == OK;
        TRY(e == ERR_NOTFOUND ? OK : e);
    }
    return OK;
}

/* ---- all tests ----------------------------------------------------------------------------------- */

static bool joined(const struct match *m, unsigned met)
{
    return m->fc->fo == 2 ? met > 0 : m->fc->fo == 3 ? met % 2 == 1 : met == m->n;
}

static enum err own_test(const struct subject *s, const struct match *m, unsigned i, bool *yes)
{
    const struct match_test *t = &m->test[i];
    *yes = false;
    if (t->crit == FC_chty)
        return has_child_of(s->r, m, s->row, yes);
    *yes = of_parent(t->crit) ? m->up_met >> i & 1 : holds(s, m, t);
    return OK;
}

enum err match_row(struct run *r, struct match *m, const struct row *row, bool *yes)
{
    struct subject s = {.r = r, .row = row};
    unsigned met = 0;
    bool all = m->fc->fo <= 1;
    *yes = false;
    if (m->body)
        TRY(subject_of(r, row, &s));
    if (m->parent)
        TRY(ask_parent(r, m, row));
    for (unsigned i = 0; i < m->n; i++) {
        bool one;
        if (of_children(m->test[i].crit))
            continue;
        TRY(own_test(&s, m, i, &one));
        if (!one && all)
            return OK; /* no need to look at its children */
        met += one;
    }
    if (m->child) {
        TRY(ask_children(r, m, row));
        met += (unsigned)__builtin_popcountll(m->met);
        m->rid = 0;
    }
    *yes = m->n == 0 || joined(m, met);
    return OK;
}

enum says match_condition(struct run *r)
{
    struct match m;
    bool yes = true;
    if (!match_selects(r->q->fc))
        return MORE;
    STEP_TRY(r, match_begin(&m, r->q->fc, sw_open(&r->c->conf.sw, SW_wildcard_conditions), r->a));
    enum err e = ERR_NOTNOW;
    for (int n = 0; n < CHILDREN_MAX && e == ERR_NOTNOW; n += PAGE)
        e = match_row(r, &m, &r->target, &yes);
    if (e == ERR_NOTNOW)
        return refuse(r, RSC_NOT_IMPLEMENTED, SPAN("fc"), "the target has more children than a condition looks at");
    STEP_TRY(r, e);
    return yes ? MORE
               : refuse(r, RSC_NOT_FOUND, SPAN("fc"), "the target does not meet the filter criteria (TS-0004 7.3.3.1)");
}
