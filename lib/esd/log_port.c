#include "esd/log_port.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* Fetched once: a fetch costs more than the hash of a leaf. */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_MD *sha256;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

enum err log_port_sha256(const struct span *piece, size_t n, struct log_hash *out)
{
    memset(out, 0, sizeof *out);
    if (!CRYPTO_THREAD_run_once(&once, fetch) || !sha256)
        return ERR_CRYPTO;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int ok = c && EVP_DigestInit_ex(c, sha256, NULL) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = piece[i].n == 0 || EVP_DigestUpdate(c, piece[i].p, piece[i].n) == 1;
    ok = ok && EVP_DigestFinal_ex(c, out->b, NULL) == 1;
    EVP_MD_CTX_free(c);
    return ok ? OK : ERR_CRYPTO;
}

enum err log_port_public(const uint8_t seed[LOG_SEED], uint8_t pub[LOG_PUBLIC])
{
    size_t n = LOG_PUBLIC;
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, LOG_SEED);
    int ok = k && EVP_PKEY_get_raw_public_key(k, pub, &n) == 1 && n == LOG_PUBLIC;
    EVP_PKEY_free(k);
    return ok ? OK : ERR_CRYPTO;
}

enum err log_port_sign(const uint8_t seed[LOG_SEED], struct span text, uint8_t sig[64])
{
    size_t n = 64;
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, LOG_SEED);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int ok = k && c && EVP_DigestSignInit(c, NULL, NULL, NULL, k) == 1 &&
             EVP_DigestSign(c, sig, &n, text.p, text.n) == 1 && n == 64;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(k);
    return ok ? OK : ERR_CRYPTO;
}

enum err log_port_verify(const uint8_t pub[LOG_PUBLIC], struct span text, const uint8_t sig[64])
{
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, LOG_PUBLIC);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int ok = k && c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1 &&
             EVP_DigestVerify(c, sig, 64, text.p, text.n) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(k);
    return ok ? OK : ERR_AUTH;
}
