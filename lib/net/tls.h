/* tls.h - TLS contexts and the identity that a certificate proves.
 *
 * TLS 1.2 and 1.3 only; ECDHE with AEAD suites first; no renegotiation, no compression, no session
 * tickets and no session cache (each connection is a full handshake, which keeps forward secrecy
 * honest). Certificates follow TS-0003 10.1.1 (spec/security.md 8.5):
 *   AE-ID certificate   SAN URI "m2m://sp/stem" (any scheme or none): identity "//sp/stem"
 *   CSE-ID certificate  SAN dNSName, the CSE's public domain name; also MEF and MAF FQDNs
 * Names are compared exactly (dNSName without regard to letter case); a wildcard matches nothing. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buf.h"

struct tls_ctx;

enum {
    TLS_NAMES_MAX = 8,      /* subject alternative names read from one certificate; further ones are not used */
    TLS_NAME_TEXT_MAX = 256 /* octets of one name with its NUL; a longer one is not used */
};

/* Authorities of somebody else's domain: what they sign counts only while every name in the certificate is a dNSName in
 * that domain ("b.example", "id-in.b.example"). So two domains meet without believing each other about themselves. An
 * authority that stands in ca as well is bound all the same. */
struct tls_realm {
    const char *ca_file; /* PEM; NULL: ca_pem */
    struct span ca_pem, domain;
};

struct tls_conf {
    bool server;             /* which end of the handshake */
    bool client_cert_needed; /* server: refuse peers without a certificate; otherwise one is asked for and optional */
    bool legacy_suites;      /* adds TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 behind the others (TS-0003 10.2) */
    const char *cert_file;   /* own chain, PEM; NULL: cert_pem, and when that is empty too none (client) */
    const char *key_file;    /* its key, PEM; NULL: key_pem. A key file that others may read is refused */
    const char *ca_file;     /* CAs that peers must chain to, PEM; NULL: ca_pem. Nothing else is trusted */
    struct span cert_pem, key_pem, ca_pem;
    const struct tls_realm *realms; /* beside ca; needed only by tls_ctx_new */
    size_t n_realms;
};

/* Reads and checks everything now. On failure `why` (may be NULL) gets a sentence that names the file and
 * the cause. ERR_NOTFOUND, ERR_IO, ERR_CONFIG (certificate, key or CA not usable, or key of another
 * certificate), ERR_NOMEM. A context may be used by several threads; free with tls_ctx_free. */
MUST_USE enum err tls_ctx_new(const struct tls_conf *conf, struct tls_ctx **out, struct buf *why);
/* One more CA, or several, that peers of later handshakes may chain to. Only while no other thread uses the context.
 * ERR_CONFIG: no certificate in `pem`. */
MUST_USE enum err tls_ctx_trust(struct tls_ctx *c, struct span pem);
/* One more owner. */
struct tls_ctx *tls_ctx_ref(struct tls_ctx *c);
/* Gives one ownership back; connections that use it go on. NULL is fine. */
void tls_ctx_free(struct tls_ctx *c);

/* One name that the peer's certificate proves. */
enum tls_name_kind {
    TLS_NAME_AE, /* absolute AE-ID, "//sp/stem" */
    TLS_NAME_DNS /* public domain name of a CSE, or FQDN of a MEF or MAF, in lower case */
};
struct tls_name {
    enum tls_name_kind kind;
    uint16_t n;
    char text[TLS_NAME_TEXT_MAX];
};
/* Who is at the other end. Belongs to the connection. */
struct tls_peer {
    uint8_t n;          /* names; 0 when the certificate has none that we use */
    uint8_t sha256[32]; /* fingerprint of the certificate */
    struct tls_name name[TLS_NAMES_MAX];
};

static inline struct span tls_name_span(const struct tls_name *n)
{
    return span_of(n->text, n->n);
}
/* Does the certificate name this AE (absolute AE-ID "//sp/stem")? NULL proves nothing. */
bool tls_peer_is_ae(const struct tls_peer *p, struct span absolute_ae_id);
/* Does it name this dNSName? */
bool tls_peer_is_dns(const struct tls_peer *p, struct span dns_name);
/* The first name of that kind, or the empty span. */
struct span tls_peer_first(const struct tls_peer *p, enum tls_name_kind kind);

/* A SAN URI as identity: "m2m://sp/x" or "//sp/x" becomes "//sp/x". ERR_SYNTAX when there is no "//",
 * or no authority behind it, or an octet outside RFC 3986. */
MUST_USE enum err tls_uri_ae_id(struct span uri, struct span *ae_id);

#endif
