/* claims.c - roles and tokens that a request claims (TS-0003 7.3, TS-0001 9.6.38 and 9.6.39): what this CSE's own
 * <role> and <token> resources prove of them. */
#include "base/m2mtime.h"
#include "cse/access.h"

static bool named(struct span list, struct span name)
{
    for (struct span w = prim_word(&list); w.n; w = prim_word(&list))
        if (span_eq(w, name))
            return true;
    return false;
}

static bool before(const struct attrs *at, enum attr id, struct arena *a, int64_t now)
{
    int64_t t;
    return m2mtime_get(attrs_text(at, id, a), &t) == OK && t <= now;
}

/* For this originator and for now. */
static bool holds(struct run *r, const struct attrs *at)
{
    struct id holder = id_parse(attrs_text(at, AT_tkhd, r->a), &r->c->conf.self);
    int64_t end;
    return id_same(&holder, &r->q->from) && before(at, AT_tknb, r->a, r->now) &&
           m2mtime_get(attrs_text(at, AT_tkna, r->a), &end) == OK && end > r->now;
}

static bool for_us(struct run *r, const struct attrs *at)
{
    const struct jval *aud = attrs_get(at, AT_tkau);
    for (const struct jval *v = aud && aud->type == J_ARR ? aud->child : NULL; v; v = v->next)
        if (id_same_text(name_text(v, r->a), r->c->conf.self.csi, &r->c->conf.self))
            return true;
    return !aud;
}

static void add_role(struct claims *c, struct span role)
{
    if (role.n && c->n_roles < ROLES_MAX)
        c->roles[c->n_roles++] = role;
}

static void take_role(struct run *r, const struct attrs *at, struct claims *c)
{
    struct span id = attrs_text(at, AT_rlid, r->a);
    if (named(prim_text(r->q, PA_rids), id) && holds(r, at))
        add_role(c, id);
}

static void take_token(struct run *r, const struct attrs *at, struct claims *c)
{
    const struct jval *tkps = attrs_get(at, AT_tkps), *pm = JSON_GET(tkps, "pm");
    if (!named(prim_text(r->q, PA_tids), attrs_text(at, AT_tkid, r->a)) || !holds(r, at) || !for_us(r, at) ||
        c->n_tokens == TOKENS_MAX)
        return;
    if (tkps)
        c->tokens[c->n_tokens++] = tkps;
    for (const struct jval *p = pm && pm->type == J_ARR ? pm->child : NULL; p; p = p->next) {
        const struct jval *rids = JSON_GET(p, "rids");
        for (const struct jval *v = rids && !JSON_GET(p, "ris") ? rids->child : NULL; v; v = v->next)
            add_role(c, name_text(v, r->a));
    }
}

static enum err scan(struct run *r, uint32_t ty, void (*take)(struct run *r, const struct attrs *at, struct claims *c),
                     struct claims *c)
{
    struct rows page = {.more = true};
    size_t seen = 0;
    for (int64_t after = 0; page.more && seen < CLAIMS_SCAN; seen += page.n) {
        TRY(store_find(r->t, FIND_TYPE, ty, SPAN_NONE, after, PAGE, false, r->a, &page));
        if (!page.n)
            break;
        after = page.v[page.n - 1].rid;
        for (size_t i = 0; i < page.n; i++) {
            struct attrs at;
            if (page.v[i].et <= r->now)
                continue;
            TRY(name_attrs(&page.v[i], r->a, &at));
            take(r, &at, c);
        }
    }
    return OK;
}

enum err claims_of(struct run *r, const struct claims **out)
{
    *out = r->claims;
    if (r->claims || !(r->q->have & (PA_BIT(rids) | PA_BIT(tids))))
        return OK;
    struct claims *c = ARENA_NEW(r->a, struct claims);
    if (!c)
        return ERR_NOMEM;
    if (prim_has(r->q, PA_rids))
        TRY(scan(r, TY_ROL, take_role, c));
    if (prim_has(r->q, PA_tids))
        TRY(scan(r, TY_TK, take_token, c));
    *out = r->claims = c;
    return arena_ok(r->a) ? OK : ERR_NOMEM;
}
