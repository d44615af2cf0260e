/* ours_driver - lib/esd and lib/esp behind the line protocol (README.md), for the tests that set them beside foreign
 * libraries and for vectors. Beside the five operations of every driver:
 *
 *     seal      takes cek, iv, epks (private JWKs), apu, apv, cty, outside: then nothing in it is random
 *     message   seals a reading as our writer does, with the random octets that are given
 *     strict    the same to the public half of a strict epoch, with epk, cek, iv
 *     derive    what follows from a Key Value
 *     esprim    session key and object of ESPrim
 *     certke    an ESCertKE handshake between two ends of ours: what both agreed, and the secrets that it follows from
 *
 * An `error` of open and verify is a code of reasons.def. */
#include <openssl/ssl.h>

#include "base/code.h"
#include "esd/jwe.h"
#include "esd/nested.h"
#include "esd/open.h"
#include "esd/seal_to.h"
#include "esp/certke.h"
#include "esp/esp.h"
#include "host/heap.h"

#include "line.h"

enum { KEYS_MAX = 64, TTPS_MAX = 8, ROOM = LINE_MAX_OCTETS };

static struct sealer sealer;
static struct opener opener;
static uint8_t room[ROOM];

struct key {
    const json_t *jwk;
    char *text; /* of the JWK: the next request mostly brings the same, and reading an RSA key takes long */
    struct jwkey key;
    struct span kid;
};

/* What one request brings: keys, the reader's TTPs, memory. */
struct desk {
    struct arena a;
    struct key key[KEYS_MAX];
    size_t n;
    struct span ttp[TTPS_MAX];
    size_t n_ttps;
    bool commits; /* streams of the request require commitment */
    const json_t *streams;
};
static struct desk desk;

static struct span text_of(const json_t *o, const char *name)
{
    return span_str(line_str(o, name));
}

/* Octets of a base64url member, in the desk's memory. */
static struct span octets_of(const json_t *o, const char *name)
{
    struct span s = text_of(o, name);
    uint8_t *p = arena_alloc(&desk.a, s.n + 1);
    struct buf b = buf_over(p, s.n + 1);
    return p && b64url_get(s, &b) == OK ? buf_span(&b) : SPAN_NONE;
}

static void *reason_fail(enum reason r)
{
    return line_fail(reason_code(r), NULL);
}

static void key_drop(struct key *k)
{
    jwkey_free(&k->key);
    free(k->text);
    *k = (struct key){0};
}

/* Takes the text. */
static enum reason key_at(struct key *k, char *text)
{
    if (text && k->text && strcmp(text, k->text) == 0) {
        free(text);
        return REASON_OK;
    }
    key_drop(k);
    k->text = text;
    enum reason r = text ? jwkey_read_text(span_str(text), &desk.a, &k->key) : REASON_FAILED;
    if (r != REASON_OK)
        key_drop(k);
    return r;
}

static bool desk_open(const json_t *q)
{
    json_t *jwk, *ttps = json_object_get(q, "ttps");
    size_t i;
    arena_reset(&desk.a);
    desk.n = desk.n_ttps = 0;
    desk.streams = json_object_get(q, "streams");
    json_array_foreach(json_object_get(q, "keys"), i, jwk)
    {
        if (desk.n == KEYS_MAX)
            return reason_fail(REASON_FAILED);
        struct key *k = &desk.key[desk.n];
        enum reason r = key_at(k, json_dumps(jwk, JSON_COMPACT | JSON_SORT_KEYS));
        if (r != REASON_OK)
            return reason_fail(r);
        k->jwk = jwk;
        k->kid = text_of(jwk, "kid");
        desk.n++;
    }
    for (i = 0; i < json_array_size(ttps) && i < TTPS_MAX; i++)
        desk.ttp[desk.n_ttps++] = span_str(json_string_value(json_array_get(ttps, i)));
    for (i = 0; !ttps && i < desk.n && desk.n_ttps < TTPS_MAX; i++) { /* not said: every TTP that a key names */
        struct span relative;
        if (kid_split(desk.key[i].kid, &relative, &desk.ttp[desk.n_ttps]) == REASON_OK)
            desk.n_ttps++;
    }
    return true;
}

