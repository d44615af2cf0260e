/* What only the store on disk promises: it survives kill -9 in mid-commit, keeps others out, tells a full disk, and
 * lets loops read while the writer writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "contract/subject.h"
#include "host/heap.h"
#include "store/batch.h"
#include "store/cache.h"
#include "store/sqlite.h"

enum { CHILD_BATCH = 7, KILLS = 12 };

struct place {
    char dir[64];
    struct arena a;
};

static int set_up(void **state)
{
    struct place *p = xalloc(sizeof *p);
    heap_arena(&p->a, 1 << 16, 1 << 28);
    subject_folder(p->dir);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    subject_remove(p->dir);
    arena_reset(&p->a);
    free(p);
    return 0;
}

static struct row cell(int64_t rid, int64_t pid, int64_t batch)
{
    return (struct row){.rid = rid, .pid = pid, .ty = 4, .ct = batch, .et = INT64_MAX, .body = SPAN("{}")};
}

/* ---- kill -9 -------------------------------------------------------------------------------------- */

/* Commits batches of CHILD_BATCH rows without end; tells the parent each one that is durable. */
static void child_writes(const char *dir, int64_t batch, int out)
{
    struct store *s = NULL;
    struct store_tx *t;
    uint8_t own[16] = {1};
    if (store_sqlite(dir, true, own, &s) != OK)
        _exit(3);
    for (;; batch++) {
        if (store_write(s, &t) != OK)
            _exit(4);
        struct row box = {.rid = 1, .ty = 3, .cni = batch + 1, .et = INT64_MAX, .body = SPAN("{}")};
        if (batch == 0 ? store_put(t, &box) != OK : store_count(t, &box) != OK)
            _exit(5);
        for (int i = 0; i < CHILD_BATCH; i++) {
            int64_t rid;
            struct row r;
            if (store_save(t) != OK || store_next_rid(t, &rid) != OK)
                _exit(6);
            r = cell(rid + 1, 1, batch);
            if (store_put(t, &r) != OK || store_keep(t) != OK)
                _exit(7);
        }
        if (store_commit(t) != OK || write(out, &batch, sizeof batch) != sizeof batch)
            _exit(8);
    }
}

