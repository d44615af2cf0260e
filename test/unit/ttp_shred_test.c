/* Keys are destroyed for good, while others are served: tombstones, fresh keys above what was destroyed, another root.
 */
#include "ttp_house.h"

#include "esd/shred.h"
#include "ttp/admin.h"
#include "ttp/vault_own.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { EPOCHS = 300, TOMBS = 2 * TOMB_SEGMENT + 40 };

struct scene {
    struct house *h;
    struct party gateway, app, other;
    struct span kid[EPOCHS + 8];
    uint8_t kv[EPOCHS + 8][ESD_KV];
    unsigned n;
};

static unsigned told(struct house *h, enum admin_name name, const char *words)
{
    struct buf b = heap_buf(MSG_FRAME_MAX);
    h->done_status = 0;
    msg_put_VAULT_DO(&b, &(struct msg_VAULT_DO){.id = 7, .command = (uint8_t)name, .words = span_str(words)});
    assert_int_equal(msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b)), OK);
    heap_buf_free(&b);
    pump(h);
    return h->done_status;
}

static void register_one(struct scene *s, uint8_t sid)
{
    uint8_t *kv = s->kv[s->n];
    assert_int_equal(esd_random(kv, ESD_KV), OK);
    struct letter_item m = item_of(s->h, kv, sid, s->n + 1, "ward");
    struct span t = letter_text(s->h, &s->gateway, &m, 1, (const uint8_t(*)[ESD_KV])kv);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_LETTER, "", t)).code, SPAN("ok")));
    s->kid[s->n++] = m.kid;
}

static void scene_set(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->h = house_new();
    s->gateway = party_new(s->h, "//demo.example/id-mn", "DNS:id-mn.id-in.demo.example");
    s->app = party_new(s->h, "//demo.example/Sapp-heat", "URI:m2m://demo.example/Sapp-heat");
    s->other = party_new(s->h, "//demo.example/Sapp-other", "URI:m2m://demo.example/Sapp-other");
    join(s->h, &s->gateway);
    join(s->h, &s->app);
    join(s->h, &s->other);
    struct span t = policy_text(s->h, &s->gateway, "ward", 1, &s->app);
    assert_true(span_eq(ack_of(s->h, t, ask(s->h, KIND_POLICY, "", t)).code, SPAN("ok")));
    register_one(s, 7);
    register_one(s, 7);
    register_one(s, 8);
}

static void scene_end(struct scene *s)
{
    p256_free(s->gateway.key);
    p256_free(s->app.key);
    p256_free(s->other.key);
    house_free(s->h);
}

static enum reason asked(struct scene *s, unsigned i)
{
    uint8_t kv[ESD_KV];
    enum reason r = release_one(s->h, &s->app, s->kid[i], kv);
    if (r == REASON_OK)
        assert_memory_equal(kv, s->kv[i], ESD_KV);
    return r;
}

static struct span order(struct scene *s, const struct party *p, struct shred q)
{
    struct buf scratch = heap_buf(1 << 20), out = heap_buf(1 << 20);
    q.iss = p ? span_str(p->iss) : SPAN("operator");
    q.aud = SPAN(FQDN);
    if (q.nonce[0] == 0)
        nonce_of(s->h, q.nonce);
    enum err e = shred_build(&q, p ? p->key : s->h->operator_key, SPAN("k"), &scratch, &out);
    heap_buf_free(&scratch);
    return built(s->h, &out, e);
}

static struct shred_answer ordered(struct scene *s, struct span text)
{
    struct shred_answer r;
    struct answer a = ask(s->h, KIND_SHRED, "", text);
    assert_int_equal(a.status, 200);
    assert_int_equal(shred_answer_open(a.body, text, s->h->bundle.release, &s->h->mem, &r), REASON_OK);
    return r;
}

/* The unsealer has made another root. */
static void rekey(struct scene *s, uint8_t with)
{
    struct buf b = heap_buf(4096);
    memset(s->h->next_root, with, VAULT_ROOT);
    msg_put_REWRAP(&b, &(struct msg_REWRAP){.id = 9});
    assert_int_equal(msg_receive(vault_end(s->h->vault), ROOM_PARENT, buf_span(&b)), OK);
    heap_buf_free(&b);
}

