/* Signatures, MACs and key agreement on OpenSSL. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <string.h>

#include "esd/key_port.h"

/* DER of an ECDSA signature: two integers of one octet more than a coordinate, with their heads. */
enum { DER_MAX = 2 * (JWKEY_COORD_MAX + 3) + 4 };

static EVP_PKEY *evp_of(const void *k)
{
    return (EVP_PKEY *)(uintptr_t)k; /* OpenSSL takes keys without const */
}

static const char *sha2(size_t octets)
{
    return octets == 32 ? "SHA256" : octets == 48 ? "SHA384" : "SHA512";
}

static bool raw_of_der(const uint8_t *der, size_t n, size_t octets, struct buf *out)
{
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)n);
    uint8_t *p = buf_take(out, 2 * octets);
    int k = (int)octets;
    bool ok =
        s && p && BN_bn2binpad(ECDSA_SIG_get0_r(s), p, k) == k && BN_bn2binpad(ECDSA_SIG_get0_s(s), p + octets, k) == k;
    ECDSA_SIG_free(s);
    return ok;
}

static int der_of_raw(const uint8_t *sig, size_t octets, uint8_t der[DER_MAX])
{
    ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig, (int)octets, NULL), *t = BN_bin2bn(sig + octets, (int)octets, NULL);
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

enum err key_sign(const void *evp, size_t hash, size_t ec_octets, const struct span *parts, size_t n, struct buf *out)
{
    uint8_t sig[JWKEY_SIG_MAX];
    size_t sig_n = sizeof sig, start = out->n;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestSignInit_ex(c, NULL, sha2(hash), NULL, NULL, evp_of(evp), NULL) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = EVP_DigestSignUpdate(c, parts[i].p, parts[i].n) == 1;
    ok = ok && EVP_DigestSignFinal(c, sig, &sig_n) == 1;
    EVP_MD_CTX_free(c);
    if (ok && ec_octets)
        ok = raw_of_der(sig, sig_n, ec_octets, out);
    else if (ok)
        buf_put(out, span_of(sig, sig_n));
    if (!ok)
        out->n = start;
    return ok ? out->e : ERR_CRYPTO;
}

enum err key_verify(const void *evp, size_t hash, size_t ec_octets, const struct span *parts, size_t n, struct span sig)
{
    uint8_t der[DER_MAX];
    if (ec_octets) {
        int k = sig.n == 2 * ec_octets ? der_of_raw(sig.p, ec_octets, der) : -1;
        if (k <= 0)
            return ERR_AUTH;
        sig = span_of(der, (size_t)k);
    }
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestVerifyInit_ex(c, NULL, sha2(hash), NULL, NULL, evp_of(evp), NULL) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = EVP_DigestVerifyUpdate(c, parts[i].p, parts[i].n) == 1;
    ok = ok && EVP_DigestVerifyFinal(c, sig.p, sig.n) == 1;
    EVP_MD_CTX_free(c);
    return ok ? OK : ERR_AUTH;
}

enum err key_mac(struct span key, size_t hash, const struct span *parts, size_t n, uint8_t out[64])
{
    char md[8];
    size_t got = 0;
    (void)memcpy(md, sha2(hash), sizeof "SHA256");
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, md, 0), OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *c = mac ? EVP_MAC_CTX_new(mac) : NULL;
    bool ok = c && EVP_MAC_init(c, key.p, key.n, params) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = EVP_MAC_update(c, parts[i].p, parts[i].n) == 1;
    ok = ok && EVP_MAC_final(c, out, &got, 64) == 1 && got == hash;
    EVP_MAC_CTX_free(c);
    EVP_MAC_free(mac);
    return ok ? OK : ERR_CRYPTO;
}

enum err key_agree(const void *mine, const void *peer, uint8_t z[32])
{
    size_t n = 32;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, evp_of(mine), NULL);
    /* Not checked once more: a key is only made of a point on its curve, and P-256 has no small subgroups. */
    bool ok = c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer_ex(c, evp_of(peer), 0) == 1;
    enum err e = !ok ? ERR_CRYPTO : EVP_PKEY_derive(c, z, &n) == 1 && n == 32 ? OK : ERR_AUTH;
    EVP_PKEY_CTX_free(c);
    return e;
}
