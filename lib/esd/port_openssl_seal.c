/* Sealing on OpenSSL: one cipher context per sealer, algorithms fetched once. The nonce's hashes use SHA256_*, which is
 * deprecated but the only digest of OpenSSL 3 that allocates nothing (doc/decisions/050). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "esd/seal_port.h"

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_CIPHER *gcm128, *gcm192, *gcm256;

static void fetch(void)
{
    gcm128 = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    gcm192 = EVP_CIPHER_fetch(NULL, "AES-192-GCM", NULL);
    gcm256 = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

enum err seal_port_init(struct sealer *s)
{
    if (!CRYPTO_THREAD_run_once(&once, fetch) || !gcm128 || !gcm192 || !gcm256)
        return ERR_CRYPTO;
    s->gcm = EVP_CIPHER_CTX_new();
    return s->gcm ? OK : ERR_NOMEM;
}

void seal_port_free(struct sealer *s)
{
    EVP_CIPHER_CTX_free((EVP_CIPHER_CTX *)s->gcm);
    s->gcm = NULL;
    s->keyed_serial = 0;
}

void seal_port_forget(struct sealer *s)
{
    s->keyed_serial = 0;
    (void)EVP_CIPHER_CTX_reset((EVP_CIPHER_CTX *)s->gcm); /* clears before it frees */
}

enum err seal_port_hash(const struct span *parts, size_t n, uint8_t out[ESD_HASH])
{
    SHA256_CTX c;
    bool ok = SHA256_Init(&c) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = SHA256_Update(&c, parts[i].p, parts[i].n) == 1;
    ok = ok && SHA256_Final(out, &c) == 1;
    wipe(&c, sizeof c);
    return ok ? OK : ERR_CRYPTO;
}

static bool key_and_iv(struct sealer *s, struct span key, uint64_t serial, const uint8_t *iv)
{
    EVP_CIPHER_CTX *c = (EVP_CIPHER_CTX *)s->gcm;
    if (serial && s->keyed_serial == serial)
        return EVP_EncryptInit_ex(c, NULL, NULL, NULL, iv) == 1;
    s->keyed_serial = 0;
    const EVP_CIPHER *cipher = key.n == 16 ? gcm128 : key.n == 24 ? gcm192 : gcm256;
    if (EVP_CIPHER_CTX_reset(c) != 1 || EVP_EncryptInit_ex(c, cipher, NULL, key.p, iv) != 1)
        return false;
    s->keyed_serial = serial;
    return true;
}

enum err seal_port_gcm(struct sealer *s, struct span key, uint64_t serial, const uint8_t iv[ESD_IV],
                       const struct span *aad, size_t n_aad, struct span in, uint8_t *out, uint8_t tag[ESD_TAG])
{
    EVP_CIPHER_CTX *c = (EVP_CIPHER_CTX *)s->gcm;
    int n = 0, last = 0;
    bool ok = key_and_iv(s, key, serial, iv);
    for (size_t i = 0; ok && i < n_aad; i++)
        ok = aad[i].n == 0 || EVP_EncryptUpdate(c, NULL, &n, aad[i].p, (int)aad[i].n) == 1;
    ok = ok && EVP_EncryptUpdate(c, out, &n, in.p, (int)in.n) == 1 && (size_t)n == in.n &&
         EVP_EncryptFinal_ex(c, out + n, &last) == 1 && last == 0 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, ESD_TAG, tag) == 1;
    if (!ok || !serial)
        seal_port_forget(s);
    return ok ? OK : ERR_CRYPTO;
}
