/* ttp_init.c - `oneseal ttp init`: makes a new TTP of a configuration by oneseal-ttp --init, and deals with what only
 * the operator has: asks for the passphrase twice, or writes the shares, each to a file of its own. */
#include "cli/ttp.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/verbs.h"
#include "host/heap.h"
#include "host/secret.h"

enum { SECRET_ROOM = 4001, SHARES_MAX = 8192, PATH_LEN = 4096 };

/* oneseal-ttp beside this program, or on the path. */
static const char *daemon_of(struct cli *c)
{
    const char *slash = c->self ? strrchr(c->self, '/') : NULL;
    const char *beside = slash ? cli_fmt(c, "%.*s/oneseal-ttp", (int)(slash - c->self), c->self) : NULL;
    const char *built = slash ? cli_fmt(c, "%.*s/../ttp/oneseal-ttp", (int)(slash - c->self), c->self) : NULL;
    if (beside && access(beside, X_OK) == 0)
        return beside;
    return built && access(built, X_OK) == 0 ? built : "oneseal-ttp";
}

static enum status run_init(struct cli *c, const char *file, int fd)
{
    const char *bundle = cli_opt(c, "bundle-out"), *program = daemon_of(c);
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    const char *words[10] = {"oneseal-ttp", "-c", file, "--init"};
    size_t n = 4;
    if (bundle)
        words[n++] = "--bundle-out", words[n++] = bundle;
    if (fd >= 0)
        words[n++] = "--secret-fd", words[n++] = number;
    pid_t pid = fork();
    if (pid == 0) {
        if (fd >= 0)
            fcntl(fd, F_SETFD, 0);
        execvp(program, (char *const *)(uintptr_t)words);
        _exit(127);
    }
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return CLI_FAIL(c, WIFEXITED(status) && WEXITSTATUS(status) == 78 ? ST_CONFIG : ST_FAILED,
                        .what = "oneseal-ttp --init has not made it", .who = program, .kind = "file", .object = file,
                        .todo = "what it said above tells why");
    return ST_DONE;
}

/* ---- a passphrase ------------------------------------------------------------------------------------------------ */

static enum status with_passphrase(struct cli *c, const char *file)
{
    int end[2];
    size_t n = 0, again = 0;
    uint8_t *p = secret_alloc(SECRET_ROOM), *q = secret_alloc(SECRET_ROOM);
    enum status st = p && q ? ttp_secret(c, "new passphrase", p, &n) : ST_FAILED;
    if (st == ST_DONE && !cli_opt(c, "secret-file")) {
        st = ttp_secret(c, "the same again", q, &again);
        if (st == ST_DONE && (n != again || memcmp(p, q, n) != 0))
            st = CLI_FAIL(c, ST_USAGE, .what = "these were two different ones", .who = "this program",
                          .todo = "type the same passphrase twice");
    }
    if (st == ST_DONE && pipe2(end, O_CLOEXEC) == 0) {
        bool good = write(end[1], p, n) == (ssize_t)n;
        close(end[1]);
        st = good ? run_init(c, file, end[0]) : ST_FAILED;
        close(end[0]);
    }
    secret_free(p);
    secret_free(q);
    return st;
}

/* ---- shares ------------------------------------------------------------------------------------------------------ */

static enum status write_share(struct cli *c, const char *dir, unsigned i, struct span line)
{
    const char *path = cli_fmt(c, "%s/share-%u", dir, i);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, line.p, line.n) == (ssize_t)line.n && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    if (!good)
        return CLI_FAIL(c, ST_FAILED, .what = "a share cannot be written", .who = "this program", .kind = "file",
                        .object = path, .todo = "remove the state folder and what was written, then init again");
    cli_say(c, "share %u: %s", i, path);
    return ST_DONE;
}

static enum status with_shares(struct cli *c, const char *file)
{
    int end[2];
    size_t n = 0;
    ssize_t got;
    const char *dir = cli_need(c, "shares-out");
    uint8_t *p = dir ? secret_alloc(SHARES_MAX) : NULL;
    if (!p || pipe2(end, O_CLOEXEC) != 0)
        return dir ? ST_FAILED : ST_USAGE;
    enum status st = run_init(c, file, end[1]); /* they all fit into the pipe */
    close(end[1]);
    while (st == ST_DONE && n < SHARES_MAX && (got = read(end[0], p + n, SHARES_MAX - n)) > 0)
        n += (size_t)got;
    close(end[0]);
    struct span text = span_of(p, n);
    for (unsigned i = 1; st == ST_DONE && text.n > 0; i++)
        st = write_share(c, dir, i, span_cut(&text, '\n'));
    secret_free(p);
    if (st == ST_DONE)
        cli_say(c, "give each to another person, and keep none together; then: oneseal ttp unseal");
    return st;
}

enum status ttp_init(struct cli *c)
{
    const char *file = cli_opt(c, "config"), *kind, *pass;
    if (!file)
        return CLI_FAIL(c, ST_USAGE, .what = "which configuration?", .who = "this program",
                        .todo = "--config FILE, as oneseal-ttp -c is started with");
    enum status st = ttp_config(c, file, "custody", "kind", &kind);
    if (st == ST_DONE)
        st = ttp_config(c, file, "custody", "passphrase-file", &pass);
    if (st != ST_DONE)
        return st;
    if (c->dry_run) {
        cli_say(c, "would run: %s -c %s --init", daemon_of(c), file);
        return ST_DONE;
    }
    if (kind && strcmp(kind, "shares") == 0)
        return with_shares(c, file);
    bool typed = (!kind || strcmp(kind, "passphrase") == 0) && !pass;
    return typed ? with_passphrase(c, file) : run_init(c, file, -1);
}
