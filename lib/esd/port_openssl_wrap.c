/* AES-256 key wrap and A256GCM on OpenSSL, sealing direction: what a writer or the vault needs to wrap a key. */
#include <openssl/evp.h>

#include "esd/p256_port.h"

enum err kw_wrap(const uint8_t kek[32], const uint8_t cek[KW_PLAIN], uint8_t out[KW_TEXT])
{
    int n = 0, last = 0;
    EVP_CIPHER *kw = EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c)
        EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool ok = kw && c && EVP_EncryptInit_ex2(c, kw, kek, NULL, NULL) == 1 &&
              EVP_EncryptUpdate(c, out, &n, cek, KW_PLAIN) == 1 && EVP_EncryptFinal_ex(c, out + n, &last) == 1 &&
              n + last == KW_TEXT;
    EVP_CIPHER_CTX_free(c);
    EVP_CIPHER_free(kw);
    return ok ? OK : ERR_CRYPTO;
}

enum err gcm_wrap(const uint8_t cek[32], const uint8_t iv[ESD_IV], struct span aad, struct span in, uint8_t *out,
                  uint8_t tag[ESD_TAG])
{
    int n = 0, last = 0;
    EVP_CIPHER *gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = gcm && c && EVP_EncryptInit_ex2(c, gcm, cek, iv, NULL) == 1 &&
              EVP_EncryptUpdate(c, NULL, &n, aad.p, (int)aad.n) == 1 &&
              EVP_EncryptUpdate(c, out, &n, in.p, (int)in.n) == 1 && (size_t)n == in.n &&
              EVP_EncryptFinal_ex(c, out + n, &last) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, ESD_TAG, tag) == 1;
    EVP_CIPHER_CTX_free(c);
    EVP_CIPHER_free(gcm);
    return ok ? OK : ERR_CRYPTO;
}
