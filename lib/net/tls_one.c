#include "net/tls_one.h"

#include "net/tls_in.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct tls_one {
    struct tls_one_conf conf;
    SSL *ssl;
    bool by_psk;
};

static const char suites[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES128-CBC-SHA256:PSK-AES128-GCM-SHA256:"
    "PSK-AES128-CBC-SHA256:ECDHE-ECDSA-AES128-SHA256";

static unsigned on_psk(SSL *ssl, const char *identity, unsigned char *out, unsigned room)
{
    struct tls_one *o = SSL_get_app_data(ssl);
    uint8_t key[TLS_PSK_MAX];
    struct span id = span_str(identity);
    if (id.n == 0 || id.n > TLS_PSK_IDENTITY_MAX)
        return 0;
    size_t n = o->conf.psk(o->conf.user, id, key);
    if (n > sizeof key || n > room)
        n = 0;
    memcpy(out, key, n);
    wipe(key, sizeof key);
    o->by_psk = n > 0;
    return (unsigned)n;
}

enum err tls_one_new(const struct tls_one_conf *c, struct tls_one **out)
{
    struct tls_one *o = calloc(1, sizeof *o);
    *out = NULL;
    if (!o)
        return ERR_NOMEM;
    o->conf = *c;
    o->ssl = tls_session(c->ctx, c->fd, NULL);
    if (!o->ssl || SSL_set_app_data(o->ssl, o) != 1) {
        tls_one_free(o);
        return ERR_NOMEM;
    }
    /* OpenSSL asks for a context of sessions where it takes a PSK of TLS 1.3; sessions are kept nowhere. */
    static const uint8_t context[] = "one";
    if (SSL_set_cipher_list(o->ssl, suites) != 1 || SSL_set_session_id_context(o->ssl, context, sizeof context) != 1) {
        tls_one_free(o);
        return ERR_CONFIG;
    }
    if (c->psk)
        SSL_set_psk_server_callback(o->ssl, on_psk);
    *out = o;
    return OK;
}

void tls_one_free(struct tls_one *o)
{
    if (!o)
        return;
    SSL_free(o->ssl);
    free(o);
}

/* The call wants another direction: waits for it until the deadline. */
static enum err wait(struct tls_one *o, int rc, int64_t deadline)
{
    int why = SSL_get_error(o->ssl, rc);
    struct pollfd p = {.fd = o->conf.fd};
    if (why == SSL_ERROR_ZERO_RETURN || (why == SSL_ERROR_SYSCALL && ERR_peek_error() == 0))
        return ERR_CLOSED;
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        return ERR_TLS;
    p.events = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    int64_t left = deadline - o->conf.now_ms();
    if (left <= 0)
        return ERR_TIMEOUT;
    int n = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
    return n > 0 || (n < 0 && errno == EINTR) ? OK : n == 0 ? ERR_TIMEOUT : ERR_TLS;
}

enum err tls_one_accept(struct tls_one *o, int64_t deadline)
{
    for (;;) {
        ERR_clear_error();
        int rc = SSL_accept(o->ssl);
        if (rc == 1)
            return OK;
        TRY(wait(o, rc, deadline));
    }
}

enum err tls_one_read(struct tls_one *o, uint8_t *p, size_t cap, size_t *got, int64_t deadline)
{
    for (;;) {
        ERR_clear_error();
        int rc = SSL_read_ex(o->ssl, p, cap, got);
        if (rc == 1)
            return OK;
        TRY(wait(o, rc, deadline));
    }
}

enum err tls_one_write(struct tls_one *o, struct span s, int64_t deadline)
{
    while (s.n > 0) {
        size_t n = 0;
        ERR_clear_error();
        int rc = SSL_write_ex(o->ssl, s.p, s.n, &n);
        if (rc == 1)
            s = span_from(s, n);
        else
            TRY(wait(o, rc, deadline));
    }
    return OK;
}

void tls_one_end(struct tls_one *o)
{
    ERR_clear_error();
    (void)SSL_shutdown(o->ssl);
}

bool tls_one_peer(const struct tls_one *o, struct tls_peer *out)
{
    return tls_peer_read(o->ssl, out);
}

bool tls_one_by_psk(const struct tls_one *o)
{
    return o->by_psk;
}

enum err tls_one_export(struct tls_one *o, struct span label, uint8_t *out, size_t n)
{
    if (SSL_version(o->ssl) < TLS1_3_VERSION && SSL_get_extms_support(o->ssl) != 1)
        return ERR_NOTNOW;
    int ok = SSL_export_keying_material(o->ssl, out, n, (const char *)label.p, label.n, NULL, 0, 0);
    return ok == 1 ? OK : ERR_TLS;
}