static uint8_t suid_of(const struct key *k, enum esd_family family)
{
    const json_t *said = json_object_get(k->jwk, "x_suid");
    if (said)
        return (uint8_t)json_integer_value(said);
    static const uint8_t usual[] = {
        [ALG_DIRECT] = 14, [ALG_KW] = 14, [ALG_ECDH] = 44, [ALG_RSA] = 44, [ALG_MAC] = 15, [ALG_SIGN] = 45};
    return usual[family];
}

static bool stream_key(const struct esd_label *l, struct open_key *out)
{
    json_t *s;
    size_t i;
    json_array_foreach(desk.streams, i, s)
    {
        if (!kid_eq(text_of(s, "kid"), l->kid))
            continue;
        const char *given = line_str(s, "released_kv_hex");
        struct span hex = given[0] ? span_str(given) : text_of(s, "kv_hex");
        uint8_t *p = arena_alloc(&desk.a, hex.n / 2 + 1);
        struct buf b = buf_over(p, hex.n / 2 + 1);
        if (!p || hex_get(hex, &b) != OK)
            return false;
        const json_t *suid = json_object_get(s, "suid");
        *out = (struct open_key){.value = buf_span(&b),
                                 .suid = suid ? (uint8_t)json_integer_value(suid) : 24,
                                 .commits = json_is_true(json_object_get(s, "commitment_required"))};
        return true;
    }
    return false;
}

static enum reason find(void *ctx, const struct esd_label *l, struct open_key *out)
{
    (void)ctx;
    if (stream_key(l, out))
        return REASON_OK;
    enum esd_family family = alg_row(l->alg)->family;
    for (size_t i = 0; i < desk.n; i++) {
        const struct key *k = &desk.key[i];
        if (!kid_eq(k->kid, l->kid))
            continue;
        *out = (struct open_key){.suid = suid_of(k, family)};
        if (k->key.kind == JWKEY_OCT)
            out->value = span_of(k->key.oct, k->key.oct_n);
        else
            out->pair = &k->key;
        return REASON_OK;
    }
    return REASON_NO_KEY_YET;
}

static json_t *about(const json_t *q)
{
    (void)q;
    return json_pack("{s:s,s:s}", "library", "ours", "version", ONESEAL_VERSION);
}

static enum jose_form form_of(const json_t *q)
{
    const char *form = line_str(q, "form");
    return strcmp(form, "compact") == 0 ? JOSE_COMPACT : strcmp(form, "flattened") == 0 ? JOSE_FLATTENED : JOSE_GENERAL;
}

/* The key's own `alg`, else the request's. */
static bool alg_for(const json_t *q, const struct key *k, enum esd_alg *alg)
{
    struct span own = text_of(k->jwk, "alg");
    return alg_of(own.n ? own : text_of(q, "alg"), alg) == OK || line_fail("algorithm-refused", NULL);
}

static json_t *given(enum err e, const struct buf *b)
{
    if (e != OK)
        return line_fail(err_text(e), NULL);
    return json_pack("{s:s%}", "object", (const char *)b->p, b->n);
}

/* A JWK that stands in the request itself. */
static bool key_in(const json_t *jwk, struct jwkey *out)
{
    char *text = json_dumps(jwk, JSON_COMPACT);
    enum reason r = text ? jwkey_read_text(span_str(text), &desk.a, out) : REASON_MALFORMED;
    free(text);
    return r == REASON_OK || reason_fail(r);
}

static json_t *seal_op(const json_t *q)
{
    struct jwe_to to[KEYS_MAX] = {0};
    struct jwkey epk[KEYS_MAX] = {0};
    struct span cek = octets_of(q, "cek"), iv = octets_of(q, "iv"), apu = octets_of(q, "apu"),
                apv = octets_of(q, "apv");
    const json_t *epks = json_object_get(q, "epks");
    struct jwe_ask ask = {.form = form_of(q),
                          .to = to,
                          .n = desk.n,
                          .aad = octets_of(q, "aad"),
                          .cty = text_of(q, "cty"),
                          .outside = json_is_true(json_object_get(q, "outside")),
                          .cek = cek.n ? cek.p : NULL,
                          .iv = iv.n ? iv.p : NULL};
    struct buf out = BUF_ARRAY(room);
    bool ready = enc_of(text_of(q, "enc"), &ask.enc) == OK || reason_fail(REASON_ALGORITHM_REFUSED);
    for (size_t i = 0; ready && i < desk.n; i++) {
        const json_t *his = json_array_get(epks, i);
        to[i] = (struct jwe_to){.key = &desk.key[i].key, .kid = desk.key[i].kid, .apu = apu, .apv = apv};
        ready = alg_for(q, &desk.key[i], &to[i].alg) && (!his || json_is_null(his) || key_in(his, &epk[i]));
        if (epk[i].kind != JWKEY_NONE)
            to[i].epk = &epk[i];
    }
    json_t *answer = ready ? given(jwe_seal(&sealer, &ask, octets_of(q, "plain"), &out), &out) : NULL;
    for (size_t i = 0; i < desk.n; i++)
        jwkey_free(&epk[i]);
    return answer;
}

