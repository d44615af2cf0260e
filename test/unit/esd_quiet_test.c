/* lib/esd: sealing and opening a message of a known epoch allocate nothing, in our code or in OpenSSL; and a reader
 * that remembers the last message judges as one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "base/code.h"
#include "esd/open.h"
#include "esd/seal.h"

/* ---- counting ----------------------------------------------------------------------------------- */

static unsigned crypto_calls, libc_calls;

static void *count_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    crypto_calls++;
    return malloc(n);
}

static void *count_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    crypto_calls++;
    return realloc(p, n);
}

static void count_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

/* The C library's own allocator stands behind a second name; a sanitizer brings its own and is left alone. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_LIBC false
#else
#define COUNTS_LIBC true
void *__libc_malloc(size_t n);
void *malloc(size_t n)
{
    libc_calls++;
    return __libc_malloc(n);
}
#endif

/* ---- one stream --------------------------------------------------------------------------------- */

static const struct span place = {(const uint8_t *)"//sp.example.com/mn-cse/mn/therm/temp", 37};
static const struct span fqdn = {(const uint8_t *)"ttp.example.com", 15};
static uint8_t memory[ESD_ARENA], con_text[4096], out_text[4096];
static struct esd_keys keys;
static struct seal_key sk;
static struct sealer sealer;
static struct opener opener;

static enum reason give(void *ctx, const struct esd_label *l, struct open_key *out)
{
    (void)ctx, (void)l;
    *out = (struct open_key){.value = span_of(keys.kv, ESD_KV), .suid = 24, .commits = true};
    return REASON_OK;
}

static struct span sealed(uint32_t i, struct seal_msg m, struct buf *con)
{
    static const char reading[] = "{\"t\":21.5,\"u\":\"Cel\",\"ts\":\"20261124T100411\"}";
    m.i = i;
    m.ep = 3;
    m.t_ms = 1767225600000u + i;
    uint8_t room[256];
    struct buf scratch = BUF_ARRAY(room);
    assert_int_equal(seal(&sealer, &sk, &m, span_of(reading, sizeof reading - 1), &scratch, con), OK);
    return buf_span(con);
}

static enum reason opened(struct opener *o, struct span con, struct buf *out, struct opened *res)
{
    struct arena a;
    struct open_ask ask = {.sid = keys.sid, .ttps = &fqdn, .n_ttps = 1, .key = give};
    arena_over(&a, memory, sizeof memory);
    return open_envelope(o, con, &ask, &a, out, res);
}

static void set_up(void)
{
    uint8_t kv[ESD_KV], sid[ESD_SID];
    for (int i = 0; i < ESD_KV; i++)
        kv[i] = (uint8_t)(i * 7 + 1);
    assert_int_equal(keys_sid(place, sid), REASON_OK);
    assert_int_equal(keys_derive(span_of(kv, ESD_KV), sid, &keys), REASON_OK);
    assert_int_equal(seal_key_init(&sk, &keys, fqdn), OK);
    assert_int_equal(sealer_init(&sealer, (struct esd_rng){0}), OK);
    assert_int_equal(opener_init(&opener), OK);
}

static void nothing_is_allocated(void **state)
{
    (void)state;
    struct opened res;
    unsigned crypto = 0, libc = 0;
    struct seal_msg m = {.json = true, .padding = true, .pad = 20};
    for (uint32_t i = 0; i < 300; i++) {
        struct buf con = BUF_ARRAY(con_text), out = BUF_ARRAY(out_text);
        if (i == 2) { /* the first ones build what stays */
            crypto = crypto_calls;
            libc = libc_calls;
        }
        struct span c = sealed(i, m, &con);
        assert_int_equal(opened(&opener, c, &out, &res), REASON_OK);
        assert_int_equal(res.label.e2e.i, i);
    }
    assert_true(crypto_calls > 0); /* the counters count */
    assert_true(!COUNTS_LIBC || libc_calls > 0);
    assert_int_equal(crypto_calls, crypto);
    assert_int_equal(libc_calls, libc);
}

/* ---- remembering -------------------------------------------------------------------------------- */

static bool same_span(struct span x, struct span y)
{
    return x.n == y.n && (x.n == 0 || memcmp(x.p, y.p, x.n) == 0);
}

/* Judged by an opener that has just read a good message of the epoch, and by a fresh one: the same verdict, label and
 * plaintext. */
