/* enrol.c - `oneseal enrol`: from a join token to key, certificate, anchors and a profile. */
#include "cli/enrol.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/name.h"
#include "app/x509.h"
#include "cli/enrol_commands.h"
#include "cli/verbs.h"
#include "host/heap.h"

enum { NAME_MAX_ = 600, FILE_MAX = 1 << 20, TEXT_MAX_ = 4096 };

/* ---- what the command line says
 * --------------------------------------------------------------------------------------- */

static enum status read_token(struct cli *c, struct join_token *t)
{
    const char *path = cli_need(c, "token-file");
    struct stat st;
    if (!path)
        return ST_USAGE;
    struct buf b = heap_buf(TEXT_MAX_);
    enum err e = stat(path, &st) != 0      ? (errno == ENOENT ? ERR_NOTFOUND : ERR_IO)
                 : (st.st_mode & 077) != 0 ? ERR_CONFIG
                                           : file_read(path, &b);
    struct span text = buf_span(&b);
    while (text.n > 0 && text.p[text.n - 1] <= ' ')
        text.n--;
    if (e == OK)
        e = join_token_read(text, t);
    buf_wipe(&b);
    heap_buf_free(&b);
    if (e == OK)
        return ST_DONE;
    return cli_fail_file(c, e,
                         e == ERR_CONFIG   ? "the token may be read by others (chmod 600 it)"
                         : e == ERR_SYNTAX ? "this is no join token"
                                           : "the token cannot be read",
                         path);
}

static enum status bad_name(struct cli *c, const char *given)
{
    return CLI_FAIL(c, ST_USAGE, .what = "this name has not the form that the certificate needs", .who = "this program",
                    .object = given ? given : "--ae, --cse",
                    .todo =
                        "give one of --ae //sp.example/Sapp and --cse //sp.example/id-mn (an MN-CSE with --in /id-in)");
}

static enum status read_name(struct cli *c, struct enrolment *f)
{
    const char *ae = cli_opt(c, "ae"), *cse = cli_opt(c, "cse"), *in = cli_opt(c, "in");
    char text[NAME_MAX_], san[NAME_MAX_];
    struct buf b = BUF_ARRAY(text), s = BUF_ARRAY(san);
    f->iss = ae ? ae : cse;
    if (!ae == !cse || (in && !cse) || !span_starts(span_str(f->iss), SPAN("//")))
        return bad_name(c, f->iss);
    struct span rest = span_from(span_str(f->iss), 2), domain = span_cut(&rest, '/');
    if (ae && (name_ae_absolute(span_str(ae), domain, &b) != OK || name_ae_uri(buf_span(&b), &s) != OK))
        return bad_name(c, ae);
    if (cse && name_cse_domain(span_str(cse), span_str(in), domain, &s) != OK)
        return bad_name(c, cse);
    f->san = cli_fmt(c, "%s%s", ae ? "URI:" : "DNS:", san);
    return ST_DONE;
}

static enum status read_ttp(struct cli *c, struct enrolment *f)
{
    struct http_url url;
    f->url = cli_need(c, "ttp");
    f->fqdn = cli_opt(c, "name");
    if (!f->url)
        return ST_USAGE;
    if (http_url_parse(span_str(f->url), &url) != OK || !url.tls)
        return CLI_FAIL(c, ST_USAGE, .what = "this is no https URL", .who = "this program", .object = f->url,
                        .todo = "--ttp https://ttp.sp.example:7443");
    if (!f->fqdn) {
        struct span host = span_from(span_str(f->url), 8);
        host = span_first(host, span_find(host, '/'));
        f->fqdn = cli_fmt(c, "%.*s", SPAN_FMT(span_first(host, span_find(host, ':'))));
    }
    return ST_DONE;
}

/* ---- files
 * ------------------------------------------------------------------------------------------------------------ */

void enrolment_paths(struct cli *c, const char *prefix, struct enrolment *f)
{
    f->key = cli_fmt(c, "%s.key", prefix);
    f->pem = cli_fmt(c, "%s.pem", prefix);
    f->ca = cli_fmt(c, "%s.ca.pem", prefix);
    f->bundle = cli_fmt(c, "%s.bundle", prefix);
    f->conf = cli_fmt(c, "%s.conf", prefix);
    f->key_next = cli_fmt(c, "%s.key.next", prefix);
    f->pem_next = cli_fmt(c, "%s.pem.next", prefix);
}

static enum status put_file(struct cli *c, const char *path, struct span text)
{
    enum err e = file_replace(path, text, 0644);
    return e == OK ? ST_DONE : cli_fail_file(c, e, "the file cannot be written", path);
}

static void put_pem(struct buf *b, struct span der)
{
    const uint8_t *p = der.p;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);
    if (x)
        (void)!x509_pem(x, b);
    X509_free(x);
}

