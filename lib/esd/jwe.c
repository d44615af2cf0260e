#include "esd/jwe.h"

#include <string.h>

#include "base/code.h"
#include "esd/header.h"
#include "esd/seal_port.h"
#include "esd/wrap_port.h"

/* ---- key derivation ------------------------------------------------------------------------------- */

static void put_sized(struct buf *b, struct span s)
{
    buf_be32(b, (uint32_t)s.n);
    buf_put(b, s);
}

/* SHA-256(1 || Z || AlgorithmID || PartyUInfo || PartyVInfo || key length in bits). */
enum err wrap_kek(enum esd_alg alg, const uint8_t z[32], struct span apu, struct span apv, uint8_t kek[32])
{
    uint8_t in[2 * ESD_PARTY_MAX + 96], h[ESD_HASH];
    struct buf b = BUF_ARRAY(in);
    size_t n = alg_row(alg)->octets;
    buf_be32(&b, 1);
    buf_put(&b, span_of(z, 32));
    put_sized(&b, span_str(alg_row(alg)->text));
    put_sized(&b, apu);
    put_sized(&b, apv);
    buf_be32(&b, (uint32_t)n * 8);
    enum err e = b.e == OK ? esd_sha256(buf_span(&b), h) : b.e;
    if (e == OK)
        memcpy(kek, h, n);
    wipe(in, sizeof in);
    wipe(h, sizeof h);
    return e;
}

/* ---- one object at work --------------------------------------------------------------------------- */

struct work {
    struct sealer *s;
    const struct jwe_ask *j;
    uint8_t seed[ESD_HASH], cek[32], iv[ESD_IV];
    struct once {
        struct jwkey key; /* of another curve than P-256, or given (then not owned) */
        bool bare;        /* P-256: */
        uint8_t xy[64], z[32];
    } once[ESD_RECIPIENTS_MAX];
};

static enum err check(const struct jwe_ask *j, struct span plain)
{
    bool json = j->form != JOSE_COMPACT;
    if (plain.n == 0 || plain.n > ESD_CON_MAX || j->n == 0 || j->n > ESD_RECIPIENTS_MAX ||
        (j->form != JOSE_GENERAL && j->n > 1) || (j->aad.n && !json) || B64URL_LEN(j->aad.n) > ESD_AAD_MAX)
        return ERR_RANGE;
    for (size_t i = 0; i < j->n; i++) {
        const struct jwe_to *t = &j->to[i];
        if (t->alg == ESD_DIR && j->n > 1)
            return ERR_RANGE;
        if (B64URL_LEN(t->apu.n) > ESD_PARTY_MAX || B64URL_LEN(t->apv.n) > ESD_PARTY_MAX || t->kid.n > ESD_KID_MAX)
            return ERR_RANGE;
        if (alg_row(t->alg)->family > ALG_RSA || !jwkey_fits(t->key, t->alg) ||
            (t->alg == ESD_DIR && t->key->oct_n != esd_enc_key(j->enc)))
            return ERR_UNSUPPORTED;
    }
    return OK;
}

/* ---- hedge ---------------------------------------------------------------------------------------- */

/* Everything that makes this object differ from another one, but the plaintext. */
static enum err transcript(const struct jwe_ask *j, uint8_t out[ESD_HASH])
{
    uint8_t text[512], kept[ESD_HASH] = {0}, thumb[JOSE_THUMB];
    struct buf b = BUF_ARRAY(text);
    buf_c(&b, (uint8_t)j->form);
    buf_c(&b, (uint8_t)j->enc);
    buf_c(&b, j->outside);
    buf_c(&b, j->e2e != NULL);
    if (j->e2e)
        header_put_e2e(&b, span_of(j->e2e->sid, ESD_SID), j->e2e);
    TRY(b.e);
    TRY(esd_sha256_2(buf_span(&b), j->aad, kept));
    TRY(esd_sha256_2(span_of(kept, sizeof kept), j->cty, kept));
    for (size_t i = 0; i < j->n; i++) {
        const struct jwe_to *t = &j->to[i];
        b = BUF_ARRAY(text);
        TRY(jwkey_thumb(t->key, thumb));
        buf_put(&b, span_of(kept, sizeof kept));
        buf_put(&b, span_of(thumb, sizeof thumb));
        buf_c(&b, (uint8_t)t->alg);
        put_sized(&b, t->kid);
        TRY(b.e);
        TRY(esd_sha256_2(buf_span(&b), t->apu, kept));
        TRY(esd_sha256_2(span_of(kept, sizeof kept), t->apv, kept));
    }
    memcpy(out, kept, sizeof kept);
    return OK;
}

