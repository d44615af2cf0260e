#include "net/io.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct net_io *io = h->data;
    if (status < 0) { /* libuv has stopped the poll */
        io->broken = true;
        io->events = 0;
        events = UV_READABLE | UV_WRITABLE;
    }
    io->ready(io, events);
}

enum err io_open(struct net_io *io, struct net_loop *l, int fd, void (*ready)(struct net_io *, int))
{
    io->loop = l;
    io->fd = fd;
    io->ready = ready;
    if (uv_poll_init(&l->uv, &io->poll, fd) != 0) {
        close(fd);
        io->fd = -1;
        return ERR_IO;
    }
    io->poll.data = io;
    io->polled = true;
    return OK;
}

void io_wait(struct net_io *io, int events)
{
    if (io->events == events || !io->polled)
        return;
    io->events = events;
    if (events)
        uv_poll_start(&io->poll, events, on_poll);
    else
        uv_poll_stop(&io->poll);
}

static ssize_t tls_result(struct net_io *io, int r, bool reading)
{
    switch (SSL_get_error(io->ssl, r)) {
    case SSL_ERROR_WANT_READ:
        io->write_wants_read = !reading;
        return IO_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        io->read_wants_write = reading;
        return IO_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return IO_BROKEN;
    }
}

static ssize_t tls_read(struct net_io *io, void *p, size_t n, bool *more)
{
    ERR_clear_error();
    io->read_wants_write = false;
    int r = SSL_read(io->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
    if (r <= 0)
        return tls_result(io, r, true);
    /* What OpenSSL holds already would never wake the poll. */
    *more = SSL_has_pending(io->ssl) == 1 || (size_t)r == n;
    return r;
}

ssize_t io_read(struct net_io *io, void *p, size_t n, bool *more)
{
    *more = false;
    if (io->ssl)
        return tls_read(io, p, n, more);
    ssize_t r;
    do
        r = recv(io->fd, p, n, 0);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? IO_AGAIN : IO_BROKEN;
    *more = (size_t)r == n;
    return r;
}

ssize_t io_write(struct net_io *io, const void *p, size_t n)
{
    if (io->ssl) {
        ERR_clear_error();
        io->write_wants_read = false;
        int r = SSL_write(io->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
        if (r > 0)
            return r;
        ssize_t e = tls_result(io, r, false);
        return e == 0 ? IO_BROKEN : e;
    }
    ssize_t r;
    do
        r = send(io->fd, p, n, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? IO_AGAIN : IO_BROKEN;
    return r;
}

int io_handshake(struct net_io *io)
{
    ERR_clear_error();
    int r = SSL_do_handshake(io->ssl);
    if (r == 1)
        return 1;
    int e = SSL_get_error(io->ssl, r);
    if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
        return IO_BROKEN;
    io_wait(io, e == SSL_ERROR_WANT_READ ? UV_READABLE : UV_WRITABLE);
    return IO_AGAIN;
}

void io_end(struct net_io *io)
{
    if (io->ssl && SSL_is_init_finished(io->ssl)) {
        ERR_clear_error();
        SSL_shutdown(io->ssl);
        ERR_clear_error();
    }
    shutdown(io->fd, SHUT_WR);
}

ssize_t io_discard(struct net_io *io, size_t n)
{
    uint8_t waste[16384];
    ssize_t r = recv(io->fd, waste, n < sizeof waste ? n : sizeof waste, 0);
    if (r < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? IO_AGAIN : IO_BROKEN;
    explicit_bzero(waste, (size_t)r);
    return r;
}

static void on_closed(uv_handle_t *h)
{
    struct net_io *io = h->data;
    io->closed(io);
}

void io_close(struct net_io *io, void (*closed)(struct net_io *))
{
    io->closed = closed;
    SSL_free(io->ssl);
    io->ssl = NULL;
    uv_close((uv_handle_t *)&io->poll, on_closed);
    /* libuv has taken the descriptor out of its epoll set by now. */
    close(io->fd);
    io->fd = -1;
    io->polled = false;
}
