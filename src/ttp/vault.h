/* vault.h - the room that has the keys: identity, sealing, release, log and nonce keys, the root and what hangs below
 * it, the running tree, clients, policies, denials, shreds. It trusts no other room (architecture.md 7): whatever the
 * ledger hands it authenticates or is refused, and no wrapped key leaves before its leaf is durable, the head signed
 * and the parent's reply there (e2e.md 6 point 4).
 *
 * A state machine: messages go in by the gate, frames come out in two buffers. It has no descriptor, no file, no
 * clock of its own. */
#ifndef TTP_VAULT_H
#define TTP_VAULT_H

#include "ttp/msg.h"

struct vault;

enum { VAULT_ROOT = 32 };

struct vault_conf {
    struct buf *to_parent, *to_ledger; /* belong to the caller */
    struct buf *to_hall;               /* the same; NULL: there are no tellers */
    int64_t (*now_ms)(void *ctx);      /* wall clock */
    enum err (*confine)(void *ctx);    /* called once loaded, before the first request; NULL: nothing */
    enum err (*more_root)(void *ctx, uint8_t root[VAULT_ROOT]); /* the next root out of the pipe, waits; NULL: none */
    void *ctx;
    const uint8_t *root; /* RK, 32 octets; copied into locked memory, the caller wipes its own */
};
/* ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err vault_new(const struct vault_conf *conf, struct vault **out);
/* Wipes and frees. NULL is fine. */
void vault_free(struct vault *v);
/* The end for msg_receive. Lives as long as the vault. */
const struct msg_end *vault_end(const struct vault *v);
/* It was told to end, its secrets are wiped: free it and leave. */
bool vault_ended(const struct vault *v);
/* Once in a while, and when vault_wait_ms is over: folded denials of past minutes, polls that are held. */
MUST_USE enum err vault_tick(struct vault *v);
enum { VAULT_WAIT_MAX_MS = 10000 };
/* How long at most until vault_tick must be called again. */
int vault_wait_ms(const struct vault *v);

#endif
