/* sqlite.c - the store on disk: opening and closing, transactions, what the caches hear of a commit. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/heap.h"
#include "store/sqlite_impl.h"

enum {
    APPLICATION = 0x6f736c31, /* "osl1": tells our files from those of other programs */
    RESERVE = 1024,           /* identifiers taken at once: a crash wastes at most so many */
    OWN_CACHE = 8 << 20       /* octets of rows as the writer sees them */
};

static const char *const texts[] = {
#define SQL(name, text) [SQL_##name] = text,
#include "store/sql/statements.def"
#undef SQL
};

static const char *const schema[] = {
#define SCHEMA(text) text,
#define UPGRADE(version, text)
#include "store/sql/schema.def"
#undef SCHEMA
#undef UPGRADE
};

static const struct {
    int64_t version;
    const char *text;
} upgrades[] = {
#define SCHEMA(text)
#define UPGRADE(version, text) {version, text},
#include "store/sql/schema.def"
#undef SCHEMA
#undef UPGRADE
};

/* ---- statements ---------------------------------------------------------------------------------- */

enum err sqlite_said(struct store_tx *t, int rc)
{
    struct sqlite_tx *x = sqlite_tx(t);
    enum err e = batch_err(x->c->db, rc);
    /* After some failures (no space, no memory) SQLite rolls the whole transaction back by itself. What would run
     * after that would be durable at once and alone. */
    if (e != OK && t->writes && sqlite3_get_autocommit(x->c->db))
        x->lost = e;
    return e;
}

static enum err prepared(struct conn *c, enum statement which, sqlite3_stmt **out)
{
    if (!c->st[which])
        TRY(batch_err(c->db,
                      sqlite3_prepare_v3(c->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &c->st[which], NULL)));
    *out = c->st[which];
    return OK;
}

static enum err run_plain(struct store_tx *t, enum statement which)
{
    sqlite3_stmt *s;
    TRY(prepared(sqlite_tx(t)->c, which, &s));
    return sqlite_run(t, s);
}

/* A snapshot or a savepoint is only set when something needs it: many jobs are refused before they change anything,
 * and many reads are answered by the cache. */
enum err sqlite_stmt(struct store_tx *t, enum statement which, sqlite3_stmt **out)
{
    struct sqlite_tx *x = sqlite_tx(t);
    if (x->lost != OK)
        return x->lost;
    if (!t->writes && !x->begun) {
        x->turn = cache_now(x->cache);
        TRY(run_plain(t, SQL_BEGIN_READ));
        x->begun = true;
    }
    return prepared(x->c, which, out);
}

enum err sqlite_change_stmt(struct store_tx *t, enum statement which, sqlite3_stmt **out)
{
    struct sqlite_tx *x = sqlite_tx(t);
    if (x->lost != OK)
        return x->lost;
    if (x->save && !x->open) {
        TRY(run_plain(t, SQL_SAVE));
        x->open = true;
    }
    return prepared(x->c, which, out);
}

/* Most jobs put one row and count; to drop that row again costs less than a savepoint for each. */
bool sqlite_first_change(struct store_tx *t)
{
    const struct sqlite_tx *x = sqlite_tx(t);
    return x->save && !x->open && x->lone == 0;
}

enum err sqlite_run(struct store_tx *t, sqlite3_stmt *s)
{
    enum err e = sqlite_said(t, sqlite3_step(s));
    sqlite3_reset(s);
    return e;
}

void sqlite_bind(sqlite3_stmt *s, int at, struct span v, bool null)
{
    if (v.n > 0)
        sqlite3_bind_text64(s, at, (const char *)v.p, v.n, SQLITE_STATIC, SQLITE_UTF8);
    else if (null)
        sqlite3_bind_null(s, at);
    else
        sqlite3_bind_text(s, at, "", 0, SQLITE_STATIC);
}

struct span sqlite_text(sqlite3_stmt *s, int col, struct arena *a)
{
    const void *p = sqlite3_column_blob(s, col);
    return p ? arena_dup(a, span_of(p, (size_t)sqlite3_column_bytes(s, col))) : SPAN_NONE;
}

/* ---- what changed -------------------------------------------------------------------------------- */

