/* seal_queue.c - what waits for the TTP, in the small state: durable with the transaction of its cause. */
#include "cse/seal_own.h"

static struct span entry_key(uint8_t text[64], uint64_t n)
{
    struct buf b = buf_over(text, 64);
    buf_str(&b, "seal/q/");
    buf_u64(&b, n);
    return buf_span(&b);
}

enum err seal_queue_span(struct store_tx *t, struct arena *a, uint64_t *first, uint64_t *next)
{
    struct span v;
    *first = *next = 0;
    enum err e = store_state_get(t, SPAN("seal/q"), a, &v);
    if (e == ERR_NOTFOUND)
        return OK;
    TRY(e);
    if (v.n != 16)
        return ERR_IO;
    *first = seal_be64(v.p);
    *next = seal_be64(v.p + 8);
    return OK;
}

static enum err put_span(struct store_tx *t, uint64_t first, uint64_t next)
{
    uint8_t text[16];
    struct buf b = BUF_ARRAY(text);
    buf_be64(&b, first);
    buf_be64(&b, next);
    return store_state_put(t, SPAN("seal/q"), buf_span(&b));
}

static struct span take(struct span *rest, size_t n)
{
    struct span s = span_first(*rest, n);
    *rest = span_from(*rest, n);
    return s;
}

static struct span take_text(struct span *rest)
{
    struct span n = take(rest, 2);
    return n.n == 2 ? take(rest, (size_t)n.p[0] << 8 | n.p[1]) : SPAN_NONE;
}

enum err seal_queue_get(struct store_tx *t, struct arena *a, uint64_t n, struct seal_letter *out)
{
    uint8_t key[64];
    struct span v;
    TRY(store_state_get(t, entry_key(key, n), a, &v));
    struct span ms = take(&v, 8);
    *out = (struct seal_letter){.n = n};
    out->ms = ms.n == 8 ? (int64_t)seal_be64(ms.p) : 0;
    out->ttp = take_text(&v);
    out->policy = take_text(&v);
    out->text = v;
    return out->text.n ? OK : ERR_IO;
}

static void put_text(struct buf *b, struct span s)
{
    buf_c(b, (uint8_t)(s.n >> 8));
    buf_c(b, (uint8_t)s.n);
    buf_put(b, s);
}

enum err seal_queue_put(struct store_tx *t, struct arena *a, const struct seal_letter *l)
{
    uint8_t key[64];
    uint64_t first, next;
    size_t room = 8 + 4 + l->ttp.n + l->policy.n + l->text.n;
    uint8_t *text = (uint8_t *)arena_alloc(a, room);
    if (!text)
        return ERR_NOMEM;
    struct buf b = buf_over(text, room);
    buf_be64(&b, (uint64_t)l->ms);
    put_text(&b, l->ttp);
    put_text(&b, l->policy);
    buf_put(&b, l->text);
    TRY(b.e);
    TRY(seal_queue_span(t, a, &first, &next));
    TRY(store_state_put(t, entry_key(key, next), buf_span(&b)));
    return put_span(t, first, next + 1);
}

enum err seal_queue_done(struct store_tx *t, struct arena *a, uint64_t n)
{
    uint8_t key[64];
    uint64_t first, next;
    struct seal_letter l;
    TRY(store_state_drop(t, entry_key(key, n)));
    TRY(seal_queue_span(t, a, &first, &next));
    uint64_t was = first;
    enum err e = ERR_NOTFOUND;
    while (first < next && (e = seal_queue_get(t, a, first, &l)) == ERR_NOTFOUND)
        first++;
    if (e != OK && e != ERR_NOTFOUND)
        return e;
    return first == was ? OK : put_span(t, first, next);
}
