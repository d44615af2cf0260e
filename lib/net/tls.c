#include "net/tls_realm.h"

#include "host/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tls_ctx {
    SSL_CTX *ssl;
    struct tls_realms *realms;
    atomic_uint refs;
    bool server;
};

enum { PEM_MAX = 1 << 20, CHAIN_DEPTH_MAX = 4 };

static const char suites_13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char suites_12[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";
static const char suites_12_legacy[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA256";

/* ---- why: one sentence, "FILE: cause" */

static enum err fail(struct buf *why, enum err e, const char *file, const char *what)
{
    char text[200] = "";
    unsigned long code = ERR_peek_last_error();
    if (code)
        ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    const char *reason = strrchr(text, ':'); /* "error:1234:lib::reason" */
    if (why) {
        buf_str(why, file ? file : "TLS");
        buf_str(why, ": ");
        buf_str(why, what);
        if (reason && reason[1]) {
            buf_str(why, " (");
            buf_str(why, reason + 1);
            buf_str(why, ")");
        }
    }
    return e;
}

/* ---- reading PEM */

static enum err pem_of(const char *file, struct span given, struct buf *mem, struct span *out, struct buf *why)
{
    *out = given;
    if (!file)
        return OK;
    enum err e = file_read(file, mem);
    if (e != OK)
        return fail(why, e, file, strerror(errno));
    *out = buf_span(mem);
    return OK;
}

static int no_passphrase(char *b, int n, int writing, void *arg)
{
    (void)b, (void)n, (void)writing, (void)arg;
    return 0; /* never ask at a terminal */
}

static enum err use_cert(SSL_CTX *ssl, struct span pem, const char *file, struct buf *why)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509 *cert = b ? PEM_read_bio_X509(b, NULL, no_passphrase, NULL) : NULL;
    int ok = cert && SSL_CTX_use_certificate(ssl, cert) == 1;
    X509_free(cert);
    while (ok && (cert = PEM_read_bio_X509(b, NULL, no_passphrase, NULL)))
        ok = SSL_CTX_add0_chain_cert(ssl, cert) == 1;
    BIO_free(b);
    if (!ok)
        return fail(why, ERR_CONFIG, file, "no usable certificate");
    ERR_clear_error(); /* the end of the file is reported as an error */
    return OK;
}

static enum err use_key(SSL_CTX *ssl, struct span pem, const char *file, struct buf *why)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;
    BIO_free(b);
    if (!key)
        return fail(why, ERR_CONFIG, file, "no usable private key");
    int ok = SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;
    EVP_PKEY_free(key);
    return ok ? OK : fail(why, ERR_CONFIG, file, "the key does not belong to the certificate");
}

static enum err check_key_mode(const char *file, struct buf *why)
{
    struct stat st;
    if (file && stat(file, &st) == 0 && (st.st_mode & 0007))
        return fail(why, ERR_CONFIG, file, "a private key that everybody may read or write is not used; chmod 600 it");
    return OK;
}

static enum err use_ca(SSL_CTX *ssl, struct span pem, bool server, const char *file, struct buf *why)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509 *cert;
    int n = 0, ok = b != NULL;
    while (ok && (cert = PEM_read_bio_X509(b, NULL, no_passphrase, NULL))) {
        ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), cert) == 1 &&
             (!server || SSL_CTX_add_client_CA(ssl, cert) == 1);
        X509_free(cert);
        n++;
    }
    BIO_free(b);
    if (!ok || n == 0)
        return fail(why, ERR_CONFIG, file, "no usable CA certificate");
    ERR_clear_error();
    return OK;
}

