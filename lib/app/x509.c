/* x509.c - see x509.h. Every maker has one way out that frees what it took. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "app/x509.h"
#include "base/buf.h"
#include "base/code.h"

enum { SERIAL_OCTETS = 19, EARLIER_S = 300, DAY_S = 86400, EXT_MAX = 1024 };

EVP_PKEY *x509_key(void)
{
    return EVP_EC_gen("P-256");
}

static bool set_serial(X509 *x)
{
    uint8_t octets[SERIAL_OCTETS];
    if (RAND_bytes(octets, sizeof octets) != 1)
        return false;
    octets[0] = (uint8_t)((octets[0] & 0x7f) | 0x40); /* positive and of constant length, RFC 5280 4.1.2.2 */
    BIGNUM *n = BN_bin2bn(octets, sizeof octets, NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

static bool set_times(X509 *x, int64_t days)
{
    return X509_gmtime_adj(X509_getm_notBefore(x), -EARLIER_S) &&
           X509_time_adj_ex(X509_getm_notAfter(x), (int)days, 0, NULL);
}

static bool set_subject(X509 *x, const char *cn)
{
    return X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0);
}

static bool add_ext(X509 *x, X509 *issuer, int nid, const char *text)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
    bool ok = e && X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return ok;
}

static X509 *blank(EVP_PKEY *key, const char *cn, int64_t days)
{
    X509 *x = X509_new();
    if (x && X509_set_version(x, X509_VERSION_3) && set_serial(x) && set_times(x, days) && set_subject(x, cn) &&
        X509_set_pubkey(x, key))
        return x;
    X509_free(x);
    return NULL;
}

X509 *x509_authority(EVP_PKEY *key, const char *fqdn, int64_t days)
{
    char cn[EXT_MAX], limits[EXT_MAX];
    struct buf c = BUF_ARRAY(cn), l = BUF_ARRAY(limits);
    buf_fmt(&c, "oneM2M CA of //%s", fqdn);
    buf_nul(&c);
    /* dNSName: the domain and everything below it. URI: a host without leading dot matches exactly
     * (RFC 5280 4.2.1.10), and AE-IDs of one SP have just that host. */
    buf_fmt(&l, "critical,permitted;DNS:%s,permitted;URI:%s", fqdn, fqdn);
    buf_nul(&l);
    if (c.e != OK || l.e != OK)
        return NULL;
    X509 *x = blank(key, cn, days);
    if (x && X509_set_issuer_name(x, X509_get_subject_name(x)) &&
        add_ext(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_ext(x, x, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign") &&
        add_ext(x, x, NID_name_constraints, limits) && add_ext(x, x, NID_subject_key_identifier, "hash") &&
        X509_sign(x, key, EVP_sha256()))
        return x;
    X509_free(x);
    return NULL;
}

X509 *x509_leaf(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *name, const char *san, int64_t days)
{
    X509 *x = blank(key, name, days);
    if (x && X509_set_issuer_name(x, X509_get_subject_name(ca)) &&
        add_ext(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
        add_ext(x, ca, NID_key_usage, "critical,digitalSignature") &&
        add_ext(x, ca, NID_ext_key_usage, "serverAuth,clientAuth") && add_ext(x, ca, NID_subject_alt_name, san) &&
        add_ext(x, ca, NID_subject_key_identifier, "hash") && add_ext(x, ca, NID_authority_key_identifier, "keyid") &&
        X509_sign(x, ca_key, EVP_sha256()))
        return x;
    X509_free(x);
    return NULL;
}

static bool fill_request(X509_REQ *r, EVP_PKEY *key, const char *san, const char *challenge)
{
    STACK_OF(X509_EXTENSION) *ext = sk_X509_EXTENSION_new_null();
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, NULL, NULL, r, NULL, 0);
    X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, san);
    bool ok = ext && name && sk_X509_EXTENSION_push(ext, name) > 0;
    if (!ok)
        X509_EXTENSION_free(name);
    ok = ok && X509_REQ_set_version(r, X509_REQ_VERSION_1) == 1 && X509_REQ_set_pubkey(r, key) == 1 &&
         X509_REQ_add_extensions(r, ext) == 1 &&
         (!challenge || X509_REQ_add1_attr_by_NID(r, NID_pkcs9_challengePassword, MBSTRING_UTF8,
                                                  (const uint8_t *)challenge, -1) == 1) &&
         X509_REQ_sign(r, key, EVP_sha256()) > 0;
    sk_X509_EXTENSION_pop_free(ext, X509_EXTENSION_free);
    return ok;
}

enum err x509_request(EVP_PKEY *key, const char *san, const char *challenge, struct buf *out)
{
    X509_REQ *r = X509_REQ_new();
    uint8_t *der = NULL;
    int n = r && fill_request(r, key, san, challenge) ? i2d_X509_REQ(r, &der) : 0;
    if (n > 0)
        buf_put(out, span_of(der, (size_t)n));
    OPENSSL_free(der);
    X509_REQ_free(r);
    return n > 0 ? out->e : ERR_CRYPTO;
}

/* Creates the file, never follows what is there already. */
static FILE *create(const char *path, mode_t mode, enum err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    *e = fd >= 0 ? OK : errno == EEXIST ? ERR_EXISTS : errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
    if (fd < 0)
        return NULL;
    FILE *f = fdopen(fd, "w");
    if (!f) {
        (void)close(fd);
        *e = ERR_NOMEM;
    }
    return f;
}

static enum err finish(FILE *f, int written)
{
    bool ok = written == 1 && fflush(f) == 0 && fsync(fileno(f)) == 0;
    return fclose(f) == 0 && ok ? OK : ERR_IO;
}

enum err x509_write_key(const char *path, EVP_PKEY *key)
{
    enum err e = OK;
    FILE *f = create(path, 0600, &e);
    return f ? finish(f, PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL)) : e;
}