static void rekeyed(struct scene *s, uint8_t with)
{
    unsigned done = s->h->rewrapped;
    rekey(s, with);
    pump(s->h);
    assert_int_equal(s->h->rewrapped, done + 1);
    memcpy(s->h->root, s->h->next_root, VAULT_ROOT);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static const char *const ends[] = {"", "-wal", "-shm"};

static void file_octets(const char *path, struct buf *b)
{
    if (access(path, R_OK) == 0)
        assert_int_equal(file_read(path, b), OK);
}

/* Does any file of the database hold these octets? */
static bool on_disk(struct house *h, struct span what)
{
    bool found = false;
    for (size_t i = 0; i < LEN(ends); i++) {
        char path[128];
        struct buf b = heap_buf(256 << 20);
        snprintf(path, sizeof path, "%s%s", h->db, ends[i]);
        file_octets(path, &b);
        for (size_t at = 0; at + what.n <= b.n && !found; at++)
            found = memcmp(b.p + at, what.p, what.n) == 0;
        heap_buf_free(&b);
    }
    return found;
}

/* What the disk keeps of a key. */
static struct span sealed_of(struct house *h, struct span kid)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    uint8_t key[ROW_KID_MAX];
    struct buf b = BUF_ARRAY(key);
    assert_int_equal(row_kid_key(kid, &b), OK);
    assert_int_equal(sqlite3_open(h->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT sealed FROM registration WHERE kid_key=?1", -1, &st, NULL), 0);
    sqlite3_bind_text(st, 1, (const char *)b.p, (int)b.n, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    struct span s = keep_text(h, span_of(sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0)));
    sqlite3_finalize(st);
    sqlite3_close(db);
    return s;
}

static void copy_files(const char *from, const char *to)
{
    for (size_t i = 0; i < LEN(ends); i++) {
        char a[128], c[128];
        struct buf b = heap_buf(256 << 20);
        snprintf(a, sizeof a, "%s%s", from, ends[i]);
        snprintf(c, sizeof c, "%s%s", to, ends[i]);
        unlink(c);
        file_octets(a, &b);
        if (b.n > 0)
            assert_int_equal(file_replace(c, buf_span(&b), 0600), OK);
        heap_buf_free(&b);
    }
}

static void drop_files(const char *path)
{
    for (size_t i = 0; i < LEN(ends); i++) {
        char a[128];
        snprintf(a, sizeof a, "%s%s", path, ends[i]);
        unlink(a);
    }
}

/* ---- orders ----------------------------------------------------------------------------------------------------- */

static void an_epoch_is_gone_and_stays_gone(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct span box = sealed_of(s.h, s.kid[0]);
    assert_true(on_disk(s.h, box)); /* the control */
    struct shred_answer r = ordered(&s, order(&s, &s.gateway, (struct shred){.kid = s.kid[0]}));
    assert_false(r.rekey);
    assert_int_equal(r.n_copies, 0);
    assert_int_equal(r.complete, ring_letters_end(s.h->vault->life.ring));
    assert_true(r.complete > (uint64_t)(s.h->now / 1000) + 30 * 86400);
    assert_false(on_disk(s.h, box));
    assert_int_equal(asked(&s, 0), REASON_SHREDDED);
    assert_int_equal(asked(&s, 1), REASON_OK);
    assert_int_equal(asked(&s, 2), REASON_OK);
    assert_true(s.h->rekey_wanted > 0);
    assert_int_equal(vault_work_left(s.h->vault), 1); /* XK: the parent's */
    rekeyed(&s, 0x77);
    assert_int_equal(vault_work_left(s.h->vault), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(asked(&s, 0), REASON_SHREDDED);
        assert_int_equal(asked(&s, 1), REASON_OK);
        struct letter_item m = item_of(s.h, s.kv[0], 7, 1, "ward");
        struct span t = letter_text(s.h, &s.gateway, &m, 1, (const uint8_t(*)[ESD_KV])s.kv[0]);
        assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_LETTER, "", t)).code, SPAN("shredded")));
        register_one(&s, 7);
        assert_int_equal(asked(&s, s.n - 1), REASON_OK);
        s.h->known = i == 0;
        house_restart(s.h);
        assert_true(s.h->up);
    }
    r = ordered(&s, order(&s, &s.gateway, (struct shred){.kid = s.kid[0]})); /* once more */
    assert_true(r.rekey && r.index == 0);
    scene_end(&s);
}

