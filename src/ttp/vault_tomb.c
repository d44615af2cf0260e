#include "ttp/vault_tomb.h"

#include "ttp/take.h"
#include "ttp/vault_own.h"

#include <stdlib.h>
#include <string.h>

struct tomb {
    uint64_t ep, leaf;
};

/* ---- finding ---------------------------------------------------------------------------------------------------- */

static enum err id_of(char mark, struct span a, struct span b, uint8_t id[TOMB_ID])
{
    uint8_t text[4 * ROW_TEXT_MAX], h[ESD_HASH];
    struct buf t = BUF_ARRAY(text);
    buf_c(&t, (uint8_t)mark);
    msg_item_put(&t, a);
    msg_item_put(&t, b);
    TRY(t.e);
    TRY(esd_sha256(buf_span(&t), h));
    memcpy(id, h, TOMB_ID);
    return OK;
}

static enum err kid_id(struct span kid, uint8_t id[TOMB_ID])
{
    uint8_t key[ROW_KID_MAX];
    struct buf b = BUF_ARRAY(key);
    TRY(row_kid_key(kid, &b));
    return id_of('k', buf_span(&b), SPAN_NONE, id);
}

static uint64_t be64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

/* The last entry of the id in the segments: of several it is the one of the highest epoch. */
static const uint8_t *in_segments(const struct vault_tombs *t, const uint8_t id[TOMB_ID])
{
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (memcmp(t->old + mid * TOMB_ENTRY, id, TOMB_ID) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    const uint8_t *e = lo > 0 ? t->old + (lo - 1) * TOMB_ENTRY : NULL;
    return e && memcmp(e, id, TOMB_ID) == 0 ? e : NULL;
}

static bool find(const struct vault *v, const uint8_t id[TOMB_ID], struct tomb *out)
{
    const struct span *value = vault_map_get(&v->table[TABLE_SHREDS], span_of(id, TOMB_ID));
    const uint8_t *old = value ? NULL : in_segments(&v->tombs, id);
    const uint8_t *p = value && value->n == TOMB_ENTRY - TOMB_ID ? value->p : old ? old + TOMB_ID : NULL;
    if (value && !p) { /* an entry without form hides everything */
        *out = (struct tomb){UINT64_MAX, UINT64_MAX};
        return true;
    }
    if (p)
        *out = (struct tomb){be64(p), be64(p + 8)};
    return p != NULL;
}

bool vault_tomb_has_kid(const struct vault *v, struct span kid)
{
    uint8_t id[TOMB_ID];
    struct tomb t;
    return kid_id(kid, id) != OK || find(v, id, &t);
}

static bool of_stream(const struct vault *v, struct span iss, const uint8_t sid[ROW_SID], struct tomb *t)
{
    uint8_t id[TOMB_ID];
    *t = (struct tomb){UINT64_MAX, UINT64_MAX};
    return id_of('s', iss, span_of(sid, ROW_SID), id) != OK || find(v, id, t);
}

static uint64_t all_before(const struct vault *v)
{
    const struct span *value = vault_map_get(&v->table[TABLE_LIFE], SPAN("shred"));
    return !value ? 0 : value->n == 8 ? be64(value->p) : UINT64_MAX;
}

bool vault_tomb_was_all(const struct vault *v)
{
    return all_before(v) > 0;
}

bool vault_tomb_hides(const struct vault *v, const struct row *row)
{
    struct tomb t;
    if (row->leaf < all_before(v) || vault_tomb_has_kid(v, row->kid))
        return true;
    return of_stream(v, row->iss, row->sid, &t) && row->leaf < t.leaf;
}

bool vault_tomb_refuses(const struct vault *v, struct span iss, const uint8_t sid[ROW_SID], uint64_t ep,
                        struct span kid)
{
    struct tomb t;
    return vault_tomb_has_kid(v, kid) || (of_stream(v, iss, sid, &t) && ep <= t.ep);
}

uint64_t vault_tomb_epoch(const struct vault *v, struct span iss, const uint8_t sid[ROW_SID])
{
    struct tomb t;
    return of_stream(v, iss, sid, &t) ? t.ep : 0;
}

/* ---- adding ----------------------------------------------------------------------------------------------------- */

static enum err put(struct vault *v, const uint8_t id[TOMB_ID], uint64_t ep, uint64_t leaf)
{
    uint8_t value[TOMB_ENTRY - TOMB_ID];
    struct buf b = BUF_ARRAY(value);
    buf_be64(&b, ep);
    buf_be64(&b, leaf);
    return vault_state_set(v, TABLE_SHREDS, span_of(id, TOMB_ID), buf_span(&b));
}

enum err vault_tomb_kid(struct vault *v, struct span kid)
{
    uint8_t id[TOMB_ID];
    TRY(kid_id(kid, id));
    return put(v, id, UINT64_MAX, UINT64_MAX);
}

enum err vault_tomb_stream(struct vault *v, struct span iss, const uint8_t sid[ROW_SID], uint64_t ep)
{
    uint8_t id[TOMB_ID];
    struct tomb t = {0};
    TRY(id_of('s', iss, span_of(sid, ROW_SID), id));
    if (find(v, id, &t) && t.ep > ep)
        ep = t.ep;
    return put(v, id, ep, v->tree.size);
}

enum err vault_tomb_all(struct vault *v)
{
    uint8_t value[8];
    struct buf b = BUF_ARRAY(value);
    buf_be64(&b, v->tree.size);
    return vault_state_set(v, TABLE_LIFE, SPAN("shred"), buf_span(&b));
}

/* ---- segments --------------------------------------------------------------------------------------------------- */

static void segment_key(struct buf *b, uint64_t n)
{
    buf_str(b, "tomb/");
    buf_be64(b, n);
}

static int by_octets(const void *a, const void *b)
{
    return memcmp(a, b, TOMB_ENTRY);
}

static enum err merge(struct vault_tombs *t, const uint8_t *p, size_t n)
{
    uint8_t *grown = realloc(t->old, (t->n + n) * TOMB_ENTRY);
    if (!grown)
        return ERR_NOMEM;
    t->old = grown;
    memcpy(grown + t->n * TOMB_ENTRY, p, n * TOMB_ENTRY);
    t->n += n;
    return OK;
}

void vault_tomb_free(struct vault *v)
{
    free(v->tombs.old);
}

bool vault_tomb_load(struct vault *v)
{
    uint8_t key[16];
    struct buf b = BUF_ARRAY(key);
    struct vault_tombs *t = &v->tombs;
    for (t->segments = 0;; t->segments++) {
        buf_reset(&b);
        segment_key(&b, t->segments);
        if (!vault_map_get(&v->table[TABLE_LIFE], buf_span(&b)))
            break;
        msg_put_TOMBS_READ(v->conf.to_ledger, &(struct msg_TOMBS_READ){.n = t->segments});
    }
    return t->segments > 0;
}

enum err vault_tomb_loaded(struct vault *v, uint64_t n, struct span body, bool *done)
{
    uint8_t key[16], h[ESD_HASH];
    struct buf b = BUF_ARRAY(key);
    struct vault_tombs *t = &v->tombs;
    segment_key(&b, n);
    const struct span *want = vault_map_get(&v->table[TABLE_LIFE], buf_span(&b));
    TRY(esd_sha256(body, h));
    if (n != t->loaded || !want || body.n != (size_t)TOMB_SEGMENT * TOMB_ENTRY || !span_eq(*want, span_of(h, ESD_HASH)))
        return ERR_AUTH;
    TRY(merge(t, body.p, TOMB_SEGMENT));
    *done = ++t->loaded == t->segments;
    if (*done)
        qsort(t->old, t->n, TOMB_ENTRY, by_octets);
    return OK;
}

static enum err record(struct vault *v, const uint8_t hash[ESD_HASH])
{
    uint8_t text[512];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", vault_now_s(v));
    JW_STR(&w, "op", SPAN("shreds"));
    JW_U64(&w, "segment", v->tombs.segments);
    JW_B64URL(&w, "hash", span_of(hash, ESD_HASH));
    jw_end_obj(&w);
    TRY(b.e);
    return vault_batch_leaf(v, buf_span(&b));
}

static enum err move(struct vault *v, uint8_t *body)
{
    uint8_t key[16], h[ESD_HASH];
    struct buf b = BUF_ARRAY(key);
    const struct vault_map *m = &v->table[TABLE_SHREDS];
    struct span all = span_of(body, (size_t)TOMB_SEGMENT * TOMB_ENTRY);
    for (size_t i = 0; i < TOMB_SEGMENT; i++) {
        memcpy(body + i * TOMB_ENTRY, m->e[i].key.p, TOMB_ID);
        memcpy(body + i * TOMB_ENTRY + TOMB_ID, m->e[i].value.p, TOMB_ENTRY - TOMB_ID);
    }
    segment_key(&b, v->tombs.segments);
    TRY(esd_sha256(all, h));
    TRY(vault_state_set(v, TABLE_LIFE, buf_span(&b), span_of(h, ESD_HASH)));
    for (size_t i = 0; i < TOMB_SEGMENT; i++)
        TRY(vault_state_set(v, TABLE_SHREDS, span_of(body + i * TOMB_ENTRY, TOMB_ID), SPAN_NONE));
    TRY(record(v, h));
    msg_put_TOMBS(v->conf.to_ledger, &(struct msg_TOMBS){.n = v->tombs.segments, .body = all});
    return OK;
}

enum err vault_tomb_launch(struct vault *v)
{
    struct vault_tombs *t = &v->tombs;
    if (v->table[TABLE_SHREDS].n < (size_t)2 * TOMB_SEGMENT || t->segments == TOMB_SEGMENTS_MAX ||
        vault_state_room(v) < 4096)
        return OK;
    uint8_t *body = malloc((size_t)TOMB_SEGMENT * TOMB_ENTRY);
    enum err e = body ? move(v, body) : ERR_NOMEM;
    /* At once: what is decided in this batch looks there. If it fails, they stand in both places, which is no harm. */
    if (e == OK)
        e = merge(t, body, TOMB_SEGMENT);
    if (e == OK)
        qsort(t->old, t->n, TOMB_ENTRY, by_octets);
    t->moving = e == OK;
    free(body);
    return e;
}

void vault_tomb_kept(struct vault *v)
{
    v->tombs.segments += v->tombs.moving;
    v->tombs.moving = false;
}

void vault_tomb_failed(struct vault *v)
{
    v->tombs.moving = false;
}
