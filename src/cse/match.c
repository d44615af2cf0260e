/* match.c - filter criteria against one row (TS-0001 8.1.2, TS-0004 7.3.3.17). Criteria of different kinds are joined
 * by fo (AND, OR, XOR), repeats of one kind by OR. What is cheap comes from columns; the body is parsed only when a
 * criterion needs it. */
#include <string.h>

#include "cse/inside.h"

bool match_wild(struct span pattern, struct span text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.n && pattern.p[p] == text.p[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

static bool has_number(const struct numbers *v, uint32_t n)
{
    bool hit = false;
    for (size_t i = 0; i < v->n && !hit; i++)
        hit = v->v[i] == n;
    return hit;
}

static bool has_label(const struct strings *want, const struct jval *lbl, struct arena *a)
{
    for (const struct jval *l = lbl && lbl->type == J_ARR ? lbl->child : NULL; l; l = l->next)
        for (size_t i = 0; i < want->n; i++)
            if (match_wild(want->v[i], name_text(l, a)))
                return true;
    return false;
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

/* A value of an attribute against a condition: a number by value, everything else as text. */
static bool value_is(const struct jval *v, struct span want, bool wild, struct arena *a)
{
    if (v->type == J_ARR) {
        bool hit = false;
        for (const struct jval *e = v->child; e && !hit; e = e->next)
            hit = value_is(e, want, wild, a);
        return hit;
    }
    struct span text = v->type == J_STR ? name_text(v, a) : v->raw;
    return wild ? match_wild(want, text) : span_eq(want, text);
}

struct subject {
    struct run *r;
    const struct row *row;
    struct attrs at;
    const struct jval *body; /* with the members that change by themselves */
    bool wild;
};

static enum err has_relative(struct subject *s, const struct fc *fc, uint8_t crit, bool *yes);

static bool has_attribute(struct subject *s, const struct condition *c)
{
    const struct jval *v = attrs_get(&s->at, (enum attr)c->attr);
    return v && value_is(v, c->value, s->wild, s->r->a);
}

static bool has_conditions(struct subject *s, const struct fc *fc)
{
    bool all = true;
    for (const struct condition *c = fc->cond; c && all; c = c->next)
        if (c->crit == FC_atr) {
            bool any = false; /* the same attribute again is an alternative */
            for (const struct condition *d = fc->cond; d && !any; d = d->next)
                any = d->crit == FC_atr && d->attr == c->attr && has_attribute(s, d);
            all = any;
        }
    return all;
}

static bool sized(const struct row *row)
{
    return row->ty == TY_CIN;
}

static bool stated(const struct row *row)
{
    return row->ty == TY_CIN || (type_of(row->ty)->flags & TF_STATE);
}

/* One kind of criterion. */
static enum err holds(struct subject *s, const struct fc *fc, unsigned crit, bool *yes)
{
    const struct row *w = s->row;
    switch (crit) {
    case FC_crb:
        *yes = w->ct < fc->crb;
        return OK;
    case FC_cra:
        *yes = w->ct >= fc->cra;
        return OK;
    case FC_ms:
        *yes = w->lt >= fc->ms;
        return OK;
    case FC_us:
        *yes = w->lt < fc->us;
        return OK;
    case FC_sts:
        *yes = stated(w) && w->st < (int64_t)fc->sts;
        return OK;
    case FC_stb:
        *yes = stated(w) && w->st >= (int64_t)fc->stb;
        return OK;
    case FC_exb:
        *yes = w->et < fc->exb;
        return OK;
    case FC_exa:
        *yes = w->et >= fc->exa;
        return OK;
    case FC_lbl:
        *yes = has_label(&fc->lbl, attrs_get(&s->at, AT_lbl), s->r->a);
        return OK;
    case FC_ty:
        *yes = has_number(&fc->ty, w->ty);
        return OK;
    case FC_sza:
        *yes = sized(w) && w->cs >= (int64_t)fc->sza;
        return OK;
    case FC_szb:
        *yes = sized(w) && w->cs < (int64_t)fc->szb;
        return OK;
    case FC_cty:
        *yes = has_type(&fc->cty, attrs_text(&s->at, AT_cnf, s->r->a));
        return OK;
    case FC_atr:
        *yes = has_conditions(s, fc);
        return OK;
    default:
        return has_relative(s, fc, (uint8_t)crit, yes);
    }
}

/* Criteria about the parent or the children. */
static bool relative_fits(struct subject *s, const struct fc *fc, uint8_t crit)
{
    bool all = true;
    switch (crit) {
    case FC_clbl:
        return has_label(&fc->clbl, attrs_get(&s->at, AT_lbl), s->r->a);
    case FC_palb:
        return has_label(&fc->palb, attrs_get(&s->at, AT_lbl), s->r->a);
    case FC_chty:
        return has_number(&fc->chty, s->row->ty);
    case FC_pty:
        return has_number(&fc->pty, s->row->ty);
    default:
        for (const struct condition *c = fc->cond; c && all; c = c->next)
            if (c->crit == crit)
                all = has_attribute(s, c);
        return all;
    }
}

static enum err subject_of(struct run *r, const struct row *row, bool wild, struct subject *out)
{
    struct text whole;
    *out = (struct subject){.r = r, .row = row, .wild = wild};
    if (!row->body.n)
        return OK;
    text_init(&whole, r->a);
    view_put_object(r, &whole.b, row);
    TRY(whole.b.e);
    TRY(name_parse(buf_span(&whole.b), r->a, &out->body));
    attrs_from(out->body, type_of(row->ty), &out->at);
    return OK;
}

static enum err has_relative(struct subject *s, const struct fc *fc, uint8_t crit, bool *yes)
{
    struct subject other;
    *yes = false;
    if (crit == FC_pty || crit == FC_palb || crit == FC_patr) {
        struct row up;
        if (!s->row->pid)
            return OK;
        TRY(store_get(s->r->t, s->row->pid, s->r->a, &up));
        TRY(subject_of(s->r, &up, s->wild, &other));
        *yes = relative_fits(&other, fc, crit);
        return OK;
    }
    struct rows page = {.more = true};
    for (int64_t after = 0; page.more && !*yes; after = page.v[page.n - 1].rid) {
        TRY(store_list(s->r->t, s->row->rid, 0, after, PAGE, false, s->r->a, &page));
        for (size_t i = 0; i < page.n && !*yes; i++) {
            TRY(subject_of(s->r, &page.v[i], s->wild, &other));
            *yes = page.v[i].et > s->r->now && relative_fits(&other, fc, crit);
        }
        if (!page.n)
            break;
    }
    return OK;
}

bool match_needs_body(const struct fc *fc)
{
    return fc->have & (FC_BIT(lbl) | FC_BIT(cty) | FC_BIT(atr));
}

enum err match_row(struct run *r, const struct row *row, const struct fc *fc, bool wild, bool *yes)
{
    struct subject s = {.r = r, .row = row, .wild = wild};
    unsigned asked = 0, met = 0;
    if (match_needs_body(fc))
        TRY(subject_of(r, row, wild, &s));
    for (unsigned crit = 1; crit < FC__N; crit++) {
        bool one = false;
        if (!((fc->have & ~FC_HANDLING) >> crit & 1))
            continue;
        TRY(holds(&s, fc, crit, &one));
        asked++;
        met += one;
    }
    *yes = !asked || (fc->fo == 2 ? met > 0 : fc->fo == 3 ? met % 2 == 1 : met == asked);
    return OK;
}
