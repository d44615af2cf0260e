/* Targets: jws_read with every typ, the bodies of all signed texts, jwe_unwrap, p256_read_text, strict_pair. Property:
 * nothing verifies or unwraps under a key that signed or wrapped nothing. */
#include "target.h"

#include "esd/keyask_open.h"
#include "esd/letter_open.h"
#include "esd/release_open.h"
#include "esd/shred.h"
#include "esd/strict.h"
#include "esd/voucher.h"

static uint8_t memory[4 << 20], out[1 << 20];
static struct p256 *nobody;

static struct arena fresh(void)
{
    struct arena a;
    arena_over(&a, memory, sizeof memory);
    return a;
}

static void bodies(struct span text)
{
    struct jws j;
    struct arena a = fresh();
    struct key_letter l;
    if (letter_read(text, &a, &j, &l) == REASON_OK && (l.n == 0 || l.n > LETTER_ITEMS_MAX))
        __builtin_trap();
    a = fresh();
    if (letter_activation_read(text, &a, &j, &l) == REASON_OK && (l.n == 0 || l.n > LETTER_ITEMS_MAX))
        __builtin_trap();
    a = fresh();
    struct key_ask key;
    if (keyask_read(text, &a, &j, &key) == REASON_OK) {
        if (key.pairs > KEYASK_PAIRS_MAX || (key.pairs == 0) != (key.epk != NULL))
            __builtin_trap();
        p256_free(key.epk);
    }
    a = fresh();
    struct policy p;
    if (policy_read(text, &a, &j, &p) == REASON_OK && (p.version == 0 || p.n > POLICY_READERS_MAX))
        __builtin_trap();
    a = fresh();
    struct denial d;
    (void)!denial_read(text, &a, &j, &d);
    a = fresh();
    struct client c;
    if (client_open(text, &a, &j, &c) == REASON_OK)
        p256_free(c.key);
    a = fresh();
    struct poll q;
    (void)!poll_read(text, &a, &j, &q);
    a = fresh();
    struct release_ask ask;
    if (release_ask_read(text, &a, &j, &ask) == REASON_OK) {
        if (ask.n_want == 0 || ask.n_want > RELEASE_WANT_MAX)
            __builtin_trap();
        p256_free(ask.epk);
    }
    a = fresh();
    struct voucher x;
    (void)!voucher_read(text, &a, &j, &x);
    a = fresh();
    struct vouched body;
    if (vouched_read(text, &a, &body) == REASON_OK) {
        if (!body.key || p256_private(body.key))
            __builtin_trap();
        p256_free(body.key);
    }
    a = fresh();
    struct bundle b;
    if (bundle_open(text, SPAN("ttp.example.com"), NULL, 0, &a, &b) == REASON_OK)
        bundle_free(&b);
}

/* The body of an answer, as if the vault had signed it: what is taken belongs to the request. */
static void answer_body(struct span claims)
{
    static uint8_t text[1 << 20];
    const struct key_ask ask[] = {{.aud = SPAN("ttp.example.com"), .epk = nobody},
                                  {.aud = SPAN("ttp.example.com"), .pairs = 2}};
    struct buf b = BUF_ARRAY(text);
    if (claims.n > 1 << 16 || jws_sign(nobody, JWS_KEYED, SPAN_NONE, claims, &b) != OK)
        return;
    for (size_t i = 0; i < LEN(ask); i++) {
        struct arena a = fresh();
        struct key_answer got;
        struct keyask_expect x = {.request = SPAN("r"), .ask = &ask[i], .release = nobody};
        if (keyask_open(buf_span(&b), &x, &a, &got) == REASON_OK && (got.n == 0 || (i == 0 && got.n != 1)))
            __builtin_trap();
        keyask_free(&got);
    }
}

/* Bodies that are read, each signed by `nobody`: a bundle without pin, an order to destroy keys, its answer. */
static void life_bodies(struct span claims)
{
    static uint8_t text[256 << 10];
    static const enum jws_typ typs[] = {JWS_BUNDLE, JWS_SHRED, JWS_SHREDDED};
    for (size_t i = 0; i < LEN(typs) && claims.n <= 1 << 16; i++) {
        struct arena a = fresh();
        struct buf b = BUF_ARRAY(text);
        struct bundle bundle;
        struct shred order;
        struct shred_answer answer;
        struct jws j;
        if (jws_sign(nobody, typs[i], SPAN_NONE, claims, &b) != OK)
            return;
        if (bundle_open(buf_span(&b), SPAN("ttp.demo.example"), NULL, 0, &a, &bundle) == REASON_OK)
            bundle_free(&bundle);
        if (shred_read(buf_span(&b), &a, &j, &order) == REASON_OK && order.kid.n == 0 && order.tenant.n == 0 &&
            !order.has_sid)
            __builtin_trap();
        if (shred_answer_open(buf_span(&b), SPAN("r"), nobody, &a, &answer) == REASON_OK && answer.code.n == 0)
            __builtin_trap();
        (void)bundle_release_of(&(struct bundle){0}, claims, &a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size);
    struct p256 *k;
    struct jws j;
    if (!nobody && p256_new(&nobody) != OK)
        __builtin_trap();
    for (int t = 0; t < JWS__N; t++) {
        struct arena a = fresh();
        if (jws_open(text, (enum jws_typ)t, nobody, &a, &j) == REASON_OK)
            __builtin_trap();
    }
    bodies(text);
    answer_body(text);
    life_bodies(text);
    if (strict_pair(text, &k) == REASON_OK)
        p256_free(k);
    struct arena a = fresh();
    struct buf b = BUF_ARRAY(out);
    if (size <= sizeof out && (jwe_unwrap(nobody, text, NULL, &a, &b) == REASON_OK || b.n != 0))
        __builtin_trap();
    a = fresh();
    if (p256_read_text(text, &a, &k) == REASON_OK)
        p256_free(k);
    return 0;
}
