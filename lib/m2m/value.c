/* value.c - is one value what its row asks for? */
#include "base/m2mtime.h"
#include "m2m/acr.h"
#include "m2m/check.h"
#include "m2m/grammar.h"
#include "m2m/ip.h"
#include "m2m/prim.h"

static const char *const says[] = {
    [VK_STRING] = "must be a string",
    [VK_NSTRING] = "must be a string that is not empty",
    [VK_NAME] = "must be a name: a letter or digit, then letters, digits, '-', '.', '_' (TS-0004 6.2.4)",
    [VK_TOKEN] =
        "must be a string that is not empty, without blanks at its ends or doubled, without control characters",
    [VK_NCNAME] = "must be the name of an attribute",
    [VK_URI] = "must be a URI or resource identifier",
    [VK_ID] = "must be an identifier",
    [VK_TIME] = "must be a time YYYYMMDDThhmmss that exists (TS-0004 6.3.3)",
    [VK_ABSREL] = "must be a time YYYYMMDDThhmmss or a number of milliseconds (TS-0004 6.3.3)",
    [VK_DURATION] = "must be a duration such as PT30S that is not negative (TS-0004 6.3.2)",
    [VK_UINT] = "must be a whole number inside its range",
    [VK_FLOAT] = "must be a number",
    [VK_BOOL] = "must be true or false",
    [VK_ENUM] = "must be one of the numbers that the enumeration has (TS-0004 6.3.4)",
    [VK_EVENTCAT] = "must be 2, 3, 4 or a number from 100 to 999",
    [VK_EVENTCATDEF] = "must be 0, 2, 3, 4 or a number from 100 to 999",
    [VK_DIGITS] = "must be a string of decimal digits",
    [VK_OBJECT] = "must be an object",
    [VK_APPID] = "must begin with N or R (TS-0001 7.1.3)",
    [VK_CNF] = "must be media/type:encoding[:security], encoding 0 to 2, security 0 to 5 (TS-0004 6.3.3)",
    [VK_SERIAL] = "must be json, xml, cbor or their media types",
    [VK_RELEASE] = "must be one of 1, 2, 2a, 3, 4, 5",
    [VK_SCHEDULE] = "must be a schedule entry of seven fields (TS-0004 7.4.9.1)",
    [VK_IPV4] = "must be an IPv4 address, with /prefix or without",
    [VK_IPV6] = "must be an IPv6 address, with /prefix or without",
    [VK_COUNTRY] = "must be two capital letters",
    [VK_BASE64] = "must be base64 with padding",
    [VK_ANY] = "must not be null",
    [VK_COMPLEX] = "must be an object",
};

static bool serialization(struct span s)
{
    if (span_starts(s, SPAN("application/")))
        s = span_from(s, 12);
    return span_eq(s, SPAN("json")) || span_eq(s, SPAN("xml")) || span_eq(s, SPAN("cbor"));
}

static bool app_id(struct span s)
{
    return s.n && (s.p[0] == 'N' || s.p[0] == 'R' || s.p[0] == 'r') && grammar_uri(s);
}

