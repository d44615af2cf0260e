/* A writer asks for a key (e2e.md 2): the vault makes a Key Value and registers it, or sees to it that enough strict
 * pairs of a stream are ready. Nothing secret leaves but the Key Value, wrapped to the request's epk, once its leaf is
 * durable. */
#include "esd/keyask.h"
#include "host/heap.h"
#include "ttp/vault_pair.h"

#include <stdlib.h>
#include <string.h>

/* Secret, wiped when the ask ends. */
struct fresh {
    uint8_t value[KEYASK_PAIRS_MAX][ROW_VALUE_MAX];
};

struct own {
    struct key_ask q;
    struct key_made made[KEYASK_PAIRS_MAX]; /* for the answer: first what waited, then what is new */
    size_t n, n_new;
    struct fresh *fresh;
};

static void forget(struct own *o)
{
    for (size_t i = 0; i < o->n; i++)
        p256_free(o->made[i].pub);
    memset(o->made, 0, sizeof o->made);
    o->n = o->n_new = 0;
}

static void key_end(struct vault_ask *a)
{
    struct own *o = a->own;
    if (!o)
        return;
    forget(o);
    p256_free(o->q.epk);
    if (o->fresh)
        wipe(o->fresh, sizeof *o->fresh);
    free(o->fresh);
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static void key_find(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    vault_find_stream(v, a, 0, o->q.iss, o->q.item.sid, o->q.item.adfq);
    for (size_t i = 0; i < o->q.pairs; i++)
        vault_pair_find_nth(v, a, 1 + i, o->q.iss, o->q.item.sid, i);
}

/* Pairs say nothing of a registration yet: that is the activation letter's. */
static const char *wrong(struct vault *v, const struct own *o)
{
    struct letter_item m = o->q.item;
    if (o->q.pairs) {
        m.suid = 24;
        m.policy = SPAN("none");
    }
    return vault_item_wrong(v, o->q.iss, &m);
}

static bool admitted(struct vault *v, struct vault_ask *a, const struct own *o)
{
    if (!vault_signed_by(v, a, o->q.iss, NULL))
        return false;
    if (!vault_nonce_good(v, o->q.nonce)) {
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED), "the nonce is not fresh",
                     "use the newest Oneseal-Nonce within 120 s");
        return false;
    }
    const char *why = wrong(v, o);
    if (why)
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED), why, "ask the TTP that the request names");
    return why == NULL;
}

static enum err key_read(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    enum reason r = keyask_read(a->body, &a->mem, &a->jws, &o->q);
    if (r != REASON_OK) {
        vault_refuse_reason(v, a, r);
        return OK;
    }
    a->own = o;
    if (!admitted(v, a, o))
        return OK;
    o->fresh = calloc(1, sizeof *o->fresh);
    a->n_need = 1 + o->q.pairs;
    a->need = ARENA_ARRAY(&a->mem, struct vault_found, a->n_need);
    if (!a->need || !o->fresh)
        return ERR_NOMEM;
    key_find(v, a);
    return OK;
}

/* ---- deciding ------------------------------------------------------------------------------------------------------
 */

static enum err name(struct vault *v, struct vault_ask *a, struct key_made *k)
{
    uint8_t text[ESD_KID_MAX];
    struct buf b = BUF_ARRAY(text);
    keys_kid_put(&b, k->kc, span_str(v->fqdn));
    TRY(b.e);
    k->kid = arena_dup(&a->mem, buf_span(&b));
    return arena_ok(&a->mem) ? OK : ERR_NOMEM;
}