static json_t *sign_op(const json_t *q)
{
    struct jws_by by[KEYS_MAX] = {0};
    struct jws_ask ask = {.form = form_of(q), .by = by, .n = desk.n};
    struct buf out = BUF_ARRAY(room);
    for (size_t i = 0; i < desk.n; i++) {
        by[i] = (struct jws_by){.key = &desk.key[i].key, .kid = desk.key[i].kid};
        if (!alg_for(q, &desk.key[i], &by[i].alg))
            return NULL;
    }
    return given(jws_write(&ask, octets_of(q, "plain"), &out), &out);
}

/* The content that stands beside cnf, or the bare object. */
static bool security_of(const json_t *q, struct span con, unsigned *security)
{
    const json_t *cnf = json_object_get(q, "cnf");
    *security = con.n && con.p[0] == '{' ? 2 : 1;
    enum reason r = cnf ? cnf_security(con, text_of(q, "cnf"), security) : REASON_OK;
    return r == REASON_OK || reason_fail(r);
}

static const struct jwkey *signer(void *ctx, struct span kid)
{
    (void)ctx;
    for (size_t i = 0; i < desk.n; i++)
        if (span_eq(desk.key[i].kid, kid))
            return &desk.key[i].key;
    return NULL;
}

static json_t *open_op(const json_t *q)
{
    struct span con = text_of(q, "object");
    const json_t *hex = json_object_get(q, "object_hex");
    struct nested nested = {.signer = signer};
    uint8_t sid[ESD_SID];
    struct open_ask ask = {
        .ttps = desk.ttp, .n_ttps = desk.n_ttps, .key = find, .nested = nested_verify, .nested_ctx = &nested};
    struct opened res;
    struct buf out = BUF_ARRAY(room);
    if (hex) {
        struct span h = text_of(q, "object_hex");
        uint8_t *p = arena_alloc(&desk.a, h.n / 2 + 1);
        struct buf b = buf_over(p, h.n / 2 + 1);
        if (!p || hex_get(h, &b) != OK)
            return reason_fail(REASON_FAILED);
        con = buf_span(&b);
    }
    if (!security_of(q, con, &ask.security))
        return NULL;
    if (json_object_get(q, "address") && keys_sid(text_of(q, "address"), sid) == REASON_OK)
        ask.sid = sid;
    if (json_object_get(q, "payload"))
        ask.payload = octets_of(q, "payload");
    enum reason r = open_envelope(&opener, con, &ask, &desk.a, &out, &res);
    return r == REASON_OK ? line_give_octets("plain", res.plain.p, res.plain.n) : reason_fail(r);
}

static const uint8_t *fixed;

static enum err fixed_fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        p[i] = fixed[i % 16];
    return OK;
}

static uint64_t number(const json_t *q, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(q, name));
}

static bool keys_of(const json_t *q, struct esd_keys *keys)
{
    uint8_t sid[ESD_SID];
    enum reason r = keys_sid(text_of(q, "address"), sid);
    if (r == REASON_OK)
        r = keys_derive(octets_of(q, "kv"), sid, keys);
    return r == REASON_OK || reason_fail(r);
}

static struct seal_msg msg_of(const json_t *q)
{
    struct span mode = text_of(q, "mode");
    const json_t *pad = json_object_get(q, "pad");
    return (struct seal_msg){.ep = number(q, "ep"),
                             .i = (uint32_t)number(q, "i"),
                             .t_ms = number(q, "t_ms"),
                             .device = mode.n && mode.p[0] == 'd',
                             .batch = mode.n == 2,
                             .padding = json_is_integer(pad),
                             .pad = (uint32_t)number(q, "pad")};
}

