#include "cse/daemon_conf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/heap.h"
#include "m2m/switches.h"

static const struct conf_row fixed[] = {
#define CONF(s, k, t, need, d, lo, hi, ch, p) {s, k, t, need, d, lo, hi, ch, p},
#include "cse/daemon_conf.def"
#undef CONF
};

struct limit_row {
    const char *name;
    uint32_t def, least, most;
    const char *unit, *prose;
    size_t at;
};
static const struct limit_row limits[] = {
#define LIMIT(name, def, least, most, unit, prose)                                                                     \
    {#name, def, least, most, unit, prose, offsetof(struct http_limits, name)},
#include "net/http_limits.def"
#undef LIMIT
};

enum { KEY_MAX = 48, VALUE_MAX = 24, SECTION_MAX = 320 };

/* All rows of the file: the fixed ones, switches, limits of the HTTP server. They live as long as the process. */
struct book {
    struct conf_row row[LEN(fixed) + SW__N + LEN(limits)];
    size_t n;
    char key[LEN(limits)][KEY_MAX], value[LEN(limits)][VALUE_MAX];
};

static void add_switches(struct book *b)
{
    for (unsigned i = 1; i < SW__N; i++)
        if (switches_name(i))
            b->row[b->n++] =
                (struct conf_row){"switches", switches_name(i),           CONF_CHOICE, CONF_OPTIONAL, NULL, 0, 0,
                                  "r3|open",  "a reading of the standard"};
}

/* "head" -> "http-head", "head_ms" -> "http-head-time". */
static void limit_key(const struct limit_row *l, char key[KEY_MAX])
{
    size_t n = strlen(l->name);
    bool time = strcmp(l->unit, "ms") == 0;
    snprintf(key, KEY_MAX, "http-%.*s%s", (int)(time ? n - 3 : n), l->name, time ? "-time" : "");
    for (char *c = key; *c; c++)
        *c = *c == '_' ? '-' : *c;
}

static void add_limits(struct book *b)
{
    for (size_t i = 0; i < LEN(limits); i++) {
        const struct limit_row *l = &limits[i];
        bool time = strcmp(l->unit, "ms") == 0, size = strcmp(l->unit, "octets") == 0;
        limit_key(l, b->key[i]);
        snprintf(b->value[i], VALUE_MAX, "%u%s", l->def, time ? "ms" : size ? "B" : "");
        b->row[b->n++] = (struct conf_row){"limits",      b->key[i],   time ? CONF_TIME : size ? CONF_SIZE : CONF_INT,
                                           CONF_OPTIONAL, b->value[i], l->least,
                                           l->most,       NULL,        l->prose};
    }
}

static struct book *book_new(void)
{
    struct book *b = xalloc(sizeof *b);
    memcpy(b->row, fixed, sizeof fixed);
    b->n = LEN(fixed);
    add_switches(b);
    add_limits(b);
    return b;
}

/* ---- checks that one row alone cannot make ------------------------------------------------------- */

static void wrong(struct settings *s, struct buf *why, const char *section, const char *key, const char *what)
{
    conf_where(s->conf, section, key, why);
    buf_str(why, what);
    buf_c(why, '\n');
}

static bool plain(const char *text)
{
    return text[0] &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") == strlen(text);
}

static void check_names(struct settings *s, struct buf *why)
{
    const char *id = conf_text(s->conf, "cse", "cse-id"), *sp = conf_text(s->conf, "cse", "sp");
    const char *name = conf_text(s->conf, "cse", "name"), *parent = conf_text(s->conf, "parent", "cse-id");
    const char *in = conf_text(s->conf, "cse", "in-cse");
    if (in && (in[0] != '/' || !plain(in + 1)))
        wrong(s, why, "cse", "in-cse", "a CSE-ID is a slash and a name: /id-in");
    if (id[0] != '/' || !plain(id + 1))
        wrong(s, why, "cse", "cse-id", "a CSE-ID is a slash and a name: /id-mn");
    if (strncmp(sp, "//", 2) != 0 || !plain(sp + 2))
        wrong(s, why, "cse", "sp", "a service provider is two slashes and a domain: //demo.example");
    if (!plain(name) || strcmp(name, "-") == 0)
        wrong(s, why, "cse", "name", "a name has letters, digits, '-', '.', '_', '~'");
    if (parent && (parent[0] != '/' || !plain(parent + 1) || strcmp(parent, id) == 0))
        wrong(s, why, "parent", "cse-id", "a CSE-ID of another CSE is a slash and a name: /id-in");
}

static void check_role(struct settings *s, struct buf *why)
{
    bool parent = conf_has(s->conf, "parent");
    if (s->cse.role == ROLE_IN && parent)
        wrong(s, why, "parent", "url",
              "an IN-CSE has no registrar inside its domain: leave [parent] out, or set role = mn");
    if (s->cse.role != ROLE_IN && !parent)
        wrong(s, why, "cse", "role", "an MN-CSE or ASN-CSE needs a section [parent] that names its registrar");
}

static void check_listeners(struct settings *s, struct buf *why)
{
    if (!s->https && !s->http)
        wrong(s, why, "cse", "role", "nothing to serve: a section [listen https] is missing");
    if (s->http && !conf_bool(s->conf, "listen http", "insecure"))
        wrong(s, why, "listen http", "address",
              "without TLS everybody on the way reads and changes requests: use [listen https], or say insecure = yes");
    const char *parent = conf_text(s->conf, "parent", "url");
    bool parent_tls = parent && span_starts(span_str(parent), SPAN("https://"));
    if (parent && !parent_tls && !s->clear)
        wrong(s, why, "parent", "url",
              "without TLS everybody on the way reads and changes requests: use https://, or a section [listen http] "
              "with insecure = yes");
    if ((s->https || parent_tls) && !conf_has(s->conf, "tls"))
        wrong(s, why, s->https ? "listen https" : "parent", s->https ? "address" : "url",
              "TLS needs a section [tls] with certificate, key-file and ca");
}

static void check_peers(struct settings *s, struct buf *why)
{
    for (size_t i = 0; i < s->cse.npeers; i++) {
        char section[SECTION_MAX];
        const char *name = conf_name(s->conf, "peer", i);
        snprintf(section, sizeof section, "peer %s", name);
        const char *id = conf_text(s->conf, section, "cse-id");
        if (id[0] != '/' || !plain(id + 1))
            wrong(s, why, section, "cse-id", "a CSE-ID is a slash and a name: /id-in");
        if (!plain(name) || span_eq_nocase(s->peers[i].sp, s->cse.self.sp))
            wrong(s, why, section, "cse-id", "the section is named after another service provider's domain");
    }
    if (s->cse.npeers > 0 && s->cse.role != ROLE_IN)
        wrong(s, why, "cse", "role", "only an IN-CSE meets other service providers: leave [peer NAME] out");
    if (conf_name(s->conf, "peer", PEERS_MAX))
        wrong(s, why, "cse", "role", "more than 16 sections [peer NAME]");
}

/* ---- values -------------------------------------------------------------------------------------- */

static void read_switches(struct settings *s)
{
    if (s->lab)
        s->cse.sw = switches_open();
    for (unsigned i = 1; i < SW__N; i++) {
        const char *name = switches_name(i), *value = name ? conf_text(s->conf, "switches", name) : NULL;
        if (value)
            (void)!switches_set(&s->cse.sw, span_str(name), span_str(value)); /* a row with one reading keeps it */
    }
}

static void read_limits(struct settings *s)
{
    const struct conf *c = s->conf;
    s->http_limits = http_limits_default();
    for (size_t i = 0; i < LEN(limits); i++) {
        char key[KEY_MAX];
        limit_key(&limits[i], key);
        uint32_t v = (uint32_t)conf_int(c, "limits", key);
        memcpy((char *)&s->http_limits + limits[i].at, &v, sizeof v);
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t loops = conf_int(c, "limits", "loops");
    s->loops = loops > 0 ? (unsigned)loops : cores <= 2 ? 1 : (unsigned)(cores - 1 < 63 ? cores - 1 : 63);
    s->exchanges = (size_t)conf_int(c, "limits", "exchanges");
    s->request_memory = (size_t)conf_int(c, "limits", "request-memory");
    s->queue = (size_t)conf_int(c, "limits", "queue");
    s->row_cache = conf_int(c, "limits", "row-cache");
    s->page_cache = conf_int(c, "limits", "page-cache");
    s->map = conf_int(c, "limits", "map");
    s->wal = conf_int(c, "limits", "wal");
    s->storage = conf_int(c, "limits", "storage");
    s->cse.remote_ms = conf_int(c, "limits", "request-timeout");
    s->cse.notify_keep = conf_int(c, "limits", "notify-keep");
    s->cse.et_max = conf_int(c, "limits", "lifetime");
}

static void read_poa(struct settings *s)
{
    while (conf_item(s->conf, "cse", "poa", s->npoa))
        s->npoa++;
    s->poa = xalloc(s->npoa * sizeof *s->poa);
    for (size_t i = 0; i < s->npoa; i++)
        s->poa[i] = span_str(conf_item(s->conf, "cse", "poa", i));
}

static void read_lists(struct settings *s)
{
    struct cse_conf *c = &s->cse;
    const struct {
        const char *section, *key;
        struct strings *to;
    } rows[] = {{"cse", "labels", &c->labels},
                {"cse", "policies", &c->policies},
                {"cse", "announced", &c->announced},
                {"parent", "labels", &c->join.labels},
                {"registration", "originators", &c->admission.originators},
                {"registration", "app-ids", &c->admission.app_ids}};
    static_assert(LEN(rows) == LEN(s->lists), "each list has an owner");
    for (size_t i = 0; i < LEN(rows); i++) {
        size_t n = 0;
        while (conf_item(s->conf, rows[i].section, rows[i].key, n))
            n++;
        s->lists[i] = xalloc((n + 1) * sizeof *s->lists[i]);
        for (size_t k = 0; k < n; k++)
            s->lists[i][k] = span_str(conf_item(s->conf, rows[i].section, rows[i].key, k));
        *rows[i].to = (struct strings){s->lists[i], n};
    }
}

static void read_registration(struct settings *s)
{
    const struct conf *c = s->conf;
    struct join_conf *j = &s->cse.join;
    int64_t lifetime = conf_int(c, "parent", "lifetime");
    s->cse.in_csi = span_str(conf_text(c, "cse", "in-cse"));
    s->cse.node = span_str(conf_text(c, "cse", "node"));
    j->node = span_str(conf_text(c, "parent", "node"));
    j->lifetime = lifetime > 0 ? lifetime : 0;
    j->refresh = conf_int(c, "parent", "refresh");
    j->leave = conf_bool(c, "parent", "leave");
    s->cse.admission.empty_is_s = conf_int(c, "registration", "empty-stem") == 1;
    s->cse.admission.profiles_always = conf_int(c, "registration", "profiles") == 1;
    read_lists(s);
}

/* [peer other.example]: service provider //other.example. */
static void read_peers(struct settings *s)
{
    const char *name;
    struct cse_conf *c = &s->cse;
    for (; c->npeers < PEERS_MAX && (name = conf_name(s->conf, "peer", c->npeers)); c->npeers++) {
        char section[SECTION_MAX], *sp = xalloc(strlen(name) + 3);
        snprintf(section, sizeof section, "peer %s", name);
        snprintf(sp, strlen(name) + 3, "//%s", name);
        s->peer_ca[c->npeers] = conf_text(s->conf, section, "ca");
        s->peers[c->npeers] = (struct cse_peer){.sp = span_str(sp),
                                                .csi = span_str(conf_text(s->conf, section, "cse-id")),
                                                .url = span_str(conf_text(s->conf, section, "url"))};
    }
    c->peers = s->peers;
}

static bool in_memory(const char *path)
{
    const char *name = strrchr(path, '/');
    return strcmp(name ? name + 1 : path, ":memory:") == 0;
}

static void read_values(struct settings *s)
{
    static const enum log_level level[] = {LOG_L_ERROR, LOG_L_WARN, LOG_L_NOTICE, LOG_L_INFO, LOG_L_DEBUG};
    const struct conf *c = s->conf;
    s->cse.role = (uint8_t)(ROLE_IN + conf_int(c, "cse", "role"));
    s->cse.self.sp = span_str(conf_text(c, "cse", "sp"));
    s->cse.self.csi = span_str(conf_text(c, "cse", "cse-id"));
    s->cse.self.base = span_str(conf_text(c, "cse", "name"));
    s->cse.no_requests = !conf_bool(c, "cse", "requests");
    s->cse.admin = span_str(conf_text(c, "cse", "admin"));
    s->cse.parent_url = span_str(conf_text(c, "parent", "url"));
    s->cse.parent_csi = span_str(conf_text(c, "parent", "cse-id"));
    s->parent_name = conf_text(c, "parent", "server-name");
    const char *path = conf_text(c, "storage", "path");
    s->folder = in_memory(path) ? NULL : path;
    s->specs = conf_text(c, "cse", "specializations");
    s->power_loss = conf_int(c, "storage", "durability") == 1;
    s->https = conf_text(c, "listen https", "address");
    s->http = conf_text(c, "listen http", "address");
    s->clear = conf_bool(c, "listen http", "insecure");
    s->certificate = conf_text(c, "tls", "certificate");
    s->key_file = conf_text(c, "tls", "key-file");
    s->ca = conf_text(c, "tls", "ca");
    s->socket = conf_text(c, "admin", "socket");
    s->level = level[conf_int(c, "log", "level")];
    s->json = conf_int(c, "log", "format") == 1;
    s->lab = conf_bool(c, "lab", "open");
}

enum err settings_load(const char *file, struct settings *out, struct buf *why)
{
    *out = (struct settings){0};
    static struct book *book; /* the conf points into it */
    if (!book)
        book = book_new();
    static const char *const needed[] = {"cse", "storage"};
    TRY(conf_load(file, book->row, book->n, &out->conf, why));
    for (size_t i = 0; i < LEN(needed); i++)
        if (!conf_has(out->conf, needed[i]))
            buf_fmt(why, "%s: a section [%s] is missing\n", file, needed[i]);
    if (why->n > 0)
        return ERR_CONFIG;
    read_values(out);
    read_switches(out);
    read_limits(out);
    read_poa(out);
    read_registration(out);
    read_peers(out);
    check_names(out, why);
    check_role(out, why);
    check_peers(out, why);
    check_listeners(out, why);
    return why->n > 0 ? ERR_CONFIG : OK;
}

void settings_free(struct settings *s)
{
    for (size_t i = 0; i < s->cse.npeers; i++)
        free((void *)(uintptr_t)s->peers[i].sp.p);
    conf_free(s->conf);
    free(s->poa);
    for (size_t i = 0; i < LEN(s->lists); i++)
        free(s->lists[i]);
}
