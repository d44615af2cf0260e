/* seal_peers - sealing and opening a reading under a cached epoch: ours against libjose, cjose and rhonabwy, in
 * alternating rounds of one run, the same header, the same key and compact text from all of them.
 *
 *   seal_peers [--rounds 5] [--ms 100]
 *
 * prints one JSON line for each size, operation and peer: {"peer":"libjose","op":"seal","size":100,"ours":N,"theirs":N,
 * "ratio":R,"low":R,"high":R,"cpu_us":N}: operations in a second of processor time, and ours in us (medians of the
 * rounds), and the median of the rounds' ratios with its range. Each library is used in its quickest way: the key is a
 * ready object, and only what a message needs is done for a message. */
#include <cjose/cjose.h>
#include <jansson.h>
#include <jose/jose.h>
#include <rhonabwy.h>
#include <string.h>
#include <time.h>

#include "base/code.h"
#include "esd/open.h"
#include "esd/seal.h"

enum { READING_MAX = 4096, TEXT_MAX = 16384, ROUNDS_MAX = 99, BATCH = 64 };

static const struct span address = {(const uint8_t *)"//demo.example/id-mn/mn/thermo-1/data", 37};
static const struct span fqdn = {(const uint8_t *)"ttp.demo.example", 16};

static char reading[READING_MAX];
static size_t reading_n;

static struct esd_keys keys;
static struct seal_key sk;
static struct sealer sealer;
static struct opener opener;
static json_t *jose_key;
static cjose_jwk_t *cjose_key;
static jwk_t *rhn_key;
static char sid[32], kid[64];

/* What was sealed last, compact; each library writes here. */
static char text[TEXT_MAX];
static size_t text_n;
/* Messages of the epoch to open in turn, each with its own index, time and nonce. */
static struct message {
    char text[TEXT_MAX];
    size_t n;
} messages[BATCH];

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "seal_peers: %s failed\n", what);
    exit(1);
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void take(const char *s)
{
    text_n = strlen(s);
    must(text_n < sizeof text, "room");
    memcpy(text, s, text_n + 1);
}

/* ---- ours ---- */
static void our_seal(uint32_t i)
{
    struct buf b = buf_over(text, sizeof text - 1);
    struct seal_msg m = {.ep = 1, .i = i, .t_ms = 1767225600000u + i, .json = true};
    must(seal(&sealer, &sk, &m, span_of(reading, reading_n), NULL, &b) == OK, "seal");
    text_n = b.n;
    text[text_n] = 0;
}

static enum reason give(void *ctx, const struct esd_label *l, struct open_key *k)
{
    (void)ctx, (void)l;
    *k = (struct open_key){.value = span_of(keys.kv, ESD_KV), .suid = 24, .commits = true};
    return REASON_OK;
}

static void our_open(uint32_t i)
{
    static uint8_t memory[65536], plain[TEXT_MAX];
    const struct message *m = &messages[i % BATCH];
    struct arena a;
    struct buf b = BUF_ARRAY(plain);
    struct opened res;
    struct open_ask ask = {.sid = keys.sid, .ttps = &fqdn, .n_ttps = 1, .key = give};
    arena_over(&a, memory, sizeof memory);
    must(open_envelope(&opener, span_of(m->text, m->n), &ask, &a, &b, &res) == REASON_OK, "open");
    must(span_eq(res.plain, span_of(reading, reading_n)), "what was opened");
}

/* ---- libjose: the text joined and taken apart by hand ---- */
static void jose_seal(uint32_t i)
{
    json_t *jwe = json_pack("{s:{s:s,s:s,s:s,s:s,s:[i,s,i,i,I,s]}}", "protected", "alg", "dir", "enc", "A256GCM", "kid",
                            kid, "cty", "json", "e2e", 1, sid, 1, (int)i, (json_int_t)(1767225600000 + i), "g");
    const char *p, *iv, *ct, *tag;
    must(jwe && jose_jwe_enc_cek(NULL, jwe, jose_key, reading, reading_n), "jose_jwe_enc_cek");
    must(json_unpack(jwe, "{s:s,s:s,s:s,s:s}", "protected", &p, "iv", &iv, "ciphertext", &ct, "tag", &tag) == 0,
         "unpack");
    int n = snprintf(text, sizeof text, "%s..%s.%s.%s", p, iv, ct, tag);
    must(n > 0 && (size_t)n < sizeof text, "room");
    text_n = (size_t)n;
    json_decref(jwe);
}

