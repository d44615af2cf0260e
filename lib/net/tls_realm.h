/* tls_realm.h - inside lib/net: authorities of somebody else's domain, and what they may certify. */
#ifndef NET_TLS_REALM_H
#define NET_TLS_REALM_H

#include "net/tls_in.h"

struct tls_realms;

/* Reads the realms of a configuration and adds their authorities to the context's. *out is NULL when there is none.
 * ERR_CONFIG and the errors of reading a file, with a sentence in `why`; ERR_NOMEM. */
MUST_USE enum err tls_realms_new(SSL_CTX *ssl, const struct tls_conf *conf, struct tls_realms **out, struct buf *why);
void tls_realms_free(struct tls_realms *r);
/* The chain of this verification is complete: does it end at an authority of a realm, then are all names of the leaf
 * dNSNames of that domain? Also true when it ends elsewhere, or r is NULL. */
bool tls_realms_permit(const struct tls_realms *r, X509_STORE_CTX *store);

#endif
