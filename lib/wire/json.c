#include "wire/json.h"

#include <string.h>

#include "wire/json_scan.h"
#include "wire/utf8.h"

/* ---- unescaping --------------------------------------------------------------------------------- */

static uint32_t hex4(const uint8_t *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i];
        v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return v;
}

/* Appends the value of a checked string text (without its quotes). */
static void unescape(struct buf *b, struct span s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    for (size_t i = 0; i < s.n;) {
        if (s.p[i] != '\\') {
            buf_c(b, s.p[i++]);
            continue;
        }
        uint8_t c = s.p[i + 1];
        if (c != 'u') {
            buf_c(b, (uint8_t)to[strchr(from, c) - from]);
            i += 2;
            continue;
        }
        uint32_t u = hex4(s.p + i + 2);
        i += 6;
        if (u >= 0xD800 && u <= 0xDBFF) {
            u = 0x10000 + ((u - 0xD800) << 10) + (hex4(s.p + i + 2) - 0xDC00);
            i += 6;
        }
        utf8_put(b, u);
    }
}

static enum err text_of(struct span inner, bool esc, struct arena *a, struct span *out)
{
    *out = inner;
    if (!esc)
        return OK;
    uint8_t *p = arena_alloc(a, inner.n); /* unescaping never lengthens */
    if (!p)
        return ERR_NOMEM;
    struct buf b = buf_over(p, inner.n);
    unescape(&b, inner);
    *out = buf_span(&b);
    return b.e;
}

static struct span inner(struct span quoted)
{
    return span_of(quoted.p + 1, quoted.n - 2);
}

/* ---- document ----------------------------------------------------------------------------------- */

/* Names are compared as written; when one of two has an escape, both are unescaped into the arena. */
static bool same_name(const struct jval *x, const struct jval *y, struct arena *a)
{
    if (!x->key_esc && !y->key_esc)
        return span_eq(x->key, y->key);
    struct span kx, ky;
    if (text_of(x->key, x->key_esc, a, &kx) != OK || text_of(y->key, y->key_esc, a, &ky) != OK)
        return false; /* the arena's overflow flag tells */
    return span_eq(kx, ky);
}

static bool doubled(const struct jval *v, struct arena *a)
{
    for (const struct jval *w = v->parent->child; w != v; w = w->next)
        if (same_name(v, w, a))
            return true;
    return false;
}

static enum err fail(struct jerr *why, enum err e, size_t at, const char *what)
{
    if (why)
        *why = (struct jerr){.e = e, .at = at, .what = what};
    return e;
}

/* State while a tree is built: the open container and the last child of each level. */
struct build {
    struct arena *a;
    struct jval *root, *open, *last[JSON_DEPTH_MAX + 1];
    struct jval pending; /* a member name that waits for its value */
};

static struct jval *add(struct build *t, uint8_t type, uint32_t depth)
{
    struct jval *v = ARENA_NEW(t->a, struct jval);
    if (!v)
        return NULL;
    *v = (struct jval){.type = type, .key = t->pending.key, .key_esc = t->pending.key_esc, .parent = t->open};
    t->pending = (struct jval){0};
    if (!t->open) {
        t->root = v;
        return v;
    }
    if (t->last[depth])
        t->last[depth]->next = v;
    else
        t->open->child = v;
    t->last[depth] = v;
    t->open->n++;
    return v;
}

static const uint8_t type_of_tok[] = {
    [JT_NULL] = J_NULL, [JT_BOOL] = J_BOOL, [JT_INT] = J_INT, [JT_FLOAT] = J_FLOAT,
    [JT_STR] = J_STR,   [JT_ARR] = J_ARR,   [JT_OBJ] = J_OBJ,
};

static enum err take(struct build *t, struct jscan *s, enum jtok tok, struct span raw, bool esc, struct jerr *why)
{
    size_t at = (size_t)(raw.p - s->text.p);
    if (tok == JT_KEY) {
        t->pending.key = inner(raw);
        t->pending.key_esc = esc;
        return OK;
    }
    if (tok == JT_END_ARR || tok == JT_END_OBJ) {
        t->open->raw = span_of(t->open->raw.p, (size_t)(raw.p + raw.n - t->open->raw.p));
        t->open = t->open->parent;
        return OK;
    }
    bool opens = tok == JT_ARR || tok == JT_OBJ;
    uint32_t depth = s->depth - (opens ? 1 : 0);
    struct jval *v = add(t, type_of_tok[tok], depth);
    if (!v)
        return fail(why, ERR_NOMEM, at, "the document needs more memory than its limit");
    v->raw = raw;
    v->esc = esc;
    if (v->parent && v->parent->n > JSON_MEMBERS_MAX)
        return fail(why, ERR_LIMIT, at, "more than 4096 members in one array or object");
    if (v->parent && v->parent->type == J_OBJ && doubled(v, t->a))
        return fail(why, ERR_TWICE, at, "a member appears twice");
    if (opens) {
        t->open = v;
        t->last[s->depth] = NULL;
    }
    return OK;
}

