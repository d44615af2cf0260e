#include "ttp/csr.h"

#include "base/code.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { SPKI_MAX = 256, CHALLENGE_MAX = 255 };

/* Why, when it is not REASON_OK. */
struct verdict {
    enum reason r;
    const char *why;
};
#define GOOD ((struct verdict){REASON_OK, NULL})
static struct verdict bad(enum reason r, const char *why)
{
    return (struct verdict){r, why};
}

enum err csr_body(struct span text, struct arena *a, struct span *der)
{
    if (text.n > 2 * CSR_MAX)
        return ERR_LIMIT;
    uint8_t *packed = arena_alloc(a, 2 * text.n + 1);
    size_t n = 0;
    if (!packed)
        return ERR_NOMEM;
    for (size_t i = 0; i < text.n; i++)
        if (!strchr(" \t\r\n", text.p[i] ? text.p[i] : 'x'))
            packed[n++] = text.p[i];
    struct buf b = buf_over(packed + text.n, text.n);
    TRY(b64_get(span_of(packed, n), &b));
    *der = buf_span(&b);
    return der->n == 0 ? ERR_SYNTAX : der->n > CSR_MAX ? ERR_LIMIT : OK;
}

/* ---- names ---------------------------------------------------------------------------------------------------- */

static bool is_unreserved(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && c != '-' && c != '.' && c != '_' && c != '~')
            return false;
    }
    return s.n > 0 && s.n <= CSR_NAME_MAX;
}

/* m2m://sp/stem or m2m://sp/cse/stem */
static struct verdict judge_uri(struct span name, struct span sp, struct arena *a, struct csr *out)
{
    static const char scheme[] = "m2m:";
    struct span rest = span_from(name, sizeof scheme - 1), stem;
    if (!span_starts(name, span_str(scheme)) || !span_starts(rest, SPAN("//")))
        return bad(REASON_REFUSED, "the URI in subjectAltName must be an absolute AE-ID behind m2m:");
    out->iss = arena_dup(a, rest);
    rest = span_from(rest, 2);
    if (!span_eq(span_cut(&rest, '/'), sp))
        return bad(REASON_REFUSED, "the AE-ID in subjectAltName is of another service provider");
    for (int i = 0; i < 2 && rest.p; i++) {
        stem = span_cut(&rest, '/');
        if (!is_unreserved(stem))
            return bad(REASON_REFUSED, "the AE-ID in subjectAltName has an empty part or a character outside RFC 3986 "
                                       "unreserved");
        if (!rest.p)
            return GOOD;
    }
    return bad(REASON_REFUSED, "the AE-ID in subjectAltName has one or two parts behind the service provider");
}

static bool is_label(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
        if (!alnum && (c != '-' || i == 0 || i + 1 == s.n))
            return false;
    }
    return s.n > 0 && s.n <= 63;
}

/* Labels of letters, digits and hyphens: a wildcard is none. */
static struct verdict judge_dns(struct span name, struct span sp, struct span ttp, struct arena *a, struct csr *out)
{
    uint8_t *lower = arena_alloc(a, name.n + 1), iss[2 * CSR_NAME_MAX + 8];
    if (!lower)
        return bad(REASON_FAILED, "no memory");
    for (size_t i = 0; i < name.n; i++)
        lower[i] = (uint8_t)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
    out->name = span_of(lower, name.n);
    struct span rest = out->name, first = span_first(rest, span_find(rest, '.'));
    while (rest.p)
        if (!is_label(span_cut(&rest, '.')))
            return bad(REASON_REFUSED, "the dNSName in subjectAltName is no exact domain name");
    size_t n = name.n;
    if (n < sp.n + 2 || !span_ends(out->name, sp) || lower[n - sp.n - 1] != '.')
        return bad(REASON_REFUSED, "the dNSName in subjectAltName is not below the domain of the service provider");
    if (span_eq_nocase(out->name, ttp))
        return bad(REASON_REFUSED, "the dNSName in subjectAltName is the name of this TTP");
    struct buf b = BUF_ARRAY(iss);
    buf_str(&b, "//");
    buf_put(&b, sp);
    buf_c(&b, '/');
    buf_put(&b, first);
    out->iss = arena_dup(a, buf_span(&b));
    return b.e == OK ? GOOD : bad(REASON_FAILED, "no memory");
}

static struct verdict judge_name(const GENERAL_NAME *g, struct span sp, struct span ttp, struct arena *a,
                                 struct csr *out)
{
    if (g->type != GEN_URI && g->type != GEN_DNS)
        return bad(REASON_REFUSED, "subjectAltName must be a URI (AE-ID) or a dNSName (CSE-ID, Node-ID)");
    struct span text = span_of(ASN1_STRING_get0_data(g->d.ia5), (size_t)ASN1_STRING_length(g->d.ia5));
    if (text.n == 0 || text.n > CSR_NAME_MAX)
        return bad(REASON_REFUSED, "subjectAltName is empty or longer than 253 octets");
    out->name = arena_dup(a, text);
    out->uri = g->type == GEN_URI;
    struct verdict v = out->uri ? judge_uri(out->name, sp, a, out) : judge_dns(out->name, sp, ttp, a, out);
    return arena_ok(a) ? v : bad(REASON_FAILED, "no memory");
}

