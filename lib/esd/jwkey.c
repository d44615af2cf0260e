#include "esd/jwkey.h"

#include <string.h>

#include "base/code.h"
#include "esd/key_port.h"

enum { RSA_E_MAX = 5 }; /* octets of a public exponent */

void jwkey_free(struct jwkey *k)
{
    if (!k)
        return;
    key_free(k->evp);
    wipe(k, sizeof *k);
}

enum err jwkey_new(enum jwkey_kind kind, struct jwkey *out)
{
    *out = (struct jwkey){.kind = kind};
    if (kind != JWKEY_OCT)
        return key_new(kind, &out->evp);
    out->oct_n = 32;
    return esd_random(out->oct, out->oct_n);
}

enum err jwkey_oct(struct span octets, struct jwkey *out)
{
    *out = (struct jwkey){.kind = JWKEY_OCT};
    if (octets.n == 0 || octets.n > JWKEY_OCT_MAX)
        return ERR_RANGE;
    memcpy(out->oct, octets.p, octets.n);
    out->oct_n = (uint8_t)octets.n;
    return OK;
}

enum err jwkey_of_scalar(enum jwkey_kind kind, struct span d, struct jwkey *out)
{
    *out = (struct jwkey){.kind = kind};
    return d.n == 32 ? key_of_scalar(kind, d.p, &out->evp) : ERR_RANGE;
}

enum err jwkey_of_p256(const struct p256 *p, struct jwkey *out)
{
    *out = (struct jwkey){.kind = JWKEY_P256};
    return key_ref(p, &out->evp);
}

const struct p256 *jwkey_p256(const struct jwkey *k)
{
    return k->kind == JWKEY_P256 ? (const struct p256 *)k->evp : NULL;
}

/* ---- JWK, reading --------------------------------------------------------------------------------- */

static enum reason kind_named(const struct jval *jwk, struct arena *a, enum jwkey_kind *kind)
{
    struct span kty, crv = SPAN_NONE;
    JUDGE(claim_str(jwk, "kty", a, &kty));
    *kind = JWKEY_OCT;
    if (span_eq(kty, SPAN("oct")))
        return REASON_OK;
    bool curves = span_eq(kty, SPAN("EC")) || span_eq(kty, SPAN("OKP"));
    if (curves)
        JUDGE(claim_str(jwk, "crv", a, &crv));
    for (unsigned k = JWKEY_P256; k <= JWKEY_RSA; k++) {
        const struct key_kind *row = key_kind((enum jwkey_kind)k);
        *kind = (enum jwkey_kind)k;
        if (span_eq(kty, span_str(row->kty)) && (!row->crv || span_eq(crv, span_str(row->crv))))
            return REASON_OK;
    }
    return REASON_ALGORITHM_REFUSED;
}

/* A number as octets in the arena: of fixed length, or the fewest it needs (RFC 7518 6.2.1, 6.3.1). */
static enum reason number(const struct jval *jwk, const char *name, size_t octets, struct arena *a, struct span *out)
{
    struct span text;
    JUDGE(claim_str(jwk, name, a, &text));
    if (text.n == 0 || text.n > B64URL_LEN(JWKEY_SIG_MAX) || !b64url_ok(text))
        return REASON_MALFORMED;
    uint8_t *p = (uint8_t *)arena_alloc(a, text.n);
    struct buf b = buf_over(p, text.n);
    if (!p || b64url_get(text, &b) != OK)
        return REASON_FAILED;
    *out = buf_span(&b);
    return (octets ? b.n == octets : b.p[0] != 0) ? REASON_OK : REASON_MALFORMED;
}

/* CRT members come all together or not at all; primes beyond two are not supported. */
static enum reason rsa_ok(const struct jval *jwk, const struct span *n)
{
    size_t crt = 0, bits = n[0].n * 8;
    for (uint8_t top = n[0].p[0]; !(top & 0x80); top = (uint8_t)(top << 1))
        bits--;
    for (size_t i = 3; i < KEY_NUMBERS; i++)
        crt += n[i].n > 0;
    if (crt != 0 && crt != 5)
        return REASON_MALFORMED;
    bool e_ok = n[1].n <= RSA_E_MAX && (n[1].p[n[1].n - 1] & 1) && (n[1].n > 1 || n[1].p[0] >= 3);
    return bits >= JWKEY_RSA_BITS_MIN && bits <= JWKEY_RSA_BITS_MAX && e_ok && !JSON_GET(jwk, "oth")
               ? REASON_OK
               : REASON_ALGORITHM_REFUSED;
}

