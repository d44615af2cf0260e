/* vault_command.h - MEF client commands (TS-0003 8.3.9; spec/security.md 6.7): what the operator wants a registered
 * client to do, one at a time. The operator queues; the first in the queue is the resource `cmd` below the client's
 * registration; the client reports a status by UPDATE and finds the next one in the answer. After the last of them
 * the vault issues NO_MORE_COMMANDS by itself, and when that is reported there is nothing.
 *
 * TABLE_COMMANDS: resource identifier of the MEF client registration -> identifier and status of the last one that was
 * reported, then of each that waits its identifier, the time it was queued, its description in JSON. */
#ifndef TTP_VAULT_COMMAND_H
#define TTP_VAULT_COMMAND_H

#include "m2m/mefcmd.h"
#include "ttp/vault_own.h"

enum {
    VAULT_COMMANDS_MAX = 16,     /* that wait for one client */
    VAULT_COMMAND_RETRY_S = 3600 /* after NO_MORE_COMMANDS */
};

/* Adds one behind those that wait; its identifier, MEFCMD_ID_MAX / 2 characters, into `id`. ERR_RANGE: a URI names
 * another host than this TTP; ERR_FULL: enough wait already; ERR_LIMIT, ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err vault_command_queue(struct vault *v, struct span reg, const struct mefcmd *c, struct buf *id);
/* Removes all of a registration that goes. */
MUST_USE enum err vault_command_forget(struct vault *v, struct span reg);
/* The member that names the outstanding command; nothing when there is none. */
void vault_command_put_child(struct jw *w, struct vault *v, struct span reg);
/* {"v":1,"waiting":[{"command","t","description"}],"last":{"command","status"}} for the operator. */
void vault_command_list(struct jw *w, struct vault *v, struct span reg);
/* One command as the operator writes it: CLASS and its arguments, words apart by a blank:
 * CERT_PROV EST|SCEP URI NODE|CSE|AE SUBJECT, DEV_CFG 1..4:URI, MO_NODE PATH 1..3 [SUID], NO_MORE DURATION.
 * NULL: read; otherwise what is wrong. */
const char *vault_command_read(struct span words, struct arena *a, struct mefcmd *out);

extern const struct vault_kind vault_kind_cmd_get, vault_kind_cmd_update;

#endif
