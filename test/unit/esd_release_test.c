/* lib/esd: letters, release, bundle, policies against the given vectors and against themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd/letter_open.h"
#include "esd/log.h"
#include "esd/release_open.h"
#include "vectors.h"

static uint8_t memory[4 << 20], scratch_memory[1 << 20], out_memory[1 << 20], out2_memory[1 << 20];

static struct arena fresh(void)
{
    struct arena a;
    arena_over(&a, memory, sizeof memory);
    return a;
}

static struct p256 *key_of(struct vectors *v, const struct jval *o, const char *name)
{
    struct p256 *k;
    assert_int_equal(p256_read(json_get(o, span_str(name)), &v->a, &k), REASON_OK);
    return k;
}

static struct p256 *pair(void)
{
    struct p256 *k;
    assert_int_equal(p256_new(&k), OK);
    return k;
}

/* ---- the given vectors -------------------------------------------------------------------------- */

struct streams {
    struct vectors *v;
    const struct jval *list;
    uint8_t sid[ESD_SID];
};
static const uint8_t *sid_of(void *ctx, struct span kid)
{
    struct streams *s = (struct streams *)ctx;
    for (const struct jval *x = s->list->child; x; x = x->next)
        if (kid_eq(vec_str(s->v, x, "kid"), kid) && keys_sid(vec_str(s->v, x, "address"), s->sid) == REASON_OK)
            return s->sid;
    return NULL;
}

/* The reader's side: opens the answer, compares what came out, and rebuilds the request. */
static enum reason answer_vector(struct vectors *v, const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    struct arena a = fresh();
    struct jws j;
    struct release_ask ask;
    struct release_got got;
    struct streams streams = {v, JSON_GET(in, "streams"), {0}};
    struct span request = vec_str(v, in, "request");
    struct p256 *reader = key_of(v, in, "reader_jwk"), *release = key_of(v, in, "release_jwk");
    struct p256 *epk = key_of(v, in, "epk_private_jwk");
    assert_int_equal(release_ask_read(request, &a, &j, &ask), REASON_OK);
    assert_int_equal(release_ask_judge(&j, &ask, reader, vec_str(v, in, "ttp_fqdn")), REASON_OK);
    p256_free(ask.epk);
    ask.epk = epk;
    struct release_expect x = {.request = request,
                               .ask = &ask,
                               .release = release,
                               .log_vkey = vec_str(v, in, "log_vkey"),
                               .sid = sid_of,
                               .ctx = &streams};
    enum reason r = release_open(vec_str(v, in, "answer"), &x, &a, &got);
    if (r == REASON_OK) {
        const struct jval *keys = JSON_GET(out, "keys");
        assert_int_equal(got.n_keys, keys->n);
        assert_int_equal(got.n_deny, JSON_GET(out, "deny")->n);
        assert_int_equal(got.deny[0].code, REASON_REFUSED);
        for (size_t i = 0; i < got.n_keys; i++) {
            const struct jval *s = streams.list->child;
            while (s && !kid_eq(vec_str(v, s, "kid"), got.keys[i].kid))
                s = s->next;
            assert_true(span_eq(span_of(got.keys[i].kv, 64), vec_hex(v, s, "kv_hex")));
        }
        assert_true(span_eq(span_of(got.root, 32), vec_hex(v, out, "root_hex")));
        /* what we build from the same facts is the same text */
        struct buf scratch = BUF_ARRAY(scratch_memory), text = BUF_ARRAY(out_memory);
        assert_int_equal(release_ask_build(&ask, reader, j.kid, &scratch, &text), OK);
        assert_true(span_eq(buf_span(&scratch), vec_str(v, out, "request_payload")));
        assert_int_equal(jws_open(buf_span(&text), JWS_REQUEST, reader, &a, &j), REASON_OK);
        release_wipe(&got);
    } else {
        assert_int_equal(got.n_keys, 0);
    }
    p256_free(reader);
    p256_free(release);
    p256_free(epk);
    return r;
}

