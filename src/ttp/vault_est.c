#include "ttp/vault_est.h"

#include "base/code.h"
#include "esd/enrol.h"
#include "host/heap.h"
#include "ttp/cert.h"
#include "ttp/take.h"
#include "ttp/vault_join.h"
#include "ttp/vault_policy.h"

#include <string.h>

enum { ISSUED_MAX = 256 };

struct own {
    struct csr csr;
    struct enrol_ask q;     /* EST_SIGNED */
    uint8_t by[JOSE_THUMB]; /* thumbprint of the key that signed it */
    bool ours;              /* its certificate is of our own CA */
    struct span der;        /* issued */
};

static void est_end(struct vault_ask *a)
{
    struct own *o = a->own;
    if (o)
        csr_free(&o->csr);
}

/* ---- what everybody may see ----------------------------------------------------------------------------------- */

static void put_certs(struct vault *v, struct vault_ask *a)
{
    struct buf b = heap_buf(4 * CERT_DER_MAX);
    X509 *const ca = v->ca.cert;
    if (cert_pkcs7(&ca, 1, &b) == OK)
        vault_reply(v, a, 200, TYPE_CERTS, buf_span(&b), SPAN_NONE);
    else
        vault_refuse_reason(v, a, REASON_FAILED);
    heap_buf_free(&b);
}

static void put_attrs(struct vault *v, struct vault_ask *a)
{
    uint8_t text[256];
    struct buf b = BUF_ARRAY(text);
    cert_csrattrs(&b);
    vault_reply(v, a, 200, TYPE_CSRATTRS, buf_span(&b), SPAN_NONE);
}

static void put_anchors(struct vault *v, struct vault_ask *a)
{
    struct buf out = heap_buf(4 * CERT_DER_MAX);
    struct enrol_anchors k = {.fqdn = span_str(v->fqdn), .t = (uint64_t)(v->conf.now_ms(v->conf.ctx) / 1000), .n = 1};
    k.cert[0] = cert_der(v->ca.cert, &a->mem);
    if (k.cert[0].n > 0 && enrol_anchors_build(&k, v->release, span_str(v->release_kid), &v->scratch, &out) == OK)
        vault_reply(v, a, 200, TYPE_JOSE, buf_span(&out), SPAN_NONE);
    else
        vault_refuse_reason(v, a, REASON_FAILED);
    buf_wipe(&v->scratch);
    heap_buf_free(&out);
}

static enum err look_read(struct vault *v, struct vault_ask *a)
{
    if (!vault_ca_needed(v, a))
        return OK;
    if (a->kind == KIND_EST_CACERTS)
        put_certs(v, a);
    else if (a->kind == KIND_EST_CSRATTRS)
        put_attrs(v, a);
    else
        put_anchors(v, a);
    return OK;
}

const struct vault_kind vault_kind_est_look = {.read = look_read};

/* ---- reading --------------------------------------------------------------------------------------------------- */

static void refuse_csr(struct vault *v, struct vault_ask *a, enum reason r, const char *why)
{
    bool form = r == REASON_MALFORMED || r == REASON_ALGORITHM_REFUSED;
    vault_refuse(v, a, form ? 400 : 403, reason_code(r), why ? why : "the request cannot be read",
                 "see GET /.well-known/est/csrattrs for what a request has");
}

static struct own *own_new(struct vault_ask *a)
{
    struct own *o = ARENA_NEW(&a->mem, struct own);
    a->own = o;
    return o;
}

static bool read_csr(struct vault *v, struct vault_ask *a, struct own *o, struct span der)
{
    const char *why = NULL;
    enum reason r = csr_read(der, span_str(v->ca.sp), span_str(v->fqdn), &a->mem, &o->csr, &why);
    if (r != REASON_OK)
        refuse_csr(v, a, r, why);
    return r == REASON_OK;
}

static enum err csr_read_ask(struct vault *v, struct vault_ask *a)
{
    struct span der;
    struct own *o = own_new(a);
    if (!o)
        return ERR_NOMEM;
    if (!vault_ca_needed(v, a))
        return OK;
    if (csr_body(a->body, &a->mem, &der) != OK)
        refuse_csr(v, a, REASON_MALFORMED, "the body is no PKCS#10 request in base64");
    else if (read_csr(v, a, o, der))
        memcpy(o->by, o->csr.jkt, JOSE_THUMB);
    return OK;
}