/* ---- the context */

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in, unsigned in_n,
                       void *arg)
{
    (void)ssl, (void)arg;
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *pick;
    if (SSL_select_next_proto(&pick, n, ours, sizeof ours - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = pick;
    return SSL_TLSEXT_ERR_OK;
}

/* One certificate is all a server has: a name that is not in it is answered with that certificate, and not
 * acknowledged (RFC 6066 section 3). */
static int on_sni(SSL *ssl, int *alert, void *arg)
{
    (void)alert, (void)arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    struct tls_peer own;
    const X509 *cert = SSL_get_certificate(ssl);
    if (!name || !cert)
        return SSL_TLSEXT_ERR_NOACK;
    tls_peer_of_cert(cert, &own);
    return tls_peer_is_dns(&own, span_str(name)) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* The name that the caller expects hangs on the session; checked inside the handshake, so that a wrong
 * peer is told by an alert and never sees a request. */
static int expect_index(void)
{
    static atomic_int index = -1;
    int i = atomic_load(&index);
    if (i < 0) {
        int fresh = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
        if (atomic_compare_exchange_strong(&index, &i, fresh))
            i = fresh;
    }
    return i;
}

static int check_peer(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_expect *expect = SSL_get_ex_data(ssl, expect_index());
    const struct tls_ctx *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (!ok || X509_STORE_CTX_get_error_depth(store) != 0)
        return ok;
    if (!tls_realms_permit(c->realms, store)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_PERMITTED_VIOLATION);
        return 0;
    }
    if (!expect)
        return 1;
    struct tls_peer peer;
    tls_peer_of_cert(X509_STORE_CTX_get_current_cert(store), &peer);
    bool ae = span_starts(expect->name, SPAN("//"));
    if (ae ? tls_peer_is_ae(&peer, expect->name) : tls_peer_is_dns(&peer, expect->name))
        return 1;
    struct buf seen = buf_over(expect->seen, sizeof expect->seen - 1);
    tls_peer_put_names(&peer, &seen);
    expect->seen[seen.n] = 0;
    X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    return 0;
}

#ifdef ONESEAL_TEST_KEYLOG
static int keylog_fd = -1; /* opened with the first context: a confined room opens no file later */

static void keylog(const SSL *ssl, const char *line)
{
    (void)ssl;
    char text[1024];
    int n = snprintf(text, sizeof text, "%s\n", line);
    if (keylog_fd >= 0 && n > 0 && n < (int)sizeof text && write(keylog_fd, text, (size_t)n) != n)
        fputs("oneseal: the TLS key log cannot be written\n", stderr);
}

static void keylog_open(SSL_CTX *ssl)
{
    const char *path = getenv("SSLKEYLOGFILE");
    if (path && keylog_fd < 0)
        keylog_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    SSL_CTX_set_keylog_callback(ssl, keylog);
}
#endif

static enum err set_rules(SSL_CTX *ssl, const struct tls_conf *conf, struct buf *why)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_verify_depth(ssl, CHAIN_DEPTH_MAX);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    if (SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 || SSL_CTX_set_ciphersuites(ssl, suites_13) != 1 ||
        SSL_CTX_set_cipher_list(ssl, conf->legacy_suites ? suites_12_legacy : suites_12) != 1 ||
        SSL_CTX_set1_groups_list(ssl, "X25519:P-256:P-384") != 1)
        return fail(why, ERR_CRYPTO, NULL, "this OpenSSL refuses our protocol versions, suites or groups");
#ifdef ONESEAL_TEST_KEYLOG
    keylog_open(ssl);
#endif
    return OK;
}

static enum err set_role(SSL_CTX *ssl, const struct tls_conf *conf, bool have_ca)
{
    static const unsigned char alpn[] = "\x08http/1.1";
    if (conf->server) {
        int mode = have_ca ? SSL_VERIFY_PEER | (conf->client_cert_needed ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0) : 0;
        SSL_CTX_set_verify(ssl, mode, check_peer);
        SSL_CTX_set_alpn_select_cb(ssl, choose_alpn, NULL);
        SSL_CTX_set_tlsext_servername_callback(ssl, on_sni);
        return OK;
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, check_peer);
    return SSL_CTX_set_alpn_protos(ssl, alpn, sizeof alpn - 1) == 0 ? OK : ERR_NOMEM;
}

static enum err load(SSL_CTX *ssl, const struct tls_conf *c, struct buf *cert_mem, struct buf *key_mem,
                     struct buf *ca_mem, struct buf *why)
{
    struct span cert, key, ca;
    TRY(set_rules(ssl, c, why));
    TRY(pem_of(c->cert_file, c->cert_pem, cert_mem, &cert, why));
    TRY(check_key_mode(c->key_file, why));
    TRY(pem_of(c->key_file, c->key_pem, key_mem, &key, why));
    TRY(pem_of(c->ca_file, c->ca_pem, ca_mem, &ca, why));
    if (c->server && (cert.n == 0 || key.n == 0))
        return fail(why, ERR_CONFIG, NULL, "a server needs a certificate and its key");
    if (c->server ? c->client_cert_needed && ca.n == 0 : ca.n == 0)
        return fail(why, ERR_CONFIG, NULL, "a CA certificate is needed to verify peers");
    if (cert.n > 0) {
        TRY(use_cert(ssl, cert, c->cert_file, why));
        TRY(use_key(ssl, key, c->key_file, why));
    }
    if (ca.n > 0)
        TRY(use_ca(ssl, ca, c->server, c->ca_file, why));
    return set_role(ssl, c, ca.n > 0);
}

enum err tls_ctx_new(const struct tls_conf *conf, struct tls_ctx **out, struct buf *why)
{
    *out = NULL;
    struct tls_ctx *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    atomic_init(&c->refs, 1);
    c->server = conf->server;
    c->ssl = SSL_CTX_new(conf->server ? TLS_server_method() : TLS_client_method());
    struct buf cert = heap_buf(PEM_MAX), key = heap_buf(PEM_MAX), ca = heap_buf(PEM_MAX);
    ERR_clear_error();
    enum err e = c->ssl ? load(c->ssl, conf, &cert, &key, &ca, why) : ERR_NOMEM;
    if (e == OK && SSL_CTX_set_app_data(c->ssl, c) != 1)
        e = ERR_NOMEM;
    if (e == OK)
        e = tls_realms_new(c->ssl, conf, &c->realms, why);
    heap_buf_free(&cert);
    buf_wipe(&key);
    heap_buf_free(&key);
    heap_buf_free(&ca);
    if (e != OK) {
        tls_ctx_free(c);
        return e;
    }
    *out = c;
    return OK;
}

enum err tls_ctx_trust(struct tls_ctx *c, struct span pem)
{
    return use_ca(c->ssl, pem, c->server, NULL, NULL);
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void tls_ctx_free(struct tls_ctx *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    SSL_CTX_free(c->ssl);
    tls_realms_free(c->realms);
    free(c);
}

bool tls_is_server(const struct tls_ctx *c)
{
    return c->server;
}

/* ---- sessions */

/* Is the name a DNS name? RFC 6066 section 3 forbids addresses in SNI. */
static bool sni_name(struct span expect, char name[TLS_NAME_TEXT_MAX])
{
    bool letter = false;
    for (size_t i = 0; i < expect.n; i++)
        letter = letter || (expect.p[i] != '.' && (expect.p[i] < '0' || expect.p[i] > '9'));
    if (!letter || expect.n >= TLS_NAME_TEXT_MAX || span_find(expect, '/') < expect.n ||
        span_find(expect, ':') < expect.n)
        return false;
    memcpy(name, expect.p, expect.n);
    name[expect.n] = 0;
    return true;
}

SSL *tls_session(struct tls_ctx *c, int fd, struct tls_expect *expect)
{
    ERR_clear_error();
    SSL *ssl = SSL_new(c->ssl);
    if (!ssl)
        return NULL;
    char name[TLS_NAME_TEXT_MAX];
    int ok = SSL_set_fd(ssl, fd) == 1;
    if (c->server) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
        ok = ok && expect && SSL_set_ex_data(ssl, expect_index(), expect) == 1;
        if (ok && sni_name(expect->name, name))
            ok = SSL_set_tlsext_host_name(ssl, name) == 1;
    }
    if (ok)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

bool tls_error_is_clear_http(void)
{
    unsigned long code = ERR_peek_error();
    return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST;
}

void tls_why(SSL *ssl, struct tls_expect *expect, struct buf *why)
{
    long verify = SSL_get_verify_result(ssl);
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (verify == X509_V_ERR_HOSTNAME_MISMATCH && expect) {
        buf_str(why, "the peer's certificate is for ");
        buf_str(why, expect->seen);
        buf_str(why, ", expected was \"");
        buf_put(why, expect->name);
        buf_str(why, "\"");
    } else if (verify != X509_V_OK) {
        buf_str(why, "the peer's certificate is not accepted: ");
        buf_str(why, X509_verify_cert_error_string(verify));
    } else if (reason) {
        buf_str(why, "TLS handshake failed: ");
        buf_str(why, reason);
    } else {
        buf_str(why, "the peer closed the connection during the TLS handshake");
    }
    ERR_clear_error();
}
