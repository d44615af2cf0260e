/* http_in.h - inside lib/net: what the HTTP server is made of.
 *
 * A connection owns: its socket, the block it reads into, the message being read (`start` of the block on),
 * the requests that wait for their answer (oldest first), and the answers that wait for the peer. It is freed when its
 * socket is closed and its last request answered, whichever comes later. */
#ifndef NET_HTTP_IN_H
#define NET_HTTP_IN_H

#include "net/chunk.h"
#include "net/head.h"
#include "net/http.h"
#include "net/io.h"
#include "net/peers.h"

enum phase {
    PHASE_HANDSHAKE,
    PHASE_IDLE,  /* nothing of the next request is here */
    PHASE_HEAD,  /* some of its head */
    PHASE_BODY,  /* its head, some of its body */
    PHASE_DEAF,  /* reads no more requests: answers what it has, then ends */
    PHASE_LINGER /* all is said; what the peer still sends is thrown away, so that it gets to read it */
};

enum {
    LINGER_MS = 2000,
    LINGER_MAX = 8 << 20,
    PAUSE_OUTPUT = 256 << 10,
    FILE_PIECE = 65536,
    FILE_PIECES = 8 /* of one turn */
};

/* A body that is read from its file piece by piece, as the peer takes it. */
struct file_body {
    int fd; /* 0: none */
    uint64_t at, n;
    void (*done)(void *ctx);
    void *ctx;
};

struct request {
    struct http_req pub; /* first: the handler has a pointer to it */
    struct conn *conn;
    struct request *next;
    struct net_block *block;              /* what the spans point into */
    struct net_block *held;               /* the finished answer, when older requests have none yet */
    struct file_body file;                /* behind `held`, or behind what is in the connection's `out` */
    bool answered, close, head_only, old; /* old: HTTP/1.0 */
    struct http_field field[HTTP_FIELDS_MAX];
};

struct conn {
    struct net_io io; /* first */
    struct net_dirty dirty;
    struct http_server *server;
    struct conn *next, *prev;
    enum phase phase;
    bool busy;       /* within its own read turn: answers wait for its end */
    bool paused;     /* as many requests or answers in hand as it may have */
    bool closing;    /* socket is closed or being closed */
    bool closed;     /* socket is gone */
    bool cut_short;  /* over a limit of connections: has no place in the counts */
    bool eof;        /* the peer sends no more */
    bool said_close; /* the last answer that may leave is in `out` */
    bool want_continue;
    int64_t deadline; /* of the phase; INT64_MAX: none */
    int64_t write_deadline;
    struct net_block *in;
    size_t start;        /* of the present message */
    size_t body, body_n; /* of the present message: where its body begins in the block, and how much is there */
    struct head head;
    struct chunk chunk;
    struct request *first, *last;
    uint32_t waiting;
    struct net_block *out;
    size_t out_at;         /* octets of `out` that the peer has taken */
    struct file_body file; /* what follows behind `out`; answers behind it wait */
    size_t lingered;
    struct peer_count *count;
    struct tls_peer *peer;
    char from[NET_ADDR_TEXT_MAX];
};

static inline bool conn_has_output(const struct conn *c)
{
    return c->out || c->file.fd > 0;
}

struct http_server {
    struct net_loop *loop;
    struct http_conf conf;
    struct head_limits head_limits;
    struct net_addr addr;
    uv_poll_t listen;
    int fd;
    bool listening, draining, freed;
    struct net_timer *sweep, *retry;
    uint64_t tick_ms;
    struct conn *conns;         /* also those whose socket is closed but which have unanswered requests */
    uint32_t conns_n, shut_out; /* shut_out: connections over a limit that still get their 503 */
    struct request *spare;
    uint32_t spare_n;
    struct peers peers;
    struct http_counts counts;
    int64_t date_s;
    char date[40]; /* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" */
    struct net_timer *grace;
    void (*drained)(void *ctx);
    void *drained_ctx;
};

/* ---- http_conn.c: reading */
/* Takes an accepted descriptor. */
void conn_new(struct http_server *s, int fd, const struct net_addr *from);
void conn_set_deadline(struct conn *c);
void conn_ready(struct net_io *io, int events);
void conn_flush_dirty(struct net_dirty *d);

/* ---- http_out.c: answers and endings */
/* Answers with the refusal, reads no more, ends when it is sent. */
void conn_refuse(struct conn *c, enum http_refusal why);
/* Sends what is ready; ends the connection when that was the last thing to do. */
void conn_flush(struct conn *c);
/* Closes the socket now. Its memory goes in a later turn. */
void conn_close(struct conn *c);
/* Counts a refusal that gets no answer, and closes. */
void conn_cut(struct conn *c, enum http_refusal why);
/* Reads no more requests; ends as soon as those in hand are answered. */
void conn_deafen(struct conn *c);
void conn_poll(struct conn *c);

/* ---- http.c */
struct request *request_new(struct http_server *s);
void request_free(struct http_server *s, struct request *r);
void server_conn_gone(struct http_server *s, struct conn *c);

#endif
