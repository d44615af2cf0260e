/* lib/esd heads: the given vectors, writing and reading, chains, confirmation; what must not pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd/head.h"
#include "vectors.h"

static uint8_t memory[4 << 20], jws_memory[HEAD_JWS_MAX], con_memory[HEAD_CON_MAX];
static struct arena mem;
static struct p256 *writer, *other;
static uint8_t wk[JOSE_THUMB], sid[ESD_SID] = {1, 2, 3}, kc[ESD_KC];
static char kid_text[ESD_KID_OURS_MAX];
static struct span kid;

static int set_up(void **state)
{
    (void)state;
    struct buf b = BUF_ARRAY(kid_text);
    arena_over(&mem, memory, sizeof memory);
    memset(kc, 0xAB, sizeof kc);
    keys_kid_put(&b, kc, SPAN("ttp.demo.example"));
    kid = buf_span(&b);
    return p256_new(&writer) || p256_new(&other) || p256_thumb(writer, wk);
}

static int tear_down(void **state)
{
    (void)state;
    p256_free(writer);
    p256_free(other);
    return 0;
}

static struct head_of of(void)
{
    return (struct head_of){.sid = sid, .kid = kid, .kc = kc, .wk = wk};
}

static struct log_hash hash_of(uint32_t i)
{
    struct log_hash h;
    uint8_t text[32];
    struct buf b = BUF_ARRAY(text);
    buf_str(&b, "envelope ");
    buf_u64(&b, i);
    assert_int_equal(log_entry_envelope(buf_span(&b), &h), OK);
    return h;
}

/* ---- the given vectors -------------------------------------------------------------------------- */

static void given_heads(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "release");
    uint8_t before[ESD_HASH];
    struct head_chain chain = {0};
    for (const struct jval *x = v.list->child; x; x = x->next) {
        if (!span_starts(vec_str(&v, x, "id"), SPAN("head-"))) {
            v.skipped++;
            continue;
        }
        const struct jval *in = JSON_GET(x, "in"), *out = JSON_GET(x, "out");
        struct head_text t;
        struct p256 *key;
        uint8_t thumb[JOSE_THUMB];
        struct head_maker m;
        enum head_step step;
        assert_int_equal(p256_read(JSON_GET(in, "writer_data_jwk"), &v.a, &key), REASON_OK);
        assert_int_equal(p256_thumb(key, thumb), OK);
        assert_int_equal(head_read(vec_str(&v, out, "head"), &v.a, &t), REASON_OK);
        struct head_of who = {.sid = t.head.sid, .kid = t.head.kid, .kc = t.head.kc, .wk = thumb, .known = key};
        assert_int_equal(head_verify(&t, &who), REASON_OK);
        assert_int_equal(head_follow(&chain, &t, NULL, &step), REASON_OK);
        assert_int_equal(step, v.ran ? HEAD_FOLLOWS : HEAD_STARTS);
        /* the same claims from the envelopes, octet for octet */
        assert_int_equal(head_maker_begin(&m, t.head.sid, t.head.kc, t.head.ep, t.head.kid, v.ran ? before : NULL, 0),
                         OK);
        m.first = t.head.first;
        for (const struct jval *e = JSON_GET(in, "envelopes")->child; e; e = e->next) {
            struct log_hash h;
            struct span text;
            assert_int_equal(json_str(e, &v.a, &text), OK);
            assert_int_equal(log_entry_envelope(text, &h), OK);
            assert_int_equal(head_maker_add(&m, &h, 0), OK);
        }
        struct buf jws = BUF_ARRAY(jws_memory), con = BUF_ARRAY(con_memory);
        struct span cnf;
        struct head_make how = {.key = key, .signer = t.jws.kid, .t = t.head.t, .closed = t.head.closed};
        assert_int_equal(head_maker_make(&m, &how, &jws, &con, &cnf), OK);
        struct jws mine;
        assert_int_equal(jws_open(buf_span(&con), JWS_HEAD, key, &v.a, &mine), REASON_OK);
        assert_true(span_eq(mine.payload, vec_str(&v, out, "payload")));
        memcpy(before, t.id, ESD_HASH);
        head_text_free(&t);
        p256_free(key);
        v.ran++;
    }
    assert_true(chain.closed && chain.next == 6);
    assert_int_equal(v.ran, 2);
    assert_true(vectors_close(&v, "release"));
}

