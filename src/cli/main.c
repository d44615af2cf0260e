/* main.c - the program `oneseal`: finds the verb, runs it, leaves with its exit status. */
#include <signal.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "host/heap.h"
#include "host/sandbox.h"
#include "host/secret.h"

enum { MEM_BLOCK = 1 << 16, MEM_MAX = 64 << 20 };

/* Keys pass through this process: what OpenSSL frees is wiped first, there is no core file, and no other process of
 * the user looks into it (but in builds for the tests that search memory). Certificates are for everybody to read. */
static void guard_memory(void)
{
    if (secret_openssl_wipes() != OK || sandbox_no_dumps() != OK) {
        (void)fputs("oneseal: the memory of this process cannot be protected\n", stderr);
        exit(ST_FAILED);
    }
    (void)umask(022);
}

int main(int argc, char **argv)
{
    guard_memory();
    (void)signal(SIGPIPE, SIG_IGN);
    static struct cli c;
    heap_arena(&c.app.mem, MEM_BLOCK, MEM_MAX);
    cli_speak(&c);
    c.self = argv[0];
    enum status st = args_parse(&c, argc, argv);
    if (st == ST_DONE && c.verb)
        st = c.verb->run(&c);
    arena_reset(&c.app.mem);
    return (int)st;
}
