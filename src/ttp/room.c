#include "ttp/room.h"

#include "host/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

_Noreturn void room_end(enum msg_room me, enum msg_room peer, enum err e)
{
    if (e == ERR_CLOSED)
        _exit(ROOM_ALONE);
    LOG(LOG_L_ERROR, "room-ends", log_str("room", msg_room_name(me)), log_str("because-of", msg_room_name(peer)),
        log_err("error", e), log_str("what", err_text(e)));
    _exit(ROOM_FAILED);
}

bool room_fds_good(int n)
{
    for (int fd = 3; fd < 3 + n; fd++)
        if (fcntl(fd, F_GETFD) < 0) {
            fputs("oneseal-ttp: rooms are started by oneseal-ttp itself; use oneseal-ttp -c FILE\n", stderr);
            return false;
        }
    return true;
}
