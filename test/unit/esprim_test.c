/* lib/esp: ESPrim, against the given vectors and V9 of security.md 12; the receiver's rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esp/derive.h"
#include "esp/originator.h"
#include "esp/receiver.h"
#include "vectors.h"

#define NOW INT64_C(1790000000000) /* 2026-09-21 */

static const struct self me = {
    {(const uint8_t *)"//sp.example.com", 16}, {(const uint8_t *)"/mn", 3}, {(const uint8_t *)"mn", 2}};
static uint8_t memory[ESP_ARENA], room[1 << 16];
static struct arena a;
static struct esp_pair pairs[6];
static struct esp_orig origs[3];
static struct esp_ring ring = {pairs, LEN(pairs)};
static struct esp_origs table = {origs, LEN(origs)};

static int fresh(void **state)
{
    (void)state;
    memset(pairs, 0, sizeof pairs);
    memset(origs, 0, sizeof origs);
    arena_over(&a, memory, sizeof memory);
    return 0;
}

/* ---- the given vectors ------------------------------------------------------------------------------------ */

static enum err own_of_vector(void *ctx, struct span id, int64_t now, struct arena *ar, struct esp_rand *out)
{
    TRY(esp_rand_text(*(struct span *)ctx, true, now, ar, out));
    return span_eq(out->id, id) ? OK : ERR_NOTFOUND;
}

static struct verdict judge(struct vectors *v, const struct jval *in, struct span object, struct span *plain)
{
    struct span recv = vec_str(v, in, "receiver_object");
    struct esp_ask ask = {.now = NOW, .ring = &ring, .origs = &table, .own = own_of_vector, .ctx = &recv};
    struct esp_session s;
    struct buf out = BUF_ARRAY(room);
    fresh(NULL);
    assert_int_equal(esp_ring_add(&ring, vec_str(v, in, "kid"), vec_str(v, in, "bound_identity"),
                                  vec_hex(v, in, "pairwise_key_hex"), NOW, INT64_MAX),
                     OK);
    struct verdict go = esp_receive(&ask, object, &a, &out, plain, &s);
    if (!verdict_go(go))
        return go;
    struct jval *inner;
    struct span fr;
    assert_int_equal(json_parse(*plain, &a, &inner, NULL), OK);
    return json_str(JSON_GET(inner, "fr"), &a, &fr) == OK ? esp_check_from(fr, &s, &me) : VERDICT_GO;
}

/* What the header of the vector says is what is sealed; the session key too. */
static void seals(struct vectors *v, const struct jval *vec)
{
    const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
    struct esp_key key;
    struct esp_head h;
    struct span want = vec_str(v, out, "esprim_object"), iv = vec_hex(v, in, "iv_hex");
    struct buf b = BUF_ARRAY(room);
    assert_int_equal(esp_derive(vec_hex(v, in, "pairwise_key_hex"), vec_str(v, in, "receiver_object"),
                                vec_str(v, in, "originator_object"), &key),
                     OK);
    assert_memory_equal(key.session_only, vec_hex(v, out, "session_key_hex").p, ESP_KEY);
    assert_true(verdict_go(esp_read(want, &a, &h)));
    assert_int_equal(iv.n, ESP_IV);
    assert_int_equal(esp_seal(&key, &h, iv.p, vec_str(v, in, "plaintext"), &b), OK);
    if (!span_eq(buf_span(&b), want))
        vec_fail(vec_str(v, vec, "id"), "object", buf_span(&b), want);
    assert_true(span_eq(buf_span(&b), want));
    struct span plain;
    b = BUF_ARRAY(room);
    assert_true(verdict_go(esp_open(&key, &h, &b, &plain)));
    assert_true(span_eq(plain, vec_str(v, in, "plaintext")));
}

static void hex_is(struct vectors *v, const struct jval *out, const char *name, const uint8_t *got)
{
    struct span want = vec_hex(v, out, name);
    assert_int_equal(want.n, DERIVE_KEY);
    assert_memory_equal(got, want.p, want.n);
}