static enum err record(struct vault *v, struct vault_ask *a, const struct own *o)
{
    struct buf b = heap_buf(64 << 10);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", o->q.pairs ? SPAN("pairs") : SPAN("key"));
    JW_STR(&w, "iss", o->q.iss);
    JW_B64URL(&w, "req", span_of(a->req, ESD_HASH));
    JW_NAME(&w, "items");
    jw_arr(&w);
    for (size_t i = o->n - o->n_new; i < o->n; i++) {
        jw_obj(&w);
        JW_STR(&w, "kid", o->made[i].kid);
        JW_B64URL(&w, "sid", span_of(o->q.item.sid, ESD_SID));
        if (!o->q.pairs) {
            JW_U64(&w, "ep", o->q.item.ep);
            JW_STR(&w, "policy", o->q.item.policy);
        }
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

static enum err make_value(struct vault *v, struct vault_ask *a, struct own *o)
{
    struct key_made *k = &o->made[0];
    uint8_t *kv = o->fresh->value[0];
    TRY(esd_random(kv, ESD_KV));
    if (keys_kc(span_of(kv, ESD_KV), o->q.item.sid, k->kc) != REASON_OK)
        return ERR_CRYPTO;
    k->kv = kv;
    o->n = o->n_new = 1;
    return name(v, a, k);
}

static enum err make_pair(struct vault *v, struct vault_ask *a, struct own *o)
{
    struct key_made *k = &o->made[o->n];
    TRY(strict_new(o->fresh->value[o->n], &k->pub));
    o->n++;
    o->n_new++;
    TRY(strict_kc(k->pub, o->q.item.sid, k->kc));
    return name(v, a, k);
}

/* The pairs that wait already, as the ledger says; it can hide some, but not show others. FAILED. */
static enum reason gather(struct vault *v, struct vault_ask *a, struct own *o)
{
    for (size_t i = 0; i < o->q.pairs; i++) {
        const struct vault_found *f = &a->need[1 + i];
        struct key_made *k = &o->made[o->n];
        if (!f->here)
            continue;
        for (size_t j = 0; j < o->n; j++)
            if (kid_eq(o->made[j].kid, f->row.kid))
                return REASON_FAILED;
        enum reason r = vault_pair_open(v, f, o->q.iss, o->q.item.sid, NULL, &k->pub);
        if (r == REASON_EXPIRED)
            continue;
        JUDGE(r);
        *k = (struct key_made){.kid = f->row.kid, .et = (int64_t)f->row.et, .pub = k->pub};
        memcpy(k->kc, f->row.kc, ESD_KC);
        o->n++;
    }
    return REASON_OK;
}

static enum err write_rows(struct vault *v, struct vault_ask *a, struct own *o)
{
    for (size_t i = o->n - o->n_new; i < o->n; i++) {
        struct letter_item m = o->q.item;
        if (o->q.pairs)
            m = (struct letter_item){.adfq = m.adfq, .suid = 24, .et = o->made[i].et};
        memcpy(m.sid, o->q.item.sid, ESD_SID);
        m.kid = o->made[i].kid;
        memcpy(m.kc, o->made[i].kc, ESD_KC);
        struct row r = vault_row_of(v, a, o->q.iss, &m, o->q.pairs ? ROW_PAIR : ROW_VALUE);
        o->made[i].et = (int64_t)r.et;
        TRY(vault_row_write(v, a, &r, &a->need[0], o->fresh->value[i]));
        if (o->q.pairs)
            wipe(o->fresh->value[i], ROW_VALUE_MAX);
    }
    return OK;
}

static enum err send(struct vault *v, struct vault_ask *a, uint64_t index)
{
    struct own *o = a->own;
    struct buf out = heap_buf(VAULT_ANSWER_MAX);
    struct key_answer r = {
        .keys = o->made, .n = o->n, .index = index, .size = v->head.size, .head = buf_span(&v->note)};
    memcpy(r.req, a->req, ESD_HASH);
    enum err e = keyask_answer_build(&r, o->q.epk, v->release, span_str(v->release_kid), &v->scratch, &out);
    if (e == OK)
        vault_reply(v, a, 200, TYPE_JOSE, buf_span(&out), SPAN_NONE);
    heap_buf_free(&out);
    return e;
}

static bool stale(struct vault *v, const struct vault_ask *a, const struct own *o)
{
    struct row r = {.iss = o->q.iss, .adfq = o->q.item.adfq};
    memcpy(r.sid, o->q.item.sid, ROW_SID);
    return vault_row_stale(v, a, &r);
}

static bool fits(struct vault *v, const struct vault_ask *a, const struct own *o)
{
    struct row r = {.iss = o->q.iss, .adfq = o->q.item.adfq};
    memcpy(r.sid, o->q.item.sid, ROW_SID);
    return vault_path_fits(v, &r, &a->need[0]);
}

static enum err decide_pairs(struct vault *v, struct vault_ask *a, struct own *o)
{
    int64_t et = v->conf.now_ms(v->conf.ctx) + (int64_t)VAULT_PAIR_DAYS * 86400000;
    if (gather(v, a, o) != REASON_OK) {
        vault_refuse_reason(v, a, REASON_FAILED);
        return OK;
    }
    if (o->n == o->q.pairs)
        return send(v, a, 0);
    if (!vault_rate_take(v, a, o->q.iss, o->q.pairs - (uint32_t)o->n))
        return OK;
    while (o->n < o->q.pairs) {
        o->made[o->n].et = et;
        TRY(make_pair(v, a, o));
    }
    TRY(record(v, a, o));
    msg_put_PAIRS_PAST(v->conf.to_ledger, &(struct msg_PAIRS_PAST){.now = (uint64_t)v->conf.now_ms(v->conf.ctx)});
    return write_rows(v, a, o);
}

static enum err key_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    forget(o);
    if (stale(v, a, o)) {
        vault_look_again(v, a);
        return OK;
    }
    if (!fits(v, a, o)) {
        vault_refuse(v, a, 409, "conflict", "this stream is registered under another administration",
                     "name the adfq of its first registration");
        return OK;
    }
    if (o->q.pairs)
        return decide_pairs(v, a, o);
    TRY(make_value(v, a, o));
    TRY(record(v, a, o));
    return write_rows(v, a, o);
}

static enum err key_answer(struct vault *v, struct vault_ask *a)
{
    return send(v, a, a->index);
}

const struct vault_kind vault_kind_key = {key_read, key_decide, key_answer, key_find, key_end};
