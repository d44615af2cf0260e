#include "store/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "host/heap.h"

struct batch {
    struct batch_conf conf;
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *abort;
    struct batch_stats st; /* the writer's own; the helper counts in `passive` */
    int page;              /* octets of a page */
    int64_t wal_pages;     /* set by the log's hook at each commit */
    int64_t told_at;       /* pages of the log when the helper was last told */
    int64_t next_try;      /* pages of the log at which truncating is tried again after it was busy */

    pthread_t helper;
    bool helper_runs;
    sqlite3 *helper_db;
    pthread_mutex_t checkpointing; /* SQLite refuses a second checkpoint at once and does not wait for the first */
    pthread_mutex_t lock;          /* guards the three below */
    pthread_cond_t wake;
    bool due, stop;
    uint64_t passive;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static enum err io_err(sqlite3 *db)
{
    int sys = db ? sqlite3_system_errno(db) : 0;
    return sys == ENOSPC || sys == EDQUOT ? ERR_DISK : ERR_IO;
}

enum err batch_err(sqlite3 *db, int rc)
{
    static const struct {
        int rc;
        enum err e;
    } rows[] = {
        {SQLITE_OK, OK},
        {SQLITE_ROW, OK},
        {SQLITE_DONE, OK},
        {SQLITE_FULL, ERR_DISK},
        {SQLITE_NOMEM, ERR_NOMEM},
        {SQLITE_BUSY, ERR_TIMEOUT},
        {SQLITE_LOCKED, ERR_TIMEOUT},
        {SQLITE_CONSTRAINT, ERR_EXISTS},
        {SQLITE_CORRUPT, ERR_SYNTAX},
        {SQLITE_NOTADB, ERR_SYNTAX},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].rc == (rc & 0xff))
            return rows[i].e;
    return io_err(db);
}

static enum err run(sqlite3 *db, const char *sql)
{
    return batch_err(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static enum err run_number(sqlite3 *db, const char *pragma, int64_t value)
{
    char sql[128];
    snprintf(sql, sizeof sql, "PRAGMA %s=%lld", pragma, (long long)value);
    return run(db, sql);
}

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value ? value : fallback;
}

static enum err connect_file(const struct batch_conf *c, int flags, sqlite3 **out)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(c->path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    enum err e = batch_err(db, rc);
    if (e == OK)
        e = batch_err(db, sqlite3_busy_timeout(db, BATCH_BUSY_MS));
    if (e == OK)
        e = run_number(db, "cache_size", -(or_default(c->cache_bytes, BATCH_CACHE_BYTES) / 1024));
    if (e == OK)
        e = run_number(db, "mmap_size", c->mmap_bytes);
    if (e == OK)
        e = run(db, "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON");
    if (e != OK) {
        sqlite3_close(db);
        return e;
    }
    *out = db;
    return OK;
}

enum err batch_connect(const struct batch_conf *conf, sqlite3 **out)
{
    /* Not SQLITE_OPEN_READONLY: a reader of a WAL file writes its locks. query_only refuses the rest. */
    TRY(connect_file(conf, SQLITE_OPEN_READWRITE, out));
    enum err e = run(*out, "PRAGMA query_only=ON");
    if (e != OK)
        sqlite3_close(*out);
    return e;
}

static int log_grew(void *cookie, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct batch *)cookie)->wal_pages = pages;
    return SQLITE_OK;
}