/* The wrapped keys, sealed again with the given randomness: octet for octet. */
static void wrap_vector(struct vectors *v, const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    struct arena a = fresh();
    struct jws j;
    struct jwe_fixed f;
    struct p256 *to = key_of(v, in, "epk_private_jwk"), *release = key_of(v, in, "release_jwk"), *epk;
    struct span jwe, rest, head, iv = SPAN_NONE;
    struct jval *h;
    char text[512];
    assert_int_equal(jws_open(vec_str(v, in, "answer"), JWS_ANSWER, release, &a, &j), REASON_OK);
    assert_int_equal(claim_str(j.claims, "jwe", &a, &jwe), REASON_OK);
    rest = jwe;
    head = span_cut(&rest, '.');
    (void)span_cut(&rest, '.');
    iv = span_cut(&rest, '.');
    struct buf hb = BUF_ARRAY(out2_memory), ib = BUF_ARRAY(f.iv), t = BUF_ARRAY(text), made = BUF_ARRAY(out_memory);
    assert_int_equal(b64url_get(head, &hb), OK);
    assert_int_equal(b64url_get(iv, &ib), OK);
    assert_int_equal(json_parse(buf_span(&hb), &a, &h, NULL), OK);
    const struct jval *pub = JSON_GET(h, "epk");
    buf_put(&t, span_first(pub->raw, pub->raw.n - 1));
    buf_fmt(&t, ",\"d\":\"%.*s\"}", SPAN_FMT(vec_str(v, out, "epk_private_d")));
    assert_int_equal(p256_read_text(buf_span(&t), &a, &epk), REASON_OK);
    f.epk = epk;
    memcpy(f.cek, vec_hex(v, out, "cek_hex").p, 32);
    struct span sha = vec_hex(v, out, "request_sha256_hex");
    assert_int_equal(jwe_wrap_fixed(to, SPAN_NONE, sha.p, vec_hex(v, out, "plaintext_hex"), &f, &made), OK);
    assert_true(span_eq(buf_span(&made), jwe));
    p256_free(to);
    p256_free(release);
    p256_free(epk);
}

/* The vault's side. */
static enum reason vault_vector(struct vectors *v, const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in");
    struct arena a = fresh();
    struct jws j;
    struct release_ask ask;
    struct p256 *reader = key_of(v, in, "reader_jwk");
    enum reason r = release_ask_read(vec_str(v, in, "request"), &a, &j, &ask);
    if (r == REASON_OK)
        r = release_ask_judge(&j, &ask, reader, vec_str(v, in, "ttp_fqdn"));
    p256_free(ask.epk);
    p256_free(reader);
    return r;
}

static enum reason letter_vector(struct vectors *v, const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    struct arena a = fresh();
    struct jws j;
    struct key_letter l;
    uint8_t kv[1][ESD_KV], sid[ESD_SID], thumb[JOSE_THUMB];
    struct p256 *writer = key_of(v, in, "writer_jwk"), *sealing = key_of(v, in, "sealing_private_jwk");
    assert_int_equal(letter_read(vec_str(v, out, "letter"), &a, &j, &l), REASON_OK);
    assert_int_equal(jws_verify(&j, writer), REASON_OK);
    assert_true(span_eq(j.payload, vec_str(v, out, "payload")));
    assert_int_equal(letter_open(&l, sealing, &a, kv), REASON_OK);
    assert_true(span_eq(span_of(kv[0], ESD_KV), vec_hex(v, in, "kv_hex")));
    assert_int_equal(keys_sid(vec_str(v, in, "address"), sid), REASON_OK);
    assert_memory_equal(sid, l.items[0].sid, ESD_SID);
    assert_int_equal(p256_thumb(writer, thumb), OK);
    /* built again with the envelope's own randomness, the body is the same text up to the envelope */
    struct buf scratch = BUF_ARRAY(scratch_memory), text = BUF_ARRAY(out_memory);
    struct span kid;
    assert_int_equal(jwe_kid(l.jwe, &a, &kid), REASON_OK);
    assert_int_equal(letter_build(&l, (const uint8_t(*)[ESD_KV])kv, writer, j.kid, sealing, kid, &scratch, &text), OK);
    struct key_letter again;
    struct jws k;
    assert_int_equal(letter_read(buf_span(&text), &a, &k, &again), REASON_OK);
    size_t head = j.payload.n - l.jwe.n;
    assert_int_equal(k.payload.n - again.jwe.n, head);
    assert_memory_equal(k.payload.p, j.payload.p, head - 2);
    p256_free(writer);
    p256_free(sealing);
    return REASON_OK;
}

