#include "wire/utf8.h"

#include <string.h>

size_t utf8_len(struct span s)
{
    if (s.n == 0)
        return 0;
    uint8_t c = s.p[0];
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4)
        return 0;
    size_t n = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (s.n < n)
        return 0;
    /* The second octet alone decides on overlong forms, surrogates and the upper end. */
    uint8_t lo = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    uint8_t hi = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (s.p[1] < lo || s.p[1] > hi)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (s.p[i] < 0x80 || s.p[i] > 0xBF)
            return 0;
    return n;
}

size_t utf8_bad(struct span s)
{
    size_t i = 0;
    while (i < s.n) {
        size_t k = utf8_len(span_from(s, i));
        if (k == 0)
            break;
        i += k;
    }
    return i;
}

void utf8_put(struct buf *b, uint32_t cp)
{
    if (cp < 0x80) {
        buf_c(b, (uint8_t)cp);
        return;
    }
    int more = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
    buf_c(b, (uint8_t)(lead[more] | cp >> (6 * more)));
    while (more-- > 0)
        buf_c(b, (uint8_t)(0x80 | (cp >> (6 * more) & 0x3F)));
}

/* 0x80 in every octet of w that is zero; octets above a zero one may be marked as well. */
static uint64_t zeros(uint64_t w)
{
    return (w - 0x0101010101010101u) & ~w;
}

size_t utf8_plain(struct span s)
{
    size_t n = 0;
    for (; n + 8 <= s.n; n += 8) {
        uint64_t w;
        memcpy(&w, s.p + n, 8);
        uint64_t low = (w - 0x2020202020202020u) & ~w; /* below a space */
        uint64_t odd = w | low | zeros(w ^ 0x2222222222222222u) | zeros(w ^ 0x5c5c5c5c5c5c5c5cu);
        if (odd & 0x8080808080808080u)
            break;
    }
    return n;
}