static void given_segments(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "log");
    for (const struct jval *x = v.list->child; x; x = x->next) {
        const struct jval *in = JSON_GET(x, "in"), *out = JSON_GET(x, "out");
        if (!span_starts(vec_str(&v, x, "id"), SPAN("segment-"))) {
            v.skipped++;
            continue;
        }
        struct head_maker m;
        struct log_hash root;
        assert_int_equal(head_maker_begin(&m, sid, kc, 1, kid, NULL, 0), OK);
        for (const struct jval *e = JSON_GET(in, "envelopes")->child; e; e = e->next) {
            struct log_hash h;
            struct span text;
            assert_int_equal(json_str(e, &v.a, &text), OK);
            assert_int_equal(log_entry_envelope(text, &h), OK);
            assert_int_equal(head_maker_add(&m, &h, 0), OK);
        }
        assert_int_equal(head_maker_count(&m), vec_u64(in, "last") + 1);
        assert_int_equal(log_tree_root(&m.tree, &root), OK);
        assert_true(span_eq(span_of(root.b, sizeof root.b), vec_hex(&v, out, "root_hex")));
        v.ran++;
    }
    assert_true(v.ran > 0);
    assert_true(vectors_close(&v, "log"));
}

/* ---- a chain of our own --------------------------------------------------------------------------- */

static struct log_hash room[HEAD_ROOM];
static struct head_maker m;

static void begin(bool hashes)
{
    assert_int_equal(head_maker_begin(&m, sid, kc, 1, kid, NULL, 1000), OK);
    if (hashes)
        m.hashes = room;
}

static void add(uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        struct log_hash h = hash_of(m.first + head_maker_count(&m));
        assert_int_equal(head_maker_add(&m, &h, 1000), OK);
    }
}

/* The head that is due, as a reader gets it. */
static struct head_text next_as(bool closed, uint32_t oldest, const struct p256 *key)
{
    struct buf jws = BUF_ARRAY(jws_memory), con = BUF_ARRAY(con_memory);
    struct span cnf;
    struct head_text t;
    struct head_make how = {.key = key, .signer = SPAN("53-//demo.example/id-mn"), .t = 5, .closed = closed};
    how.oldest = oldest;
    assert_int_equal(head_maker_make(&m, &how, &jws, &con, &cnf), OK);
    assert_true(head_looks_like(buf_span(&con)));
    assert_true(span_eq(cnf, con.p[0] == '{' ? HEAD_CNF_HASHES : HEAD_CNF));
    assert_int_equal(head_read(arena_dup(&mem, buf_span(&con)), &mem, &t), REASON_OK);
    return t;
}

static struct head_text next(bool closed)
{
    return next_as(closed, 0, writer);
}

static enum reason follow(struct head_chain *c, struct head_text *t, enum head_step want)
{
    enum head_step step = HEAD_FOLLOWS;
    struct head_of who = of();
    enum reason r = head_verify(t, &who);
    if (r == REASON_OK)
        r = head_follow(c, t, NULL, &step);
    if (r == REASON_OK)
        assert_int_equal(step, want);
    return r;
}

