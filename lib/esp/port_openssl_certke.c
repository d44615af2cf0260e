/* ESCertKE on OpenSSL: a session over two memory BIOs. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "esp/certke.h"

enum { CHAIN_DEPTH_MAX = 4, MATERIAL = CERTKE_ID + CERTKE_KEY, DNS_MAX = 300 };

static const char suites[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                             "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA256";

/* ---- the context ------------------------------------------------------------------------------------------ */

static int no_passphrase(char *b, int n, int writing, void *arg)
{
    (void)b, (void)n, (void)writing, (void)arg;
    return 0; /* never ask at a terminal */
}

static bool rules(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ssl, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(ssl, CHAIN_DEPTH_MAX);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    /* The same certificate is a client's at one end and a server's at the other (TS-0003 10.1.1 has no usage for it).
     */
    SSL_CTX_set_purpose(ssl, X509_PURPOSE_ANY);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ssl, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(ssl, suites) == 1 &&
           SSL_CTX_set1_groups_list(ssl, "P-256:P-384:X25519") == 1 &&
           SSL_CTX_set1_sigalgs_list(ssl, "ECDSA+SHA256:ECDSA+SHA384") == 1;
}

static bool use_chain(SSL_CTX *ssl, struct span pem, struct buf *der)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509 *cert = b ? PEM_read_bio_X509(b, NULL, no_passphrase, NULL) : NULL;
    unsigned char *octets = NULL;
    int n = cert && der ? i2d_X509(cert, &octets) : 0;
    if (n > 0)
        buf_put(der, span_of(octets, (size_t)n));
    OPENSSL_free(octets);
    bool ok = cert && (n > 0 || !der) && SSL_CTX_use_certificate(ssl, cert) == 1;
    X509_free(cert);
    while (ok && (cert = PEM_read_bio_X509(b, NULL, no_passphrase, NULL)))
        ok = SSL_CTX_add0_chain_cert(ssl, cert) == 1;
    BIO_free(b);
    return ok;
}

static bool use_key(SSL_CTX *ssl, struct span pem)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;
    bool ok =
        key && EVP_PKEY_is_a(key, "EC") && SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;
    EVP_PKEY_free(key);
    BIO_free(b);
    return ok;
}

static bool use_ca(SSL_CTX *ssl, struct span pem)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509 *cert;
    bool any = false, ok = b != NULL;
    while (ok && (cert = PEM_read_bio_X509(b, NULL, no_passphrase, NULL))) {
        ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), cert) == 1 && SSL_CTX_add_client_CA(ssl, cert) == 1;
        X509_free(cert);
        any = true;
    }
    BIO_free(b);
    return ok && any;
}

enum err certke_ctx_new(struct span cert, struct span key, struct span ca, struct certke_ctx **out, struct buf *der,
                        const char **why)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_method());
    *out = NULL;
    *why = NULL;
    if (!ssl)
        return ERR_NOMEM;
    if (!rules(ssl))
        *why = "this OpenSSL refuses TLS 1.2 with ECDHE_ECDSA";
    else if (!use_chain(ssl, cert, der))
        *why = "the certificate cannot be used";
    else if (!use_key(ssl, key))
        *why = "the key is no EC key of the certificate";
    else if (!use_ca(ssl, ca))
        *why = "no authority's certificate can be used";
    ERR_clear_error(); /* the end of each PEM is reported as an error */
    if (!*why) {
        *out = (struct certke_ctx *)ssl;
        return der ? der->e : OK;
    }
    SSL_CTX_free(ssl);
    return ERR_CONFIG;
}

void certke_ctx_free(struct certke_ctx *c)
{
    SSL_CTX_free((SSL_CTX *)c);
}

/* ---- a handshake ------------------------------------------------------------------------------------------ */

enum err certke_begin(struct certke_ctx *c, bool initiates, int64_t now, struct certke *h)
{
    *h = (struct certke){.initiates = initiates};
    SSL *ssl = SSL_new((SSL_CTX *)c);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    if (!ssl || !in || !out) {
        SSL_free(ssl);
        BIO_free(in);
        BIO_free(out);
        return ERR_NOMEM;
    }
    BIO_set_mem_eof_return(in, -1); /* nothing there: come again */
    SSL_set_bio(ssl, in, out);
    X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl), (time_t)(now / 1000));
    if (initiates)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    h->ssl = ssl;
    return OK;
}

void certke_free(struct certke *h)
{
    SSL_free((SSL *)h->ssl);
    *h = (struct certke){0};
}

bool certke_is_first(struct span m)
{
    return m.n > 5 && m.p[0] == 22 && m.p[1] == 3 && m.p[5] == 1;
}

/* Reasons of libssl that tell more than that a message was wrong. */
static const struct {
    int reason;
    enum err e;
} reasons[] = {
    {SSL_R_CERTIFICATE_VERIFY_FAILED, ERR_AUTH},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, ERR_AUTH},
    {SSL_R_BAD_SIGNATURE, ERR_AUTH},
    {SSL_R_DIGEST_CHECK_FAILED, ERR_AUTH},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, ERR_AUTH},
    {SSL_R_UNSUPPORTED_PROTOCOL, ERR_UNSUPPORTED},
    {SSL_R_NO_SHARED_CIPHER, ERR_UNSUPPORTED},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, ERR_UNSUPPORTED},
    {SSL_R_WRONG_CIPHER_RETURNED, ERR_UNSUPPORTED},
    {SSL_R_UNKNOWN_CIPHER_RETURNED, ERR_UNSUPPORTED},
};

