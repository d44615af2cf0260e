/* keyask.h - the writer asks its TTP for a key instead of making one (e2e.md 2): a Key Value, wrapped to the request's
 * ephemeral key as a release is, or the public halves of strict pairs, up to 24 ahead. POST /key. The request and the
 * vault's answer are built here; the writer opens the answer with keyask_open.h. */
#ifndef ESD_KEYASK_H
#define ESD_KEYASK_H

#include "esd/letter.h"

enum {
    KEYASK_NONCE = 16,    /* of the TTP's Oneseal-Nonce */
    KEYASK_PAIRS_MAX = 24 /* strict pairs of a stream that wait for their activation */
};

/* Request, typ oneseal-key+jws. For a Key Value {iss, aud, nonce, epk, sid, ep, suid, adfq, et?, policy, pv?, wk,
 * plain?}: the vault registers it at once, as by a letter. For pairs {iss, aud, nonce, sid, adfq, pairs}: so many shall
 * be ready. The vault makes what is missing and answers with all that wait, the oldest first: asking again is safe and
 * loses none. What the registration says stands in the activation letter. */
struct key_ask {
    struct span iss, aud;
    uint8_t nonce[KEYASK_NONCE];
    uint8_t pairs;           /* 0: a Key Value is wanted; else 1 to KEYASK_PAIRS_MAX */
    struct p256 *epk;        /* Key Value. Built: fresh pair of the writer; read: public half, free with p256_free */
    struct letter_item item; /* kid and kc are not used; with pairs only sid and adfq are */
};
/* Signed by `key` under `kid` like a letter. ERR_RANGE: pairs. */
MUST_USE enum err keyask_build(const struct key_ask *q, const struct p256 *key, struct span kid, struct buf *scratch,
                               struct buf *out);
/* Reads without verifying. MALFORMED (also pairs and epk together, or neither), ALGORITHM_REFUSED, FAILED. On OK free
 * out->epk. */
MUST_USE enum reason keyask_read(struct span text, struct arena *a, struct jws *j, struct key_ask *out);

/* One key that the vault made. */
struct key_made {
    struct span kid;
    uint8_t kc[ESD_KC];
    int64_t et;        /* ms; of a pair: until then it must be activated */
    const uint8_t *kv; /* 64 octets, secret; NULL: a pair */
    struct p256 *pub;  /* public half; NULL: a Key Value */
};
/* Answer, typ oneseal-key-answer+jws, by the release key: {req, jwe?, keys:[{kid, kc, et, jwk?}], index, size, head};
 * jwe = ECDH-ES+A256KW to epk with apv = SHA-256(request), over the JSON object kid to KV. */
struct key_answer {
    uint8_t req[ESD_HASH];
    struct key_made *keys;
    size_t n;
    uint64_t index, size; /* of the log leaf; index 0: nothing new was made */
    struct span head;     /* checkpoint text */
};
/* `epk` NULL: pairs. `scratch` is wiped; 16 KiB of room suffice. */
MUST_USE enum err keyask_answer_build(const struct key_answer *r, const struct p256 *epk, const struct p256 *release,
                                      struct span kid, struct buf *scratch, struct buf *out);

#endif
