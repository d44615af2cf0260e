#include "ttp/ledger_db.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The statements name "@COLUMNS" and "@MARKS"; what stands for them comes from columns.def. */
#define COLUMN(type, name, what) #name ","
static const char names[] =
#include "ttp/columns.def"
    ;
#undef COLUMN
#define COLUMN(type, name, what) "?,"
static const char marks[] =
#include "ttp/columns.def"
    ;
#undef COLUMN
#define TYPE_U8                  " INTEGER NOT NULL,"
#define TYPE_U64                 " INTEGER NOT NULL,"
#define TYPE_TEXT                " TEXT NOT NULL,"
#define TYPE_FIX                 " BLOB NOT NULL,"
#define COLUMN(type, name, what) #name TYPE_##type
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS tenant(name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS stream(iss TEXT NOT NULL, sid BLOB NOT NULL, wrapped BLOB NOT NULL,"
    " PRIMARY KEY(iss,sid)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS registration("
#include "ttp/columns.def"
    "sealed BLOB NOT NULL, kid_key TEXT PRIMARY KEY);"
    "CREATE INDEX IF NOT EXISTS registration_stream ON registration(iss,sid,ep);"
    "CREATE INDEX IF NOT EXISTS registration_pair ON registration(et) WHERE kind=2;"
    "CREATE INDEX IF NOT EXISTS registration_leaf ON registration(leaf);"
    "CREATE TABLE IF NOT EXISTS leaf(idx INTEGER PRIMARY KEY, salt BLOB NOT NULL, record BLOB NOT NULL,"
    " mac BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS node(level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL,"
    " PRIMARY KEY(level,idx)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS tomb(n INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS snapshot(n INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL,"
    " body BLOB NOT NULL, mac BLOB NOT NULL);"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA secure_delete=ON;"
    "PRAGMA application_id=1869836396;";
#undef COLUMN

static const char *const sql_text[SQL__N] = {
#define SQL(name, text) [SQL_##name] = (text),
#include "ttp/ledger_sql.def"
#undef SQL
};

static void expand(struct buf *b, const char *text)
{
    struct span s = span_str(text);
    while (s.p) {
        buf_put(b, span_cut(&s, '@'));
        if (!s.p)
            break;
        bool columns = span_starts(s, SPAN("COLUMNS"));
        buf_str(b, columns ? names : marks);
        s = span_from(s, columns ? 7 : 5);
    }
    buf_nul(b);
}

static enum err prepare(struct ledger_db *d)
{
    sqlite3 *db = batch_db(d->batch);
    for (int i = 0; i < SQL__N; i++) {
        char text[2048];
        struct buf b = BUF_ARRAY(text);
        expand(&b, sql_text[i]);
        TRY(b.e);
        TRY(batch_err(db, sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &d->st[i], NULL)));
    }
    return OK;
}

static void open_folder(struct ledger_db *d, const char *path)
{
    char folder[4096];
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] != '/')
        n--;
    if (n >= sizeof folder)
        return;
    memcpy(folder, path, n);
    folder[n] = 0;
    d->folder = open(n ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* SQLite syncs the folder of a fresh write-ahead log at its first checkpoint, when the room can no longer open
 * anything: it gets another descriptor of the folder that was opened in time. One ledger per process. */
static int folder_fd = -1;

static int again_folder(const char *path, int *fd)
{
    (void)path;
    *fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 3);
    return *fd >= 0 ? SQLITE_OK : SQLITE_CANTOPEN;
}

static void lend_folder(int fd)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    folder_fd = fd;
    if (vfs && vfs->iVersion >= 3)
        vfs->xSetSystemCall(vfs, "openDirectory", fd >= 0 ? (sqlite3_syscall_ptr)again_folder : NULL);
}

enum err ledger_db_open(struct ledger_db *d, const char *path)
{
    *d = (struct ledger_db){.folder = -1};
    open_folder(d, path);
    if (d->folder < 0)
        return ERR_IO;
    lend_folder(d->folder);
    uint8_t seeded;
    sqlite3_randomness(sizeof seeded, &seeded); /* opens /dev/urandom: once, and now */
    struct batch_conf conf = {.path = path, .power_loss = true};
    enum err opened = batch_open(&conf, &d->batch);
    if (opened != OK) {
        lend_folder(-1);
        close(d->folder);
        return opened;
    }
    sqlite3 *db = batch_db(d->batch);
    enum err e = batch_err(db, sqlite3_exec(db, schema, NULL, NULL, NULL));
    if (e == OK)
        e = prepare(d);
    if (e != OK)
        ledger_db_close(d);
    return e;
}

