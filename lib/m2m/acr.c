/* acr.c - compile rules once, evaluate them often. */
#include "m2m/acr.h"

#include "m2m/ip.h"
#include "m2m/region.h"

/* ---- compiled form -------------------------------------------------------------------------------- */

enum entry_kind { ENTRY_ALL, ENTRY_NAME, ENTRY_PATTERN };

struct originator {
    struct span text;
    uint8_t kind; /* enum entry_kind */
};

struct context { /* one acco: all kinds that are present must match */
    const struct span *windows;
    const struct ip *nets;
    struct region circle;
    size_t n_windows, n_nets;
    bool has_windows, has_nets, has_region, has_circle;
    bool beyond; /* names a kind that cannot be evaluated here: never matches */
};

struct object { /* one acod */
    const uint32_t *children;
    size_t n_children;
    struct span cnd; /* spty: specialization of a flexContainer ... */
    uint64_t mgd;    /* ... or of a management object */
    uint32_t ty;     /* 0: any */
    bool special;    /* spty is there */
};

struct rule_of {
    const struct originator *who;
    const struct context *ctx;
    const struct object *obj;
    const struct span *attrs; /* aca */
    size_t n_who, n_ctx, n_obj, n_attrs;
    uint8_t ops;
    bool authenticated; /* acaf */
    bool partial;       /* aca: opens these attributes, grants no whole operation */
};

struct acr_set {
    const struct rule_of *r;
    size_t n;
};

size_t acr_rules(const struct acr_set *s)
{
    return s->n;
}

/* ---- compile -------------------------------------------------------------------------------------- */

static enum err text(const struct jval *v, struct arena *a, struct span *out)
{
    struct span s;
    TRY(json_str(v, a, &s));
    *out = arena_dup(a, s);
    return arena_ok(a) ? OK : ERR_NOMEM;
}

static enum err want(const struct jval *v, uint8_t type)
{
    return v && v->type == type ? OK : ERR_TYPE;
}

static enum err compile_who(const struct jval *list, struct arena *a, struct rule_of *r)
{
    TRY(want(list, J_ARR));
    struct originator *o = ARENA_ARRAY(a, struct originator, list->n);
    if (!o)
        return ERR_NOMEM;
    r->who = o;
    for (const struct jval *e = list->child; e; e = e->next, o++) {
        TRY(text(e, a, &o->text));
        if (span_eq(o->text, SPAN("all")))
            o->kind = ENTRY_ALL;
        else
            o->kind = span_find(o->text, '*') < o->text.n ? ENTRY_PATTERN : ENTRY_NAME;
    }
    r->n_who = list->n;
    return OK;
}

static enum err compile_texts(const struct jval *list, struct arena *a, const struct span **out, size_t *n)
{
    TRY(want(list, J_ARR));
    struct span *s = ARENA_ARRAY(a, struct span, list->n);
    if (!s)
        return ERR_NOMEM;
    *out = s;
    for (const struct jval *e = list->child; e; e = e->next)
        TRY(text(e, a, &s[(*n)++]));
    return OK;
}

static enum err compile_windows(const struct jval *list, struct arena *a, struct context *c)
{
    c->has_windows = list != NULL;
    return list ? compile_texts(list, a, &c->windows, &c->n_windows) : OK;
}

static enum err nets_of(const struct jval *list, unsigned family, struct arena *a, struct ip *nets, size_t *n)
{
    struct span s;
    if (!list)
        return OK;
    TRY(want(list, J_ARR));
    for (const struct jval *e = list->child; e; e = e->next) {
        TRY(json_str(e, a, &s));
        if (ip_get(s, family, &nets[*n]) != OK)
            return ERR_TYPE;
        ++*n;
    }
    return OK;
}

static enum err compile_nets(const struct jval *acip, struct arena *a, struct context *c)
{
    if (!acip)
        return OK;
    TRY(want(acip, J_OBJ));
    const struct jval *four = JSON_GET(acip, "ipv4"), *six = JSON_GET(acip, "ipv6");
    struct ip *nets = ARENA_ARRAY(a, struct ip, (four ? four->n : 0) + (six ? six->n : 0));
    if (!nets)
        return ERR_NOMEM;
    c->has_nets = true;
    c->nets = nets;
    TRY(nets_of(four, 4, a, nets, &c->n_nets));
    return nets_of(six, 6, a, nets, &c->n_nets);
}

/* A circle can be judged when the originator's place is known; nobody knows the country that a point lies in. */
static enum err compile_region(const struct jval *aclr, struct context *c)
{
    if (!aclr)
        return OK;
    TRY(want(aclr, J_OBJ));
    c->has_region = true;
    c->has_circle = region_get(JSON_GET(aclr, "accr"), &c->circle) == OK;
    return OK;
}

