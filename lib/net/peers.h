/* peers.h - inside lib/net: how many connections each address has. */
#ifndef NET_PEERS_H
#define NET_PEERS_H

#include "net/loop.h"

enum { PEERS_BUCKETS = 256 };

struct peer_count {
    struct peer_count *next;
    uint8_t key[16];
    uint32_t n;
};
struct peers {
    struct peer_count *bucket[PEERS_BUCKETS];
};

/* Counts one more connection of the address (its port does not matter) and returns its counter; NULL without memory. */
struct peer_count *peers_add(struct peers *p, const struct net_addr *a);
/* One less; the counter goes with the last one. NULL is fine. */
void peers_drop(struct peers *p, struct peer_count *c);

#endif
