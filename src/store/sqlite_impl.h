/* sqlite_impl.h - shared by the files of the SQLite store and nobody else.
 *
 * Threads: `writer`, `own` and the change list belong to the writer thread; conn[slot] and reads[slot] to the loop of
 * that slot; `shared` is for all. */
#ifndef STORE_SQLITE_IMPL_H
#define STORE_SQLITE_IMPL_H

#include "store/batch.h"
#include "store/cache.h"
#include "store/sqlite.h"

#define BARE "rid, pid, ty, rn, alias, creator, ct, lt, et, st, cni, cbs, cs, subs, rank, spec"
#define FULL BARE ", body"

enum statement {
#define SQL(name, text) SQL_##name,
#include "store/sql/statements.def"
#undef SQL
    SQL__N
};

/* One connection with its prepared statements. */
struct conn {
    sqlite3 *db;
    sqlite3_stmt *st[SQL__N];
};

enum { CHANGES_MAX = 8192 }; /* more in one transaction: the caches are flushed instead */

/* What the present transaction did, for the caches. */
enum changed { CH_ROW, CH_COUNT, CH_NEW };
struct change {
    enum changed did;
    struct row row; /* CH_ROW: rid, pid, ty; CH_COUNT: and the counters; CH_NEW: all of it, when body is there */
    void *octets;   /* of CH_NEW; on the heap */
};

/* Counters of rows that the present transaction changed and did not write yet: a hundred instances created in one
 * container are one UPDATE of it. Whatever the writer reads is set right with them; COMMIT writes them first. */
enum { TALLIES = 1024 }; /* places; at most half are in use when a job begins */
struct tally {
    int64_t rid; /* 0: free */
    int64_t lt, st, cni, cbs, subs;
};
struct tally_log {
    size_t at;
    struct tally was; /* rid 0: it was not there */
};

struct sqlite_tx {
    struct store_tx head;
    struct conn *c;
    struct cache *cache;
    uint64_t turn;   /* of the cache, seen before the snapshot began */
    bool begun;      /* readers: BEGIN was run */
    bool save, open; /* writer: a savepoint is wanted; it was really set */
    int64_t lone;    /* writer: the one row that was put before; undoing is dropping it; 0: none */
    enum err lost;   /* writer: SQLite gave the whole transaction up, for this reason */
};

struct sqlite_store {
    struct store head;
    struct batch_conf conf;
    int lock_fd;
    struct batch *batch;
    struct conn writer;
    struct conn conn[STORE_SLOTS_MAX];
    struct sqlite_tx write_tx, reads[STORE_SLOTS_MAX];
    struct cache *shared;                                 /* committed rows, for the loops */
    struct cache *own;                                    /* rows as the writer's transaction sees them */
    int64_t next_rid, next_letter, kept_rid, kept_letter; /* next to give; what the file says */
    struct change *change;
    size_t nchange, capchange, mark; /* mark: their number at the savepoint */
    bool flush;                      /* too many: forget everything at commit */
    struct tally tally[TALLIES];
    size_t ntally, ntlog, captlog, tmark; /* tmark: length of the log at the savepoint */
    struct tally_log *tlog;
};

static inline struct sqlite_tx *sqlite_tx(struct store_tx *t)
{
    return (struct sqlite_tx *)(void *)t;
}
static inline struct sqlite_store *sqlite_home(struct store_tx *t)
{
    return (struct sqlite_store *)(void *)t->store;
}

/* A statement that reads, prepared when it is asked for the first time; a reader's snapshot is begun. As batch_err. */
MUST_USE enum err sqlite_stmt(struct store_tx *t, enum statement which, sqlite3_stmt **out);
/* A statement that changes: the savepoint is set, if one is wanted. */
MUST_USE enum err sqlite_change_stmt(struct store_tx *t, enum statement which, sqlite3_stmt **out);
/* The same for a row put before anything else was changed: no savepoint yet; the caller then sets `lone`. False when
 * there is something before it or no savepoint is wanted. */
bool sqlite_first_change(struct store_tx *t);
/* Runs a statement to its end and resets it. */
MUST_USE enum err sqlite_run(struct store_tx *t, sqlite3_stmt *s);
/* What `rc` of a step means; notices a transaction that SQLite gave up. */
MUST_USE enum err sqlite_said(struct store_tx *t, int rc);
/* Texts: the empty span is NULL when `null`, else an empty text. */
void sqlite_bind(sqlite3_stmt *s, int at, struct span v, bool null);
/* A copy of a column; the empty span for NULL. */
struct span sqlite_text(sqlite3_stmt *s, int col, struct arena *a);

/* The writer remembers a change for the caches. CH_NEW copies the row when somebody waits for it. */
MUST_USE enum err sqlite_changed(struct store_tx *t, enum changed did, const struct row *r);
void sqlite_changes_back(struct sqlite_store *s, size_t mark); /* undone: they never were */
void sqlite_changes_done(struct sqlite_store *s);              /* committed: tell the readers' cache */

