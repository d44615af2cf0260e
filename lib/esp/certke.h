/* certke.h - ESCertKE: two holders of certificates agree on a pairwise key by a TLS 1.2 handshake whose four flights
 * travel as opaque messages (TS-0003 8.7, 10.3.1).
 *
 *     initiating   1 ClientHello ->                          terminating
 *                               <- 2 ServerHello ... ServerHelloDone
 *                  3 Certificate ... Finished ->
 *                               <- 4 ChangeCipherSpec, Finished
 *
 * TLS 1.2 and nothing else, ECDHE_ECDSA suites, both certificates demanded and verified at the caller's time, extended
 * master secret demanded (RFC 7627: without it an exporter does not bind the key to this handshake). No tickets, no
 * resumption, no renegotiation. Who the peer is stands in the result; whether it may be that one is for the caller. */
#ifndef ESP_CERTKE_H
#define ESP_CERTKE_H

#include "base/buf.h"
#include "m2m/addr.h"

enum {
    CERTKE_ID = 16,             /* octets of pairwiseE2EKeyID */
    CERTKE_ID_TEXT = 32,        /* upper-case hexadecimal: the kid */
    CERTKE_KEY = 32,            /* octets of pairwiseE2EKey */
    CERTKE_MESSAGE_MAX = 16384, /* octets of one message */
    CERTKE_NAMES_MAX = 8,       /* names read from a certificate; further ones are not used */
    CERTKE_NAME_MAX = 255,      /* a longer one is not used */
};

struct certke_ctx;
/* Own chain, its key and the authorities that peers chain to, all PEM. *der (may be NULL) gets the own certificate, for
 * the attribute escert. ERR_CONFIG: one of them cannot be used, *why says which; ERR_NOMEM; the buf's errors. A context
 * serves several threads. */
MUST_USE enum err certke_ctx_new(struct span cert, struct span key, struct span ca, struct certke_ctx **out,
                                 struct buf *der, const char **why);
void certke_ctx_free(struct certke_ctx *c);

/* One handshake, in the caller's memory. */
struct certke {
    void *ssl; /* NULL: none */
    bool initiates;
    uint8_t step; /* messages taken and given */
};
/* now: ms since 1970, for the validity of certificates. ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err certke_begin(struct certke_ctx *c, bool initiates, int64_t now, struct certke *h);
/* Takes the peer's next message (the initiating end: empty at first) and appends the own next one, if there is one.
 * ERR_LIMIT: longer than CERTKE_MESSAGE_MAX; ERR_SYNTAX: not the message that is due; ERR_AUTH: certificate, signature
 * or Finished do not verify; ERR_UNSUPPORTED: no version, suite or extension in common. After an error the handshake is
 * over. */
MUST_USE enum err certke_step(struct certke *h, struct span in, struct buf *out);
bool certke_done(const struct certke *h);
void certke_free(struct certke *h);
/* Does the message begin with a ClientHello? */
bool certke_is_first(struct span message);

/* What was agreed. Secret. */
struct certke_name {
    bool uri; /* an AE-ID, absolute; otherwise a dNSName */
    uint16_t n;
    uint8_t text[CERTKE_NAME_MAX];
};
struct certke_result {
    uint8_t id[CERTKE_ID], key[CERTKE_KEY];
    struct certke_name name[CERTKE_NAMES_MAX]; /* of the peer's certificate */
    uint8_t n_names;
};
/* ERR_NOTNOW: not done; ERR_CRYPTO. */
MUST_USE enum err certke_result(const struct certke *h, struct certke_result *out);
/* Does the peer's certificate name this AE or CSE? */
bool certke_is(const struct certke_result *r, const struct id *who, const struct self *me);

#endif
