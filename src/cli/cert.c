/* cert.c - `oneseal cert`: keys and certificates with oneM2M names. */
#include "cli/cert.h"

#include "app/name.h"
#include "app/x509.h"
#include "cli/verbs.h"
#include "host/heap.h"
#include "wire/json.h"

enum { DAYS_MAX = 3650, LEAF_DAYS = 90, NAME_MAX_ = 600, SHOW_MAX = 8192, TIME_MAX_ = 64 };

static enum status write_leaf(struct cli *c, const char *out, EVP_PKEY *key, X509 *cert)
{
    if (!key || !cert)
        return CLI_FAIL(c, ST_FAILED, .what = "the key or the certificate cannot be made", .who = "OpenSSL",
                        .object = out, .todo = "check the names; try again");
    const char *key_path = cli_fmt(c, "%s.key", out), *cert_path = cli_fmt(c, "%s.pem", out);
    enum err e = x509_write_key(key_path, key);
    if (e != OK)
        return cli_fail_file(c, e, "the key cannot be written", key_path);
    e = x509_write_cert(cert_path, cert);
    if (e != OK)
        return cli_fail_file(c, e, "the certificate cannot be written", cert_path);
    app_note(&c->app, "wrote  %s (secret, mode 0600)\nwrote  %s", key_path, cert_path);
    return ST_DONE;
}

enum status cert_make(struct cli *c, const char *ca_dir, const char *cn, const char *san, const char *out,
                      uint64_t days)
{
    const char *key_path = cli_fmt(c, "%s/ca.key", ca_dir), *cert_path = cli_fmt(c, "%s/ca.pem", ca_dir);
    EVP_PKEY *ca_key = NULL;
    X509 *ca = NULL;
    enum err e = x509_read_key(key_path, &ca_key);
    if (e != OK)
        return cli_fail_file(
            c, e, e == ERR_CONFIG ? "the CA key may be read by others (chmod 600 it)" : "the CA key cannot be read",
            key_path);
    e = x509_read_cert(cert_path, &ca);
    if (e != OK) {
        EVP_PKEY_free(ca_key);
        return cli_fail_file(c, e, "the CA certificate cannot be read", cert_path);
    }
    EVP_PKEY *key = x509_key();
    X509 *leaf = key ? x509_leaf(key, ca, ca_key, cn, san, (int64_t)days) : NULL;
    enum status st = write_leaf(c, out, key, leaf);
    X509_free(leaf);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return st;
}

/* The domain that the authority is for. */
static enum status ca_domain(struct cli *c, const char *ca_dir, char *out, size_t n)
{
    const char *path = cli_fmt(c, "%s/ca.pem", ca_dir);
    X509 *ca = NULL;
    enum err e = x509_read_cert(path, &ca);
    if (e != OK)
        return cli_fail_file(c, e, "the CA certificate cannot be read", path);
    e = x509_domain(ca, out, n);
    X509_free(ca);
    if (e != OK)
        return CLI_FAIL(c, ST_CONFIG, .what = "the CA names no service provider domain in its nameConstraints",
                        .who = "this program", .kind = "file", .object = path,
                        .todo = "use an authority made by: oneseal ca init");
    return ST_DONE;
}

static enum status bad_name(struct cli *c, const char *given, const char *todo)
{
    return CLI_FAIL(c, ST_USAGE, .what = "this name has not the form that the certificate needs", .who = "this program",
                    .kind = "argument", .object = given, .todo = todo);
}

/* The one name that was asked for: its readable form and its SAN. */
static enum status wanted_name(struct cli *c, const char *domain, const char **cn, const char **san)
{
    char text[NAME_MAX_], uri[NAME_MAX_];
    struct buf b = BUF_ARRAY(text), u = BUF_ARRAY(uri);
    const char *ae = cli_opt(c, "ae"), *cse = cli_opt(c, "cse"), *fqdn = cli_opt(c, "fqdn"), *in = cli_opt(c, "in");
    if ((ae != NULL) + (cse != NULL) + (fqdn != NULL) != 1 || (in && !cse))
        return bad_name(c, "--ae, --cse, --fqdn", "give exactly one of --ae, --cse (an MN-CSE with --in) and --fqdn");
    if (ae) {
        if (name_ae_absolute(span_str(ae), span_str(domain), &b) != OK || name_ae_uri(buf_span(&b), &u) != OK)
            return bad_name(
                c, ae, cli_fmt(c, "//%s/Sname for an SP-wide AE-ID, //%s/cse/Cname for one of a CSE", domain, domain));
        *san = cli_fmt(c, "URI:%s", uri);
    } else if (cse) {
        if (name_cse_domain(span_str(cse), span_str(in), span_str(domain), &b) != OK)
            return bad_name(c, cse, "a CSE-ID like /id-in; for an MN-CSE also --in /id-in");
    } else {
        if (!name_is_fqdn(span_str(fqdn)))
            return bad_name(c, fqdn, "a domain name like ttp.demo.example");
        buf_str(&b, fqdn);
        buf_nul(&b);
    }
    if (!ae) {
        struct span end = span_from(buf_span(&b), b.n > strlen(domain) ? b.n - strlen(domain) : 0);
        bool below = b.n == strlen(domain) || (b.n > end.n && text[b.n - end.n - 1] == '.');
        if (!span_eq_nocase(end, span_str(domain)) || !below)
            return bad_name(c, text, cli_fmt(c, "this CA certifies names of %s only", domain));
        *san = cli_fmt(c, "DNS:%s", text);
    }
    *cn = cli_fmt(c, "%s", text);
    return ST_DONE;
}

