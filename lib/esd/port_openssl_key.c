/* Keys of every kind on OpenSSL: made, read, written. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "esd/key_port.h"

enum {
    POINT_MAX = 1 + 2 * JWKEY_COORD_MAX,
    NUMBER_MAX = JWKEY_RSA_BITS_MAX / 8 + 1,
    SCALAR = 32,
    P256_POINT = 1 + 2 * SCALAR
};

#define EC_MEMBERS                                                                                                     \
    {"x", "y", "d"},                                                                                                   \
    {                                                                                                                  \
        OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y, OSSL_PKEY_PARAM_PRIV_KEY                                   \
    }
static const struct key_kind kinds[] = {
    [JWKEY_P256] = {"EC", "P-256", "P-256", 32, 3, 2, EC_MEMBERS},
    [JWKEY_P384] = {"EC", "P-384", "P-384", 48, 3, 2, EC_MEMBERS},
    [JWKEY_P521] = {"EC", "P-521", "P-521", 66, 3, 2, EC_MEMBERS},
    [JWKEY_X25519] =
        {"OKP", "X25519", "X25519", 32, 2, 1, {"x", "d"}, {OSSL_PKEY_PARAM_PUB_KEY, OSSL_PKEY_PARAM_PRIV_KEY}},
    [JWKEY_RSA] = {"RSA",
                   NULL,
                   "RSA",
                   0,
                   8,
                   2,
                   {"n", "e", "d", "p", "q", "dp", "dq", "qi"},
                   {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
                    OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
                    OSSL_PKEY_PARAM_RSA_COEFFICIENT1}},
};

const struct key_kind *key_kind(enum jwkey_kind kind)
{
    return (unsigned)kind < LEN(kinds) && kinds[kind].kty ? &kinds[kind] : NULL;
}

static EVP_PKEY *evp_of(const void *k)
{
    return (EVP_PKEY *)(uintptr_t)k; /* OpenSSL takes keys without const */
}

static bool is_ec(enum jwkey_kind kind)
{
    return kind == JWKEY_P256 || kind == JWKEY_P384 || kind == JWKEY_P521;
}

void key_free(void *evp)
{
    EVP_PKEY_free(evp_of(evp));
}

enum err key_ref(const void *evp, void **out)
{
    *out = evp && EVP_PKEY_up_ref(evp_of(evp)) == 1 ? evp_of(evp) : NULL;
    return *out ? OK : ERR_CRYPTO;
}

enum err key_new(enum jwkey_kind kind, void **evp)
{
    if (is_ec(kind))
        *evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kinds[kind].group);
    else if (kind == JWKEY_X25519)
        *evp = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    else
        *evp = kind == JWKEY_RSA ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)JWKEY_RSA_BITS_MIN) : NULL;
    return *evp ? OK : ERR_CRYPTO;
}

/* ---- from numbers --------------------------------------------------------------------------------- */

/* d belongs to the public numbers: OpenSSL would take any pair of them. */
static bool pair_fits(EVP_PKEY *k)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, k, NULL);
    bool ok = c && EVP_PKEY_pairwise_check(c) == 1;
    EVP_PKEY_CTX_free(c);
    return ok;
}

/* What a secret number is checked for: nothing but being one (the public half was made from it), or that it fits. */
enum pairing { PUBLIC, MADE, GIVEN };

static enum err from_params(const char *type, OSSL_PARAM *params, enum pairing pair, void **evp)
{
    EVP_PKEY *k = NULL;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    bool made = params && c && EVP_PKEY_fromdata_init(c) == 1 &&
                EVP_PKEY_fromdata(c, &k, pair ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) == 1;
    EVP_PKEY_CTX_free(c);
    if (!made || (pair == GIVEN && !pair_fits(k))) {
        EVP_PKEY_free(k);
        return ERR_AUTH;
    }
    *evp = k;
    return OK;
}

/* Numbers that params point to until they are built. */
struct numbers {
    OSSL_PARAM_BLD *b;
    BIGNUM *bn[KEY_NUMBERS];
    bool ok;
};

static void push_number(struct numbers *w, const char *name, struct span s, size_t i)
{
    w->bn[i] = BN_secure_new();
    w->ok = w->ok && w->bn[i] && BN_bin2bn(s.p, (int)s.n, w->bn[i]) && !BN_is_zero(w->bn[i]) &&
            OSSL_PARAM_BLD_push_BN(w->b, name, w->bn[i]) == 1;
}

static enum err finish(struct numbers *w, const char *type, enum pairing pair, void **evp)
{
    OSSL_PARAM *params = w->ok ? OSSL_PARAM_BLD_to_param(w->b) : NULL;
    enum err e = from_params(type, params, pair, evp);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(w->b);
    for (size_t i = 0; i < KEY_NUMBERS; i++)
        BN_clear_free(w->bn[i]);
    return e;
}

