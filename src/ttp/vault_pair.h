/* vault_pair.h - strict pairs in the vault: rows that wait for their activation (e2e.md 2). */
#ifndef TTP_VAULT_PAIR_H
#define TTP_VAULT_PAIR_H

#include "esd/strict.h"
#include "ttp/vault_own.h"

/* Asks the ledger for the waiting pair of a kid, or the nth that waits in a stream, as need[n]. */
void vault_pair_find(struct vault *v, struct vault_ask *a, size_t n, struct span kid);
void vault_pair_find_nth(struct vault *v, struct vault_ask *a, size_t n, struct span iss, const uint8_t *sid,
                         size_t nth);
/* The row that the ledger handed over authenticates, commits to its kid, and waits in this stream of iss. The pair goes
 * into *out (free with p256_free) and its d, a secret, into d; both may be NULL. NO_KEY_YET: there is none; EXPIRED: it
 * waited too long; REFUSED: it is somebody else's or of another stream; TAMPERED: it does not authenticate; FAILED. */
MUST_USE enum reason vault_pair_open(struct vault *v, const struct vault_found *f, struct span iss, const uint8_t *sid,
                                     uint8_t d[STRICT_D], struct p256 **out);

#endif
