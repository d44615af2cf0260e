#include "store/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum kind { ROW, NAME, ALIAS, NEWEST };

/* One thing kept. The key is (kind, a, b, text); a row's texts stand behind the entry in the same block. */
struct entry {
    struct entry *chain;       /* the next of its bucket */
    struct entry *prev, *next; /* the ring that the hand walks */
    uint64_t hash;
    size_t size; /* octets of the block */
    int64_t a;   /* rid, or pid */
    int64_t rid; /* short cuts: where they lead */
    uint64_t b;  /* era and ty */
    uint8_t kind;
    bool hot;         /* looked up since the hand passed */
    struct span text; /* name or alias, behind the entry */
    struct row row;   /* ROW only */
};

struct shard {
    pthread_mutex_t lock;
    struct entry **bucket;
    size_t nbucket, n, bytes, max;
    struct entry *hand;
    struct cache_stats st;
};

struct cache {
    uint64_t seed;
    uint64_t era; /* part of every NEWEST key; only the writer's own cache ever changes it */
    atomic_uint_fast64_t turn;
    unsigned nshard;
    struct shard shard[];
};

struct key {
    enum kind kind;
    int64_t a;
    uint64_t b;
    struct span text;
    uint64_t hash;
};

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

static struct key key_of(const struct cache *c, enum kind kind, int64_t a, uint64_t b, struct span text)
{
    uint64_t h = mix(c->seed ^ (uint64_t)a) ^ ((uint64_t)kind << 60) ^ b;
    size_t i = 0;
    for (; i + 8 <= text.n; i += 8) {
        uint64_t w;
        memcpy(&w, text.p + i, 8);
        h = mix(h ^ w);
    }
    uint64_t w = text.n;
    for (; i < text.n; i++)
        w = w << 8 | text.p[i];
    return (struct key){kind, a, b, text, mix(h ^ w)};
}

static struct shard *shard_of(struct cache *c, const struct key *k)
{
    return &c->shard[(k->hash >> 40) % c->nshard];
}

static bool same(const struct entry *e, const struct key *k)
{
    return e->hash == k->hash && e->kind == k->kind && e->a == k->a && e->b == k->b && span_eq(e->text, k->text);
}

static struct entry **place(struct shard *s, const struct key *k)
{
    struct entry **at = &s->bucket[k->hash & (s->nbucket - 1)];
    while (*at && !same(*at, k))
        at = &(*at)->chain;
    return at;
}

static struct entry *look(struct shard *s, const struct key *k)
{
    return *place(s, k);
}

static void unlink_at(struct shard *s, struct entry **at)
{
    struct entry *e = *at;
    *at = e->chain;
    if (e->next == e) {
        s->hand = NULL;
    } else {
        e->prev->next = e->next;
        e->next->prev = e->prev;
        if (s->hand == e)
            s->hand = e->next;
    }
    s->n--;
    s->bytes -= e->size;
    free(e);
}

static void evict_one(struct shard *s)
{
    while (s->hand->hot) {
        s->hand->hot = false;
        s->hand = s->hand->next;
    }
    struct entry **at = &s->bucket[s->hand->hash & (s->nbucket - 1)];
    while (*at != s->hand)
        at = &(*at)->chain;
    unlink_at(s, at);
    s->st.evicted++;
}

static void grow(struct shard *s)
{
    size_t n = s->nbucket * 2;
    struct entry **fresh = calloc(n, sizeof *fresh);
    if (!fresh)
        return; /* longer chains, no harm */
    for (size_t i = 0; i < s->nbucket; i++)
        for (struct entry *e = s->bucket[i], *next; e; e = next) {
            next = e->chain;
            e->chain = fresh[e->hash & (n - 1)];
            fresh[e->hash & (n - 1)] = e;
        }
    free(s->bucket);
    s->bucket = fresh;
    s->nbucket = n;
}

static void link_new(struct shard *s, struct entry *e)
{
    while (s->n > 0 && s->bytes + e->size > s->max)
        evict_one(s);
    if (s->n >= s->nbucket)
        grow(s);
    struct entry **at = &s->bucket[e->hash & (s->nbucket - 1)];
    e->chain = *at;
    *at = e;
    if (!s->hand) {
        s->hand = e->prev = e->next = e;
    } else { /* just behind the hand: the last to be looked at */
        e->next = s->hand;
        e->prev = s->hand->prev;
        e->prev->next = e;
        s->hand->prev = e;
    }
    s->n++;
    s->bytes += e->size;
}