static enum reason read_pair(const struct jval *jwk, struct arena *a, struct jwkey *out)
{
    const struct key_kind *row = key_kind(out->kind);
    struct span n[KEY_NUMBERS] = {{0}};
    bool pair = json_get(jwk, span_str(row->member[row->n_public])) != NULL;
    for (size_t i = 0; i < (pair ? row->n : row->n_public); i++)
        if (i <= row->n_public || json_get(jwk, span_str(row->member[i])))
            JUDGE(number(jwk, row->member[i], row->octets, a, &n[i]));
    if (out->kind == JWKEY_RSA)
        JUDGE(rsa_ok(jwk, n));
    enum err e = key_make(out->kind, n, pair, &out->evp);
    for (size_t i = row->n_public; i < row->n; i++)
        if (n[i].n)
            wipe((uint8_t *)(uintptr_t)n[i].p, n[i].n); /* our own copy in the arena */
    return e == OK ? REASON_OK : e == ERR_AUTH ? REASON_MALFORMED : REASON_FAILED;
}

static enum reason read_octets(const struct jval *jwk, struct arena *a, struct jwkey *out)
{
    struct span text;
    struct buf b = BUF_ARRAY(out->oct);
    JUDGE(claim_str(jwk, "k", a, &text));
    if (text.n == 0 || b64url_get(text, &b) != OK)
        return REASON_MALFORMED;
    out->oct_n = (uint8_t)b.n;
    return REASON_OK;
}

enum reason jwkey_read(const struct jval *jwk, struct arena *a, struct jwkey *out)
{
    *out = (struct jwkey){0};
    if (!jwk || jwk->type != J_OBJ)
        return REASON_MALFORMED;
    enum reason r = kind_named(jwk, a, &out->kind);
    if (r == REASON_OK)
        r = out->kind == JWKEY_OCT ? read_octets(jwk, a, out) : read_pair(jwk, a, out);
    if (r != REASON_OK)
        jwkey_free(out);
    return r;
}

enum reason jwkey_read_text(struct span jwk, struct arena *a, struct jwkey *out)
{
    struct jval *v;
    *out = (struct jwkey){0};
    enum err e = json_parse(jwk, a, &v, NULL);
    if (e != OK)
        return e == ERR_NOMEM ? REASON_FAILED : REASON_MALFORMED;
    return jwkey_read(v, a, out);
}

enum err jwkey_read_pem(struct span pem, struct jwkey *out)
{
    *out = (struct jwkey){0};
    return key_read_pem(pem, &out->kind, &out->evp);
}

enum err jwkey_read_cert(struct span der, struct jwkey *out)
{
    *out = (struct jwkey){0};
    return key_read_cert(der, &out->kind, &out->evp);
}

/* ---- JWK, writing --------------------------------------------------------------------------------- */

static enum err put_member(struct jw *w, const struct jwkey *k, size_t i)
{
    uint8_t text[JWKEY_SIG_MAX];
    struct buf b = BUF_ARRAY(text);
    const struct key_kind *row = key_kind(k->kind);
    enum err e = key_number(k->kind, k->evp, i, &b);
    if (e == OK) {
        jw_name(w, span_str(row->member[i]));
        jw_b64url(w, buf_span(&b));
    }
    wipe(text, sizeof text);
    return e;
}

static enum err put_pair(struct jw *w, const struct jwkey *k, bool secret)
{
    const struct key_kind *row = key_kind(k->kind);
    if (!row)
        return ERR_NOTNOW;
    jw_obj(w);
    JW_STR(w, "kty", span_str(row->kty));
    if (row->crv)
        JW_STR(w, "crv", span_str(row->crv));
    for (size_t i = 0; i < (secret ? row->n : row->n_public); i++)
        TRY(put_member(w, k, i));
    jw_end_obj(w);
    return OK;
}

static void stick(struct buf *b, enum err e, size_t start)
{
    if (e == OK || b->e != OK)
        return;
    b->e = e;
    b->n = start;
}

void jwkey_put(struct buf *b, const struct jwkey *k)
{
    struct jw w = jw_over(b);
    size_t start = b->n;
    stick(b, put_pair(&w, k, false), start);
}

void jwkey_put_private(struct buf *b, const struct jwkey *k)
{
    struct jw w = jw_over(b);
    size_t start = b->n;
    if (k->kind != JWKEY_OCT) {
        stick(b, jwkey_private(k) ? put_pair(&w, k, true) : ERR_NOTNOW, start);
        return;
    }
    jw_obj(&w);
    JW_STR(&w, "kty", SPAN("oct"));
    JW_B64URL(&w, "k", span_of(k->oct, k->oct_n));
    jw_end_obj(&w);
}