static void jose_open(uint32_t i)
{
    static const char *const names[] = {"protected", "encrypted_key", "iv", "ciphertext", "tag"};
    struct span rest = span_of(messages[i % BATCH].text, messages[i % BATCH].n);
    json_t *jwe = json_object();
    size_t n = 0;
    for (size_t k = 0; k < 5; k++) {
        struct span part = span_cut(&rest, '.');
        if (part.n)
            json_object_set_new(jwe, names[k], json_stringn((const char *)part.p, part.n));
    }
    void *plain = jose_jwe_dec_cek(NULL, jwe, jose_key, &n);
    must(plain && n == reading_n, "jose_jwe_dec_cek");
    free(plain);
    json_decref(jwe);
}

/* ---- cjose ---- */
static void cjose_seal(uint32_t i)
{
    cjose_err err;
    char e2e[96];
    cjose_header_t *h = cjose_header_new(&err);
    snprintf(e2e, sizeof e2e, "[1,\"%s\",1,%u,%llu,\"g\"]", sid, i, 1767225600000ull + i);
    must(h && cjose_header_set(h, "alg", "dir", &err) && cjose_header_set(h, "enc", "A256GCM", &err) &&
             cjose_header_set(h, "kid", kid, &err) && cjose_header_set(h, "cty", "json", &err) &&
             cjose_header_set_raw(h, "e2e", e2e, &err),
         "cjose_header_set");
    cjose_jwe_t *jwe = cjose_jwe_encrypt(cjose_key, h, (const uint8_t *)reading, reading_n, &err);
    char *s = jwe ? cjose_jwe_export(jwe, &err) : NULL;
    must(s != NULL, "cjose_jwe_encrypt");
    take(s);
    free(s);
    cjose_jwe_release(jwe);
    cjose_header_release(h);
}

static void cjose_open(uint32_t i)
{
    cjose_err err;
    size_t n = 0;
    const struct message *m = &messages[i % BATCH];
    cjose_jwe_t *jwe = cjose_jwe_import(m->text, m->n, &err);
    uint8_t *plain = jwe ? cjose_jwe_decrypt(jwe, cjose_key, &n, &err) : NULL;
    must(plain && n == reading_n, "cjose_jwe_decrypt");
    free(plain);
    cjose_jwe_release(jwe);
}

/* ---- rhonabwy ---- */
static void rhn_seal(uint32_t i)
{
    jwe_t *jwe = NULL;
    json_t *e2e = json_pack("[i,s,i,i,I,s]", 1, sid, 1, (int)i, (json_int_t)(1767225600000 + i), "g");
    must(r_jwe_init(&jwe) == RHN_OK && r_jwe_set_alg(jwe, R_JWA_ALG_DIR) == RHN_OK &&
             r_jwe_set_enc(jwe, R_JWA_ENC_A256GCM) == RHN_OK && r_jwe_set_header_str_value(jwe, "kid", kid) == RHN_OK &&
             r_jwe_set_header_str_value(jwe, "cty", "json") == RHN_OK &&
             r_jwe_set_header_json_t_value(jwe, "e2e", e2e) == RHN_OK &&
             r_jwe_set_payload(jwe, (const unsigned char *)reading, reading_n) == RHN_OK,
         "r_jwe_set");
    char *s = r_jwe_serialize(jwe, rhn_key, 0);
    must(s != NULL, "r_jwe_serialize");
    take(s);
    r_free(s);
    json_decref(e2e);
    r_jwe_free(jwe);
}

static void rhn_open(uint32_t i)
{
    size_t n = 0;
    jwe_t *jwe = NULL;
    const struct message *m = &messages[i % BATCH];
    must(r_jwe_init(&jwe) == RHN_OK && r_jwe_advanced_parsen(jwe, m->text, m->n, R_PARSE_NONE, 0) == RHN_OK &&
             r_jwe_decrypt(jwe, rhn_key, 0) == RHN_OK && r_jwe_get_payload(jwe, &n) && n == reading_n,
         "r_jwe_decrypt");
    r_jwe_free(jwe);
}

static const struct peer {
    const char *name;
    void (*seal)(uint32_t), (*open)(uint32_t);
} ours = {"ours", our_seal, our_open},
  peers[] = {{"libjose", jose_seal, jose_open}, {"cjose", cjose_seal, cjose_open}, {"rhonabwy", rhn_seal, rhn_open}};
enum { PEERS = sizeof peers / sizeof *peers };

