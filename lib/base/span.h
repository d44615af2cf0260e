/* span.h - octets that somebody else owns: pointer and length travel as one value.
 *
 * A span is read-only and never NUL-terminated by contract. The empty span has n == 0; its p may be
 * NULL. A span lives as long as the memory it points into; each function that returns one says whose
 * memory that is. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct span {
    const uint8_t *p;
    size_t n;
};

/* A span over a string literal or a char array constant, without its NUL. */
#define SPAN(lit)   ((struct span){(const uint8_t *)(lit), sizeof(lit) - 1})
#define SPAN_NONE   ((struct span){NULL, 0})
/* For printf("%.*s"): two arguments. Only for text that was checked. */
#define SPAN_FMT(s) (int)(s).n, (const char *)(s).p

static inline struct span span_of(const void *p, size_t n)
{
    return (struct span){(const uint8_t *)p, n};
}
/* Over a NUL-terminated string; NULL gives the empty span. */
struct span span_str(const char *s);

bool span_eq(struct span a, struct span b);
/* ASCII letters compare without regard to case. */
bool span_eq_nocase(struct span a, struct span b);
bool span_starts(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
/* -1, 0, 1 in octet order, the shorter first. */
int span_cmp(struct span a, struct span b);
/* Same octets, in a time that depends only on the lengths. For secrets, codes and tags. */
bool span_eq_secret(struct span a, struct span b);

/* Position of the first `c`, or s.n. */
size_t span_find(struct span s, uint8_t c);
/* Position of the last `c`, or s.n. */
size_t span_rfind(struct span s, uint8_t c);
/* s without its first k octets (empty when k >= n). */
struct span span_from(struct span s, size_t k);
/* The first k octets of s (all of it when k >= n). */
struct span span_first(struct span s, size_t k);
/* Takes what stands before the first `c` out of *s and returns it; *s keeps what stands after `c`.
 * Without a `c` the whole of *s is returned and *s becomes empty with p == NULL, so that
 * "a," ends with an empty last piece and "a" does not. */
struct span span_cut(struct span *s, uint8_t c);

/* Decimal without sign, blank or leading zero ("0" itself is fine).
 * ERR_SYNTAX when it is no such number, ERR_RANGE above max. */
MUST_USE enum err span_u64(struct span s, uint64_t max, uint64_t *out);

#endif
