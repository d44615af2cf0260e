/* check.c - representations for CREATE and UPDATE, in the standard's order. */
#include "m2m/check.h"

#include "base/m2mtime.h"
#include "m2m/check_type.h"
#include "m2m/grammar.h"

static struct verdict bad(enum attr a, const char *rule)
{
    return verdict_of(RSC_BAD_REQUEST, attr_row(a)->sn, rule);
}

static struct verdict no_memory(void)
{
    return verdict_of(RSC_INTERNAL_SERVER_ERROR, SPAN_NONE, "the request needs more memory than its limit");
}

/* ---- the root object ------------------------------------------------------------------------------ */

static struct verdict one_object(const struct check *c, const struct jval **root)
{
    if (!c->pc)
        return verdict_of(RSC_BAD_REQUEST, SPAN("pc"), "content is missing");
    if (c->pc->type != J_OBJ || c->pc->n != 1)
        return verdict_of(RSC_BAD_REQUEST, SPAN("pc"),
                          "content must be an object with exactly one member (TS-0004 8.4.2)");
    *root = c->pc->child;
    return VERDICT_GO;
}

static struct verdict root_object(const struct check *c, const struct type *t, const struct jval **root)
{
    struct verdict v = one_object(c, root);
    if (!verdict_go(v))
        return v;
    if ((*root)->key_esc || !span_eq((*root)->key, t->root))
        return verdict_of(RSC_BAD_REQUEST, (*root)->key,
                          "the content's root does not fit the resource type (TS-0004 7.3.3.3)");
    if ((*root)->type != J_OBJ)
        return verdict_of(RSC_BAD_REQUEST, (*root)->key, "must be an object");
    return VERDICT_GO;
}

/* The containerDefinition decides whether there is a schema, then the root must be that schema's. */
static struct verdict flex_container(const struct jval *root, const struct type **t, struct arena *a)
{
    struct span cnd;
    const struct jval *v = root->type == J_OBJ ? JSON_GET(root, "cnd") : NULL;
    if (!v || v->type != J_STR || json_str(v, a, &cnd) != OK)
        return *t != type_of(TY_FCNT) ? VERDICT_GO : verdict_of(RSC_BAD_REQUEST, SPAN("cnd"), "is mandatory on CREATE");
    const struct type *by_cnd = type_of_cnd(cnd);
    if (!by_cnd)
        return verdict_of(RSC_SPECIALIZATION_SCHEMA_NOT_FOUND, SPAN("cnd"),
                          "this CSE has no schema of that containerDefinition (TS-0004 7.4.37.2.1)");
    if (by_cnd != *t)
        return verdict_of(RSC_BAD_REQUEST, root->key,
                          "the content's root is not that of the containerDefinition (TS-0004 7.4.37)");
    return VERDICT_GO;
}

static struct verdict mgmt_object(const struct jval *root, const struct type *t)
{
    int64_t mgd;
    const struct jval *v = root->type == J_OBJ ? JSON_GET(root, "mgd") : NULL;
    if (v && json_i64(v, &mgd) == OK && mgd != t->mgd)
        return verdict_of(RSC_BAD_REQUEST, SPAN("mgd"), "is not that of the content's root (TS-0004 7.4.15)");
    return VERDICT_GO;
}

/* The root names the specialization: whose table holds for a CREATE? */
static struct verdict special_type(const struct check *c, const struct type **t, struct arena *a)
{
    const struct jval *root;
    bool flex = c->ty == TY_FCNT, mgmt = c->ty == TY_MGO;
    if (!flex && !mgmt && c->ty != TY_FCNT_A && c->ty != TY_MGO_A)
        return VERDICT_GO;
    struct verdict v = one_object(c, &root);
    if (!verdict_go(v))
        return v;
    const struct type *spec = type_spec(c->ty, root->key);
    *t = spec ? spec : *t;
    return flex ? flex_container(root, t, a) : mgmt ? mgmt_object(root, *t) : VERDICT_GO;
}