static void set_up(void)
{
    static const uint8_t kv[ESD_KV] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t s[ESD_SID];
    char k[64], jwk[256];
    cjose_err err;
    struct buf bs = BUF_ARRAY(sid), bi = BUF_ARRAY(kid), bk = BUF_ARRAY(k);
    must(keys_sid(address, s) == REASON_OK && keys_derive(span_of(kv, sizeof kv), s, &keys) == REASON_OK, "keys");
    must(seal_key_init(&sk, &keys, fqdn) == OK && sealer_init(&sealer, (struct esd_rng){0}) == OK, "sealer");
    must(opener_init(&opener) == OK, "opener");
    b64url_put(&bs, span_of(keys.sid, ESD_SID));
    keys_kid_put(&bi, keys.kc, fqdn);
    b64url_put(&bk, span_of(keys.kv, 32));
    buf_nul(&bs);
    buf_nul(&bi);
    buf_nul(&bk);
    snprintf(jwk, sizeof jwk, "{\"kty\":\"oct\",\"alg\":\"A256GCM\",\"k\":\"%s\"}", k);
    jose_key = json_loads(jwk, 0, NULL);
    cjose_key = cjose_jwk_create_oct_spec(keys.kv, 32, &err);
    must(jose_key && cjose_key && r_global_init() == RHN_OK && r_jwk_init(&rhn_key) == RHN_OK &&
             r_jwk_import_from_symmetric_key(rhn_key, keys.kv, 32) == RHN_OK,
         "keys of the peers");
}

/* A JSON object of n octets. */
static void make_reading(size_t n)
{
    static const char start[] = "{\"t\":21.5,\"u\":\"Cel\",\"ts\":\"20261124T100411\",\"note\":\"";
    memset(reading, 'x', sizeof reading);
    memcpy(reading, start, sizeof start - 1);
    memcpy(reading + n - 2, "\"}", 2);
    reading_n = n;
}

/* Operations of f in a second of processor time, measured for so many ms: what else runs on the machine takes nothing
 * from it. *cpu_us: processor time of one. */
static double rate(void (*f)(uint32_t), double ms, double *cpu_us)
{
    uint32_t n = 0;
    double start = now(CLOCK_PROCESS_CPUTIME_ID), end;
    do {
        for (int k = 0; k < BATCH; k++)
            f(n++);
        end = now(CLOCK_PROCESS_CPUTIME_ID);
    } while ((end - start) * 1000 < ms);
    *cpu_us = (end - start) * 1e6 / n;
    return n / (end - start);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double sorted_median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* As many messages as are opened in turn, all by one sealer. */
static void fill(void (*by)(uint32_t))
{
    for (uint32_t i = 0; i < BATCH; i++) {
        by(i);
        memcpy(messages[i].text, text, text_n + 1);
        messages[i].n = text_n;
    }
}

static void compare(const struct peer *p, bool sealing, int rounds, double ms)
{
    double us[ROUNDS_MAX], o[ROUNDS_MAX], t[ROUNDS_MAX], r[ROUNDS_MAX], unused;
    void (*mine)(uint32_t) = sealing ? ours.seal : ours.open, (*his)(uint32_t) = sealing ? p->seal : p->open;
    fill(p->seal); /* the same work on both sides: each opens what the other sealed */
    our_open(1);
    fill(our_seal);
    p->open(1);
    (void)rate(mine, ms / 4, &unused);
    (void)rate(his, ms / 4, &unused);
    for (int i = 0; i < rounds; i++) {
        o[i] = rate(mine, ms, &us[i]);
        t[i] = rate(his, ms, &unused);
        r[i] = o[i] / t[i];
    }
    double ratio = sorted_median(r, rounds);
    printf("{\"peer\":\"%s\",\"op\":\"%s\",\"size\":%zu,\"ours\":%.0f,\"theirs\":%.0f,\"ratio\":%.3f,\"low\":%.3f,"
           "\"high\":%.3f,\"cpu_us\":%.3f}\n",
           p->name, sealing ? "seal" : "open", reading_n, sorted_median(o, rounds), sorted_median(t, rounds), ratio,
           r[0], r[rounds - 1], sorted_median(us, rounds));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {100, 4096};
    long rounds = 5, ms = 100;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rounds") == 0)
            rounds = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--ms") == 0)
            ms = strtol(argv[i + 1], NULL, 10);
    }
    if (rounds < 1 || rounds > ROUNDS_MAX || ms < 1)
        return 2;
    set_up();
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        make_reading(sizes[s]);
        for (size_t p = 0; p < PEERS; p++) {
            compare(&peers[p], true, (int)rounds, (double)ms);
            compare(&peers[p], false, (int)rounds, (double)ms);
        }
    }
    json_decref(jose_key);
    cjose_jwk_release(cjose_key);
    r_jwk_free(rhn_key);
    r_global_close();
    sealer_free(&sealer);
    opener_free(&opener);
    return 0;
}
