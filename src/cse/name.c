/* name.c - identifiers and texts that are made of a row's numbers. */
#include <string.h>

#include "base/m2mtime.h"
#include "cse/inside.h"

/* ---- a growing buffer over an arena ------------------------------------------------------------- */

enum { TEXT_FIRST = 128 }; /* most are short; long ones double */

static enum err text_grow(struct buf *b, size_t need)
{
    struct text *t = (struct text *)b;
    size_t cap = b->cap ? b->cap : TEXT_FIRST;
    while (cap < need)
        cap *= 2;
    uint8_t *p = arena_alloc(t->a, cap);
    if (!p)
        return ERR_NOMEM;
    if (b->n)
        memcpy(p, b->p, b->n);
    b->p = p;
    b->cap = cap;
    return OK;
}

void text_init(struct text *t, struct arena *a)
{
    *t = (struct text){.b = {.grow = text_grow, .max = STORE_BODY_MAX * 2}, .a = a};
}

/* ---- rid as text -------------------------------------------------------------------------------- */

enum { RID_DIGITS = 13 }; /* of 2^63 in base 36 */

static void put_rid(struct buf *b, int64_t rid)
{
    uint8_t d[RID_DIGITS];
    size_t k = sizeof d;
    uint64_t v = (uint64_t)rid;
    do {
        d[--k] = (uint8_t) "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
        v /= 36;
    } while (v > 0);
    buf_put(b, span_of(d + k, sizeof d - k));
}

bool name_rid(struct span text, int64_t *rid)
{
    if (text.n == 0 || text.n > RID_DIGITS || text.p[0] == '0')
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')) || v > INT64_MAX / 36)
            return false;
        v = v * 36 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *rid = (int64_t)v;
    return v <= INT64_MAX;
}

void name_put_ri(struct buf *b, const struct row *r)
{
    if (r->alias.n && r->ty != TY_CSR)
        buf_put(b, r->alias);
    else
        put_rid(b, r->rid);
}

/* "cin" of "m2m:cin". */
static struct span short_root(const struct type *t)
{
    return span_from(t->root, span_find(t->root, ':') + 1);
}

void name_put_rn(struct buf *b, const struct row *r)
{
    if (r->rn.n) {
        buf_put(b, r->rn);
        return;
    }
    const struct type *t = type_of_row(r);
    buf_put(b, t ? short_root(t) : SPAN("x"));
    buf_c(b, '-');
    put_rid(b, r->rid);
}

bool name_derived(struct span rn, int64_t *rid)
{
    size_t at = span_rfind(rn, '-');
    return at < rn.n && name_rid(span_from(rn, at + 1), rid);
}

struct span name_sp_relative(const struct cse *c, const struct row *r, struct arena *a)
{
    struct text t;
    text_init(&t, a);
    buf_put(&t.b, c->conf.self.csi);
    buf_c(&t.b, '/');
    name_put_ri(&t.b, r);
    return buf_span(&t.b);
}

enum err name_path(struct store_tx *t, const struct row *r, struct arena *a, struct span *out)
{
    struct name {
        struct name *below;
        struct text text;
    } *top = NULL;
    for (struct row at = *r;;) {
        struct name *n = ARENA_NEW(a, struct name);
        if (!n)
            return ERR_NOMEM;
        text_init(&n->text, a);
        name_put_rn(&n->text.b, &at);
        n->below = top;
        top = n;
        if (at.pid == 0)
            break;
        TRY(store_get(t, at.pid, a, &at));
    }
    struct text path;
    text_init(&path, a);
    for (struct name *n = top; n; n = n->below) {
        buf_put(&path.b, buf_span(&n->text.b));
        if (n->below)
            buf_c(&path.b, '/');
    }
    *out = buf_span(&path.b);
    return path.b.e;
}

/* ---- other texts -------------------------------------------------------------------------------- */

struct span name_time(int64_t ms, struct arena *a)
{
    uint8_t p[40];
    struct buf b = BUF_ARRAY(p);
    m2mtime_put_us(&b, ms);
    return arena_dup(a, buf_span(&b));
}

struct span name_time_s(int64_t ms, struct arena *a)
{
    uint8_t p[40];
    struct buf b = BUF_ARRAY(p);
    m2mtime_put(&b, ms);
    return arena_dup(a, buf_span(&b));
}

struct span name_json(struct span s, struct arena *a)
{
    struct text t;
    text_init(&t, a);
    struct jw w = jw_over(&t.b);
    jw_str(&w, s);
    return buf_span(&t.b);
}

struct span name_text(const struct jval *v, struct arena *a)
{
    struct span s;
    return v && json_str(v, a, &s) == OK ? s : SPAN_NONE;
}

enum err name_parse(struct span body, struct arena *a, const struct jval **out)
{
    struct jval *v = NULL;
    enum err e = json_parse(body, a, &v, NULL);
    *out = v;
    return e;
}

enum err name_attrs(const struct row *r, struct arena *a, struct attrs *out)
{
    const struct jval *v;
    memset(out, 0, sizeof *out);
    TRY(name_parse(r->body, a, &v));
    attrs_from(v, type_of_row(r), out);
    return OK;
}

enum err name_with(struct span body, struct span name, struct span json, struct arena *a, struct span *out)
{
    const struct jval *v;
    struct text t;
    bool there = false;
    TRY(name_parse(body, a, &v));
    text_init(&t, a);
    struct jw w = jw_over(&t.b);
    jw_obj(&w);
    for (v = v->child; v; v = v->next) {
        bool it = span_eq(v->key, name);
        there |= it;
        if (it && !json.n)
            continue;
        jw_name(&w, v->key);
        jw_raw(&w, it ? json : v->raw);
    }
    if (!there && json.n) {
        jw_name(&w, name);
        jw_raw(&w, json);
    }
    jw_end_obj(&w);
    *out = buf_span(&t.b);
    return t.b.e;
}

struct span name_fresh(struct cse *c, const char *prefix, struct arena *a)
{
    struct text t;
    uint8_t salt[8];
    c->w.entropy(c->w.ctx, salt, sizeof salt);
    text_init(&t, a);
    buf_str(&t.b, prefix);
    for (size_t i = 0; i < sizeof salt; i++)
        buf_fmt(&t.b, "%02x", salt[i]);
    return buf_span(&t.b);
}