static enum err compile_contexts(const struct jval *list, struct arena *a, struct rule_of *r)
{
    if (!list)
        return OK;
    TRY(want(list, J_ARR));
    struct context *c = ARENA_ARRAY(a, struct context, list->n);
    if (!c)
        return ERR_NOMEM;
    r->ctx = c;
    r->n_ctx = list->n;
    for (const struct jval *e = list->child; e; e = e->next, c++) {
        TRY(want(e, J_OBJ));
        const struct jval *actw = JSON_GET(e, "actw"), *acip = JSON_GET(e, "acip"), *aclr = JSON_GET(e, "aclr");
        TRY(compile_windows(actw, a, c));
        TRY(compile_nets(acip, a, c));
        TRY(compile_region(aclr, c));
        c->beyond = e->n != (actw ? 1u : 0u) + (acip ? 1u : 0u) + (aclr ? 1u : 0u); /* acui, acec, acl */
    }
    return OK;
}

static enum err compile_special(const struct jval *spty, struct arena *a, struct object *o)
{
    if (!spty)
        return OK;
    TRY(want(spty, J_OBJ));
    const struct jval *cnd = JSON_GET(spty, "cnd"), *mgd = JSON_GET(spty, "mgd");
    o->special = true;
    if (cnd)
        return text(cnd, a, &o->cnd);
    return mgd ? json_u64(mgd, UINT32_MAX, &o->mgd) : ERR_TYPE;
}

static enum err compile_objects(const struct jval *list, struct arena *a, struct rule_of *r)
{
    uint64_t v;
    if (!list)
        return OK;
    TRY(want(list, J_ARR));
    struct object *o = ARENA_ARRAY(a, struct object, list->n);
    if (!o)
        return ERR_NOMEM;
    r->obj = o;
    r->n_obj = list->n;
    for (const struct jval *e = list->child; e; e = e->next, o++) {
        TRY(want(e, J_OBJ));
        const struct jval *ty = JSON_GET(e, "ty"), *chty = JSON_GET(e, "chty");
        TRY(want(chty, J_ARR));
        uint32_t *children = ARENA_ARRAY(a, uint32_t, chty->n);
        if (!children)
            return ERR_NOMEM;
        o->children = children;
        for (const struct jval *c = chty->child; c; c = c->next) {
            TRY(json_u64(c, UINT32_MAX, &v));
            children[o->n_children++] = (uint32_t)v;
        }
        if (ty) {
            TRY(json_u64(ty, UINT32_MAX, &v));
            o->ty = (uint32_t)v;
        }
        TRY(compile_special(JSON_GET(e, "spty"), a, o));
    }
    return OK;
}

static enum err compile_rule(const struct jval *v, struct arena *a, struct rule_of *r)
{
    uint64_t ops;
    TRY(want(v, J_OBJ));
    TRY(compile_who(JSON_GET(v, "acor"), a, r));
    TRY(json_u64(JSON_GET(v, "acop"), 63, &ops));
    r->ops = (uint8_t)ops;
    TRY(compile_contexts(JSON_GET(v, "acco"), a, r));
    TRY(compile_objects(JSON_GET(v, "acod"), a, r));
    if (JSON_GET(v, "acaf"))
        TRY(json_bool(JSON_GET(v, "acaf"), &r->authenticated));
    r->partial = JSON_GET(v, "aca") != NULL;
    return r->partial ? compile_texts(JSON_GET(v, "aca"), a, &r->attrs, &r->n_attrs) : OK;
}

enum err acr_compile(const struct jval *pv, struct arena *a, const struct acr_set **out)
{
    *out = NULL;
    TRY(want(pv, J_OBJ));
    const struct jval *list = JSON_GET(pv, "acr");
    size_t n = 0;
    if (list)
        TRY(want(list, J_ARR));
    struct acr_set *s = ARENA_NEW(a, struct acr_set);
    struct rule_of *r = ARENA_ARRAY(a, struct rule_of, list ? list->n : 0);
    if (!s || !r)
        return ERR_NOMEM;
    for (const struct jval *e = list ? list->child : NULL; e; e = e->next)
        TRY(compile_rule(e, a, &r[n++]));
    *s = (struct acr_set){r, n};
    *out = s;
    return arena_ok(a) ? OK : ERR_NOMEM;
}

/* ---- evaluate ------------------------------------------------------------------------------------- */

