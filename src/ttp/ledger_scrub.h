/* ledger_scrub.h - the ledger's part of a scrub (vault_scrub.h): it shows everything it has, and checks what needs no
 * key: the inner nodes of the tree, rows that name no record, and SQLite's pages and indices. */
#ifndef TTP_LEDGER_SCRUB_H
#define TTP_LEDGER_SCRUB_H

#include "ttp/msg.h"

enum {
    LEDGER_SCRUB_PAGE = 256,
    /* streams shown at a time */ LEDGER_SCRUB_TELL = 16 /* faults of SQLite that are told */
};

struct ledger;
MUST_USE enum err ledger_scrub(struct ledger *l, const struct msg_SCRUB *m);
MUST_USE enum err ledger_scrub_look(struct ledger *l, const struct msg_SCRUB_LOOK *m);
MUST_USE enum err ledger_scrub_rest(struct ledger *l, const struct msg_SCRUB_REST *m);

#endif
