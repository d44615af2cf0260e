/* release.h - how a reader asks for keys and the vault answers (e2e.md 6, vectors README 17 and 19): the signed
 * request, built and read; the signed answer, built. The reader's side of the answer is in release_open.h. */
#ifndef ESD_RELEASE_H
#define ESD_RELEASE_H

#include "esd/jose.h"

enum {
    RELEASE_WANT_MAX = 256,
    RELEASE_AUD_MAX = 2,
    RELEASE_NONCE = 16, /* be32(seconds) || 12 octets */
    RELEASE_SALT = 32,
    RELEASE_PATH_MAX = 64,
    RELEASE_TEXT_MAX = 256, /* purpose and other short texts */
};

/* Request: {iss, aud, nonce, want:[kid ...], epk, head?:{size, root}, purpose?}. */
struct release_ask {
    struct span iss, aud[RELEASE_AUD_MAX];
    size_t n_aud; /* one is written as a string, two as an array */
    uint8_t nonce[RELEASE_NONCE];
    const struct span *want;
    size_t n_want;
    struct p256 *epk; /* built: fresh pair of the reader; read: public half, free with p256_free */
    bool has_head;
    uint64_t size;
    uint8_t root[ESD_HASH];
    struct span purpose;
};
/* ERR_RANGE: nothing or more than 256 wanted. */
MUST_USE enum err release_ask_build(const struct release_ask *q, const struct p256 *key, struct span kid,
                                    struct buf *scratch, struct buf *out);
/* Shape alone, as the vault checks it first: MALFORMED (also a kid twice, no nonce, 0 or more than 256 wanted, epk
 * not on the curve), ALGORITHM_REFUSED (epk on another curve), FAILED. Then the caller looks up the key of iss and
 * calls release_ask_judge. */
MUST_USE enum reason release_ask_read(struct span text, struct arena *a, struct jws *j, struct release_ask *out);
/* Signature by the registered key and audience: REFUSED when either is wrong. */
MUST_USE enum reason release_ask_judge(const struct jws *j, const struct release_ask *q, const struct p256 *registered,
                                       struct span me);

/* One released key. */
struct release_key {
    struct span kid;   /* as wanted */
    const uint8_t *kv; /* secret: 64 octets of a Key Value, or the 32 octets d of a strict pair (strict.h) */
    size_t kv_n;
    uint64_t pv; /* version of the policy that decided */
    uint8_t kc[ESD_KC], wk[JOSE_THUMB];
    struct span cr; /* who registered it */
};
struct release_deny {
    struct span kid;
    enum reason code;
};

/* Answer: {req, jwe, ttl, pv, kc, wk, cr, salt, record, index, size, path, head, consistency?, deny}. An answer that
 * only denies has req, head and deny alone. */
struct release_answer {
    uint8_t req[ESD_HASH];
    const struct release_key *keys;
    size_t n_keys;
    const struct release_deny *deny;
    size_t n_deny;
    uint64_t ttl; /* seconds */
    uint8_t salt[RELEASE_SALT];
    struct span record;
    uint64_t index, size;
    const uint8_t (*path)[ESD_HASH];
    size_t n_path;
    struct span head; /* checkpoint text, signed */
    bool has_consistency;
    const uint8_t (*consistency)[ESD_HASH];
    size_t n_consistency;
};
/* `epk` is the request's, `release` the vault's release key. `scratch` holds secrets and is wiped: room for the
 * whole payload, 64 KiB + 512 octets a key suffice. */
MUST_USE enum err release_answer_build(const struct release_answer *r, const struct p256 *epk,
                                       const struct p256 *release, struct span kid, struct buf *scratch,
                                       struct buf *out);

/* The log record of a request: {"v":1,"t":seconds,"iss":...,"via"?:FQDN of the partner that vouched,"req":...,
 * "items":[{"kid","code"}...]}; code "ok" or the reason's. keys and deny of r in the order of `want`. */
void release_record_put(struct buf *b, uint64_t t, struct span iss, struct span via, const uint8_t req[ESD_HASH],
                        const struct span *want, const enum reason *codes, size_t n);
/* entry = SHA-256(salt || record), leaf hash = SHA-256(00 || entry). */
MUST_USE enum err release_leaf(const uint8_t salt[RELEASE_SALT], struct span record, uint8_t leaf[ESD_HASH]);

#endif
