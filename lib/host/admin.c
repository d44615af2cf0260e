#include "host/admin.h"

#include "host/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

struct admin_conn {
    uv_poll_t poll; /* first */
    struct admin *owner;
    struct admin_conn *next;
    int fd;
    size_t n;
    struct buf out;
    size_t out_at;
    bool answering;
    char line[ADMIN_LINE_MAX];
};

struct admin {
    uv_poll_t poll; /* first */
    uv_loop_t *loop;
    admin_handler *handle;
    void *ctx;
    struct admin_conn *conns;
    unsigned conns_n;
    int fd;
    bool closed, handle_gone;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
};

static enum err address(const char *path, struct sockaddr_un *a)
{
    size_t n = strlen(path);
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n == 0 || n >= sizeof a->sun_path)
        return ERR_LIMIT;
    memcpy(a->sun_path, path, n);
    return OK;
}

/* ---- one connection */

static void maybe_free(struct admin *a)
{
    if (a->closed && a->handle_gone && !a->conns)
        free(a);
}

static void on_conn_closed(uv_handle_t *h)
{
    struct admin_conn *c = (struct admin_conn *)h;
    struct admin *a = c->owner;
    struct admin_conn **at = &a->conns;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    a->conns_n--;
    heap_buf_free(&c->out);
    free(c);
    maybe_free(a);
}

static void conn_close(struct admin_conn *c)
{
    if (uv_is_closing((uv_handle_t *)&c->poll))
        return;
    uv_close((uv_handle_t *)&c->poll, on_conn_closed);
    close(c->fd);
}

static void on_conn(uv_poll_t *h, int status, int events);

static void conn_write(struct admin_conn *c)
{
    while (c->out_at < c->out.n) {
        ssize_t n = send(c->fd, c->out.p + c->out_at, c->out.n - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            uv_poll_start(&c->poll, UV_WRITABLE, on_conn);
            return;
        }
        if (n < 0) {
            conn_close(c);
            return;
        }
        c->out_at += (size_t)n;
    }
    buf_reset(&c->out);
    c->out_at = 0;
    c->answering = false;
    uv_poll_start(&c->poll, UV_READABLE, on_conn);
}

static void put_error(struct buf *out, const char *what)
{
    buf_reset(out);
    buf_str(out, "{\"error\":\"");
    buf_str(out, what);
    buf_str(out, "\"}");
}

static void answer(struct admin_conn *c, struct span line)
{
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    struct span rest = line;
    struct span verb = span_cut(&rest, ' ');
    c->owner->handle(c->owner->ctx, verb, rest, &c->out);
    if (c->out.e != OK || c->out.n == 0)
        put_error(&c->out, c->out.e != OK ? err_text(c->out.e) : "no such request");
    buf_c(&c->out, '\n');
    c->answering = true;
    conn_write(c);
}

static void conn_read(struct admin_conn *c)
{
    ssize_t n = recv(c->fd, c->line + c->n, sizeof c->line - c->n, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        conn_close(c);
        return;
    }
    c->n += (size_t)n;
    size_t end = span_find(span_of(c->line, c->n), '\n');
    if (end < c->n) {
        size_t rest = c->n - end - 1;
        answer(c, span_of(c->line, end));
        memmove(c->line, c->line + end + 1, rest); /* a client asks one thing at a time; the rest is its next */
        c->n = rest;
    } else if (c->n == sizeof c->line) {
        conn_close(c);
    }
}

static void on_conn(uv_poll_t *h, int status, int events)
{
    struct admin_conn *c = (struct admin_conn *)h;
    if (status < 0)
        conn_close(c);
    else if (c->answering && (events & UV_WRITABLE))
        conn_write(c);
    else if (!c->answering && (events & UV_READABLE))
        conn_read(c);
}

/* ---- the listener */

static bool may_ask(int fd)
{
    struct ucred who;
    socklen_t n = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && (who.uid == geteuid() || who.uid == 0);
}

static void turn_away(int fd, const char *json)
{
    if (send(fd, json, strlen(json), MSG_NOSIGNAL) < 0) {
        /* who may not ask needs no answer either */
    }
    close(fd);
}

