/* hall.h - the room that starts tellers. It holds the listening socket (and never accepts), hands each teller the
 * server's certificate and the vault's till key, and passes wrapped boxes between tellers and vault, one at a time for
 * each teller. It can read none of them, and what a teller does wrong ends that teller only.
 *
 * Tellers are started ahead: a spare one has gone through the loader, read its key and locked its cell before it takes
 * a connection, so that nobody waits for that and no octet of the network meets a process that is not confined. */
#ifndef TTP_HALL_H
#define TTP_HALL_H

enum {
    HALL_TELLERS_MAX = 32, /* processes at a time; connections beyond that wait in the kernel's queue */
    HALL_SPARE = 2,        /* of these, how many wait for a connection */
    HALL_LIFE_MS = 150000, /* a connection that lasts longer is cut; tellers end it sooner themselves */
    HALL_QUICK_MAX = 8,    /* tellers in a row that end before they are up: then something is wrong with all */
    HALL_TURN_MS = 1000
};

#endif
