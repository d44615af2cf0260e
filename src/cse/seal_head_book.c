/* Records of epochs that are not closed, in the small state (seal_head.h). */
#include <string.h>

#include "base/code.h"
#include "cse/seal_head.h"
#include "cse/seal_rows.h"

#define BOOK SPAN("seal/h")

/* ---- their numbers ---------------------------------------------------------------------------------- */

enum err seal_book_span(struct store_tx *t, struct arena *a, uint64_t *first, uint64_t *next)
{
    return seal_rows_span(t, a, BOOK, first, next);
}

/* ---- one ---------------------------------------------------------------------------------------------- */

enum err seal_book_put(struct store_tx *t, struct arena *a, const struct head_record *rec)
{
    uint8_t key[SEAL_ROW_KEY];
    size_t room = 256 + rec->kid.n + rec->ttp.n + rec->address.n;
    uint8_t *text = (uint8_t *)arena_alloc(a, room);
    if (!text)
        return ERR_NOMEM;
    struct buf b = buf_over(text, room);
    buf_be64(&b, rec->ep);
    buf_put(&b, span_of(rec->sid, ESD_SID));
    buf_put(&b, span_of(rec->kc, ESD_KC));
    buf_put(&b, span_of(rec->wk, JOSE_THUMB));
    buf_c(&b, rec->what);
    buf_c(&b, rec->kept);
    buf_c(&b, rec->has_prev);
    buf_put(&b, span_of(rec->prev, ESD_HASH));
    buf_be64(&b, rec->first);
    buf_be64(&b, (uint64_t)rec->after);
    seal_text_put(&b, rec->kid);
    seal_text_put(&b, rec->ttp);
    seal_text_put(&b, rec->address);
    TRY(b.e);
    return store_state_put(t, seal_rows_key(key, BOOK, rec->n), buf_span(&b));
}

enum err seal_book_add(struct store_tx *t, struct arena *a, struct head_record *rec)
{
    TRY(seal_rows_next(t, a, BOOK, &rec->n));
    return seal_book_put(t, a, rec);
}

static const uint8_t *take(struct span *rest, size_t n)
{
    const uint8_t *p = rest->n >= n ? rest->p : NULL;
    *rest = p ? span_from(*rest, n) : SPAN_NONE;
    return p;
}

static bool take_into(struct span *rest, void *out, size_t n)
{
    const uint8_t *p = take(rest, n);
    if (p)
        memcpy(out, p, n);
    return p != NULL;
}

static bool take_number(struct span *rest, uint64_t *out)
{
    const uint8_t *p = take(rest, 8);
    *out = p ? seal_be64(p) : 0;
    return p != NULL;
}

static bool take_text(struct span *rest, struct span *out)
{
    const uint8_t *n = take(rest, 2), *p = n ? take(rest, (size_t)n[0] << 8 | n[1]) : NULL;
    *out = p ? span_of(p, (size_t)n[0] << 8 | n[1]) : SPAN_NONE;
    return p != NULL;
}

enum err seal_book_get(struct store_tx *t, struct arena *a, uint64_t n, struct head_record *out)
{
    uint8_t key[SEAL_ROW_KEY], flag[3] = {0};
    uint64_t first, after;
    struct span v;
    TRY(store_state_get(t, seal_rows_key(key, BOOK, n), a, &v));
    *out = (struct head_record){.n = n};
    bool ok = take_number(&v, &out->ep) && take_into(&v, out->sid, ESD_SID) && take_into(&v, out->kc, ESD_KC) &&
              take_into(&v, out->wk, JOSE_THUMB) && take_into(&v, flag, sizeof flag) &&
              take_into(&v, out->prev, ESD_HASH) && take_number(&v, &first) && take_number(&v, &after) &&
              take_text(&v, &out->kid) && take_text(&v, &out->ttp) && take_text(&v, &out->address) &&
              first <= ESD_INDEX_END && v.n == 0;
    if (!ok)
        return ERR_IO;
    out->what = flag[0];
    out->kept = flag[1];
    out->has_prev = flag[2];
    out->first = (uint32_t)first;
    out->after = (int64_t)after;
    return OK;
}

static enum err drop_hashes(struct store_tx *t, struct arena *a, const struct head_record *rec)
{
    struct log_hash h;
    enum err e = OK;
    for (uint32_t i = rec->first; rec->kept && e == OK; i++) {
        e = seal_book_hash_get(t, a, rec->n, i, &h);
        if (e == OK)
            e = seal_book_hash_drop(t, rec->n, i);
    }
    return e == ERR_NOTFOUND ? OK : e;
}

enum err seal_book_drop(struct store_tx *t, struct arena *a, const struct head_record *rec)
{
    TRY(drop_hashes(t, a, rec));
    return seal_rows_drop(t, a, BOOK, rec->n);
}

/* ---- hashes and tails --------------------------------------------------------------------------------- */

static struct span hash_key(uint8_t text[SEAL_ROW_KEY], uint64_t n, uint32_t i)
{
    struct buf b = buf_over(text, SEAL_ROW_KEY);
    buf_str(&b, "seal/s/");
    buf_u64(&b, n);
    buf_c(&b, '/');
    buf_u64(&b, i);
    return buf_span(&b);
}

enum err seal_book_hash_put(struct store_tx *t, uint64_t n, uint32_t i, const struct log_hash *hash)
{
    uint8_t key[SEAL_ROW_KEY];
    return store_state_put(t, hash_key(key, n, i), span_of(hash->b, sizeof hash->b));
}

enum err seal_book_hash_get(struct store_tx *t, struct arena *a, uint64_t n, uint32_t i, struct log_hash *out)
{
    uint8_t key[SEAL_ROW_KEY];
    struct span v;
    TRY(store_state_get(t, hash_key(key, n, i), a, &v));
    return take_into(&v, out->b, sizeof out->b) && v.n == 0 ? OK : ERR_IO;
}

enum err seal_book_hash_drop(struct store_tx *t, uint64_t n, uint32_t i)
{
    uint8_t key[SEAL_ROW_KEY];
    return store_state_drop(t, hash_key(key, n, i));
}

static struct span tail_key(uint8_t text[SEAL_ROW_KEY], const uint8_t sid[ESD_SID])
{
    struct buf b = buf_over(text, SEAL_ROW_KEY);
    buf_str(&b, "seal/t/");
    hex_put(&b, span_of(sid, ESD_SID));
    return buf_span(&b);
}

enum err seal_book_tail_put(struct store_tx *t, const uint8_t sid[ESD_SID], uint64_t ep, const uint8_t id[ESD_HASH])
{
    uint8_t key[SEAL_ROW_KEY], text[8 + ESD_HASH];
    struct buf b = BUF_ARRAY(text);
    buf_be64(&b, ep);
    buf_put(&b, span_of(id, ESD_HASH));
    return store_state_put(t, tail_key(key, sid), buf_span(&b));
}

enum err seal_book_tail_get(struct store_tx *t, struct arena *a, const uint8_t sid[ESD_SID], uint64_t ep,
                            uint8_t id[ESD_HASH])
{
    uint8_t key[SEAL_ROW_KEY];
    struct span v;
    uint64_t is;
    TRY(store_state_get(t, tail_key(key, sid), a, &v));
    if (!take_number(&v, &is) || !take_into(&v, id, ESD_HASH))
        return ERR_IO;
    return is == ep ? OK : ERR_NOTFOUND;
}
