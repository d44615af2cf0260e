/* cert.h - makes the certificates of the vault's CA (TS-0003 10.1.1; spec/security.md 8.5): P-256, SHA-256, random
 * serial number. Nothing of a request goes in but its key and its name. X509 * is passed as void * where OpenSSL's
 * headers are not wanted. */
#ifndef TTP_CERT_H
#define TTP_CERT_H

#include <openssl/x509.h>

#include "ttp/csr.h"

enum { CERT_SERIAL = 19, CERT_DER_MAX = 4096 };

/* Self-signed, pathlen 0, nameConstraints: dNSNames below `sp`, URIs with exactly that host. NULL: OpenSSL failed. */
X509 *cert_ca(const struct p256 *key, const char *sp, int64_t now_s, uint64_t days);

struct cert_order {
    const struct csr *csr;
    X509 *ca;
    const struct p256 *ca_key;
    int64_t now_s;
    uint64_t days;               /* but never beyond the CA's own end */
    uint8_t serial[CERT_SERIAL]; /* filled by cert_issue */
    int64_t until_s;             /* filled */
};
/* basicConstraints CA:FALSE, keyUsage digitalSignature, extendedKeyUsage server and client, the one name. NULL: OpenSSL
 * failed, or the CA has expired. Free with X509_free. */
X509 *cert_issue(struct cert_order *o);

/* DER into the arena; SPAN_NONE: no memory. */
struct span cert_der(X509 *x, struct arena *a);
X509 *cert_of_der(struct span der); /* NULL: no certificate, or something behind it */
/* The certificates as base64 of a PKCS#7 "certs-only" (RFC 7030 4.1.3). ERR_CRYPTO, ERR_NOMEM, the buf's. */
MUST_USE enum err cert_pkcs7(X509 *const *x, size_t n, struct buf *out);
/* PEM. */
MUST_USE enum err cert_pem(X509 *x, struct buf *out);
/* What a request should have (RFC 7030 4.5.2): challengePassword, P-256, ECDSA with SHA-256, subjectAltName. Base64. */
void cert_csrattrs(struct buf *out);

#endif
