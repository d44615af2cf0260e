/* Opening on OpenSSL: one cipher context per opener, algorithms fetched once. */
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "esd/open_port.h"

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_CIPHER *gcm[3];

static void fetch(void)
{
    gcm[ESD_A128GCM] = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    gcm[ESD_A192GCM] = EVP_CIPHER_fetch(NULL, "AES-192-GCM", NULL);
    gcm[ESD_A256GCM] = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

enum err open_port_init(struct opener *o)
{
    if (!CRYPTO_THREAD_run_once(&once, fetch) || !gcm[0] || !gcm[1] || !gcm[2])
        return ERR_CRYPTO;
    o->gcm = EVP_CIPHER_CTX_new();
    return o->gcm ? OK : ERR_NOMEM;
}

void open_port_free(struct opener *o)
{
    EVP_CIPHER_CTX_free((EVP_CIPHER_CTX *)o->gcm);
    o->gcm = NULL;
}

enum err open_port_gcm(struct opener *o, struct span key, const uint8_t iv[ESD_IV], struct span aad, struct span in,
                       const uint8_t tag[ESD_TAG], uint8_t *out)
{
    EVP_CIPHER_CTX *c = (EVP_CIPHER_CTX *)o->gcm;
    const EVP_CIPHER *cipher = gcm[key.n == 16 ? ESD_A128GCM : key.n == 24 ? ESD_A192GCM : ESD_A256GCM];
    uint8_t t[ESD_TAG];
    int n = 0;
    for (int i = 0; i < ESD_TAG; i++)
        t[i] = tag[i]; /* OpenSSL's call takes it without const */
    if (EVP_DecryptInit_ex(c, cipher, NULL, key.p, iv) != 1 || EVP_DecryptUpdate(c, NULL, &n, aad.p, (int)aad.n) != 1 ||
        EVP_DecryptUpdate(c, out, &n, in.p, (int)in.n) != 1 || (size_t)n != in.n)
        return ERR_CRYPTO;
    if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, ESD_TAG, t) != 1)
        return ERR_CRYPTO;
    return EVP_DecryptFinal_ex(c, out + n, &n) == 1 ? OK : ERR_AUTH;
}