static EVP_PKEY *templates[JWKEY_P521 + 1];

static enum err make_template(enum jwkey_kind kind, void **evp)
{
    uint8_t point[POINT_MAX];
    size_t n = 0;
    EVP_PKEY *any = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kinds[kind].group);
    struct numbers w = {.b = OSSL_PARAM_BLD_new()};
    w.ok = any && w.b && EVP_PKEY_get_octet_string_param(any, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) == 1 &&
           OSSL_PARAM_BLD_push_utf8_string(w.b, OSSL_PKEY_PARAM_GROUP_NAME, kinds[kind].group, 0) == 1 &&
           OSSL_PARAM_BLD_push_octet_string(w.b, OSSL_PKEY_PARAM_PUB_KEY, point, n) == 1;
    EVP_PKEY_free(any);
    return finish(&w, "EC", PUBLIC, evp);
}

static void make_templates(void)
{
    static const enum jwkey_kind ec[] = {JWKEY_P256, JWKEY_P384, JWKEY_P521};
    for (size_t i = 0; i < LEN(ec); i++) {
        void *made = NULL;
        templates[ec[i]] = make_template(ec[i], &made) == OK ? made : NULL;
    }
}

/* Of a public key whose group is copied: to make a group costs four times what a copy of it and a point do. */
static EVP_PKEY *template_of(enum jwkey_kind kind)
{
    static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
    return CRYPTO_THREAD_run_once(&once, make_templates) ? templates[kind] : NULL;
}

static enum err make_ec_public(enum jwkey_kind kind, const uint8_t *point, size_t n, void **evp)
{
    EVP_PKEY *t = template_of(kind), *k = t ? EVP_PKEY_dup(t) : NULL;
    if (!k)
        return ERR_CRYPTO;
    if (EVP_PKEY_set1_encoded_public_key(k, point, n) != 1) { /* among others: not on the curve */
        EVP_PKEY_free(k);
        return ERR_AUTH;
    }
    *evp = k;
    return OK;
}

static enum err make_ec(enum jwkey_kind kind, const struct span *number, enum pairing pair, void **evp)
{
    uint8_t point[POINT_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    size_t n = kinds[kind].octets;
    memcpy(point + 1, number[0].p, n);
    memcpy(point + 1 + n, number[1].p, n);
    if (pair == PUBLIC)
        return make_ec_public(kind, point, 1 + 2 * n, evp);
    struct numbers w = {.b = OSSL_PARAM_BLD_new()};
    w.ok = w.b && OSSL_PARAM_BLD_push_utf8_string(w.b, OSSL_PKEY_PARAM_GROUP_NAME, kinds[kind].group, 0) == 1 &&
           OSSL_PARAM_BLD_push_octet_string(w.b, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * n) == 1;
    push_number(&w, OSSL_PKEY_PARAM_PRIV_KEY, number[2], 0);
    return finish(&w, "EC", pair, evp);
}

static enum err make_x25519(const struct span *number, bool pair, void **evp)
{
    uint8_t x[SCALAR];
    size_t n = sizeof x;
    EVP_PKEY *k = pair ? EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, number[1].p, SCALAR)
                       : EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, number[0].p, SCALAR);
    if (!k)
        return ERR_CRYPTO;
    if (pair && (EVP_PKEY_get_raw_public_key(k, x, &n) != 1 || memcmp(x, number[0].p, SCALAR) != 0)) {
        EVP_PKEY_free(k);
        return ERR_AUTH;
    }
    *evp = k;
    return OK;
}

static enum err make_rsa(const struct span *number, enum pairing pair, void **evp)
{
    struct numbers w = {.b = OSSL_PARAM_BLD_new()};
    w.ok = w.b != NULL;
    for (size_t i = 0; i < (pair ? KEY_NUMBERS : 2u); i++)
        if (number[i].n)
            push_number(&w, kinds[JWKEY_RSA].param[i], number[i], i);
    return finish(&w, "RSA", pair, evp);
}

enum err key_make(enum jwkey_kind kind, const struct span number[KEY_NUMBERS], bool pair, void **evp)
{
    *evp = NULL;
    if (is_ec(kind))
        return make_ec(kind, number, pair ? GIVEN : PUBLIC, evp);
    if (kind == JWKEY_X25519)
        return make_x25519(number, pair, evp);
    return kind == JWKEY_RSA ? make_rsa(number, pair ? GIVEN : PUBLIC, evp) : ERR_UNSUPPORTED;
}

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static EC_GROUP *p256_group; /* made once: that costs more than the multiplication */