static void release_vectors(void **state)
{
    (void)state;
    struct vectors v;
    unsigned wrong = 0;
    vectors_open(&v, "release");
    for (const struct jval *vec = v.list->child; vec; vec = vec->next) {
        struct span id = vec_str(&v, vec, "id"), want = vec_str(&v, vec, "reason");
        enum reason r, w;
        if (span_starts(id, SPAN("head-"))) {
            v.skipped++;
            continue;
        }
        v.ran++;
        if (span_starts(id, SPAN("release-vault-")))
            r = vault_vector(&v, vec);
        else
            r = span_starts(id, SPAN("letter-")) ? letter_vector(&v, vec) : answer_vector(&v, vec);
        if (JSON_GET(JSON_GET(vec, "out"), "cek_hex"))
            wrap_vector(&v, vec);
        if (!want.p)
            want = vec_str(&v, vec, "verdict");
        if (reason_of(want, &w) != OK || w != r) {
            vec_fail(id, "verdict", span_str(reason_code(r)), want);
            wrong++;
        }
    }
    assert_true(vectors_close(&v, "release"));
    assert_int_equal(wrong, 0);
}

/* ---- round trips -------------------------------------------------------------------------------- */

/* A vault with one log leaf answers; the reader opens it, and nobody else does. */
static void answer_round_trip(void **state)
{
    (void)state;
    struct arena a = fresh();
    struct buf scratch = BUF_ARRAY(scratch_memory), request = BUF_ARRAY(out_memory), answer = BUF_ARRAY(out2_memory);
    struct p256 *reader = pair(), *epk = pair(), *release = pair(), *other = pair();
    uint8_t kv[ESD_KV], sid[ESD_SID] = {7}, kidtext[2][64], seed[32] = {1}, pub[32], vkey[256], head[1024],
                        record[1024];
    struct span want[2];
    struct release_key key = {.kv = kv, .kv_n = ESD_KV, .pv = 4, .cr = SPAN("//demo.example/id-mn")};
    assert_int_equal(esd_random(kv, sizeof kv), OK);
    assert_int_equal(keys_kc(span_of(kv, ESD_KV), sid, key.kc), REASON_OK);
    for (int i = 0; i < 2; i++) {
        struct buf b = BUF_ARRAY(kidtext[i]);
        uint8_t kc[ESD_KC] = {9};
        keys_kid_put(&b, i ? kc : key.kc, SPAN("ttp.demo.example"));
        want[i] = buf_span(&b);
    }
    key.kid = want[0];
    struct release_ask ask = {.iss = SPAN("//demo.example/Sapp-heat"),
                              .aud = {SPAN("ttp.demo.example")},
                              .n_aud = 1,
                              .want = want,
                              .n_want = 2,
                              .epk = epk};
    assert_int_equal(release_ask_build(&ask, reader, SPAN("54-//demo.example/Sapp-heat"), &scratch, &request), OK);
    struct release_deny deny = {.kid = want[1], .code = REASON_REFUSED};
    struct release_answer r = {.keys = &key, .n_keys = 1, .deny = &deny, .n_deny = 1, .ttl = 600, .salt = {5}};
    assert_int_equal(esd_sha256(buf_span(&request), r.req), OK);
    struct buf rec = BUF_ARRAY(record), vk = BUF_ARRAY(vkey), cp = BUF_ARRAY(head);
    release_record_put(&rec, 1, ask.iss, SPAN_NONE, r.req, want, (enum reason[]){REASON_OK, REASON_REFUSED}, 2);
    struct log_head h = {.size = 1};
    assert_int_equal(release_leaf(r.salt, buf_span(&rec), h.root.b), OK);
    assert_int_equal(log_public(seed, pub), OK);
    assert_int_equal(log_vkey_put(SPAN("ttp.demo.example/log"), pub, &vk), OK);
    assert_int_equal(log_checkpoint_sign(SPAN("ttp.demo.example/log"), &h, seed, &cp), OK);
    r.record = buf_span(&rec);
    r.size = 1;
    r.head = buf_span(&cp);
    assert_int_equal(release_answer_build(&r, epk, release, SPAN("release-1"), &scratch, &answer), OK);
    struct release_expect x = {
        .request = buf_span(&request), .ask = &ask, .release = release, .log_vkey = buf_span(&vk)};
    struct release_got got;
    assert_int_equal(release_open(buf_span(&answer), &x, &a, &got), REASON_OK);
    assert_int_equal(got.n_keys, 1);
    assert_int_equal(got.ttl, 600);
    assert_memory_equal(got.keys[0].kv, kv, ESD_KV);
    assert_true(span_eq(got.keys[0].cr, key.cr));
    assert_int_equal(got.deny[0].code, REASON_REFUSED);
    release_wipe(&got);
    x.release = other;
    assert_int_equal(release_open(buf_span(&answer), &x, &a, &got), REASON_TAMPERED);
    x.release = release;
    struct release_ask stolen = ask;
    stolen.epk = other;
    x.ask = &stolen;
    assert_int_equal(release_open(buf_span(&answer), &x, &a, &got), REASON_TAMPERED);
    /* all denied: no key, no leaf */
    ask.n_want = 1;
    ask.want = want + 1;
    x.ask = &ask;
    r.n_keys = 0;
    buf_reset(&answer);
    assert_int_equal(release_answer_build(&r, epk, release, SPAN("release-1"), &scratch, &answer), OK);
    assert_int_equal(release_open(buf_span(&answer), &x, &a, &got), REASON_OK);
    assert_int_equal(got.n_keys, 0);
    assert_int_equal(got.deny[0].code, REASON_REFUSED);
    p256_free(reader);
    p256_free(epk);
    p256_free(release);
    p256_free(other);
}