void ledger_db_close(struct ledger_db *d)
{
    for (int i = 0; i < SQL__N; i++)
        sqlite3_finalize(d->st[i]);
    batch_close(d->batch);
    lend_folder(-1);
    if (d->folder >= 0)
        close(d->folder);
    *d = (struct ledger_db){.folder = -1};
}

static int bind(sqlite3_stmt *st, int at, char type, va_list *args)
{
    if (type == 'i')
        return sqlite3_bind_int64(st, at, (sqlite3_int64)va_arg(*args, uint64_t));
    struct span s = va_arg(*args, struct span);
    const void *p = s.p ? (const void *)s.p : "";
    if (s.n > INT32_MAX)
        return SQLITE_TOOBIG;
    return type == 't' ? sqlite3_bind_text(st, at, p, (int)s.n, SQLITE_STATIC)
                       : sqlite3_bind_blob(st, at, p, (int)s.n, SQLITE_STATIC);
}

enum err ledger_db_next(struct ledger_db *d, enum ledger_sql sql)
{
    int rc = sqlite3_step(d->st[sql]);
    if (rc == SQLITE_ROW)
        return OK;
    if (rc == SQLITE_DONE)
        return ERR_NOTFOUND;
    return batch_err(batch_db(d->batch), rc);
}

enum err ledger_db_step(struct ledger_db *d, enum ledger_sql sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    int rc = SQLITE_OK;
    ledger_db_done(d, sql);
    for (int i = 0; types[i] && rc == SQLITE_OK; i++)
        rc = bind(d->st[sql], i + 1, types[i], &args);
    va_end(args);
    TRY(batch_err(batch_db(d->batch), rc));
    return ledger_db_next(d, sql);
}

void ledger_db_done(struct ledger_db *d, enum ledger_sql sql)
{
    sqlite3_reset(d->st[sql]);
}

enum err ledger_db_ran(struct ledger_db *d, enum ledger_sql sql, enum err e)
{
    ledger_db_done(d, sql);
    return e == ERR_NOTFOUND ? OK : e;
}

struct span ledger_db_blob(struct ledger_db *d, enum ledger_sql sql, int column)
{
    const void *p = sqlite3_column_blob(d->st[sql], column);
    return span_of(p, (size_t)sqlite3_column_bytes(d->st[sql], column));
}

