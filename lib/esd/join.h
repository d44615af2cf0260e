/* join.h - join tokens: how somebody without a certificate proves that an operator invited it (security.md 6.6).
 *
 * Token, one line of text, a secret: osj1.ID.SECRET.PIN - ID 8 octets, SECRET 24 random octets, PIN the thumbprint of
 * the vault's identity key, all in base64url. The vault keeps K = SHA-256("oneseal-join-v1" || SECRET), sealed.
 *
 * Who joins shows a proof, bound to its own key and name, so that a front that reads it can do nothing else with it:
 * osjp1.ID.MAC with MAC = HMAC-SHA-256(K, purpose || 00 || thumbprint of the key || name). A client that knows nothing
 * of proofs shows the token itself; the vault takes that only of tokens that were minted for it. */
#ifndef ESD_JOIN_H
#define ESD_JOIN_H

#include "esd/jose.h"

enum { JOIN_ID = 8, JOIN_SECRET = 24, JOIN_TEXT_MAX = 128 };

enum join_purpose {
    JOIN_CERTIFICATE, /* "oneseal-join-certificate-v1"; name: the subject alternative name asked for */
    JOIN_CLIENT       /* "oneseal-join-client-v1"; name: iss of the registration */
};

struct join_token {
    uint8_t id[JOIN_ID], secret[JOIN_SECRET], pin[JOSE_THUMB];
    bool pinned;
};
/* Room of JOIN_TEXT_MAX suffices. */
void join_token_put(struct buf *b, const struct join_token *t);
/* ERR_SYNTAX: no token. The pin may be missing. */
MUST_USE enum err join_token_read(struct span text, struct join_token *t);
/* K. ERR_CRYPTO. */
MUST_USE enum err join_hash(const uint8_t secret[JOIN_SECRET], uint8_t out[ESD_HASH]);

/* What is shown: a proof, or the token itself. */
struct join_shown {
    uint8_t id[JOIN_ID];
    bool plain;
    uint8_t mac[ESD_HASH]; /* plain: K */
};
MUST_USE enum err join_mac(const uint8_t k[ESD_HASH], enum join_purpose p, const uint8_t jkt[JOSE_THUMB],
                           struct span name, uint8_t out[ESD_HASH]);
/* The proof of a token as text. ERR_CRYPTO, ERR_FULL: the name is too long. */
MUST_USE enum err join_proof_put(struct buf *b, const struct join_token *t, enum join_purpose p,
                                 const uint8_t jkt[JOSE_THUMB], struct span name);
/* ERR_SYNTAX, ERR_CRYPTO. */
MUST_USE enum err join_shown_read(struct span text, struct join_shown *out);

#endif
