/* oneseal-ttp: reads its configuration, starts the rooms, watches over them. */
#include "host/heap.h"
#include "host/log.h"
#include "host/notify.h"
#include "host/sandbox.h"
#include "ttp/cell.h"
#include "ttp/parent.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    EXIT_USAGE = 2,
    EXIT_CONFIG = 78,
    QUICK_MS = 5000,
    QUICK_MOST = 8,
    PAUSE_MS = 500,
    REAP_MS = 20,
    DESCRIPTORS = 8192
};

static const struct conf_row rows[] = {
#define CONF(s, k, t, need, d, lo, hi, ch, p) {s, k, t, need, d, lo, hi, ch, p},
#include "ttp/parent_conf.def"
#undef CONF
};

static const char usage[] =
    "usage: oneseal-ttp -c FILE [--init [--bundle-out FILE]]\n"
    "  -c FILE            configuration (INI)\n"
    "  --init             make a new TTP: keys, custody files, first bundle; then end\n"
    "  --bundle-out FILE  with --init: write the bundle, which clients pin, there too\n"
    "  --secret-fd N      with --init: a descriptor for what the operator types or has to keep\n"
    "  --version          print the version\n";

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- rooms that end ---------------------------------------------------------------------------------------------- */

static const char *const names[P__N] = {"front", "ledger", "vault", "hall", "unsealer", "courier"};