enum status cert_issue(struct cli *c)
{
    const char *ca_dir = cli_need(c, "ca");
    const char *out = ca_dir ? cli_need(c, "out") : NULL;
    char domain[NAME_MAX_];
    uint64_t days = 0;
    const char *cn = NULL, *san = NULL;
    if (!out)
        return ST_USAGE;
    enum status st = cli_number(c, "days", 1, DAYS_MAX, LEAF_DAYS, &days);
    if (st == ST_DONE)
        st = ca_domain(c, ca_dir, domain, sizeof domain);
    if (st == ST_DONE)
        st = wanted_name(c, domain, &cn, &san);
    if (st != ST_DONE)
        return st;
    if (c->dry_run) {
        cli_say(c, "would write %s.key and %s.pem for %s", out, out, san);
        return ST_DONE;
    }
    st = cert_make(c, ca_dir, cn, san, out, days);
    if (st != ST_DONE)
        return st;
    cli_say(c, "wrote  %s.key (secret, mode 0600)\nwrote  %s.pem for %s", out, out, san);
    return c->json ? cert_show_file(c, cli_fmt(c, "%s.pem", out)) : ST_DONE;
}

static const char *time_text(struct cli *c, const ASN1_TIME *t)
{
    struct tm tm;
    char text[TIME_MAX_];
    if (!ASN1_TIME_to_tm(t, &tm) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return "?";
    return cli_fmt(c, "%s", text);
}

struct shown {
    const char *name, *issuer, *from, *until, *print;
};

static enum status show_json(struct cli *c, const char *path, const struct shown *s)
{
    struct buf b = heap_buf(SHOW_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "file", span_str(path));
    JW_STR(&w, "name", span_str(s->name));
    JW_STR(&w, "issuer", span_str(s->issuer));
    JW_STR(&w, "from", span_str(s->from));
    JW_STR(&w, "until", span_str(s->until));
    JW_STR(&w, "sha256", span_str(s->print));
    jw_end_obj(&w);
    enum status st = cli_out_line(c, buf_span(&b));
    heap_buf_free(&b);
    return st;
}

static enum status show(struct cli *c, const char *path, X509 *cert)
{
    char name[NAME_MAX_] = "", cn[NAME_MAX_] = "", print[65] = "";
    bool uri = false;
    if (x509_name(cert, name, sizeof name, &uri) != OK && x509_domain(cert, name, sizeof name) != OK)
        (void)snprintf(name, sizeof name, "(none)");
    (void)X509_NAME_get_text_by_NID(X509_get_issuer_name(cert), NID_commonName, cn, sizeof cn);
    if (x509_fingerprint(cert, print) != OK)
        return CLI_FAIL(c, ST_FAILED, .what = "the certificate cannot be hashed", .who = "OpenSSL", .kind = "file",
                        .object = path, .todo = "check the file");
    struct shown s = {.name = name,
                      .issuer = cn,
                      .from = time_text(c, X509_get0_notBefore(cert)),
                      .until = time_text(c, X509_get0_notAfter(cert)),
                      .print = print};
    if (c->json)
        return show_json(c, path, &s);
    return cli_out_line(c, span_str(cli_fmt(c, "name    %s\nissuer  %s\nvalid   %s .. %s\nSHA256  %s", s.name, s.issuer,
                                            s.from, s.until, s.print)));
}

enum status cert_show_file(struct cli *c, const char *path)
{
    X509 *cert = NULL;
    enum err e = x509_read_cert(path, &cert);
    if (e != OK)
        return cli_fail_file(c, e, "the certificate cannot be read", path);
    enum status st = show(c, path, cert);
    X509_free(cert);
    return st;
}

enum status cert_show(struct cli *c)
{
    return cert_show_file(c, c->arg[0]);
}
