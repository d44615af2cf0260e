/* AES key wrap and RSA-OAEP on OpenSSL, sealing direction: what a writer or the vault needs to wrap a key. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "esd/wrap_port.h"

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_CIPHER *kw128, *kw192, *kw256;

static void fetch(void)
{
    kw128 = EVP_CIPHER_fetch(NULL, "AES-128-WRAP", NULL);
    kw192 = EVP_CIPHER_fetch(NULL, "AES-192-WRAP", NULL);
    kw256 = EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL);
}

const void *wrap_cipher(size_t kek_n)
{
    if (!CRYPTO_THREAD_run_once(&once, fetch))
        return NULL;
    return kek_n == 16 ? kw128 : kek_n == 24 ? kw192 : kw256;
}

enum err wrap_kw(struct span kek, struct span cek, struct buf *out)
{
    int n = 0, last = 0;
    uint8_t *p = buf_take(out, cek.n + 8);
    const EVP_CIPHER *kw = (const EVP_CIPHER *)wrap_cipher(kek.n);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c)
        EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool ok = p && kw && c && EVP_EncryptInit_ex2(c, kw, kek.p, NULL, NULL) == 1 &&
              EVP_EncryptUpdate(c, p, &n, cek.p, (int)cek.n) == 1 && EVP_EncryptFinal_ex(c, p + n, &last) == 1 &&
              (size_t)(n + last) == cek.n + 8;
    EVP_CIPHER_CTX_free(c);
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
