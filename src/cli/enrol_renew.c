/* enrol_renew.c - `oneseal cert renew`: a new certificate before the old one ends.
 *
 * With another key two files change. The new key is on disk before it is asked for (PREFIX.key.next), the certificate
 * before either is put in place (PREFIX.pem.next); whatever cuts this off, the next run finishes it. The vault renews
 * only by the newest key it certified: when an answer was lost that is the one in PREFIX.key.next. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/x509.h"
#include "cli/enrol.h"
#include "cli/verbs.h"
#include "host/conf.h"
#include "host/heap.h"

enum { NAME_MAX_ = 600, TEXT_MAX_ = 8192 };

static const struct conf_row rows[] = {
#define CONF(s, k, t, need, d, lo, hi, ch, p) {s, k, t, need, d, lo, hi, ch, p},
#include "app/profile.def"
    CONF("ttp *", "signing-key-file", CONF_PATH, CONF_OPTIONAL, NULL, 0, 0, NULL, "of a CSE: its signing key")
        CONF("ttp *", "signing-certificate", CONF_PATH, CONF_OPTIONAL, NULL, 0, 0, NULL, "and the certificate of it")
#undef CONF
};

/* ---- reading
 * ------------------------------------------------------------------------------------------------------------ */

static enum status take_ttp(struct cli *c, const struct conf *conf, struct enrolment *f)
{
    const char *fqdn = conf_name(conf, "ttp", 0);
    if (!fqdn)
        return CLI_FAIL(c, ST_CONFIG, .what = "there is no [ttp FQDN] in it", .who = "this program", .kind = "file",
                        .object = f->conf,
                        .todo = "name the file that `oneseal enrol` wrote: oneseal cert renew PREFIX");
    f->fqdn = cli_fmt(c, "%s", fqdn);
    f->url = cli_fmt(c, "%s", conf_text(conf, cli_fmt(c, "ttp %s", fqdn), "url"));
    return ST_DONE;
}

static enum status read_conf(struct cli *c, struct enrolment *f)
{
    struct conf *conf = NULL;
    char text[TEXT_MAX_];
    struct buf why = BUF_ARRAY(text);
    enum err e = conf_load(f->conf, rows, LEN(rows), &conf, &why);
    if (e != OK && e != ERR_CONFIG)
        return cli_fail_file(c, e, "there is no enrolment of this name", f->conf);
    enum status st = e == OK ? take_ttp(c, conf, f)
                             : CLI_FAIL(c, ST_CONFIG, .what = cli_fmt(c, "%.*s", SPAN_FMT(buf_span(&why))),
                                        .who = "this program", .kind = "file", .object = f->conf, .todo = "mend it");
    conf_free(conf);
    return st;
}

/* iss from the name: //sp/stem of a URI, //sp/<first label> of a dNSName, sp being the CA's domain. */
static enum status read_names(struct cli *c, struct enrolment *f)
{
    char name[NAME_MAX_], domain[NAME_MAX_];
    bool uri;
    X509 *x = NULL;
    enum err e = x509_read_cert(f->pem, &x);
    if (e == OK)
        e = x509_name(x, name, sizeof name, &uri);
    X509_free(x);
    if (e != OK)
        return cli_fail_file(c, e, "the certificate cannot be read, or has no name", f->pem);
    f->san = cli_fmt(c, "%s%s", uri ? "URI:" : "DNS:", name);
    const char *from = strstr(name, "//");
    f->iss = uri && from ? cli_fmt(c, "%s", from) : NULL;
    if (f->iss)
        return ST_DONE;
    e = x509_domain_in(f->ca, domain, sizeof domain);
    if (e != OK)
        return cli_fail_file(c, e, "there is no authority with a service provider's domain in it", f->ca);
    f->iss = cli_fmt(c, "//%s/%.*s", domain, SPAN_FMT(span_first(span_str(name), span_find(span_str(name), '.'))));
    return ST_DONE;
}

enum status enrolment_read(struct cli *c, const char *prefix, struct enrolment *f)
{
    *f = (struct enrolment){.url = NULL};
    enrolment_paths(c, prefix, f);
    enum status st = read_conf(c, f);
    return st == ST_DONE ? read_names(c, f) : st;
}

static enum status read_key(struct cli *c, const char *path, struct p256 **out)
{
    struct buf b = heap_buf(TEXT_MAX_);
    struct stat st;
    enum err e = stat(path, &st) != 0 ? ERR_NOTFOUND : (st.st_mode & 077) != 0 ? ERR_CONFIG : file_read(path, &b);
    if (e == OK)
        e = p256_read_pem(buf_span(&b), out);
    buf_wipe(&b);
    heap_buf_free(&b);
    return e == OK ? ST_DONE : cli_fail_file(c, e, "the key cannot be read, or others may read it", path);
}

/* ---- putting in place
 * --------------------------------------------------------------------------------------------------- */

static enum status move(struct cli *c, const char *from, const char *to)
{
    return rename(from, to) == 0 ? ST_DONE : cli_fail_file(c, ERR_IO, "the new file cannot be put in place", to);
}

