/* policy_ask.h - asking the vault what a policy says, and why a key is or is not released: signed questions, signed
 * answers, so that no front can show another policy than the one that counts (e2e.md 6, 7).
 *
 * show, typ oneseal-policy-show+jws:  {iss, aud, nonce, owner?, policy?}
 *   answer oneseal-policy-shown+jws:  {req, t, owner, policies:[{policy, version, readers}]} without `policy`, else
 *     {req, t, owner, policy, version, all, from?, until?, readers:[as in the policy], denials:[{policy?, id|jkt, by,
 * n}]} version 0: there is none. all false: the asker is a reader; he sees the entries that mean him, and every escrow.
 * why, typ oneseal-policy-why+jws:  {iss, aud, nonce, subject, kid, jkt?}; jkt: as if the subject had this key
 *   answer oneseal-policy-because+jws:  {req, t, subject, kid, code, rule, what, owner?, policy?, version?, target?}
 *     code "ok" or the reason's that a release would give; rule a name of vault_rule.def.
 * Who may ask: the owner, the operator; for show also readers of the policy, for why also the subject. Times are
 * m2m:timestamp, `t` ms since 1970. */
#ifndef ESD_POLICY_ASK_H
#define ESD_POLICY_ASK_H

#include "esd/release.h"

struct policy_show {
    struct span iss, aud;
    uint8_t nonce[RELEASE_NONCE]; /* the vault's */
    struct span owner;            /* empty: iss */
    struct span policy;           /* empty: list them */
};
struct policy_why {
    struct span iss, aud;
    uint8_t nonce[RELEASE_NONCE];
    struct span subject, kid;
    bool has_jkt;
    uint8_t jkt[JOSE_THUMB];
};
MUST_USE enum err policy_show_build(const struct policy_show *q, const struct p256 *key, struct span kid,
                                    struct buf *scratch, struct buf *out);
/* Shape alone. MALFORMED, ALGORITHM_REFUSED, FAILED. */
MUST_USE enum reason policy_show_read(struct span text, struct arena *a, struct jws *j, struct policy_show *out);
MUST_USE enum err policy_why_build(const struct policy_why *q, const struct p256 *key, struct span kid,
                                   struct buf *scratch, struct buf *out);
MUST_USE enum reason policy_why_read(struct span text, struct arena *a, struct jws *j, struct policy_why *out);
/* An answer of type `typ` to `request`: its claims. TAMPERED: not by this key, or another request's. */
MUST_USE enum reason policy_answer_open(struct span text, enum jws_typ typ, struct span request,
                                        const struct p256 *release, struct arena *a, struct jval **claims);

#endif
