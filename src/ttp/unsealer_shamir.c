#include "ttp/unsealer_shamir.h"

#include "base/code.h"

#include <openssl/evp.h>
#include <string.h>

static const char head[] = "oneseal-share-1-";

/* ---- GF(256) ----------------------------------------------------------------------------------------------------- */

/* Masks instead of branches and tables. */
static uint8_t mul(uint8_t a, uint8_t b)
{
    unsigned x = a, y = b, p = 0;
    for (int i = 0; i < 8; i++) {
        p ^= x & (0u - (y & 1u));
        x = (x << 1) ^ (0x11bu & (0u - (x >> 7)));
        y >>= 1;
    }
    return (uint8_t)p;
}

/* a^254; 0 for 0. */
static uint8_t inverse(uint8_t a)
{
    uint8_t r = 1;
    for (int i = 0; i < 7; i++) {
        a = mul(a, a);
        r = mul(r, a);
    }
    return r;
}

void shamir_split(const uint8_t secret[SHAMIR_N], const uint8_t *coef, unsigned m, unsigned n, struct share *out)
{
    for (unsigned k = 0; k < n; k++) {
        out[k].x = (uint8_t)(k + 1);
        for (size_t i = 0; i < SHAMIR_N; i++) {
            uint8_t y = 0;
            for (unsigned j = m - 1; j > 0; j--)
                y = mul((uint8_t)(y ^ coef[(j - 1) * SHAMIR_N + i]), out[k].x);
            out[k].y[i] = (uint8_t)(y ^ secret[i]);
        }
    }
}

void shamir_combine(const struct share *s, unsigned m, uint8_t secret[SHAMIR_N])
{
    memset(secret, 0, SHAMIR_N);
    for (unsigned j = 0; j < m; j++) {
        uint8_t l = 1; /* Lagrange at 0: the product of x_k / (x_k - x_j) */
        for (unsigned k = 0; k < m; k++)
            if (k != j)
                l = mul(l, mul(s[k].x, inverse((uint8_t)(s[k].x ^ s[j].x))));
        for (size_t i = 0; i < SHAMIR_N; i++)
            secret[i] ^= mul(l, s[j].y[i]);
    }
}

/* ---- hashes ------------------------------------------------------------------------------------------------------ */

static enum err hash(const struct span *part, size_t n, uint8_t *out, size_t take)
{
    uint8_t full[32];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool good = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < n && good; i++)
        good = EVP_DigestUpdate(c, part[i].p, part[i].n) == 1;
    good = good && EVP_DigestFinal_ex(c, full, NULL) == 1;
    EVP_MD_CTX_free(c);
    memcpy(out, full, take);
    wipe(full, sizeof full);
    return good ? OK : ERR_CRYPTO;
}

enum err shamir_tag_share(const struct sharing *g, const struct share *s, uint8_t tag[SHAMIR_TAG])
{
    const struct span part[] = {SPAN("oneseal-share-v1"), span_of(g->set, SHAMIR_SET), span_of(&s->x, 1),
                                span_of(s->y, SHAMIR_N)};
    return hash(part, LEN(part), tag, SHAMIR_TAG);
}

enum err shamir_tag_secret(const struct sharing *g, const uint8_t secret[SHAMIR_N], uint8_t tag[SHAMIR_TAG])
{
    const struct span part[] = {SPAN("oneseal-shared-v1"), span_of(g->set, SHAMIR_SET), span_of(secret, SHAMIR_N)};
    return hash(part, LEN(part), tag, SHAMIR_TAG);
}

bool shamir_same(const uint8_t *a, const uint8_t *b, size_t n)
{
    unsigned d = 0;
    for (size_t i = 0; i < n; i++)
        d |= (unsigned)(a[i] ^ b[i]);
    return d == 0;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* '0'..'9', 'a'..'f' without a table. */
static uint8_t digit(unsigned v)
{
    return (uint8_t)('0' + v + (39u & (0u - ((9u - v) >> 31))));
}

static void hex_secret(const uint8_t *in, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit(in[i] >> 4);
        out[2 * i + 1] = digit(in[i] & 15u);
    }
}

/* Upper case is fine. *bad gets bits when it is no digit. */
static uint8_t value(uint8_t c, unsigned *bad)
{
    unsigned l = c | 0x20u;
    unsigned dec = l - '0', hex = l - 'a';
    unsigned is_dec = 0u - ((dec - 10u) >> 31 & ~(dec >> 31)), is_hex = 0u - ((hex - 6u) >> 31 & ~(hex >> 31));
    /* '0'..'9' have 0x20 set already; what had not was no digit. */
    is_dec &= 0u - ((c >> 5) & 1u);
    *bad |= ~(is_dec | is_hex) & 1u;
    return (uint8_t)((dec & is_dec) | ((hex + 10u) & is_hex));
}