static void a_stream_is_gone_and_begins_anew(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct shred q = {.has_sid = true};
    memset(q.sid, 7, sizeof q.sid);
    (void)ordered(&s, order(&s, &s.gateway, q));
    assert_int_equal(asked(&s, 0), REASON_SHREDDED);
    assert_int_equal(asked(&s, 1), REASON_SHREDDED);
    assert_int_equal(asked(&s, 2), REASON_OK);
    register_one(&s, 7); /* epoch 4: above what was shredded */
    assert_int_equal(asked(&s, 3), REASON_OK);
    rekeyed(&s, 0x77);
    house_restart(s.h);
    assert_int_equal(asked(&s, 1), REASON_SHREDDED);
    assert_int_equal(asked(&s, 3), REASON_OK);
    /* a letter of an epoch that was shredded, whatever its key */
    uint8_t kv[1][ESD_KV] = {{9}};
    struct letter_item m = item_of(s.h, kv[0], 7, 2, "ward");
    struct span t = letter_text(s.h, &s.gateway, &m, 1, (const uint8_t(*)[ESD_KV])kv);
    assert_true(span_eq(ack_of(s.h, t, ask(s.h, KIND_LETTER, "", t)).code, SPAN("shredded")));
    scene_end(&s);
}

static void everything_is_gone_at_once(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    uint8_t kv[1][ESD_KV] = {{9}};
    struct letter_item m = item_of(s.h, kv[0], 9, 1, "ward");
    struct span under_way = letter_text(s.h, &s.gateway, &m, 1, (const uint8_t(*)[ESD_KV])kv);
    struct span boxes[] = {sealed_of(s.h, s.kid[0]), sealed_of(s.h, s.kid[2])};
    struct shred_answer r = ordered(&s, order(&s, NULL, (struct shred){.tenant = SPAN(FQDN)}));
    assert_int_equal(r.complete, s.h->now / 1000);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(asked(&s, i), REASON_SHREDDED);
    assert_false(on_disk(s.h, boxes[0]) || on_disk(s.h, boxes[1]));
    assert_int_equal(ask(s.h, KIND_LETTER, "", under_way).status, 403); /* its sealing key is gone */
    struct bundle fresh;
    struct span text = keep_text(s.h, ask(s.h, KIND_BUNDLE, "", SPAN_NONE).body);
    assert_int_equal(bundle_open(text, SPAN(FQDN), s.h->bundle.identity, 0, &s.h->mem, &fresh), REASON_OK);
    bundle_free(&s.h->bundle);
    s.h->bundle = fresh;
    register_one(&s, 7);
    assert_int_equal(asked(&s, 3), REASON_OK);
    rekeyed(&s, 0x77);
    house_restart(s.h);
    assert_int_equal(asked(&s, 3), REASON_OK);
    assert_int_equal(asked(&s, 2), REASON_SHREDDED);
    scene_end(&s);
}

static void only_who_may_destroys(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    struct shred stream = {.has_sid = true, .owner = SPAN("//demo.example/id-mn")};
    memset(stream.sid, 7, sizeof stream.sid);
    uint64_t size = s.h->size;
    assert_int_equal(ask(s.h, KIND_SHRED, "", order(&s, &s.app, (struct shred){.kid = s.kid[0]})).status, 403);
    assert_int_equal(ask(s.h, KIND_SHRED, "", order(&s, &s.app, stream)).status, 403);
    assert_int_equal(ask(s.h, KIND_SHRED, "", order(&s, &s.gateway, (struct shred){.tenant = SPAN(FQDN)})).status, 403);
    struct span unknown = SPAN("00000000000000000000000000000000@ttp.demo.example");
    assert_int_equal(ask(s.h, KIND_SHRED, "", order(&s, &s.gateway, (struct shred){.kid = unknown})).status, 404);
    assert_int_equal(
        ask(s.h, KIND_SHRED, "", order(&s, &s.gateway, (struct shred){.kid = s.kid[0], .nonce = {1}})).status, 403);
    struct span late = order(&s, &s.gateway, (struct shred){.kid = s.kid[0]});
    s.h->now += 121000;
    assert_int_equal(ask(s.h, KIND_SHRED, "", late).status, 403);
    struct shred elsewhere = {.tenant = SPAN("ttp.other.example")};
    assert_int_equal(ask(s.h, KIND_SHRED, "", order(&s, NULL, elsewhere)).status, 404);
    assert_int_equal(s.h->size, size);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(asked(&s, i), REASON_OK);
    /* an order of an owner reaches its own stream only, whatever number it has */
    stream.owner = SPAN_NONE;
    (void)ordered(&s, order(&s, &s.other, stream));
    assert_int_equal(asked(&s, 0), REASON_OK);
    stream.owner = SPAN("//demo.example/id-mn");
    (void)ordered(&s, order(&s, NULL, stream));
    assert_int_equal(asked(&s, 0), REASON_SHREDDED);
    scene_end(&s);
}

