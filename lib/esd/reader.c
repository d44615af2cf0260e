#include "esd/reader.h"

#include <string.h>

#include "esd/reader_keys.h"
#include "esd/reader_order.h"
#include "wire/json.h"

/* ---- key and writer ------------------------------------------------------------------------------- */

struct work {
    struct reader *r;
    const struct reader_item *item;
    struct reader_result *res;
    const uint8_t *sid; /* of the address; NULL: not known */
    struct reader_key *key;
};

/* //SP-domain/CSE-ID of an absolute structured address. */
static struct span hosting_cse(struct span address)
{
    size_t n = 2;
    for (int slashes = 0; n < address.n; n++)
        if (address.p[n] == '/' && ++slashes == 2)
            break;
    return span_first(address, n);
}

/* Anyone may register a key for somebody's sid: only the hosting CSE or the pinned writer counts (e2e.md 5). */
static bool writer_fits(const struct reader_item *item, struct span cr)
{
    if (item->writer.n)
        return span_eq(item->writer, cr);
    return item->address.n == 0 || span_eq(hosting_cse(item->address), cr);
}

static enum reason find_key(void *ctx, const struct esd_label *l, struct open_key *out)
{
    struct work *w = (struct work *)ctx;
    struct reader_key *k = reader_key_find(w->r, l->kid, w->item->now_ms);
    if (!k) {
        w->r->misses++;
        return REASON_NO_KEY_YET;
    }
    w->r->hits++;
    k->used = ++w->r->ticks;
    w->res->cr = span_of(k->cr, k->cr_n);
    w->res->wk = span_of(k->wk, sizeof k->wk);
    const uint8_t *sid = w->sid ? w->sid : l->e2e.here ? l->e2e.sid : NULL;
    bool known = k->checked && sid && memcmp(k->sid, sid, ESD_SID) == 0;
    w->key = k;
    *out = (struct open_key){.value = span_of(k->kv, k->kv_n), .suid = k->suid, .commits = k->commits && !known};
    return writer_fits(w->item, w->res->cr) ? REASON_OK : REASON_WRITER_CHANGED;
}

/* ---- sealed --------------------------------------------------------------------------------------- */

static void judge_time(const struct work *w)
{
    const struct esd_e2e *e = &w->res->label.e2e;
    int64_t t = (int64_t)e->t_ms, now = w->item->now_ms, age = w->r->max_age_ms;
    bool fresh_wanted = w->item->how == READER_LATEST || w->item->how == READER_NOTIFY;
    if (e->t_ms == 0)
        return;
    if (t > now + READER_AHEAD_MS || (age && fresh_wanted && t < now - age))
        w->res->flags |= reason_bit(REASON_STALE);
}

static enum reason judge_order(const struct work *w)
{
    const struct esd_label *l = &w->res->label;
    char kid[READER_KID_TEXT];
    uint8_t hash[ESD_HASH];
    if (!l->e2e.here)
        return REASON_OK; /* a foreign object has no index; it carries PLACE_UNVERIFIED */
    if (esd_sha256(w->item->con, hash) != OK)
        return REASON_FAILED;
    struct order o = {.kid = reader_kid(l->kid, kid),
                      .sid = l->e2e.sid,
                      .hash = hash,
                      .ep = l->e2e.ep,
                      .i = l->e2e.i,
                      .how = w->item->how};
    return order_judge(&w->r->store, &o, &w->res->flags, &w->res->missing);
}

/* It opened, so the key is the stream's. */
static void remember_commitment(const struct work *w)
{
    const uint8_t *sid = w->sid ? w->sid : w->res->label.e2e.here ? w->res->label.e2e.sid : NULL;
    w->key->checked = w->key->commits && sid;
    if (w->key->checked)
        memcpy(w->key->sid, sid, ESD_SID);
}

