/* batch.h - a SQLite file with one writing connection: group commit and a bounded write-ahead log.
 *
 * Used by the CSE's store and by the TTP's ledger, which keep their own statements. One thread owns the
 * writing connection; reading connections (batch_connect) belong to a thread each. Durability is
 * SQLite's: WAL with synchronous=FULL survives a power loss, NORMAL the death of the process.
 *
 * Nobody checkpoints inside COMMIT (measured: the one stall that hurt the 99th percentile). A helper
 * thread with its own connection checkpoints passively when the log grew by `passive_bytes`; a passive
 * checkpoint alone let the log grow to 1 GB under constant load, so batch_commit truncates it when it is
 * larger than `wal_max`. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include <sqlite3.h>

#include "base/span.h"

enum {
    BATCH_PASSIVE_BYTES = 16 << 20, /* growth of the log after which the helper checkpoints */
    BATCH_WAL_MAX = 64 << 20,       /* the writer truncates a log larger than this */
    BATCH_CACHE_BYTES = 8 << 20,    /* page cache of one connection */
    BATCH_BUSY_MS = 5000,           /* wait for a lock that another connection holds */
    BATCH_TRUNCATE_MS = 50,         /* the same while truncating the log */
    BATCH_WAIT_MAX_NS = 2000 * 1000 /* batch_wait_ns never says more */
};

struct batch_conf {
    const char *path;      /* the file; its folder exists and has mode 0700. Copied. */
    bool power_loss;       /* true: synchronous=FULL; false: NORMAL */
    int64_t cache_bytes;   /* 0: BATCH_CACHE_BYTES */
    int64_t mmap_bytes;    /* 0: no memory map */
    int64_t wal_max;       /* 0: BATCH_WAL_MAX */
    int64_t max_bytes;     /* 0: no limit; the file grows no further (ERR_DISK) */
    int64_t passive_bytes; /* 0: BATCH_PASSIVE_BYTES */
};

struct batch_stats {
    uint64_t commits, passive, truncated, truncate_busy;
    uint64_t wal_bytes;   /* size of the log after the last commit */
    uint64_t mean_commit; /* nanoseconds, moving mean over about 16 commits */
};

struct batch;

/* Opens or creates the file (mode 0600; the log and its index inherit it), sets the pragmas, starts the
 * helper. *out belongs to the caller. ERR_IO, ERR_DISK, ERR_NOMEM, ERR_NOTNOW (another process writes). */
MUST_USE enum err batch_open(const struct batch_conf *conf, struct batch **out);
/* Stops the helper, checkpoints, closes. NULL is fine. Statements on batch_db must be finalised before. */
void batch_close(struct batch *b);
/* The writing connection, for preparing statements. Belongs to the batch. */
sqlite3 *batch_db(struct batch *b);

/* BEGIN IMMEDIATE. ERR_IO, ERR_DISK, ERR_TIMEOUT (somebody else holds the lock). */
MUST_USE enum err batch_begin(struct batch *b);
/* COMMIT, durable when it returns OK; then bounds the log. After an error everything since batch_begin
 * is undone and no transaction is open. ERR_IO, ERR_DISK. */
MUST_USE enum err batch_commit(struct batch *b);
/* ROLLBACK; harmless without a transaction. */
void batch_abort(struct batch *b);
/* How long a writer should wait between its wake-up and taking the queue: an eighth of the mean commit
 * time. Clients that wait for their answer before they ask again otherwise fall into two halves that
 * commit in turn (measured: 13,300 -> 18,000 creates a second on a 4 ms disk). */
uint64_t batch_wait_ns(const struct batch *b);
/* Only on the thread that commits. */
struct batch_stats batch_stats(struct batch *b);

/* Another connection to the same file, reading only (queries that write fail). *out is closed by the
 * caller with sqlite3_close. ERR_IO, ERR_NOMEM. */
MUST_USE enum err batch_connect(const struct batch_conf *conf, sqlite3 **out);

/* What a SQLite result code means here: SQLITE_OK, ROW, DONE -> OK; FULL -> ERR_DISK; NOMEM -> ERR_NOMEM;
 * BUSY, LOCKED -> ERR_TIMEOUT; CONSTRAINT -> ERR_EXISTS; CORRUPT, NOTADB -> ERR_SYNTAX; the rest -> ERR_IO,
 * or ERR_DISK when the system said "no space". */
MUST_USE enum err batch_err(sqlite3 *db, int rc);

#endif
