/* vault_meta.h - what a symmKeyReg shows to its creator: everything but the key (spec/security.md 7.3). */
#ifndef TTP_VAULT_META_H
#define TTP_VAULT_META_H

#include "ttp/vault_own.h"

/* {"kid","cr","adfq","suid","et","ct","policy","sid","ep"}: the front turns it into the resource. */
void vault_meta_put(struct buf *b, const struct row *r);

#endif