static enum reason judge_sealed(struct work *w, struct arena *a, struct buf *out)
{
    struct opened opened;
    struct open_ask ask = {.sid = w->sid,
                           .ttps = w->r->ttps,
                           .n_ttps = w->r->n_ttps,
                           .key = find_key,
                           .ctx = w,
                           .nested = w->r->nested,
                           .nested_ctx = w->r->nested_ctx};
    enum reason r = open_envelope(w->r->opener, w->item->con, &ask, a, out, &opened);
    w->res->label = opened.label;
    w->res->flags = opened.flags;
    JUDGE(r);
    remember_commitment(w);
    JUDGE(judge_order(w));
    judge_time(w);
    w->res->plain = opened.plain;
    w->res->json = opened.json;
    w->res->signer = opened.signer;
    w->res->batch = opened.label.e2e.batch;
    return REASON_OK;
}

/* ---- clear ---------------------------------------------------------------------------------------- */

/* Sealed is expected by default, and for ever once a sealed reading was opened. */
static enum reason judge_clear(struct work *w, struct buf *out)
{
    struct reader_stream s = {0};
    if (!w->item->may_be_clear)
        return REASON_NOT_SEALED;
    if (w->sid) {
        enum err e = w->r->store.stream_get(w->r->store.ctx, w->sid, &s);
        if (e != OK && e != ERR_NOTFOUND)
            return REASON_FAILED;
    }
    if (s.sealed)
        return REASON_NOT_SEALED;
    size_t start = out->n;
    buf_put(out, w->item->con);
    if (out->e != OK)
        return REASON_FAILED;
    w->res->plain = span_of(out->p + start, out->n - start);
    w->res->clear = true;
    w->res->json = w->item->con_json;
    return REASON_OK;
}

/* ---- all together --------------------------------------------------------------------------------- */

/* What cnf announces; an envelope is recognised even when cnf denies it, so that nobody gains by editing it. */
static enum reason is_sealed(const struct reader_item *item, bool *sealed)
{
    struct esd_cnf c = {0};
    if (item->cnf.n)
        JUDGE(cnf_read(item->cnf, &c));
    if (c.security > 1)
        return item->con.n && item->con.p[0] == '{' ? REASON_ALGORITHM_REFUSED : REASON_MALFORMED;
    *sealed = c.security == 1 || (!item->con_json && label_looks_sealed(item->con));
    return *sealed && item->con_json ? REASON_MALFORMED : REASON_OK;
}

static enum reason judge(struct work *w, struct arena *a, struct buf *out)
{
    bool sealed;
    if (w->item->address.n) {
        enum reason r = keys_sid(w->item->address, w->res->sid);
        if (r == REASON_FAILED)
            return r;
        w->sid = r == REASON_OK ? w->res->sid : NULL;
    }
    JUDGE(is_sealed(w->item, &sealed));
    return sealed ? judge_sealed(w, a, out) : judge_clear(w, out);
}

enum reason reader_judge(struct reader *r, const struct reader_item *item, struct arena *a, struct buf *out,
                         struct reader_result *res)
{
    struct work w = {.r = r, .item = item, .res = res};
    size_t start = out->n;
    *res = (struct reader_result){0};
    res->reason = judge(&w, a, out);
    if (res->reason != REASON_OK) {
        if (out->n > start)
            wipe(out->p + start, out->n - start);
        out->n = start;
        res->plain = SPAN_NONE;
    }
    return res->reason;
}

enum err reader_each(const struct reader_result *res, struct arena *a,
                     enum err (*each)(void *ctx, uint32_t n, struct span reading), void *ctx)
{
    struct jval *v;
    uint32_t n = 0;
    if (!res->batch)
        return each(ctx, 0, res->plain);
    TRY(json_parse(res->plain, a, &v, NULL));
    if (v->type != J_ARR)
        return ERR_SYNTAX;
    for (const struct jval *c = v->child; c; c = c->next)
        TRY(each(ctx, n++, c->raw));
    return OK;
}