/* Whom TLS believes from now on: the authority of the TTP's own certificate, and the anchors. */
static enum status put_anchors(struct cli *c, const struct enrol *e, const struct enrolment *f)
{
    struct buf b = heap_buf(FILE_MAX);
    enum err x = file_read(e->conf.ca, &b);
    for (size_t i = 0; i < e->anchors.n; i++)
        put_pem(&b, e->anchors.cert[i]);
    enum status st =
        x != OK ? cli_fail_file(c, x, "the authorities cannot be read", e->conf.ca) : put_file(c, f->ca, buf_span(&b));
    heap_buf_free(&b);
    return st;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* For an AE a profile that wants a [server] yet; for a CSE the sections of its configuration. */
static enum status put_conf(struct cli *c, const struct enrolment *f)
{
    char text[TEXT_MAX_];
    struct buf b = BUF_ARRAY(text);
    bool ae = f->san[0] == 'U';
    buf_fmt(&b, "; %s, enrolled at %s. Renew: oneseal cert renew PREFIX\n", f->iss, f->fqdn);
    if (ae)
        buf_fmt(&b, "[profile]\nae-id = %s\n", f->iss);
    buf_fmt(&b, "[tls]\ncertificate = %s\nkey-file = %s\nca = %s\n", last_part(f->pem), last_part(f->key),
            last_part(f->ca));
    buf_fmt(&b, "[ttp %s]\nurl = %s\nbundle = %s\n", f->fqdn, f->url, last_part(f->bundle));
    if (!ae)
        buf_fmt(&b, "signing-key-file = %s\nsigning-certificate = %s\n", last_part(f->key), last_part(f->pem));
    return b.e == OK ? put_file(c, f->conf, buf_span(&b))
                     : cli_fail_file(c, b.e, "the file cannot be written", f->conf);
}

static enum status put_all(struct cli *c, const struct enrol *e, const struct enrolment *f, X509 *cert)
{
    enum err x = x509_write_cert(f->pem, cert);
    if (x != OK)
        return cli_fail_file(c, x, "the certificate cannot be written", f->pem);
    enum status st = put_file(c, f->bundle, e->bundle_text);
    if (st == ST_DONE)
        st = put_anchors(c, e, f);
    return st == ST_DONE ? put_conf(c, f) : st;
}

/* ---- enrolling
 * -------------------------------------------------------------------------------------------------------- */

enum status enrolment_open(struct cli *c, const struct enrolment *f, struct enrol *e)
{
    return enrol_open(&c->app,
                      &(struct enrol_conf){.url = f->url,
                                           .fqdn = f->fqdn,
                                           .ca = f->ca,
                                           .bundle = f->bundle,
                                           .certificate = f->pem,
                                           .key_file = f->key},
                      e);
}

static enum status join_now(struct cli *c, const struct enrolment *f, const struct join_token *t,
                            const struct p256 *key, X509 **cert)
{
    struct enrol e;
    const char *bundle = cli_opt(c, "bundle");
    struct enrol_conf conf = {.url = f->url,
                              .fqdn = f->fqdn,
                              .ca = cli_opt(c, "ca"),
                              .bundle = bundle,
                              .pin = !bundle && t->pinned ? t->pin : NULL};
    enum status st = enrol_open(&c->app, &conf, &e);
    if (st != ST_DONE)
        return st;
    st = enrol_by_token(&e, &(struct enrol_want){f->iss, f->san, key}, t, cert);
    if (st == ST_DONE)
        st = put_all(c, &e, f, *cert);
    enrol_close(&e);
    return st;
}

static enum status bind_now(struct cli *c, const struct enrolment *f, const struct p256 *key, X509 *cert)
{
    struct enrol e;
    struct buf der = heap_buf(TEXT_MAX_);
    enum status st = enrolment_open(c, f, &e);
    if (st != ST_DONE)
        return st;
    if (x509_der(cert, &der) != OK)
        st = CLI_FAIL(c, ST_FAILED, .what = "the certificate cannot be written", .who = "OpenSSL", .todo = "try again");
    else
        st = enrol_register(&e, f->iss, key, buf_span(&der));
    heap_buf_free(&der);
    enrol_close(&e);
    return st;
}

/* The key is on disk before anything is asked for: a certificate for a key that was lost is a token lost. */
static enum status enrol_with(struct cli *c, const struct enrolment *f, const struct join_token *t, struct p256 *key)
{
    X509 *cert = NULL;
    enum err x = x509_write_key(f->key, p256_evp(key));
    if (x != OK)
        return cli_fail_file(c, x,
                             x == ERR_EXISTS
                                 ? "there is a key already; a certificate is renewed with: oneseal cert renew"
                                 : "the key cannot be written",
                             f->key);
    enum status st = join_now(c, f, t, key, &cert);
    if (!cert)
        unlink(f->key);
    if (st == ST_DONE)
        st = bind_now(c, f, key, cert);
    X509_free(cert);
    return st;
}

enum status enrol_join(struct cli *c)
{
    if (cli_opt(c, "commands"))
        return enrol_commands(c, cli_opt(c, "commands"));
    const char *out = cli_need(c, "out");
    const char *ca = out ? cli_need(c, "ca") : NULL;
    struct enrolment f = {.url = NULL};
    struct join_token t;
    struct p256 *key = NULL;
    if (!ca)
        return ST_USAGE;
    enrolment_paths(c, out, &f);
    enum status st = read_ttp(c, &f);
    if (st == ST_DONE)
        st = read_name(c, &f);
    if (st == ST_DONE)
        st = read_token(c, &t);
    if (st != ST_DONE)
        return st;
    if (c->dry_run) {
        cli_say(c, "would ask %s for a certificate of %s", f.fqdn, f.san);
        return ST_DONE;
    }
    if (p256_new(&key) != OK)
        return CLI_FAIL(c, ST_FAILED, .what = "the key cannot be made", .who = "OpenSSL", .todo = "try again");
    st = enrol_with(c, &f, &t, key);
    p256_free(key);
    wipe(&t, sizeof t);
    if (st == ST_DONE)
        cli_say(c, "enrolled %s at %s\nwrote  %s (secret, mode 0600)\nwrote  %s, %s, %s\nwrote  %s%s", f.iss, f.fqdn,
                f.key, f.pem, f.ca, f.bundle, f.conf, f.san[0] == 'U' ? ", a profile that wants a [server] yet" : "");
    return st;
}