static void the_operator_says_it_here(void **state)
{
    (void)state;
    struct scene s;
    char line[512];
    scene_set(&s);
    static const char *const wrong[] = {"", "kid", "kid a b", "stream //demo.example/id-mn", "row x", "stream o AAAA"};
    for (size_t i = 0; i < LEN(wrong); i++)
        assert_int_equal(told(s.h, ADMIN_shred, wrong[i]), 400);
    assert_int_equal(told(s.h, ADMIN_escrow, "add safe shares 2 of 3"), 200);
    assert_int_equal(told(s.h, ADMIN_escrow, "add safe again"), 409);
    assert_int_equal(told(s.h, ADMIN_escrow, "add old copy on paper"), 200);
    assert_int_equal(told(s.h, ADMIN_escrow, "gone old"), 200);
    assert_int_equal(told(s.h, ADMIN_escrow, "gone never"), 404);
    assert_int_equal(told(s.h, ADMIN_escrow, "list"), 200);
    snprintf(line, sizeof line, "kid %.*s", SPAN_FMT(s.kid[0]));
    assert_int_equal(told(s.h, ADMIN_shred, line), 200);
    struct jval *doc;
    uint64_t complete;
    assert_int_equal(json_parse(s.h->done_json, &s.h->mem, &doc, NULL), OK);
    assert_int_equal(json_u64(JSON_GET(doc, "complete"), UINT64_MAX, &complete), OK);
    assert_true(complete > (uint64_t)(s.h->now / 1000));
    const struct jval *copies = JSON_GET(doc, "copies");
    assert_true(copies && copies->n == 1); /* named as still able to open */
    assert_int_equal(asked(&s, 0), REASON_SHREDDED);
    assert_int_equal(told(s.h, ADMIN_shred, line), 200);
    assert_int_equal(told(s.h, ADMIN_shred, "stream //demo.example/id-mn CAgICAgICAgICAgICAgICA"), 200);
    assert_int_equal(asked(&s, 2), REASON_SHREDDED);
    assert_int_equal(told(s.h, ADMIN_shred,
                          "tenant "
                          "ttp.demo.example"),
                     200);
    assert_int_equal(asked(&s, 1), REASON_SHREDDED);
    house_restart(s.h);
    assert_true(s.h->up);
    scene_end(&s);
}

/* ---- backups ---------------------------------------------------------------------------------------------------- */

