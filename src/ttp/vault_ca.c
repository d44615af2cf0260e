#include "ttp/vault_ca.h"

#include "host/heap.h"
#include "host/secret.h"
#include "ttp/cert.h"
#include "ttp/take.h"
#include "ttp/vault_admin.h"
#include "ttp/vault_own.h"

#include <string.h>

/* The row: key "1"; value: items domain, certificate, box(items private JWK, token key). The associated data of the box
 * is the certificate. */
static const struct span row_key = {(const uint8_t *)"1", 1};
static const char box_label[] = "oneseal-ca-v1";
enum { BOX_MAX = 1024, ROW_MAX = CERT_DER_MAX + 2048, DAYS_MAX = 36500 };

enum err vault_ca_conf(struct vault *v, const struct msg_ENROL_START *m)
{
    struct vault_ca *c = &v->ca;
    if (!esd_fqdn_ok(m->sp) || m->sp.n >= sizeof c->sp || m->days == 0 || m->days > DAYS_MAX || m->ca_days == 0 ||
        m->ca_days > DAYS_MAX)
        return ERR_SYNTAX;
    memcpy(c->sp, m->sp.p, m->sp.n);
    c->sp[m->sp.n] = 0;
    c->days = m->days;
    c->ca_days = m->ca_days;
    /* Now, since the confined vault can lock no more memory. */
    if (!c->token_key && !(c->token_key = secret_alloc(VAULT_CA_KEY)))
        return ERR_NOMEM;
    c->own = true;
    return OK;
}

static void forget(struct vault *v)
{
    p256_free(v->ca.key);
    X509_free(v->ca.cert);
    v->ca.key = NULL;
    v->ca.cert = NULL;
}

void vault_ca_free(struct vault *v)
{
    forget(v);
    secret_free(v->ca.token_key);
    v->ca.token_key = NULL;
}

bool vault_ca_ready(struct vault *v)
{
    return v->ca.own && v->ca.key && vault_map_get(&v->table[TABLE_CA], row_key);
}

bool vault_ca_needed(struct vault *v, struct vault_ask *a)
{
    if (vault_ca_ready(v))
        return true;
    if (v->ca.own)
        vault_refuse(v, a, 503, reason_code(REASON_TTP_SEALED), "the enrolment CA is not made yet",
                     "try again in a moment; the operator can make it with: oneseal ttp enrol-ca");
    else
        vault_refuse(v, a, 404, reason_code(REASON_REFUSED), "this TTP has no enrolment CA",
                     "the operator can give it one: [enrol] ca = own");
    return false;
}

/* ---- the box ------------------------------------------------------------------------------------------------------
 */

static enum err box_put(struct vault *v, const uint8_t *rk, struct span der, struct buf *row)
{
    uint8_t jwk[512], plain[BOX_MAX], box[BOX_MAX + VAULT_BOX];
    struct buf j = BUF_ARRAY(jwk), p = BUF_ARRAY(plain), b = BUF_ARRAY(box);
    p256_put_private(&j, v->ca.key);
    msg_item_put(&p, buf_span(&j));
    msg_item_put(&p, span_of(v->ca.token_key, VAULT_CA_KEY));
    enum err e = j.e != OK ? j.e : p.e;
    if (e == OK)
        e = vault_box_seal(rk, box_label, der, buf_span(&p), &b);
    wipe(jwk, sizeof jwk);
    wipe(plain, sizeof plain);
    TRY(e);
    msg_item_put(row, span_str(v->ca.sp));
    msg_item_put(row, der);
    msg_item_put(row, buf_span(&b));
    return row->e;
}

static enum err box_read(struct vault_ca *c, struct span plain)
{
    uint8_t memory[8192];
    struct arena a;
    struct span jwk, token;
    arena_over(&a, memory, sizeof memory);
    TRY(take_blob(&plain, &jwk));
    TRY(take_blob(&plain, &token));
    enum reason r = p256_read_text(jwk, &a, &c->key);
    wipe(memory, sizeof memory);
    if (r != REASON_OK || !p256_private(c->key) || token.n != VAULT_CA_KEY || plain.n > 0)
        return ERR_AUTH;
    memcpy(c->token_key, token.p, VAULT_CA_KEY);
    return OK;
}

