/* ledger.h - the room that keeps things: registrations, wrapped keys, records, log, snapshots, in one SQLite file. It
 * holds no key and no socket; what it keeps is sealed or MACed by the vault, so that it can lose or withhold but not
 * change (e2e.md 6). Runs without processes too: messages go in by the gate, answers come out as frames in buffers. */
#ifndef TTP_LEDGER_H
#define TTP_LEDGER_H

#include "ttp/msg.h"

struct ledger;

struct ledger_conf {
    struct buf *to_parent, *to_front, *to_vault; /* where frames are written; belong to the caller */
    struct buf *to_courier;                      /* NULL: there is none */
    enum err (*confine)(void *ctx);              /* called when the database is open; NULL: nothing */
    void *ctx;
};
/* ERR_NOMEM. */
MUST_USE enum err ledger_new(const struct ledger_conf *conf, struct ledger **out);
/* Closes the database. NULL is fine. */
void ledger_free(struct ledger *l);
/* Once after each turn of messages: what was opened to look rows up is closed. */
MUST_USE enum err ledger_rest(struct ledger *l);
/* The end for msg_receive. Lives as long as the ledger. */
const struct msg_end *ledger_end(const struct ledger *l);

#endif
