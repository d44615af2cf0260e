/* net_seal_bundle.c - the bundle of a TTP is followed (e2e.md 2): fetched at start, then as often as it asks for, again
 * when an answer is signed by a key that it does not know, and well before it ends. One that the chain of identities
 * from the pinned one does not lead to, or with a lower number, is refused. The newest is kept in the store. */
#include "base/code.h"
#include "cse/net_seal_own.h"
#include "host/heap.h"
#include "host/log.h"

enum {
    FETCH_EARLY_S = 7 * 86400, /* a bundle that ends within a week is fetched again */
    FETCH_AGAIN_MS = 600 * 1000,
    NEXT_LEAST_S = 60, /* whatever a bundle says */
    BUNDLE_MEM = 1 << 20
};

static void key_of(struct buf *b, struct span fqdn)
{
    uint8_t h[ESD_HASH];
    buf_str(b, "seal/bundle/");
    if (esd_sha256(fqdn, h) != OK)
        b->e = ERR_CRYPTO;
    hex_put(b, span_of(h, 16)); /* a name may be longer than a key */
}

static void swap(struct seal_ttp *t, struct bundle *fresh, struct arena *mem)
{
    struct bundle old;
    struct arena gone;
    pthread_mutex_lock(&t->lock);
    old = t->bundle;
    gone = t->mem;
    t->bundle = *fresh;
    t->mem = *mem;
    pthread_mutex_unlock(&t->lock);
    bundle_free(&old);
    arena_reset(&gone);
}

/* Takes the place of the present one when it may. *newer: its number is higher. */
static enum reason take(struct seal_ttp *t, struct span text, uint64_t now_s, bool *newer)
{
    struct bundle fresh;
    struct arena mem;
    heap_arena(&mem, 4096, BUNDLE_MEM);
    struct span copy = arena_dup(&mem, text);
    enum reason r =
        !arena_ok(&mem) ? REASON_FAILED : bundle_open(copy, t->fqdn, t->bundle.identity, now_s, &mem, &fresh);
    *newer = false;
    if (r == REASON_OK) {
        *newer = fresh.seq > t->bundle.seq;
        r = bundle_follows(&t->bundle, &fresh);
        if (r == REASON_OK)
            swap(t, &fresh, &mem);
        else
            bundle_free(&fresh);
    }
    if (r != REASON_OK)
        arena_reset(&mem);
    return r;
}

enum err net_seal_bundle_load(struct net_seal_post *p, struct store_tx *t)
{
    for (size_t i = 0; i < p->c.seal->n_ttps; i++) {
        struct seal_ttp *ttp = p->keeper[i].t;
        uint8_t key[STORE_KEY_MAX];
        struct buf k = BUF_ARRAY(key);
        struct span text;
        bool newer;
        key_of(&k, ttp->fqdn);
        TRY(k.e);
        enum err e = ttp->bundle.identity ? store_state_get(t, buf_span(&k), &p->mem, &text) : ERR_NOTFOUND;
        if (e == ERR_NOTFOUND)
            continue;
        TRY(e);
        /* Its age does not matter; a pin that was set anew since then counts more than what we kept. */
        enum reason r = take(ttp, text, 0, &newer);
        if (r != REASON_OK)
            LOG(LOG_L_NOTICE, "kept-bundle-passed-over", log_span("ttp", ttp->fqdn), log_str("reason", reason_code(r)));
    }
    return OK;
}

enum err net_seal_bundle_record(struct net_seal_post *p, struct store_tx *t)
{
    uint8_t key[STORE_KEY_MAX];
    struct buf k = BUF_ARRAY(key);
    key_of(&k, p->keeper[p->ttp].t->fqdn);
    TRY(k.e);
    return store_state_put(t, buf_span(&k), buf_span(&p->request));
}

static bool ends(const struct keeper *k, int64_t now_ms)
{
    return (int64_t)k->t->bundle.exp < now_ms / 1000 + FETCH_EARLY_S;
}

bool net_seal_bundle_due(const struct net_seal_post *p, const struct keeper *k)
{
    int64_t now = p->c.now(p->c.ctx);
    uint64_t next = k->t->bundle.next;
    if (k->stranger || k->fetched_ms == 0 || now < k->fetched_ms)
        return true;
    if (next < NEXT_LEAST_S)
        next = NEXT_LEAST_S;
    if (next > INT32_MAX)
        next = INT32_MAX;
    int64_t after = ends(k, now) ? FETCH_AGAIN_MS : (int64_t)next * 1000;
    return now - k->fetched_ms >= after;
}

void net_seal_bundle_answered(struct net_seal_post *p, const struct http_result *r)
{
    struct keeper *k = &p->keeper[p->ttp];
    int64_t now = p->c.now(p->c.ctx);
    bool newer = false;
    enum reason v = r->status == 200 ? take(k->t, r->body, (uint64_t)(now / 1000), &newer) : REASON_TTP_UNREACHABLE;
    k->fetched_ms = now;
    if (v == REASON_OK) {
        k->stranger = false;
        if (newer)
            LOG(LOG_L_NOTICE, "bundle-renewed", log_span("ttp", k->t->fqdn),
                log_int("number", (int64_t)k->t->bundle.seq));
        buf_reset(&p->request);
        buf_put(&p->request, r->body);
        if (newer && p->request.e == OK)
            net_seal_hand_in(p, JOB_BUNDLE);
        else
            net_seal_turn(p);
        return;
    }
    LOG(LOG_L_ERROR, "bundle-refused", log_span("ttp", k->t->fqdn), log_str("reason", reason_code(v)));
    if (k->stranger || ends(k, now))
        net_seal_failed(p, "bundle", "no fresh bundle", r->status); /* without it nothing more can be understood */
    else
        net_seal_turn(p);
}

const struct p256 *net_seal_release(const struct keeper *k, const struct http_result *r)
{
    struct arena a;
    heap_arena(&a, 4096, BUNDLE_MEM);
    const struct p256 *by = bundle_release_of(&k->t->bundle, r->body, &a);
    arena_reset(&a);
    return by ? by : k->t->bundle.release;
}

bool net_seal_stranger(struct net_seal_post *p, struct keeper *k, const struct http_result *r)
{
    struct arena a;
    heap_arena(&a, 4096, BUNDLE_MEM);
    bool unknown = r->status != 503 && !bundle_release_of(&k->t->bundle, r->body, &a);
    arena_reset(&a);
    /* Once: a TTP that signs by a key which its own bundle does not list is a failure like any other. */
    if (!unknown || k->strangers++ > 0)
        return false;
    k->stranger = true;
    p->cursor = 0;
    p->wish_at = 0;
    net_seal_turn(p);
    return true;
}