/* The kind of failure, from the verification and this thread's error queue, which is emptied. */
static enum err failure(SSL *ssl)
{
    enum err e = SSL_get_verify_result(ssl) != X509_V_OK ? ERR_AUTH : ERR_SYNTAX;
    for (unsigned long code; (code = ERR_get_error()) != 0;)
        for (size_t i = 0; i < LEN(reasons) && e == ERR_SYNTAX; i++)
            if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == reasons[i].reason)
                e = reasons[i].e;
    return e;
}

static enum err drain(SSL *ssl, struct buf *out)
{
    char *p;
    long n = BIO_get_mem_data(SSL_get_wbio(ssl), &p);
    if (n > CERTKE_MESSAGE_MAX)
        return ERR_LIMIT;
    buf_put(out, span_of(p, (size_t)(n > 0 ? n : 0)));
    return BIO_reset(SSL_get_wbio(ssl)) == 1 ? out->e : ERR_CRYPTO;
}

/* Steps in which the handshake is complete: after message 4 at the initiating end, after 3 at the terminating one. */
static uint8_t last_step(const struct certke *h)
{
    return h->initiates ? 3 : 2;
}

static enum err advance(struct certke *h, struct span in, struct buf *out)
{
    SSL *ssl = (SSL *)h->ssl;
    if (in.n > CERTKE_MESSAGE_MAX)
        return ERR_LIMIT;
    bool begins = h->initiates && h->step == 0;
    if (begins ? in.n != 0 : in.n == 0)
        return ERR_SYNTAX;
    if (in.n && BIO_write(SSL_get_rbio(ssl), in.p, (int)in.n) != (int)in.n)
        return ERR_NOMEM;
    ERR_clear_error();
    int r = SSL_do_handshake(ssl);
    if (r != 1 && SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ)
        return failure(ssl);
    h->step++;
    /* Each message is one whole flight: no half, and nothing behind it. */
    if ((r == 1) != (h->step == last_step(h)) || BIO_ctrl_pending(SSL_get_rbio(ssl)) != 0)
        return ERR_SYNTAX;
    size_t before = out->n;
    enum err e = drain(ssl, out);
    bool speaks = out->n > before;
    if (e == OK && speaks != !(h->initiates && r == 1))
        return ERR_SYNTAX;
    if (e == OK && r == 1 && SSL_get_extms_support(ssl) != 1)
        return ERR_UNSUPPORTED;
    return e;
}

enum err certke_step(struct certke *h, struct span in, struct buf *out)
{
    if (!h->ssl || certke_done(h) || (!h->initiates && h->step == 0 && !certke_is_first(in)))
        return ERR_SYNTAX;
    size_t before = out->n;
    enum err e = advance(h, in, out);
    if (e == OK)
        return OK;
    out->n = before;
    certke_free(h);
    return e;
}

bool certke_done(const struct certke *h)
{
    return h->ssl && h->step == last_step(h);
}

/* ---- what was agreed -------------------------------------------------------------------------------------- */

static void take_names(const X509 *cert, struct certke_result *out)
{
    GENERAL_NAMES *list = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; list && i < sk_GENERAL_NAME_num(list) && out->n_names < CERTKE_NAMES_MAX; i++) {
        int type;
        const ASN1_STRING *v = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list, i), &type);
        if (type != GEN_URI && type != GEN_DNS)
            continue;
        struct span s = span_of(ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v));
        if (type == GEN_URI)
            s = id_of_uri(s);
        if (!s.n || s.n > CERTKE_NAME_MAX || span_find(s, 0) < s.n)
            continue;
        struct certke_name *name = &out->name[out->n_names++];
        name->uri = type == GEN_URI;
        name->n = (uint16_t)s.n;
        memcpy(name->text, s.p, s.n);
    }
    GENERAL_NAMES_free(list);
}

enum err certke_result(const struct certke *h, struct certke_result *out)
{
    static const char label[] = "EXPORTER-oneM2M-ESCertKE";
    uint8_t material[MATERIAL];
    *out = (struct certke_result){0};
    if (!certke_done(h))
        return ERR_NOTNOW;
    SSL *ssl = (SSL *)h->ssl;
    X509 *cert = SSL_get0_peer_certificate(ssl);
    if (!cert || SSL_get_verify_result(ssl) != X509_V_OK ||
        SSL_export_keying_material(ssl, material, sizeof material, label, sizeof label - 1, NULL, 0, 0) != 1)
        return ERR_CRYPTO;
    memcpy(out->id, material, CERTKE_ID);
    memcpy(out->key, material + CERTKE_ID, CERTKE_KEY);
    wipe(material, sizeof material);
    take_names(cert, out);
    return OK;
}

/* An AE by its AE-ID, a CSE by its public domain name (TS-0003 10.1.1). */
bool certke_is(const struct certke_result *r, const struct id *who, const struct self *me)
{
    for (unsigned i = 0; i < r->n_names; i++) {
        const struct certke_name *name = &r->name[i];
        struct span text = span_of(name->text, name->n);
        uint8_t room[DNS_MAX];
        struct buf csi = BUF_ARRAY(room);
        if (!name->uri && id_of_dns(text, me, &csi) != OK)
            continue;
        struct id is = id_parse(name->uri ? text : buf_span(&csi), me);
        bool kinds = name->uri ? is.kind == ID_AE_C || is.kind == ID_AE_S : is.kind == ID_CSE;
        if (kinds && id_same(&is, who))
            return true;
    }
    return false;
}
