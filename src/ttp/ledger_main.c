/* The ledger as a process: three sockets (four with a courier), one database. */
#include "esd/log.h"
#include "host/log.h"
#include "host/sandbox.h"
#include "ttp/cell.h"
#include "ttp/ledger.h"
#include "ttp/room.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { PARENT, FRONT, VAULT, COURIER, LINKS };

static struct link links[LINKS];

static enum err confine(void *ctx)
{
    (void)ctx;
    /* The first hash makes OpenSSL read its configuration: once, before no file can be opened any more. */
    struct log_hash h;
    TRY(log_leaf(&(struct log_hash){{0}}, &h));
    return cell_enter(CELL_LEDGER);
}

static void hear(struct ledger *l, struct link *from)
{
    enum err e = link_read(from, ledger_end(l));
    if (e != OK)
        room_end(ROOM_LEDGER, from->peer, e);
}

static void speak(struct link *to)
{
    enum err e = link_write(to);
    if (e != OK)
        room_end(ROOM_LEDGER, to->peer, e);
}

static void turn(struct ledger *l)
{
    struct pollfd p[LINKS];
    for (int i = 0; i < LINKS; i++)
        p[i] = (struct pollfd){.fd = links[i].fd, .events = (short)(POLLIN | (link_pending(&links[i]) ? POLLOUT : 0))};
    if (poll(p, LINKS, -1) < 0)
        return;
    if (p[PARENT].revents & ~POLLOUT)
        hear(l, &links[PARENT]);
    if (p[VAULT].revents & ~POLLOUT)
        hear(l, &links[VAULT]);
    if (p[FRONT].revents & ~POLLOUT) {
        /* What the vault said before the front could speak is heard before the front. */
        hear(l, &links[VAULT]);
        hear(l, &links[FRONT]);
    }
    if (p[COURIER].revents & ~POLLOUT)
        hear(l, &links[COURIER]);
    enum err e = ledger_rest(l);
    if (e != OK)
        room_end(ROOM_LEDGER, ROOM_LEDGER, e);
    for (int i = 0; i < LINKS; i++)
        speak(&links[i]);
}

int ledger_main(void)
{
    if (sandbox_no_dumps() != OK || !room_fds_good(LEDGER_FDS))
        return ROOM_FAILED;
    log_open("oneseal-ttp", false, LOG_L_INFO);
    static const enum msg_room peer[LINKS] = {ROOM_PARENT, ROOM_FRONT, ROOM_VAULT, ROOM_COURIER};
    bool courier = fcntl(LEDGER_COURIER, F_GETFD) >= 0;
    for (int i = 0; i < LINKS; i++) {
        link_init(&links[i], i < COURIER || courier ? LEDGER_PARENT + i : -1, peer[i]);
        fcntl(links[i].fd, F_SETFL, O_NONBLOCK);
    }
    struct ledger_conf c = {.to_parent = &links[PARENT].out,
                            .to_front = &links[FRONT].out,
                            .to_vault = &links[VAULT].out,
                            .to_courier = courier ? &links[COURIER].out : NULL,
                            .confine = confine};
    struct ledger *l;
    if (ledger_new(&c, &l) != OK)
        return ROOM_FAILED;
    for (;;)
        turn(l);
}
