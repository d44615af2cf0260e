/* main.c - the program `oneseal`: finds the verb, runs it, leaves with its exit status. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <openssl/crypto.h>

#include "cli/cli.h"
#include "host/heap.h"

enum { MEM_BLOCK = 1 << 16, MEM_MAX = 64 << 20 };

/* OpenSSL's memory holds keys: it is wiped when it is freed. The length is not handed to free, so it
 * stands before the block. */
enum { HEAD = 16 };

static void *key_alloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    if (n == 0 || n > SIZE_MAX - HEAD)
        return NULL;
    uint8_t *p = malloc(n + HEAD);
    if (!p)
        return NULL;
    memcpy(p, &n, sizeof n);
    return p + HEAD;
}

static void key_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    if (!p)
        return;
    uint8_t *block = (uint8_t *)p - HEAD;
    size_t n;
    memcpy(&n, block, sizeof n);
    wipe(block, n + HEAD);
    free(block);
}

static void *key_realloc(void *p, size_t n, const char *file, int line)
{
    if (!p)
        return key_alloc(n, file, line);
    if (n == 0) {
        key_free(p, file, line);
        return NULL;
    }
    size_t old;
    memcpy(&old, (uint8_t *)p - HEAD, sizeof old);
    void *q = key_alloc(n, file, line);
    if (!q)
        return NULL;
    memcpy(q, p, old < n ? old : n);
    key_free(p, file, line);
    return q;
}

/* Keys pass through this process: no core file, and no other process of the user looks into it. Builds
 * for the tests that search memory leave that door open and are otherwise the same. */
static void guard_memory(void)
{
    (void)CRYPTO_set_mem_functions(key_alloc, key_realloc, key_free);
#ifndef ONESEAL_INSPECT
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

int main(int argc, char **argv)
{
    guard_memory();
    (void)signal(SIGPIPE, SIG_IGN);
    static struct cli c;
    heap_arena(&c.mem, MEM_BLOCK, MEM_MAX);
    c.self = argv[0];
    enum status st = args_parse(&c, argc, argv);
    if (st == ST_DONE && c.verb)
        st = c.verb->run(&c);
    arena_reset(&c.mem);
    return (int)st;
}
