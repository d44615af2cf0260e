/* Certificate chains in client registrations. */
#include "ttp/name.h"
#include "ttp/vault_own.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

static bool san_covers(X509 *leaf, struct span iss)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    bool good = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !good; i++) {
        GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
        if (g->type == GEN_URI || g->type == GEN_DNS) {
            ASN1_STRING *s = g->d.ia5;
            good = name_covers(span_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)), iss);
        }
    }
    GENERAL_NAMES_free(names);
    return good;
}

static enum reason chain(struct vault *v, X509 *leaf, STACK_OF(X509) * more)
{
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    enum reason r = REASON_FAILED;
    if (c && X509_STORE_CTX_init(c, v->anchors, leaf, more) == 1) {
        X509_STORE_CTX_set_time(c, 0, (time_t)(v->conf.now_ms(v->conf.ctx) / 1000));
        int ok = X509_verify_cert(c), why = X509_STORE_CTX_get_error(c);
        r = ok == 1 ? REASON_OK : why == X509_V_ERR_CERT_HAS_EXPIRED ? REASON_EXPIRED : REASON_REFUSED;
    }
    X509_STORE_CTX_free(c);
    return r;
}

static enum reason end_of(X509 *leaf, uint64_t *until)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) != 1)
        return REASON_MALFORMED;
    int days, seconds;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    bool ok = epoch && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(leaf)) == 1 && days >= 0;
    ASN1_TIME_free(epoch);
    if (!ok)
        return REASON_MALFORMED;
    *until = ((uint64_t)days * 86400 + (uint64_t)seconds) * 1000;
    return REASON_OK;
}

static X509 *read_der(struct span der)
{
    const uint8_t *p = der.p;
    X509 *x = der.n > 0 && der.n < INT32_MAX ? d2i_X509(NULL, &p, (long)der.n) : NULL;
    if (x && p != der.p + der.n) {
        X509_free(x);
        return NULL;
    }
    return x;
}

static enum reason judge(struct vault *v, const struct jws *j, X509 *leaf, struct span iss, const struct p256 *k,
                         uint64_t *until)
{
    struct p256 *own;
    STACK_OF(X509) *more = sk_X509_new_null();
    for (size_t i = 1; i < j->n_x5c; i++) {
        X509 *x = read_der(j->x5c[i]);
        if (x)
            sk_X509_push(more, x);
    }
    enum reason r = VAULT_VERIFY(chain(v, leaf, more));
    sk_X509_pop_free(more, X509_free);
    JUDGE(r);
    if (!san_covers(leaf, iss))
        return REASON_REFUSED;
    if (p256_read_cert(j->x5c[0], &own) != OK)
        return REASON_ALGORITHM_REFUSED;
    bool same = p256_same(own, k);
    p256_free(own);
    return same ? end_of(leaf, until) : REASON_REFUSED;
}

enum reason vault_x5c(struct vault *v, const struct jws *j, struct span iss, const struct p256 *k, uint64_t *until)
{
    X509 *leaf = j->n_x5c > 0 ? read_der(j->x5c[0]) : NULL;
    if (!leaf)
        return REASON_MALFORMED;
    enum reason r = judge(v, j, leaf, iss, k, until);
    X509_free(leaf);
    return r;
}
