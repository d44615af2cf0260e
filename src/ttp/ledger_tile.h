/* ledger_tile.h - tiles of the log (C2SP tlog-tiles), read from the complete subtrees that the ledger keeps. */
#ifndef TTP_LEDGER_TILE_H
#define TTP_LEDGER_TILE_H

#include "ttp/msg.h"

enum {
    TILE_WIDTH = 256,   /* hashes of a full tile: eight levels of the tree */
    TILE_LEVELS = 8,    /* levels of tiles that 2^63 leaves need */
    TILE_ENTRIES = 255, /* instead of a level: the entries themselves */
};

struct ledger;
/* Answers TILE_READ: 200 with the octets, or 404. */
MUST_USE enum err ledger_tile_read(struct ledger *l, const struct msg_TILE_READ *q);

#endif