/* `*` stands for any number of characters but '/' (TS-0003 7.1.3). */
static bool matches(struct span pattern, struct span s)
{
    size_t p = 0, i = 0, star = SIZE_MAX, from = 0;
    while (i < s.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            from = i;
        } else if (p < pattern.n && pattern.p[p] == s.p[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX && s.p[from] != '/') {
            p = star + 1;
            i = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

static bool our_sp(const struct acr_ask *q)
{
    return span_eq_nocase(q->who.sp, q->self->sp);
}

/* A pattern is compared with that form of the originator which has as many leading slashes as itself. */
static bool pattern_fits(struct span pattern, const struct acr_ask *q)
{
    uint8_t room[ID_MAX];
    struct buf b = BUF_ARRAY(room);
    const struct id *who = &q->who;
    if (pattern.p[0] != '/') {
        bool has_stem = who->kind == ID_OPAQUE || id_ours(who, q->self);
        return has_stem && matches(pattern, who->stem);
    }
    if (!span_starts(pattern, SPAN("//"))) {
        id_put_sp_relative(&b, who);
        return our_sp(q) && who->kind != ID_OPAQUE && b.e == OK && matches(pattern, buf_span(&b));
    }
    if (span_find(span_from(pattern, 2), '/') == pattern.n - 2)
        return matches(pattern, who->sp);
    id_put_absolute(&b, who);
    return who->kind != ID_OPAQUE && b.e == OK && matches(pattern, buf_span(&b));
}

/* A domain stands for everybody in it: "//demo.example" or "demo.example". */
static bool domain_fits(const struct span entry, const struct id *e, const struct acr_ask *q)
{
    if (q->who.kind == ID_BAD || q->who.kind == ID_OPAQUE)
        return false;
    if (e->kind == ID_SP)
        return span_eq_nocase(e->sp, q->who.sp);
    return e->kind == ID_OPAQUE && span_eq_nocase(entry, span_from(q->who.sp, 2));
}

static bool role_fits(const struct span entry, const struct acr_ask *q)
{
    for (size_t i = 0; i < q->n_roles; i++)
        if (span_eq(entry, q->roles[i]))
            return true;
    return false;
}

static enum acr_member fits(const struct originator *o, const struct acr_ask *q)
{
    if (o->kind == ENTRY_ALL)
        return ACR_MEMBER;
    if (!o->text.n)
        return ACR_NO_GROUP;
    if (o->kind == ENTRY_PATTERN)
        return pattern_fits(o->text, q) ? ACR_MEMBER : ACR_NO_GROUP;
    struct id e = id_parse(o->text, q->self);
    if (id_same(&e, &q->who) || domain_fits(o->text, &e, q) || role_fits(o->text, q))
        return ACR_MEMBER;
    return q->group ? q->group(q->ctx, o->text, &q->who) : ACR_NO_GROUP;
}

static bool in_circle(const struct region *circle, const struct acr_ask *q)
{
    double lat, lon;
    return q->place && q->place(q->ctx, &lat, &lon) && region_holds(circle, lat, lon);
}

static bool context_fits(const struct context *c, const struct acr_ask *q)
{
    bool window = !c->has_windows, net = !c->has_nets;
    for (size_t i = 0; i < c->n_windows && !window; i++)
        window = acr_schedule_now(c->windows[i], q->now);
    for (size_t i = 0; i < c->n_nets && !net; i++)
        net = ip_in(&c->nets[i], q->ip_family, q->ip);
    return window && net && !c->beyond && (!c->has_region || (c->has_circle && in_circle(&c->circle, q)));
}

static bool object_fits(const struct object *o, const struct acr_ask *q)
{
    if (o->ty && o->ty != q->ty)
        return false;
    if (o->special && !(q->special && q->special(q->ctx, o->cnd, o->mgd)))
        return false;
    for (size_t i = 0; i < o->n_children; i++)
        if (o->children[i] == q->child_ty)
            return true;
    return false;
}

/* Everything but the originator, which may be costly. */
static bool applies(const struct rule_of *r, const struct acr_ask *q)
{
    if (!(r->ops & q->op) || (r->authenticated && !q->authenticated))
        return false;
    bool ctx = r->n_ctx == 0, obj = r->n_obj == 0 || q->op != ACOP_CREATE;
    for (size_t i = 0; i < r->n_ctx && !ctx; i++)
        ctx = context_fits(&r->ctx[i], q);
    for (size_t i = 0; i < r->n_obj && !obj; i++)
        obj = object_fits(&r->obj[i], q);
    return ctx && obj;
}

static enum acr_answer originators(const struct rule_of *r, const struct acr_ask *q)
{
    for (size_t k = 0; k < r->n_who; k++) {
        enum acr_member m = fits(&r->who[k], q);
        if (m != ACR_NO_GROUP && m != ACR_NOT_MEMBER)
            return m == ACR_MEMBER ? ACR_PERMIT : ACR_REFUSE;
    }
    return ACR_DENY;
}

enum acr_answer acr_ask_set(const struct acr_set *s, const struct acr_ask *q)
{
    enum acr_answer answer = ACR_DENY;
    for (size_t i = 0; i < s->n && answer == ACR_DENY; i++)
        if (!s->r[i].partial && applies(&s->r[i], q))
            answer = originators(&s->r[i], q);
    return answer;
}

enum acr_answer acr_ask_attrs(const struct acr_set *s, const struct acr_ask *q,
                              void (*take)(void *ctx, struct span name), void *ctx)
{
    enum acr_answer any = ACR_DENY;
    for (size_t i = 0; i < s->n; i++) {
        const struct rule_of *r = &s->r[i];
        enum acr_answer say = r->partial && applies(r, q) ? originators(r, q) : ACR_DENY;
        if (say == ACR_REFUSE)
            return say;
        for (size_t k = 0; k < r->n_attrs && say == ACR_PERMIT; k++)
            take(ctx, r->attrs[k]);
        if (say == ACR_PERMIT)
            any = say;
    }
    return any;
}
