/* Letters: a writer registers epochs (e2e.md 2), with Key Values of its own or with pairs that the vault made for it.
 */
#include "host/heap.h"
#include "ttp/vault_pair.h"
#include "ttp/vault_skr.h"
#include "ttp/vault_skr_own.h"

#include <stdlib.h>
#include <string.h>

/* Rows that an item needs: its registration if there is one, the keys of its stream, its pair. */
enum { SLOT_ROW, SLOT_STREAM, SLOT_PAIR, SLOTS };

struct own {
    struct key_letter l;
    bool strict;           /* an activation: no Key Values, but pairs */
    uint8_t (*kv)[ESD_KV]; /* one per item, wiped in the end */
    uint64_t known_leaf;   /* of a letter that was registered before */
};

static void letter_end(struct vault_ask *a)
{
    struct own *o = a->own;
    if (o && o->kv) {
        wipe(o->kv, o->l.n * ESD_KV);
        free(o->kv);
    }
}

static struct vault_found *slot(const struct vault_ask *a, const struct own *o, size_t i, size_t which)
{
    return &a->need[(o->strict ? SLOTS : SLOT_PAIR) * i + which];
}

/* What a letter must not say, whoever signed it. NULL: nothing wrong. */
static const char *wrong(struct vault *v, const struct key_letter *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct letter_item *m = &l->items[i];
        struct span relative, fqdn;
        if (kid_split(m->kid, &relative, &fqdn) != REASON_OK || !span_eq_nocase(fqdn, span_str(v->fqdn)))
            return "the identifier of a key names another TTP";
        if (!span_eq(m->adfq, l->items[0].adfq))
            return "the items of one letter name different administrations";
        const char *why = vault_item_wrong(v, l->iss, m);
        if (why)
            return why;
    }
    return NULL;
}

static void letter_find(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    size_t each = o->strict ? SLOTS : SLOT_PAIR;
    for (size_t i = 0; i < o->l.n; i++) {
        const struct letter_item *m = &o->l.items[i];
        vault_find(v, a, each * i + SLOT_ROW, m->kid);
        vault_find_stream(v, a, each * i + SLOT_STREAM, o->l.iss, m->sid, m->adfq);
        if (o->strict)
            vault_pair_find(v, a, each * i + SLOT_PAIR, m->kid);
    }
}

/* Answers and returns false when the Key Values are not what the letter says. */
static bool open_values(struct vault *v, struct vault_ask *a, struct own *o)
{
    enum reason r = REASON_FAILED;
    o->kv = calloc(o->l.n, ESD_KV);
    if (o->kv)
        r = vault_life_letter(v, &o->l, &a->mem, o->kv);
    if (r == REASON_FAILED)
        vault_refuse_reason(v, a, r);
    else if (r != REASON_OK)
        vault_refuse(v, a, 403, reason_code(r), "the letter's Key Value cannot be opened or is not the one it names",
                     "wrap it to the sealing key of the newest bundle");
    return r == REASON_OK;
}

static enum err letter_read_ask(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    a->own = o;
    enum reason r = letter_read(a->body, &a->mem, &a->jws, &o->l);
    if (r == REASON_MALFORMED) {
        o->strict = true;
        r = letter_activation_read(a->body, &a->mem, &a->jws, &o->l);
    }
    if (r != REASON_OK || o->l.n == 0 || o->l.n > LETTER_ITEMS_MAX) {
        vault_refuse_reason(v, a, r == REASON_OK ? REASON_MALFORMED : r);
        return OK;
    }
    if (!vault_signed_by(v, a, o->l.iss, NULL) || !vault_quota_take(v, a, o->l.iss, o->l.n - 1))
        return OK;
    const char *why = wrong(v, &o->l);
    if (why) {
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED), why, "register at the TTP that the letter names");
        return OK;
    }
    if (!o->strict && !open_values(v, a, o))
        return OK;
    a->n_need = (o->strict ? SLOTS : SLOT_PAIR) * o->l.n;
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, a->n_need);
    if (!a->need)
        return ERR_NOMEM;
    letter_find(v, a);
    return OK;
}

