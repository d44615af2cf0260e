/* AES-256 key unwrap and A256GCM on OpenSSL, opening direction: for the vault and for readers. */
#include <openssl/evp.h>

#include "esd/unwrap_port.h"

enum err kw_unwrap(const uint8_t kek[32], const uint8_t in[KW_TEXT], uint8_t cek[KW_PLAIN])
{
    uint8_t out[KW_TEXT + 16];
    int n = 0;
    EVP_CIPHER *kw = EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c)
        EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    enum err e = kw && c && EVP_DecryptInit_ex2(c, kw, kek, NULL, NULL) == 1 ? OK : ERR_CRYPTO;
    if (e == OK)
        e = EVP_DecryptUpdate(c, out, &n, in, KW_TEXT) == 1 && n == KW_PLAIN ? OK : ERR_AUTH;
    for (int i = 0; e == OK && i < KW_PLAIN; i++)
        cek[i] = out[i];
    wipe(out, sizeof out);
    EVP_CIPHER_CTX_free(c);
    EVP_CIPHER_free(kw);
    return e;
}

enum err gcm_unwrap(const uint8_t cek[32], const uint8_t iv[ESD_IV], struct span aad, struct span in,
                    const uint8_t tag[ESD_TAG], uint8_t *out)
{
    int n = 0;
    uint8_t t[ESD_TAG];
    EVP_CIPHER *gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    for (int i = 0; i < ESD_TAG; i++)
        t[i] = tag[i];
    bool ok = gcm && c && EVP_DecryptInit_ex2(c, gcm, cek, iv, NULL) == 1 &&
              EVP_DecryptUpdate(c, NULL, &n, aad.p, (int)aad.n) == 1 &&
              EVP_DecryptUpdate(c, out, &n, in.p, (int)in.n) == 1 && (size_t)n == in.n &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, ESD_TAG, t) == 1;
    enum err e = !ok ? ERR_CRYPTO : EVP_DecryptFinal_ex(c, out + n, &n) == 1 ? OK : ERR_AUTH;
    EVP_CIPHER_CTX_free(c);
    EVP_CIPHER_free(gcm);
    return e;
}
