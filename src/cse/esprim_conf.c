/* esprim_conf.c - sections [esprim KID]: the key in a file, and whom it is bound to; [escertke]: who may agree one. */
#include <string.h>

#include "cse/esprim_agree.h"
#include "cse/esprim_own.h"
#include "host/heap.h"
#include "host/secret.h"

enum { SECTION_MAX = 512, PEM_MAX = 1 << 20 };

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

static enum err read_keys(const struct conf *c, const struct self *self, struct esprim *m, size_t n, struct buf *why)
{
    uint8_t *key = secret_alloc(ESP_PAIR_MAX);
    enum err e = key ? OK : ERR_NOMEM;
    for (size_t i = 0; i < n && (e == OK || e == ERR_CONFIG); i++) {
        enum err one = read_one(c, self, conf_name(c, "esprim", i), m, key, why);
        e = one != OK ? one : e;
    }
    secret_free(key);
    return e;
}

/* ---- [escertke] ------------------------------------------------------------------------------------------- */

static enum err read_initiators(const struct conf *c, const struct self *self, struct span *list, size_t *n,
                                struct buf *why)
{
    const char *item;
    for (*n = 0; (item = conf_item(c, "escertke", "initiators", *n)); ++*n) {
        if (*n == AGREE_INITIATORS_MAX)
            return defect(c, "escertke", "initiators", "more than 256 entries", why);
        if (!peer_ok(span_str(item), self))
            return defect(c, "escertke", "initiators", "an absolute AE-ID or CSE-ID is meant: //demo.example/Sapp",
                          why);
        list[*n] = span_str(item);
    }
    return OK;
}

/* The file of the section, else that of [tls]. */
static enum err read_pem(const struct conf *c, const char *key, struct buf *out, struct buf *why)
{
    const char *path = conf_text(c, "escertke", key);
    if (!path)
        path = conf_text(c, "tls", key);
    if (!path)
        return defect(c, "escertke", key, "neither here nor in [tls] a file is named", why);
    return file_read(path, out) == OK ? OK : defect(c, "escertke", key, "the file cannot be read", why);
}

static enum err read_agree(const struct conf *c, const struct self *self, struct esprim *m, struct buf *why)
{
    struct span list[AGREE_INITIATORS_MAX];
    struct esprim_agree_conf conf = {.initiators = list, .life = conf_int(c, "escertke", "life")};
    struct buf cert = heap_buf(PEM_MAX), key = heap_buf(PEM_MAX), ca = heap_buf(PEM_MAX);
    const char *what = NULL;
    enum err e = read_initiators(c, self, list, &conf.n_initiators, why);
    if (e == OK)
        e = read_pem(c, "certificate", &cert, why);
    if (e == OK)
        e = read_pem(c, "key-file", &key, why);
    if (e == OK)
        e = read_pem(c, "ca", &ca, why);
    conf.cert = buf_span(&cert);
    conf.key = buf_span(&key);
    conf.ca = buf_span(&ca);
    if (e == OK && (e = esprim_agree_new(m, &conf, &what)) == ERR_CONFIG)
        e = defect(c, "escertke", "certificate", what, why);
    if (key.cap)
        buf_wipe(&key);
    heap_buf_free(&cert);
    heap_buf_free(&key);
    heap_buf_free(&ca);
    return e;
}

enum err esprim_conf(const struct conf *c, const struct self *self, struct esprim **out, struct buf *why)
{
    size_t n = 0;
    bool agrees = conf_has(c, "escertke");
    *out = NULL;
    while (conf_name(c, "esprim", n))
        n++;
    if (n > ESPRIM_KEYS_MAX) {
        buf_str(why, "more than 256 sections [esprim KID]\n");
        return ERR_CONFIG;
    }
    if (!n && !agrees)
        return OK;
    enum err e = esprim_new(n + (agrees ? ESPRIM_AGREED_MAX : 0), conf_int(c, "limits", "esprim-life"), out);
    if (e == OK)
        e = read_keys(c, self, *out, n, why);
    if (e == OK && agrees)
        e = read_agree(c, self, *out, why);
    if (e == ERR_NOMEM)
        buf_str(why, "memory for keys of ESPrim cannot be locked; raise the limit (ulimit -l)\n");
    if (e == OK)
        return OK;
    esprim_free(*out);
    *out = NULL;
    return e;
}
