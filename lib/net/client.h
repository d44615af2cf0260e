/* client.h - HTTP client role on a loop: forwarding, notifications, TTP, command line tools.
 *
 * Connections are kept and used again per (address, TLS context, expected name). The address says where
 * to connect, the name says who must be there: with TLS the server's certificate must prove `name`
 * exactly (tls.h), and the name is sent as SNI when it is a DNS name. A request that went out over a kept
 * connection which the server had closed meanwhile is sent once more over a new one, but only when it is
 * safe: not one octet of an answer came, and the call is idempotent by its method or by `may_repeat`. */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "net/http.h"

struct http_client;
struct http_pending; /* a call under way */

struct http_client_conf {
    uint32_t connect_ms;     /* TCP and TLS together; 0: 5000 */
    uint32_t response_ms;    /* from sending to the end of the answer; 0: 10000 */
    uint32_t idle_ms;        /* how long an unused connection is kept; 0: 30000 */
    uint32_t head_max;       /* octets of the answer's head; 0: 16384 */
    uint32_t body_max;       /* octets of the answer's body; 0: 4 MiB */
    uint32_t per_target_max; /* connections to one target at once; more calls wait in line; 0: 16 */
    uint32_t waiting_max;    /* calls in line, all targets; further ones end in ERR_LIMIT; 0: 10000 */
    bool wipe;               /* overwrite buffers when they are given back */
};

/* An answer, or why there is none. Valid during the callback only. */
struct http_result {
    enum err e;      /* OK: an answer came. UNREACHABLE TIMEOUT TLS CLOSED SYNTAX LIMIT NOMEM NOTNOW (cancelled) */
    const char *why; /* e != OK: a sentence that names the address and the cause; else "" */
    int status;      /* as received, 200 to 599 */
    struct span body;
    const struct http_field *field;
    uint16_t fields;
    const struct tls_peer *peer; /* the server's certificate; NULL without TLS */
    bool sent;                   /* the request may have reached the server: it may have been carried out */
};
struct span http_result_field(const struct http_result *r, struct span name);

struct http_call {
    struct span address; /* "127.0.0.1:8443", "[::1]:80", "host:port": where to connect */
    struct tls_ctx *tls; /* NULL: clear text. Kept as one more owner while connections use it */
    struct span name;    /* TLS: who must be there: a DNS name or "//sp/ae-stem". Empty: the host of `address` */
    struct span host;    /* the Host field; empty: `address` */
    struct span method, target;
    struct span fields; /* complete lines with CRLF; Host, Content-Length, Connection are written by the client */
    struct span body;
    bool may_repeat;      /* carrying it out twice does no harm */
    uint32_t response_ms; /* 0: that of the client */
    void (*done)(void *ctx, const struct http_result *r);
    void *ctx;
};

/* ERR_NOMEM. */
MUST_USE enum err http_client_new(struct net_loop *l, const struct http_client_conf *c, struct http_client **out);
/* Ends calls under way with ERR_NOTNOW, closes connections. NULL is fine. */
void http_client_free(struct http_client *c);
/* Starts a call; everything in it is copied. `done` is called exactly once, on the loop, never from
 * within this function. *out (may be NULL) is good for http_call_cancel until then. */
void http_call_start(struct http_client *c, const struct http_call *call, struct http_pending **out);
/* done is called with ERR_NOTNOW before this returns. */
void http_call_cancel(struct http_pending *p);

/* For tools: starts the call, runs the loop until it is done, and copies the answer. `done` and `ctx` of the
 * call are not used. Not from within a callback of the loop. */
struct http_reply_copy {
    int status;
    struct buf body;   /* growing; free with http_reply_copy_free */
    struct buf fields; /* "name: value\n" lines, names in lower case */
    struct buf why;    /* the sentence when the call failed */
    struct tls_peer peer;
    bool has_peer, sent;
};
MUST_USE enum err http_call_wait(struct http_client *c, const struct http_call *call, struct http_reply_copy *out);
/* The value of a field in the copy; p == NULL when there is none. `name` in lower case. */
struct span http_reply_copy_field(const struct http_reply_copy *r, struct span name);
void http_reply_copy_free(struct http_reply_copy *r);

/* The parts of a URL "https://host:port/path?query". */
struct http_url {
    bool tls;
    struct span address; /* host:port with the port always there; points into `text` or into the url itself */
    struct span host;    /* without brackets and port */
    uint16_t port;
    struct span target; /* path and query, "/" when there is none; a fragment is refused */
    char text[300];     /* where address stands when the url had no port */
};
/* ERR_SYNTAX, ERR_UNSUPPORTED (scheme other than http, https), ERR_RANGE (port), ERR_LIMIT (host too long). */
MUST_USE enum err http_url_parse(struct span url, struct http_url *out);

#endif
