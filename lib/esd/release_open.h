/* release_open.h - the reader checks and opens the answer to its own request (e2e.md 6 step 6). */
#ifndef ESD_RELEASE_OPEN_H
#define ESD_RELEASE_OPEN_H

#include "esd/release.h"
#include "esd/unwrap.h"

/* What the reader knows. */
struct release_expect {
    struct span request;           /* compact text that was sent */
    const struct release_ask *ask; /* with epk's private half, and the head it kept */
    const struct p256 *release;    /* from the pinned bundle */
    struct span log_vkey;          /* the log's verifier key, from the bundle */
    /* Checks that a key is the one of its stream: sid of a wanted kid, or NULL when the reader does not know the
     * stream; then kc alone is compared with kid. */
    const uint8_t *(*sid)(void *ctx, struct span kid);
    void *ctx;
};
struct release_got {
    struct release_key *keys; /* in the arena, kv too: wipe with release_wipe */
    size_t n_keys;
    struct release_deny *deny;
    size_t n_deny;
    uint64_t ttl, size; /* size and root of the head to keep: the new one, or the kept one when the answer only denies
                           and does not prove that the new one continues it */
    uint8_t root[ESD_HASH];
    struct span head;
};
/* MALFORMED: typ, form, a wanted kid missing, double or not wanted; TAMPERED: signature, another request's, wrap;
 * COMMITMENT_MISMATCH; PROOF_INVALID: record, proof, head, consistency; FAILED. */
MUST_USE enum reason release_open(struct span answer, const struct release_expect *x, struct arena *a,
                                  struct release_got *out);
void release_wipe(struct release_got *g);

#endif