static bool fresh(struct vault *v, struct span text)
{
    uint8_t nonce[RELEASE_NONCE];
    struct buf b = BUF_ARRAY(nonce);
    return b64url_get(text, &b) == OK && b.n == RELEASE_NONCE && vault_nonce_good(v, nonce);
}

/* Signature by the certificate's key, and the certificate's word for iss. */
static enum reason judge_signed(struct vault *v, struct vault_ask *a, struct own *o)
{
    struct p256 *key;
    uint64_t until;
    if (p256_read_cert(a->jws.x5c[0], &key) != OK)
        return REASON_ALGORITHM_REFUSED;
    enum reason r = VAULT_VERIFY(jws_verify(&a->jws, key));
    if (r == REASON_OK)
        r = claim_aud(a->jws.claims, &a->mem, span_str(v->fqdn));
    if (r == REASON_OK)
        r = vault_x5c(v, &a->jws, o->q.iss, key, &until);
    if (r == REASON_OK && p256_thumb(key, o->by) != OK)
        r = REASON_FAILED;
    p256_free(key);
    JUDGE(r);
    X509 *x = cert_of_der(a->jws.x5c[0]);
    o->ours = x && X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(v->ca.cert)) == 0;
    X509_free(x);
    return REASON_OK;
}

static enum err signed_read(struct vault *v, struct vault_ask *a)
{
    struct own *o = own_new(a);
    if (!o)
        return ERR_NOMEM;
    if (!vault_ca_needed(v, a))
        return OK;
    enum reason r = enrol_ask_read(a->body, &a->mem, &a->jws, &o->q);
    if (r == REASON_OK)
        r = judge_signed(v, a, o);
    if (r != REASON_OK) {
        vault_refuse_reason(v, a, r);
        return OK;
    }
    if (!fresh(v, o->q.nonce)) {
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED), "the nonce is not fresh",
                     "use the newest Oneseal-Nonce within 120 s");
        return OK;
    }
    if (read_csr(v, a, o, o->q.csr) && !span_eq(o->csr.iss, o->q.iss))
        refuse_csr(v, a, REASON_REFUSED, "the request is for another name than the certificate that signs it");
    return OK;
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

/* Is `by` the key of the newest certificate that this CA has issued for the name, and is that still valid? */
static enum reason current(struct vault *v, const struct own *o)
{
    uint8_t jkt[JOSE_THUMB];
    uint64_t until;
    const struct span *value = vault_map_get(&v->table[TABLE_ISSUED], o->csr.name);
    if (!value)
        return REASON_REFUSED;
    struct span s = *value;
    if (take_fix(&s, jkt, JOSE_THUMB) != OK || take_u64(&s, &until) != OK)
        return REASON_FAILED;
    if (memcmp(jkt, o->by, JOSE_THUMB) != 0)
        return REASON_REFUSED;
    return (int64_t)until < v->conf.now_ms(v->conf.ctx) ? REASON_EXPIRED : REASON_OK;
}

static bool current_or_refuse(struct vault *v, struct vault_ask *a, const struct own *o)
{
    enum reason r = VAULT_VERIFY(current(v, o));
    if (r != REASON_OK)
        vault_refuse(v, a, 403, reason_code(r),
                     r == REASON_EXPIRED ? "the certificate of this name has expired"
                                         : "this is not signed by the key of the newest certificate of this name",
                     "renew with the newest certificate while it is valid, or join with a token");
    return r == REASON_OK;
}

static bool may_have(struct vault *v, struct vault_ask *a, const struct own *o)
{
    if (vault_denied(v, SPAN_NONE, SPAN_NONE, o->csr.iss, o->csr.jkt)) {
        vault_fold_add(v, o->csr.iss, REASON_REFUSED);
        vault_refuse(v, a, 403, reason_code(REASON_REFUSED), "the operator denies this name or this key",
                     "the TTP's operator can lift it: oneseal policy allow");
        return false;
    }
    return true;
}

