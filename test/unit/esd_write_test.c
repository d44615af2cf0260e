/* lib/esd: our writer makes the given objects octet for octet where everything random is given; and whatever it writes,
 * in every algorithm and serialization, opens again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esd/jwe.h"
#include "esd_vectors.h"

static struct given g;
static struct sealer sealer;
static uint8_t text[1 << 17], again[1 << 17];

/* ---- esdata-jwe, written again ------------------------------------------------------------------ */

/* What a given object is made of, read from its text. */
struct made {
    struct jwe_ask ask;
    struct jwe_to to[ESD_RECIPIENTS_MAX];
    struct jwkey epk[ESD_RECIPIENTS_MAX];
    bool can; /* all of it is given: RSA-OAEP draws its own randomness, and two places of `alg` are not ours */
};

static struct span octets(struct span b64)
{
    uint8_t *p = (uint8_t *)arena_alloc(&g.v.a, b64.n + 1);
    struct buf b = buf_over(p, b64.n + 1);
    assert_int_equal(b64url_get(b64, &b), OK);
    return buf_span(&b);
}

static const struct jval *parsed(struct span json)
{
    struct jval *v;
    assert_int_equal(json_parse(json, &g.v.a, &v, NULL), OK);
    return v;
}

static void ephemeral(struct made *m, const struct jval *out, size_t i)
{
    const struct jval *list = JSON_GET(out, "recipients");
    for (const struct jval *r = list ? list->child : NULL; r; r = r->next)
        if (kid_eq(vec_str(&g.v, r, "kid"), m->to[i].kid)) {
            struct span d = octets(vec_str(&g.v, r, "epk_private_d"));
            assert_int_equal(jwkey_of_scalar(JWKEY_P256, d, &m->epk[i]), OK);
            m->to[i].epk = &m->epk[i];
        }
}

static void recipient(struct made *m, const struct jval *h, const struct jval *out, size_t i)
{
    uint8_t suid;
    struct jwe_to *t = &m->to[i];
    struct span kid = vec_str(&g.v, h, "kid");
    if (!h || !JSON_GET(h, "alg") || !JSON_GET(h, "kid") || alg_of(vec_str(&g.v, h, "alg"), &t->alg) != OK) {
        m->can = false;
        return;
    }
    t->kid = kid;
    t->key = given_key(&g, kid.p[2] == '-' && kid.p[0] == '1' ? span_from(kid, 3) : kid, &suid);
    if (JSON_GET(h, "apu"))
        t->apu = octets(vec_str(&g.v, h, "apu"));
    if (JSON_GET(h, "apv"))
        t->apv = octets(vec_str(&g.v, h, "apv"));
    m->can = m->can && t->key && t->alg != ESD_RSA_OAEP;
    ephemeral(m, out, i);
}

static void taken_apart(struct made *m, const struct jval *vec, struct span object)
{
    const struct jval *out = JSON_GET(vec, "out"), *o = NULL, *h, *list;
    struct span head = object;
    *m = (struct made){.can = true, .ask = {.to = m->to, .n = 1}};
    if (object.p[0] == '{') {
        o = parsed(object);
        head = vec_str(&g.v, o, "protected");
    } else {
        head = span_cut(&head, '.');
    }
    h = parsed(octets(head));
    list = JSON_GET(o, "recipients");
    m->ask.form = !o ? JOSE_COMPACT : list ? JOSE_GENERAL : JOSE_FLATTENED;
    m->ask.outside = JSON_GET(o, "header") != NULL;
    m->can = !JSON_GET(o, "unprotected");
    assert_int_equal(enc_of(vec_str(&g.v, h, "enc"), &m->ask.enc), OK);
    m->ask.cty = vec_str(&g.v, h, "cty");
    if (JSON_GET(o, "aad"))
        m->ask.aad = octets(vec_str(&g.v, o, "aad"));
    m->ask.cek = vec_hex(&g.v, out, "cek_hex").p;
    m->ask.iv = vec_hex(&g.v, out, "iv_hex").p;
    if (!list)
        recipient(m, m->ask.outside ? JSON_GET(o, "header") : h, out, 0);
    m->ask.n = list ? 0 : 1;
    for (const struct jval *r = list ? list->child : NULL; r; r = r->next)
        recipient(m, JSON_GET(r, "header"), out, m->ask.n++);
}

