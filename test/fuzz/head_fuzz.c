/* Target: head_read, both forms. Property: what was read keeps its bounds and is written again as it was read; nothing
 * verifies for a key that signed nothing. */
#include "target.h"

#include "esd/head.h"

static uint8_t memory[4 << 20], again[HEAD_CON_MAX];
static const uint8_t nobody[JOSE_THUMB] = {1};

static void check(const struct head_text *t)
{
    const struct head *h = &t->head;
    struct head_of of = {.sid = h->sid, .kid = h->kid, .kc = h->kc, .wk = nobody};
    struct head_chain c = {0};
    enum head_step step;
    if ((uint64_t)h->first + h->n == 0 || h->first + h->n > ESD_INDEX_END || h->oldest > h->first + h->n)
        __builtin_trap();
    if (t->hashes.n && t->hashes.n != (size_t)h->n * ESD_HASH)
        __builtin_trap();
    if (head_verify(t, &of) == REASON_OK)
        __builtin_trap();
    if (head_follow(&c, t, NULL, &step) == REASON_OK &&
        (step != HEAD_STARTS || head_follow(&c, t, NULL, &step) != REASON_OK))
        __builtin_trap();
    struct buf b = BUF_ARRAY(again);
    if (h->n <= HEAD_SEGMENT_MAX &&
        head_content(t->jws.text, (const struct log_hash *)(const void *)t->hashes.p, t->hashes.n / ESD_HASH, &b) != OK)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head_text t;
    struct arena a;
    arena_over(&a, memory, sizeof memory);
    (void)head_looks_like(span_of(data, size));
    if (head_read(span_of(data, size), &a, &t) == REASON_OK) {
        check(&t);
        head_text_free(&t);
    }
    return 0;
}