static enum err row_open(struct vault *v, struct span row)
{
    uint8_t plain[BOX_MAX];
    struct buf p = BUF_ARRAY(plain);
    struct span sp, der, box;
    if (take_blob(&row, &sp) != OK || take_blob(&row, &der) != OK || take_blob(&row, &box) != OK || row.n > 0)
        return ERR_AUTH;
    if (!span_eq(sp, span_str(v->ca.sp)))
        return ERR_CONFIG;
    v->ca.cert = cert_of_der(der);
    enum err e = v->ca.cert ? vault_box_open(v->secret->rk, box_label, der, box, &p) : ERR_AUTH;
    if (e == OK)
        e = box_read(&v->ca, buf_span(&p));
    wipe(plain, sizeof plain);
    return e;
}

enum err vault_ca_load(struct vault *v)
{
    const struct span *row = vault_map_get(&v->table[TABLE_CA], row_key);
    if (!v->ca.own || !row)
        return OK;
    forget(v);
    enum err e = row_open(v, *row);
    if (e != OK)
        forget(v);
    else if (X509_STORE_add_cert(v->anchors, v->ca.cert) != 1)
        e = ERR_NOMEM;
    return e;
}

enum err vault_ca_rewrap(struct vault *v, const uint8_t *rk)
{
    uint8_t text[ROW_MAX], plain[BOX_MAX], again[BOX_MAX + VAULT_BOX];
    struct buf out = BUF_ARRAY(text), p = BUF_ARRAY(plain), b = BUF_ARRAY(again);
    const struct span *row = vault_map_get(&v->table[TABLE_CA], row_key);
    struct span rest, sp, der, box;
    if (!row)
        return OK;
    rest = *row;
    if (take_blob(&rest, &sp) != OK || take_blob(&rest, &der) != OK || take_blob(&rest, &box) != OK)
        return ERR_AUTH;
    enum err e = vault_box_open(v->secret->rk, box_label, der, box, &p);
    if (e == OK)
        e = vault_box_seal(rk, box_label, der, buf_span(&p), &b);
    wipe(plain, sizeof plain);
    TRY(e);
    msg_item_put(&out, sp);
    msg_item_put(&out, der);
    msg_item_put(&out, buf_span(&b));
    TRY(out.e);
    return vault_state_set(v, TABLE_CA, row_key, buf_span(&out));
}

/* ---- making it ----------------------------------------------------------------------------------------------------
 */

static enum err ca_new(struct vault *v, struct arena *a, struct span *der)
{
    struct vault_ca *c = &v->ca;
    forget(v);
    TRY(esd_random(c->token_key, VAULT_CA_KEY));
    TRY(p256_new(&c->key));
    c->cert = cert_ca(c->key, c->sp, v->conf.now_ms(v->conf.ctx) / 1000, c->ca_days);
    if (!c->cert)
        return ERR_CRYPTO;
    *der = cert_der(c->cert, a);
    return der->n > 0 ? OK : ERR_NOMEM;
}

void vault_ca_tell(struct vault *v)
{
    uint8_t pem[2 * CERT_DER_MAX];
    struct buf b = BUF_ARRAY(pem);
    if (vault_ca_ready(v) && cert_pem(v->ca.cert, &b) == OK)
        msg_put_ENROL_CA(v->conf.to_parent, &(struct msg_ENROL_CA){.certificate = buf_span(&b)});
}

static enum err ca_record(struct vault *v, struct vault_ask *a, struct span der)
{
    uint8_t text[1024], hash[ESD_HASH];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    TRY(esd_sha256(der, hash));
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000));
    JW_STR(&w, "op", SPAN("enrol-ca"));
    JW_STR(&w, "sp", span_str(v->ca.sp));
    JW_B64URL(&w, "sha256", span_of(hash, sizeof hash));
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

/* "enrol-ca", said by the parent at each start and by the operator whenever he likes. */
enum err vault_admin_enrol_ca(struct vault *v, struct vault_ask *a, struct span words)
{
    uint8_t row[ROW_MAX];
    struct buf b = BUF_ARRAY(row);
    struct span der;
    (void)words;
    if (!v->ca.own) {
        (void)vault_ca_needed(v, a);
        return OK;
    }
    if (vault_ca_ready(v)) {
        vault_ca_tell(v);
        vault_admin_say(v, a, SPAN("{\"v\":1,\"ok\":true}"));
        return OK;
    }
    TRY(ca_new(v, &a->mem, &der));
    TRY(box_put(v, v->secret->rk, der, &b));
    TRY(vault_state_set(v, TABLE_CA, row_key, buf_span(&b)));
    if (X509_STORE_add_cert(v->anchors, v->ca.cert) != 1)
        return ERR_NOMEM;
    TRY(ca_record(v, a, der));
    /* Before it is durable: at worst the front trusts a CA whose key was lost with the batch. */
    vault_ca_tell(v);
    return OK;
}
