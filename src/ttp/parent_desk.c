/* The admin socket: connections, lines in, lines out. */
#include "base/code.h"
#include "host/heap.h"
#include "ttp/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* By way of the folder's descriptor: a socket's path has at most 107 octets, a state folder's may have more. */
static void address(int folder, struct sockaddr_un *a)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d/admin.sock", folder);
}

static bool is_alive(const struct sockaddr_un *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) == 0;
    if (fd >= 0)
        close(fd);
    return alive;
}

static enum err bind_there(struct parent *p, int folder)
{
    struct sockaddr_un a;
    struct stat st;
    address(folder, &a);
    if (fstatat(folder, "admin.sock", &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (!S_ISSOCK(st.st_mode) || is_alive(&a))
            return ERR_EXISTS;
        unlinkat(folder, "admin.sock", 0);
    }
    p->desk.listen = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t before = umask(0177); /* never open to others, not even for a moment */
    bool good = p->desk.listen >= 0 && bind(p->desk.listen, (const struct sockaddr *)&a, sizeof a) == 0 &&
                listen(p->desk.listen, DESK_CALLS) == 0;
    umask(before);
    return good ? OK : ERR_IO;
}

enum err parent_desk_open(struct parent *p, struct buf *why)
{
    int folder = open(p->state, O_PATH | O_DIRECTORY | O_CLOEXEC);
    enum err e = folder >= 0 ? bind_there(p, folder) : ERR_IO;
    if (folder >= 0)
        close(folder);
    if (e != OK) {
        conf_where(p->conf, "ttp", "state", why);
        buf_str(why, e == ERR_EXISTS ? "another oneseal-ttp serves this state folder: admin.sock answers\n"
                                     : "admin.sock cannot be made there\n");
    }
    return e;
}

static void hang_up(struct parent_call *c)
{
    if (c->fd < 0)
        return;
    close(c->fd);
    heap_buf_free(&c->out);
    *c = (struct parent_call){.fd = -1};
}

void parent_desk_close(struct parent *p)
{
    char path[4200];
    if (p->desk.listen < 0)
        return;
    for (size_t i = 0; i < DESK_CALLS; i++)
        hang_up(&p->desk.call[i]);
    close(p->desk.listen);
    p->desk.listen = -1;
    unlink(parent_path(p, "admin.sock", path));
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

static bool may_ask(int fd)
{
    struct ucred who;
    socklen_t n = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && (who.uid == geteuid() || who.uid == 0);
}

static void take_call(struct parent *p)
{
    int fd = accept4(p->desk.listen, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (size_t i = 0; i < DESK_CALLS && may_ask(fd); i++)
        if (p->desk.call[i].fd < 0) {
            p->desk.call[i] = (struct parent_call){.fd = fd, .out = heap_buf(DESK_OUT_MAX)};
            return;
        }
    close(fd); /* somebody else, or one too many */
}

void parent_desk_push(struct parent_call *c)
{
    while (c->fd >= 0 && c->out_at < c->out.n) {
        ssize_t n = write(c->fd, c->out.p + c->out_at, c->out.n - c->out_at);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            hang_up(c);
            return;
        }
        c->out_at += (size_t)n;
    }
    if (c->fd >= 0 && c->out.e != OK) { /* longer than an answer may be */
        hang_up(c);
        return;
    }
    buf_reset(&c->out);
    c->out_at = 0;
}

/* One command at a time; what comes behind it is the next. */
static void next_line(struct parent *p, struct parent_call *c)
{
    while (c->fd >= 0 && !c->waiting && c->out.n == 0) {
        size_t end = span_find(span_of(c->line, c->n), '\n'), rest = c->n - end;
        char line[DESK_LINE];
        if (end == c->n) {
            if (c->n == sizeof c->line)
                hang_up(c);
            return;
        }
        memcpy(line, c->line, end);
        memmove(c->line, c->line + end + 1, rest - 1);
        c->n = rest - 1;
        parent_command(p, c, span_of(line, end));
        parent_desk_push(c);
    }
}

static void hear(struct parent *p, struct parent_call *c)
{
    ssize_t n = read(c->fd, c->line + c->n, sizeof c->line - c->n);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        hang_up(c);
        return;
    }
    c->n += (size_t)n;
    next_line(p, c);
}

void parent_desk_fds(struct parent *p, struct pollfd f[DESK_FDS])
{
    f[0] = (struct pollfd){.fd = p->desk.listen, .events = POLLIN};
    for (size_t i = 0; i < DESK_CALLS; i++) {
        const struct parent_call *c = &p->desk.call[i];
        short in = c->waiting || c->n == sizeof c->line ? 0 : POLLIN;
        f[1 + i] = (struct pollfd){.fd = c->fd, .events = c->out.n > 0 ? POLLOUT : in};
    }
}

void parent_desk_turn(struct parent *p, const struct pollfd f[DESK_FDS])
{
    for (size_t i = 0; i < DESK_CALLS; i++) {
        struct parent_call *c = &p->desk.call[i];
        if (c->fd < 0 || c->fd != f[1 + i].fd || f[1 + i].revents == 0)
            continue;
        if (c->out.n > 0)
            parent_desk_push(c);
        else if (c->waiting)
            hang_up(c); /* whoever asked has gone */
        else
            hear(p, c);
        next_line(p, c);
    }
    if (f[0].fd >= 0 && f[0].revents)
        take_call(p);
}

struct parent_call *parent_desk_find(struct parent *p, uint64_t id)
{
    for (size_t i = 0; i < DESK_CALLS; i++)
        if (p->desk.call[i].fd >= 0 && p->desk.call[i].waiting && p->desk.call[i].id == id)
            return &p->desk.call[i];
    return NULL;
}

void parent_desk_done(struct parent *p, uint64_t id, uint16_t status, struct span json)
{
    struct parent_call *c = parent_desk_find(p, id);
    if (!c)
        return;
    parent_answer(c, status, json);
    parent_desk_push(c);
}

void parent_desk_give(struct parent_call *c, int fd, struct span line)
{
    union {
        struct cmsghdr head;
        uint8_t room[CMSG_SPACE(sizeof(int))];
    } u = {0};
    struct iovec v = {.iov_base = (void *)(uintptr_t)line.p, .iov_len = line.n};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = u.room, .msg_controllen = sizeof u.room};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &fd, sizeof fd);
    if (sendmsg(c->fd, &m, MSG_NOSIGNAL) != (ssize_t)line.n)
        hang_up(c);
}

void parent_desk_lost(struct parent *p)
{
    for (size_t i = 0; i < DESK_CALLS; i++) {
        struct parent_call *c = &p->desk.call[i];
        if (c->fd < 0 || !c->waiting || c->stays)
            continue;
        parent_refuse(p, c, 503, "ttp-unreachable", "the rooms were started again while this was under way",
                      "see oneseal ttp status whether it happened");
        parent_desk_push(c);
    }
}
