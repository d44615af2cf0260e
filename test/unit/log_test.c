/* lib/esd/log: every vector of test/vectors/given/log.json but the witness', and what they leave out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/code.h"
#include "esd/log.h"
#include "host/heap.h"
#include "wire/json.h"

enum { BIG = 300000 };
static struct buf file;
static struct arena memory;
static struct jval *vectors;
static uint8_t prefix[16];
static struct log_hash *levels[20]; /* every complete subtree of the first BIG entries */
static uint64_t counts[20];

static struct span text(const struct jval *v)
{
    struct span s;
    assert_int_equal(json_str(v, &memory, &s), OK);
    return s;
}

static size_t hex(const struct jval *v, void *out, size_t cap)
{
    struct buf b = buf_over(out, cap);
    assert_int_equal(hex_get(text(v), &b), OK);
    return b.n;
}

static struct log_hash hash(const struct jval *v)
{
    struct log_hash h;
    assert_int_equal(hex(v, h.b, sizeof h.b), LOG_HASH);
    return h;
}

static uint64_t number(const struct jval *v)
{
    uint64_t n;
    assert_int_equal(json_u64(v, UINT64_MAX, &n), OK);
    return n;
}

static size_t hashes(const struct jval *list, struct log_hash *out, size_t cap)
{
    size_t n = 0;
    for (const struct jval *v = list->child; v; v = v->next) {
        assert_true(n < cap);
        out[n++] = hash(v);
    }
    return n;
}

static int set_up(void **state)
{
    (void)state;
    file = heap_buf(1 << 22);
    char path[4096];
    const char *root = getenv("SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/test/vectors/given/log.json", root ? root : ".");
    heap_arena(&memory, 1 << 20, 1 << 26);
    struct jval *doc;
    if (file_read(path, &file) != OK || json_parse(buf_span(&file), &memory, &doc, NULL) != OK)
        return -1;
    vectors = JSON_GET(doc, "vectors");
    hex(JSON_GET(doc, "entry_prefix_hex"), prefix, sizeof prefix);
    for (size_t k = 0; k < LEN(levels); k++) {
        counts[k] = (uint64_t)BIG >> k;
        levels[k] = xalloc((counts[k] + 1) * sizeof *levels[k]);
    }
    for (uint64_t i = 0; i < BIG; i++) {
        struct log_hash e;
        uint8_t at[8];
        for (size_t j = 0; j < 8; j++)
            at[j] = (uint8_t)(i >> (56 - 8 * j));
        uint8_t salted[24];
        memcpy(salted, prefix, 16);
        memcpy(salted + 16, at, 8);
        if (log_entry_envelope(span_of(salted, 24), &e) != OK || log_leaf(&e, &levels[0][i]) != OK)
            return -1;
    }
    return 0;
}

static enum err from_levels(void *ctx, unsigned level, uint64_t index, struct log_hash *out)
{
    (void)ctx;
    if (level >= LEN(levels) || index >= counts[level])
        return ERR_NOTFOUND;
    *out = levels[level][index];
    return OK;
}
static const struct log_nodes nodes = {from_levels, NULL};

/* Fills the upper levels by the frontier itself: node k is complete after every 2^k leaves. */
static void a_frontier_gives_every_node(void **state)
{
    (void)state;
    struct log_tree t;
    log_tree_init(&t);
    for (uint64_t i = 0; i < BIG; i++) {
        assert_int_equal(log_tree_append(&t, &levels[0][i]), OK);
        unsigned top = (unsigned)__builtin_ctzll(t.size);
        for (unsigned k = 1; k <= top && k < LEN(levels); k++) {
            struct log_tree two = {.size = 1};
            two.node[0] = levels[k - 1][2 * ((t.size >> k) - 1)];
            assert_int_equal(log_tree_append(&two, &levels[k - 1][2 * ((t.size >> k) - 1) + 1]), OK);
            levels[k][(t.size >> k) - 1] = two.node[1];
        }
        if (top < LEN(levels))
            assert_memory_equal(&levels[top][(t.size >> top) - 1], &t.node[top], LOG_HASH);
    }
    assert_int_equal(t.size, BIG);
}

static struct log_hash root_of(uint64_t size)
{
    struct log_tree t;
    struct log_hash r;
    log_tree_init(&t);
    for (uint64_t i = 0; i < size; i++)
        assert_int_equal(log_tree_append(&t, &levels[0][i]), OK);
    assert_int_equal(log_tree_root(&t, &r), OK);
    return r;
}