static void text_is(struct vectors *v, const struct jval *out, const char *name, struct span material, struct span fqdn)
{
    uint8_t text[128];
    struct buf b = BUF_ARRAY(text);
    struct span key;
    assert_int_equal(derive_exporter(material, fqdn, &b, &key), OK);
    assert_true(span_eq(buf_span(&b), vec_str(v, out, name)));
    hex_is(v, out, "key_hex", key.p);
}

static void derives(struct vectors *v, const struct jval *in, const struct jval *out)
{
    struct span material = vec_hex(v, in, "exporter_hex"), ke = span_from(material, DERIVE_ID),
                half = vec_hex(v, out, "first_half_hex");
    uint8_t key[DERIVE_KEY];
    text_is(v, out, "relative_key_id", material, SPAN_NONE);
    text_is(v, out, "pairwise_e2e_key_id", material, SPAN_NONE);
    text_is(v, out, "key_id_maf", material, vec_str(v, in, "maf_id"));
    text_is(v, out, "ke_id", material, vec_str(v, in, "mef_fqdn"));
    assert_true(span_eq(half, span_first(ke, DERIVE_KEY / 2)));
    assert_int_equal(derive_km(ke, vec_str(v, in, "maf_id"), key), OK);
    hex_is(v, out, "km_hex", key);
    assert_int_equal(derive_kpsa(ke, vec_str(v, in, "enrolee_b_id"), key), OK);
    hex_is(v, out, "kpsa_hex", key);
    assert_int_equal(derive_kuc(ke, (unsigned)vec_u64(in, "suid"), vec_str(v, in, "enrolment_target_id"), key), OK);
    hex_is(v, out, "kuc_hex", key);
}

static void chains(struct vectors *v, const struct jval *in, const struct jval *out)
{
    struct derive_e2e k;
    assert_int_equal(derive_e2e(vec_hex(v, in, "kpsa_hex"), vec_hex(v, in, "salt_hex"), &k), OK);
    hex_is(v, out, "ke2e_master_hex", k.master);
    hex_is(v, out, "ke2e_msg_auth_hex", k.msg_auth);
    hex_is(v, out, "ke2e_msg_conf_hex", k.msg_conf);
    hex_is(v, out, "ke2e_att_auth_hex", k.att_auth);
    hex_is(v, out, "ke2e_att_conf_hex", k.att_conf);
}

static void given_vectors(void **state)
{
    struct vectors v;
    (void)state;
    vectors_open(&v, "derivations");
    for (const struct jval *vec = v.list->child; vec; vec = vec->next) {
        const struct jval *in = JSON_GET(vec, "in"), *out = JSON_GET(vec, "out");
        struct span id = vec_str(&v, vec, "id"), plain;
        fresh(NULL);
        v.ran++;
        if (!span_starts(id, SPAN("esprim-"))) {
            (JSON_GET(in, "exporter_hex") ? derives : chains)(&v, in, out);
            continue;
        }
        if (JSON_GET(vec, "reason")) {
            struct verdict got = judge(&v, in, vec_str(&v, in, "esprim_object"), &plain);
            if (got.rsc != vec_u64(vec, "reason"))
                print_error("%.*s: got %u %s\n", SPAN_FMT(id), got.rsc, got.rule);
            assert_int_equal(got.rsc, vec_u64(vec, "reason"));
            continue;
        }
        seals(&v, vec);
        if (!span_ends(id, SPAN("-response")) && !span_ends(id, SPAN("-refresh"))) { /* those are for originators */
            struct verdict got = judge(&v, in, vec_str(&v, out, "esprim_object"), &plain);
            assert_true(verdict_go(got));
            assert_true(span_eq(plain, vec_str(&v, in, "plaintext")));
        }
    }
    assert_int_equal(v.ran, 23);
    assert_true(vectors_close(&v, "derivations"));
}