static struct verdict judge_extensions(const STACK_OF(X509_EXTENSION) * ext, struct span sp, struct span ttp,
                                       struct arena *a, struct csr *out)
{
    int n_ca = 0, n_san = 0; /* -1: none; -2: twice */
    struct verdict v = bad(REASON_MALFORMED, "the request needs subjectAltName, with exactly one name");
    BASIC_CONSTRAINTS *ca = X509V3_get_d2i(ext, NID_basic_constraints, &n_ca, NULL);
    GENERAL_NAMES *san = X509V3_get_d2i(ext, NID_subject_alt_name, &n_san, NULL);
    if ((ca && ca->ca) || (!ca && n_ca != -1))
        v = bad(REASON_REFUSED, "a certificate that may issue others is not given");
    else if (san && sk_GENERAL_NAME_num(san) == 1)
        v = judge_name(sk_GENERAL_NAME_value(san, 0), sp, ttp, a, out);
    BASIC_CONSTRAINTS_free(ca);
    GENERAL_NAMES_free(san);
    return v;
}

/* ---- the request ------------------------------------------------------------------------------------------------ */

static struct verdict read_challenge(X509_REQ *req, struct arena *a, struct csr *out)
{
    int at = X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, -1);
    if (at < 0)
        return GOOD;
    X509_ATTRIBUTE *t = X509_REQ_get_attr(req, at);
    const ASN1_TYPE *one = X509_ATTRIBUTE_count(t) == 1 ? X509_ATTRIBUTE_get0_type(t, 0) : NULL;
    int type = one ? ASN1_TYPE_get(one) : 0;
    bool text = type == V_ASN1_PRINTABLESTRING || type == V_ASN1_UTF8STRING || type == V_ASN1_IA5STRING ||
                type == V_ASN1_T61STRING;
    if (!text || X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, at) >= 0)
        return bad(REASON_MALFORMED, "challengePassword must be one text");
    const ASN1_STRING *s = one->value.asn1_string;
    if (ASN1_STRING_length(s) > CHALLENGE_MAX)
        return bad(REASON_MALFORMED, "challengePassword is longer than 255 octets");
    out->challenge = arena_dup(a, span_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)));
    return GOOD;
}

static struct verdict read_key(X509_REQ *req, struct csr *out)
{
    uint8_t spki[SPKI_MAX], *at = spki;
    X509_PUBKEY *k = X509_REQ_get_X509_PUBKEY(req);
    int n = k ? i2d_X509_PUBKEY(k, NULL) : 0;
    if (n <= 0 || n > SPKI_MAX || i2d_X509_PUBKEY(k, &at) != n ||
        p256_read_spki(span_of(spki, (size_t)n), &out->key) != OK)
        return bad(REASON_ALGORITHM_REFUSED,
                   "the key must be on P-256, with the curve named and the point uncompressed");
    if (X509_REQ_get_signature_nid(req) != NID_ecdsa_with_SHA256)
        return bad(REASON_ALGORITHM_REFUSED, "the request must be signed with ECDSA and SHA-256");
    if (X509_REQ_verify(req, p256_evp(out->key)) != 1)
        return bad(REASON_TAMPERED, "the request is not signed by the key that it names");
    return p256_thumb(out->key, out->jkt) == OK ? GOOD : bad(REASON_FAILED, "the key cannot be hashed");
}

static struct verdict read_all(X509_REQ *req, struct span sp, struct span ttp, struct arena *a, struct csr *out)
{
    struct verdict v = read_key(req, out);
    if (v.r == REASON_OK)
        v = read_challenge(req, a, out);
    if (v.r != REASON_OK)
        return v;
    STACK_OF(X509_EXTENSION) *ext = X509_REQ_get_extensions(req);
    v = judge_extensions(ext, sp, ttp, a, out);
    sk_X509_EXTENSION_pop_free(ext, X509_EXTENSION_free);
    return v;
}

enum reason csr_read(struct span der, struct span sp, struct span ttp, struct arena *a, struct csr *out,
                     const char **why)
{
    const uint8_t *p = der.p;
    *out = (struct csr){.key = NULL};
    X509_REQ *req = der.n > 0 && der.n <= CSR_MAX ? d2i_X509_REQ(NULL, &p, (long)der.n) : NULL;
    struct verdict v = bad(REASON_MALFORMED, "the body is no PKCS#10 request of at most 4096 octets");
    if (req && p == der.p + der.n)
        v = read_all(req, sp, ttp, a, out);
    X509_REQ_free(req);
    ERR_clear_error();
    *why = v.why;
    if (v.r != REASON_OK)
        csr_free(out);
    return v.r;
}

void csr_free(struct csr *c)
{
    p256_free(c->key);
    c->key = NULL;
}
