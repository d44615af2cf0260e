#include "ttp/unsealer_custody.h"

#include "base/code.h"

#include <argon2.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

enum { T_NEW = 3, M_NEW = 64 << 10, P_NEW = 1, T_MAX = 64, M_MAX = 4 << 20, P_MAX = 64 };

enum err custody_new(struct custody *c)
{
    *c = (struct custody){.t = T_NEW, .m_kib = M_NEW, .p = P_NEW};
    return RAND_bytes(c->salt, CUSTODY_SALT) == 1 ? OK : ERR_CRYPTO;
}

void custody_write(const struct custody *c, struct buf *b)
{
    buf_fmt(b, "oneseal-custody 1 argon2id t=%u m=%u p=%u salt=", c->t, c->m_kib, c->p);
    hex_put(b, span_of(c->salt, CUSTODY_SALT));
    buf_c(b, '\n');
}

static enum err number(struct span *s, const char *name, uint32_t max, uint32_t *out)
{
    uint64_t v;
    struct span word = span_cut(s, ' '), key = span_str(name);
    if (!span_starts(word, key))
        return ERR_SYNTAX;
    TRY(span_u64(span_from(word, key.n), max, &v));
    *out = (uint32_t)v;
    return v > 0 ? OK : ERR_RANGE;
}

enum err custody_read(struct span text, struct custody *c)
{
    const struct span head = SPAN("oneseal-custody 1 argon2id "), salt = SPAN("salt=");
    struct buf b = BUF_ARRAY(c->salt);
    if (!span_starts(text, head) || !span_ends(text, SPAN("\n")))
        return ERR_SYNTAX;
    struct span s = span_first(span_from(text, head.n), text.n - head.n - 1);
    TRY(number(&s, "t=", T_MAX, &c->t));
    TRY(number(&s, "m=", M_MAX, &c->m_kib));
    TRY(number(&s, "p=", P_MAX, &c->p));
    if (!span_starts(s, salt))
        return ERR_SYNTAX;
    TRY(hex_get(span_from(s, salt.n), &b));
    if (b.n != CUSTODY_SALT)
        return ERR_SYNTAX;
    return c->m_kib >= 8 * c->p ? OK : ERR_RANGE;
}

static enum err hkdf(struct span salt, struct span input, const char *info, uint8_t *out, size_t n)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *c = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM p[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.p, salt.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)input.p, input.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, strlen(info)),
        OSSL_PARAM_construct_end(),
    };
    bool ok = c && EVP_KDF_derive(c, out, n, p) == 1;
    EVP_KDF_CTX_free(c);
    EVP_KDF_free(kdf);
    return ok ? OK : ERR_CRYPTO;
}

/* All lanes in one thread: the result is the same, and the unsealer needs no system call that makes threads. */
static int argon2id(const struct custody *c, struct span passphrase, uint8_t out[CUSTODY_ROOT])
{
    argon2_context x = {.out = out,
                        .outlen = CUSTODY_ROOT,
                        .pwd = (uint8_t *)(uintptr_t)passphrase.p,
                        .pwdlen = (uint32_t)passphrase.n,
                        .salt = (uint8_t *)(uintptr_t)c->salt,
                        .saltlen = CUSTODY_SALT,
                        .t_cost = c->t,
                        .m_cost = c->m_kib,
                        .lanes = c->p,
                        .threads = 1,
                        .version = ARGON2_VERSION_13,
                        .flags = ARGON2_DEFAULT_FLAGS};
    return argon2_ctx(&x, Argon2_id);
}

enum err custody_warm(void)
{
    uint8_t out[CUSTODY_ROOT];
    return hkdf(SPAN("warm"), SPAN("warm"), "warm", out, sizeof out);
}

enum err custody_stretch(const struct custody *c, struct span passphrase, uint8_t secret[CUSTODY_SECRET])
{
    if (span_ends(passphrase, SPAN("\n")))
        passphrase = span_first(passphrase, passphrase.n - 1);
    if (passphrase.n < CUSTODY_PASS_LEAST)
        return ERR_RANGE;
    int rc = argon2id(c, passphrase, secret);
    return rc == ARGON2_OK ? OK : rc == ARGON2_MEMORY_ALLOCATION_ERROR ? ERR_NOMEM : ERR_CRYPTO;
}

enum err custody_mix(const uint8_t secret[CUSTODY_SECRET], struct span xk, uint8_t root[CUSTODY_ROOT])
{
    if (xk.n != CUSTODY_XK)
        return ERR_SYNTAX;
    return hkdf(xk, span_of(secret, CUSTODY_SECRET), "oneseal-root-v1", root, CUSTODY_ROOT);
}

enum err custody_root(const struct custody *c, struct span passphrase, struct span xk, uint8_t root[CUSTODY_ROOT])
{
    uint8_t secret[CUSTODY_SECRET];
    enum err e = custody_stretch(c, passphrase, secret);
    if (e == OK)
        e = custody_mix(secret, xk, root);
    wipe(secret, sizeof secret);
    return e;
}
