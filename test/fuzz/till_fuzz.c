/* Targets: till_ask_get, till_answer_get, row_kid_key (the identity of a PSK). Property: what reads also writes back
 * the same octets; a canonical identity is its own canonical form. */
#include "target.h"

#include "ttp/row.h"
#include "ttp/till.h"

static uint8_t text[1 << 20];

static void same(const struct buf *b, struct span s)
{
    if (b->e != OK || !span_eq(buf_span(b), s))
        __builtin_trap();
}

static void identity(struct span s)
{
    uint8_t once[ROW_KID_MAX], twice[ROW_KID_MAX];
    struct buf a = BUF_ARRAY(once), b = BUF_ARRAY(twice);
    if (row_kid_key(s, &a) != OK)
        return;
    if (row_kid_key(buf_span(&a), &b) != OK)
        __builtin_trap();
    same(&b, buf_span(&a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span s = span_of(data, size);
    struct till_ask q;
    struct till_answer m;
    struct buf b = BUF_ARRAY(text);
    if (size > sizeof text)
        return 0;
    if (till_ask_get(s, &q) == OK) {
        till_ask_put(&b, &q);
        same(&b, s);
    }
    buf_reset(&b);
    if (till_answer_get(s, &m) == OK) {
        till_answer_put(&b, &m);
        same(&b, s);
    }
    identity(s);
    return 0;
}
