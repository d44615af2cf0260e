/* src/ttp: a disk that somebody else wrote on. Every octet of every column, and yesterday's copies. */
#include "ttp_house.h"

static const uint8_t kv1[ESD_KV] = {1, 2, 3};

struct scene {
    struct house *h;
    struct party gateway, app;
    struct span kid;
};

static void scene_set(struct scene *s)
{
    s->h = house_new();
    s->gateway = party_new(s->h, "//demo.example/id-mn", "DNS:id-mn.id-in.demo.example");
    s->app = party_new(s->h, "//demo.example/Sapp-heat", "URI:m2m://demo.example/Sapp-heat");
    join(s->h, &s->gateway);
    join(s->h, &s->app);
    struct letter_item m = item_of(s->h, kv1, 7, 1, "ward");
    struct span t = letter_text(s->h, &s->gateway, &m, 1, &kv1);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_LETTER, "", t)).code, SPAN("ok")));
    s->kid = m.kid;
    t = policy_text(s->h, &s->gateway, "ward", 1, &s->app);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_POLICY, "", t)).code, SPAN("ok")));
}

static void scene_end(struct scene *s)
{
    p256_free(s->gateway.key);
    p256_free(s->app.key);
    house_free(s->h);
}

/* ---- one value of one row
 * ------------------------------------------------------------------------------------------------ */

struct cell {
    char table[32], column[32];
    int type;
    sqlite3_int64 number, rowid;
    uint8_t octets[1 << 14];
    int n;
};

