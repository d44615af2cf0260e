/* ledger_rekey.h - what a re-keying and a shred need of the database (vault_work.h). A handler for each message of that
 * name. */
#ifndef TTP_LEDGER_REKEY_H
#define TTP_LEDGER_REKEY_H

#include "ttp/ledger_own.h"

MUST_USE enum err ledger_sweep(struct ledger *l, const struct msg_SWEEP *q);
MUST_USE enum err ledger_tombs_read(struct ledger *l, uint64_t n);
/* Inside of a batch; an error spoils it. */
MUST_USE enum err ledger_keys(struct ledger *l, const struct msg_KEYS *k);
/* Empties the write-ahead log, so that no page of before stays in it. Another connection that reads may prevent it:
 * then it is tried again after the next commit. */
void ledger_purge(struct ledger *l);

#endif
