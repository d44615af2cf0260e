/* sqlite_tally.c - counters that wait for the end of the transaction. */
#include <stdlib.h>

#include "store/sqlite_impl.h"

/* The place of rid, or the free place where it belongs. One is always free. */
static size_t place(const struct sqlite_store *s, int64_t rid)
{
    size_t at = (size_t)((uint64_t)rid * 0x9e3779b97f4a7c15u >> 54) % TALLIES;
    while (s->tally[at].rid && s->tally[at].rid != rid)
        at = (at + 1) % TALLIES;
    return at;
}

static bool log_room(struct sqlite_store *s)
{
    if (s->ntlog < s->captlog)
        return true;
    size_t cap = s->captlog ? s->captlog * 2 : 256;
    struct tally_log *v = realloc(s->tlog, cap * sizeof *v);
    if (!v)
        return false;
    s->tlog = v;
    s->captlog = cap;
    return true;
}

static void write_at(struct sqlite_store *s, size_t at, const struct row *r)
{
    s->tlog[s->ntlog++] = (struct tally_log){.at = at, .was = s->tally[at]};
    s->ntally += s->tally[at].rid == 0;
    s->tally[at] =
        (struct tally){.rid = r->rid, .lt = r->lt, .st = r->st, .cni = r->cni, .cbs = r->cbs, .subs = r->subs};
}

bool sqlite_tally_put(struct sqlite_store *s, const struct row *r)
{
    size_t at = place(s, r->rid);
    if (!log_room(s) || (s->tally[at].rid == 0 && s->ntally + 1 >= TALLIES))
        return false;
    write_at(s, at, r);
    return true;
}

bool sqlite_tally_set(struct sqlite_store *s, const struct row *r)
{
    size_t at = place(s, r->rid);
    if (s->tally[at].rid == 0)
        return true;
    if (!log_room(s))
        return false;
    write_at(s, at, r);
    return true;
}

void sqlite_tally_patch(const struct sqlite_store *s, struct row *r)
{
    if (s->ntally == 0)
        return;
    const struct tally *y = &s->tally[place(s, r->rid)];
    if (y->rid == 0)
        return;
    r->lt = y->lt;
    r->st = y->st;
    r->cni = y->cni;
    r->cbs = y->cbs;
    r->subs = y->subs;
}

/* In reverse order: a place that becomes free again was taken after all that stand before it in its chain. */
void sqlite_tally_back(struct sqlite_store *s, size_t mark)
{
    while (s->ntlog > mark) {
        const struct tally_log *l = &s->tlog[--s->ntlog];
        s->ntally -= l->was.rid == 0;
        s->tally[l->at] = l->was;
    }
}

static enum err write_one(struct store_tx *t, const struct tally *y)
{
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_COUNT, &s));
    int at = 1;
    sqlite3_bind_int64(s, at++, y->rid);
    sqlite3_bind_int64(s, at++, y->lt);
    sqlite3_bind_int64(s, at++, y->st);
    sqlite3_bind_int64(s, at++, y->cni);
    sqlite3_bind_int64(s, at++, y->cbs);
    sqlite3_bind_int64(s, at++, y->subs);
    return sqlite_run(t, s); /* no row: it was dropped meanwhile */
}

/* The log names every place in use, some more than once. */
enum err sqlite_tally_write(struct store_tx *t)
{
    struct sqlite_store *s = sqlite_home(t);
    for (size_t i = 0; i < s->ntlog; i++) {
        struct tally *y = &s->tally[s->tlog[i].at];
        if (y->rid)
            TRY(write_one(t, y));
        y->rid = 0;
    }
    sqlite_tally_forget(s);
    return OK;
}

void sqlite_tally_forget(struct sqlite_store *s)
{
    for (size_t i = 0; i < s->ntlog; i++)
        s->tally[s->tlog[i].at].rid = 0;
    s->ntally = s->ntlog = s->tmark = 0;
}
