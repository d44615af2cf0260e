/* enrol.c - see enrol.h. */
#include "app/enrol.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "app/ttp.h"
#include "app/x509.h"
#include "base/code.h"
#include "host/heap.h"

enum { TEXT_MAX = 1 << 18, SAN_PREFIX = 4 };

static enum status wrong(struct enrol *e, enum status st, enum reason r, const char *what, const char *todo)
{
    return APP_FAIL(e->app, st, .what = what, .who = e->conf.fqdn, .kind = "TTP", .object = e->conf.url,
                    .code = reason_code(r), .todo = todo);
}

/* ---- asking ---------------------------------------------------------------------------------------------------------
 */

static const char *text_of(struct enrol *e, const struct jval *v, struct span name)
{
    struct span s;
    return json_str(json_get(v, name), &e->app->mem, &s) == OK ? app_fmt(e->app, "%.*s", SPAN_FMT(s)) : NULL;
}

static enum status status_of(int http)
{
    static const struct {
        int http;
        enum status st;
    } rows[] = {{400, ST_FAILED},  {403, ST_REFUSED}, {404, ST_NOT_FOUND}, {409, ST_CONFLICT},
                {429, ST_REFUSED}, {503, ST_TTP},     {507, ST_TTP}};
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].http == http)
            return rows[i].st;
    return ST_FAILED;
}

/* The TTP's own words, when there are any. */
static enum status refused(struct enrol *e, const struct talk_answer *a, bool quiet)
{
    struct jval *doc = NULL;
    if (a->e != OK)
        return APP_FAIL(e->app, ST_UNREACHABLE, .what = app_fmt(e->app, "the TTP is not reached: %s", err_text(a->e)),
                        .who = "this program", .kind = "TTP", .object = e->conf.url,
                        .todo = "check the address, the network, and that --ca is the authority of its certificate");
    if (quiet && a->http == 403)
        return ST_REFUSED;
    (void)!json_parse(talk_body(a), &e->app->mem, &doc, NULL);
    const char *what = text_of(e, doc, SPAN("what")), *todo = text_of(e, doc, SPAN("do"));
    return APP_FAIL(e->app, status_of(a->http),
                    .what = what ? what : app_fmt(e->app, "the TTP answers with HTTP status %d", a->http),
                    .who = text_of(e, doc, SPAN("who")), .kind = "TTP", .object = e->conf.url,
                    .code = text_of(e, doc, SPAN("code")), .todo = todo ? todo : "ask the TTP's operator");
}

/* The body of a 200 into app->mem. */
static enum status get_body(struct enrol *e, const char *method, const char *path, const char *type, struct span body,
                            bool quiet, struct span *out)
{
    struct talk_answer a;
    talk_plain(&e->talk, e->conf.url, span_str(e->conf.fqdn), span_str(method), span_str(path), span_str(type), body,
               &a);
    enum status st = a.e == OK && a.http == 200 ? ST_DONE : refused(e, &a, quiet);
    if (st == ST_DONE)
        *out = arena_dup(&e->app->mem, talk_body(&a));
    talk_answer_free(&a);
    return st;
}

/* ---- bundle and anchors
 * ----------------------------------------------------------------------------------------------- */

static struct span trimmed(struct span s)
{
    while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
        s.n--;
    return s;
}

/* The identity key of the file; its date does not matter, only whom it names. */
static enum status read_pin(struct enrol *e, struct bundle *pin)
{
    struct buf b = heap_buf(TEXT_MAX);
    enum err x = file_read(e->conf.bundle, &b);
    struct span text = x == OK ? arena_dup(&e->app->mem, trimmed(buf_span(&b))) : SPAN_NONE;
    heap_buf_free(&b);
    if (x != OK)
        return app_fail_file(e->app, x, "the pinned bundle of the TTP cannot be read", e->conf.bundle);
    enum reason r = bundle_open(text, span_str(e->conf.fqdn), NULL, 0, &e->app->mem, pin);
    return r == REASON_OK ? ST_DONE
                          : wrong(e, ST_CONFIG, r, "the pinned bundle is not one of this TTP",
                                  "ask the operator of the TTP for its present bundle, over a way that you trust");
}

static bool pin_fits(const struct enrol *e)
{
    uint8_t jkt[JOSE_THUMB];
    return !e->conf.pin || (p256_thumb(e->bundle.identity, jkt) == OK && memcmp(jkt, e->conf.pin, JOSE_THUMB) == 0);
}

