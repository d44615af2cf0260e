/* ESPrim on OpenSSL. A context for each call: requests of this kind are few, and no key schedule outlives its call. */
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "esp/port.h"

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_CIPHER *gcm[ESP_ENC__N];
static EVP_MAC *hmac;

static void fetch(void)
{
    gcm[ESP_A128GCM] = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    gcm[ESP_A192GCM] = EVP_CIPHER_fetch(NULL, "AES-192-GCM", NULL);
    gcm[ESP_A256GCM] = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

static bool ready(void)
{
    return CRYPTO_THREAD_run_once(&once, fetch) && gcm[0] && gcm[1] && gcm[2] && hmac;
}

enum err esp_port_hmac(struct span key, const struct span *parts, size_t n, uint8_t out[32])
{
    char digest[] = "SHA256";
    OSSL_PARAM p[] = {{"digest", OSSL_PARAM_UTF8_STRING, digest, sizeof digest - 1, 0}, {NULL, 0, NULL, 0, 0}};
    EVP_MAC_CTX *c = ready() ? EVP_MAC_CTX_new(hmac) : NULL;
    size_t len = 0;
    bool ok = c && EVP_MAC_init(c, key.p, key.n, p) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = EVP_MAC_update(c, parts[i].p, parts[i].n) == 1;
    ok = ok && EVP_MAC_final(c, out, &len, 32) == 1 && len == 32;
    EVP_MAC_CTX_free(c);
    return ok ? OK : ERR_CRYPTO;
}

static const EVP_CIPHER *cipher_of(struct span key)
{
    return gcm[key.n == 16 ? ESP_A128GCM : key.n == 24 ? ESP_A192GCM : ESP_A256GCM];
}

enum err esp_port_seal(struct span key, const uint8_t iv[ESP_IV], struct span aad, struct span in, uint8_t *out,
                       uint8_t tag[ESP_TAG])
{
    EVP_CIPHER_CTX *c = ready() ? EVP_CIPHER_CTX_new() : NULL;
    int n = 0, last = 0;
    bool ok = c && EVP_EncryptInit_ex(c, cipher_of(key), NULL, key.p, iv) == 1 &&
              EVP_EncryptUpdate(c, NULL, &n, aad.p, (int)aad.n) == 1 &&
              EVP_EncryptUpdate(c, out, &n, in.p, (int)in.n) == 1 && (size_t)n == in.n &&
              EVP_EncryptFinal_ex(c, out + n, &last) == 1 && last == 0 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, ESP_TAG, tag) == 1;
    EVP_CIPHER_CTX_free(c); /* clears before it frees */
    return ok ? OK : ERR_CRYPTO;
}

enum err esp_port_open(struct span key, const uint8_t iv[ESP_IV], struct span aad, struct span in,
                       const uint8_t tag[ESP_TAG], uint8_t *out)
{
    EVP_CIPHER_CTX *c = ready() ? EVP_CIPHER_CTX_new() : NULL;
    uint8_t t[ESP_TAG];
    int n = 0;
    for (int i = 0; i < ESP_TAG; i++)
        t[i] = tag[i]; /* OpenSSL's call takes it without const */
    bool ok = c && EVP_DecryptInit_ex(c, cipher_of(key), NULL, key.p, iv) == 1 &&
              EVP_DecryptUpdate(c, NULL, &n, aad.p, (int)aad.n) == 1 &&
              EVP_DecryptUpdate(c, out, &n, in.p, (int)in.n) == 1 && (size_t)n == in.n &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, ESP_TAG, t) == 1;
    bool fits = ok && EVP_DecryptFinal_ex(c, out + n, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    return fits ? OK : ok ? ERR_AUTH : ERR_CRYPTO;
}
