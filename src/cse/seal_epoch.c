/* Epochs: the life of one content key of one stream, and the letter that registers it (e2e.md 1, 2). */
#include <string.h>

#include "base/code.h"
#include "cse/seal_head.h"
#include "host/log.h"

enum { LETTER_TEXT_MAX = 8192 };

/* How long has the oldest letter been waiting? Beyond `offline-max` the TTP may have no key to open it with. */
static enum reason check_overdue(const struct cse_hook_ask *ask)
{
    uint64_t first, next;
    struct seal_letter l;
    if (seal_queue_span(ask->t, ask->arena, &first, &next) != OK)
        return REASON_FAILED;
    if (first == next)
        return REASON_OK;
    enum err e = seal_queue_get(ask->t, ask->arena, first, &l);
    if (e != OK)
        return e == ERR_NOTFOUND ? REASON_OK : REASON_FAILED;
    return ask->now - l.ms > SEAL_OFFLINE_MS ? REASON_REGISTRATION_OVERDUE : REASON_OK;
}

/* ---- a new epoch ------------------------------------------------------------------------------------- */

/* The number of the stream's next epoch, taken in the transaction that stores its index 0. */
static enum err next_ep(const struct cse_hook_ask *ask, const uint8_t sid[ESD_SID], uint64_t *ep)
{
    uint8_t key[64], value[8];
    struct buf k = BUF_ARRAY(key), v = BUF_ARRAY(value);
    struct span old;
    buf_str(&k, "seal/ep/");
    hex_put(&k, span_of(sid, ESD_SID));
    enum err e = store_state_get(ask->t, buf_span(&k), ask->arena, &old);
    if (e != OK && e != ERR_NOTFOUND)
        return e;
    *ep = (e == OK && old.n == 8 ? seal_be64(old.p) : 0) + 1;
    buf_be64(&v, *ep);
    return store_state_put(ask->t, buf_span(&k), buf_span(&v));
}

/* Letter of the fresh keys, signed by us and closed for the vault. */
static enum err build_letter(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                             uint64_t ep, struct buf *out)
{
    const struct esd_keys *k = &h->secret->fresh;
    uint8_t kid[ESD_KID_MAX];
    struct buf kb = BUF_ARRAY(kid), scratch = BUF_ARRAY(h->secret->scratch);
    keys_kid_put(&kb, k->kc, p->ttp->fqdn);
    TRY(kb.e);
    struct letter_item item = {.ep = ep,
                               .kid = buf_span(&kb),
                               .adfq = p->ttp->fqdn,
                               .policy = p->name,
                               .suid = 24,
                               .et = ask->now + SEAL_ET_MS};
    memcpy(item.sid, k->sid, ESD_SID);
    memcpy(item.kc, k->kc, ESD_KC);
    memcpy(item.wk, p->ttp->wk, JOSE_THUMB);
    struct key_letter l = {.iss = h->iss, .aud = p->ttp->fqdn, .items = &item, .n = 1};
    pthread_mutex_lock(&p->ttp->lock);
    enum err e = letter_build(&l, &k->kv, p->ttp->key, h->kid, p->ttp->bundle.sealing, p->ttp->bundle.sealing_kid,
                              &scratch, out);
    pthread_mutex_unlock(&p->ttp->lock);
    return e;
}

static enum reason check_bundle(const struct seal_policy *p, int64_t now_ms)
{
    if (!p->ttp)
        return REASON_NO_CREDENTIAL;
    pthread_mutex_lock(&p->ttp->lock);
    bool pinned = p->ttp->bundle.sealing != NULL, old = (int64_t)p->ttp->bundle.exp < now_ms / 1000;
    pthread_mutex_unlock(&p->ttp->lock);
    return !pinned ? REASON_NO_CREDENTIAL : old ? REASON_REGISTRATION_OVERDUE : REASON_OK;
}

static enum err store_epoch(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                            uint64_t *ep)
{
    uint8_t *text = (uint8_t *)arena_alloc(ask->arena, LETTER_TEXT_MAX);
    if (!text)
        return ERR_NOMEM;
    struct buf letter = buf_over(text, LETTER_TEXT_MAX);
    TRY(next_ep(ask, h->secret->fresh.sid, ep));
    TRY(build_letter(h, ask, p, *ep, &letter));
    struct seal_letter l = {.ms = ask->now, .ttp = p->ttp->fqdn, .policy = p->name, .text = buf_span(&letter)};
    return seal_queue_put(ask->t, ask->arena, &l);
}

