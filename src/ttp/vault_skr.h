/* vault_skr.h - key registrations on the oneM2M face (spec/security.md 5.6 to 5.8, 6.5). A symmKeyReg whose CREATE
 * carries a letter is of the class sealed: its Key Value leaves wrapped, by POST /release, alone. Who may read it is
 * what the owner's signed policy says; `tgis` shows that list, and changes only with the policy, signed, as `osl`. */
#ifndef TTP_VAULT_SKR_H
#define TTP_VAULT_SKR_H

#include "ttp/vault_change.h"
#include "ttp/vault_m2m.h"

enum vault_view { VIEW_CREATOR, VIEW_TARGET };

/* The resource of a row that authenticated and to which its change was applied. To the creator: targets and no key; to
 * a target: no targets, and the key when it is given (octets; class plain), otherwise where to ask for it. */
void vault_skr_put(struct buf *b, struct vault *v, const struct row *r, enum vault_view view, struct span key);

extern const struct vault_kind vault_kind_skr_create, vault_kind_skr_get, vault_kind_skr_update, vault_kind_skr_delete;

#endif
