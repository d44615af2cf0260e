/* demo_house.c - the folder of a demo: CA, certificates, configuration files, profiles. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ca.h"
#include "cli/cert.h"
#include "cli/demo.h"
#include "host/heap.h"

enum { CONF_MAX = 8192, DAYS = 7, OPEN_MAX = 16 };

/* Who gets which certificate. */
static const struct {
    const char *file, *cn, *san;
} certs[] = {
    {"ttp", DEMO_TTP, "DNS:" DEMO_TTP},
    {"server", "id-in." DEMO_DOMAIN, "DNS:id-in." DEMO_DOMAIN},
    {"gateway", "id-mn.id-in." DEMO_DOMAIN, "DNS:id-mn.id-in." DEMO_DOMAIN},
    {"device", "Cthermo-1", "URI:m2m:" DEMO_SP "/id-mn/Cthermo-1"},
    {"app-heat", "Sapp-heat", "URI:m2m:" DEMO_SP "/Sapp-heat"},
    {"app-other", "Sapp-other", "URI:m2m:" DEMO_SP "/Sapp-other"},
    {"operator", "Soperator", "URI:m2m:" DEMO_SP "/Soperator"},
};

const char *house_link(const struct demo *d, const char *link, const char *real)
{
    for (size_t i = 0; i < d->vias; i++)
        if (strcmp(d->via[i].link, link) == 0)
            return d->via[i].address;
    return real;
}

static bool via_has(const struct demo *d, const char *link)
{
    return *house_link(d, link, "") != '\0';
}

static enum status make_folder(struct demo *d, const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return ST_DONE;
    return cli_fail_file(d->c, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "a folder cannot be made", path);
}

enum status house_make(struct demo *d)
{
    static const char *const folders[] = {"",        "/certs",    "/profiles",  "/ttp",      "/server", "/gateway",
                                          "/device", "/app-heat", "/app-other", "/operator", "/try"};
    enum status st = ST_DONE;
    for (size_t i = 0; i < LEN(folders) && st == ST_DONE; i++)
        st = make_folder(d, cli_fmt(d->c, "%s%s", d->dir, folders[i]));
    d->made = st == ST_DONE;
    bool quiet = d->c->quiet;
    d->c->quiet = true; /* the files of a demo are of no interest while it starts */
    if (st == ST_DONE)
        st = ca_make(d->c, cli_fmt(d->c, "%s/ca", d->dir), DEMO_DOMAIN, DAYS);
    for (size_t i = 0; i < LEN(certs) && st == ST_DONE; i++)
        st = cert_make(d->c, cli_fmt(d->c, "%s/ca", d->dir), certs[i].cn, certs[i].san,
                       cli_fmt(d->c, "%s/certs/%s", d->dir, certs[i].file), DAYS);
    d->c->quiet = quiet;
    return st;
}

static enum status write_file(struct demo *d, const char *path, struct buf *b)
{
    enum err e = b->e != OK ? b->e : file_replace(path, buf_span(b), 0600);
    return e == OK ? ST_DONE : cli_fail_file(d->c, e, "a file cannot be written", path);
}

static void put_tls(struct demo *d, struct buf *b, const char *name)
{
    buf_fmt(b, "[tls]\ncertificate=%s/certs/%s.pem\nkey-file=%s/certs/%s.key\nca=%s/ca/ca.pem\n", d->dir, name, d->dir,
            name, d->dir);
}

static void put_cse(struct demo *d, struct buf *b, const char *name, const char *role, const char *cse_id,
                    const char *base)
{
    buf_fmt(b, "[cse]\nrole=%s\ncse-id=%s\nname=%s\nsp=" DEMO_SP "\n", role, cse_id, base);
    if (strcmp(name, "gateway") == 0 && via_has(d, "server-gateway"))
        buf_fmt(b, "poa=https://%s\n", house_link(d, "server-gateway", ""));
    buf_fmt(b, "[storage]\npath=%s/%s/state\ndurability=power-loss\n", d->dir, name);
    buf_str(b, "[listen https]\naddress=127.0.0.1:0\n");
    put_tls(d, b, name);
    buf_fmt(b, "[admin]\nsocket=%s/%s/admin.sock\n[log]\nlevel=debug\n", d->dir, name);
}

enum status house_server(struct demo *d)
{
    char text[CONF_MAX];
    struct buf b = BUF_ARRAY(text);
    put_cse(d, &b, "server", "in", "/id-in", "in");
    return write_file(d, cli_fmt(d->c, "%s/server/cse.conf", d->dir), &b);
}

enum status house_ttp(struct demo *d)
{
    char text[CONF_MAX];
    struct buf b = BUF_ARRAY(text);
    buf_fmt(&b, "[ttp]\nfqdn=" DEMO_TTP "\nlisten=127.0.0.1:0\nstate=%s/ttp/state\n", d->dir);
    put_tls(d, &b, "ttp");
    buf_fmt(&b, "[custody]\npassphrase-file=%s/ttp/passphrase\n[clients]\nanchors=%s/ca/ca.pem\n", d->dir, d->dir);
    buf_fmt(&b, "[operator]\nkey=%s/certs/operator.pem\n", d->dir);
    return write_file(d, cli_fmt(d->c, "%s/ttp/ttp.conf", d->dir), &b);
}

static void put_seal(struct buf *b, const char *name, const char *container, const char *policy)
{
    buf_fmt(b, "[seal %s]\nfor=/id-mn/mn/thermo-1/%s\npolicy=%s\n", name, container, policy);
}

