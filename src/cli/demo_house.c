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
#include "host/keyfile.h"

enum { CONF_MAX = 8192, DAYS = 7, OPEN_MAX = 16 };

/* Who gets which certificate. */
static const struct {
    const char *file, *cn, *san; /* NULL: the TTP's and the sensor's, which the plan says */
} certs[] = {
    {"ttp", NULL, NULL},
    {"server", "id-in." DEMO_DOMAIN, "DNS:id-in." DEMO_DOMAIN},
    {"gateway", "id-mn.id-in." DEMO_DOMAIN, "DNS:id-mn.id-in." DEMO_DOMAIN},
    {"gateway-2", "id-mn2.id-in." DEMO_DOMAIN, "DNS:id-mn2.id-in." DEMO_DOMAIN},
    {"host", "id-asn.id-in." DEMO_DOMAIN, "DNS:id-asn.id-in." DEMO_DOMAIN},
    {"device", "Cthermo-1", NULL},
    {"app-heat", "Sapp-heat", "URI:m2m:" DEMO_SP "/Sapp-heat"},
    {"app-other", "Sapp-other", "URI:m2m:" DEMO_SP "/Sapp-other"},
    {"operator", "Soperator", "URI:m2m:" DEMO_SP "/Soperator"},
};
static const struct {
    const char *file, *cn, *san;
} certs_2[] = {
    {"ttp-2", DEMO_TTP_2, "DNS:" DEMO_TTP_2},
    {"server-2", "id-in." DEMO_DOMAIN_2, "DNS:id-in." DEMO_DOMAIN_2},
    {"app-heat", "Sapp-heat", "URI:m2m:" DEMO_SP_2 "/Sapp-heat"},
    {"app-other", "Sapp-other", "URI:m2m:" DEMO_SP_2 "/Sapp-other"},
};

bool house_second(const struct demo *d, const char *name)
{
    for (size_t i = 0; d->plan.two && i < LEN(certs_2); i++)
        if (strcmp(certs_2[i].file, name) == 0)
            return true;
    return false;
}

/* Folder of the authority that made an actor's certificate. */
static const char *ca_of(struct demo *d, const char *name)
{
    return cli_fmt(d->c, "%s/%s", d->dir, house_second(d, name) ? "ca-2" : "ca");
}

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

/* A key that two parties were given beforehand. */
static enum status make_key(struct demo *d, const char *name)
{
    const char *path = cli_fmt(d->c, "%s/certs/%s.key", d->dir, name);
    enum err e = keyfile_make(path);
    return e == OK ? ST_DONE : cli_fail_file(d->c, e, "a key cannot be made", path);
}

static const char *planned_san(struct demo *d, const char *cn)
{
    return cn ? cli_fmt(d->c, "URI:m2m:" DEMO_SP "%s", d->plan.site->ae_id)
              : cli_fmt(d->c, "DNS:%s", d->plan.ttp->fqdn);
}

static enum status make_certs(struct demo *d)
{
    enum status st = ca_make(d->c, cli_fmt(d->c, "%s/ca", d->dir), DEMO_DOMAIN, DAYS);
    for (size_t i = 0; i < LEN(certs) && st == ST_DONE; i++)
        if (!house_second(d, certs[i].file))
            st = cert_make(d->c, ca_of(d, certs[i].file), certs[i].cn ? certs[i].cn : d->plan.ttp->fqdn,
                           certs[i].san ? certs[i].san : planned_san(d, certs[i].cn),
                           cli_fmt(d->c, "%s/certs/%s", d->dir, certs[i].file), DAYS);
    if (st == ST_DONE && d->plan.two)
        st = ca_make(d->c, cli_fmt(d->c, "%s/ca-2", d->dir), DEMO_DOMAIN_2, DAYS);
    for (size_t i = 0; d->plan.two && i < LEN(certs_2) && st == ST_DONE; i++)
        st = cert_make(d->c, ca_of(d, certs_2[i].file), certs_2[i].cn, certs_2[i].san,
                       cli_fmt(d->c, "%s/certs/%s", d->dir, certs_2[i].file), DAYS);
    return st;
}