static void nap(long us)
{
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* Number of batches in the store; every one must be whole. */
static int64_t count_batches(struct place *p, int64_t *last_rid)
{
    struct store *s = subject_sqlite(p->dir);
    struct store_tx *t;
    struct rows rows = {.more = true};
    struct row box;
    int64_t n = 0, after = 0, batches = 0;
    assert_int_equal(store_read(s, 0, &t), OK);
    if (store_get(t, 1, &p->a, &box) == OK)
        batches = box.cni;
    while (rows.more) {
        assert_int_equal(store_list(t, 1, 4, after, 1000, true, &p->a, &rows), OK);
        for (size_t i = 0; i < rows.n; i++, n++)
            assert_int_equal(rows.v[i].ct, n / CHILD_BATCH);
        after = rows.n ? rows.v[rows.n - 1].rid : after;
    }
    assert_int_equal(n, batches * CHILD_BATCH);
    store_end(t);
    store_close(s);
    assert_true(after >= *last_rid);
    *last_rid = after;
    return batches;
}

static void nothing_acknowledged_is_lost_by_kill_9(void **state)
{
    struct place *p = *state;
    int64_t have = 0, last_rid = 0;
    for (int k = 0; k < KILLS; k++) {
        int fd[2];
        assert_int_equal(pipe(fd), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            child_writes(p->dir, have, fd[1]);
        close(fd[1]);
        int64_t acked = have - 1, b;
        if (k > 0 || read(fd[0], &b, sizeof b) == sizeof b) /* the first time wait until the schema is there */
            nap(3000 + 1700 * k);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (read(fd[0], &b, sizeof b) == sizeof b)
            acked = b;
        close(fd[0]);
        int64_t now = count_batches(p, &last_rid);
        assert_true(now >= acked + 1);
        have = now;
        arena_reset(&p->a);
    }
    assert_true(have > 0);
}

/* ---- keeping others out --------------------------------------------------------------------------- */

static enum err try_open(const char *dir, struct store **s)
{
    *s = NULL;
    return store_sqlite(dir, false, subject_instance, s);
}

static void files_and_folder_are_private(void **state)
{
    struct place *p = *state;
    char sub[80], file[120];
    struct stat st;
    struct store *s;
    snprintf(sub, sizeof sub, "%s/new", p->dir);
    assert_int_equal(try_open(sub, &s), OK); /* makes the folder */
    assert_int_equal(stat(sub, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    static const char *const names[] = {"cse.db", "cse.db-wal", "cse.db-shm", "lock"};
    for (size_t i = 0; i < LEN(names); i++) {
        snprintf(file, sizeof file, "%s/%s", sub, names[i]);
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    store_close(s);
    subject_remove(sub);
    assert_int_equal(chmod(p->dir, 0750), 0);
    assert_int_equal(try_open(p->dir, &s), ERR_CONFIG);
}

static void only_one_at_a_time(void **state)
{
    struct place *p = *state;
    struct store *one, *two;
    assert_int_equal(try_open(p->dir, &one), OK);
    assert_int_equal(try_open(p->dir, &two), ERR_NOTNOW);
    store_close(one);
    assert_int_equal(try_open(p->dir, &two), OK);
    store_close(two);
}

static void in_file(struct place *p, const char *sql)
{
    char path[80];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/cse.db", p->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_newer_file_is_refused(void **state)
{
    struct place *p = *state;
    struct store *s;
    assert_int_equal(try_open(p->dir, &s), OK);
    store_close(s);
    in_file(p, "PRAGMA user_version=3");
    assert_int_equal(try_open(p->dir, &s), ERR_CONFIG);
    in_file(p, "PRAGMA user_version=2");
    assert_int_equal(try_open(p->dir, &s), OK);
    store_close(s);
}

static void an_older_file_is_brought_up(void **state)
{
    struct place *p = *state;
    struct store *s;
    struct store_tx *t;
    struct row row;
    struct arena a;
    int64_t due;
    assert_int_equal(try_open(p->dir, &s), OK);
    assert_int_equal(store_write(s, &t), OK);
    assert_int_equal(store_put(t, &(struct row){.rid = 7, .ty = 3, .et = INT64_MAX, .body = SPAN("{}")}), OK);
    assert_int_equal(store_commit(t), OK);
    store_close(s);
    in_file(p, "DROP INDEX res_rank; ALTER TABLE res DROP COLUMN rank; ALTER TABLE res DROP COLUMN spec; DROP TABLE "
               "alarm; PRAGMA user_version=1");
    assert_int_equal(try_open(p->dir, &s), OK);
    heap_arena(&a, 4096, 1 << 20);
    assert_int_equal(store_write(s, &t), OK);
    assert_int_equal(store_get(t, 7, &a, &row), OK);
    assert_int_equal(row.rank, 0);
    assert_int_equal(row.spec.n, 0);
    assert_int_equal(store_alarm_set(t, 1, 7, 5), OK);
    assert_int_equal(store_alarm_next(t, &due), OK);
    assert_int_equal(due, 5);
    assert_int_equal(store_commit(t), OK);
    store_close(s);
    arena_reset(&a);
}

static void a_foreign_file_is_refused(void **state)
{
    struct place *p = *state;
    struct store *s;
    in_file(p, "CREATE TABLE other(x)");
    assert_int_equal(try_open(p->dir, &s), ERR_CONFIG);
    char path[80];
    snprintf(path, sizeof path, "%s/cse.db", p->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 500; i++)
        fputs("this is no database at all\n", f);
    fclose(f);
    assert_int_equal(try_open(p->dir, &s), ERR_CONFIG);
}

/* ---- full disk ------------------------------------------------------------------------------------ */

static void a_full_disk_costs_the_batch_and_nothing_else(void **state)
{
    struct place *p = *state;
    struct sqlite_conf conf = {.dir = p->dir, .max = 200 * 4096};
    static uint8_t big[100000];
    memset(big, 'x', sizeof big);
    struct store *s;
    struct store_tx *t;
    struct row r = cell(1, 0, 0);
    assert_int_equal(sqlite_open(&conf, &s), OK);
    assert_int_equal(store_write(s, &t), OK);
    assert_int_equal(store_put(t, &r), OK);
    assert_int_equal(store_commit(t), OK);

    assert_int_equal(store_write(s, &t), OK);
    enum err e = OK;
    for (int64_t i = 2; e == OK; i++) {
        assert_true(i < 50);
        assert_int_equal(store_save(t), OK);
        r = cell(i, 0, 0);
        r.body = span_of(big, sizeof big);
        e = store_put(t, &r);
        if (e == OK)
            assert_int_equal(store_keep(t), OK);
    }
    assert_int_equal(e, ERR_DISK);
    /* Either the job alone is undone or the whole batch is lost; never the one without the other being said. */
    enum err undone = store_undo(t), done = store_commit(t);
    assert_true(undone == OK ? done == OK : done == ERR_DISK);

    assert_int_equal(store_write(s, &t), OK);
    assert_int_equal(store_get(t, 1, &p->a, &r), OK);
    int64_t n;
    assert_int_equal(store_clear(t, 0, 4, &n), OK);
    r = cell(100, 0, 0);
    assert_int_equal(store_put(t, &r), OK);
    assert_int_equal(store_commit(t), OK); /* room again */
    store_close(s);
}

/* ---- readers beside the writer -------------------------------------------------------------------- */

struct traffic {
    struct store *s;
    _Atomic int64_t committed; /* number of the last commit that returned */
    atomic_bool stop;
    atomic_int wrong;
    unsigned slot;
};

struct reader {
    struct traffic *tr;
    unsigned slot;
    uint64_t reads;
};

static void *read_on(void *arg)
{
    struct reader *me = arg;
    struct arena a;
    heap_arena(&a, 1 << 14, 1 << 22);
    while (!me->tr->stop) {
        struct store_tx *t;
        struct row box, newest;
        int64_t floor = me->tr->committed;
        bool ok = store_read(me->tr->s, me->slot, &t) == OK && store_child(t, 0, SPAN("box"), &a, &box) == OK &&
                  store_newest(t, 1, 4, 0, &a, &newest) == OK && box.cni >= floor && newest.ct >= floor;
        store_end(t);
        if (!ok)
            me->tr->wrong++;
        me->reads++;
        arena_reset(&a);
    }
    return NULL;
}

static void a_reader_never_sees_less_than_was_acknowledged(void **state)
{
    struct place *p = *state;
    struct sqlite_conf conf = {.dir = p->dir, .wal_max = 1 << 20};
    struct traffic tr = {0};
    struct store_tx *t;
    assert_int_equal(sqlite_open(&conf, &tr.s), OK);
    assert_int_equal(store_write(tr.s, &t), OK);
    struct row box = {.rid = 1, .ty = 3, .rn = SPAN("box"), .et = INT64_MAX, .body = SPAN("{}")}, r = cell(2, 1, 0);
    assert_int_equal(store_put(t, &box), OK);
    assert_int_equal(store_put(t, &r), OK);
    assert_int_equal(store_commit(t), OK);
    struct reader me[2] = {{.tr = &tr, .slot = 0}, {.tr = &tr, .slot = 1}};
    pthread_t th[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&th[i], NULL, read_on, &me[i]), 0);
    for (int64_t i = 1; i <= 1500; i++) {
        assert_int_equal(store_write(tr.s, &t), OK);
        assert_int_equal(store_save(t), OK);
        box.cni = i;
        assert_int_equal(store_count(t, &box), OK);
        r = cell(i + 2, 1, i);
        assert_int_equal(store_put(t, &r), OK);
        if (i > 10)
            assert_int_equal(store_drop(t, i - 8), OK);
        assert_int_equal(store_keep(t), OK);
        if (i % 5 == 0) {
            assert_int_equal(store_save(t), OK);
            assert_int_equal(store_set(t, &(struct row){.rid = 1, .cni = -1, .body = SPAN("{}")}), OK);
            assert_int_equal(store_undo(t), OK);
        }
        assert_int_equal(store_commit(t), OK);
        tr.committed = i;
    }
    tr.stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(th[i], NULL);
    struct batch_stats b;
    struct cache_stats c;
    sqlite_figures(tr.s, &b, &c);
    assert_int_equal(tr.wrong, 0);
    assert_true(me[0].reads > 0 && me[1].reads > 0);
    assert_true(c.hits > 0);
    store_close(tr.s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_acknowledged_is_lost_by_kill_9),
        T(files_and_folder_are_private),
        T(only_one_at_a_time),
        T(a_newer_file_is_refused),
        T(an_older_file_is_brought_up),
        T(a_foreign_file_is_refused),
        T(a_full_disk_costs_the_batch_and_nothing_else),
        T(a_reader_never_sees_less_than_was_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