enum err x509_write_cert(const char *path, X509 *cert)
{
    enum err e = OK;
    FILE *f = create(path, 0644, &e);
    return f ? finish(f, PEM_write_X509(f, cert)) : e;
}

enum err x509_read_key(const char *path, EVP_PKEY **out)
{
    *out = NULL;
    FILE *f = fopen(path, "re");
    if (!f)
        return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
    struct stat st;
    enum err e = ERR_CONFIG;
    if (fstat(fileno(f), &st) == 0 && (st.st_mode & 077) == 0) {
        *out = PEM_read_PrivateKey(f, NULL, NULL, NULL);
        e = *out ? OK : ERR_SYNTAX;
    }
    (void)fclose(f);
    return e;
}

enum err x509_read_cert(const char *path, X509 **out)
{
    *out = NULL;
    FILE *f = fopen(path, "re");
    if (!f)
        return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
    *out = PEM_read_X509(f, NULL, NULL, NULL);
    (void)fclose(f);
    return *out ? OK : ERR_SYNTAX;
}

static enum err copy_text(const ASN1_STRING *s, char *out, size_t n)
{
    size_t len = (size_t)ASN1_STRING_length(s);
    if (len + 1 > n || memchr(ASN1_STRING_get0_data(s), 0, len))
        return ERR_SYNTAX;
    memcpy(out, ASN1_STRING_get0_data(s), len);
    out[len] = '\0';
    return OK;
}

enum err x509_domain(X509 *ca, char *out, size_t n)
{
    NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca, NID_name_constraints, NULL, NULL);
    enum err e = ERR_NOTFOUND;
    for (int i = 0; nc && e == ERR_NOTFOUND && i < sk_GENERAL_SUBTREE_num(nc->permittedSubtrees); i++) {
        const GENERAL_NAME *g = sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i)->base;
        if (g->type == GEN_DNS)
            e = copy_text(g->d.dNSName, out, n);
    }
    NAME_CONSTRAINTS_free(nc);
    return e;
}

enum err x509_name(X509 *cert, char *out, size_t n, bool *uri)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    enum err e = ERR_NOTFOUND;
    for (int i = 0; names && e == ERR_NOTFOUND && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
        *uri = g->type == GEN_URI;
        if (g->type == GEN_DNS || g->type == GEN_URI)
            e = copy_text(g->d.ia5, out, n);
    }
    GENERAL_NAMES_free(names);
    return e;
}

enum err x509_fingerprint(X509 *cert, char out[65])
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!X509_digest(cert, EVP_sha256(), hash, &n))
        return ERR_CRYPTO;
    struct buf b = buf_over(out, 65);
    hex_put(&b, span_of(hash, n));
    buf_nul(&b);
    return b.e;
}

enum err x509_pem(X509 *cert, struct buf *out)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *p;
    bool ok = b && PEM_write_bio_X509(b, cert) == 1;
    long n = ok ? BIO_get_mem_data(b, &p) : 0;
    if (ok)
        buf_put(out, span_of(p, (size_t)n));
    BIO_free(b);
    return ok ? out->e : ERR_CRYPTO;
}

enum err x509_der(X509 *cert, struct buf *out)
{
    int n = i2d_X509(cert, NULL);
    uint8_t *p = n > 0 ? buf_take(out, (size_t)n) : NULL;
    return p && i2d_X509(cert, &p) == n ? OK : ERR_CRYPTO;
}

enum err x509_domain_in(const char *path, char *out, size_t n)
{
    FILE *f = fopen(path, "re");
    X509 *x;
    enum err e = ERR_NOTFOUND;
    if (!f)
        return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
    while (e == ERR_NOTFOUND && (x = PEM_read_X509(f, NULL, NULL, NULL))) {
        e = x509_domain(x, out, n);
        X509_free(x);
    }
    (void)fclose(f);
    ERR_clear_error();
    return e;
}
