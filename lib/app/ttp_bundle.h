/* ttp_bundle.h - the bundle of a TTP is followed (e2e.md 2): the file of the profile pins an identity, the newest
 * bundle that the chain of identities leads to from there is kept in the book. It is asked for again as often as it
 * says and when an answer is signed by a key that it does not know; a lower number is refused. */
#ifndef APP_TTP_BUNDLE_H
#define APP_TTP_BUNDLE_H

#include "app/ttp.h"

/* Reads the pin, then what the book kept. Says the fault. */
MUST_USE enum status ttp_bundle_open(struct ttps *s, struct ttp *t);
/* Asks for a newer one when it is time. An answer that is none does no harm as long as the present one lasts; one that
 * has ended and cannot be renewed: REGISTRATION_OVERDUE. */
MUST_USE enum reason ttp_bundle_fresh(struct ttps *s, struct ttp *t);
/* Asks now. What bundle_open says, ROLLED_BACK, TTP_UNREACHABLE. */
MUST_USE enum reason ttp_bundle_renew(struct ttps *s, struct ttp *t);
/* The release key that an answer names; one that is not known is looked for once in a newer bundle. Never NULL: the
 * present key, by which an answer of a stranger does not verify. */
const struct p256 *ttp_bundle_signer(struct ttps *s, struct ttp *t, struct span answer);
/* Has it ended? Then nothing more is sealed under it. */
bool ttp_bundle_over(const struct ttp *t);

#endif
