/* AES key wrap and RSA-OAEP on OpenSSL, sealing direction: what a writer or the vault needs to wrap a key. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "esd/wrap_port.h"

enum err wrap_kw(struct span kek, struct span cek, struct buf *out)
{
    const char *name = kek.n == 16 ? "AES-128-WRAP" : kek.n == 24 ? "AES-192-WRAP" : "AES-256-WRAP";
    int n = 0, last = 0;
    uint8_t *p = buf_take(out, cek.n + 8);
    EVP_CIPHER *kw = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c)
        EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool ok = p && kw && c && EVP_EncryptInit_ex2(c, kw, kek.p, NULL, NULL) == 1 &&
              EVP_EncryptUpdate(c, p, &n, cek.p, (int)cek.n) == 1 && EVP_EncryptFinal_ex(c, p + n, &last) == 1 &&
              (size_t)(n + last) == cek.n + 8;
    EVP_CIPHER_CTX_free(c);
    EVP_CIPHER_free(kw);
    return ok ? OK : out->e != OK ? out->e : ERR_CRYPTO;
}

enum err wrap_rsa(const void *evp, struct span cek, struct buf *out)
{
    EVP_PKEY *k = (EVP_PKEY *)(uintptr_t)evp;
    size_t n = key_octets(evp);
    uint8_t *p = buf_take(out, n);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, k, NULL);
    bool ok = p && c && EVP_PKEY_encrypt_init(c) == 1 && EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_oaep_md_name(c, "SHA256", NULL) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md_name(c, "SHA256", NULL) == 1 &&
              EVP_PKEY_encrypt(c, p, &n, cek.p, cek.n) == 1;
    EVP_PKEY_CTX_free(c);
    return ok ? OK : out->e != OK ? out->e : ERR_CRYPTO;
}
