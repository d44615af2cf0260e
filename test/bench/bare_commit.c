/* bare_commit - how many rows a second SQLite takes with group commit and nothing around it: the peer of durable
 * CREATE. One thread, the store's own schema and statements, a transaction for `connections` instances and the
 * counters of their container, synchronous=FULL.
 *
 *   bare_commit --db FILE [--connections 128] [--seconds 4] [--body OCTETS]
 *
 * prints {"commits_per_s":..,"rows_per_s":..,"cpu_us":..,"rows":..}; cpu_us is processor time for each row. FILE must
 * not exist; it and its log are removed at the end. */
#include <sqlite3.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/span.h"

#define BARE "rid, pid, ty, rn, alias, creator, ct, lt, et, st, cni, cbs, cs, subs, rank, spec"
#define FULL BARE ", body"

enum { BODY = 720 }; /* octets of the row of an instance that holds a sealed reading of 256 octets */

static const char *const schema[] = {
#define SCHEMA(text) text,
#define UPGRADE(version, text)
#include "store/sql/schema.def"
#undef SCHEMA
#undef UPGRADE
};

enum {
#define SQL(name, text) SQL_##name,
#include "store/sql/statements.def"
#undef SQL
};
static const char *const texts[] = {
#define SQL(name, text) [SQL_##name] = text,
#include "store/sql/statements.def"
#undef SQL
};

struct bare {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *put, *count;
    const char *file;
    long connections, seconds, body;
    char *text;
    int64_t rows, commits, log_pages;
};

static void die(struct bare *b, const char *what)
{
    fprintf(stderr, "bare_commit: %s: %s\n", what, b->db ? sqlite3_errmsg(b->db) : "");
    exit(1);
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void step(struct bare *b, sqlite3_stmt *s)
{
    if (sqlite3_step(s) != SQLITE_DONE)
        die(b, "step");
    sqlite3_reset(s);
}

static sqlite3_stmt *prepare(struct bare *b, const char *sql)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v3(b->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
        die(b, sql);
    return s;
}

static void run(struct bare *b, const char *sql)
{
    if (sqlite3_exec(b->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(b, sql);
}

static int log_grew(void *cookie, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct bare *)cookie)->log_pages = pages;
    return SQLITE_OK;
}

static void open_file(struct bare *b)
{
    if (access(b->file, F_OK) == 0)
        die(b, "the file exists");
    if (sqlite3_open_v2(b->file, &b->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
        die(b, "open");
    run(b, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-8192");
    for (size_t i = 0; i < LEN(schema); i++)
        run(b, schema[i]);
    sqlite3_wal_hook(b->db, log_grew, b);
    b->begin = prepare(b, "BEGIN IMMEDIATE");
    b->commit = prepare(b, "COMMIT");
    b->put = prepare(b, texts[SQL_PUT]);
    b->count = prepare(b, texts[SQL_COUNT]);
}

/* ?1 rid ?2 pid ?3 ty ?6 creator ?7 ct ?8 lt ?9 et ?13 cs ?17 body, as the store binds them for an instance. */
static void put(struct bare *b, int64_t rid, int64_t pid, int ty, int64_t now)
{
    sqlite3_bind_int64(b->put, 1, rid);
    sqlite3_bind_int64(b->put, 2, pid);
    sqlite3_bind_int(b->put, 3, ty);
    sqlite3_bind_text(b->put, 6, "Cbench", 6, SQLITE_STATIC);
    for (int i = 7; i <= 9; i++)
        sqlite3_bind_int64(b->put, i, now + (i == 9 ? 157680000000 : 0));
    for (int i = 10; i <= 14; i++)
        sqlite3_bind_int64(b->put, i, i == 13 ? b->body : 0);
    sqlite3_bind_text(b->put, 16, "", 0, SQLITE_STATIC);
    sqlite3_bind_text(b->put, 17, b->text, (int)b->body, SQLITE_STATIC);
    step(b, b->put);
}

static void one_batch(struct bare *b)
{
    int64_t now = 1767225600000 + b->commits;
    step(b, b->begin);
    for (long i = 0; i < b->connections; i++)
        put(b, 2 + b->rows++, 1, 4, now);
    sqlite3_bind_int64(b->count, 1, 1);
    for (int i = 2; i <= 6; i++)
        sqlite3_bind_int64(b->count, i, b->rows);
    step(b, b->count);
    step(b, b->commit);
    b->commits++;
    if (b->log_pages > (64 << 20) / 4096) {
        sqlite3_wal_checkpoint_v2(b->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        b->log_pages = 0;
    }
}

static void measure(struct bare *b)
{
    step(b, b->begin);
    put(b, 1, 0, 3, 1767225600000);
    step(b, b->commit);
    double t0 = seconds_of(CLOCK_MONOTONIC), cpu0 = seconds_of(CLOCK_PROCESS_CPUTIME_ID), t = t0;
    for (; t < t0 + (double)b->seconds; t = seconds_of(CLOCK_MONOTONIC))
        one_batch(b);
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu0, took = t - t0;
    printf("{\"commits_per_s\":%.1f,\"rows_per_s\":%.1f,\"cpu_us\":%.3f,\"rows\":%lld}\n", (double)b->commits / took,
           (double)b->rows / took, cpu * 1e6 / (double)b->rows, (long long)b->rows);
}

static void clean_up(struct bare *b)
{
    sqlite3_finalize(b->begin);
    sqlite3_finalize(b->commit);
    sqlite3_finalize(b->put);
    sqlite3_finalize(b->count);
    sqlite3_close(b->db);
    unlink(b->file);
    free(b->text);
}

static void read_arguments(struct bare *b, int argc, char **argv)
{
    static const char *const names[] = {"--connections", "--seconds", "--body"};
    long *const values[] = {&b->connections, &b->seconds, &b->body};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--db") == 0)
            b->file = argv[i + 1];
        for (size_t k = 0; k < LEN(names); k++)
            if (strcmp(argv[i], names[k]) == 0)
                *values[k] = strtol(argv[i + 1], NULL, 10);
    }
    if (argc % 2 == 0 || !b->file || b->connections < 1 || b->seconds < 1 || b->body < 1) {
        fprintf(stderr, "usage: bare_commit --db FILE [--connections N] [--seconds S] [--body OCTETS]\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct bare b = {.connections = 128, .seconds = 4, .body = BODY};
    read_arguments(&b, argc, argv);
    b.text = malloc((size_t)b.body);
    if (!b.text)
        return 1;
    for (long i = 0; i < b.body; i++)
        b.text[i] = (char)('a' + i % 26);
    open_file(&b);
    measure(&b);
    clean_up(&b);
    return 0;
}