static void check_inclusion(const struct jval *want, uint64_t i, uint64_t size, const struct log_hash *root)
{
    struct log_hash path[LOG_LEVELS], given[LOG_LEVELS];
    size_t n, g = hashes(want, given, LEN(given));
    assert_int_equal(log_inclusion(nodes, i, size, path, &n), OK);
    assert_int_equal(n, g);
    assert_memory_equal(path, given, n * LOG_HASH);
    assert_int_equal(log_inclusion_verify(&levels[0][i], i, size, path, n, root), OK);
}

static void check_consistency(const struct jval *want, uint64_t m, uint64_t size, const struct log_hash *root)
{
    struct log_hash proof[LOG_PROOF_MAX], given[LOG_PROOF_MAX], old = root_of(m);
    size_t n, g = hashes(want, given, LEN(given));
    assert_int_equal(log_consistency(nodes, m, size, proof, &n), OK);
    assert_int_equal(n, g);
    assert_memory_equal(proof, given, n * LOG_HASH);
    assert_int_equal(log_consistency_verify(m, size, &old, root, proof, n), OK);
}

static uint64_t number_key(const struct jval *v, uint64_t max)
{
    uint64_t n;
    assert_int_equal(span_u64(v->key, max, &n), OK);
    return n;
}

static void tree(const struct jval *v)
{
    const struct jval *out = JSON_GET(v, "out"), *in = JSON_GET(out, "inclusion_hex"),
                      *co = JSON_GET(out, "consistency_hex");
    uint64_t size = number(JSON_GET(JSON_GET(v, "in"), "size"));
    struct log_hash root = root_of(size), given = hash(JSON_GET(out, "root_hex"));
    assert_memory_equal(&root, &given, LOG_HASH);
    uint64_t k = 0;
    for (const struct jval *p = in->child; p; p = p->next, k++) {
        check_inclusion(p, in->type == J_OBJ ? number_key(p, size) : k, size, &root);
    }
    k = 1;
    for (const struct jval *p = co->child; p; p = p->next, k++) {
        if (co->type == J_OBJ) {
            struct log_hash old = root_of(number_key(p, size)), want = hash(JSON_GET(p, "root_hex"));
            assert_memory_equal(&old, &want, LOG_HASH);
            check_consistency(JSON_GET(p, "proof_hex"), number_key(p, size), size, &root);
            continue;
        }
        check_consistency(p, k, size, &root);
    }
}

static void bad_inclusion(const struct jval *v)
{
    const struct jval *in = JSON_GET(v, "in");
    struct log_hash path[LOG_LEVELS], leaf = hash(JSON_GET(in, "leaf_hash_hex")), root = hash(JSON_GET(in, "root_hex"));
    size_t n = hashes(JSON_GET(in, "path_hex"), path, LEN(path));
    assert_int_equal(
        log_inclusion_verify(&leaf, number(JSON_GET(in, "index")), number(JSON_GET(in, "size")), path, n, &root),
        ERR_AUTH);
}

static void bad_consistency(const struct jval *v)
{
    const struct jval *in = JSON_GET(v, "in");
    struct log_hash proof[LOG_PROOF_MAX], r1 = hash(JSON_GET(in, "root_1_hex")), r2 = hash(JSON_GET(in, "root_2_hex"));
    size_t n = hashes(JSON_GET(in, "proof_hex"), proof, LEN(proof));
    assert_int_equal(
        log_consistency_verify(number(JSON_GET(in, "size_1")), number(JSON_GET(in, "size_2")), &r1, &r2, proof, n),
        ERR_AUTH);
}

static void record(const struct jval *v)
{
    const struct jval *in = JSON_GET(v, "in"), *out = JSON_GET(v, "out");
    uint8_t salt[LOG_SALT], octets[4096];
    struct log_hash e, l, want = hash(JSON_GET(out, "entry_hex")), leaf = hash(JSON_GET(out, "leaf_hash_hex"));
    assert_int_equal(hex(JSON_GET(in, "salt_hex"), salt, sizeof salt), LOG_SALT);
    size_t n = hex(JSON_GET(in, "record_hex"), octets, sizeof octets);
    assert_int_equal(log_entry(salt, span_of(octets, n), &e), OK);
    assert_memory_equal(&e, &want, LOG_HASH);
    assert_int_equal(log_leaf(&e, &l), OK);
    assert_memory_equal(&l, &leaf, LOG_HASH);
}

static void segment(const struct jval *v)
{
    struct log_tree t;
    log_tree_init(&t);
    for (const struct jval *c = JSON_GET(JSON_GET(v, "in"), "envelopes")->child; c; c = c->next) {
        struct log_hash e, l;
        assert_int_equal(log_entry_envelope(text(c), &e), OK);
        assert_int_equal(log_leaf(&e, &l), OK);
        assert_int_equal(log_tree_append(&t, &l), OK);
    }
    struct log_hash r, want = hash(JSON_GET(JSON_GET(v, "out"), "root_hex"));
    assert_int_equal(log_tree_root(&t, &r), OK);
    assert_memory_equal(&r, &want, LOG_HASH);
}

