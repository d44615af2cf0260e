/* Epochs: the life of one content key of one stream, and the letter that registers it (e2e.md 1, 2). */
#include <string.h>

#include "base/code.h"
#include "cse/seal_head.h"
#include "cse/seal_rows.h"
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

/* The number of the stream's next epoch, taken in the transaction that stores its index 0; or only looked at. */
static enum err next_ep(struct hook_seal *h, const struct cse_hook_ask *ask, const uint8_t sid[ESD_SID], bool take,
                        uint64_t *ep)
{
    uint8_t key[64], value[8];
    struct buf k = BUF_ARRAY(key), v = BUF_ARRAY(value);
    struct span old;
    buf_str(&k, "seal/ep/");
    hex_put(&k, span_of(sid, ESD_SID));
    enum err e = store_state_get(ask->t, buf_span(&k), ask->arena, &old);
    if (e != OK && e != ERR_NOTFOUND)
        return e;
    uint64_t last = e == OK && old.n == 8 ? seal_be64(old.p) : 0, known = seal_seen_floor(h, sid);
    *ep = (known > last ? known : last) + 1;
    buf_be64(&v, *ep);
    return !take ? OK : store_state_put(ask->t, buf_span(&k), buf_span(&v));
}

/* One epoch about to begin. */
struct birth {
    struct hook_seal *h;
    const struct cse_hook_ask *ask;
    const struct seal_policy *p;
    struct span address;
    uint8_t sid[ESD_SID];
    uint64_t ep, pv; /* pv 0: the policy is configured */
    struct epoch *e;
};

static struct span policy_name(const struct birth *b)
{
    return b->p->readers_acp ? seal_readers_name(b->ask->arena, b->sid) : b->p->name;
}

static struct letter_item item_of(const struct birth *b, struct span kid, const uint8_t kc[ESD_KC])
{
    struct letter_item item = {.ep = b->ep,
                               .pv = b->pv,
                               .has_pv = b->pv > 0,
                               .kid = kid,
                               .adfq = b->p->ttp->fqdn,
                               .policy = policy_name(b),
                               .suid = 24,
                               .et = b->ask->now + SEAL_ET_MS};
    memcpy(item.sid, b->sid, ESD_SID);
    memcpy(item.kc, kc, ESD_KC);
    memcpy(item.wk, b->p->ttp->wk, JOSE_THUMB);
    return item;
}

static enum err queue(const struct birth *b, const struct buf *letter)
{
    struct seal_letter l = {.ms = b->ask->now, .ttp = b->p->ttp->fqdn, .policy = b->p->name, .text = buf_span(letter)};
    b->h->queued = true;
    return seal_queue_put(b->ask->t, b->ask->arena, &l);
}

static struct buf letter_room(const struct birth *b)
{
    uint8_t *text = (uint8_t *)arena_alloc(b->ask->arena, LETTER_TEXT_MAX);
    return buf_over(text, text ? LETTER_TEXT_MAX : 0);
}

/* Letter of the fresh keys, signed by us and closed for the vault. */
static enum err write_letter(const struct birth *b)
{
    const struct esd_keys *k = &b->h->secret->fresh;
    uint8_t kid[ESD_KID_MAX];
    struct buf kb = BUF_ARRAY(kid), scratch = BUF_ARRAY(b->h->secret->scratch), out = letter_room(b);
    keys_kid_put(&kb, k->kc, b->p->ttp->fqdn);
    TRY(kb.e);
    struct letter_item item = item_of(b, buf_span(&kb), k->kc);
    struct key_letter l = {.iss = b->h->iss, .aud = b->p->ttp->fqdn, .items = &item, .n = 1};
    struct seal_ttp *t = b->p->ttp;
    pthread_mutex_lock(&t->lock);
    enum err e = letter_build(&l, &k->kv, t->key, b->h->kid, t->bundle.sealing, t->bundle.sealing_kid, &scratch, &out);
    pthread_mutex_unlock(&t->lock);
    return e == OK ? queue(b, &out) : e;
}

