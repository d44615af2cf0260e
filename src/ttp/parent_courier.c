#include "ttp/parent.h"

#include "host/heap.h"
#include "host/log.h"
#include "net/client.h"
#include "ttp/courier.h"

#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

enum { CA_MAX = 1 << 20, START_MAX = 1 << 20 };
static const char *const kinds[] = {"witness", "peer"};

static enum err wrong(struct parent *p, const char *section, const char *key, const char *what, struct buf *why)
{
    conf_where(p->conf, section, key, why);
    buf_str(why, what);
    buf_c(why, '\n');
    return ERR_CONFIG;
}

/* Numbers stay as they are; a name is looked up once, here, since the courier cannot open the files of a resolver. */
static void look_up(const struct http_url *u, struct span name, char out[NET_ADDR_TEXT_MAX])
{
    struct net_addr a;
    struct addrinfo hint = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char host[256], port[8];
    out[0] = '\0';
    if (net_addr_parse(u->address, &a) == OK) {
        (void)net_addr_text(&a, out);
        return;
    }
    snprintf(host, sizeof host, "%.*s", SPAN_FMT(u->host));
    snprintf(port, sizeof port, "%u", (unsigned)u->port);
    if (getaddrinfo(host, port, &hint, &found) == 0 && found && found->ai_addrlen <= sizeof a.sa) {
        memcpy(&a.sa, found->ai_addr, found->ai_addrlen);
        a.n = found->ai_addrlen;
        (void)net_addr_text(&a, out);
    } else {
        LOG(LOG_L_WARN, "no-address", log_span("target", name), log_str("host", host),
            log_str("what", "the name cannot be looked up; nothing is sent there until the next start"));
    }
    if (found)
        freeaddrinfo(found);
}

static enum err one_target(struct parent *p, const char *kind, const char *name, struct buf *list, struct buf *why)
{
    char section[512], address[NET_ADDR_TEXT_MAX];
    struct http_url u;
    snprintf(section, sizeof section, "%s %s", kind, name);
    const char *url = conf_text(p->conf, section, "url"), *ca = conf_text(p->conf, section, "ca");
    const char *host = conf_text(p->conf, section, "server-name");
    if (!url)
        return OK; /* a peer that only comes to us */
    if (http_url_parse(span_str(url), &u) != OK)
        return wrong(p, section, "url", "this is no URL", why);
    if (u.tls && !ca)
        return wrong(p, section, "ca", "an https URL needs the CA of its certificate", why);
    look_up(&u, span_str(name), address);
    struct buf pem = heap_buf(CA_MAX);
    enum err e = ca ? file_read(ca, &pem) : OK;
    msg_item_put(list, span_str(name));
    msg_item_put(list, span_str(url));
    msg_item_put(list, span_str(address));
    msg_item_put(list, host ? span_str(host) : u.host);
    msg_item_put(list, buf_span(&pem));
    heap_buf_free(&pem);
    return e == OK ? OK : wrong(p, section, "ca", "the file cannot be read", why);
}

enum err parent_courier_read(struct parent *p, struct buf *why)
{
    struct buf list = heap_buf(START_MAX);
    const char *name;
    size_t n = 0;
    enum err e = OK;
    p->courier.start = heap_buf(START_MAX + MSG_FRAME_LEAST + 4);
    for (size_t k = 0; k < LEN(kinds) && e == OK; k++)
        for (size_t i = 0; e == OK && (name = conf_name(p->conf, kinds[k], i)); i++, n++)
            e = n < COURIER_TARGETS_MAX ? one_target(p, kinds[k], name, &list, why)
                                        : wrong(p, "ttp", "fqdn", "there are too many peers and witnesses", why);
    if (e == OK && list.n > 0)
        msg_put_COURIER_START(&p->courier.start, &(struct msg_COURIER_START){.targets = buf_span(&list)});
    if (e == OK)
        e = p->courier.start.e;
    heap_buf_free(&list);
    return e;
}

bool parent_courier_wanted(const struct parent *p)
{
    return p->courier.start.n > 0 && !p->init;
}

enum err parent_courier_tell(struct parent *p, int fd)
{
    struct span rest = buf_span(&p->courier.start);
    while (rest.n > 0) {
        ssize_t n = write(fd, rest.p, rest.n);
        if (n <= 0)
            break;
        rest = span_from(rest, (size_t)n);
    }
    close(fd);
    return rest.n == 0 ? OK : ERR_IO;
}

static void vkeys(const struct parent *p, const char *kind, bool names, struct buf *out)
{
    char section[512];
    const char *name;
    for (size_t i = 0; (name = conf_name(p->conf, kind, i)); i++) {
        snprintf(section, sizeof section, "%s %s", kind, name);
        if (names)
            msg_item_put(out, span_str(name));
        msg_item_put(out, span_str(conf_text(p->conf, section, "vkey")));
    }
}

void parent_witnesses(const struct parent *p, struct buf *out)
{
    struct buf own = heap_buf(START_MAX), others = heap_buf(START_MAX);
    vkeys(p, "witness", true, &own);
    vkeys(p, "witnessed", false, &others);
    if (own.n > 0 || others.n > 0)
        msg_put_VAULT_WITNESSES(
            out, &(struct msg_VAULT_WITNESSES){.needed = (uint8_t)conf_int(p->conf, "log", "witnesses-needed"),
                                               .witnesses = buf_span(&own),
                                               .logs = buf_span(&others)});
    heap_buf_free(&own);
    heap_buf_free(&others);
}
