/* What a reader remembers of keys, streams and heads, in the book (esd/reader.h). */
#include "app/book_in.h"

/* A value that is kept as it is; one of another size is from another version and counts as absent. */
static enum err body(sqlite3_stmt *s, void *out, size_t n)
{
    TRY(book_first(s));
    struct span v = book_column(s, 0);
    enum err e = v.n == n ? OK : ERR_NOTFOUND;
    if (e == OK)
        memcpy(out, v.p, n);
    book_done(s);
    return e;
}

static enum err text(sqlite3_stmt *s, int i, struct buf *out)
{
    buf_put(out, book_column(s, i));
    book_done(s);
    return out->e;
}

/* ---- marks, hashes, streams ---- */

static enum err mark_get(void *ctx, struct span kid, struct reader_mark *out)
{
    return body(book_ask(ctx, "SELECT body FROM mark WHERE kid=?", "t", kid), out, sizeof *out);
}

static enum err mark_put(void *ctx, struct span kid, const struct reader_mark *m)
{
    return book_run(book_ask(ctx, "INSERT INTO mark VALUES(?,?) ON CONFLICT(kid) DO UPDATE SET body=excluded.body",
                             "tb", kid, span_of(m, sizeof *m)));
}

static enum err hash_get(void *ctx, struct span kid, uint32_t i, uint8_t out[ESD_HASH], int64_t *came_ms)
{
    sqlite3_stmt *s = book_ask(ctx, "SELECT h, came_ms FROM came WHERE kid=? AND i=?", "ti", kid, (int64_t)i);
    TRY(book_first(s));
    struct span h = book_column(s, 0);
    enum err e = h.n == ESD_HASH ? OK : ERR_IO;
    if (e == OK)
        memcpy(out, h.p, ESD_HASH);
    if (came_ms)
        *came_ms = sqlite3_column_int64(s, 1);
    book_done(s);
    return e;
}

static enum err hash_put(void *ctx, struct span kid, uint32_t i, const uint8_t h[ESD_HASH], int64_t came_ms,
                         uint32_t forget)
{
    if (forget)
        TRY(book_run(book_ask(ctx, "DELETE FROM came WHERE kid=? AND i<?", "ti", kid, (int64_t)forget)));
    return book_run(book_ask(ctx,
                             "INSERT INTO came VALUES(?,?,?,?)"
                             " ON CONFLICT(kid, i) DO UPDATE SET h=excluded.h, came_ms=excluded.came_ms",
                             "tibi", kid, (int64_t)i, span_of(h, ESD_HASH), came_ms));
}

static enum err stream_get(void *ctx, const uint8_t sid[ESD_SID], struct reader_stream *out)
{
    return body(book_ask(ctx, "SELECT body FROM sealed WHERE sid=?", "b", span_of(sid, ESD_SID)), out, sizeof *out);
}

static enum err stream_put(void *ctx, const uint8_t sid[ESD_SID], const struct reader_stream *v)
{
    return book_run(book_ask(ctx, "INSERT INTO sealed VALUES(?,?) ON CONFLICT(sid) DO UPDATE SET body=excluded.body",
                             "bb", span_of(sid, ESD_SID), span_of(v, sizeof *v)));
}

static enum err epoch_get(void *ctx, const uint8_t sid[ESD_SID], uint64_t ep, struct buf *kid)
{
    sqlite3_stmt *s =
        book_ask(ctx, "SELECT kid FROM epoch WHERE sid=? AND ep=?", "bi", span_of(sid, ESD_SID), (int64_t)ep);
    TRY(book_first(s));
    return text(s, 0, kid);
}

static enum err epoch_put(void *ctx, const uint8_t sid[ESD_SID], uint64_t ep, struct span kid)
{
    return book_run(
        book_ask(ctx, "INSERT OR IGNORE INTO epoch VALUES(?,?,?)", "bit", span_of(sid, ESD_SID), (int64_t)ep, kid));
}

/* ---- heads ---- */

static enum err chain_get(void *ctx, struct span kid, void *out, size_t n)
{
    return body(book_ask(ctx, "SELECT body FROM chain WHERE kid=?", "t", kid), out, n);
}

static enum err chain_put(void *ctx, struct span kid, const uint8_t sid[ESD_SID], const void *chain, size_t n)
{
    return book_run(book_ask(ctx, "INSERT INTO chain VALUES(?,?,?) ON CONFLICT(kid) DO UPDATE SET body=excluded.body",
                             "tbb", kid, span_of(sid, ESD_SID), span_of(chain, n)));
}

static enum err chain_next(void *ctx, const uint8_t sid[ESD_SID], struct span after, struct buf *kid)
{
    sqlite3_stmt *s = book_ask(ctx, "SELECT kid FROM chain WHERE sid=? AND kid>? ORDER BY kid LIMIT 1", "bt",
                               span_of(sid, ESD_SID), after);
    TRY(book_first(s));
    return text(s, 0, kid);
}

static enum err head_put(void *ctx, struct span kid, uint32_t first, uint32_t n, struct span con, bool open,
                         uint32_t forget)
{
    if (forget)
        TRY(book_run(book_ask(ctx, "DELETE FROM segment WHERE kid=? AND first+n<=?", "ti", kid, (int64_t)forget)));
    return book_run(book_ask(ctx,
                             "INSERT INTO segment VALUES(?,?,?,?,?) ON CONFLICT(kid, first) DO UPDATE SET n=excluded.n,"
                             " open=excluded.open, con=excluded.con",
                             "tiiit", kid, (int64_t)first, (int64_t)n, (int64_t)open, con));
}

