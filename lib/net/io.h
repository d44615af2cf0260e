/* io.h - inside lib/net: one non-blocking socket on a loop, clear or TLS. */
#ifndef NET_IO_H
#define NET_IO_H

#include "net/loop_in.h"
#include "net/tls_in.h"

enum { IO_AGAIN = -1, IO_BROKEN = -2 };

struct net_io {
    uv_poll_t poll;
    struct net_loop *loop;
    SSL *ssl; /* NULL: clear */
    int fd;
    int events;                              /* what the poll waits for now */
    bool read_wants_write, write_wants_read; /* TLS may need the other direction */
    bool polled;                             /* poll is initialised */
    bool broken;                             /* the socket has an error: a reset by the peer */
    void (*ready)(struct net_io *io, int events);
    void (*closed)(struct net_io *io);
};

/* Takes the descriptor, which is non-blocking. ERR_IO; the descriptor is closed then. */
MUST_USE enum err io_open(struct net_io *io, struct net_loop *l, int fd, void (*ready)(struct net_io *, int));
/* Waits for UV_READABLE | UV_WRITABLE, or nothing with 0. */
void io_wait(struct net_io *io, int events);
/* Octets read into p; 0: the peer has ended; IO_AGAIN; IO_BROKEN. *more: there may be more at once. */
ssize_t io_read(struct net_io *io, void *p, size_t n, bool *more);
/* Octets written; IO_AGAIN; IO_BROKEN. */
ssize_t io_write(struct net_io *io, const void *p, size_t n);
/* 1: done, IO_AGAIN (waiting is arranged), IO_BROKEN. */
int io_handshake(struct net_io *io);
/* Tells the peer that nothing more comes. */
void io_end(struct net_io *io);
/* Reads and forgets what the peer still sends, at most n octets, without TLS. Returns as io_read. */
ssize_t io_discard(struct net_io *io, size_t n);
/* Closes; closed(io) comes with a later turn. Once. */
void io_close(struct net_io *io, void (*closed)(struct net_io *));

#endif
