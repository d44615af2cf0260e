#include "net/peers.h"

#include <netinet/in.h>
#include <string.h>

/* An IPv6 peer counts by its /64, which is what one customer gets. */
static void key_of(const struct net_addr *a, uint8_t key[16])
{
    memset(key, 0, 16);
    if (a->sa.ss_family == AF_INET6)
        memcpy(key, &((const struct sockaddr_in6 *)&a->sa)->sin6_addr, 8);
    else
        memcpy(key + 12, &((const struct sockaddr_in *)&a->sa)->sin_addr, 4);
}

static struct peer_count **bucket_of(struct peers *p, const uint8_t key[16])
{
    uint32_t h = 2166136261u;
    for (int i = 0; i < 16; i++)
        h = (h ^ key[i]) * 16777619u;
    return &p->bucket[h % PEERS_BUCKETS];
}

struct peer_count *peers_add(struct peers *p, const struct net_addr *a)
{
    uint8_t key[16];
    key_of(a, key);
    struct peer_count **at = bucket_of(p, key), *c;
    for (c = *at; c && memcmp(c->key, key, sizeof key) != 0;)
        c = c->next;
    if (!c) {
        c = calloc(1, sizeof *c);
        if (!c)
            return NULL;
        memcpy(c->key, key, sizeof key);
        c->next = *at;
        *at = c;
    }
    c->n++;
    return c;
}

void peers_drop(struct peers *p, struct peer_count *c)
{
    if (!c || --c->n > 0)
        return;
    struct peer_count **at = bucket_of(p, c->key);
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    free(c);
}
