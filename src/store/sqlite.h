/* sqlite.h - how to open the store on disk with other limits than the usual, and what it tells of itself. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/store.h"

struct batch_stats;
struct cache_stats;

enum { SCHEMA_VERSION = 2 }; /* version of the tables; an older file is brought up to it, a newer one refused */

struct sqlite_conf {
    const char *dir; /* made with mode 0700 when missing; one that others may enter is refused */
    bool power_loss; /* durable over a power loss, else over the end of the process */
    /* 0: the usual. Octets: rows kept for readers; page cache of each connection; memory map; the log's bound; the
     * largest file (usual: no limit). */
    int64_t row_cache, page_cache, mmap, wal_max, max;
    uint8_t fresh_instance[16]; /* the identity of a new store */
};

/* As store_sqlite, which is this with the usual limits. ERR_CONFIG: the folder may be entered by others, the file is
 * of another program or of a newer version. ERR_NOTNOW: another process has it open. ERR_IO, ERR_DISK, ERR_NOMEM. */
MUST_USE enum err sqlite_open(const struct sqlite_conf *conf, struct store **out);
/* Figures; `s` must be a store of sqlite_open. Call it on the writer thread. */
void sqlite_figures(struct store *s, struct batch_stats *batch, struct cache_stats *cache);

/* How long the writer should wait before it takes its queue (batch_wait_ns). On the writer thread. */
uint64_t sqlite_pause_ns(struct store *s);

#endif
