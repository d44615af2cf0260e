#include "cse/seal_rows.h"

#include "base/code.h"

enum err seal_rows_span(struct store_tx *t, struct arena *a, struct span name, uint64_t *first, uint64_t *next)
{
    struct span v;
    *first = *next = 0;
    enum err e = store_state_get(t, name, a, &v);
    if (e == ERR_NOTFOUND)
        return OK;
    TRY(e);
    if (v.n != 16)
        return ERR_IO;
    *first = seal_be64(v.p);
    *next = seal_be64(v.p + 8);
    return OK;
}

static enum err put_span(struct store_tx *t, struct span name, uint64_t first, uint64_t next)
{
    uint8_t text[16];
    struct buf b = BUF_ARRAY(text);
    buf_be64(&b, first);
    buf_be64(&b, next);
    return store_state_put(t, name, buf_span(&b));
}

struct span seal_rows_key(uint8_t text[SEAL_ROW_KEY], struct span name, uint64_t n)
{
    struct buf b = buf_over(text, SEAL_ROW_KEY);
    buf_put(&b, name);
    buf_c(&b, '/');
    buf_u64(&b, n);
    return buf_span(&b);
}

enum err seal_rows_next(struct store_tx *t, struct arena *a, struct span name, uint64_t *n)
{
    uint64_t first;
    TRY(seal_rows_span(t, a, name, &first, n));
    return put_span(t, name, first, *n + 1);
}

enum err seal_rows_drop(struct store_tx *t, struct arena *a, struct span name, uint64_t n)
{
    uint8_t key[SEAL_ROW_KEY];
    uint64_t first, next;
    struct span v;
    TRY(store_state_drop(t, seal_rows_key(key, name, n)));
    TRY(seal_rows_span(t, a, name, &first, &next));
    uint64_t was = first;
    enum err e = ERR_NOTFOUND;
    while (first < next && (e = store_state_get(t, seal_rows_key(key, name, first), a, &v)) == ERR_NOTFOUND)
        first++;
    if (e != OK && e != ERR_NOTFOUND)
        return e;
    return first == was ? OK : put_span(t, name, first, next);
}

void seal_text_put(struct buf *b, struct span s)
{
    buf_c(b, (uint8_t)(s.n >> 8));
    buf_c(b, (uint8_t)s.n);
    buf_put(b, s);
}

struct span seal_take(struct span *rest, size_t n)
{
    struct span s = span_first(*rest, n);
    *rest = span_from(*rest, n);
    return s;
}

struct span seal_text_take(struct span *rest)
{
    struct span n = seal_take(rest, 2);
    return n.n == 2 ? seal_take(rest, (size_t)n.p[0] << 8 | n.p[1]) : SPAN_NONE;
}
