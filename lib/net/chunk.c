#include "net/chunk.h"

#include <string.h>

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER_START, TRAILER, TRAILER_LF, END_LF };

void chunk_begin(struct chunk *c, uint64_t max_body)
{
    memset(c, 0, sizeof *c);
    c->max = max_body;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum chunk_result size_octet(struct chunk *c, uint8_t o)
{
    int digit = hex_digit(o);
    if (digit >= 0) {
        if (++c->digits > CHUNK_DIGITS_MAX)
            return CHUNK_BAD;
        c->left = c->left << 4 | (uint64_t)digit;
        return CHUNK_MORE;
    }
    if (c->digits == 0 || (o != ';' && o != '\r'))
        return CHUNK_BAD;
    c->state = o == ';' ? EXTENSION : SIZE_LF;
    return CHUNK_MORE;
}

static enum chunk_result size_end(struct chunk *c)
{
    if (c->left > c->max - c->body)
        return CHUNK_TOO_LARGE;
    c->state = c->left ? DATA : TRAILER_START;
    c->digits = 0;
    c->extra = 0;
    return CHUNK_MORE;
}

static bool is_text(uint8_t o)
{
    return o == '\t' || (o >= 0x20 && o != 0x7f);
}

static bool is_name(uint8_t o)
{
    return (o >= 'a' && o <= 'z') || (o >= 'A' && o <= 'Z') || (o >= '0' && o <= '9') ||
           (o != 0 && strchr("!#$%&'*+-.^_`|~", o) != NULL);
}

static enum chunk_result extension_octet(struct chunk *c, uint8_t o)
{
    if (o == '\r')
        c->state = SIZE_LF;
    else if (!is_text(o) || ++c->extra > CHUNK_EXTENSION_MAX)
        return CHUNK_BAD;
    return CHUNK_MORE;
}

static enum chunk_result trailer_octet(struct chunk *c, uint8_t o)
{
    if (++c->extra > CHUNK_TRAILER_MAX)
        return CHUNK_BAD_TRAILER;
    if (c->state == TRAILER_START && o == '\r')
        c->state = END_LF;
    else if (c->state == TRAILER_START && is_name(o))
        c->state = TRAILER;
    else if (c->state == TRAILER && o == '\r')
        c->state = TRAILER_LF;
    else if (c->state == TRAILER && is_text(o))
        c->state = TRAILER;
    else
        return CHUNK_BAD_TRAILER;
    return CHUNK_MORE;
}

static enum chunk_result octet(struct chunk *c, uint8_t o)
{
    switch (c->state) {
    case SIZE:
        return size_octet(c, o);
    case EXTENSION:
        return extension_octet(c, o);
    case SIZE_LF:
        return o == '\n' ? size_end(c) : CHUNK_BAD;
    case DATA_CR:
        c->state = DATA_LF;
        return o == '\r' ? CHUNK_MORE : CHUNK_BAD;
    case DATA_LF:
        c->state = SIZE;
        return o == '\n' ? CHUNK_MORE : CHUNK_BAD;
    case TRAILER_LF:
        c->state = TRAILER_START;
        return o == '\n' ? CHUNK_MORE : CHUNK_BAD_TRAILER;
    case END_LF:
        return o == '\n' ? CHUNK_DONE : CHUNK_BAD_TRAILER;
    default:
        return trailer_octet(c, o);
    }
}

enum chunk_result chunk_feed(struct chunk *c, const uint8_t *in, size_t n, uint8_t *out, size_t *out_n, size_t *used)
{
    size_t i = 0;
    enum chunk_result r = CHUNK_MORE;
    while (i < n && r == CHUNK_MORE) {
        if (c->state != DATA) {
            r = octet(c, in[i++]);
            continue;
        }
        size_t k = c->left < n - i ? (size_t)c->left : n - i;
        memmove(out + *out_n, in + i, k);
        *out_n += k;
        c->body += k;
        c->left -= k;
        i += k;
        if (c->left == 0)
            c->state = DATA_CR;
    }
    *used = i;
    return r;
}