static void batch_letter_round_trip(void **state)
{
    (void)state;
    enum { N = 5 };
    struct arena a = fresh();
    struct buf scratch = BUF_ARRAY(scratch_memory), text = BUF_ARRAY(out_memory);
    struct p256 *writer = pair(), *sealing = pair(), *other = pair();
    static uint8_t kvs[N][ESD_KV], got[N][ESD_KV], kid[N][64];
    struct letter_item items[N];
    for (int i = 0; i < N; i++) {
        items[i] = (struct letter_item){.sid = {(uint8_t)i},
                                        .ep = (uint64_t)i + 1,
                                        .suid = 24,
                                        .et = 1800000000000,
                                        .adfq = SPAN("ttp.demo.example"),
                                        .policy = SPAN("ward-3"),
                                        .has_pv = i == 2,
                                        .pv = 3};
        assert_int_equal(esd_random(kvs[i], ESD_KV), OK);
        assert_int_equal(keys_kc(span_of(kvs[i], ESD_KV), items[i].sid, items[i].kc), REASON_OK);
        struct buf b = BUF_ARRAY(kid[i]);
        keys_kid_put(&b, items[i].kc, SPAN("ttp.demo.example"));
        items[i].kid = buf_span(&b);
    }
    struct key_letter l = {
        .iss = SPAN("//demo.example/id-mn"), .aud = SPAN("ttp.demo.example"), .items = items, .n = N, .batch = true};
    assert_int_equal(letter_build(&l, (const uint8_t(*)[ESD_KV])kvs, writer, SPAN("53-//demo.example/id-mn"), sealing,
                                  SPAN("sealing-1"), &scratch, &text),
                     OK);
    struct jws j;
    struct key_letter r;
    assert_int_equal(letter_read(buf_span(&text), &a, &j, &r), REASON_OK);
    assert_int_equal(jws_verify(&j, writer), REASON_OK);
    assert_int_equal(jws_verify(&j, other), REASON_TAMPERED);
    assert_int_equal(r.n, N);
    assert_true(r.items[2].has_pv);
    assert_int_equal(r.items[2].pv, 3);
    assert_int_equal(r.items[4].et, 1800000000000);
    assert_int_equal(letter_open(&r, sealing, &a, got), REASON_OK);
    assert_memory_equal(got, kvs, sizeof kvs);
    assert_int_equal(letter_open(&r, other, &a, got), REASON_TAMPERED);
    assert_int_equal(got[0][0] | got[N - 1][63], 0);
    /* a KV that is another item's */
    memcpy(kvs[1], kvs[0], ESD_KV);
    buf_reset(&text);
    assert_int_equal(letter_build(&l, (const uint8_t(*)[ESD_KV])kvs, writer, SPAN("53-//demo.example/id-mn"), sealing,
                                  SPAN("sealing-1"), &scratch, &text),
                     OK);
    assert_int_equal(letter_read(buf_span(&text), &a, &j, &r), REASON_OK);
    assert_int_equal(letter_open(&r, sealing, &a, got), REASON_COMMITMENT_MISMATCH);
    /* a kid twice */
    items[1].kid = items[0].kid;
    buf_reset(&text);
    assert_int_equal(
        letter_build(&l, (const uint8_t(*)[ESD_KV])kvs, writer, SPAN_NONE, sealing, SPAN_NONE, &scratch, &text), OK);
    assert_int_equal(letter_read(buf_span(&text), &a, &j, &r), REASON_MALFORMED);
    p256_free(writer);
    p256_free(sealing);
    p256_free(other);
}

