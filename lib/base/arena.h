/* arena.h - memory that lives as long as one request, message or turn, and is given back at once.
 *
 * Bump allocation over one block of the caller's, plus further blocks from `more` when that is set
 * (`lib/host/heap.h` gives one on malloc with a maximum). Overflow is a sticky flag: every later
 * allocation returns NULL, and `arena_ok` is asked once. Nothing is freed singly. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

struct arena_block {
    struct arena_block *next;
    size_t cap;
    /* cap octets follow */
};

struct arena {
    uint8_t *p;
    size_t cap, n;
    bool overflow;
    struct arena_block *blocks;                                /* from `more`, newest first */
    struct arena_block *(*more)(struct arena *a, size_t need); /* NULL: only the first block */
    void (*less)(struct arena *a, struct arena_block *b);
    size_t held, max; /* octets in blocks, and their limit */
    uint8_t *first;   /* the caller's block */
    size_t first_cap;
};

/* Over the caller's block, which must outlive the arena; it may have n == 0 when `more` is set later. */
void arena_over(struct arena *a, void *p, size_t n);
/* n octets aligned for any object, not initialised; NULL after an overflow. n == 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);
/* The same, filled with zero octets. */
void *arena_zero(struct arena *a, size_t n);
/* A copy of the octets; the empty span after an overflow. */
struct span arena_dup(struct arena *a, struct span s);
/* A copy with a NUL behind it; NULL after an overflow. */
const char *arena_cstr(struct arena *a, struct span s);
/* Octets of `a` then `b`, joined. */
struct span arena_join(struct arena *a, struct span x, struct span y);
/* Gives everything back (blocks to `less`) and forgets the overflow. */
void arena_reset(struct arena *a);

static inline bool arena_ok(const struct arena *a)
{
    return !a->overflow;
}

#define ARENA_NEW(a, type) ((type *)arena_zero((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n)                                                                                        \
    ((type *)((size_t)(n) > SIZE_MAX / sizeof(type) ? NULL : arena_zero((a), (n) * sizeof(type))))

#endif
