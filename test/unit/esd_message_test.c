/* lib/esd: messages as our writer makes them, octet for octet, and what a reader makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd/jwe.h"
#include "esd/p256_port.h"
#include "esd/seal_to.h"
#include "esd_vectors.h"

static struct given g;
static uint8_t text[1 << 16], pad[1 << 16];

static enum err fixed_random(void *ctx, uint8_t *p, size_t n)
{
    memcpy(p, ctx, n);
    return OK;
}

/* ---- oneseal-message ---------------------------------------------------------------------------- */

static struct seal_msg msg_of(const struct jval *in)
{
    const struct jval *p = JSON_GET(in, "pad");
    struct span mode = vec_str(&g.v, in, "mode");
    struct seal_msg m = {.ep = vec_u64(in, "epoch"), .t_ms = vec_u64(in, "t_ms"), .i = (uint32_t)vec_u64(in, "index")};
    m.device = mode.p[0] == 'd';
    m.batch = mode.n == 2;
    m.json = JSON_GET(in, "cty")->type == J_STR;
    m.padding = p && p->type == J_INT;
    m.pad = m.padding ? (uint32_t)vec_u64(in, "pad") : 0;
    return m;
}

static void content_vector(const struct jval *vec, const struct jval *in, bool json)
{
    struct span content;
    struct arena a;
    bool is;
    if (JSON_GET(in, "content_json")->type != J_STR)
        return;
    arena_over(&a, given_memory, sizeof given_memory);
    assert_int_equal(seal_plain(vec_str(&g.v, in, "content_json"), &a, &content, &is), OK);
    given_octets(&g, vec, "plaintext", content, vec_hex(&g.v, in, "plaintext_hex"));
    assert_int_equal(is, json);
}

static void seal_vector(const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    struct span relative, fqdn;
    struct esd_keys k;
    struct seal_key sk;
    struct sealer s;
    uint8_t sid[ESD_SID], fixed[16], cnf[256];
    struct seal_msg m = msg_of(in);
    struct buf con = BUF_ARRAY(text), scratch = BUF_ARRAY(pad), c = BUF_ARRAY(cnf);
    memcpy(fixed, vec_hex(&g.v, in, "random16_hex").p, 16);
    assert_int_equal(keys_sid(vec_str(&g.v, in, "address"), sid), REASON_OK);
    assert_int_equal(keys_derive(vec_hex(&g.v, in, "kv_hex"), sid, &k), REASON_OK);
    assert_int_equal(kid_split(vec_str(&g.v, in, "kid"), &relative, &fqdn), REASON_OK);
    assert_int_equal(seal_key_init(&sk, &k, fqdn), OK);
    assert_int_equal(sealer_init(&s, (struct esd_rng){fixed_random, fixed}), OK);
    content_vector(vec, in, m.json);
    assert_int_equal(seal(&s, &sk, &m, vec_hex(&g.v, in, "plaintext_hex"), &scratch, &con), OK);
    given_differs(&g, vec, "con", buf_span(&con), vec_str(&g.v, out, "con"));
    assert_int_equal(con.n, vec_u64(out, "cs"));
    assert_int_equal(seal_cnf(vec_str(&g.v, in, "cnf_clear"), m.json, &c), OK);
    given_differs(&g, vec, "cnf", buf_span(&c), vec_str(&g.v, out, "cnf"));
    sealer_free(&s);
}

