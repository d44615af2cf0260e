/* net_pki.h - a certificate authority in memory, for the TLS tests: OpenSSL only, nothing of ours. */
#ifndef TEST_NET_PKI_H
#define TEST_NET_PKI_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

struct pki_cert {
    EVP_PKEY *key;
    X509 *cert;
    char cert_pem[4096], key_pem[2048];
};

static void pki_pem(struct pki_cert *c)
{
    BIO *b = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(b, c->cert);
    int n = BIO_read(b, c->cert_pem, sizeof c->cert_pem - 1);
    c->cert_pem[n > 0 ? n : 0] = 0;
    PEM_write_bio_PrivateKey(b, c->key, NULL, NULL, 0, NULL, NULL);
    n = BIO_read(b, c->key_pem, sizeof c->key_pem - 1);
    c->key_pem[n > 0 ? n : 0] = 0;
    BIO_free(b);
}

static void pki_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
}

/* issuer NULL: a CA that signs itself. `san` as in openssl.cnf; `days` from now, negative: expired. */
static void pki_make(struct pki_cert *out, const struct pki_cert *issuer, const char *cn, const char *san, int days)
{
    static long serial = 1;
    memset(out, 0, sizeof *out);
    out->key = EVP_EC_gen("P-256");
    X509 *c = out->cert = X509_new();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), serial++);
    X509_gmtime_adj(X509_getm_notBefore(c), -86400L * 30);
    X509_gmtime_adj(X509_getm_notAfter(c), 86400L * days);
    X509_set_pubkey(c, out->key);
    X509_NAME *name = X509_get_subject_name(c);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(c, issuer ? X509_get_subject_name(issuer->cert) : name);
    X509 *by = issuer ? issuer->cert : c;
    pki_extension(c, by, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    pki_extension(c, by, NID_key_usage, issuer ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign");
    if (san)
        pki_extension(c, by, NID_subject_alt_name, san);
    X509_sign(c, issuer ? issuer->key : out->key, EVP_sha256());
    pki_pem(out);
}

static void pki_free(struct pki_cert *c)
{
    X509_free(c->cert);
    EVP_PKEY_free(c->key);
}

#endif
