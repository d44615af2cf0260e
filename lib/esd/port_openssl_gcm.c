/* AES-GCM, opening direction, on OpenSSL: one cipher context, algorithms fetched once. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "esd/gcm.h"

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_CIPHER *gcm[ESD_ENC__N];

static void fetch(void)
{
    gcm[ESD_A128GCM] = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    gcm[ESD_A192GCM] = EVP_CIPHER_fetch(NULL, "AES-192-GCM", NULL);
    gcm[ESD_A256GCM] = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

enum err gcm_init(struct gcm *g)
{
    *g = (struct gcm){0};
    if (!CRYPTO_THREAD_run_once(&once, fetch) || !gcm[0] || !gcm[1] || !gcm[2])
        return ERR_CRYPTO;
    g->ctx = EVP_CIPHER_CTX_new();
    return g->ctx ? OK : ERR_NOMEM;
}

void gcm_forget(struct gcm *g)
{
    wipe(g->key, sizeof g->key);
    g->key_n = 0;
    if (g->ctx)
        (void)EVP_CIPHER_CTX_reset((EVP_CIPHER_CTX *)g->ctx); /* clears before it frees */
}

void gcm_free(struct gcm *g)
{
    EVP_CIPHER_CTX_free((EVP_CIPHER_CTX *)g->ctx);
    wipe(g, sizeof *g);
}

/* A key that is there keeps its schedule; IV and tag are handed over in one call. */
static bool start(struct gcm *g, struct span key, const uint8_t *iv, uint8_t *tag)
{
    EVP_CIPHER_CTX *c = (EVP_CIPHER_CTX *)g->ctx;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, ESD_TAG),
                                 OSSL_PARAM_construct_end()};
    if (g->key_n == key.n && span_eq_secret(span_of(g->key, g->key_n), key))
        return EVP_DecryptInit_ex2(c, NULL, NULL, iv, params) == 1;
    g->key_n = 0;
    const EVP_CIPHER *cipher = gcm[key.n == 16 ? ESD_A128GCM : key.n == 24 ? ESD_A192GCM : ESD_A256GCM];
    if (EVP_CIPHER_CTX_reset(c) != 1 || EVP_DecryptInit_ex2(c, cipher, key.p, iv, params) != 1)
        return false;
    memcpy(g->key, key.p, key.n);
    g->key_n = (uint8_t)key.n;
    return true;
}

enum err gcm_open(struct gcm *g, struct span key, const uint8_t iv[ESD_IV], const struct span *aad, size_t n_aad,
                  struct span in, const uint8_t tag[ESD_TAG], uint8_t *out)
{
    EVP_CIPHER_CTX *c = (EVP_CIPHER_CTX *)g->ctx;
    uint8_t t[ESD_TAG];
    int n = 0;
    memcpy(t, tag, ESD_TAG); /* OpenSSL takes it without const */
    bool ok = start(g, key, iv, t);
    for (size_t i = 0; ok && i < n_aad; i++)
        ok = aad[i].n == 0 || EVP_DecryptUpdate(c, NULL, &n, aad[i].p, (int)aad[i].n) == 1;
    ok = ok && EVP_DecryptUpdate(c, out, &n, in.p, (int)in.n) == 1 && (size_t)n == in.n;
    if (!ok) {
        gcm_forget(g);
        return ERR_CRYPTO;
    }
    return EVP_DecryptFinal_ex(c, out + n, &n) == 1 ? OK : ERR_AUTH;
}
