/* sqlite_letters.c - the outbox, the alarms and the small state in SQLite. */
#include "store/sqlite_impl.h"

/* ---- outbox -------------------------------------------------------------------------------------- */

static enum err lane_is_empty(struct store_tx *t, int64_t sub, int64_t tgt, bool *empty)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_LANE, &s));
    sqlite3_bind_int64(s, 1, sub);
    sqlite3_bind_int64(s, 2, tgt);
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    *empty = rc == SQLITE_DONE;
    return sqlite_said(t, rc);
}

enum err sqlite_letter_put(struct store_tx *t, struct letter *l)
{
    bool first;
    TRY(lane_is_empty(t, l->sub, l->tgt, &first));
    l->id = sqlite_home(t)->next_letter++;
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_LETTER_PUT, &s));
    int at = 1;
    sqlite3_bind_int64(s, at++, l->id);
    sqlite3_bind_int64(s, at++, l->sub);
    sqlite3_bind_int64(s, at++, l->tgt);
    sqlite3_bind_int64(s, at++, l->due);
    if (first)
        sqlite3_bind_int64(s, at++, l->due);
    else
        sqlite3_bind_null(s, at++);
    sqlite3_bind_int64(s, at++, l->tries);
    sqlite_bind(s, at++, l->to, false);
    sqlite_bind(s, at++, l->body, false);
    sqlite_bind(s, at++, l->meta, false);
    return sqlite_run(t, s);
}

static void read_letter(sqlite3_stmt *s, struct arena *a, struct letter *l)
{
    int at = 0;
    l->id = sqlite3_column_int64(s, at++);
    l->sub = sqlite3_column_int64(s, at++);
    l->tgt = sqlite3_column_int64(s, at++);
    l->due = sqlite3_column_int64(s, at++);
    l->tries = (uint32_t)sqlite3_column_int64(s, at++);
    l->to = sqlite_text(s, at++, a);
    l->body = sqlite_text(s, at++, a);
    l->meta = sqlite_text(s, at++, a);
}

/* Letters of a bound statement whose parameter `limit` is their greatest number. */
static enum err read_letters(struct store_tx *t, sqlite3_stmt *s, int limit, size_t max, struct arena *a,
                             struct letter **out, size_t *n)
{
    int rc = SQLITE_DONE;
    *n = 0;
    *out = ARENA_ARRAY(a, struct letter, max);
    if (!*out)
        return ERR_NOMEM;
    sqlite3_bind_int64(s, limit, (int64_t)max);
    while (*n < max && (rc = sqlite3_step(s)) == SQLITE_ROW)
        read_letter(s, a, &(*out)[(*n)++]);
    enum err e = sqlite_said(t, rc);
    sqlite3_reset(s);
    return e == OK && !arena_ok(a) ? ERR_NOMEM : e;
}

enum err sqlite_letters_due(struct store_tx *t, int64_t now, int64_t after, size_t max, struct arena *a,
                            struct letter **out, size_t *n)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_LETTERS_DUE, &s));
    sqlite3_bind_int64(s, 1, now);
    sqlite3_bind_int64(s, 2, after);
    return read_letters(t, s, 3, max, a, out, n);
}

enum err sqlite_letter_next(struct store_tx *t, int64_t *due)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_LETTER_NEXT, &s));
    enum err e = sqlite_said(t, sqlite3_step(s));
    *due = e == OK && sqlite3_column_type(s, 0) != SQLITE_NULL ? sqlite3_column_int64(s, 0) : INT64_MAX;
    sqlite3_reset(s);
    return e;
}

enum err sqlite_letter_done(struct store_tx *t, int64_t id)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_LETTER_LANE, &s));
    sqlite3_bind_int64(s, 1, id);
    int rc = sqlite3_step(s);
    enum err e = sqlite_said(t, rc);
    int64_t sub = e == OK ? sqlite3_column_int64(s, 0) : 0, tgt = e == OK ? sqlite3_column_int64(s, 1) : 0;
    sqlite3_reset(s);
    if (e != OK || rc != SQLITE_ROW)
        return e != OK ? e : ERR_NOTFOUND;
    TRY(sqlite_change_stmt(t, SQL_LETTER_DONE, &s));
    sqlite3_bind_int64(s, 1, id);
    TRY(sqlite_run(t, s));
    TRY(sqlite_change_stmt(t, SQL_LANE_NEXT, &s));
    sqlite3_bind_int64(s, 1, sub);
    sqlite3_bind_int64(s, 2, tgt);
    return sqlite_run(t, s);
}

enum err sqlite_letter_delay(struct store_tx *t, int64_t id, int64_t due, uint32_t tries)
{
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_LETTER_DELAY, &s));
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int64(s, 2, due);
    sqlite3_bind_int64(s, 3, tries);
    TRY(sqlite_run(t, s));
    return sqlite3_changes(sqlite_home(t)->writer.db) == 0 ? ERR_NOTFOUND : OK;
}

enum err sqlite_letters_drop(struct store_tx *t, int64_t sub)
{
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_LETTERS_DROP, &s));
    sqlite3_bind_int64(s, 1, sub);
    return sqlite_run(t, s);
}

