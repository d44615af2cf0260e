/* sqlite_rows.c - resources in SQLite. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_impl.h"

/* The columns of BARE in their order; the body is behind them. */
enum col {
    C_RID,
    C_PID,
    C_TY,
    C_RN,
    C_ALIAS,
    C_CREATOR,
    C_CT,
    C_LT,
    C_ET,
    C_ST,
    C_CNI,
    C_CBS,
    C_CS,
    C_SUBS,
    C_RANK,
    C_SPEC,
    C_BODY
};

static void read_row(struct store_tx *t, sqlite3_stmt *s, bool bare, struct arena *a, struct row *r)
{
    *r = (struct row){
        .rid = sqlite3_column_int64(s, C_RID),
        .pid = sqlite3_column_int64(s, C_PID),
        .ty = (uint32_t)sqlite3_column_int64(s, C_TY),
        .rn = sqlite_text(s, C_RN, a),
        .alias = sqlite_text(s, C_ALIAS, a),
        .creator = sqlite_text(s, C_CREATOR, a),
        .ct = sqlite3_column_int64(s, C_CT),
        .lt = sqlite3_column_int64(s, C_LT),
        .et = sqlite3_column_type(s, C_ET) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(s, C_ET),
        .st = sqlite3_column_int64(s, C_ST),
        .cni = sqlite3_column_int64(s, C_CNI),
        .cbs = sqlite3_column_int64(s, C_CBS),
        .cs = sqlite3_column_int64(s, C_CS),
        .subs = sqlite3_column_int64(s, C_SUBS),
        .rank = sqlite3_column_int64(s, C_RANK), /* NULL reads as 0 */
        .spec = sqlite_text(s, C_SPEC, a),
        .body = bare ? SPAN_NONE : sqlite_text(s, C_BODY, a),
    };
    if (t->writes)
        sqlite_tally_patch(sqlite_home(t), r);
}

static enum err one_row(struct store_tx *t, sqlite3_stmt *s, struct arena *a, struct row *out)
{
    int rc = sqlite3_step(s);
    enum err e = sqlite_said(t, rc);
    if (e == OK && rc == SQLITE_ROW) {
        read_row(t, s, false, a, out);
        e = arena_ok(a) ? OK : ERR_NOMEM;
    } else if (e == OK) {
        e = ERR_NOTFOUND;
    }
    sqlite3_reset(s);
    return e;
}

/* ---- one resource -------------------------------------------------------------------------------- */

static enum err fill(struct store_tx *t, enum err e, const struct row *r)
{
    if (e == OK)
        cache_fill(sqlite_tx(t)->cache, sqlite_tx(t)->turn, r);
    return e;
}

enum err sqlite_get(struct store_tx *t, int64_t rid, struct arena *a, struct row *out)
{
    if (cache_row(sqlite_tx(t)->cache, rid, a, out))
        return OK;
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_GET, &s));
    sqlite3_bind_int64(s, 1, rid);
    return fill(t, one_row(t, s, a, out), out);
}

enum err sqlite_child(struct store_tx *t, int64_t pid, struct span rn, struct arena *a, struct row *out)
{
    int64_t rid;
    if (rn.n == 0)
        return ERR_NOTFOUND;
    if (cache_name(sqlite_tx(t)->cache, pid, rn, &rid) && cache_row(sqlite_tx(t)->cache, rid, a, out))
        return OK;
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_CHILD, &s));
    sqlite3_bind_int64(s, 1, pid);
    sqlite_bind(s, 2, rn, true);
    return fill(t, one_row(t, s, a, out), out);
}

enum err sqlite_alias(struct store_tx *t, struct span alias, struct arena *a, struct row *out)
{
    int64_t rid;
    if (alias.n == 0)
        return ERR_NOTFOUND;
    if (cache_alias(sqlite_tx(t)->cache, alias, &rid) && cache_row(sqlite_tx(t)->cache, rid, a, out) &&
        span_eq(out->alias, alias))
        return OK;
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_ALIAS, &s));
    sqlite_bind(s, 1, alias, true);
    return fill(t, one_row(t, s, a, out), out);
}

