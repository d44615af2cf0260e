/* seal_vs_libjose - sealing a reading of 100 octets under a cached epoch: ours against libjose, alternating rounds in
 * one run, the same header, key length and compact text from both.
 *
 *   seal_bench [--rounds 5] [--ms 300]
 *
 * prints one JSON line: {"ours":N,"peer":N,"ratio":R,"cpu_us":N,"open":N}: operations a second (median of rounds),
 * median of the rounds' ratios, our processor time for each, and openings a second. libjose is used by its quickest
 * way: the key as a ready object, jose_jwe_enc_cek, the text joined by hand. */
#include <jansson.h>
#include <jose/jose.h>
#include <string.h>
#include <time.h>

#include "base/code.h"
#include "esd/open.h"
#include "esd/seal.h"

enum { READING = 100, ROUNDS_MAX = 99 };

static const struct span address = {(const uint8_t *)"//demo.example/id-mn/mn/thermo-1/data", 37};
static const struct span fqdn = {(const uint8_t *)"ttp.demo.example", 16};
static const char reading[READING + 1] = "{\"t\":21.5,\"u\":\"Cel\",\"ts\":\"20261124T100411\",\"load\":[0.12,0.08,0."
                                         "05],\"mem\":815124,\"disk\":512345,\"n\":1}";

static struct esd_keys keys;
static struct seal_key sk;
static struct sealer sealer;
static struct opener opener;
static json_t *cek;
static char sid[32], kid[64];
static uint8_t out[4096];

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "seal_bench: %s failed\n", what);
    exit(1);
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t ours(uint32_t i)
{
    struct buf b = BUF_ARRAY(out);
    struct seal_msg m = {.ep = 1, .i = i, .t_ms = 1767225600000u + i, .json = true};
    must(seal(&sealer, &sk, &m, span_of(reading, READING), NULL, &b) == OK, "seal");
    return b.n;
}

static size_t peer(uint32_t i)
{
    json_t *jwe = json_pack("{s:{s:s,s:s,s:s,s:s,s:[i,s,i,i,I,s]}}", "protected", "alg", "dir", "enc", "A256GCM", "kid",
                            kid, "cty", "json", "e2e", 1, sid, 1, (int)i, (json_int_t)(1767225600000 + i), "g");
    must(jwe && jose_jwe_enc_cek(NULL, jwe, cek, reading, READING), "jose_jwe_enc_cek");
    const char *p, *iv, *ct, *tag;
    must(json_unpack(jwe, "{s:s,s:s,s:s,s:s}", "protected", &p, "iv", &iv, "ciphertext", &ct, "tag", &tag) == 0,
         "unpack");
    int n = snprintf((char *)out, sizeof out, "%s..%s.%s.%s", p, iv, ct, tag);
    json_decref(jwe);
    return (size_t)n;
}

static enum reason give(void *ctx, const struct esd_label *l, struct open_key *k)
{
    (void)ctx, (void)l;
    *k = (struct open_key){.value = span_of(keys.kv, ESD_KV), .suid = 24, .commits = true};
    return REASON_OK;
}

static uint8_t memory[65536], plain[4096];

static bool opens(size_t n)
{
    struct arena a;
    struct buf b = BUF_ARRAY(plain);
    struct opened res;
    struct open_ask ask = {.sid = keys.sid, .ttps = &fqdn, .n_ttps = 1, .key = give};
    arena_over(&a, memory, sizeof memory);
    return open_envelope(&opener, span_of(out, n), &ask, &a, &b, &res) == REASON_OK &&
           span_eq(res.plain, span_of(reading, READING));
}

static size_t opening(uint32_t i)
{
    static size_t n;
    if (i == 0)
        n = ours(0);
    must(opens(n), "open");
    return n;
}

/* Operations a second of f for so many ms; *cpu_us: processor time of one. */
static double rate(size_t (*f)(uint32_t), double ms, double *cpu_us)
{
    uint32_t n = 0;
    double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID), end;
    do {
        for (int k = 0; k < 256; k++)
            f(n++ % ESD_INDEX_END);
        end = now(CLOCK_MONOTONIC);
    } while (end - start < ms / 1000);
    *cpu_us = (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / n;
    return n / (end - start);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

static void set_up(void)
{
    uint8_t kv[ESD_KV], k[64];
    struct buf s = BUF_ARRAY(sid), i = BUF_ARRAY(kid), e = BUF_ARRAY(k);
    must(esd_random(kv, sizeof kv) == OK, "random");
    must(keys_sid(address, keys.sid) == REASON_OK, "sid");
    uint8_t id[ESD_SID];
    memcpy(id, keys.sid, ESD_SID);
    must(keys_derive(span_of(kv, sizeof kv), id, &keys) == REASON_OK, "keys");
    must(seal_key_init(&sk, &keys, fqdn) == OK && sealer_init(&sealer, (struct esd_rng){0}) == OK, "sealer");
    must(opener_init(&opener) == OK, "opener");
    b64url_put(&s, span_of(keys.sid, ESD_SID));
    keys_kid_put(&i, keys.kc, fqdn);
    b64url_put(&e, span_of(keys.kv, 32));
    buf_nul(&s);
    buf_nul(&i);
    buf_nul(&e);
    cek = json_pack("{s:s,s:s,s:s}", "kty", "oct", "alg", "A256GCM", "k", (const char *)k);
    must(cek && opens(ours(0)), "ours");
    must(opens(peer(0)), "the peer's object in our reader"); /* the same work on both sides */
}

int main(int argc, char **argv)
{
    long rounds = 5, ms = 300;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rounds") == 0)
            rounds = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--ms") == 0)
            ms = strtol(argv[i + 1], NULL, 10);
    }
    if (rounds < 1 || rounds > ROUNDS_MAX || ms < 1)
        return 2;
    set_up();
    double us[ROUNDS_MAX], o[ROUNDS_MAX], p[ROUNDS_MAX], r[ROUNDS_MAX], unused;
    (void)rate(ours, 50, &unused);
    (void)rate(peer, 50, &unused);
    for (int i = 0; i < rounds; i++) {
        o[i] = rate(ours, (double)ms, &us[i]);
        p[i] = rate(peer, (double)ms, &unused);
        r[i] = o[i] / p[i];
    }
    double open_rate = rate(opening, (double)ms, &unused);
    printf("{\"ours\":%.0f,\"peer\":%.0f,\"ratio\":%.2f,\"cpu_us\":%.3f,\"open\":%.0f}\n", median(o, (int)rounds),
           median(p, (int)rounds), median(r, (int)rounds), median(us, (int)rounds), open_rate);
    json_decref(cek);
    sealer_free(&sealer);
    opener_free(&opener);
    return 0;
}