enum status house_make(struct demo *d)
{
    static const char *const folders[] = {"",           "/certs",     "/profiles", "/ttp",   "/server",
                                          "/gateway",   "/gateway-2", "/device",   "/host",  "/app-heat",
                                          "/app-other", "/operator",  "/try",      "/ttp-2", "/server-2"};
    enum status st = ST_DONE;
    for (size_t i = 0; i < LEN(folders) && st == ST_DONE; i++)
        st = make_folder(d, cli_fmt(d->c, "%s%s", d->dir, folders[i]));
    d->made = st == ST_DONE;
    bool quiet = d->c->quiet;
    d->c->quiet = true; /* the files of a demo are of no interest while it starts */
    if (st == ST_DONE)
        st = make_certs(d);
    d->c->quiet = quiet;
    if (st == ST_DONE && plan_provisioned(d))
        st = make_key(d, "provisioned");
    if (st == ST_DONE && d->plan.esprim)
        st = make_key(d, "pair");
    return st;
}

static enum status write_file(struct demo *d, const char *path, struct buf *b)
{
    enum err e = b->e != OK ? b->e : file_replace(path, buf_span(b), 0600);
    return e == OK ? ST_DONE : cli_fail_file(d->c, e, "a file cannot be written", path);
}

static void put_tls(struct demo *d, struct buf *b, const char *name)
{
    buf_fmt(b, "[tls]\ncertificate=%s/certs/%s.pem\nkey-file=%s/certs/%s.key\nca=%s/ca.pem\n", d->dir, name, d->dir,
            name, ca_of(d, name));
}

/* The second TTP asks the first for its applications; the first answers it. */
static void put_partner(struct demo *d, struct buf *b, enum demo_who who)
{
    if (who == DEMO_TTP_P)
        buf_fmt(b, "[peer " DEMO_TTP_2 "]\nbundle=%s/ttp-2/bundle\nvouches-for=" DEMO_DOMAIN_2 "\n", d->dir);
    else
        buf_fmt(b, "[peer %s]\nbundle=%s/ttp/bundle\nurl=https://%s\nca=%s/ca/ca.pem\nserver-name=%s\n",
                d->plan.ttp->fqdn, d->dir, house_link(d, "ttp-2-ttp", d->actor[DEMO_TTP_P].https), d->dir,
                d->plan.ttp->fqdn);
}

enum status house_ttp(struct demo *d, enum demo_who who, bool partners)
{
    char text[CONF_MAX];
    struct buf b = BUF_ARRAY(text);
    const char *name = d->actor[who].name;
    buf_fmt(&b, "[ttp]\nfqdn=%s\nlisten=127.0.0.1:0\nstate=%s/%s/state\n",
            who == DEMO_TTP_P ? d->plan.ttp->fqdn : DEMO_TTP_2, d->dir, name);
    if (who == DEMO_TTP_2_P)
        buf_str(&b, "vouches-for=" DEMO_DOMAIN_2 "\n");
    put_tls(d, &b, name);
    buf_fmt(&b, "[custody]\npassphrase-file=%s/%s/passphrase\n[clients]\nanchors=%s/ca.pem\n", d->dir, name,
            ca_of(d, name));
    if (who == DEMO_TTP_P)
        buf_fmt(&b, "[operator]\nkey=%s/certs/operator.pem\n", d->dir);
    if (partners)
        put_partner(d, &b, who);
    return write_file(d, cli_fmt(d->c, "%s/%s/%s.conf", d->dir, name, name), &b);
}

/* ---- the CSEs ---- */

/* Who asks whom: the parent of each CSE below the server, and what their links are called. */
static const struct {
    enum demo_who who, parent;
    const char *role, *cse_id, *base, *parent_id, *parent_name, *up, *down;
} cses[] = {
    {DEMO_SERVER, DEMO_SERVER, "in", "/id-in", "in", NULL, NULL, NULL, NULL},
    {DEMO_GATEWAY, DEMO_SERVER, "mn", "/id-mn", "mn", "/id-in", "id-in." DEMO_DOMAIN, "gateway-server",
     "server-gateway"},
    {DEMO_GATEWAY_2, DEMO_SERVER, "mn", "/id-mn2", "mn2", "/id-in", "id-in." DEMO_DOMAIN, "gateway-2-server",
     "server-gateway-2"},
    {DEMO_SERVER_2, DEMO_SERVER_2, "in", "/id-in", "in", NULL, NULL, NULL, NULL},
    {DEMO_HOST, DEMO_GATEWAY, "asn", "/id-asn", "asn", "/id-mn", "id-mn.id-in." DEMO_DOMAIN, "host-gateway",
     "gateway-host"},
};

