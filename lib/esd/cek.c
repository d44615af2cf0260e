#include "esd/cek.h"

#include <string.h>

#include "base/code.h"
#include "esd/wrap_port.h"

static enum reason judged(enum err e)
{
    return e == OK ? REASON_OK : e == ERR_AUTH ? REASON_TAMPERED : REASON_FAILED;
}

static enum err epk_of(const struct esd_part *p, void **evp)
{
    struct span number[KEY_NUMBERS] = {span_of(p->epk_x, sizeof p->epk_x), span_of(p->epk_y, sizeof p->epk_y)};
    return key_make(p->epk, number, false, evp);
}

enum reason cek_points(const struct esd_label *l)
{
    for (size_t i = 0; i < l->n_parts; i++) {
        void *evp;
        if (l->parts[i].epk == JWKEY_NONE)
            continue;
        enum err e = epk_of(&l->parts[i], &evp);
        key_free(evp);
        if (e != OK)
            return e == ERR_AUTH ? REASON_MALFORMED : REASON_FAILED;
    }
    return REASON_OK;
}

/* ---- encrypted keys ------------------------------------------------------------------------------- */

static enum err party(struct span text, uint8_t *p, size_t cap, struct span *out)
{
    struct buf b = buf_over(p, cap);
    TRY(b64url_get(text, &b));
    *out = buf_span(&b);
    return OK;
}

static enum err agreed_kek(const struct esd_part *p, const struct jwkey *key, uint8_t kek[32])
{
    uint8_t z[32], u[ESD_PARTY_MAX], v[ESD_PARTY_MAX];
    struct span apu, apv;
    void *epk = NULL;
    TRY(party(p->apu, u, sizeof u, &apu));
    TRY(party(p->apv, v, sizeof v, &apv));
    enum err e = epk_of(p, &epk);
    if (e == OK)
        e = key_agree(key->evp, epk, z);
    if (e == OK)
        e = wrap_kek(p->alg, z, apu, apv, kek);
    key_free(epk);
    wipe(z, sizeof z);
    return e;
}

static enum err unwrap(const struct esd_part *p, const struct jwkey *key, struct span in, uint8_t *out, size_t *n)
{
    uint8_t kek[32];
    enum esd_family f = alg_row(p->alg)->family;
    *n = in.n >= 8 ? in.n - 8 : 0;
    if (f == ALG_KW)
        return unwrap_kw(span_of(key->oct, key->oct_n), in, out);
    if (f == ALG_RSA)
        return unwrap_rsa(key->evp, in, out, CEK_MAX, n);
    enum err e = agreed_kek(p, key, kek);
    if (e == OK)
        e = unwrap_kw(span_of(kek, alg_row(p->alg)->octets), in, out);
    wipe(kek, sizeof kek);
    return e;
}

enum reason cek_unwrap(const struct esd_label *l, const struct esd_part *p, const struct jwkey *key, uint8_t cek[32])
{
    uint8_t in[WRAP_MAX], out[CEK_MAX];
    struct buf b = BUF_ARRAY(in);
    size_t want = esd_enc_key(l->enc), n = 0;
    bool fits = jwkey_fits(key, p->alg) && (p->epk == JWKEY_NONE || p->epk == key->kind);
    if (!fits)
        return REASON_ALGORITHM_REFUSED;
    if (p->alg == ESD_DIR) {
        if (key->oct_n != want)
            return REASON_ALGORITHM_REFUSED;
        memcpy(cek, key->oct, want);
        return REASON_OK;
    }
    if (b64url_get(p->key_text, &b) != OK)
        return REASON_MALFORMED; /* longer than any key of ours makes */
    enum reason r = judged(unwrap(p, key, buf_span(&b), out, &n));
    if (r == REASON_OK && n != want)
        r = REASON_ALGORITHM_REFUSED;
    if (r == REASON_OK)
        memcpy(cek, out, want);
    wipe(out, sizeof out);
    return r;
}

enum reason cek_aead(struct gcm *g, const struct esd_label *l, struct span cek, struct buf *out, struct span *plain)
{
    uint8_t iv[ESD_IV], tag[ESD_TAG];
    struct buf i = BUF_ARRAY(iv), t = BUF_ARRAY(tag);
    const struct span aad[] = {l->aad, SPAN("."), l->aad2};
    size_t start = out->n;
    *plain = SPAN_NONE;
    if (cek.n != esd_enc_key(l->enc))
        return REASON_ALGORITHM_REFUSED;
    if (b64url_get(l->iv_text, &i) != OK || b64url_get(l->tag_text, &t) != OK || i.n != ESD_IV || t.n != ESD_TAG)
        return REASON_MALFORMED;
    enum err e = b64url_get(l->ct_text, out);
    if (e != OK)
        return e == ERR_SYNTAX ? REASON_MALFORMED : REASON_FAILED;
    uint8_t *p = out->p + start;
    size_t n = out->n - start;
    enum reason r = judged(gcm_open(g, cek, iv, aad, l->aad2.p ? LEN(aad) : 1, span_of(p, n), tag, p));
    if (r == REASON_OK) {
        *plain = span_of(p, n);
        return r;
    }
    wipe(p, n);
    out->n = start;
    return r;
}

/* ---- signatures ----------------------------------------------------------------------------------- */

enum reason cek_verify(const struct esd_part *p, const struct jwkey *key, struct span payload_text)
{
    uint8_t octets[JWKEY_SIG_MAX];
    struct buf sig = BUF_ARRAY(octets);
    const struct span parts[] = {p->signed_head, SPAN("."), payload_text};
    if (b64url_get(p->key_text, &sig) != OK)
        return REASON_MALFORMED;
    enum err e = jwkey_verify(key, p->alg, parts, LEN(parts), buf_span(&sig));
    return e == ERR_UNSUPPORTED ? REASON_ALGORITHM_REFUSED : e == ERR_SYNTAX ? REASON_MALFORMED : judged(e);
}
