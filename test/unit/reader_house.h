/* reader_house.h - a reader whose state lives in memory, and writers for it. Included once by a test file. */
#ifndef TEST_READER_HOUSE_H
#define TEST_READER_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd/reader.h"
#include "esd/seal.h"

#define ADDRESS SPAN("//demo.example/id-mn/mn/thermo-1/data")
#define CSE     SPAN("//demo.example/id-mn")
#define FQDN    SPAN("ttp.demo.example")

/* ---- a state store in memory ---------------------------------------------------------------------- */

enum { ROWS = 8192 };
static struct {
    struct {
        char kid[READER_KID_TEXT];
        size_t n;
        struct reader_mark m;
    } mark[8];
    struct {
        uint8_t h[ESD_HASH];
        uint32_t i;
        bool used;
        size_t kid_hash;
        int64_t came;
    } hash[ROWS];
    struct reader_stream stream;
    bool has_stream;
    struct {
        uint64_t ep;
        char kid[READER_KID_TEXT];
        size_t n;
    } epoch[8];
    struct {
        char kid[READER_KID_TEXT];
        size_t n;
        uint8_t sid[ESD_SID], body[READER_CHAIN_MAX];
    } chain[8];
    struct {
        size_t kid_hash;
        uint32_t first, n;
        bool used, open;
        size_t con_n;
        char con[4096];
    } head[64];
    struct {
        size_t kid_hash;
        uint32_t i;
        bool used;
        enum reason r;
    } second[ROWS];
    bool broken;
} db;

static inline size_t mix(struct span s)
{
    size_t h = 1;
    for (size_t i = 0; i < s.n; i++)
        h = h * 31 + s.p[i];
    return h;
}
static inline enum err mark_get(void *c, struct span kid, struct reader_mark *out)
{
    (void)c;
    for (size_t i = 0; i < LEN(db.mark); i++)
        if (db.mark[i].n && span_eq(kid, span_of(db.mark[i].kid, db.mark[i].n))) {
            *out = db.mark[i].m;
            return OK;
        }
    return db.broken ? ERR_IO : ERR_NOTFOUND;
}
static inline enum err mark_put(void *c, struct span kid, const struct reader_mark *m)
{
    (void)c;
    for (size_t i = 0; i < LEN(db.mark); i++)
        if (!db.mark[i].n || span_eq(kid, span_of(db.mark[i].kid, db.mark[i].n))) {
            memcpy(db.mark[i].kid, kid.p, kid.n);
            db.mark[i].n = kid.n;
            db.mark[i].m = *m;
            return OK;
        }
    return ERR_FULL;
}
static inline enum err hash_get(void *c, struct span kid, uint32_t i, uint8_t out[ESD_HASH], int64_t *came)
{
    (void)c;
    for (size_t k = 0; k < ROWS; k++)
        if (db.hash[k].used && db.hash[k].i == i && db.hash[k].kid_hash == mix(kid)) {
            memcpy(out, db.hash[k].h, ESD_HASH);
            if (came)
                *came = db.hash[k].came;
            return OK;
        }
    return ERR_NOTFOUND;
}
static inline enum err hash_put(void *c, struct span kid, uint32_t i, const uint8_t h[ESD_HASH], int64_t came,
                                uint32_t forget)
{
    (void)c;
    size_t at = ROWS;
    for (size_t k = 0; k < ROWS; k++) {
        bool mine = db.hash[k].used && db.hash[k].kid_hash == mix(kid);
        if (mine && db.hash[k].i < forget)
            db.hash[k].used = false;
        if (mine && db.hash[k].i == i)
            at = k;
    }
    for (size_t k = 0; at == ROWS && k < ROWS; k++)
        if (!db.hash[k].used)
            at = k;
    if (at == ROWS)
        return ERR_FULL;
    db.hash[at].used = true;
    db.hash[at].kid_hash = mix(kid);
    db.hash[at].i = i;
    db.hash[at].came = came;
    memcpy(db.hash[at].h, h, ESD_HASH);
    return OK;
}
static inline enum err stream_get(void *c, const uint8_t sid[ESD_SID], struct reader_stream *out)
{
    (void)c, (void)sid;
    *out = db.stream;
    return db.has_stream ? OK : ERR_NOTFOUND;
}
static inline enum err stream_put(void *c, const uint8_t sid[ESD_SID], const struct reader_stream *s)
{
    (void)c, (void)sid;
    db.stream = *s;
    db.has_stream = true;
    return OK;
}
static inline enum err epoch_get(void *c, const uint8_t sid[ESD_SID], uint64_t ep, struct buf *kid)
{
    (void)c, (void)sid;
    for (size_t i = 0; i < LEN(db.epoch); i++)
        if (db.epoch[i].n && db.epoch[i].ep == ep) {
            buf_put(kid, span_of(db.epoch[i].kid, db.epoch[i].n));
            return kid->e;
        }
    return ERR_NOTFOUND;
}
static inline enum err epoch_put(void *c, const uint8_t sid[ESD_SID], uint64_t ep, struct span kid)
{
    (void)c, (void)sid;
    for (size_t i = 0; i < LEN(db.epoch); i++)
        if (!db.epoch[i].n) {
            db.epoch[i].ep = ep;
            memcpy(db.epoch[i].kid, kid.p, kid.n);
            db.epoch[i].n = kid.n;
            return OK;
        }
    return ERR_FULL;
}

