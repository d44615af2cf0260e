/* tls_one.h - one TLS connection of a server that has nothing else to do: waits with deadlines instead of a loop, takes
 * pre-shared keys (TLS 1.2 PSK and ECDHE_PSK suites, TLS 1.3 external PSK with ECDHE) beside certificates, and gives
 * exporter values (RFC 5705, RFC 8446 7.5).
 *
 * Besides the rules of tls.h: no resumption of any kind, so that an exporter value belongs to one handshake; the suites
 * that TS-0003 10.2 makes mandatory (TLS_PSK_WITH_AES_128_CBC_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256) are the
 * last choice. */
#ifndef NET_TLS_ONE_H
#define NET_TLS_ONE_H

#include "net/tls.h"

struct tls_one;

enum {
    TLS_PSK_MAX = 64,          /* octets of a pre-shared key */
    TLS_PSK_IDENTITY_MAX = 128 /* octets of its identity, what this OpenSSL takes at most */
};

struct tls_one_conf {
    struct tls_ctx *ctx; /* of a server */
    int fd;              /* non-blocking; stays the caller's */
    /* The key of an identity into out (room for TLS_PSK_MAX octets), and its length. 0 lets the handshake fail in
     * another way than a wrong key does: whoever wants to hide which identities exist gives a key nobody knows. NULL:
     * no PSK. Called during tls_one_accept; it may take its time. */
    size_t (*psk)(void *user, struct span identity, uint8_t *out);
    void *user;
    int64_t (*now_ms)(void); /* for the deadlines */
};
/* ERR_NOMEM, ERR_CONFIG: this OpenSSL has not the suites. */
MUST_USE enum err tls_one_new(const struct tls_one_conf *c, struct tls_one **out);
/* Frees; what OpenSSL held is overwritten when secret_openssl_wipes was called. NULL is fine. */
void tls_one_free(struct tls_one *o);

/* Deadlines are times of now_ms. ERR_TIMEOUT, ERR_CLOSED, ERR_TLS. */
MUST_USE enum err tls_one_accept(struct tls_one *o, int64_t deadline);
/* At least one octet. */
MUST_USE enum err tls_one_read(struct tls_one *o, uint8_t *p, size_t cap, size_t *got, int64_t deadline);
/* All of it. */
MUST_USE enum err tls_one_write(struct tls_one *o, struct span s, int64_t deadline);
/* Tells the peer that nothing more comes; does not wait. */
void tls_one_end(struct tls_one *o);

/* The verified certificate; false: there is none. */
bool tls_one_peer(const struct tls_one *o, struct tls_peer *out);
/* Was the session made with a pre-shared key? */
bool tls_one_by_psk(const struct tls_one *o);
/* n octets for that label, without context. ERR_NOTNOW: TLS 1.2 without the extended master secret, whose exporter
 * values are not bound to the handshake (RFC 7627). ERR_TLS. */
MUST_USE enum err tls_one_export(struct tls_one *o, struct span label, uint8_t *out, size_t n);

#endif
