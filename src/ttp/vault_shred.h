/* vault_shred.h - destroying keys for good (esd/shred.h; e2e.md 6): of an epoch, of a stream, of everything.
 *
 * When the order is acknowledged, the tombstone is in the snapshot and no such key is released or registered again; the
 * row of a single key is gone, rows of a stream go in steps (vault_work.h), its key and the tenant's are gone or being
 * replaced, and the parent has been told to replace XK. "escrow/NAME" in TABLE_LIFE: copies of XK that somebody made.
 */
#ifndef TTP_VAULT_SHRED_H
#define TTP_VAULT_SHRED_H

#include "esd/shred.h"
#include "ttp/vault_own.h"

enum { SHRED_ROOM = 16 << 10 /* octets of the snapshot that an order may need */ };

extern const struct vault_kind vault_kind_shred;

/* In a batch that gets its leaf from the caller: destroys the row `r`, or with NULL only forbids `kid`. ERR_LIMIT: the
 * tables are full, nothing changed; ask vault_state_room first. */
MUST_USE enum err vault_shred_key(struct vault *v, const struct row *r, struct span kid);
/* "copies":[...] of an answer: those that were not destroyed. At most max. */
size_t vault_shred_copies(const struct vault *v, struct shred_copy *out, size_t max);

#endif
