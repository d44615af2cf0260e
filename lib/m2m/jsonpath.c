/* jsonpath.c - reading paths and following them. */
#include "m2m/jsonpath.h"

/* ---- reading ------------------------------------------------------------------------------------- */

struct reader {
    struct span rest;
    struct arena *a;
};

static bool take(struct reader *s, struct span what)
{
    if (!span_starts(s->rest, what))
        return false;
    s->rest = span_from(s->rest, what.n);
    return true;
}
#define TAKE(s, lit) take((s), SPAN(lit))

static void skip(struct reader *s)
{
    while (TAKE(s, " ")) {
    }
}

static bool in_name(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c >= 0x80;
}

static struct span name(struct reader *s)
{
    size_t n = 0;
    while (n < s->rest.n && in_name(s->rest.p[n]))
        n++;
    struct span w = span_first(s->rest, n);
    s->rest = span_from(s->rest, n);
    return w;
}

/* 'text' or "text", without escapes. */
static enum err quoted(struct reader *s, struct span *out)
{
    uint8_t mark = s->rest.p[0];
    struct span rest = span_from(s->rest, 1);
    size_t n = span_find(rest, mark);
    *out = span_first(rest, n);
    if (n == rest.n || span_find(*out, '\\') < out->n)
        return ERR_SYNTAX;
    s->rest = span_from(rest, n + 1);
    return OK;
}

static bool at_quote(const struct reader *s)
{
    return s->rest.n && (s->rest.p[0] == '\'' || s->rest.p[0] == '"');
}

/* What a filter compares with, as a JSON value. */
static enum err literal(struct reader *s, const struct jval **out)
{
    struct span text;
    struct jval *v = NULL;
    if (at_quote(s)) {
        TRY(quoted(s, &text));
        text = arena_join(s->a, arena_join(s->a, SPAN("\""), text), SPAN("\""));
    } else {
        size_t n = span_find(s->rest, ')');
        text = span_first(s->rest, n);
        while (text.n && text.p[text.n - 1] == ' ')
            text.n--;
        s->rest = span_from(s->rest, n);
    }
    if (!arena_ok(s->a))
        return ERR_NOMEM;
    enum err e = json_parse(text, s->a, &v, NULL);
    *out = v;
    if (e == OK && (v->type == J_ARR || v->type == J_OBJ))
        e = ERR_SYNTAX;
    return e == OK || e == ERR_NOMEM ? e : ERR_SYNTAX;
}

static enum err steps(struct reader *s, bool filters, struct jsonpath *out);

/* ?(@.a.b < 5) */
static enum err filter(struct reader *s, struct jsonpath_step *t)
{
    static const struct {
        struct span sign;
        uint8_t op;
    } ops[] = {{{(const uint8_t *)"==", 2}, '='}, {{(const uint8_t *)"!=", 2}, '!'}, {{(const uint8_t *)"<=", 2}, 'l'},
               {{(const uint8_t *)">=", 2}, 'g'}, {{(const uint8_t *)"<", 1}, '<'},  {{(const uint8_t *)">", 1}, '>'}};
    t->kind = JP_FILTER;
    skip(s);
    if (!TAKE(s, "@"))
        return ERR_SYNTAX;
    TRY(steps(s, false, &t->at));
    skip(s);
    for (size_t i = 0; i < LEN(ops) && !t->op; i++)
        if (take(s, ops[i].sign))
            t->op = ops[i].op;
    if (t->op) {
        skip(s);
        TRY(literal(s, &t->with));
        skip(s);
    }
    return TAKE(s, ")") ? OK : ERR_SYNTAX;
}

/* Behind "[": up to "]". */
static enum err bracket(struct reader *s, bool filters, struct jsonpath_step *t)
{
    uint64_t index;
    if (TAKE(s, "*")) {
        t->kind = JP_ANY;
    } else if (at_quote(s)) {
        t->kind = JP_NAME;
        TRY(quoted(s, &t->name));
    } else if (TAKE(s, "?(")) {
        if (!filters)
            return ERR_SYNTAX;
        TRY(filter(s, t));
    } else {
        t->kind = JP_INDEX;
        struct span digits = span_first(s->rest, span_find(s->rest, ']'));
        if (span_u64(digits, UINT32_MAX, &index) != OK)
            return ERR_SYNTAX;
        t->index = (uint32_t)index;
        s->rest = span_from(s->rest, digits.n);
    }
    return TAKE(s, "]") ? OK : ERR_SYNTAX;
}

