/* Keys at rest: RK > TK (tenant) > SK (stream) > row (e2e.md 6). */
#include "ttp/vault_own.h"

#include <openssl/evp.h>
#include <string.h>

enum { IV = 12, TAG = 16 };

static const char tenant_label[] = "oneseal-tenant-v1", stream_label[] = "oneseal-stream-v1",
                  row_label[] = "oneseal-row-v1";

/* Fetched once: a fetch costs more than a short text. */
static const EVP_CIPHER *aes256gcm(void)
{
    static EVP_CIPHER *fetched;
    if (!fetched)
        fetched = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    return fetched;
}

static bool gcm(EVP_CIPHER_CTX *c, bool seal, const uint8_t key[VAULT_KEY], const uint8_t iv[IV], const char *label,
                struct span aad)
{
    int n;
    return EVP_CipherInit_ex2(c, aes256gcm(), key, iv, seal, NULL) == 1 &&
           EVP_CipherUpdate(c, NULL, &n, (const uint8_t *)label, (int)strlen(label)) == 1 &&
           (aad.n == 0 || EVP_CipherUpdate(c, NULL, &n, aad.p, (int)aad.n) == 1);
}

enum err vault_box_seal(const uint8_t key[VAULT_KEY], const char *label, struct span aad, struct span plain,
                        struct buf *out)
{
    uint8_t *p = buf_take(out, plain.n + VAULT_BOX);
    if (!p)
        return out->e;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n;
    bool ok = c && esd_random(p, IV) == OK && gcm(c, true, key, p, label, aad) &&
              EVP_CipherUpdate(c, p + IV, &n, plain.p, (int)plain.n) == 1 && (size_t)n == plain.n &&
              EVP_CipherFinal_ex(c, p + IV + n, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, p + IV + plain.n) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok ? OK : ERR_CRYPTO;
}

