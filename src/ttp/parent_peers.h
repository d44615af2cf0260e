/* parent_peers.h - the sections [peer FQDN] and [ttp] vouches-for, read for the vault (vault_peer.h). */
#ifndef TTP_PARENT_PEERS_H
#define TTP_PARENT_PEERS_H

#include "ttp/parent.h"

/* Reads the pinned bundles into p->peers_own and p->peers. ERR_CONFIG with sentences in `why`. */
MUST_USE enum err parent_peers_read(struct parent *p, struct buf *why);
/* VAULT_PEERS, before VAULT_START. */
void parent_peers_put(struct buf *b, const struct parent *p);

#endif