static struct span take(uint8_t **p, struct span s)
{
    struct span t = span_of(*p, s.n);
    if (s.n)
        memcpy(*p, s.p, s.n);
    *p += s.n;
    return t;
}

static struct entry *entry_new(const struct key *k, const struct row *r)
{
    size_t extra = k->text.n + (r ? r->rn.n + r->alias.n + r->creator.n + r->spec.n + r->body.n : 0);
    struct entry *e = malloc(sizeof *e + extra);
    if (!e)
        return NULL;
    uint8_t *p = (uint8_t *)(e + 1);
    *e = (struct entry){.hash = k->hash, .size = sizeof *e + extra, .a = k->a, .b = k->b, .kind = (uint8_t)k->kind};
    e->text = take(&p, k->text);
    if (r) {
        e->row = *r;
        e->row.lbl = NULL;
        e->row.nlbl = 0;
        e->row.rn = take(&p, r->rn);
        e->row.alias = take(&p, r->alias);
        e->row.creator = take(&p, r->creator);
        e->row.spec = take(&p, r->spec);
        e->row.body = take(&p, r->body);
    }
    return e;
}

/* Puts or replaces. turn: as in cache_fill; UINT64_MAX: the writer, always. */
static void put(struct cache *c, uint64_t turn, const struct key *k, const struct row *r, int64_t rid)
{
    struct entry *e = entry_new(k, r);
    if (!e)
        return; /* a cache may forget */
    e->rid = rid;
    struct shard *s = shard_of(c, k);
    pthread_mutex_lock(&s->lock);
    /* Under the lock: a turn that begins later than this look takes the lock later, too, and forgets the row. */
    bool fresh = turn == UINT64_MAX || atomic_load(&c->turn) == turn;
    if (fresh && e->size <= s->max) {
        struct entry **at = place(s, k);
        if (*at)
            unlink_at(s, at);
        link_new(s, e);
        e = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    free(e);
}

static void forget(struct cache *c, const struct key *k)
{
    struct shard *s = shard_of(c, k);
    pthread_mutex_lock(&s->lock);
    struct entry **at = place(s, k);
    if (*at)
        unlink_at(s, at);
    pthread_mutex_unlock(&s->lock);
}

struct cache *cache_new(size_t max, unsigned shards, uint64_t seed)
{
    struct cache *c = calloc(1, sizeof *c + shards * sizeof c->shard[0]);
    if (!c)
        return NULL;
    c->seed = seed;
    c->nshard = shards;
    for (unsigned i = 0; i < shards; i++) {
        struct shard *s = &c->shard[i];
        pthread_mutex_init(&s->lock, NULL);
        s->max = (max ? max : CACHE_BYTES) / shards;
        s->nbucket = 64;
        s->bucket = calloc(s->nbucket, sizeof(struct entry *));
        if (!s->bucket) {
            c->nshard = i + 1;
            cache_free(c);
            return NULL;
        }
    }
    return c;
}

static void empty(struct shard *s)
{
    while (s->hand) {
        s->hand->hot = false;
        evict_one(s);
    }
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->nshard; i++) {
        empty(&c->shard[i]);
        free(c->shard[i].bucket);
        pthread_mutex_destroy(&c->shard[i].lock);
    }
    free(c);
}

bool cache_row(struct cache *c, int64_t rid, struct arena *a, struct row *out)
{
    struct key k = key_of(c, ROW, rid, 0, SPAN_NONE);
    struct shard *s = shard_of(c, &k);
    pthread_mutex_lock(&s->lock);
    struct entry *e = look(s, &k);
    if (e) {
        e->hot = true;
        *out = e->row;
        out->rn = arena_dup(a, e->row.rn);
        out->alias = arena_dup(a, e->row.alias);
        out->creator = arena_dup(a, e->row.creator);
        out->spec = arena_dup(a, e->row.spec);
        out->body = arena_dup(a, e->row.body);
        s->st.hits++;
    } else {
        s->st.misses++;
    }
    pthread_mutex_unlock(&s->lock);
    return e && arena_ok(a);
}

bool cache_has(struct cache *c, int64_t rid, int64_t subs)
{
    struct key k = key_of(c, ROW, rid, 0, SPAN_NONE);
    struct shard *s = shard_of(c, &k);
    pthread_mutex_lock(&s->lock);
    const struct entry *e = look(s, &k);
    bool has = e && e->row.subs == subs;
    pthread_mutex_unlock(&s->lock);
    return has;
}