static enum err one(struct reader *s, bool filters, struct jsonpath_step *t)
{
    *t = (struct jsonpath_step){.kind = JP_NAME};
    if (TAKE(s, "["))
        return bracket(s, filters, t);
    t->deep = TAKE(s, "..");
    if (!t->deep && !TAKE(s, "."))
        return ERR_SYNTAX;
    if (TAKE(s, "*")) {
        t->kind = JP_ANY;
        return OK;
    }
    if (t->deep && TAKE(s, "["))
        return bracket(s, filters, t);
    t->name = name(s);
    return t->name.n ? OK : ERR_SYNTAX;
}

static enum err steps(struct reader *s, bool filters, struct jsonpath *out)
{
    struct jsonpath_step *v = ARENA_ARRAY(s->a, struct jsonpath_step, JSONPATH_STEPS_MAX);
    size_t n = 0;
    if (!v)
        return ERR_NOMEM;
    while (s->rest.n && (s->rest.p[0] == '.' || s->rest.p[0] == '[')) {
        if (n == JSONPATH_STEPS_MAX)
            return ERR_LIMIT;
        TRY(one(s, filters, &v[n++]));
    }
    *out = (struct jsonpath){v, n};
    return OK;
}

enum err jsonpath_parse(struct span text, struct arena *a, struct jsonpath *out)
{
    struct reader s = {text, a};
    if (!TAKE(&s, "$"))
        return ERR_SYNTAX;
    TRY(steps(&s, true, out));
    return s.rest.n ? ERR_SYNTAX : OK;
}

/* ---- following ----------------------------------------------------------------------------------- */

/* Less 0, equal, more; 2: the two cannot be compared. */
static int compare(const struct jval *v, const struct jval *w)
{
    double x, y;
    if (json_f64(v, &x) == OK && json_f64(w, &y) == OK)
        return x < y ? -1 : x > y;
    if (v->type != w->type)
        return 2;
    if (v->type == J_STR && !v->esc)
        return span_cmp(span_first(span_from(v->raw, 1), v->raw.n - 2), span_first(span_from(w->raw, 1), w->raw.n - 2));
    return span_eq(v->raw, w->raw) ? 0 : 2;
}

static bool meets(const struct jsonpath_step *t, const struct jval *v)
{
    int c = compare(v, t->with);
    switch (t->op) {
    case '=':
        return c == 0;
    case '!':
        return c != 0;
    case '<':
        return c == -1;
    case 'l':
        return c == -1 || c == 0;
    case '>':
        return c == 1;
    default:
        return c == 1 || c == 0;
    }
}

static bool follow(const struct jsonpath_step *t, size_t n, const struct jval *v, const struct jsonpath_step *end);

/* At the end of the path: of a filter what stands there has to meet it. */
static bool goes_on(const struct jsonpath_step *t, size_t n, const struct jval *v, const struct jsonpath_step *end)
{
    if (n == 0)
        return !end || !end->op || meets(end, v);
    return follow(t, n, v, end);
}

static bool fits(const struct jsonpath_step *t, const struct jval *k, uint32_t at, bool object)
{
    switch (t->kind) {
    case JP_NAME:
        return object && span_eq(k->key, t->name);
    case JP_INDEX:
        return !object && at == t->index;
    case JP_ANY:
        return true;
    default:
        return goes_on(t->at.v, t->at.n, k, t);
    }
}

/* Recursion goes down with the steps, or with the content, which is JSON_DEPTH_MAX deep at most. */
static bool follow(const struct jsonpath_step *t, size_t n, const struct jval *v, const struct jsonpath_step *end)
{
    bool hit = false, object = v->type == J_OBJ;
    uint32_t at = 0;
    if (!object && v->type != J_ARR)
        return false;
    for (const struct jval *k = v->child; k && !hit; k = k->next, at++) {
        hit = fits(t, k, at, object) && goes_on(t + 1, n - 1, k, end);
        if (!hit && t->deep)
            hit = follow(t, n, k, end);
    }
    return hit;
}

bool jsonpath_selects(const struct jsonpath *p, const struct jval *v)
{
    return goes_on(p->v, p->n, v, NULL);
}
