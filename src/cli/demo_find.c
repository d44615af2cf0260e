/* demo_find.c - the demos of this user that live: a folder of links, each named by the process id of a demo. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/demo.h"

enum { PATH_LEN = 4096 };

/* In the user's runtime folder; without one in /tmp, where it must be ours alone. */
static const char *folder(struct cli *c)
{
    const char *run = getenv("XDG_RUNTIME_DIR");
    return run && *run ? cli_fmt(c, "%s/oneseal-demo", run) : cli_fmt(c, "/tmp/oneseal-demo-%u", (unsigned)getuid());
}

static bool ours(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() && (st.st_mode & 022) == 0;
}

void find_announce(struct demo *d)
{
    const char *dir = folder(d->c), *link = cli_fmt(d->c, "%s/%d", dir, (int)getpid());
    if ((mkdir(dir, 0700) != 0 && errno != EEXIST) || !ours(dir) || (unlink(link) != 0 && errno != ENOENT) ||
        symlink(d->dir, link) != 0) {
        cli_say(d->c, "demo: other terminals must name this demo: --state %s", d->dir);
        return;
    }
    d->link = link;
}

void find_withdraw(struct demo *d)
{
    if (d->link)
        (void)unlink(d->link);
}

static enum status no_demo(struct cli *c)
{
    return CLI_FAIL(c, ST_NOT_FOUND, .what = "no demo of this user is running", .who = "this program", .kind = "folder",
                    .object = folder(c), .todo = "start one: oneseal demo; or name its folder: --state DIR");
}

/* The demo of this process id; NULL (and its link removed) when it is gone. */
static const char *living(struct cli *c, const char *dir, const char *name)
{
    uint64_t pid = 0;
    char target[PATH_LEN];
    const char *link = cli_fmt(c, "%s/%s", dir, name);
    if (span_u64(span_str(name), INT32_MAX, &pid) != OK || pid == 0)
        return NULL;
    ssize_t n = readlink(link, target, sizeof target);
    if (n > 0 && (size_t)n < sizeof target && kill((pid_t)pid, 0) == 0)
        return cli_fmt(c, "%.*s", (int)n, target);
    (void)unlink(link);
    return NULL;
}

enum status find_living(struct cli *c, const char **out)
{
    const char *path = folder(c);
    DIR *dir = ours(path) ? opendir(path) : NULL;
    struct dirent *e;
    unsigned n = 0;
    *out = NULL;
    while (dir && (e = readdir(dir))) {
        const char *one = living(c, path, e->d_name);
        n += one != NULL;
        *out = one ? one : *out;
    }
    if (dir)
        (void)closedir(dir);
    if (n == 0)
        return no_demo(c);
    if (n == 1)
        return ST_DONE;
    return CLI_FAIL(c, ST_USAGE, .what = cli_fmt(c, "%u demos of this user are running", n), .who = "this program",
                    .kind = "folder", .object = path, .todo = "say which: --state DIR, as its first line names it");
}
