/* room.h - what the parent and a room agree on: the role flag and the numbers of the descriptors. A room has standard
 * error, these, and nothing else. */
#ifndef TTP_ROOM_H
#define TTP_ROOM_H

#include <sys/types.h>

#include "ttp/link.h"

/* Descriptors of each room, in order from 3. */
enum room_fd {
    FRONT_PARENT = 3,
    FRONT_LEDGER = 4,
    FRONT_LISTEN = 5, /* bound and listening */
    FRONT_FDS = 3,

    LEDGER_PARENT = 3,
    LEDGER_FRONT = 4,
    LEDGER_VAULT = 5,
    LEDGER_FDS = 3,
    LEDGER_COURIER = 6, /* only when there is a courier */

    COURIER_PARENT = 3, /* one message, then closed */
    COURIER_LEDGER = 4,
    COURIER_FDS = 2,

    VAULT_PARENT = 3,
    VAULT_LEDGER = 4,
    VAULT_PIPE = 5, /* the unsealer writes RK here */
    VAULT_FDS = 3,
    VAULT_HALL = 6, /* there only with [teller] listen */

    HALL_PARENT = 3,
    HALL_VAULT = 4,
    HALL_LISTEN = 5, /* bound and listening; the hall never accepts, its tellers do */
    HALL_FDS = 3,

    TELLER_HALL = 3,
    TELLER_LISTEN = 4,
    TELLER_FDS = 2,

    UNSEALER_PASS = 3,    /* the operator's secret: a file or a pipe */
    UNSEALER_CUSTODY = 4, /* custody file */
    UNSEALER_XK = 5,
    UNSEALER_PIPE = 6,   /* RK to the vault */
    UNSEALER_SAY = 7,    /* lines to the parent */
    UNSEALER_DEVICE = 8, /* TPM */
    UNSEALER_FDS = 6
};

/* Exit statuses of a room. */
enum { ROOM_DONE = 0, ROOM_FAILED = 1, ROOM_ALONE = 3 /* a neighbour or the parent went away */ };

/* Ends the process at once with a line on standard error: the peer and what was wrong with it. */
_Noreturn void room_end(enum msg_room me, enum msg_room peer, enum err e);
/* In the child of a fork: exactly these descriptors from 3 on (at most ROOM_FDS_MOST), then this program again with
 * --room=ROLE. It dies with `parent`, its starter. */
enum { ROOM_FDS_MOST = UNSEALER_FDS };
_Noreturn void room_become(const char *role, const int *fd, int n, pid_t parent);
/* Did the descriptors come as the parent gives them? Says so on standard error when not. */
bool room_fds_good(int n);

int front_main(void);
int ledger_main(void);
int vault_main(void);
int unsealer_main(void);
int courier_main(void);
int hall_main(void);
int teller_main(void);
int parent_main(int argc, char **argv);

#endif