static bool digits(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

static bool text_fits(uint8_t kind, struct span s, const struct switches *sw)
{
    int64_t ms;
    struct ip ip;
    switch (kind) {
    case VK_STRING:
        return true;
    case VK_NSTRING:
        return s.n > 0;
    case VK_NAME:
        return check_resource_name(s);
    case VK_TOKEN:
        return check_token(s);
    case VK_NCNAME:
        return grammar_ncname(s);
    case VK_URI:
        return grammar_uri(s);
    case VK_ID:
        return grammar_uri(s) && s.n <= ID_MAX;
    case VK_TIME:
        return m2mtime_get(s, &ms) == OK;
    case VK_ABSREL:
        return grammar_absrel(s, 0, sw_open(sw, SW_duration_timestamps), &ms) == OK;
    case VK_DURATION:
        return check_duration(s, NULL);
    case VK_APPID:
        return app_id(s);
    case VK_CNF:
        return check_cnf(s);
    case VK_SERIAL:
        return serialization(s);
    case VK_RELEASE:
        return release_of(s) != REL_OTHER && s.n;
    case VK_SCHEDULE:
        return acr_schedule_valid(s, sw_open(sw, SW_schedule_years));
    case VK_IPV4:
        return ip_get(s, 4, &ip) == OK;
    case VK_IPV6:
        return ip_get(s, 6, &ip) == OK;
    case VK_COUNTRY:
        return s.n == 2 && s.p[0] >= 'A' && s.p[0] <= 'Z' && s.p[1] >= 'A' && s.p[1] <= 'Z';
    case VK_BASE64:
        return grammar_base64(s);
    case VK_DIGITS:
        return digits(s);
    default:
        return false;
    }
}

/* Texts of these kinds have a limit of their own; 0: the size of the request is their limit. */
static const struct {
    uint32_t max;
    const char *says;
} longest[VK_COMPLEX + 1] = {
    [VK_STRING] = {CHECK_TEXT_MAX, "is longer than 65536 octets"},
    [VK_NSTRING] = {CHECK_TEXT_MAX, "is longer than 65536 octets"},
    [VK_TOKEN] = {CHECK_TOKEN_MAX, "is longer than 4096 octets"},
    [VK_URI] = {CHECK_TOKEN_MAX, "is longer than 4096 octets"},
    [VK_NCNAME] = {CHECK_NAME_MAX, "is longer than 255 octets"},
    [VK_NAME] = {CHECK_NAME_MAX, "is longer than 255 octets"},
    [VK_ID] = {ID_MAX, "is longer than 400 octets"},
    [VK_APPID] = {CHECK_TOKEN_MAX, "is longer than 4096 octets"},
    [VK_CNF] = {CHECK_TOKEN_MAX, "is longer than 4096 octets"},
    [VK_DIGITS] = {CHECK_NAME_MAX, "is longer than 255 octets"},
};
_Static_assert(CHECK_TEXT_MAX == 65536 && CHECK_TOKEN_MAX == 4096 && CHECK_NAME_MAX == 255 && ID_MAX == 400,
               "the sentences above name the limits");

static const char *number_rule(const struct vdesc *d)
{
    if (d->kind == VK_UINT && d->hi == INT64_MAX)
        return d->lo ? "must be a whole number, 1 or more" : "must be a whole number, 0 or more";
    return says[d->kind];
}

/* Kinds that JSON writes as a number; true when this is one of them and *ok tells whether it fits. */
static bool number_fits(const struct vdesc *d, const struct jval *v, const struct switches *sw, bool *ok)
{
    int64_t i = 0;
    bool whole = json_i64(v, &i) == OK;
    switch (d->kind) {
    case VK_UINT:
        *ok = whole && i >= d->lo && i <= d->hi;
        return true;
    case VK_ENUM:
        *ok = whole && enum_name((enum enumeration)d->ref, i) != NULL;
        return true;
    case VK_EVENTCAT:
        *ok = whole && ((i >= 2 && i <= 4) || (i >= 100 && i <= 999));
        return true;
    case VK_EVENTCATDEF:
        *ok = whole && (i == 0 || (i >= 2 && i <= 4) || (i >= 100 && i <= 999));
        return true;
    case VK_FLOAT:
        *ok = v->type == J_INT || v->type == J_FLOAT;
        return true;
    case VK_ABSREL:
        *ok = whole;
        return v->type == J_INT;
    case VK_DURATION: /* switch 30: seconds */
        *ok = whole && i >= 0 && sw_open(sw, SW_batch_seconds);
        return v->type == J_INT;
    default:
        return false;
    }
}

static struct verdict bad(struct span name, const char *rule)
{
    return verdict_of(RSC_BAD_REQUEST, name, rule);
}

static struct span inside(struct span outer, struct span inner, struct arena *a)
{
    struct span path = arena_join(a, arena_join(a, outer, SPAN(".")), inner);
    return path.n ? path : outer;
}

static const struct member_row *member(const struct ctype_row *c, struct span name)
{
    for (size_t i = 0; i < c->n; i++)
        if (span_eq(c->m[i].sn, name))
            return &c->m[i];
    return NULL;
}

/* Switch 19: open deployments write the originator of an operationMonitor as `org`, too. */
static const struct member_row *other_spelling(const struct vdesc *d, struct span name, const struct switches *sw)
{
    if (d->ref == CT_operationMonitor && sw_open(sw, SW_monitor_by_number) && span_eq(name, SPAN("org")))
        return member(ctype_row(CT_operationMonitor), SPAN("or"));
    return NULL;
}

static struct verdict check_object(const struct vdesc *d, const struct jval *v, struct span name, struct arena *a,
                                   const struct switches *sw)
{
    const struct ctype_row *c = ctype_row((enum ctype)d->ref);
    uint64_t seen = 0;
    if (v->type != J_OBJ)
        return bad(name, says[VK_COMPLEX]);
    for (const struct jval *m = v->child; m; m = m->next) {
        struct span key;
        if (json_key(m, a, &key) != OK)
            return verdict_of(RSC_INTERNAL_SERVER_ERROR, name, "the request needs more memory than its limit");
        const struct member_row *row = member(c, key);
        if (!row)
            row = other_spelling(d, key, sw);
        if (!row)
            return bad(inside(name, key, a), "is no member of this type (TS-0004 6.3.5)");
        struct verdict in = check_value(&row->v, m, row->sn, a, sw);
        if (!verdict_go(in)) {
            in.attr = inside(name, in.attr, a);
            return in;
        }
        seen |= UINT64_C(1) << (row - c->m);
    }
    for (size_t i = 0; i < c->n; i++)
        if (c->m[i].need && !(seen >> i & 1))
            return bad(inside(name, c->m[i].sn, a), "is mandatory here (TS-0004 6.3.5)");
    return v->n < c->least ? bad(name, "needs at least one member (TS-0004 6.3.5)") : VERDICT_GO;
}

static struct verdict check_one(const struct vdesc *d, const struct jval *v, struct span name, struct arena *a,
                                const struct switches *sw)
{
    bool ok;
    struct span s;
    if (v->type == J_NULL)
        return bad(name, "must not be null");
    if (d->kind == VK_COMPLEX)
        return check_object(d, v, name, a, sw);
    if (d->kind == VK_ANY)
        return VERDICT_GO;
    if (d->kind == VK_OBJECT)
        return v->type == J_OBJ ? VERDICT_GO : bad(name, says[VK_OBJECT]);
    if (d->kind == VK_BOOL)
        return v->type == J_BOOL ? VERDICT_GO : bad(name, says[VK_BOOL]);
    if (number_fits(d, v, sw, &ok))
        return ok ? VERDICT_GO : bad(name, number_rule(d));
    if (v->type != J_STR)
        return bad(name, says[d->kind]);
    if (json_str(v, a, &s) != OK)
        return verdict_of(RSC_INTERNAL_SERVER_ERROR, name, "the request needs more memory than its limit");
    if (longest[d->kind].max && s.n > longest[d->kind].max)
        return bad(name, longest[d->kind].says);
    return text_fits(d->kind, s, sw) ? VERDICT_GO : bad(name, says[d->kind]);
}

struct verdict check_value(const struct vdesc *d, const struct jval *v, struct span name, struct arena *a,
                           const struct switches *sw)
{
    if (d->list == LIST_NO || (d->list == LIST_EITHER && v->type != J_ARR))
        return check_one(d, v, name, a, sw);
    if (v->type != J_ARR)
        return bad(name, "must be a list, even with one entry (TS-0004 8.4.2)");
    if (v->n < d->least)
        return bad(name, "must not be an empty list");
    for (const struct jval *e = v->child; e; e = e->next) {
        struct verdict in = check_one(d, e, name, a, sw);
        if (!verdict_go(in))
            return in;
    }
    return VERDICT_GO;
}
