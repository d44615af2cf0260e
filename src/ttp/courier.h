/* courier.h - the room that speaks outwards: to partner TTPs and to witnesses of the log, and to nobody else.
 *
 * The front takes what comes in and cannot connect; the courier connects and takes nothing in. It has no disk, no key
 * and no listening socket, shows no certificate, and goes only to the targets that the parent names before the room is
 * locked: address (looked up by the parent), CA, name. What it carries is signed by whoever made it, so that it is
 * trusted with nothing but to carry. It runs only when the configuration has a [witness NAME] or a [peer FQDN].
 *
 * The parent's part (parent_courier.c) writes one COURIER_START into a socket pair and closes it. The ledger's part
 * (ledger_courier.c) hands on what the vault posts, and submits heads to witnesses. */
#ifndef TTP_COURIER_H
#define TTP_COURIER_H

enum {
    COURIER_TARGETS_MAX = 64,      /* peers and witnesses together */
    COURIER_FLIGHT_MAX = 64,       /* requests under way; further ones are answered with status 0 at once */
    COURIER_TIME_MS = 10000,       /* for one request, connecting included in its own half */
    COURIER_BODY_MAX = 1536 << 10, /* octets of an answer */
    COURIER_TICK_MS = 5000         /* so often the ledger is told that time goes by: it has no clock */
};

#endif
