/* vault_reg.h - oneM2M client registrations (spec/security.md 5.4, 6.4): who is registered with which base for which
 * administration. What signs for an identity is a matter of its own (TABLE_CLIENTS): a registration that carries a
 * signed text binds the key as POST /client does, one without counts for the class plain alone.
 *
 * TABLE_REGS: resource identifier -> base, bound, ct, lt, et, id, adfq, lbl, aski.
 * TABLE_ADMINS: administrating FQDN -> whom it admits, one to a line: an absolute identifier, //sp-domain/ for
 * everybody of a domain, or * for everybody. The TTP's own FQDN admits everybody unless it stands there; any other one
 * that does not stand there is unknown. */
#ifndef TTP_VAULT_REG_H
#define TTP_VAULT_REG_H

#include "ttp/vault_m2m.h"

enum { REG_NAME = 4 + 32 }; /* "reg-" and 32 hex digits */

struct vault_reg {
    uint8_t base;
    bool bound; /* by a signed text */
    uint64_t ct, lt, et;
    struct span id, adfq, lbl, aski; /* aski: identifier of the key that was provisioned for it, or empty */
};

/* The resource identifier of (base, id, adfq): the same for the same three, so that there is one of each. */
MUST_USE enum err vault_reg_name(uint8_t base, struct span id, struct span adfq, uint8_t out[REG_NAME]);
/* ERR_NOTFOUND; spans live until the table changes. */
MUST_USE enum err vault_reg_get(struct vault *v, struct span name, struct vault_reg *out);
/* Is there one that has not expired? */
bool vault_reg_good(struct vault *v, struct span id, uint8_t base, struct span adfq);
/* Does this administration exist here, and does it admit that identity? */
bool vault_admin_allows(struct vault *v, struct span adfq, struct span id);
/* The operator's word: `who` one to a line as above; empty: the administration is no longer served. ERR_SYNTAX,
 * ERR_LIMIT, ERR_NOMEM. */
MUST_USE enum err vault_admin_set(struct vault *v, struct span adfq, struct span who);

/* The registration that the path names, when it is the asker's. Answers and returns false when not. */
bool vault_reg_own(struct vault *v, struct vault_ask *a, struct vault_reg *r);

extern const struct vault_kind vault_kind_reg_create, vault_kind_reg_get, vault_kind_reg_cfg, vault_kind_reg_update,
    vault_kind_reg_delete;

#endif
