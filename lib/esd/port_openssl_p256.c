/* P-256 on OpenSSL. struct p256 is never defined: a pointer to it is an EVP_PKEY. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "esd/p256_port.h"

enum { POINT = 1 + 2 * P256_COORD };

static EVP_PKEY *evp(const struct p256 *k)
{
    return (EVP_PKEY *)(uintptr_t)k; /* OpenSSL takes keys without const */
}

static struct p256 *p256(EVP_PKEY *k)
{
    return (struct p256 *)k;
}

void *p256_evp(const struct p256 *k)
{
    return evp(k);
}

enum err p256_new(struct p256 **out)
{
    *out = p256(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    return *out ? OK : ERR_CRYPTO;
}

void p256_free(struct p256 *k)
{
    EVP_PKEY_free(evp(k));
}

struct p256 *p256_ref(const struct p256 *k)
{
    return k && EVP_PKEY_up_ref(evp(k)) == 1 ? p256(evp(k)) : NULL;
}

/* ---- parts -------------------------------------------------------------------------------------- */

enum err p256_point(const struct p256 *k, uint8_t x[P256_COORD], uint8_t y[P256_COORD])
{
    BIGNUM *bx = NULL, *by = NULL;
    bool ok = EVP_PKEY_get_bn_param(evp(k), OSSL_PKEY_PARAM_EC_PUB_X, &bx) == 1 &&
              EVP_PKEY_get_bn_param(evp(k), OSSL_PKEY_PARAM_EC_PUB_Y, &by) == 1 &&
              BN_bn2binpad(bx, x, P256_COORD) == P256_COORD && BN_bn2binpad(by, y, P256_COORD) == P256_COORD;
    BN_free(bx);
    BN_free(by);
    return ok ? OK : ERR_CRYPTO;
}

enum err p256_scalar(const struct p256 *k, uint8_t d[P256_COORD])
{
    BIGNUM *b = NULL;
    bool ok = EVP_PKEY_get_bn_param(evp(k), OSSL_PKEY_PARAM_PRIV_KEY, &b) == 1 &&
              BN_bn2binpad(b, d, P256_COORD) == P256_COORD;
    BN_clear_free(b);
    return ok ? OK : ERR_NOTNOW;
}

bool p256_private(const struct p256 *k)
{
    uint8_t d[P256_COORD];
    bool ok = k && p256_scalar(k, d) == OK;
    wipe(d, sizeof d);
    return ok;
}

bool p256_same(const struct p256 *x, const struct p256 *y)
{
    return x && y && EVP_PKEY_eq(evp(x), evp(y)) == 1;
}

/* d belongs to the point: OpenSSL would take any pair of them. */
static bool pair_fits(EVP_PKEY *k)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, k, NULL);
    bool ok = c && EVP_PKEY_pairwise_check(c) == 1;
    EVP_PKEY_CTX_free(c);
    return ok;
}

static OSSL_PARAM *params_of(const uint8_t *point, const uint8_t *d)
{
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    BIGNUM *n = d ? BN_secure_new() : NULL;
    OSSL_PARAM *params = NULL;
    bool ok = b && OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
              OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, POINT) == 1;
    if (ok && d)
        ok = n && BN_bin2bn(d, P256_COORD, n) && !BN_is_zero(n) &&
             OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, n) == 1;
    if (ok)
        params = OSSL_PARAM_BLD_to_param(b);
    OSSL_PARAM_BLD_free(b);
    BN_clear_free(n);
    return params;
}

enum err p256_make(const uint8_t x[P256_COORD], const uint8_t y[P256_COORD], const uint8_t *d, struct p256 **out)
{
    uint8_t point[POINT] = {POINT_CONVERSION_UNCOMPRESSED};
    EVP_PKEY *k = NULL;
    memcpy(point + 1, x, P256_COORD);
    memcpy(point + 1 + P256_COORD, y, P256_COORD);
    *out = NULL;
    OSSL_PARAM *params = params_of(point, d);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    bool made = params && c && EVP_PKEY_fromdata_init(c) == 1 &&
                EVP_PKEY_fromdata(c, &k, d ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) == 1;
    EVP_PKEY_CTX_free(c);
    OSSL_PARAM_free(params);
    if (!made || (d && !pair_fits(k))) {
        EVP_PKEY_free(k);
        return ERR_AUTH;
    }
    *out = p256(k);
    return OK;
}

/* ---- files -------------------------------------------------------------------------------------- */

static enum err take_p256(EVP_PKEY *k, struct p256 **out)
{
    char group[32];
    size_t n;
    *out = NULL;
    if (!k)
        return ERR_SYNTAX;
    if (EVP_PKEY_is_a(k, "EC") != 1 || EVP_PKEY_get_group_name(k, group, sizeof group, &n) != 1 ||
        strcmp(group, "prime256v1") != 0) {
        EVP_PKEY_free(k);
        return ERR_UNSUPPORTED;
    }
    *out = p256(k);
    return OK;
}