static void make_group(void)
{
    p256_group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
}

/* d times `peer` (an encoded point; NULL: times the base point), encoded. ERR_RANGE: d is zero or not below the order.
 * ERR_AUTH: the peer's is no point of the curve. */
static enum err p256_times(const uint8_t d[SCALAR], const uint8_t *peer, uint8_t out[P256_POINT])
{
    EC_GROUP *g = CRYPTO_THREAD_run_once(&once, make_group) ? p256_group : NULL;
    EC_POINT *q = g ? EC_POINT_new(g) : NULL;
    BIGNUM *n = BN_secure_new();
    enum err e = q && n && BN_bin2bn(d, SCALAR, n) ? OK : ERR_CRYPTO;
    if (e == OK)
        BN_set_flags(n, BN_FLG_CONSTTIME);
    if (e == OK && (BN_is_zero(n) || BN_cmp(n, EC_GROUP_get0_order(g)) >= 0))
        e = ERR_RANGE;
    if (e == OK && peer && EC_POINT_oct2point(g, q, peer, P256_POINT, NULL) != 1)
        e = ERR_AUTH;
    if (e == OK && (EC_POINT_mul(g, q, peer ? NULL : n, peer ? q : NULL, peer ? n : NULL, NULL) != 1 ||
                    EC_POINT_point2oct(g, q, POINT_CONVERSION_UNCOMPRESSED, out, P256_POINT, NULL) != P256_POINT))
        e = ERR_CRYPTO;
    EC_POINT_clear_free(q);
    BN_clear_free(n);
    return e;
}

static enum err p256_of_scalar(const uint8_t d[SCALAR], void **evp)
{
    uint8_t point[P256_POINT];
    TRY(p256_times(d, NULL, point));
    struct span number[KEY_NUMBERS] = {span_of(point + 1, SCALAR), span_of(point + 1 + SCALAR, SCALAR),
                                       span_of(d, SCALAR)};
    return make_ec(JWKEY_P256, number, MADE, evp);
}

enum err key_once(const uint8_t d[SCALAR], const void *peer, uint8_t xy[2 * SCALAR], uint8_t z[SCALAR])
{
    uint8_t point[P256_POINT];
    size_t n;
    if (EVP_PKEY_get_octet_string_param(evp_of(peer), OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) != 1 ||
        n != sizeof point)
        return ERR_CRYPTO;
    TRY(p256_times(d, point, point));
    memcpy(z, point + 1, SCALAR);
    enum err e = p256_times(d, NULL, point);
    memcpy(xy, point + 1, 2 * SCALAR);
    wipe(point, sizeof point);
    return e;
}

enum err key_of_scalar(enum jwkey_kind kind, const uint8_t d[SCALAR], void **evp)
{
    *evp = NULL;
    if (kind == JWKEY_P256)
        return p256_of_scalar(d, evp);
    if (kind != JWKEY_X25519)
        return ERR_UNSUPPORTED;
    *evp = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, d, SCALAR);
    return *evp ? OK : ERR_CRYPTO;
}

/* ---- to numbers ----------------------------------------------------------------------------------- */

static enum err octets_of(EVP_PKEY *k, size_t i, struct buf *out)
{
    size_t n = SCALAR;
    uint8_t *p = buf_take(out, n);
    if (!p)
        return out->e;
    bool ok =
        (i == 0 ? EVP_PKEY_get_raw_public_key(k, p, &n) : EVP_PKEY_get_raw_private_key(k, p, &n)) == 1 && n == SCALAR;
    return ok ? OK : ERR_NOTNOW;
}

