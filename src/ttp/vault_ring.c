#include "ttp/vault_ring.h"

#include "host/heap.h"
#include "host/secret.h"
#include "ttp/msg.h"
#include "ttp/take.h"

#include <string.h>

static const char magic[] = "oneseal-ring-v1";

const char *ring_state_name(enum ring_state s)
{
    static const char *const names[] = {"", "coming", "present", "past", "gone"};
    return (unsigned)s < LEN(names) ? names[s] : "";
}

/* Locked memory is taken before the vault is confined, which may not ask the kernel for more: the present ring, the one
 * of the batch under way, and one that is being made. */
enum { POOL = 3 };
static struct {
    struct ring *ring[POOL];
    bool used[POOL];
} pool;

static bool pool_fill(void)
{
    for (int i = 0; i < POOL; i++) {
        if (!pool.ring[i])
            pool.ring[i] = secret_alloc(sizeof *pool.ring[i]);
        if (!pool.ring[i])
            return false;
    }
    return true;
}

enum err ring_new(struct ring **out)
{
    *out = NULL;
    if (!pool_fill())
        return ERR_NOMEM;
    for (int i = 0; i < POOL && !*out; i++)
        if (!pool.used[i]) {
            pool.used[i] = true;
            *out = pool.ring[i];
        }
    return *out ? OK : ERR_NOMEM;
}

void ring_free(struct ring *r)
{
    if (!r)
        return;
    for (int u = 0; u < BUNDLE_USES; u++)
        for (size_t i = 0; i < r->n[u]; i++)
            p256_free(r->key[u][i].pair);
    wipe(r, sizeof *r);
    for (int i = 0; i < POOL; i++)
        if (pool.ring[i] == r)
            pool.used[i] = false;
}

enum err ring_copy(const struct ring *r, struct ring **out)
{
    TRY(ring_new(out));
    **out = *r;
    for (int u = 0; u < BUNDLE_USES; u++)
        for (size_t i = 0; i < r->n[u]; i++)
            if (r->key[u][i].pair)
                (*out)->key[u][i].pair = p256_ref(r->key[u][i].pair);
    return OK;
}

/* ---- generations ----------------------------------------------------------------------------------------------- */

static struct ring_key *in_state(const struct ring *r, enum bundle_use use, enum ring_state state)
{
    for (size_t i = 0; i < r->n[use]; i++)
        if (r->key[use][i].state == state)
            return (struct ring_key *)(uintptr_t)&r->key[use][i];
    return NULL;
}

const struct ring_key *ring_present(const struct ring *r, enum bundle_use use)
{
    return in_state(r, use, RING_PRESENT);
}

const struct ring_key *ring_coming(const struct ring *r, enum bundle_use use)
{
    return in_state(r, use, RING_COMING);
}

static void drop(struct ring *r, enum bundle_use use, size_t at)
{
    struct ring_key *k = r->key[use];
    p256_free(k[at].pair);
    memmove(k + at, k + at + 1, (r->n[use] - at - 1) * sizeof *k);
    r->n[use]--;
    wipe(&k[r->n[use]], sizeof *k);
}

/* The oldest whose private half is gone makes room. */
static enum err make_room(struct ring *r, enum bundle_use use)
{
    if (r->n[use] < RING_GENERATIONS)
        return OK;
    for (size_t i = 0; i < r->n[use]; i++)
        if (r->key[use][i].state == RING_GONE) {
            drop(r, use, i);
            return OK;
        }
    return ERR_LIMIT;
}

static enum err add(struct ring *r, enum bundle_use use, uint64_t now, uint64_t from, enum ring_state state)
{
    TRY(make_room(r, use));
    struct ring_key *k = &r->key[use][r->n[use]];
    uint32_t n = r->n[use] ? k[-1].n + 1 : 1;
    *k = (struct ring_key){.n = n, .state = state, .made = now, .from = from};
    if (use != BUNDLE_LOG) {
        TRY(p256_new(&k->pair));
    } else {
        TRY(esd_random(k->seed, LOG_SEED));
        TRY(log_public(k->seed, k->pub));
    }
    r->n[use]++;
    return OK;
}