static void judge_both(struct span con)
{
    static uint8_t good_text[4096], x_text[4096], y_text[4096];
    static char kept[512];
    struct buf good = BUF_ARRAY(good_text), x = BUF_ARRAY(x_text), y = BUF_ARRAY(y_text), k = BUF_ARRAY(kept);
    struct opener fresh;
    struct opened a, b;
    assert_int_equal(opened(&opener, sealed(7, (struct seal_msg){.json = true}, &good), &y, &a), REASON_OK);
    buf_reset(&y);
    assert_int_equal(opener_init(&fresh), OK);
    enum reason q = opened(&opener, con, &x, &a);
    buf_put(&k, a.label.header); /* before the arena is used again */
    a.label.header = buf_span(&k);
    enum reason r = opened(&fresh, con, &y, &b);
    opener_free(&fresh);
    if (q != r)
        fail_msg("%.*s: %s and %s", SPAN_FMT(con), reason_code(q), reason_code(r));
    assert_true(same_span(buf_span(&x), buf_span(&y)) && a.flags == b.flags && a.json == b.json);
    if (r != REASON_OK)
        return;
    assert_true(same_span(a.label.header, b.label.header) && same_span(a.label.aad, b.label.aad));
    assert_true(a.label.e2e.i == b.label.e2e.i && a.label.e2e.t_ms == b.label.e2e.t_ms &&
                a.label.e2e.ep == b.label.e2e.ep && a.label.e2e.pad == b.label.e2e.pad &&
                a.label.e2e.padded == b.label.e2e.padded && a.label.e2e.batch == b.label.e2e.batch &&
                a.label.e2e.device == b.label.e2e.device && a.label.kid.n == b.label.kid.n &&
                a.label.ct_len == b.label.ct_len && a.label.n_parts == 1);
}

static void messages_of_all_kinds(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 32; kind++)
        for (uint32_t i = 0; i < 12000; i += 997) {
            struct buf con = BUF_ARRAY(con_text);
            struct seal_msg m = {.json = kind & 1, .device = kind & 2, .batch = kind & 4, .padding = kind & 8};
            m.pad = kind & 16 && m.padding ? 11 : 0;
            judge_both(sealed(i, m, &con));
        }
}

/* Headers that begin as ours and go on otherwise, and parts of wrong form. */
static void other_tails(void **state)
{
    (void)state;
    static const char *const tails[] = {
        "8,5,\"g\"]}",
        "08,5,\"g\"]}",
        "8,05,\"g\"]}",
        "8,5,\"x\"]}",
        "8,5,\"g\",]}",
        "8,5,\"g\",0]}",
        "8,5,\"g\"]} ",
        "8,5,\"g\" ]}",
        "8,5,\"g\"],\"x\":1}",
        "8,5,\"g\"]",
        "8,5,\"g\"",
        "8,5,\"gg\"]}",
        "-8,5,\"g\"]}",
        "8,-5,\"g\"]}",
        "16777216,5,\"g\"]}",
        "8,5,\"d\",3]}",
        "8,5,\"g\",99]}",
        "8,5,\"g\",3]x",
        "8.0,5,\"g\"]}",
        "8,9007199254740992,\"g\"]}",
        "8,5,\"db\",1]}",
        "",
        "8",
        "8,5,\"g\",03]}",
        "8,5,\"\\u0067\"]}",
        "8,5,\"g\"],\"kid\":\"a@b\"}",
        "8,5,\"g\"]}}",
    };
    static const char *const parts[] = {
        "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
        "..AAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
        "..AAAAAAAAAAAAAAAA..AAAAAAAAAAAAAAAAAAAAAA",
        "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAB",
        ".AA.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
        "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA.",
        "..AAAAAAAAAAAAAAAA.AAAAB.AAAAAAAAAAAAAAAAAAAAAA",
        "..AAAAAAAAAAAAAAAA.AAA*.AAAAAAAAAAAAAAAAAAAAAA",
        "..AAAAAAAAAAAAAAAA.AAAA",
        "",
    };
    for (size_t i = 0; i < LEN(tails); i++)
        for (size_t k = 0; k < LEN(parts); k++) {
            char header[600];
            struct buf h = BUF_ARRAY(header), con = BUF_ARRAY(con_text);
            buf_put(&h, span_of(sk.head, sk.head_n));
            buf_str(&h, ",\"cty\":\"json\",\"e2e\":[1,\"");
            buf_put(&h, span_of(sk.sid_text, ESD_SID_TEXT));
            buf_str(&h, "\",3,");
            buf_str(&h, tails[i]);
            b64url_put(&con, buf_span(&h));
            buf_str(&con, parts[k]);
            judge_both(buf_span(&con));
        }
}

/* What was forgotten is asked for again; another value under the same kid is noticed at once. */
static void forgotten(void **state)
{
    (void)state;
    struct buf con = BUF_ARRAY(con_text), out = BUF_ARRAY(out_text);
    struct opened res;
    struct span c = sealed(9, (struct seal_msg){0}, &con);
    assert_int_equal(opened(&opener, c, &out, &res), REASON_OK);
    keys.kv[63] ^= 1; /* the content key is the same, the commitment is not */
    buf_reset(&out);
    assert_int_equal(opened(&opener, c, &out, &res), REASON_COMMITMENT_MISMATCH);
    keys.kv[63] ^= 1;
    opener_forget(&opener);
    for (size_t i = 0; i < sizeof opener.last; i++)
        assert_int_equal(((const uint8_t *)&opener.last)[i], 0);
    for (size_t i = 0; i < sizeof opener.gcm.key; i++)
        assert_int_equal(opener.gcm.key[i], 0);
    assert_int_equal(opened(&opener, c, &out, &res), REASON_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_allocated), cmocka_unit_test(messages_of_all_kinds),
                                       cmocka_unit_test(other_tails), cmocka_unit_test(forgotten)};
    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1)
        return 1;
    set_up();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sealer_free(&sealer);
    opener_free(&opener);
    return failed;
}
