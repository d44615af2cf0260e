/* Partner TTPs: pins, newest bundles, domains, quotas. */
#include "ttp/vault_peer.h"

#include "esd/voucher.h"
#include "host/heap.h"
#include "ttp/take.h"
#include "ttp/vault_own.h"

#include <stdlib.h>
#include <string.h>

enum { MEM_BLOCK = 4096, MEM_MAX = 1 << 20 };

/* ---- what the operator configured -------------------------------------------------------------------------------- */

static enum err lines(struct span text, struct arena *a, struct span *out, size_t max, size_t *n)
{
    while (text.n > 0) {
        struct span line = span_cut(&text, '\n');
        if (line.n == 0)
            continue;
        if (*n == max)
            return ERR_LIMIT;
        if (!esd_fqdn_ok(line))
            return ERR_SYNTAX;
        out[(*n)++] = arena_dup(a, line);
    }
    return OK;
}

static enum err take_name(struct vault_peer *p, struct span fqdn)
{
    if (!esd_fqdn_ok(fqdn))
        return ERR_SYNTAX;
    for (size_t i = 0; i < fqdn.n; i++)
        p->fqdn[i] = (char)(fqdn.p[i] >= 'A' && fqdn.p[i] <= 'Z' ? fqdn.p[i] + 32 : fqdn.p[i]);
    return OK;
}

static enum err take_peer(struct vault *v, struct span item, struct vault_peer *p)
{
    struct span part[4];
    uint64_t quota;
    uint8_t reached;
    for (size_t i = 0; i < LEN(part); i++)
        TRY(msg_item_get(&item, &part[i]));
    if (item.n > 0)
        return ERR_SYNTAX;
    heap_arena(&p->mem, MEM_BLOCK, MEM_MAX);
    TRY(take_name(p, part[0]));
    p->pin = arena_dup(&v->peers.mem, part[1]);
    TRY(lines(part[2], &v->peers.mem, p->domain, VAULT_PEER_DOMAINS, &p->n_domains));
    TRY(take_be(&part[3], 4, &quota));
    TRY(take_u8(&part[3], &reached));
    p->quota = (uint32_t)quota;
    p->reached = reached == 1;
    TRY(esd_sha256(p->pin, p->pin_hash));
    return arena_ok(&v->peers.mem) ? OK : ERR_NOMEM;
}

enum err vault_peers_take(struct vault *v, struct span own, struct span peers)
{
    struct vault_peers *all = &v->peers;
    struct span item;
    if (all->peer)
        return ERR_NOTNOW;
    heap_arena(&all->mem, MEM_BLOCK, (size_t)VAULT_PEERS_MAX * MEM_MAX);
    all->peer = calloc(VAULT_PEERS_MAX, sizeof *all->peer);
    if (!all->peer)
        return ERR_NOMEM;
    while (own.n > 0) {
        TRY(msg_item_get(&own, &item));
        TRY(lines(item, &all->mem, all->own, LEN(all->own), &all->n_own));
    }
    while (peers.n > 0) {
        if (all->n == VAULT_PEERS_MAX)
            return ERR_LIMIT;
        TRY(msg_item_get(&peers, &item));
        TRY(take_peer(v, item, &all->peer[all->n++]));
    }
    return arena_ok(&all->mem) ? OK : ERR_NOMEM;
}

static void forget(struct vault_peer *p)
{
    bundle_free(&p->bundle);
    arena_reset(&p->mem);
    p->text = SPAN_NONE;
}

void vault_peers_free(struct vault *v)
{
    for (size_t i = 0; i < v->peers.n; i++)
        forget(&v->peers.peer[i]);
    free(v->peers.peer);
    if (v->peers.peer)
        arena_reset(&v->peers.mem);
    v->peers = (struct vault_peers){.n = 0};
}

/* ---- which bundle counts ----------------------------------------------------------------------------------------- */

static uint64_t now_s(struct vault *v)
{
    return (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000);
}

