/* x509.h - makes and reads certificates of the oneM2M profile (TS-0003 10.1.1): P-256, SHA-256, keyUsage
 * digitalSignature, one subject alternative name; CAs carry nameConstraints. PEM files, keys PKCS#8. */
#ifndef APP_X509_H
#define APP_X509_H

#include <openssl/x509.h>

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/* A fresh P-256 key pair; NULL when OpenSSL fails. Free with EVP_PKEY_free. */
EVP_PKEY *x509_key(void);

/* A self-signed CA (pathlen 0) for the SP domain `fqdn` ("demo.example"): it may certify dNSNames equal
 * to or below the domain and URIs with exactly that host. NULL when OpenSSL fails. */
X509 *x509_authority(EVP_PKEY *key, const char *fqdn, int64_t days);

/* A leaf with the given SAN: "DNS:name" or "URI:uri" (checked by the caller: OpenSSL's own grammar of
 * extension texts knows commas and more). `name` becomes the CN. NULL when OpenSSL fails. */
X509 *x509_leaf(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *name, const char *san, int64_t days);

/* A request for a certificate (PKCS#10) with one SAN, as above, and a challengePassword unless that is NULL; DER
 * appended to out. ERR_CRYPTO, the buf's. */
struct buf;
MUST_USE enum err x509_request(EVP_PKEY *key, const char *san, const char *challenge, struct buf *out);

/* PEM files. Keys are written with mode 0600 and refused (ERR_CONFIG) when others may read them.
 * ERR_EXISTS when the file is there already. */
MUST_USE enum err x509_write_key(const char *path, EVP_PKEY *key);
MUST_USE enum err x509_write_cert(const char *path, X509 *cert);
MUST_USE enum err x509_read_key(const char *path, EVP_PKEY **out);
MUST_USE enum err x509_read_cert(const char *path, X509 **out);

/* PEM and DER of a certificate, appended. ERR_CRYPTO, the buf's. */
MUST_USE enum err x509_pem(X509 *cert, struct buf *out);
MUST_USE enum err x509_der(X509 *cert, struct buf *out);
/* The domain of the first CA with nameConstraints in a PEM file of several. ERR_NOTFOUND, ERR_IO. */
MUST_USE enum err x509_domain_in(const char *path, char *out, size_t n);
/* The domain that a CA's nameConstraints permit ("demo.example") into out. ERR_NOTFOUND. */
MUST_USE enum err x509_domain(X509 *ca, char *out, size_t n);
/* The first SAN of kind GEN_DNS or GEN_URI; *uri tells which. ERR_NOTFOUND. */
MUST_USE enum err x509_name(X509 *cert, char *out, size_t n, bool *uri);
/* Lower-case hex of SHA-256 over the DER octets; out has 65 octets. */
MUST_USE enum err x509_fingerprint(X509 *cert, char out[65]);

#endif