static void a_chain_follows(void **state)
{
    (void)state;
    struct head_chain c = {0};
    struct head_text t[6];
    begin(false);
    add(3);
    t[0] = next(false);
    t[1] = next(false); /* heartbeat */
    t[2] = next(false); /* another: the one before may be missing */
    add(2);
    t[3] = next(false);
    t[4] = next(false);
    add(1);
    t[5] = next(true);
    assert_true(t[1].head.n == 0 && t[1].head.first == 3 && memcmp(t[1].head.prev, t[0].id, ESD_HASH) == 0);
    assert_int_equal(follow(&c, &t[0], HEAD_STARTS), REASON_OK);
    assert_int_equal(follow(&c, &t[2], HEAD_FOLLOWS), REASON_OK);
    assert_int_equal(follow(&c, &t[3], HEAD_FOLLOWS), REASON_OK);
    assert_int_equal(follow(&c, &t[3], HEAD_KNOWN), REASON_OK); /* asked twice */
    assert_int_equal(follow(&c, &t[0], HEAD_KNOWN), REASON_OK);
    assert_int_equal(follow(&c, &t[1], HEAD_KNOWN), REASON_OK);
    assert_int_equal(follow(&c, &t[5], HEAD_FOLLOWS), REASON_OK);
    assert_int_equal(follow(&c, &t[4], HEAD_KNOWN), REASON_OK); /* a heartbeat that was late */
    assert_true(c.closed && c.next == 6 && c.from == 0);
    assert_int_equal(head_place(&c, 5), REASON_OK);
    assert_int_equal(head_place(&c, 6), REASON_FORGED_BY_READER);
    /* a late joiner, from a heartbeat on */
    struct head_chain late = {0};
    assert_int_equal(follow(&late, &t[2], HEAD_STARTS), REASON_OK);
    assert_int_equal(follow(&late, &t[3], HEAD_FOLLOWS), REASON_OK);
    assert_int_equal(head_place(&late, 1), REASON_PARTIAL);
    assert_int_equal(head_place(&late, 3), REASON_OK);
    /* a hole */
    struct head_chain hole = {0};
    assert_int_equal(follow(&hole, &t[0], HEAD_STARTS), REASON_OK);
    assert_int_equal(follow(&hole, &t[5], HEAD_AHEAD), REASON_OK);
    assert_int_equal(hole.next, 3);
    head_skip(&hole, &t[5]);
    assert_true(hole.next == 6 && hole.closed && hole.from == 0);
    for (size_t i = 0; i < LEN(t); i++)
        head_text_free(&t[i]);
}

/* Everything that a server, or a reader with the content key, could put in the place of a head. */
static void what_contradicts_is_noticed(void **state)
{
    (void)state;
    struct head_chain c = {0}, was;
    begin(false);
    add(2);
    struct head_text first = next(false);
    struct head_maker after = m;
    assert_int_equal(follow(&c, &first, HEAD_STARTS), REASON_OK);
    was = c;
    add(1);
    struct head_text forged = next_as(false, 0, other); /* signed by a reader, key and all */
    assert_int_equal(follow(&c, &forged, HEAD_FOLLOWS), REASON_PROOF_INVALID);
    m = after;
    m.prev[0] ^= 1;
    add(1);
    struct head_text detached = next(false); /* names another past */
    assert_int_equal(follow(&c, &detached, HEAD_FOLLOWS), REASON_PROOF_INVALID);
    m = after;
    m.has_prev = false;
    add(1);
    struct head_text rootless = next(false);
    assert_int_equal(follow(&c, &rootless, HEAD_FOLLOWS), REASON_PROOF_INVALID);
    m = after;
    add(1);
    struct head_text second = next(false);
    assert_int_equal(follow(&c, &second, HEAD_FOLLOWS), REASON_OK);
    m = after;
    add(2);
    struct head_text fork = next(false); /* overlaps what is covered */
    assert_int_equal(follow(&c, &fork, HEAD_KNOWN), REASON_PROOF_INVALID);
    m = after;
    struct log_hash h = hash_of(77);
    assert_int_equal(head_maker_add(&m, &h, 0), OK);
    struct head_text twin = next(false); /* another link at the same place */
    assert_int_equal(follow(&c, &twin, HEAD_KNOWN), REASON_PROOF_INVALID);
    struct head_text end = next(true); /* behind the fork */
    assert_int_equal(follow(&c, &end, HEAD_FOLLOWS), REASON_PROOF_INVALID);
    assert_int_equal(was.next, 2);
    /* claims of another key, place, commitment */
    struct head_of who = of();
    uint8_t zero[32] = {0};
    who.sid = zero;
    assert_int_equal(head_verify(&second, &who), REASON_WRONG_PLACE);
    who = of();
    who.kc = zero;
    assert_int_equal(head_verify(&second, &who), REASON_COMMITMENT_MISMATCH);
    who = of();
    who.kid = SPAN("00000000000000000000000000000000@ttp.demo.example");
    assert_int_equal(head_verify(&second, &who), REASON_COMMITMENT_MISMATCH);
    who = of();
    who.known = other;
    assert_int_equal(head_verify(&second, &who), REASON_PROOF_INVALID);
    struct head_text *all[] = {&first, &forged, &detached, &rootless, &second, &fork, &twin, &end};
    for (size_t i = 0; i < LEN(all); i++)
        head_text_free(all[i]);
}