static enum err change_room(struct sqlite_store *s)
{
    if (s->nchange < s->capchange)
        return OK;
    size_t cap = s->capchange ? s->capchange * 2 : 64;
    struct change *v = realloc(s->change, cap * sizeof *v);
    if (!v)
        return ERR_NOMEM;
    s->change = v;
    s->capchange = cap;
    return OK;
}

static void copy_octets(struct change *c)
{
    struct row *r = &c->row;
    struct span *part[] = {&r->rn, &r->alias, &r->creator, &r->spec, &r->body};
    size_t need = 0;
    for (size_t i = 0; i < LEN(part); i++)
        need += part[i]->n;
    uint8_t *p = c->octets = need ? malloc(need) : NULL;
    for (size_t i = 0; i < LEN(part); i++) {
        struct span was = *part[i];
        *part[i] = p ? span_of(p, was.n) : SPAN_NONE;
        if (p && was.n)
            memcpy(p, was.p, was.n);
        p = p ? p + was.n : NULL;
    }
}

static void forget(struct cache *cache, const struct row *r)
{
    cache_forget(cache, r->rid);
    cache_forget_newest(cache, r->pid, r->ty);
}

enum err sqlite_changed(struct store_tx *t, enum changed did, const struct row *r)
{
    struct sqlite_store *s = sqlite_home(t);
    if (s->flush)
        return OK;
    if (s->nchange == CHANGES_MAX) {
        sqlite_changes_back(s, 0);
        cache_flush(s->own);
        s->flush = true;
        return OK;
    }
    TRY(change_room(s));
    struct change *c = &s->change[s->nchange++];
    *c = (struct change){.did = did, .row = *r};
    c->row.lbl = NULL;
    c->row.nlbl = 0;
    if (did == CH_COUNT)
        cache_count(s->own, r);
    else
        forget(s->own, r);
    if (did == CH_NEW && cache_wants_newest(s->shared, r->pid, r->ty))
        copy_octets(c);
    else
        c->row.rn = c->row.alias = c->row.creator = c->row.spec = c->row.body = SPAN_NONE;
    return OK;
}

void sqlite_changes_back(struct sqlite_store *s, size_t mark)
{
    if (s->nchange > mark) /* a dropped row that comes back may be the newest again, and did not say of which parent */
        cache_forget_all_newest(s->own);
    while (s->nchange > mark) {
        struct change *c = &s->change[--s->nchange];
        cache_forget(s->own, c->row.rid);
        free(c->octets);
    }
}

static void tell(struct cache *cache, const struct change *c)
{
    int64_t newest;
    if (c->did == CH_COUNT) {
        cache_count(cache, &c->row);
    } else if (c->octets && cache_newest(cache, c->row.pid, c->row.ty, &newest) && newest < c->row.rid) {
        cache_renew(cache, &c->row);
    } else {
        forget(cache, &c->row);
    }
}

void sqlite_changes_done(struct sqlite_store *s)
{
    cache_turn(s->shared);
    if (s->flush)
        cache_flush(s->shared);
    for (size_t i = 0; i < s->nchange; i++) {
        tell(s->shared, &s->change[i]);
        free(s->change[i].octets);
    }
    s->nchange = 0;
}

/* ---- transactions -------------------------------------------------------------------------------- */

static enum err sqlite_read(struct store *st, unsigned slot, struct store_tx **out)
{
    struct sqlite_store *s = (struct sqlite_store *)(void *)st;
    if (slot >= STORE_SLOTS_MAX)
        return ERR_LIMIT;
    if (!s->conn[slot].db)
        TRY(batch_connect(&s->conf, &s->conn[slot].db));
    s->reads[slot] = (struct sqlite_tx){.head = {&sqlite_ops, st, false}, .c = &s->conn[slot], .cache = s->shared};
    *out = &s->reads[slot].head;
    return OK;
}

static void sqlite_end(struct store_tx *t)
{
    struct sqlite_tx *x = sqlite_tx(t);
    if (x->begun)
        (void)!run_plain(t, SQL_END_READ);
    x->begun = false;
}