/* sqlite_tally.c. False: no room (or no memory), write it at once. */
bool sqlite_tally_put(struct sqlite_store *s, const struct row *r);
/* set wrote the row with these counters: they replace what waits. False: no memory. */
bool sqlite_tally_set(struct sqlite_store *s, const struct row *r);
/* Sets the counters of a row that was read right. */
void sqlite_tally_patch(const struct sqlite_store *s, struct row *r);
void sqlite_tally_back(struct sqlite_store *s, size_t mark);
/* Writes all. Only outside of a job. */
MUST_USE enum err sqlite_tally_write(struct store_tx *t);
void sqlite_tally_forget(struct sqlite_store *s);

extern const struct store_ops sqlite_ops;

enum err sqlite_get(struct store_tx *t, int64_t rid, struct arena *a, struct row *out);
enum err sqlite_child(struct store_tx *t, int64_t pid, struct span rn, struct arena *a, struct row *out);
enum err sqlite_alias(struct store_tx *t, struct span alias, struct arena *a, struct row *out);
enum err sqlite_newest(struct store_tx *t, int64_t pid, uint32_t ty, int64_t now, struct arena *a, struct row *out);
enum err sqlite_oldest(struct store_tx *t, int64_t pid, uint32_t ty, int64_t now, struct arena *a, struct row *out);
enum err sqlite_ranked(struct store_tx *t, int64_t pid, uint32_t ty, int64_t lo, int64_t hi, bool last, int64_t now,
                       struct arena *a, struct row *out);
enum err sqlite_list(struct store_tx *t, int64_t pid, uint32_t ty, int64_t after, size_t max, bool bare,
                     struct arena *a, struct rows *out);
enum err sqlite_find(struct store_tx *t, enum find_by by, uint32_t ty, struct span label, int64_t after, size_t max,
                     bool bare, struct arena *a, struct rows *out);
enum err sqlite_estimate(struct store_tx *t, enum find_by by, uint32_t ty, struct span label, int64_t max, int64_t *n);
enum err sqlite_next_type(struct store_tx *t, int64_t pid, uint32_t ty, uint32_t *out);
enum err sqlite_expired(struct store_tx *t, int64_t now, size_t max, struct arena *a, struct rows *out);
enum err sqlite_next_et(struct store_tx *t, int64_t *et);
enum err sqlite_next_rid(struct store_tx *t, int64_t *rid);
enum err sqlite_put(struct store_tx *t, const struct row *r);
enum err sqlite_set(struct store_tx *t, const struct row *r);
enum err sqlite_count(struct store_tx *t, const struct row *r);
enum err sqlite_drop(struct store_tx *t, int64_t rid);
enum err sqlite_clear(struct store_tx *t, int64_t pid, uint32_t ty, int64_t *n);
enum err sqlite_letter_put(struct store_tx *t, struct letter *l);
enum err sqlite_letters_due(struct store_tx *t, int64_t now, int64_t after, size_t max, struct arena *a,
                            struct letter **out, size_t *n);
enum err sqlite_letter_next(struct store_tx *t, int64_t *due);
enum err sqlite_letter_done(struct store_tx *t, int64_t id);
enum err sqlite_letter_delay(struct store_tx *t, int64_t id, int64_t due, uint32_t tries);
enum err sqlite_letters_drop(struct store_tx *t, int64_t sub);
enum err sqlite_letters_count(struct store_tx *t, int64_t sub, int64_t *n);
enum err sqlite_letters_lane(struct store_tx *t, int64_t sub, int64_t tgt, int64_t after, size_t max, struct arena *a,
                             struct letter **out, size_t *n);
enum err sqlite_letters_in(struct store_tx *t, int64_t sub, int64_t tgt, int64_t *n);
enum err sqlite_letters_wake(struct store_tx *t, int64_t sub, int64_t tgt, int64_t due);
enum err sqlite_alarm_set(struct store_tx *t, int64_t kind, int64_t rid, int64_t due);
enum err sqlite_alarm_get(struct store_tx *t, int64_t kind, int64_t rid, int64_t *due);
enum err sqlite_alarms_due(struct store_tx *t, int64_t now, size_t max, struct arena *a, struct alarm **out, size_t *n);
enum err sqlite_alarm_next(struct store_tx *t, int64_t *due);
enum err sqlite_alarms_drop(struct store_tx *t, int64_t rid);
enum err sqlite_state_get(struct store_tx *t, struct span key, struct arena *a, struct span *out);
enum err sqlite_state_put(struct store_tx *t, struct span key, struct span octets);
enum err sqlite_state_drop(struct store_tx *t, struct span key);

#endif
