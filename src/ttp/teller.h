/* teller.h - one connection of a client that has no signing key, or uses none: plain TLS with a certificate, or a
 * pre-shared key. One process per connection: it accepts, serves, overwrites everything that it held, and leaves by
 * _exit. It has the server's certificate and the one connection's keys, and not other connections', no disk, no way out
 * but through the hall.
 *
 * What a conquered teller can do is what this room is for: name any client and obtain that client's plain rows, each
 * with a leaf. Sealed rows do not leave through it (vault_till_may). */
#ifndef TTP_TELLER_H
#define TTP_TELLER_H

#include "net/head.h"
#include "net/tls_one.h"
#include "ttp/link.h"
#include "ttp/till.h"

enum {
    TELLER_BODY_MAX = TILL_BODY_MAX,
    TELLER_HEAD_MAX = 16384,
    TELLER_REQUESTS_MAX = 64, /* of one connection */
    TELLER_HANDSHAKE_MS = 10000,
    TELLER_IDLE_MS = 15000,    /* to the first octet of a request */
    TELLER_REQUEST_MS = 20000, /* from there to its end */
    TELLER_ANSWER_MS = 30000,  /* for the vault, and again for the client */
    TELLER_LIFE_MS = 120000,   /* of the connection */
    TELLER_PSK_FLOOR_MS = 60,  /* an identity is answered no sooner, so that the time says nothing of it */
    TELLER_EXPORT = 48,        /* octets of the exporter value (spec/security.md 5.6) */
    TELLER_WORK = 512 << 10    /* octets for reading and writing boxes */
};

/* Everything that can hold a secret, overwritten at the end. */
struct teller_desk {
    uint8_t in[TELLER_HEAD_MAX + TELLER_BODY_MAX];
    uint8_t plain[TILL_PLAIN_MAX], paid[TILL_PLAIN_MAX];
    uint8_t box[TILL_BOX_MAX], work[TELLER_WORK];
    uint8_t ask[TILL_PLAIN_MAX];
    uint8_t value[TELLER_EXPORT];
};

struct teller {
    struct link hall;
    struct msg_end end;
    uint32_t state;
    char fqdn[256];
    struct tls_ctx *tls;
    struct p256 *till, *epk;
    struct tls_one *one;
    uint64_t n;        /* boxes told */
    bool paid;         /* the answer to the last one is here */
    struct buf answer; /* its box */
    char names[TTP_PEER_MAX + 16];
    size_t names_n;   /* who the client is: one to a line */
    uint8_t psk_base; /* the base that a PSK client is enrolled for; 0: both */
    int64_t until;    /* end of the connection's life */
    struct teller_desk *desk;
};

struct teller_req {
    struct span method, path, body;
    struct http_field field[HTTP_FIELDS_MAX];
    unsigned fields;
    bool last; /* the connection ends behind it */
};
struct span teller_field(const struct teller_req *r, struct span name);

/* teller_http.c: reads one request into desk->in. ERR_CLOSED: none came any more; ERR_TIMEOUT, ERR_TLS; ERR_SYNTAX: it
 * was refused, and answered. */
MUST_USE enum err teller_read(struct teller *t, struct teller_req *r);
/* Writes an answer; `fields` are whole lines. */
MUST_USE enum err teller_write(struct teller *t, int status, const char *media, struct span fields, struct span body,
                               bool last);

/* teller_serve.c: answers one request. */
MUST_USE enum err teller_serve(struct teller *t, const struct teller_req *r);

/* teller_tell.c: one box to the vault and its answer, whose spans point into desk->paid. ERR_CLOSED: the hall has gone;
 * ERR_TIMEOUT; ERR_AUTH: no answer of the vault's. */
MUST_USE enum err teller_tell(struct teller *t, enum ttp_kind kind, uint8_t base, struct span body,
                              struct till_answer *out);
/* The key of an identity, for tls_one. */
size_t teller_psk(void *teller, struct span identity, uint8_t *out);

int64_t teller_now(void);

#endif
