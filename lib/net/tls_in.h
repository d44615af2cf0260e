/* tls_in.h - inside lib/net: sessions on descriptors. */
#ifndef NET_TLS_IN_H
#define NET_TLS_IN_H

#include "net/tls.h"

#include <openssl/ssl.h>

/* Who must be at the other end, and the names that were found there instead. */
struct tls_expect {
    struct span name;
    char seen[256];
};

/* A session over the descriptor, not begun. Client: `expect` is who must be there (it must outlive the session),
 * "//sp/stem" or a DNS name (then also sent as SNI unless it is an address). NULL without memory. */
SSL *tls_session(struct tls_ctx *c, int fd, struct tls_expect *expect);
bool tls_is_server(const struct tls_ctx *c);
/* Names and fingerprint of the certificate that the peer showed and that was verified; false: none. */
bool tls_peer_read(SSL *ssl, struct tls_peer *out);
/* The same of any certificate, verified or not. */
void tls_peer_of_cert(const X509 *cert, struct tls_peer *out);
/* The names for a message: "a", "b"; or the words no name. */
void tls_peer_put_names(const struct tls_peer *p, struct buf *b);
/* A sentence why the session failed, from the verification result and this thread's error queue, which it empties.
 * `expect` as above, for the message. */
void tls_why(SSL *ssl, struct tls_expect *expect, struct buf *why);
/* Is the last error of this thread that a client spoke clear HTTP to us? */
bool tls_error_is_clear_http(void);

#endif
