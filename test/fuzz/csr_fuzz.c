/* Targets: csr_read, csr_body, join_token_read, join_shown_read, vault_join_for. First octet: which. Properties: a
 * request that is taken has a name within the domain, never the TTP's own and without a star, and a key; its DER,
 * written as EST writes it, comes back; a token that reads writes the same text. */
#include "target.h"

#include "base/code.h"
#include "esd/join.h"
#include "ttp/csr.h"
#include "ttp/name.h"
#include "ttp/vault_join.h"

static uint8_t memory[1 << 18], text[4 * CSR_MAX];

static void insist(bool x)
{
    if (!x)
        __builtin_trap();
}

static void request(struct span der)
{
    static const struct span sp = {(const uint8_t *)"demo.example", 12},
                             ttp = {(const uint8_t *)"ttp.demo.example", 16};
    struct arena a;
    struct csr c;
    struct span back;
    const char *why;
    arena_over(&a, memory, sizeof memory);
    enum reason r = csr_read(der, sp, ttp, &a, &c, &why);
    insist(r == REASON_OK ? c.key && !why : !c.key && why);
    if (r != REASON_OK)
        return;
    insist(span_find(c.name, '*') == c.name.n && !span_eq_nocase(c.name, ttp));
    insist(c.uri ? span_starts(c.name, SPAN("m2m://demo.example/")) : span_ends(c.name, SPAN(".demo.example")));
    insist(name_covers(c.name, c.iss) && vault_join_for(c.iss, c.name, c.iss));
    struct buf b = BUF_ARRAY(text);
    b64_put(&b, der);
    buf_str(&b, "\r\n");
    insist(csr_body(buf_span(&b), &a, &back) == OK && span_eq(back, der));
    csr_free(&c);
}

static void words(struct span s)
{
    struct arena a;
    struct join_token t;
    struct join_shown shown;
    struct span der;
    struct buf b = BUF_ARRAY(text);
    arena_over(&a, memory, sizeof memory);
    if (csr_body(s, &a, &der) == OK)
        request(der);
    if (join_shown_read(s, &shown) == OK && shown.plain)
        insist(join_token_read(s, &t) == OK);
    if (join_token_read(s, &t) != OK)
        return;
    join_token_put(&b, &t);
    insist(span_eq(buf_span(&b), s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct span s = span_of(data + 1, size - 1);
    if (data[0] % 2)
        words(s);
    else
        request(s);
    return 0;
}
