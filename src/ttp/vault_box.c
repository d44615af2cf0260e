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

static enum err key_open(const uint8_t above[VAULT_KEY], const char *label, struct span aad, struct span box,
                         uint8_t out[VAULT_KEY])
{
    struct buf b = buf_over(out, VAULT_KEY);
    TRY(vault_box_open(above, label, aad, box, &b));
    return b.n == VAULT_KEY ? OK : ERR_AUTH;
}

struct path {
    uint8_t tk[VAULT_KEY], sk[VAULT_KEY];
};

static enum err path_open(struct vault *v, const struct row *row, struct span tenant_key, struct span stream_key,
                          struct path *p)
{
    uint8_t aad[3 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(aad);
    stream_aad(&b, row->adfq, row->iss, row->sid);
    TRY(b.e == OK ? OK : ERR_AUTH);
    TRY(key_open(v->secret->rk, tenant_label, row->adfq, tenant_key, p->tk));
    return key_open(p->tk, stream_label, buf_span(&b), stream_key, p->sk);
}

static enum err row_aad(const struct row *row, struct buf *b)
{
    row_put(b, row);
    return b->e == OK ? OK : ERR_AUTH;
}

enum err vault_row_open(struct vault *v, const struct vault_found *f, uint8_t value[ROW_VALUE_MAX])
{
    size_t n = row_value_n(f->row.kind);
    uint8_t aad[8 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(aad), out = buf_over(value, n);
    struct path p;
    enum err e = path_open(v, &f->row, f->tenant_key, f->stream_key, &p);
    if (e == OK)
        e = row_aad(&f->row, &b);
    if (e == OK && (n == 0 || f->sealed.n != n + VAULT_BOX))
        e = ERR_AUTH;
    if (e == OK)
        e = vault_box_open(p.sk, row_label, buf_span(&b), f->sealed, &out);
    wipe(&p, sizeof p);
    return e;
}

/* A fresh key below `above`, wrapped into the arena. */
static enum err key_new(const uint8_t above[VAULT_KEY], const char *label, struct span aad, struct arena *a,
                        uint8_t key[VAULT_KEY], struct span *wrapped)
{
    uint8_t box[VAULT_KEY + VAULT_BOX];
    struct buf b = BUF_ARRAY(box);
    TRY(esd_random(key, VAULT_KEY));
    TRY(vault_box_seal(above, label, aad, span_of(key, VAULT_KEY), &b));
    *wrapped = arena_dup(a, buf_span(&b));
    return arena_ok(a) ? OK : ERR_NOMEM;
}

static enum err path_make(struct vault *v, const struct row *row, struct vault_found *f, struct arena *a,
                          struct path *p)
{
    uint8_t aad[3 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(aad);
    stream_aad(&b, row->adfq, row->iss, row->sid);
    TRY(b.e);
    if (f->tenant_key.n == 0) {
        TRY(key_new(v->secret->rk, tenant_label, row->adfq, a, p->tk, &f->tenant_key));
        vault_batch_open(v);
        msg_put_TENANT_KEY(v->conf.to_ledger, &(struct msg_TENANT_KEY){.tenant = row->adfq, .wrapped = f->tenant_key});
    } else {
        TRY(key_open(v->secret->rk, tenant_label, row->adfq, f->tenant_key, p->tk));
    }
    if (f->stream_key.n > 0)
        return key_open(p->tk, stream_label, buf_span(&b), f->stream_key, p->sk);
    TRY(key_new(p->tk, stream_label, buf_span(&b), a, p->sk, &f->stream_key));
    vault_batch_open(v);
    msg_put_STREAM_KEY(
        v->conf.to_ledger,
        &(struct msg_STREAM_KEY){.iss = row->iss, .sid = span_of(row->sid, ROW_SID), .wrapped = f->stream_key});
    return OK;
}

enum err vault_row_seal(struct vault *v, const struct row *row, struct vault_found *f, struct arena *a,
                        const uint8_t *value, struct buf *sealed)
{
    uint8_t aad[8 * ROW_TEXT_MAX];
    struct buf b = BUF_ARRAY(aad);
    struct path p;
    enum err e = path_make(v, row, f, a, &p);
    if (e == OK)
        e = row_aad(row, &b);
    if (e == OK)
        e = vault_box_seal(p.sk, row_label, buf_span(&b), span_of(value, row_value_n(row->kind)), sealed);
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
