/* vault_relay.h - what partners send back by way of the courier. */
#ifndef TTP_VAULT_RELAY_H
#define TTP_VAULT_RELAY_H

#include "ttp/vault_own.h"

/* The answer to a POST_OUT of ours. */
MUST_USE enum err vault_relay_posted(struct vault *v, const struct msg_POSTED *m);
/* When no batch is under way: refuses what waited too long, asks for bundles whose refresh is due. */
void vault_relay_due(struct vault *v);

#endif
