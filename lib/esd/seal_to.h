/* seal_to.h - strict, write-only streams (e2e.md 2; vectors README 7, 11): each message is ECDH-ES+A256KW with A256GCM
 * to the epoch's public P-256 key, so that the writer cannot open what it just wrote. Compact, header members in the
 * order alg enc kid epk cty e2e; kid commits to the public key. strict.h says how pairs are made and checked. */
#ifndef ESD_SEAL_TO_H
#define ESD_SEAL_TO_H

#include "esd/jose.h"
#include "esd/seal.h"

/* One strict epoch's public half, ready to seal to. Holds no secret. */
struct seal_to_key {
    struct p256 *to; /* its own reference */
    uint8_t kc[ESD_KC], sid[ESD_SID];
    uint16_t kid_n;
    char kid[ESD_KID_OURS_MAX];
};
/* kid and KC are made from the key's thumbprint, the sid and the TTP's domain. ERR_RANGE: fqdn is no domain;
 * ERR_CRYPTO. */
MUST_USE enum err seal_to_init(struct seal_to_key *k, const struct p256 *to, const uint8_t sid[ESD_SID],
                               struct span fqdn);
void seal_to_free(struct seal_to_key *k);

/* Octets that seal_to writes at most for n octets of plaintext and padding. */
size_t seal_to_room(size_t n);
/* Appends the compact text. Content key, IV and ephemeral key are hedged: made from 32 random octets of s->rng together
 * with the header and the content, so that a cloned process repeats them only for the same message. `scratch` as for
 * seal(). ERR_RANGE (index, epoch, time, nothing to seal), ERR_FULL, ERR_CRYPTO; on an error out->n is as it was. */
MUST_USE enum err seal_to(struct sealer *s, const struct seal_to_key *k, const struct seal_msg *m, struct span plain,
                          struct buf *scratch, struct buf *out);
/* With everything random given: for vectors. */
MUST_USE enum err seal_to_fixed(struct sealer *s, const struct seal_to_key *k, const struct seal_msg *m,
                                struct span plain, const struct jwe_fixed *f, struct buf *scratch, struct buf *out);

#endif