/* An attribute that no table has, where the type takes such: the same name twice is one slot. */
static bool extra(struct attrs *out, const struct jval *m)
{
    size_t i = out->t->n + 1u;
    if (!(out->t->flags & TF_OPEN) || !grammar_ncname(m->key))
        return false;
    while (i <= out->n && !span_eq(out->v[i]->key, m->key))
        i++;
    if (i >= ATTRS_MAX)
        return false;
    out->v[i] = m;
    if (i > out->n)
        out->n = (uint8_t)i;
    return true;
}

/* Sorts the members; *unknown is the first whose name no attribute of the type has. */
static bool sort(const struct jval *object, const struct type *t, struct arena *a, struct attrs *out,
                 struct span *unknown)
{
    *unknown = SPAN_NONE;
    *out = (struct attrs){.t = t, .n = t->n};
    for (const struct jval *m = object->child; m; m = m->next) {
        struct span key = m->key;
        if (m->key_esc && (!a || json_key(m, a, &key) != OK))
            return false;
        size_t slot = (size_t)(type_named(t, key) - t->own);
        if (slot)
            out->v[slot] = m;
        else if (!extra(out, m) && !unknown->p)
            *unknown = key;
    }
    return true;
}

void attrs_from(const struct jval *object, const struct type *t, struct attrs *out)
{
    struct span unknown;
    *out = (struct attrs){0};
    if (object && object->type == J_OBJ)
        (void)sort(object, t, NULL, out, &unknown);
}

const struct jval *attrs_named(const struct attrs *at, struct span name)
{
    size_t i = at->t ? (size_t)(type_named(at->t, name) - at->t->own) : 0;
    if (i || !at->t)
        return at->v[i];
    for (i = at->t->n + 1u; i <= at->n; i++)
        if (at->v[i] && span_eq(at->v[i]->key, name))
            return at->v[i];
    return NULL;
}

bool attr_set_named(const struct attr_set *s, struct span name)
{
    return s->t && s->bits >> (type_named(s->t, name) - s->t->own) & 1;
}

struct span attrs_text(const struct attrs *at, enum attr id, struct arena *a)
{
    struct span s;
    const struct jval *v = attrs_get(at, id);
    return v && json_str(v, a, &s) == OK ? s : SPAN_NONE;
}

/* ---- et and cr, which come first ------------------------------------------------------------------ */

static struct verdict expiration(const struct check *c, const struct attrs *at, struct arena *a)
{
    int64_t ms;
    const struct jval *et = attrs_get(at, AT_et);
    if (!et || et->type == J_NULL)
        return VERDICT_GO; /* null has its rule with the other attributes */
    struct verdict v = check_value(&attr_row(AT_et)->v, et, attr_row(AT_et)->sn, a, c->sw);
    if (!verdict_go(v))
        return v;
    if (m2mtime_get(attrs_text(at, AT_et, a), &ms) != OK || ms <= c->now)
        return bad(AT_et, "is in the past (TS-0004 7.3.3.3)");
    return VERDICT_GO;
}

static struct verdict creator(const struct type *t, const struct jval *object, const struct attrs *at)
{
    if (type_rule(t, AT_cr)->create == P_ABSENT && JSON_GET(object, "cr"))
        return bad(AT_cr, "this type has no creator attribute (TS-0004 7.3.3.3)");
    if (attrs_get(at, AT_cr) && attrs_get(at, AT_cr)->type != J_NULL)
        return bad(AT_cr, "may only be sent as null, then the CSE stores the originator (TS-0004 7.3.3.3)");
    return VERDICT_GO;
}

/* ---- attribute by attribute ----------------------------------------------------------------------- */

static struct verdict refused(const struct rule *r, const char *rule)
{
    return verdict_of(RSC_BAD_REQUEST, r->row->sn, rule);
}

static struct verdict lacking(const struct rule *r)
{
    return verdict_of(RSC_NOT_IMPLEMENTED, r->row->sn,
                      "is an attribute that this CSE does not support (TS-0004 7.3.3.3)");
}

static struct verdict create_attribute(const struct check *c, const struct rule *r, const struct attrs *at,
                                       const struct jval *v, struct arena *a)
{
    if (!v)
        return r->create == P_M && !check_type_spares(c, (enum attr)r->at, at) ? refused(r, "is mandatory on CREATE")
                                                                               : VERDICT_GO;
    if (r->create == P_LACKS)
        return lacking(r);
    if (r->create == P_NP)
        return refused(r, "is given by the CSE and not permitted on CREATE");
    if (r->at == AT_cr)
        return VERDICT_GO;
    if (v->type == J_NULL)
        return refused(r, "must not be null on CREATE (TS-0004 8.4.2)");
    return check_value(&r->row->v, v, r->row->sn, a, c->sw);
}

