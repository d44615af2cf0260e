/* seal_plant.h - files of a gateway that seals: key, certificate, the bundle of a TTP that the test plays itself. */
#ifndef TEST_SEAL_PLANT_H
#define TEST_SEAL_PLANT_H

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <unistd.h>

#include "cse/seal_own.h"
#include "host/heap.h"

#define ROW(s, k, t, n, d, lo, hi, ch, p) {s, k, t, n, d, lo, hi, ch, p},
static const struct conf_row rows[] = {
#define CONF ROW
#include "cse/daemon_conf.def"
};

#define TTP  "ttp.demo.example"
#define DATA SPAN("//demo.example/id-mn/mn/thermo-1/data")

static char folder[64];
static struct p256 *gateway, *identity, *sealing, *release;
static UNUSED int64_t now = 1767225600000;

/* ---- files ------------------------------------------------------------------------------------------ */

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static void write_certificate(const char *name, const struct p256 *k)
{
    X509 *x = X509_new();
    EVP_PKEY *e = (EVP_PKEY *)p256_evp(k);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, e);
    X509_sign(x, e, EVP_sha256());
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    PEM_write_X509(f, x);
    fclose(f);
    X509_free(x);
}

static void write_bundle(uint64_t exp)
{
    uint8_t text[8192];
    struct buf b = BUF_ARRAY(text);
    struct bundle bundle = {.fqdn = SPAN(TTP),
                            .seq = 1,
                            .next = exp,
                            .exp = exp,
                            .identity = identity,
                            .sealing = sealing,
                            .release = release,
                            .sealing_kid = SPAN("sealing-1@" TTP),
                            .release_kid = SPAN("release-1@" TTP),
                            .log_vkey = SPAN("ttp.demo.example/log+00+AA")};
    assert_int_equal(bundle_build(&bundle, &b), OK);
    assert_int_equal(file_replace(in_folder("bundle"), buf_span(&b), 0600), OK);
}

static int before_all(void **state)
{
    (void)state;
    uint8_t text[1024];
    struct buf b = BUF_ARRAY(text);
    snprintf(folder, sizeof folder, "/tmp/hook_seal_%d_XXXXXX", (int)getpid());
    if (!mkdtemp(folder) || p256_new(&gateway) || p256_new(&identity) || p256_new(&sealing) || p256_new(&release))
        return -1;
    if (p256_write_pem(gateway, &b) || file_replace(in_folder("key"), buf_span(&b), 0600))
        return -1;
    write_certificate("cert", gateway);
    write_certificate("other", identity);
    write_bundle(4000000000);
    return 0;
}

static int after_all(void **state)
{
    (void)state;
    static const char *const names[] = {"key", "cert", "other", "bundle"};
    for (size_t i = 0; i < LEN(names); i++)
        unlink(in_folder(names[i]));
    p256_free(gateway);
    p256_free(identity);
    p256_free(sealing);
    p256_free(release);
    return rmdir(folder);
}

#endif