/* Puts a bundle to use that was found right. Text and members live in the partner's own memory. */
static enum reason use(struct vault_peer *p, struct span text)
{
    struct arena mem;
    struct bundle b;
    heap_arena(&mem, MEM_BLOCK, MEM_MAX);
    struct span own = arena_dup(&mem, text);
    enum reason r = arena_ok(&mem) ? bundle_open(own, span_str(p->fqdn), NULL, 0, &mem, &b) : REASON_FAILED;
    if (r != REASON_OK) {
        arena_reset(&mem);
        return r;
    }
    forget(p);
    p->mem = mem;
    p->text = own;
    p->bundle = b;
    return REASON_OK;
}

/* What the snapshot has of it: the pin that it followed from, and the newest text. */
static bool stored(struct vault *v, const struct vault_peer *p, uint8_t pin[ESD_HASH], uint64_t *seq, struct span *text)
{
    const struct span *value = vault_map_get(&v->table[TABLE_PEERS], span_str(p->fqdn));
    struct span s = value ? *value : SPAN_NONE;
    if (take_fix(&s, pin, ESD_HASH) != OK || take_u64(&s, seq) != OK)
        return false;
    *text = s;
    return true;
}

/* The pin counts, unless the same identity, or the chain that began at this very pin, went further. */
static enum reason settle(struct vault *v, struct vault_peer *p)
{
    uint8_t pin[ESD_HASH], was[JOSE_THUMB], is[JOSE_THUMB];
    uint64_t seq, first;
    struct span text;
    JUDGE(use(p, p->pin));
    if (!stored(v, p, pin, &seq, &text))
        return REASON_OK;
    first = p->bundle.seq;
    if (p256_thumb(p->bundle.identity, was) != OK)
        return REASON_FAILED;
    JUDGE(use(p, text));
    if (p256_thumb(p->bundle.identity, is) != OK)
        return REASON_FAILED;
    bool further = memcmp(pin, p->pin_hash, ESD_HASH) == 0 || memcmp(was, is, JOSE_THUMB) == 0;
    p->kept = further && seq >= first;
    return p->kept ? REASON_OK : use(p, p->pin);
}

/* Does our own bundle claim these domains, in this order? */
static bool claims_own(struct vault *v)
{
    struct arena mem;
    struct bundle b;
    heap_arena(&mem, MEM_BLOCK, MEM_MAX);
    bool same = bundle_open(buf_span(&v->bundle), span_str(v->fqdn), NULL, 0, &mem, &b) == REASON_OK &&
                b.n_vouches == v->peers.n_own;
    for (size_t i = 0; same && i < b.n_vouches; i++)
        same = span_eq(b.vouches[i], v->peers.own[i]);
    bundle_free(&b);
    arena_reset(&mem);
    return same;
}

bool vault_peers_resign(struct vault *v)
{
    return v->peers.resign && v->conf.now_ms(v->conf.ctx) >= v->peers.not_before_ms;
}

const char *vault_peers_settle(struct vault *v)
{
    v->peers.resign = !claims_own(v);
    for (size_t i = 0; i < v->peers.n; i++)
        if (settle(v, &v->peers.peer[i]) != REASON_OK)
            return "the bundle that is pinned for a [peer] is no bundle of that FQDN";
    return NULL;
}

enum reason vault_peer_news(struct vault *v, struct vault_peer *p, struct span text)
{
    struct arena mem;
    struct bundle b;
    while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    if (span_eq(text, p->text))
        return REASON_OK;
    heap_arena(&mem, MEM_BLOCK, MEM_MAX);
    enum reason r = VAULT_VERIFY(bundle_open(text, span_str(p->fqdn), p->bundle.identity, now_s(v), &mem, &b));
    if (r == REASON_OK)
        r = VAULT_VERIFY(b.seq > p->bundle.seq ? REASON_OK : REASON_REFUSED);
    if (r == REASON_OK)
        r = use(p, text);
    if (r == REASON_OK)
        p->kept = false;
    bundle_free(&b);
    arena_reset(&mem);
    return r;
}

/* ---- keeping it ----------------------------------------------------------------------------------------------------
 */