static void put_ttp(struct demo *d, struct buf *b, const char *link)
{
    buf_fmt(b, "[ttp %s]\nurl=https://%s\nbundle=%s/ttp/bundle\n", d->plan.ttp->fqdn,
            house_link(d, link, d->actor[DEMO_TTP_P].https), d->dir);
}

/* The TTP that has the credentials is asked by the one of the reader's own domain. */
static void put_ttp_through(struct demo *d, struct buf *b, const char *link)
{
    buf_fmt(b, "[ttp " DEMO_TTP_2 "]\nurl=https://%s\nbundle=%s/ttp-2/bundle\n",
            house_link(d, link, d->actor[DEMO_TTP_2_P].https), d->dir);
    buf_fmt(b, "[ttp %s]\nvia=" DEMO_TTP_2 "\nbundle=%s/ttp/bundle\n", d->plan.ttp->fqdn, d->dir);
}

static void put_policy(struct demo *d, struct buf *b, const char *name, const char *container, const char *policy)
{
    buf_fmt(b, "[seal %s]\nfor=%s/%s/thermo-1/%s\npolicy=%s\n", name, d->plan.site->cse_id, d->plan.site->base,
            container, policy);
}

static void put_pair(struct demo *d, struct buf *b, const char *peer)
{
    buf_fmt(b, "[esprim " DEMO_PAIR_ID "]\nkey-file=%s/certs/pair.key\npeer=" DEMO_SP "%s\n", d->dir, peer);
}

/* What both a sealing CSE and a sealing device are told about the credential. */
static void put_credential(struct demo *d, struct buf *b)
{
    static const char *const keys[] = {"own", "ttp", "provisioned"};
    if (d->plan.key != DEMO_KEY_OWN)
        buf_fmt(b, "key=%s\n", keys[d->plan.key]);
    if (plan_provisioned(d))
        buf_fmt(b, "key-id=" DEMO_KEY_ID "\nkey-file=%s/certs/provisioned.key\n", d->dir);
    else
        buf_fmt(b, "readers=%s/Sapp-heat\nttp=%s\n", plan_readers_sp(d), d->plan.ttp->fqdn);
    if (d->plan.strict)
        buf_str(b, "strict=yes\n");
}

/* The policies of the CSE that hosts. */
static void put_policies(struct demo *d, struct buf *b, const char *name)
{
    if (d->plan.device_seals) {
        put_policy(d, b, DEMO_POLICY, "data", "refuse-clear");
    } else {
        if (!plan_provisioned(d)) {
            put_ttp(d, b, cli_fmt(d->c, "%s-ttp", name));
            buf_fmt(b, "signing-key-file=%s/certs/%s.key\nsigning-certificate=%s/certs/%s.pem\n", d->dir, name, d->dir,
                    name);
        }
        put_policy(d, b, DEMO_POLICY, "data", "seal-at-gateway");
        put_credential(d, b);
        if (d->plan.batch)
            buf_str(b, "batch=arrays\n");
    }
    if (d->plan.esprim)
        put_pair(d, b, "/Sapp-heat");
    put_policy(d, b, "open", "open", "pass");
    put_policy(d, b, "strict", "strict", "refuse-clear");
}

/* The IN-CSEs of both domains meet; each believes the other's authority about the other's names. */
static void put_other_server(struct demo *d, struct buf *b, enum demo_who who)
{
    if (who == DEMO_SERVER)
        buf_fmt(b, "[peer " DEMO_DOMAIN_2 "]\ncse-id=/id-in\nurl=https://%s\nca=%s/ca-2/ca.pem\n",
                house_link(d, "server-server-2", cli_fmt(d->c, "127.0.0.1:%u", d->port_2)), d->dir);
    else if (who == DEMO_SERVER_2)
        buf_fmt(b, "[peer " DEMO_DOMAIN "]\ncse-id=/id-in\nurl=https://%s\nca=%s/ca/ca.pem\n",
                house_link(d, "server-2-server", d->actor[DEMO_SERVER].https), d->dir);
}