static enum err at_end(struct store_tx *t, enum statement which, int64_t pid, uint32_t ty, int64_t now, struct arena *a,
                       struct row *out)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, which, &s));
    sqlite3_bind_int64(s, 1, pid);
    sqlite3_bind_int64(s, 2, ty);
    sqlite3_bind_int64(s, 3, now);
    return one_row(t, s, a, out);
}

enum err sqlite_newest(struct store_tx *t, int64_t pid, uint32_t ty, int64_t now, struct arena *a, struct row *out)
{
    struct sqlite_tx *x = sqlite_tx(t);
    int64_t rid;
    if (cache_newest(x->cache, pid, ty, &rid) && cache_row(x->cache, rid, a, out) && out->et > now)
        return OK;
    enum err e = at_end(t, SQL_NEWEST, pid, ty, now, a, out);
    if (e == OK)
        cache_fill_newest(x->cache, x->turn, out);
    return e;
}

enum err sqlite_oldest(struct store_tx *t, int64_t pid, uint32_t ty, int64_t now, struct arena *a, struct row *out)
{
    return at_end(t, SQL_OLDEST, pid, ty, now, a, out);
}

enum err sqlite_ranked(struct store_tx *t, int64_t pid, uint32_t ty, int64_t lo, int64_t hi, bool last, int64_t now,
                       struct arena *a, struct row *out)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, last ? SQL_RANK_LAST : SQL_RANK_FIRST, &s));
    int at = 1;
    sqlite3_bind_int64(s, at++, pid);
    sqlite3_bind_int64(s, at++, ty);
    sqlite3_bind_int64(s, at++, lo);
    sqlite3_bind_int64(s, at++, hi);
    sqlite3_bind_int64(s, at++, now);
    return one_row(t, s, a, out);
}

/* ---- many resources ------------------------------------------------------------------------------ */

static struct row *next_place(struct rows *rows, size_t *cap, struct arena *a)
{
    if (rows->n < *cap)
        return &rows->v[rows->n];
    size_t n = *cap ? *cap * 2 : 16;
    struct row *v = ARENA_ARRAY(a, struct row, n);
    if (!v)
        return NULL;
    if (rows->n)
        memcpy(v, rows->v, rows->n * sizeof *v);
    rows->v = v;
    *cap = n;
    return &v[rows->n];
}

/* Steps through a bound statement that asks for max + 1 rows. */
static enum err all_rows(struct store_tx *t, sqlite3_stmt *s, size_t max, bool bare, struct arena *a, struct rows *out)
{
    *out = (struct rows){0};
    size_t cap = 0, octets = 0;
    int rc;
    enum err e = OK;
    while (e == OK && (rc = sqlite3_step(s)) != SQLITE_DONE) {
        e = sqlite_said(t, rc);
        if (e != OK)
            break;
        if (out->n == max || octets > STORE_PAGE) {
            out->more = true;
            break;
        }
        struct row *r = next_place(out, &cap, a);
        if (r)
            read_row(t, s, bare, a, r);
        e = r && arena_ok(a) ? OK : ERR_NOMEM;
        octets += e == OK ? r->body.n : 0;
        out->n += e == OK;
    }
    sqlite3_reset(s);
    return e;
}

static int64_t limit(size_t max)
{
    return max < INT64_MAX ? (int64_t)max + 1 : INT64_MAX;
}

static enum err list_type(struct store_tx *t, int64_t pid, uint32_t ty, int64_t after, size_t max, bool bare,
                          struct arena *a, struct rows *out)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, bare ? SQL_LIST_BARE : SQL_LIST, &s));
    sqlite3_bind_int64(s, 1, pid);
    sqlite3_bind_int64(s, 2, ty);
    sqlite3_bind_int64(s, 3, after);
    sqlite3_bind_int64(s, 4, limit(max));
    return all_rows(t, s, max, bare, a, out);
}

enum err sqlite_next_type(struct store_tx *t, int64_t pid, uint32_t ty, uint32_t *out)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_NEXT_TYPE, &s));
    sqlite3_bind_int64(s, 1, pid);
    sqlite3_bind_int64(s, 2, ty);
    enum err e = sqlite_said(t, sqlite3_step(s));
    *out = e == OK ? (uint32_t)sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return e;
}

struct rids {
    int64_t *v;
    size_t n, cap;
};

