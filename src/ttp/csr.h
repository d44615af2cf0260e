/* csr.h - a request for a certificate (PKCS#10, RFC 2986), read and judged (TS-0003 10.1.4; spec/security.md 6.6, 8.5).
 *
 * What counts of it: the public key (P-256, named curve, uncompressed), exactly one subject alternative name, the
 * challengePassword, and the signature, which must be by that key. Subject and other extensions are not looked at and
 * never copied; who asks to become a CA is refused. */
#ifndef TTP_CSR_H
#define TTP_CSR_H

#include "esd/jose.h"

enum {
    CSR_MAX = 4096,     /* octets of DER */
    CSR_NAME_MAX = 253, /* octets of a name */
};

struct csr {
    struct p256 *key; /* csr_free */
    uint8_t jkt[JOSE_THUMB];
    struct span name; /* the SAN: URI m2m://sp/stem or m2m://sp/cse/stem, or a dNSName in lower case */
    bool uri;
    struct span iss;       /* who that is: absolute AE-ID, or //sp/<first label> of a dNSName */
    struct span challenge; /* empty: none */
};

/* The body of an EST request (RFC 8951): base64 with line breaks anywhere, to DER in the arena. ERR_SYNTAX, ERR_LIMIT,
 * ERR_NOMEM. */
MUST_USE enum err csr_body(struct span text, struct arena *a, struct span *der);
/* `sp`: domain of the service provider ("demo.example"), `ttp` the TTP's own name, which nobody gets. Spans of *out
 * live in the arena. MALFORMED, ALGORITHM_REFUSED (key or signature of another kind), TAMPERED (not signed by its own
 * key), REFUSED (a name that cannot be had here), FAILED; *why is then a sentence. */
MUST_USE enum reason csr_read(struct span der, struct span sp, struct span ttp, struct arena *a, struct csr *out,
                              const char **why);
void csr_free(struct csr *c);

#endif