static json_t *message_op(const json_t *q)
{
    struct esd_keys keys;
    struct seal_key k;
    struct sealer s;
    struct span plain, random = octets_of(q, "random");
    struct buf out = BUF_ARRAY(room), scratch = buf_over(arena_alloc(&desk.a, ROOM), ROOM);
    struct seal_msg m = msg_of(q);
    if (!keys_of(q, &keys) || random.n != 16)
        return line_fail("malformed", NULL);
    fixed = random.p;
    enum err e = seal_plain(text_of(q, "content_json"), &desk.a, &plain, &m.json);
    if (e == OK)
        e = seal_key_init(&k, &keys, text_of(q, "fqdn"));
    if (e == OK)
        e = sealer_init(&s, (struct esd_rng){.fill = fixed_fill});
    if (e == OK) {
        e = seal(&s, &k, &m, plain, &scratch, &out);
        sealer_free(&s);
    }
    return given(e, &out);
}

static json_t *strict_op(const json_t *q)
{
    struct jwkey to = {0}, epk = {0};
    struct seal_to_key k = {0};
    struct jwe_fixed f = {0};
    struct span plain, cek = octets_of(q, "cek"), iv = octets_of(q, "iv");
    struct buf out = BUF_ARRAY(room), scratch = buf_over(arena_alloc(&desk.a, ROOM), ROOM);
    struct seal_msg m = msg_of(q);
    uint8_t sid[ESD_SID];
    enum err e = ERR_SYNTAX;
    if (key_in(json_object_get(q, "to"), &to) && key_in(json_object_get(q, "epk"), &epk) && cek.n == sizeof f.cek &&
        iv.n == sizeof f.iv && keys_sid(text_of(q, "address"), sid) == REASON_OK) {
        memcpy(f.cek, cek.p, cek.n);
        memcpy(f.iv, iv.p, iv.n);
        f.epk = jwkey_p256(&epk);
        e = seal_plain(text_of(q, "content_json"), &desk.a, &plain, &m.json);
        if (e == OK)
            e = seal_to_init(&k, jwkey_p256(&to), sid, text_of(q, "fqdn"));
        if (e == OK)
            e = seal_to_fixed(&sealer, &k, &m, plain, &f, &scratch, &out);
    }
    json_t *answer = given(e, &out);
    seal_to_free(&k);
    jwkey_free(&to);
    jwkey_free(&epk);
    return answer;
}

static json_t *esprim_op(const json_t *q)
{
    struct esp_key key;
    struct span iv = octets_of(q, "iv"), enc = text_of(q, "enc");
    struct esp_head h = {.kid = text_of(q, "kid"),
                         .cty = text_of(q, "cty"),
                         .ori = text_of(q, "ori"),
                         .rri = text_of(q, "rri"),
                         .oro = text_of(q, "oro")};
    struct buf out = BUF_ARRAY(room);
    enum esd_enc which;
    if (iv.n != ESP_IV || enc_of(enc, &which) != OK)
        return line_fail("malformed", NULL);
    h.enc = (enum esp_enc)which;
    enum err e = esp_derive(octets_of(q, "pair"), text_of(q, "receiver"), text_of(q, "originator"), &key);
    if (e == OK)
        e = esp_seal(&key, &h, iv.p, text_of(q, "inner"), &out);
    json_t *answer = given(e, &out), *more = line_give_octets("session", key.session_only, ESP_KEY);
    if (answer)
        json_object_update(answer, more);
    json_decref(more);
    return answer;
}

static json_t *derive_op(const json_t *q)
{
    struct esd_keys keys;
    char kid_room[ESD_KID_OURS_MAX];
    struct buf kid = BUF_ARRAY(kid_room);
    if (!keys_of(q, &keys))
        return NULL;
    keys_kid_put(&kid, keys.kc, text_of(q, "fqdn"));
    json_t *answer = json_pack("{s:s%}", "kid", (const char *)kid.p, kid.n), *more;
    const struct {
        const char *name;
        const uint8_t *p;
        size_t n;
    } rows[] = {{"sid", keys.sid, ESD_SID}, {"ek", keys.kv, 32}, {"kc", keys.kc, ESD_KC}, {"nk", keys.nk, 32}};
    for (size_t i = 0; i < 4; i++) {
        more = line_give_octets(rows[i].name, rows[i].p, rows[i].n);
        json_object_update(answer, more);
        json_decref(more);
    }
    return answer;
}

