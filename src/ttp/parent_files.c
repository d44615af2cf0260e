/* What the configuration names: read once, checked, handed to the room that needs it. */
#include "base/code.h"
#include "host/heap.h"
#include "ttp/parent.h"
#include "ttp/unsealer_custody.h"

#include "net/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

const char *parent_path(const struct parent *p, const char *name, char out[4200])
{
    snprintf(out, 4200, "%s/%s", p->state, name);
    return out;
}

static enum err wrong(struct buf *why, const struct parent *p, const char *section, const char *key, const char *what)
{
    conf_where(p->conf, section, key, why);
    buf_str(why, what);
    buf_c(why, '\n');
    return ERR_CONFIG;
}

static enum err read_one(struct parent *p, const char *section, const char *key, bool secret, struct buf *out,
                         struct buf *why)
{
    const char *path = conf_text(p->conf, section, key);
    struct stat st;
    *out = heap_buf(FILE_MAX);
    if (!path)
        return OK;
    if (stat(path, &st) != 0 || file_read(path, out) != OK)
        return wrong(why, p, section, key, "the file cannot be read");
    if (secret && (st.st_mode & 077) != 0)
        return wrong(why, p, section, key, "the file may be read by others; set its mode to 0600");
    return OK;
}

static enum err make_secret(const char *path, bool text)
{
    uint8_t raw[CUSTODY_XK], out[128];
    struct buf b = BUF_ARRAY(out);
    if (RAND_bytes(raw, sizeof raw) != 1)
        return ERR_CRYPTO;
    if (text) {
        b64url_put(&b, span_of(raw, sizeof raw));
        buf_c(&b, '\n');
    } else {
        buf_put(&b, span_of(raw, sizeof raw));
    }
    enum err e = file_replace(path, buf_span(&b), 0600);
    wipe(raw, sizeof raw);
    wipe(out, sizeof out);
    return e;
}

/* Passphrase (unless the operator chose one), XK and the parameters of Argon2id. */
static enum err make_custody(struct parent *p, struct buf *why)
{
    char path[4200];
    struct custody c;
    uint8_t text[256];
    struct buf b = BUF_ARRAY(text);
    const char *pass = conf_text(p->conf, "custody", "passphrase-file");
    if (access(pass, F_OK) != 0 && make_secret(pass, true) != OK)
        return wrong(why, p, "custody", "passphrase-file", "the file cannot be made");
    if (access(parent_path(p, "custody", path), F_OK) == 0)
        return wrong(why, p, "ttp", "state", "the folder has a TTP already; --init is for a new one");
    if (make_secret(parent_path(p, "xk", path), false) != OK || custody_new(&c) != OK)
        return wrong(why, p, "ttp", "state", "the custody files cannot be made");
    custody_write(&c, &b);
    if (file_replace(parent_path(p, "custody", path), buf_span(&b), 0600) != OK)
        return wrong(why, p, "ttp", "state", "the custody files cannot be made");
    return OK;
}

static enum err custody_there(struct parent *p, struct buf *why)
{
    char path[4200];
    struct stat st;
    if (p->init)
        TRY(make_custody(p, why));
    if (access(parent_path(p, "custody", path), R_OK) != 0 || access(parent_path(p, "xk", path), R_OK) != 0)
        return wrong(why, p, "ttp", "state", "the folder has no TTP yet; run oneseal-ttp -c FILE --init once");
    if (stat(conf_text(p->conf, "custody", "passphrase-file"), &st) != 0)
        return wrong(why, p, "custody", "passphrase-file", "the file cannot be read");
    if ((st.st_mode & 077) != 0)
        return wrong(why, p, "custody", "passphrase-file", "the file may be read by others; set its mode to 0600");
    return OK;
}

static enum err state_folder(struct parent *p, struct buf *why)
{
    const char *path = conf_text(p->conf, "ttp", "state");
    struct stat st;
    if (strlen(path) >= sizeof p->state)
        return wrong(why, p, "ttp", "state", "the path is too long");
    memcpy(p->state, path, strlen(path) + 1);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return wrong(why, p, "ttp", "state", "the folder cannot be made");
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return wrong(why, p, "ttp", "state", "this is no folder");
    if ((st.st_mode & 077) != 0)
        return wrong(why, p, "ttp", "state", "the folder may be read by others; set its mode to 0700");
    return OK;
}

enum err parent_files(struct parent *p, struct buf *why)
{
    TRY(state_folder(p, why));
    TRY(read_one(p, "tls", "certificate", false, &p->cert, why));
    TRY(read_one(p, "tls", "key-file", true, &p->key, why));
    TRY(read_one(p, "tls", "ca", false, &p->ca, why));
    TRY(read_one(p, "clients", "anchors", false, &p->anchors, why));
    TRY(read_one(p, "operator", "key", false, &p->operator_key, why));
    p->auditors = heap_buf(FILE_MAX);
    const char *name;
    for (size_t i = 0; (name = conf_item(p->conf, "operator", "auditors", i)); i++) {
        buf_str(&p->auditors, name);
        buf_c(&p->auditors, '\n');
    }
    TRY(p->auditors.e);
    return custody_there(p, why);
}

enum err parent_listen(struct parent *p, struct buf *why)
{
    struct net_addr a;
    int on = 1;
    if (net_addr_parse(span_str(conf_text(p->conf, "ttp", "listen")), &a) != OK)
        return wrong(why, p, "ttp", "listen", "this is no address with a port");
    p->listen = socket(a.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->listen < 0 || setsockopt(p->listen, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(p->listen, (const struct sockaddr *)&a.sa, a.n) != 0 || listen(p->listen, 1024) != 0)
        return wrong(why, p, "ttp", "listen",
                     errno == EADDRINUSE ? "another program listens there" : "cannot listen at this address");
    return OK;
}