enum err ring_fill(struct ring *r, uint64_t now)
{
    for (int u = 0; u < BUNDLE_USES; u++)
        TRY(add(r, (enum bundle_use)u, now, now, RING_PRESENT));
    TRY(esd_random(r->mac, RING_KEY));
    return esd_random(r->witness, RING_KEY);
}

enum err ring_announce(struct ring *r, enum bundle_use use, uint64_t now, uint64_t at)
{
    struct ring_key *k = in_state(r, use, RING_COMING);
    if (!k)
        return add(r, use, now, at, RING_COMING);
    k->from = at;
    return OK;
}

/* ---- time passes ------------------------------------------------------------------------------------------------ */

static enum err destroy(struct ring_key *k, uint64_t now)
{
    uint8_t text[512];
    struct buf b = BUF_ARRAY(text);
    struct p256 *pub = NULL;
    if (k->pair) {
        uint8_t memory[16384];
        struct arena a;
        arena_over(&a, memory, sizeof memory);
        p256_put(&b, k->pair);
        TRY(b.e);
        if (p256_read_text(buf_span(&b), &a, &pub) != REASON_OK)
            return ERR_CRYPTO;
        p256_free(k->pair);
        k->pair = pub;
    }
    wipe(k->seed, sizeof k->seed);
    k->state = RING_GONE;
    k->gone = now;
    return OK;
}

/* The old identity's last signature. */
static enum err link_identity(struct ring *r, const struct ring_key *old, const struct ring_key *next, struct span fqdn,
                              uint64_t now)
{
    if (r->n_links == BUNDLE_CHAIN_MAX) {
        memmove(r->link[0], r->link[1], sizeof r->link - sizeof r->link[0]);
        memmove(r->link_n, r->link_n + 1, sizeof r->link_n - sizeof r->link_n[0]);
        r->n_links--;
    }
    struct buf b = BUF_ARRAY(r->link[r->n_links]);
    TRY(bundle_successor_build(old->pair, next->pair, fqdn, now, &b));
    r->link_n[r->n_links++] = b.n;
    return OK;
}

static enum err take_over(struct ring *r, enum bundle_use use, uint64_t now, struct span fqdn)
{
    struct ring_key *old = in_state(r, use, RING_PRESENT), *next = in_state(r, use, RING_COMING);
    if (use == BUNDLE_IDENTITY)
        TRY(link_identity(r, old, next, fqdn, now));
    next->state = RING_PRESENT;
    next->from = now;
    old->state = RING_PAST;
    old->until = now;
    if (use == BUNDLE_RELEASE || use == BUNDLE_IDENTITY)
        return destroy(old, now);
    old->gone = now + RING_OFFLINE_S + (use == BUNDLE_SEALING ? RING_ANNOUNCE_S : 0);
    return OK;
}