static void good_checkpoint(const struct jval *v)
{
    const struct jval *in = JSON_GET(v, "in"), *out = JSON_GET(v, "out");
    struct log_head head = {number(JSON_GET(in, "size")), hash(JSON_GET(in, "root_hex"))}, got;
    uint8_t seed[LOG_SEED], pub[LOG_PUBLIC], key[LOG_PUBLIC], id[4], want_id[4], note[LOG_NOTE_MAX], line[512];
    struct buf seed_b = BUF_ARRAY(seed), note_b = BUF_ARRAY(note), line_b = BUF_ARRAY(line);
    assert_int_equal(b64url_get(text(JSON_GET(JSON_GET(in, "public_jwk"), "d")), &seed_b), OK);
    struct span origin = text(JSON_GET(in, "origin")), name;
    assert_int_equal(log_checkpoint_sign(origin, &head, seed, &note_b), OK);
    assert_true(span_eq(buf_span(&note_b), text(JSON_GET(out, "checkpoint"))));
    assert_int_equal(log_public(seed, pub), OK);
    assert_int_equal(log_key_id(origin, pub, id), OK);
    hex(JSON_GET(out, "key_id_hex"), want_id, 4);
    assert_memory_equal(id, want_id, 4);
    assert_int_equal(log_vkey_put(origin, pub, &line_b), OK);
    assert_true(span_eq(buf_span(&line_b), text(JSON_GET(out, "vkey"))));
    assert_int_equal(log_vkey_get(buf_span(&line_b), &name, key), OK);
    assert_memory_equal(key, pub, LOG_PUBLIC);
    assert_int_equal(log_checkpoint_verify(buf_span(&note_b), origin, pub, &got), OK);
    assert_int_equal(got.size, head.size);
    assert_memory_equal(&got.root, &head.root, LOG_HASH);
    for (size_t i = 0; i < note_b.n; i++) { /* no octet of a signed note may change */
        note[i] ^= 1;
        assert_int_not_equal(log_checkpoint_verify(buf_span(&note_b), origin, pub, &got), OK);
        note[i] ^= 1;
    }
}

/* The log signs, then the witness: its line stands below, with the time. */
static void witnessed_checkpoint(const struct jval *v)
{
    const struct jval *in = JSON_GET(v, "in"), *out = JSON_GET(v, "out");
    struct span want = text(JSON_GET(out, "checkpoint")), name;
    uint64_t seen, time = number(JSON_GET(in, "witness_time"));
    uint8_t seed[LOG_SEED], pub[LOG_PUBLIC], note[LOG_NOTE_MAX], line[512];
    struct buf seed_b = BUF_ARRAY(seed), note_b = BUF_ARRAY(note), line_b = BUF_ARRAY(line);
    assert_int_equal(log_witness_vkey_get(text(JSON_GET(out, "witness_vkey")), &name, pub), OK);
    assert_int_equal(log_witness_vkey_put(name, pub, &line_b), OK);
    assert_true(span_eq(buf_span(&line_b), text(JSON_GET(out, "witness_vkey"))));
    assert_int_equal(log_vkey_get(text(JSON_GET(out, "witness_vkey")), &name, pub), ERR_SYNTAX); /* of another type */
    assert_int_equal(log_witness_vkey_get(text(JSON_GET(out, "witness_vkey")), &name, pub), OK);
    buf_put(&note_b, span_first(want, span_rfind(span_first(want, want.n - 1), '\n') + 1)); /* without its last line */
    assert_int_equal(log_witness_verify(buf_span(&note_b), name, pub, &seen), ERR_AUTH);
    assert_int_equal(b64url_get(text(JSON_GET(JSON_GET(in, "witness_jwk"), "d")), &seed_b), OK);
    assert_int_equal(log_witness_sign(name, seed, time, &note_b), OK);
    assert_true(span_eq(buf_span(&note_b), want));
    for (size_t i = 0; i < note_b.n; i++) { /* no octet of the head or of its line may change */
        assert_int_equal(log_witness_verify(buf_span(&note_b), name, pub, &seen), OK);
        assert_int_equal(seen, time);
        bool others = i > span_find(want, 0xe2) && i < span_rfind(span_first(want, want.n - 1), '\n');
        note[i] ^= 1;
        if (!others)
            assert_int_not_equal(log_witness_verify(buf_span(&note_b), name, pub, &seen), OK);
        note[i] ^= 1;
    }
}

