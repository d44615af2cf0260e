/* src/store/batch: group commit, private files, a bounded log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/batch.h"

static char folder[64], path[96];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/oneseal-batch-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/b.db", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < LEN(ends); i++) {
        char file[128];
        snprintf(file, sizeof file, "%s%s", path, ends[i]);
        unlink(file);
    }
    return rmdir(folder);
}

static void sql(sqlite3 *db, const char *text)
{
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
}

static int number(sqlite3 *db, const char *text)
{
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int n = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return n;
}

static struct batch *opened(const struct batch_conf *conf)
{
    struct batch *b = NULL;
    assert_int_equal(batch_open(conf, &b), OK);
    return b;
}

static void files_are_private(void **state)
{
    (void)state;
    struct batch *b = opened(&(struct batch_conf){.path = path, .power_loss = true});
    sql(batch_db(b), "CREATE TABLE t(x)");
    static const char *ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < LEN(ends); i++) {
        char file[128];
        struct stat st;
        snprintf(file, sizeof file, "%s%s", path, ends[i]);
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    assert_int_equal(number(batch_db(b), "PRAGMA synchronous"), 2);
    batch_close(b);
}

static void process_durability_is_normal(void **state)
{
    (void)state;
    struct batch *b = opened(&(struct batch_conf){.path = path});
    assert_int_equal(number(batch_db(b), "PRAGMA synchronous"), 1);
    batch_close(b);
}

static void an_abort_undoes_and_a_commit_keeps(void **state)
{
    (void)state;
    struct batch *b = opened(&(struct batch_conf){.path = path});
    sql(batch_db(b), "CREATE TABLE t(x)");
    assert_int_equal(batch_begin(b), OK);
    sql(batch_db(b), "INSERT INTO t VALUES(1)");
    batch_abort(b);
    batch_abort(b); /* without a transaction: nothing happens */
    assert_int_equal(number(batch_db(b), "SELECT count(*) FROM t"), 0);
    assert_int_equal(batch_begin(b), OK);
    sql(batch_db(b), "INSERT INTO t VALUES(1)");
    assert_int_equal(batch_commit(b), OK);
    batch_close(b);
    b = opened(&(struct batch_conf){.path = path});
    assert_int_equal(number(batch_db(b), "SELECT count(*) FROM t"), 1);
    batch_close(b);
}

static void a_reading_connection_does_not_write(void **state)
{
    (void)state;
    struct batch_conf conf = {.path = path};
    struct batch *b = opened(&conf);
    sql(batch_db(b), "CREATE TABLE t(x)");
    sqlite3 *r = NULL;
    assert_int_equal(batch_connect(&conf, &r), OK);
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 0);
    assert_int_not_equal(sqlite3_exec(r, "INSERT INTO t VALUES(1)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(r);
    batch_close(b);
}

static void commit_some(struct batch *b, int times)
{
    for (int i = 0; i < times; i++) {
        assert_int_equal(batch_begin(b), OK);
        sql(batch_db(b), "INSERT INTO t VALUES(randomblob(20000))");
        assert_int_equal(batch_commit(b), OK);
    }
}

static void the_log_is_bounded(void **state)
{
    (void)state;
    struct batch *b = opened(&(struct batch_conf){.path = path, .wal_max = 1 << 20, .passive_bytes = 256 << 10});
    sql(batch_db(b), "CREATE TABLE t(x)");
    commit_some(b, 400); /* 8 MB in all */
    struct batch_stats st = batch_stats(b);
    assert_int_equal(st.commits, 400);
    assert_true(st.wal_bytes <= (1 << 20) + (1 << 19));
    assert_true(st.truncated + st.passive > 0);
    assert_true(batch_wait_ns(b) <= BATCH_WAIT_MAX_NS);
    batch_close(b);
}

static void a_reader_in_the_way_does_not_stop_the_writer(void **state)
{
    (void)state;
    struct batch_conf conf = {.path = path, .wal_max = 1 << 20, .passive_bytes = 256 << 10};
    struct batch *b = opened(&conf);
    sql(batch_db(b), "CREATE TABLE t(x)");
    sqlite3 *r = NULL;
    assert_int_equal(batch_connect(&conf, &r), OK);
    sql(r, "BEGIN");
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 0);
    commit_some(b, 100);
    assert_true(batch_stats(b).truncate_busy > 0);
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 0);
    sql(r, "COMMIT");
    commit_some(b, 20);
    assert_true(batch_stats(b).truncated > 0);
    sqlite3_close(r);
    batch_close(b);
}

static void a_full_disk_is_told_from_other_failures(void **state)
{
    (void)state;
    struct batch *b = opened(&(struct batch_conf){.path = path});
    sql(batch_db(b), "CREATE TABLE t(x); PRAGMA max_page_count=10");
    assert_int_equal(batch_begin(b), OK);
    int rc = sqlite3_exec(batch_db(b), "INSERT INTO t VALUES(randomblob(200000))", NULL, NULL, NULL);
    assert_int_equal(batch_err(batch_db(b), rc), ERR_DISK);
    batch_abort(b);
    assert_int_equal(number(batch_db(b), "SELECT count(*) FROM t"), 0);
    batch_close(b);
}

static void a_missing_folder_is_an_error(void **state)
{
    (void)state;
    struct batch *b = NULL;
    assert_int_equal(batch_open(&(struct batch_conf){.path = "/nonexistent/x.db"}, &b), ERR_IO);
    assert_null(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(process_durability_is_normal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_abort_undoes_and_a_commit_keeps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reading_connection_does_not_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_log_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_in_the_way_does_not_stop_the_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_from_other_failures, set_up, tear_down),
        cmocka_unit_test(a_missing_folder_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