/* When the successor of the sealing key is announced. */
static uint64_t successor_at(const struct ring *r)
{
    return ring_coming(r, BUNDLE_SEALING) ? UINT64_MAX
                                          : ring_present(r, BUNDLE_SEALING)->from + RING_SEALING_S - RING_ANNOUNCE_S;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t due_at(const struct ring_key *k)
{
    return k->state == RING_COMING ? k->from : k->state == RING_PAST ? k->gone : UINT64_MAX;
}

uint64_t ring_due_at(const struct ring *r)
{
    uint64_t at = sooner(successor_at(r), r->signed_at + RING_RENEW_S);
    for (int u = 0; u < BUNDLE_USES; u++)
        for (size_t i = 0; i < r->n[u]; i++)
            at = sooner(at, due_at(&r->key[u][i]));
    return at;
}

enum err ring_turn(struct ring *r, uint64_t now, struct span fqdn, size_t *n)
{
    *n = 0;
    for (int u = 0; u < BUNDLE_USES; u++) {
        const struct ring_key *next = ring_coming(r, (enum bundle_use)u);
        if (next && next->from <= now) {
            TRY(take_over(r, (enum bundle_use)u, now, fqdn));
            ++*n;
        }
        for (size_t i = 0; i < r->n[u]; i++)
            if (r->key[u][i].state == RING_PAST && r->key[u][i].gone <= now) {
                TRY(destroy(&r->key[u][i], now));
                ++*n;
            }
    }
    /* A full ring makes no successor: the present key then serves on until the oldest is gone. */
    if (successor_at(r) <= now && ring_announce(r, BUNDLE_SEALING, now, now + RING_ANNOUNCE_S) == OK)
        ++*n;
    return OK;
}

void ring_cut_sealing(struct ring *r, uint64_t now)
{
    for (size_t i = 0; i < r->n[BUNDLE_SEALING]; i++) {
        struct ring_key *k = &r->key[BUNDLE_SEALING][i];
        if (k->state == RING_PAST)
            k->gone = now;
    }
}

uint64_t ring_letters_end(const struct ring *r)
{
    uint64_t end = ring_present(r, BUNDLE_SEALING)->from + RING_SEALING_S + RING_ANNOUNCE_S + RING_OFFLINE_S;
    for (size_t i = 0; i < r->n[BUNDLE_SEALING]; i++)
        if (r->key[BUNDLE_SEALING][i].state == RING_PAST && r->key[BUNDLE_SEALING][i].gone > end)
            end = r->key[BUNDLE_SEALING][i].gone;
    return end;
}

/* ---- as text ---------------------------------------------------------------------------------------------------- */

static void put_key(struct buf *b, const struct ring_key *k, enum bundle_use use)
{
    uint8_t text[512];
    struct buf one = BUF_ARRAY(text);
    buf_be64(b, k->n);
    buf_be64(b, (uint64_t)k->state);
    buf_be64(b, k->made);
    buf_be64(b, k->from);
    buf_be64(b, k->until);
    buf_be64(b, k->gone);
    bool gone = k->state == RING_GONE;
    if (use == BUNDLE_LOG) {
        msg_item_put(b, gone ? SPAN_NONE : span_of(k->seed, LOG_SEED));
        msg_item_put(b, span_of(k->pub, LOG_PUBLIC));
        return;
    }
    if (!gone)
        p256_put_private(&one, k->pair);
    msg_item_put(b, buf_span(&one));
    buf_reset(&one);
    p256_put(&one, k->pair);
    msg_item_put(b, buf_span(&one));
    if (one.e != OK && b->e == OK)
        b->e = one.e;
    wipe(text, sizeof text);
}

enum err ring_write(const struct ring *r, struct buf *b)
{
    buf_str(b, magic);
    buf_be64(b, r->seq);
    buf_be64(b, r->signed_at);
    buf_put(b, span_of(r->mac, RING_KEY));
    buf_put(b, span_of(r->witness, RING_KEY));
    for (int u = 0; u < BUNDLE_USES; u++) {
        buf_be32(b, (uint32_t)r->n[u]);
        for (size_t i = 0; i < r->n[u]; i++)
            put_key(b, &r->key[u][i], (enum bundle_use)u);
    }
    buf_be32(b, (uint32_t)r->n_links);
    for (size_t i = 0; i < r->n_links; i++)
        msg_item_put(b, span_of(r->link[i], r->link_n[i]));
    return b->e;
}

static enum err get_pair(struct span private, struct span public, bool gone, struct p256 **out)
{
    static uint8_t memory[16384];
    struct arena a;
    arena_over(&a, memory, sizeof memory);
    enum reason r = p256_read_text(gone ? public : private, &a, out);
    wipe(memory, sizeof memory);
    return r == REASON_OK && p256_private(*out) == !gone ? OK : ERR_SYNTAX;
}

static enum err get_key(struct span *s, enum bundle_use use, struct ring_key *k)
{
    uint64_t n, state;
    struct span private, public;
    TRY(take_u64(s, &n));
    TRY(take_u64(s, &state));
    TRY(take_u64(s, &k->made));
    TRY(take_u64(s, &k->from));
    TRY(take_u64(s, &k->until));
    TRY(take_u64(s, &k->gone));
    TRY(take_blob(s, &private));
    TRY(take_blob(s, &public));
    if (n > UINT32_MAX || state < RING_COMING || state > RING_GONE)
        return ERR_SYNTAX;
    k->n = (uint32_t)n;
    k->state = (enum ring_state)state;
    bool gone = k->state == RING_GONE;
    if (use != BUNDLE_LOG)
        return get_pair(private, public, gone, &k->pair);
    if (public.n != LOG_PUBLIC || private.n != (gone ? 0 : LOG_SEED))
        return ERR_SYNTAX;
    memcpy(k->pub, public.p, LOG_PUBLIC);
    if (!gone)
        memcpy(k->seed, private.p, LOG_SEED);
    return OK;
}

static enum err get_links(struct span *s, struct ring *r)
{
    uint64_t n;
    TRY(take_be(s, 4, &n));
    if (n > BUNDLE_CHAIN_MAX)
        return ERR_SYNTAX;
    for (; r->n_links < n; r->n_links++) {
        struct span link;
        TRY(take_blob(s, &link));
        if (link.n > RING_LINK_MAX)
            return ERR_SYNTAX;
        memcpy(r->link[r->n_links], link.p, link.n);
        r->link_n[r->n_links] = link.n;
    }
    return s->n == 0 ? OK : ERR_SYNTAX;
}

enum err ring_read(struct span s, struct ring *r)
{
    if (!span_starts(s, span_str(magic)))
        return ERR_SYNTAX;
    s = span_from(s, sizeof magic - 1);
    TRY(take_u64(&s, &r->seq));
    TRY(take_u64(&s, &r->signed_at));
    TRY(take_fix(&s, r->mac, RING_KEY));
    TRY(take_fix(&s, r->witness, RING_KEY));
    for (int u = 0; u < BUNDLE_USES; u++) {
        uint64_t n;
        TRY(take_be(&s, 4, &n));
        if (n == 0 || n > RING_GENERATIONS)
            return ERR_SYNTAX;
        for (uint64_t i = 0; i < n; i++)
            TRY(get_key(&s, (enum bundle_use)u, &r->key[u][r->n[u]++]));
        if (!ring_present(r, (enum bundle_use)u))
            return ERR_SYNTAX;
    }
    return get_links(&s, r);
}

/* ---- the bundle ------------------------------------------------------------------------------------------------- */

void ring_kid_put(struct buf *b, const struct ring_key *k, enum bundle_use use, struct span fqdn)
{
    buf_fmt(b, "%s-%u@%.*s", bundle_use_name(use), (unsigned)k->n, SPAN_FMT(fqdn));
}

static enum err vkey(const struct ring_key *k, struct span fqdn, struct arena *a, struct span *out)
{
    uint8_t origin[512], text[1024];
    struct buf o = BUF_ARRAY(origin), b = BUF_ARRAY(text);
    buf_fmt(&o, "%.*s/log", SPAN_FMT(fqdn));
    TRY(log_vkey_put(buf_span(&o), k->pub, &b));
    *out = arena_dup(a, buf_span(&b));
    return arena_ok(a) ? OK : ERR_NOMEM;
}

static struct span kid(const struct ring_key *k, enum bundle_use use, struct span fqdn, struct arena *a)
{
    uint8_t text[ESD_FQDN_MAX + 32];
    struct buf b = BUF_ARRAY(text);
    ring_kid_put(&b, k, use, fqdn);
    return arena_dup(a, buf_span(&b));
}

/* Coming keys of all uses; past ones where somebody verifies with them. */
static bool listed(const struct ring_key *k, enum bundle_use use)
{
    return k->state == RING_COMING || (k->state != RING_PRESENT && use != BUNDLE_SEALING);
}

static enum err list(const struct ring *r, struct span fqdn, struct arena *a, bool coming, struct bundle *b)
{
    for (int u = 0; u < BUNDLE_USES; u++)
        for (size_t i = 0; i < r->n[u]; i++) {
            const struct ring_key *k = &r->key[u][i];
            enum bundle_use use = (enum bundle_use)u;
            if (!listed(k, use) || (k->state == RING_COMING) != coming)
                continue;
            struct bundle_key *o = &b->others[b->n_others++];
            *o = (struct bundle_key){.use = use, .coming = coming, .key = k->pair, .at = coming ? k->from : k->until};
            if (use == BUNDLE_LOG)
                TRY(vkey(k, fqdn, a, &o->vkey));
            else if (use != BUNDLE_IDENTITY)
                o->kid = kid(k, use, fqdn, a);
        }
    return OK;
}

static enum err build(struct ring *r, struct span fqdn, const struct span *vouches, size_t n, uint64_t now,
                      struct arena *a, struct buf *out)
{
    const struct ring_key *sealing = ring_present(r, BUNDLE_SEALING), *release = ring_present(r, BUNDLE_RELEASE);
    struct span chain[BUNDLE_CHAIN_MAX];
    struct bundle_key others[BUNDLE_USES * RING_GENERATIONS];
    struct bundle b = {.fqdn = fqdn,
                       .seq = r->seq + 1,
                       .next = RING_REFRESH_S,
                       .exp = now + RING_BUNDLE_S,
                       .identity = ring_present(r, BUNDLE_IDENTITY)->pair,
                       .sealing = sealing->pair,
                       .release = release->pair,
                       .sealing_kid = kid(sealing, BUNDLE_SEALING, fqdn, a),
                       .release_kid = kid(release, BUNDLE_RELEASE, fqdn, a),
                       .others = others,
                       .chain = chain,
                       .n_chain = r->n_links,
                       .vouches = vouches,
                       .n_vouches = n};
    for (size_t i = 0; i < r->n_links; i++)
        chain[i] = span_of(r->link[i], r->link_n[i]);
    TRY(vkey(ring_present(r, BUNDLE_LOG), fqdn, a, &b.log_vkey));
    TRY(list(r, fqdn, a, true, &b));
    TRY(list(r, fqdn, a, false, &b));
    TRY(bundle_build(&b, out));
    r->seq++;
    r->signed_at = now;
    return OK;
}

enum err ring_bundle(struct ring *r, struct span fqdn, const struct span *vouches, size_t n, uint64_t now,
                     struct buf *out)
{
    struct arena a;
    heap_arena(&a, 8192, 1 << 20);
    enum err e = build(r, fqdn, vouches, n, now, &a, out);
    arena_reset(&a);
    return e;
}

void ring_json(const struct ring *r, struct jw *w)
{
    for (int u = 0; u < BUNDLE_USES; u++) {
        jw_name(w, span_str(bundle_use_name((enum bundle_use)u)));
        jw_arr(w);
        for (size_t i = 0; i < r->n[u]; i++) {
            const struct ring_key *k = &r->key[u][i];
            jw_obj(w);
            JW_U64(w, "n", k->n);
            JW_STR(w, "state", span_str(ring_state_name(k->state)));
            JW_U64(w, "from", k->from);
            JW_U64(w, "until", k->until);
            JW_U64(w, "gone", k->gone);
            jw_end_obj(w);
        }
        jw_end_arr(w);
    }
}
