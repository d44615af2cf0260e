/* shred.h - destroying keys at the TTP (e2e.md 6, "Keys at rest"): the order of an owner or the operator, and the
 * vault's signed answer. POST /shred.
 *
 * Order: oneseal-shred+jws {"iss","aud","nonce", and one of "kid" | "sid" with "owner"? | "tenant"}. An owner destroys
 * what it registered itself; the operator's key everything, and names the owner of a stream. `nonce` is a fresh one of
 * the vault's, so that an old order destroys nothing that came after it.
 *
 * Answer: oneseal-shred-answer+jws {"req","code","complete","rekey","copies":[{"name","what","made"}..],"index",
 * "size","head"} by the release key. From then on no such key is released or registered again. `complete`: seconds
 * since 1970 at which the last private half that could open a letter with such a key is gone. `rekey`: false while the
 * keys above the destroyed rows are not replaced yet: until then an older backup of the TTP, with the XK of its day,
 * still opens them. `copies`: copies of XK that somebody keeps and that open backups of their day for good. */
#ifndef ESD_SHRED_H
#define ESD_SHRED_H

#include "esd/jose.h"
#include "esd/release.h"

enum { SHRED_COPIES_MAX = 256 };

struct shred {
    struct span iss, aud;
    uint8_t nonce[RELEASE_NONCE];
    struct span kid; /* or empty */
    bool has_sid;    /* a stream */
    uint8_t sid[ESD_SID];
    struct span owner;  /* of the stream; empty: iss */
    struct span tenant; /* or empty */
};
/* ERR_RANGE: not exactly one of kid, sid, tenant. */
MUST_USE enum err shred_build(const struct shred *s, const struct p256 *key, struct span kid, struct buf *scratch,
                              struct buf *out);
/* Reads without verifying: the vault looks up the key of iss. MALFORMED, ALGORITHM_REFUSED, FAILED. */
MUST_USE enum reason shred_read(struct span text, struct arena *a, struct jws *j, struct shred *out);

struct shred_copy {
    struct span name, what;
    uint64_t made; /* seconds since 1970 */
};
struct shred_answer {
    uint8_t req[ESD_HASH];
    struct span code; /* "ok", or a code of reasons.def */
    uint64_t complete;
    bool rekey;
    const struct shred_copy *copies;
    size_t n_copies;
    uint64_t index, size;
    struct span head;
};
MUST_USE enum err shred_answer_build(const struct shred_answer *r, const struct p256 *release, struct span kid,
                                     struct buf *scratch, struct buf *out);
/* `request`: the text that was sent. TAMPERED: signature, or another request's. */
MUST_USE enum reason shred_answer_open(struct span text, struct span request, const struct p256 *release,
                                       struct arena *a, struct shred_answer *out);

#endif
