/* receiver.h - where an application receives NOTIFY requests (TS-0004 7.5.1.2.2): an HTTP server on the
 * session's loop, with TLS when the profile has a certificate. What arrives is put into the book's inbox,
 * durably, before it is answered. */
#ifndef APP_RECEIVER_H
#define APP_RECEIVER_H

#include "app/session.h"
#include "net/http.h"

struct receiver {
    struct session *s;
    struct tls_ctx *tls;
    struct http_server *http;
    char url[NET_ADDR_TEXT_MAX + 16]; /* point of access */
    uint64_t verified, notified, refused;
};
/* Listens. Says the fault. *r must stay where it is until receiver_close. */
MUST_USE enum status receiver_open(struct session *s, struct receiver *r);
void receiver_close(struct receiver *r);

#endif