static void written_again(void **state)
{
    (void)state;
    unsigned n = 0;
    given_open(&g, "esdata-jwe");
    for (const struct jval *vec = g.v.list->child; vec; vec = vec->next, g.v.ran++) {
        struct span object = vec_str(&g.v, JSON_GET(vec, "in"), "object"), id = vec_str(&g.v, vec, "id");
        struct buf b = BUF_ARRAY(text);
        struct made m;
        if (span_starts(id, SPAN("limit-")))
            continue; /* members that nobody of ours writes */
        taken_apart(&m, vec, object);
        if (m.can) {
            assert_int_equal(jwe_seal(&sealer, &m.ask, vec_hex(&g.v, JSON_GET(vec, "out"), "plaintext_hex"), &b), OK);
            given_differs(&g, vec, "object", buf_span(&b), object);
            n++;
        }
        for (size_t i = 0; i < ESD_RECIPIENTS_MAX; i++)
            jwkey_free(&m.epk[i]);
    }
    printf("# written again: %u\n", n);
    assert_true(n >= 45);
    assert_true(given_close(&g, "esdata-jwe, written"));
}

/* ---- esdata-jws, written again ------------------------------------------------------------------ */

/* HMAC and RSASSA-PKCS1-v1_5 have one value each; ECDSA has many. */
static bool settled(const struct jval *h)
{
    struct span alg = vec_str(&g.v, h, "alg");
    return span_starts(alg, SPAN("HS")) || span_starts(alg, SPAN("RS"));
}

static bool signer(struct jws_by *by, struct span head, const struct jval *own)
{
    const struct jval *h = parsed(octets(head));
    uint8_t suid;
    by->kid = vec_str(&g.v, own ? own : h, "kid");
    by->key = given_key(&g, by->kid, &suid);
    assert_int_equal(alg_of(vec_str(&g.v, h, "alg"), &by->alg), OK);
    assert_non_null(by->key);
    return settled(h);
}

static bool ask_of(struct span object, struct jws_ask *j, struct jws_by by[2])
{
    struct span rest = object;
    *j = (struct jws_ask){.form = JOSE_COMPACT, .by = by, .n = 1};
    if (object.p[0] != '{')
        return signer(&by[0], span_cut(&rest, '.'), NULL);
    const struct jval *o = parsed(object), *list = JSON_GET(o, "signatures");
    j->form = list ? JOSE_GENERAL : JOSE_FLATTENED;
    j->outside = JSON_GET(o, "header") != NULL;
    if (!list)
        return signer(&by[0], vec_str(&g.v, o, "protected"), JSON_GET(o, "header"));
    bool all = true;
    j->n = 0;
    for (const struct jval *s = list->child; s; s = s->next)
        all = signer(&by[j->n++], vec_str(&g.v, s, "protected"), NULL) && all;
    return all;
}

/* Signed again: the same text, or, with ECDSA, text that verifies; either opens to the payload. */
static void signed_again(void **state)
{
    (void)state;
    unsigned n = 0, same = 0;
    given_open(&g, "esdata-jws");
    for (const struct jval *vec = g.v.list->child; vec; vec = vec->next, g.v.ran++) {
        struct span object = vec_str(&g.v, JSON_GET(vec, "in"), "object");
        struct span payload = vec_hex(&g.v, JSON_GET(vec, "out"), "payload_hex");
        struct buf b = BUF_ARRAY(text), back = BUF_ARRAY(again);
        struct jws_ask j;
        struct jws_by by[2];
        struct opened res;
        g.in = JSON_GET(vec, "in");
        if (JSON_GET(g.in, "nested"))
            continue;
        bool one_value = ask_of(object, &j, by);
        j.detached = JSON_GET(g.in, "detached") != NULL;
        assert_int_equal(jws_write(&j, payload, &b), OK);
        if (one_value)
            given_differs(&g, vec, "object", buf_span(&b), object);
        same += one_value;
        if (given_verdict(&g, vec, given_judge(&g, buf_span(&b), &back, &res)))
            given_octets(&g, vec, "payload", res.plain, payload);
        n++;
    }
    assert_true(n == 25 && same >= 12);
    assert_true(given_close(&g, "esdata-jws, written"));
}

/* ---- every algorithm, every form ---------------------------------------------------------------- */

