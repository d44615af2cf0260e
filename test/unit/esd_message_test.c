/* lib/esd: label, keys, seal, open against the given vectors, octet for octet and reason for reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd/open.h"
#include "esd/seal.h"
#include "vectors.h"

static uint8_t memory[ESD_ARENA];
static struct opener opener;

static unsigned wrong; /* differences in the present file */

static void same(struct span id, const char *what, struct span got, struct span want)
{
    if (span_eq(got, want))
        return;
    wrong++;
    vec_fail(id, what, got, want);
}

static void same_octets(struct span id, const char *what, struct span got, struct span want)
{
    if (span_eq(got, want))
        return;
    static char x[4096], y[4096];
    struct buf a = BUF_ARRAY(x), b = BUF_ARRAY(y);
    hex_put(&a, got);
    hex_put(&b, want);
    wrong++;
    vec_fail(id, what, buf_span(&a), buf_span(&b));
}

static void verdict(const struct jval *vec, struct vectors *v, enum reason r)
{
    struct span want = vec_str(v, vec, "reason");
    enum reason w;
    if (!want.p)
        want = vec_str(v, vec, "verdict");
    if (reason_of(want, &w) == OK && w == r)
        return;
    wrong++;
    vec_fail(vec_str(v, vec, "id"), "verdict", span_str(reason_code(r)), want);
}

/* ---- oneseal-keys ------------------------------------------------------------------------------- */

static void check_keys(struct vectors *v, struct span id, struct span address, struct span kv, struct span fqdn,
                       const struct jval *out)
{
    struct esd_keys k;
    uint8_t sid[ESD_SID], text[ESD_KID_MAX];
    struct buf kid = BUF_ARRAY(text);
    assert_int_equal(keys_sid(address, sid), REASON_OK);
    assert_int_equal(keys_derive(kv, sid, &k), REASON_OK);
    keys_kid_put(&kid, k.kc, fqdn);
    if (JSON_GET(out, "sid_hex"))
        same_octets(id, "sid", span_of(sid, ESD_SID), vec_hex(v, out, "sid_hex"));
    same_octets(id, "EK", span_of(k.kv, 32), vec_hex(v, out, "ek_hex"));
    same_octets(id, "KC", span_of(k.kc, ESD_KC), vec_hex(v, out, "kc_hex"));
    same_octets(id, "NK", span_of(k.nk, 32), vec_hex(v, out, "nk_hex"));
    same(id, "kid", buf_span(&kid), vec_str(v, out, "kid"));
}

static enum err fixed_random(void *ctx, uint8_t *p, size_t n)
{
    memcpy(p, ctx, n);
    return OK;
}

/* Nonces alone are checked by sealing: header and plaintext are given, and the IV stands in the text. */
static void keys_vector(struct vectors *v, const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    struct span id = vec_str(v, vec, "id"), address = vec_str(v, in, "address");
    uint8_t sid[ESD_SID];
    if (JSON_GET(in, "addresses")) {
        for (uint32_t i = 0; i < out->n; i++) {
            struct span each;
            assert_int_equal(json_str(json_at(JSON_GET(in, "addresses"), i), &v->a, &each), OK);
            check_keys(v, id, each, vec_hex(v, in, "kv_hex"), vec_str(v, in, "ttp_fqdn"), json_at(out, i));
        }
    } else if (JSON_GET(in, "ttp_fqdn")) {
        same(id, "address", address, vec_hex(v, in, "address_octets_hex"));
        check_keys(v, id, address, vec_hex(v, in, "kv_hex"), vec_str(v, in, "ttp_fqdn"), out);
    } else if (JSON_GET(in, "kid")) {
        assert_int_equal(keys_sid(address, sid), REASON_OK);
        verdict(vec, v, keys_check(vec_hex(v, in, "kv_hex"), sid, vec_str(v, in, "kid")));
    } else {
        verdict(vec, v, keys_sid(address, sid));
    }
}

/* The nonces of a keys vector: our sealer makes the header itself, so the epoch, index and time are read from the
 * given header and the message is sealed again; the header text and the IV must be the given ones. */