/* Steps through a bound statement of identifiers. */
static enum err add_rids(struct store_tx *t, sqlite3_stmt *s, struct arena *a, struct rids *out)
{
    int rc;
    enum err e = OK;
    while (e == OK && (rc = sqlite3_step(s)) != SQLITE_DONE) {
        e = sqlite_said(t, rc);
        if (e == OK && out->n == out->cap) {
            size_t cap = out->cap ? out->cap * 2 : 64;
            int64_t *v = ARENA_ARRAY(a, int64_t, cap);
            if (v && out->n)
                memcpy(v, out->v, out->n * sizeof *v);
            out->v = v;
            out->cap = cap;
            e = v ? OK : ERR_NOMEM;
        }
        if (e == OK)
            out->v[out->n++] = sqlite3_column_int64(s, 0);
    }
    sqlite3_reset(s);
    return e;
}

static int ascending(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return a < b ? -1 : a > b;
}

static enum err rows_of(struct store_tx *t, const struct rids *rids, size_t max, bool bare, struct arena *a,
                        struct rows *out)
{
    *out = (struct rows){.more = rids->n > max};
    size_t n = rids->n < max ? rids->n : max;
    out->v = ARENA_ARRAY(a, struct row, n);
    if (!out->v)
        return ERR_NOMEM;
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, bare ? SQL_GET_BARE : SQL_GET, &s));
    for (size_t octets = 0; out->n < n; out->n++) {
        if (octets > STORE_PAGE) {
            out->more = true;
            break;
        }
        sqlite3_bind_int64(s, 1, rids->v[out->n]);
        int rc = sqlite3_step(s);
        enum err e = sqlite_said(t, rc);
        if (e == OK && rc == SQLITE_ROW)
            read_row(t, s, bare, a, &out->v[out->n]);
        octets += out->v[out->n].body.n;
        sqlite3_reset(s);
        if (e != OK || rc != SQLITE_ROW)
            return e != OK ? e : ERR_SYNTAX; /* an index names a row that is not there */
    }
    return arena_ok(a) ? OK : ERR_NOMEM;
}

/* Children of all types: the index holds them by type, so the first max + 1 of every type are merged. */
static enum err list_all(struct store_tx *t, int64_t pid, int64_t after, size_t max, bool bare, struct arena *a,
                         struct rows *out)
{
    struct rids rids = {0};
    uint32_t ty = 0, first = 0;
    unsigned types = 0;
    for (;;) {
        TRY(sqlite_next_type(t, pid, ty, &ty));
        if (ty == 0)
            break;
        if (types++ == 0) {
            first = ty;
            uint32_t second;
            TRY(sqlite_next_type(t, pid, ty, &second));
            if (second == 0)
                return list_type(t, pid, first, after, max, bare, a, out);
        }
        sqlite3_stmt *s;
        TRY(sqlite_stmt(t, SQL_LIST_RIDS, &s));
        sqlite3_bind_int64(s, 1, pid);
        sqlite3_bind_int64(s, 2, ty);
        sqlite3_bind_int64(s, 3, after);
        sqlite3_bind_int64(s, 4, limit(max));
        TRY(add_rids(t, s, a, &rids));
    }
    if (rids.n)
        qsort(rids.v, rids.n, sizeof *rids.v, ascending);
    return rows_of(t, &rids, max, bare, a, out);
}

enum err sqlite_list(struct store_tx *t, int64_t pid, uint32_t ty, int64_t after, size_t max, bool bare,
                     struct arena *a, struct rows *out)
{
    return ty ? list_type(t, pid, ty, after, max, bare, a, out) : list_all(t, pid, after, max, bare, a, out);
}

enum err sqlite_find(struct store_tx *t, enum find_by by, uint32_t ty, struct span label, int64_t after, size_t max,
                     bool bare, struct arena *a, struct rows *out)
{
    static const enum statement which[][2] = {[FIND_TYPE] = {SQL_TYPE, SQL_TYPE_BARE},
                                              [FIND_LABEL] = {SQL_LABEL, SQL_LABEL_BARE},
                                              [FIND_ALL] = {SQL_ALL, SQL_ALL_BARE}};
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, which[by][bare], &s));
    sqlite3_bind_int64(s, 1, after);
    sqlite3_bind_int64(s, 2, limit(max));
    if (by == FIND_TYPE)
        sqlite3_bind_int64(s, 3, ty);
    else if (by == FIND_LABEL)
        sqlite_bind(s, 3, label, false);
    return all_rows(t, s, max, bare, a, out);
}

