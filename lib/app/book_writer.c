/* book_writer.c - what a device keeps that seals with keys of the TTP's making, or with a key it was given. */
#include "app/book_in.h"

enum err book_pair_put(struct book *b, const uint8_t sid[ESD_SID], struct span ttp, const struct book_pair *p)
{
    return book_run(book_ask(b, "INSERT INTO pair VALUES(?,?,?,?,?,0) ON CONFLICT(kid) DO NOTHING", "tbtti", p->kid,
                             span_of(sid, ESD_SID), ttp, p->jwk, p->et_ms));
}

enum err book_pair_past(struct book *b, int64_t ms)
{
    return book_run(book_ask(b, "DELETE FROM pair WHERE et_ms<?", "i", ms));
}

enum err book_pair_count(struct book *b, const uint8_t sid[ESD_SID], struct span ttp, int64_t after_ms, uint64_t *n)
{
    sqlite3_stmt *s = book_ask(b, "SELECT count(*) FROM pair WHERE sid=? AND ttp=? AND used=0 AND et_ms>?", "bti",
                               span_of(sid, ESD_SID), ttp, after_ms);
    TRY(book_first(s));
    *n = book_column_u64(s, 0);
    book_done(s);
    return OK;
}

enum err book_pair_take(struct book *b, const uint8_t sid[ESD_SID], struct span ttp, int64_t after_ms, struct arena *a,
                        struct book_pair *out)
{
    sqlite3_stmt *s =
        book_ask(b,
                 "SELECT kid,jwk,et_ms FROM pair WHERE sid=? AND ttp=? AND used=0 AND et_ms>? ORDER BY et_ms,kid"
                 " LIMIT 1",
                 "bti", span_of(sid, ESD_SID), ttp, after_ms);
    TRY(book_first(s));
    *out = (struct book_pair){.kid = arena_dup(a, book_column(s, 0)),
                              .jwk = arena_dup(a, book_column(s, 1)),
                              .et_ms = sqlite3_column_int64(s, 2)};
    book_done(s);
    TRY(arena_ok(a) ? OK : ERR_NOMEM);
    return book_run(book_ask(b, "UPDATE pair SET used=1 WHERE kid=?", "t", out->kid));
}

enum err book_index_next(struct book *b, struct span kid, uint64_t *i)
{
    sqlite3_stmt *s =
        book_ask(b, "INSERT INTO given VALUES(?,1) ON CONFLICT(kid) DO UPDATE SET i=i+1 RETURNING i-1", "t", kid);
    TRY(book_first(s));
    *i = book_column_u64(s, 0);
    int rc = sqlite3_step(s); /* to its end, otherwise the statement stays open */
    book_done(s);
    return rc == SQLITE_DONE ? OK : ERR_IO;
}
