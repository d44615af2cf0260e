/* vault_peer.h - partner TTPs: whom this vault believes about applications that it does not know (e2e.md 8).
 *
 * A partner is pinned by the operator: section [peer FQDN] of the configuration names a bundle that came out of band
 * and the domains for which that partner may vouch. It may for those that its own bundle claims as well, and for none
 * that this TTP vouches for itself. VAULT_PEERS brings all this before VAULT_START:
 *   own    items: the domains of [ttp] vouches-for
 *   peers  items, each of them four items: FQDN, pinned bundle, domains (one to a line), be32 quota a minute and an
 *          octet: 1 when the courier can reach it
 *
 * Bundles are renewed over the network: the newest one that was accepted of each partner stands in TABLE_PEERS under
 * its FQDN in lower case, as SHA-256(pin) || be64(seq) || text, and a lower seq is never taken again. A change has a
 * leaf of its own, `op` peer. When the operator pins another identity, the pin counts. */
#ifndef TTP_VAULT_PEER_H
#define TTP_VAULT_PEER_H

#include "esd/letter.h"

struct vault;
struct vault_ask;

enum {
    VAULT_PEERS_MAX = 64,
    VAULT_PEER_DOMAINS = 16,
    VAULT_PEER_QUOTA = 600,       /* requests a minute in each direction when the operator says nothing */
    VAULT_PEER_UNDER_WAY = 32,    /* relayed requests of one partner that wait for it */
    VAULT_PEER_RETRY_S = 60,      /* before a bundle is asked for again that did not come */
    VAULT_PEER_LEAST_S = 60,      /* between two askings, whatever the bundle's refresh hint says */
    VAULT_PEER_MOST_S = 86400,    /* the same, upwards */
    VAULT_PEER_PATIENCE_S = 30,   /* for a partner's answer; the courier gives up sooner */
    VAULT_PEER_AGAIN_S = 5,       /* before a batch is tried again for a bundle alone */
    VAULT_PEER_REQUEST = 64 << 10 /* octets of a request that is relayed */
};

struct vault_peer {
    char fqdn[ESD_FQDN_MAX + 1]; /* lower case */
    struct span pin, domain[VAULT_PEER_DOMAINS];
    size_t n_domains;
    uint32_t quota;
    uint8_t pin_hash[ESD_HASH];
    /* in use: the pin, or the newest that was accepted */
    struct arena mem;
    struct span text;
    struct bundle bundle;
    bool kept; /* it stands in TABLE_PEERS */
    int64_t ask_at_ms;
    bool reached, asked; /* reached: it has an url; asked: for its bundle */
    /* this minute */
    uint64_t minute;
    uint32_t in, out;
    size_t under_way;
};
struct vault_peers {
    struct arena mem;
    struct span own[BUNDLE_VOUCHES_MAX];
    size_t n_own;
    struct vault_peer *peer;
    size_t n;
    int64_t not_before_ms; /* after a batch that failed */
    bool resign;           /* the own bundle does not claim what [ttp] vouches-for says now */
};

/* VAULT_PEERS. ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM. */
MUST_USE enum err vault_peers_take(struct vault *v, struct span own, struct span peers);
/* The snapshot is loaded: which bundle of each partner counts. NULL, or a sentence: a pin is no bundle of its FQDN. */
const char *vault_peers_settle(struct vault *v);
void vault_peers_free(struct vault *v);

/* NULL: no partner. */
struct vault_peer *vault_peer_find(struct vault *v, struct span fqdn);
/* May it vouch for this application? REFUSED: outside the domains; also an application that is registered here with
 * another key than `jkt`. */
MUST_USE enum reason vault_peer_may(struct vault *v, const struct vault_peer *p, struct span sub,
                                    const uint8_t jkt[JOSE_THUMB]);
/* Its release key of that name: REFUSED when its bundle has none, EXPIRED when the bundle is over. */
MUST_USE enum reason vault_peer_key(struct vault *v, const struct vault_peer *p, struct span kid,
                                    const struct p256 **out);
/* Within the partner's quota? Answers and returns false when not. */
bool vault_peer_quota(struct vault *v, struct vault_ask *a, struct vault_peer *p, bool outgoing);
/* Is there a partner whose log signs as `origin`? Its key. */
bool vault_peer_log(struct vault *v, struct span origin, uint8_t pub[32]);

/* A bundle that came from the partner's front, or from whoever conquered the way. It counts when the chain leads from
 * the present one to it and its seq is higher. STALE is REFUSED. */
MUST_USE enum reason vault_peer_news(struct vault *v, struct vault_peer *p, struct span text);
/* In each batch: leaf and table row of what is not kept yet. */
MUST_USE enum err vault_peers_flush(struct vault *v);
/* Is a new bundle of our own wanted, with other domains? */
bool vault_peers_resign(struct vault *v);
/* A batch failed: what it would have kept is kept by a later one. */
void vault_peers_undone(struct vault *v);

#endif
