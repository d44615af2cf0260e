/* The contract of src/store/store.h, one suite for every back end: store_contract mem | sqlite | fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "contract/subject.h"

#define T20 ((int64_t)1700000000000)

static struct row res(int64_t rid, int64_t pid, uint32_t ty, const char *rn)
{
    return (struct row){.rid = rid,
                        .pid = pid,
                        .ty = ty,
                        .rn = span_str(rn),
                        .creator = SPAN("Cae"),
                        .ct = T20 + rid,
                        .lt = T20 + rid,
                        .et = INT64_MAX,
                        .body = SPAN("{\"a\":1}")};
}

static struct store_tx *write_begin(struct subject *s)
{
    struct store_tx *t = NULL;
    assert_int_equal(store_write(s->store, &t), OK);
    return t;
}

static void put(struct store_tx *t, struct row r)
{
    assert_int_equal(store_put(t, &r), OK);
}

static struct store_tx *read_begin(struct subject *s)
{
    struct store_tx *t = NULL;
    assert_int_equal(store_read(s->store, 0, &t), OK);
    return t;
}

/* A base, a container with three instances, a named one of them, and a subscription between them. */
static void plant(struct subject *s)
{
    struct store_tx *t = write_begin(s);
    struct row base = res(1, 0, 5, "base");
    base.alias = SPAN("id-in");
    put(t, base);
    put(t, res(2, 1, 3, "box"));
    put(t, res(3, 2, 4, ""));
    put(t, res(4, 2, 23, "sub"));
    put(t, res(5, 2, 4, "named"));
    put(t, res(6, 2, 4, ""));
    assert_int_equal(store_commit(t), OK);
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static void a_row_comes_back_as_it_was_put(void **state)
{
    struct subject *s = *state;
    struct store_tx *t = write_begin(s);
    struct row r = {.rid = 7,
                    .pid = 0,
                    .ty = 5,
                    .rn = SPAN("cse"),
                    .alias = SPAN("id-mn"),
                    .creator = SPAN("/id/Cx"),
                    .ct = 1,
                    .lt = 2,
                    .et = 3,
                    .st = 4,
                    .cni = 5,
                    .cbs = 6,
                    .cs = 7,
                    .subs = 8,
                    .spec = SPAN("m2m:fwr"),
                    .body = SPAN("{}")};
    assert_int_equal(store_put(t, &r), OK);
    struct row w = {0}, c = {0};
    assert_int_equal(store_get(t, 7, &s->mem, &w), OK); /* the writer sees its own */
    assert_true(subject_same_row(&r, &w));
    assert_int_equal(store_commit(t), OK);
    t = read_begin(s);
    assert_int_equal(store_get(t, 7, &s->mem, &w), OK);
    assert_int_equal(store_child(t, 0, SPAN("cse"), &s->mem, &c), OK);
    assert_true(subject_same_row(&r, &w));
    assert_true(subject_same_row(&r, &c));
    assert_int_equal(store_alias(t, SPAN("id-mn"), &s->mem, &c), OK);
    assert_true(subject_same_row(&r, &c));
    store_end(t);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct subject *s = *state;
    plant(s);
    struct store_tx *t = read_begin(s);
    struct row r;
    assert_int_equal(store_get(t, 99, &s->mem, &r), ERR_NOTFOUND);
    assert_int_equal(store_child(t, 2, SPAN("nothing"), &s->mem, &r), ERR_NOTFOUND);
    assert_int_equal(store_child(t, 2, SPAN_NONE, &s->mem, &r), ERR_NOTFOUND);
    assert_int_equal(store_alias(t, SPAN("id-xx"), &s->mem, &r), ERR_NOTFOUND);
    assert_int_equal(store_alias(t, SPAN_NONE, &s->mem, &r), ERR_NOTFOUND);
    assert_int_equal(store_newest(t, 1, 4, T20, &s->mem, &r), ERR_NOTFOUND);
    assert_int_equal(store_oldest(t, 99, 4, T20, &s->mem, &r), ERR_NOTFOUND);
    store_end(t);
    t = write_begin(s);
    r = res(99, 1, 3, "");
    assert_int_equal(store_set(t, &r), ERR_NOTFOUND);
    assert_int_equal(store_count(t, &r), ERR_NOTFOUND);
    assert_int_equal(store_drop(t, 99), ERR_NOTFOUND);
    int64_t n = 7;
    assert_int_equal(store_clear(t, 99, 4, &n), OK);
    assert_int_equal(n, 0);
    store_abort(t);
}

static void names_and_aliases_are_unique(void **state)
{
    struct subject *s = *state;
    plant(s);
    struct store_tx *t = write_begin(s);
    struct row r = res(2, 1, 3, "other");
    assert_int_equal(store_put(t, &r), ERR_EXISTS); /* rid */
    r = res(20, 1, 3, "box");
    assert_int_equal(store_put(t, &r), ERR_EXISTS); /* (pid, rn) */
    r = res(20, 2, 3, "box");
    assert_int_equal(store_put(t, &r), OK); /* the same name elsewhere */
    r = res(21, 1, 2, "ae");
    r.alias = SPAN("id-in");
    assert_int_equal(store_put(t, &r), ERR_EXISTS);
    put(t, res(22, 2, 4, "")); /* any number without a name */
    put(t, res(23, 2, 4, ""));
    r = res(20, 2, 3, "box");
    r.alias = SPAN("id-in");
    assert_int_equal(store_set(t, &r), ERR_EXISTS);
    assert_int_equal(store_get(t, 21, &s->mem, &r), ERR_NOTFOUND);
    store_abort(t);
}

static void odd_names_are_just_names(void **state)
{
    struct subject *s = *state;
    static const char *const names[] = {"'; DROP TABLE res; --", "%", "_", "a\"b", "\\", "\xc3\xa4", "?1", " "};
    struct store_tx *t = write_begin(s);
    for (size_t i = 0; i < LEN(names); i++)
        put(t, res((int64_t)i + 1, 0, 3, names[i]));
    assert_int_equal(store_commit(t), OK);
    t = read_begin(s);
    for (size_t i = 0; i < LEN(names); i++) {
        struct row r;
        assert_int_equal(store_child(t, 0, span_str(names[i]), &s->mem, &r), OK);
        assert_int_equal(r.rid, i + 1);
    }
    store_end(t);
}

static void set_replaces_and_count_counts(void **state)
{
    struct subject *s = *state;
    plant(s);
    struct store_tx *t = write_begin(s);
    struct row r = res(2, 1, 3, "box"), got;
    r.alias = SPAN("al");
    r.creator = SPAN_NONE;
    r.body = SPAN("{\"b\":2}");
    r.et = T20;
    assert_int_equal(store_set(t, &r), OK);
    struct row c = {.rid = 2, .lt = 11, .st = 12, .cni = 13, .cbs = 14, .subs = 15, .ct = 99, .et = 99};
    assert_int_equal(store_count(t, &c), OK);
    assert_int_equal(store_commit(t), OK);
    r.lt = 11;
    r.st = 12;
    r.cni = 13;
    r.cbs = 14;
    r.subs = 15;
    t = read_begin(s);
    assert_int_equal(store_get(t, 2, &s->mem, &got), OK);
    assert_true(subject_same_row(&r, &got));
    assert_int_equal(store_alias(t, SPAN("al"), &s->mem, &got), OK);
    assert_int_equal(got.rid, 2);
    store_end(t);
}

static void a_reader_sees_each_commit(void **state)
{
    struct subject *s = *state;
    plant(s);
    for (int64_t i = 0; i < 5; i++) {
        struct row r;
        struct store_tx *t = read_begin(s); /* fills whatever cache there is */
        assert_int_equal(store_get(t, 2, &s->mem, &r), OK);
        assert_int_equal(r.cni, i);
        assert_int_equal(store_newest(t, 2, 4, T20, &s->mem, &r), OK);
        assert_int_equal(r.rid, i ? 100 + i - 1 : 6);
        store_end(t);
        t = write_begin(s);
        assert_int_equal(store_get(t, 2, &s->mem, &r), OK);
        r.cni++;
        assert_int_equal(store_count(t, &r), OK);
        put(t, res(100 + i, 2, 4, ""));
        assert_int_equal(store_commit(t), OK);
    }
    struct store_tx *t = write_begin(s);
    struct row r = res(2, 1, 3, "box");
    r.body = SPAN("{\"new\":true}");
    assert_int_equal(store_set(t, &r), OK);
    assert_int_equal(store_drop(t, 104), OK);
    assert_int_equal(store_commit(t), OK);
    t = read_begin(s);
    assert_int_equal(store_child(t, 1, SPAN("box"), &s->mem, &r), OK);
    assert_true(span_eq(r.body, SPAN("{\"new\":true}")));
    assert_int_equal(store_newest(t, 2, 4, T20, &s->mem, &r), OK);
    assert_int_equal(r.rid, 103);
    assert_int_equal(store_get(t, 104, &s->mem, &r), ERR_NOTFOUND);
    store_end(t);
}

static void a_name_that_was_freed_leads_to_the_new_row(void **state)
{
    struct subject *s = *state;
    plant(s);
    for (int64_t i = 0; i < 3; i++) {
        struct row r;
        struct store_tx *t = read_begin(s);
        assert_int_equal(store_child(t, 2, SPAN("named"), &s->mem, &r), OK);
        assert_int_equal(r.rid, i ? 50 + i - 1 : 5);
        store_end(t);
        t = write_begin(s);
        assert_int_equal(store_drop(t, r.rid), OK);
        put(t, res(50 + i, 2, 4, "named"));
        assert_int_equal(store_commit(t), OK);
    }
}

static void newest_and_oldest_skip_what_has_expired(void **state)
{
    struct subject *s = *state;
    struct store_tx *t = write_begin(s);
    put(t, res(1, 0, 3, "box"));
    static const int64_t et[] = {10, 50, 40, 20, 60};
    for (size_t i = 0; i < LEN(et); i++) {
        struct row r = res((int64_t)i + 2, 1, 4, "");
        r.et = et[i];
        put(t, r);
    }
    put(t, res(9, 1, 23, ""));
    assert_int_equal(store_commit(t), OK);
    static const struct {
        int64_t now, oldest, newest;
    } rows[] = {{5, 2, 6}, {10, 3, 6}, {45, 3, 6}, {50, 6, 6}};
    t = read_begin(s);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct row r;
        assert_int_equal(store_oldest(t, 1, 4, rows[i].now, &s->mem, &r), OK);
        assert_int_equal(r.rid, rows[i].oldest);
        assert_int_equal(store_newest(t, 1, 4, rows[i].now, &s->mem, &r), OK);
        assert_int_equal(r.rid, rows[i].newest);
    }
    struct row r;
    assert_int_equal(store_newest(t, 1, 4, 60, &s->mem, &r), ERR_NOTFOUND);
    assert_int_equal(store_newest(t, 1, 4, 59, &s->mem, &r), OK);
    store_end(t);
}