static void *helper_main(void *cookie)
{
    struct batch *b = cookie;
    pthread_mutex_lock(&b->lock);
    while (!b->stop) {
        if (!b->due) {
            pthread_cond_wait(&b->wake, &b->lock);
            continue;
        }
        b->due = false;
        pthread_mutex_unlock(&b->lock);
        /* Whatever comes of it: a checkpoint that fails is tried again, the log keeps everything. */
        pthread_mutex_lock(&b->checkpointing);
        sqlite3_wal_checkpoint_v2(b->helper_db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        pthread_mutex_unlock(&b->checkpointing);
        pthread_mutex_lock(&b->lock);
        b->passive++;
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static enum err helper_start(struct batch *b)
{
    TRY(connect_file(&b->conf, SQLITE_OPEN_READWRITE, &b->helper_db));
    if (pthread_create(&b->helper, NULL, helper_main, b) != 0)
        return ERR_NOMEM;
    b->helper_runs = true;
    return OK;
}

static enum err prepare(struct batch *b, const char *sql, sqlite3_stmt **out)
{
    return batch_err(b->db, sqlite3_prepare_v3(b->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL));
}

static enum err read_page_size(struct batch *b)
{
    sqlite3_stmt *s = NULL;
    TRY(prepare(b, "PRAGMA page_size", &s));
    enum err e = batch_err(b->db, sqlite3_step(s));
    b->page = e == OK ? sqlite3_column_int(s, 0) : 0;
    sqlite3_finalize(s);
    return e == OK && b->page <= 0 ? ERR_IO : e;
}

static enum err make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_DISK : ERR_IO;
    close(fd);
    return OK;
}

static enum err open_parts(struct batch *b)
{
    TRY(make_private(b->conf.path));
    TRY(connect_file(&b->conf, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &b->db));
    TRY(run(b->db, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0"));
    TRY(run(b->db, b->conf.power_loss ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
    TRY(read_page_size(b));
    if (b->conf.max_bytes > 0)
        TRY(run_number(b->db, "max_page_count", b->conf.max_bytes / b->page));
    TRY(prepare(b, "BEGIN IMMEDIATE", &b->begin));
    TRY(prepare(b, "COMMIT", &b->commit));
    TRY(prepare(b, "ROLLBACK", &b->abort));
    sqlite3_wal_hook(b->db, log_grew, b);
    return helper_start(b);
}

enum err batch_open(const struct batch_conf *conf, struct batch **out)
{
    struct batch *b = calloc(1, sizeof *b);
    if (!b)
        return ERR_NOMEM;
    b->conf = *conf;
    b->conf.path = xstrdup(conf->path);
    b->conf.wal_max = or_default(conf->wal_max, BATCH_WAL_MAX);
    b->conf.passive_bytes = or_default(conf->passive_bytes, BATCH_PASSIVE_BYTES);
    pthread_mutex_init(&b->lock, NULL);
    pthread_mutex_init(&b->checkpointing, NULL);
    pthread_cond_init(&b->wake, NULL);
    enum err e = open_parts(b);
    if (e != OK) {
        batch_close(b);
        return e;
    }
    *out = b;
    return OK;
}

void batch_close(struct batch *b)
{
    if (!b)
        return;
    if (b->helper_runs) {
        pthread_mutex_lock(&b->lock);
        b->stop = true;
        pthread_cond_signal(&b->wake);
        pthread_mutex_unlock(&b->lock);
        pthread_join(b->helper, NULL);
    }
    sqlite3_close(b->helper_db);
    batch_abort(b);
    sqlite3_finalize(b->begin);
    sqlite3_finalize(b->commit);
    sqlite3_finalize(b->abort);
    sqlite3_close(b->db); /* the last connection checkpoints and removes the log */
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->checkpointing);
    free((char *)b->conf.path);
    free(b);
}

sqlite3 *batch_db(struct batch *b)
{
    return b->db;
}

static enum err step_once(struct batch *b, sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);
    enum err e = batch_err(b->db, rc);
    sqlite3_reset(s);
    return e;
}

enum err batch_begin(struct batch *b)
{
    return step_once(b, b->begin);
}

void batch_abort(struct batch *b)
{
    if (b->db && b->abort && !sqlite3_get_autocommit(b->db))
        (void)!step_once(b, b->abort);
}

static void tell_helper(struct batch *b)
{
    pthread_mutex_lock(&b->lock);
    b->due = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    b->told_at = b->wal_pages;
}

/* False when the helper is at work and stays so: then the log may grow on, up to twice its bound. */
static bool enter_checkpoint(struct batch *b, int64_t bytes)
{
    if (bytes > 2 * b->conf.wal_max)
        return pthread_mutex_lock(&b->checkpointing) == 0;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += BATCH_TRUNCATE_MS * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    return pthread_mutex_timedlock(&b->checkpointing, &t) == 0;
}

static bool truncate_log(struct batch *b, int64_t bytes)
{
    if (!enter_checkpoint(b, bytes))
        return false;
    sqlite3_busy_timeout(b->db, BATCH_TRUNCATE_MS); /* a slow reader must not hold up the writer for long */
    int rc = sqlite3_wal_checkpoint_v2(b->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(b->db, BATCH_BUSY_MS);
    pthread_mutex_unlock(&b->checkpointing);
    return rc == SQLITE_OK;
}

static void bound_log(struct batch *b)
{
    int64_t bytes = b->wal_pages * b->page;
    if (b->wal_pages < b->told_at)
        b->told_at = b->next_try = 0; /* the log began anew */
    if (bytes > b->conf.wal_max && b->wal_pages >= b->next_try) {
        if (truncate_log(b, bytes)) {
            b->st.truncated++;
            b->wal_pages = b->told_at = b->next_try = 0;
            return;
        }
        b->st.truncate_busy++;
        b->next_try = b->wal_pages + b->conf.wal_max / b->page / 8;
    }
    if ((b->wal_pages - b->told_at) * b->page >= b->conf.passive_bytes)
        tell_helper(b);
}

enum err batch_commit(struct batch *b)
{
    uint64_t t0 = now_ns();
    enum err e = step_once(b, b->commit);
    if (e != OK) {
        batch_abort(b);
        return e;
    }
    uint64_t took = now_ns() - t0;
    b->st.mean_commit = b->st.commits ? (b->st.mean_commit * 15 + took) / 16 : took;
    b->st.commits++;
    bound_log(b);
    b->st.wal_bytes = (uint64_t)(b->wal_pages * b->page);
    return OK;
}

uint64_t batch_wait_ns(const struct batch *b)
{
    uint64_t w = b->st.mean_commit / 8;
    return w < BATCH_WAIT_MAX_NS ? w : BATCH_WAIT_MAX_NS;
}

struct batch_stats batch_stats(struct batch *b)
{
    pthread_mutex_lock(&b->lock);
    b->st.passive = b->passive;
    pthread_mutex_unlock(&b->lock);
    return b->st;
}
