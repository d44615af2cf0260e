#include "ttp/vault_life.h"

#include "esd/letter_open.h"
#include "host/heap.h"
#include "ttp/vault_own.h"

#include <string.h>

static const char ring_label[] = "oneseal-ring-box-v1";
enum { AGAIN_S = 3600 };

uint64_t vault_now_s(const struct vault *v)
{
    return (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000);
}

/* ---- what counts ------------------------------------------------------------------------------------------------ */

static void put_kid(struct vault *v, char *out, size_t cap, enum bundle_use use)
{
    struct buf b = buf_over(out, cap);
    ring_kid_put(&b, ring_present(v->life.ring, use), use, span_str(v->fqdn));
    buf_nul(&b);
}

static void replace(struct p256 **at, struct p256 *k)
{
    p256_free(*at);
    *at = p256_ref(k);
}

/* The names under which the rest of the vault knows the present keys. */
static void use(struct vault *v, struct ring *r)
{
    if (v->life.ring != r)
        ring_free(v->life.ring);
    v->life.ring = r;
    replace(&v->identity, ring_present(r, BUNDLE_IDENTITY)->pair);
    replace(&v->sealing, ring_present(r, BUNDLE_SEALING)->pair);
    replace(&v->release, ring_present(r, BUNDLE_RELEASE)->pair);
    put_kid(v, v->sealing_kid, sizeof v->sealing_kid, BUNDLE_SEALING);
    put_kid(v, v->release_kid, sizeof v->release_kid, BUNDLE_RELEASE);
    memcpy(v->log_public, ring_present(r, BUNDLE_LOG)->pub, LOG_PUBLIC);
    v->life.due_at = ring_due_at(r);
}

void vault_life_free(struct vault *v)
{
    ring_free(v->life.ring);
    ring_free(v->life.next);
    heap_buf_free(&v->life.next_bundle);
}

/* ---- sealed ----------------------------------------------------------------------------------------------------- */

static enum err seal(struct vault *v, const struct ring *r, struct buf *box)
{
    struct buf plain = heap_buf(RING_TEXT_MAX);
    enum err e = ring_write(r, &plain);
    if (e == OK)
        e = vault_box_seal(v->secret->rk, ring_label, span_str(v->fqdn), buf_span(&plain), box);
    buf_wipe(&plain);
    heap_buf_free(&plain);
    return e;
}

static enum err open(struct vault *v, struct span box)
{
    struct buf plain = heap_buf(RING_TEXT_MAX);
    struct ring *r = NULL;
    enum err e = vault_box_open(v->secret->rk, ring_label, span_str(v->fqdn), box, &plain);
    if (e == OK)
        e = ring_new(&r);
    if (e == OK)
        e = ring_read(buf_span(&plain), r);
    buf_wipe(&plain);
    heap_buf_free(&plain);
    if (e == OK)
        use(v, r);
    else
        ring_free(r);
    return e;
}

static enum err keep_first(struct vault *v)
{
    struct buf box = heap_buf(RING_TEXT_MAX + VAULT_BOX);
    enum err e = seal(v, v->life.ring, &box);
    if (e == OK)
        msg_put_KEEP_KEYS(v->conf.to_ledger,
                          &(struct msg_KEEP_KEYS){.keys = buf_span(&box), .bundle = buf_span(&v->bundle)});
    heap_buf_free(&box);
    return e;
}

enum err vault_life_init(struct vault *v)
{
    struct ring *r = NULL;
    uint64_t now = vault_now_s(v);
    enum err e = ring_new(&r);
    if (e == OK)
        e = ring_fill(r, now);
    buf_reset(&v->bundle);
    if (e == OK)
        e = ring_bundle(r, span_str(v->fqdn), v->peers.own, v->peers.n_own, now, &v->bundle);
    if (e != OK) {
        ring_free(r);
        return e;
    }
    use(v, r);
    return keep_first(v);
}

enum err vault_life_stored(struct vault *v, struct span wrapped, struct span bundle)
{
    TRY(open(v, wrapped));
    buf_reset(&v->bundle);
    buf_put(&v->bundle, bundle);
    return v->bundle.e;
}

enum err vault_life_loaded(struct vault *v)
{
    const struct span *ring = vault_map_get(&v->table[TABLE_LIFE], SPAN("ring"));
    const struct span *bundle = vault_map_get(&v->table[TABLE_LIFE], SPAN("bundle"));
    if (!ring || !bundle)
        return ring || bundle ? ERR_SYNTAX : v->life.ring ? OK : ERR_AUTH;
    return vault_life_stored(v, *ring, *bundle);
}

/* ---- changing --------------------------------------------------------------------------------------------------- */

static const struct ring_key *find(const struct ring *r, enum bundle_use use, uint32_t n)
{
    for (size_t i = 0; i < r->n[use]; i++)
        if (r->key[use][i].n == n)
            return &r->key[use][i];
    return NULL;
}

