#include "cli/policy_file.h"

#include "base/code.h"
#include "base/m2mtime.h"
#include "esd/target.h"
#include "host/conf.h"
#include "host/heap.h"
#include "wire/json.h"

#include <string.h>

enum { FILE_MAX = 1 << 20 };

static const struct conf_row rows[] = {
    {"policy", "name", CONF_TEXT, CONF_REQUIRED, NULL, 0, 0, NULL, "name of the policy, as registrations give it"},
    {"policy", "from", CONF_TEXT, CONF_OPTIONAL, NULL, 0, 0, NULL, "nothing is released before, m2m:timestamp"},
    {"policy", "until", CONF_TEXT, CONF_OPTIONAL, NULL, 0, 0, NULL, "nor from then on"},
    {"reader *", "pin", CONF_TEXT, CONF_OPTIONAL, NULL, 0, 0, NULL, "thumbprint of the only signing key, base64url"},
    {"reader *", "from", CONF_TEXT, CONF_OPTIONAL, NULL, 0, 0, NULL, "this reader not before"},
    {"reader *", "until", CONF_TEXT, CONF_OPTIONAL, NULL, 0, 0, NULL, "nor from then on"},
    {"reader *", "escrow", CONF_BOOL, CONF_OPTIONAL, "no", 0, 0, NULL, "it keeps keys for the owner"},
};

static enum status wrong(struct cli *c, const char *what, const char *path)
{
    return CLI_FAIL(c, ST_CONFIG, .what = what, .who = "this program", .kind = "file", .object = path,
                    .todo = "see `oneseal help policy check`");
}

/* ---- INI --------------------------------------------------------------------------------------------------------- */

static bool time_of(const struct conf *f, const char *section, const char *key, int64_t *ms)
{
    const char *text = conf_text(f, section, key);
    return !text || m2mtime_get(span_str(text), ms) == OK;
}

static bool pin_of(const struct conf *f, const char *section, struct policy_reader *r)
{
    const char *text = conf_text(f, section, "pin");
    struct buf b = BUF_ARRAY(r->jkt);
    r->pinned = text != NULL;
    return !text || (b64url_get(span_str(text), &b) == OK && b.n == JOSE_THUMB);
}

static enum status read_reader(struct cli *c, const struct conf *f, const char *path, const char *id,
                               struct policy_reader *r)
{
    const char *section = cli_fmt(c, "reader %s", id);
    struct target t;
    if (target_read(span_str(id), &t) != OK)
        return wrong(c, cli_fmt(c, "[%s] is no identity, //domain/S* or //domain", section), path);
    r->id = span_str(id);
    r->escrow = conf_bool(f, section, "escrow");
    if (!time_of(f, section, "from", &r->from) || !time_of(f, section, "until", &r->until))
        return wrong(c, cli_fmt(c, "[%s]: from and until are written 20271231T000000", section), path);
    if (!pin_of(f, section, r))
        return wrong(c, cli_fmt(c, "[%s]: pin is 32 octets in base64url", section), path);
    return ST_DONE;
}

static enum status read_ini(struct cli *c, const struct conf *f, const char *path, struct policy *out)
{
    const char *name = conf_text(f, "policy", "name"), *id;
    if (!name)
        return wrong(c, "the section [policy] with its name is missing", path);
    out->policy = span_str(cli_fmt(c, "%s", name));
    if (!time_of(f, "policy", "from", &out->from) || !time_of(f, "policy", "until", &out->until))
        return wrong(c, "[policy]: from and until are written 20271231T000000", path);
    while (conf_name(f, "reader", out->n))
        out->n++;
    out->readers = ARENA_ARRAY(&c->app.mem, struct policy_reader, out->n + 1);
    if (!out->readers || out->n > POLICY_READERS_MAX)
        return wrong(c, "there are more readers than a policy holds", path);
    for (size_t i = 0; (id = conf_name(f, "reader", i)) != NULL; i++) {
        enum status st = read_reader(c, f, path, cli_fmt(c, "%s", id), &out->readers[i]);
        if (st != ST_DONE)
            return st;
    }
    return ST_DONE;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* Read by the very function that the vault uses, out of the text that would be signed. */
static enum status read_json(struct cli *c, struct span text, const char *path, struct policy *out)
{
    struct buf signed_text = heap_buf(2 * FILE_MAX), claims = heap_buf(FILE_MAX + 256);
    struct p256 *key = NULL;
    struct jval *doc;
    struct jws j;
    enum reason r = REASON_MALFORMED;
    if (json_parse(text, &c->app.mem, &doc, NULL) == OK && doc->type == J_OBJ && doc->n > 0) {
        struct span open = span_from(text, span_find(text, '{') + 1);
        buf_str(&claims, "{\"iss\":\"-\",\"aud\":\"-\",\"version\":1,");
        buf_put(&claims, open);
        if (claims.e == OK && p256_new(&key) == OK &&
            jws_sign(key, JWS_POLICY, SPAN_NONE, buf_span(&claims), &signed_text) == OK)
            r = policy_read(arena_dup(&c->app.mem, buf_span(&signed_text)), &c->app.mem, &j, out);
    }
    p256_free(key);
    heap_buf_free(&claims);
    heap_buf_free(&signed_text);
    return r == REASON_OK ? ST_DONE
                          : wrong(c, "it is no policy: members policy and readers, as the vault reads them", path);
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

enum status policy_file_read(struct cli *c, const char *path, struct policy *out)
{
    struct buf text = heap_buf(FILE_MAX), why = heap_buf(65536);
    struct conf *f = NULL;
    *out = (struct policy){0};
    enum err e = file_read(path, &text);
    enum status st = ST_DONE;
    if (e != OK) {
        st = cli_fail_file(c, e, "the policy file cannot be read", path);
    } else if (text.n > 0 && (text.p[0] == '{')) {
        st = read_json(c, arena_dup(&c->app.mem, buf_span(&text)), path, out);
    } else if (conf_read(path, buf_span(&text), rows, LEN(rows), &f, &why) != OK) {
        st = wrong(c, cli_fmt(c, "%.*s", SPAN_FMT(buf_span(&why))), path);
    } else {
        st = read_ini(c, f, path, out);
        conf_free(f);
    }
    heap_buf_free(&text);
    heap_buf_free(&why);
    return st;
}