/* x or y: the encoded point costs half of what one number of it does. */
static enum err coordinate(enum jwkey_kind kind, EVP_PKEY *k, size_t i, struct buf *out)
{
    uint8_t point[POINT_MAX];
    size_t n = kinds[kind].octets, got;
    if (EVP_PKEY_get_octet_string_param(k, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &got) != 1 ||
        got != 1 + 2 * n || point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return ERR_NOTNOW;
    buf_put(out, span_of(point + 1 + i * n, n));
    return out->e;
}

enum err key_number(enum jwkey_kind kind, const void *evp, size_t i, struct buf *out)
{
    BIGNUM *b = NULL;
    size_t start = out->n;
    enum err e = OK;
    if (kind == JWKEY_X25519) {
        e = octets_of(evp_of(evp), i, out);
    } else if (is_ec(kind) && i < 2) {
        e = coordinate(kind, evp_of(evp), i, out);
    } else if (EVP_PKEY_get_bn_param(evp_of(evp), kinds[kind].param[i], &b) != 1) {
        e = ERR_NOTNOW;
    } else {
        int n = kinds[kind].octets ? kinds[kind].octets : BN_num_bytes(b);
        uint8_t *p = buf_take(out, (size_t)n);
        e = !p ? out->e : BN_bn2binpad(b, p, n) == n ? OK : ERR_CRYPTO;
    }
    BN_clear_free(b);
    if (e != OK)
        out->n = start;
    return e;
}

bool key_private(enum jwkey_kind kind, const void *evp)
{
    uint8_t d[NUMBER_MAX];
    struct buf b = BUF_ARRAY(d);
    const struct key_kind *k = key_kind(kind);
    bool is = evp && k && key_number(kind, evp, k->n_public, &b) == OK;
    wipe(d, sizeof d);
    return is;
}

bool key_same(const void *x, const void *y)
{
    return x && y && EVP_PKEY_eq(evp_of(x), evp_of(y)) == 1;
}

size_t key_octets(const void *evp)
{
    int n = EVP_PKEY_get_size(evp_of(evp));
    return n > 0 ? (size_t)n : 0;
}

/* ---- files ---------------------------------------------------------------------------------------- */

static enum jwkey_kind kind_of(EVP_PKEY *k)
{
    static const struct {
        const char *group;
        enum jwkey_kind kind;
    } groups[] = {{"prime256v1", JWKEY_P256}, {"secp384r1", JWKEY_P384}, {"secp521r1", JWKEY_P521}};
    char group[32];
    size_t n;
    if (EVP_PKEY_is_a(k, "X25519") == 1)
        return JWKEY_X25519;
    if (EVP_PKEY_is_a(k, "RSA") == 1) {
        int bits = EVP_PKEY_get_bits(k);
        return bits >= JWKEY_RSA_BITS_MIN && bits <= JWKEY_RSA_BITS_MAX ? JWKEY_RSA : JWKEY_NONE;
    }
    if (EVP_PKEY_is_a(k, "EC") != 1 || EVP_PKEY_get_group_name(k, group, sizeof group, &n) != 1)
        return JWKEY_NONE;
    for (size_t i = 0; i < LEN(groups); i++)
        if (strcmp(group, groups[i].group) == 0)
            return groups[i].kind;
    return JWKEY_NONE;
}

static enum err taken(EVP_PKEY *k, enum jwkey_kind *kind, void **evp)
{
    *evp = NULL;
    if (!k)
        return ERR_SYNTAX;
    *kind = kind_of(k);
    if (*kind == JWKEY_NONE) {
        EVP_PKEY_free(k);
        return ERR_UNSUPPORTED;
    }
    *evp = k;
    return OK;
}

/* No file of ours asks for a passphrase on a terminal. */
static int no_passphrase(char *text, int size, int writing, void *ctx)
{
    (void)text, (void)size, (void)writing, (void)ctx;
    return -1;
}

enum err key_read_pem(struct span pem, enum jwkey_kind *kind, void **evp)
{
    *evp = NULL;
    if (pem.n > 1 << 20)
        return ERR_LIMIT;
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    if (!b)
        return ERR_NOMEM;
    EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL);
    if (!k) {
        (void)BIO_reset(b);
        X509 *x = PEM_read_bio_X509(b, NULL, no_passphrase, NULL);
        k = x ? X509_get_pubkey(x) : NULL;
        X509_free(x);
    }
    if (!k) {
        (void)BIO_reset(b);
        k = PEM_read_bio_PUBKEY(b, NULL, no_passphrase, NULL);
    }
    BIO_free(b);
    return taken(k, kind, evp);
}

enum err key_read_cert(struct span der, enum jwkey_kind *kind, void **evp)
{
    const unsigned char *p = der.p;
    *evp = NULL;
    if (der.n > 1 << 16)
        return ERR_LIMIT;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);
    EVP_PKEY *k = x && p == der.p + der.n ? X509_get_pubkey(x) : NULL;
    X509_free(x);
    return taken(k, kind, evp);
}

enum err key_write_pem(const void *evp, bool pair, struct buf *out)
{
    BIO *b = BIO_new(BIO_s_secmem());
    char *text = NULL;
    long n = 0;
    bool ok = b && (pair ? PEM_write_bio_PrivateKey(b, evp_of(evp), NULL, NULL, 0, NULL, NULL)
                         : PEM_write_bio_PUBKEY(b, evp_of(evp))) == 1;
    if (ok)
        n = BIO_get_mem_data(b, &text);
    if (n > 0)
        buf_put(out, span_of(text, (size_t)n));
    BIO_free(b);
    return n > 0 ? out->e : ERR_CRYPTO;
}