/* ---- deciding
 * -------------------------------------------------------------------------------------------------------------- */

static struct row row_of(struct vault *v, const struct vault_ask *a, const struct own *o, size_t i)
{
    return vault_row_of(v, a, o->l.iss, &o->l.items[i], o->strict ? ROW_ACTIVE : ROW_VALUE);
}

enum known { KNOWN_NOT, KNOWN_SAME, KNOWN_OTHER };

static enum known compare(struct vault *v, const struct vault_ask *a, const struct own *o, size_t i)
{
    const struct vault_found *f = slot(a, o, i, SLOT_ROW);
    if (!f->here)
        return KNOWN_NOT;
    uint8_t value[ROW_VALUE_MAX];
    struct row r = row_of(v, a, o, i), was = f->row;
    if (o->l.items[i].et == 0)
        r.et = was.et; /* the vault chose it */
    r.base = was.base; /* both bases answer for every key */
    bool same = row_same(&r, &was) && vault_row_open(v, f, value) == OK &&
                (o->strict || span_eq_secret(span_of(value, ESD_KV), span_of(o->kv[i], ESD_KV)));
    wipe(value, sizeof value);
    return same ? KNOWN_SAME : KNOWN_OTHER;
}

static bool stale(struct vault *v, struct vault_ask *a, const struct own *o)
{
    for (size_t i = 0; i < o->l.n; i++) {
        struct row r = row_of(v, a, o, i);
        if (vault_row_stale(v, a, &r))
            return true;
    }
    return false;
}

static bool shredded(struct vault *v, const struct own *o)
{
    for (size_t i = 0; i < o->l.n; i++)
        if (vault_tomb_refuses(v, o->l.iss, o->l.items[i].sid, o->l.items[i].ep, o->l.items[i].kid))
            return true;
    return false;
}

