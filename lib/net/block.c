#include "net/loop_in.h"

#include <string.h>

struct net_block *net_block_new(struct net_loop *l, size_t cap, bool wipe)
{
    struct net_block *b = NULL;
    if (cap <= NET_BLOCK && l->blocks) {
        b = l->blocks;
        l->blocks = b->next;
        l->blocks_n--;
    } else {
        cap = cap < NET_BLOCK ? NET_BLOCK : cap;
        b = malloc(sizeof *b + cap);
        if (!b)
            return NULL;
        b->cap = cap;
    }
    b->next = NULL;
    b->n = 0;
    b->refs = 1;
    b->wipe = wipe;
    return b;
}

void net_block_drop(struct net_loop *l, struct net_block *b)
{
    if (!b || --b->refs > 0)
        return;
    if (b->wipe)
        explicit_bzero(b->p, b->n);
    if (b->cap != NET_BLOCK || l->blocks_n >= NET_BLOCKS_KEPT) {
        free(b);
        return;
    }
    b->next = l->blocks;
    l->blocks = b;
    l->blocks_n++;
}

void net_blocks_free(struct net_loop *l)
{
    while (l->blocks) {
        struct net_block *b = l->blocks;
        l->blocks = b->next;
        free(b);
    }
    l->blocks_n = 0;
}
