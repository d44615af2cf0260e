/* http.h - HTTP/1.1 server (RFC 9110, RFC 9112) on one loop, clear or TLS.
 *
 * Keep-alive and pipelining; requests of one connection are handed to the handler as they are read and
 * their answers leave in the order of the requests, whenever and in whatever order they are given.
 * Framing is strict: what two readers could understand differently is refused and the connection closed
 * (lib/net/http_refusals.def lists every refusal with its status and sentence, and each is counted).
 * One server serves one loop; with several loops each opens its own listener on the same address
 * (SO_REUSEPORT) and has its own limits and counters. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "net/loop.h"
#include "net/tls.h"

struct http_server;

enum { HTTP_FIELDS_MAX = 64 };

/* Every refusal of the server, a row each. */
enum http_refusal {
#define REFUSE(name, status, limit, text) HTTP_REFUSE_##name,
#include "net/http_refusals.def"
#undef REFUSE
    HTTP_REFUSE__N
};
const char *http_refusal_name(enum http_refusal r);
int http_refusal_status(enum http_refusal r);
/* Writes the sentence that the client gets, with the limit's name and value where one was reached. */
void http_refusal_text(enum http_refusal r, const struct http_server *s, struct buf *out);

struct http_limits {
#define LIMIT(name, def, least, most, unit, prose) uint32_t name;
#include "net/http_limits.def"
#undef LIMIT
};
/* The defaults of the rows. */
struct http_limits http_limits_default(void);

struct http_counts {
    uint64_t requests, answers, accepted, closed, octets_in, octets_out, handshakes, handshakes_failed;
    uint64_t refused[HTTP_REFUSE__N];
    uint32_t open; /* connections now */
};

struct http_field {
    struct span name, value; /* as received; the value without white space around it */
};

/* One request. Valid until it is answered; every span points into the connection's buffer and lives as
 * long. The body is complete and without chunk framing. */
struct http_req {
    struct span method, target; /* target in origin-form: begins with '/', printable ASCII, '%' well-formed */
    struct span path, query;    /* the target before and behind its first '?'; still percent-encoded */
    struct span body;
    struct http_field *field;
    uint16_t fields;
    bool has_query; /* "/a?" has an empty query, "/a" has none */
    bool tls;
    const struct tls_peer *peer; /* the verified client certificate; NULL: none */
    void *user;                  /* the handler's own */
};

/* The value of the field, compared without regard to letter case. `name` in lower case. With several fields of that
 * name the first one. p == NULL when there is none. */
struct span http_req_field(const struct http_req *r, struct span name);
#define HTTP_FIELD(r, lit) http_req_field((r), SPAN(lit))
/* How many fields have that name. */
unsigned http_req_count(const struct http_req *r, struct span name);
/* True when the peer has closed its end: most likely an answer reaches nobody. It must be given all the same. */
bool http_req_gone(const struct http_req *r);
/* The address of the peer as text. */
const char *http_req_from(const struct http_req *r);
/* The loop to answer on. */
struct net_loop *http_req_loop(const struct http_req *r);

struct http_answer {
    int status;         /* 100 to 599, but not 1xx */
    struct span fields; /* complete lines, each with CRLF: made once, used often. Without Content-Length, Date,
                           Connection, Transfer-Encoding: the server writes those */
    struct span body;
    bool close; /* close the connection behind this answer */
    /* A body that is not held in memory: file_n octets from the beginning of this file take the place of `body`. It is
     * read as the peer takes it; file_done(file_ctx) is called once, when it is not needed any more, also when the
     * peer went away. 0: none. */
    int file;
    uint64_t file_n;
    void (*file_done)(void *ctx);
    void *file_ctx;
};
/* Answers and ends the request: exactly once for each, on its loop, from within the handler or later.
 * Everything but a file is copied before it returns. The request and its spans are gone afterwards. */
void http_reply(struct http_req *r, const struct http_answer *a);

struct http_conf {
    struct net_addr addr; /* port 0: the kernel chooses */
    int fd;               /* > 0: a socket that is bound and listens already, taken over; `addr` is not used */
    struct tls_ctx *tls;  /* NULL: clear text */
    struct http_limits limits;
    bool reuse_port; /* several loops listen on one address */
    bool wipe;       /* overwrite buffers that held requests and answers when they are given back */
    void (*handle)(void *ctx, struct http_req *r);
    void *ctx;
    /* What a refused request is answered with; NULL: {"m2m:dbg":"..."} as application/json. Writes complete
     * field lines to `fields` and the body to `body`. The sentence never holds octets of the request. */
    void (*refuse)(void *ctx, int status, const char *sentence, struct buf *fields, struct buf *body);
};

/* Listens. ERR_IO with a sentence in `why` (may be NULL): address in use, not permitted ...; ERR_NOMEM.
 * The context is taken over as one more owner. */
MUST_USE enum err http_server_new(struct net_loop *l, const struct http_conf *c, struct http_server **out,
                                  struct buf *why);
/* Where it really listens. */
struct net_addr http_server_addr(const struct http_server *s);
const struct http_counts *http_server_counts(const struct http_server *s);
/* New connections use this context from now on (renewed certificate). Takes one more ownership of it. */
void http_server_tls(struct http_server *s, struct tls_ctx *tls);
/* Stops to listen; requests in hand are answered, then connections close; those still open after
 * `grace_ms` are cut. Calls done(ctx) once nothing is open. */
void http_server_drain(struct http_server *s, uint64_t grace_ms, void (*done)(void *ctx), void *ctx);
/* Closes everything at once. Requests not answered yet must still be answered (to nobody) before
 * net_loop_free. NULL is fine. */
void http_server_free(struct http_server *s);

#endif
