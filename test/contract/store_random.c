/* Random work on the memory store and on SQLite at once: every answer of the two must be the same, also after
 * savepoints undone, transactions aborted and the file closed and opened again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contract/subject.h"
#include "host/heap.h"

enum { ROUNDS = 250, JOBS = 6, STEPS = 8, KEYS = 6, RIDS = 4096 };

struct pair {
    struct store *s[2]; /* memory, SQLite */
    struct store_tx *t[2];
    struct arena a;
    char dir[64];
    uint64_t seed;
    int64_t now;       /* goes forward only, as the engine's does */
    int64_t rid[RIDS]; /* those that were put at some time; drawn from at random */
    size_t nrid;
};

static uint32_t draw(struct pair *p, uint32_t below)
{
    p->seed = p->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(p->seed >> 33) % below;
}

static struct span word(struct pair *p, const char *kind, uint32_t below)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%s%u", kind, draw(p, below));
    return arena_dup(&p->a, span_of(text, (size_t)n));
}

static int64_t some_rid(struct pair *p)
{
    return p->nrid ? p->rid[draw(p, (uint32_t)p->nrid)] : 1;
}

static struct row some_row(struct pair *p)
{
    struct row r = {.pid = 1 + draw(p, 4), .ty = 3 + draw(p, 3)};
    r.rn = draw(p, 3) ? SPAN_NONE : word(p, "n", 12);
    r.alias = draw(p, 6) ? SPAN_NONE : word(p, "a", 12);
    r.creator = draw(p, 2) ? SPAN_NONE : word(p, "c", 3);
    r.ct = draw(p, 1000);
    r.lt = draw(p, 1000);
    r.et = draw(p, 3) ? draw(p, ROUNDS) : INT64_MAX;
    r.st = draw(p, 9);
    r.cni = draw(p, 9);
    r.cbs = draw(p, 9);
    r.cs = draw(p, 9);
    r.subs = draw(p, 2);
    r.rank = draw(p, 3) ? (int64_t)draw(p, 40) - 20 : 0;
    r.spec = draw(p, 4) ? SPAN_NONE : word(p, "m2m:s", 3);
    r.body = word(p, "body", 1000);
    r.nlbl = draw(p, 3);
    struct span *lbl = ARENA_ARRAY(&p->a, struct span, r.nlbl);
    for (size_t i = 0; i < r.nlbl; i++)
        lbl[i] = word(p, "l", 5);
    r.lbl = lbl;
    return r;
}

static void same_rows(const struct rows *x, const struct rows *y)
{
    assert_int_equal(x->n, y->n);
    assert_int_equal(x->more, y->more);
    for (size_t i = 0; i < x->n; i++)
        assert_true(subject_same_row(&x->v[i], &y->v[i]));
}

/* ---- questions: asked of both, compared ----------------------------------------------------------- */

static void ask_one(struct pair *p)
{
    struct row r[2];
    enum err e[2];
    uint32_t which = draw(p, 6);
    int64_t rid = some_rid(p), pid = 1 + draw(p, 4), now = p->now, lo = (int64_t)draw(p, 40) - 20, hi = lo + draw(p, 9);
    bool last = draw(p, 2);
    uint32_t ty = 3 + draw(p, 3);
    struct span rn = word(p, "n", 12), al = word(p, "a", 12);
    for (int i = 0; i < 2; i++)
        e[i] = which == 0   ? store_get(p->t[i], rid, &p->a, &r[i])
               : which == 1 ? store_child(p->t[i], pid, rn, &p->a, &r[i])
               : which == 2 ? store_alias(p->t[i], al, &p->a, &r[i])
               : which == 3 ? store_newest(p->t[i], pid, ty, now, &p->a, &r[i])
               : which == 4 ? store_oldest(p->t[i], pid, ty, now, &p->a, &r[i])
                            : store_ranked(p->t[i], pid, ty, lo, hi, last, now, &p->a, &r[i]);
    assert_int_equal(e[0], e[1]);
    if (e[0] == OK)
        assert_true(subject_same_row(&r[0], &r[1]));
}

