/* Rooms are this same program, executed again with a role and the few descriptors of that role. */
#include "host/heap.h"
#include "host/log.h"
#include "ttp/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const names[P__N] = {"front", "ledger", "vault", "hall", "unsealer", "courier"};

static enum err start_room(struct parent *p, enum parent_room room, const int *fd, int n)
{
    pid_t self = getpid(), pid = fork();
    if (pid < 0)
        return ERR_IO;
    if (pid == 0)
        room_become(names[room], fd, n, self);
    p->pid[room] = pid;
    return OK;
}

/* Every pair of the chain; closed here once the rooms have their ends. */
struct wires {
    int front[2], ledger[2], vault[2]; /* [0] ours */
    int front_ledger[2], ledger_vault[2], pipe[2];
    int courier[2], ledger_courier[2]; /* -1: there is no courier */
    int hall[2], hall_vault[2];        /* -1: there are no tellers */
    int pass, custody, xk, null;
};

static bool pair(int fd[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0;
}

/* What the unsealer needs, when it has not run before. */
static bool lay_unsealer(struct parent *p, struct wires *w)
{
    char path[4200];
    if (p->custody.root >= 0) {
        w->pipe[0] = p->custody.root;
        p->custody.root = -1;
        return true;
    }
    w->pass = parent_custody_secret(p);
    w->custody = open(parent_path(p, "custody", path), O_RDONLY | O_CLOEXEC);
    w->xk = open(parent_path(p, "xk", path), O_RDONLY | O_CLOEXEC);
    w->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return w->pass >= 0 && w->custody >= 0 && w->xk >= 0 && w->null >= 0 && pipe2(w->pipe, O_CLOEXEC) == 0;
}

/* It carries for the ledger, which without a vault has nothing to send. */
static bool with_courier(const struct parent *p)
{
    return parent_courier_wanted(p) && !p->custody.sealed;
}

/* Its tellers bring keys from the vault, and nothing without one. */
static bool with_hall(const struct parent *p)
{
    return p->till >= 0 && !p->custody.sealed;
}

static bool lay(struct parent *p, struct wires *w)
{
    if (with_courier(p) && !(pair(w->courier) && pair(w->ledger_courier)))
        return false;
    if (with_hall(p) && !(pair(w->hall) && pair(w->hall_vault)))
        return false;
    return pair(w->front) && pair(w->ledger) && pair(w->front_ledger) && pair(w->ledger_vault) &&
           (p->custody.sealed || (pair(w->vault) && lay_unsealer(p, w)));
}

static enum err start_vault(struct parent *p, const struct wires *w)
{
    const int vault[] = {w->vault[1], w->ledger_vault[1], w->pipe[0], w->hall_vault[1]};
    TRY(start_room(p, P_VAULT, vault, VAULT_FDS + with_hall(p)));
    if (w->xk < 0)
        return OK; /* the root is in the pipe */
    int device = p->custody.device >= 0 ? p->custody.device : w->null;
    return parent_unsealer(p, (const int[UNSEALER_FDS]){w->pass, w->custody, w->xk, w->pipe[1], w->null, device});
}

static enum err start_courier(struct parent *p, const struct wires *w)
{
    const int fd[] = {w->courier[1], w->ledger_courier[1]};
    return with_courier(p) ? start_room(p, P_COURIER, fd, COURIER_FDS) : OK;
}

static enum err start_all(struct parent *p, const struct wires *w)
{
    const int ledger[] = {w->ledger[1], w->front_ledger[1], w->ledger_vault[0], w->ledger_courier[0]};
    const int front[] = {w->front[1], w->front_ledger[0], p->listen};
    const int hall[] = {w->hall[1], w->hall_vault[0], p->till};
    TRY(start_room(p, P_LEDGER, ledger, LEDGER_FDS + with_courier(p)));
    TRY(start_courier(p, w));
    if (!p->custody.sealed)
        TRY(start_vault(p, w));
    if (with_hall(p))
        TRY(start_room(p, P_HALL, hall, HALL_FDS));
    return p->init ? OK : start_room(p, P_FRONT, front, FRONT_FDS);
}

enum err parent_unsealer(struct parent *p, const int fd[UNSEALER_FDS])
{
    return start_room(p, P_UNSEALER, fd, UNSEALER_FDS);
}

static void close_some(const int *fd, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fd[i] >= 0)
            close(fd[i]);
}

