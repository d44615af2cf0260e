/* Everything that says who may have a key: targets, policies, denials, polls, the two questions. The first octet
 * chooses the document, the rest is its payload; signed here, so that the parsers behind the signature are reached. */
#include "esd/letter.h"
#include "esd/policy_ask.h"
#include "esd/target.h"
#include "host/heap.h"
#include "target.h"

static uint8_t text_memory[1 << 17], memory[1 << 20];

static void read_all(struct span text, struct arena *a)
{
    struct jws j;
    struct policy p;
    struct denial d;
    struct poll q;
    struct policy_show s;
    struct policy_why w;
    (void)!(policy_read(text, a, &j, &p) == REASON_OK);
    (void)!(denial_read(text, a, &j, &d) == REASON_OK);
    (void)!(poll_read(text, a, &j, &q) == REASON_OK);
    (void)!(policy_show_read(text, a, &j, &s) == REASON_OK);
    (void)!(policy_why_read(text, a, &j, &w) == REASON_OK);
}

/* What was read as a target is written canonically, and read again is the same. */
static void target(struct span text)
{
    uint8_t first[1024], second[1024];
    struct buf b = BUF_ARRAY(first), c = BUF_ARRAY(second);
    struct target t, u;
    if (text.n > 512 || target_read(text, &t) != OK)
        return;
    target_put(&b, &t);
    if (target_read(buf_span(&b), &u) != OK || u.kind != t.kind)
        __builtin_trap();
    target_put(&c, &u);
    if (!span_eq(buf_span(&b), buf_span(&c)) || (t.kind == TARGET_ID && !target_covers(&u, text)))
        __builtin_trap();
    (void)target_domain(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum jws_typ typs[] = {JWS_POLICY, JWS_DENY, JWS_POLL, JWS_SHOW, JWS_WHY};
    static struct p256 *key;
    struct buf text = BUF_ARRAY(text_memory);
    struct arena a;
    if (size < 1 || size > 60000 || (!key && p256_new(&key) != OK))
        return 0;
    struct span rest = span_of(data + 1, size - 1);
    arena_over(&a, memory, sizeof memory);
    target(rest);
    if (jws_sign(key, typs[data[0] % LEN(typs)], SPAN_NONE, rest, &text) == OK)
        read_all(buf_span(&text), &a);
    return 0;
}
