#include "ttp/link.h"

#include "host/heap.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { READ_PIECE = 65536, KEEP_BUFFER = 1 << 20 };

void link_init(struct link *l, int fd, enum msg_room peer)
{
    *l = (struct link){
        .fd = fd, .peer = peer, .in = heap_buf(MSG_FRAME_MAX + READ_PIECE), .out = heap_buf(LINK_QUEUE_MAX)};
}

void link_free(struct link *l)
{
    buf_wipe(&l->in);
    buf_wipe(&l->out);
    heap_buf_free(&l->in);
    heap_buf_free(&l->out);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

static enum err frames(struct link *l, const struct msg_end *end)
{
    for (;;) {
        struct span rest = span_from(buf_span(&l->in), l->in_at);
        size_t n = msg_frame_len(rest);
        if (n > MSG_FRAME_MAX)
            return ERR_LIMIT;
        if (n == 0 || n > rest.n)
            return OK;
        l->in_at += n;
        TRY(msg_receive(end, l->peer, span_first(rest, n)));
    }
}

/* Moves what is left of the last frame to the front; a frame may have carried a secret. */
static void shift(struct link *l)
{
    size_t left = l->in.n - l->in_at;
    if (l->in_at == 0)
        return;
    memmove(l->in.p, l->in.p + l->in_at, left);
    wipe(l->in.p + left, l->in.n - left);
    l->in.n = left;
    l->in_at = 0;
}

enum err link_read(struct link *l, const struct msg_end *end)
{
    uint8_t *room = buf_take(&l->in, READ_PIECE);
    if (!room)
        return l->in.e;
    ssize_t got = read(l->fd, room, READ_PIECE);
    int why = errno;
    l->in.n -= READ_PIECE - (size_t)(got > 0 ? got : 0);
    if (got == 0)
        return ERR_CLOSED;
    if (got < 0)
        return why == EAGAIN || why == EINTR ? OK : why == ECONNRESET ? ERR_CLOSED : ERR_IO;
    enum err e = frames(l, end);
    shift(l);
    return e;
}

enum err link_write(struct link *l)
{
    TRY(l->out.e);
    while (link_pending(l)) {
        ssize_t n = write(l->fd, l->out.p + l->out_at, l->out.n - l->out_at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return OK;
        if (n < 0)
            return errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
        l->out_at += (size_t)n;
    }
    wipe(l->out.p, l->out.n);
    if (l->out.cap > KEEP_BUFFER)
        heap_buf_free(&l->out);
    else
        buf_reset(&l->out);
    l->out_at = 0;
    return OK;
}

enum err link_flush(struct link *l)
{
    for (;;) {
        TRY(link_write(l));
        if (!link_pending(l))
            return OK;
        struct pollfd p = {.fd = l->fd, .events = POLLOUT};
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return ERR_IO;
    }
}
