#include "esd/reader.h"

#include <string.h>

#include "esd/reader_keys.h"
#include "esd/reader_order.h"
#include "esd/reader_second.h"
#include "wire/json.h"

/* ---- key and writer ------------------------------------------------------------------------------- */

struct work {
    struct reader *r;
    const struct reader_item *item;
    struct reader_result *res;
    const uint8_t *sid; /* of the address; NULL: not known */
    struct reader_key *key;
    unsigned security; /* contentSecurity */
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

bool reader_writer_fits(struct span address, struct span writer, struct span cr)
{
    if (writer.n)
        return span_eq(writer, cr);
    return address.n == 0 || span_eq(hosting_cse(address), cr);
}

static enum reason find_key(void *ctx, const struct esd_label *l, struct open_key *out)
{
    struct work *w = (struct work *)ctx;
    w->key = NULL;
    if (w->r->own) { /* the key itself says who may have sealed */
        enum reason own = w->r->own(w->r->own_ctx, l, out);
        if (own != REASON_NO_KEY_YET)
            return own;
    }
    struct reader_key *k = reader_key_find(w->r, l->kid, w->item->now_ms);
    if (!k) {
        w->r->count.misses++;
        return REASON_NO_KEY_YET;
    }
    w->r->count.hits++;
    k->used = ++w->r->ticks;
    k->touched = true;
    w->res->cr = span_of(k->cr, k->cr_n);
    w->res->wk = span_of(k->wk, sizeof k->wk);
    const uint8_t *sid = w->sid ? w->sid : l->e2e.here ? l->e2e.sid : NULL;
    bool known = k->checked && sid && memcmp(k->sid, sid, ESD_SID) == 0;
    w->key = k;
    *out = (struct open_key){.value = span_of(k->kv, k->kv_n), .suid = k->suid, .commits = k->commits && !known};
    return reader_writer_fits(w->item->address, w->item->writer, w->res->cr) ? REASON_OK : REASON_WRITER_CHANGED;
}

/* ---- sealed --------------------------------------------------------------------------------------- */

static const struct reader_policy *policy_of(const struct work *w)
{
    static const struct reader_policy standard = {.fatal = READER_FATAL};
    return w->item->policy ? w->item->policy : w->r->policy ? w->r->policy : &standard;
}

/* The second verdict, as far as it is known now; what was opened in order waits for its head. */
static enum reason judge_second(const struct work *w, const struct order *o, bool in_order, struct arena *a)
{
    struct reader_second q = {
        .kid = o->kid, .i = o->i, .hash = o->hash, .sid = o->sid, .policy = policy_of(w), .now_ms = w->item->now_ms};
    if (!in_order)
        return REASON_OK;
    if (o->how != READER_BY_NAME)
        JUDGE(second_opened(w->r, o->kid, o->sid, o->i, o->now_ms));
    if (w->res->flags & reason_bit(REASON_ROLLED_BACK))
        return REASON_OK;
    w->res->second = reader_second(w->r, &q, a);
    return w->res->second == REASON_FAILED ? REASON_FAILED : REASON_OK;
}

static void judge_time(const struct work *w)
{
    const struct esd_e2e *e = &w->res->label.e2e;
    int64_t t = (int64_t)e->t_ms, now = w->item->now_ms, age = policy_of(w)->max_age_ms;
    bool fresh_wanted = w->item->how == READER_LATEST || w->item->how == READER_NOTIFY;
    if (e->t_ms == 0)
        return;
    if (t > now + READER_AHEAD_MS || (age && fresh_wanted && t < now - age))
        w->res->flags |= reason_bit(REASON_STALE);
}

/* A foreign object has no index; it carries PLACE_UNVERIFIED. */
static enum reason judge_order(const struct work *w, struct arena *a)
{
    const struct esd_label *l = &w->res->label;
    char kid[READER_KID_TEXT];
    uint8_t hash[ESD_HASH];
    if (!l->e2e.here)
        return REASON_OK;
    if (esd_sha256(w->item->con, hash) != OK)
        return REASON_FAILED;
    struct order o = {.kid = reader_kid(l->kid, kid),
                      .sid = l->e2e.sid,
                      .hash = hash,
                      .ep = l->e2e.ep,
                      .t_ms = l->e2e.t_ms,
                      .now_ms = w->item->now_ms,
                      .i = l->e2e.i,
                      .how = w->item->how,
                      .fatal = policy_of(w)->fatal};
    enum reason r = order_judge(&w->r->store, &o, &w->res->flags, &w->res->missing);
    bool choice = r == REASON_REPLAYED || r == REASON_ROLLED_BACK;
    if (choice && !(policy_of(w)->fatal & reason_bit(r)))
        w->res->flags |= reason_bit(r);
    else if (r != REASON_OK)
        return r;
    return judge_second(w, &o, r == REASON_OK, a);
}

/* It opened, so the key is the stream's. */
static void remember_commitment(const struct work *w)
{
    const uint8_t *sid = w->sid ? w->sid : w->res->label.e2e.here ? w->res->label.e2e.sid : NULL;
    if (!w->key)
        return;
    w->key->checked = w->key->commits && sid;
    if (w->key->checked)
        memcpy(w->key->sid, sid, ESD_SID);
}

/* The first remark that the stream's policy does not put up with. `la` asked twice shows the same reading: never a
 * refusal. */
static enum reason fatal_remark(const struct work *w)
{
    reason_set s = w->res->flags & policy_of(w)->fatal & READER_CHOICE;
    if (w->item->how == READER_LATEST)
        s &= ~reason_bit(REASON_REPLAYED);
    for (unsigned r = 1; r < REASON__N; r++)
        if (s & reason_bit((enum reason)r))
            return (enum reason)r;
    return REASON_OK;
}

static enum reason judge_sealed(struct work *w, struct arena *a, struct buf *out)
{
    struct opened opened;
    struct open_ask ask = {.sid = w->sid,
                           .security = w->security,
                           .allow = policy_of(w)->allow,
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
    if (opened.label.jws)
        return REASON_NOT_SEALED; /* signed, and readable for everyone on the way */
    w->res->anyone = alg_row(opened.label.alg)->family == ALG_ECDH || alg_row(opened.label.alg)->family == ALG_RSA;
    remember_commitment(w);
    JUDGE(fatal_remark(w));
    JUDGE(judge_order(w, a));
    judge_time(w);
    JUDGE(fatal_remark(w));
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

static enum reason judge(struct work *w, struct arena *a, struct buf *out)
{
    if (w->item->address.n) {
        enum reason r = keys_sid(w->item->address, w->res->sid);
        if (r == REASON_FAILED)
            return r;
        w->sid = r == REASON_OK ? w->res->sid : NULL;
    }
    struct span con = w->item->con_json ? SPAN_NONE : w->item->con; /* sealed content is a string */
    enum reason r = cnf_security(con, w->item->cnf, &w->security);
    if (r == REASON_NOT_SEALED)
        return judge_clear(w, out);
    return r != REASON_OK ? r : w->item->con_json ? REASON_MALFORMED : judge_sealed(w, a, out);
}

enum reason reader_judge(struct reader *r, const struct reader_item *item, struct arena *a, struct buf *out,
                         struct reader_result *res)
{
    struct work w = {.r = r, .item = item, .res = res};
    size_t start = out->n;
    *res = (struct reader_result){.second = REASON_UNCONFIRMED};
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