static void clear_takes_one_type_only(void **state)
{
    struct subject *s = *state;
    plant(s);
    struct store_tx *t = write_begin(s);
    int64_t n = 0;
    assert_int_equal(store_clear(t, 2, 4, &n), OK);
    assert_int_equal(n, 3);
    assert_int_equal(store_commit(t), OK);
    t = read_begin(s);
    struct rows rows;
    assert_int_equal(store_list(t, 2, 0, 0, 10, true, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.v[0].rid, 4);
    struct row r;
    assert_int_equal(store_child(t, 2, SPAN("named"), &s->mem, &r), ERR_NOTFOUND);
    store_end(t);
}

static void identifiers_are_never_given_twice(void **state)
{
    struct subject *s = *state;
    int64_t last = 0, rid = 0;
    struct store_tx *t = write_begin(s);
    assert_int_equal(store_save(t), OK);
    assert_int_equal(store_next_rid(t, &last), OK);
    assert_true(last > 0);
    assert_int_equal(store_undo(t), OK);
    assert_int_equal(store_next_rid(t, &rid), OK);
    assert_true(rid > last);
    last = rid;
    store_abort(t);
    t = write_begin(s);
    assert_int_equal(store_next_rid(t, &rid), OK);
    assert_true(rid > last);
    put(t, res(rid, 0, 3, ""));
    assert_int_equal(store_commit(t), OK);
    t = write_begin(s);
    assert_int_equal(store_drop(t, rid), OK);
    assert_int_equal(store_commit(t), OK);
    last = rid;
    if (s->reopen)
        s->reopen(s);
    t = write_begin(s);
    assert_int_equal(store_next_rid(t, &rid), OK);
    assert_true(rid > last);
    store_abort(t);
}

/* ---- listing ------------------------------------------------------------------------------------- */

static void lists_resume_behind_the_last_row(void **state)
{
    struct subject *s = *state;
    struct store_tx *t = write_begin(s);
    put(t, res(1, 0, 5, "base"));
    for (int64_t i = 2; i < 60; i++)
        put(t, res(i, 1, i % 3 == 0 ? 3 : i % 3 == 1 ? 4 : 23, ""));
    assert_int_equal(store_commit(t), OK);
    t = read_begin(s);
    for (size_t max = 1; max < 64; max += 7) {
        int64_t after = 0, seen = 1;
        struct rows rows = {.more = true};
        while (rows.more) {
            assert_int_equal(store_list(t, 1, 0, after, max, max % 2, &s->mem, &rows), OK);
            assert_true(rows.n <= max);
            for (size_t i = 0; i < rows.n; i++) {
                assert_int_equal(rows.v[i].rid, ++seen);
                assert_int_equal(rows.v[i].body.n, max % 2 ? 0 : 7);
            }
            after = rows.n ? rows.v[rows.n - 1].rid : after;
        }
        assert_int_equal(seen, 59);
    }
    struct rows rows;
    assert_int_equal(store_list(t, 1, 3, 10, 100, false, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 16);
    assert_int_equal(rows.v[0].rid, 12);
    assert_false(rows.more);
    assert_int_equal(store_list(t, 1, 3, 10, 16, false, &s->mem, &rows), OK);
    assert_false(rows.more);
    assert_int_equal(store_list(t, 1, 3, 10, 15, false, &s->mem, &rows), OK);
    assert_true(rows.more);
    assert_int_equal(store_list(t, 5, 0, 0, 100, false, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 0);
    store_end(t);
}

static void discovery_finds_by_type_and_label(void **state)
{
    struct subject *s = *state;
    static const struct span both[] = {{(const uint8_t *)"x", 1}, {(const uint8_t *)"y", 1}};
    struct store_tx *t = write_begin(s);
    for (int64_t i = 1; i <= 30; i++) {
        struct row r = res(i, 0, i % 2 ? 3 : 4, "");
        r.lbl = &both[i % 3 == 0];
        r.nlbl = i % 5 == 0 ? 0 : 1;
        put(t, r);
    }
    struct row r = res(40, 0, 3, "");
    r.lbl = both;
    r.nlbl = 2;
    put(t, r);
    assert_int_equal(store_commit(t), OK);
    t = read_begin(s);
    struct rows rows;
    assert_int_equal(store_find(t, FIND_TYPE, 3, SPAN_NONE, 0, 100, true, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 16);
    assert_int_equal(store_find(t, FIND_TYPE, 3, SPAN_NONE, 21, 3, false, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 3);
    assert_int_equal(rows.v[0].rid, 23);
    assert_int_equal(rows.v[0].body.n, 7);
    assert_true(rows.more);
    assert_int_equal(store_find(t, FIND_LABEL, 0, SPAN("y"), 0, 100, true, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 9); /* 3 6 9 12 18 21 24 27 40 */
    assert_int_equal(rows.v[8].rid, 40);
    assert_int_equal(store_find(t, FIND_LABEL, 0, SPAN("y"), 9, 2, true, &s->mem, &rows), OK);
    assert_int_equal(rows.v[0].rid, 12);
    assert_int_equal(rows.v[1].rid, 18);
    assert_true(rows.more);
    assert_int_equal(store_find(t, FIND_LABEL, 0, SPAN("z"), 0, 100, true, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 0);
    assert_int_equal(store_find(t, FIND_LABEL, 0, SPAN("y"), 27, 100, false, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.v[0].body.n, 7);
    assert_int_equal(store_find(t, FIND_ALL, 0, SPAN_NONE, 28, 3, true, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 3); /* 29 30 40 */
    assert_int_equal(rows.v[2].rid, 40);
    assert_false(rows.more);
    store_end(t);
}

static void an_index_can_be_estimated(void **state)
{
    struct subject *s = *state;
    plant(s);
    struct store_tx *t = write_begin(s);
    struct row r = res(9, 1, 3, "more");
    r.lbl = &SPAN("x");
    r.nlbl = 1;
    put(t, r);
    int64_t n = -1;
    assert_int_equal(store_estimate(t, FIND_TYPE, 4, SPAN_NONE, 100, &n), OK);
    assert_int_equal(n, 3);
    assert_int_equal(store_estimate(t, FIND_TYPE, 4, SPAN_NONE, 2, &n), OK);
    assert_int_equal(n, 2);
    assert_int_equal(store_estimate(t, FIND_LABEL, 0, SPAN("x"), 100, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(store_estimate(t, FIND_LABEL, 0, SPAN("y"), 100, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(store_estimate(t, FIND_ALL, 0, SPAN_NONE, 100, &n), OK);
    assert_int_equal(n, 7);
    store_abort(t);
}

static void the_types_of_children_follow_one_another(void **state)
{
    struct subject *s = *state;
    uint32_t ty = 7;
    plant(s);
    struct store_tx *t = read_begin(s);
    assert_int_equal(store_next_type(t, 2, 0, &ty), OK);
    assert_int_equal(ty, 4);
    assert_int_equal(store_next_type(t, 2, 4, &ty), OK);
    assert_int_equal(ty, 23);
    assert_int_equal(store_next_type(t, 2, 23, &ty), OK);
    assert_int_equal(ty, 0);
    assert_int_equal(store_next_type(t, 3, 0, &ty), OK);
    assert_int_equal(ty, 0);
    store_end(t);
}

static size_t labelled(struct subject *s, const char *label)
{
    struct rows rows;
    struct store_tx *t = read_begin(s);
    assert_int_equal(store_find(t, FIND_LABEL, 0, span_str(label), 0, 100, true, &s->mem, &rows), OK);
    store_end(t);
    return rows.n;
}

static void labels_follow_their_row(void **state)
{
    struct subject *s = *state;
    struct span x = SPAN("x"), y = SPAN("y");
    struct store_tx *t = write_begin(s);
    put(t, res(1, 0, 5, ""));
    for (int64_t i = 2; i < 5; i++) {
        struct row r = res(i, 1, 4, "");
        r.lbl = &x;
        r.nlbl = 1;
        put(t, r);
    }
    assert_int_equal(store_commit(t), OK);
    assert_int_equal(labelled(s, "x"), 3);
    t = write_begin(s);
    struct row r = res(2, 1, 4, "");
    r.lbl = &y;
    r.nlbl = 1;
    assert_int_equal(store_set(t, &r), OK);
    assert_int_equal(store_drop(t, 3), OK);
    assert_int_equal(store_commit(t), OK);
    assert_int_equal(labelled(s, "x"), 1);
    assert_int_equal(labelled(s, "y"), 1);
    t = write_begin(s);
    int64_t n;
    assert_int_equal(store_clear(t, 1, 4, &n), OK);
    assert_int_equal(store_commit(t), OK);
    assert_int_equal(labelled(s, "x") + labelled(s, "y"), 0);
}

static void expiry_is_in_order_of_time(void **state)
{
    struct subject *s = *state;
    static const int64_t et[] = {50, 10, INT64_MAX, 30, 10, 40};
    int64_t first = 0;
    struct store_tx *t = write_begin(s);
    assert_int_equal(store_next_et(t, &first), OK);
    assert_true(first == INT64_MAX);
    for (size_t i = 0; i < LEN(et); i++) {
        struct row r = res((int64_t)i + 1, 0, 3, "");
        r.et = et[i];
        put(t, r);
    }
    assert_int_equal(store_commit(t), OK);
    t = read_begin(s);
    struct rows rows;
    static const int64_t order[] = {2, 5, 4, 6};
    assert_int_equal(store_expired(t, 40, 10, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(rows.v[i].rid, order[i]);
    assert_int_equal(rows.v[0].body.n, 0);
    assert_int_equal(store_expired(t, 40, 3, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 3);
    assert_true(rows.more);
    assert_int_equal(store_expired(t, 9, 3, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 0);
    assert_int_equal(store_next_et(t, &first), OK);
    assert_int_equal(first, 10);
    store_end(t);
}

/* ---- savepoints ---------------------------------------------------------------------------------- */

static void an_undone_job_leaves_its_neighbours(void **state)
{
    struct subject *s = *state;
    plant(s);
    struct store_tx *t = write_begin(s);
    struct row r;
    assert_int_equal(store_save(t), OK);
    put(t, res(10, 2, 4, "first"));
    assert_int_equal(store_keep(t), OK);

    assert_int_equal(store_save(t), OK);
    put(t, res(11, 2, 4, "second"));
    r = res(2, 1, 3, "box");
    r.cni = 77;
    assert_int_equal(store_count(t, &r), OK);
    r.body = SPAN("{\"gone\":1}");
    assert_int_equal(store_set(t, &r), OK);
    assert_int_equal(store_drop(t, 10), OK);
    assert_int_equal(store_drop(t, 3), OK);
    assert_int_equal(store_state_put(t, SPAN("k"), SPAN("v")), OK);
    assert_int_equal(store_letter_put(t, &(struct letter){.sub = 4, .to = SPAN("x")}), OK);
    assert_int_equal(store_get(t, 2, &s->mem, &r), OK);
    assert_int_equal(r.cni, 77);
    assert_int_equal(store_undo(t), OK);

    assert_int_equal(store_get(t, 2, &s->mem, &r), OK);
    assert_int_equal(r.cni, 0);
    assert_true(span_eq(r.body, SPAN("{\"a\":1}")));
    assert_int_equal(store_save(t), OK); /* nothing in it */
    assert_int_equal(store_undo(t), OK);
    assert_int_equal(store_save(t), OK);
    put(t, res(12, 2, 4, "third"));
    assert_int_equal(store_keep(t), OK);
    assert_int_equal(store_commit(t), OK);

    t = read_begin(s);
    assert_int_equal(store_get(t, 10, &s->mem, &r), OK);
    assert_int_equal(store_get(t, 11, &s->mem, &r), ERR_NOTFOUND);
    assert_int_equal(store_child(t, 2, SPAN("second"), &s->mem, &r), ERR_NOTFOUND);
    assert_int_equal(store_get(t, 3, &s->mem, &r), OK);
    assert_int_equal(store_newest(t, 2, 4, T20, &s->mem, &r), OK);
    assert_int_equal(r.rid, 12);
    struct span v;
    assert_int_equal(store_state_get(t, SPAN("k"), &s->mem, &v), ERR_NOTFOUND);
    int64_t n;
    assert_int_equal(store_letters_count(t, 0, &n), OK);
    assert_int_equal(n, 0);
    store_end(t);
}

static void an_aborted_transaction_never_was(void **state)
{
    struct subject *s = *state;
    plant(s);
    struct store_tx *t = write_begin(s);
    struct row r = res(2, 1, 3, "box");
    r.cni = 5;
    assert_int_equal(store_count(t, &r), OK);
    put(t, res(10, 2, 4, ""));
    int64_t n;
    assert_int_equal(store_clear(t, 2, 4, &n), OK);
    assert_int_equal(n, 4);
    store_abort(t);
    t = read_begin(s);
    assert_int_equal(store_get(t, 2, &s->mem, &r), OK);
    assert_int_equal(r.cni, 0);
    assert_int_equal(store_newest(t, 2, 4, T20, &s->mem, &r), OK);
    assert_int_equal(r.rid, 6);
    store_end(t);
    t = write_begin(s);
    assert_int_equal(store_newest(t, 2, 4, T20, &s->mem, &r), OK);
    assert_int_equal(r.rid, 6);
    store_abort(t);
}

static void a_newest_that_was_dropped_and_comes_back_is_the_newest(void **state)
{
    struct subject *s = *state;
    plant(s);
    struct store_tx *t = write_begin(s);
    struct row r;
    assert_int_equal(store_save(t), OK);
    assert_int_equal(store_newest(t, 2, 4, T20, &s->mem, &r), OK);
    assert_int_equal(store_drop(t, 6), OK);
    assert_int_equal(store_newest(t, 2, 4, T20, &s->mem, &r), OK);
    assert_int_equal(r.rid, 5);
    assert_int_equal(store_undo(t), OK);
    assert_int_equal(store_newest(t, 2, 4, T20, &s->mem, &r), OK);
    assert_int_equal(r.rid, 6);
    store_abort(t);
}

/* ---- letters and small state --------------------------------------------------------------------- */

static int64_t post(struct store_tx *t, int64_t sub, int64_t tgt, int64_t due)
{
    struct letter l = {
        .sub = sub, .tgt = tgt, .due = due, .to = SPAN("http://x"), .body = SPAN("{}"), .meta = SPAN("m")};
    assert_int_equal(store_letter_put(t, &l), OK);
    return l.id;
}

static size_t due(struct subject *s, struct store_tx *t, int64_t now, int64_t after, size_t max, int64_t *ids)
{
    struct letter *v = NULL;
    size_t n = 0;
    assert_int_equal(store_letters_due(t, now, after, max, &s->mem, &v, &n), OK);
    for (size_t i = 0; i < n; i++)
        ids[i] = v[i].id;
    return n;
}

static void only_the_first_of_a_lane_is_due(void **state)
{
    struct subject *s = *state;
    int64_t ids[8], next = 0, n = 0;
    struct store_tx *t = write_begin(s);
    assert_int_equal(store_letter_next(t, &next), OK);
    assert_true(next == INT64_MAX);
    int64_t a1 = post(t, 1, 0, 10), a2 = post(t, 1, 0, 5), b1 = post(t, 1, 1, 20), c1 = post(t, 2, 0, 15);
    assert_true(a1 < a2 && a2 < b1 && b1 < c1);
    assert_int_equal(due(s, t, 9, 0, 8, ids), 0); /* a2 waits behind a1 */
    assert_int_equal(due(s, t, 20, 0, 8, ids), 3);
    assert_true(ids[0] == a1 && ids[1] == b1 && ids[2] == c1);
    assert_int_equal(due(s, t, 20, a1, 1, ids), 1);
    assert_int_equal(ids[0], b1);
    assert_int_equal(store_letter_next(t, &next), OK);
    assert_int_equal(next, 10);
    assert_int_equal(store_letter_delay(t, a1, 100, 3), OK);
    assert_int_equal(due(s, t, 50, 0, 8, ids), 2); /* the lane waits with it */
    assert_int_equal(due(s, t, 100, 0, 8, ids), 3);
    assert_int_equal(store_letter_done(t, a1), OK);
    assert_int_equal(due(s, t, 5, 0, 8, ids), 1);
    assert_int_equal(ids[0], a2);
    assert_int_equal(store_letters_count(t, 1, &n), OK);
    assert_int_equal(n, 2);
    assert_int_equal(store_letters_count(t, 0, &n), OK);
    assert_int_equal(n, 3);
    assert_int_equal(store_letters_drop(t, 1), OK);
    assert_int_equal(due(s, t, 100, 0, 8, ids), 1);
    assert_int_equal(store_letter_done(t, a2), ERR_NOTFOUND);
    assert_int_equal(store_letter_delay(t, a2, 1, 1), ERR_NOTFOUND);
    assert_int_equal(store_letter_done(t, c1), OK);
    assert_int_equal(store_letter_next(t, &next), OK);
    assert_true(next == INT64_MAX);
    assert_true(post(t, 1, 0, 1) > c1);
    assert_int_equal(store_commit(t), OK);
}

static void a_lane_can_be_read_and_woken(void **state)
{
    struct subject *s = *state;
    struct letter *v;
    size_t n;
    int64_t ids[8], count = 9;
    struct store_tx *t = write_begin(s);
    int64_t a1 = post(t, 1, 2, 50), a2 = post(t, 1, 2, 5), a3 = post(t, 1, 2, 60), b1 = post(t, 1, 4, 70);
    int64_t c1 = post(t, 2, 2, 80);
    assert_int_equal(store_letters_lane(t, 1, 2, 0, 2, &s->mem, &v, &n), OK);
    assert_int_equal(n, 2);
    assert_true(v[0].id == a1 && v[0].due == 50 && v[1].id == a2 && v[1].due == 5 && span_eq(v[1].body, SPAN("{}")));
    assert_int_equal(store_letters_lane(t, 1, 2, a2, 9, &s->mem, &v, &n), OK);
    assert_int_equal(n, 1);
    assert_true(v[0].id == a3);
    assert_int_equal(store_letters_lane(t, 9, 9, 0, 9, &s->mem, &v, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(store_letters_in(t, 1, 2, &count), OK);
    assert_int_equal(count, 3);
    assert_int_equal(store_letters_in(t, 9, 2, &count), OK);
    assert_int_equal(count, 0);
    assert_int_equal(store_letters_wake(t, 1, 2, 20), OK);
    assert_int_equal(due(s, t, 20, 0, 8, ids), 1);
    assert_int_equal(ids[0], a1);
    assert_int_equal(store_letters_wake(t, 0, 2, 30), OK); /* later than it is: stays */
    assert_int_equal(due(s, t, 29, 0, 8, ids), 1);
    assert_int_equal(due(s, t, 30, 0, 8, ids), 2);
    assert_int_equal(ids[1], c1);
    assert_int_equal(store_letter_done(t, a1), OK);
    assert_int_equal(store_letter_done(t, a2), OK);
    assert_int_equal(due(s, t, 59, 0, 8, ids), 1); /* those behind keep their time */
    assert_int_equal(due(s, t, 70, 0, 8, ids), 3);
    assert_true(ids[0] == a3 && ids[1] == b1);
    assert_int_equal(store_commit(t), OK);
}

static void a_letter_comes_back_as_it_was_put(void **state)
{
    struct subject *s = *state;
    struct store_tx *t = write_begin(s);
    struct letter l = {
        .sub = 3, .tgt = 4, .due = 5, .tries = 6, .to = SPAN("a"), .body = SPAN("bc"), .meta = SPAN_NONE};
    assert_int_equal(store_letter_put(t, &l), OK);
    assert_int_equal(store_commit(t), OK);
    t = read_begin(s);
    struct letter *v;
    size_t n;
    assert_int_equal(store_letters_due(t, 5, 0, 9, &s->mem, &v, &n), OK);
    assert_int_equal(n, 1);
    assert_true(v->id == l.id && v->sub == 3 && v->tgt == 4 && v->due == 5 && v->tries == 6);
    assert_true(span_eq(v->to, l.to) && span_eq(v->body, l.body) && v->meta.n == 0);
    store_end(t);
}

static void alarms_ring_in_order_of_time(void **state)
{
    struct subject *s = *state;
    struct alarm *v;
    size_t n;
    int64_t when;
    struct store_tx *t = write_begin(s);
    assert_int_equal(store_alarm_next(t, &when), OK);
    assert_true(when == INT64_MAX);
    assert_int_equal(store_alarm_set(t, 1, 10, 30), OK);
    assert_int_equal(store_alarm_set(t, 2, 10, 20), OK);
    assert_int_equal(store_alarm_set(t, 1, 11, 20), OK);
    assert_int_equal(store_alarm_set(t, 1, 10, 40), OK); /* in the place of the first */
    assert_int_equal(store_alarms_due(t, 19, 9, &s->mem, &v, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(store_alarms_due(t, 40, 9, &s->mem, &v, &n), OK);
    assert_int_equal(n, 3);
    assert_true(v[0].kind == 1 && v[0].rid == 11 && v[1].kind == 2 && v[1].rid == 10 && v[2].kind == 1 &&
                v[2].rid == 10 && v[2].due == 40);
    assert_int_equal(store_alarms_due(t, 40, 1, &s->mem, &v, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(store_commit(t), OK);
    t = write_begin(s);
    assert_int_equal(store_save(t), OK);
    assert_int_equal(store_alarms_drop(t, 10), OK);
    assert_int_equal(store_alarm_set(t, 1, 11, INT64_MAX), OK);
    assert_int_equal(store_alarm_set(t, 7, 7, INT64_MAX), OK); /* never was */
    assert_int_equal(store_alarm_next(t, &when), OK);
    assert_true(when == INT64_MAX);
    assert_int_equal(store_undo(t), OK);
    assert_int_equal(store_alarm_next(t, &when), OK);
    assert_int_equal(when, 20);
    assert_int_equal(store_alarm_get(t, 1, 10, &when), OK);
    assert_int_equal(when, 40);
    assert_int_equal(store_alarms_drop(t, 10), OK);
    assert_int_equal(store_alarm_get(t, 2, 10, &when), OK);
    assert_true(when == INT64_MAX);
    assert_int_equal(store_commit(t), OK);
    if (s->reopen)
        s->reopen(s);
    t = read_begin(s);
    assert_int_equal(store_alarms_due(t, 99, 9, &s->mem, &v, &n), OK);
    assert_true(n == 1 && v[0].rid == 11);
    store_end(t);
}

static int64_t ranked(struct subject *s, struct store_tx *t, int64_t lo, int64_t hi, bool last)
{
    struct row r;
    enum err e = store_ranked(t, 1, 30, lo, hi, last, 100, &s->mem, &r);
    assert_true(e == OK || e == ERR_NOTFOUND);
    return e == OK ? r.rid : 0;
}

static void ranked_follows_the_rank_not_the_age(void **state)
{
    struct subject *s = *state;
    static const struct row rows[] = {{.rid = 1, .ty = 29, .et = INT64_MAX},
                                      {.rid = 2, .pid = 1, .ty = 30, .et = INT64_MAX, .rank = 50},
                                      {.rid = 3, .pid = 1, .ty = 30, .et = INT64_MAX, .rank = -40},
                                      {.rid = 4, .pid = 1, .ty = 30, .et = 100, .rank = 90}, /* expired */
                                      {.rid = 5, .pid = 1, .ty = 23, .et = INT64_MAX, .rank = 99},
                                      {.rid = 6, .pid = 1, .ty = 30, .et = INT64_MAX},
                                      {.rid = 7, .pid = 1, .ty = 30, .et = INT64_MAX, .rank = 50}};
    struct store_tx *t = write_begin(s);
    for (size_t i = 0; i < LEN(rows); i++)
        assert_int_equal(store_put(t, &rows[i]), OK);
    assert_int_equal(ranked(s, t, INT64_MIN, INT64_MAX, false), 3);
    assert_int_equal(ranked(s, t, INT64_MIN, INT64_MAX, true), 7);
    assert_int_equal(ranked(s, t, 50, 50, false), 2);
    assert_int_equal(ranked(s, t, -39, 49, true), 0);
    assert_int_equal(store_drop(t, 3), OK);
    assert_int_equal(ranked(s, t, INT64_MIN, INT64_MAX, false), 2);
    assert_int_equal(store_commit(t), OK);
    t = read_begin(s);
    struct row r;
    assert_int_equal(store_get(t, 7, &s->mem, &r), OK);
    assert_int_equal(r.rank, 50);
    store_end(t);
}

static void small_state_is_kept(void **state)
{
    struct subject *s = *state;
    static const uint8_t octets[] = {0, 1, 0, 255, '\''};
    static char longest[STORE_KEY_MAX + 1];
    struct span v, key = span_of(longest, STORE_KEY_MAX);
    struct store_tx *t = write_begin(s);
    assert_int_equal(store_state_put(t, SPAN("a"), SPAN("1")), OK);
    assert_int_equal(store_state_put(t, SPAN("a"), span_of(octets, sizeof octets)), OK);
    assert_int_equal(store_state_put(t, SPAN("empty"), SPAN_NONE), OK);
    assert_int_equal(store_state_put(t, key, SPAN("long")), OK);
    assert_int_equal(store_state_put(t, span_of(longest, sizeof longest), SPAN("x")), ERR_LIMIT);
    assert_int_equal(store_state_put(t, SPAN("gone"), SPAN("x")), OK);
    assert_int_equal(store_state_drop(t, SPAN("gone")), OK);
    assert_int_equal(store_state_drop(t, SPAN("never")), OK);
    assert_int_equal(store_commit(t), OK);
    t = read_begin(s);
    assert_int_equal(store_state_get(t, SPAN("a"), &s->mem, &v), OK);
    assert_true(span_eq(v, span_of(octets, sizeof octets)));
    assert_int_equal(store_state_get(t, SPAN("empty"), &s->mem, &v), OK);
    assert_int_equal(v.n, 0);
    assert_int_equal(store_state_get(t, key, &s->mem, &v), OK);
    assert_true(span_eq(v, SPAN("long")));
    assert_int_equal(store_state_get(t, SPAN("gone"), &s->mem, &v), ERR_NOTFOUND);
    store_end(t);
}

static void what_was_handed_out_outlives_the_transaction(void **state)
{
    struct subject *s = *state;
    plant(s);
    struct row r;
    struct store_tx *t = read_begin(s);
    assert_int_equal(store_get(t, 2, &s->mem, &r), OK);
    store_end(t);
    t = write_begin(s);
    int64_t n;
    assert_int_equal(store_clear(t, 2, 4, &n), OK);
    assert_int_equal(store_clear(t, 2, 23, &n), OK);
    assert_int_equal(store_drop(t, 2), OK);
    assert_int_equal(store_commit(t), OK);
    assert_true(span_eq(r.rn, SPAN("box")) && span_eq(r.body, SPAN("{\"a\":1}")));
}

static void a_small_arena_is_an_error_not_a_crash(void **state)
{
    struct subject *s = *state;
    plant(s);
    uint8_t small[16];
    struct arena a;
    struct row r;
    struct rows rows;
    for (int twice = 0; twice < 2; twice++) {
        struct store_tx *t = read_begin(s);
        arena_over(&a, small, sizeof small);
        assert_int_equal(store_get(t, 2, &a, &r), ERR_NOMEM);
        arena_over(&a, small, sizeof small);
        assert_int_equal(store_list(t, 2, 0, 0, 9, false, &a, &rows), ERR_NOMEM);
        assert_int_equal(store_get(t, 2, &s->mem, &r), OK); /* from now on out of a cache, if there is one */
        store_end(t);
    }
}

static void the_identity_stays(void **state)
{
    struct subject *s = *state;
    uint8_t was[16];
    memcpy(was, s->store->instance, 16);
    assert_memory_equal(was, subject_instance, 16);
    if (!s->reopen)
        return;
    s->reopen(s);
    assert_memory_equal(was, s->store->instance, 16);
}

static void everything_is_there_after_reopening(void **state)
{
    struct subject *s = *state;
    if (!s->reopen)
        return; /* the memory store forgets, as it says */
    plant(s);
    struct store_tx *t = write_begin(s);
    int64_t id = post(t, 4, 0, 1), n;
    assert_int_equal(store_state_put(t, SPAN("k"), SPAN("v")), OK);
    assert_int_equal(store_commit(t), OK);
    s->reopen(s);
    t = read_begin(s);
    struct rows rows;
    struct span v;
    assert_int_equal(store_list(t, 2, 0, 0, 10, false, &s->mem, &rows), OK);
    assert_int_equal(rows.n, 4);
    assert_int_equal(store_state_get(t, SPAN("k"), &s->mem, &v), OK);
    assert_int_equal(store_letters_count(t, 4, &n), OK);
    assert_int_equal(n, 1);
    store_end(t);
    t = write_begin(s);
    assert_true(post(t, 4, 0, 1) > id);
    store_abort(t);
}

#define T(name) cmocka_unit_test_setup_teardown(name, subject_open, subject_close)

int main(int argc, char **argv)
{
    if (argc != 2 || !subject_choose(argv[1])) {
        fprintf(stderr, "usage: store_contract mem|sqlite|fault\n");
        return 2;
    }
    const struct CMUnitTest tests[] = {
        T(a_row_comes_back_as_it_was_put),
        T(what_is_not_there_is_not_found),
        T(names_and_aliases_are_unique),
        T(odd_names_are_just_names),
        T(set_replaces_and_count_counts),
        T(a_reader_sees_each_commit),
        T(a_name_that_was_freed_leads_to_the_new_row),
        T(newest_and_oldest_skip_what_has_expired),
        T(clear_takes_one_type_only),
        T(identifiers_are_never_given_twice),
        T(lists_resume_behind_the_last_row),
        T(discovery_finds_by_type_and_label),
        T(labels_follow_their_row),
        T(an_index_can_be_estimated),
        T(the_types_of_children_follow_one_another),
        T(expiry_is_in_order_of_time),
        T(an_undone_job_leaves_its_neighbours),
        T(an_aborted_transaction_never_was),
        T(a_newest_that_was_dropped_and_comes_back_is_the_newest),
        T(only_the_first_of_a_lane_is_due),
        T(a_lane_can_be_read_and_woken),
        T(a_letter_comes_back_as_it_was_put),
        T(alarms_ring_in_order_of_time),
        T(ranked_follows_the_rank_not_the_age),
        T(small_state_is_kept),
        T(what_was_handed_out_outlives_the_transaction),
        T(a_small_arena_is_an_error_not_a_crash),
        T(the_identity_stays),
        T(everything_is_there_after_reopening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
