/* ring.h - pairwise keys of ESPrim by their identifiers, each bound to the one entity at the other end (TS-0003 8.4.2).
 * The slots are the caller's, in locked memory, zeroed at first; whoever shares a ring between threads locks it. */
#ifndef ESP_RING_H
#define ESP_RING_H

#include "esp/esp.h"
#include "m2m/addr.h"

enum { ESP_AGREED_A_PEER = 4 /* keys of one peer from ESCertKE; a further one takes the place of the oldest */ };

struct esp_pair {
    bool used, agreed;
    uint8_t value_n;
    uint16_t kid_n, peer_n;
    int64_t since, expiry; /* ms since 1970; INT64_MAX: never */
    uint8_t value[ESP_PAIR_MAX];
    uint8_t kid[ESP_KID_MAX], peer[ID_MAX];
};
struct esp_ring {
    struct esp_pair *slot;
    size_t n;
};

/* peer: absolute AE-ID or CSE-ID. ERR_RANGE: a length; ERR_EXISTS: the kid is there; ERR_FULL: no slot is free. */
MUST_USE enum err esp_ring_add(struct esp_ring *r, struct span kid, struct span peer, struct span value, int64_t now,
                               int64_t expiry);
/* The same for a key that ESCertKE gave: bounded for each peer. */
MUST_USE enum err esp_ring_agree(struct esp_ring *r, struct span kid, struct span peer, struct span value, int64_t now,
                                 int64_t expiry);
/* NULL: unknown or expired. Identifiers compare without regard to case (security.md 2.7). */
const struct esp_pair *esp_ring_find(const struct esp_ring *r, struct span kid, int64_t now);
/* The newest that is bound to this peer; NULL: none. Both absolute. */
const struct esp_pair *esp_ring_of(const struct esp_ring *r, struct span peer, int64_t now);
/* Wipes what is expired. */
void esp_ring_sweep(struct esp_ring *r, int64_t now);

static inline struct span esp_pair_value(const struct esp_pair *p)
{
    return span_of(p->value, p->value_n);
}
static inline struct span esp_pair_kid(const struct esp_pair *p)
{
    return span_of(p->kid, p->kid_n);
}
static inline struct span esp_pair_peer(const struct esp_pair *p)
{
    return span_of(p->peer, p->peer_n);
}

#endif