static void ask_many(struct pair *p)
{
    struct rows v[2];
    uint32_t which = draw(p, 5), ty = draw(p, 2) ? 3 + draw(p, 3) : 0;
    int64_t pid = 1 + draw(p, 4), after = draw(p, 3) ? 0 : some_rid(p), now = p->now;
    size_t max = 1 + draw(p, 40);
    bool bare = draw(p, 2);
    struct span label = word(p, "l", 5);
    enum find_by draw_by = (enum find_by)draw(p, 3);
    uint32_t next[2];
    int64_t many[2];
    for (int i = 0; i < 2; i++) {
        enum err e = which == 0 ? store_list(p->t[i], pid, ty, after, max, bare, &p->a, &v[i])
                     : which == 1
                         ? store_find(p->t[i], FIND_TYPE, ty ? ty : 4, SPAN_NONE, after, max, bare, &p->a, &v[i])
                     : which == 2 ? store_find(p->t[i], FIND_LABEL, 0, label, after, max, bare, &p->a, &v[i])
                     : which == 3 ? store_find(p->t[i], FIND_ALL, 0, SPAN_NONE, after, max, bare, &p->a, &v[i])
                                  : store_expired(p->t[i], now, max, &p->a, &v[i]);
        assert_int_equal(e, OK);
        assert_int_equal(store_next_type(p->t[i], pid, ty, &next[i]), OK);
        assert_int_equal(store_estimate(p->t[i], draw_by, ty ? ty : 4, label, (int64_t)max, &many[i]), OK);
    }
    assert_int_equal(next[0], next[1]);
    assert_int_equal(many[0], many[1]);
    same_rows(&v[0], &v[1]);
}

static void ask_letters(struct pair *p)
{
    struct letter *v[2];
    size_t n[2];
    int64_t now = p->now, count[2], next[2], sub = draw(p, 4), et[2], in[2];
    size_t max = 1 + draw(p, 10);
    struct span got[2], key = word(p, "k", KEYS);
    enum err e[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_letters_due(p->t[i], now, 0, max, &p->a, &v[i], &n[i]), OK);
        assert_int_equal(store_letters_count(p->t[i], sub, &count[i]), OK);
        assert_int_equal(store_letters_in(p->t[i], sub, 1, &in[i]), OK);
        assert_int_equal(store_letter_next(p->t[i], &next[i]), OK);
        assert_int_equal(store_next_et(p->t[i], &et[i]), OK);
        e[i] = store_state_get(p->t[i], key, &p->a, &got[i]);
    }
    assert_int_equal(n[0], n[1]);
    for (size_t k = 0; k < n[0]; k++) {
        assert_true(v[0][k].sub == v[1][k].sub && v[0][k].due == v[1][k].due && v[0][k].tries == v[1][k].tries);
        assert_true(span_eq(v[0][k].to, v[1][k].to) && span_eq(v[0][k].body, v[1][k].body));
    }
    assert_true(count[0] == count[1] && in[0] == in[1] && next[0] == next[1] && et[0] == et[1]);
    assert_int_equal(e[0], e[1]);
    if (e[0] == OK)
        assert_true(span_eq(got[0], got[1]));
}

static void ask_alarms(struct pair *p)
{
    struct alarm *v[2];
    size_t n[2], max = 1 + draw(p, 10);
    int64_t next[2], due[2], kind = draw(p, 3), rid = some_rid(p);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_alarms_due(p->t[i], p->now, max, &p->a, &v[i], &n[i]), OK);
        assert_int_equal(store_alarm_next(p->t[i], &next[i]), OK);
        assert_int_equal(store_alarm_get(p->t[i], kind, rid, &due[i]), OK);
    }
    assert_true(n[0] == n[1] && next[0] == next[1] && due[0] == due[1]);
    for (size_t k = 0; k < n[0]; k++)
        assert_true(v[0][k].kind == v[1][k].kind && v[0][k].rid == v[1][k].rid && v[0][k].due == v[1][k].due);
}

/* ---- changes: done to both ------------------------------------------------------------------------ */

static void change_row(struct pair *p)
{
    struct row r = some_row(p), was;
    uint32_t which = draw(p, 6);
    r.rid = some_rid(p);
    if (which <= 2) { /* more rows than losses */
        int64_t rid[2];
        for (int i = 0; i < 2; i++)
            assert_int_equal(store_next_rid(p->t[i], &rid[i]), OK);
        r.rid = rid[0] > rid[1] ? rid[0] : rid[1]; /* after reopening they may differ */
        if (p->nrid < RIDS)
            p->rid[p->nrid++] = r.rid;
    } else if (store_get(p->t[0], r.rid, &p->a, &was) == OK) {
        r.pid = was.pid;
        r.ty = was.ty;
        r.rn = was.rn;
        r.spec = was.spec;
    }
    if (which == 5 && r.rid <= 4)
        return; /* the parents stay */
    enum err e[2];
    for (int i = 0; i < 2; i++)
        e[i] = which <= 2   ? store_put(p->t[i], &r)
               : which == 3 ? store_set(p->t[i], &r)
               : which == 4 ? store_count(p->t[i], &r)
                            : store_drop(p->t[i], r.rid);
    assert_int_equal(e[0], e[1]);
}

