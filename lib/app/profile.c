/* profile.c - see profile.h. */
#include "app/profile_reading.h"

#include "app/name.h"
#include "esd/label.h"
#include "host/conf.h"
#include "host/heap.h"

enum { WHY_MAX = 8192 };

static const struct conf_row rows[] = {
#define CONF(s, k, t, need, d, lo, hi, ch, p) {s, k, t, need, d, lo, hi, ch, p},
#include "app/profile.def"
#undef CONF
};

static const char *copy(struct app *app, const char *text)
{
    return text ? app_fmt(app, "%s", text) : NULL;
}

static const char *folder(struct app *app)
{
    if (app->config)
        return app->config;
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (xdg && *xdg)
        return app_fmt(app, "%s/oneseal/profiles.d", xdg);
    return app_fmt(app, "%s/.config/oneseal/profiles.d", home && *home ? home : "");
}

static enum status bad(struct app *app, const char *path, const char *what, const char *todo)
{
    return APP_FAIL(app, ST_CONFIG, .what = what, .who = "this program", .kind = "profile", .object = path,
                    .todo = todo);
}

/* //sp/stem or //sp/cse/stem, taken apart. */
static enum status take_identity(struct app *app, const struct conf *f, struct profile *p)
{
    p->ae_id = copy(app, conf_text(f, "profile", "ae-id"));
    struct span id = span_str(p->ae_id), rest = span_from(id, 2);
    size_t domain = span_find(rest, '/'), last = span_rfind(id, '/');
    char text[APP_TEXT_MAX];
    struct buf b = BUF_ARRAY(text);
    if (!span_starts(id, SPAN("//")) || domain == rest.n || name_ae_absolute(id, span_first(rest, domain), &b) != OK)
        return bad(app, p->path, app_fmt(app, "[profile] ae-id is no absolute AE-ID: %s", p->ae_id),
                   "write //sp/Sname, or //sp/cse/Cname");
    p->sp = app_fmt(app, "%.*s", SPAN_FMT(span_first(id, domain + 2)));
    p->stem = p->ae_id + last + 1;
    p->rn = copy(app, conf_text(f, "profile", "name"));
    p->rn = p->rn ? p->rn : p->stem;
    return ST_DONE;
}

static void take_texts(struct app *app, const struct conf *f, struct profile *p)
{
    const struct {
        const char **to, *section, *key;
    } texts[] = {
        {&p->api, "profile", "api"},
        {&p->store, "profile", "store"},
        {&p->url, "server", "url"},
        {&p->server_name, "server", "name"},
        {&p->cse_id, "server", "cse-id"},
        {&p->base, "server", "base"},
        {&p->certificate, "tls", "certificate"},
        {&p->key_file, "tls", "key-file"},
        {&p->ca, "tls", "ca"},
        {&p->listen, "listen", "address"},
        {&p->poa, "listen", "poa"},
        {&p->seal_ttp, "seal", "ttp"},
        {&p->seal_policy, "seal", "policy"},
        {&p->seal_key_file, "seal", "key-file"},
        {&p->seal_key_id, "seal", "key-id"},
    };
    for (size_t i = 0; i < LEN(texts); i++)
        *texts[i].to = copy(app, conf_text(f, texts[i].section, texts[i].key));
    const char *item;
    while (p->n_readers < PROFILE_READERS_MAX && (item = conf_item(f, "seal", "readers", p->n_readers)))
        p->readers[p->n_readers++] = span_str(copy(app, item));
}

bool profile_pad_add(struct profile *p, struct span size)
{
    uint64_t n, last = p->seal_pads ? p->seal_pad[p->seal_pads - 1] : 0;
    if (p->seal_pads == PROFILE_PADS_MAX || span_u64(size, ESD_PAD_MAX, &n) != OK || n <= last)
        return false;
    p->seal_pad[p->seal_pads++] = (uint32_t)n;
    return true;
}

static enum status take_seal(struct app *app, const struct conf *f, struct profile *p)
{
    int64_t ms = conf_int(f, "seal", "batch-time");
    const char *size;
    p->seal_key = (enum profile_key)conf_int(f, "seal", "key");
    p->seal_strict = conf_bool(f, "seal", "strict");
    p->seal_batch = (uint64_t)conf_int(f, "seal", "batch");
    p->seal_batch_ms = ms > 0 ? ms : 0;
    for (size_t i = 0; (size = conf_item(f, "seal", "padding", i)); i++)
        if (!profile_pad_add(p, span_str(size)))
            return bad(app, p->path, app_fmt(app, "[seal] padding: %s", size),
                       "write sizes in octets, each larger than the one before, at most 16: 64, 256, 1024");
    return ST_DONE;
}