static unsigned nonces_of(struct vectors *v, const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *list = JSON_GET(JSON_GET(vec, "out"), "nonces");
    struct span id = vec_str(v, vec, "id");
    unsigned n = 0;
    for (const struct jval *x = list ? list->child : NULL; x; x = x->next, n++) {
        struct esd_keys k;
        struct seal_key sk;
        struct sealer s;
        struct esd_label l;
        struct arena a;
        uint8_t sid[ESD_SID], text[8192], iv[ESD_IV], probe[8192];
        struct span plain = vec_hex(v, x, "plaintext_hex"), aad = vec_str(v, x, "protected");
        assert_int_equal(keys_sid(vec_str(v, in, "address"), sid), REASON_OK);
        assert_int_equal(keys_derive(vec_hex(v, in, "kv_hex"), sid, &k), REASON_OK);
        assert_int_equal(seal_key_init(&sk, &k, vec_str(v, in, "ttp_fqdn")), OK);
        struct buf o = BUF_ARRAY(probe);
        buf_put(&o, aad);
        buf_str(&o, "..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA");
        arena_over(&a, memory, sizeof memory);
        assert_int_equal(label_read(buf_span(&o), &a, &l), REASON_OK);
        struct span random = vec_hex(v, x, "random16_hex");
        uint8_t fixed[16];
        memcpy(fixed, random.p, 16);
        assert_int_equal(sealer_init(&s, (struct esd_rng){fixed_random, fixed}), OK);
        struct seal_msg m = {.ep = l.e2e.ep,
                             .t_ms = l.e2e.t_ms,
                             .i = l.e2e.i,
                             .device = l.e2e.device,
                             .batch = l.e2e.batch,
                             .json = l.cty.n > 0,
                             .padding = l.e2e.padded};
        struct buf con = BUF_ARRAY(text);
        assert_int_equal(seal(&s, &sk, &m, plain, NULL, &con), OK);
        sealer_free(&s);
        assert_int_equal(vec_u64(x, "index"), l.e2e.i);
        arena_reset(&a);
        assert_int_equal(label_read(buf_span(&con), &a, &l), REASON_OK);
        struct buf i = BUF_ARRAY(iv);
        assert_int_equal(b64url_get(l.iv_text, &i), OK);
        same(id, "header of a nonce", l.aad, aad);
        same_octets(id, "nonce", buf_span(&i), vec_hex(v, x, "nonce_hex"));
    }
    return n;
}

static void oneseal_keys(void **state)
{
    (void)state;
    struct vectors v;
    unsigned nonces = 0;
    wrong = 0;
    vectors_open(&v, "oneseal-keys");
    for (const struct jval *vec = v.list->child; vec; vec = vec->next) {
        if (span_starts(vec_str(&v, vec, "id"), SPAN("keys-strict"))) {
            v.skipped++;
            continue;
        }
        v.ran++;
        keys_vector(&v, vec);
        nonces += nonces_of(&v, vec);
    }
    printf("# nonces: %u\n", nonces);
    assert_true(nonces > 0);
    assert_true(vectors_close(&v, "oneseal-keys"));
    assert_int_equal(wrong, 0);
}

/* ---- opening ------------------------------------------------------------------------------------ */

/* One key for every kid, as a vector gives it. */
struct given {
    struct open_key key;
    struct span kid;
    bool found;
};
static enum reason give(void *ctx, const struct esd_label *l, struct open_key *out)
{
    struct given *g = (struct given *)ctx;
    *out = g->key;
    return !g->kid.p || kid_eq(g->kid, l->kid) ? REASON_OK : REASON_NO_KEY_YET;
}

static const struct span ttps[] = {{(const uint8_t *)"ttp.example.com", 15},
                                   {(const uint8_t *)"maf.example.com", 15},
                                   {(const uint8_t *)"mef.example.com", 15}};

static enum reason open_it(struct span con, struct span address, struct given *g, struct buf *out, struct opened *res)
{
    uint8_t sid[ESD_SID];
    struct arena a;
    struct open_ask ask = {.ttps = ttps, .n_ttps = LEN(ttps), .key = give, .ctx = g};
    if (address.n) {
        assert_int_equal(keys_sid(address, sid), REASON_OK);
        ask.sid = sid;
    }
    arena_over(&a, memory, sizeof memory);
    return open_envelope(&opener, con, &ask, &a, out, res);
}

/* ---- oneseal-message ---------------------------------------------------------------------------- */