/* The pair's private half is released from now on. */
static enum err write_activation(const struct birth *b, const struct seal_to_key *to)
{
    struct buf scratch = BUF_ARRAY(b->h->secret->scratch), out = letter_room(b);
    struct letter_item item = item_of(b, span_of(to->kid, to->kid_n), to->kc);
    struct key_letter l = {.iss = b->h->iss, .aud = b->p->ttp->fqdn, .items = &item, .n = 1};
    TRY(letter_activation_build(&l, b->p->ttp->key, b->h->kid, &scratch, &out));
    return queue(b, &out);
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

/* ---- where the key comes from -------------------------------------------------------------------------- */

static void wish(const struct birth *b, uint64_t ep)
{
    struct seal_wish w = {.policy = b->p, .ep = ep, .pv = b->pv, .pairs = b->p->strict ? KEYASK_PAIRS_MAX : 0};
    struct span name = policy_name(b);
    if (name.n == 0 || name.n > sizeof w.name)
        return;
    memcpy(w.sid, b->sid, ESD_SID);
    memcpy(w.name, name.p, name.n);
    w.name_n = name.n;
    seal_wish(b->h, &w);
}

/* Keys of `fresh` are what the epoch seals with. */
static enum reason use_fresh(const struct birth *b)
{
    return seal_key_init(&b->e->key, &b->h->secret->fresh, b->p->ttp->fqdn) == OK ? REASON_OK : REASON_FAILED;
}

static enum reason key_own(struct birth *b)
{
    struct esd_keys *k = &b->h->secret->fresh;
    JUDGE(check_bundle(b->p, b->ask->now));
    JUDGE(check_overdue(b->ask));
    if (next_ep(b->h, b->ask, b->sid, true, &b->ep) != OK)
        return REASON_FAILED;
    b->ask->entropy(b->ask->entropy_ctx, k->kv, ESD_KV);
    JUDGE(keys_derive(span_of(k->kv, ESD_KV), b->sid, k));
    return write_letter(b) == OK ? use_fresh(b) : REASON_FAILED;
}

/* A key that was fetched ahead; the epoch's number is taken with it. Without one it is wished for. */
static enum reason take_ready(struct birth *b, struct seal_stock **s)
{
    if (next_ep(b->h, b->ask, b->sid, false, &b->ep) != OK)
        return REASON_FAILED;
    *s = seal_stock_take(b->h, b->p, b->sid, b->ep, b->pv, b->ask->now);
    if (!*s)
        wish(b, b->ep);
    return !*s ? REASON_NO_CREDENTIAL : next_ep(b->h, b->ask, b->sid, true, &b->ep) == OK ? REASON_OK : REASON_FAILED;
}

/* It is registered already. The next one is fetched at once. */
static enum reason key_ttp(struct birth *b)
{
    struct esd_keys *k = &b->h->secret->fresh;
    JUDGE(check_bundle(b->p, b->ask->now));
    struct seal_stock *s;
    /* No letter could be kept back: without fresh word a reader may have it who is denied meanwhile (e2e.md 7). */
    if (b->e->stale) {
        if (next_ep(b->h, b->ask, b->sid, false, &b->ep) == OK && seal_stock_of(b->h, b->sid) == 0)
            wish(b, b->ep);
        return REASON_NO_CREDENTIAL;
    }
    JUDGE(take_ready(b, &s));
    wish(b, b->ep + 1);
    JUDGE(keys_derive(span_of(s->kv, ESD_KV), b->sid, k));
    return use_fresh(b);
}

static enum reason key_strict(struct birth *b)
{
    JUDGE(check_bundle(b->p, b->ask->now));
    JUDGE(check_overdue(b->ask));
    struct seal_stock *s;
    JUDGE(take_ready(b, &s));
    if (seal_stock_of(b->h, b->sid) < SEAL_PAIRS_LOW)
        wish(b, b->ep);
    if (seal_to_init(&b->e->to, s->pub, b->sid, b->p->ttp->fqdn) != OK)
        return REASON_FAILED;
    b->e->strict = true;
    return write_activation(b, &b->e->to) == OK ? REASON_OK : REASON_FAILED;
}

/* Both ends have it already: nobody is told. */
static enum reason key_provisioned(struct birth *b)
{
    if (next_ep(b->h, b->ask, b->sid, true, &b->ep) != OK)
        return REASON_FAILED;
    return seal_key_foreign(&b->e->key, span_of(b->h->secret->foreign[b->p->foreign], SEAL_FOREIGN), 14, b->p->key_id,
                            b->sid) == OK
               ? REASON_OK
               : REASON_FAILED;
}

static enum reason key_of(struct birth *b)
{
    if (b->p->source == KEY_PROVISIONED)
        return key_provisioned(b);
    if (b->p->strict)
        return key_strict(b);
    return b->p->source == KEY_TTP ? key_ttp(b) : key_own(b);
}

/* The new epoch takes its place. `kc` NULL: its key commits to nothing, and there are no heads (e2e.md 9). */
static enum reason install(const struct birth *b, const struct epoch *e, const uint8_t *kc)
{
    struct hook_seal *h = b->h;
    struct epoch *slot = b->e;
    seal_epoch_drop(h, slot);
    *slot = *e;
    slot->open = true;
    slot->policy = b->p;
    slot->ep = b->ep;
    slot->pv = b->pv;
    slot->access = b->ask->access;
    slot->born = h->tx;
    slot->generation = h->generation;
    slot->since_ms = b->ask->now;
    memcpy(slot->sid, b->sid, ESD_SID);
    if (b->p->source != KEY_PROVISIONED)
        seal_seen_begins(h, b->p->ttp, b->sid, b->ep);
    h->epochs++;
    h->streams++;
    if (kc && seal_head_begins(h, b->ask, slot, b->p->ttp, b->address, kc) != OK) {
        seal_epoch_drop(h, slot);
        return REASON_FAILED;
    }
    LOG(LOG_L_INFO, "epoch-begins", log_span("container", b->address), log_int("epoch", (int64_t)b->ep),
        log_span("policy", b->p->name), log_span("ttp", b->p->ttp ? b->p->ttp->fqdn : SPAN("none")));
    return REASON_OK;
}

static enum reason begin(struct birth *b)
{
    struct hook_seal *h = b->h;
    struct epoch *slot = b->e, *e = &h->secret->born;
    struct seal_ttp *t = b->p->source == KEY_PROVISIONED ? NULL : b->p->ttp;
    uint8_t kc[ESD_KC];
    b->e = e;
    wipe(e, sizeof *e);
    if (t) { /* what was known when it began */
        e->heard = t->heard;
        e->news = t->news;
        e->stale = !seal_ttp_fresh(h, t);
    }
    enum reason r = key_of(b);
    memcpy(kc, e->strict ? e->to.kc : h->secret->fresh.kc, ESD_KC);
    keys_wipe(&h->secret->fresh); /* KV itself has done its work: the letter holds it for the vault */
    b->e = slot;
    if (r == REASON_OK) {
        r = install(b, e, b->p->source == KEY_PROVISIONED ? NULL : kc);
    } else {
        if (e->strict)
            seal_to_free(&e->to);
        seal_stock_back(h, b->sid);
    }
    wipe(e, sizeof *e);
    return r;
}

/* ---- the stream's epoch ------------------------------------------------------------------------------ */

void seal_epoch_drop(struct hook_seal *h, struct epoch *e)
{
    if (e->open)
        h->streams--;
    seal_head_dropped(h, e);
    sealer_forget(&h->sealer, &e->key);
    if (e->strict)
        seal_to_free(&e->to);
    if (e->born == h->tx && e->open && e->i == 0)
        seal_stock_back(h, e->sid); /* it never was */
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

bool seal_epoch_told(const struct hook_seal *h, const struct epoch *e)
{
    return e->generation != h->generation || (e->policy->source != KEY_PROVISIONED && e->news != e->policy->ttp->news);
}

/* Its readers follow access control, and are others by now. */
static bool readers_left(const struct epoch *e, struct store_tx *t, struct arena *a)
{
    uint64_t version;
    if (!e->policy->readers_acp)
        return false;
    struct seal_letter l = {.ttp = e->policy->ttp->fqdn, .policy = seal_readers_name(a, e->sid)};
    return l.policy.n && seal_readers_version(t, a, &l, &version) == OK && version != e->pv;
}

bool seal_epoch_over(struct hook_seal *h, const struct epoch *e, struct store_tx *t, struct arena *a, int64_t now)
{
    struct cse_hook_ask ask = {.t = t, .arena = a, .now = now};
    if (seal_epoch_told(h, e) || readers_left(e, t, a) || hard_over(e, now))
        return true;
    if (!soft_over(h, e, now) || e->policy->source == KEY_PROVISIONED)
        return false;
    bool fetched = e->policy->source == KEY_TTP || e->policy->strict;
    return check_bundle(e->policy, now) == REASON_OK && check_overdue(&ask) == REASON_OK &&
           (!fetched || seal_stock_of(h, e->sid) > 0);
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

/* Readers that follow access control: the version that counts now. Looked at again only when something has changed. */
static enum reason follow(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                          struct span address, const uint8_t sid[ESD_SID], uint64_t *pv)
{
    struct readers r;
    struct seal_stream s = {.t = ask->t, .a = ask->arena, .now = ask->now, .p = p, .address = address};
    memcpy(s.sid, sid, ESD_SID);
    if (ask->readers(ask->readers_ctx, &r) != OK || seal_readers_sync(h, &s, &r, pv) != OK)
        return REASON_FAILED;
    return REASON_OK;
}

void seal_epoch_ahead(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p)
{
    struct birth b = {.h = h, .ask = ask, .p = p, .address = ask->path};
    if ((p->source != KEY_TTP && !p->strict) || keys_sid(ask->path, b.sid) != REASON_OK)
        return;
    if (p->readers_acp && follow(h, ask, p, ask->path, b.sid, &b.pv) != REASON_OK)
        return;
    if (next_ep(h, ask, b.sid, false, &b.ep) == OK)
        wish(&b, b.ep);
}

/* Somebody has changed something at the TTP; or its word became too old, and this is not yet the one epoch that begins
 * then (e2e.md 7). Nothing of a provisioned key is at a TTP. */
static bool word_over(const struct hook_seal *h, const struct seal_policy *p, const struct epoch *e)
{
    if (p->source == KEY_PROVISIONED)
        return false;
    return e->news != p->ttp->news || (!seal_ttp_fresh(h, p->ttp) && !(e->stale && e->heard == p->ttp->heard));
}

enum reason seal_epoch_for(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                           struct span address, struct epoch **out)
{
    uint8_t sid[ESD_SID];
    JUDGE(keys_sid(address, sid));
    sweep(h, ask->now);
    struct epoch *e = slot_of(h, sid);
    bool here = mine(e, sid) && e->policy == p && e->generation == h->generation && !word_over(h, p, e);
    uint64_t pv = here ? e->pv : 0;
    enum reason r = REASON_OK;
    if (p->readers_acp && !(here && e->access == ask->access)) {
        JUDGE(follow(h, ask, p, address, sid, &pv));
        here = here && pv == e->pv;
        if (here)
            e->access = ask->access;
    }
    if (!here || soft_over(h, e, ask->now)) {
        struct birth b = {.h = h, .ask = ask, .p = p, .address = address, .pv = pv, .e = e};
        memcpy(b.sid, sid, ESD_SID);
        r = begin(&b);
    }
    /* when no new epoch can begin, the present one goes on up to its hard limit; but not after a revocation */
    bool goes_on = (r == REASON_NO_CREDENTIAL || r == REASON_REGISTRATION_OVERDUE) && here && !hard_over(e, ask->now);
    if (r != REASON_OK && !goes_on)
        return r;
    e->used = ++h->ticks;
    *out = e;
    return REASON_OK;
}