static enum err sqlite_write(struct store *st, struct store_tx **out)
{
    struct sqlite_store *s = (struct sqlite_store *)(void *)st;
    TRY(batch_begin(s->batch));
    s->write_tx = (struct sqlite_tx){
        .head = {&sqlite_ops, st, true}, .c = &s->writer, .cache = s->own, .turn = cache_now(s->own)};
    s->mark = 0;
    s->flush = false;
    sqlite_tally_forget(s);
    *out = &s->write_tx.head;
    return OK;
}

static enum err sqlite_save(struct store_tx *t)
{
    struct sqlite_tx *x = sqlite_tx(t);
    struct sqlite_store *s = sqlite_home(t);
    if (s->ntally > TALLIES / 2)
        TRY(sqlite_tally_write(t));
    x->save = true;
    x->open = false;
    x->lone = 0;
    s->mark = s->nchange;
    s->tmark = s->ntlog;
    return x->lost;
}

static enum err sqlite_keep(struct store_tx *t)
{
    struct sqlite_tx *x = sqlite_tx(t);
    bool open = x->open;
    x->save = x->open = false;
    x->lone = 0;
    if (x->lost != OK || !open)
        return x->lost;
    return run_plain(t, SQL_KEEP);
}

static enum err drop_lone(struct store_tx *t, int64_t rid)
{
    sqlite3_stmt *q;
    TRY(sqlite_stmt(t, SQL_DROP, &q));
    sqlite3_bind_int64(q, 1, rid);
    return sqlite_run(t, q);
}

static enum err sqlite_undo(struct store_tx *t)
{
    struct sqlite_tx *x = sqlite_tx(t);
    struct sqlite_store *s = sqlite_home(t);
    bool open = x->open;
    int64_t lone = x->lone;
    x->save = x->open = false;
    x->lone = 0;
    sqlite_tally_back(s, s->tmark);
    if (!s->flush)
        sqlite_changes_back(s, s->mark);
    else
        cache_flush(s->own);
    if (x->lost != OK)
        return x->lost;
    if (open) {
        TRY(run_plain(t, SQL_UNDO));
        TRY(run_plain(t, SQL_KEEP));
    }
    return lone ? drop_lone(t, lone) : OK;
}

static void sqlite_abort(struct store_tx *t)
{
    struct sqlite_store *s = sqlite_home(t);
    sqlite_changes_back(s, 0);
    cache_flush(s->own);
    sqlite_tally_forget(s);
    batch_abort(s->batch);
}

/* The numbers given out are written as a limit above them, outside any savepoint, so that no crash, undo or abort
 * gives one of them again. */
static enum err reserve(struct store_tx *t)
{
    struct sqlite_store *s = sqlite_home(t);
    if (s->next_rid <= s->kept_rid && s->next_letter <= s->kept_letter)
        return OK;
    sqlite3_stmt *q;
    TRY(sqlite_change_stmt(t, SQL_RESERVE, &q));
    sqlite3_bind_int64(q, 1, s->next_rid + RESERVE);
    sqlite3_bind_int64(q, 2, s->next_letter + RESERVE);
    return sqlite_run(t, q);
}

static enum err sqlite_commit(struct store_tx *t)
{
    struct sqlite_store *s = sqlite_home(t);
    struct sqlite_tx *x = sqlite_tx(t);
    x->save = false;
    bool more = s->next_rid > s->kept_rid || s->next_letter > s->kept_letter;
    enum err e = x->lost != OK ? x->lost : sqlite_tally_write(t);
    if (e == OK)
        e = reserve(t);
    if (e == OK)
        e = batch_commit(s->batch);
    if (e != OK) {
        sqlite_abort(t);
        return e;
    }
    if (more) {
        s->kept_rid = s->next_rid + RESERVE;
        s->kept_letter = s->next_letter + RESERVE;
    }
    sqlite_changes_done(s);
    return OK;
}

/* ---- opening and closing ------------------------------------------------------------------------- */

static void conn_close(struct conn *c, bool whole)
{
    for (size_t i = 0; i < SQL__N; i++)
        sqlite3_finalize(c->st[i]);
    if (whole)
        sqlite3_close(c->db);
    *c = (struct conn){0};
}

