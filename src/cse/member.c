/* member.c - groups and AE resources in accessControlOriginators (TS-0001 9.6.2.1). */
#include "cse/access.h"

/* The originator's own resource here, by which a member list may name it. */
struct own {
    struct row row;
    struct span rn, ri; /* empty: it has no resource here */
};

static void find_own(struct run *r, const struct id *who, struct own *o)
{
    struct text rn, ri;
    *o = (struct own){.rn = SPAN_NONE};
    enum err e = who->kind == ID_CSE              ? find_cse(r, who->cse, &o->row)
                 : id_ours(who, &r->c->conf.self) ? find_ae(r, who->stem, &o->row)
                                                  : ERR_NOTFOUND;
    if (e != OK)
        return;
    text_init(&rn, r->a);
    text_init(&ri, r->a);
    name_put_rn(&rn.b, &o->row);
    name_put_ri(&ri.b, &o->row);
    o->rn = buf_span(&rn.b);
    o->ri = buf_span(&ri.b);
}

/* AEs and remoteCSEs stand directly below the CSEBase: one name, or one identifier. */
static bool names_own(struct run *r, struct span text, const struct own *o)
{
    struct addr at;
    const char *why;
    if (!o->ri.n || addr_parse(text, &r->c->conf.self, &r->c->conf.sw, &at, &why) != OK || at.where != ADDR_HERE)
        return false;
    return at.structured ? span_eq(at.names, o->rn) : !at.names.n && span_eq(at.id, o->ri);
}

bool member_listed(struct run *r, const struct jval *mid, const struct id *who)
{
    struct own own;
    bool looked = false;
    for (const struct jval *v = mid && mid->type == J_ARR ? mid->child : NULL; v; v = v->next) {
        struct span text = name_text(v, r->a);
        struct id m = id_parse(text, &r->c->conf.self);
        if (id_same(&m, who))
            return true;
        if (!looked)
            find_own(r, who, &own);
        looked = true;
        if (names_own(r, text, &own))
            return true;
    }
    return false;
}

static enum acr_member in_group(struct run *r, const struct row *group, const struct id *who)
{
    struct attrs at;
    if (name_attrs(group, r->a, &at) != OK)
        return ACR_GROUP_UNKNOWN;
    return member_listed(r, attrs_get(&at, AT_mid), who) ? ACR_MEMBER : ACR_NOT_MEMBER;
}

enum acr_member member_of(struct run *r, struct span entry, const struct id *who)
{
    struct row row;
    enum err e = find_text(r, entry, &row);
    if (e == ERR_UNREACHABLE)
        return consult_group(r, entry, who);
    if (e != OK)
        return ACR_NO_GROUP;
    if (row.ty == TY_GRP)
        return in_group(r, &row, who);
    if (row.ty != TY_AE)
        return ACR_NO_GROUP;
    struct id ae = id_parse(row.alias, &r->c->conf.self);
    return id_same(&ae, who) ? ACR_MEMBER : ACR_NOT_MEMBER;
}
