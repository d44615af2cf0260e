/* book_head.c - what a sealing device keeps of the heads that it still owes (app/writer_head.h). */
#include "app/book_in.h"

enum err book_segment_put(struct book *b, const uint8_t sid[ESD_SID], const struct book_segment *g)
{
    struct span prev = g->has_prev ? span_of(g->prev, ESD_HASH) : SPAN_NONE;
    return book_run(book_ask(b, "INSERT INTO owed VALUES(?,?,?,?,?,?,?)", "tbibbit", g->kid, span_of(sid, ESD_SID),
                             (int64_t)g->ep, span_of(g->kc, ESD_KC), prev, (int64_t)g->first, g->boot));
}

enum err book_segment_get(struct book *b, const uint8_t sid[ESD_SID], struct arena *a, struct book_segment *out)
{
    sqlite3_stmt *s = book_ask(b, "SELECT kid,ep,kc,prev,first,boot FROM owed WHERE sid=? ORDER BY ep LIMIT 1", "b",
                               span_of(sid, ESD_SID));
    TRY(book_first(s));
    *out = (struct book_segment){.kid = arena_dup(a, book_column(s, 0)),
                                 .ep = book_column_u64(s, 1),
                                 .first = (uint32_t)book_column_u64(s, 4),
                                 .boot = arena_dup(a, book_column(s, 5))};
    struct span kc = book_column(s, 2), prev = book_column(s, 3);
    bool good = kc.n == ESD_KC && (prev.n == 0 || prev.n == ESD_HASH);
    out->has_prev = prev.n == ESD_HASH;
    if (good)
        memcpy(out->kc, kc.p, ESD_KC);
    if (good && out->has_prev)
        memcpy(out->prev, prev.p, ESD_HASH);
    book_done(s);
    return !good ? ERR_SYNTAX : arena_ok(a) ? OK : ERR_NOMEM;
}

enum err book_segment_move(struct book *b, struct span kid, uint32_t first_index, const uint8_t *prev)
{
    TRY(book_run(book_ask(b, "UPDATE owed SET first=?2, prev=?3 WHERE kid=?1", "tib", kid, (int64_t)first_index,
                          prev ? span_of(prev, ESD_HASH) : SPAN_NONE)));
    return book_run(book_ask(b, "DELETE FROM owed_hash WHERE kid=?1 AND i<?2", "ti", kid, (int64_t)first_index));
}

enum err book_segment_drop(struct book *b, struct span kid)
{
    TRY(book_run(book_ask(b, "DELETE FROM owed WHERE kid=?", "t", kid)));
    return book_run(book_ask(b, "DELETE FROM owed_hash WHERE kid=?", "t", kid));
}

enum err book_sealed_put(struct book *b, struct span kid, uint32_t i, const struct log_hash *h)
{
    return book_run(
        book_ask(b, "INSERT INTO owed_hash VALUES(?,?,?)", "tib", kid, (int64_t)i, span_of(h->b, LOG_HASH)));
}

enum err book_sealed_each(struct book *b, struct span kid, uint32_t from,
                          enum err (*each)(void *ctx, const struct log_hash *h), void *ctx)
{
    sqlite3_stmt *s = book_ask(b, "SELECT h FROM owed_hash WHERE kid=? AND i>=? ORDER BY i", "ti", kid, (int64_t)from);
    enum err e = s ? OK : ERR_IO;
    int rc = SQLITE_DONE;
    while (e == OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct log_hash h;
        struct span v = book_column(s, 0);
        e = v.n == LOG_HASH ? OK : ERR_SYNTAX;
        if (e == OK)
            memcpy(h.b, v.p, LOG_HASH);
        if (e == OK)
            e = each(ctx, &h);
    }
    if (s)
        book_done(s);
    return e != OK ? e : rc == SQLITE_DONE ? OK : ERR_IO;
}

enum err book_closing_put(struct book *b, const uint8_t sid[ESD_SID], uint64_t ep, const uint8_t id[ESD_HASH])
{
    return book_run(
        book_ask(b,
                 "INSERT INTO owed_closing VALUES(?,?,?) ON CONFLICT(sid) DO UPDATE SET ep=excluded.ep, id=excluded.id"
                 " WHERE excluded.ep>ep",
                 "bib", span_of(sid, ESD_SID), (int64_t)ep, span_of(id, ESD_HASH)));
}

enum err book_closing_get(struct book *b, const uint8_t sid[ESD_SID], uint64_t ep, uint8_t id[ESD_HASH])
{
    sqlite3_stmt *s =
        book_ask(b, "SELECT id FROM owed_closing WHERE sid=? AND ep=?", "bi", span_of(sid, ESD_SID), (int64_t)ep);
    TRY(book_first(s));
    struct span v = book_column(s, 0);
    bool good = v.n == ESD_HASH;
    if (good)
        memcpy(id, v.p, ESD_HASH);
    book_done(s);
    return good ? OK : ERR_SYNTAX;
}

enum err book_head_out_put(struct book *b, struct span place, struct span con, struct span cnf)
{
    return book_run(book_ask(b, "INSERT INTO owed_head(place,con,cnf) VALUES(?,?,?)", "ttt", place, con, cnf));
}

enum err book_head_out_next(struct book *b, int64_t after, struct arena *a, struct book_head_out *out)
{
    sqlite3_stmt *s = book_ask(b, "SELECT n,place,con,cnf FROM owed_head WHERE n>? ORDER BY n LIMIT 1", "i", after);
    TRY(book_first(s));
    *out = (struct book_head_out){.n = sqlite3_column_int64(s, 0),
                                  .place = arena_dup(a, book_column(s, 1)),
                                  .con = arena_dup(a, book_column(s, 2)),
                                  .cnf = arena_dup(a, book_column(s, 3))};
    book_done(s);
    return arena_ok(a) ? OK : ERR_NOMEM;
}

enum err book_head_out_drop(struct book *b, int64_t n)
{
    return book_run(book_ask(b, "DELETE FROM owed_head WHERE n=?", "i", n));
}