static enum err keep(struct vault *v, struct vault_peer *p)
{
    struct buf value = heap_buf(MEM_MAX), text = heap_buf(MEM_MAX);
    struct jw w = jw_over(&text);
    uint8_t jkt[JOSE_THUMB];
    enum err e = p256_thumb(p->bundle.identity, jkt);
    buf_put(&value, span_of(p->pin_hash, ESD_HASH));
    buf_be64(&value, p->bundle.seq);
    buf_put(&value, p->text);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", now_s(v));
    JW_STR(&w, "op", SPAN("peer"));
    JW_STR(&w, "fqdn", span_str(p->fqdn));
    JW_U64(&w, "seq", p->bundle.seq);
    JW_B64URL(&w, "identity", span_of(jkt, JOSE_THUMB));
    jw_end_obj(&w);
    if (e == OK)
        e = value.e != OK ? value.e : text.e;
    /* A table that is full costs nobody anything: the bundle is in use, and kept when there is room. */
    if (e == OK && vault_state_set(v, TABLE_PEERS, span_str(p->fqdn), buf_span(&value)) == OK) {
        e = vault_batch_leaf(v, buf_span(&text));
        p->kept = e == OK;
    }
    heap_buf_free(&value);
    heap_buf_free(&text);
    return e;
}

enum err vault_peers_flush(struct vault *v)
{
    if (v->conf.now_ms(v->conf.ctx) < v->peers.not_before_ms)
        return OK;
    for (size_t i = 0; i < v->peers.n; i++)
        if (!v->peers.peer[i].kept)
            TRY(keep(v, &v->peers.peer[i]));
    return OK;
}

void vault_peers_undone(struct vault *v)
{
    uint8_t pin[ESD_HASH];
    uint64_t seq;
    struct span text;
    v->peers.not_before_ms = v->conf.now_ms(v->conf.ctx) + 1000 * VAULT_PEER_AGAIN_S;
    for (size_t i = 0; i < v->peers.n; i++) {
        struct vault_peer *p = &v->peers.peer[i];
        p->kept = stored(v, p, pin, &seq, &text) && seq == p->bundle.seq && memcmp(pin, p->pin_hash, ESD_HASH) == 0;
    }
}

/* ---- judging -------------------------------------------------------------------------------------------------------
 */

struct vault_peer *vault_peer_find(struct vault *v, struct span fqdn)
{
    for (size_t i = 0; i < v->peers.n; i++)
        if (span_eq_nocase(span_str(v->peers.peer[i].fqdn), fqdn))
            return &v->peers.peer[i];
    return NULL;
}

static bool covered(const struct span *domain, size_t n, struct span sub)
{
    for (size_t i = 0; i < n; i++)
        if (voucher_covers(domain[i], sub))
            return true;
    return false;
}

enum reason vault_peer_may(struct vault *v, const struct vault_peer *p, struct span sub, const uint8_t jkt[JOSE_THUMB])
{
    struct vault_client own;
    if (!covered(p->domain, p->n_domains, sub) || !covered(p->bundle.vouches, p->bundle.n_vouches, sub) ||
        covered(v->peers.own, v->peers.n_own, sub))
        return REASON_REFUSED;
    /* Whoever is registered here is known by that key, whatever others say. */
    if (vault_client_get(v, sub, &own) == OK && memcmp(own.jkt, jkt, JOSE_THUMB) != 0)
        return REASON_REFUSED;
    return REASON_OK;
}

enum reason vault_peer_key(struct vault *v, const struct vault_peer *p, struct span kid, const struct p256 **out)
{
    *out = bundle_release_by(&p->bundle, kid);
    if (!*out)
        return REASON_REFUSED;
    return p->bundle.exp < now_s(v) ? REASON_EXPIRED : REASON_OK;
}

bool vault_peer_quota(struct vault *v, struct vault_ask *a, struct vault_peer *p, bool outgoing)
{
    uint64_t minute = now_s(v) / 60;
    if (p->minute != minute) {
        p->minute = minute;
        p->in = p->out = 0;
    }
    uint32_t *n = outgoing ? &p->out : &p->in;
    if (*n < p->quota) {
        ++*n;
        return true;
    }
    vault_refuse(v, a, 429, reason_code(REASON_REFUSED), "the quota between the two TTPs is used up for this minute",
                 "try again in a minute; the operators of both TTPs may agree on a higher quota in [peer]");
    return false;
}

bool vault_peer_log(struct vault *v, struct span origin, uint8_t pub[32])
{
    struct span name;
    for (size_t i = 0; i < v->peers.n; i++)
        if (log_vkey_get(v->peers.peer[i].bundle.log_vkey, &name, pub) == OK && span_eq(name, origin))
            return true;
    return false;
}