enum status house_cse(struct demo *d, enum demo_who who)
{
    char text[CONF_MAX];
    struct buf b = BUF_ARRAY(text);
    size_t i = 0;
    while (cses[i].who != who)
        i++;
    const char *name = d->actor[who].name, *down = cses[i].down;
    buf_fmt(&b, "[cse]\nrole=%s\ncse-id=%s\nname=%s\nsp=%s\n", cses[i].role, cses[i].cse_id, cses[i].base,
            who == DEMO_SERVER_2 ? DEMO_SP_2 : DEMO_SP);
    if (down && via_has(d, down))
        buf_fmt(&b, "poa=https://%s\n", house_link(d, down, ""));
    buf_fmt(&b, "[storage]\npath=%s/%s/state\ndurability=power-loss\n", d->dir, name);
    buf_fmt(&b, "[listen https]\naddress=127.0.0.1:%u\n", who == DEMO_SERVER_2 ? d->port_2 : 0);
    put_tls(d, &b, name);
    buf_fmt(&b, "[admin]\nsocket=%s/%s/admin.sock\n[log]\nlevel=debug\n", d->dir, name);
    if (cses[i].up)
        buf_fmt(&b, "[parent]\nurl=https://%s\ncse-id=%s\nserver-name=%s\n",
                house_link(d, cses[i].up, d->actor[cses[i].parent].https), cses[i].parent_id, cses[i].parent_name);
    if (who == d->plan.site->who)
        put_policies(d, &b, name);
    if (d->plan.two)
        put_other_server(d, &b, who);
    return write_file(d, cli_fmt(d->c, "%s/%s/cse.conf", d->dir, name), &b);
}

/* ---- the profiles ---- */

/* A profile of the demo: file name, folder of its store, certificate, AE-ID; the sensor's is the site's. */
struct role {
    const char *file, *cert, *ae_id, *rn;
    bool sensor, reader;
};

static const struct role roles[] = {
    {"device", "device", NULL, "thermo-1", true, false},
    {"app-heat", "app-heat", "/Sapp-heat", "app-heat", false, true},
    {"app-other", "app-other", "/Sapp-other", "app-other", false, false},
    {"operator", "operator", "/Soperator", "operator", false, false},
    /* for experiments in another terminal: as app-heat, with a store of its own */
    {"try", "app-heat", "/Sapp-heat", "app-heat", false, true},
};

static enum status one_profile(struct demo *d, const struct role *r)
{
    char text[CONF_MAX];
    struct buf b = BUF_ARRAY(text);
    const struct demo_site *site = d->plan.site;
    bool second = house_second(d, r->cert);
    enum demo_who at = r->sensor ? site->who : second ? DEMO_SERVER_2 : DEMO_SERVER;
    const char *link = cli_fmt(d->c, "%s-%s", r->file, d->actor[at].name);
    buf_fmt(&b, "[profile]\nae-id=%s%s\nname=%s\nstore=%s/%s/book.db\n", second ? DEMO_SP_2 : DEMO_SP,
            r->sensor ? site->ae_id : r->ae_id, r->rn, d->dir, r->file);
    buf_fmt(&b, "[server]\nurl=https://%s\nname=%s\ncse-id=%s\nbase=%s\n", house_link(d, link, d->actor[at].https),
            r->sensor ? site->server_name
            : second  ? "id-in." DEMO_DOMAIN_2
                      : "id-in." DEMO_DOMAIN,
            r->sensor ? site->cse_id : "/id-in", r->sensor ? site->base : "in");
    put_tls(d, &b, r->cert);
    const char *notify = cli_fmt(d->c, "%s-%s", d->actor[second ? DEMO_SERVER_2 : DEMO_SERVER].name, r->file);
    if (via_has(d, notify))
        buf_fmt(&b, "[listen]\npoa=https://%s\n", house_link(d, notify, ""));
    if (second)
        put_ttp_through(d, &b, cli_fmt(d->c, "%s-ttp-2", r->file));
    else
        put_ttp(d, &b, cli_fmt(d->c, "%s-ttp", r->file));
    buf_fmt(&b, "[stream data]\naddress=%s\n", site->stream);
    if (d->plan.device_seals)
        buf_fmt(&b, "writer=" DEMO_SP "%s\n", site->ae_id);
    if (r->reader && plan_provisioned(d))
        buf_fmt(&b, "[key " DEMO_KEY_ID "]\nkey-file=%s/certs/provisioned.key\nsuid=14\n", d->dir);
    if (r->reader && d->plan.esprim)
        put_pair(d, &b, site->cse_id);
    if (r->sensor && d->plan.device_seals) {
        buf_str(&b, "[seal]\npolicy=" DEMO_POLICY "\n");
        put_credential(d, &b);
        if (d->plan.batch)
            buf_fmt(&b, "batch=%llu\n", (unsigned long long)d->plan.batch);
    }
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
