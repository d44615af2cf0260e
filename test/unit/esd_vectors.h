/* esd_vectors.h - the given vectors of sealed and signed objects: their keys, and opening one the way a reader does.
 * Static inline: each test is one file. */
#ifndef TEST_ESD_VECTORS_H
#define TEST_ESD_VECTORS_H

#include "esd/nested.h"
#include "vectors.h"

enum { GIVEN_KEYS_MAX = 96 };

/* Keys and streams of a file, and what the present vector adds. */
struct given {
    struct vectors v;
    struct span kid[GIVEN_KEYS_MAX];
    struct jwkey key[GIVEN_KEYS_MAX];
    uint8_t suid[GIVEN_KEYS_MAX];
    size_t n;
    const struct jval *in; /* of the present vector */
    struct span only;      /* this kid alone is known; n == 0: all */
    unsigned wrong;
};

static uint8_t given_memory[ESD_ARENA];
static struct opener given_opener;
static const struct span given_ttps[] = {{(const uint8_t *)"ttp.example.com", 15},
                                         {(const uint8_t *)"maf.example.com", 15},
                                         {(const uint8_t *)"mef.example.com", 15}};

static inline void given_open(struct given *g, const char *name)
{
    memset(g, 0, sizeof *g);
    vectors_open(&g->v, name);
    const struct jval *list = JSON_GET(g->v.root, "keys");
    for (const struct jval *k = list ? list->child : NULL; k; k = k->next, g->n++) {
        if (g->n == GIVEN_KEYS_MAX || jwkey_read(k, &g->v.a, &g->key[g->n]) != REASON_OK)
            abort();
        g->kid[g->n] = vec_str(&g->v, k, "kid");
        g->suid[g->n] = (uint8_t)vec_u64(k, "x_suid");
    }
}

static inline bool given_close(struct given *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        jwkey_free(&g->key[i]);
    return vectors_close(&g->v, name) && g->wrong == 0 && g->v.skipped == 0;
}

static inline const struct jwkey *given_key(const struct given *g, struct span kid, uint8_t *suid)
{
    for (size_t i = 0; i < g->n; i++)
        if (kid_eq(g->kid[i], kid)) {
            *suid = g->suid[i];
            return &g->key[i];
        }
    return NULL;
}

static inline struct span given_stream(struct given *g, struct span kid)
{
    const struct jval *list = JSON_GET(g->v.root, "streams");
    for (const struct jval *s = list ? list->child : NULL; s; s = s->next)
        if (kid_eq(vec_str(&g->v, s, "kid"), kid))
            return vec_hex(&g->v, s, "kv_hex");
    return SPAN_NONE;
}

/* What a TTP, or the reader's own configuration, has for a kid. A stream with an address is one of ours here and
 * requires commitment. */
static inline enum reason given_ask(void *ctx, const struct esd_label *l, struct open_key *out)
{
    struct given *g = (struct given *)ctx;
    uint8_t suid = 0;
    const struct jwkey *k = given_key(g, l->kid, &suid);
    struct span kv = given_stream(g, l->kid), d;
    *out = (struct open_key){.suid = 24, .commits = true};
    if (g->only.n && !kid_eq(g->only, l->kid))
        return REASON_NO_KEY_YET;
    if (JSON_GET(g->in, "released_kv_hex"))
        out->value = vec_hex(&g->v, g->in, "released_kv_hex");
    else if (JSON_GET(g->in, "kv_hex"))
        out->value = vec_hex(&g->v, g->in, "kv_hex");
    else if (JSON_GET(g->in, "value_hex"))
        *out = (struct open_key){.value = vec_hex(&g->v, g->in, "value_hex"), .suid = (uint8_t)vec_u64(g->in, "suid")};
    else if (JSON_GET(g->in, "private_jwk")) {
        uint8_t *p = (uint8_t *)arena_alloc(&g->v.a, 64);
        struct buf b = buf_over(p, 64);
        d = vec_str(&g->v, JSON_GET(g->in, "private_jwk"), "d");
        if (b64url_get(d, &b) != OK)
            abort();
        out->value = buf_span(&b);
    } else if (kv.n)
        out->value = kv;
    else if (!k)
        return REASON_NO_KEY_YET;
    else if (k->kind == JWKEY_OCT)
        *out = (struct open_key){
            .value = span_of(k->oct, k->oct_n), .suid = suid, .commits = JSON_GET(g->in, "address") != NULL};
    else
        *out = (struct open_key){.pair = k, .suid = suid};
    return REASON_OK;
}

static inline const struct jwkey *given_signer(void *ctx, struct span kid)
{
    uint8_t suid;
    return given_key((struct given *)ctx, kid, &suid);
}

/* Opens an object as a reader does: cnf, then the object. */
static inline enum reason given_judge(struct given *g, struct span object, struct buf *out, struct opened *res)
{
    struct nested nested = {given_signer, g};
    struct open_ask ask = {.ttps = given_ttps,
                           .n_ttps = LEN(given_ttps),
                           .key = given_ask,
                           .ctx = g,
                           .nested = nested_verify,
                           .nested_ctx = &nested};
    struct span address = vec_str(&g->v, g->in, "address"), cnf = vec_str(&g->v, g->in, "cnf");
    uint8_t sid[ESD_SID];
    struct arena a;
    *res = (struct opened){0};
    if (address.n) {
        if (keys_sid(address, sid) != REASON_OK)
            abort();
        ask.sid = sid;
    }
    if (JSON_GET(g->in, "detached"))
        ask.payload = vec_hex(&g->v, g->in, "payload_hex");
    ask.security = 1;
    if (cnf.n)
        JUDGE(cnf_security(object, cnf, &ask.security));
    arena_over(&a, given_memory, sizeof given_memory);
    enum reason r = open_envelope(&given_opener, object, &ask, &a, out, res);
    if (r == REASON_OK)
        res->label.kid = arena_dup(&g->v.a, res->label.kid); /* the work arena is used again */
    return r;
}

static inline void given_differs(struct given *g, const struct jval *vec, const char *what, struct span got,
                                 struct span want)
{
    if (span_eq(got, want))
        return;
    g->wrong++;
    vec_fail(vec_str(&g->v, vec, "id"), what, got, want);
}

static inline void given_octets(struct given *g, const struct jval *vec, const char *what, struct span got,
                                struct span want)
{
    static char x[1 << 16], y[1 << 16];
    struct buf a = BUF_ARRAY(x), b = BUF_ARRAY(y);
    if (span_eq(got, want))
        return;
    hex_put(&a, got);
    hex_put(&b, want);
    given_differs(g, vec, what, buf_span(&a), buf_span(&b));
}

/* The verdict is the vector's: its reason, or its word when there is none. True when it should open and does. */
static inline bool given_verdict(struct given *g, const struct jval *vec, enum reason r)
{
    struct span want = vec_str(&g->v, vec, "reason");
    enum reason w = REASON_FAILED;
    if (!want.p)
        want = vec_str(&g->v, vec, "verdict");
    if (reason_of(want, &w) == OK && w == r)
        return r == REASON_OK;
    g->wrong++;
    vec_fail(vec_str(&g->v, vec, "id"), "verdict", span_str(reason_code(r)), want);
    return false;
}

#endif