enum err sqlite_letters_count(struct store_tx *t, int64_t sub, int64_t *n)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, sub ? SQL_LETTERS_COUNT : SQL_LETTERS_ALL, &s));
    if (sub)
        sqlite3_bind_int64(s, 1, sub);
    enum err e = sqlite_said(t, sqlite3_step(s));
    *n = e == OK ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return e;
}

enum err sqlite_letters_lane(struct store_tx *t, int64_t sub, int64_t tgt, int64_t after, size_t max, struct arena *a,
                             struct letter **out, size_t *n)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_LETTERS_LANE, &s));
    sqlite3_bind_int64(s, 1, sub);
    sqlite3_bind_int64(s, 2, tgt);
    sqlite3_bind_int64(s, 3, after);
    return read_letters(t, s, 4, max, a, out, n);
}

enum err sqlite_letters_in(struct store_tx *t, int64_t sub, int64_t tgt, int64_t *n)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_LETTERS_IN, &s));
    sqlite3_bind_int64(s, 1, sub);
    sqlite3_bind_int64(s, 2, tgt);
    enum err e = sqlite_said(t, sqlite3_step(s));
    *n = e == OK ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return e;
}

enum err sqlite_letters_wake(struct store_tx *t, int64_t sub, int64_t tgt, int64_t due)
{
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_LETTERS_WAKE, &s));
    sqlite3_bind_int64(s, 1, sub);
    sqlite3_bind_int64(s, 2, tgt);
    sqlite3_bind_int64(s, 3, due);
    return sqlite_run(t, s);
}

/* ---- alarms -------------------------------------------------------------------------------------- */

enum err sqlite_alarm_set(struct store_tx *t, int64_t kind, int64_t rid, int64_t due)
{
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, due == INT64_MAX ? SQL_ALARM_DROP : SQL_ALARM_SET, &s));
    sqlite3_bind_int64(s, 1, rid);
    sqlite3_bind_int64(s, 2, kind);
    if (due != INT64_MAX)
        sqlite3_bind_int64(s, 3, due);
    return sqlite_run(t, s);
}

enum err sqlite_alarm_get(struct store_tx *t, int64_t kind, int64_t rid, int64_t *due)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_ALARM_GET, &s));
    sqlite3_bind_int64(s, 1, rid);
    sqlite3_bind_int64(s, 2, kind);
    int rc = sqlite3_step(s);
    enum err e = sqlite_said(t, rc);
    *due = e == OK && rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : INT64_MAX;
    sqlite3_reset(s);
    return e;
}

enum err sqlite_alarms_due(struct store_tx *t, int64_t now, size_t max, struct arena *a, struct alarm **out, size_t *n)
{
    *n = 0;
    *out = ARENA_ARRAY(a, struct alarm, max);
    if (!*out)
        return ERR_NOMEM;
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_ALARMS_DUE, &s));
    sqlite3_bind_int64(s, 1, now);
    sqlite3_bind_int64(s, 2, (int64_t)max);
    int rc = SQLITE_DONE;
    while (*n < max && (rc = sqlite3_step(s)) == SQLITE_ROW)
        (*out)[(*n)++] = (struct alarm){
            .rid = sqlite3_column_int64(s, 0), .kind = sqlite3_column_int64(s, 1), .due = sqlite3_column_int64(s, 2)};
    enum err e = sqlite_said(t, rc);
    sqlite3_reset(s);
    return e;
}

enum err sqlite_alarm_next(struct store_tx *t, int64_t *due)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_ALARM_NEXT, &s));
    enum err e = sqlite_said(t, sqlite3_step(s));
    *due = e == OK && sqlite3_column_type(s, 0) != SQLITE_NULL ? sqlite3_column_int64(s, 0) : INT64_MAX;
    sqlite3_reset(s);
    return e;
}

enum err sqlite_alarms_drop(struct store_tx *t, int64_t rid)
{
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_ALARMS_DROP, &s));
    sqlite3_bind_int64(s, 1, rid);
    return sqlite_run(t, s);
}

/* ---- small state --------------------------------------------------------------------------------- */

static void bind_octets(sqlite3_stmt *s, int at, struct span v)
{
    if (v.n > 0)
        sqlite3_bind_blob64(s, at, v.p, v.n, SQLITE_STATIC);
    else
        sqlite3_bind_zeroblob(s, at, 0);
}

enum err sqlite_state_get(struct store_tx *t, struct span key, struct arena *a, struct span *out)
{
    *out = SPAN_NONE;
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_STATE_GET, &s));
    bind_octets(s, 1, key);
    int rc = sqlite3_step(s);
    enum err e = sqlite_said(t, rc);
    if (e == OK && rc == SQLITE_ROW) {
        *out = sqlite_text(s, 0, a);
        e = arena_ok(a) ? OK : ERR_NOMEM;
    } else if (e == OK) {
        e = ERR_NOTFOUND;
    }
    sqlite3_reset(s);
    return e;
}

enum err sqlite_state_put(struct store_tx *t, struct span key, struct span octets)
{
    if (key.n > STORE_KEY_MAX)
        return ERR_LIMIT;
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_STATE_PUT, &s));
    bind_octets(s, 1, key);
    bind_octets(s, 2, octets);
    return sqlite_run(t, s);
}

enum err sqlite_state_drop(struct store_tx *t, struct span key)
{
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_STATE_DROP, &s));
    bind_octets(s, 1, key);
    return sqlite_run(t, s);
}
