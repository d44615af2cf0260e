/* readers.h - who may RETRIEVE a place, as far as a policy at the TTP can say it (e2e.md 7, readers = acp): S-type AEs
 * that the rules of its accessControlPolicies name, one by one or as members of a group of this CSE; of a place without
 * policies its custodian, else its creator.
 *
 * Whatever else may permit a request here (everybody, patterns, roles, times, addresses, policies and groups elsewhere,
 * tokens) names nobody to whom a key could be given; each such rule is a note. */
#ifndef CSE_READERS_H
#define CSE_READERS_H

#include "base/arena.h"
#include "store/store.h"

struct cse;

enum { READERS_MAX = 256, READERS_NOTES_MAX = 32 };

struct readers_note {
    struct span what; /* as it stands in the rule */
    const char *why;  /* it grants no key */
};
struct readers {
    struct span id[READERS_MAX]; /* absolute AE-IDs, in order, each once */
    size_t n;
    struct readers_note note[READERS_NOTES_MAX]; /* the first ones */
    size_t n_notes;
};

/* Something about policies, groups or AEs changed since the number was another one. Writer thread. */
uint64_t readers_turn(const struct cse *c);
/* Of the place at this absolute structured address, `#name` left out; its labels, too. Any thread with a transaction.
 * ERR_NOTFOUND: there is nothing, or nothing of this CSE. */
MUST_USE enum err readers_at(struct cse *c, struct store_tx *t, struct arena *a, int64_t now, struct span address,
                             struct readers *out, const struct span **lbl, size_t *nlbl);

#endif