struct holder {
    struct jwkey key;
    struct span kid;
    uint8_t suid;
};
static enum reason held(void *ctx, const struct esd_label *l, struct open_key *out)
{
    const struct holder *h = (const struct holder *)ctx;
    if (!kid_eq(h->kid, l->kid))
        return REASON_NO_KEY_YET;
    *out = (struct open_key){.suid = h->suid};
    if (h->key.kind == JWKEY_OCT)
        out->value = span_of(h->key.oct, h->key.oct_n);
    else
        out->pair = &h->key;
    return REASON_OK;
}

static enum reason opens(const struct holder *h, struct span object, unsigned security, struct buf *b,
                         struct opened *res)
{
    struct arena a;
    struct open_ask ask = {
        .ttps = given_ttps, .n_ttps = 1, .key = held, .ctx = (void *)(uintptr_t)h, .security = security};
    arena_over(&a, given_memory, sizeof given_memory);
    return open_envelope(&given_opener, object, &ask, &a, b, res);
}

static void holder_new(struct holder *h, enum jwkey_kind kind, size_t oct)
{
    *h = (struct holder){.kid = SPAN("44-//sp.example.com/Sreader"), .suid = 44};
    assert_int_equal(jwkey_new(kind, &h->key), OK);
    if (kind != JWKEY_OCT)
        return;
    *h = (struct holder){.key = h->key, .kid = SPAN("key-1@ttp.example.com"), .suid = 14};
    h->key.oct_n = (uint8_t)oct;
}

static void round_trip(enum esd_alg alg, enum jwkey_kind kind)
{
    struct holder h;
    for (unsigned enc = 0; enc < ESD_ENC__N; enc++) {
        holder_new(&h, kind, alg == ESD_DIR ? esd_enc_key((enum esd_enc)enc) : alg_row(alg)->octets);
        for (unsigned form = JOSE_COMPACT; form <= JOSE_GENERAL; form++) {
            struct buf b = BUF_ARRAY(text), out = BUF_ARRAY(again);
            struct opened res;
            struct jwe_to to = {.alg = alg, .key = &h.key, .kid = h.kid, .apu = SPAN("me"), .apv = SPAN("you")};
            struct jwe_ask j = {.form = (enum jose_form)form, .enc = (enum esd_enc)enc, .to = &to, .n = 1};
            if (form != JOSE_COMPACT)
                j.aad = SPAN("beside");
            assert_int_equal(jwe_seal(&sealer, &j, SPAN("{\"t\":21.5}"), &b), OK);
            assert_int_equal(opens(&h, buf_span(&b), form == JOSE_COMPACT ? 1 : 2, &out, &res), REASON_OK);
            assert_true(span_eq(res.plain, SPAN("{\"t\":21.5}")));
            assert_true(res.label.alg == alg && res.label.enc == (enum esd_enc)enc);
        }
        jwkey_free(&h.key);
    }
}

static void all_algorithms(void **state)
{
    (void)state;
    for (unsigned a = 0; a <= ESD_RSA_OAEP; a++)
        round_trip((enum esd_alg)a, alg_row((enum esd_alg)a)->kind);
    for (unsigned a = ESD_ECDH_A128KW; a <= ESD_ECDH_A256KW; a++)
        round_trip((enum esd_alg)a, JWKEY_X25519);
}

/* X25519 is an extension: a list that does not name it refuses it; and a key of the other curve does not fit. */
static void x25519_by_name(void **state)
{
    (void)state;
    struct holder h, p;
    struct buf b = BUF_ARRAY(text), out = BUF_ARRAY(again);
    struct opened res;
    struct arena a;
    holder_new(&h, JWKEY_X25519, 0);
    holder_new(&p, JWKEY_P256, 0);
    struct jwe_to to = {.alg = ESD_ECDH_A256KW, .key = &h.key, .kid = h.kid};
    struct jwe_ask j = {.enc = ESD_A256GCM, .to = &to, .n = 1};
    assert_int_equal(jwe_seal(&sealer, &j, SPAN("x"), &b), OK);
    struct open_ask ask = {.key = held, .ctx = &h};
    static const struct {
        const char *names;
        enum reason r;
    } rows[] = {{"ECDH-ES+A256KW A256GCM", REASON_ALGORITHM_REFUSED}, {"ECDH-ES+A256KW A256GCM x25519", REASON_OK}};
    for (size_t i = 0; i < LEN(rows); i++) {
        assert_int_equal(alg_set_read(span_str(rows[i].names), &ask.allow), OK);
        arena_over(&a, given_memory, sizeof given_memory);
        assert_int_equal(open_envelope(&given_opener, buf_span(&b), &ask, &a, &out, &res), rows[i].r);
    }
    buf_reset(&out);
    assert_int_equal(opens(&p, buf_span(&b), 1, &out, &res), REASON_ALGORITHM_REFUSED);
    jwkey_free(&h.key);
    jwkey_free(&p.key);
}