static void unhex_secret(const uint8_t *in, size_t n, uint8_t *out, unsigned *bad)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(value(in[2 * i], bad) << 4 | value(in[2 * i + 1], bad));
}

enum { AT_SET = sizeof head - 1, AT_X = AT_SET + 17, AT_Y = AT_X + 3, AT_CHECK = AT_Y + 65 };

enum err shamir_put(const struct sharing *g, const struct share *s, uint8_t out[SHAMIR_TEXT])
{
    uint8_t check[4];
    memset(out, '-', SHAMIR_TEXT);
    memcpy(out, head, sizeof head - 1);
    hex_secret(g->set, SHAMIR_SET, out + AT_SET);
    hex_secret(&s->x, 1, out + AT_X);
    hex_secret(s->y, SHAMIR_N, out + AT_Y);
    TRY(hash(&(struct span){out, AT_CHECK - 1}, 1, check, sizeof check));
    hex_secret(check, sizeof check, out + AT_CHECK);
    return OK;
}

enum err shamir_get(struct span t, uint8_t set[SHAMIR_SET], struct share *s)
{
    uint8_t says[4], check[4], lower[SHAMIR_TEXT];
    unsigned bad = 0;
    if (t.n != SHAMIR_TEXT || !span_starts(t, SPAN(head)) || t.p[AT_X - 1] != '-' || t.p[AT_Y - 1] != '-' ||
        t.p[AT_CHECK - 1] != '-')
        return ERR_SYNTAX;
    unhex_secret(t.p + AT_SET, SHAMIR_SET, set, &bad);
    unhex_secret(t.p + AT_X, 1, &s->x, &bad);
    unhex_secret(t.p + AT_Y, SHAMIR_N, s->y, &bad);
    unhex_secret(t.p + AT_CHECK, sizeof says, says, &bad);
    memset(lower, '-', sizeof lower); /* the check counts lower case, whatever was typed */
    memcpy(lower, head, sizeof head - 1);
    hex_secret(set, SHAMIR_SET, lower + AT_SET);
    hex_secret(&s->x, 1, lower + AT_X);
    hex_secret(s->y, SHAMIR_N, lower + AT_Y);
    enum err e = hash(&(struct span){lower, AT_CHECK - 1}, 1, check, sizeof check);
    wipe(lower, sizeof lower);
    if (e != OK)
        return e;
    return bad == 0 && s->x > 0 && shamir_same(says, check, sizeof check) ? OK : ERR_SYNTAX;
}

void shamir_put_sharing(const struct sharing *g, struct buf *b)
{
    buf_fmt(b, "m=%u n=%u set=", g->m, g->n);
    hex_put(b, span_of(g->set, SHAMIR_SET));
    buf_str(b, " secret=");
    hex_put(b, span_of(g->secret, SHAMIR_TAG));
    buf_str(b, " tags=");
    for (unsigned i = 0; i < g->n; i++) {
        if (i > 0)
            buf_c(b, ',');
        hex_put(b, span_of(g->tag[i], SHAMIR_TAG));
    }
}

static enum err word(struct span *s, const char *name, struct span *out)
{
    struct span w = span_cut(s, ' '), key = span_str(name);
    *out = span_from(w, key.n);
    return span_starts(w, key) ? OK : ERR_SYNTAX;
}

static enum err octets(struct span text, uint8_t *out, size_t n)
{
    struct buf b = buf_over(out, n);
    TRY(hex_get(text, &b));
    return b.n == n ? OK : ERR_SYNTAX;
}

enum err shamir_get_sharing(struct span s, struct sharing *g)
{
    struct span t;
    uint64_t m, n;
    TRY(word(&s, "m=", &t));
    TRY(span_u64(t, SHAMIR_MOST, &m));
    TRY(word(&s, "n=", &t));
    TRY(span_u64(t, SHAMIR_MOST, &n));
    if (m < 2 || m > n)
        return ERR_RANGE;
    *g = (struct sharing){.m = (unsigned)m, .n = (unsigned)n};
    TRY(word(&s, "set=", &t));
    TRY(octets(t, g->set, SHAMIR_SET));
    TRY(word(&s, "secret=", &t));
    TRY(octets(t, g->secret, SHAMIR_TAG));
    TRY(word(&s, "tags=", &t));
    for (unsigned i = 0; i < g->n; i++)
        TRY(octets(span_cut(&t, ','), g->tag[i], SHAMIR_TAG));
    return !t.p && s.n == 0 ? OK : ERR_SYNTAX;
}