static bool follow(struct cache *c, const struct key *k, int64_t *rid)
{
    struct shard *s = shard_of(c, k);
    pthread_mutex_lock(&s->lock);
    struct entry *e = look(s, k);
    if (e) {
        e->hot = true;
        *rid = e->rid;
    }
    pthread_mutex_unlock(&s->lock);
    return e != NULL;
}

bool cache_name(struct cache *c, int64_t pid, struct span rn, int64_t *rid)
{
    struct key k = key_of(c, NAME, pid, 0, rn);
    return follow(c, &k, rid);
}

bool cache_alias(struct cache *c, struct span alias, int64_t *rid)
{
    struct key k = key_of(c, ALIAS, 0, 0, alias);
    return follow(c, &k, rid);
}

bool cache_newest(struct cache *c, int64_t pid, uint32_t ty, int64_t *rid)
{
    struct key k = key_of(c, NEWEST, pid, c->era << 32 | ty, SPAN_NONE);
    return follow(c, &k, rid);
}

uint64_t cache_now(struct cache *c)
{
    return atomic_load(&c->turn);
}

void cache_fill(struct cache *c, uint64_t turn, const struct row *r)
{
    if (r->body.n > CACHE_ROW_MAX)
        return;
    struct key k = key_of(c, ROW, r->rid, 0, SPAN_NONE);
    put(c, turn, &k, r, r->rid);
    if (r->rn.n > 0) {
        k = key_of(c, NAME, r->pid, 0, r->rn);
        put(c, turn, &k, NULL, r->rid);
    }
    if (r->alias.n > 0) {
        k = key_of(c, ALIAS, 0, 0, r->alias);
        put(c, turn, &k, NULL, r->rid);
    }
}

void cache_fill_newest(struct cache *c, uint64_t turn, const struct row *r)
{
    if (r->body.n > CACHE_ROW_MAX)
        return;
    struct key k = key_of(c, ROW, r->rid, 0, SPAN_NONE);
    put(c, turn, &k, r, r->rid);
    k = key_of(c, NEWEST, r->pid, c->era << 32 | r->ty, SPAN_NONE);
    put(c, turn, &k, NULL, r->rid);
}

void cache_turn(struct cache *c)
{
    atomic_fetch_add(&c->turn, 1);
}

void cache_forget(struct cache *c, int64_t rid)
{
    struct key k = key_of(c, ROW, rid, 0, SPAN_NONE);
    forget(c, &k);
}

void cache_forget_newest(struct cache *c, int64_t pid, uint32_t ty)
{
    struct key k = key_of(c, NEWEST, pid, c->era << 32 | ty, SPAN_NONE);
    forget(c, &k);
}

void cache_forget_all_newest(struct cache *c)
{
    c->era++;
}

void cache_count(struct cache *c, const struct row *r)
{
    struct key k = key_of(c, ROW, r->rid, 0, SPAN_NONE);
    struct shard *s = shard_of(c, &k);
    pthread_mutex_lock(&s->lock);
    struct entry *e = look(s, &k);
    if (e) {
        e->row.lt = r->lt;
        e->row.st = r->st;
        e->row.cni = r->cni;
        e->row.cbs = r->cbs;
        e->row.subs = r->subs;
    }
    pthread_mutex_unlock(&s->lock);
}

bool cache_wants_newest(struct cache *c, int64_t pid, uint32_t ty)
{
    struct key k = key_of(c, NEWEST, pid, c->era << 32 | ty, SPAN_NONE);
    struct shard *s = shard_of(c, &k);
    pthread_mutex_lock(&s->lock);
    struct entry *e = look(s, &k);
    pthread_mutex_unlock(&s->lock);
    return e != NULL;
}

void cache_renew(struct cache *c, const struct row *r)
{
    cache_fill_newest(c, UINT64_MAX, r);
}

void cache_flush(struct cache *c)
{
    for (unsigned i = 0; i < c->nshard; i++) {
        pthread_mutex_lock(&c->shard[i].lock);
        empty(&c->shard[i]);
        pthread_mutex_unlock(&c->shard[i].lock);
    }
}

struct cache_stats cache_stats(struct cache *c)
{
    struct cache_stats all = {0};
    for (unsigned i = 0; i < c->nshard; i++) {
        struct shard *s = &c->shard[i];
        pthread_mutex_lock(&s->lock);
        all.hits += s->st.hits;
        all.misses += s->st.misses;
        all.evicted += s->st.evicted;
        all.bytes += s->bytes;
        pthread_mutex_unlock(&s->lock);
    }
    return all;
}