static void epochs_are_chained(void **state)
{
    (void)state;
    struct head_chain old = {0}, c = {0};
    enum head_step step;
    begin(false);
    add(1);
    struct head_text end = next(true);
    assert_int_equal(follow(&old, &end, HEAD_STARTS), REASON_OK);
    assert_int_equal(head_maker_begin(&m, sid, kc, 2, kid, end.id, 0), OK);
    add(1);
    struct head_text good = next(false);
    assert_int_equal(head_follow(&c, &good, &old, &step), REASON_OK);
    assert_int_equal(head_maker_begin(&m, sid, kc, 2, kid, NULL, 0), OK);
    add(1);
    struct head_text bad = next(false);
    c = (struct head_chain){0};
    assert_int_equal(head_follow(&c, &bad, &old, &step), REASON_PROOF_INVALID);
    old.closed = false; /* its end was not seen: the new epoch stands by itself */
    assert_int_equal(head_follow(&c, &bad, &old, &step), REASON_OK);
    head_text_free(&end);
    head_text_free(&good);
    head_text_free(&bad);
}

/* ---- confirming ------------------------------------------------------------------------------------- */

static struct reader {
    uint64_t absent, forged; /* bit per index */
    enum reason said[64];
    uint32_t n;
} reader;

static enum err get(void *ctx, uint32_t i, uint8_t out[ESD_HASH])
{
    (void)ctx;
    if (reader.absent >> i & 1)
        return ERR_NOTFOUND;
    struct log_hash h = hash_of(reader.forged >> i & 1 ? 1000 + i : i);
    memcpy(out, h.b, ESD_HASH);
    return OK;
}

static void say(void *ctx, uint32_t i, enum reason r)
{
    (void)ctx;
    reader.said[i] = r;
    reader.n++;
}

static enum reason confirm(const struct head_text *t, uint32_t oldest, uint32_t since, uint64_t absent, uint64_t forged)
{
    reader = (struct reader){.absent = absent, .forged = forged};
    enum reason r = head_confirm(t, oldest, since, (struct head_got){get, NULL}, (struct head_say){say, NULL});
    assert_int_equal(reader.n, t->head.n);
    return r;
}

static void segments_are_confirmed(void **state)
{
    (void)state;
    begin(false);
    add(8);
    struct head_text t = next(false);
    assert_int_equal(confirm(&t, 0, 0, 0, 0), REASON_OK);
    assert_int_equal(reader.said[7], REASON_OK);
    assert_int_equal(confirm(&t, 0, 0, 0, 1 << 3), REASON_FORGED_BY_READER);
    assert_int_equal(reader.said[3], REASON_FORGED_BY_READER);
    assert_int_equal(reader.said[4], REASON_FORGED_BY_READER); /* one is, and nobody knows which */
    assert_int_equal(confirm(&t, 0, 0, 1 << 3, 0), REASON_WITHHELD);
    assert_int_equal(reader.said[3], REASON_WITHHELD);
    assert_int_equal(reader.said[4], REASON_PARTIAL);
    assert_int_equal(confirm(&t, 4, 0, 1 << 3, 0), REASON_PARTIAL); /* evicted */
    assert_int_equal(confirm(&t, 0, 4, 1 << 3, 0), REASON_PARTIAL); /* before this reader came */
    assert_int_equal(confirm(&t, 0, 0, 1 << 7, 0), REASON_WITHHELD);
    assert_int_equal(head_confirm_one(&t, 3, hash_of(3).b), REASON_PARTIAL);
    head_text_free(&t);
}