/* With init there is no front, and its ends stay open here, so that the ledger does not miss it; sealed, the same with
 * the vault. */
static void give_away(struct parent *p, const struct wires *w)
{
    const int front[] = {w->front[1], w->front_ledger[0]};
    const int fd[] = {w->ledger[1],
                      w->vault[1],
                      w->front_ledger[1],
                      w->ledger_vault[0],
                      w->pipe[0],
                      w->pipe[1],
                      w->pass,
                      w->custody,
                      w->xk,
                      w->null,
                      w->courier[1],
                      w->ledger_courier[0],
                      w->ledger_courier[1],
                      w->hall[1],
                      w->hall_vault[0],
                      w->hall_vault[1]};
    if (!p->init)
        close_some(front, LEN(front));
    close_some(fd, LEN(fd));
    if (p->custody.sealed)
        p->spare = w->ledger_vault[1];
    else
        close_some(&w->ledger_vault[1], 1);
}

enum err parent_start(struct parent *p)
{
    struct wires w = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1},
                      {-1, -1}, {-1, -1}, {-1, -1}, -1,       -1,       -1,       -1};
    if (p->served && !p->custody.sealed && p->custody.attended && p->custody.root < 0) {
        LOG(LOG_L_WARN, "sealed", log_str("what", "a room ended, and only the operator has the secret: unseal again"));
        p->custody.sealed = true;
    }
    enum err e = lay(p, &w) ? OK : ERR_IO;
    if (e == OK)
        parent_rekey_start(p, w.pipe[1]);
    if (e == OK)
        e = start_all(p, &w);
    give_away(p, &w);
    if (w.courier[0] >= 0 && parent_courier_tell(p, w.courier[0]) != OK)
        e = ERR_IO;
    const int ours[] = {w.front[0], w.ledger[0], w.vault[0], w.hall[0]};
    static const enum msg_room peer[] = {ROOM_FRONT, ROOM_LEDGER, ROOM_VAULT, ROOM_HALL};
    for (int i = P_FRONT; i <= P_HALL; i++) {
        link_init(&p->link[i], ours[i], peer[i]);
        if (ours[i] >= 0)
            fcntl(ours[i], F_SETFL, O_NONBLOCK);
    }
    if (e != OK)
        return e;
    char path[4200];
    p->at = AT_START;
    p->house = A_STARTING;
    p->quarantine_n = 0;
    p->front_up = p->hall_up = false;
    msg_put_LEDGER_START(
        &p->link[P_LEDGER].out,
        &(struct msg_LEDGER_START){.path = span_str(parent_path(p, "ledger.db", path)), .init = p->init});
    return p->link[P_LEDGER].out.e;
}

void parent_end_room(struct parent *p, enum parent_room room)
{
    if (p->pid[room] <= 0)
        return;
    kill(p->pid[room], SIGKILL);
    while (waitpid(p->pid[room], NULL, 0) < 0 && errno == EINTR)
        continue;
    p->pid[room] = 0;
}

void parent_stop(struct parent *p)
{
    for (int i = 0; i < P__N; i++)
        if (i != P_UNSEALER || !p->custody.alone || p->stopping)
            parent_end_room(p, (enum parent_room)i);
    for (int i = P_FRONT; i <= P_HALL; i++)
        link_free(&p->link[i]);
    parent_rekey_stop(p);
    if (p->spare >= 0)
        close(p->spare);
    p->spare = -1;
}