static void seal_vector(struct vectors *v, const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    struct span id = vec_str(v, vec, "id"), kid = vec_str(v, in, "kid"), mode = vec_str(v, in, "mode"), relative, fqdn;
    struct esd_keys k;
    struct seal_key sk;
    struct sealer s;
    struct arena a;
    uint8_t sid[ESD_SID], fixed[16];
    static uint8_t text[1 << 16], pad[1 << 16], cnf[256];
    bool json;
    struct span plain = vec_hex(v, in, "plaintext_hex");
    memcpy(fixed, vec_hex(v, in, "random16_hex").p, 16);
    assert_int_equal(keys_sid(vec_str(v, in, "address"), sid), REASON_OK);
    assert_int_equal(keys_derive(vec_hex(v, in, "kv_hex"), sid, &k), REASON_OK);
    assert_int_equal(kid_split(kid, &relative, &fqdn), REASON_OK);
    assert_int_equal(seal_key_init(&sk, &k, fqdn), OK);
    assert_int_equal(sealer_init(&s, (struct esd_rng){fixed_random, fixed}), OK);
    const struct jval *p = JSON_GET(in, "pad");
    struct seal_msg m = {.ep = vec_u64(in, "epoch"), .t_ms = vec_u64(in, "t_ms"), .i = (uint32_t)vec_u64(in, "index")};
    m.device = mode.p[0] == 'd';
    m.batch = mode.n == 2;
    m.json = JSON_GET(in, "cty")->type == J_STR;
    m.padding = p && p->type == J_INT;
    m.pad = m.padding ? (uint32_t)vec_u64(in, "pad") : 0;
    if (JSON_GET(in, "content_json")->type == J_STR) {
        struct span content;
        arena_over(&a, memory, sizeof memory);
        assert_int_equal(seal_plain(vec_str(v, in, "content_json"), &a, &content, &json), OK);
        same_octets(id, "plaintext", content, plain);
        assert_int_equal(json, m.json);
    }
    struct buf con = BUF_ARRAY(text), scratch = BUF_ARRAY(pad), c = BUF_ARRAY(cnf);
    assert_int_equal(seal(&s, &sk, &m, plain, &scratch, &con), OK);
    same(id, "con", buf_span(&con), vec_str(v, out, "con"));
    assert_int_equal(con.n, vec_u64(out, "cs"));
    assert_int_equal(seal_cnf(vec_str(v, in, "cnf_clear"), m.json, &c), OK);
    same(id, "cnf", buf_span(&c), vec_str(v, out, "cnf"));
    sealer_free(&s);
}

static void open_vector(struct vectors *v, const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    struct span id = vec_str(v, vec, "id"), con = vec_str(v, in, "con");
    static uint8_t text[1 << 16];
    struct buf b = BUF_ARRAY(text);
    struct opened res;
    struct given g = {.key = {.value = vec_hex(v, in, "kv_hex"), .suid = 24, .commits = true}};
    if (JSON_GET(in, "value_hex"))
        g.key = (struct open_key){.value = vec_hex(v, in, "value_hex"), .suid = (uint8_t)vec_u64(in, "suid")};
    if (!con.p)
        con = vec_str(v, out, "con");
    enum reason r = open_it(con, vec_str(v, in, "address"), &g, &b, &res);
    verdict(vec, v, r);
    if (r != REASON_OK) {
        assert_int_equal(b.n, 0);
        return;
    }
    struct span want =
        JSON_GET(out, "plaintext_hex") ? vec_hex(v, out, "plaintext_hex") : vec_hex(v, in, "plaintext_hex");
    same_octets(id, "plaintext", res.plain, want);
    if (JSON_GET(out, "header"))
        same(id, "header", res.label.header, vec_str(v, out, "header"));
    if (JSON_GET(vec, "flags"))
        assert_int_equal(res.flags, reason_bit(REASON_PLACE_UNVERIFIED));
}

static bool message_in_scope(struct span id)
{
    if (span_starts(id, SPAN("msg-strict")))
        return false;
    return span_starts(id, SPAN("msg-")) || span_starts(id, SPAN("read-")) || span_eq(id, SPAN("half-32-whole")) ||
           (span_starts(id, SPAN("half-")) && (span_ends(id, SPAN("-dir")) || span_ends(id, SPAN("-second"))));
}

static void oneseal_message(void **state)
{
    (void)state;
    struct vectors v;
    wrong = 0;
    vectors_open(&v, "oneseal-message");
    for (const struct jval *vec = v.list->child; vec; vec = vec->next) {
        struct span id = vec_str(&v, vec, "id");
        if (!message_in_scope(id)) {
            v.skipped++;
            continue;
        }
        v.ran++;
        if (span_starts(id, SPAN("msg-")))
            seal_vector(&v, vec);
        open_vector(&v, vec);
    }
    assert_true(vectors_close(&v, "oneseal-message"));
    assert_int_equal(wrong, 0);
}