/* Generations whose state is another than before. */
static void record_put(struct vault *v, struct buf *b, const struct ring *next)
{
    struct jw w = jw_over(b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", vault_now_s(v));
    JW_STR(&w, "op", SPAN("keys"));
    JW_U64(&w, "seq", next->seq);
    JW_NAME(&w, "keys");
    jw_arr(&w);
    for (int u = 0; u < BUNDLE_USES; u++)
        for (size_t i = 0; i < next->n[u]; i++) {
            const struct ring_key *k = &next->key[u][i], *was = find(v->life.ring, (enum bundle_use)u, k->n);
            if (was && was->state == k->state && was->from == k->from)
                continue;
            jw_obj(&w);
            JW_STR(&w, "use", span_str(bundle_use_name((enum bundle_use)u)));
            JW_U64(&w, "n", k->n);
            JW_STR(&w, "state", span_str(ring_state_name(k->state)));
            jw_end_obj(&w);
        }
    jw_end_arr(&w);
    jw_end_obj(&w);
}

static enum err write_leaf(struct vault *v, struct vault_ask *a, const struct ring *next)
{
    uint8_t text[4096];
    struct buf b = BUF_ARRAY(text);
    record_put(v, &b, next);
    TRY(b.e);
    return a ? vault_leaf(v, a, buf_span(&b)) : vault_batch_leaf(v, buf_span(&b));
}

static enum err set_ring(struct vault *v, const struct ring *r)
{
    struct buf box = heap_buf(RING_TEXT_MAX + VAULT_BOX);
    enum err e = seal(v, r, &box);
    if (e == OK)
        e = vault_state_set(v, TABLE_LIFE, SPAN("ring"), buf_span(&box));
    heap_buf_free(&box);
    return e;
}

enum err vault_life_seal(struct vault *v)
{
    TRY(set_ring(v, v->life.next ? v->life.next : v->life.ring));
    return vault_state_set(v, TABLE_LIFE, SPAN("bundle"), buf_span(v->life.next ? &v->life.next_bundle : &v->bundle));
}

enum err vault_life_store(struct vault *v)
{
    struct buf box = heap_buf(RING_TEXT_MAX + VAULT_BOX);
    enum err e = seal(v, v->life.next ? v->life.next : v->life.ring, &box);
    vault_batch_open(v);
    if (e == OK)
        msg_put_KEYS(v->conf.to_ledger,
                     &(struct msg_KEYS){.keys = buf_span(&box),
                                        .bundle = buf_span(v->life.next ? &v->life.next_bundle : &v->bundle)});
    heap_buf_free(&box);
    return e;
}

enum err vault_life_change(struct vault *v, struct vault_ask *a, struct ring *next)
{
    enum err e = v->life.next ? ERR_NOTNOW : vault_state_room(v) < RING_TEXT_MAX + RING_BUNDLE_MAX ? ERR_LIMIT : OK;
    if (e == OK) {
        heap_buf_free(&v->life.next_bundle);
        v->life.next_bundle = heap_buf(RING_BUNDLE_MAX);
        e = ring_bundle(next, span_str(v->fqdn), v->peers.own, v->peers.n_own, vault_now_s(v), &v->life.next_bundle);
    }
    if (e != OK) {
        ring_free(next);
        return e;
    }
    v->life.next = next;
    TRY(vault_life_seal(v));
    return write_leaf(v, a, next);
}

void vault_life_kept(struct vault *v)
{
    if (!v->life.next)
        return;
    v->peers.resign = false;
    use(v, v->life.next);
    v->life.next = NULL;
    struct buf was = v->bundle;
    v->bundle = v->life.next_bundle;
    v->life.next_bundle = was;
    heap_buf_free(&v->life.next_bundle);
}

void vault_life_failed(struct vault *v)
{
    ring_free(v->life.next);
    v->life.next = NULL;
}

enum err vault_life_launch(struct vault *v)
{
    uint64_t now = vault_now_s(v);
    struct ring *next;
    size_t n;
    bool other = vault_peers_resign(v); /* the operator changed what the bundle claims */
    if (now < v->life.due_at && !other)
        return OK;
    TRY(ring_copy(v->life.ring, &next));
    enum err e = ring_turn(next, now, span_str(v->fqdn), &n);
    bool old = other || now >= next->signed_at + RING_RENEW_S;
    if (e != OK || (n == 0 && !old)) {
        ring_free(next);
        v->life.due_at = now + AGAIN_S;
        return e;
    }
    e = vault_life_change(v, NULL, next);
    if (e == ERR_LIMIT)
        v->life.due_at = now + AGAIN_S;
    return e == ERR_LIMIT ? OK : e;
}

/* ---- letters ---------------------------------------------------------------------------------------------------- */

enum reason vault_life_letter(struct vault *v, const struct key_letter *l, struct arena *a, uint8_t (*kvs)[ESD_KV])
{
    const struct ring *r = v->life.ring;
    enum reason first = letter_open(l, v->sealing, a, kvs);
    if (first != REASON_TAMPERED)
        return first;
    for (size_t i = r->n[BUNDLE_SEALING]; i-- > 0;) {
        const struct ring_key *k = &r->key[BUNDLE_SEALING][i];
        if (k->state == RING_PRESENT || k->state == RING_GONE)
            continue;
        enum reason verdict = letter_open(l, k->pair, a, kvs);
        if (verdict != REASON_TAMPERED)
            return verdict;
    }
    return first;
}