/* The strict message, its content key, IV and ephemeral key given. Epoch, index and time stand in the header. */
static void strict_vector(const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out"), *h, *e2e;
    struct jwkey pair, epk;
    struct seal_to_key k;
    struct jwe_fixed f;
    struct sealer s;
    uint8_t sid[ESD_SID], octets[64];
    struct buf d = BUF_ARRAY(octets), con = BUF_ARRAY(text), scratch = BUF_ARRAY(pad);
    struct span relative, fqdn, mode;
    struct jval *tree;
    assert_int_equal(json_parse(vec_str(&g.v, out, "header"), &g.v.a, &tree, NULL), OK);
    h = tree;
    e2e = JSON_GET(h, "e2e");
    struct seal_msg m = {.json = JSON_GET(h, "cty") != NULL};
    uint64_t i;
    assert_int_equal(json_u64(json_at(e2e, 2), UINT64_MAX, &m.ep), OK);
    assert_int_equal(json_u64(json_at(e2e, 3), UINT64_MAX, &i), OK);
    assert_int_equal(json_u64(json_at(e2e, 4), UINT64_MAX, &m.t_ms), OK);
    assert_int_equal(json_str(json_at(e2e, 5), &g.v.a, &mode), OK);
    m.i = (uint32_t)i;
    m.device = mode.p[0] == 'd';
    assert_int_equal(keys_sid(vec_str(&g.v, in, "address"), sid), REASON_OK);
    assert_int_equal(kid_split(vec_str(&g.v, in, "kid"), &relative, &fqdn), REASON_OK);
    assert_int_equal(jwkey_read(JSON_GET(in, "private_jwk"), &g.v.a, &pair), REASON_OK);
    assert_int_equal(b64url_get(vec_str(&g.v, in, "epk_private_d"), &d), OK);
    assert_int_equal(jwkey_of_scalar(JWKEY_P256, buf_span(&d), &epk), OK);
    assert_int_equal(seal_to_init(&k, jwkey_p256(&pair), sid, fqdn), OK);
    f.epk = jwkey_p256(&epk);
    memcpy(f.cek, vec_hex(&g.v, in, "cek_hex").p, sizeof f.cek);
    memcpy(f.iv, vec_hex(&g.v, in, "iv_hex").p, sizeof f.iv);
    assert_int_equal(sealer_init(&s, (struct esd_rng){0}), OK);
    assert_int_equal(seal_to_fixed(&s, &k, &m, vec_hex(&g.v, in, "plaintext_hex"), &f, &scratch, &con), OK);
    given_differs(&g, vec, "con", buf_span(&con), vec_str(&g.v, out, "con"));
    assert_true(con.n <= seal_to_room(vec_hex(&g.v, in, "plaintext_hex").n));
    seal_to_free(&k);
    jwkey_free(&pair);
    jwkey_free(&epk);
    sealer_free(&s);
}

/* First half of a registered value as content key or wrapping key; IV and content key given. */
static void half_vector(const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    struct span value = vec_hex(&g.v, in, "value_hex"), id = vec_str(&g.v, vec, "id"), cek;
    struct jwkey key;
    struct sealer s;
    static const enum esd_alg wraps[] = {[16] = ESD_A128KW, [24] = ESD_A192KW, [32] = ESD_A256KW};
    static const enum esd_enc encs[] = {[16] = ESD_A128GCM, [24] = ESD_A192GCM, [32] = ESD_A256GCM};
    bool kw = span_ends(id, SPAN("-kw"));
    struct jwe_to to = {.key = &key, .kid = vec_str(&g.v, in, "kid")};
    struct jwe_ask j = {.to = &to, .n = 1, .cty = SPAN("json"), .iv = vec_hex(&g.v, in, "iv_hex").p};
    struct buf con = BUF_ARRAY(text);
    if (!kw && !span_ends(id, SPAN("-dir")))
        return;
    assert_int_equal(jwkey_oct(span_first(value, value.n / 2), &key), OK);
    to.alg = kw ? wraps[key.oct_n] : ESD_DIR;
    cek = kw ? vec_hex(&g.v, in, "cek_hex") : span_of(key.oct, key.oct_n);
    j.enc = encs[cek.n];
    j.cek = cek.p;
    assert_int_equal(sealer_init(&s, (struct esd_rng){0}), OK);
    assert_int_equal(jwe_seal(&s, &j, vec_hex(&g.v, in, "plaintext_hex"), &con), OK);
    given_differs(&g, vec, "con", buf_span(&con), vec_str(&g.v, out, "con"));
    sealer_free(&s);
}

static void open_vector(const struct jval *vec)
{
    const struct jval *out = JSON_GET(vec, "out");
    struct span con = vec_str(&g.v, g.in, "con");
    struct buf b = BUF_ARRAY(text);
    struct opened res;
    if (!con.p)
        con = vec_str(&g.v, out, "con");
    enum reason r = given_judge(&g, con, &b, &res);
    if (!given_verdict(&g, vec, r)) {
        assert_int_equal(b.n, 0);
        return;
    }
    const char *name = JSON_GET(out, "payload_hex") ? "payload_hex" : "plaintext_hex";
    struct span want = json_get(out, span_str(name)) ? vec_hex(&g.v, out, name) : vec_hex(&g.v, g.in, name);
    given_octets(&g, vec, "plaintext", res.plain, want);
    if (JSON_GET(out, "header") && !res.label.jws)
        given_differs(&g, vec, "header", res.label.header, vec_str(&g.v, out, "header"));
    if (JSON_GET(vec, "flags"))
        assert_int_equal(res.flags, reason_bit(REASON_PLACE_UNVERIFIED));
}

