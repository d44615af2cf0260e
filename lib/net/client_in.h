/* client_in.h - inside lib/net: what the HTTP client is made of.
 *
 * A call (http_pending) waits in the line of its target until a link is free, then belongs to that link
 * until it ends. A link is one connection and carries one call at a time. Calls end through
 * client_end_later when they fail, so that `done` never runs inside the caller's own call. */
#ifndef NET_CLIENT_IN_H
#define NET_CLIENT_IN_H

#include "net/chunk.h"
#include "net/client.h"
#include "net/head.h"
#include "net/io.h"

enum link_phase { LINK_RESOLVE, LINK_CONNECT, LINK_HANDSHAKE, LINK_IDLE, LINK_BUSY };
enum { CLIENT_TICK_MS = 50, CLIENT_IDLE_TICK_MS = 1000, CLIENT_WHY_MAX = 512 };

struct http_pending {
    struct http_client *client;
    struct target *target;
    struct http_pending *next, *prev; /* in the target's line, or in the client's list of ended calls */
    struct link *link;
    void (*done)(void *ctx, const struct http_result *r);
    void *ctx;
    int64_t deadline;
    uint32_t response_ms;
    bool may_repeat, head_only, repeated, sent, ended;
    enum err e;
    char why[CLIENT_WHY_MAX];
    size_t n; /* octets of the request that follow */
    uint8_t request[];
};

struct target {
    struct target *next;
    struct http_client *client;
    struct tls_ctx *tls;
    struct link *links;
    uint32_t links_n;
    struct http_pending *first, *last; /* the line */
    struct tls_expect expect;          /* only its name: each link has its own copy */
    char *address, *name;
    unsigned nth; /* which of the addresses of its name is tried */
};

struct link {
    struct net_io io; /* first */
    struct target *target;
    struct http_client *client;
    struct link *next;
    uv_getaddrinfo_t *lookup;
    struct net_addr addr;
    bool more; /* the name has addresses behind this one */
    struct tls_expect expect;
    enum link_phase phase;
    bool closing, opened;
    int64_t deadline; /* connecting, or idle */
    uint32_t calls;   /* that it carried to their end */
    struct http_pending *call;
    size_t sent;
    struct net_block *in;
    bool got_any, head_done;
    struct head head;
    struct chunk chunk;
    size_t body, body_n;
    struct tls_peer *peer;
};

struct http_client {
    struct net_loop *loop;
    struct http_client_conf conf;
    struct head_limits limits;
    struct target *targets;
    struct http_pending *ended;
    uint32_t calls, links;
    struct net_dirty dirty;
    struct net_timer *tick;
    uint64_t tick_ms;
    bool freed, in_dirty;
};

/* ---- client.c */
/* The call has failed; `done` follows at the end of the turn. */
void client_end_later(struct http_pending *p, enum err e, const char *why);
/* Out of its line, if it stands in one. */
void client_unline(struct http_pending *p);
/* To the front of its target's line again, for a fresh link. */
void client_again(struct http_pending *p);
/* Gives waiting calls to links, and opens links for them. */
void client_pump(struct target *t);
void client_link_gone(struct link *k);
void client_forget(struct http_pending *p);

/* ---- client_link.c */
/* Begins to connect. Failures come back through link_fail in a later turn or at once. */
void link_open(struct target *t);
/* Idle and, as far as one can see, alive? Closes it when not. */
bool link_usable(struct link *k);
void link_start(struct link *k, struct http_pending *p);
/* Closes; its call, if any, is not touched. */
void link_close(struct link *k);
/* Closes, and ends its call or, while connecting, the first one in the line. */
void link_fail(struct link *k, enum err e, const char *why);

#endif
