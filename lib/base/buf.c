#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint8_t *buf_take(struct buf *b, size_t n)
{
    if (b->e != OK)
        return NULL;
    if (n > b->cap - b->n) {
        if (!b->grow || n > SIZE_MAX - b->n)
            b->e = ERR_FULL;
        else
            b->e = b->grow(b, b->n + n);
        if (b->e != OK)
            return NULL;
    }
    uint8_t *at = b->p + b->n;
    b->n += n;
    return at;
}

void buf_put(struct buf *b, struct span s)
{
    if (s.n == 0)
        return;
    uint8_t *at = buf_take(b, s.n);
    if (at)
        memcpy(at, s.p, s.n);
}

void buf_str(struct buf *b, const char *s)
{
    buf_put(b, span_str(s));
}

void buf_c(struct buf *b, uint8_t c)
{
    uint8_t *at = buf_take(b, 1);
    if (at)
        *at = c;
}

void buf_u64(struct buf *b, uint64_t v)
{
    uint8_t digits[20];
    size_t k = sizeof digits;
    do {
        digits[--k] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    buf_put(b, span_of(digits + k, sizeof digits - k));
}

void buf_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_c(b, '-');
    buf_u64(b, v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v);
}

void buf_be32(struct buf *b, uint32_t v)
{
    uint8_t *at = buf_take(b, 4);
    for (int i = 0; at && i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

void buf_be64(struct buf *b, uint64_t v)
{
    buf_be32(b, (uint32_t)(v >> 32));
    buf_be32(b, (uint32_t)v);
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    char small[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof small)
        b->e = b->e != OK ? b->e : ERR_FULL;
    else
        buf_put(b, span_of(small, (size_t)n));
}

void buf_nul(struct buf *b)
{
    if (buf_take(b, 1)) {
        b->n--;
        b->p[b->n] = 0;
    }
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->e = OK;
}

void buf_wipe(struct buf *b)
{
    if (b->p)
        wipe(b->p, b->cap);
    buf_reset(b);
}

/* The barrier tells the compiler that somebody reads what was overwritten; octet by octet through a volatile
 * pointer it was an eighth of a RETRIEVE. */
void wipe(void *p, size_t n)
{
    if (n == 0)
        return;
    memset(p, 0, n);
    __asm__ volatile("" : : "r"(p) : "memory");
}
