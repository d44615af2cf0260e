/* vault_change.h - what an UPDATE changed of a key registration. Its row never changes; what counts now stands here,
 * in the vault's own memory, so that a ledger cannot show yesterday's.
 *
 * TABLE_CHANGES: kid (row_kid_key) -> n, et of the row, et, lt, has_lbl, lbl, has_tgis, tgis. Of a row of the class
 * sealed `et` comes from a text that its owner signed (esd/update.h), and tgis is never here: its targets are the
 * readers of the owner's signed policy. */
#ifndef TTP_VAULT_CHANGE_H
#define TTP_VAULT_CHANGE_H

#include "ttp/vault_own.h"

struct vault_change {
    uint64_t n;          /* of the newest signed text; it must rise */
    uint64_t row_et, et; /* ms */
    uint64_t lt;         /* ms, of the newest change; 0: none */
    bool has_lbl, has_tgis;
    struct span lbl, tgis; /* one to a line */
};
/* The change of the row's kid, or one that changes nothing. Spans live until the table changes. */
struct vault_change vault_change_get(struct vault *v, const struct row *row);
/* Makes a row that has authenticated say what counts now: et, lbl, tgis. */
void vault_change_apply(struct vault *v, struct row *row);
/* ERR_LIMIT, ERR_NOMEM. */
MUST_USE enum err vault_change_set(struct vault *v, const struct row *row, const struct vault_change *c);
/* With the row itself: nothing is left to change. */
MUST_USE enum err vault_change_forget(struct vault *v, struct span kid);

#endif