/* V9 of security.md 12. */
static void v9(void **state)
{
    static const uint8_t kc[] = {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
                                 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47};
    static const uint8_t iv[ESP_IV] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const struct span oro = SPAN(
        "{\"esri\":\"O1\",\"esrv\":\"EBESExQVFhcYGRobHB0eHw\",\"esrx\":\"20291231T000000\",\"esk\":1,\"espa\":[12]}");
    const struct span recv = SPAN("{\"esri\":\"R1\",\"esrv\":\"AAECAwQFBgcICQoLDA0ODw\",\"esrx\":\"20300101T000000\","
                                  "\"esks\":[1],\"espa\":[10,12]}");
    const struct span plain = SPAN(
        "{\"op\":2,\"to\":\"mn/therm/temp/la\",\"fr\":\"//sp.example.com/S98821\",\"rqi\":\"i-0001\",\"rvi\":\"3\"}");
    struct esp_key key;
    struct buf b = BUF_ARRAY(room);
    (void)state;
    assert_int_equal(esp_derive(span_of(kc, sizeof kc), recv, oro, &key), OK);
    struct esp_head h = {.kid = SPAN("000102030405060708090A0B0C0D0E0F@maf.example.com"),
                         .cty = ESP_CTY_REQUEST,
                         .ori = SPAN("O1"),
                         .rri = SPAN("R1"),
                         .oro = oro,
                         .enc = ESP_A256GCM};
    assert_int_equal(esp_seal(&key, &h, iv, plain, &b), OK);
    assert_true(span_eq(
        buf_span(&b),
        SPAN("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiMDAwMTAyMDMwNDA1MDYwNzA4MDkwQTBCMEMwRDBFMEZAbWFmLmV4YW1wb"
             "GUuY29tIiwiY3R5Ijoidm5kLm9uZW0ybS1wcmVxK2pzb24iLCJvcmkiOiJPMSIsInJyaSI6IlIxIiwib3JvIjp7ImVzcmkiOiJPMSIsIm"
             "VzcnYiOiJFQkVTRXhRVkZoY1lHUm9iSEIwZUh3IiwiZXNyeCI6IjIwMjkxMjMxVDAwMDAwMCIsImVzayI6MSwiZXNwYSI6WzEyXX19.."
             "AAECAwQFBgcICQoL.XWiPTUMv7qlWhbWdKKIOTiWNQUSdvQxAauDysWIaBUPMAEPSSb8Z6kkcu11TcnBOo-SFeY8x2_4qfccZ_"
             "F6jZc3iroFDM-oXyQ3b4lW7EmTi_VSqdp3z0w.eyjzed3FOtva0V7XDUryBg")));
}

/* ---- the receiver's rules --------------------------------------------------------------------------------- */

