/* share_probe N [--branch] - for test_shares.py: combines three shares of a secret that depends on N and on
 * nothing else, and checks and prints one as text. Under callgrind the instructions are counted: they must not depend
 * on N.
 *
 * --branch multiplies with a branch on each bit: the mistake that the count must show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "ttp/unsealer_shamir.h"

static volatile uint8_t sink;

static uint8_t by_branch(uint8_t a, uint8_t b)
{
    uint8_t p = 0;
    for (; b; b >>= 1) {
        if (b & 1)
            p ^= a;
        a = (uint8_t)(a & 0x80 ? (a << 1) ^ 0x1b : a << 1);
    }
    return p;
}

static void combine_badly(const struct share *s, unsigned m)
{
    for (unsigned j = 0; j < m; j++)
        for (size_t i = 0; i < SHAMIR_N; i++)
            sink ^= by_branch(3, s[j].y[i]);
}

int main(int argc, char **argv)
{
    struct sharing g = {.m = 3, .n = 5};
    struct share s[5], back;
    uint8_t secret[SHAMIR_N], coef[2 * SHAMIR_N], got[SHAMIR_N], text[SHAMIR_TEXT], set[SHAMIR_SET], tag[SHAMIR_TAG];
    uint32_t x = argc > 1 ? 2654435761u * ((uint32_t)argv[1][0] + 1u) : 0;
    bool bad = argc > 2;
    for (size_t i = 0; i < sizeof coef + sizeof secret; i++) {
        x = x * 1664525u + 1013904223u;
        *(i < sizeof coef ? &coef[i] : &secret[i - sizeof coef]) = (uint8_t)(x >> 24);
    }
    shamir_split(secret, coef, 3, 5, s);
    if (shamir_tag_share(&g, &s[0], tag) != OK) /* OpenSSL loads itself once, outside of what is counted */
        return 1;
    CALLGRIND_ZERO_STATS;
    if (bad)
        combine_badly(s, 3);
    shamir_combine(s, 3, got);
    bool good = shamir_put(&g, &s[0], text) == OK && shamir_get(span_of(text, sizeof text), set, &back) == OK &&
                shamir_tag_share(&g, &back, tag) == OK;
    CALLGRIND_DUMP_STATS_AT("combined");
    /* One answer for every secret that is put together again. */
    puts(good && shamir_same(got, secret, SHAMIR_N) && shamir_same(back.y, s[0].y, SHAMIR_N) ? "good" : "bad");
    return 0;
}
