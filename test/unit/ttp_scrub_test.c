/* src/ttp: scrub. What somebody with the disk did is found and named, and nothing else stops.
 *
 * With ONESEAL_FLIPS=all every bit of the database is flipped, one after the other; otherwise every
 * ONESEAL_FLIPS_STEP-th (default 499). Of each flip one of these is true, and the test prints how many of each:
 *   refused   the rooms do not start on it, with a reason
 *   named     the scrub names something, and the other keys are released
 *   same      nothing was found, and everything that the database holds is what it was
 * Anything else is a fault of ours. */
#include "ttp_m2m.h"

#include "ttp/admin.h"

#include <fcntl.h>

enum { KEYS = 4, TEXT = 1 << 20 };

struct scene {
    struct house *h;
    struct party gateway, app;
    struct span kid[KEYS];
};

static uint8_t kv[KEYS][ESD_KV];

static void scene_set(struct scene *s)
{
    s->h = house_new();
    s->gateway = party_new(s->h, "//demo.example/id-mn", "DNS:id-mn.id-in.demo.example");
    s->app = party_new(s->h, "//demo.example/Sapp-heat", "URI:m2m://demo.example/Sapp-heat");
    join(s->h, &s->gateway);
    join(s->h, &s->app);
    for (int i = 0; i < KEYS; i++) {
        memset(kv[i], 17 + i, ESD_KV);
        struct letter_item m = item_of(s->h, kv[i], (uint8_t)(7 + i / 2), (uint64_t)i + 1, "ward");
        struct span t = letter_text(s->h, &s->gateway, &m, 1, (const uint8_t(*)[ESD_KV]) & kv[i]);
        assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_LETTER, "", t)).code, SPAN("ok")));
        s->kid[i] = m.kid;
    }
    struct span t = policy_text(s->h, &s->gateway, "ward", 1, &s->app);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_POLICY, "", t)).code, SPAN("ok")));
}

static void scene_end(struct scene *s)
{
    p256_free(s->gateway.key);
    p256_free(s->app.key);
    house_free(s->h);
}

/* Says `scrub` as the parent does; the answer's JSON. */
static struct span scrub(struct house *h)
{
    struct buf b = heap_buf(4096);
    h->done_json = SPAN_NONE;
    msg_put_VAULT_DO(&b, &(struct msg_VAULT_DO){.id = 1, .command = ADMIN_scrub});
    h->vault_end = msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b));
    heap_buf_free(&b);
    pump(h);
    return h->done_json;
}

static uint64_t faults(struct house *h, struct span json)
{
    struct jval *doc;
    uint64_t n = 0;
    assert_int_equal(json_parse(json, &h->mem, &doc, NULL), OK);
    assert_int_equal(json_u64(JSON_GET(doc, "faults"), UINT64_MAX, &n), OK);
    return n;
}

static bool says(struct span json, struct span word)
{
    for (size_t i = 0; i + word.n <= json.n; i++)
        if (span_starts(span_from(json, i), word))
            return true;
    return false;
}

static struct span relative(struct span kid)
{
    return span_first(kid, span_find(kid, '@'));
}

/* ---- rows and records ----------------------------------------------------------------------------------------------
 */

static void nothing_is_wrong(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct span json = scrub(s.h);
    assert_int_equal(faults(s.h, json), 0);
    assert_true(says(json, SPAN("\"rows\":4")));
    house_restart(s.h);
    s.h->known = false;
    house_restart(s.h); /* a cold start begins one by itself */
    assert_int_equal(faults(s.h, scrub(s.h)), 0);
    scene_end(&s);
}

