#include "esp/ring.h"

#include <string.h>

const struct esp_pair *esp_ring_find(const struct esp_ring *r, struct span kid, int64_t now)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct esp_pair *p = &r->slot[i];
        if (p->used && p->expiry > now && span_eq_nocase(esp_pair_kid(p), kid))
            return p;
    }
    return NULL;
}

const struct esp_pair *esp_ring_of(const struct esp_ring *r, struct span peer, int64_t now)
{
    const struct esp_pair *best = NULL;
    for (size_t i = 0; i < r->n; i++) {
        const struct esp_pair *p = &r->slot[i];
        if (p->used && p->expiry > now && span_eq(esp_pair_peer(p), peer) && (!best || p->since >= best->since))
            best = p;
    }
    return best;
}

void esp_ring_sweep(struct esp_ring *r, int64_t now)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->slot[i].used && r->slot[i].expiry <= now)
            wipe(&r->slot[i], sizeof r->slot[i]);
}

static struct esp_pair *free_slot(struct esp_ring *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (!r->slot[i].used)
            return &r->slot[i];
    return NULL;
}

enum err esp_ring_add(struct esp_ring *r, struct span kid, struct span peer, struct span value, int64_t now,
                      int64_t expiry)
{
    if (!kid.n || kid.n > ESP_KID_MAX || !peer.n || peer.n > ID_MAX || value.n < ESP_PAIR_MIN || value.n > ESP_PAIR_MAX)
        return ERR_RANGE;
    esp_ring_sweep(r, now);
    if (esp_ring_find(r, kid, now))
        return ERR_EXISTS;
    struct esp_pair *p = free_slot(r);
    if (!p)
        return ERR_FULL;
    *p = (struct esp_pair){.used = true,
                           .value_n = (uint8_t)value.n,
                           .kid_n = (uint16_t)kid.n,
                           .peer_n = (uint16_t)peer.n,
                           .since = now,
                           .expiry = expiry};
    memcpy(p->kid, kid.p, kid.n);
    memcpy(p->peer, peer.p, peer.n);
    memcpy(p->value, value.p, value.n);
    return OK;
}

/* The oldest agreed key of a peer that has as many as it may. */
static struct esp_pair *surplus(struct esp_ring *r, struct span peer)
{
    struct esp_pair *oldest = NULL;
    unsigned n = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct esp_pair *p = &r->slot[i];
        if (!p->used || !p->agreed || !span_eq(esp_pair_peer(p), peer))
            continue;
        n++;
        if (!oldest || p->since < oldest->since)
            oldest = p;
    }
    return n >= ESP_AGREED_A_PEER ? oldest : NULL;
}

enum err esp_ring_agree(struct esp_ring *r, struct span kid, struct span peer, struct span value, int64_t now,
                        int64_t expiry)
{
    if (esp_ring_find(r, kid, now))
        return ERR_EXISTS;
    struct esp_pair *old = surplus(r, peer);
    if (old)
        wipe(old, sizeof *old);
    TRY(esp_ring_add(r, kid, peer, value, now, expiry));
    for (size_t i = 0; i < r->n; i++)
        if (r->slot[i].used && span_eq_nocase(esp_pair_kid(&r->slot[i]), kid))
            r->slot[i].agreed = true;
    return OK;
}
