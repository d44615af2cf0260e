/* front.h - the room at the network: TLS, HTTP, admission. It holds the TLS key, whose theft lets somebody impersonate
 * the front but not open a sealed key; it has no disk and no way to the vault but through the ledger. */
#ifndef TTP_FRONT_H
#define TTP_FRONT_H

#include "net/http.h"
#include "ttp/kind.h"
#include "ttp/link.h"

enum { FRONT_RI_MAX = 256, FRONT_NONCE = 16, FRONT_NONCE_EVERY_MS = 20000 };

/* What a oneM2M request needs for its answer. */
struct front_m2m {
    bool here;
    uint16_t status, rsc; /* when it succeeds */
    uint16_t ri_n;
    char ri[FRONT_RI_MAX];
};

struct front_ask {
    uint64_t id;
    bool used;
    struct http_req *req; /* NULL: the front's own, for a nonce */
    struct front_m2m m2m;
};

struct front {
    struct net_loop *loop;
    struct http_server *http;
    struct link parent, ledger;
    struct msg_end end;
    uint32_t state;
    struct tls_ctx *tls;
    char fqdn[256];
    uint16_t port;
    struct buf auditors; /* one to a line */
    uint8_t nonce[FRONT_NONCE];
    bool has_nonce;
    bool sealed; /* there is no vault: the sentences that say so */
    struct buf sealed_what, sealed_todo;
    uint64_t next_id;
    struct front_ask ask[TTP_ASKS_MAX];
    void *watch[2]; /* uv_poll_t of the links: parent, ledger */
};

/* front.c: answering. Every answer carries Oneseal-Nonce. */
void front_reply(struct front *f, struct http_req *r, int status, const char *media, struct span fields,
                 struct span body);
/* Error JSON of our own: what the front itself refuses. */
void front_error(struct front *f, struct http_req *r, int status, const char *code, const char *what, const char *todo);
/* A line Retry-After when the vault's answer says how long to wait; empty otherwise. */
void front_retry_put(struct buf *fields, const struct msg_ANSWER *m);
/* A free place for a request; NULL (and answered with 503) when there is none. */
struct front_ask *front_take(struct front *f, struct http_req *r);
/* Names of the client certificate, one to a line, into b. */
void front_peer(const struct http_req *r, struct buf *b);
/* Sends an ASK for it. */
void front_ask(struct front *f, struct front_ask *a, enum ttp_kind kind, uint8_t base, struct span body);
/* Writes what waits for the ledger, or asks the loop to tell when it can. */
void front_flush(struct front *f);

/* front_route.c: the handler of the server. */
void front_handle(void *ctx, struct http_req *r);
/* front_m2m.c: paths below /maf and /mef. False: the path is none of these. */
bool front_m2m_handle(struct front *f, struct http_req *r);
void front_m2m_answer(struct front *f, const struct front_ask *a, const struct msg_ANSWER *m);

#endif