/* Each with what must be named; {0} stands for the first kid's relative part. */
static const struct {
    const char *sql, *names;
} deeds[] = {
    {"DELETE FROM registration WHERE leaf=2", "{0}"},
    {"UPDATE registration SET sealed=zeroblob(92) WHERE leaf=2", "{0}"},
    {"UPDATE registration SET et=et+1 WHERE leaf=2", "{0}"},
    {"UPDATE registration SET leaf=3 WHERE leaf=2", "{0}"},
    {"UPDATE registration SET leaf=99 WHERE leaf=2", "{0}"},
    {"UPDATE registration SET leaf=-1 WHERE leaf=2", "{0}"},
    {"UPDATE registration SET kid_key='AA'||substr(kid_key,3) WHERE leaf=2", "{0}"},
    /* swapped values of two rows */
    {"CREATE TEMP TABLE x AS SELECT leaf,sealed FROM registration WHERE leaf IN(2,3);"
     "UPDATE registration SET sealed=(SELECT sealed FROM x WHERE x.leaf=5-registration.leaf) WHERE leaf IN(2,3)",
     "{0}"},
    /* swapped names */
    {"CREATE TEMP TABLE x AS SELECT leaf,kid_key FROM registration WHERE leaf IN(2,3);"
     "UPDATE registration SET kid_key='y'||leaf WHERE leaf IN(2,3);"
     "UPDATE registration SET kid_key=(SELECT kid_key FROM x WHERE x.leaf=5-registration.leaf) WHERE leaf IN(2,3)",
     "{0}"},
    /* one row twice, under another name */
    {"CREATE TEMP TABLE x AS SELECT * FROM registration WHERE leaf=2; UPDATE x SET kid_key='pair:'||kid_key;"
     "INSERT INTO registration SELECT * FROM x",
     "{0}"},
    {"DELETE FROM stream WHERE sid=(SELECT sid FROM registration WHERE leaf=2)", "{0}"},
    {"UPDATE stream SET wrapped=zeroblob(60)", "{0}"},
    {"UPDATE tenant SET wrapped=zeroblob(60)", "{0}"},
    {"DELETE FROM tenant", "{0}"},
    {"DELETE FROM leaf WHERE idx=2", "\"object\":\"2\""},
    {"UPDATE leaf SET record=replace(record,'letter','latter') WHERE idx=2", "\"object\":\"2\""},
    {"UPDATE leaf SET salt=zeroblob(32) WHERE idx=2", "\"object\":\"2\""},
    {"UPDATE leaf SET mac=zeroblob(32) WHERE idx=2", "\"object\":\"2\""},
    {"UPDATE leaf SET idx=-5 WHERE idx=2", "\"object\":\"2\""},
    {"UPDATE leaf SET idx=1000 WHERE idx=2; UPDATE leaf SET idx=2 WHERE idx=3; UPDATE leaf SET idx=3 WHERE idx=1000",
     "\"object\":\"2\""},
    {"INSERT INTO leaf SELECT -3,salt,record,mac FROM leaf WHERE idx=2", "leaf"},
    {"UPDATE node SET hash=zeroblob(32) WHERE level=0 AND idx=2", "\"node\""},
    {"UPDATE node SET hash=zeroblob(32) WHERE level=1 AND idx=1", "\"node\""},
    {"DELETE FROM node WHERE level=1 AND idx=0", "\"node\""},
    {"INSERT INTO node VALUES(9,9,zeroblob(32))", "\"object\":\"node\""},
    {"UPDATE meta SET value=zeroblob(length(value)) WHERE name='note'", "\"object\":\"note\""},
    {"UPDATE meta SET value=zeroblob(length(value)) WHERE name='bundle'", "\"object\":\"bundle\""},
    {"UPDATE meta SET value=zeroblob(length(value)) WHERE name='keys'", "\"object\":\"keys\""},
    {"INSERT INTO meta VALUES('other',zeroblob(3))", "\"object\":\"other\""},
    {"UPDATE snapshot SET mac=zeroblob(32) WHERE n=(SELECT min(n) FROM snapshot)", "\"snapshot\""},
    {"UPDATE snapshot SET hash=zeroblob(32) WHERE n=(SELECT min(n) FROM snapshot)", "\"snapshot\""},
    {"UPDATE snapshot SET body=zeroblob(9) WHERE n=(SELECT min(n) FROM snapshot)", "\"snapshot\""},
    {"INSERT INTO stream VALUES('//demo.example/id-mn',zeroblob(16),zeroblob(60))", "\"stream\""},
    {"INSERT INTO tenant VALUES('other.example',zeroblob(60))", "other.example"},
};