static enum err record(struct vault *v, struct vault_ask *a, const struct own *o)
{
    struct buf b = heap_buf(256 << 10);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", o->strict ? SPAN("activate") : SPAN("letter"));
    JW_STR(&w, "iss", o->l.iss);
    JW_B64URL(&w, "req", span_of(a->req, ESD_HASH));
    JW_NAME(&w, "items");
    jw_arr(&w);
    for (size_t i = 0; i < o->l.n; i++) {
        jw_obj(&w);
        JW_STR(&w, "kid", o->l.items[i].kid);
        JW_B64URL(&w, "sid", span_of(o->l.items[i].sid, ESD_SID));
        JW_U64(&w, "ep", o->l.items[i].ep);
        JW_STR(&w, "policy", o->l.items[i].policy);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    enum err e = b.e;
    if (e == OK)
        e = vault_leaf(v, a, buf_span(&b));
    heap_buf_free(&b);
    return e;
}

/* Keys above a row that an earlier item of the same letter made. */
static void inherit(struct vault_ask *a, const struct own *o, size_t i)
{
    struct vault_found *f = slot(a, o, i, SLOT_STREAM);
    for (size_t k = 0; k < i; k++) {
        const struct vault_found *g = slot(a, o, k, SLOT_STREAM);
        if (f->tenant_key.n == 0)
            f->tenant_key = g->tenant_key; /* one administration per letter */
        if (f->stream_key.n == 0 && memcmp(o->l.items[k].sid, o->l.items[i].sid, ROW_SID) == 0)
            f->stream_key = g->stream_key;
    }
}

/* The value of an item: from the letter, or of the pair that waits. */
static enum reason value_of(struct vault *v, const struct vault_ask *a, const struct own *o, size_t i,
                            uint8_t value[ROW_VALUE_MAX])
{
    const struct letter_item *m = &o->l.items[i];
    const struct vault_found *f = o->strict ? slot(a, o, i, SLOT_PAIR) : NULL;
    if (!f) {
        memcpy(value, o->kv[i], ESD_KV);
        return REASON_OK;
    }
    JUDGE(vault_pair_open(v, f, o->l.iss, m->sid, value, NULL));
    return kid_eq(f->row.kid, m->kid) && memcmp(f->row.kc, m->kc, ESD_KC) == 0 ? REASON_OK : REASON_COMMITMENT_MISMATCH;
}

/* Every pair that is to be activated is there and waits. The code of the refusal, or NULL. */
static const char *pairs_missing(struct vault *v, const struct vault_ask *a, const struct own *o)
{
    for (size_t i = 0; o->strict && i < o->l.n; i++) {
        uint8_t d[ROW_VALUE_MAX];
        enum reason r = compare(v, a, o, i) == KNOWN_NOT ? value_of(v, a, o, i, d) : REASON_OK;
        wipe(d, sizeof d);
        if (r != REASON_OK) /* what was never made and what is over look alike: its epoch cannot be opened */
            return reason_code(r == REASON_NO_KEY_YET ? REASON_EXPIRED : r);
    }
    return NULL;
}

static enum err write_rows(struct vault *v, struct vault_ask *a, const struct own *o)
{
    for (size_t i = 0; i < o->l.n; i++) {
        uint8_t value[ROW_VALUE_MAX];
        struct row r = row_of(v, a, o, i);
        if (compare(v, a, o, i) == KNOWN_SAME)
            continue;
        inherit(a, o, i);
        enum err e = value_of(v, a, o, i, value) == REASON_OK ? OK : ERR_AUTH;
        if (e == OK)
            e = vault_row_write(v, a, &r, slot(a, o, i, SLOT_STREAM), value);
        wipe(value, sizeof value);
        TRY(e);
    }
    return OK;
}

static bool twice(const struct own *o)
{
    for (size_t i = 1; i < o->l.n; i++)
        for (size_t k = 0; k < i; k++)
            if (kid_eq(o->l.items[i].kid, o->l.items[k].kid))
                return true;
    return false;
}

const struct letter_item *vault_letter_item(const struct vault_ask *a, size_t *n, struct span *iss)
{
    const struct own *o = a->own;
    *n = o->l.n;
    *iss = o->l.iss;
    return o->l.items;
}

/* For the oneM2M face: the resource as it is now. */
static enum err ack(struct vault *v, struct vault_ask *a, uint64_t index)
{
    struct own *o = a->own;
    if (!a->m2m)
        return vault_ack(v, a, "ok", 0, index, SPAN_NONE);
    const struct vault_found *f = slot(a, o, 0, SLOT_ROW);
    uint8_t *text = arena_alloc(&a->mem, VAULT_SKR_TEXT);
    struct row r = f->here ? f->row : row_of(v, a, o, 0);
    if (!text)
        return ERR_NOMEM;
    struct buf b = buf_over(text, VAULT_SKR_TEXT);
    vault_change_apply(v, &r);
    vault_skr_put(&b, v, &r, VIEW_CREATOR, SPAN_NONE);
    TRY(b.e);
    return vault_ack(v, a, "ok", 0, index, buf_span(&b));
}

static enum err letter_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    size_t same = 0;
    if (stale(v, a, o)) {
        vault_look_again(v, a);
        return OK;
    }
    if (shredded(v, o))
        return vault_ack(v, a, reason_code(REASON_SHREDDED), 0, 0, SPAN_NONE);
    if (twice(o))
        return vault_ack(v, a, "conflict", 0, 0, SPAN_NONE);
    for (size_t i = 0; i < o->l.n; i++) {
        enum known k = compare(v, a, o, i);
        struct row r = row_of(v, a, o, i);
        if (k == KNOWN_OTHER || (k == KNOWN_NOT && !vault_path_fits(v, &r, slot(a, o, i, SLOT_STREAM))))
            return vault_ack(v, a, "conflict", 0, 0, SPAN_NONE);
        same += k == KNOWN_SAME;
    }
    if (same == o->l.n)
        return ack(v, a, a->need[SLOT_ROW].row.leaf);
    const char *why = pairs_missing(v, a, o);
    if (why)
        return vault_ack(v, a, why, 0, 0, SPAN_NONE);
    TRY(record(v, a, o));
    return write_rows(v, a, o);
}

static enum err letter_answer(struct vault *v, struct vault_ask *a)
{
    return ack(v, a, a->index);
}

const struct vault_kind vault_kind_letter = {letter_read_ask, letter_decide, letter_answer, letter_find, letter_end};
