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

struct reader_key *reader_key_find(struct reader *r, struct span kid, int64_t now_ms)
{
    for (size_t i = 0; i < r->n_keys; i++) {
        struct reader_key *k = &r->keys[i];
        if (k->kv_n == 0 || !kid_eq(kid_of(k), kid))
            continue;
        if (k->until_ms > now_ms)
            return k;
        wipe(k, sizeof *k); /* an expired key is gone, not merely unused */
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

enum err reader_key_put(struct reader *r, struct span kid, struct span kv, uint8_t suid, bool commits, struct span cr,
                        const uint8_t *wk, int64_t until_ms)
{
    if (kid.n == 0 || kid.n > READER_KID_TEXT || kv.n < 16 || kv.n > 128 || cr.n > READER_CR_MAX || r->n_keys == 0)
        return ERR_RANGE;
    reader_key_drop(r, kid);
    struct reader_key *k = slot(r);
    wipe(k, sizeof *k);
    upper(k->kid, kid);
    memcpy(k->kv, kv.p, kv.n);
    if (cr.n)
        memcpy(k->cr, cr.p, cr.n);
    if (wk)
        memcpy(k->wk, wk, ESD_HASH);
    k->kid_n = (uint16_t)kid.n;
    k->cr_n = (uint16_t)cr.n;
    k->kv_n = (uint8_t)kv.n;
    k->suid = suid;
    k->commits = commits;
    k->until_ms = until_ms;
    k->used = ++r->ticks;
    return OK;
}

bool reader_key_has(struct reader *r, struct span kid, int64_t now_ms)
{
    return reader_key_find(r, kid, now_ms) != NULL;
}

void reader_key_drop(struct reader *r, struct span kid)
{
    for (size_t i = 0; i < r->n_keys; i++)
        if (r->keys[i].kv_n && kid_eq(kid_of(&r->keys[i]), kid))
            wipe(&r->keys[i], sizeof r->keys[i]);
}

void reader_wipe(struct reader *r)
{
    for (size_t i = 0; i < r->n_keys; i++)
        wipe(&r->keys[i], sizeof r->keys[i]);
}