static void stored_hashes_confirm_each(void **state)
{
    (void)state;
    begin(true);
    add(8);
    memset(room[6].b, 0, ESD_HASH); /* not in the root: refused */
    struct head_text t = next(false);
    struct head_of who = of();
    assert_int_equal(head_verify(&t, &who), REASON_PROOF_INVALID);
    head_text_free(&t);
    begin(true);
    add(6);
    struct log_hash none = {{0}};
    assert_int_equal(head_maker_add(&m, &none, 0), OK); /* the writer lost it */
    add(1);
    t = next(false);
    assert_int_equal(head_verify(&t, &who), REASON_OK);
    assert_int_equal(confirm(&t, 3, 0, 7, 0), REASON_PARTIAL);
    assert_int_equal(reader.said[2], REASON_PARTIAL);
    assert_int_equal(reader.said[3], REASON_OK);
    assert_int_equal(reader.said[6], REASON_PARTIAL);
    assert_int_equal(reader.said[7], REASON_OK);
    assert_int_equal(confirm(&t, 0, 0, 1 << 6, 0), REASON_PARTIAL); /* nobody withholds what the writer lost */
    assert_int_equal(reader.said[6], REASON_PARTIAL);
    assert_int_equal(reader.said[7], REASON_OK);
    assert_int_equal(confirm(&t, 3, 0, 7 | 1 << 4, 1 << 5), REASON_FORGED_BY_READER);
    assert_int_equal(reader.said[4], REASON_WITHHELD);
    assert_int_equal(reader.said[5], REASON_FORGED_BY_READER);
    assert_int_equal(reader.said[7], REASON_OK);
    assert_int_equal(head_confirm_one(&t, 3, hash_of(3).b), REASON_OK);
    assert_int_equal(head_confirm_one(&t, 3, hash_of(4).b), REASON_FORGED_BY_READER);
    assert_int_equal(head_confirm_one(&t, 8, hash_of(8).b), REASON_PARTIAL);
    head_text_free(&t);
}

/* ---- the maker ------------------------------------------------------------------------------------- */

static void heads_fall_due(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(head_maker_due(&m), 1000 + HEAD_IDLE_MS);
    struct buf jws = BUF_ARRAY(jws_memory), con = BUF_ARRAY(con_memory);
    struct span cnf;
    struct head_make how = {.key = writer, .now = 2000};
    assert_int_equal(head_maker_make(&m, &how, &jws, &con, &cnf), ERR_NOTNOW); /* nothing sealed yet */
    add(1);
    assert_int_equal(head_maker_due(&m), 1000 + HEAD_SEGMENT_MS);
    add(HEAD_SEGMENT_MAX - 1);
    assert_int_equal(head_maker_due(&m), 1000);
    struct head_text t = next(false); /* a thousand hashes have room */
    assert_int_equal(t.head.n, HEAD_SEGMENT_MAX);
    struct head_of who = of();
    assert_int_equal(head_verify(&t, &who), REASON_OK);
    head_text_free(&t);
    assert_int_equal(head_maker_make(&m, &how, &jws, &con, &cnf), OK);
    assert_int_equal(head_maker_due(&m), 2000 + HEAD_IDLE_MS);
}

/* The writer is faster than its heads: full segments stand aside, and `closed` is the last one's. */
static void full_segments_wait(void **state)
{
    (void)state;
    begin(true);
    add(2 * HEAD_SEGMENT_MAX + 5);
    assert_int_equal(head_maker_count(&m), 2 * HEAD_SEGMENT_MAX + 5);
    struct head_chain c = {0};
    for (uint32_t i = 0; i < 3; i++) {
        struct head_text t = next(true);
        assert_int_equal(follow(&c, &t, i ? HEAD_FOLLOWS : HEAD_STARTS), REASON_OK);
        assert_int_equal(t.head.closed, i == 2);
        assert_int_equal(t.head.n, i == 2 ? 5 : HEAD_SEGMENT_MAX);
        assert_int_equal(head_confirm_one(&t, t.head.first, hash_of(t.head.first).b), REASON_OK);
        head_text_free(&t);
    }
    assert_int_equal(c.next, 2 * HEAD_SEGMENT_MAX + 5);
    begin(false);
    add(HEAD_ROOM);
    struct log_hash h = hash_of(1);
    assert_int_equal(head_maker_add(&m, &h, 0), ERR_LIMIT);
}

/* ---- what must not pass ------------------------------------------------------------------------------ */

