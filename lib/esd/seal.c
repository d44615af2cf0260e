#include "esd/seal.h"

#include <stdatomic.h>
#include <string.h>

#include "base/code.h"
#include "esd/header.h"
#include "esd/seal_port.h"
#include "wire/json.h"

static enum err system_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    return esd_random(p, n);
}

enum err sealer_init(struct sealer *s, struct esd_rng rng)
{
    *s = (struct sealer){.rng = rng.fill ? rng : (struct esd_rng){.fill = system_random}, .pool_at = sizeof s->pool};
    return seal_port_init(s);
}

void sealer_free(struct sealer *s)
{
    seal_port_free(s);
    wipe(s, sizeof *s);
}

void sealer_forget(struct sealer *s, const struct seal_key *k)
{
    if (s->keyed_serial == k->serial)
        seal_port_forget(s);
}

/* ---- key of an epoch ---------------------------------------------------------------------------- */

static uint64_t next_serial(void)
{
    static _Atomic uint64_t serial;
    return atomic_fetch_add(&serial, 1) + 1;
}

/* {"alg":"dir","enc":"...","kid":"..." and the sid's text, which all messages of the epoch begin with. */
static enum err set_head(struct seal_key *k, struct span kid)
{
    static const enum esd_enc of_length[] = {[16] = ESD_A128GCM, [24] = ESD_A192GCM, [32] = ESD_A256GCM};
    struct buf h = buf_over(k->head, sizeof k->head), s = buf_over(k->sid_text, sizeof k->sid_text);
    buf_str(&h, "{\"alg\":\"dir\",\"enc\":\"");
    buf_str(&h, enc_text(of_length[k->enc_key]));
    buf_str(&h, "\",\"kid\":\"");
    buf_put(&h, kid);
    buf_c(&h, '"');
    b64url_put(&s, span_of(k->sid, ESD_SID));
    k->head_n = (uint16_t)h.n;
    return h.e != OK ? h.e : s.e;
}

static void set_nonce_key(struct seal_key *k, const uint8_t nk[32])
{
    memset(k->nk_in, 0x36, sizeof k->nk_in);
    memset(k->nk_out, 0x5c, sizeof k->nk_out);
    for (size_t i = 0; i < 32; i++) {
        k->nk_in[i] ^= nk[i];
        k->nk_out[i] ^= nk[i];
    }
}

enum err seal_key_init(struct seal_key *k, const struct esd_keys *keys, struct span fqdn)
{
    uint8_t text[ESD_KID_OURS_MAX];
    struct buf kid = BUF_ARRAY(text);
    if (!esd_fqdn_ok(fqdn))
        return ERR_RANGE;
    *k = (struct seal_key){.serial = next_serial(), .enc_key = 32};
    memcpy(k->ek, keys->kv, sizeof k->ek);
    memcpy(k->sid, keys->sid, ESD_SID);
    set_nonce_key(k, keys->nk);
    keys_kid_put(&kid, keys->kc, fqdn);
    return set_head(k, buf_span(&kid));
}

enum err seal_key_foreign(struct seal_key *k, struct span value, uint8_t suid, struct span kid,
                          const uint8_t sid[ESD_SID])
{
    struct span relative, fqdn, key = alg_suid_halves(suid) ? span_first(value, value.n / 2) : value;
    uint8_t nk[32];
    *k = (struct seal_key){.serial = next_serial(), .enc_key = (uint16_t)key.n};
    if (!alg_suid_fits(ESD_DIR, suid))
        return ERR_UNSUPPORTED;
    if ((key.n != 16 && key.n != 24 && key.n != 32) || kid_split(kid, &relative, &fqdn) != REASON_OK)
        return ERR_RANGE;
    TRY(esd_hmac(value, SPAN("oneseal-nonce-v1"), span_of(sid, ESD_SID), nk));
    memcpy(k->ek, key.p, key.n);
    memcpy(k->sid, sid, ESD_SID);
    set_nonce_key(k, nk);
    wipe(nk, sizeof nk);
    return set_head(k, kid);
}

void seal_key_wipe(struct seal_key *k)
{
    wipe(k, sizeof *k);
}

/* ---- one message -------------------------------------------------------------------------------- */

enum { HEADER_MAX = SEAL_HEAD_MAX + 128 };

size_t seal_room(size_t n)
{
    return B64URL_LEN(HEADER_MAX) + B64URL_LEN(ESD_IV) + B64URL_LEN(n) + B64URL_LEN(ESD_TAG) + 8;
}

struct esd_e2e seal_e2e(const struct seal_msg *m, const uint8_t sid[ESD_SID])
{
    struct esd_e2e e = {.here = true,
                        .device = m->device,
                        .batch = m->batch,
                        .padded = m->padding,
                        .ep = m->ep,
                        .t_ms = m->t_ms,
                        .i = m->i,
                        .pad = m->pad};
    memcpy(e.sid, sid, ESD_SID);
    return e;
}

/* Canonical order alg enc kid cty e2e, no white space (vectors README 7). */
static void put_header(struct buf *b, const struct seal_key *k, const struct seal_msg *m)
{
    struct esd_e2e e = seal_e2e(m, k->sid);
    buf_put(b, span_of(k->head, k->head_n));
    if (m->json)
        buf_put(b, SPAN(",\"cty\":\"json\""));
    if (m->nested)
        buf_put(b, SPAN(",\"cty\":\"JOSE\""));
    buf_put(b, SPAN(",\"e2e\":"));
    header_put_e2e(b, span_of(k->sid_text, ESD_SID_TEXT), &e);
    buf_c(b, '}');
}