uint64_t ledger_db_u64(struct ledger_db *d, enum ledger_sql sql, int column)
{
    return (uint64_t)sqlite3_column_int64(d->st[sql], column);
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

#define BIND_U8(name)  sqlite3_bind_int64(st, ++at, r->name)
#define BIND_U64(name) sqlite3_bind_int64(st, ++at, (sqlite3_int64)r->name)
#define BIND_TEXT(name)                                                                                                \
    sqlite3_bind_text(st, ++at, r->name.p ? (const char *)r->name.p : "", (int)r->name.n, SQLITE_STATIC)
#define BIND_FIX(name) sqlite3_bind_blob(st, ++at, r->name, (int)sizeof r->name, SQLITE_STATIC)

/* A pair that waits stands beside the registration that its activation makes, under a key of its own; kids are looked
 * up in upper case, so that no kid can spell it. */
static enum err row_key(struct span kid, bool pair, struct buf *b)
{
    if (pair)
        buf_str(b, "pair:");
    return row_kid_key(kid, b);
}

enum err ledger_db_row_put(struct ledger_db *d, const struct row *r, struct span sealed)
{
    uint8_t key[ROW_KID_MAX];
    struct buf b = BUF_ARRAY(key);
    TRY(row_key(r->kid, r->kind == ROW_PAIR, &b));
    sqlite3_stmt *st = d->st[SQL_ROW_PUT];
    int at = 0, rc = SQLITE_OK;
    ledger_db_done(d, SQL_ROW_PUT);
#define COLUMN(type, name, what) rc |= BIND_##type(name);
#include "ttp/columns.def"
#undef COLUMN
    rc |= sqlite3_bind_blob(st, ++at, sealed.p, (int)sealed.n, SQLITE_STATIC);
    rc |= sqlite3_bind_text(st, ++at, (const char *)key, (int)b.n, SQLITE_STATIC);
    if (rc != SQLITE_OK)
        return ERR_NOMEM;
    return ledger_db_ran(d, SQL_ROW_PUT, ledger_db_next(d, SQL_ROW_PUT));
}

static bool fixed(struct span s, uint8_t *out, size_t n)
{
    if (s.n != n)
        return false;
    memcpy(out, s.p, n);
    return true;
}

/* A number that no column of ours can hold becomes one that the vault's associated data does not cover either. */
#define READ_U8(name)   r->name = (uint8_t)(ledger_db_u64(d, sql, at) > 255 ? 255 : ledger_db_u64(d, sql, at)), at++
#define READ_U64(name)  r->name = ledger_db_u64(d, sql, at++)
#define READ_TEXT(name) r->name = ledger_db_blob(d, sql, at++)
#define READ_FIX(name)  good = fixed(ledger_db_blob(d, sql, at++), r->name, sizeof r->name) && good

/* The row that a statement stands on. */
static enum err row_read(struct ledger_db *d, enum ledger_sql sql, struct row *r, struct span *sealed)
{
    int at = 0;
    bool good = true;
    *r = (struct row){0};
#define COLUMN(type, name, what) READ_##type(name);
#include "ttp/columns.def"
#undef COLUMN
    *sealed = ledger_db_blob(d, sql, at);
    return good ? OK : ERR_SYNTAX;
}

enum err ledger_db_row_get(struct ledger_db *d, struct span kid, bool pair, struct row *r, struct span *sealed)
{
    uint8_t key[ROW_KID_MAX];
    struct buf b = BUF_ARRAY(key);
    TRY(row_key(kid, pair, &b));
    TRY(ledger_db_step(d, SQL_ROW_GET, "t", buf_span(&b)));
    return row_read(d, SQL_ROW_GET, r, sealed);
}

enum err ledger_db_row_at(struct ledger_db *d, enum ledger_sql sql, struct row *r, struct span *sealed, uint64_t *at,
                          struct span *key)
{
    enum err e = row_read(d, sql, r, sealed);
    int n = sqlite3_column_count(d->st[sql]);
    *at = ledger_db_u64(d, sql, n - 2);
    *key = ledger_db_blob(d, sql, n - 1);
    return e;
}

enum err ledger_db_pair_nth(struct ledger_db *d, struct span iss, struct span sid, uint64_t now, uint64_t nth,
                            struct row *r, struct span *sealed)
{
    TRY(ledger_db_step(d, SQL_PAIR_NTH, "tbii", iss, sid, now, nth));
    return row_read(d, SQL_PAIR_NTH, r, sealed);
}

enum err ledger_db_look(struct ledger_db *d)
{
    if (d->looking)
        return OK;
    TRY(LEDGER_RUN(d, SQL_LOOK, ""));
    d->looking = true;
    return OK;
}

enum err ledger_db_looked(struct ledger_db *d)
{
    bool was = d->looking;
    d->looking = false;
    return was ? LEDGER_RUN(d, SQL_LOOKED, "") : OK;
}

enum err ledger_db_row_here(struct ledger_db *d, enum ledger_sql sql, struct row *r, struct span *sealed,
                            struct span *kid_key)
{
    enum err e = row_read(d, sql, r, sealed);
    *kid_key = ledger_db_blob(d, sql, sqlite3_column_count(d->st[sql]) - 1);
    return e;
}

enum ttp_space ledger_db_space(const struct ledger_db *d)
{
    struct statvfs v;
    if (d->folder < 0 || fstatvfs(d->folder, &v) != 0)
        return SPACE_ENOUGH;
    if ((uint64_t)v.f_bavail * v.f_frsize < TTP_RESERVE)
        return SPACE_LOW;
    return v.f_bavail < v.f_blocks / 5 ? SPACE_80 : SPACE_ENOUGH;
}

uint64_t ledger_db_free(const struct ledger_db *d)
{
    struct statvfs v;
    if (d->folder < 0 || fstatvfs(d->folder, &v) != 0)
        return UINT64_MAX;
    return (uint64_t)v.f_bavail * v.f_frsize;
}
