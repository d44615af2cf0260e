/* daemon_spill.c - content that is too long to be held: in a file without a name, in the folder of the store. What it
 * holds stands in the store already, under the same protection. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "cse/daemon.h"

struct spill {
    int fd;
    uint64_t n;
    struct daemon *d;
};

struct spill *daemon_spill_new(void *ctx)
{
    struct daemon *d = ctx;
    if (atomic_fetch_add(&d->spills, 1) < SPILLS_MAX) {
        struct spill *s = malloc(sizeof *s);
        int fd = s ? open(d->set.folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
        if (fd > 0) {
            *s = (struct spill){.fd = fd, .d = d};
            return s;
        }
        free(s);
    }
    atomic_fetch_sub(&d->spills, 1);
    return NULL;
}

enum err daemon_spill_put(struct spill *s, struct span octets)
{
    if (octets.n > SPILL_MAX - s->n)
        return ERR_LIMIT;
    while (octets.n) {
        ssize_t n = pwrite(s->fd, octets.p, octets.n, (off_t)s->n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && (errno == ENOSPC || errno == EDQUOT) ? ERR_DISK : ERR_IO;
        s->n += (uint64_t)n;
        octets = span_from(octets, (size_t)n);
    }
    return OK;
}

void daemon_spill_free(struct spill *s)
{
    close(s->fd);
    atomic_fetch_sub(&s->d->spills, 1);
    free(s);
}

int daemon_spill_fd(const struct spill *s)
{
    return s->fd;
}
