#include "base/code.h"

static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char std_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put(struct buf *b, struct span s, const char *alphabet, bool pad)
{
    size_t i = 0;
    for (; i + 3 <= s.n; i += 3) {
        uint32_t v = (uint32_t)s.p[i] << 16 | (uint32_t)s.p[i + 1] << 8 | s.p[i + 2];
        uint8_t *at = buf_take(b, 4);
        if (!at)
            return;
        for (int k = 0; k < 4; k++)
            at[k] = (uint8_t)alphabet[v >> (18 - 6 * k) & 63];
    }
    size_t rest = s.n - i;
    if (rest == 0)
        return;
    uint32_t v = (uint32_t)s.p[i] << 16 | (rest == 2 ? (uint32_t)s.p[i + 1] << 8 : 0);
    for (size_t k = 0; k <= rest; k++)
        buf_c(b, (uint8_t)alphabet[v >> (18 - 6 * k) & 63]);
    for (size_t k = rest; pad && k < 3; k++)
        buf_c(b, '=');
}

/* Value of a character of the alphabet whose last two are c62 and c63; -1 for any other. */
static int value(uint8_t c, char c62, char c63)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (uint8_t)c62)
        return 62;
    return c == (uint8_t)c63 ? 63 : -1;
}

static enum err get(struct span t, struct buf *b, char c62, char c63)
{
    if (t.n % 4 == 1)
        return ERR_SYNTAX;
    size_t start = b->n;
    uint32_t v = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < t.n; i++) {
        int d = value(t.p[i], c62, c63);
        if (d < 0) {
            b->n = start;
            return ERR_SYNTAX;
        }
        v = v << 6 | (uint32_t)d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_c(b, (uint8_t)(v >> bits));
            v &= (1u << bits) - 1;
        }
    }
    if (b->e != OK || v != 0) {
        b->n = start;
        return b->e != OK ? b->e : ERR_SYNTAX;
    }
    return OK;
}

void b64url_put(struct buf *b, struct span octets)
{
    put(b, octets, url_alphabet, false);
}

enum err b64url_get(struct span text, struct buf *b)
{
    return get(text, b, '-', '_');
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
    return get(text, b, '+', '/');
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