/* ---- esdata-jwe, esdata-negative ---------------------------------------------------------------- */

static const struct jval *by_kid(struct vectors *v, const struct jval *list, struct span kid)
{
    for (const struct jval *k = list ? list->child : NULL; k; k = k->next)
        if (kid_eq(vec_str(v, k, "kid"), kid))
            return k;
    return NULL;
}

/* The TTP of a file: its keys, and its streams, whose keys commit. */
struct ttp {
    struct vectors *v;
    const struct jval *vec;
};
static enum reason ask_ttp(void *ctx, const struct esd_label *l, struct open_key *out)
{
    struct ttp *t = (struct ttp *)ctx;
    const struct jval *in = JSON_GET(t->vec, "in"), *k = by_kid(t->v, JSON_GET(t->v->root, "keys"), l->kid);
    const struct jval *s = by_kid(t->v, JSON_GET(t->v->root, "streams"), l->kid);
    uint8_t *p = (uint8_t *)arena_alloc(&t->v->a, 128);
    struct buf b = buf_over(p, 128);
    *out = (struct open_key){.suid = 24, .commits = true};
    if (JSON_GET(in, "released_kv_hex"))
        out->value = vec_hex(t->v, in, "released_kv_hex");
    else if (s)
        out->value = vec_hex(t->v, s, "kv_hex");
    else if (k) {
        if (b64url_get(vec_str(t->v, k, "k"), &b) != OK)
            return REASON_FAILED;
        /* a stream with an address is one of ours here and requires commitment */
        *out = (struct open_key){.value = buf_span(&b), .suid = (uint8_t)vec_u64(k, "x_suid")};
        out->commits = JSON_GET(in, "address") != NULL;
    } else
        return REASON_NO_KEY_YET;
    return REASON_OK;
}

static void esdata_vector(struct vectors *v, const struct jval *vec, struct span object)
{
    const struct jval *in = JSON_GET(vec, "in");
    struct span id = vec_str(v, vec, "id"), address = vec_str(v, in, "address");
    static uint8_t text[1 << 18];
    uint8_t sid[ESD_SID];
    struct buf b = BUF_ARRAY(text);
    struct opened res;
    struct ttp t = {v, vec};
    struct open_ask ask = {.ttps = ttps, .n_ttps = LEN(ttps), .key = ask_ttp, .ctx = &t};
    struct arena a;
    if (address.n) {
        assert_int_equal(keys_sid(address, sid), REASON_OK);
        ask.sid = sid;
    }
    arena_over(&a, memory, sizeof memory);
    enum reason r = open_envelope(&opener, object, &ask, &a, &b, &res);
    verdict(vec, v, r);
    if (r != REASON_OK) {
        assert_int_equal(b.n, 0);
        return;
    }
    const struct jval *out = JSON_GET(vec, "out");
    same_octets(id, "plaintext", res.plain,
                out ? vec_hex(v, out, "plaintext_hex") : vec_hex(v, in, "out_plaintext_hex"));
}

/* In scope: what the compact reader for `dir` must judge by itself. Out of scope are the JSON serialization, the
 * other algorithms of the profile (their objects open, or fail for a reason that only they have), and objects whose
 * content is signed inside. */
static bool compact_dir(struct vectors *v, const struct jval *vec, struct span object)
{
    static const char *const later[] = {
        "A128KW", "A192KW", "A256KW", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW", "RSA-OAEP-256", "HS256",
        "HS384",  "HS512",  "RS256",  "RS384",          "RS512",          "ES256",          "ES384",        "ES512"};
    struct span cnf = vec_str(v, JSON_GET(vec, "in"), "cnf"), alg = SPAN_NONE, head = object;
    uint8_t *p = (uint8_t *)arena_alloc(&v->a, object.n + 1);
    struct buf b = buf_over(p, object.n + 1);
    struct jval *h = NULL;
    if (!span_ends(cnf, SPAN(":1")) || span_starts(vec_str(v, vec, "id"), SPAN("neg-nested-")))
        return false;
    head = span_cut(&head, '.');
    if (b64url_get(head, &b) == OK && json_parse(buf_span(&b), &v->a, &h, NULL) == OK)
        alg = vec_str(v, h, "alg");
    for (size_t i = 0; i < LEN(later); i++)
        if (span_eq(alg, span_str(later[i])))
            return false;
    /* a header that does not parse may still name one of them */
    for (size_t i = 0; i < LEN(later) && !h; i++) {
        char quoted[32];
        int n = snprintf(quoted, sizeof quoted, "\"alg\":\"%s\"", later[i]);
        for (size_t at = 0; at + (size_t)n <= b.n; at++)
            if (memcmp(b.p + at, quoted, (size_t)n) == 0)
                return false;
    }
    return true;
}

