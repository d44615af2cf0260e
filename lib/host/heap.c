#include "host/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err buf_grow(struct buf *b, size_t need)
{
    if (need > b->max)
        return ERR_LIMIT;
    size_t cap = b->cap ? b->cap : 256;
    while (cap < need)
        cap = cap <= b->max / 2 ? cap * 2 : b->max;
    uint8_t *p = realloc(b->p, cap);
    if (!p)
        return ERR_NOMEM;
    b->p = p;
    b->cap = cap;
    return OK;
}

struct buf heap_buf(size_t max)
{
    return (struct buf){.grow = buf_grow, .max = max};
}

void heap_buf_free(struct buf *b)
{
    free(b->p);
    b->p = NULL;
    b->cap = b->n = 0;
    b->e = OK;
}

static struct arena_block *block_more(struct arena *a, size_t need)
{
    size_t cap = a->first_cap > need ? a->first_cap : need;
    if (cap > a->max - a->held || cap > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *b = malloc(sizeof *b + cap);
    if (b)
        b->cap = cap;
    return b;
}

static void block_less(struct arena *a, struct arena_block *b)
{
    (void)a;
    free(b);
}

static void block_wipe(struct arena *a, struct arena_block *b)
{
    wipe(b + 1, b->cap);
    block_less(a, b);
}

void heap_arena_over(struct arena *a, void *first, size_t n, size_t max)
{
    arena_over(a, first, n);
    a->max = max;
    a->more = block_more;
    a->less = block_wipe;
}

void heap_arena(struct arena *a, size_t block, size_t max)
{
    /* first_cap doubles as the block size: there is no first block of the caller's. */
    arena_over(a, NULL, 0);
    a->first_cap = block;
    a->max = max;
    a->more = block_more;
    a->less = block_less;
}

void heap_arena_wipes(struct arena *a)
{
    a->less = block_wipe;
}

void *xalloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (!p) {
        fputs("oneseal: out of memory\n", stderr);
        abort();
    }
    return p;
}

char *xstrdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(xalloc(n), s, n);
}

enum err file_read(const char *path, struct buf *b)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
    uint8_t piece[16384];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0)
        buf_put(b, span_of(piece, (size_t)n));
    wipe(piece, sizeof piece);
    close(fd);
    return n < 0 ? ERR_IO : b->e;
}

static enum err write_all(int fd, struct span s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == ENOSPC || errno == EDQUOT ? ERR_DISK : ERR_IO;
        s = span_from(s, (size_t)n);
    }
    return OK;
}

static enum err sync_folder_of(const char *path)
{
    char folder[4096];
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] != '/')
        n--;
    if (n >= sizeof folder)
        return ERR_LIMIT;
    memcpy(folder, path, n);
    folder[n] = 0;
    int fd = open(n ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    enum err e = fsync(fd) == 0 ? OK : ERR_IO;
    close(fd);
    return e;
}

enum err file_replace(const char *path, struct span octets, unsigned mode)
{
    char fresh[4096];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return ERR_LIMIT;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_DISK : ERR_IO;
    enum err e = write_all(fd, octets);
    if (e == OK && fsync(fd) != 0)
        e = errno == ENOSPC ? ERR_DISK : ERR_IO;
    close(fd);
    if (e == OK && rename(fresh, path) != 0)
        e = ERR_IO;
    if (e != OK) {
        unlink(fresh);
        return e;
    }
    return sync_folder_of(path);
}
