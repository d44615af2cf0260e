/* labelq.c - label queries: reading them, and asking them of the labels of a resource. */
#include "m2m/labelq.h"

/* ---- reading ------------------------------------------------------------------------------------- */

struct reader {
    struct span rest;
    struct arena *a;
};

static void skip(struct reader *s)
{
    while (s->rest.n && s->rest.p[0] == ' ')
        s->rest = span_from(s->rest, 1);
}

static bool breaks(uint8_t c, bool in_list)
{
    return c == ' ' || c == '(' || c == ')' || (in_list && c == ',');
}

/* The next word; empty where a bracket or the end stands. */
static struct span word(struct reader *s, bool in_list)
{
    size_t n = 0;
    skip(s);
    while (n < s->rest.n && !breaks(s->rest.p[n], in_list))
        n++;
    struct span w = span_first(s->rest, n);
    s->rest = span_from(s->rest, n);
    return w;
}

static bool sign(struct reader *s, uint8_t c)
{
    skip(s);
    if (!s->rest.n || s->rest.p[0] != c)
        return false;
    s->rest = span_from(s->rest, 1);
    return true;
}

static enum err one_value(struct reader *s, struct span v, struct labelq_term *t)
{
    struct span *one = ARENA_NEW(s->a, struct span);
    if (!one)
        return ERR_NOMEM;
    if (!v.n)
        return ERR_SYNTAX;
    *one = v;
    t->v = one;
    t->n = 1;
    return OK;
}

/* "(v1, v2)" */
static enum err values(struct reader *s, struct labelq_term *t)
{
    struct span *v = ARENA_ARRAY(s->a, struct span, LABELQ_VALUES_MAX);
    if (!v)
        return ERR_NOMEM;
    if (!sign(s, '('))
        return ERR_SYNTAX;
    t->v = v;
    do {
        if (t->n == LABELQ_VALUES_MAX)
            return ERR_LIMIT;
        v[t->n] = word(s, true);
        if (!v[t->n++].n)
            return ERR_SYNTAX;
    } while (sign(s, ','));
    return sign(s, ')') ? OK : ERR_SYNTAX;
}

static enum err term(struct reader *s, struct labelq_term *t)
{
    static const struct {
        struct span word;
        uint8_t op;
        bool list;
    } ops[] = {{{(const uint8_t *)"EQ", 2}, LABELQ_IN, false},
               {{(const uint8_t *)"NE", 2}, LABELQ_OUT, false},
               {{(const uint8_t *)"IN", 2}, LABELQ_IN, true},
               {{(const uint8_t *)"NI", 2}, LABELQ_OUT, true}};
    *t = (struct labelq_term){.op = LABELQ_HAS, .key = word(s, false)};
    if (span_eq(t->key, SPAN("NT"))) {
        t->op = LABELQ_NOT;
        t->key = word(s, false);
        return t->key.n && span_find(t->key, ':') == t->key.n ? OK : ERR_SYNTAX;
    }
    size_t colon = span_find(t->key, ':');
    if (!t->key.n || colon == 0)
        return ERR_SYNTAX;
    if (colon < t->key.n) {
        struct span v = span_from(t->key, colon + 1);
        t->op = LABELQ_IN;
        t->key = span_first(t->key, colon);
        return one_value(s, v, t);
    }
    struct reader before = *s;
    struct span next = word(s, false);
    for (size_t i = 0; i < LEN(ops); i++)
        if (span_eq(next, ops[i].word)) {
            t->op = ops[i].op;
            return ops[i].list ? values(s, t) : one_value(s, word(s, false), t);
        }
    *s = before; /* the next expression */
    return OK;
}

enum err labelq_parse(struct span text, struct arena *a, struct labelq *out)
{
    struct reader s = {text, a};
    struct labelq_term *v = ARENA_ARRAY(a, struct labelq_term, LABELQ_TERMS_MAX);
    size_t n = 0;
    if (!v)
        return ERR_NOMEM;
    do {
        if (n == LABELQ_TERMS_MAX)
            return ERR_LIMIT;
        TRY(term(&s, &v[n++]));
        skip(&s);
    } while (s.rest.n);
    *out = (struct labelq){v, n};
    return OK;
}

/* ---- asking -------------------------------------------------------------------------------------- */

bool labelq_wild(struct span pattern, struct span text)
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

/* The label's value when it is one of that key: empty with p set when it is the key alone. */
static bool of_key(struct span label, struct span key, struct span *value)
{
    size_t colon = span_find(label, ':');
    *value = span_from(label, colon < label.n ? colon + 1 : colon);
    return span_eq(span_first(label, colon), key);
}

static bool holds(const struct labelq_term *t, const struct span *labels, size_t n)
{
    bool there = false, hit = false;
    for (size_t i = 0; i < n; i++) {
        struct span value;
        if (!of_key(labels[i], t->key, &value))
            continue;
        there = true;
        for (size_t k = 0; k < t->n && !hit; k++)
            hit = labelq_wild(t->v[k], value);
    }
    switch (t->op) {
    case LABELQ_HAS:
        return there;
    case LABELQ_NOT:
        return !there;
    case LABELQ_IN:
        return hit;
    default:
        return there && !hit;
    }
}

bool labelq_match(const struct labelq *q, const struct span *labels, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < q->n && !any; i++)
        any = holds(&q->v[i], labels, n);
    return any;
}