static enum status take_bundle(struct enrol *e)
{
    struct bundle pin = {.seq = 0};
    struct span text;
    enum status st = e->conf.bundle ? read_pin(e, &pin) : ST_DONE;
    if (st == ST_DONE)
        st = get_body(e, "GET", "/bundle", "", SPAN_NONE, false, &text);
    if (st != ST_DONE) {
        bundle_free(&pin);
        return st;
    }
    enum reason r = bundle_open(text, span_str(e->conf.fqdn), pin.identity, (uint64_t)(ttp_now_ms() / 1000),
                                &e->app->mem, &e->bundle);
    bundle_free(&pin);
    if (r != REASON_OK || !pin_fits(e))
        return wrong(e, ST_INTEGRITY, r == REASON_OK ? REASON_REFUSED : r,
                     "the TTP's bundle is not signed by the identity that is pinned",
                     "somebody may stand between: ask the TTP's operator for the fingerprint of its identity");
    e->bundle_text = text;
    return ST_DONE;
}

static enum status take_anchors(struct enrol *e)
{
    struct span text;
    enum status st = get_body(e, "GET", "/anchors", "", SPAN_NONE, false, &text);
    if (st != ST_DONE)
        return st;
    enum reason r = enrol_anchors_open(text, span_str(e->conf.fqdn), e->bundle.release, &e->app->mem, &e->anchors);
    return r == REASON_OK && e->anchors.n > 0
               ? ST_DONE
               : wrong(e, ST_INTEGRITY, r == REASON_OK ? REASON_MALFORMED : r,
                       "the anchors are not signed by the release key of the bundle",
                       "somebody may stand between: try again, then ask the TTP's operator");
}

enum status enrol_open(struct app *app, const struct enrol_conf *conf, struct enrol *e)
{
    *e = (struct enrol){.app = app, .conf = *conf};
    e->profile = (struct profile){.path = conf->ca,
                                  .url = conf->url,
                                  .ca = conf->ca,
                                  .certificate = conf->certificate,
                                  .key_file = conf->key_file,
                                  .server_name = conf->fqdn,
                                  .stem = ""};
    if (!conf->bundle && !conf->pin)
        return wrong(e, ST_USAGE, REASON_REFUSED, "nothing says which TTP this is",
                     "give --bundle FILE, or a token that carries the fingerprint");
    enum status st = talk_open(app, &e->profile, &e->talk);
    if (st == ST_DONE)
        st = take_bundle(e);
    if (st == ST_DONE)
        st = take_anchors(e);
    if (st != ST_DONE)
        enrol_close(e);
    return st;
}

void enrol_close(struct enrol *e)
{
    bundle_free(&e->bundle);
    talk_close(&e->talk);
}

/* ---- certificates
 * -------------------------------------------------------------------------------------------------------- */

static X509 *only_cert(struct span base64, struct arena *a)
{
    uint8_t *der = arena_alloc(a, base64.n);
    struct buf b = buf_over(der, der ? base64.n : 0);
    if (b64_get(trimmed(base64), &b) != OK)
        return NULL;
    const uint8_t *p = der;
    PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)b.n);
    bool one = p7 && p == der + b.n && PKCS7_type_is_signed(p7) && p7->d.sign && sk_X509_num(p7->d.sign->cert) == 1;
    X509 *x = one ? sk_X509_value(p7->d.sign->cert, 0) : NULL;
    if (x)
        X509_up_ref(x);
    PKCS7_free(p7);
    ERR_clear_error();
    return x;
}

static bool chains(const struct enrol *e, X509 *leaf)
{
    X509_STORE *s = X509_STORE_new();
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    for (size_t i = 0; s && i < e->anchors.n; i++) {
        const uint8_t *p = e->anchors.cert[i].p;
        X509 *ca = d2i_X509(NULL, &p, (long)e->anchors.cert[i].n);
        if (ca)
            X509_STORE_add_cert(s, ca);
        X509_free(ca);
    }
    bool ok = s && c && X509_STORE_CTX_init(c, s, leaf, NULL) == 1 && X509_verify_cert(c) == 1;
    X509_STORE_CTX_free(c);
    X509_STORE_free(s);
    ERR_clear_error();
    return ok;
}

static bool names(X509 *x, const char *san)
{
    char got[TEXT_MAX / 256];
    bool uri;
    return x509_name(x, got, sizeof got, &uri) == OK && uri == (san[0] == 'U') && strcmp(got, san + SAN_PREFIX) == 0;
}

static enum status take_cert(struct enrol *e, const struct enrol_want *w, struct span body, X509 **out)
{
    X509 *x = only_cert(body, &e->app->mem);
    bool good = x && EVP_PKEY_eq(X509_get0_pubkey(x), p256_evp(w->key)) == 1 && names(x, w->san) && chains(e, x);
    if (good) {
        *out = x;
        return ST_DONE;
    }
    X509_free(x);
    return wrong(e, ST_INTEGRITY, REASON_TAMPERED,
                 "what came is no certificate of the TTP's CA for this key and this name",
                 "somebody may stand between: try again, then ask the TTP's operator");
}

