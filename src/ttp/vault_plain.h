/* vault_plain.h - symmKeyReg of the class plain: CREATE at a teller with a Key Value in clear, or with none, which then
 * comes from the exporter of the client's TLS session (spec/security.md 5.6, 6.5, 7.4 steps 5 to 7).
 *
 * Body of an ask: the three items of vault_m2m.h and a fourth, 48 exporter octets (16 RelativeKeyID, 32 value) or none.
 * The row has a stream of its own, sid = first 16 octets of SHA-256("oneseal-plain-v1" || kid as row_kid_key writes
 * it), no commitment and no policy: its targets are `tgis`. Value: octet 0 = length, the key, zeroes (row_value_n).
 * Record: {v, t, op:"register", iss, kid, class:"plain", req}; `req` is the hash of the box that the request came in.
 *
 * What a target uses of the value is its first half, where it needs one key (TS-0003 8.3.5.1, 8.8.1): so 32 octets of
 * an exporter make AES-128. The vault hands the value out whole. */
#ifndef TTP_VAULT_PLAIN_H
#define TTP_VAULT_PLAIN_H

#include "ttp/vault_own.h"

enum { PLAIN_RELATIVE = 16, PLAIN_EXPORTED = 32 };

/* The key of a plain row out of its value as vault_row_open gives it. Empty: it has no such form. */
struct span vault_plain_key(const struct row *row, const uint8_t value[ROW_VALUE_MAX]);

extern const struct vault_kind vault_kind_plain_create;

#endif
