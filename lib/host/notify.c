#include "host/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int kept = -1;

/* *n = 0: nobody wants to hear. */
static enum err manager(struct sockaddr_un *a, socklen_t *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    *n = 0;
    if (!path || !path[0])
        return OK;
    size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || len >= sizeof a->sun_path)
        return ERR_SYNTAX;
    memcpy(a->sun_path, path, len);
    if (path[0] == '@')
        a->sun_path[0] = 0; /* abstract */
    *n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return OK;
}

enum err notify_open(void)
{
    struct sockaddr_un a;
    socklen_t n;
    TRY(manager(&a, &n));
    if (n == 0 || kept >= 0)
        return OK;
    kept = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return kept < 0 ? ERR_IO : OK;
}

enum err notify_send(const char *text)
{
    struct sockaddr_un a;
    socklen_t n;
    TRY(manager(&a, &n));
    if (n == 0)
        return OK;
    int fd = kept >= 0 ? kept : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    ssize_t done = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&a, n);
    if (fd != kept)
        close(fd);
    return done == (ssize_t)strlen(text) ? OK : ERR_IO;
}

int64_t notify_watchdog_ms(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t n, who;
    if (!us || span_u64(span_str(us), INT64_MAX, &n) != OK)
        return 0;
    if (pid && (span_u64(span_str(pid), INT32_MAX, &who) != OK || who != (uint64_t)getpid()))
        return 0;
    return (int64_t)(n / 2000);
}
