/* vault_policy.h - what the current policies and denials say about a row and a reader. */
#ifndef TTP_VAULT_POLICY_H
#define TTP_VAULT_POLICY_H

#include "ttp/vault_own.h"

enum vault_rule {
#define RULE(name, text, reason, sentence) VAULT_RULE_##name,
#include "ttp/vault_rule.def"
#undef RULE
    VAULT_RULE__N
};
const char *vault_rule_text(enum vault_rule r);
const char *vault_rule_sentence(enum vault_rule r);
enum reason vault_rule_reason(enum vault_rule r);

/* Which rule decided, and with what. */
struct vault_verdict {
    enum vault_rule rule;
    uint64_t version;   /* of the policy; 0: none, or not looked at */
    struct span target; /* the entry or denial that decided, canonical; empty: none. Until the table changes */
};

/* Judges by the version that the vault holds, never by one that somebody handed in. Every row is judged by the policy
 * of that name which the row's own issuer signed. NO_KEY_YET: the letter asks for a newer version than that; REFUSED:
 * no policy, denied, not a reader, another thumbprint than the pinned one, outside of its time. FAILED. `said` is
 * filled in from `rule` on when the policy refuses; when it permits, rule is READER. */
MUST_USE enum reason vault_policy_judge(struct vault *v, const struct row *row, struct span id,
                                        const uint8_t jkt[JOSE_THUMB], struct vault_verdict *said);
/* The same without its grounds. */
MUST_USE enum reason vault_policy_allows(struct vault *v, const struct row *row, struct span id,
                                         const uint8_t jkt[JOSE_THUMB], uint64_t *version);

/* One key for one reader, all rules: the one function that every caller uses (release, why, federation). The request as
 * a whole has passed before: shape, signature, audience, nonce, quota. `value` gets the row's value when it
 * authenticates, whatever the verdict: the caller wipes it. */
MUST_USE enum reason vault_judge(struct vault *v, struct span kid, struct span id, const uint8_t jkt[JOSE_THUMB],
                                 const struct vault_found *f, struct vault_verdict *said, uint8_t value[ROW_VALUE_MAX]);

/* A policy as it stands. Spans live until the table changes. */
struct vault_policy {
    uint64_t version, from, until; /* ms; 0: no bound */
    struct span readers;           /* the rest: take them off with vault_policy_next */
};
struct vault_policy_entry {
    struct span id; /* canonical */
    bool pinned, escrow;
    uint8_t jkt[JOSE_THUMB];
    uint64_t from, until;
};
/* ERR_NOTFOUND, ERR_SYNTAX. */
MUST_USE enum err vault_policy_get(struct vault *v, struct span iss, struct span name, struct vault_policy *out);
/* Takes a key of TABLE_POLICIES apart. ERR_SYNTAX. */
MUST_USE enum err vault_policy_key_read(struct span key, struct span *iss, struct span *name);
/* False: there are no more. */
bool vault_policy_next(struct span *readers, struct vault_policy_entry *out);
/* Does the entry mean this identity with this key? Time is not asked. */
bool vault_policy_means(const struct vault_policy_entry *e, struct span id, const uint8_t jkt[JOSE_THUMB]);
/* The nth reader of the current version as text: identity, pattern or domain. */
bool vault_policy_reader(struct vault *v, struct span iss, struct span name, size_t n, struct span *id);
/* Is there a denial of the owner or the operator for this policy or for all, for the identity, its domain or its key?
 */
bool vault_denied(struct vault *v, struct span owner, struct span policy, struct span id,
                  const uint8_t jkt[JOSE_THUMB]);

/* A denial as it stands in TABLE_DENIALS. */
struct vault_denial {
    struct span owner, policy, id; /* owner empty: the operator; policy empty: all; id "jkt:" and 32 octets: a key */
    bool deny;
    uint64_t n;
};
/* ERR_SYNTAX. */
MUST_USE enum err vault_denial_read(const struct vault_entry *e, struct vault_denial *out);

#endif