static void refusals(void **state)
{
    (void)state;
    struct holder h, o;
    struct buf b = BUF_ARRAY(text);
    holder_new(&h, JWKEY_OCT, 32);
    holder_new(&o, JWKEY_P256, 0);
    struct jwe_to to[] = {{.alg = ESD_DIR, .key = &h.key, .kid = h.kid},
                          {.alg = ESD_A256KW, .key = &h.key, .kid = h.kid}};
    struct jwe_ask j = {.enc = ESD_A256GCM, .to = to, .n = 1};
    assert_int_equal(jwe_seal(&sealer, &j, SPAN_NONE, &b), ERR_RANGE);
    j.n = 2;
    assert_int_equal(jwe_seal(&sealer, &j, SPAN("x"), &b), ERR_RANGE);
    j.form = JOSE_GENERAL;
    assert_int_equal(jwe_seal(&sealer, &j, SPAN("x"), &b), ERR_RANGE);
    j = (struct jwe_ask){.enc = ESD_A128GCM, .to = to, .n = 1};
    assert_int_equal(jwe_seal(&sealer, &j, SPAN("x"), &b), ERR_UNSUPPORTED);
    j.enc = ESD_A256GCM;
    j.aad = SPAN("x");
    assert_int_equal(jwe_seal(&sealer, &j, SPAN("x"), &b), ERR_RANGE);
    to[0].key = &o.key;
    j.aad = SPAN_NONE;
    assert_int_equal(jwe_seal(&sealer, &j, SPAN("x"), &b), ERR_UNSUPPORTED);
    to[0].alg = ESD_ES256;
    assert_int_equal(jwe_seal(&sealer, &j, SPAN("x"), &b), ERR_UNSUPPORTED);
    struct jws_by by = {.alg = ESD_HS512, .key = &h.key, .kid = h.kid};
    struct jws_ask s = {.by = &by, .n = 1};
    assert_int_equal(jws_write(&s, SPAN("x"), &b), ERR_UNSUPPORTED); /* 32 octets are too few for HS512 */
    by.alg = ESD_DIR;
    assert_int_equal(jws_write(&s, SPAN("x"), &b), ERR_UNSUPPORTED);
    s.n = 2;
    assert_int_equal(jws_write(&s, SPAN("x"), &b), ERR_RANGE);
    assert_int_equal(b.n, 0);
    jwkey_free(&h.key);
    jwkey_free(&o.key);
}

/* ---- several signatures ------------------------------------------------------------------------- */

/* Signed alone by several: whom nobody knows is passed over, and of the others all must be right. */
static void several_signatures(void **state)
{
    (void)state;
    struct holder h, other, mac;
    holder_new(&h, JWKEY_P256, 0);
    holder_new(&other, JWKEY_P256, 0);
    holder_new(&mac, JWKEY_OCT, 32);
    h.kid = SPAN("54-//sp.example.com/Swriter");
    h.suid = 45;
    struct jws_by mine = {ESD_ES256, &h.key, h.kid}, forged = {ESD_ES256, &other.key, h.kid},
                  foreign = {ESD_ES256, &other.key, SPAN("54-//sp.example.com/Sother")},
                  mic = {ESD_HS256, &mac.key, mac.kid};
    const struct {
        struct jws_by by[2];
        enum reason r;
        struct span kid; /* of the label afterwards */
    } rows[] = {
        {{mine, mine}, REASON_OK, mine.kid},          {{foreign, mine}, REASON_OK, mine.kid},
        {{mic, mine}, REASON_OK, mine.kid},           {{mine, forged}, REASON_TAMPERED, mine.kid},
        {{forged, mine}, REASON_TAMPERED, mine.kid},  {{foreign, foreign}, REASON_NO_KEY_YET, foreign.kid},
        {{foreign, mic}, REASON_NO_KEY_YET, mic.kid}, /* only the one with a TTP can be asked for */
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf b = BUF_ARRAY(text), out = BUF_ARRAY(again);
        struct opened res;
        struct jws_ask j = {.form = JOSE_GENERAL, .by = rows[i].by, .n = 2, .cty = SPAN("json")};
        assert_int_equal(jws_write(&j, SPAN("{\"t\":21.5}"), &b), OK);
        enum reason r = opens(&h, buf_span(&b), 2, &out, &res);
        if (r != rows[i].r || !span_eq(res.label.kid, rows[i].kid))
            fail_msg("row %zu: %s", i, reason_code(r));
        assert_true(res.label.jws && res.json == (r == REASON_OK) && (out.n > 0) == (r == REASON_OK));
        assert_true(span_eq(res.signer, r == REASON_OK ? h.kid : SPAN_NONE));
    }
    /* a key that signs does not open, and the other way round */
    struct buf b = BUF_ARRAY(text), out = BUF_ARRAY(again);
    struct opened res;
    struct jws_ask j = {.by = &mine, .n = 1};
    assert_int_equal(jws_write(&j, SPAN("x"), &b), OK);
    h.suid = 44;
    assert_int_equal(opens(&h, buf_span(&b), 1, &out, &res), REASON_ALGORITHM_REFUSED);
    jwkey_free(&h.key);
    jwkey_free(&other.key);
    jwkey_free(&mac.key);
}

