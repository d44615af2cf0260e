/* book.c - see book.h. Statements are prepared once each and found again by the address of their text. */
#include "app/book_in.h"

#include <stdarg.h>
#include <sys/stat.h>

#include "app/book.sql.h"
#include "host/heap.h"

enum { STATEMENTS_MAX = 96, BUSY_MS = 5000 };

struct book {
    sqlite3 *db;
    struct {
        const char *sql;
        sqlite3_stmt *s;
    } st[STATEMENTS_MAX];
    size_t n;
    bool tells;
};

static sqlite3_stmt *prepared(struct book *b, const char *sql)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->st[i].sql == sql)
            return b->st[i].s;
    sqlite3_stmt *s = NULL;
    if (b->n == STATEMENTS_MAX || sqlite3_prepare_v3(b->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
        return NULL;
    b->st[b->n].sql = sql;
    b->st[b->n++].s = s;
    return s;
}

sqlite3_stmt *book_ask(struct book *b, const char *sql, const char *types, ...)
{
    sqlite3_stmt *s = prepared(b, sql);
    va_list ap;
    va_start(ap, types);
    int rc = s ? SQLITE_OK : SQLITE_ERROR;
    for (int i = 0; rc == SQLITE_OK && types[i]; i++) {
        if (types[i] == 'i') {
            rc = sqlite3_bind_int64(s, i + 1, va_arg(ap, int64_t));
            continue;
        }
        struct span v = va_arg(ap, struct span);
        const char *p = v.n ? (const char *)v.p : "";
        rc = types[i] == 't' ? sqlite3_bind_text64(s, i + 1, p, v.n, SQLITE_TRANSIENT, SQLITE_UTF8)
                             : sqlite3_bind_blob64(s, i + 1, p, v.n, SQLITE_TRANSIENT);
    }
    va_end(ap);
    return rc == SQLITE_OK ? s : NULL;
}

void book_done(sqlite3_stmt *s)
{
    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
}

static enum err from_sqlite(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_DONE:
    case SQLITE_ROW:
    case SQLITE_OK:
        return OK;
    case SQLITE_CONSTRAINT:
        return ERR_EXISTS;
    case SQLITE_FULL:
        return ERR_DISK;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

enum err book_run(sqlite3_stmt *s)
{
    if (!s)
        return ERR_IO;
    int rc = sqlite3_step(s);
    book_done(s);
    return from_sqlite(rc);
}

enum err book_first(sqlite3_stmt *s)
{
    if (!s)
        return ERR_IO;
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        return OK;
    book_done(s);
    return rc == SQLITE_DONE ? ERR_NOTFOUND : from_sqlite(rc);
}

struct span book_column(sqlite3_stmt *s, int i)
{
    const void *p = sqlite3_column_blob(s, i);
    return span_of(p, (size_t)sqlite3_column_bytes(s, i));
}

uint64_t book_column_u64(sqlite3_stmt *s, int i)
{
    int64_t v = sqlite3_column_int64(s, i);
    return v < 0 ? 0 : (uint64_t)v;
}

static enum err set_up(struct book *b, const char *path)
{
    int rc = sqlite3_open_v2(
        path ? path : ":memory:", &b->db,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (rc != SQLITE_OK)
        return from_sqlite(rc);
    (void)sqlite3_busy_timeout(b->db, BUSY_MS);
    rc = sqlite3_exec(b->db,
                      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
                      "PRAGMA trusted_schema=OFF;",
                      NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(b->db, book_schema, NULL, NULL, NULL);
    return from_sqlite(rc);
}

enum status book_open(struct app *app, const char *path, struct book **out)
{
    struct book *b = xalloc(sizeof *b);
    *b = (struct book){0};
    mode_t before = umask(077);
    enum err e = set_up(b, path);
    (void)umask(before);
    if (e == OK) {
        *out = b;
        return ST_DONE;
    }
    const char *why = app_fmt(app, "the store cannot be opened (%s)", b->db ? sqlite3_errmsg(b->db) : "no memory");
    book_close(b);
    *out = NULL;
    return app_fail_file(app, e, why, path ? path : ":memory:");
}

void book_close(struct book *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n; i++)
        (void)sqlite3_finalize(b->st[i].s);
    (void)sqlite3_close(b->db);
    free(b);
}

enum err book_begin(struct book *b)
{
    return book_run(book_ask(b, "BEGIN IMMEDIATE", ""));
}

enum err book_commit(struct book *b)
{
    return book_run(book_ask(b, "COMMIT", ""));
}

enum err book_light(struct book *b, bool light)
{
    return from_sqlite(
        sqlite3_exec(b->db, light ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL", NULL, NULL, NULL));
}

void book_rollback(struct book *b)
{
    sqlite3_stmt *s = sqlite3_get_autocommit(b->db) ? NULL : book_ask(b, "ROLLBACK", "");
    if (s)
        (void)sqlite3_step(s);
    if (s)
        book_done(s);
}

void book_tell(struct book *b)
{
    b->tells = true;
}

bool book_tells(const struct book *b)
{
    return b->tells;
}

/* ---- readings, mail, alarms ---- */

enum err book_reading_put(struct book *b, const struct book_reading *r)
{
    return book_run(book_ask(
        b, "INSERT INTO reading(kid,i,part,address,ep,t_ms,opened_ms,flags,plain) VALUES(?,?,?,?,?,?,?,?,?)",
        "tiitiiiib", r->kid, (int64_t)r->i, (int64_t)r->part, r->address, (int64_t)r->ep, (int64_t)r->t_ms,
        r->opened_ms, (int64_t)r->flags | (r->json ? BOOK_JSON : 0) | (r->watched ? BOOK_WATCHED : 0), r->plain));
}

enum err book_reading_count(struct book *b, uint64_t *n)
{
    sqlite3_stmt *s = book_ask(b, "SELECT count(*) FROM reading", "");
    TRY(book_first(s));
    *n = book_column_u64(s, 0);
    book_done(s);
    return OK;
}

enum err book_mail_put(struct book *b, const struct book_mail *m)
{
    return book_run(book_ask(b, "INSERT INTO inbox(kid,sur,cnf,con,con_json,came_ms) VALUES(?,?,?,?,?,?)", "tttbii",
                             m->kid, m->sur, m->cnf, m->con, (int64_t)m->con_json, m->came_ms));
}

enum err book_mail_next(struct book *b, int64_t after, struct arena *a, struct book_mail *out)
{
    sqlite3_stmt *s =
        book_ask(b, "SELECT n,kid,sur,cnf,con,con_json,came_ms FROM inbox WHERE n>? ORDER BY n LIMIT 1", "i", after);
    TRY(book_first(s));
    *out = (struct book_mail){.n = sqlite3_column_int64(s, 0),
                              .kid = arena_dup(a, book_column(s, 1)),
                              .sur = arena_dup(a, book_column(s, 2)),
                              .cnf = arena_dup(a, book_column(s, 3)),
                              .con = arena_dup(a, book_column(s, 4)),
                              .con_json = sqlite3_column_int(s, 5) != 0,
                              .came_ms = sqlite3_column_int64(s, 6)};
    book_done(s);
    return arena_ok(a) ? OK : ERR_NOMEM;
}

enum err book_mail_kids(struct book *b, struct arena *a, struct span *kids, size_t max, size_t *n)
{
    sqlite3_stmt *s = book_ask(b, "SELECT DISTINCT kid FROM inbox WHERE kid<>'' LIMIT ?", "i", (int64_t)max);
    int rc = SQLITE_DONE;
    *n = 0;
    while (s && *n < max && (rc = sqlite3_step(s)) == SQLITE_ROW)
        kids[(*n)++] = arena_dup(a, book_column(s, 0));
    if (s)
        book_done(s);
    return !s ? ERR_IO : arena_ok(a) ? from_sqlite(rc) : ERR_NOMEM;
}

enum err book_mail_drop(struct book *b, int64_t n)
{
    return book_run(book_ask(b, "DELETE FROM inbox WHERE n=?", "i", n));
}

enum err book_alarm_put(struct book *b, enum reason r, struct span kid, uint32_t i, struct span address, int64_t at_ms)
{
    return book_run(book_ask(b, "INSERT INTO alarm(reason,kid,i,address,at_ms) VALUES(?,?,?,?,?)", "ttiti",
                             span_str(reason_code(r)), kid, (int64_t)i, address, at_ms));
}

enum err book_subscribed_put(struct book *b, struct span sur, struct span address)
{
    return book_run(
        book_ask(b, "INSERT INTO subscribed VALUES(?,?) ON CONFLICT(sur) DO UPDATE SET address=excluded.address", "tt",
                 sur, address));
}

enum err book_subscribed_get(struct book *b, struct span sur, struct arena *a, struct span *address)
{
    sqlite3_stmt *s = book_ask(b, "SELECT address FROM subscribed WHERE sur=?", "t", sur);
    TRY(book_first(s));
    *address = arena_dup(a, book_column(s, 0));
    book_done(s);
    return arena_ok(a) ? OK : ERR_NOMEM;
}

/* ---- keys, heads, releases ---- */

enum err book_key_put(struct book *b, const struct book_key *k)
{
    return book_run(book_ask(b,
                             "INSERT INTO key VALUES(?,?,?,?,?,?,?,?) ON CONFLICT(kid) DO UPDATE SET ttp=excluded.ttp,"
                             " verdict=excluded.verdict, class=excluded.class, cr=excluded.cr, pv=excluded.pv,"
                             " asked_ms=excluded.asked_ms, until_ms=excluded.until_ms",
                             "tttttiii", k->kid, k->ttp, k->verdict, k->class, k->cr, (int64_t)k->pv, k->asked_ms,
                             k->until_ms));
}

enum err book_key_each(struct book *b, enum err (*each)(void *ctx, const struct book_key *k), void *ctx)
{
    sqlite3_stmt *s =
        book_ask(b, "SELECT kid,ttp,verdict,class,cr,pv,asked_ms,until_ms FROM key ORDER BY asked_ms, kid", "");
    enum err e = s ? OK : ERR_IO;
    int rc = SQLITE_DONE;
    while (e == OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct book_key k = {book_column(s, 0),          book_column(s, 1),         book_column(s, 2),
                             book_column(s, 3),          book_column(s, 4),         book_column_u64(s, 5),
                             sqlite3_column_int64(s, 6), sqlite3_column_int64(s, 7)};
        e = each(ctx, &k);
    }
    if (s)
        book_done(s);
    return e != OK ? e : from_sqlite(rc);
}

enum err book_head_put(struct book *b, struct span ttp, const struct book_head *h, struct span note)
{
    return book_run(book_ask(b,
                             "INSERT INTO head VALUES(?,?,?,?) ON CONFLICT(ttp) DO UPDATE SET size=excluded.size,"
                             " root=excluded.root, note=excluded.note",
                             "tibt", ttp, (int64_t)h->size, span_of(h->root, ESD_HASH), note));
}

enum err book_head_get(struct book *b, struct span ttp, struct book_head *out)
{
    sqlite3_stmt *s = book_ask(b, "SELECT size, root FROM head WHERE ttp=?", "t", ttp);
    TRY(book_first(s));
    struct span root = book_column(s, 1);
    enum err e = root.n == ESD_HASH ? OK : ERR_IO;
    out->size = book_column_u64(s, 0);
    if (e == OK)
        memcpy(out->root, root.p, ESD_HASH);
    book_done(s);
    return e;
}

enum err book_bundle_put(struct book *b, struct span ttp, struct span text, int64_t at_ms)
{
    return book_run(book_ask(b,
                             "INSERT INTO bundle VALUES(?,?,?) ON CONFLICT(ttp) DO UPDATE SET text=excluded.text,"
                             " at_ms=excluded.at_ms",
                             "tti", ttp, text, at_ms));
}

enum err book_bundle_get(struct book *b, struct span ttp, struct arena *a, struct span *text, int64_t *at_ms)
{
    sqlite3_stmt *s = book_ask(b, "SELECT text, at_ms FROM bundle WHERE ttp=?", "t", ttp);
    TRY(book_first(s));
    *text = arena_dup(a, book_column(s, 0));
    *at_ms = (int64_t)book_column_u64(s, 1);
    book_done(s);
    return arena_ok(a) ? OK : ERR_NOMEM;
}

enum err book_release_put(struct book *b, const struct book_release *r)
{
    return book_run(book_ask(b, "INSERT INTO release(ttp,at_ms,size,request,answer) VALUES(?,?,?,?,?)", "tiitt", r->ttp,
                             r->at_ms, (int64_t)r->size, r->request, r->answer));
}

enum err book_release_each(struct book *b, enum err (*each)(void *ctx, const struct book_release *r), void *ctx)
{
    sqlite3_stmt *s = book_ask(b, "SELECT n,at_ms,ttp,request,answer,size FROM release ORDER BY n", "");
    enum err e = s ? OK : ERR_IO;
    int rc = SQLITE_DONE;
    while (e == OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct book_release r = {sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), book_column(s, 2),
                                 book_column(s, 3),          book_column(s, 4),          book_column_u64(s, 5)};
        e = each(ctx, &r);
    }
    if (s)
        book_done(s);
    return e != OK ? e : from_sqlite(rc);
}

/* ---- a device that seals ---- */

enum err book_writer_next(struct book *b, const uint8_t sid[ESD_SID], uint64_t known, uint64_t *ep)
{
    sqlite3_stmt *s =
        book_ask(b, "INSERT INTO writer VALUES(?,?2+1) ON CONFLICT(sid) DO UPDATE SET ep=max(ep,?2)+1 RETURNING ep",
                 "bi", span_of(sid, ESD_SID), (int64_t)known);
    TRY(book_first(s));
    *ep = book_column_u64(s, 0);
    int rc = sqlite3_step(s); /* to its end, otherwise the statement stays open in the transaction */
    book_done(s);
    return from_sqlite(rc);
}

enum err book_policy_get(struct book *b, struct span ttp, struct span name, struct arena *a, uint64_t *version,
                         struct span *readers)
{
    sqlite3_stmt *s = book_ask(b, "SELECT version, readers FROM policy WHERE ttp=? AND name=?", "tt", ttp, name);
    TRY(book_first(s));
    *version = book_column_u64(s, 0);
    *readers = arena_dup(a, book_column(s, 1));
    book_done(s);
    return arena_ok(a) ? OK : ERR_NOMEM;
}

enum err book_policy_put(struct book *b, struct span ttp, struct span name, uint64_t version, struct span readers)
{
    return book_run(
        book_ask(b,
                 "INSERT INTO policy VALUES(?,?,?,?) ON CONFLICT(ttp, name) DO UPDATE SET version=excluded.version,"
                 " readers=excluded.readers",
                 "ttit", ttp, name, (int64_t)version, readers));
}

enum err book_letter_put(struct book *b, struct span kid, struct span ttp, struct span path, struct span body)
{
    return book_run(book_ask(b, "INSERT INTO letter(kid,ttp,path,body) VALUES(?,?,?,?)", "tttt", kid, ttp, path, body));
}

enum err book_letter_next(struct book *b, int64_t after, struct arena *a, struct book_letter *out)
{
    sqlite3_stmt *s = book_ask(b, "SELECT n,kid,ttp,path,body FROM letter WHERE n>? ORDER BY n LIMIT 1", "i", after);
    TRY(book_first(s));
    *out = (struct book_letter){.n = sqlite3_column_int64(s, 0),
                                .kid = arena_dup(a, book_column(s, 1)),
                                .ttp = arena_dup(a, book_column(s, 2)),
                                .path = arena_dup(a, book_column(s, 3)),
                                .body = arena_dup(a, book_column(s, 4))};
    book_done(s);
    return arena_ok(a) ? OK : ERR_NOMEM;
}

enum err book_letter_drop(struct book *b, int64_t n)
{
    return book_run(book_ask(b, "DELETE FROM letter WHERE n=?", "i", n));
}
