#include "base/code.h"

#include <string.h>

static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char std_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Room is taken once. Each group is read before it is written, so that the octets may lie at the end of the room that
 * their own text is written to (lib/esd seals that way). */
static void put(struct buf *b, struct span s, const char *alphabet, bool pad)
{
    size_t rest = s.n % 3, i = 0;
    if (s.n > SIZE_MAX / 2) {
        b->e = ERR_FULL;
        return;
    }
    uint8_t *at = buf_take(b, s.n / 3 * 4 + (rest == 0 ? 0 : pad ? 4 : rest + 1));
    if (!at)
        return;
    for (; i + 3 <= s.n; i += 3, at += 4) {
        uint32_t v = (uint32_t)s.p[i] << 16 | (uint32_t)s.p[i + 1] << 8 | s.p[i + 2];
        at[0] = (uint8_t)alphabet[v >> 18];
        at[1] = (uint8_t)alphabet[v >> 12 & 63];
        at[2] = (uint8_t)alphabet[v >> 6 & 63];
        at[3] = (uint8_t)alphabet[v & 63];
    }
    if (rest == 0)
        return;
    uint32_t v = (uint32_t)s.p[i] << 16 | (rest == 2 ? (uint32_t)s.p[i + 1] << 8 : 0);
    for (size_t k = 0; k <= rest; k++)
        *at++ = (uint8_t)alphabet[v >> (18 - 6 * k) & 63];
    for (size_t k = rest; pad && k < 3; k++)
        *at++ = '=';
}

/* Value of each character, with IN_STD and IN_URL for the alphabets that have it; 0: none. */
enum { IN_STD = 0x40, IN_URL = 0x80 };
static const uint8_t values[256] = {
    /* clang-format off */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x7e, 0x00, 0xbe, 0x00, 0x7f,
    0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce,
    0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0x00, 0x00, 0x00, 0x00, 0xbf,
    0x00, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8,
    0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf2, 0xf3, 0x00, 0x00, 0x00, 0x00, 0x00,
    /* clang-format on */
};

/* The last two or three characters: their bits at the top of 24. *all loses the alphabet when one is outside it, or
 * when bits that belong to no octet are not zero. */
static uint32_t rest(const uint8_t *p, size_t n, uint32_t *all)
{
    uint32_t a = values[p[0]], b = values[p[1]], c = n == 3 ? values[p[2]] : 0xFF & ~63u;
    uint32_t v = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6;
    *all &= a & b & c;
    if (v & (n == 2 ? 0xFFFFu : 0xFFu))
        *all = 0;
    return v;
}

static uint32_t group(const uint8_t *p, uint32_t *all)
{
    uint32_t w = values[p[0]], x = values[p[1]], y = values[p[2]], z = values[p[3]];
    *all &= w & x & y & z;
    return (w & 63) << 18 | (x & 63) << 12 | (y & 63) << 6 | (z & 63);
}

/* 24 bits, and a fourth octet of zero. */
static void put_group(uint8_t *at, uint32_t v)
{
    const uint8_t octets[4] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v, 0};
    memcpy(at, octets, sizeof octets);
}

/* Sixteen characters at once, where the processor can. */
typedef uint8_t sixteen __attribute__((vector_size(16)));

static sixteen outside(const uint8_t *p)
{
    sixteen c;
    memcpy(&c, p, sizeof c);
    sixteen letter = (c | 0x20) - 'a', digit = c - '0';
    return ~((sixteen)(letter < 26) | (sixteen)(digit < 10) | (sixteen)(c == '-') | (sixteen)(c == '_'));
}

