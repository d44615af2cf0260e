/* vault_join.h - join tokens in the vault (esd/join.h; security.md 6.6): minted on the operator's command, kept as a
 * sealed hash in the snapshot, used up in the batch of what they are used for.
 *
 * For whom: an absolute AE-ID or CSE-ID ("//sp/Sapp", "//sp/id-mn"), one that ends in a star, a dNSName, or a dNSName
 * that begins with "*.". */
#ifndef TTP_VAULT_JOIN_H
#define TTP_VAULT_JOIN_H

#include "esd/join.h"
#include "ttp/vault_own.h"

enum {
    JOIN_TTL_S = 900, /* life unless said otherwise */
    JOIN_TTL_MAX_S = 30 * 86400,
    JOIN_USES_MAX = 10000,
    JOIN_TRIES_PER_MIN = 10, /* wrong proofs for one token in a minute */
};

struct vault_join {
    struct span text;        /* what is shown, as it came */
    struct join_shown shown; /* filled by vault_join_good */
    enum join_purpose purpose;
    struct span name; /* SAN or iss, as the proof has it */
    struct span iss;  /* the identity */
};
/* May this be used now, by the key with this thumbprint? Counts tries. Answers `a` and returns false when not. */
bool vault_join_good(struct vault *v, struct vault_ask *a, struct vault_join *j, const uint8_t jkt[JOSE_THUMB]);
/* One use less, in the batch at hand, of what vault_join_good let pass in the same decision. vault_state_set's. */
MUST_USE enum err vault_join_take(struct vault *v, const struct vault_join *j);
/* Is the name one that the pattern is for? */
bool vault_join_for(struct span pattern, struct span name, struct span iss);

#endif