static void bundle_round_trip(void **state)
{
    (void)state;
    struct arena a = fresh();
    struct buf text = BUF_ARRAY(out_memory);
    struct p256 *identity = pair(), *sealing = pair(), *release = pair(), *other = pair();
    struct bundle b = {.fqdn = SPAN("ttp.demo.example"),
                       .seq = 2,
                       .next = 10,
                       .exp = 100,
                       .identity = identity,
                       .sealing = sealing,
                       .release = release,
                       .sealing_kid = SPAN("sealing-1@ttp.demo.example"),
                       .release_kid = SPAN("release-1@ttp.demo.example"),
                       .log_vkey = SPAN("ttp.demo.example/log+00+AA")};
    struct bundle got;
    assert_int_equal(bundle_build(&b, &text), OK);
    buf_c(&text, '\n');
    struct span t = buf_span(&text);
    assert_int_equal(bundle_open(t, b.fqdn, NULL, 50, &a, &got), REASON_OK);
    assert_true(p256_same(got.identity, identity) && p256_same(got.sealing, sealing) &&
                p256_same(got.release, release));
    assert_false(p256_private(got.identity));
    assert_true(span_eq(got.sealing_kid, b.sealing_kid));
    assert_int_equal(got.seq, 2);
    bundle_free(&got);
    assert_int_equal(bundle_open(t, b.fqdn, identity, 50, &a, &got), REASON_OK);
    bundle_free(&got);
    assert_int_equal(bundle_open(t, b.fqdn, other, 50, &a, &got), REASON_TAMPERED);
    assert_int_equal(bundle_open(t, SPAN("ttp.other.example"), NULL, 50, &a, &got), REASON_REFUSED);
    assert_int_equal(bundle_open(t, b.fqdn, NULL, 101, &a, &got), REASON_EXPIRED);
    assert_null(got.identity);
    p256_free(identity);
    p256_free(sealing);
    p256_free(release);
    p256_free(other);
}

static void policy_and_denial_round_trip(void **state)
{
    (void)state;
    struct arena a = fresh();
    struct buf scratch = BUF_ARRAY(scratch_memory), text = BUF_ARRAY(out_memory);
    struct p256 *owner = pair();
    struct policy_reader readers[] = {{.id = SPAN("//demo.example/Sapp-heat")},
                                      {.id = SPAN("//demo.example/Sapp-b"), .pinned = true, .jkt = {3}}};
    struct policy p = {.iss = SPAN("//demo.example/id-mn"),
                       .aud = SPAN("ttp.demo.example"),
                       .policy = SPAN("ward-3"),
                       .version = 1,
                       .until = 1800000000000,
                       .readers = readers,
                       .n = 2};
    struct policy q;
    struct jws j;
    assert_int_equal(policy_build(&p, owner, SPAN("53-//demo.example/id-mn"), &scratch, &text), OK);
    assert_int_equal(policy_read(buf_span(&text), &a, &j, &q), REASON_OK);
    assert_int_equal(jws_verify(&j, owner), REASON_OK);
    assert_int_equal(q.n, 2);
    assert_true(q.readers[1].pinned && q.readers[1].jkt[0] == 3 && !q.readers[0].pinned);
    assert_true(q.until == p.until && q.from == 0 && q.version == 1);
    /* a signature made for one purpose serves no other */
    struct denial d = {.iss = p.iss, .aud = p.aud, .id = readers[0].id, .deny = true, .n = 12}, e;
    assert_int_equal(denial_read(buf_span(&text), &a, &j, &e), REASON_MALFORMED);
    buf_reset(&text);
    assert_int_equal(denial_build(&d, owner, SPAN_NONE, &scratch, &text), OK);
    assert_int_equal(denial_read(buf_span(&text), &a, &j, &e), REASON_OK);
    assert_true(e.deny && e.n == 12 && e.policy.n == 0 && span_eq(e.id, d.id));
    assert_int_equal(policy_read(buf_span(&text), &a, &j, &q), REASON_MALFORMED);
    p.version = 0;
    buf_reset(&text);
    assert_int_equal(policy_build(&p, owner, SPAN_NONE, &scratch, &text), OK);
    assert_int_equal(policy_read(buf_span(&text), &a, &j, &q), REASON_MALFORMED);
    p256_free(owner);
}