enum err json_parse(struct span text, struct arena *a, struct jval **out, struct jerr *why)
{
    struct jscan s;
    struct build t = {.a = a};
    *out = NULL;
    jscan_over(&s, text);
    for (;;) {
        enum jtok tok;
        struct span raw;
        bool esc;
        enum err e = jscan_next(&s, &tok, &raw, &esc);
        if (e != OK)
            return fail(why, e, s.why.at, s.why.what);
        if (tok == JT_EOF)
            break;
        TRY(take(&t, &s, tok, raw, esc, why));
    }
    if (!arena_ok(a))
        return fail(why, ERR_NOMEM, 0, "the document needs more memory than its limit");
    *out = t.root;
    return OK;
}

enum err json_check(struct span text, struct jerr *why)
{
    struct jscan s;
    jscan_over(&s, text);
    enum jtok tok = JT_NULL;
    while (tok != JT_EOF) {
        struct span raw;
        bool esc;
        enum err e = jscan_next(&s, &tok, &raw, &esc);
        if (e != OK)
            return fail(why, e, s.why.at, s.why.what);
    }
    return OK;
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* Compares a string text with a value, unescaping on the way: no memory. */
static bool text_is(struct span t, bool esc, struct span value)
{
    if (!esc)
        return span_eq(t, value);
    uint8_t piece[8];
    size_t at = 0;
    for (size_t i = 0; i < t.n;) {
        size_t k = 1;
        if (t.p[i] == '\\') {
            k = t.p[i + 1] == 'u' ? 6 : 2;
            if (k == 6 && (hex4(t.p + i + 2) & 0xFC00) == 0xD800)
                k = 12;
        }
        struct buf b = BUF_ARRAY(piece);
        unescape(&b, span_of(t.p + i, k));
        if (!span_starts(span_from(value, at), buf_span(&b)))
            return false;
        at += b.n;
        i += k;
    }
    return at == value.n;
}

struct jval *json_get(const struct jval *v, struct span name)
{
    if (!v || v->type != J_OBJ)
        return NULL;
    for (struct jval *m = v->child; m; m = m->next)
        if (text_is(m->key, m->key_esc, name))
            return m;
    return NULL;
}

struct jval *json_at(const struct jval *v, uint32_t i)
{
    struct jval *m = v && (v->type == J_ARR || v->type == J_OBJ) ? v->child : NULL;
    while (m && i-- > 0)
        m = m->next;
    return m;
}

enum err json_str(const struct jval *v, struct arena *a, struct span *out)
{
    if (!v || v->type != J_STR)
        return ERR_TYPE;
    return text_of(inner(v->raw), v->esc, a, out);
}

enum err json_key(const struct jval *v, struct arena *a, struct span *out)
{
    return text_of(v->key, v->key_esc, a, out);
}

bool json_is(const struct jval *v, struct span text)
{
    return v && v->type == J_STR && text_is(inner(v->raw), v->esc, text);
}

enum err json_u64(const struct jval *v, uint64_t max, uint64_t *out)
{
    if (!v || v->type != J_INT)
        return ERR_TYPE;
    if (v->raw.p[0] == '-')
        return ERR_RANGE;
    return span_u64(v->raw, max, out);
}

enum err json_i64(const struct jval *v, int64_t *out)
{
    if (!v || v->type != J_INT)
        return ERR_TYPE;
    bool minus = v->raw.p[0] == '-';
    uint64_t u;
    TRY(span_u64(span_from(v->raw, minus), (uint64_t)INT64_MAX + minus, &u));
    *out = minus ? (int64_t)(0 - u) : (int64_t)u;
    return OK;
}

/* Digits that a double cannot hold do not count. */
static double f64(struct span s)
{
    double v = 0, scale = 1;
    size_t i = s.p[0] == '-';
    int e = 0, shift = 0;
    for (bool dot = false; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++) {
        if (s.p[i] == '.') {
            dot = true;
        } else if (v < 1e17) {
            v = v * 10 + (s.p[i] - '0');
            shift -= dot;
        } else {
            shift += !dot;
        }
    }
    bool down = i + 1 < s.n && s.p[i + 1] == '-';
    for (i += 1; i < s.n; i++)
        if (s.p[i] >= '0' && s.p[i] <= '9' && e < 1000)
            e = e * 10 + (s.p[i] - '0');
    e = (down ? -e : e) + shift;
    for (int k = e < 0 ? -e : e; k > 0 && scale < 1e300; k--)
        scale *= 10;
    v = e < 0 ? v / scale : v * scale;
    return s.p[0] == '-' ? -v : v;
}

enum err json_f64(const struct jval *v, double *out)
{
    if (!v || (v->type != J_INT && v->type != J_FLOAT))
        return ERR_TYPE;
    *out = f64(v->raw);
    return OK;
}

enum err json_bool(const struct jval *v, bool *out)
{
    if (!v || v->type != J_BOOL)
        return ERR_TYPE;
    *out = v->raw.n == 4;
    return OK;
}
