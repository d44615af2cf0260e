/* vault_life.h - the life of the vault's own keys: which generation counts, what is due, how a change becomes durable.
 *
 * Ring and bundle stand in TABLE_LIFE ("ring", sealed under RK; "bundle"), so that they are part of the snapshot: a
 * ledger that hands out yesterday's keys is refused like one that hands out yesterday's policies. A change is decided
 * in a batch, has a leaf (`op` keys), and counts once the parent keeps the head; until then answers are signed with the
 * keys that counted before. A vault that has never changed them takes the ring that init left with the ledger. */
#ifndef TTP_VAULT_LIFE_H
#define TTP_VAULT_LIFE_H

#include "ttp/vault_ring.h"

struct vault;
struct vault_ask;

struct vault_life {
    struct ring *ring, *next; /* next: of the batch under way; NULL */
    struct buf next_bundle;
    uint64_t due_at; /* seconds since 1970 */
};

void vault_life_free(struct vault *v);
/* Fresh keys and the first bundle; sends KEEP_KEYS. */
MUST_USE enum err vault_life_init(struct vault *v);
/* The ring that the ledger stored at init. ERR_AUTH: RK does not open it. */
MUST_USE enum err vault_life_stored(struct vault *v, struct span wrapped, struct span bundle);
/* The tables are read: ring and bundle from there, if they have any. ERR_AUTH, ERR_SYNTAX. */
MUST_USE enum err vault_life_loaded(struct vault *v);

/* First thing of a launch: what is due. Nothing when the snapshot is full. */
MUST_USE enum err vault_life_launch(struct vault *v);
/* In a batch: `next` (taken over, in any case) is to count from now on; signs its bundle and writes the leaf for `a`,
 * or one without asker. ERR_NOTNOW: another change is in this batch; ERR_LIMIT: the snapshot is full, nothing was done.
 */
MUST_USE enum err vault_life_change(struct vault *v, struct vault_ask *a, struct ring *next);
/* The ring as it will be, sealed under RK of now, into the table: after RK changed. */
MUST_USE enum err vault_life_seal(struct vault *v);
/* The same into the ledger's own table of keys, which init wrote. */
MUST_USE enum err vault_life_store(struct vault *v);
/* The end of the batch: the change counts, or never was. */
void vault_life_kept(struct vault *v);
void vault_life_failed(struct vault *v);

/* Opens a letter's Key Values with whichever sealing key still lives, the present one first. As letter_open. */
MUST_USE enum reason vault_life_letter(struct vault *v, const struct key_letter *l, struct arena *a,
                                       uint8_t (*kvs)[ESD_KV]);
uint64_t vault_now_s(const struct vault *v);

#endif
