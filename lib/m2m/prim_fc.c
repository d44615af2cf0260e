/* prim_fc.c - filterCriteria (TS-0004 6.3.5.8, TS-0009 6.2.2.2): from arguments as they came to typed values. */
#include "base/m2mtime.h"
#include "m2m/grammar.h"
#include "m2m/prim_part.h"

static struct verdict bad(enum crit id, const char *rule)
{
    return verdict_of(RSC_BAD_REQUEST, crit_name(id), rule);
}

/* ---- scalars -------------------------------------------------------------------------------------- */

struct scalar {
    uint8_t crit, width; /* octets of the field */
    uint16_t at;         /* where it stands in struct fc */
    uint64_t lo, hi;
};
#define SCALAR(id, lo, hi)                                                                                             \
    {                                                                                                                  \
        FC_##id, sizeof((struct fc){0}.id), offsetof(struct fc, id), lo, hi                                            \
    }
static const struct scalar scalars[] = {
    SCALAR(fu, 1, 4),          SCALAR(fo, 1, 3),           SCALAR(cfs, 1, 1),           SCALAR(gmty, 1, 6),
    SCALAR(gsf, 1, 3),         SCALAR(lim, 0, UINT32_MAX), SCALAR(ofst, 1, UINT32_MAX), SCALAR(lvl, 1, UINT32_MAX),
    SCALAR(sts, 1, INT64_MAX), SCALAR(stb, 0, INT64_MAX),  SCALAR(sza, 0, INT64_MAX),   SCALAR(szb, 1, INT64_MAX),
};
static const struct scalar moments[] = {
    SCALAR(crb, 0, 0), SCALAR(cra, 0, 0), SCALAR(ms, 0, 0), SCALAR(us, 0, 0), SCALAR(exb, 0, 0), SCALAR(exa, 0, 0),
};
static const struct scalar texts[] = {
    SCALAR(cfq, 0, 0),
    SCALAR(arp, 0, 0),
    SCALAR(geom, 0, 0),
    SCALAR(aq, 0, 0),
};

static const struct scalar *row(const struct scalar *rows, size_t n, unsigned crit)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].crit == crit)
            return &rows[i];
    return NULL;
}

static void store(struct fc *fc, const struct scalar *s, uint64_t v)
{
    uint8_t *p = (uint8_t *)fc + s->at;
    if (s->width == 1)
        *p = (uint8_t)v;
    else if (s->width == 4)
        *(uint32_t *)(void *)p = (uint32_t)v;
    else
        *(uint64_t *)(void *)p = v;
}

/* A criterion with one value; false when it is none of these. */
static bool scalar(struct fc *fc, const struct arg *g, struct verdict *v)
{
    uint64_t number;
    int64_t ms;
    const struct scalar *s;
    *v = VERDICT_GO;
    if ((s = row(scalars, LEN(scalars), g->crit))) {
        if (span_u64(g->value, s->hi, &number) != OK || number < s->lo)
            *v = bad((enum crit)g->crit, "must be a whole number inside its range (TS-0004 6.3.5.8)");
        else
            store(fc, s, number);
    } else if ((s = row(moments, LEN(moments), g->crit))) {
        if (m2mtime_get(g->value, &ms) != OK)
            *v = bad((enum crit)g->crit, "must be a time YYYYMMDDThhmmss that exists (TS-0004 6.3.3)");
        else
            store(fc, s, (uint64_t)ms);
    } else if ((s = row(texts, LEN(texts), g->crit))) {
        if (!g->value.n)
            *v = bad((enum crit)g->crit, "must not be empty");
        else
            *(struct span *)(void *)((uint8_t *)fc + s->at) = g->value;
    } else {
        return false;
    }
    if (verdict_go(*v) && fc->have >> g->crit & 1)
        *v = bad((enum crit)g->crit, "is there twice");
    return true;
}

/* ---- lists ---------------------------------------------------------------------------------------- */

/* Words of all arguments of one criterion, in order: "ty=2+3" and "ty=2&ty=3" are the same. */
static struct verdict collect(const struct arg *args, enum crit id, struct arena *a, struct strings *out)
{
    size_t n = 0, at = 0;
    for (const struct arg *g = args; g; g = g->next)
        if (g->crit == id) {
            n++;
            for (size_t i = 0; i < g->value.n; i++)
                n += g->value.p[i] == ' ';
        }
    struct span *v = ARENA_ARRAY(a, struct span, n);
    if (!v)
        return prim_no_memory();
    for (const struct arg *g = args; g; g = g->next) {
        struct span rest = g->value;
        for (bool more = g->crit == id; more; more = rest.p != NULL) {
            v[at] = span_cut(&rest, ' ');
            if (!v[at++].n)
                return bad(id, "has an empty value");
        }
    }
    *out = (struct strings){v, n};
    return VERDICT_GO;
}

static struct verdict numbers(const struct strings *s, enum crit id, struct arena *a, struct numbers *out)
{
    uint32_t *v = ARENA_ARRAY(a, uint32_t, s->n);
    if (!v)
        return prim_no_memory();
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        uint64_t number;
        bool twice = false;
        if (span_u64(s->v[i], 65535, &number) != OK || !type_known((unsigned)number))
            return bad(id, "names no resource type (TS-0004 6.3.4.2.1)");
        for (size_t k = 0; k < n; k++)
            twice |= v[k] == number;
        if (!twice)
            v[n++] = (uint32_t)number;
    }
    *out = (struct numbers){v, n};
    return VERDICT_GO;
}

