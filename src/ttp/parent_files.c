/* What the configuration names: read once, checked, handed to the room that needs it. */
#include "host/heap.h"
#include "ttp/parent.h"
#include "ttp/parent_peers.h"

#include "net/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

const char *parent_path(const struct parent *p, const char *name, char out[4200])
{
    snprintf(out, 4200, "%s/%s", p->state, name);
    return out;
}

enum err parent_wrong(struct buf *why, const struct parent *p, const char *section, const char *key, const char *what)
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
        return parent_wrong(why, p, section, key, "the file cannot be read");
    if (secret && (st.st_mode & 077) != 0)
        return parent_wrong(why, p, section, key, "the file may be read by others; set its mode to 0600");
    return OK;
}

static enum err state_folder(struct parent *p, struct buf *why)
{
    const char *path = conf_text(p->conf, "ttp", "state");
    struct stat st;
    if (strlen(path) >= sizeof p->state)
        return parent_wrong(why, p, "ttp", "state", "the path is too long");
    memcpy(p->state, path, strlen(path) + 1);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return parent_wrong(why, p, "ttp", "state", "the folder cannot be made");
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return parent_wrong(why, p, "ttp", "state", "this is no folder");
    if ((st.st_mode & 077) != 0)
        return parent_wrong(why, p, "ttp", "state", "the folder may be read by others; set its mode to 0700");
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
    TRY(parent_peers_read(p, why));
    return parent_custody_files(p, why);
}

static enum err listen_at(const struct parent *p, const char *section, int *fd, struct buf *why)
{
    struct net_addr a;
    int on = 1;
    if (net_addr_parse(span_str(conf_text(p->conf, section, "listen")), &a) != OK)
        return parent_wrong(why, p, section, "listen", "this is no address with a port");
    *fd = socket(a.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(*fd, (const struct sockaddr *)&a.sa, a.n) != 0 || listen(*fd, 1024) != 0)
        return parent_wrong(why, p, section, "listen",
                            errno == EADDRINUSE ? "another program listens there" : "cannot listen at this address");
    return OK;
}

enum err parent_listen(struct parent *p, struct buf *why)
{
    TRY(listen_at(p, "ttp", &p->listen, why));
    return conf_text(p->conf, "teller", "listen") ? listen_at(p, "teller", &p->till, why) : OK;
}
