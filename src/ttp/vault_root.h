/* vault_root.h - the root key RK: which one opens the state, and how another takes its place (e2e.md 6, "Keys at
 * rest").
 *
 * A re-keying of XK gives the vault a new root in its pipe (REWRAP). In one batch every tenant key gets a second box
 * under the new root beside the old one, the ring and the snapshot's MAC hang on the new one, and `op` rekey is in the
 * log; a later batch drops the old boxes. Dying anywhere leaves a state that one of the two roots opens: before the
 * head of that batch was kept the old one, afterwards the new one; the parent, which has both files until then, offers
 * both (ROOT_ALSO) and is told which one fits (ROOT_IS). */
#ifndef TTP_VAULT_ROOT_H
#define TTP_VAULT_ROOT_H

#include "ttp/vault_own.h"

/* Takes the root that opens what the ledger stored: by the snapshot's MAC, without a snapshot by the stored keys.
 * ERR_AUTH: none does. */
MUST_USE enum err vault_root_pick(struct vault *v, const struct msg_STORED *s);
/* Handlers of messages from the parent. */
MUST_USE enum err vault_root_also(struct vault *v);
MUST_USE enum err vault_root_rewrap(struct vault *v, uint64_t id);
/* A new root is here, and the tenants' keys are wanted for it. */
bool vault_root_waits(const struct vault *v);
/* In a batch of its own: everything hangs on the new root from now on. `tenants`: all there are. */
MUST_USE enum err vault_root_switch(struct vault *v, const struct vault_swept *tenants, size_t n);
/* The batch is with the ledger, or about to be: nothing else is decided in it. */
bool vault_root_switching(const struct vault *v);
/* Which XK it is, from 1: rises with each re-keying. */
uint64_t vault_root_count(const struct vault *v);
/* Stages of that batch. */
void vault_root_committed(struct vault *v);
void vault_root_kept(struct vault *v);
MUST_USE enum err vault_root_failed(struct vault *v);

#endif
