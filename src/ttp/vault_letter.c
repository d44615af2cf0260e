/* Letters: a writer registers epochs (e2e.md 2). */
#include "esd/letter_open.h"
#include "host/heap.h"
#include "ttp/vault_meta.h"

#include <stdlib.h>
#include <string.h>

struct own {
    struct key_letter l;
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

static bool suid_known(uint8_t suid)
{
    return suid == 24 || suid == 34;
}

/* What a letter must not say, whoever signed it. NULL: nothing wrong. */
static const char *wrong(struct vault *v, const struct key_letter *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct letter_item *m = &l->items[i];
        struct span relative, fqdn;
        if (kid_split(m->kid, &relative, &fqdn) != REASON_OK || !span_eq_nocase(fqdn, span_str(v->fqdn)))
            return "the identifier of a key names another TTP";
        if (!span_eq_nocase(m->adfq, span_str(v->fqdn)))
            return "adfq names an administration that this TTP does not serve";
        if (!suid_known(m->suid))
            return "the SUID must be 24 or 34: keys of end-to-end data";
        if (m->et != 0 && m->et <= v->conf.now_ms(v->conf.ctx))
            return "et is in the past";
        if (m->policy.n == 0 || m->policy.n > ROW_TEXT_MAX || l->iss.n > ROW_TEXT_MAX)
            return "the name of the policy is missing or too long";
    }
    return NULL;
}

static void letter_find(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    for (size_t i = 0; i < o->l.n; i++) {
        vault_find(v, a, 2 * i, o->l.items[i].kid);
        vault_find_stream(v, a, 2 * i + 1, o->l.iss, o->l.items[i].sid, o->l.items[i].adfq);
    }
}

static enum err letter_read_ask(struct vault *v, struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    if (!o)
        return ERR_NOMEM;
    a->own = o;
    enum reason r = letter_read(a->body, &a->mem, &a->jws, &o->l);
    if (r != REASON_OK || o->l.n == 0 || o->l.n > LETTER_ITEMS_MAX) {
        vault_refuse_reason(v, a, r == REASON_OK ? REASON_MALFORMED : r);
        return OK;
    }
    if (!vault_signed_by(v, a, o->l.iss, NULL))
        return OK;
    const char *why = wrong(v, &o->l);
    if (why) {
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED), why, "register at the TTP that the letter names");
        return OK;
    }
    o->kv = calloc(o->l.n, ESD_KV);
    if (!o->kv)
        return ERR_NOMEM;
    r = letter_open(&o->l, v->sealing, &a->mem, o->kv);
    if (r != REASON_OK) {
        vault_refuse(v, a, 403, reason_code(r), "the letter's Key Value cannot be opened or is not the one it names",
                     "wrap it to the sealing key of the pinned bundle");
        return OK;
    }
    a->n_need = 2 * o->l.n;
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
    const struct letter_item *m = &o->l.items[i];
    int64_t now = v->conf.now_ms(v->conf.ctx);
    struct row r = {.klass = ROW_SEALED_CLASS,
                    .kid = m->kid,
                    .iss = o->l.iss,
                    .ep = m->ep,
                    .suid = m->suid,
                    .base = a->base ? a->base : 2,
                    .adfq = m->adfq,
                    .policy = m->policy,
                    .has_pv = m->has_pv,
                    .pv = m->pv,
                    .plain = m->plain,
                    .et = (uint64_t)(m->et ? m->et : now + (int64_t)VAULT_ET_DAYS * 86400000),
                    .ct = (uint64_t)now};
    memcpy(r.sid, m->sid, ROW_SID);
    memcpy(r.kc, m->kc, ROW_KC);
    memcpy(r.wk, m->wk, ROW_WK);
    return r;
}

enum known { KNOWN_NOT, KNOWN_SAME, KNOWN_OTHER };

static enum known compare(struct vault *v, const struct vault_ask *a, const struct own *o, size_t i)
{
    const struct vault_found *f = &a->need[2 * i];
    if (!f->here)
        return KNOWN_NOT;
    uint8_t kv[ESD_KV];
    struct row r = row_of(v, a, o, i), was = f->row;
    if (o->l.items[i].et == 0)
        r.et = was.et; /* the vault chose it */
    r.base = was.base; /* both bases answer for every key */
    bool same = row_same(&r, &was) && vault_row_open(v, f, kv) == OK &&
                span_eq_secret(span_of(kv, ESD_KV), span_of(o->kv[i], ESD_KV));
    wipe(kv, sizeof kv);
    return same ? KNOWN_SAME : KNOWN_OTHER;
}