static void an_old_backup_opens_nothing_under_todays_root(void **state)
{
    (void)state;
    struct scene s;
    char old[128], today[128];
    scene_set(&s);
    snprintf(old, sizeof old, "%s.old", s.h->db);
    snprintf(today, sizeof today, "%s.today", s.h->db);
    house_stop(s.h);
    copy_files(s.h->db, old);
    house_start(s.h, false);
    (void)ordered(&s, order(&s, &s.gateway, (struct shred){.kid = s.kid[0]}));
    uint8_t before[VAULT_ROOT];
    memcpy(before, s.h->root, VAULT_ROOT);
    rekeyed(&s, 0x77);
    assert_int_equal(vault_work_left(s.h->vault), 0);
    house_stop(s.h);
    copy_files(s.h->db, today);
    /* the backup, the passphrase and today's XK */
    copy_files(old, s.h->db);
    s.h->known = false;
    house_start(s.h, false);
    assert_false(s.h->up);
    assert_true(s.h->no.n > 0);
    house_stop(s.h);
    /* the control: with the XK of its day it is all there */
    memcpy(s.h->root, before, VAULT_ROOT);
    s.h->known = false;
    house_start(s.h, false);
    assert_true(s.h->up);
    assert_int_equal(asked(&s, 0), REASON_OK);
    house_stop(s.h);
    /* Today's database under its own root, and the row of the backup put back into it: shredded. Even without its
     * tombstone it would not open, since the keys above it are others. */
    copy_files(today, s.h->db);
    memset(s.h->root, 0x77, VAULT_ROOT);
    s.h->known = false;
    char sql[512];
    snprintf(sql, sizeof sql, "ATTACH '%s' AS o; INSERT OR IGNORE INTO registration SELECT * FROM o.registration", old);
    disk(s.h, sql);
    house_start(s.h, false);
    assert_true(s.h->up);
    assert_int_equal(asked(&s, 0), REASON_SHREDDED);
    struct vault_found f = {0};
    struct vault_map none = {0}, was = s.h->vault->table[TABLE_SHREDS];
    s.h->vault->table[TABLE_SHREDS] = none;
    assert_int_equal(asked(&s, 0), REASON_TAMPERED);
    assert_int_equal(asked(&s, 1), REASON_OK);
    s.h->vault->table[TABLE_SHREDS] = was;
    (void)f;
    drop_files(old);
    drop_files(today);
    scene_end(&s);
}

/* The rooms die after k messages of a re-keying: one of the two roots opens what is there, never neither. */
static void a_rekeying_may_die_anywhere(void **state)
{
    (void)state;
    unsigned old = 0, new = 0;
    for (unsigned k = 0; k < 40; k++) {
        struct scene s;
        scene_set(&s);
        (void)ordered(&s, order(&s, &s.gateway, (struct shred){.kid = s.kid[0]}));
        rekey(&s, 0x77);
        for (unsigned i = 0; i < k && (step_ledger(s.h) || step_vault(s.h) || step_parent(s.h)); i++)
            continue;
        s.h->offer_next = true;
        house_restart(s.h);
        assert_true(s.h->up);
        old += !s.h->root_other;
        new += s.h->root_other;
        s.h->offer_next = false;
        if (s.h->root_other)
            memcpy(s.h->root, s.h->next_root, VAULT_ROOT);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(asked(&s, 0), REASON_SHREDDED);
            assert_int_equal(asked(&s, 1), REASON_OK);
            assert_int_equal(asked(&s, 2), REASON_OK);
            s.h->known = i == 1;
            house_restart(s.h);
            assert_true(s.h->up);
        }
        rekeyed(&s, 0x78);
        assert_int_equal(asked(&s, 1), REASON_OK);
        assert_int_equal(vault_work_left(s.h->vault), 0);
        scene_end(&s);
    }
    assert_true(old > 3 && new > 3);
}

/* The same for the fresh keys of a stream and the tenant: the work goes on after each death. */
static void fresh_keys_may_die_anywhere(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 60; k += 3) {
        struct scene s;
        scene_set(&s);
        struct span text = order(&s, &s.gateway, (struct shred){.kid = s.kid[0]});
        s.h->n_answers = 0;
        uint64_t id = ask_only(s.h, KIND_SHRED, "", text);
        for (unsigned i = 0; i < k && (step_ledger(s.h) || step_vault(s.h) || step_parent(s.h)); i++)
            continue;
        bool acknowledged = answer_of(s.h, id) != NULL;
        house_restart(s.h);
        assert_true(s.h->up);
        enum reason r = asked(&s, 0);
        assert_true(acknowledged ? r == REASON_SHREDDED : r != REASON_TAMPERED);
        assert_int_equal(asked(&s, 1), REASON_OK);
        assert_int_equal(asked(&s, 2), REASON_OK);
        assert_int_equal(vault_tick(s.h->vault), OK);
        pump(s.h);
        assert_true(vault_work_left(s.h->vault) <= 1);
        register_one(&s, 7);
        assert_int_equal(asked(&s, 3), REASON_OK);
        scene_end(&s);
    }
}

