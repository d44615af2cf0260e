/* ledger_admin.h - what the operator commands, done in the ledger (rows LEDGER of admin.def). To add one: a row there
 * and
 *
 *     enum err ledger_admin_NAME(struct ledger *l, struct span words, uint16_t *status, struct buf *json)
 *
 * which writes one JSON object. An error becomes error JSON with status 500; to refuse, write
 * {"code","what","who","object","do"} itself, set *status and return OK. */
#ifndef TTP_LEDGER_ADMIN_H
#define TTP_LEDGER_ADMIN_H

#include "ttp/admin.h"
#include "ttp/ledger_own.h"

enum { LEDGER_ADMIN_MAX = 1 << 20 }; /* octets of one answer */

typedef enum err ledger_admin_do(struct ledger *l, struct span words, uint16_t *status, struct buf *json);
#define ADMIN_IS_LEDGER(name) ledger_admin_do ledger_admin_##name;
#define ADMIN_IS_PARENT(name)
#define ADMIN_IS_VAULT(name)
#define ADMIN(name, room, when, what) ADMIN_IS_##room(name)
#include "ttp/admin.def"
#undef ADMIN
#undef ADMIN_IS_LEDGER
#undef ADMIN_IS_PARENT
#undef ADMIN_IS_VAULT

/* Does the command and sends LEDGER_DONE. ERR_UNSUPPORTED: no command of the ledger. */
MUST_USE enum err ledger_admin(struct ledger *l, const struct msg_LEDGER_DO *m);

#endif