static bool none(sixteen v)
{
    uint64_t half[2];
    memcpy(half, &v, sizeof half);
    return (half[0] | half[1]) == 0;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Twelve octets and four that whoever calls overwrites; *bad gets what is outside the alphabet of base64url. */
static void put_sixteen(uint8_t *at, const uint8_t *p, sixteen *bad)
{
    typedef uint32_t four __attribute__((vector_size(16)));
    sixteen c;
    memcpy(&c, p, sizeof c);
    sixteen upper = (sixteen)((sixteen)(c - 'A') < 26), lower = (sixteen)((sixteen)(c - 'a') < 26);
    sixteen digit = (sixteen)((sixteen)(c - '0') < 10), dash = (sixteen)(c == '-'), line = (sixteen)(c == '_');
    *bad |= ~(upper | lower | digit | dash | line);
    sixteen v = (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (digit & (c - '0' + 52)) | (dash & 62) | (line & 63);
    four x = (four)v; /* each lane: the first character lowest */
    x = (x & 0x00ff00ff) << 6 | (x >> 8 & 0x00ff00ff);
    x = (x & 0xfff) << 12 | x >> 16;
    for (int k = 0; k < 4; k++)
        put_group(at + 3 * k, x[k]);
}
#endif

/* Four characters at a time; whether all belong to the alphabet is asked once, at the end. */
static enum err get(struct span t, struct buf *b, uint8_t alphabet)
{
    size_t tail = t.n % 4, start = b->n, n = t.n / 4 * 3 + (tail ? tail - 1 : 0), i = 0;
    if (tail == 1)
        return ERR_SYNTAX;
    uint8_t *at = buf_take(b, n);
    uint32_t all = alphabet;
    if (!at)
        return b->e;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    sixteen bad = {0};
    for (; alphabet == IN_URL && i + 20 <= t.n; i += 16, at += 12)
        put_sixteen(at, t.p + i, &bad);
    all = none(bad) ? all : 0;
#endif
    /* While a group follows, the fourth octet that is written is overwritten by it: one store instead of three. */
    for (; i + 8 <= t.n; i += 4, at += 3)
        put_group(at, group(t.p + i, &all));
    if (i + 4 <= t.n) {
        uint32_t v = group(t.p + i, &all);
        at[0] = (uint8_t)(v >> 16);
        at[1] = (uint8_t)(v >> 8);
        at[2] = (uint8_t)v;
        i += 4, at += 3;
    }
    if (tail) {
        uint32_t v = rest(t.p + i, tail, &all);
        at[0] = (uint8_t)(v >> 16);
        if (tail == 3)
            at[1] = (uint8_t)(v >> 8);
    }
    if (all)
        return OK;
    b->n = start;
    return ERR_SYNTAX;
}

void b64url_put(struct buf *b, struct span octets)
{
    put(b, octets, url_alphabet, false);
}

enum err b64url_get(struct span text, struct buf *b)
{
    return get(text, b, IN_URL);
}

bool b64url_char(uint8_t c)
{
    return values[c] & IN_URL;
}

bool b64url_ok(struct span text)
{
    size_t tail = text.n % 4, i = 0;
    uint32_t all = IN_URL;
    sixteen bad = {0};
    for (; i + 16 <= text.n; i += 16)
        bad |= outside(text.p + i);
    for (; i + 4 <= text.n; i += 4)
        (void)group(text.p + i, &all);
    if (tail > 1)
        (void)rest(text.p + i, tail, &all);
    return tail != 1 && all && none(bad);
}

void b64_put(struct buf *b, struct span octets)
{
    put(b, octets, std_alphabet, true);
}

enum err b64_get(struct span text, struct buf *b)
{
    if (text.n % 4 != 0)
        return ERR_SYNTAX;
    for (int k = 0; k < 2 && text.n > 0 && text.p[text.n - 1] == '='; k++)
        text.n--;
    return get(text, b, IN_STD);
}

static void hex(struct buf *b, struct span s, const char *digits)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t *at = buf_take(b, 2);
        if (!at)
            return;
        at[0] = (uint8_t)digits[s.p[i] >> 4];
        at[1] = (uint8_t)digits[s.p[i] & 15];
    }
}

void hex_put(struct buf *b, struct span octets)
{
    hex(b, octets, "0123456789abcdef");
}

void hex_put_upper(struct buf *b, struct span octets)
{
    hex(b, octets, "0123456789ABCDEF");
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum err hex_get(struct span text, struct buf *b)
{
    if (text.n % 2 != 0)
        return ERR_SYNTAX;
    size_t start = b->n;
    for (size_t i = 0; i < text.n; i += 2) {
        int hi = hex_value(text.p[i]), lo = hex_value(text.p[i + 1]);
        if (hi < 0 || lo < 0) {
            b->n = start;
            return ERR_SYNTAX;
        }
        buf_c(b, (uint8_t)(hi << 4 | lo));
    }
    return b->e;
}
