/* SHA-256, HMAC-SHA-256 and random octets on OpenSSL. The algorithms are fetched once: a fetch costs more than the
 * hash of a short text. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "esd/keys.h"

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EVP_MD *sha256;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static enum err digest(const struct span *parts, size_t n, uint8_t out[ESD_HASH])
{
    if (!CRYPTO_THREAD_run_once(&once, fetch) || !sha256)
        return ERR_CRYPTO;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (!c)
        return ERR_NOMEM;
    bool ok = EVP_DigestInit_ex(c, sha256, NULL) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = parts[i].n == 0 || EVP_DigestUpdate(c, parts[i].p, parts[i].n) == 1;
    ok = ok && EVP_DigestFinal_ex(c, out, NULL) == 1;
    EVP_MD_CTX_free(c);
    return ok ? OK : ERR_CRYPTO;
}

enum err esd_sha256(struct span octets, uint8_t out[ESD_HASH])
{
    return digest(&octets, 1, out);
}

enum err esd_sha256_2(struct span a, struct span b, uint8_t out[ESD_HASH])
{
    return digest((struct span[]){a, b}, 2, out);
}

/* RFC 2104, written out: EVP_MAC needs a fetch and three parameters for what are two hashes. */
enum err esd_hmac(struct span key, struct span a, struct span b, uint8_t out[ESD_HASH])
{
    uint8_t block[64] = {0}, inner[ESD_HASH];
    enum err e = OK;
    if (key.n > sizeof block)
        e = esd_sha256(key, block);
    else if (key.n > 0)
        memcpy(block, key.p, key.n);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36;
    if (e == OK)
        e = digest((struct span[]){span_of(block, sizeof block), a, b}, 3, inner);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36 ^ 0x5c;
    if (e == OK)
        e = digest((struct span[]){span_of(block, sizeof block), span_of(inner, sizeof inner)}, 2, out);
    wipe(block, sizeof block);
    wipe(inner, sizeof inner);
    return e;
}

enum err esd_random(void *p, size_t n)
{
    if (n > 1 << 20)
        return ERR_RANGE;
    return RAND_bytes((unsigned char *)p, (int)n) == 1 ? OK : ERR_CRYPTO;
}