static bool stale(struct vault *v, struct vault_ask *a, const struct own *o)
{
    for (size_t i = 0; i < o->l.n; i++) {
        const struct letter_item *m = &o->l.items[i];
        uint8_t text[4 * ROW_TEXT_MAX];
        struct buf kid = BUF_ARRAY(text);
        if (row_kid_key(m->kid, &kid) != OK || vault_touched(v, a, TOUCH_KID, buf_span(&kid)))
            return true;
        buf_reset(&kid);
        const struct span part[] = {o->l.iss, span_of(m->sid, ROW_SID)};
        vault_key_put(&kid, part, LEN(part));
        if (vault_touched(v, a, TOUCH_STREAM, buf_span(&kid)) || vault_touched(v, a, TOUCH_TENANT, m->adfq))
            return true;
    }
    return false;
}

static bool shredded(struct vault *v, const struct own *o)
{
    for (size_t i = 0; i < o->l.n; i++) {
        uint8_t key[ROW_KID_MAX];
        struct buf b = BUF_ARRAY(key);
        if (row_kid_key(o->l.items[i].kid, &b) != OK || vault_map_get(&v->table[TABLE_SHREDS], buf_span(&b)))
            return true;
    }
    return false;
}

static enum err record(struct vault *v, struct vault_ask *a, const struct own *o)
{
    struct buf b = heap_buf(256 << 10);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", SPAN("letter"));
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
    struct vault_found *f = &a->need[2 * i + 1];
    for (size_t k = 0; k < i; k++) {
        const struct vault_found *g = &a->need[2 * k + 1];
        if (f->tenant_key.n == 0)
            f->tenant_key = g->tenant_key; /* one administration per TTP: adfq is its FQDN */
        if (f->stream_key.n == 0 && memcmp(o->l.items[k].sid, o->l.items[i].sid, ROW_SID) == 0)
            f->stream_key = g->stream_key;
    }
}

static enum err touch(struct vault *v, const struct row *r, const struct vault_found *before)
{
    uint8_t text[4 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    TRY(row_kid_key(r->kid, &b));
    TRY(vault_touch(v, TOUCH_KID, buf_span(&b)));
    if (before->tenant_key.n == 0)
        TRY(vault_touch(v, TOUCH_TENANT, r->adfq));
    if (before->stream_key.n > 0)
        return OK;
    buf_reset(&b);
    const struct span part[] = {r->iss, span_of(r->sid, ROW_SID)};
    vault_key_put(&b, part, LEN(part));
    return vault_touch(v, TOUCH_STREAM, buf_span(&b));
}

static enum err write_rows(struct vault *v, struct vault_ask *a, const struct own *o)
{
    for (size_t i = 0; i < o->l.n; i++) {
        uint8_t box[ESD_KV + VAULT_BOX];
        struct buf sealed = BUF_ARRAY(box);
        struct row r = row_of(v, a, o, i);
        r.leaf = a->index;
        if (compare(v, a, o, i) == KNOWN_SAME)
            continue;
        inherit(a, o, i);
        struct vault_found before = a->need[2 * i + 1];
        TRY(vault_row_seal(v, &r, &a->need[2 * i + 1], &a->mem, o->kv[i], &sealed));
        TRY(touch(v, &r, &before));
        msg_put_ROW(v->conf.to_ledger, &(struct msg_ROW){.row = r, .sealed = buf_span(&sealed)});
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

/* For the oneM2M face: the resource as it is now. */
static enum err ack(struct vault *v, struct vault_ask *a, uint64_t index)
{
    struct own *o = a->own;
    uint8_t text[4096];
    struct buf b = BUF_ARRAY(text);
    struct row r = row_of(v, a, o, 0);
    vault_meta_put(&b, &r);
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
    for (size_t i = 0; i < o->l.n; i++) {
        enum known k = compare(v, a, o, i);
        if (k == KNOWN_OTHER || twice(o))
            return vault_ack(v, a, "conflict", 0, 0, SPAN_NONE);
        same += k == KNOWN_SAME;
    }
    if (same == o->l.n)
        return ack(v, a, a->need[0].row.leaf);
    TRY(record(v, a, o));
    return write_rows(v, a, o);
}

static enum err letter_answer(struct vault *v, struct vault_ask *a)
{
    return ack(v, a, a->index);
}

const struct vault_kind vault_kind_letter = {letter_read_ask, letter_decide, letter_answer, letter_find, letter_end};