enum err sqlite_estimate(struct store_tx *t, enum find_by by, uint32_t ty, struct span label, int64_t max, int64_t *n)
{
    static const enum statement which[] = {
        [FIND_TYPE] = SQL_TYPE_MANY, [FIND_LABEL] = SQL_LABEL_MANY, [FIND_ALL] = SQL_ALL_MANY};
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, which[by], &s));
    sqlite3_bind_int64(s, 1, max);
    if (by == FIND_TYPE)
        sqlite3_bind_int64(s, 2, ty);
    else if (by == FIND_LABEL)
        sqlite_bind(s, 2, label, false);
    enum err e = sqlite_said(t, sqlite3_step(s));
    *n = e == OK ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return e;
}

enum err sqlite_expired(struct store_tx *t, int64_t now, size_t max, struct arena *a, struct rows *out)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_EXPIRED, &s));
    sqlite3_bind_int64(s, 1, now);
    sqlite3_bind_int64(s, 2, limit(max));
    return all_rows(t, s, max, true, a, out);
}

enum err sqlite_next_et(struct store_tx *t, int64_t *et)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_NEXT_ET, &s));
    enum err e = sqlite_said(t, sqlite3_step(s));
    *et = e == OK && sqlite3_column_type(s, 0) != SQLITE_NULL ? sqlite3_column_int64(s, 0) : INT64_MAX;
    sqlite3_reset(s);
    return e;
}

/* ---- changes ------------------------------------------------------------------------------------- */

enum err sqlite_next_rid(struct store_tx *t, int64_t *rid)
{
    *rid = sqlite_home(t)->next_rid++;
    return OK;
}

static void bind_row(sqlite3_stmt *s, const struct row *r)
{
    sqlite3_bind_int64(s, 1 + C_RID, r->rid);
    sqlite_bind(s, 1 + C_ALIAS, r->alias, true);
    sqlite_bind(s, 1 + C_CREATOR, r->creator, true);
    sqlite3_bind_int64(s, 1 + C_CT, r->ct);
    sqlite3_bind_int64(s, 1 + C_LT, r->lt);
    if (r->et == INT64_MAX)
        sqlite3_bind_null(s, 1 + C_ET);
    else
        sqlite3_bind_int64(s, 1 + C_ET, r->et);
    sqlite3_bind_int64(s, 1 + C_ST, r->st);
    sqlite3_bind_int64(s, 1 + C_CNI, r->cni);
    sqlite3_bind_int64(s, 1 + C_CBS, r->cbs);
    sqlite3_bind_int64(s, 1 + C_CS, r->cs);
    sqlite3_bind_int64(s, 1 + C_SUBS, r->subs);
    if (r->rank == 0)
        sqlite3_bind_null(s, 1 + C_RANK);
    else
        sqlite3_bind_int64(s, 1 + C_RANK, r->rank);
    sqlite_bind(s, 1 + C_SPEC, r->spec, true);
    sqlite_bind(s, 1 + C_BODY, r->body, false);
}

static enum err put_labels(struct store_tx *t, const struct row *r)
{
    for (size_t i = 0; i < r->nlbl; i++) {
        sqlite3_stmt *s;
        TRY(sqlite_change_stmt(t, SQL_LABEL_PUT, &s));
        sqlite_bind(s, 1, r->lbl[i], false);
        sqlite3_bind_int64(s, 2, r->rid);
        TRY(sqlite_run(t, s));
    }
    return OK;
}

static enum err drop_labels(struct store_tx *t, int64_t rid)
{
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_LABELS_DROP, &s));
    sqlite3_bind_int64(s, 1, rid);
    return sqlite_run(t, s);
}

