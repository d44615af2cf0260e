/* esprim_conf.c - sections [esprim KID]: the key in a file, and whom it is bound to. */
#include <string.h>

#include "cse/esprim_own.h"
#include "host/secret.h"

enum { SECTION_MAX = 512 };

static enum err defect(const struct conf *c, const char *section, const char *key, const char *sentence,
                       struct buf *why)
{
    conf_where(c, section, key, why);
    buf_str(why, sentence);
    buf_c(why, '\n');
    return ERR_CONFIG;
}

/* Absolute, so that it means the same wherever the file is read. */
static bool peer_ok(struct span peer, const struct self *self)
{
    struct id id = id_parse(peer, self);
    return id.scope == ADDR_ABSOLUTE && (id.kind == ID_AE_C || id.kind == ID_AE_S || id.kind == ID_CSE);
}

static enum err read_one(const struct conf *c, const struct self *self, const char *name, struct esprim *m,
                         uint8_t *key, struct buf *why)
{
    char section[SECTION_MAX];
    struct buf b = BUF_ARRAY(section);
    const char *what;
    size_t n;
    buf_fmt(&b, "esprim %s", name);
    buf_nul(&b);
    TRY(b.e);
    const char *peer = conf_text(c, section, "peer");
    if (!peer_ok(span_str(peer), self))
        return defect(c, section, "peer", "an absolute AE-ID or CSE-ID is meant: //demo.example/Sapp", why);
    if (secret_key_file(conf_text(c, section, "key-file"), ESP_PAIR_MIN, ESP_PAIR_MAX, key, &n, &what) != OK)
        return defect(c, section, "key-file", what, why);
    enum err e = esprim_add_key(m, span_str(name), span_str(peer), span_of(key, n));
    if (e == ERR_EXISTS || e == ERR_RANGE)
        return defect(c, section, "peer",
                      e == ERR_EXISTS ? "the section's name is that of another key" : "the section's name is too long",
                      why);
    return e;
}

enum err esprim_conf(const struct conf *c, const struct self *self, struct esprim **out, struct buf *why)
{
    size_t n = 0;
    *out = NULL;
    while (conf_name(c, "esprim", n))
        n++;
    if (n > ESPRIM_KEYS_MAX) {
        buf_str(why, "more than 256 sections [esprim KID]\n");
        return ERR_CONFIG;
    }
    if (!n)
        return OK;
    uint8_t *key = secret_alloc(ESP_PAIR_MAX);
    enum err e = key ? esprim_new(n, conf_int(c, "limits", "esprim-life"), out) : ERR_NOMEM;
    if (e == ERR_NOMEM)
        buf_str(why, "memory for the keys of [esprim KID] cannot be locked; raise the limit (ulimit -l)\n");
    for (size_t i = 0; i < n && (e == OK || e == ERR_CONFIG); i++) {
        enum err one = read_one(c, self, conf_name(c, "esprim", i), *out, key, why);
        e = one != OK ? one : e;
    }
    secret_free(key);
    if (e == OK)
        return OK;
    esprim_free(*out);
    *out = NULL;
    return e;
}