static void esdata(const char *name, unsigned at_least)
{
    struct vectors v;
    wrong = 0;
    vectors_open(&v, name);
    for (const struct jval *vec = v.list->child; vec; vec = vec->next) {
        const struct jval *in = JSON_GET(vec, "in");
        struct span object = JSON_GET(in, "object_hex") ? vec_hex(&v, in, "object_hex") : vec_str(&v, in, "object");
        if (!compact_dir(&v, vec, object)) {
            v.skipped++;
            continue;
        }
        v.ran++;
        esdata_vector(&v, vec, object);
    }
    assert_true(v.ran >= at_least);
    assert_true(vectors_close(&v, name));
    assert_int_equal(wrong, 0);
}

static void esdata_jwe(void **state)
{
    (void)state;
    esdata("esdata-jwe", 3);
}

static void esdata_negative(void **state)
{
    (void)state;
    esdata("esdata-negative", 100);
}

/* ---- properties --------------------------------------------------------------------------------- */

static struct span sealed_sample(uint8_t *text, size_t cap, struct esd_keys *k)
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
    struct buf b = buf_over(text, cap);
    assert_int_equal(seal(&s, &sk, &m, SPAN("{\"t\":21.5,\"u\":\"Cel\"}"), NULL, &b), OK);
    sealer_free(&s);
    return buf_span(&b);
}

