/* rate.c - a window begins with the first notification that leaves, and the next one where it ends. */
#include "cse/rate.h"

#include <stdlib.h>

struct rate {
    struct rate *next;
    int64_t owner, lane, ends, n;
};
struct rates {
    struct rate *bucket[RATE_BUCKETS];
    size_t n;
};

static struct rate **bucket_of(struct rates *all, const struct letter *l)
{
    return &all->bucket[((uint64_t)l->sub * 31 + (uint64_t)l->tgt / 2) % RATE_BUCKETS];
}

/* The lane's window; those of its bucket that are over go. */
static struct rate *window_of(struct rates *all, const struct letter *l, int64_t now)
{
    struct rate *found = NULL;
    for (struct rate **at = bucket_of(all, l); *at;) {
        struct rate *w = *at;
        if (w->ends <= now) {
            *at = w->next;
            free(w);
            all->n--;
            continue;
        }
        if (w->owner == l->sub && w->lane == l->tgt)
            found = w;
        at = &w->next;
    }
    return found;
}

bool rate_may(struct rates **all, const struct letter *l, const struct pace *p, int64_t now, int64_t *due)
{
    if (p->mnn < 0 || p->tww <= 0)
        return true;
    if (!*all && !(*all = calloc(1, sizeof **all)))
        return true;
    struct rate *w = window_of(*all, l, now);
    *due = w ? w->ends : now + p->tww;
    return w ? w->n < p->mnn : p->mnn > 0;
}

void rate_left(struct rates *all, const struct letter *l, const struct pace *p, int64_t now)
{
    if (p->mnn < 0 || p->tww <= 0 || !all)
        return;
    struct rate *w = window_of(all, l, now);
    if (!w && all->n < RATES_MAX && (w = calloc(1, sizeof *w))) {
        *w = (struct rate){*bucket_of(all, l), l->sub, l->tgt, now + p->tww, 0};
        *bucket_of(all, l) = w;
        all->n++;
    }
    if (w)
        w->n++;
}

void rate_free(struct rates *all)
{
    for (size_t i = 0; all && i < RATE_BUCKETS; i++)
        for (struct rate *w = all->bucket[i], *next; w; w = next) {
            next = w->next;
            free(w);
        }
    free(all);
}