static struct span request_der(struct enrol *e, const struct enrol_want *w, const char *challenge)
{
    struct buf b = heap_buf(TEXT_MAX);
    enum err x = x509_request(p256_evp(w->key), w->san, challenge, &b);
    struct span der = x == OK ? arena_dup(&e->app->mem, buf_span(&b)) : SPAN_NONE;
    heap_buf_free(&b);
    return der;
}

static enum status send_request(struct enrol *e, const struct enrol_want *w, const char *path, struct span der,
                                bool quiet, X509 **out)
{
    struct buf b = heap_buf(TEXT_MAX);
    struct span body;
    b64_put(&b, der);
    enum status st = der.n == 0 || b.e != OK
                         ? wrong(e, ST_FAILED, REASON_FAILED, "the request cannot be made", "check the name")
                         : get_body(e, "POST", path, "application/pkcs10", buf_span(&b), quiet, &body);
    heap_buf_free(&b);
    return st == ST_DONE ? take_cert(e, w, body, out) : st;
}

enum status enrol_by_token(struct enrol *e, const struct enrol_want *w, const struct join_token *t, X509 **out)
{
    uint8_t jkt[JOSE_THUMB];
    char proof[JOIN_TEXT_MAX];
    struct buf b = BUF_ARRAY(proof);
    if (p256_thumb(w->key, jkt) != OK ||
        join_proof_put(&b, t, JOIN_CERTIFICATE, jkt, span_str(w->san + SAN_PREFIX)) != OK)
        return wrong(e, ST_FAILED, REASON_FAILED, "the proof of the token cannot be made", "check the name");
    buf_nul(&b);
    return send_request(e, w, "/.well-known/est/simpleenroll", request_der(e, w, proof), false, out);
}

enum status enrol_same_key(struct enrol *e, const struct enrol_want *w, bool quiet, X509 **out)
{
    return send_request(e, w, "/.well-known/est/simplereenroll", request_der(e, w, NULL), quiet, out);
}

/* The vault's nonce, from the text of GET /nonce. */
static enum status fresh_nonce(struct enrol *e, struct span *out)
{
    struct span text;
    struct jval *doc;
    enum status st = get_body(e, "GET", "/nonce", "", SPAN_NONE, false, &text);
    if (st != ST_DONE)
        return st;
    if (json_parse(text, &e->app->mem, &doc, NULL) == OK && json_str(JSON_GET(doc, "nonce"), &e->app->mem, out) == OK)
        return ST_DONE;
    return wrong(e, ST_FAILED, REASON_MALFORMED, "the TTP gives no nonce", "is this a TTP?");
}

enum status enrol_other_key(struct enrol *e, const struct enrol_want *w, const struct p256 *present,
                            struct span certificate, X509 **out)
{
    struct span nonce, body;
    struct buf scratch = heap_buf(TEXT_MAX), text = heap_buf(TEXT_MAX);
    enum status st = fresh_nonce(e, &nonce);
    struct enrol_ask q = {
        .iss = span_str(w->iss), .aud = span_str(e->conf.fqdn), .nonce = nonce, .csr = request_der(e, w, NULL)};
    if (st == ST_DONE && (q.csr.n == 0 || enrol_ask_build(&q, present, &certificate, 1, &scratch, &text) != OK))
        st = wrong(e, ST_FAILED, REASON_FAILED, "the request cannot be signed", "check key and certificate");
    if (st == ST_DONE)
        st = get_body(e, "POST", "/.well-known/est/simplereenroll", "application/jose", buf_span(&text), false, &body);
    heap_buf_free(&scratch);
    heap_buf_free(&text);
    return st == ST_DONE ? take_cert(e, w, body, out) : st;
}

enum status enrol_register(struct enrol *e, const char *iss, const struct p256 *key, struct span certificate)
{
    struct span nonce, body;
    struct ack ack;
    struct buf scratch = heap_buf(TEXT_MAX), text = heap_buf(TEXT_MAX);
    enum status st = fresh_nonce(e, &nonce);
    struct client me = {.iss = span_str(iss), .aud = span_str(e->conf.fqdn), .nonce = nonce, .key = p256_ref(key)};
    if (st == ST_DONE && client_build(&me, SPAN_NONE, &certificate, 1, &scratch, &text) != OK)
        st = wrong(e, ST_FAILED, REASON_FAILED, "the registration cannot be signed", "check key and certificate");
    if (st == ST_DONE)
        st = get_body(e, "POST", "/client", "application/jose", buf_span(&text), false, &body);
    if (st == ST_DONE && (ack_open(body, buf_span(&text), e->bundle.release, &e->app->mem, &ack) != REASON_OK ||
                          !span_eq(ack.code, SPAN("ok"))))
        st = wrong(e, ST_INTEGRITY, REASON_TAMPERED, "the vault has not acknowledged the signing key",
                   "try again; the certificate is there already");
    p256_free(me.key);
    heap_buf_free(&scratch);
    heap_buf_free(&text);
    return st;
}