static void client_ack_poll_round_trip(void **state)
{
    (void)state;
    struct arena a = fresh();
    struct buf scratch = BUF_ARRAY(scratch_memory), text = BUF_ARRAY(out_memory), back = BUF_ARRAY(out2_memory);
    struct p256 *me = pair(), *vault = pair();
    struct jws j;
    struct client c = {.iss = SPAN("//demo.example/Sapp-heat"),
                       .aud = SPAN("ttp.demo.example"),
                       .nonce = SPAN("n"),
                       .key = me},
                  d;
    struct span x5c[] = {SPAN("not really a certificate"), SPAN("nor this")};
    assert_int_equal(client_build(&c, SPAN_NONE, x5c, 2, &scratch, &text), OK);
    assert_int_equal(client_open(buf_span(&text), &a, &j, &d), REASON_OK);
    assert_int_equal(j.n_x5c, 2);
    assert_true(span_eq(j.x5c[1], x5c[1]) && p256_same(d.key, me) && !p256_private(d.key));
    p256_free(d.key);
    text.p[text.n - 3] ^= 1;
    assert_int_not_equal(client_open(buf_span(&text), &a, &j, &d), REASON_OK);
    text.p[text.n - 3] ^= 1;
    struct ack k = {.code = SPAN("ok"), .version = 2, .index = 3, .size = 4, .head = SPAN("head")}, got;
    assert_int_equal(esd_sha256(buf_span(&text), k.req), OK);
    assert_int_equal(ack_build(&k, vault, SPAN("release-1"), &scratch, &back), OK);
    assert_int_equal(ack_open(buf_span(&back), buf_span(&text), vault, &a, &got), REASON_OK);
    assert_true(got.index == 3 && got.version == 2 && span_eq(got.head, k.head));
    assert_int_equal(ack_open(buf_span(&back), SPAN("another request"), vault, &a, &got), REASON_TAMPERED);
    assert_int_equal(ack_open(buf_span(&back), buf_span(&text), me, &a, &got), REASON_TAMPERED);
    struct poll_stream s[] = {{.sid = {1}, .ep = 4}, {.sid = {2}, .ep = 9}};
    struct poll p = {.iss = c.iss, .aud = c.aud, .nonce = SPAN("mine"), .streams = s, .n = 2}, q;
    buf_reset(&text);
    buf_reset(&back);
    assert_int_equal(poll_build(&p, me, SPAN_NONE, &scratch, &text), OK);
    assert_int_equal(poll_read(buf_span(&text), &a, &j, &q), REASON_OK);
    assert_true(q.n == 2 && q.streams[1].ep == 9);
    struct poll_answer pa = {.t_ms = 77, .state = 5, .streams = s, .n = 2}, pb;
    assert_int_equal(esd_sha256(buf_span(&text), pa.req), OK);
    assert_int_equal(poll_answer_build(&pa, vault, SPAN_NONE, &scratch, &back), OK);
    assert_int_equal(poll_answer_open(buf_span(&back), buf_span(&text), vault, &a, &pb), REASON_OK);
    assert_true(pb.t_ms == 77 && pb.state == 5 && pb.n == 2);
    assert_int_equal(poll_read(buf_span(&back), &a, &j, &q), REASON_MALFORMED);
    p256_free(me);
    p256_free(vault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(release_vectors),
        cmocka_unit_test(answer_round_trip),
        cmocka_unit_test(batch_letter_round_trip),
        cmocka_unit_test(bundle_round_trip),
        cmocka_unit_test(policy_and_denial_round_trip),
        cmocka_unit_test(client_ack_poll_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