static void write_cell(struct house *h, const struct cell *c)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    char sql[256];
    assert_int_equal(sqlite3_open(h->db, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    snprintf(sql, sizeof sql, "UPDATE %s SET %s=?1", c->table, c->column);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    if (c->type == SQLITE_INTEGER)
        sqlite3_bind_int64(st, 1, c->number);
    else if (c->type == SQLITE_TEXT)
        sqlite3_bind_text(st, 1, (const char *)c->octets, c->n, SQLITE_STATIC);
    else
        sqlite3_bind_blob(st, 1, c->octets, c->n, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(st), SQLITE_DONE);
    assert_int_equal(sqlite3_changes(db), 1);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static void read_cell(struct house *h, const char *table, const char *column, struct cell *c)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    char sql[256];
    memset(c, 0, sizeof *c);
    snprintf(c->table, sizeof c->table, "%s", table);
    snprintf(c->column, sizeof c->column, "%s", column);
    assert_int_equal(sqlite3_open(h->db, &db), SQLITE_OK);
    snprintf(sql, sizeof sql, "SELECT %s FROM %s", column, table);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    c->type = sqlite3_column_type(st, 0);
    c->number = sqlite3_column_int64(st, 0);
    c->n = sqlite3_column_bytes(st, 0);
    assert_true(c->n >= 0 && (size_t)c->n <= sizeof c->octets);
    if (c->n > 0)
        memcpy(c->octets, sqlite3_column_blob(st, 0), (size_t)c->n);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static size_t columns(struct house *h, const char *table, char names[32][32])
{
    sqlite3 *db;
    sqlite3_stmt *st;
    char sql[128];
    size_t n = 0;
    assert_int_equal(sqlite3_open(h->db, &db), SQLITE_OK);
    snprintf(sql, sizeof sql, "SELECT name FROM pragma_table_info('%s')", table);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW)
        snprintf(names[n++], 32, "%s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    sqlite3_close(db);
    assert_true(n > 0);
    return n;
}

static void never_released(struct scene *s, const struct cell *c, int at)
{
    uint8_t kv[ESD_KV];
    enum reason r = release_one(s->h, &s->app, s->kid, kv);
    if (r == REASON_OK)
        fail_msg("%s.%s, octet %d: a spoilt row was released", c->table, c->column, at);
    assert_int_equal(s->h->vault_end, OK);
    assert_int_equal(s->h->ledger_end, OK);
}

static void spoil_numbers(struct scene *s, const struct cell *was)
{
    static const int bits[] = {0, 1, 7, 8, 31, 62};
    for (size_t i = 0; i < LEN(bits); i++) {
        struct cell c = *was;
        c.number ^= (sqlite3_int64)1 << bits[i];
        write_cell(s->h, &c);
        never_released(s, &c, bits[i]);
    }
}

static void spoil_octets(struct scene *s, const struct cell *was)
{
    static struct cell c;
    for (int i = 0; i < was->n; i++) {
        c = *was;
        c.octets[i] ^= 1;
        write_cell(s->h, &c);
        never_released(s, &c, i);
    }
    c = *was;
    c.octets[c.n] = 'x'; /* one less, or where nothing stands one more */
    c.n += c.n > 0 ? -1 : 1;
    write_cell(s->h, &c);
    never_released(s, &c, -1);
}

static void spoil_table(struct scene *s, const char *table)
{
    char names[32][32];
    static struct cell was;
    uint8_t kv[ESD_KV];
    size_t n = columns(s->h, table, names);
    for (size_t i = 0; i < n; i++) {
        read_cell(s->h, table, names[i], &was);
        if (was.type == SQLITE_INTEGER)
            spoil_numbers(s, &was);
        else
            spoil_octets(s, &was);
        write_cell(s->h, &was);
    }
    assert_int_equal(release_one(s->h, &s->app, s->kid, kv), REASON_OK); /* the control */
}

static void every_octet_of_a_registration_counts(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    spoil_table(&s, "registration");
    spoil_table(&s, "stream");
    spoil_table(&s, "tenant");
    scene_end(&s);
}

/* ---- what a vault loads
 * ------------------------------------------------------------------------------------------------------ */

static void a_spoilt_state_is_not_taken(void **state)
{
    (void)state;
    static const char *const spoils[] = {
        "UPDATE snapshot SET body=CAST(substr(body,1,length(body)-1)||x'99' AS BLOB)",
        "UPDATE snapshot SET mac=zeroblob(32)",
        "UPDATE snapshot SET hash=zeroblob(32)",
        "DELETE FROM snapshot",
        "DELETE FROM snapshot WHERE n=(SELECT max(n) FROM snapshot)",
        "DELETE FROM leaf WHERE idx=(SELECT max(idx) FROM leaf)",
        "UPDATE leaf SET record=CAST(record||' ' AS BLOB) WHERE idx=(SELECT max(idx) FROM leaf)",
        "UPDATE leaf SET salt=zeroblob(32) WHERE idx=(SELECT max(idx) FROM leaf)",
        "UPDATE leaf SET mac=zeroblob(32) WHERE idx=(SELECT max(idx) FROM leaf)",
        "UPDATE meta SET value=zeroblob(length(value)) WHERE name='keys'",
        "DELETE FROM meta WHERE name='keys'",
    };
    for (size_t i = 0; i < LEN(spoils); i++) {
        struct scene s;
        uint8_t kv[ESD_KV];
        scene_set(&s);
        assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_OK); /* a leaf behind the snapshot */
        house_restart(s.h);
        assert_true(s.h->up); /* the control */
        disk(s.h, spoils[i]);
        house_restart(s.h);
        if (s.h->up || s.h->no.n == 0)
            fail_msg("taken after: %s", spoils[i]);
        scene_end(&s);
    }
}

static void another_custody_does_not_open_it(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    s.h->root[5] ^= 1;
    house_restart(s.h);
    assert_false(s.h->up);
    assert_true(s.h->no.n > 0);
    s.h->root[5] ^= 1;
    house_restart(s.h);
    assert_true(s.h->up);
    scene_end(&s);
}

/* Yesterday's whole file under a parent that lives: the denial of today is not undone by it. */
static void yesterdays_file_is_noticed(void **state)
{
    (void)state;
    struct scene s;
    char sql[256], copy[160], path[160];
    uint8_t kv[ESD_KV];
    scene_set(&s);
    snprintf(copy, sizeof copy, "%s/yesterday.db", s.h->folder);
    snprintf(sql, sizeof sql, "VACUUM INTO '%s'", copy);
    disk(s.h, sql);
    struct span t = denial_text(s.h, "operator", s.h->operator_key, s.app.iss, true, 1);
    assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_POLICY, "", t)).code, SPAN("ok")));
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_REFUSED);
    house_stop(s.h);
    assert_int_equal(rename(copy, s.h->db), 0);
    snprintf(path, sizeof path, "%s-wal", s.h->db);
    unlink(path);
    snprintf(path, sizeof path, "%s-shm", s.h->db);
    unlink(path);
    house_start(s.h, false);
    assert_false(s.h->up);
    assert_true(s.h->no.n > 0);
    scene_end(&s);
}

/* The ledger hands out an older row and takes away a newer policy's traces while the vault runs: it decides by what it
 * holds itself. */
static void a_running_vault_needs_no_ledger_for_policies(void **state)
{
    (void)state;
    struct scene s;
    uint8_t kv[ESD_KV];
    scene_set(&s);
    struct span t = denial_text(s.h, "operator", s.h->operator_key, s.app.iss, true, 1);
    (void)ask(s.h, KIND_POLICY, "", t);
    disk(s.h, "DELETE FROM snapshot");
    disk(s.h, "DELETE FROM leaf");
    assert_int_equal(release_one(s.h, &s.app, s.kid, kv), REASON_REFUSED);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_octet_of_a_registration_counts),
        cmocka_unit_test(a_spoilt_state_is_not_taken),
        cmocka_unit_test(another_custody_does_not_open_it),
        cmocka_unit_test(yesterdays_file_is_noticed),
        cmocka_unit_test(a_running_vault_needs_no_ledger_for_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
