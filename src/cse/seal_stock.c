/* seal_stock.c - keys that the TTP makes, fetched ahead (e2e.md 2): what is wanted, for the task to ask, and what lies
 * ready, for the writer to take. Stock and secrets belong to the writer thread; wishes are passed under a lock. */
#include <string.h>

#include "cse/seal_own.h"

/* ---- wishes ----------------------------------------------------------------------------------------- */

static struct seal_wish *find(struct hook_seal *h, const uint8_t sid[ESD_SID])
{
    for (size_t i = 0; i < h->n_wishes; i++)
        if (memcmp(h->wishes[i].sid, sid, ESD_SID) == 0)
            return &h->wishes[i];
    return NULL;
}

void seal_wish(struct hook_seal *h, const struct seal_wish *w)
{
    pthread_mutex_lock(&h->wish_lock);
    struct seal_wish *old = find(h, w->sid);
    if (!old && h->n_wishes < SEAL_WISHES_MAX)
        old = &h->wishes[h->n_wishes++];
    if (old)
        *old = *w;
    pthread_mutex_unlock(&h->wish_lock);
    h->queued = true;
}

bool seal_wish_next(struct hook_seal *h, size_t from, struct seal_wish *out)
{
    pthread_mutex_lock(&h->wish_lock);
    bool there = from < h->n_wishes;
    if (there)
        *out = h->wishes[from];
    pthread_mutex_unlock(&h->wish_lock);
    return there;
}

void seal_wish_done(struct hook_seal *h, const struct seal_wish *w)
{
    pthread_mutex_lock(&h->wish_lock);
    struct seal_wish *old = find(h, w->sid);
    if (old && old->ep == w->ep && old->pv == w->pv && old->policy == w->policy)
        *old = h->wishes[--h->n_wishes];
    pthread_mutex_unlock(&h->wish_lock);
}

/* ---- stock ------------------------------------------------------------------------------------------ */

static void clear(struct seal_stock *s)
{
    p256_free(s->pub);
    wipe(s, sizeof *s);
}

void seal_stock_free(struct hook_seal *h)
{
    for (size_t i = 0; h->secret && i < SEAL_STOCK_MAX; i++)
        clear(&h->secret->stock[i]);
}

static bool same_key(const struct seal_stock *s, const uint8_t sid[ESD_SID], const uint8_t kc[ESD_KC])
{
    return s->used && memcmp(s->sid, sid, ESD_SID) == 0 && memcmp(s->kc, kc, ESD_KC) == 0;
}

/* Is a pair of this KC in use already: by an open epoch, or by an activation that waits? */
static bool in_use(struct hook_seal *h, const uint8_t kc[ESD_KC])
{
    for (size_t i = 0; i < SEAL_STREAMS; i++)
        if (h->secret->epoch[i].open && h->secret->epoch[i].strict &&
            memcmp(h->secret->epoch[i].to.kc, kc, ESD_KC) == 0)
            return true;
    return false;
}

static struct seal_stock *room(struct hook_seal *h)
{
    for (size_t i = 0; i < SEAL_STOCK_MAX; i++)
        if (!h->secret->stock[i].used)
            return &h->secret->stock[i];
    return NULL;
}

void seal_stock_put(struct hook_seal *h, const struct seal_wish *w, const struct key_made *k)
{
    for (size_t i = 0; i < SEAL_STOCK_MAX; i++)
        if (same_key(&h->secret->stock[i], w->sid, k->kc))
            return;
    struct seal_stock *s = k->pub && in_use(h, k->kc) ? NULL : room(h);
    if (!s)
        return;
    *s = (struct seal_stock){
        .used = true, .policy = w->policy, .ep = w->ep, .pv = w->pv, .et = k->et, .order = ++h->ticks};
    memcpy(s->sid, w->sid, ESD_SID);
    memcpy(s->kc, k->kc, ESD_KC);
    if (k->pub)
        s->pub = p256_ref(k->pub);
    else
        memcpy(s->kv, k->kv, ESD_KV);
}

/* May it be used for this? A Key Value is registered with its policy and epoch already; a pair only by its activation.
 */
static bool serves(const struct seal_stock *s, const struct seal_policy *p, uint64_t ep, uint64_t pv, int64_t now)
{
    return s->pub ? p->strict && s->et > now : !p->strict && s->policy == p && s->ep == ep && s->pv == pv;
}

struct seal_stock *seal_stock_take(struct hook_seal *h, const struct seal_policy *p, const uint8_t sid[ESD_SID],
                                   uint64_t ep, uint64_t pv, int64_t now)
{
    struct seal_stock *best = NULL;
    for (size_t i = 0; i < SEAL_STOCK_MAX; i++) {
        struct seal_stock *s = &h->secret->stock[i];
        if (!s->used || s->taken || memcmp(s->sid, sid, ESD_SID) != 0)
            continue;
        if (!serves(s, p, ep, pv, now))
            clear(s);
        else if (!best || s->order < best->order)
            best = s;
    }
    if (best) {
        best->taken = true;
        h->n_taken++;
    }
    return best;
}

size_t seal_stock_of(const struct hook_seal *h, const uint8_t sid[ESD_SID])
{
    size_t n = 0;
    for (size_t i = 0; i < SEAL_STOCK_MAX; i++) {
        const struct seal_stock *s = &h->secret->stock[i];
        n += s->used && !s->taken && memcmp(s->sid, sid, ESD_SID) == 0;
    }
    return n;
}

void seal_stock_back(struct hook_seal *h, const uint8_t *sid)
{
    for (size_t i = 0; h->n_taken && i < SEAL_STOCK_MAX; i++) {
        struct seal_stock *s = &h->secret->stock[i];
        if (s->taken && (!sid || memcmp(s->sid, sid, ESD_SID) == 0)) {
            s->taken = false;
            h->n_taken--;
        }
    }
}

void seal_stock_spent(struct hook_seal *h)
{
    for (size_t i = 0; h->n_taken && i < SEAL_STOCK_MAX; i++)
        if (h->secret->stock[i].taken) {
            clear(&h->secret->stock[i]);
            h->n_taken--;
        }
}
