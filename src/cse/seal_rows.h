/* seal_rows.h - numbered rows of the small state: row N of NAME has the key "NAME/N", and "NAME" itself says which
 * numbers may be there, be64(first) || be64(next). Letters that wait for the TTP and epochs that are not closed are
 * kept so. On the writer thread, in the transaction of their cause. Texts stand with their length, be16. */
#ifndef CSE_SEAL_ROWS_H
#define CSE_SEAL_ROWS_H

#include "base/buf.h"
#include "store/store.h"

enum { SEAL_ROW_KEY = 64 };

static inline uint64_t seal_be64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

/* Nothing there yet: both are 0. ERR_IO: the row is no span; the store's errors, here and below. */
MUST_USE enum err seal_rows_span(struct store_tx *t, struct arena *a, struct span name, uint64_t *first,
                                 uint64_t *next);
struct span seal_rows_key(uint8_t text[SEAL_ROW_KEY], struct span name, uint64_t n);
/* W: the next number, which is taken with it. */
MUST_USE enum err seal_rows_next(struct store_tx *t, struct arena *a, struct span name, uint64_t *n);
/* W: row n goes, and the front moves on over what is gone. */
MUST_USE enum err seal_rows_drop(struct store_tx *t, struct arena *a, struct span name, uint64_t n);

void seal_text_put(struct buf *b, struct span s);
/* The first n octets of *rest, which moves on; less when there are less. */
struct span seal_take(struct span *rest, size_t n);
struct span seal_text_take(struct span *rest);

#endif
