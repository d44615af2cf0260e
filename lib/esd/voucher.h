/* voucher.h - how a TTP speaks for an application of its domain before another TTP (e2e.md 8), and the body in which
 * both texts travel. One hop: a request that came with a voucher is never handed on.
 *
 * Voucher: JWS oneseal-voucher+jws by the release key of `iss` over {iss, aud, sub, jkt, req, exp}:
 *   iss, aud  FQDN of the TTP that vouches, FQDN of the one that holds the key
 *   sub, jkt  the application (absolute AE-ID) and the RFC 7638 thumbprint of the key that signed its request
 *   req       SHA-256 of the request's compact text
 *   exp       seconds since 1970, at most VOUCHER_LIFE_S after it was made
 *
 * Relayed body, POST /vouched, application/json: {"request": compact text, "voucher": compact text, "jwk": public JWK}.
 * The key is named by the voucher's thumbprint alone; who relays may choose nothing. */
#ifndef ESD_VOUCHER_H
#define ESD_VOUCHER_H

#include "esd/jose.h"

enum {
    VOUCHER_LIFE_S = 60,
    VOUCHER_SKEW_S = 5, /* how far the clock of the TTP that vouches may be ahead */
};

struct voucher {
    struct span iss, aud, sub;
    uint8_t jkt[JOSE_THUMB], req[ESD_HASH];
    uint64_t exp;
};
/* Signed by `release` under `kid`. The buf's errors, ERR_CRYPTO. */
MUST_USE enum err voucher_build(const struct voucher *x, const struct p256 *release, struct span kid,
                                struct buf *scratch, struct buf *out);
/* Shape alone, so that the receiver can look up the key of iss: verify with jws_verify(j, its release key).
 * MALFORMED, ALGORITHM_REFUSED, FAILED. */
MUST_USE enum reason voucher_read(struct span text, struct arena *a, struct jws *j, struct voucher *out);
/* Whether a verified voucher is one for `me`, about this request, signed by this key, and of now. REFUSED; EXPIRED:
 * its minute is over. */
MUST_USE enum reason voucher_judge(const struct voucher *x, struct span me, struct span sub,
                                   const uint8_t jkt[JOSE_THUMB], struct span request, uint64_t now_s);
/* Is the application one of `domain`? //domain/Sname and //domain/cse/Cname are, compared without case. */
bool voucher_covers(struct span domain, struct span sub);

struct vouched {
    struct span request, voucher;
    struct p256 *key; /* public; read: free with p256_free */
};
void vouched_put(struct buf *b, const struct vouched *x);
/* MALFORMED, ALGORITHM_REFUSED, FAILED. */
MUST_USE enum reason vouched_read(struct span body, struct arena *a, struct vouched *out);

#endif