static enum status take_lists(struct app *app, const struct conf *f, struct profile *p)
{
    const char *name;
    for (; (name = conf_name(f, "ttp", p->ttps)); p->ttps++) {
        if (p->ttps == PROFILE_TTPS_MAX || !name_is_fqdn(span_str(name)))
            return bad(app, p->path, app_fmt(app, "[ttp %s]: no domain name, or one too many", name),
                       "write [ttp FQDN], at most 8");
        const char *section = app_fmt(app, "ttp %s", name);
        struct profile_ttp *t = &p->ttp[p->ttps];
        *t = (struct profile_ttp){.fqdn = copy(app, name),
                                  .bundle = copy(app, conf_text(f, section, "bundle")),
                                  .url = copy(app, conf_text(f, section, "url")),
                                  .via = copy(app, conf_text(f, section, "via"))};
        if (!t->url == !t->via)
            return bad(app, p->path, app_fmt(app, "[ttp %s]: it has to have one of url and via", name),
                       "url of a TTP that is asked itself, via=FQDN for one that another TTP of this profile asks");
        p->ttp_names[p->ttps] = span_str(t->fqdn);
    }
    for (size_t i = 0; i < p->ttps; i++) {
        const struct profile_ttp *door = p->ttp[i].via ? profile_ttp_of(p, span_str(p->ttp[i].via)) : NULL;
        if (p->ttp[i].via && (!door || !door->url))
            return bad(app, p->path, app_fmt(app, "[ttp %s]: via names no TTP that is asked itself", p->ttp[i].fqdn),
                       "add a [ttp FQDN] with that name and an url");
    }
    return profile_take_reading(app, f, p);
}

static enum status take_pairs(struct app *app, const struct conf *f, struct profile *p)
{
    const char *name;
    for (; (name = conf_name(f, "esprim", p->pairs)); p->pairs++) {
        const char *section = app_fmt(app, "esprim %s", name), *peer = conf_text(f, section, "peer");
        if (p->pairs == PROFILE_PAIRS_MAX || strncmp(peer, "//", 2) != 0)
            return bad(app, p->path, app_fmt(app, "[esprim %s]: peer is not absolute, or one section too many", name),
                       "write peer=//sp/cse-id, at most 16 sections");
        p->pair[p->pairs] = (struct profile_pair){copy(app, name), copy(app, conf_text(f, section, "key-file")),
                                                  span_str(copy(app, peer))};
    }
    return ST_DONE;
}

enum status profile_load(struct app *app, const char *name, struct profile *out)
{
    name = name ? name : app->profile;
    if (!name)
        return APP_FAIL(app, ST_USAGE, .what = "no profile is named", .who = "this program",
                        .todo = "put it before the address (heat:/...), or give --profile NAME");
    *out = (struct profile){.name = copy(app, name)};
    out->path = strchr(name, '/') ? app_fmt(app, "%s", name) : app_fmt(app, "%s/%s.conf", folder(app), name);
    struct buf why = heap_buf(WHY_MAX);
    struct conf *f = NULL;
    enum err e = conf_load(out->path, rows, LEN(rows), &f, &why);
    enum status st = ST_DONE;
    if (e == ERR_CONFIG)
        st = bad(app, out->path, app_fmt(app, "the profile is not valid:\n%.*s", SPAN_FMT(buf_span(&why))),
                 "correct the file");
    else if (e != OK)
        st = app_fail_file(app, e, "the profile cannot be read", out->path);
    heap_buf_free(&why);
    if (st != ST_DONE)
        return st;
    if (!conf_has(f, "profile") || !conf_has(f, "server")) {
        conf_free(f);
        return bad(app, out->path, "[profile] or [server] is missing", "write both: ae-id=; url=, cse-id=, base=");
    }
    take_texts(app, f, out);
    st = take_identity(app, f, out);
    if (st == ST_DONE)
        st = take_seal(app, f, out);
    if (st == ST_DONE)
        st = take_lists(app, f, out);
    if (st == ST_DONE)
        st = take_pairs(app, f, out);
    conf_free(f);
    return st;
}

enum status profile_object(struct app *app, const char *object, struct profile *p, struct span *address)
{
    struct span rest = span_str(object), name = span_first(rest, span_find(rest, ':'));
    bool named = name.n > 0 && name.n < rest.n && span_find(name, '/') == name.n;
    *address = named ? span_from(rest, name.n + 1) : rest;
    if (address->n == 0)
        return APP_FAIL(app, ST_USAGE, .what = "the address is empty", .who = "this program", .object = object,
                        .todo = "write PROFILE:ADDRESS, for example heat:/id-mn/mn/thermo-1/data/la");
    return profile_load(app, named ? app_fmt(app, "%.*s", SPAN_FMT(name)) : NULL, p);
}

struct span profile_absolute(struct app *app, const struct profile *p, struct span address)
{
    if (span_starts(address, SPAN("//")))
        return address;
    if (span_starts(address, SPAN("/")))
        return span_str(app_fmt(app, "%s%.*s", p->sp, SPAN_FMT(address)));
    return span_str(app_fmt(app, "%s%s/%.*s", p->sp, p->cse_id, SPAN_FMT(address)));
}

const struct profile_stream *profile_stream_of(const struct profile *p, struct span address)
{
    for (size_t i = 0; i < p->streams; i++)
        if (span_eq(p->stream[i].address, address))
            return &p->stream[i];
    return NULL;
}

const struct profile_ttp *profile_ttp_of(const struct profile *p, struct span fqdn)
{
    for (size_t i = 0; i < p->ttps; i++)
        if (span_eq_nocase(p->ttp_names[i], fqdn))
            return &p->ttp[i];
    return NULL;
}
