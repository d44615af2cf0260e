/* lib/esd/log_witness: submissions, and what a witness may sign. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd/log_witness.h"

enum { LEAVES = 21 };

static struct log_head head[LEAVES + 1];
static struct log_tree tree[LEAVES + 1];
static struct log_hash leaf[LEAVES];

static int plant(void **state)
{
    (void)state;
    log_tree_init(&tree[0]);
    for (int i = 0; i <= LEAVES; i++) {
        assert_int_equal(log_tree_root(&tree[i], &head[i].root), OK);
        head[i].size = (uint64_t)i;
        if (i == LEAVES)
            break;
        memset(leaf[i].b, i + 1, LOG_HASH);
        tree[i + 1] = tree[i];
        assert_int_equal(log_tree_append(&tree[i + 1], &leaf[i]), OK);
    }
    return 0;
}

static struct log_submission proof_of(uint64_t m, uint64_t n)
{
    struct log_submission s = {.old = m};
    struct log_recent all = {&tree[0], leaf, LEAVES};
    if (m > 0 && m < n)
        assert_int_equal(log_consistency((struct log_nodes){log_recent_get, &all}, m, n, s.proof, &s.n), OK);
    return s;
}

static void every_pair_of_sizes(void **state)
{
    (void)state;
    for (uint64_t m = 0; m <= LEAVES; m++)
        for (uint64_t n = m; n <= LEAVES; n++) {
            struct log_submission s = proof_of(m, n);
            assert_int_equal(log_witness_judge(&head[m], &head[n], &s), OK);
            struct log_head other = head[n];
            other.root.b[3] ^= 1;
            if (m > 0)
                assert_int_equal(log_witness_judge(&head[m], &other, &s), ERR_AUTH);
            for (size_t i = 0; i < s.n; i++) {
                struct log_submission bad = s;
                bad.proof[i].b[0] ^= 1;
                assert_int_equal(log_witness_judge(&head[m], &head[n], &bad), ERR_AUTH);
            }
        }
}

static void never_smaller(void **state)
{
    (void)state;
    struct log_submission s = proof_of(7, 9);
    assert_int_equal(log_witness_judge(&head[8], &head[9], &s), ERR_STALE);
    s.old = 9;
    assert_int_equal(log_witness_judge(&head[9], &head[7], &s), ERR_RANGE);
    s = (struct log_submission){.old = 0, .n = 1};
    assert_int_equal(log_witness_judge(&head[0], &head[9], &s), ERR_AUTH);
}

static void a_body_and_back(void **state)
{
    (void)state;
    uint8_t text[LOG_SUBMISSION_MAX];
    struct buf b = BUF_ARRAY(text);
    struct log_submission s = proof_of(5, 21), got;
    s.note = SPAN("ttp.example/log\n21\nAAAA\n\nsignature\n");
    assert_int_equal(log_submission_put(&s, &b), OK);
    assert_int_equal(log_submission_get(buf_span(&b), &got), OK);
    assert_int_equal(got.old, 5);
    assert_int_equal(got.n, s.n);
    assert_memory_equal(got.proof, s.proof, s.n * sizeof s.proof[0]);
    assert_true(span_eq(got.note, s.note));
    static const char *const bad[] = {"",
                                      "old 5",
                                      "old 5\n",
                                      "old 5\n\n",
                                      "old 05\n\nx\n",
                                      "old -1\n\nx",
                                      "new 5\n\nx\n",
                                      "old 5\nAA\n\nx\n",
                                      "old 5\n!\n\nx\n",
                                      "old\n\nx"};
    for (size_t i = 0; i < LEN(bad); i++)
        if (log_submission_get(span_str(bad[i]), &got) == OK)
            fail_msg("taken: %s", bad[i]);
}

static void the_line_of_a_witness(void **state)
{
    (void)state;
    uint8_t log_seed[LOG_SEED] = {1}, one[LOG_SEED] = {2}, two[LOG_SEED] = {3}, pub[LOG_PUBLIC], note[LOG_NOTE_MAX];
    struct buf b = BUF_ARRAY(note);
    struct span origin, line;
    uint64_t size, time;
    assert_int_equal(log_checkpoint_sign(SPAN("a.example/log"), &head[9], log_seed, &b), OK);
    assert_int_equal(log_note_claims(buf_span(&b), &origin, &size), OK);
    assert_true(span_eq(origin, SPAN("a.example/log")));
    assert_int_equal(size, 9);
    assert_int_equal(log_witness_sign(SPAN("b.example/witness"), one, 100, &b), OK);
    size_t at = b.n;
    assert_int_equal(log_witness_sign(SPAN("c.example/witness"), two, 200, &b), OK);
    assert_int_equal(log_public(two, pub), OK);
    assert_int_equal(log_witness_line(buf_span(&b), SPAN("c.example/witness"), pub, &time, &line), OK);
    assert_int_equal(time, 200);
    assert_ptr_equal(line.p, note + at);
    assert_int_equal(line.n, b.n - at - 1);
    assert_int_equal(log_public(one, pub), OK);
    assert_int_equal(log_witness_line(buf_span(&b), SPAN("c.example/witness"), pub, &time, &line), ERR_AUTH);
    note[5] ^= 1; /* another origin under the same signatures */
    assert_int_equal(log_witness_line(buf_span(&b), SPAN("b.example/witness"), pub, &time, &line), ERR_AUTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_sizes),
        cmocka_unit_test(never_smaller),
        cmocka_unit_test(a_body_and_back),
        cmocka_unit_test(the_line_of_a_witness),
    };
    return cmocka_run_group_tests(tests, plant, NULL);
}