static void change_many(struct pair *p)
{
    int64_t pid = 2 + draw(p, 3), n[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(store_clear(p->t[i], pid, 4, &n[i]), OK);
    assert_int_equal(n[0], n[1]);
}

static void change_letter(struct pair *p)
{
    struct letter l = {
        .sub = draw(p, 4), .tgt = draw(p, 2), .due = draw(p, ROUNDS), .to = word(p, "t", 9), .body = word(p, "b", 99)};
    uint32_t which = draw(p, 9);
    size_t max = 1 + draw(p, 6);
    int64_t when = draw(p, ROUNDS);
    enum err e[2];
    for (int i = 0; i < 2; i++) {
        struct letter *due; /* the numbers of the two differ after reopening */
        size_t n = 0;
        assert_int_equal(store_letters_due(p->t[i], INT64_MAX, 0, max, &p->a, &due, &n), OK);
        int64_t id = n ? due[n - 1].id : 1;
        e[i] = which < 4   ? store_letter_put(p->t[i], &l)
               : which < 6 ? store_letter_done(p->t[i], id)
               : which < 7 ? store_letter_delay(p->t[i], id, when, 1)
               : which < 8 ? store_letters_wake(p->t[i], l.sub, l.tgt, when)
                           : store_letters_drop(p->t[i], l.sub);
    }
    assert_int_equal(e[0], e[1]);
}

static void change_state(struct pair *p)
{
    struct span key = word(p, "k", KEYS), val = word(p, "v", 99);
    bool drop = draw(p, 3) == 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(drop ? store_state_drop(p->t[i], key) : store_state_put(p->t[i], key, val), OK);
}

static void change_alarm(struct pair *p)
{
    int64_t kind = draw(p, 3), rid = some_rid(p), due = draw(p, 3) ? draw(p, ROUNDS) : INT64_MAX;
    bool drop = draw(p, 5) == 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(drop ? store_alarms_drop(p->t[i], rid) : store_alarm_set(p->t[i], kind, rid, due), OK);
}

static void step(struct pair *p)
{
    uint32_t d = draw(p, 44);
    if (d < 14)
        change_row(p);
    else if (d == 14)
        change_many(p);
    else if (d < 20)
        change_letter(p);
    else if (d < 22)
        change_state(p);
    else if (d < 32)
        ask_one(p);
    else if (d < 37)
        ask_many(p);
    else if (d < 40)
        ask_letters(p);
    else if (d < 43)
        change_alarm(p);
    else
        ask_alarms(p);
}

static void questions(struct pair *p)
{
    for (int k = 0; k < 6; k++)
        ask_one(p);
    ask_many(p);
    ask_letters(p);
    ask_alarms(p);
}

static void job(struct pair *p)
{
    for (int i = 0; i < 2; i++)
        assert_int_equal(store_save(p->t[i]), OK);
    for (int k = 0; k < STEPS; k++)
        step(p);
    bool undo = draw(p, 3) == 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(undo ? store_undo(p->t[i]) : store_keep(p->t[i]), OK);
    questions(p);
}

static void turn(struct pair *p)
{
    for (int i = 0; i < 2; i++)
        assert_int_equal(store_write(p->s[i], &p->t[i]), OK);
    for (int k = 0; k < JOBS; k++)
        job(p);
    bool give_up = draw(p, 5) == 0;
    for (int i = 0; i < 2; i++) {
        if (give_up)
            store_abort(p->t[i]);
        else
            assert_int_equal(store_commit(p->t[i]), OK);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(store_read(p->s[i], draw(p, 1) + 1, &p->t[i]), OK);
    for (int k = 0; k < 4; k++)
        questions(p);
    for (int i = 0; i < 2; i++)
        store_end(p->t[i]);
    arena_reset(&p->a);
}

static void parents(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_write(p->s[i], &p->t[i]), OK);
        for (int64_t rid = 1; rid <= 4; rid++)
            assert_int_equal(
                store_put(p->t[i], &(struct row){.rid = rid, .ty = 3, .et = INT64_MAX, .body = SPAN("{}")}), OK);
        assert_int_equal(store_commit(p->t[i]), OK);
    }
}

static void both_stores_answer_the_same(void **state)
{
    (void)state;
    struct pair *p = xalloc(sizeof *p);
    const char *seed = getenv("SEED");
    p->seed = seed ? strtoull(seed, NULL, 10) : 20261124;
    heap_arena(&p->a, 1 << 18, 1 << 28);
    subject_folder(p->dir);
    p->s[0] = store_mem(subject_instance);
    p->s[1] = subject_sqlite(p->dir);
    parents(p);
    for (int k = 0; k < ROUNDS; k++) {
        p->now = k;
        turn(p);
        if (k % 50 == 49) {
            store_close(p->s[1]);
            p->s[1] = subject_sqlite(p->dir);
        }
    }
    assert_true(p->nrid > ROUNDS);
    for (int i = 0; i < 2; i++)
        store_close(p->s[i]);
    subject_remove(p->dir);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_stores_answer_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