static void on_accept(uv_poll_t *h, int status, int events)
{
    (void)status, (void)events;
    struct admin *a = (struct admin *)h;
    int fd = accept4(a->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (!may_ask(fd)) {
        turn_away(fd, "{\"error\":\"only the daemon's own user and root may ask here\"}\n");
        return;
    }
    struct admin_conn *c = a->conns_n < ADMIN_CONNECTIONS_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c || uv_poll_init(a->loop, &c->poll, fd) != 0) {
        turn_away(fd, "{\"error\":\"too many connections to the admin socket\"}\n");
        free(c);
        return;
    }
    c->owner = a;
    c->fd = fd;
    c->out = heap_buf(ADMIN_ANSWER_MAX);
    c->next = a->conns;
    a->conns = c;
    a->conns_n++;
    uv_poll_start(&c->poll, UV_READABLE, on_conn);
}

/* A socket file nobody listens on is left from a daemon that was killed. */
static bool is_alive(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0;
    if (fd >= 0)
        close(fd);
    return alive;
}

static enum err open_socket(const struct sockaddr_un *addr, int *fd)
{
    struct stat st;
    if (lstat(addr->sun_path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode) || is_alive(addr))
            return ERR_EXISTS;
        unlink(addr->sun_path);
    }
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return ERR_IO;
    mode_t before = umask(0177); /* never open to others, not even for a moment */
    int r = bind(*fd, (const struct sockaddr *)addr, sizeof *addr);
    int saved = errno;
    umask(before);
    errno = saved;
    if (r == 0 && listen(*fd, ADMIN_CONNECTIONS_MAX) == 0)
        return OK;
    saved = errno;
    close(*fd);
    errno = saved;
    return ERR_IO;
}

enum err admin_open(uv_loop_t *loop, const char *path, admin_handler *handle, void *ctx, struct admin **out,
                    struct buf *why)
{
    struct sockaddr_un addr;
    int fd = -1;
    *out = NULL;
    enum err e = address(path, &addr);
    if (e == OK)
        e = open_socket(&addr, &fd);
    if (e != OK) {
        if (why) {
            buf_str(why, path);
            buf_str(why, ": ");
            buf_str(why, e == ERR_EXISTS  ? "in use by another process, or no socket"
                         : e == ERR_LIMIT ? "the path of a socket is limited to 107 octets"
                                          : strerror(errno));
        }
        return e;
    }
    struct admin *a = calloc(1, sizeof *a);
    if (!a || uv_poll_init(loop, &a->poll, fd) != 0) {
        free(a);
        close(fd);
        return ERR_NOMEM;
    }
    a->loop = loop;
    a->handle = handle;
    a->ctx = ctx;
    a->fd = fd;
    memcpy(a->path, addr.sun_path, sizeof a->path);
    uv_poll_start(&a->poll, UV_READABLE, on_accept);
    *out = a;
    return OK;
}

static void on_listener_closed(uv_handle_t *h)
{
    struct admin *a = (struct admin *)h;
    a->handle_gone = true;
    maybe_free(a);
}

void admin_close(struct admin *a)
{
    if (!a)
        return;
    unlink(a->path);
    a->closed = true;
    for (struct admin_conn *c = a->conns; c; c = c->next)
        conn_close(c);
    uv_close((uv_handle_t *)&a->poll, on_listener_closed);
    close(a->fd);
}

/* ---- asking */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum err read_answer(int fd, int64_t end, struct buf *out)
{
    char piece[4096];
    for (;;) {
        int64_t left = end - now_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&p, 1, (int)(left < 60000 ? left : 60000)) == 0)
            return ERR_TIMEOUT;
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? ERR_CLOSED : ERR_IO;
        struct span got = span_of(piece, (size_t)n);
        size_t lf = span_find(got, '\n');
        buf_put(out, span_first(got, lf));
        if (out->e != OK)
            return out->e;
        if (lf < got.n)
            return OK;
    }
}

enum err admin_ask(const char *path, struct span line, unsigned timeout_ms, struct buf *out)
{
    struct sockaddr_un addr;
    TRY(address(path, &addr));
    if (line.n >= ADMIN_LINE_MAX || span_find(line, '\n') < line.n)
        return ERR_LIMIT;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    enum err e = OK;
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        e = errno == EACCES || errno == EPERM ? ERR_AUTH : ERR_UNREACHABLE;
    char text[ADMIN_LINE_MAX + 1];
    memcpy(text, line.p ? (const char *)line.p : "", line.n);
    text[line.n] = '\n';
    if (e == OK && send(fd, text, line.n + 1, MSG_NOSIGNAL) != (ssize_t)line.n + 1)
        e = ERR_IO;
    if (e == OK)
        e = read_answer(fd, now_ms() + timeout_ms, out);
    close(fd);
    return e;
}
