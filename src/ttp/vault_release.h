/* vault_release.h - requests for keys, whoever brings them: the reader itself, or a partner that vouches for it. Both
 * are judged by the same functions; only who knows the reader's key differs. */
#ifndef TTP_VAULT_RELEASE_H
#define TTP_VAULT_RELEASE_H

#include "ttp/vault_own.h"

/* Whom a partner's voucher speaks for; lives as long as the request. */
struct vault_stranger {
    struct span sub;        /* who asks */
    struct span via;        /* FQDN of the partner */
    const struct p256 *key; /* what the request must be signed by */
    uint8_t jkt[JOSE_THUMB];
};
/* The read step of a release: shape, signature, audience, rate, then asks for the rows. `by` NULL: of a client of ours,
 * by the key that is registered and with a nonce of ours. Otherwise by the voucher, which stands for freshness: the
 * request's audience must be {this TTP, the partner}, and every key one of this TTP's, since nothing is relayed twice.
 */
MUST_USE enum err vault_release_read(struct vault *v, struct vault_ask *a, struct span request,
                                     const struct vault_stranger *by);
MUST_USE enum err vault_release_decide(struct vault *v, struct vault_ask *a);
MUST_USE enum err vault_release_answer(struct vault *v, struct vault_ask *a);
void vault_release_find(struct vault *v, struct vault_ask *a);
void vault_release_end(struct vault_ask *a);
/* Is this kid one of `fqdn`? */
bool vault_release_kid_at(struct span kid, struct span fqdn);

#endif
