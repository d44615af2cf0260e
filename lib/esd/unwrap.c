#include "esd/unwrap.h"

#include <string.h>

#include "base/code.h"
#include "esd/header.h"
#include "esd/unwrap_port.h"

/* A key envelope as read, before any key is touched. */
struct envelope {
    struct header h;
    struct span aad, ct;
    struct span kid, apv;
    bool has_apv;
    struct p256 *epk;
    uint8_t ek[KW_TEXT], iv[ESD_IV], tag[ESD_TAG];
    bool ek_fits; /* 40 octets */
};

static enum reason exactly(struct span text, uint8_t *out, size_t n)
{
    struct buf b = buf_over(out, n);
    return b64url_get(text, &b) == OK && b.n == n ? REASON_OK : REASON_MALFORMED;
}

/* RFC 3394 text has a multiple of 8 octets; of another length than 40 it cannot hold a 256-bit key. */
static enum reason read_key(struct envelope *v, struct span text)
{
    size_t n = text.n / 4 * 3 + (text.n % 4 ? text.n % 4 - 1 : 0);
    if (!b64url_ok(text) || n == 0 || n % 8 != 0)
        return REASON_MALFORMED;
    v->ek_fits = n == KW_TEXT;
    return v->ek_fits ? exactly(text, v->ek, KW_TEXT) : REASON_OK;
}

static enum reason read_parts(struct span jwe, struct arena *a, struct envelope *v)
{
    struct span part[5], rest = jwe, alg, enc;
    bool has_alg, has_enc, has_kid, has_zip;
    struct span zip;
    *v = (struct envelope){0};
    if (jwe.n > JWS_MAX)
        return REASON_MALFORMED;
    for (int i = 0; i < 5; i++) {
        if (i > 0 && !rest.p)
            return REASON_MALFORMED;
        part[i] = span_cut(&rest, '.');
    }
    if (rest.p || part[3].n == 0 || !b64url_ok(part[3]))
        return REASON_MALFORMED;
    v->aad = part[0];
    v->ct = part[3];
    JUDGE(header_read(part[0], a, &v->h));
    JUDGE(header_text(&v->h, SPAN("alg"), &alg, &has_alg));
    JUDGE(header_text(&v->h, SPAN("enc"), &enc, &has_enc));
    JUDGE(header_text(&v->h, SPAN("kid"), &v->kid, &has_kid));
    JUDGE(header_text(&v->h, SPAN("zip"), &zip, &has_zip));
    JUDGE(header_text(&v->h, SPAN("apv"), &v->apv, &v->has_apv));
    if (!has_alg || !has_enc || v->kid.n > JWS_KID_MAX || !b64url_ok(v->apv))
        return REASON_MALFORMED;
    JUDGE(header_crit(&v->h));
    if (!span_eq(alg, SPAN("ECDH-ES+A256KW")) || !span_eq(enc, SPAN("A256GCM")) || has_zip)
        return REASON_ALGORITHM_REFUSED;
    JUDGE(read_key(v, part[1]));
    JUDGE(exactly(part[2], v->iv, ESD_IV));
    JUDGE(exactly(part[4], v->tag, ESD_TAG));
    return p256_read(JSON_GET(v->h.tree, "epk"), a, &v->epk);
}

static bool apv_fits(const struct envelope *v, const uint8_t *apv)
{
    uint8_t got[ESD_HASH];
    if (!apv)
        return !v->has_apv;
    return v->has_apv && exactly(v->apv, got, ESD_HASH) == REASON_OK && memcmp(got, apv, ESD_HASH) == 0;
}

static enum reason decrypt(const struct p256 *me, const struct envelope *v, const uint8_t *apv, uint8_t *p, size_t n)
{
    uint8_t z[32], kek[32], cek[32];
    enum err e = p256_ecdh(me, v->epk, z);
    if (e == OK)
        e = ecdh_kek(z, apv, kek);
    if (e == OK)
        e = kw_unwrap(kek, v->ek, cek);
    if (e == OK)
        e = gcm_unwrap(cek, v->iv, v->aad, span_of(p, n), v->tag, p);
    wipe(z, sizeof z);
    wipe(kek, sizeof kek);
    wipe(cek, sizeof cek);
    return e == OK ? REASON_OK : e == ERR_AUTH ? REASON_TAMPERED : REASON_FAILED;
}

enum reason jwe_unwrap(const struct p256 *me, struct span jwe, const uint8_t *apv, struct arena *a, struct buf *out)
{
    struct envelope v;
    size_t start = out->n;
    enum reason r = read_parts(jwe, a, &v);
    if (r == REASON_OK && (!apv_fits(&v, apv) || !v.ek_fits))
        r = REASON_TAMPERED;
    if (r == REASON_OK && b64url_get(v.ct, out) != OK)
        r = REASON_FAILED;
    if (r == REASON_OK)
        r = decrypt(me, &v, apv, out->p + start, out->n - start);
    p256_free(v.epk);
    if (r != REASON_OK) {
        if (out->n > start)
            wipe(out->p + start, out->n - start);
        out->n = start;
    }
    return r;
}

enum reason jwe_kid(struct span jwe, struct arena *a, struct span *kid)
{
    struct header h;
    bool here;
    struct span rest = jwe;
    *kid = SPAN_NONE;
    JUDGE(header_read(span_cut(&rest, '.'), a, &h));
    return header_text(&h, SPAN("kid"), kid, &here);
}
