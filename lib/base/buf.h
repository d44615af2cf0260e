/* buf.h - a place to write octets. The first failure sticks; the writer checks once, at the end.
 *
 * Two kinds, one type: fixed (grow == NULL: the caller's array, ERR_FULL when it is too small) and
 * growing (grow set: `lib/host/heap.h` gives one on malloc with a maximum). The invariant is
 * n <= cap; octets p[0..n) are valid. After a failure nothing more is written, n keeps its value, and
 * `e` tells the first failure. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/span.h"

struct buf {
    uint8_t *p;
    size_t cap, n;
    enum err e;
    /* Makes room for at least `need` octets in all (sets p and cap), or returns an error. */
    enum err (*grow)(struct buf *b, size_t need);
    size_t max; /* growing only: never more than this many octets */
};

/* A fixed buffer over the caller's array. */
static inline struct buf buf_over(void *p, size_t cap)
{
    return (struct buf){.p = (uint8_t *)p, .cap = cap};
}
#define BUF_ARRAY(a) buf_over((a), sizeof(a))

/* What was written so far. Valid until the next write to a growing buffer. */
static inline struct span buf_span(const struct buf *b)
{
    return span_of(b->p, b->n);
}

/* Room for n octets at the end, already counted in; NULL (and a sticky error) when there is none. */
uint8_t *buf_take(struct buf *b, size_t n);
void buf_put(struct buf *b, struct span s);
void buf_str(struct buf *b, const char *s);
void buf_c(struct buf *b, uint8_t c);
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
/* Big endian. */
void buf_be32(struct buf *b, uint32_t v);
void buf_be64(struct buf *b, uint64_t v);
void buf_fmt(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Appends a NUL that is not counted in n, so that p is also a C string. */
void buf_nul(struct buf *b);
/* Empties it, keeps the memory, forgets the error. */
void buf_reset(struct buf *b);
/* Overwrites everything it ever held (cap octets), then empties it. For secrets. */
void buf_wipe(struct buf *b);

/* Overwrites n octets in a way that the compiler does not remove. */
void wipe(void *p, size_t n);

#endif
