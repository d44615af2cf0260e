/* bare_find - the peer of discovery: the store's own query for a hundred rows, and nothing around it.
 *
 *   bare_find --db FILE --by type|label [--rounds N]
 *
 * prints {"p50_us":..,"p99_us":..,"rows":..}. The file is read only; no CSE needs to run. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/span.h"

#define BARE "rid, pid, ty, rn, alias, creator, ct, lt, et, st, cni, cbs, cs, subs, rank, spec"
#define FULL BARE ", body"

enum {
#define SQL(name, text) SQL_##name,
#include "store/sql/statements.def"
#undef SQL
};
static const char *const texts[] = {
#define SQL(name, text) [SQL_##name] = text,
#include "store/sql/statements.def"
#undef SQL
};

enum { LIMIT = 100, TY_CIN = 4 };

static void die(sqlite3 *db, const char *what)
{
    fprintf(stderr, "bare_find: %s: %s\n", what, db ? sqlite3_errmsg(db) : "");
    exit(1);
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Every column of every row is looked at, as whoever answers a query has to. */
static long one(sqlite3 *db, sqlite3_stmt *s)
{
    long rows = 0, octets = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(s); i++)
            octets += sqlite3_column_type(s, i) == SQLITE_INTEGER
                          ? sqlite3_column_int64(s, i) != 0
                          : (sqlite3_column_blob(s, i) ? sqlite3_column_bytes(s, i) : 0);
        rows++;
    }
    if (rc != SQLITE_DONE || octets < rows)
        die(db, "query");
    sqlite3_reset(s);
    return rows;
}

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return a < b ? -1 : a > b;
}

int main(int argc, char **argv)
{
    const char *file = NULL, *by = "type";
    long rounds = 5000, rows = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--db"))
            file = argv[i + 1];
        else if (!strcmp(argv[i], "--by"))
            by = argv[i + 1];
        else if (!strcmp(argv[i], "--rounds"))
            rounds = strtol(argv[i + 1], NULL, 10);
    }
    sqlite3 *db = NULL;
    sqlite3_stmt *s;
    bool label = strcmp(by, "label") == 0;
    if (!file || rounds < 1 || sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        die(db, "needs --db FILE");
    if (sqlite3_prepare_v2(db, texts[label ? SQL_LABEL : SQL_TYPE_BARE], -1, &s, NULL) != SQLITE_OK)
        die(db, "prepare");
    sqlite3_bind_int64(s, 1, 0);
    sqlite3_bind_int64(s, 2, LIMIT);
    if (label)
        sqlite3_bind_text(s, 3, "tag", -1, SQLITE_STATIC);
    else
        sqlite3_bind_int64(s, 3, TY_CIN);
    double *us = calloc((size_t)rounds, sizeof *us);
    for (long i = 0; us && i < rounds; i++) {
        double from = now_us();
        rows = one(db, s);
        us[i] = now_us() - from;
    }
    if (!us)
        die(db, "no memory");
    qsort(us, (size_t)rounds, sizeof *us, ascending);
    printf("{\"p50_us\":%.1f,\"p99_us\":%.1f,\"rows\":%ld}\n", us[rounds / 2], us[rounds * 99 / 100], rows);
    free(us);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return 0;
}