/* Random octets alone would repeat in a cloned process; together with the object they repeat only for the same
 * object, which then comes out the same and tells nobody anything. */
static enum err hedge(struct work *w, struct span plain)
{
    uint8_t random[32], head[16 + ESD_HASH];
    memcpy(head, "oneseal-hedge-v1", 16);
    enum err e = seal_random(w->s, random, sizeof random);
    if (e == OK)
        e = transcript(w->j, head + 16);
    if (e == OK)
        e = esd_hmac(span_of(random, sizeof random), span_of(head, sizeof head), plain, w->seed);
    wipe(random, sizeof random);
    return e;
}

static enum err drawn(const struct work *w, const char *what, uint32_t i, uint8_t out[ESD_HASH])
{
    uint8_t number[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
    return esd_hmac(span_of(w->seed, sizeof w->seed), span_str(what), span_of(number, sizeof number), out);
}

/* A candidate that is no number below the order (one in 2^32) gives way to the next. */
static enum err ephemeral(struct work *w, size_t i)
{
    const struct jwe_to *t = &w->j->to[i];
    struct once *o = &w->once[i];
    uint8_t d[ESD_HASH];
    enum err e = ERR_RANGE;
    if (alg_row(t->alg)->family != ALG_ECDH)
        return OK;
    if (t->epk) {
        o->key = *t->epk; /* borrowed */
        return t->epk->kind == t->key->kind ? OK : ERR_UNSUPPORTED;
    }
    o->bare = t->key->kind == JWKEY_P256;
    for (uint32_t k = 0; e == ERR_RANGE && k < 8; k++) {
        TRY(drawn(w, "epk", (uint32_t)i << 8 | k, d));
        e = o->bare ? key_once(d, t->key->evp, o->xy, o->z)
                    : jwkey_of_scalar(t->key->kind, span_of(d, sizeof d), &o->key);
    }
    wipe(d, sizeof d);
    return e;
}

static enum err prepare(struct work *w, struct span plain)
{
    const struct jwe_ask *j = w->j;
    uint8_t h[ESD_HASH];
    size_t n = esd_enc_key(j->enc);
    TRY(check(j, plain));
    TRY(hedge(w, plain));
    TRY(drawn(w, "cek", 0, h));
    memcpy(w->cek, j->to[0].alg == ESD_DIR ? j->to[0].key->oct : j->cek ? j->cek : h, n);
    TRY(drawn(w, "iv", 0, h));
    memcpy(w->iv, j->iv ? j->iv : h, ESD_IV);
    wipe(h, sizeof h);
    for (size_t i = 0; i < j->n; i++)
        TRY(ephemeral(w, i));
    return OK;
}

static void forget(struct work *w)
{
    for (size_t i = 0; i < w->j->n && i < ESD_RECIPIENTS_MAX; i++)
        if (!w->j->to[i].epk)
            jwkey_free(&w->once[i].key);
    wipe(w, sizeof *w);
}

/* ---- wrapping ------------------------------------------------------------------------------------- */

static enum err agreed(const struct work *w, size_t i, struct buf *out)
{
    const struct jwe_to *t = &w->j->to[i];
    const struct once *o = &w->once[i];
    uint8_t z[32], kek[32];
    enum err e = OK;
    if (o->bare)
        memcpy(z, o->z, sizeof z);
    else
        e = key_agree(o->key.evp, t->key->evp, z);
    if (e == OK)
        e = wrap_kek(t->alg, z, t->apu, t->apv, kek);
    if (e == OK)
        e = wrap_kw(span_of(kek, alg_row(t->alg)->octets), span_of(w->cek, esd_enc_key(w->j->enc)), out);
    wipe(z, sizeof z);
    wipe(kek, sizeof kek);
    return e;
}

/* The encrypted key of recipient i, as text; nothing for dir. */
static enum err put_key(const struct work *w, size_t i, struct buf *out)
{
    const struct jwe_to *t = &w->j->to[i];
    struct span cek = span_of(w->cek, esd_enc_key(w->j->enc));
    uint8_t octets[WRAP_MAX];
    struct buf b = BUF_ARRAY(octets);
    enum esd_family f = alg_row(t->alg)->family;
    if (f == ALG_KW)
        TRY(wrap_kw(span_of(t->key->oct, t->key->oct_n), cek, &b));
    else if (f == ALG_ECDH)
        TRY(agreed(w, i, &b));
    else if (f == ALG_RSA)
        TRY(wrap_rsa(t->key->evp, cek, &b));
    b64url_put(out, buf_span(&b));
    return out->e;
}

/* ---- headers -------------------------------------------------------------------------------------- */

static void put_epk(struct jw *w, const struct once *o)
{
    uint8_t text[256];
    struct buf b = BUF_ARRAY(text);
    if (!o->bare) {
        jwkey_put(&b, &o->key);
        w->b->e = b.e == OK ? w->b->e : b.e;
        jw_raw(w, buf_span(&b));
        return;
    }
    jw_obj(w);
    JW_STR(w, "kty", SPAN("EC"));
    JW_STR(w, "crv", SPAN("P-256"));
    JW_B64URL(w, "x", span_of(o->xy, 32));
    JW_B64URL(w, "y", span_of(o->xy + 32, 32));
    jw_end_obj(w);
}

static enum err put_recipient(struct jw *w, const struct jwe_to *t, const struct once *o)
{
    if (t->kid.n)
        JW_STR(w, "kid", t->kid);
    if (alg_row(t->alg)->family != ALG_ECDH)
        return OK;
    jw_name(w, SPAN("epk"));
    put_epk(w, o);
    if (t->apu.n)
        JW_B64URL(w, "apu", t->apu);
    if (t->apv.n)
        JW_B64URL(w, "apv", t->apv);
    return w->b->e;
}

/* Order alg enc kid epk apu apv cty e2e; without a recipient, enc cty e2e. */
static enum err protected_header(const struct work *w, bool with_recipient, struct buf *b)
{
    const struct jwe_ask *j = w->j;
    struct jw jw = jw_over(b);
    jw_obj(&jw);
    if (with_recipient)
        JW_STR(&jw, "alg", span_str(alg_row(j->to[0].alg)->text));
    JW_STR(&jw, "enc", span_str(enc_text(j->enc)));
    if (with_recipient)
        TRY(put_recipient(&jw, &j->to[0], &w->once[0]));
    if (j->cty.n)
        JW_STR(&jw, "cty", j->cty);
    if (j->e2e) {
        uint8_t text[24], value[160];
        struct buf t = BUF_ARRAY(text), v = BUF_ARRAY(value);
        b64url_put(&t, span_of(j->e2e->sid, ESD_SID));
        header_put_e2e(&v, buf_span(&t), j->e2e);
        jw_name(&jw, SPAN("e2e"));
        jw_raw(&jw, buf_span(&v));
    }
    jw_end_obj(&jw);
    return b->e == OK && b->n > ESD_HEADER_MAX ? ERR_RANGE : b->e;
}

static enum err recipient_header(const struct work *w, size_t i, struct jw *jw)
{
    jw_obj(jw);
    JW_STR(jw, "alg", span_str(alg_row(w->j->to[i].alg)->text));
    TRY(put_recipient(jw, &w->j->to[i], &w->once[i]));
    jw_end_obj(jw);
    return jw->b->e;
}

/* ---- serializations ------------------------------------------------------------------------------- */

/* Where the associated data stand in the text. */
struct places {
    size_t head, head_n, aad, aad_n;
};

static enum err put_ciphertext(const struct work *w, const struct places *p, struct span plain, struct buf *out,
                               uint8_t tag[ESD_TAG])
{
    struct seal_gcm g = {span_of(w->cek, esd_enc_key(w->j->enc)), 0, w->iv};
    TRY(seal_reserve(out, B64URL_LEN(plain.n) + 64));
    const struct span aad[] = {span_of(out->p + p->head, p->head_n), SPAN("."), span_of(out->p + p->aad, p->aad_n)};
    return seal_text(w->s, &g, aad, p->aad_n ? LEN(aad) : 1, plain, out, tag);
}

static enum err compact(const struct work *w, struct span header, struct span plain, struct buf *out)
{
    struct places p = {.head = out->n};
    uint8_t tag[ESD_TAG];
    b64url_put(out, header);
    p.head_n = out->n - p.head;
    buf_c(out, '.');
    TRY(put_key(w, 0, out));
    buf_c(out, '.');
    b64url_put(out, span_of(w->iv, ESD_IV));
    buf_c(out, '.');
    TRY(put_ciphertext(w, &p, plain, out, tag));
    buf_c(out, '.');
    b64url_put(out, span_of(tag, ESD_TAG));
    return out->e;
}

/* A base64url member, opened and closed by hand because its text is made in place. */
static enum err put_key_member(const struct work *w, size_t i, struct buf *out)
{
    if (w->j->to[i].alg == ESD_DIR)
        return OK;
    buf_put(out, SPAN(",\"encrypted_key\":\""));
    TRY(put_key(w, i, out));
    buf_c(out, '"');
    return out->e;
}

static enum err put_recipients(const struct work *w, struct buf *out)
{
    struct jw jw = jw_over(out);
    bool general = w->j->form == JOSE_GENERAL;
    if (!general) {
        if (w->j->outside) {
            buf_put(out, SPAN(",\"header\":"));
            TRY(recipient_header(w, 0, &jw));
        }
        return put_key_member(w, 0, out);
    }
    buf_put(out, SPAN(",\"recipients\":["));
    for (size_t i = 0; i < w->j->n; i++) {
        jw = jw_over(out);
        buf_str(out, i ? ",{\"header\":" : "{\"header\":");
        TRY(recipient_header(w, i, &jw));
        TRY(put_key_member(w, i, out));
        buf_c(out, '}');
    }
    buf_c(out, ']');
    return out->e;
}

static enum err json(const struct work *w, struct span header, struct span plain, struct buf *out)
{
    struct places p = {0};
    uint8_t tag[ESD_TAG];
    buf_put(out, SPAN("{\"protected\":\""));
    p.head = out->n;
    b64url_put(out, header);
    p.head_n = out->n - p.head;
    buf_c(out, '"');
    TRY(put_recipients(w, out));
    if (w->j->aad.n) {
        buf_put(out, SPAN(",\"aad\":\""));
        p.aad = out->n;
        b64url_put(out, w->j->aad);
        p.aad_n = out->n - p.aad;
        buf_c(out, '"');
    }
    buf_put(out, SPAN(",\"iv\":\""));
    b64url_put(out, span_of(w->iv, ESD_IV));
    buf_put(out, SPAN("\",\"ciphertext\":\""));
    TRY(put_ciphertext(w, &p, plain, out, tag));
    buf_put(out, SPAN("\",\"tag\":\""));
    b64url_put(out, span_of(tag, ESD_TAG));
    buf_put(out, SPAN("\"}"));
    return out->e;
}

enum err jwe_seal(struct sealer *s, const struct jwe_ask *j, struct span plain, struct buf *out)
{
    struct work w = {.s = s, .j = j};
    uint8_t header[ESD_HEADER_MAX + 512];
    struct buf h = BUF_ARRAY(header);
    size_t start = out->n;
    enum err e = prepare(&w, plain);
    if (e == OK)
        e = protected_header(&w, j->form == JOSE_COMPACT || (j->form == JOSE_FLATTENED && !j->outside), &h);
    if (e == OK)
        e = j->form == JOSE_COMPACT ? compact(&w, buf_span(&h), plain, out) : json(&w, buf_span(&h), plain, out);
    forget(&w);
    if (e != OK)
        out->n = start;
    return e;
}