static inline enum err chain_get(void *c, struct span kid, void *out, size_t n)
{
    (void)c;
    for (size_t i = 0; i < LEN(db.chain); i++)
        if (db.chain[i].n && span_eq(kid, span_of(db.chain[i].kid, db.chain[i].n))) {
            memcpy(out, db.chain[i].body, n);
            return OK;
        }
    return ERR_NOTFOUND;
}
static inline enum err chain_put(void *c, struct span kid, const uint8_t sid[ESD_SID], const void *chain, size_t n)
{
    (void)c;
    for (size_t i = 0; i < LEN(db.chain); i++)
        if (!db.chain[i].n || span_eq(kid, span_of(db.chain[i].kid, db.chain[i].n))) {
            memcpy(db.chain[i].kid, kid.p, kid.n);
            db.chain[i].n = kid.n;
            memcpy(db.chain[i].sid, sid, ESD_SID);
            memcpy(db.chain[i].body, chain, n);
            return OK;
        }
    return ERR_FULL;
}
/* In the order of the rows. */
static inline enum err chain_next(void *c, const uint8_t sid[ESD_SID], struct span after, struct buf *kid)
{
    (void)c;
    bool past = after.n == 0;
    for (size_t i = 0; i < LEN(db.chain) && db.chain[i].n; i++) {
        struct span k = span_of(db.chain[i].kid, db.chain[i].n);
        if (past && memcmp(sid, db.chain[i].sid, ESD_SID) == 0) {
            buf_put(kid, k);
            return kid->e;
        }
        past = past || span_eq(after, k);
    }
    return ERR_NOTFOUND;
}
static inline enum err head_put(void *c, struct span kid, uint32_t first, uint32_t n, struct span con, bool open,
                                uint32_t forget)
{
    (void)c;
    size_t at = LEN(db.head);
    for (size_t i = 0; i < LEN(db.head); i++) {
        bool mine = db.head[i].used && db.head[i].kid_hash == mix(kid);
        if (mine && db.head[i].first + db.head[i].n <= forget)
            db.head[i].used = false;
        if (mine && db.head[i].first == first)
            at = i;
    }
    for (size_t i = 0; at == LEN(db.head) && i < LEN(db.head); i++)
        if (!db.head[i].used)
            at = i;
    if (at == LEN(db.head) || con.n > sizeof db.head->con)
        return ERR_FULL;
    db.head[at].used = true;
    db.head[at].kid_hash = mix(kid);
    db.head[at].first = first;
    db.head[at].n = n;
    db.head[at].open = open;
    db.head[at].con_n = con.n;
    memcpy(db.head[at].con, con.p, con.n);
    return OK;
}
static inline enum err head_cover(void *c, struct span kid, uint32_t i, struct buf *con)
{
    (void)c;
    for (size_t k = 0; k < LEN(db.head); k++)
        if (db.head[k].used && db.head[k].kid_hash == mix(kid) && i >= db.head[k].first &&
            i - db.head[k].first < db.head[k].n) {
            buf_put(con, span_of(db.head[k].con, db.head[k].con_n));
            return con->e;
        }
    return ERR_NOTFOUND;
}
static inline enum err head_next(void *c, struct span kid, uint32_t from, uint32_t *first, struct buf *con)
{
    (void)c;
    size_t best = LEN(db.head);
    for (size_t k = 0; k < LEN(db.head); k++)
        if (db.head[k].used && db.head[k].open && db.head[k].kid_hash == mix(kid) && db.head[k].first >= from &&
            (best == LEN(db.head) || db.head[k].first < db.head[best].first))
            best = k;
    if (best == LEN(db.head))
        return ERR_NOTFOUND;
    *first = db.head[best].first;
    buf_put(con, span_of(db.head[best].con, db.head[best].con_n));
    return con->e;
}
static inline enum err second_get(void *c, struct span kid, uint32_t i, enum reason *out)
{
    (void)c;
    for (size_t k = 0; k < ROWS; k++)
        if (db.second[k].used && db.second[k].i == i && db.second[k].kid_hash == mix(kid)) {
            *out = db.second[k].r;
            return OK;
        }
    return ERR_NOTFOUND;
}
static inline enum err second_put(void *c, struct span kid, uint32_t i, enum reason r)
{
    (void)c;
    size_t at = ROWS;
    for (size_t k = 0; k < ROWS; k++) {
        if (db.second[k].used && db.second[k].i == i && db.second[k].kid_hash == mix(kid))
            at = k;
        else if (!db.second[k].used && at == ROWS)
            at = k;
    }
    if (at == ROWS)
        return ERR_FULL;
    db.second[at].used = true;
    db.second[at].kid_hash = mix(kid);
    db.second[at].i = i;
    db.second[at].r = r;
    return OK;
}