static struct verdict update_attribute(const struct check *c, const struct rule *r, const struct jval *v,
                                       struct arena *a)
{
    if (!v)
        return VERDICT_GO;
    if (r->update == P_LACKS)
        return lacking(r);
    if ((r->sw && sw_open(c->sw, (enum sw)r->sw) ? r->open : r->update) == P_NP)
        return refused(r, "is not permitted on UPDATE");
    if (v->type == J_NULL)
        return r->one && r->at != AT_et ? refused(r, "is always there and cannot be removed (TS-0004 7.3.3.7)")
                                        : VERDICT_GO;
    return check_value(&r->row->v, v, r->row->sn, a, c->sw);
}

/* ---- CREATE --------------------------------------------------------------------------------------- */

static struct verdict create_type(const struct check *c, const struct type *t)
{
    if (type_in_only(c->ty) && c->role != ROLE_IN)
        return verdict_of(RSC_OPERATION_NOT_ALLOWED, SPAN("ty"),
                          "this resource type exists only on an IN-CSE (TS-0004 7.3.3.3)");
    if (!t)
        return verdict_of(RSC_NOT_IMPLEMENTED, SPAN("ty"),
                          "this CSE does not host this resource type (TS-0004 7.3.3.3)");
    if (t->flags & TF_NO_CREATE || (c->ty == TY_CSR && c->role == ROLE_ASN))
        return verdict_of(RSC_OPERATION_NOT_ALLOWED, SPAN("ty"),
                          "this resource type cannot be created by a request here (TS-0004 7.4)");
    if (!type_child(c->parent_ty, c->ty)) {
        if (c->ty == TY_SUB)
            return verdict_of(RSC_TARGET_NOT_SUBSCRIBABLE, SPAN("ty"),
                              "this resource cannot have a subscription (TS-0004 7.4.8.2.1)");
        return verdict_of(RSC_INVALID_CHILD_RESOURCE_TYPE, SPAN("ty"),
                          "the target cannot have a child of this type (TS-0004 7.3.3.3)");
    }
    return VERDICT_GO;
}

static struct verdict extras(const struct attrs *at)
{
    for (size_t i = at->t->n + 1u; i <= at->n; i++)
        if (at->v[i]->type == J_NULL)
            return verdict_of(RSC_BAD_REQUEST, at->v[i]->key, "must not be null on CREATE (TS-0004 8.4.2)");
    return VERDICT_GO;
}

static struct verdict reserved_name(const struct check *c, const struct attrs *at, struct arena *a)
{
    struct span rn = attrs_text(at, AT_rn, a);
    if (rn.n && type_reserved(c->parent_ty, rn))
        return verdict_of(RSC_OPERATION_NOT_ALLOWED, attr_row(AT_rn)->sn,
                          "is the name of a virtual resource here (TS-0001 table 6.8-1)");
    return VERDICT_GO;
}

struct verdict check_create(const struct check *c, struct arena *a, struct attrs *out)
{
    const struct type *t = type_of(c->ty);
    const struct jval *root;
    struct span unknown;
    *out = (struct attrs){0};
    struct verdict v = create_type(c, t);
    if (verdict_go(v))
        v = special_type(c, &t, a);
    if (verdict_go(v))
        v = root_object(c, t, &root);
    if (!verdict_go(v))
        return v;
    if (!sort(root, t, a, out, &unknown))
        return no_memory();
    v = expiration(c, out, a);
    if (verdict_go(v))
        v = creator(t, root, out);
    if (verdict_go(v) && unknown.p)
        v = verdict_of(RSC_BAD_REQUEST, unknown, "is no attribute of this resource type (TS-0004 7.3.3.3)");
    for (size_t i = 1; verdict_go(v) && i <= t->n; i++)
        v = create_attribute(c, &t->own[i], out, out->v[i], a);
    if (verdict_go(v))
        v = extras(out);
    if (verdict_go(v))
        v = reserved_name(c, out, a);
    if (verdict_go(v))
        v = check_type_rules(c, NULL, out, out, a);
    return verdict_go(v) && !arena_ok(a) ? no_memory() : v;
}