/* Which room was it, and does its end mean that the chain is broken? */
static bool room_ended(struct parent *p, pid_t pid, int status)
{
    for (int i = 0; i < P__N; i++) {
        if (p->pid[i] != pid)
            continue;
        p->pid[i] = 0;
        bool fine = i == P_UNSEALER && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (i == P_UNSEALER && !p->custody.alone && parent_rekey_unsealed(p, fine))
            return false;
        if (i == P_UNSEALER && p->custody.alone) {
            parent_custody_ended(p, fine);
            return false;
        }
        if (i == P_VAULT && p->custody.sealing && WIFEXITED(status) && WEXITSTATUS(status) == ROOM_DONE) {
            p->custody.restart = true;
            return false;
        }
        if (!fine && !p->stopping)
            LOG(LOG_L_ERROR, "room-ended", log_str("room", names[i]),
                log_int(WIFSIGNALED(status) ? "signal" : "status",
                        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
        /* It says itself that the custody files are of no use; killed, it is a room like the others. */
        if (i == P_UNSEALER && WIFEXITED(status) && !fine)
            p->stopping = true, p->status = 1;
        return !fine;
    }
    return false;
}

static bool reap(struct parent *p)
{
    bool broken = false;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        broken = room_ended(p, pid, status) || broken;
    return broken;
}

/* Starts all rooms again; a chain that keeps dying at once is started more slowly. One that never served is given up:
 * then something is wrong that a restart does not mend. */
static void again(struct parent *p)
{
    poll(NULL, 0, REAP_MS); /* a link breaks a moment before its room can be reaped */
    reap(p);
    if (p->stopping)
        return;
    parent_stop(p);
    parent_desk_lost(p);
    if (p->custody.restart) { /* no fault */
        p->custody.restart = false;
        p->quick = 0;
        p->started_ms = now_ms();
        if (parent_start(p) == OK)
            return;
    }
    p->quick = now_ms() - p->started_ms < QUICK_MS ? p->quick + 1 : 0;
    if (p->init || (!p->served && p->quick > QUICK_MOST)) {
        LOG(LOG_L_ERROR, "giving-up", log_int("starts", p->quick), log_str("what", "the rooms do not stay up"));
        p->stopping = true;
        p->status = 1;
        return;
    }
    if (p->quick > 2)
        poll(NULL, 0, PAUSE_MS);
    LOG(LOG_L_WARN, "rooms-restart", log_int("log-size", (int64_t)p->size));
    p->started_ms = now_ms();
    if (parent_start(p) != OK) {
        p->stopping = true;
        p->status = 1;
    }
}

/* ---- the loop ------------------------------------------------------------------------------------------------------
 */

static void on_signal(struct parent *p, int fd, bool *broken)
{
    struct signalfd_siginfo s;
    while (read(fd, &s, sizeof s) == (ssize_t)sizeof s) {
        if (s.ssi_signo == SIGCHLD)
            *broken = reap(p) || *broken;
        else
            p->stopping = true;
    }
}

static bool serve_link(struct parent *p, int i, short events)
{
    struct link *l = &p->link[i];
    if (events & ~POLLOUT) {
        enum err e = link_read(l, &p->end);
        if (e != OK && e != ERR_CLOSED)
            LOG(LOG_L_ERROR, "room-misbehaves", log_str("room", names[i]), log_err("error", e));
        if (e != OK)
            return false;
    }
    return true;
}

static void turn(struct parent *p, int signals)
{
    struct pollfd f[5 + DESK_FDS + 1] = {{.fd = signals, .events = POLLIN}};
    bool broken = false;
    for (int i = P_FRONT; i <= P_HALL; i++)
        f[1 + i] =
            (struct pollfd){.fd = p->link[i].fd, .events = (short)(POLLIN | (link_pending(&p->link[i]) ? POLLOUT : 0))};
    parent_desk_fds(p, f + 5);
    f[5 + DESK_FDS] = (struct pollfd){.fd = p->custody.say, .events = POLLIN};
    if (poll(f, LEN(f), parent_custody_timeout(p)) < 0)
        return;
    parent_custody_tick(p);
    if (f[5 + DESK_FDS].revents)
        parent_custody_hear(p);
    if (f[0].revents)
        on_signal(p, signals, &broken);
    for (int i = P_FRONT; i <= P_HALL && !p->stopping; i++)
        if (!(p->init && i == P_FRONT) && f[1 + i].revents && !serve_link(p, i, f[1 + i].revents))
            broken = true;
    if (!p->stopping && !broken)
        parent_desk_turn(p, f + 5);
    for (int i = P_FRONT; i <= P_HALL && !p->stopping; i++)
        if (!(p->init && i == P_FRONT) && link_write(&p->link[i]) != OK)
            broken = true;
    if ((broken || p->custody.restart) && !p->stopping)
        again(p);
}

/* From here on no socket is made; rooms inherit this filter and add their own. */
static enum err confine(const struct parent *p)
{
    enum err e = notify_open();
    if (e == OK || e == ERR_SYNTAX) /* an address that nobody can use is told when there is something to send */
        e = cell_enter(parent_courier_wanted(p) ? CELL_PARENT_OUT : CELL_PARENT);
    if (e != OK)
        LOG(LOG_L_ERROR, "not-confined", log_err("error", e),
            log_str("what", "the parent cannot give up its system calls; without that no room is started"));
    return e;
}

static int watch(struct parent *p)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    p->started_ms = now_ms();
    if (signals < 0 || confine(p) != OK || (p->init && parent_custody_make(p) != OK) || parent_start(p) != OK) {
        parent_stop(p);
        return 1;
    }
    while (!p->stopping)
        turn(p, signals);
    parent_stop(p);
    close(signals);
    return p->status;
}

/* ---- start
 * ------------------------------------------------------------------------------------------------------------ */

static int bad_config(struct buf *why)
{
    fprintf(stderr, "%.*s", SPAN_FMT(buf_span(why)));
    return EXIT_CONFIG;
}

static int run(struct parent *p, const char *file)
{
    struct buf why = heap_buf(65536);
    enum err e = conf_load(file, rows, LEN(rows), &p->conf, &why);
    if (e == OK)
        e = parent_files(p, &why);
    if (e == OK)
        e = parent_courier_read(p, &why);
    if (e == OK && !p->init)
        e = parent_listen(p, &why);
    if (e == OK && !p->init)
        e = parent_desk_open(p, &why);
    if (e != OK && why.n == 0)
        buf_fmt(&why, "oneseal-ttp: %s: %s\n", file, err_text(e));
    int rc = e == OK ? watch(p) : bad_config(&why);
    heap_buf_free(&why);
    return rc;
}

static void forget(struct parent *p)
{
    struct buf *const b[] = {&p->cert,         &p->key,      &p->ca,        &p->anchors,
                             &p->operator_key, &p->auditors, &p->peers_own, &p->peers};
    for (size_t i = 0; i < LEN(b); i++) {
        buf_wipe(b[i]);
        heap_buf_free(b[i]);
    }
    parent_desk_close(p);
    heap_buf_free(&p->courier.start);
    conf_free(p->conf);
    if (p->listen >= 0)
        close(p->listen);
    if (p->till >= 0)
        close(p->till);
}

int parent_main(int argc, char **argv)
{
    static struct parent p = {.rekey = {.pipe = -1},
                              .listen = -1,
                              .till = -1,
                              .spare = -1,
                              .secret_fd = -1,
                              .desk = {.listen = -1},
                              .custody = {.root = -1, .say = -1, .secret = -1, .device = -1}};
    static const struct option options[] = {{"init", no_argument, NULL, 'i'},
                                            {"bundle-out", required_argument, NULL, 'b'},
                                            {"secret-fd", required_argument, NULL, 's'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *file = NULL;
    uint64_t fd;
    int c;
    while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (c == 'v' || c == 'h') {
            fputs(c == 'v' ? "oneseal-ttp " ONESEAL_VERSION "\n" : usage, stdout);
            return 0;
        }
        if (c == '?')
            return fputs(usage, stderr), EXIT_USAGE;
        p.init = p.init || c == 'i';
        if (c == 's' && (span_u64(span_str(optarg), 1000, &fd) != OK || fd < 3))
            return fputs(usage, stderr), EXIT_USAGE;
        p.secret_fd = c == 's' ? (int)fd : p.secret_fd;
        file = c == 'c' ? optarg : file;
        p.bundle_out = c == 'b' ? optarg : p.bundle_out;
    }
    if (!file || optind < argc || ((p.bundle_out || p.secret_fd >= 0) && !p.init))
        return fputs(usage, stderr), EXIT_USAGE;
    if (sandbox_no_dumps() != OK)
        return 1;
    sandbox_descriptors(DESCRIPTORS);
    log_open("oneseal-ttp", false, LOG_L_INFO);
    for (int i = 0; i < P__N; i++)
        p.link[i].fd = -1;
    for (int i = 0; i < DESK_CALLS; i++)
        p.desk.call[i].fd = -1;
    parent_ears(&p);
    int rc = run(&p, file);
    forget(&p);
    return rc;
}
