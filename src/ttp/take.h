/* take.h - reading binary fields off the front of a span: big endian, ERR_SYNTAX when too few octets are left. */
#ifndef TTP_TAKE_H
#define TTP_TAKE_H

#include "base/span.h"

#include <string.h>

static inline enum err take_fix(struct span *s, uint8_t *out, size_t n)
{
    if (s->n < n)
        return ERR_SYNTAX;
    memcpy(out, s->p, n);
    *s = span_from(*s, n);
    return OK;
}

static inline enum err take_be(struct span *s, size_t n, uint64_t *out)
{
    uint8_t o[8];
    TRY(take_fix(s, o, n));
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out = *out << 8 | o[i];
    return OK;
}

static inline enum err take_u8(struct span *s, uint8_t *out)
{
    return take_fix(s, out, 1);
}

static inline enum err take_u16(struct span *s, uint16_t *out)
{
    uint64_t v;
    TRY(take_be(s, 2, &v));
    *out = (uint16_t)v;
    return OK;
}

static inline enum err take_u64(struct span *s, uint64_t *out)
{
    return take_be(s, 8, out);
}

/* be32 length, octets; *out points into *s. */
static inline enum err take_blob(struct span *s, struct span *out)
{
    uint64_t n;
    TRY(take_be(s, 4, &n));
    if (n > s->n)
        return ERR_SYNTAX;
    *out = span_first(*s, (size_t)n);
    *s = span_from(*s, (size_t)n);
    return OK;
}

#endif
