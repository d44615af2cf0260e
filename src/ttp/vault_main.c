/* The vault as a process: root from the pipe, one loop over two sockets, no other way in or out. */
#include "host/log.h"
#include "host/sandbox.h"
#include "host/secret.h"
#include "ttp/cell.h"
#include "ttp/room.h"
#include "ttp/vault.h"
#include "ttp/vault_warm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void *ctx)
{
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum err confine(void *ctx)
{
    (void)ctx;
    return cell_enter(CELL_VAULT);
}

static enum err read_root(uint8_t root[VAULT_ROOT])
{
    size_t n = 0;
    ssize_t got = 1;
    while (n < VAULT_ROOT && ((got = read(VAULT_PIPE, root + n, VAULT_ROOT - n)) > 0 || errno == EINTR))
        n += got > 0 ? (size_t)got : 0;
    return n == VAULT_ROOT ? OK : ERR_CLOSED;
}

/* The pipe stays open for the root of another XK. */
static enum err more_root(void *ctx, uint8_t root[VAULT_ROOT])
{
    (void)ctx;
    return read_root(root);
}

static struct vault *open_vault(struct link *parent, struct link *ledger, struct link *hall)
{
    struct vault *v = NULL;
    uint8_t *root = secret_alloc(VAULT_ROOT);
    if (!root || read_root(root) != OK)
        return NULL;
    struct vault_conf c = {.to_parent = &parent->out,
                           .to_ledger = &ledger->out,
                           .to_hall = hall->fd >= 0 ? &hall->out : NULL,
                           .now_ms = now_ms,
                           .confine = confine,
                           .more_root = more_root,
                           .root = root};
    enum err e = vault_new(&c, &v);
    secret_free(root);
    return e == OK ? v : NULL;
}

static void turn(struct vault *v, struct link *parent, struct link *ledger, struct link *hall)
{
    struct pollfd p[3] = {{.fd = parent->fd, .events = POLLIN},
                          {.fd = ledger->fd, .events = POLLIN},
                          {.fd = hall->fd, .events = (short)(POLLIN | (link_pending(hall) ? POLLOUT : 0))}};
    int n = poll(p, 3, vault_wait_ms(v));
    enum err e = n == 0 || vault_wait_ms(v) == 0 ? vault_tick(v) : OK;
    if (e != OK)
        room_end(ROOM_VAULT, ROOM_VAULT, e);
    struct link *const link[3] = {parent, ledger, hall};
    for (int i = 0; i < 3; i++)
        if (n > 0 && (p[i].revents & ~POLLOUT) != 0 && (e = link_read(link[i], vault_end(v))) != OK)
            room_end(ROOM_VAULT, link[i]->peer, e);
    if (vault_ended(v)) {
        vault_free(v);
        _exit(ROOM_DONE);
    }
    /* The ledger first: what the parent hears may make others speak to the ledger. */
    if ((e = link_flush(ledger)) != OK)
        room_end(ROOM_VAULT, ROOM_LEDGER, e);
    if ((e = link_flush(parent)) != OK)
        room_end(ROOM_VAULT, ROOM_PARENT, e);
    /* Never waits for the hall: sealed keys do not depend on it. */
    if (hall->fd >= 0 && (e = link_write(hall)) != OK)
        room_end(ROOM_VAULT, ROOM_HALL, e);
}

int vault_main(void)
{
    static struct link parent, ledger, hall;
    if (secret_openssl_wipes() != OK || sandbox_no_dumps() != OK || !room_fds_good(VAULT_FDS))
        return ROOM_FAILED;
    log_open("oneseal-ttp", false, LOG_L_INFO);
    bool locked = cell_lock_memory();
    if (!locked)
        LOG(LOG_L_NOTICE, "memory-lock", log_str("room", "vault"),
            log_str("what", "only the keys' own pages are locked; raise LimitMEMLOCK to lock all of it"));
    link_init(&parent, VAULT_PARENT, ROOM_PARENT);
    link_init(&ledger, VAULT_LEDGER, ROOM_LEDGER);
    link_init(&hall, fcntl(VAULT_HALL, F_GETFD) >= 0 ? VAULT_HALL : -1, ROOM_HALL);
    if (hall.fd >= 0 && fcntl(hall.fd, F_SETFL, O_NONBLOCK) != 0)
        return ROOM_FAILED;
    if (vault_warm() != OK)
        return ROOM_FAILED;
    struct vault *v = open_vault(&parent, &ledger, &hall);
    if (!v)
        _exit(ROOM_FAILED);
    for (;;)
        turn(v, &parent, &ledger, &hall);
}
