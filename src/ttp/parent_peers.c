/* Partners: what the configuration says of them, as the vault wants it. */
#include "ttp/parent_peers.h"

#include "esd/label.h"
#include "host/heap.h"
#include "ttp/vault_peer.h"

#include <stdio.h>

enum { TEXT_MAX = 1 << 20, SECTION_MAX = 300 };

static enum err wrong(struct buf *why, const struct parent *p, const char *section, const char *key, const char *what)
{
    conf_where(p->conf, section, key, why);
    buf_str(why, what);
    buf_c(why, '\n');
    return ERR_CONFIG;
}

/* Names of a list, one to a line. */
static enum err domains(struct parent *p, const char *section, struct buf *out, struct buf *why)
{
    const char *name;
    size_t i = 0;
    for (; (name = conf_item(p->conf, section, "vouches-for", i)); i++) {
        if (!esd_fqdn_ok(span_str(name)) || i == VAULT_PEER_DOMAINS)
            return wrong(why, p, section, "vouches-for", "at most 16 domain names, as in //domain/Sname");
        buf_str(out, name);
        buf_c(out, '\n');
    }
    return out->e;
}

static enum err put_peer(struct parent *p, const char *name, struct buf *item, struct buf *why)
{
    char section[SECTION_MAX];
    struct buf bundle = heap_buf(TEXT_MAX), list = heap_buf(TEXT_MAX);
    uint8_t last[5];
    struct buf numbers = BUF_ARRAY(last);
    (void)snprintf(section, sizeof section, "peer %s", name);
    enum err e = domains(p, section, &list, why);
    if (e == OK && !esd_fqdn_ok(span_str(name)))
        e = wrong(why, p, section, "bundle",
                  "a partner's section is named after its domain name: [peer ttp.b.example]");
    if (e == OK && file_read(conf_text(p->conf, section, "bundle"), &bundle) != OK)
        e = wrong(why, p, section, "bundle", "the pinned bundle cannot be read");
    buf_be32(&numbers, (uint32_t)conf_int(p->conf, section, "quota"));
    buf_c(&numbers, conf_text(p->conf, section, "url") != NULL);
    msg_item_put(item, span_str(name));
    msg_item_put(item, buf_span(&bundle));
    msg_item_put(item, buf_span(&list));
    msg_item_put(item, buf_span(&numbers));
    heap_buf_free(&bundle);
    heap_buf_free(&list);
    return e != OK ? e : item->e;
}

enum err parent_peers_read(struct parent *p, struct buf *why)
{
    const char *name;
    p->peers_own = heap_buf(TEXT_MAX);
    p->peers = heap_buf(TEXT_MAX);
    struct buf own = heap_buf(TEXT_MAX);
    enum err e = domains(p, "ttp", &own, why);
    if (own.n > 0)
        msg_item_put(&p->peers_own, buf_span(&own));
    heap_buf_free(&own);
    for (size_t i = 0; e == OK && (name = conf_name(p->conf, "peer", i)); i++) {
        struct buf item = heap_buf(TEXT_MAX);
        e = i == VAULT_PEERS_MAX ? ERR_LIMIT : put_peer(p, name, &item, why);
        msg_item_put(&p->peers, buf_span(&item));
        heap_buf_free(&item);
    }
    if (e == ERR_LIMIT)
        buf_str(why, "[peer FQDN]: at most 64 partners\n");
    return e == OK ? p->peers.e : ERR_CONFIG;
}

void parent_peers_put(struct buf *b, const struct parent *p)
{
    msg_put_VAULT_PEERS(b, &(struct msg_VAULT_PEERS){.own = buf_span(&p->peers_own), .peers = buf_span(&p->peers)});
}