static void sqlite_shut(struct store *st)
{
    struct sqlite_store *s = (struct sqlite_store *)(void *)st;
    for (size_t i = 0; i < STORE_SLOTS_MAX; i++)
        conn_close(&s->conn[i], true);
    conn_close(&s->writer, false);
    batch_close(s->batch);
    cache_free(s->own);
    cache_free(s->shared);
    free(s->change);
    free(s->tlog);
    free((char *)s->conf.path);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s);
}

static enum err private_folder(const char *dir)
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return errno == ENOSPC || errno == EDQUOT ? ERR_DISK : ERR_IO;
    struct stat st;
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return ERR_IO;
    return st.st_mode & 077 ? ERR_CONFIG : OK;
}

static char *in_folder(const char *dir, const char *name)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    char *path = xalloc(n);
    snprintf(path, n, "%s/%s", dir, name);
    return path;
}

/* One process only: the caches of two would not know of one another's changes. */
static enum err take_lock(struct sqlite_store *s, const char *dir)
{
    char *path = in_folder(dir, "lock");
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    if (s->lock_fd < 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_DISK : ERR_IO;
    return flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0 ? OK : ERR_NOTNOW;
}

static enum err ask_number(sqlite3 *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *q = NULL;
    TRY(batch_err(db, sqlite3_prepare_v2(db, sql, -1, &q, NULL)));
    int rc = sqlite3_step(q);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return batch_err(db, rc);
}

static enum err run_text(sqlite3 *db, const char *sql)
{
    return batch_err(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static enum err mark(sqlite3 *db)
{
    char marks[96];
    snprintf(marks, sizeof marks, "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION, SCHEMA_VERSION);
    return run_text(db, marks);
}

static enum err make_schema(sqlite3 *db, const uint8_t instance[16])
{
    for (size_t i = 0; i < LEN(schema); i++)
        TRY(run_text(db, schema[i]));
    TRY(mark(db));
    sqlite3_stmt *q = NULL;
    TRY(batch_err(db, sqlite3_prepare_v2(db, "INSERT INTO own VALUES(?1, 1, 1)", -1, &q, NULL)));
    sqlite3_bind_blob(q, 1, instance, 16, SQLITE_STATIC);
    int rc = sqlite3_step(q);
    sqlite3_finalize(q);
    return batch_err(db, rc);
}

static enum err upgrade(sqlite3 *db, int64_t from)
{
    for (size_t i = 0; i < LEN(upgrades); i++)
        if (from <= upgrades[i].version)
            TRY(run_text(db, upgrades[i].text));
    return mark(db);
}

static enum err check_version(struct sqlite_store *s, const uint8_t instance[16])
{
    sqlite3 *db = s->writer.db;
    int64_t application, version, tables;
    TRY(ask_number(db, "PRAGMA application_id", &application));
    TRY(ask_number(db, "PRAGMA user_version", &version));
    TRY(ask_number(db, "SELECT count(*) FROM sqlite_schema", &tables));
    bool fresh = tables == 0 && application == 0 && version == 0;
    if (!fresh && (application != APPLICATION || version < 1 || version > SCHEMA_VERSION))
        return ERR_CONFIG;
    if (version == SCHEMA_VERSION)
        return OK;
    TRY(batch_begin(s->batch));
    enum err e = fresh ? make_schema(db, instance) : upgrade(db, version);
    if (e == OK)
        return batch_commit(s->batch);
    batch_abort(s->batch);
    return e;
}

static enum err read_own(struct sqlite_store *s)
{
    sqlite3 *db = s->writer.db;
    sqlite3_stmt *q = NULL;
    TRY(batch_err(db, sqlite3_prepare_v2(db, "SELECT instance, next_rid, next_letter FROM own", -1, &q, NULL)));
    int rc = sqlite3_step(q);
    const void *instance = rc == SQLITE_ROW ? sqlite3_column_blob(q, 0) : NULL;
    if (instance && sqlite3_column_bytes(q, 0) == 16)
        memcpy(s->head.instance, instance, 16);
    else
        rc = SQLITE_CORRUPT;
    s->next_rid = s->kept_rid = sqlite3_column_int64(q, 1);
    s->next_letter = s->kept_letter = sqlite3_column_int64(q, 2);
    sqlite3_finalize(q);
    return batch_err(db, rc);
}

static enum err open_parts(struct sqlite_store *s, const struct sqlite_conf *conf)
{
    TRY(private_folder(conf->dir));
    TRY(take_lock(s, conf->dir));
    s->conf = (struct batch_conf){.path = in_folder(conf->dir, "cse.db"),
                                  .power_loss = conf->power_loss,
                                  .cache_bytes = conf->page_cache,
                                  .mmap_bytes = conf->mmap,
                                  .wal_max = conf->wal_max,
                                  .max_bytes = conf->max};
    enum err e = batch_open(&s->conf, &s->batch);
    if (e != OK)
        return e == ERR_SYNTAX ? ERR_CONFIG : e; /* not a database */
    s->writer.db = batch_db(s->batch);
    uint64_t seed;
    memcpy(&seed, conf->fresh_instance, sizeof seed);
    s->shared = cache_new(conf->row_cache > 0 ? (size_t)conf->row_cache : 0, CACHE_SHARDS, seed);
    s->own = cache_new(OWN_CACHE, 1, seed);
    if (!s->shared || !s->own)
        return ERR_NOMEM;
    TRY(check_version(s, conf->fresh_instance));
    return read_own(s);
}

enum err sqlite_open(const struct sqlite_conf *conf, struct store **out)
{
    struct sqlite_store *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->head.ops = &sqlite_ops;
    s->lock_fd = -1;
    enum err e = open_parts(s, conf);
    if (e != OK) {
        sqlite_shut(&s->head);
        return e;
    }
    *out = &s->head;
    return OK;
}

enum err store_sqlite(const char *dir, bool full, const uint8_t fresh_instance[16], struct store **out)
{
    struct sqlite_conf conf = {.dir = dir, .power_loss = full};
    memcpy(conf.fresh_instance, fresh_instance, sizeof conf.fresh_instance);
    return sqlite_open(&conf, out);
}

void sqlite_figures(struct store *st, struct batch_stats *batch, struct cache_stats *cache)
{
    struct sqlite_store *s = (struct sqlite_store *)(void *)st;
    *batch = batch_stats(s->batch);
    *cache = cache_stats(s->shared);
}

uint64_t sqlite_pause_ns(struct store *st)
{
    return batch_wait_ns(((struct sqlite_store *)(void *)st)->batch);
}

/* ---- the table ----------------------------------------------------------------------------------- */

const struct store_ops sqlite_ops = {
    .read = sqlite_read,
    .end = sqlite_end,
    .write = sqlite_write,
    .save = sqlite_save,
    .keep = sqlite_keep,
    .undo = sqlite_undo,
    .commit = sqlite_commit,
    .abort = sqlite_abort,
    .close = sqlite_shut,
    .get = sqlite_get,
    .child = sqlite_child,
    .alias = sqlite_alias,
    .newest = sqlite_newest,
    .oldest = sqlite_oldest,
    .ranked = sqlite_ranked,
    .list = sqlite_list,
    .find = sqlite_find,
    .estimate = sqlite_estimate,
    .next_type = sqlite_next_type,
    .expired = sqlite_expired,
    .next_et = sqlite_next_et,
    .next_rid = sqlite_next_rid,
    .put = sqlite_put,
    .set = sqlite_set,
    .count = sqlite_count,
    .drop = sqlite_drop,
    .clear = sqlite_clear,
    .letter_put = sqlite_letter_put,
    .letters_due = sqlite_letters_due,
    .letter_next = sqlite_letter_next,
    .letter_done = sqlite_letter_done,
    .letter_delay = sqlite_letter_delay,
    .letters_drop = sqlite_letters_drop,
    .letters_count = sqlite_letters_count,
    .letters_lane = sqlite_letters_lane,
    .letters_in = sqlite_letters_in,
    .letters_wake = sqlite_letters_wake,
    .alarm_set = sqlite_alarm_set,
    .alarm_get = sqlite_alarm_get,
    .alarms_due = sqlite_alarms_due,
    .alarm_next = sqlite_alarm_next,
    .alarms_drop = sqlite_alarms_drop,
    .state_get = sqlite_state_get,
    .state_put = sqlite_state_put,
    .state_drop = sqlite_state_drop,
};