/* ---- UPDATE --------------------------------------------------------------------------------------- */

/* The policies of a resource are changed under another right (pvs), hence never together with anything else. */
static struct verdict acpi_alone(const struct attrs *at)
{
    if (!attrs_get(at, AT_acpi))
        return VERDICT_GO;
    for (size_t i = 1; i <= at->n; i++)
        if (i != at->t->slot[AT_acpi] && at->v[i])
            return bad(AT_acpi, "must be the only attribute of its UPDATE (TS-0001 9.6.1.3.2)");
    return VERDICT_GO;
}

/* Extra attributes are left out: no rule looks at them. */
static void merge(const struct attrs *old, const struct attrs *new, struct attrs *out)
{
    *out = (struct attrs){.t = new->t, .n = new->t->n};
    for (size_t i = 1; i <= out->n; i++) {
        const struct jval *n = new->v[i];
        out->v[i] = !n ? old && old->t ? old->v[i] : NULL : n->type == J_NULL ? NULL : n;
    }
}

struct verdict check_update(const struct check *c, const struct attrs *old, struct arena *a, struct attrs *out)
{
    const struct type *t = c->type ? c->type : type_of(c->ty);
    const struct jval *root;
    struct span unknown;
    static const struct attrs none;
    struct attrs merged;
    *out = (struct attrs){0};
    if (!t || t->flags & (TF_NO_UPDATE | TF_VIRTUAL))
        return verdict_of(RSC_OPERATION_NOT_ALLOWED, SPAN_NONE,
                          "a resource of this type is never updated by a request (TS-0004 7.4)");
    struct verdict v = root_object(c, t, &root);
    if (!verdict_go(v))
        return v;
    if (!sort(root, t, a, out, &unknown))
        return no_memory();
    v = expiration(c, out, a);
    if (verdict_go(v) && unknown.p)
        v = verdict_of(RSC_BAD_REQUEST, unknown, "is no attribute of this resource type (TS-0004 7.3.3.4)");
    for (size_t i = 1; verdict_go(v) && i <= t->n; i++)
        v = update_attribute(c, &t->own[i], out->v[i], a);
    if (verdict_go(v))
        v = acpi_alone(out);
    if (verdict_go(v)) {
        merge(old, out, &merged);
        v = check_type_rules(c, old ? old : &none, out, &merged, a);
    }
    return verdict_go(v) && !arena_ok(a) ? no_memory() : v;
}

/* ---- content size --------------------------------------------------------------------------------- */

/* Octets of UTF-8 that an escape stands for; a pair of surrogates comes as two calls, 4 and 0. */
static size_t escaped(const uint8_t *p, size_t *used)
{
    unsigned u = 0;
    *used = 2;
    if (p[1] != 'u')
        return 1;
    *used = 6;
    for (int i = 2; i < 6; i++)
        u = u << 4 | (p[i] <= '9' ? p[i] - (unsigned)'0' : (p[i] | 32u) - 'a' + 10u);
    if (u >= 0xD800 && u <= 0xDFFF)
        return u < 0xDC00 ? (size_t)4 : 0;
    return u < 0x80 ? 1u : u < 0x800 ? 2u : 3u;
}

size_t check_content_size(const struct jval *con)
{
    size_t n = 0, used;
    if (con->type == J_STR && !con->esc)
        return con->raw.n - 2;
    if (con->type == J_STR) {
        for (size_t i = 1; i + 1 < con->raw.n; i += used) {
            used = 1;
            n += con->raw.p[i] == '\\' ? escaped(con->raw.p + i, &used) : (size_t)1;
        }
        return n;
    }
    bool inside = false;
    for (size_t i = 0; i < con->raw.n; i++) {
        uint8_t ch = con->raw.p[i];
        if (!inside && (ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r'))
            continue;
        n++;
        if (inside && ch == '\\') {
            i++;
            n++;
        } else if (ch == '"') {
            inside = !inside;
        }
    }
    return n;
}
