/* vault_policy.h - what the current policies and denials say about a row and a reader. */
#ifndef TTP_VAULT_POLICY_H
#define TTP_VAULT_POLICY_H

#include "ttp/vault_own.h"

/* Judges by the version that the vault holds, never by one that somebody handed in. Every row is judged by the policy
 * of that name which the row's own issuer signed. NO_KEY_YET: the letter asks for a newer version than that; REFUSED:
 * no policy, denied, not a reader, another thumbprint than the pinned one, outside of its time. FAILED. */
MUST_USE enum reason vault_policy_allows(struct vault *v, const struct row *row, struct span id,
                                         const uint8_t jkt[JOSE_THUMB], uint64_t *version);
/* Is there a denial of the owner or the operator for this policy or for all? */
bool vault_denied(struct vault *v, struct span owner, struct span policy, struct span id);

#endif