/* No file of ours asks for a passphrase on a terminal. */
static int no_passphrase(char *text, int size, int writing, void *ctx)
{
    (void)text, (void)size, (void)writing, (void)ctx;
    return -1;
}

enum err p256_read_pem(struct span pem, struct p256 **out)
{
    *out = NULL;
    if (pem.n > 1 << 20)
        return ERR_LIMIT;
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    if (!b)
        return ERR_NOMEM;
    EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL);
    if (!k) {
        (void)BIO_reset(b);
        X509 *x = PEM_read_bio_X509(b, NULL, no_passphrase, NULL);
        k = x ? X509_get_pubkey(x) : NULL;
        X509_free(x);
    }
    if (!k) {
        (void)BIO_reset(b);
        k = PEM_read_bio_PUBKEY(b, NULL, no_passphrase, NULL);
    }
    BIO_free(b);
    return take_p256(k, out);
}

enum err p256_read_cert(struct span der, struct p256 **out)
{
    const unsigned char *p = der.p;
    *out = NULL;
    if (der.n > 1 << 16)
        return ERR_LIMIT;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);
    EVP_PKEY *k = x && p == der.p + der.n ? X509_get_pubkey(x) : NULL;
    X509_free(x);
    return take_p256(k, out);
}

enum err p256_write_pem(const struct p256 *k, struct buf *out)
{
    if (!p256_private(k))
        return ERR_NOTNOW;
    BIO *b = BIO_new(BIO_s_secmem());
    char *text = NULL;
    long n = 0;
    if (b && PEM_write_bio_PrivateKey(b, evp(k), NULL, NULL, 0, NULL, NULL) == 1)
        n = BIO_get_mem_data(b, &text);
    if (n > 0)
        buf_put(out, span_of(text, (size_t)n));
    BIO_free(b);
    return n > 0 ? out->e : ERR_CRYPTO;
}

/* ---- ECDSA, ECDH -------------------------------------------------------------------------------- */

/* DER of an ECDSA signature is at most 72 octets. */
enum { DER_MAX = 80 };

static bool raw_of_der(const uint8_t *der, size_t n, uint8_t sig[JOSE_SIG])
{
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)n);
    bool ok =
        s && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32) == 32;
    ECDSA_SIG_free(s);
    return ok;
}

static int der_of_raw(const uint8_t sig[JOSE_SIG], uint8_t der[DER_MAX])
{
    ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig, 32, NULL), *t = BN_bin2bn(sig + 32, 32, NULL);
    int n = -1;
    if (s && r && t && ECDSA_SIG_set0(s, r, t) == 1) {
        r = t = NULL; /* now the signature's */
        unsigned char *p = der;
        n = i2d_ECDSA_SIG(s, NULL) <= DER_MAX ? i2d_ECDSA_SIG(s, &p) : -1;
    }
    BN_free(r);
    BN_free(t);
    ECDSA_SIG_free(s);
    return n;
}

enum err p256_sign(const struct p256 *k, struct span octets, uint8_t sig[JOSE_SIG])
{
    uint8_t der[DER_MAX];
    size_t n = sizeof der;
    if (!p256_private(k))
        return ERR_NOTNOW;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestSignInit_ex(c, NULL, "SHA256", NULL, NULL, evp(k), NULL) == 1 &&
              EVP_DigestSign(c, der, &n, octets.p, octets.n) == 1 && raw_of_der(der, n, sig);
    EVP_MD_CTX_free(c);
    return ok ? OK : ERR_CRYPTO;
}

enum err p256_verify(const struct p256 *k, struct span octets, const uint8_t sig[JOSE_SIG])
{
    uint8_t der[DER_MAX];
    int n = der_of_raw(sig, der);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = n > 0 && c && EVP_DigestVerifyInit_ex(c, NULL, "SHA256", NULL, NULL, evp(k), NULL) == 1 &&
              EVP_DigestVerify(c, der, (size_t)n, octets.p, octets.n) == 1;
    EVP_MD_CTX_free(c);
    return ok ? OK : ERR_AUTH;
}

enum err p256_ecdh(const struct p256 *me, const struct p256 *peer, uint8_t z[32])
{
    size_t n = 32;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, evp(me), NULL);
    bool ok = c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, evp(peer)) == 1 &&
              EVP_PKEY_derive(c, z, &n) == 1 && n == 32;
    EVP_PKEY_CTX_free(c);
    return ok ? OK : ERR_CRYPTO;
}