static enum reason begin(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                         struct span address, const uint8_t sid[ESD_SID], struct epoch *e)
{
    struct esd_keys *k = &h->secret->fresh;
    uint64_t ep;
    JUDGE(check_bundle(p, ask->now));
    JUDGE(check_overdue(ask));
    ask->entropy(ask->entropy_ctx, k->kv, ESD_KV);
    enum reason r = keys_derive(span_of(k->kv, ESD_KV), sid, k);
    if (r == REASON_OK && store_epoch(h, ask, p, &ep) != OK)
        r = REASON_FAILED;
    if (r == REASON_OK) {
        seal_epoch_drop(h, e);
        *e = (struct epoch){
            .open = true, .policy = p, .ep = ep, .born = h->tx, .generation = h->generation, .since_ms = ask->now};
        memcpy(e->sid, sid, ESD_SID);
        bool begun =
            seal_key_init(&e->key, k, p->ttp->fqdn) == OK && seal_head_begins(h, ask, e, p->ttp, address, k->kc) == OK;
        r = begun ? REASON_OK : REASON_FAILED;
        h->epochs++;
        h->streams++;
        h->queued = true;
    }
    keys_wipe(k); /* KV itself has done its work: the letter holds it for the vault */
    if (r != REASON_OK)
        return r;
    LOG(LOG_L_INFO, "epoch-begins", log_span("container", address), log_int("epoch", (int64_t)ep),
        log_span("policy", p->name), log_span("ttp", p->ttp->fqdn));
    return REASON_OK;
}

/* ---- the stream's epoch ------------------------------------------------------------------------------ */

void seal_epoch_drop(struct hook_seal *h, struct epoch *e)
{
    if (e->open)
        h->streams--;
    seal_head_dropped(h, e);
    sealer_forget(&h->sealer, &e->key);
    wipe(e, sizeof *e);
}

/* The open epoch of the sid, else a free slot, else the least recently used one. Slots are probed from a place that
 * the sid gives; sids are hashes already. */
static struct epoch *slot_of(struct hook_seal *h, const uint8_t sid[ESD_SID])
{
    enum { PROBES = 16 };
    struct epoch *best = NULL;
    size_t at = ((size_t)sid[0] << 16 | (size_t)sid[1] << 8 | sid[2]) % SEAL_STREAMS;
    for (size_t i = 0; i < PROBES; i++) {
        struct epoch *e = &h->secret->epoch[(at + i) % SEAL_STREAMS];
        if (e->open && memcmp(e->sid, sid, ESD_SID) == 0)
            return e;
        if (!best || (best->open && (!e->open || e->used < best->used)))
            best = e;
    }
    return best;
}

static bool mine(const struct epoch *e, const uint8_t sid[ESD_SID])
{
    return e->open && memcmp(e->sid, sid, ESD_SID) == 0;
}

static bool soft_over(const struct hook_seal *h, const struct epoch *e, int64_t now)
{
    return e->generation != h->generation || e->i >= SEAL_SOFT_MESSAGES || e->octets >= SEAL_SOFT_OCTETS ||
           now - e->since_ms >= SEAL_SOFT_MS;
}

static bool hard_over(const struct epoch *e, int64_t now)
{
    return e->i >= SEAL_HARD_MESSAGES || e->octets >= SEAL_HARD_OCTETS || now - e->since_ms >= SEAL_HARD_MS;
}

bool seal_epoch_over(struct hook_seal *h, const struct epoch *e, struct store_tx *t, struct arena *a, int64_t now)
{
    struct cse_hook_ask ask = {.t = t, .arena = a, .now = now};
    if (e->generation != h->generation || hard_over(e, now))
        return true;
    return soft_over(h, e, now) && check_bundle(e->policy, now) == REASON_OK && check_overdue(&ask) == REASON_OK;
}

/* Streams that went quiet: their keys do not outlive the hard limit for long. */
static void sweep(struct hook_seal *h, int64_t now)
{
    if (now - h->swept_ms < SEAL_SWEEP_MS)
        return;
    h->swept_ms = now;
    for (size_t i = 0; i < SEAL_STREAMS; i++)
        if (h->secret->epoch[i].open && hard_over(&h->secret->epoch[i], now))
            seal_epoch_drop(h, &h->secret->epoch[i]);
}

enum reason seal_epoch_for(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                           struct span address, struct epoch **out)
{
    uint8_t sid[ESD_SID];
    JUDGE(keys_sid(address, sid));
    sweep(h, ask->now);
    struct epoch *e = slot_of(h, sid);
    enum reason r = REASON_OK;
    if (!mine(e, sid) || e->policy != p || soft_over(h, e, ask->now))
        r = begin(h, ask, p, address, sid, e);
    /* when no new epoch can begin, the present one goes on up to its hard limit; but not after a revocation */
    bool goes_on = (r == REASON_NO_CREDENTIAL || r == REASON_REGISTRATION_OVERDUE) && mine(e, sid) && e->policy == p &&
                   !hard_over(e, ask->now) && e->generation == h->generation;
    if (r != REASON_OK && !goes_on)
        return r;
    e->used = ++h->ticks;
    *out = e;
    return REASON_OK;
}
