/* demo_proc.c - the actors as processes. Each is ended by its own process id; when the demo dies, the kernel
 * ends them (PR_SET_PDEATHSIG). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/demo.h"
#include "host/heap.h"

enum { CHUNK = 1 << 16, END_MS = 2500, STEP_MS = 20, LOG_TAIL = 2000 };

static const char *log_path(struct demo *d, const char *name)
{
    return cli_fmt(d->c, "%s/%s.log", d->dir, name);
}

/* Between fork and exec: only calls that are safe there. */
static void become(const char *const *argv, int in, int out, int log, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)setpgid(0, 0); /* Ctrl-C goes to the demo alone, which ends its actors in order */
    if (getppid() != parent || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0)
        _exit(126);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static pid_t launch(const char *const *argv, int in, int out, int log)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(argv, in, out, log, parent);
    return pid;
}

static enum status cannot_start(struct demo *d, const char *program)
{
    return CLI_FAIL(d->c, ST_FAILED, .what = cli_fmt(d->c, "it cannot be started: %s", strerror(errno)),
                    .who = "the operating system", .kind = "program", .object = program,
                    .todo = "build everything first: ./dev build");
}

enum status proc_start(struct demo *d, enum demo_who who, const char *const *argv)
{
    struct actor *a = &d->actor[who];
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    int log = open(log_path(d, a->name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (access(argv[0], X_OK) != 0 || log < 0 || pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return cannot_start(d, argv[0]);
    a->pid = launch(argv, in[0], out[1], log);
    (void)close(in[0]);
    (void)close(out[1]);
    (void)close(log);
    a->in = in[1];
    a->out = out[0];
    if (a->pid < 0) {
        a->pid = 0;
        return cannot_start(d, argv[0]);
    }
    return ST_DONE;
}

enum status proc_run(struct demo *d, const char *name, const char *const *argv)
{
    int log = open(log_path(d, name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), status = 0;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (access(argv[0], X_OK) != 0 || log < 0 || null < 0)
        return cannot_start(d, argv[0]);
    pid_t pid = launch(argv, null, log, log);
    (void)close(log);
    (void)close(null);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return cannot_start(d, argv[0]);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ST_DONE;
    return CLI_FAIL(d->c, ST_FAILED, .what = cli_fmt(d->c, "%s ended with status %d", argv[0], WEXITSTATUS(status)),
                    .who = name, .kind = "log", .object = log_path(d, name),
                    .todo = "read its log (demo --keep keeps it)");
}

/* ---- reading ---- */

/* Reads what is there within ms. False: the end. */
static bool fill(struct actor *a, int ms)
{
    struct pollfd p = {.fd = a->out, .events = POLLIN};
    if (a->out < 0)
        return false;
    int n = poll(&p, 1, ms);
    if (n <= 0)
        return n == 0 || errno == EINTR;
    uint8_t *room = buf_take(&a->text, CHUNK);
    if (!room)
        return false;
    ssize_t got = read(a->out, room, CHUNK);
    a->text.n -= CHUNK - (size_t)(got > 0 ? got : 0);
    return got > 0 || (got < 0 && errno == EINTR);
}

/* Takes the first whole line out of the actor's text; the copy lives in d->turn. */
static bool take_line(struct demo *d, struct actor *a, struct span *line)
{
    struct span all = buf_span(&a->text);
    size_t n = span_find(all, '\n');
    if (n == all.n)
        return false;
    *line = arena_dup(&d->turn, span_first(all, n));
    memmove(a->text.p, a->text.p + n + 1, all.n - n - 1);
    a->text.n -= n + 1;
    return true;
}

/* The end of its log, for the message: the cause usually stands there. */
static const char *last_words(struct demo *d, const char *name)
{
    struct buf b = heap_buf(64 << 20);
    const char *text = "";
    if (file_read(log_path(d, name), &b) == OK && b.n) {
        struct span s = buf_span(&b);
        s = s.n > LOG_TAIL ? span_from(s, s.n - LOG_TAIL) : s;
        text = cli_fmt(d->c, "%.*s", SPAN_FMT(s));
    }
    heap_buf_free(&b);
    return text;
}

static enum status not_ready(struct demo *d, const struct actor *a)
{
    const char *what = cli_fmt(d->c, "%s did not become ready; its last words:\n%s", a->name, last_words(d, a->name));
    return CLI_FAIL(d->c, ST_FAILED, .what = what, .who = a->name, .kind = "log", .object = log_path(d, a->name),
                    .todo = "read its log (demo --keep keeps it)");
}

enum status proc_ready(struct demo *d, enum demo_who who)
{
    struct actor *a = &d->actor[who];
    int64_t until = demo_now_ms() + DEMO_START_MS;
    struct span line;
    while (demo_now_ms() < until && !*d->stop) {
        while (take_line(d, a, &line)) {
            struct span rest = line;
            if (!span_eq(span_cut(&rest, ' '), SPAN("ready")))
                continue;
            while (rest.p) {
                struct span word = span_cut(&rest, ' ');
                if (span_starts(word, SPAN("https=")))
                    (void)snprintf(a->https, sizeof a->https, "%.*s", SPAN_FMT(span_from(word, 6)));
            }
            return ST_DONE;
        }
        if (!fill(a, STEP_MS))
            break;
    }
    return not_ready(d, a);
}

/* One line of an actor: an answer, or an event that is kept. */
static struct jval *take_answer(struct demo *d, struct span line)
{
    struct jval *v = NULL;
    if (json_parse(line, &d->turn, &v, NULL) != OK)
        return NULL;
    if (JSON_GET(v, "re"))
        return v;
    if (JSON_GET(v, "event") && d->events < DEMO_EVENTS_MAX)
        d->event[d->events++] = v;
    return NULL;
}

static bool say(struct actor *a, const char *text, size_t n)
{
    while (n) {
        ssize_t k = a->in < 0 ? -1 : write(a->in, text, n);
        if (k <= 0 && errno != EINTR)
            return false;
        text += k > 0 ? k : 0;
        n -= (size_t)(k > 0 ? k : 0);
    }
    return true;
}

struct jval *proc_ask(struct demo *d, enum demo_who who, const char *fmt, ...)
{
    struct actor *a = &d->actor[who];
    va_list ap;
    char *text = NULL;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    bool said = n >= 0 && say(a, text, (size_t)n) && say(a, "\n", 1);
    free(text);
    int64_t until = demo_now_ms() + DEMO_ASK_MS;
    struct span line;
    while (said && demo_now_ms() < until) {
        while (take_line(d, a, &line)) {
            struct jval *v = take_answer(d, line);
            if (v)
                return v;
        }
        if (!fill(a, STEP_MS))
            break;
    }
    d->failed = cli_fmt(d->c, "%s does not answer: %s", a->name, last_words(d, a->name));
    return NULL;
}

bool proc_listen(struct demo *d, enum demo_who who, int ms)
{
    struct actor *a = &d->actor[who];
    struct span line;
    bool alive = fill(a, ms);
    while (take_line(d, a, &line))
        (void)take_answer(d, line);
    return alive;
}

/* ---- the end ---- */

static void close_pipes(struct actor *a)
{
    if (a->in >= 0)
        (void)close(a->in);
    if (a->out >= 0)
        (void)close(a->out);
    a->in = a->out = -1;
    heap_buf_free(&a->text);
}

void proc_end_all(struct demo *d)
{
    /* Applications and device first, then gateway, server, TTP: nobody loses the one it talks to. */
    for (int i = DEMO_ACTORS - 1; i >= 0; i--) {
        struct actor *a = &d->actor[i];
        int64_t until = demo_now_ms() + END_MS;
        if (a->pid > 0)
            (void)kill(a->pid, SIGTERM);
        while (a->pid > 0 && waitpid(a->pid, NULL, WNOHANG) == 0) {
            if (demo_now_ms() > until) {
                (void)kill(a->pid, SIGKILL);
                (void)waitpid(a->pid, NULL, 0);
                break;
            }
            (void)poll(NULL, 0, STEP_MS / 2);
        }
        a->pid = 0;
        close_pipes(a);
    }
}
