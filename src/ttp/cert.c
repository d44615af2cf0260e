#include "ttp/cert.h"

#include "base/code.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

enum { EARLIER_S = 300, DAY_S = 86400, CN_MAX = 64, TEXT_MAX = 640 };

static bool set_serial(X509 *x, uint8_t serial[CERT_SERIAL])
{
    if (esd_random(serial, CERT_SERIAL) != OK)
        return false;
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive and of constant length, RFC 5280 4.1.2.2 */
    BIGNUM *n = BN_bin2bn(serial, CERT_SERIAL, NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

static bool set_cn(X509 *x, struct span cn)
{
    return X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_ASC, cn.p, (int)cn.n, -1, 0) ==
           1;
}

static bool add_text(X509 *x, X509 *issuer, int nid, const char *text)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
    bool ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static X509 *blank(const struct p256 *key, struct span cn, int64_t from_s, int64_t until_s, uint8_t serial[CERT_SERIAL])
{
    X509 *x = X509_new();
    if (x && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x, serial) &&
        ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from_s) &&
        ASN1_TIME_set(X509_getm_notAfter(x), (time_t)until_s) && set_cn(x, cn) &&
        X509_set_pubkey(x, p256_evp(key)) == 1)
        return x;
    X509_free(x);
    return NULL;
}

X509 *cert_ca(const struct p256 *key, const char *sp, int64_t now_s, uint64_t days)
{
    uint8_t serial[CERT_SERIAL];
    char limits[TEXT_MAX], name[TEXT_MAX];
    struct buf l = BUF_ARRAY(limits), n = BUF_ARRAY(name);
    buf_fmt(&n, "oneM2M enrolment CA of //%s", sp);
    /* dNSName: the domain and everything below it. URI: a host without leading dot matches exactly (RFC 5280 4.2.1.10),
     * and AE-IDs of one service provider have just that host. */
    buf_fmt(&l, "critical,permitted;DNS:%s,permitted;URI:%s", sp, sp);
    buf_nul(&l);
    if (l.e != OK || n.e != OK)
        return NULL;
    X509 *x = blank(key, span_first(buf_span(&n), CN_MAX), now_s - EARLIER_S, now_s + (int64_t)days * DAY_S, serial);
    if (x && X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
        add_text(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_text(x, x, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign") &&
        add_text(x, x, NID_name_constraints, limits) && add_text(x, x, NID_subject_key_identifier, "hash") &&
        X509_sign(x, p256_evp(key), EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

/* The name as a structure: no text of a stranger goes through OpenSSL's grammar of extensions. */
static bool add_name(X509 *x, const struct csr *c)
{
    GENERAL_NAMES *list = GENERAL_NAMES_new();
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();
    bool ok = list && g && s && ASN1_STRING_set(s, c->name.p, (int)c->name.n) == 1;
    if (ok) {
        GENERAL_NAME_set0_value(g, c->uri ? GEN_URI : GEN_DNS, s);
        s = NULL;
        ok = sk_GENERAL_NAME_push(list, g) > 0;
        g = ok ? NULL : g;
    }
    ok = ok && X509_add1_ext_i2d(x, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) == 1;
    ASN1_IA5STRING_free(s);
    GENERAL_NAME_free(g);
    GENERAL_NAMES_free(list);
    return ok;
}

static bool seconds_of(const ASN1_TIME *t, int64_t *out)
{
    int days = 0, seconds = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    bool ok = epoch && ASN1_TIME_diff(&days, &seconds, epoch, t) == 1;
    ASN1_TIME_free(epoch);
    *out = (int64_t)days * DAY_S + seconds;
    return ok;
}

X509 *cert_issue(struct cert_order *o)
{
    int64_t end;
    if (!seconds_of(X509_get0_notAfter(o->ca), &end) || end <= o->now_s)
        return NULL;
    int64_t until = o->now_s + (int64_t)o->days * DAY_S;
    o->until_s = until < end ? until : end;
    const struct csr *c = o->csr;
    struct span cn = c->name.n <= CN_MAX ? c->name : SPAN("oneM2M entity");
    X509 *x = blank(c->key, cn, o->now_s - EARLIER_S, o->until_s, o->serial);
    if (x && X509_set_issuer_name(x, X509_get_subject_name(o->ca)) == 1 &&
        add_text(x, o->ca, NID_basic_constraints, "critical,CA:FALSE") &&
        add_text(x, o->ca, NID_key_usage, "critical,digitalSignature") &&
        add_text(x, o->ca, NID_ext_key_usage, "serverAuth,clientAuth") && add_name(x, c) &&
        add_text(x, o->ca, NID_subject_key_identifier, "hash") &&
        add_text(x, o->ca, NID_authority_key_identifier, "keyid") &&
        X509_sign(x, p256_evp(o->ca_key), EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

/* ---- forms ------------------------------------------------------------------------------------------------------- */

struct span cert_der(X509 *x, struct arena *a)
{
    int n = i2d_X509(x, NULL);
    uint8_t *p = n > 0 ? arena_alloc(a, (size_t)n) : NULL, *at = p;
    return p && i2d_X509(x, &at) == n ? span_of(p, (size_t)n) : SPAN_NONE;
}

X509 *cert_of_der(struct span der)
{
    const uint8_t *p = der.p;
    X509 *x = der.n > 0 && der.n <= CERT_DER_MAX ? d2i_X509(NULL, &p, (long)der.n) : NULL;
    if (x && p != der.p + der.n) {
        X509_free(x);
        return NULL;
    }
    return x;
}

static PKCS7 *certs_only(X509 *const *x, size_t n)
{
    PKCS7 *p = PKCS7_new();
    bool ok = p && PKCS7_set_type(p, NID_pkcs7_signed) == 1;
    if (ok)
        p->d.sign->contents->type = OBJ_nid2obj(NID_pkcs7_data);
    for (size_t i = 0; ok && i < n; i++)
        ok = PKCS7_add_certificate(p, x[i]) == 1;
    if (ok)
        return p;
    PKCS7_free(p);
    return NULL;
}

enum err cert_pkcs7(X509 *const *x, size_t n, struct buf *out)
{
    PKCS7 *p = certs_only(x, n);
    uint8_t *der = NULL;
    int len = p ? i2d_PKCS7(p, &der) : 0;
    if (len > 0)
        b64_put(out, span_of(der, (size_t)len));
    OPENSSL_free(der);
    PKCS7_free(p);
    ERR_clear_error();
    return len > 0 ? out->e : ERR_CRYPTO;
}

enum err cert_pem(X509 *x, struct buf *out)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *p;
    bool ok = b && PEM_write_bio_X509(b, x) == 1;
    long n = ok ? BIO_get_mem_data(b, &p) : 0;
    if (ok)
        buf_put(out, span_of(p, (size_t)n));
    BIO_free(b);
    return ok ? out->e : ERR_CRYPTO;
}

void cert_csrattrs(struct buf *out)
{
    static const uint8_t der[] = {
        0x30, 0x40,                                                                   /* SEQUENCE OF AttrOrOID */
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07,             /* challengePassword */
        0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,             /* id-ecPublicKey */
        0x31, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,       /*   prime256v1 */
        0x30, 0x12, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e, /* extensionRequest */
        0x31, 0x05, 0x06, 0x03, 0x55, 0x1d, 0x11,                                     /*   subjectAltName */
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};                  /* ecdsa-with-SHA256 */
    b64_put(out, span_of(der, sizeof der));
}