static struct verdict list(struct fc *fc, const struct prim *p, enum crit id, struct arena *a)
{
    struct strings s = {NULL, 0};
    struct verdict v = collect(p->args, id, a, &s);
    if (!verdict_go(v))
        return v;
    switch (id) {
    case FC_ty:
        return numbers(&s, id, a, &fc->ty);
    case FC_chty:
        return numbers(&s, id, a, &fc->chty);
    case FC_pty:
        return numbers(&s, id, a, &fc->pty);
    case FC_lbl:
        fc->lbl = s;
        return v;
    case FC_clbl:
        fc->clbl = s;
        return v;
    case FC_palb:
        fc->palb = s;
        return v;
    case FC_cty:
        fc->cty = s;
        return v;
    default:
        fc->smf = s;
        return v;
    }
}

/* ---- expressions --------------------------------------------------------------------------------- */

/* Label queries of all arguments, one behind the other. */
static struct verdict label_query(struct fc *fc, const struct arg *args, struct arena *a)
{
    struct span text = SPAN_NONE;
    for (const struct arg *g = args; g; g = g->next)
        if (g->crit == FC_lbq)
            text = text.n ? arena_join(a, arena_join(a, text, SPAN(" ")), g->value) : g->value;
    if (!arena_ok(a))
        return prim_no_memory();
    switch (labelq_parse(text, a, &fc->lbq)) {
    case OK:
        return VERDICT_GO;
    case ERR_NOMEM:
        return prim_no_memory();
    case ERR_LIMIT:
        return bad(FC_lbq, "has more than 32 expressions or 64 values");
    default:
        return bad(FC_lbq, "must be KEY, NT KEY, KEY EQ V, KEY NE V, KEY IN (V, ...) or KEY NI (V, ...) "
                           "(TS-0004 6.3.5.8)");
    }
}

/* Geometry type, coordinates and function go only together. */
static struct verdict geometry(struct fc *fc, struct arena *a)
{
    uint64_t geo = FC_BIT(gmty) | FC_BIT(geom) | FC_BIT(gsf);
    if ((fc->have & geo) != geo)
        return bad(FC_geom, "gmty, geom and gsf go only together");
    switch (geo_parse(fc->gmty, fc->geom, a, &fc->geo)) {
    case OK:
        return VERDICT_GO;
    case ERR_NOMEM:
        return prim_no_memory();
    case ERR_LIMIT:
        return bad(FC_geom, "has more than 100 points");
    default:
        return bad(FC_geom, "must be the coordinates of its geometry type (RFC 7946)");
    }
}

/* ---- attribute conditions ------------------------------------------------------------------------- */

/* These have criteria of their own (TS-0004 6.3.5.8). */
static bool has_criterion(enum attr a)
{
    return a == AT_ct || a == AT_lt || a == AT_st || a == AT_et || a == AT_lbl || a == AT_ty || a == AT_cs ||
           a == AT_cnf;
}

static struct verdict condition(struct fc *fc, const struct arg *g, struct arena *a)
{
    if (has_criterion((enum attr)g->attr))
        return verdict_of(RSC_BAD_REQUEST, attr_row((enum attr)g->attr)->sn,
                          "cannot be an attribute condition; it has a criterion of its own (TS-0004 6.3.5.8)");
    struct condition *c = ARENA_NEW(a, struct condition);
    if (!c)
        return prim_no_memory();
    *c = (struct condition){.next = fc->cond, .crit = g->crit, .attr = g->attr, .name = g->name, .value = g->value};
    fc->cond = c;
    return VERDICT_GO;
}

/* contentFilterQuery, a JSONPath. */
static struct verdict content_query(struct fc *fc, struct arena *a)
{
    switch (jsonpath_parse(fc->cfq, a, &fc->path)) {
    case OK:
        return VERDICT_GO;
    case ERR_NOMEM:
        return prim_no_memory();
    case ERR_LIMIT:
        return bad(FC_cfq, "has more than 32 steps");
    default:
        return bad(FC_cfq, "must be a JSONPath of names, indexes, wildcards and comparisons (RFC 9535)");
    }
}

/* What needs all arguments at once. */
static struct verdict together(struct fc *fc, const struct prim *p, struct arena *a)
{
    struct verdict v = VERDICT_GO;
    if (fc->have & (FC_BIT(gmty) | FC_BIT(geom) | FC_BIT(gsf)))
        v = geometry(fc, a);
    if (verdict_go(v) && fc->have & FC_BIT(lbq))
        v = label_query(fc, p->args, a);
    if (verdict_go(v) && !(fc->have & FC_BIT(cfq)) != !(fc->have & FC_BIT(cfs)))
        v = bad(FC_cfq, "cfs and cfq go only together");
    if (verdict_go(v) && fc->have & FC_BIT(cfq))
        v = content_query(fc, a);
    return v;
}

struct verdict prim_criteria(struct prim *p, struct arena *a)
{
    struct fc *fc = ARENA_NEW(a, struct fc);
    struct verdict v = VERDICT_GO;
    if (!fc)
        return prim_no_memory();
    fc->fo = 1;
    p->fc = fc;
    for (const struct arg *g = p->args; g && verdict_go(v); g = g->next) {
        uint64_t bit = UINT64_C(1) << g->crit;
        if (g->crit == FC_atr || g->crit == FC_catr || g->crit == FC_patr)
            v = condition(fc, g, a);
        else if (g->crit != FC_lbq && !scalar(fc, g, &v) && !(fc->have & bit))
            v = list(fc, p, (enum crit)g->crit, a);
        fc->have |= bit;
    }
    return verdict_go(v) ? together(fc, p, a) : v;
}
