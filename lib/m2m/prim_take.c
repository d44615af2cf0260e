/* prim_take.c - primitives from JSON objects: what prim_json.c writes. */
#include "m2m/prim_json.h"

enum { ARGS_MAX = 64 }; /* criteria of one request, as in a query */

static enum param param_named(struct span name)
{
    for (unsigned i = 1; i < PA__N; i++)
        if (span_eq(param_row((enum param)i)->sn, name))
            return (enum param)i;
    return PA_NONE;
}

/* ---- responses ------------------------------------------------------------------------------------- */

static enum err take_member(const struct jval *v, struct arena *a, struct prim *out)
{
    struct span name, text = v->raw;
    TRY(json_key(v, a, &name));
    enum param id = param_named(name);
    if (id == PA_NONE || id == PA_op)
        return OK; /* nothing of a response that is known here */
    if (id == PA_pc) {
        out->pc = v->raw;
        out->ser = SER_JSON;
        return OK;
    }
    if (v->type == J_STR)
        TRY(json_str(v, a, &text));
    if (id == PA_rsc && v->type != J_INT)
        return ERR_SYNTAX;
    prim_set(out, id, text);
    return OK;
}

enum err prim_take_response(const struct jval *v, struct arena *a, struct prim *out)
{
    prim_init(out);
    if (!v || v->type != J_OBJ)
        return ERR_SYNTAX;
    for (const struct jval *m = v->child; m; m = m->next)
        TRY(take_member(m, a, out));
    return verdict_go(prim_read_response(out)) && out->raw[PA_rqi].n ? OK : ERR_SYNTAX;
}

/* ---- requests -------------------------------------------------------------------------------------- */

static enum err bad(struct prim *p, const char *why)
{
    if (!p->bad)
        p->bad = why;
    return OK;
}

/* A text, number or truth value as it stands on the wire of HTTP. */
static enum err simple(const struct jval *v, struct arena *a, struct prim *p, struct span *out)
{
    *out = v->raw;
    if (v->type == J_STR)
        return json_str(v, a, out);
    return v->type == J_NULL || v->type == J_ARR || v->type == J_OBJ
               ? bad(p, "a parameter of the primitive has a value of another type (TS-0004 8.4.2)")
               : OK;
}

/* A list as one text. */
static enum err joined(const struct jval *v, uint8_t separator, struct arena *a, struct prim *p, struct span *out)
{
    size_t room = 0;
    for (const struct jval *c = v->child; c; c = c->next)
        room += c->raw.n + 1;
    uint8_t *at = arena_alloc(a, room);
    if (!at)
        return ERR_NOMEM;
    struct buf b = buf_over(at, room);
    for (const struct jval *c = v->child; c; c = c->next) {
        struct span word;
        TRY(simple(c, a, p, &word));
        if (c != v->child)
            buf_c(&b, separator);
        buf_put(&b, word);
    }
    *out = buf_span(&b);
    return b.e;
}

static enum err take_rt(const struct jval *v, struct arena *a, struct prim *p)
{
    struct span text;
    const struct jval *rtv = JSON_GET(v, "rtv"), *nu = JSON_GET(v, "nu");
    if (!rtv || (nu && nu->type != J_ARR))
        return bad(p, "rt must be {rtv, nu} (TS-0004 6.3.5.33)");
    TRY(simple(rtv, a, p, &text));
    prim_set(p, PA_rt, text);
    if (!nu)
        return OK;
    TRY(joined(nu, '&', a, p, &text));
    prim_set(p, PA_rtu, text);
    return OK;
}

static enum err take_condition(const struct jval *v, enum crit c, struct arena *a, struct prim *p)
{
    struct span name, value;
    const struct jval *nm = JSON_GET(v, "nm"), *val = JSON_GET(v, "val");
    if (!nm || nm->type != J_STR || !val)
        return bad(p, "an attribute condition is {nm, val} (TS-0004 6.3.5.8)");
    TRY(json_str(nm, a, &name));
    TRY(simple(val, a, p, &value));
    enum err e = prim_add_condition(p, c, name, value, a);
    return e == ERR_NOTFOUND ? bad(p, "a condition names no attribute (TS-0004 6.3.5.8)") : e;
}

static enum err take_value(const struct jval *v, enum crit c, struct arena *a, struct prim *p)
{
    struct span value;
    if (c == FC_atr || c == FC_catr || c == FC_patr)
        return take_condition(v, c, a, p);
    TRY(simple(v, a, p, &value));
    return prim_add(p, c, AT_NONE, value, a);
}

static enum err take_fc(const struct jval *v, struct arena *a, struct prim *p)
{
    unsigned n = 0;
    if (v->type != J_OBJ)
        return bad(p, "fc must be an object (TS-0004 6.3.5.8)");
    for (const struct jval *m = v->child; m; m = m->next) {
        struct span name;
        TRY(json_key(m, a, &name));
        enum crit c = crit_of_query(name);
        if (c == FC_NONE)
            return bad(p, "fc has a member that is no filter criterion (TS-0004 6.3.5.8)");
        n += m->type == J_ARR ? m->n : 1;
        if (n > ARGS_MAX)
            return bad(p, "fc has more than 64 criteria");
        if (m->type != J_ARR)
            TRY(take_value(m, c, a, p));
        for (const struct jval *e = m->type == J_ARR ? m->child : NULL; e; e = e->next)
            TRY(take_value(e, c, a, p));
    }
    return OK;
}

static enum err take_param(const struct jval *v, enum param id, struct arena *a, struct prim *p)
{
    struct span text;
    bool tokens = id == PA_tkns || id == PA_aus;
    if (v->type == J_ARR)
        TRY(joined(v, tokens ? '+' : ' ', a, p, &text));
    else
        TRY(simple(v, a, p, &text));
    prim_set(p, id, text);
    return OK;
}

static enum err take_request_member(const struct jval *v, struct arena *a, struct prim *p)
{
    struct span name;
    uint64_t op;
    TRY(json_key(v, a, &name));
    if (span_eq(name, SPAN("fc")))
        return take_fc(v, a, p);
    switch (param_named(name)) {
    case PA_NONE:
    case PA_rsc:
    case PA_rtu:
        return bad(p, "a member is no parameter of a request (TS-0004 6.4.1)");
    case PA_op:
        if (json_u64(v, OP__N - 1, &op) == OK)
            p->op = (uint8_t)op; /* otherwise it stays none, which prim_read refuses */
        return OK;
    case PA_pc:
        p->pc = v->raw;
        p->ser = SER_JSON;
        return OK;
    case PA_rt:
        return take_rt(v, a, p);
    default:
        return take_param(v, param_named(name), a, p);
    }
}

enum err prim_take_request(const struct jval *v, struct arena *a, struct prim *out)
{
    prim_init(out);
    if (!v || v->type != J_OBJ)
        return ERR_SYNTAX;
    for (const struct jval *m = v->child; m; m = m->next)
        TRY(take_request_member(m, a, out));
    return OK;
}
