/* loop_in.h - inside lib/net: what the loop is made of, and the blocks that connections read into. */
#ifndef NET_LOOP_IN_H
#define NET_LOOP_IN_H

#include "net/loop.h"

#include <stdatomic.h>
#include <uv.h>

/* A connection with answers to send at the end of the turn. */
struct net_dirty {
    struct net_dirty *next;
    bool queued;
    void (*flush)(struct net_dirty *d);
};

enum { NET_BLOCK = 16384, NET_BLOCKS_KEPT = 256 };

/* Octets that came in. The connection that reads holds one reference, each request that points into it
 * another; n octets are filled. */
struct net_block {
    struct net_block *next;
    size_t cap, n;
    uint32_t refs;
    bool wipe;
    uint8_t p[];
};

struct net_loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t prepare;
    uv_check_t check;
    _Atomic(struct net_post *) posts;
    atomic_bool stop;
    struct net_dirty *dirty;
    struct net_block *blocks; /* given back, of NET_BLOCK octets */
    uint32_t blocks_n;
};

void net_dirty_add(struct net_loop *l, struct net_dirty *d);
void net_dirty_remove(struct net_loop *l, struct net_dirty *d);

/* A block with room for at least cap octets and one reference; NULL without memory. */
struct net_block *net_block_new(struct net_loop *l, size_t cap, bool wipe);
/* Gives a reference back; with the last one the block goes, overwritten when it was made so. NULL is fine. */
void net_block_drop(struct net_loop *l, struct net_block *b);
void net_blocks_free(struct net_loop *l);

#endif
