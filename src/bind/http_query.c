/* http_query.c - the query component (TS-0009 6.2.2.2). */
#include "bind/http_part.h"

/* "cr", "c.cr" (of a child), "p.cr" (of the parent): conditions on attributes. */
static enum err condition(struct span name, struct span value, struct prim *p, struct arena *a)
{
    bool child = span_starts(name, SPAN("c.")), parent = span_starts(name, SPAN("p."));
    enum crit kind = child ? FC_catr : parent ? FC_patr : FC_atr;
    enum err e = prim_add_condition(p, kind, span_from(name, child || parent ? 2 : 0), value, a);
    if (e == ERR_NOTFOUND)
        p->bad = "a query argument is no parameter, no filter criterion and no attribute (TS-0009 6.2.2.2)";
    return e == ERR_NOTFOUND ? OK : e;
}

static enum err argument(struct span name, struct span value, struct prim *p, struct arena *a)
{
    enum param param = param_of_query(name);
    if (param != PA_NONE) {
        if (prim_has(p, param))
            p->bad = "a query argument is there twice (TS-0009 6.2.2.2)";
        prim_set(p, param, value);
        return OK;
    }
    enum crit kind = crit_of_query(name);
    if (kind != FC_NONE && kind != FC_atr && kind != FC_catr && kind != FC_patr)
        return prim_add(p, kind, AT_NONE, value, a);
    return condition(name, value, p, a);
}

static enum err decoded(struct span s, struct prim *p, struct arena *a, struct span *out)
{
    enum err e = bind_decode(s, true, a, out);
    if (e == ERR_SYNTAX)
        p->bad = "the query is not well encoded (RFC 3986 2.1)";
    return e == ERR_NOMEM ? e : OK;
}

enum err bind_query_read(struct span query, struct prim *p, struct arena *a)
{
    for (unsigned n = 0; query.n; n++) {
        struct span value = span_cut(&query, '&'), name = span_cut(&value, '=');
        if (!name.n && !value.n)
            continue;
        if (n == BIND_ARGS_MAX) {
            p->bad = "the query has more than 64 arguments";
            return OK;
        }
        TRY(decoded(name, p, a, &name));
        TRY(decoded(value, p, a, &value));
        TRY(argument(name, value, p, a));
    }
    return OK;
}

/* ---- writing -------------------------------------------------------------------------------------- */

static void one(struct buf *b, char *sign, const char *prefix, struct span name, struct span value)
{
    buf_c(b, (uint8_t)*sign);
    *sign = '&';
    buf_str(b, prefix);
    buf_put(b, name);
    buf_c(b, '=');
    bind_encode(b, value, true);
}

void bind_query_write(const struct prim *p, struct buf *b)
{
    char sign = '?';
    for (unsigned i = 1; i < PA__N; i++) {
        const struct param_row *row = param_row((enum param)i);
        if (row->place == IN_QUERY && prim_has(p, (enum param)i))
            one(b, &sign, "", row->http, p->raw[i]);
    }
    for (const struct arg *g = p->args; g; g = g->next) {
        if (!g->name.n)
            one(b, &sign, "", crit_name((enum crit)g->crit), g->value);
        else
            one(b, &sign, g->crit == FC_catr ? "c." : g->crit == FC_patr ? "p." : "", g->name, g->value);
    }
    size_t mark = span_find(p->raw[PA_to], '#');
    if (mark < p->raw[PA_to].n) /* a fragment is not sent: it becomes an argument */
        one(b, &sign, "", param_row(PA_atrl)->http, span_from(p->raw[PA_to], mark + 1));
}
