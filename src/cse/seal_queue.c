/* seal_queue.c - what waits for the TTP, in the small state: durable with the transaction of its cause. */
#include "cse/seal_own.h"
#include "cse/seal_rows.h"

#define QUEUE SPAN("seal/q")

enum err seal_queue_span(struct store_tx *t, struct arena *a, uint64_t *first, uint64_t *next)
{
    return seal_rows_span(t, a, QUEUE, first, next);
}

enum err seal_queue_get(struct store_tx *t, struct arena *a, uint64_t n, struct seal_letter *out)
{
    uint8_t key[SEAL_ROW_KEY];
    struct span v;
    TRY(store_state_get(t, seal_rows_key(key, QUEUE, n), a, &v));
    struct span ms = seal_take(&v, 8);
    *out = (struct seal_letter){.n = n};
    out->ms = ms.n == 8 ? (int64_t)seal_be64(ms.p) : 0;
    out->ttp = seal_text_take(&v);
    out->policy = seal_text_take(&v);
    out->text = v;
    return out->text.n ? OK : ERR_IO;
}

enum err seal_queue_put(struct store_tx *t, struct arena *a, const struct seal_letter *l)
{
    uint8_t key[SEAL_ROW_KEY];
    uint64_t n;
    size_t room = 8 + 4 + l->ttp.n + l->policy.n + l->text.n;
    uint8_t *text = (uint8_t *)arena_alloc(a, room);
    if (!text)
        return ERR_NOMEM;
    struct buf b = buf_over(text, room);
    buf_be64(&b, (uint64_t)l->ms);
    seal_text_put(&b, l->ttp);
    seal_text_put(&b, l->policy);
    buf_put(&b, l->text);
    TRY(b.e);
    TRY(seal_rows_next(t, a, QUEUE, &n));
    return store_state_put(t, seal_rows_key(key, QUEUE, n), buf_span(&b));
}

enum err seal_queue_done(struct store_tx *t, struct arena *a, uint64_t n)
{
    return seal_rows_drop(t, a, QUEUE, n);
}
