#include "esd/seal.h"

#include <stdatomic.h>
#include <string.h>

#include "base/code.h"
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
    if (s->keyed == k)
        seal_port_forget(s);
}

/* ---- key of an epoch ---------------------------------------------------------------------------- */

static uint64_t next_serial(void)
{
    static _Atomic uint64_t serial;
    return atomic_fetch_add(&serial, 1) + 1;
}

enum err seal_key_init(struct seal_key *k, const struct esd_keys *keys, struct span fqdn)
{
    if (!esd_fqdn_ok(fqdn))
        return ERR_RANGE;
    *k = (struct seal_key){.serial = next_serial(), .enc_key = 32};
    memcpy(k->ek, keys->kv, sizeof k->ek);
    memset(k->nk_in, 0x36, sizeof k->nk_in);
    memset(k->nk_out, 0x5c, sizeof k->nk_out);
    for (size_t i = 0; i < sizeof keys->nk; i++) {
        k->nk_in[i] ^= keys->nk[i];
        k->nk_out[i] ^= keys->nk[i];
    }
    struct buf h = buf_over(k->head, sizeof k->head), s = buf_over(k->sid, sizeof k->sid);
    buf_str(&h, "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"");
    keys_kid_put(&h, keys->kc, fqdn);
    buf_c(&h, '"');
    b64url_put(&s, span_of(keys->sid, ESD_SID));
    k->head_n = (uint16_t)h.n;
    k->sid_n = (uint16_t)s.n;
    return h.e != OK ? h.e : s.e;
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

/* Canonical order alg enc kid cty e2e, no white space (vectors README 7). */
static void put_header(struct buf *b, const struct seal_key *k, const struct seal_msg *m)
{
    buf_put(b, span_of(k->head, k->head_n));
    if (m->json)
        buf_put(b, SPAN(",\"cty\":\"json\""));
    buf_put(b, SPAN(",\"e2e\":[1,\""));
    buf_put(b, span_of(k->sid, k->sid_n));
    buf_put(b, SPAN("\","));
    buf_u64(b, m->ep);
    buf_c(b, ',');
    buf_u64(b, m->i);
    buf_c(b, ',');
    buf_u64(b, m->t_ms);
    buf_put(b, SPAN(",\""));
    buf_c(b, m->device ? 'd' : 'g');
    if (m->batch)
        buf_c(b, 'b');
    buf_c(b, '"');
    if (m->padding) {
        buf_c(b, ',');
        buf_u64(b, m->pad);
    }
    buf_put(b, SPAN("]}"));
}

static enum err random16(struct sealer *s, uint8_t out[16])
{
    if (s->rng.fill != system_random)
        return s->rng.fill(s->rng.ctx, out, 16);
    if (s->pool_at + 16 > sizeof s->pool) {
        TRY(s->rng.fill(s->rng.ctx, s->pool, sizeof s->pool));
        s->pool_at = 0;
    }
    memcpy(out, s->pool + s->pool_at, 16);
    memset(s->pool + s->pool_at, 0, 16);
    s->pool_at += 16;
    return OK;
}

/* First 12 octets of HMAC(NK, random || index || SHA-256(header text) || plaintext): a cloned process repeats a
 * nonce only for the same message (e2e.md 2). */
static enum err hedged_nonce(struct sealer *s, const struct seal_key *k, uint32_t i, struct span aad, struct span in,
                             uint8_t iv[ESD_IV])
{
    uint8_t seed[16 + 8 + ESD_HASH] = {0}, h[ESD_HASH];
    TRY(random16(s, seed));
    for (int n = 0; n < 4; n++)
        seed[20 + n] = (uint8_t)(i >> (24 - 8 * n));
    TRY(seal_port_hash(s, &aad, 1, seed + 24));
    TRY(seal_port_hash(s, (struct span[]){span_of(k->nk_in, 64), span_of(seed, sizeof seed), in}, 3, h));
    TRY(seal_port_hash(s, (struct span[]){span_of(k->nk_out, 64), span_of(h, sizeof h)}, 2, h));
    memcpy(iv, h, ESD_IV);
    return OK;
}

/* Plaintext and padding in one piece. */
static enum err padded(const struct seal_msg *m, struct span *plain, struct buf *scratch)
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

/* Encrypts in place at the end of `out`, then writes the base64url text over it from the left: the ciphertext lies
 * behind the room of its text, so that no second buffer is needed. */
static enum err put_sealed(struct sealer *s, const struct seal_key *k, uint32_t i, struct span aad, struct span in,
                           struct buf *out)
{
    uint8_t iv[ESD_IV], tag[ESD_TAG];
    size_t room = B64URL_LEN(in.n);
    TRY(hedged_nonce(s, k, i, aad, in, iv));
    buf_put(out, SPAN(".."));
    b64url_put(out, span_of(iv, ESD_IV));
    buf_c(out, '.');
    size_t at = out->n;
    if (!buf_take(out, room))
        return out->e;
    uint8_t *ct = out->p + at + room - in.n;
    TRY(seal_port_gcm(s, k, iv, aad, in, ct, tag));
    struct buf text = buf_over(out->p + at, room);
    b64url_put(&text, span_of(ct, in.n));
    buf_c(out, '.');
    b64url_put(out, span_of(tag, ESD_TAG));
    return text.e != OK ? text.e : out->e;
}

enum err seal(struct sealer *s, const struct seal_key *k, const struct seal_msg *m, struct span plain,
              struct buf *scratch, struct buf *out)
{
    uint8_t header[HEADER_MAX];
    if (m->i >= ESD_INDEX_END || m->ep >= ESD_INT_END || m->t_ms >= ESD_INT_END || m->pad > ESD_PAD_MAX ||
        (m->pad && !m->padding) || plain.n > ESD_CON_MAX || plain.n + m->pad == 0)
        return ERR_RANGE;
    size_t start = out->n;
    enum err e = padded(m, &plain, scratch);
    if (e == OK) {
        struct buf h = BUF_ARRAY(header);
        put_header(&h, k, m);
        b64url_put(out, buf_span(&h));
        /* the text may move when `out` grows: take all the room first */
        e = h.e != OK ? h.e : out->e;
    }
    if (e == OK && out->grow) {
        size_t n = out->n;
        e = buf_take(out, seal_room(plain.n)) ? OK : out->e;
        out->n = n;
    }
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
