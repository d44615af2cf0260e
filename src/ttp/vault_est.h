/* vault_est.h - certificates on request (RFC 7030 as TS-0003 8.3.6 profiles it; security.md 6.6, doc/decisions/074).
 *
 * The vault believes the front nothing. A certificate is issued for
 *   EST_ENROLL    a CSR whose challengePassword is good for its name and key (vault_join.h);
 *   EST_REENROLL  a CSR for a name that this CA has issued, signed by the key of the newest certificate of that name:
 *                 the same key again, which any EST client can do;
 *   EST_SIGNED    a CSR with another key inside a text that the present certificate's key signed (esd/enrol.h);
 * present: the newest that this CA has issued for the name, or one below [clients] anchors. Never for a name that the
 * operator denies. TABLE_ISSUED: key = name; value = thumbprint of the newest key, until ms, item serial. */
#ifndef TTP_VAULT_EST_H
#define TTP_VAULT_EST_H

#include "ttp/vault_own.h"

extern const struct vault_kind vault_kind_est_look, vault_kind_est_enroll, vault_kind_est_reenroll,
    vault_kind_est_signed;

#endif
