#include "net/tls_realm.h"

#include "host/heap.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, ANCHORS_MAX = 64 };

struct anchor {
    X509 *cert;
    char domain[TLS_NAME_TEXT_MAX];
};
struct tls_realms {
    struct anchor anchor[ANCHORS_MAX];
    size_t n;
};

static enum err wrong(struct buf *why, const char *file, const char *what)
{
    if (why) {
        buf_str(why, file);
        buf_str(why, ": ");
        buf_str(why, what);
    }
    ERR_clear_error();
    return ERR_CONFIG;
}

static enum err add(SSL_CTX *ssl, bool server, struct tls_realms *r, X509 *cert, struct span domain)
{
    if (r->n == ANCHORS_MAX || domain.n >= TLS_NAME_TEXT_MAX || domain.n == 0 ||
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), cert) != 1 ||
        (server && SSL_CTX_add_client_CA(ssl, cert) != 1)) {
        X509_free(cert);
        return ERR_CONFIG;
    }
    struct anchor *a = &r->anchor[r->n++];
    a->cert = cert;
    memcpy(a->domain, domain.p, domain.n);
    return OK;
}

static enum err read_realm(SSL_CTX *ssl, bool server, const struct tls_realm *from, struct tls_realms *r,
                           struct buf *why)
{
    struct buf text = heap_buf(FILE_MAX);
    struct span pem = from->ca_pem;
    size_t before = r->n;
    enum err e = from->ca_file ? file_read(from->ca_file, &text) : OK;
    if (e != OK)
        (void)wrong(why, from->ca_file, strerror(errno));
    if (from->ca_file)
        pem = buf_span(&text);
    BIO *b = BIO_new_mem_buf(pem.p ? pem.p : (const uint8_t *)"", (int)pem.n);
    X509 *cert;
    while (e == OK && b && (cert = PEM_read_bio_X509(b, NULL, NULL, NULL)))
        e = add(ssl, server, r, cert, from->domain);
    BIO_free(b);
    heap_buf_free(&text);
    ERR_clear_error(); /* the end of the file is reported as an error */
    if (e == OK && r->n == before)
        e = wrong(why, from->ca_file ? from->ca_file : "TLS", "no usable CA certificate");
    return e;
}

enum err tls_realms_new(SSL_CTX *ssl, const struct tls_conf *conf, struct tls_realms **out, struct buf *why)
{
    *out = NULL;
    if (conf->n_realms == 0)
        return OK;
    struct tls_realms *r = *out = calloc(1, sizeof *r);
    enum err e = r ? OK : ERR_NOMEM;
    for (size_t i = 0; e == OK && i < conf->n_realms; i++)
        e = read_realm(ssl, conf->server, &conf->realms[i], r, why);
    return e;
}

void tls_realms_free(struct tls_realms *r)
{
    for (size_t i = 0; r && i < r->n; i++)
        X509_free(r->anchor[i].cert);
    free(r);
}

static bool below(struct span name, struct span domain)
{
    if (name.n <= domain.n)
        return span_eq_nocase(name, domain);
    return name.p[name.n - domain.n - 1] == '.' && span_eq_nocase(span_from(name, name.n - domain.n), domain);
}

static bool names_below(X509 *leaf, struct span domain)
{
    struct tls_peer peer;
    tls_peer_of_cert(leaf, &peer);
    for (unsigned i = 0; i < peer.n; i++)
        if (peer.name[i].kind != TLS_NAME_DNS || !below(tls_name_span(&peer.name[i]), domain))
            return false;
    return peer.n > 0;
}

bool tls_realms_permit(const struct tls_realms *r, X509_STORE_CTX *store)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    int n = chain ? sk_X509_num(chain) : 0;
    if (!r || n == 0)
        return !r;
    const X509 *end = sk_X509_value(chain, n - 1);
    bool foreign = false;
    for (size_t i = 0; i < r->n; i++) {
        if (X509_cmp(r->anchor[i].cert, end) != 0)
            continue;
        foreign = true;
        if (names_below(sk_X509_value(chain, 0), span_str(r->anchor[i].domain)))
            return true; /* one authority may serve two domains */
    }
    return !foreign;
}