/* Whatever single bit is changed: it never opens, and nothing of the content comes out. */
static void no_flipped_bit_opens(void **state)
{
    (void)state;
    uint8_t text[1024], out[1024];
    struct esd_keys k;
    struct span con = sealed_sample(text, sizeof text, &k);
    struct given g = {.key = {.value = span_of(k.kv, ESD_KV), .suid = 24, .commits = true}};
    struct opened res;
    struct buf b = BUF_ARRAY(out);
    assert_int_equal(open_it(con, SPAN("//sp.example.com/mn-cse/mn/therm/temp"), &g, &b, &res), REASON_OK);
    assert_true(span_eq(res.plain, SPAN("{\"t\":21.5,\"u\":\"Cel\"}")));
    for (size_t bit = 0; bit < con.n * 8; bit++) {
        text[bit / 8] ^= (uint8_t)(1 << bit % 8);
        buf_reset(&b);
        assert_int_not_equal(open_it(con, SPAN("//sp.example.com/mn-cse/mn/therm/temp"), &g, &b, &res), REASON_OK);
        assert_int_equal(b.n, 0);
        assert_int_equal(res.plain.n, 0);
        text[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* Nor does any prefix of it. */
static void no_prefix_opens(void **state)
{
    (void)state;
    uint8_t text[1024], out[1024];
    struct esd_keys k;
    struct span con = sealed_sample(text, sizeof text, &k);
    struct given g = {.key = {.value = span_of(k.kv, ESD_KV), .suid = 24, .commits = true}};
    struct opened res;
    for (size_t n = 0; n < con.n; n++) {
        struct buf b = BUF_ARRAY(out);
        assert_int_not_equal(open_it(span_first(con, n), SPAN("//sp.example.com/mn-cse/mn/therm/temp"), &g, &b, &res),
                             REASON_OK);
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
    uint8_t text[256], kv[ESD_KV] = {0}, sid[ESD_SID] = {0};
    struct esd_keys k;
    struct seal_key sk;
    struct sealer s;
    assert_int_equal(keys_derive(span_of(kv, 63), sid, &k), REASON_COMMITMENT_MISMATCH);
    assert_int_equal(keys_derive(span_of(kv, ESD_KV), sid, &k), REASON_OK);
    assert_int_equal(seal_key_init(&sk, &k, SPAN("no domain")), ERR_RANGE);
    assert_int_equal(seal_key_init(&sk, &k, SPAN("ttp.example.com")), OK);
    assert_int_equal(sealer_init(&s, (struct esd_rng){0}), OK);
    struct buf b = BUF_ARRAY(text);
    struct seal_msg m = {.i = ESD_INDEX_END};
    assert_int_equal(seal(&s, &sk, &m, SPAN("x"), NULL, &b), ERR_RANGE);
    m.i = 0;
    assert_int_equal(seal(&s, &sk, &m, SPAN_NONE, NULL, &b), ERR_RANGE);
    assert_int_equal(seal(&s, &sk, &m, span_of(memory, sizeof memory), NULL, &b), ERR_FULL);
    assert_int_equal(b.n, 0);
    sealer_free(&s);
}

static void cnf_follows_the_grammar(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "text",
                                      "text/plain",
                                      "text/plain:",
                                      "text/plain:3",
                                      "text/plain:0:6",
                                      "text/plain:0:",
                                      "text/plain:0:1:1",
                                      "/plain:0",
                                      "text/:0",
                                      "te xt/plain:0",
                                      "text/plain:00",
                                      "text/plain:0:11"};
    struct esd_cnf c;
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_equal(cnf_read(span_str(bad[i]), &c), REASON_MALFORMED);
    assert_int_equal(cnf_read(SPAN("application/json:0:1"), &c), REASON_OK);
    assert_true(span_eq(c.media, SPAN("application/json")));
    assert_int_equal(c.security, 1);
    assert_int_equal(cnf_read(SPAN("text/plain:2"), &c), REASON_OK);
    assert_int_equal(c.security, 0);
    uint8_t text[64];
    struct buf b = BUF_ARRAY(text);
    assert_int_equal(seal_cnf(SPAN_NONE, true, &b), OK);
    assert_true(span_eq(buf_span(&b), SPAN("application/json:0:1")));
    assert_int_equal(seal_cnf(SPAN("text/plain:0:1"), true, &b), ERR_NOTNOW);
    assert_int_equal(seal_cnf(SPAN("nonsense"), true, &b), ERR_SYNTAX);
}

/* Numbers of unknown members: what a double holds is fine, what it does not is refused. */
static void header_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *number;
        enum reason r;
    } rows[] = {
        {"1e308", REASON_OK},
        {"1.7976931348623157e308", REASON_OK},
        {"0.00017e312", REASON_OK},
        {"-1e308", REASON_OK},
        {"0e999999", REASON_OK},
        {"123456.5e-400", REASON_OK},
        {"1e309", REASON_MALFORMED},
        {"1.8e308", REASON_MALFORMED},
        {"-1e400", REASON_MALFORMED},
        {"10e308", REASON_MALFORMED},
        {"0.001e313", REASON_MALFORMED},
        {"1e99999999999999999999", REASON_MALFORMED},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char header[256], text[512];
        struct arena a;
        struct esd_label l;
        struct buf b = BUF_ARRAY(text);
        int n = snprintf(header, sizeof header, "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"a@b\",\"x\":%s}",
                         rows[i].number);
        b64url_put(&b, span_of(header, (size_t)n));
        buf_str(&b, "..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA");
        arena_over(&a, memory, sizeof memory);
        if (label_read(buf_span(&b), &a, &l) != rows[i].r)
            fail_msg("%s", rows[i].number);
    }
}

static void looks_sealed(void **state)
{
    (void)state;
    uint8_t text[1024];
    struct esd_keys k;
    assert_true(label_looks_sealed(sealed_sample(text, sizeof text, &k)));
    assert_false(label_looks_sealed(SPAN("{\"t\":1}")));
    assert_false(label_looks_sealed(SPAN("eyJ.a.b.c")));
    assert_false(label_looks_sealed(SPAN("eyJ.a.b.c.d e")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oneseal_keys),
        cmocka_unit_test(oneseal_message),
        cmocka_unit_test(esdata_jwe),
        cmocka_unit_test(esdata_negative),
        cmocka_unit_test(no_flipped_bit_opens),
        cmocka_unit_test(no_prefix_opens),
        cmocka_unit_test(hedged_nonces_differ),
        cmocka_unit_test(seal_refuses_what_it_must),
        cmocka_unit_test(cnf_follows_the_grammar),
        cmocka_unit_test(header_numbers),
        cmocka_unit_test(looks_sealed),
    };
    if (opener_init(&opener) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    opener_free(&opener);
    return failed;
}
