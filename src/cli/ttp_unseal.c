/* ttp_unseal.c - `oneseal ttp unseal`: the secret goes from the terminal, a file or standard input into the pipe of the
 * unsealer, whose end oneseal-ttp passes over its admin socket; oneseal-ttp itself never sees it. */
#include "cli/ttp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "cli/verbs.h"
#include "host/heap.h"
#include "host/secret.h"

enum { SECRET_MAX = 4000, LINE_MAX_ = 1 << 16, WAIT_MS = 60000 };

/* ---- the secret -------------------------------------------------------------------------------------------------- */

static bool read_line(int fd, uint8_t *p, size_t *n)
{
    ssize_t got = 1;
    *n = 0;
    while (*n < SECRET_MAX && (got = read(fd, p + *n, 1)) == 1 && p[*n] != '\n')
        ++*n;
    return got >= 0;
}

static bool read_terminal(const char *want, uint8_t *p, size_t *n)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios was, quiet;
    if (fd < 0 || tcgetattr(fd, &was) != 0) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    quiet = was;
    quiet.c_lflag &= (tcflag_t) ~(tcflag_t)ECHO;
    dprintf(fd, "%s: ", want);
    tcsetattr(fd, TCSAFLUSH, &quiet);
    bool good = read_line(fd, p, n);
    tcsetattr(fd, TCSAFLUSH, &was);
    dprintf(fd, "\n");
    close(fd);
    return good;
}

enum status ttp_secret(struct cli *c, const char *want, uint8_t *p, size_t *n)
{
    const char *path = cli_opt(c, "secret-file");
    bool good = false;
    if (path) {
        int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
        good = fd >= 0 && read_line(fd, p, n);
        if (fd > STDIN_FILENO)
            close(fd);
        if (!good)
            return cli_fail_file(c, ERR_IO, "the secret", path);
    } else {
        good = read_terminal(want, p, n);
        if (!good)
            return CLI_FAIL(c, ST_USAGE, .what = "there is no terminal to ask on", .who = "this program",
                            .todo = "--secret-file FILE, or - for standard input");
    }
    if (*n > 0 && *n < SECRET_MAX)
        return ST_DONE;
    return CLI_FAIL(c, ST_USAGE, .what = "nothing was given, or more than 3999 octets", .who = "this program",
                    .kind = "secret", .object = want, .todo = "one line");
}

/* As one piece of at most PIPE_BUF octets with its line feed, so that two operators do not mix theirs. */
static enum status write_secret(struct cli *c, const char *want, int end)
{
    size_t n = 0;
    uint8_t *p = secret_alloc(SECRET_MAX + 1);
    if (!p)
        return cli_fail_file(c, ERR_NOMEM, "locked memory", "RLIMIT_MEMLOCK");
    enum status st = ttp_secret(c, want, p, &n);
    if (st == ST_DONE) {
        p[n] = '\n';
        if (write(end, p, n + 1) != (ssize_t)n + 1)
            st = CLI_FAIL(c, ST_FAILED, .what = "the unsealer has gone", .who = "oneseal-ttp", .todo = "unseal again");
    }
    secret_free(p);
    return st;
}

/* ---- the socket -------------------------------------------------------------------------------------------------- */

static int connect_to(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* One line; *end gets a descriptor that came with it. */
static bool hear(int fd, struct buf *line, int *end)
{
    union {
        struct cmsghdr head;
        uint8_t room[CMSG_SPACE(sizeof(int))];
    } u;
    char piece[4096];
    buf_reset(line);
    for (;;) {
        struct iovec v = {.iov_base = piece, .iov_len = sizeof piece};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = u.room, .msg_controllen = sizeof u.room};
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, WAIT_MS) <= 0)
            return false;
        ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
        if (n <= 0)
            return false;
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
            if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
                memcpy(end, CMSG_DATA(h), sizeof *end);
        buf_put(line, span_of(piece, (size_t)n));
        if (line->e != OK || piece[n - 1] == '\n')
            return line->e == OK;
    }
}

static const char *wanted(struct cli *c, struct span line)
{
    struct jval *doc;
    struct span want = SPAN_NONE;
    if (json_parse(arena_dup(&c->app.mem, line), &c->app.mem, &doc, NULL) != OK ||
        json_str(JSON_GET(JSON_GET(doc, "answer"), "want"), &c->app.mem, &want) != OK)
        return "secret";
    return cli_fmt(c, "%.*s", SPAN_FMT(want));
}

static enum status talk(struct cli *c, int fd, struct buf *line)
{
    int end = -1;
    enum status st = ST_DONE;
    bool good = write(fd, "unseal\n", 7) == 7 && hear(fd, line, &end);
    if (good && end >= 0) {
        st = write_secret(c, wanted(c, buf_span(line)), end);
        close(end);
        good = st != ST_DONE || hear(fd, line, &end);
    }
    if (!good)
        return CLI_FAIL(c, ST_FAILED, .what = "oneseal-ttp has hung up", .who = "this program",
                        .todo = "look into its log; it takes commands of its own user and of root");
    return st;
}

enum status ttp_unseal(struct cli *c)
{
    char path[64];
    int folder;
    enum status st = ttp_socket(c, path, &folder);
    if (st != ST_DONE || c->dry_run)
        return st;
    int fd = connect_to(path);
    close(folder);
    if (fd < 0)
        return CLI_FAIL(c, ST_UNREACHABLE, .what = "no oneseal-ttp listens at this state folder", .who = "this program",
                        .kind = "socket", .object = "admin.sock", .todo = "start it: oneseal-ttp -c FILE");
    struct buf line = heap_buf(LINE_MAX_);
    struct jval *answer = NULL;
    st = talk(c, fd, &line);
    close(fd);
    if (st == ST_DONE)
        st = ttp_taken(c, buf_span(&line), "unseal", &answer);
    heap_buf_free(&line);
    return st == ST_DONE ? ttp_print(c, answer) : st;
}
