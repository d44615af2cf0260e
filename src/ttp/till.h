/* till.h - what a teller and the vault say to each other, wrapped end to end (compact JWE, ECDH-ES+A256KW, A256GCM).
 *
 *   TELL  to the vault's till key (TILL_KEY): u8 version 1, u8 kind (enum ttp_kind), u8 base, items epk, peer, body.
 *         epk: the public JWK of a pair that the teller made for its one connection; peer: the names that the client
 *         proved, one to a line (the teller's word); body: what the kind reads.
 *   PAY   to that epk, apv = SHA-256 of the TELL box, so that an answer fits one question only: u8 version 1, u16
 *         status, u16 rsc, u8 type (enum ttp_type), items nonce, body, meta.
 *
 * Numbers are big endian, items have be32 lengths. No secret stays in anything but the caller's buffers. */
#ifndef TTP_TILL_H
#define TTP_TILL_H

#include "esd/jose.h"
#include "ttp/kind.h"

enum {
    TILL_VERSION = 1,
    TILL_BODY_MAX = 128 << 10,  /* octets of a request by a teller */
    TILL_PLAIN_MAX = 256 << 10, /* octets of a TELL or PAY before it is wrapped */
    TILL_BOX_MAX = 512 << 10
};

struct till_ask {
    uint8_t kind, base;
    struct span epk, peer, body;
};
void till_ask_put(struct buf *b, const struct till_ask *m);
/* Spans point into `s`. ERR_SYNTAX: another version, octets missing or left over. */
MUST_USE enum err till_ask_get(struct span s, struct till_ask *m);

struct till_answer {
    uint16_t status, rsc;
    uint8_t type;
    struct span nonce, body, meta;
};
void till_answer_put(struct buf *b, const struct till_answer *m);
MUST_USE enum err till_answer_get(struct span s, struct till_answer *m);

/* Wraps `plain` and appends the box. `tell` empty: this is a TELL; else the TELL box that a PAY answers. ERR_CRYPTO,
 * the buf's errors. */
MUST_USE enum err till_wrap(const struct p256 *to, struct span tell, struct span plain, struct buf *box);
/* The other way; `a` is for the header of the box, `plain` gets a secret. ERR_AUTH: not for us, changed, or the answer
 * to another question. */
MUST_USE enum err till_open(const struct p256 *me, struct span tell, struct span box, struct arena *a,
                            struct buf *plain);

#endif
