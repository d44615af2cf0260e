#include "base/arena.h"

#include <string.h>

enum { ALIGN = _Alignof(max_align_t) };

void arena_over(struct arena *a, void *p, size_t n)
{
    *a = (struct arena){.p = p, .cap = n, .first = p, .first_cap = n};
}

/* Octets to skip so that the next allocation is aligned. */
static size_t slack(const struct arena *a)
{
    return (size_t)(-(uintptr_t)(a->p + a->n)) & (ALIGN - 1);
}

static bool enlarge(struct arena *a, size_t n)
{
    struct arena_block *b = a->more && n <= SIZE_MAX - 2 * ALIGN ? a->more(a, n + ALIGN) : NULL;
    if (!b)
        return false;
    b->next = a->blocks;
    a->blocks = b;
    a->held += b->cap;
    a->p = (uint8_t *)(b + 1);
    a->cap = b->cap;
    a->n = 0;
    return true;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (a->overflow)
        return NULL;
    size_t pad = a->p ? slack(a) : 0;
    if (!a->p || a->cap - a->n < pad || a->cap - a->n - pad < n) {
        if (!enlarge(a, n)) {
            a->overflow = true;
            return NULL;
        }
        pad = slack(a);
    }
    uint8_t *at = a->p + a->n + pad;
    a->n += pad + n;
    return at;
}

void *arena_zero(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    if (p)
        memset(p, 0, n);
    return p;
}

struct span arena_dup(struct arena *a, struct span s)
{
    return arena_join(a, s, SPAN_NONE);
}

const char *arena_cstr(struct arena *a, struct span s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (!p)
        return NULL;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return p;
}

struct span arena_join(struct arena *a, struct span x, struct span y)
{
    uint8_t *p = arena_alloc(a, x.n + y.n);
    if (!p)
        return SPAN_NONE;
    if (x.n)
        memcpy(p, x.p, x.n);
    if (y.n)
        memcpy(p + x.n, y.p, y.n);
    return span_of(p, x.n + y.n);
}

void arena_reset(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *b = a->blocks;
        a->blocks = b->next;
        if (a->less)
            a->less(a, b);
    }
    a->p = a->first;
    a->cap = a->first ? a->first_cap : 0;
    a->n = 0;
    a->held = 0;
    a->overflow = false;
}