static void every_deed_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(deeds); i++) {
        struct scene s;
        uint8_t got[ESD_KV];
        scene_set(&s);
        assert_int_equal(faults(s.h, scrub(s.h)), 0); /* the control */
        disk(s.h, deeds[i].sql);
        struct span json = scrub(s.h), want = span_str(deeds[i].names);
        if (span_eq(want, SPAN("{0}")))
            want = relative(s.kid[0]);
        if (faults(s.h, json) == 0 || !says(json, want))
            fail_msg("after %s: %.*s", deeds[i].sql, SPAN_FMT(json));
        /* The others are served: the last key's row, stream and record were left alone, but for one tenant's key. */
        if (!says(span_str(deeds[i].sql), SPAN("tenant SET")) && !says(span_str(deeds[i].sql), SPAN("FROM tenant")) &&
            !says(span_str(deeds[i].sql), SPAN("stream SET")))
            assert_int_equal(release_one(s.h, &s.app, s.kid[KEYS - 1], got), REASON_OK);
        assert_int_equal(s.h->vault_end, OK);
        assert_int_equal(s.h->ledger_end, OK);
        scene_end(&s);
    }
}

/* What was shredded is no fault; requests go on while it runs. */
static void what_ended_is_not_missed(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct span kid = s.kid[1], name = span_cut(&kid, '@');
    struct span by_owner = m2m_body(s.h, s.gateway.iss, name, "");
    struct answer a = ask(s.h, KIND_SKR_DELETE, "id-mn.id-in.demo.example\n", by_owner);
    assert_int_equal(a.status, 200);
    struct span json = scrub(s.h);
    assert_int_equal(faults(s.h, json), 0);
    assert_true(says(json, SPAN("\"rows\":3")));
    scene_end(&s);
}

/* A cold start takes what authenticates; but each change of the state is a record, and its snapshot came with it. */
static void an_older_snapshot_is_not_taken(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct span t = denial_text(s.h, "operator", s.h->operator_key, s.app.iss, true, 1);
    assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_POLICY, "", t)).code, SPAN("ok")));
    s.h->known = false;
    house_restart(s.h);
    assert_true(s.h->up); /* the control */
    house_stop(s.h);
    disk(s.h, "DELETE FROM snapshot WHERE n=(SELECT max(n) FROM snapshot)");
    s.h->known = false;
    house_start(s.h, false);
    assert_false(s.h->up);
    assert_true(says(s.h->no, SPAN("older snapshot")));
    scene_end(&s);
}

/* ---- every bit ------------------------------------------------------------------------------------------------------
 */

/* Everything that the database holds, in one order. False: it cannot be read whole. */
static bool export_all(const char *path, struct buf *b)
{
    static const char *const all[] = {
        "SELECT * FROM meta WHERE name<>'note' ORDER BY name",
        "SELECT * FROM tenant ORDER BY name",
        "SELECT * FROM stream ORDER BY iss,sid",
        "SELECT * FROM registration ORDER BY kid_key",
        "SELECT * FROM leaf ORDER BY idx",
        "SELECT * FROM node ORDER BY level,idx",
        "SELECT * FROM snapshot ORDER BY n",
    };
    sqlite3 *db;
    char uri[192];
    snprintf(uri, sizeof uri, "file:%s?immutable=1", path);
    bool good = sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK;
    buf_reset(b);
    for (size_t i = 0; good && i < LEN(all); i++) {
        sqlite3_stmt *st;
        int rc = sqlite3_prepare_v2(db, all[i], -1, &st, NULL);
        while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
            for (int c = 0; c < sqlite3_column_count(st); c++)
                msg_item_put(b, span_of(sqlite3_column_blob(st, c), (size_t)sqlite3_column_bytes(st, c)));
            rc = SQLITE_OK;
        }
        good = rc == SQLITE_DONE;
        sqlite3_finalize(st);
    }
    sqlite3_close(db);
    return good && b->e == OK;
}

static void file_put(const char *path, struct span s)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, s.p, s.n) == (ssize_t)s.n);
    close(fd);
}