enum err vault_box_open(const uint8_t key[VAULT_KEY], const char *label, struct span aad, struct span box,
                        struct buf *out)
{
    if (box.n < VAULT_BOX)
        return ERR_AUTH;
    size_t plain = box.n - VAULT_BOX, at = out->n;
    uint8_t *p = buf_take(out, plain), tag[TAG];
    if (!p)
        return out->e;
    memcpy(tag, box.p + box.n - TAG, TAG);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = c && gcm(c, false, key, box.p, label, aad) && EVP_CipherUpdate(c, p, &n, box.p + IV, (int)plain) == 1 &&
              (size_t)n == plain && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
              EVP_CipherFinal_ex(c, p + n, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    if (ok)
        return OK;
    wipe(p, plain);
    out->n = at;
    return ERR_AUTH;
}

enum err vault_expand(const uint8_t key[VAULT_KEY], const char *label, uint8_t out[VAULT_KEY])
{
    static const uint8_t one = 1;
    return esd_hmac(span_of(key, VAULT_KEY), span_str(label), span_of(&one, 1), out);
}

/* ---- the path to a row ------------------------------------------------------------------------------------------ */

static void stream_aad(struct buf *b, struct span tenant, struct span iss, const uint8_t sid[ROW_SID])
{
    const struct span part[] = {tenant, iss, span_of(sid, ROW_SID)};
    vault_key_put(b, part, LEN(part));
}

enum { ONE_BOX = VAULT_KEY + VAULT_BOX, TWO_BOX = 2 * VAULT_KEY + VAULT_BOX };

/* One key, or the new one and the one before it. */
static enum err keys_open(const uint8_t above[VAULT_KEY], const char *label, struct span aad, struct span box,
                          struct vault_two *out)
{
    struct buf b = BUF_ARRAY(out->key);
    if (box.n != ONE_BOX && box.n != TWO_BOX)
        return ERR_AUTH;
    TRY(vault_box_open(above, label, aad, box, &b));
    out->n = b.n / VAULT_KEY;
    return OK;
}

enum err vault_tenant_open(struct vault *v, struct span tenant, struct span wrapped, struct vault_two *tk)
{
    size_t half = wrapped.n / 2;
    if (wrapped.n != (size_t)2 * ONE_BOX && wrapped.n != (size_t)2 * TWO_BOX)
        return keys_open(v->secret->rk, tenant_label, tenant, wrapped, tk);
    if (keys_open(v->secret->rk, tenant_label, tenant, span_first(wrapped, half), tk) == OK)
        return OK;
    return keys_open(v->secret->rk, tenant_label, tenant, span_from(wrapped, half), tk);
}

enum err vault_tenant_seal(const uint8_t rk[VAULT_KEY], struct span tenant, const struct vault_two *tk, struct buf *out)
{
    return vault_box_seal(rk, tenant_label, tenant, span_of(tk->key, tk->n * VAULT_KEY), out);
}

enum err vault_stream_open(const struct vault_two *tk, const struct row *row, struct span wrapped, struct vault_two *sk,
                           size_t *which)
{
    uint8_t aad[3 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(aad);
    stream_aad(&b, row->adfq, row->iss, row->sid);
    TRY(b.e == OK ? OK : ERR_AUTH);
    enum err e = ERR_AUTH;
    for (*which = 0; *which < tk->n; ++*which)
        if ((e = keys_open(tk->key[*which], stream_label, buf_span(&b), wrapped, sk)) != ERR_AUTH)
            break;
    return e;
}

enum err vault_stream_seal(const uint8_t tk[VAULT_KEY], const struct row *row, const struct vault_two *sk,
                           struct buf *out)
{
    uint8_t aad[3 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(aad);
    stream_aad(&b, row->adfq, row->iss, row->sid);
    TRY(b.e);
    return vault_box_seal(tk, stream_label, buf_span(&b), span_of(sk->key, sk->n * VAULT_KEY), out);
}

bool vault_path_good(struct vault *v, struct span tenant, struct span tenant_key, const struct row *stream,
                     struct span stream_key)
{
    struct row r = stream ? *stream : (struct row){.iss = SPAN_NONE};
    struct vault_two tk, sk;
    size_t which;
    r.adfq = tenant;
    enum err e = vault_tenant_open(v, tenant, tenant_key, &tk);
    if (e == OK && stream)
        e = vault_stream_open(&tk, &r, stream_key, &sk, &which);
    wipe(&tk, sizeof tk);
    wipe(&sk, sizeof sk);
    return e == OK;
}

bool vault_path_fits(struct vault *v, const struct row *row, const struct vault_found *above)
{
    bool stream = above->stream_key.n > 0;
    if (above->tenant_key.n ==
        0) /* of a tenant that was shredded the streams' keys are still there, and open nothing */
        return !stream || (vault_tomb_was_all(v) && span_eq_nocase(row->adfq, span_str(v->fqdn)));
    return vault_path_good(v, row->adfq, above->tenant_key, stream ? row : NULL, above->stream_key);
}

static enum err row_aad(const struct row *row, struct buf *b)
{
    row_put(b, row);
    return b->e == OK ? OK : ERR_AUTH;
}

enum err vault_row_open_by(const struct vault_two *sk, const struct row *row, struct span sealed,
                           uint8_t value[ROW_VALUE_MAX], size_t *which)
{
    size_t n = row_value_n(row->kind);
    uint8_t aad[8 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(aad), out = buf_over(value, n);
    TRY(row_aad(row, &b));
    enum err e = ERR_AUTH;
    if (n == 0 || sealed.n != n + VAULT_BOX)
        return e;
    for (*which = 0; *which < sk->n; ++*which)
        if ((e = vault_box_open(sk->key[*which], row_label, buf_span(&b), sealed, &out)) != ERR_AUTH)
            break;
    return e;
}

enum err vault_row_seal_by(const uint8_t sk[VAULT_KEY], const struct row *row, const uint8_t *value, struct buf *sealed)
{
    uint8_t aad[8 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(aad);
    TRY(row_aad(row, &b));
    return vault_box_seal(sk, row_label, buf_span(&b), span_of(value, row_value_n(row->kind)), sealed);
}

struct path {
    struct vault_two tk, sk;
};

enum err vault_row_open(struct vault *v, const struct vault_found *f, uint8_t value[ROW_VALUE_MAX])
{
    struct path p;
    size_t which;
    enum err e = vault_tenant_open(v, f->row.adfq, f->tenant_key, &p.tk);
    if (e == OK)
        e = vault_stream_open(&p.tk, &f->row, f->stream_key, &p.sk, &which);
    if (e == OK)
        e = vault_row_open_by(&p.sk, &f->row, f->sealed, value, &which);
    wipe(&p, sizeof p);
    return e;
}

static enum err into(struct arena *a, struct buf *box, struct span *out)
{
    *out = arena_dup(a, buf_span(box));
    return arena_ok(a) ? OK : ERR_NOMEM;
}

static enum err new_tenant(struct vault *v, const struct row *row, struct vault_found *f, struct arena *a,
                           struct vault_two *tk)
{
    uint8_t box[ONE_BOX];
    struct buf b = BUF_ARRAY(box);
    tk->n = 1;
    TRY(esd_random(tk->key[0], VAULT_KEY));
    TRY(vault_tenant_seal(v->secret->rk, row->adfq, tk, &b));
    TRY(into(a, &b, &f->tenant_key));
    f->stream_key = SPAN_NONE; /* a key of a tenant that was shredded opens nothing */
    vault_batch_open(v);
    msg_put_TENANT_KEY(v->conf.to_ledger, &(struct msg_TENANT_KEY){.tenant = row->adfq, .wrapped = f->tenant_key});
    return OK;
}

static enum err new_stream(struct vault *v, const struct row *row, struct vault_found *f, struct arena *a,
                           struct path *p)
{
    uint8_t box[ONE_BOX];
    struct buf b = BUF_ARRAY(box);
    p->sk.n = 1;
    TRY(esd_random(p->sk.key[0], VAULT_KEY));
    TRY(vault_stream_seal(p->tk.key[0], row, &p->sk, &b));
    TRY(into(a, &b, &f->stream_key));
    vault_batch_open(v);
    msg_put_STREAM_KEY(
        v->conf.to_ledger,
        &(struct msg_STREAM_KEY){.iss = row->iss, .sid = span_of(row->sid, ROW_SID), .wrapped = f->stream_key});
    return OK;
}

static enum err path_make(struct vault *v, const struct row *row, struct vault_found *f, struct arena *a,
                          struct path *p)
{
    size_t which;
    if (f->tenant_key.n == 0)
        TRY(new_tenant(v, row, f, a, &p->tk));
    else
        TRY(vault_tenant_open(v, row->adfq, f->tenant_key, &p->tk));
    return f->stream_key.n == 0 ? new_stream(v, row, f, a, p)
                                : vault_stream_open(&p->tk, row, f->stream_key, &p->sk, &which);
}

enum err vault_row_seal(struct vault *v, const struct row *row, struct vault_found *f, struct arena *a,
                        const uint8_t *value, struct buf *sealed)
{
    struct path p;
    enum err e = path_make(v, row, f, a, &p);
    if (e == OK)
        e = vault_row_seal_by(p.sk.key[0], row, value, sealed);
    wipe(&p, sizeof p);
    return e;
}

/* ---- MACs -----------------------------------------------------------------------------------------------------------
 */

enum err vault_mac_leaf(struct vault *v, uint64_t index, const uint8_t salt[LOG_SALT], struct span record,
                        uint8_t mac[MSG_HASH])
{
    uint8_t head[4 + 8 + LOG_SALT];
    struct buf b = BUF_ARRAY(head);
    buf_str(&b, "leaf");
    buf_be64(&b, index);
    buf_put(&b, span_of(salt, LOG_SALT));
    TRY(b.e);
    return esd_hmac(span_of(v->life.ring->mac, RING_KEY), buf_span(&b), record, mac);
}

enum err vault_mac_snapshot(struct vault *v, struct span snapshot, uint8_t mac[MSG_HASH])
{
    return esd_hmac(span_of(v->secret->mk, VAULT_KEY), SPAN("snapshot"), snapshot, mac);
}