static void oneseal_message(void **state)
{
    (void)state;
    given_open(&g, "oneseal-message");
    for (const struct jval *vec = g.v.list->child; vec; vec = vec->next, g.v.ran++) {
        struct span id = vec_str(&g.v, vec, "id");
        g.in = JSON_GET(vec, "in");
        if (span_starts(id, SPAN("msg-strict")))
            strict_vector(vec);
        else if (span_starts(id, SPAN("msg-")))
            seal_vector(vec);
        else if (span_starts(id, SPAN("half-")))
            half_vector(vec);
        open_vector(vec);
    }
    assert_true(given_close(&g, "oneseal-message"));
}

/* ---- properties --------------------------------------------------------------------------------- */

static struct span sealed_sample(uint8_t *room, size_t cap, struct esd_keys *k)
{
    struct seal_key sk;
    struct sealer s;
    uint8_t kv[ESD_KV], sid[ESD_SID];
    for (int i = 0; i < ESD_KV; i++)
        kv[i] = (uint8_t)(i * 7 + 1);
    assert_int_equal(keys_sid(SPAN("//sp.example.com/mn-cse/mn/therm/temp"), sid), REASON_OK);
    assert_int_equal(keys_derive(span_of(kv, ESD_KV), sid, k), REASON_OK);
    assert_int_equal(seal_key_init(&sk, k, SPAN("ttp.example.com")), OK);
    assert_int_equal(sealer_init(&s, (struct esd_rng){0}), OK);
    struct seal_msg m = {.ep = 3, .i = 9, .t_ms = 1767225600000, .json = true};
    struct buf b = buf_over(room, cap);
    assert_int_equal(seal(&s, &sk, &m, SPAN("{\"t\":21.5,\"u\":\"Cel\"}"), NULL, &b), OK);
    sealer_free(&s);
    return buf_span(&b);
}

static const struct span place = {(const uint8_t *)"//sp.example.com/mn-cse/mn/therm/temp", 37};

static enum reason one_key(void *ctx, const struct esd_label *l, struct open_key *out)
{
    (void)l;
    *out = (struct open_key){.value = span_of(((struct esd_keys *)ctx)->kv, ESD_KV), .suid = 24, .commits = true};
    return REASON_OK;
}

static enum reason open_it(struct span con, struct esd_keys *k, struct buf *out, struct opened *res)
{
    struct open_ask ask = {.ttps = given_ttps, .n_ttps = LEN(given_ttps), .key = one_key, .ctx = k};
    struct arena a;
    uint8_t sid[ESD_SID];
    assert_int_equal(keys_sid(place, sid), REASON_OK);
    ask.sid = sid;
    arena_over(&a, given_memory, sizeof given_memory);
    return open_envelope(&given_opener, con, &ask, &a, out, res);
}

/* Whatever single bit is changed: it never opens, and nothing of the content comes out; neither when the opener has
 * just read the true one. */