enum err sqlite_put(struct store_tx *t, const struct row *r)
{
    sqlite3_stmt *s;
    bool lone = r->nlbl == 0 && sqlite_first_change(t);
    TRY(lone ? sqlite_stmt(t, SQL_PUT, &s) : sqlite_change_stmt(t, SQL_PUT, &s));
    bind_row(s, r);
    sqlite3_bind_int64(s, 1 + C_PID, r->pid);
    sqlite3_bind_int64(s, 1 + C_TY, r->ty);
    sqlite_bind(s, 1 + C_RN, r->rn, true);
    TRY(sqlite_run(t, s));
    if (lone)
        sqlite_tx(t)->lone = r->rid;
    if (r->rid >= sqlite_home(t)->next_rid)
        sqlite_home(t)->next_rid = r->rid + 1;
    TRY(put_labels(t, r));
    return sqlite_changed(t, CH_NEW, r);
}

enum err sqlite_set(struct store_tx *t, const struct row *r)
{
    struct sqlite_store *home = sqlite_home(t);
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_SET, &s));
    bind_row(s, r);
    TRY(sqlite_run(t, s));
    if (sqlite3_changes(home->writer.db) == 0)
        return ERR_NOTFOUND;
    if (!sqlite_tally_set(home, r))
        return ERR_NOMEM;
    TRY(drop_labels(t, r->rid));
    TRY(put_labels(t, r));
    return sqlite_changed(t, CH_ROW, r);
}

static enum err count_now(struct store_tx *t, const struct row *r)
{
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_COUNT, &s));
    int at = 1;
    sqlite3_bind_int64(s, at++, r->rid);
    sqlite3_bind_int64(s, at++, r->lt);
    sqlite3_bind_int64(s, at++, r->st);
    sqlite3_bind_int64(s, at++, r->cni);
    sqlite3_bind_int64(s, at++, r->cbs);
    sqlite3_bind_int64(s, at++, r->subs);
    TRY(sqlite_run(t, s));
    return sqlite3_changes(sqlite_home(t)->writer.db) == 0 ? ERR_NOTFOUND : OK;
}

/* A row that the writer's cache has is there for certain; its counters can wait, but for subs, by which clear chooses.
 */
enum err sqlite_count(struct store_tx *t, const struct row *r)
{
    struct sqlite_store *home = sqlite_home(t);
    if (!cache_has(home->own, r->rid, r->subs) || !sqlite_tally_put(home, r)) {
        TRY(count_now(t, r));
        if (!sqlite_tally_set(home, r))
            return ERR_NOMEM;
    }
    return sqlite_changed(t, CH_COUNT, r);
}

enum err sqlite_drop(struct store_tx *t, int64_t rid)
{
    sqlite3_stmt *s;
    TRY(sqlite_change_stmt(t, SQL_DROP, &s));
    sqlite3_bind_int64(s, 1, rid);
    TRY(sqlite_run(t, s));
    if (sqlite3_changes(sqlite_home(t)->writer.db) == 0)
        return ERR_NOTFOUND;
    TRY(drop_labels(t, rid));
    return sqlite_changed(t, CH_ROW, &(struct row){.rid = rid});
}

/* The caches hear of the identifiers one by one; the row of a short cut that goes takes the short cut with it. */
static enum err note_cleared(struct store_tx *t, int64_t pid, uint32_t ty)
{
    sqlite3_stmt *s;
    TRY(sqlite_stmt(t, SQL_LIST_RIDS, &s));
    sqlite3_bind_int64(s, 1, pid);
    sqlite3_bind_int64(s, 2, ty);
    sqlite3_bind_int64(s, 3, 0);
    sqlite3_bind_int64(s, 4, -1);
    int rc;
    enum err e = OK;
    while (e == OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
        e = sqlite_changed(t, CH_ROW, &(struct row){.rid = sqlite3_column_int64(s, 0), .pid = pid, .ty = ty});
    if (e == OK)
        e = sqlite_said(t, rc);
    sqlite3_reset(s);
    return e;
}

enum err sqlite_clear(struct store_tx *t, int64_t pid, uint32_t ty, int64_t *n)
{
    TRY(note_cleared(t, pid, ty));
    static const enum statement both[] = {SQL_LABELS_CLEAR, SQL_CLEAR};
    for (size_t i = 0; i < LEN(both); i++) {
        sqlite3_stmt *s;
        TRY(sqlite_change_stmt(t, both[i], &s));
        sqlite3_bind_int64(s, 1, pid);
        sqlite3_bind_int64(s, 2, ty);
        TRY(sqlite_run(t, s));
    }
    *n = sqlite3_changes64(sqlite_home(t)->writer.db);
    return OK;
}
