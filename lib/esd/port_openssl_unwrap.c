/* AES key unwrap and RSA-OAEP on OpenSSL, opening direction: for the vault and for readers. */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "esd/cek.h"
#include "esd/wrap_port.h"

enum err unwrap_kw(struct span kek, struct span in, uint8_t *out)
{
    uint8_t text[CEK_MAX + 32];
    int n = 0;
    if (in.n < 24 || in.n > CEK_MAX + 8)
        return ERR_AUTH;
    const EVP_CIPHER *kw = (const EVP_CIPHER *)wrap_cipher(kek.n);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c)
        EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    enum err e = kw && c && EVP_DecryptInit_ex2(c, kw, kek.p, NULL, NULL) == 1 ? OK : ERR_CRYPTO;
    if (e == OK)
        e = EVP_DecryptUpdate(c, text, &n, in.p, (int)in.n) == 1 && (size_t)n == in.n - 8 ? OK : ERR_AUTH;
    if (e == OK)
        memcpy(out, text, (size_t)n);
    wipe(text, sizeof text);
    EVP_CIPHER_CTX_free(c);
    return e;
}

enum err unwrap_rsa(const void *evp, struct span in, uint8_t *out, size_t cap, size_t *n)
{
    EVP_PKEY *k = (EVP_PKEY *)(uintptr_t)evp;
    uint8_t text[JWKEY_SIG_MAX];
    size_t got = sizeof text;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, k, NULL);
    bool ok = c && EVP_PKEY_decrypt_init(c) == 1 && EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_oaep_md_name(c, "SHA256", NULL) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md_name(c, "SHA256", NULL) == 1;
    enum err e = !ok ? ERR_CRYPTO : EVP_PKEY_decrypt(c, text, &got, in.p, in.n) == 1 && got <= cap ? OK : ERR_AUTH;
    if (e == OK) {
        memcpy(out, text, got);
        *n = got;
    }
    wipe(text, sizeof text);
    EVP_PKEY_CTX_free(c);
    return e;
}