/* ---- hedge -------------------------------------------------------------------------------------- */

static enum err same_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 0x5a, n);
    return OK;
}

/* Content key, IV and ephemeral key of an object that a writer with a cloned random state makes: nothing of them
 * repeats unless the whole object does. */
static void cloned_state(void **state)
{
    (void)state;
    struct sealer clone;
    struct holder h, other;
    static uint8_t room[10][4096];
    struct span made[10];
    holder_new(&h, JWKEY_P256, 0);
    holder_new(&other, JWKEY_P256, 0);
    assert_int_equal(sealer_init(&clone, (struct esd_rng){.fill = same_random}), OK);
    struct esd_e2e e = {.here = true, .ep = 1};
    struct jwe_to to = {.alg = ESD_ECDH_A256KW, .key = &h.key, .kid = h.kid};
    struct jwe_ask j = {.enc = ESD_A256GCM, .to = &to, .n = 1, .e2e = &e};
    static const char same_start[] =
        "application/vnd.example.sensor-with-a-name-that-is-longer-than-sixty-four-octets-";
    char cty[sizeof same_start];
    for (size_t i = 0; i < LEN(made); i++) {
        struct buf b = BUF_ARRAY(room[i]);
        e.i = i >= 3;
        e.t_ms = i >= 4;
        to.key = i >= 5 ? &other.key : &h.key;
        memcpy(cty, same_start, sizeof cty);
        cty[sizeof cty - 1] = (char)('0' + i);
        j.cty = i >= 8 ? span_of(cty, sizeof cty) : i >= 6 ? SPAN("json") : SPAN_NONE;
        to.apv = i >= 7 ? SPAN("you") : SPAN_NONE;
        assert_int_equal(jwe_seal(&clone, &j, i == 2 ? SPAN("21.6") : SPAN("21.5"), &b), OK);
        made[i] = buf_span(&b);
    }
    assert_true(span_eq(made[0], made[1])); /* the same object: nothing is told */
    for (size_t i = 1; i < LEN(made); i++)
        for (size_t k = i + 1; k < LEN(made); k++)
            for (unsigned part = 0; part < 3; part++) { /* header with epk, encrypted key, IV */
                struct span x = made[i], y = made[k], px, py;
                for (unsigned p = 0; p <= part; p++) {
                    px = span_cut(&x, '.');
                    py = span_cut(&y, '.');
                }
                assert_false(span_eq(px, py));
            }
    sealer_free(&clone);
    jwkey_free(&h.key);
    jwkey_free(&other.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_again),  cmocka_unit_test(signed_again), cmocka_unit_test(all_algorithms),
        cmocka_unit_test(x25519_by_name), cmocka_unit_test(refusals),     cmocka_unit_test(several_signatures),
        cmocka_unit_test(cloned_state),
    };
    if (opener_init(&given_opener) != OK || sealer_init(&sealer, (struct esd_rng){0}) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    opener_free(&given_opener);
    sealer_free(&sealer);
    return failed;
}