enum status house_gateway(struct demo *d)
{
    char text[CONF_MAX];
    struct buf b = BUF_ARRAY(text);
    put_cse(d, &b, "gateway", "mn", "/id-mn", "mn");
    buf_fmt(&b, "[parent]\nurl=https://%s\ncse-id=/id-in\nserver-name=id-in." DEMO_DOMAIN "\n",
            house_link(d, "gateway-server", d->actor[DEMO_SERVER].https));
    if (d->device_mode) {
        put_seal(&b, DEMO_POLICY, "data", "refuse-clear");
    } else {
        buf_fmt(&b, "[ttp " DEMO_TTP "]\nurl=https://%s\nbundle=%s/ttp/bundle\n",
                house_link(d, "gateway-ttp", d->actor[DEMO_TTP_P].https), d->dir);
        buf_fmt(&b, "signing-key-file=%s/certs/gateway.key\nsigning-certificate=%s/certs/gateway.pem\n", d->dir,
                d->dir);
        put_seal(&b, DEMO_POLICY, "data", "seal-at-gateway");
        buf_str(&b, "readers=" DEMO_SP "/Sapp-heat\nttp=" DEMO_TTP "\n");
    }
    put_seal(&b, "open", "open", "pass");
    put_seal(&b, "strict", "strict", "refuse-clear");
    return write_file(d, cli_fmt(d->c, "%s/gateway/cse.conf", d->dir), &b);
}

/* A profile of the demo: file name, folder of its store, certificate, AE-ID, CSE that it talks to. */
struct role {
    const char *file, *cert, *ae_id, *rn;
    enum demo_who at;
};

static const struct role roles[] = {
    {"device", "device", DEMO_SP "/id-mn/Cthermo-1", "thermo-1", DEMO_GATEWAY},
    {"app-heat", "app-heat", DEMO_SP "/Sapp-heat", "app-heat", DEMO_SERVER},
    {"app-other", "app-other", DEMO_SP "/Sapp-other", "app-other", DEMO_SERVER},
    {"operator", "operator", DEMO_SP "/Soperator", "operator", DEMO_SERVER},
    /* for experiments in another terminal: as app-heat, with a store of its own */
    {"try", "app-heat", DEMO_SP "/Sapp-heat", "app-heat", DEMO_SERVER},
};

static enum status one_profile(struct demo *d, const struct role *r)
{
    char text[CONF_MAX];
    struct buf b = BUF_ARRAY(text);
    bool mn = r->at == DEMO_GATEWAY;
    const char *link = cli_fmt(d->c, "%s-%s", r->file, mn ? "gateway" : "server");
    buf_fmt(&b, "[profile]\nae-id=%s\nname=%s\nstore=%s/%s/book.db\n", r->ae_id, r->rn, d->dir, r->file);
    buf_fmt(&b, "[server]\nurl=https://%s\nname=%s\ncse-id=%s\nbase=%s\n", house_link(d, link, d->actor[r->at].https),
            mn ? "id-mn.id-in." DEMO_DOMAIN : "id-in." DEMO_DOMAIN, mn ? "/id-mn" : "/id-in", mn ? "mn" : "in");
    put_tls(d, &b, r->cert);
    const char *notify = cli_fmt(d->c, "server-%s", r->file);
    if (via_has(d, notify))
        buf_fmt(&b, "[listen]\npoa=https://%s\n", house_link(d, notify, ""));
    buf_fmt(&b, "[ttp " DEMO_TTP "]\nurl=https://%s\nbundle=%s/ttp/bundle\n",
            house_link(d, cli_fmt(d->c, "%s-ttp", r->file), d->actor[DEMO_TTP_P].https), d->dir);
    buf_str(&b, "[stream data]\naddress=" DEMO_STREAM "\n");
    if (d->device_mode)
        buf_str(&b, "writer=" DEMO_SP "/id-mn/Cthermo-1\n");
    if (mn && d->device_mode)
        buf_str(&b, "[seal]\nttp=" DEMO_TTP "\npolicy=" DEMO_POLICY "\nreaders=" DEMO_SP "/Sapp-heat\n");
    return write_file(d, cli_fmt(d->c, "%s/profiles/%s.conf", d->dir, r->file), &b);
}

enum status house_profiles(struct demo *d)
{
    enum status st = ST_DONE;
    for (size_t i = 0; i < LEN(roles) && st == ST_DONE; i++)
        st = one_profile(d, &roles[i]);
    return st;
}

enum status house_actors(struct demo *d)
{
    char text[CONF_MAX];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    for (int i = 0; i < DEMO_ACTORS; i++) {
        const struct actor *a = &d->actor[i];
        if (a->pid <= 0)
            continue;
        jw_name(&w, span_str(a->name));
        jw_obj(&w);
        JW_U64(&w, "pid", (uint64_t)a->pid);
        if (a->https[0])
            JW_STR(&w, "https", span_str(a->https));
        jw_end_obj(&w);
    }
    jw_end_obj(&w);
    buf_c(&b, '\n');
    return write_file(d, cli_fmt(d->c, "%s/actors.json", d->dir), &b);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void house_clean(struct demo *d)
{
    if (d->made && !d->keep)
        (void)nftw(d->dir, remove_one, OPEN_MAX, FTW_DEPTH | FTW_PHYS);
}