static void claims_that_contradict_themselves(void **state)
{
    (void)state;
    static const char good[] = "\"sid\":\"AQIDAAAAAAAAAAAAAAAAAA\",\"ep\":1,\"kid\":"
                               "\"ABABABABABABABABABABABABABABABAB@ttp.demo.example\","
                               "\"kc\":\"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s\",\"root\":"
                               "\"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s\",\"prev\":\"\",\"t\":0,";
    static const struct {
        const char *rest;
        enum reason r;
    } rows[] = {
        {"\"first\":0,\"last\":3,\"oldest\":0,\"closed\":false,\"ttp\":\"\"", REASON_OK},
        {"\"first\":4,\"last\":3,\"oldest\":4,\"closed\":false,\"ttp\":\"\"", REASON_OK},
        {"\"first\":5,\"last\":3,\"oldest\":0,\"closed\":false,\"ttp\":\"\"", REASON_MALFORMED},
        {"\"first\":0,\"last\":3,\"oldest\":5,\"closed\":false,\"ttp\":\"\"", REASON_MALFORMED},
        {"\"first\":0,\"last\":-1,\"oldest\":0,\"closed\":false,\"ttp\":\"\"", REASON_MALFORMED},
        {"\"first\":0,\"last\":16777216,\"oldest\":0,\"closed\":false,\"ttp\":\"\"", REASON_MALFORMED},
        {"\"first\":0,\"oldest\":0,\"closed\":false,\"ttp\":\"\"", REASON_MALFORMED},
        {"\"first\":0,\"last\":3,\"closed\":false,\"ttp\":\"\"", REASON_MALFORMED},
        {"\"first\":0,\"last\":3,\"oldest\":0,\"ttp\":\"\"", REASON_MALFORMED},
        {"\"first\":0,\"last\":3,\"oldest\":0,\"closed\":0,\"ttp\":\"\"", REASON_MALFORMED},
        {"\"first\":0,\"last\":3,\"oldest\":0,\"closed\":false", REASON_MALFORMED},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char text[1024];
        struct buf out = BUF_ARRAY(con_memory);
        struct head_text t;
        snprintf(text, sizeof text, "{%s%s}", good, rows[i].rest);
        assert_int_equal(jws_sign(writer, JWS_HEAD, SPAN("k"), span_str(text), &out), OK);
        enum reason r = head_read(buf_span(&out), &mem, &t);
        if (r != rows[i].r)
            fail_msg("row %zu: %s", i, reason_code(r));
        if (r == REASON_OK)
            assert_null(t.key);
        out = BUF_ARRAY(con_memory);
        assert_int_equal(jws_sign(writer, JWS_LETTER, SPAN("k"), span_str(text), &out), OK);
        assert_int_equal(head_read(buf_span(&out), &mem, &t), REASON_MALFORMED); /* signed for another purpose */
        arena_reset(&mem);
        arena_over(&mem, memory, sizeof memory);
    }
}

static void no_flipped_octet_verifies(void **state)
{
    (void)state;
    begin(true);
    add(3);
    struct buf jws = BUF_ARRAY(jws_memory), con = BUF_ARRAY(con_memory);
    struct span cnf;
    struct head_make how = {.key = writer, .signer = SPAN("w"), .t = 7};
    assert_int_equal(head_maker_make(&m, &how, &jws, &con, &cnf), OK);
    struct head_of who = of();
    for (size_t i = 0; i < con.n; i++) {
        struct head_text t;
        arena_over(&mem, memory, sizeof memory);
        con.p[i] ^= 1;
        if (head_read(buf_span(&con), &mem, &t) == REASON_OK) {
            assert_int_not_equal(head_verify(&t, &who), REASON_OK);
            head_text_free(&t);
        }
        con.p[i] ^= 1;
    }
    struct head_text t;
    assert_int_equal(head_read(buf_span(&con), &mem, &t), REASON_OK);
    assert_int_equal(head_verify(&t, &who), REASON_OK);
    head_text_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(given_heads),
        T(given_segments),
        T(a_chain_follows),
        T(what_contradicts_is_noticed),
        T(epochs_are_chained),
        T(segments_are_confirmed),
        T(stored_hashes_confirm_each),
        T(heads_fall_due),
        T(full_segments_wait),
        T(claims_that_contradict_themselves),
        T(no_flipped_octet_verifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