/* Three hundred epochs of a stream are sealed anew in steps, while letters and releases go on. */
static void requests_go_on_meanwhile(void **state)
{
    (void)state;
    static struct scene s;
    scene_set(&s);
    while (s.n < EPOCHS)
        register_one(&s, 7);
    struct span box = sealed_of(s.h, s.kid[100]);
    struct span text = order(&s, &s.gateway, (struct shred){.kid = s.kid[0]});
    s.h->n_answers = 0;
    (void)ask_only(s.h, KIND_SHRED, "", text);
    for (unsigned turn = 0; turn < 6; turn++) {
        for (int i = 0; i < 40; i++)
            (void)(step_ledger(s.h) || step_vault(s.h) || step_parent(s.h));
        uint8_t kv[1][ESD_KV];
        assert_int_equal(esd_random(kv[0], ESD_KV), OK);
        struct letter_item m = item_of(s.h, kv[0], 7, 1000 + turn, "ward");
        struct span t = letter_text(s.h, &s.gateway, &m, 1, (const uint8_t(*)[ESD_KV])kv);
        (void)ask_only(s.h, KIND_LETTER, "", t);
        memcpy(s.kv[s.n], kv[0], ESD_KV);
        s.kid[s.n++] = m.kid;
        rekey(&s, (uint8_t)(0x60 + turn));
        pump(s.h);
        memcpy(s.h->root, s.h->next_root, VAULT_ROOT);
        assert_int_equal(s.h->vault_end, OK);
        assert_int_equal(asked(&s, 50 + turn), REASON_OK);
        assert_int_equal(asked(&s, s.n - 1), REASON_OK);
    }
    assert_int_equal(vault_work_left(s.h->vault), 0);
    assert_false(on_disk(s.h, box)); /* its value stands there under another key */
    for (unsigned i = 1; i < s.n; i += 7)
        assert_int_equal(asked(&s, i), REASON_OK);
    house_restart(s.h);
    assert_int_equal(asked(&s, s.n - 2), REASON_OK);
    scene_end(&s);
}

/* ---- many ------------------------------------------------------------------------------------------------------- */

static void numbered(char *line, size_t n, unsigned i)
{
    snprintf(line, n, "kid %032X@ttp.demo.example", i + 1);
}

static void tombstones_move_into_segments(void **state)
{
    (void)state;
    struct scene s;
    char line[128];
    scene_set(&s);
    for (unsigned i = 0; i < TOMBS; i++) {
        numbered(line, sizeof line, i);
        assert_int_equal(told(s.h, ADMIN_shred, line), 200);
    }
    (void)told(s.h, ADMIN_note, "one more batch");
    assert_int_equal(s.h->vault->tombs.segments, 1);
    assert_true(s.h->vault->table[TABLE_SHREDS].n < TOMBS);
    for (int restart = 0; restart < 2; restart++) {
        for (unsigned i = 0; i < TOMBS; i += 13) {
            numbered(line, sizeof line, i);
            assert_true(vault_tomb_has_kid(s.h->vault, span_from(span_str(line), 4)));
        }
        numbered(line, sizeof line, TOMBS + 1);
        assert_false(vault_tomb_has_kid(s.h->vault, span_from(span_str(line), 4)));
        house_restart(s.h);
        assert_true(s.h->up);
    }
    /* A segment that was altered, or is gone, is noticed. */
    static const char *const spoil[] = {"UPDATE tomb SET body=zeroblob(length(body))", "DELETE FROM tomb"};
    for (size_t i = 0; i < LEN(spoil); i++) {
        disk(s.h, spoil[i]);
        house_restart(s.h);
        assert_false(s.h->up);
        assert_true(s.h->no.n > 0);
    }
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_is_gone_and_stays_gone),
        cmocka_unit_test(a_stream_is_gone_and_begins_anew),
        cmocka_unit_test(everything_is_gone_at_once),
        cmocka_unit_test(only_who_may_destroys),
        cmocka_unit_test(the_operator_says_it_here),
        cmocka_unit_test(an_old_backup_opens_nothing_under_todays_root),
        cmocka_unit_test(a_rekeying_may_die_anywhere),
        cmocka_unit_test(fresh_keys_may_die_anywhere),
        cmocka_unit_test(requests_go_on_meanwhile),
        cmocka_unit_test(tombstones_move_into_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
