/* ledger_db.h - the ledger's SQLite file: statements in ledger_sql.def, group commit in store/batch. */
#ifndef TTP_LEDGER_DB_H
#define TTP_LEDGER_DB_H

#include <sqlite3.h>

#include "store/batch.h"
#include "ttp/kind.h"
#include "ttp/row.h"

enum ledger_sql {
#define SQL(name, text) SQL_##name,
#include "ttp/ledger_sql.def"
#undef SQL
    SQL__N
};

struct ledger_db {
    struct batch *batch;
    sqlite3_stmt *st[SQL__N];
    bool looking; /* a transaction of ledger_db_look is open */
    int folder;   /* for the free space of its file system; -1 */
};
/* Opens or creates. ERR_IO, ERR_DISK, ERR_NOTNOW (another process writes), ERR_SYNTAX (no ledger). */
MUST_USE enum err ledger_db_open(struct ledger_db *d, const char *path);
void ledger_db_close(struct ledger_db *d);

/* Binds from position 1: 'i' uint64_t, 'b' struct span as BLOB, 't' struct span as TEXT; then steps once.
 * OK: a row is there (SELECT); ERR_NOTFOUND: none, or done; else batch_err. Reset with ledger_db_done. */
MUST_USE enum err ledger_db_step(struct ledger_db *d, enum ledger_sql sql, const char *types, ...);
MUST_USE enum err ledger_db_next(struct ledger_db *d, enum ledger_sql sql);
void ledger_db_done(struct ledger_db *d, enum ledger_sql sql);
/* A statement that gives no row. */
#define LEDGER_RUN(d, sql, ...) ledger_db_ran((d), (sql), ledger_db_step((d), (sql), __VA_ARGS__))
MUST_USE enum err ledger_db_ran(struct ledger_db *d, enum ledger_sql sql, enum err e);
/* Columns of the present row; the span is valid until the next step or done. */
struct span ledger_db_blob(struct ledger_db *d, enum ledger_sql sql, int column);
uint64_t ledger_db_u64(struct ledger_db *d, enum ledger_sql sql, int column);

/* A registration. ERR_EXISTS: the kid is there already. */
MUST_USE enum err ledger_db_row_put(struct ledger_db *d, const struct row *r, struct span sealed);
/* Finds by kid; pair: the row of a pair that waits. Texts live until ledger_db_done(d, SQL_ROW_GET). ERR_NOTFOUND;
 * ERR_SYNTAX (a column of wrong size). */
MUST_USE enum err ledger_db_row_get(struct ledger_db *d, struct span kid, bool pair, struct row *r,
                                    struct span *sealed);
/* The row that one of the statements ROW_ALL, ROW_BEFORE, ROW_BEFORE_OF stands on, its rowid and kid_key. ERR_SYNTAX.
 */
MUST_USE enum err ledger_db_row_at(struct ledger_db *d, enum ledger_sql sql, struct row *r, struct span *sealed,
                                   uint64_t *at, struct span *key);
/* The row that a statement "SELECT @COLUMNSsealed,kid_key" stands on. ERR_SYNTAX: a column of wrong size. */
MUST_USE enum err ledger_db_row_here(struct ledger_db *d, enum ledger_sql sql, struct row *r, struct span *sealed,
                                     struct span *kid_key);
/* The nth pair of a stream that waits, until ledger_db_done(d, SQL_PAIR_NTH). The same errors. */
MUST_USE enum err ledger_db_pair_nth(struct ledger_db *d, struct span iss, struct span sid, uint64_t now, uint64_t nth,
                                     struct row *r, struct span *sealed);
/* Looking up many rows in one transaction costs less than a transaction each: begins one unless it is there. */
MUST_USE enum err ledger_db_look(struct ledger_db *d);
/* Ends it; harmless without one. Before anything is written, and before the room waits. */
MUST_USE enum err ledger_db_looked(struct ledger_db *d);
/* Octets free on the file system; UINT64_MAX when it cannot be told. */
uint64_t ledger_db_free(const struct ledger_db *d);
/* The same as the rooms use it; ENOUGH when it cannot be told. */
enum ttp_space ledger_db_space(const struct ledger_db *d);

#endif
