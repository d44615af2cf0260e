/* vault_psk.h - pre-shared keys of clients that have no certificate: KmID at the MAF, KpmID at the MEF
 * (spec/security.md 5.3, 6.2), and KeID, the identifier of a key that the client made with the MEF's exporter for the
 * MAF (SUID 21), whose Km is derived from it (5.10).
 *
 * Enrolled by the operator (`psk-add` on the admin socket), with the key wrapped to the vault's sealing key, so that
 * nobody on the way reads it. TABLE_PSK: canonical identity -> u8 version 1, u8 base (0: both), item client, u8 pinned,
 * 32 octets thumbprint, item box; box = the key sealed under RK with identity, base, client and pin as associated data.
 *
 * The key of one identity goes to one teller for one handshake (kind PSK), with a leaf {"op":"psk"} before. An identity
 * that nobody has is answered in the same form with a key that nobody knows, and counted (folded) as denied. */
#ifndef TTP_VAULT_PSK_H
#define TTP_VAULT_PSK_H

#include "ttp/vault_own.h"

enum { PSK_LEAST = 16, PSK_MOST = 64, PSK_BLIND = 32 };

struct vault_psk {
    uint8_t base;
    bool pinned;
    uint8_t jkt[JOSE_THUMB]; /* the signing key that this client may bind */
    struct span client;      /* absolute AE-ID or CSE-ID */
    struct span box;
};
/* ERR_NOTFOUND; spans live until the table changes. */
MUST_USE enum err vault_psk_get(struct vault *v, struct span identity, struct vault_psk *out);
/* Does the operator's enrolment of a PSK client pin this signing key for that client? */
bool vault_psk_pins(struct vault *v, struct span client, const uint8_t jkt[JOSE_THUMB]);
/* Keys that RK sealed, sealed again under another: for whoever changes RK. ERR_AUTH, ERR_LIMIT, ERR_NOMEM. */
MUST_USE enum err vault_psk_reseal(struct vault *v, const uint8_t old_rk[VAULT_KEY], const uint8_t new_rk[VAULT_KEY]);

extern const struct vault_kind vault_kind_psk;

#endif