static void bad_checkpoint(const struct jval *v)
{
    const struct jval *in = JSON_GET(v, "in");
    struct log_head head;
    uint8_t pub[LOG_PUBLIC];
    struct span name;
    assert_int_equal(log_vkey_get(text(JSON_GET(in, "vkey")), &name, pub), OK);
    assert_int_not_equal(
        log_checkpoint_verify(text(JSON_GET(in, "checkpoint")), text(JSON_GET(in, "origin")), pub, &head), OK);
    assert_int_equal(head.size, 0);
}

static void every_vector(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        bool good;
        void (*run)(const struct jval *v);
    } rows[] = {
        {"tree-", true, tree},
        {"inclusion-", false, bad_inclusion},
        {"consistency-", false, bad_consistency},
        {"record-", true, record},
        {"segment-", true, segment},
        {"checkpoint-not-", false, bad_checkpoint},
        {"checkpoint-witness", true, witnessed_checkpoint},
        {"checkpoint-", true, good_checkpoint},
    };
    size_t ran = 0;
    for (const struct jval *v = vectors->child; v; v = v->next) {
        struct span id = text(JSON_GET(v, "id"));
        size_t r = 0;
        while (r < LEN(rows) && !span_starts(id, span_str(rows[r].prefix)))
            r++;
        assert_true(r < LEN(rows));
        assert_int_equal(rows[r].good, JSON_GET(v, "verdict") != NULL);
        rows[r].run(v);
        ran++;
    }
    assert_int_equal(ran, vectors->n);
    assert_true(ran > 80);
}

/* A witness' line beside ours does not disturb; two of the log's own lines must both be right. */
static void passes_over_other_keys(void **state)
{
    (void)state;
    for (const struct jval *v = vectors->child; v; v = v->next)
        if (json_is(JSON_GET(v, "id"), SPAN("checkpoint-witness"))) {
            struct log_head head;
            uint8_t pub[LOG_PUBLIC];
            struct span name, note = text(JSON_GET(JSON_GET(v, "out"), "checkpoint"));
            assert_int_equal(log_vkey_get(text(JSON_GET(JSON_GET(v, "out"), "vkey")), &name, pub), OK);
            assert_int_equal(log_checkpoint_verify(note, name, pub, &head), OK);
            assert_int_equal(head.size, 32);
            return;
        }
    fail();
}

static void the_vault_proves_its_batch_alone(void **state)
{
    (void)state;
    for (uint64_t before = 0; before < 40; before++)
        for (size_t n = 1; n < 20; n++) {
            struct log_tree t;
            log_tree_init(&t);
            for (uint64_t i = 0; i < before; i++)
                assert_int_equal(log_tree_append(&t, &levels[0][i]), OK);
            struct log_recent recent = {&t, levels[0] + before, n};
            struct log_hash root = root_of(before + n), path[LOG_LEVELS];
            for (uint64_t i = before; i < before + n; i++) {
                size_t count;
                assert_int_equal(
                    log_inclusion((struct log_nodes){log_recent_get, &recent}, i, before + n, path, &count), OK);
                assert_int_equal(log_inclusion_verify(&levels[0][i], i, before + n, path, count, &root), OK);
            }
        }
}

static void a_frontier_travels_as_octets(void **state)
{
    (void)state;
    struct log_tree t, again;
    log_tree_init(&t);
    uint8_t octets[8 + LOG_LEVELS * LOG_HASH + 1];
    for (uint64_t i = 0; i < 70; i++) {
        struct buf b = BUF_ARRAY(octets);
        struct log_hash r1, r2;
        log_tree_put(&t, &b);
        assert_int_equal(log_tree_get(buf_span(&b), &again), OK);
        assert_int_equal(log_tree_root(&t, &r1), OK);
        assert_int_equal(log_tree_root(&again, &r2), OK);
        assert_memory_equal(&r1, &r2, LOG_HASH);
        assert_int_equal(log_tree_get(span_first(buf_span(&b), b.n - 1), &again), ERR_SYNTAX);
        buf_c(&b, 0);
        assert_int_equal(log_tree_get(buf_span(&b), &again), ERR_SYNTAX);
        assert_int_equal(log_tree_append(&t, &levels[0][i]), OK);
    }
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t k = 0; k < LEN(levels); k++)
        free(levels[k]);
    heap_buf_free(&file);
    arena_reset(&memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frontier_gives_every_node),  cmocka_unit_test(every_vector),
        cmocka_unit_test(passes_over_other_keys),       cmocka_unit_test(the_vault_proves_its_batch_alone),
        cmocka_unit_test(a_frontier_travels_as_octets),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
