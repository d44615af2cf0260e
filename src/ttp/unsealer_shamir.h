/* unsealer_shamir.h - m-of-n shares of 32 octets (Shamir 1979) over GF(256), polynomial x^8+x^4+x^3+x+1, an octet at a
 * time: share x (1..n) of an octet is f(x), f(0) the octet, f of degree m-1 with random coefficients.
 *
 * Constant time: no branch and no address depends on a secret octet, in arithmetic, text and comparison; the numbers of
 * shares are public (test/walls/test_shares.py counts instructions).
 *
 * A share as text, one line: oneseal-share-1-SET-X-Y-CHECK; SET 16 hex digits that name the sharing, X its number in
 * two hex digits, Y 64, CHECK the first 4 octets of SHA-256 of everything before it, against typing errors.
 * STATE/custody: "oneseal-custody 1 shares m=M n=N set=SET secret=H tags=H,H,..": truncated SHA-256 of S, and of every
 * share, so that a wrong one is told by its number. Each share is 256 random bits, which a hash does not give away. */
#ifndef TTP_UNSEALER_SHAMIR_H
#define TTP_UNSEALER_SHAMIR_H

#include "base/buf.h"

enum {
    SHAMIR_N = 32,
    SHAMIR_MOST = 16,
    SHAMIR_SET = 8,
    SHAMIR_TAG = 16,
    SHAMIR_TEXT = 16 + 16 + 1 + 2 + 1 + 64 + 1 + 8
};

struct share {
    uint8_t x;
    uint8_t y[SHAMIR_N];
};

struct sharing {
    unsigned m, n; /* 2 <= m <= n <= SHAMIR_MOST */
    uint8_t set[SHAMIR_SET];
    uint8_t secret[SHAMIR_TAG], tag[SHAMIR_MOST][SHAMIR_TAG];
};

/* Shares 1..n of `secret`; coef: (m - 1) * SHAMIR_N random octets, secret as well. */
void shamir_split(const uint8_t secret[SHAMIR_N], const uint8_t *coef, unsigned m, unsigned n, struct share *out);
/* Of any m shares with different x. */
void shamir_combine(const struct share *s, unsigned m, uint8_t secret[SHAMIR_N]);

/* The hashes that the custody file holds. ERR_CRYPTO. */
MUST_USE enum err shamir_tag_share(const struct sharing *g, const struct share *s, uint8_t tag[SHAMIR_TAG]);
MUST_USE enum err shamir_tag_secret(const struct sharing *g, const uint8_t secret[SHAMIR_N], uint8_t tag[SHAMIR_TAG]);
/* Compares without stopping early. */
bool shamir_same(const uint8_t *a, const uint8_t *b, size_t n);

/* Text of a share, SHAMIR_TEXT octets and no line feed; and back. ERR_SYNTAX: no share, or a digit is wrong (CHECK).
 * `set` is what it says. ERR_CRYPTO. */
MUST_USE enum err shamir_put(const struct sharing *g, const struct share *s, uint8_t out[SHAMIR_TEXT]);
MUST_USE enum err shamir_get(struct span text, uint8_t set[SHAMIR_SET], struct share *s);

/* The words of the custody file behind "shares ", without line feed. ERR_SYNTAX, ERR_RANGE. */
void shamir_put_sharing(const struct sharing *g, struct buf *b);
MUST_USE enum err shamir_get_sharing(struct span words, struct sharing *g);

#endif
