#include "host/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/code.h"

/* ---- OpenSSL's memory: malloc knows how large a piece is, so no header is needed to wipe it */

static void *wipes_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return malloc(n);
}

static void wipes_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

static void *wipes_realloc(void *p, size_t n, const char *file, int line)
{
    if (!p)
        return malloc(n);
    size_t old = malloc_usable_size(p);
    if (n <= old && n > 0)
        return p;
    void *fresh = n > 0 ? malloc(n) : NULL;
    if (fresh)
        memcpy(fresh, p, old < n ? old : n);
    if (fresh || n == 0)
        wipes_free(p, file, line);
    return fresh;
}

enum err secret_openssl_wipes(void)
{
    return CRYPTO_set_mem_functions(wipes_malloc, wipes_realloc, wipes_free) == 1 ? OK : ERR_NOTNOW;
}

/* ---- locked pages: [guard][size ... octets][guard], the octets end where the last guard begins */

struct secret_head {
    size_t map_n, n;
    uint64_t magic;
};
enum { ALIGN = 16 };
static const uint64_t secret_magic = 0x5ec2e7005ec2e700ull;

static size_t page(void)
{
    long n = sysconf(_SC_PAGESIZE);
    return n > 0 ? (size_t)n : 4096;
}

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

void *secret_alloc(size_t n)
{
    if (n > SIZE_MAX / 4)
        return NULL;
    size_t pg = page(), room = round_up(n ? n : 1, ALIGN);
    size_t inner = round_up(room + sizeof(struct secret_head), pg), total = inner + 2 * pg;
    uint8_t *map = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return NULL;
    uint8_t *first = map + pg;
    if (mprotect(first, inner, PROT_READ | PROT_WRITE) != 0 || mlock(first, inner) != 0) {
        munmap(map, total);
        return NULL;
    }
#ifndef ONESEAL_INSPECT
    madvise(first, inner, MADV_DONTDUMP);
#endif
    uint8_t *p = first + inner - room;
    struct secret_head h = {.map_n = total, .n = room, .magic = secret_magic};
    memcpy(p - sizeof h, &h, sizeof h);
    return p;
}

void secret_free(void *p)
{
    if (!p)
        return;
    struct secret_head h;
    memcpy(&h, (uint8_t *)p - sizeof h, sizeof h);
    if (h.magic != secret_magic) {
        fputs("oneseal: secret_free of memory that is none of secret_alloc\n", stderr);
        abort();
    }
    size_t pg = page();
    uint8_t *map = (uint8_t *)p + h.n + pg - h.map_n;
    explicit_bzero(map + pg, h.map_n - 2 * pg);
    munmap(map, h.map_n); /* unlocks, too */
}

/* ---- keys in files */

enum { KEY_FILE_MAX = 256 };

static enum err read_text(const char *path, uint8_t *text, size_t *n, const char **why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *why = errno == ENOENT ? "there is no such file" : "the file cannot be read";
        return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
    }
    ssize_t got = -1;
    bool mine = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0077) == 0;
    if (mine)
        got = read(fd, text, KEY_FILE_MAX);
    close(fd);
    *why = mine ? "the file cannot be read" : "a key file that others may read is not used; chmod 600 it";
    *n = got > 0 ? (size_t)got : 0;
    return !mine ? ERR_CONFIG : got < 0 ? ERR_IO : OK;
}

enum err secret_key_file(const char *path, size_t least, size_t most, uint8_t *out, size_t *n, const char **why)
{
    uint8_t text[KEY_FILE_MAX];
    size_t len = 0;
    enum err e = read_text(path, text, &len, why);
    struct buf b = buf_over(out, most);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (e == OK && (hex_get(span_of(text, len), &b) != OK || b.n < least)) {
        *why = "it holds no key: hexadecimal digits, two for each octet, of the right number";
        e = ERR_CONFIG;
    }
    wipe(text, sizeof text);
    *n = e == OK ? b.n : 0;
    return e;
}