/* Required members in the order of their names (RFC 7638 3.2): "crv kty x y", "e kty n", "k kty". */
static enum err put_canonical(struct jw *w, const struct jwkey *k)
{
    const struct key_kind *row = key_kind(k->kind);
    jw_obj(w);
    if (!row) {
        JW_B64URL(w, "k", span_of(k->oct, k->oct_n));
        JW_STR(w, "kty", SPAN("oct"));
    } else if (k->kind == JWKEY_RSA) {
        TRY(put_member(w, k, 1));
        JW_STR(w, "kty", span_str(row->kty));
        TRY(put_member(w, k, 0));
    } else {
        JW_STR(w, "crv", span_str(row->crv));
        JW_STR(w, "kty", span_str(row->kty));
        for (size_t i = 0; i < row->n_public; i++)
            TRY(put_member(w, k, i));
    }
    jw_end_obj(w);
    return w->b->e;
}

enum err jwkey_thumb(const struct jwkey *k, uint8_t out[JOSE_THUMB])
{
    uint8_t text[B64URL_LEN(JWKEY_SIG_MAX) + 64];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    enum err e = put_canonical(&w, k);
    if (e == OK)
        e = esd_sha256(buf_span(&b), out);
    wipe(text, sizeof text);
    return e;
}

/* ---- the rest ------------------------------------------------------------------------------------- */

bool jwkey_private(const struct jwkey *k)
{
    return k->kind == JWKEY_OCT || key_private(k->kind, k->evp);
}

bool jwkey_same(const struct jwkey *x, const struct jwkey *y)
{
    if (x->kind != y->kind)
        return false;
    if (x->kind == JWKEY_OCT)
        return span_eq_secret(span_of(x->oct, x->oct_n), span_of(y->oct, y->oct_n));
    return key_same(x->evp, y->evp);
}

enum err jwkey_write_pem(const struct jwkey *k, struct buf *out)
{
    return k->kind != JWKEY_OCT && jwkey_private(k) ? key_write_pem(k->evp, true, out) : ERR_NOTNOW;
}

enum err jwkey_write_pem_public(const struct jwkey *k, struct buf *out)
{
    return k->evp ? key_write_pem(k->evp, false, out) : ERR_NOTNOW;
}

bool jwkey_fits(const struct jwkey *k, enum esd_alg alg)
{
    const struct esd_alg_row *row = alg_row(alg);
    if (row->family == ALG_ECDH && k->kind == JWKEY_X25519)
        return true;
    if (k->kind != row->kind)
        return false;
    if (row->family == ALG_DIRECT)
        return k->oct_n == 16 || k->oct_n == 24 || k->oct_n == 32;
    if (row->family == ALG_KW)
        return k->oct_n == row->octets;
    return row->family != ALG_MAC || k->oct_n >= row->octets;
}

/* Octets of r and of s; 0: no ECDSA. */
static size_t ec_octets(const struct jwkey *k)
{
    return k->kind == JWKEY_RSA ? 0 : key_kind(k->kind)->octets;
}

enum err jwkey_sign(const struct jwkey *k, enum esd_alg alg, const struct span *parts, size_t n, struct buf *out)
{
    const struct esd_alg_row *row = alg_row(alg);
    uint8_t mac[64];
    if ((row->family != ALG_MAC && row->family != ALG_SIGN) || !jwkey_fits(k, alg))
        return ERR_UNSUPPORTED;
    if (row->family == ALG_SIGN)
        return jwkey_private(k) ? key_sign(k->evp, row->octets, ec_octets(k), parts, n, out) : ERR_NOTNOW;
    TRY(key_mac(span_of(k->oct, k->oct_n), row->octets, parts, n, mac));
    buf_put(out, span_of(mac, row->octets));
    return out->e;
}

enum err jwkey_verify(const struct jwkey *k, enum esd_alg alg, const struct span *parts, size_t n, struct span sig)
{
    const struct esd_alg_row *row = alg_row(alg);
    uint8_t mac[64];
    if ((row->family != ALG_MAC && row->family != ALG_SIGN) || !jwkey_fits(k, alg))
        return ERR_UNSUPPORTED;
    if (sig.n != (row->sig ? row->sig : key_octets(k->evp)))
        return ERR_SYNTAX;
    if (row->family == ALG_SIGN)
        return key_verify(k->evp, row->octets, ec_octets(k), parts, n, sig);
    TRY(key_mac(span_of(k->oct, k->oct_n), row->octets, parts, n, mac));
    bool same = span_eq_secret(sig, span_of(mac, row->octets));
    wipe(mac, sizeof mac);
    return same ? OK : ERR_AUTH;
}
