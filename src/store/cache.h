/* cache.h - rows that were read or written lately, bounded in octets, for any number of threads.
 *
 * It holds rows by rid and three kinds of short cut to a rid: (parent, name), alias, and the newest child of a type.
 * A row is always the present committed one; a short cut may outlive its row, so whoever follows one compares the
 * row with the question (rid, pid, ty and rn of a resource never change). The newest child is exact as long as its
 * row is there.
 *
 * Who keeps it true: the writer, after each COMMIT and before anybody hears of it, first calls cache_turn and then
 * cache_forget, cache_count or cache_renew for every change. A reader that fills in what it read from a snapshot
 * names the turn that it saw before the snapshot began; when there was another since, the row may be old and is not
 * taken. */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "store/store.h"

enum {
    CACHE_BYTES = 16 << 20,    /* default for all rows and short cuts together */
    CACHE_ROW_MAX = 256 << 10, /* a larger row is not kept */
    CACHE_SHARDS = 16          /* parts with a lock each */
};

struct cache;

struct cache_stats {
    uint64_t hits, misses, evicted, bytes;
};

/* NULL: no memory. max 0: CACHE_BYTES. `seed` makes the positions of names unforeseeable. */
struct cache *cache_new(size_t max, unsigned shards, uint64_t seed);
void cache_free(struct cache *c);

/* True and a copy in the arena when the row is there. False with an overflowing arena, too. */
bool cache_row(struct cache *c, int64_t rid, struct arena *a, struct row *out);
/* The row is there, with this number of subscriptions. */
bool cache_has(struct cache *c, int64_t rid, int64_t subs);
bool cache_name(struct cache *c, int64_t pid, struct span rn, int64_t *rid);
bool cache_alias(struct cache *c, struct span alias, int64_t *rid);
bool cache_newest(struct cache *c, int64_t pid, uint32_t ty, int64_t *rid);

/* The number of the last turn, to be asked before a snapshot begins. */
uint64_t cache_now(struct cache *c);
/* Takes the row unless there was a turn since `turn`. Also its (pid, rn) and alias, when it has them. */
void cache_fill(struct cache *c, uint64_t turn, const struct row *r);
/* Takes the row and that it is the newest child of its type. */
void cache_fill_newest(struct cache *c, uint64_t turn, const struct row *r);

/* Begins another turn. Only the writer calls this and what follows. */
void cache_turn(struct cache *c);
void cache_forget(struct cache *c, int64_t rid);
/* The newest child of that type is not known any more. */
void cache_forget_newest(struct cache *c, int64_t pid, uint32_t ty);
/* No newest child is known any more. For a cache that one thread uses alone. */
void cache_forget_all_newest(struct cache *c);
/* lt, st, cni, cbs, subs of a row that is there; otherwise nothing. */
void cache_count(struct cache *c, const struct row *r);
/* True when somebody reads the newest child of that type, so that cache_renew is worth a copy. */
bool cache_wants_newest(struct cache *c, int64_t pid, uint32_t ty);
/* r is the newest child of its type now. */
void cache_renew(struct cache *c, const struct row *r);
/* Everything is forgotten. */
void cache_flush(struct cache *c);

struct cache_stats cache_stats(struct cache *c);

#endif
