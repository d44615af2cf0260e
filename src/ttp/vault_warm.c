#include "ttp/vault_warm.h"

#include "esd/unwrap.h"
#include "host/heap.h"
#include "ttp/vault_own.h"

#include <openssl/x509.h>
#include <string.h>
#include <time.h>

static enum err sign_and_wrap(struct p256 *k, struct arena *a)
{
    struct buf text = heap_buf(65536), box = heap_buf(65536), plain = heap_buf(65536);
    struct jws j;
    uint8_t apv[ESD_HASH] = {1};
    enum err e = jws_sign(k, JWS_ACK, SPAN("warm"), SPAN("{\"a\":1}"), &text);
    if (e == OK)
        e = jws_open(buf_span(&text), JWS_ACK, k, a, &j) == REASON_OK ? OK : ERR_CRYPTO;
    if (e == OK)
        e = jwe_wrap(k, SPAN_NONE, apv, SPAN("warm"), &box);
    if (e == OK)
        e = jwe_unwrap(k, buf_span(&box), apv, a, &plain) == REASON_OK ? OK : ERR_CRYPTO;
    heap_buf_free(&text);
    heap_buf_free(&box);
    heap_buf_free(&plain);
    return e;
}

static enum err head_and_box(void)
{
    uint8_t seed[LOG_SEED] = {7}, note[LOG_NOTE_MAX], box[128], plain[128];
    struct buf n = BUF_ARRAY(note), b = BUF_ARRAY(box), p = BUF_ARRAY(plain);
    struct log_head h = {0};
    TRY(log_checkpoint_sign(SPAN("warm.example/log"), &h, seed, &n));
    TRY(vault_box_seal(seed, "warm", SPAN_NONE, SPAN("warm"), &b));
    return vault_box_open(seed, "warm", SPAN_NONE, buf_span(&b), &p);
}

/* A self-signed certificate, made, written, read and verified: loads what X.509 needs. */
static enum err chain(struct p256 *k)
{
    X509 *x = X509_new();
    X509_STORE *s = X509_STORE_new();
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    X509_NAME *n = x ? X509_get_subject_name(x) : NULL;
    bool ok = x && s && c && n && X509_set_version(x, 2) == 1 &&
              X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const uint8_t *)"warm", -1, -1, 0) == 1 &&
              X509_set_issuer_name(x, n) == 1 && X509_gmtime_adj(X509_getm_notBefore(x), -60) &&
              X509_gmtime_adj(X509_getm_notAfter(x), 60) && X509_set_pubkey(x, p256_evp(k)) == 1 &&
              X509_sign(x, p256_evp(k), EVP_sha256()) > 0 && X509_STORE_add_cert(s, x) == 1 &&
              X509_STORE_CTX_init(c, s, x, NULL) == 1;
    if (ok)
        (void)X509_verify_cert(c); /* whatever it says */
    X509_STORE_CTX_free(c);
    X509_STORE_free(s);
    X509_free(x);
    return ok ? OK : ERR_CRYPTO;
}

enum err vault_warm(void)
{
    struct p256 *k;
    struct arena a;
    if (time(NULL) == (time_t)-1)
        return ERR_IO;
    TRY(p256_new(&k));
    heap_arena(&a, 65536, VAULT_ASK_MEMORY);
    enum err e = sign_and_wrap(k, &a);
    if (e == OK)
        e = head_and_box();
    if (e == OK)
        e = chain(k);
    arena_reset(&a);
    p256_free(k);
    return e;
}