#define KID  SPAN("agreed-1@sp.example.com")
#define PEER SPAN("//sp.example.com/S98821")
static const uint8_t pair[32] = {7, 7, 7}, boot[ESP_BOOT] = {9}, dice[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
static struct esp_own own = {.enc = ESP_ENC_ALL};
static uint8_t own_text[ESP_RAND_MAX], object[8192];
static size_t object_n;

static enum err find_own(void *ctx, struct span id, int64_t now, struct arena *ar, struct esp_rand *out)
{
    return esp_own_find(ctx, id, now, ar, out);
}

static struct esp_ask ask_at(int64_t now)
{
    return (struct esp_ask){.now = now, .ring = &ring, .origs = &table, .own = find_own, .ctx = &own};
}

/* A shared object of ours that ends after so many ms. */
static struct span own_object(bool shared, int64_t ms)
{
    struct buf b = BUF_ARRAY(own_text);
    memcpy(own.boot, boot, sizeof boot);
    assert_int_equal(esp_own_make(&own, shared, NOW + ms, dice, &b), OK);
    return buf_span(&b);
}

static int with_key(void **state)
{
    fresh(state);
    assert_int_equal(esp_ring_add(&ring, KID, PEER, span_of(pair, 32), NOW, INT64_MAX), OK);
    return 0;
}

static struct span seal_next(struct esp_call *c, const char *plain)
{
    static uint8_t iv[ESP_IV];
    struct buf b = BUF_ARRAY(object);
    iv[1] = (uint8_t)(iv[1] + !++iv[0]);
    assert_int_equal(esp_call_seal(c, iv, span_str(plain), &b), OK);
    object_n = b.n;
    return buf_span(&b);
}

static unsigned receive_at(int64_t now, struct span o, struct esp_session *s)
{
    struct esp_ask ask = ask_at(now);
    struct buf out = BUF_ARRAY(room);
    struct span plain;
    unsigned rsc = esp_receive(&ask, o, &a, &out, &plain, s).rsc;
    assert_true(rsc == 0 ? plain.n > 0 : plain.n == 0 && out.n == 0);
    return rsc;
}

static void request_and_answer(void **state)
{
    struct esp_call c;
    struct esp_session s;
    struct span plain, rro, fresh_one = SPAN("{\"esri\":\"R2\"}");
    uint8_t text[4096];
    struct buf b = BUF_ARRAY(text), out = BUF_ARRAY(room);
    (void)state;
    assert_int_equal(esp_call_begin(&c, KID, span_of(pair, 32), own_object(false, 60000), NOW, 600000, dice, &a), OK);
    assert_int_equal(c.enc, ESP_A256GCM);
    assert_true(c.expiry <= NOW + 60000); /* not later than the receiver's */
    assert_int_equal(receive_at(NOW, seal_next(&c, "one"), &s), 0);
    assert_true(span_eq(s.peer, PEER));
    assert_int_equal(esp_answer(&ring, &s, NOW, dice, fresh_one, SPAN("answer"), &b), OK);
    assert_true(verdict_go(esp_call_open(&c, buf_span(&b), &a, &out, &plain, &rro)));
    assert_true(span_eq(plain, SPAN("answer")) && span_eq(rro, fresh_one));
    /* from now on without our object */
    struct esp_head h;
    assert_true(verdict_go(esp_read(seal_next(&c, "two"), &a, &h)) && !h.oro.n);
    assert_int_equal(receive_at(NOW + 1000, seal_next(&c, "two"), &s), 0);
    /* an answer of another session */
    struct esp_call other;
    static const uint8_t more[32] = {200, 3};
    assert_int_equal(esp_call_begin(&other, KID, span_of(pair, 32), own_object(false, 60000), NOW, 600000, more, &a),
                     OK);
    assert_int_equal(esp_call_open(&other, buf_span(&b), &a, &out, &plain, &rro).rsc, 4113);
}

static void objects_count_once(void **state)
{
    struct esp_call c;
    struct esp_session s;
    static uint8_t kept[8192];
    (void)state;
    assert_int_equal(esp_call_begin(&c, KID, span_of(pair, 32), own_object(true, 60000), NOW, 600000, dice, &a), OK);
    struct span o = seal_next(&c, "one");
    memcpy(kept, o.p, o.n);
    struct span again = span_of(kept, o.n);
    assert_int_equal(receive_at(NOW, again, &s), 0);
    assert_int_equal(receive_at(NOW, again, &s), 5210);
    for (int i = 1; i < ESP_ORIG_USES; i++) {
        arena_over(&a, memory, sizeof memory);
        assert_int_equal(receive_at(NOW, seal_next(&c, "more"), &s), 0);
    }
    assert_int_equal(receive_at(NOW, seal_next(&c, "one too many"), &s), 4113);
    assert_int_equal(receive_at(NOW, again, &s), 5210);
}

static void what_is_not_known(void **state)
{
    struct esp_call c;
    struct esp_session s;
    (void)state;
    assert_int_equal(esp_call_begin(&c, SPAN("nobody@sp.example.com"), span_of(pair, 32), own_object(true, 60000), NOW,
                                    600000, dice, &a),
                     OK);
    assert_int_equal(receive_at(NOW, seal_next(&c, "x"), &s), 4112);
    assert_int_equal(esp_call_begin(&c, KID, span_of(pair, 32), own_object(true, 60000), NOW, 600000, dice, &a), OK);
    struct esp_call told = c, older = c, wrong = c;
    assert_int_equal(receive_at(NOW + 60001, seal_next(&c, "x"), &s), 4114); /* ours is over */
    own.boot[0]++;                                                           /* a new start */
    assert_int_equal(receive_at(NOW, seal_next(&c, "x"), &s), 4114);
    own.boot[0]--;
    told.told = true; /* without oro */
    assert_int_equal(receive_at(NOW, seal_next(&told, "x"), &s), 4113);
    /* expires after the receiver's */
    struct buf b = BUF_ARRAY(older.oro);
    esp_rand_put(&b, false, SPAN("O7"), SPAN("v"), NOW + 61000, 1, 4);
    older.oro_n = (uint16_t)b.n;
    memcpy(older.ori, "O7", 2);
    older.ori_n = 2;
    assert_int_equal(receive_at(NOW, seal_next(&older, "x"), &s), 4113);
    wrong.key.session_only[3] ^= 1;
    assert_int_equal(receive_at(NOW, seal_next(&wrong, "x"), &s), 4115);
    assert_false(origs[0].used); /* none of these left a trace */
    assert_int_equal(receive_at(NOW, seal_next(&c, "x"), &s), 0);
}

/* oro with these members, under a session key that fits it. */
static unsigned with_oro(const char *oro_text, const char *id, enum esp_enc enc)
{
    struct esp_call c = {.enc = enc};
    struct esp_session s;
    struct esp_rand recv;
    struct span text = own_object(true, 60000);
    assert_int_equal(esp_rand_text(text, true, NOW, &a, &recv), OK);
    c.kid_n = (uint16_t)KID.n;
    memcpy(c.kid, KID.p, KID.n);
    c.rri_n = (uint16_t)recv.id.n;
    memcpy(c.rri, recv.id.p, recv.id.n);
    c.ori_n = (uint16_t)strlen(id);
    memcpy(c.ori, id, strlen(id));
    c.oro_n = (uint16_t)strlen(oro_text);
    memcpy(c.oro, oro_text, strlen(oro_text));
    assert_int_equal(esp_derive(span_of(pair, 32), text, span_str(oro_text), &c.key), OK);
    return receive_at(NOW, seal_next(&c, "x"), &s);
}

#define ORO(members) "{\"esri\":\"O3\",\"esrv\":\"v\"," members "}"

static void algorithms(void **state)
{
    (void)state;
    own.enc = ESP_ENC_ALL;
    assert_int_equal(with_oro(ORO("\"esrx\":\"20260921T141400\",\"esk\":2,\"espa\":[12]"), "O3", ESP_A256GCM), 4111);
    assert_int_equal(with_oro(ORO("\"esrx\":\"20260921T141400\",\"esk\":1,\"espa\":[12,13]"), "O3", ESP_A256GCM), 4111);
    assert_int_equal(with_oro(ORO("\"esrx\":\"20260921T141400\",\"esk\":1,\"espa\":[12]"), "O3", ESP_A128GCM), 4111);
    own.enc = 1u << ESP_A256GCM;
    assert_int_equal(with_oro(ORO("\"esrx\":\"20260921T141400\",\"esk\":1,\"espa\":[10,12]"), "O3", ESP_A256GCM), 4111);
    own.enc = ESP_ENC_ALL;
    assert_int_equal(with_oro(ORO("\"esrx\":\"20260921T141400\",\"esk\":1"), "O3", ESP_A256GCM), 4000);
    assert_int_equal(with_oro(ORO("\"esrx\":\"soon\",\"esk\":1,\"espa\":[12]"), "O3", ESP_A256GCM), 4000);
    for (unsigned e = 0; e < ESP_ENC__N; e++) {
        fresh(NULL);
        with_key(NULL);
        assert_int_equal(with_oro(ORO("\"esrx\":\"30000\",\"esk\":1,\"espa\":[10,11,12]"), "O3", (enum esp_enc)e), 0);
    }
}

/* A relative expiry is no bound by itself: the object is remembered as long as the receiver's is good. */
static void relative_expiry(void **state)
{
    struct esp_session s;
    static uint8_t kept[8192];
    (void)state;
    assert_int_equal(with_oro(ORO("\"esrx\":\"1000\",\"esk\":1,\"espa\":[12]"), "O3", ESP_A256GCM), 0);
    size_t n = object_n;
    memcpy(kept, object, n);
    assert_int_equal(receive_at(NOW + 500, span_of(kept, n), &s), 5210);
    assert_int_equal(receive_at(NOW + 1500, span_of(kept, n), &s), 4113);
    assert_int_equal(receive_at(NOW + 60001, span_of(kept, n), &s), 4114);
}

/* In-band refresh: a request under one object brings the next. */
static void refresh(void **state)
{
    struct esp_call c, next;
    struct esp_session s;
    static const uint8_t more[32] = {77, 3};
    struct span text = own_object(true, 60000);
    (void)state;
    assert_int_equal(esp_call_begin(&c, KID, span_of(pair, 32), text, NOW, 600000, dice, &a), OK);
    assert_int_equal(esp_call_begin(&next, KID, span_of(pair, 32), text, NOW, 600000, more, &a), OK);
    next.told = true;
    assert_int_equal(receive_at(NOW, seal_next(&c, "x"), &s), 0);
    assert_int_equal(receive_at(NOW, seal_next(&next, "x"), &s), 4113);
    memcpy(c.oro, next.oro, next.oro_n);
    c.oro_n = next.oro_n;
    assert_int_equal(receive_at(NOW, seal_next(&c, "x"), &s), 0);
    assert_int_equal(receive_at(NOW, seal_next(&next, "x"), &s), 0);
}

static void table_is_bounded(void **state)
{
    struct esp_call c;
    struct esp_session s;
    uint8_t d[32] = {0};
    (void)state;
    for (unsigned i = 0; i < LEN(origs) + 1; i++) {
        d[0] = (uint8_t)i;
        assert_int_equal(
            esp_call_begin(&c, KID, span_of(pair, 32), own_object(true, 60000), NOW, i ? 20000 : 5000, d, &a), OK);
        assert_int_equal(receive_at(NOW, seal_next(&c, "x"), &s), i < LEN(origs) ? 0 : 4113);
    }
    assert_int_equal(receive_at(NOW + 6000, seal_next(&c, "x"), &s), 0); /* the first is over */
}

static void ring_rules(void **state)
{
    uint8_t kid[8] = "k0";
    (void)state;
    assert_int_equal(esp_ring_add(&ring, SPAN("AGREED-1@SP.example.com"), PEER, span_of(pair, 32), NOW, INT64_MAX),
                     ERR_EXISTS);
    assert_int_equal(esp_ring_add(&ring, SPAN("k"), PEER, span_of(pair, 15), NOW, INT64_MAX), ERR_RANGE);
    for (unsigned i = 0; i < ESP_AGREED_A_PEER + 2; i++) {
        kid[1] = (uint8_t)('0' + i);
        assert_int_equal(esp_ring_agree(&ring, span_of(kid, 2), PEER, span_of(pair, 32), NOW + i, NOW + 1000), OK);
    }
    assert_null(esp_ring_find(&ring, SPAN("k0"), NOW + 10));
    assert_non_null(esp_ring_find(&ring, SPAN("k5"), NOW + 10));
    assert_non_null(esp_ring_find(&ring, KID, NOW + 10)); /* what was configured stays */
    assert_true(span_eq(esp_pair_kid(esp_ring_of(&ring, PEER, NOW + 10)), SPAN("k5")));
    assert_null(esp_ring_find(&ring, SPAN("k5"), NOW + 1000));
    assert_int_equal(esp_ring_add(&ring, SPAN("x"), PEER, span_of(pair, 32), NOW + 10, INT64_MAX), OK);
    assert_int_equal(esp_ring_add(&ring, SPAN("y"), PEER, span_of(pair, 32), NOW + 10, INT64_MAX), ERR_FULL);
    assert_int_equal(esp_ring_add(&ring, SPAN("y"), PEER, span_of(pair, 32), NOW + 2000, INT64_MAX), OK);
}

/* What cannot be parsed, each with its code. */
static void parsing(void **state)
{
#define HEAD(members) "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"k\",\"ori\":\"O\",\"rri\":\"R\"" members "}"
    static const struct {
        const char *header, *rest;
        unsigned rsc;
    } rows[] = {
        {HEAD(""), "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 0},
        {HEAD(""), ".AA.AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 4000},
        {HEAD(""), "..AAECAwQFBgcICQoL..AAECAwQFBgcICQoLDA0ODw", 4000},
        {HEAD(""), "..AAECAwQFBgcICQ.AA.AAECAwQFBgcICQoLDA0ODw", 4000},
        {HEAD(""), "..AAECAwQFBgcICQoL.AA.AAECAwQFBgc", 4000},
        {HEAD(""), "..AAECAwQFBgcICQoL.AB.AAECAwQFBgcICQoLDA0ODw", 4000},
        {HEAD(""), "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw.x", 4000},
        {HEAD(""), "..AAECAwQFBgcICQoL.AA", 4000},
        {HEAD(",\"kid\":\"k\""), "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 4000},
        {HEAD(",\"zip\":\"DEF\""), "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 4111},
        {HEAD(",\"crit\":[\"x\"],\"x\":1"), "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 4111},
        {HEAD(",\"crit\":[]"), "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 4000},
        {HEAD(",\"cty\":1"), "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 4000},
        {HEAD(",\"oro\":\"x\""), "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 4000},
        {HEAD(",\"oro\":{},\"rro\":{}"), "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 4000},
        {"{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"k\",\"ori\":\"O\"}",
         "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 4000},
        {"{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\",\"kid\":\"k\",\"ori\":\"O\",\"rri\":\"R\"}",
         "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 4111},
        {"[]", "..AAECAwQFBgcICQoL.AA.AAECAwQFBgcICQoLDA0ODw", 4000},
    };
    struct esp_head h;
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf b = BUF_ARRAY(object);
        b64url_put(&b, span_str(rows[i].header));
        buf_str(&b, rows[i].rest);
        unsigned rsc = esp_read(buf_span(&b), &a, &h).rsc;
        if (rsc != rows[i].rsc)
            print_error("row %zu: %u\n", i, rsc);
        assert_int_equal(rsc, rows[i].rsc);
    }
    assert_int_equal(esp_read(SPAN_NONE, &a, &h).rsc, 4000);
    assert_int_equal(esp_read(SPAN("e30"), &a, &h).rsc, 4000);
}

static void names(void **state)
{
    uint8_t octets[ESP_RANDOM] = {0xd0}; /* base64url begins with 0 */
    struct buf b = BUF_ARRAY(room);
    struct esp_rand r;
    (void)state;
    esp_rand_value(&b, octets);
    assert_true(span_eq(buf_span(&b), SPAN("r0AAAAAAAAAAAAAAAAAAAAA")));
    octets[0] = 0xff; /* '_' is a letter of NCName */
    b = BUF_ARRAY(room);
    esp_rand_value(&b, octets);
    assert_int_equal(b.p[0], '_');
    assert_int_equal(esp_rand_text(SPAN("{\"esri\":\"a b\",\"esrv\":\"v\",\"esrx\":\"1\",\"esks\":[1],\"espa\":[12]}"),
                                   true, NOW, &a, &r),
                     ERR_SYNTAX);
    assert_int_equal(esp_own_find(&own, SPAN("u0000000000000000000000000000000"), NOW, &a, &r), ERR_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(given_vectors, fresh),
        cmocka_unit_test_setup(v9, fresh),
        cmocka_unit_test_setup(request_and_answer, with_key),
        cmocka_unit_test_setup(objects_count_once, with_key),
        cmocka_unit_test_setup(what_is_not_known, with_key),
        cmocka_unit_test_setup(algorithms, with_key),
        cmocka_unit_test_setup(relative_expiry, with_key),
        cmocka_unit_test_setup(refresh, with_key),
        cmocka_unit_test_setup(table_is_bounded, with_key),
        cmocka_unit_test_setup(ring_rules, with_key),
        cmocka_unit_test_setup(parsing, fresh),
        cmocka_unit_test_setup(names, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