enum err seal_random(struct sealer *s, uint8_t *p, size_t n)
{
    if (s->rng.fill != system_random || n > sizeof s->pool)
        return s->rng.fill(s->rng.ctx, p, n);
    if (s->pool_at + n > sizeof s->pool) {
        TRY(s->rng.fill(s->rng.ctx, s->pool, sizeof s->pool));
        s->pool_at = 0;
    }
    memcpy(p, s->pool + s->pool_at, n);
    memset(s->pool + s->pool_at, 0, n);
    s->pool_at += n;
    return OK;
}

/* First 12 octets of HMAC(NK, random || index || SHA-256(header text) || plaintext): a cloned process repeats a
 * nonce only for the same message (e2e.md 2). */
static enum err hedged_nonce(struct sealer *s, const struct seal_key *k, uint32_t i, struct span aad, struct span in,
                             uint8_t iv[ESD_IV])
{
    uint8_t seed[16 + 8 + ESD_HASH] = {0}, h[ESD_HASH];
    TRY(seal_random(s, seed, 16));
    for (int n = 0; n < 4; n++)
        seed[20 + n] = (uint8_t)(i >> (24 - 8 * n));
    TRY(seal_port_hash(&aad, 1, seed + 24));
    TRY(seal_port_hash((struct span[]){span_of(k->nk_in, 64), span_of(seed, sizeof seed), in}, 3, h));
    TRY(seal_port_hash((struct span[]){span_of(k->nk_out, 64), span_of(h, sizeof h)}, 2, h));
    memcpy(iv, h, ESD_IV);
    return OK;
}

bool seal_msg_ok(const struct seal_msg *m, struct span plain)
{
    return m->i < ESD_INDEX_END && m->ep < ESD_INT_END && m->t_ms < ESD_INT_END && m->pad <= ESD_PAD_MAX &&
           (!m->pad || m->padding) && !(m->json && m->nested) && plain.n <= ESD_CON_MAX && plain.n + m->pad > 0;
}

enum err seal_padded(const struct seal_msg *m, struct span *plain, struct buf *scratch)
{
    if (m->pad == 0)
        return OK;
    if (!scratch)
        return ERR_FULL;
    buf_reset(scratch);
    buf_put(scratch, *plain);
    uint8_t *p = buf_take(scratch, m->pad);
    if (!p)
        return scratch->e;
    memset(p, ' ', m->pad);
    *plain = buf_span(scratch);
    return OK;
}

enum err seal_reserve(struct buf *out, size_t n)
{
    size_t at = out->n;
    if (!out->grow)
        return out->e;
    if (!buf_take(out, n))
        return out->e;
    out->n = at;
    return OK;
}

enum err seal_text(struct sealer *s, const struct seal_gcm *g, const struct span *aad, size_t n_aad, struct span in,
                   struct buf *out, uint8_t tag[ESD_TAG])
{
    size_t room = B64URL_LEN(in.n), at = out->n;
    if (!buf_take(out, room))
        return out->e;
    uint8_t *ct = out->p + at + room - in.n;
    TRY(seal_port_gcm(s, g->key, g->serial, g->iv, aad, n_aad, in, ct, tag));
    struct buf text = buf_over(out->p + at, room);
    b64url_put(&text, span_of(ct, in.n));
    return text.e;
}

static enum err put_sealed(struct sealer *s, const struct seal_key *k, uint32_t i, struct span aad, struct span in,
                           struct buf *out)
{
    uint8_t iv[ESD_IV], tag[ESD_TAG];
    struct seal_gcm g = {span_of(k->ek, k->enc_key), k->serial, iv};
    TRY(hedged_nonce(s, k, i, aad, in, iv));
    buf_put(out, SPAN(".."));
    b64url_put(out, span_of(iv, ESD_IV));
    buf_c(out, '.');
    TRY(seal_text(s, &g, &aad, 1, in, out, tag));
    buf_c(out, '.');
    b64url_put(out, span_of(tag, ESD_TAG));
    return out->e;
}

enum err seal(struct sealer *s, const struct seal_key *k, const struct seal_msg *m, struct span plain,
              struct buf *scratch, struct buf *out)
{
    uint8_t header[HEADER_MAX];
    if (!seal_msg_ok(m, plain))
        return ERR_RANGE;
    size_t start = out->n;
    enum err e = seal_padded(m, &plain, scratch);
    if (e == OK) {
        struct buf h = BUF_ARRAY(header);
        put_header(&h, k, m);
        b64url_put(out, buf_span(&h));
        e = h.e != OK ? h.e : out->e;
    }
    if (e == OK)
        e = seal_reserve(out, seal_room(plain.n));
    if (e == OK)
        e = put_sealed(s, k, m->i, span_of(out->p + start, out->n - start), plain, out);
    if (m->pad && scratch)
        buf_wipe(scratch);
    if (e != OK)
        out->n = start;
    return e;
}

/* ---- content and cnf ---------------------------------------------------------------------------- */

enum err seal_plain(struct span con_json, struct arena *a, struct span *plain, bool *json)
{
    struct jval *v;
    TRY(json_parse(con_json, a, &v, NULL));
    *json = v->type != J_STR;
    *plain = v->raw;
    return *json ? OK : json_str(v, a, plain);
}

enum err seal_cnf(struct span cnf, bool json, struct buf *out)
{
    struct esd_cnf c;
    if (cnf.n == 0) {
        buf_put(out, json ? SPAN("application/json:0:1") : SPAN("text/plain:0:1"));
        return out->e;
    }
    if (cnf_read(cnf, &c) != REASON_OK)
        return ERR_SYNTAX;
    if (c.security != 0)
        return ERR_NOTNOW;
    buf_put(out, c.media);
    buf_c(out, ':');
    buf_c(out, (uint8_t)('0' + c.encoding));
    buf_put(out, SPAN(":1"));
    return out->e;
}
