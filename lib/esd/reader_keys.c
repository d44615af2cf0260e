/* The reader's key cache: bounded by its slots, absolute expiry, least recently used goes first. */
#include <string.h>

#include "esd/reader_keys.h"

static void upper(char *out, struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        out[i] = (char)(s.p[i] >= 'a' && s.p[i] <= 'z' ? s.p[i] - 32 : s.p[i]);
}

struct span reader_kid(struct span kid, char out[READER_KID_TEXT])
{
    if (kid.n > READER_KID_TEXT)
        kid.n = READER_KID_TEXT;
    upper(out, kid);
    return span_of(out, kid.n);
}

static struct span kid_of(const struct reader_key *k)
{
    return span_of(k->kid, k->kid_n);
}

/* The opener remembers the last key, too. */
static void forget(struct reader *r, struct reader_key *k)
{
    wipe(k, sizeof *k);
    if (r->opener)
        opener_forget(r->opener);
}

struct reader_key *reader_key_find(struct reader *r, struct span kid, int64_t now_ms)
{
    for (size_t i = 0; i < r->n_keys; i++) {
        struct reader_key *k = &r->keys[i];
        if (k->kv_n == 0 || !kid_eq(kid_of(k), kid))
            continue;
        if (k->until_ms > now_ms)
            return k;
        forget(r, k); /* an expired key is gone, not merely unused */
        r->count.expired++;
    }
    return NULL;
}

/* A free slot, otherwise the least recently used. */
static struct reader_key *slot(struct reader *r)
{
    struct reader_key *best = NULL;
    for (size_t i = 0; i < r->n_keys; i++) {
        struct reader_key *k = &r->keys[i];
        if (k->kv_n == 0)
            return k;
        if (!best || k->used < best->used)
            best = k;
    }
    return best;
}

/* Some time in the last fifth to tenth of its life, another one for each key and each reader: so that a thousand
 * readers of one stream do not come at once. */
static int64_t refresh_time(const struct reader *r, const struct reader_fresh *f)
{
    uint8_t h[ESD_HASH], seed[8];
    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)(r->jitter >> 8 * i);
    if (f->until_ms == INT64_MAX || f->until_ms <= f->now_ms ||
        esd_sha256_2(span_of(seed, sizeof seed), f->kid, h) != OK)
        return INT64_MAX;
    int64_t tenth = (f->until_ms - f->now_ms) / 10;
    return f->until_ms - tenth - tenth * h[0] / 256;
}

enum err reader_key_put(struct reader *r, const struct reader_fresh *f)
{
    if (f->kid.n == 0 || f->kid.n > READER_KID_TEXT || f->value.n < 16 || f->value.n > sizeof r->keys->kv ||
        f->cr.n > READER_CR_MAX || r->n_keys == 0)
        return ERR_RANGE;
    reader_key_drop(r, f->kid);
    struct reader_key *k = slot(r);
    r->count.evicted += k->kv_n > 0;
    forget(r, k);
    upper(k->kid, f->kid);
    memcpy(k->kv, f->value.p, f->value.n);
    if (f->cr.n)
        memcpy(k->cr, f->cr.p, f->cr.n);
    k->kid_n = (uint16_t)f->kid.n;
    k->cr_n = (uint16_t)f->cr.n;
    k->kv_n = (uint8_t)f->value.n;
    k->suid = f->suid;
    k->commits = f->commits;
    k->signs = f->wk != NULL;
    k->has_kc = f->kc != NULL;
    if (f->wk)
        memcpy(k->wk, f->wk, ESD_HASH);
    if (f->kc)
        memcpy(k->kc, f->kc, ESD_KC);
    k->until_ms = f->until_ms;
    k->refresh_ms = refresh_time(r, f);
    k->used = ++r->ticks;
    return OK;
}

size_t reader_key_due(struct reader *r, int64_t now_ms, struct span *kids, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_keys && n < max; i++) {
        struct reader_key *k = &r->keys[i];
        if (k->kv_n == 0 || !k->touched || k->refresh_ms > now_ms || k->until_ms <= now_ms)
            continue;
        k->refresh_ms = now_ms + (k->until_ms - now_ms) / 2 + 1; /* when it fails: again, and ever closer */
        kids[n++] = kid_of(k);
        r->count.refreshes++;
    }
    return n;
}

bool reader_key_has(struct reader *r, struct span kid, int64_t now_ms)
{
    return reader_key_find(r, kid, now_ms) != NULL;
}

void reader_key_drop(struct reader *r, struct span kid)
{
    for (size_t i = 0; i < r->n_keys; i++)
        if (r->keys[i].kv_n && kid_eq(kid_of(&r->keys[i]), kid))
            forget(r, &r->keys[i]);
}

void reader_wipe(struct reader *r)
{
    for (size_t i = 0; i < r->n_keys; i++)
        forget(r, &r->keys[i]);
}