static enum err record(struct vault *v, struct vault_ask *a, const struct own *o, const struct cert_order *c,
                       const char *how)
{
    uint8_t text[2048], serial[2 * CERT_SERIAL];
    struct buf b = BUF_ARRAY(text), s = BUF_ARRAY(serial);
    struct jw w = jw_over(&b);
    hex_put(&s, span_of(c->serial, CERT_SERIAL));
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "t", (uint64_t)c->now_s);
    JW_STR(&w, "op", SPAN("certificate"));
    JW_STR(&w, "iss", o->csr.iss);
    JW_STR(&w, "name", o->csr.name);
    JW_STR(&w, "how", span_str(how));
    JW_B64URL(&w, "req", span_of(a->req, ESD_HASH));
    JW_B64URL(&w, "jkt", span_of(o->csr.jkt, JOSE_THUMB));
    JW_STR(&w, "serial", buf_span(&s));
    JW_U64(&w, "until", (uint64_t)c->until_s);
    jw_end_obj(&w);
    TRY(b.e);
    return vault_leaf(v, a, buf_span(&b));
}

static enum err keep(struct vault *v, const struct own *o, const struct cert_order *c)
{
    uint8_t value[ISSUED_MAX];
    struct buf b = BUF_ARRAY(value);
    buf_put(&b, span_of(o->csr.jkt, JOSE_THUMB));
    buf_be64(&b, (uint64_t)c->until_s * 1000);
    msg_item_put(&b, span_of(c->serial, CERT_SERIAL));
    TRY(b.e);
    return vault_state_set(v, TABLE_ISSUED, o->csr.name, buf_span(&b));
}

/* May be refused until `keep`; from there on an error fails the batch. */
static enum err issue(struct vault *v, struct vault_ask *a, struct own *o, const struct vault_join *j, const char *how)
{
    if (!vault_rate_good(v, a, o->csr.iss)) /* now it is known that it asks itself */
        return OK;
    struct cert_order c = {.csr = &o->csr,
                           .ca = v->ca.cert,
                           .ca_key = v->ca.key,
                           .now_s = v->conf.now_ms(v->conf.ctx) / 1000,
                           .days = v->ca.days};
    X509 *x = cert_issue(&c);
    o->der = x ? cert_der(x, &a->mem) : SPAN_NONE;
    X509_free(x);
    if (o->der.n == 0) {
        vault_refuse(v, a, 503, reason_code(REASON_EXPIRED), "the enrolment CA has expired or cannot sign",
                     "the TTP's operator must make a new CA");
        return OK;
    }
    if (keep(v, o, &c) != OK) {
        vault_refuse(v, a, 507, reason_code(REASON_TTP_SEALED), "the table of certificates is full",
                     "tell the operator");
        return OK;
    }
    TRY(record(v, a, o, &c, how));
    return j ? vault_join_take(v, j) : OK;
}

static enum err enroll_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    struct vault_join j = {
        .text = o->csr.challenge, .purpose = JOIN_CERTIFICATE, .name = o->csr.name, .iss = o->csr.iss};
    if (!vault_ca_needed(v, a) || !may_have(v, a, o) || !vault_join_good(v, a, &j, o->csr.jkt))
        return OK;
    return issue(v, a, o, &j, "token");
}

static enum err reenroll_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    if (!vault_ca_needed(v, a) || !may_have(v, a, o) || !current_or_refuse(v, a, o))
        return OK;
    return issue(v, a, o, NULL, "renewal");
}

static enum err signed_decide(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    if (!vault_ca_needed(v, a) || !may_have(v, a, o) || (o->ours && !current_or_refuse(v, a, o)))
        return OK;
    return issue(v, a, o, NULL, o->ours ? "renewal" : "certificate");
}

static enum err est_answer(struct vault *v, struct vault_ask *a)
{
    struct own *o = a->own;
    struct buf b = heap_buf(4 * CERT_DER_MAX);
    X509 *x = cert_of_der(o->der);
    enum err e = x ? cert_pkcs7(&x, 1, &b) : ERR_CRYPTO;
    if (e == OK)
        vault_reply(v, a, 200, TYPE_CERTS, buf_span(&b), SPAN_NONE);
    X509_free(x);
    heap_buf_free(&b);
    return e;
}

const struct vault_kind vault_kind_est_enroll = {csr_read_ask, enroll_decide, est_answer, NULL, est_end};
const struct vault_kind vault_kind_est_reenroll = {csr_read_ask, reenroll_decide, est_answer, NULL, est_end};
const struct vault_kind vault_kind_est_signed = {signed_read, signed_decide, est_answer, NULL, est_end};
