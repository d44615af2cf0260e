#include "net/tls_in.h"

#include <ctype.h>
#include <openssl/x509v3.h>
#include <string.h>

static bool is_uri_octet(uint8_t c)
{
    return isalnum(c) || (c != 0 && strchr("-._~:/?#[]@!$&'()*+,;=%", c) != NULL);
}

enum err tls_uri_ae_id(struct span uri, struct span *ae_id)
{
    *ae_id = SPAN_NONE;
    size_t at = 0;
    while (at + 1 < uri.n && !(uri.p[at] == '/' && uri.p[at + 1] == '/'))
        at++;
    struct span id = span_from(uri, at);
    if (id.n < 3 || id.p[2] == '/' || (at > 0 && (uri.p[at - 1] != ':' || at < 2)))
        return ERR_SYNTAX;
    for (size_t i = 0; i + 1 < at; i++)
        if (!isalnum(uri.p[i]) && uri.p[i] != '+' && uri.p[i] != '-' && uri.p[i] != '.')
            return ERR_SYNTAX;
    for (size_t i = 0; i < id.n; i++)
        if (!is_uri_octet(id.p[i]))
            return ERR_SYNTAX;
    *ae_id = id;
    return OK;
}

static bool is_exact_dns(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' && s.p[i] != '_')
            return false; /* a wildcard is such an octet */
    return s.n > 0;
}

static void add_name(struct tls_peer *p, enum tls_name_kind kind, struct span text)
{
    if (p->n >= TLS_NAMES_MAX || text.n >= TLS_NAME_TEXT_MAX)
        return;
    struct tls_name *n = &p->name[p->n++];
    n->kind = kind;
    n->n = (uint16_t)text.n;
    for (size_t i = 0; i < text.n; i++)
        n->text[i] = (char)(kind == TLS_NAME_DNS ? tolower(text.p[i]) : text.p[i]);
    n->text[text.n] = 0;
}

static void names_of(const X509 *cert, struct tls_peer *p)
{
    GENERAL_NAMES *list = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; list && i < sk_GENERAL_NAME_num(list); i++) {
        int type;
        const ASN1_STRING *v = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list, i), &type);
        if (type != GEN_URI && type != GEN_DNS)
            continue;
        struct span s = span_of(ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v)), id;
        if (type == GEN_URI && tls_uri_ae_id(s, &id) == OK)
            add_name(p, TLS_NAME_AE, id);
        else if (type == GEN_DNS && is_exact_dns(s))
            add_name(p, TLS_NAME_DNS, s);
    }
    GENERAL_NAMES_free(list);
}

void tls_peer_of_cert(const X509 *cert, struct tls_peer *out)
{
    memset(out, 0, sizeof *out);
    unsigned n = sizeof out->sha256;
    if (X509_digest(cert, EVP_sha256(), out->sha256, &n) == 1)
        names_of(cert, out);
}

bool tls_peer_read(SSL *ssl, struct tls_peer *out)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    memset(out, 0, sizeof *out);
    if (!cert || SSL_get_verify_result(ssl) != X509_V_OK)
        return false;
    tls_peer_of_cert(cert, out);
    return true;
}

static bool has(const struct tls_peer *p, enum tls_name_kind kind, struct span text)
{
    for (unsigned i = 0; p && i < p->n; i++) {
        const struct tls_name *n = &p->name[i];
        if (n->kind != kind)
            continue;
        if (kind == TLS_NAME_DNS ? span_eq_nocase(tls_name_span(n), text) : span_eq(tls_name_span(n), text))
            return true;
    }
    return false;
}

bool tls_peer_is_ae(const struct tls_peer *p, struct span absolute_ae_id)
{
    return has(p, TLS_NAME_AE, absolute_ae_id);
}

bool tls_peer_is_dns(const struct tls_peer *p, struct span dns_name)
{
    return has(p, TLS_NAME_DNS, dns_name);
}

struct span tls_peer_first(const struct tls_peer *p, enum tls_name_kind kind)
{
    for (unsigned i = 0; p && i < p->n; i++)
        if (p->name[i].kind == kind)
            return tls_name_span(&p->name[i]);
    return SPAN_NONE;
}

void tls_peer_put_names(const struct tls_peer *p, struct buf *b)
{
    for (unsigned i = 0; i < p->n; i++) {
        buf_str(b, i ? ", \"" : "\"");
        buf_put(b, tls_name_span(&p->name[i]));
        buf_c(b, '"');
    }
    if (p->n == 0)
        buf_str(b, "no name");
}
