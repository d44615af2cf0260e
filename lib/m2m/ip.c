#include "m2m/ip.h"

#include <string.h>

static enum err four(struct span s, uint8_t out[4])
{
    uint64_t v;
    for (int i = 0; i < 4; i++) {
        if (!s.p)
            return ERR_SYNTAX;
        TRY(span_u64(span_cut(&s, '.'), 255, &v));
        out[i] = (uint8_t)v;
    }
    return s.p ? ERR_SYNTAX : OK;
}

static enum err group(struct span s, uint8_t out[2])
{
    unsigned v = 0;
    if (s.n < 1 || s.n > 4)
        return ERR_SYNTAX;
    for (size_t i = 0; i < s.n; i++) {
        unsigned c = s.p[i];
        unsigned d = c >= '0' && c <= '9' ? c - '0' : (c | 32u) - 'a' + 10;
        if (d > 15 || (c > '9' && (c | 32u) < 'a'))
            return ERR_SYNTAX;
        v = v << 4 | d;
    }
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
    return OK;
}

/* Groups between colons into at most `room` octets; the last one may be an IPv4 address. */
static enum err groups(struct span s, uint8_t *out, size_t room, size_t *n)
{
    *n = 0;
    while (s.p && s.n) {
        struct span g = span_cut(&s, ':');
        bool dotted = span_find(g, '.') < g.n;
        size_t k = dotted ? 4 : 2;
        if (*n + k > room || (dotted && s.p) || (s.p && !s.n))
            return ERR_SYNTAX;
        TRY(dotted ? four(g, out + *n) : group(g, out + *n));
        *n += k;
    }
    return OK;
}

static enum err sixteen(struct span s, uint8_t out[16])
{
    size_t gap = s.n, head, tail;
    uint8_t end[16];
    for (size_t i = 0; i + 1 < s.n && gap == s.n; i++)
        if (s.p[i] == ':' && s.p[i + 1] == ':')
            gap = i;
    memset(out, 0, 16);
    TRY(groups(span_first(s, gap), out, 16, &head));
    if (gap == s.n)
        return head == 16 ? OK : ERR_SYNTAX;
    TRY(groups(span_from(s, gap + 2), end, 14, &tail));
    if (head + tail > 14)
        return ERR_SYNTAX;
    memcpy(out + 16 - tail, end, tail);
    return OK;
}

enum err ip_get(struct span text, unsigned family, struct ip *out)
{
    *out = (struct ip){.family = (uint8_t)family, .bits = family == 4 ? 32 : 128};
    struct span address = span_cut(&text, '/');
    if (text.p) {
        uint64_t bits;
        TRY(span_u64(text, out->bits, &bits));
        out->bits = (uint8_t)bits;
    }
    return family == 4 ? four(address, out->a) : sixteen(address, out->a);
}

bool ip_in(const struct ip *net, unsigned family, const uint8_t a[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};
    const uint8_t *p = a;
    if (family == 6 && net->family == 4 && !memcmp(a, mapped, sizeof mapped)) {
        p = a + 12;
        family = 4;
    }
    if (family != net->family)
        return false;
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    if (memcmp(net->a, p, whole) != 0)
        return false;
    return rest == 0 || (net->a[whole] ^ p[whole]) >> (8 - rest) == 0;
}
