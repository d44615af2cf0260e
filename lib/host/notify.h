/* notify.h - the service manager's notify protocol (sd_notify(3)): one datagram, no library. */
#ifndef HOST_NOTIFY_H
#define HOST_NOTIFY_H

#include "base/buf.h"

/* Makes the socket now, for a process that gives up making sockets before it has something to say. OK without
 * NOTIFY_SOCKET. ERR_IO, ERR_SYNTAX. */
MUST_USE enum err notify_open(void);
/* Sends e.g. "READY=1\nSTATUS=serving". Without NOTIFY_SOCKET in the environment it does nothing and returns
 * OK. ERR_IO; ERR_SYNTAX: the address in the environment is neither a path nor abstract. */
MUST_USE enum err notify_send(const char *text);
/* Half of WATCHDOG_USEC in ms: how often to send "WATCHDOG=1"; 0 when nobody watches. */
int64_t notify_watchdog_ms(void);

#endif
