/* ttp_est.h - a house with an enrolment CA, and what a client of it writes. */
#ifndef UNIT_TTP_EST_H
#define UNIT_TTP_EST_H

#include "ttp_house.h"

#include "esd/enrol.h"
#include "esd/join.h"
#include "ttp/admin.h"
#include "ttp/cert.h"

static const char SP[] = "demo.example";

static struct house *est_house(void)
{
    struct house *h = house_new();
    h->enrol_sp = SP;
    house_restart(h);
    assert_true(h->up);
    return h;
}

/* As the parent: the answer is what came to it. */
static unsigned est_told(struct house *h, enum admin_name name, const char *words)
{
    struct buf b = heap_buf(MSG_FRAME_MAX);
    h->done_status = 0;
    msg_put_VAULT_DO(&b, &(struct msg_VAULT_DO){.id = 7, .command = (uint8_t)name, .words = span_str(words)});
    assert_int_equal(msg_receive(vault_end(h->vault), ROOM_PARENT, buf_span(&b)), OK);
    heap_buf_free(&b);
    pump(h);
    return h->done_status;
}

static struct join_token est_token(struct house *h, const char *words)
{
    struct join_token t;
    struct jval *doc;
    struct span text;
    assert_int_equal(est_told(h, ADMIN_join_token_create, words), 200);
    assert_int_equal(json_parse(h->done_json, &h->mem, &doc, NULL), OK);
    assert_int_equal(json_str(JSON_GET(doc, "token"), &h->mem, &text), OK);
    assert_int_equal(join_token_read(text, &t), OK);
    assert_true(t.pinned);
    return t;
}

/* What a request says; NULL members are left out. */
struct est_csr {
    EVP_PKEY *key, *signer; /* signer NULL: the key itself */
    const char *san, *basic;
    struct span challenge;
    const EVP_MD *md; /* NULL: SHA-256 */
};

static struct span est_csr(struct house *h, const struct est_csr *q)
{
    X509_REQ *r = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *ext = sk_X509_EXTENSION_new_null();
    X509_REQ_set_version(r, 0);
    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(r), "CN", MBSTRING_ASC, (const uint8_t *)"whoever", -1, -1, 0);
    X509_REQ_set_pubkey(r, q->key);
    X509V3_CTX c;
    X509V3_set_ctx(&c, NULL, NULL, r, NULL, 0);
    if (q->san)
        sk_X509_EXTENSION_push(ext, X509V3_EXT_conf_nid(NULL, &c, NID_subject_alt_name, q->san));
    if (q->basic)
        sk_X509_EXTENSION_push(ext, X509V3_EXT_conf_nid(NULL, &c, NID_basic_constraints, q->basic));
    if (sk_X509_EXTENSION_num(ext) > 0)
        X509_REQ_add_extensions(r, ext);
    sk_X509_EXTENSION_pop_free(ext, X509_EXTENSION_free);
    if (q->challenge.n > 0)
        X509_REQ_add1_attr_by_NID(r, NID_pkcs9_challengePassword, MBSTRING_UTF8, q->challenge.p, (int)q->challenge.n);
    assert_true(X509_REQ_sign(r, q->signer ? q->signer : q->key, q->md ? q->md : EVP_sha256()) > 0);
    uint8_t *der = NULL;
    int n = i2d_X509_REQ(r, &der);
    assert_true(n > 0);
    struct span s = keep_text(h, span_of(der, (size_t)n));
    OPENSSL_free(der);
    X509_REQ_free(r);
    return s;
}

/* Base64 with line breaks, as clients write it. */
static struct span est_body(struct house *h, struct span der)
{
    struct buf b = heap_buf(65536), out = heap_buf(65536);
    b64_put(&b, der);
    for (size_t i = 0; i < b.n; i += 64) {
        buf_put(&out, span_first(span_from(buf_span(&b), i), 64));
        buf_str(&out, "\r\n");
    }
    heap_buf_free(&b);
    return built(h, &out, OK);
}

static struct span est_proof(struct house *h, const struct join_token *t, enum join_purpose p, const struct p256 *key,
                             const char *name)
{
    uint8_t jkt[JOSE_THUMB];
    struct buf b = heap_buf(JOIN_TEXT_MAX);
    assert_int_equal(p256_thumb(key, jkt), OK);
    return built(h, &b, join_proof_put(&b, t, p, jkt, span_str(name)));
}

/* A request for `name` ("URI:..." or "DNS:...") with the proof of a token. */
static struct span est_join_csr(struct house *h, const struct join_token *t, const struct p256 *key, const char *san)
{
    struct span proof = est_proof(h, t, JOIN_CERTIFICATE, key, san + 4);
    return est_body(h, est_csr(h, &(struct est_csr){.key = p256_evp(key), .san = san, .challenge = proof}));
}

/* The one certificate of an EST answer; free it. */
static X509 *est_cert(struct answer a)
{
    uint8_t der[8192];
    struct buf b = BUF_ARRAY(der);
    assert_int_equal(a.status, 200);
    assert_int_equal(b64_get(a.body, &b), OK);
    const uint8_t *p = der;
    PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)b.n);
    assert_non_null(p7);
    assert_ptr_equal(p, der + b.n);
    assert_int_equal(sk_X509_num(p7->d.sign->cert), 1);
    X509 *x = sk_X509_value(p7->d.sign->cert, 0);
    X509_up_ref(x);
    PKCS7_free(p7);
    return x;
}

static X509 *est_ca(struct house *h)
{
    return est_cert(ask(h, KIND_EST_CACERTS, "", SPAN_NONE));
}

/* X509_V_OK, or why the chain to our CA does not hold at the house's time. */
static int est_chain(struct house *h, X509 *leaf)
{
    X509_STORE *s = X509_STORE_new();
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    X509 *ca = est_ca(h);
    X509_STORE_add_cert(s, ca);
    X509_STORE_CTX_init(c, s, leaf, NULL);
    X509_STORE_CTX_set_time(c, 0, (time_t)(h->now / 1000));
    int r = X509_verify_cert(c) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(c);
    X509_STORE_CTX_free(c);
    X509_STORE_free(s);
    X509_free(ca);
    return r;
}

static struct span est_nonce(struct house *h)
{
    uint8_t nonce[RELEASE_NONCE];
    struct buf b = heap_buf(64);
    nonce_of(h, nonce);
    b64url_put(&b, span_of(nonce, sizeof nonce));
    return built(h, &b, OK);
}

/* A request signed by the key of a certificate that the client has. */
static struct span est_signed(struct house *h, const char *iss, const struct p256 *key, struct span cert,
                              struct span csr_der)
{
    struct buf scratch = heap_buf(65536), out = heap_buf(65536);
    struct enrol_ask q = {.iss = span_str(iss), .aud = SPAN(FQDN), .nonce = est_nonce(h), .csr = csr_der};
    enum err e = enrol_ask_build(&q, key, &cert, 1, &scratch, &out);
    heap_buf_free(&scratch);
    return built(h, &out, e);
}

#endif
