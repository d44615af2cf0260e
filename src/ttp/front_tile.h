/* front_tile.h - the paths of C2SP tlog-tiles below /log: tile/<L>/<N>[.p/<W>] and tile/entries/<N>[.p/<W>].
 *
 * N is written in groups of three digits with an x before all but the last: 1234067 is x001/x234/067. Anybody may read
 * tiles, checkpoint and cosigned head, with or without a certificate: they tell how fast the log grows and nothing else
 * (decision 080). A tile never changes, so that a cache may keep it. */
#ifndef TTP_FRONT_TILE_H
#define TTP_FRONT_TILE_H

#include "ttp/front.h"

/* What stands behind "/log/tile/". width 0: the full tile. */
struct front_tile {
    uint8_t level; /* TILE_ENTRIES: entries */
    uint64_t n;
    uint8_t width;
};
/* ERR_SYNTAX: no tile's path. */
MUST_USE enum err front_tile_parse(struct span path, struct front_tile *out);
/* False: the path is none of these. */
bool front_tile_handle(struct front *f, struct http_req *r);
/* Sends an answer of type TYPE_TILE. */
void front_tile_answer(struct front *f, struct http_req *r, const struct msg_ANSWER *m);

#endif