static void no_flipped_bit_opens(void **state)
{
    (void)state;
    uint8_t con_text[1024], out[1024];
    struct esd_keys k;
    struct span con = sealed_sample(con_text, sizeof con_text, &k);
    struct opened res;
    struct buf b = BUF_ARRAY(out);
    for (size_t bit = 0; bit < con.n * 8; bit++) {
        buf_reset(&b);
        if (bit % 3 == 0)
            opener_forget(&given_opener);
        assert_int_equal(open_it(con, &k, &b, &res), REASON_OK);
        assert_true(span_eq(res.plain, SPAN("{\"t\":21.5,\"u\":\"Cel\"}")));
        con_text[bit / 8] ^= (uint8_t)(1 << bit % 8);
        buf_reset(&b);
        assert_int_not_equal(open_it(con, &k, &b, &res), REASON_OK);
        assert_int_equal(b.n, 0);
        assert_int_equal(res.plain.n, 0);
        con_text[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* Nor does any prefix of it. */
static void no_prefix_opens(void **state)
{
    (void)state;
    uint8_t con_text[1024], out[1024];
    struct esd_keys k;
    struct span con = sealed_sample(con_text, sizeof con_text, &k);
    struct opened res;
    for (size_t n = 0; n < con.n; n++) {
        struct buf b = BUF_ARRAY(out);
        assert_int_not_equal(open_it(span_first(con, n), &k, &b, &res), REASON_OK);
    }
}

static void hedged_nonces_differ(void **state)
{
    (void)state;
    uint8_t x[1024], y[1024];
    struct esd_keys k;
    struct span a = sealed_sample(x, sizeof x, &k), b = sealed_sample(y, sizeof y, &k);
    assert_int_equal(a.n, b.n);
    assert_false(span_eq(a, b));
}

static void seal_refuses_what_it_must(void **state)
{
    (void)state;
    uint8_t small[256], kv[ESD_KV] = {0}, sid[ESD_SID] = {0};
    struct esd_keys k;
    struct seal_key sk;
    struct sealer s;
    assert_int_equal(keys_derive(span_of(kv, 63), sid, &k), REASON_COMMITMENT_MISMATCH);
    assert_int_equal(keys_derive(span_of(kv, ESD_KV), sid, &k), REASON_OK);
    assert_int_equal(seal_key_init(&sk, &k, SPAN("no domain")), ERR_RANGE);
    assert_int_equal(seal_key_init(&sk, &k, SPAN("ttp.example.com")), OK);
    assert_int_equal(sealer_init(&s, (struct esd_rng){0}), OK);
    struct buf b = BUF_ARRAY(small);
    struct seal_msg m = {.i = ESD_INDEX_END};
    assert_int_equal(seal(&s, &sk, &m, SPAN("x"), NULL, &b), ERR_RANGE);
    m.i = 0;
    assert_int_equal(seal(&s, &sk, &m, SPAN_NONE, NULL, &b), ERR_RANGE);
    assert_int_equal(seal(&s, &sk, &m, span_of(given_memory, sizeof given_memory), NULL, &b), ERR_FULL);
    assert_int_equal(b.n, 0);
    sealer_free(&s);
}

/* Provisioned: 32 octets used whole, foreign kid, no commitment, e2e written. Registered elsewhere: the first half. */
static void foreign_keys(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        uint8_t suid;
        enum err e;
        enum esd_enc enc;
    } rows[] = {{32, 14, OK, ESD_A256GCM},    {16, 14, OK, ESD_A128GCM},   {24, 14, OK, ESD_A192GCM},
                {32, 34, OK, ESD_A128GCM},    {64, 24, OK, ESD_A256GCM},   {48, 34, OK, ESD_A192GCM},
                {64, 14, ERR_RANGE, 0},       {31, 14, ERR_RANGE, 0},      {16, 24, ERR_RANGE, 0},
                {32, 35, ERR_UNSUPPORTED, 0}, {32, 44, ERR_UNSUPPORTED, 0}};
    static const struct span kid = {(const uint8_t *)"plant-7@ttp.example.com", 23};
    uint8_t sid[ESD_SID];
    assert_int_equal(keys_sid(place, sid), REASON_OK);
    for (size_t i = 0; i < LEN(rows); i++) {
        uint8_t con_text[1024], out[1024];
        struct buf con = BUF_ARRAY(con_text), b = BUF_ARRAY(out);
        struct seal_key k;
        struct sealer s;
        struct opened res;
        struct arena a;
        struct esd_keys value = {.kv = {1, 2, 3, (uint8_t)i}};
        assert_int_equal(seal_key_foreign(&k, span_of(value.kv, rows[i].n), rows[i].suid, kid, sid), rows[i].e);
        if (rows[i].e != OK)
            continue;
        assert_int_equal(sealer_init(&s, (struct esd_rng){0}), OK);
        struct seal_msg m = {.ep = 1, .i = 5, .t_ms = 1, .device = true};
        assert_int_equal(seal(&s, &k, &m, SPAN("21.5"), NULL, &con), OK);
        sealer_free(&s);
        struct given one = {.n = 1, .kid = {kid}, .key = {{.kind = JWKEY_OCT, .oct_n = (uint8_t)rows[i].n}}};
        memcpy(one.key[0].oct, value.kv, rows[i].n);
        one.suid[0] = rows[i].suid;
        struct open_ask ask = {.sid = sid, .ttps = given_ttps, .n_ttps = 1, .key = given_ask, .ctx = &one};
        arena_over(&a, given_memory, sizeof given_memory);
        assert_int_equal(open_envelope(&given_opener, buf_span(&con), &ask, &a, &b, &res), REASON_OK);
        assert_true(span_eq(res.plain, SPAN("21.5")));
        assert_int_equal(res.label.enc, rows[i].enc);
        assert_int_equal(res.label.e2e.i, 5);
        assert_int_equal(res.flags, 0);
    }
    struct seal_key k;
    assert_int_equal(seal_key_foreign(&k, span_of(given_memory, 32), 14, SPAN("no form"), sid), ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oneseal_message),           cmocka_unit_test(no_flipped_bit_opens),
        cmocka_unit_test(no_prefix_opens),           cmocka_unit_test(hedged_nonces_differ),
        cmocka_unit_test(seal_refuses_what_it_must), cmocka_unit_test(foreign_keys),
    };
    if (opener_init(&given_opener) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    opener_free(&given_opener);
    return failed;
}
