#include "base/span.h"

#include <string.h>

struct span span_str(const char *s)
{
    return s ? span_of(s, strlen(s)) : SPAN_NONE;
}

bool span_eq(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool span_eq_nocase(struct span a, struct span b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool span_starts(struct span s, struct span prefix)
{
    return s.n >= prefix.n && span_eq(span_first(s, prefix.n), prefix);
}

bool span_ends(struct span s, struct span suffix)
{
    return s.n >= suffix.n && span_eq(span_from(s, s.n - suffix.n), suffix);
}

int span_cmp(struct span a, struct span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int d = n ? memcmp(a.p, b.p, n) : 0;
    if (d != 0)
        return d < 0 ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

bool span_eq_secret(struct span a, struct span b)
{
    if (a.n != b.n)
        return false;
    volatile uint64_t diff = 0; /* so that nothing is decided before the end */
    size_t i = 0;
    for (; i + 8 <= a.n; i += 8) {
        uint64_t x, y;
        memcpy(&x, a.p + i, sizeof x);
        memcpy(&y, b.p + i, sizeof y);
        diff = diff | (x ^ y);
    }
    for (; i < a.n; i++)
        diff = diff | (uint64_t)(a.p[i] ^ b.p[i]);
    return diff == 0;
}

size_t span_find(struct span s, uint8_t c)
{
    const uint8_t *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

size_t span_rfind(struct span s, uint8_t c)
{
    for (size_t i = s.n; i > 0; i--)
        if (s.p[i - 1] == c)
            return i - 1;
    return s.n;
}

struct span span_from(struct span s, size_t k)
{
    if (k == 0)
        return s;
    return k < s.n ? span_of(s.p + k, s.n - k) : SPAN_NONE;
}

struct span span_first(struct span s, size_t k)
{
    return k < s.n ? span_of(s.p, k) : s;
}

struct span span_cut(struct span *s, uint8_t c)
{
    size_t at = span_find(*s, c);
    struct span head = span_first(*s, at);
    if (at == s->n)
        *s = SPAN_NONE;
    else
        *s = span_of(s->p + at + 1, s->n - at - 1);
    return head;
}

enum err span_u64(struct span s, uint64_t max, uint64_t *out)
{
    if (s.n == 0 || (s.n > 1 && s.p[0] == '0'))
        return ERR_SYNTAX;
    uint64_t v = 0;
    bool over = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return ERR_SYNTAX;
        uint64_t d = (uint64_t)(s.p[i] - '0');
        over = over || v > (UINT64_MAX - d) / 10;
        if (!over)
            v = v * 10 + d;
    }
    if (over || v > max)
        return ERR_RANGE;
    *out = v;
    return OK;
}