/* The four messages, from the initiating end and back; then the secrets that TLS keeps behind them. */
static json_t *certke_run(struct certke end[2])
{
    static uint8_t message[2][CERTKE_MESSAGE_MAX];
    struct certke_result got[2];
    struct buf m = buf_over(message[1], CERTKE_MESSAGE_MAX);
    uint8_t master[48], client[32], server[32];
    for (int step = 0; step < 5; step++) {
        struct span in = buf_span(&m);
        struct buf next = buf_over(message[step % 2], CERTKE_MESSAGE_MAX);
        enum err e = certke_step(&end[step % 2], in, &next);
        if (e != OK)
            return line_fail(err_text(e), NULL);
        m = next;
    }
    if (certke_result(&end[0], &got[0]) != OK || certke_result(&end[1], &got[1]) != OK ||
        memcmp(got[0].id, got[1].id, CERTKE_ID) != 0 || memcmp(got[0].key, got[1].key, CERTKE_KEY) != 0)
        return line_fail("the ends did not agree", NULL);
    SSL *ssl = end[0].ssl;
    SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master);
    SSL_get_client_random(ssl, client, sizeof client);
    SSL_get_server_random(ssl, server, sizeof server);
    json_t *answer =
        line_give_text("prf", EVP_MD_get0_name(SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl))));
    const struct {
        const char *name;
        const uint8_t *p;
        size_t n;
    } rows[] = {{"id", got[0].id, CERTKE_ID},
                {"key", got[0].key, CERTKE_KEY},
                {"master", master, 48},
                {"client", client, 32},
                {"server", server, 32}};
    for (size_t i = 0; i < LEN(rows); i++) {
        json_t *more = line_give_octets(rows[i].name, rows[i].p, rows[i].n);
        json_object_update(answer, more);
        json_decref(more);
    }
    return answer;
}

static json_t *certke_op(const json_t *q)
{
    static const char *const certs[] = {"cert_a", "cert_b"}, *const keys[] = {"key_a", "key_b"};
    struct certke_ctx *ctx[2] = {NULL, NULL};
    struct certke end[2] = {{0}, {0}};
    const char *why = "handshake";
    bool ready = true;
    for (int i = 0; ready && i < 2; i++)
        ready =
            certke_ctx_new(text_of(q, certs[i]), text_of(q, keys[i]), text_of(q, "ca"), &ctx[i], NULL, &why) == OK &&
            certke_begin(ctx[i], i == 0, (int64_t)number(q, "now_ms"), &end[i]) == OK;
    json_t *answer = ready ? certke_run(end) : line_fail(why, NULL);
    for (int i = 0; i < 2; i++) {
        certke_free(&end[i]);
        certke_ctx_free(ctx[i]);
    }
    return answer;
}

/* Every operation has the desk laid before it. */
#define AT_DESK(name)                                                                                                  \
    static json_t *name##_at_desk(const json_t *q)                                                                     \
    {                                                                                                                  \
        return desk_open(q) ? name##_op(q) : NULL;                                                                     \
    }
AT_DESK(seal)
AT_DESK(sign)
AT_DESK(open)
AT_DESK(message)
AT_DESK(strict)
AT_DESK(esprim)
AT_DESK(certke)
AT_DESK(derive)

int main(void)
{
    static const struct line_ops ops[] = {{"about", about},
                                          {"seal", seal_at_desk},
                                          {"open", open_at_desk},
                                          {"sign", sign_at_desk},
                                          {"verify", open_at_desk},
                                          {"message", message_at_desk},
                                          {"strict", strict_at_desk},
                                          {"derive", derive_at_desk},
                                          {"esprim", esprim_at_desk},
                                          {"certke", certke_at_desk},
                                          {NULL, NULL}};
    heap_arena(&desk.a, 1 << 20, 256 << 20);
    if (sealer_init(&sealer, (struct esd_rng){0}) != OK || opener_init(&opener) != OK)
        return 1;
    int code = line_serve(ops);
    for (size_t i = 0; i < KEYS_MAX; i++)
        key_drop(&desk.key[i]);
    sealer_free(&sealer);
    opener_free(&opener);
    arena_reset(&desk.a);
    return code;
}
