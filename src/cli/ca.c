/* ca.c - `oneseal ca`: a certification authority in a folder, ca.pem and ca.key. */
#include <errno.h>
#include <sys/stat.h>

#include "app/name.h"
#include "app/x509.h"
#include "cli/ca.h"
#include "cli/cert.h"
#include "cli/verbs.h"
#include "wire/json.h"

enum { DAYS_MAX = 36500, CA_DAYS = 3650, NAME_MAX_ = 300 };

static enum status write_ca(struct cli *c, const char *dir, EVP_PKEY *key, X509 *cert)
{
    if (!key || !cert)
        return CLI_FAIL(c, ST_FAILED, .what = "the key or the certificate cannot be made", .who = "OpenSSL",
                        .object = dir, .todo = "try again; this should not happen");
    const char *key_path = cli_fmt(c, "%s/ca.key", dir), *cert_path = cli_fmt(c, "%s/ca.pem", dir);
    enum err e = x509_write_key(key_path, key);
    if (e != OK)
        return cli_fail_file(c, e, "the CA key cannot be written", key_path);
    e = x509_write_cert(cert_path, cert);
    if (e != OK)
        return cli_fail_file(c, e, "the CA certificate cannot be written", cert_path);
    cli_say(c, "wrote  %s (secret, mode 0600)\nwrote  %s", key_path, cert_path);
    return ST_DONE;
}

enum status ca_make(struct cli *c, const char *dir, const char *domain, uint64_t days)
{
    if (mkdir(dir, 0755) != 0 && errno != EEXIST)
        return cli_fail_file(c, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "the folder cannot be made", dir);
    EVP_PKEY *key = x509_key();
    X509 *cert = key ? x509_authority(key, domain, (int64_t)days) : NULL;
    enum status st = write_ca(c, dir, key, cert);
    X509_free(cert);
    EVP_PKEY_free(key);
    return st;
}

enum status ca_init(struct cli *c)
{
    const char *sp = cli_need(c, "sp");
    uint64_t days = 0;
    if (!sp)
        return ST_USAGE;
    enum status st = cli_number(c, "days", 1, DAYS_MAX, CA_DAYS, &days);
    if (st != ST_DONE)
        return st;
    char domain[NAME_MAX_];
    struct buf b = BUF_ARRAY(domain);
    if (name_sp_domain(span_str(sp), &b) != OK)
        return CLI_FAIL(c, ST_USAGE, .what = "this is no M2M-SP-ID", .who = "this program", .kind = "argument",
                        .object = sp, .todo = "write two slashes and a domain name: --sp //demo.example");
    if (c->dry_run) {
        cli_say(c, "would write %s/ca.key and %s/ca.pem for //%s", c->arg[0], c->arg[0], domain);
        return ST_DONE;
    }
    st = ca_make(c, c->arg[0], domain, days);
    if (st != ST_DONE || !c->json)
        return st;
    return cert_show_file(c, cli_fmt(c, "%s/ca.pem", c->arg[0]));
}

enum status ca_show(struct cli *c)
{
    return cert_show_file(c, cli_fmt(c, "%s/ca.pem", c->arg[0]));
}