static enum err head_cover(void *ctx, struct span kid, uint32_t i, struct buf *con)
{
    sqlite3_stmt *s =
        book_ask(ctx, "SELECT con FROM segment WHERE kid=?1 AND first<=?2 AND first+n>?2 ORDER BY first DESC LIMIT 1",
                 "ti", kid, (int64_t)i);
    TRY(book_first(s));
    return text(s, 0, con);
}

static enum err head_next(void *ctx, struct span kid, uint32_t from, uint32_t *first, struct buf *con)
{
    sqlite3_stmt *s =
        book_ask(ctx, "SELECT first, con FROM segment WHERE kid=? AND first>=? AND open=1 ORDER BY first LIMIT 1", "ti",
                 kid, (int64_t)from);
    TRY(book_first(s));
    *first = (uint32_t)book_column_u64(s, 0);
    return text(s, 1, con);
}

static enum err second_get(void *ctx, struct span kid, uint32_t i, enum reason *out)
{
    sqlite3_stmt *s = book_ask(ctx, "SELECT reason FROM second WHERE kid=? AND i=?", "ti", kid, (int64_t)i);
    TRY(book_first(s));
    enum err e = reason_of(book_column(s, 0), out) == OK ? OK : ERR_IO;
    book_done(s);
    return e;
}

/* A verdict that does not change stays told; where nobody is going to tell, it counts as told at once. */
static enum err second_put(void *ctx, struct span kid, uint32_t i, enum reason r)
{
    return book_run(book_ask(ctx,
                             "INSERT INTO second VALUES(?1,?2,?3,?4) ON CONFLICT(kid, i) DO UPDATE SET"
                             " told=CASE ?4 WHEN 1 THEN told ELSE told AND reason=excluded.reason END,"
                             " reason=excluded.reason",
                             "titi", kid, (int64_t)i, span_str(reason_code(r)), (int64_t)!book_tells(ctx)));
}

struct reader_store book_reader(struct book *b)
{
    return (struct reader_store){.mark_get = mark_get,
                                 .mark_put = mark_put,
                                 .hash_get = hash_get,
                                 .hash_put = hash_put,
                                 .stream_get = stream_get,
                                 .stream_put = stream_put,
                                 .epoch_get = epoch_get,
                                 .epoch_put = epoch_put,
                                 .chain_get = chain_get,
                                 .chain_put = chain_put,
                                 .chain_next = chain_next,
                                 .head_put = head_put,
                                 .head_cover = head_cover,
                                 .head_next = head_next,
                                 .second_get = second_get,
                                 .second_put = second_put,
                                 .ctx = b};
}

/* ---- what is to be told ---- */

enum err book_second_next(struct book *b, struct arena *a, struct book_second *out)
{
    sqlite3_stmt *s = book_ask(b, "SELECT kid, i, reason FROM second WHERE told=0 ORDER BY kid, i LIMIT 1", "");
    TRY(book_first(s));
    out->kid = arena_dup(a, book_column(s, 0));
    out->i = (uint32_t)book_column_u64(s, 1);
    enum err e = reason_of(book_column(s, 2), &out->verdict) == OK && arena_ok(a) ? OK : ERR_IO;
    book_done(s);
    return e;
}

enum err book_unconfirmed(struct book *b)
{
    sqlite3_stmt *s = book_ask(
        b, "SELECT 1 FROM came c LEFT JOIN second s ON s.kid=c.kid AND s.i=c.i WHERE s.kid IS NULL LIMIT 1", "");
    TRY(book_first(s));
    book_done(s);
    return OK;
}

enum err book_second_told(struct book *b, struct span kid, uint32_t i)
{
    return book_run(book_ask(b, "UPDATE second SET told=1 WHERE kid=? AND i=?", "ti", kid, (int64_t)i));
}

enum err book_reading_part(struct book *b, struct span kid, uint32_t i, uint32_t part, struct arena *a,
                           struct book_reading *out)
{
    sqlite3_stmt *s =
        book_ask(b,
                 "SELECT n,kid,address,ep,t_ms,opened_ms,flags,plain FROM reading WHERE kid=? COLLATE NOCASE"
                 " AND i=? AND part=?",
                 "tii", kid, (int64_t)i, (int64_t)part);
    TRY(book_first(s));
    *out = (struct book_reading){.n = sqlite3_column_int64(s, 0),
                                 .kid = arena_dup(a, book_column(s, 1)),
                                 .address = arena_dup(a, book_column(s, 2)),
                                 .i = i,
                                 .part = part,
                                 .ep = book_column_u64(s, 3),
                                 .t_ms = book_column_u64(s, 4),
                                 .opened_ms = sqlite3_column_int64(s, 5),
                                 .flags = (reason_set)(book_column_u64(s, 6) & UINT32_MAX),
                                 .json = book_column_u64(s, 6) & (uint64_t)BOOK_JSON,
                                 .watched = book_column_u64(s, 6) & (uint64_t)BOOK_WATCHED,
                                 .plain = arena_dup(a, book_column(s, 7))};
    book_done(s);
    return arena_ok(a) ? OK : ERR_NOMEM;
}
