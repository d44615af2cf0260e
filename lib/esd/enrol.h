/* enrol.h - enrolment in signed texts: the anchors of the vault's own CA, and a request for a certificate that is
 * signed by the key of a certificate that the client has already (security.md 6.6). */
#ifndef ESD_ENROL_H
#define ESD_ENROL_H

#include "esd/jose.h"

enum { ENROL_ANCHORS_MAX = 8, ENROL_CSR_MAX = 4096 };

/* GET /anchors, oneseal-anchors+jws by the release key: {"fqdn","t":seconds,"certs":[DER in base64url ...]}. What EST
 * has at /cacerts, but in words of the vault: a front cannot slip in a CA. */
struct enrol_anchors {
    struct span fqdn;
    uint64_t t;
    struct span cert[ENROL_ANCHORS_MAX]; /* DER, the newest first */
    size_t n;
};
MUST_USE enum err enrol_anchors_build(const struct enrol_anchors *k, const struct p256 *release, struct span kid,
                                      struct buf *scratch, struct buf *out);
/* MALFORMED, ALGORITHM_REFUSED, TAMPERED, FAILED; REFUSED: of another fqdn. */
MUST_USE enum reason enrol_anchors_open(struct span text, struct span fqdn, const struct p256 *release, struct arena *a,
                                        struct enrol_anchors *out);

/* POST to simpleenroll or simplereenroll as application/jose: oneseal-join+jws {iss, aud, nonce, csr}, x5c in the
 * header, signed by the key of that certificate. iss is the identity that certificate and CSR speak for. */
struct enrol_ask {
    struct span iss, aud, nonce;
    struct span csr; /* PKCS#10, DER */
};
MUST_USE enum err enrol_ask_build(const struct enrol_ask *q, const struct p256 *key, const struct span *x5c,
                                  size_t n_x5c, struct buf *scratch, struct buf *out);
/* Shape alone; verify with jws_verify by the key of j->x5c[0]. MALFORMED (also without x5c), ALGORITHM_REFUSED,
 * FAILED. */
MUST_USE enum reason enrol_ask_read(struct span text, struct arena *a, struct jws *j, struct enrol_ask *out);

#endif