/* Both new files are there: the key first. Cut off in between, the next run comes here with one of them. */
static enum status install(struct cli *c, const struct enrolment *f)
{
    enum status st = access(f->key_next, F_OK) == 0 ? move(c, f->key_next, f->key) : ST_DONE;
    return st == ST_DONE ? move(c, f->pem_next, f->pem) : st;
}

static enum status put_cert(struct cli *c, const struct enrolment *f, X509 *cert)
{
    struct buf b = heap_buf(TEXT_MAX_);
    enum err e = x509_pem(cert, &b);
    if (e == OK)
        e = file_replace(f->pem_next, buf_span(&b), 0644);
    heap_buf_free(&b);
    return e == OK ? install(c, f) : cli_fail_file(c, e, "the certificate cannot be written", f->pem_next);
}

/* ---- asking
 * --------------------------------------------------------------------------------------------------------------- */

static enum status other_key(struct cli *c, struct enrolment *f, struct enrol *e, X509 **cert)
{
    struct p256 *present = NULL, *next = NULL;
    X509 *old = NULL;
    struct buf der = heap_buf(TEXT_MAX_);
    bool again = access(f->key_next, F_OK) == 0; /* asked for before; the answer may have been lost */
    enum status st = read_key(c, f->key, &present);
    if (st == ST_DONE && again)
        st = read_key(c, f->key_next, &next);
    else if (st == ST_DONE && (p256_new(&next) != OK || x509_write_key(f->key_next, p256_evp(next)) != OK))
        st = cli_fail_file(c, ERR_IO, "the new key cannot be written", f->key_next);
    if (st == ST_DONE && (x509_read_cert(f->pem, &old) != OK || x509_der(old, &der) != OK))
        st = cli_fail_file(c, ERR_SYNTAX, "the certificate cannot be read", f->pem);
    struct enrol_want w = {f->iss, f->san, next};
    enum status got = ST_REFUSED;
    if (st == ST_DONE && again)
        got = enrol_same_key(e, &w, true, cert);
    if (st == ST_DONE && got == ST_REFUSED)
        got = enrol_other_key(e, &w, present, buf_span(&der), cert);
    if (st == ST_DONE && got == ST_REFUSED)
        unlink(f->key_next); /* the vault has decided: this key has no certificate */
    heap_buf_free(&der);
    X509_free(old);
    p256_free(present);
    p256_free(next);
    return st == ST_DONE ? got : st;
}

static enum status same_key(struct cli *c, struct enrolment *f, struct enrol *e, X509 **cert)
{
    struct p256 *present = NULL;
    enum status st = read_key(c, f->key, &present);
    if (st == ST_DONE)
        st = enrol_same_key(e, &(struct enrol_want){f->iss, f->san, present}, false, cert);
    p256_free(present);
    return st;
}

/* The new certificate in TLS, and its key bound at the vault. */
static enum status bind_new(struct cli *c, struct enrolment *f, X509 *cert)
{
    struct enrol e;
    struct p256 *key = NULL;
    struct buf der = heap_buf(TEXT_MAX_);
    enum status st = enrolment_open(c, f, &e);
    if (st != ST_DONE) {
        heap_buf_free(&der);
        return st;
    }
    st = read_key(c, f->key, &key);
    if (st == ST_DONE && x509_der(cert, &der) == OK)
        st = enrol_register(&e, f->iss, key, buf_span(&der));
    enum err x = st == ST_DONE ? file_replace(f->bundle, e.bundle_text, 0644) : OK;
    if (x != OK)
        st = cli_fail_file(c, x, "the bundle cannot be written", f->bundle);
    heap_buf_free(&der);
    p256_free(key);
    enrol_close(&e);
    return st;
}

enum status enrolment_renew(struct cli *c, struct enrolment *f, bool same)
{
    struct enrol e;
    X509 *cert = NULL;
    enum status st = access(f->pem_next, F_OK) == 0 ? install(c, f) : ST_DONE;
    if (st == ST_DONE)
        st = enrolment_open(c, f, &e);
    if (st != ST_DONE)
        return st;
    st = same ? same_key(c, f, &e, &cert) : other_key(c, f, &e, &cert);
    enrol_close(&e);
    if (st == ST_DONE)
        st = put_cert(c, f, cert);
    if (st == ST_DONE)
        st = bind_new(c, f, cert);
    X509_free(cert);
    return st;
}

enum status cert_renew(struct cli *c)
{
    struct enrolment f;
    enum status st = enrolment_read(c, c->arg[0], &f);
    if (st != ST_DONE)
        return st;
    if (c->dry_run) {
        cli_say(c, "would renew %s at %s", f.san, f.fqdn);
        return ST_DONE;
    }
    st = enrolment_renew(c, &f, cli_has(c, "same-key"));
    if (st == ST_DONE)
        cli_say(c, "renewed %s at %s: %s", f.san, f.fqdn, f.pem);
    return st;
}