static void no_wal(const struct house *h)
{
    char path[160];
    snprintf(path, sizeof path, "%s-wal", h->db);
    unlink(path);
    snprintf(path, sizeof path, "%s-shm", h->db);
    unlink(path);
}

struct flips {
    unsigned refused, named, same, blind; /* blind: of the named ones, a key is not served that is not named */
};

/* The rooms on a spoilt file; they may refuse it. */
static bool starts(struct house *h)
{
    h->known = false;
    h->lenient = true;
    house_start(h, false);
    return h->up && h->vault_end == OK && h->ledger_end == OK;
}

/* same: the file holds what it held. */
static void judge(struct scene *s, bool same, size_t bit, struct flips *n)
{
    struct house *h = s->h;
    size_t released = 0, blind = 0;
    struct span json = scrub(h);
    if (json.n == 0 || h->vault_end != OK || h->ledger_end != OK)
        fail_msg("bit %zu: the scrub ended a room (%d, %d)", bit, (int)h->vault_end, (int)h->ledger_end);
    bool found = faults(h, json) > 0;
    for (int i = 0; i < KEYS; i++) {
        uint8_t got[ESD_KV];
        enum reason r = release_one(h, &s->app, s->kid[i], got);
        if (r == REASON_OK && memcmp(got, kv[i], ESD_KV) != 0)
            fail_msg("bit %zu: another key was released", bit);
        released += r == REASON_OK;
        blind += r != REASON_OK && !says(json, relative(s->kid[i]));
    }
    if (!found && !(same && released == KEYS))
        fail_msg("bit %zu: not found, %s, %zu of %d keys are released", bit, same ? "same" : "changed", released, KEYS);
    n->named += found;
    n->same += !found;
    n->blind += blind > 0;
    house_stop(h);
}

static void every_bit(void **state)
{
    (void)state;
    struct scene s;
    struct flips n = {0};
    struct buf file = heap_buf(TEXT), was = heap_buf(TEXT), now = heap_buf(TEXT);
    const char *all = getenv("ONESEAL_FLIPS"), *step_text = getenv("ONESEAL_FLIPS_STEP");
    size_t step = all && strcmp(all, "all") == 0 ? 1 : step_text ? strtoul(step_text, NULL, 10) : 499;
    scene_set(&s);
    (void)scrub(s.h);
    house_stop(s.h);
    disk(s.h, "PRAGMA journal_mode=DELETE; PRAGMA page_size=512; VACUUM; PRAGMA journal_mode=WAL");
    no_wal(s.h);
    assert_int_equal(file_read(s.h->db, &file), OK);
    assert_true(export_all(s.h->db, &was));
    for (size_t bit = 0; bit < file.n * 8; bit += step) {
        file.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        no_wal(s.h);
        file_put(s.h->db, buf_span(&file));
        struct arena base = s.h->mem; /* bundle and kids live there */
        heap_arena(&s.h->mem, 1 << 16, 256 << 20);
        bool same = export_all(s.h->db, &now) && span_eq(buf_span(&now), buf_span(&was));
        if (starts(s.h)) {
            judge(&s, same, bit, &n);
        } else {
            n.refused++;
            house_stop(s.h);
        }
        arena_reset(&s.h->mem);
        s.h->mem = base;
        file.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    print_message("flips in %zu octets: %u refused at the start, %u named by the scrub (%u of them with a key that is "
                  "not served and not named itself), %u changed nothing\n",
                  file.n, n.refused, n.named, n.blind, n.same);
    assert_true(n.named > 0 && n.refused > 0);
    no_wal(s.h);
    file_put(s.h->db, buf_span(&file));
    s.h->lenient = false;
    house_start(s.h, false);
    assert_true(s.h->up);
    heap_buf_free(&file);
    heap_buf_free(&was);
    heap_buf_free(&now);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_wrong),
        cmocka_unit_test(every_deed_is_named),
        cmocka_unit_test(what_ended_is_not_missed),
        cmocka_unit_test(an_older_snapshot_is_not_taken),
        cmocka_unit_test(every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