/* ---- a writer and a reader ------------------------------------------------------------------------ */

static struct opener opener;
static struct sealer sealer;
static struct reader reader;
static struct reader_key slots[4];
static const struct span ttps[] = {{(const uint8_t *)"ttp.demo.example", 16}};
static uint8_t memory[4 << 20], plain_memory[1 << 16];
static const uint8_t *wk; /* thumbprint of the key that signs heads; NULL: none */

struct writer {
    struct esd_keys keys;
    struct seal_key sk;
    char kid[64];
    size_t kid_n;
    uint64_t ep;
};

static inline struct writer writer_of(uint8_t seed, uint64_t ep)
{
    struct writer w = {.ep = ep};
    uint8_t kv[ESD_KV], sid[ESD_SID];
    memset(kv, seed, sizeof kv);
    assert_int_equal(keys_sid(ADDRESS, sid), REASON_OK);
    assert_int_equal(keys_derive(span_of(kv, sizeof kv), sid, &w.keys), REASON_OK);
    assert_int_equal(seal_key_init(&w.sk, &w.keys, FQDN), OK);
    struct buf b = BUF_ARRAY(w.kid);
    keys_kid_put(&b, w.keys.kc, FQDN);
    w.kid_n = b.n;
    return w;
}

static inline struct span kid_of(const struct writer *w)
{
    return span_of(w->kid, w->kid_n);
}

static inline void give_key(const struct writer *w, int64_t until)
{
    struct reader_fresh f = {.kid = kid_of(w),
                             .value = span_of(w->keys.kv, ESD_KV),
                             .suid = 24,
                             .commits = true,
                             .cr = CSE,
                             .wk = wk,
                             .now_ms = 1000,
                             .until_ms = until};
    assert_int_equal(reader_key_put(&reader, &f), OK);
}

static inline int set_up(void **state)
{
    (void)state;
    memset(&db, 0, sizeof db);
    memset(slots, 0, sizeof slots);
    reader = (struct reader){.opener = &opener,
                             .store = {mark_get, mark_put, hash_get, hash_put, stream_get, stream_put, epoch_get,
                                       epoch_put, chain_get, chain_put, chain_next, head_put, head_cover, head_next,
                                       second_get, second_put, NULL},
                             .ttps = ttps,
                             .n_ttps = 1,
                             .keys = slots,
                             .n_keys = LEN(slots)};
    return 0;
}

/* The envelope of index i; each call makes another one. */
static inline struct span made(const struct writer *w, uint32_t i, uint64_t t_ms)
{
    static uint8_t text[16][2048];
    static int next;
    struct buf b = BUF_ARRAY(text[next++ % 16]);
    struct seal_msg m = {.ep = w->ep, .i = i, .t_ms = t_ms, .json = true};
    assert_int_equal(seal(&sealer, &w->sk, &m, SPAN("{\"t\":1}"), NULL, &b), OK);
    return buf_span(&b);
}

static struct reader_result res;

static inline enum reason judge_item(struct reader_item item)
{
    struct arena a;
    struct buf out = BUF_ARRAY(plain_memory);
    arena_over(&a, memory, sizeof memory);
    enum reason r = reader_judge(&reader, &item, &a, &out, &res);
    if (r != REASON_OK) {
        assert_int_equal(out.n, 0);
        assert_int_equal(res.plain.n, 0);
    }
    return r;
}

static inline enum reason judge(struct span con, enum reader_how how)
{
    return judge_item((struct reader_item){
        .con = con, .cnf = SPAN("application/json:0:1"), .address = ADDRESS, .how = how, .now_ms = 1000000});
}

static inline int house_open(void)
{
    return opener_init(&opener) == OK && sealer_init(&sealer, (struct esd_rng){0}) == OK ? 0 : 1;
}
static inline void house_close(void)
{
    opener_free(&opener);
    sealer_free(&sealer);
}

#endif
