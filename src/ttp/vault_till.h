/* vault_till.h - requests that came by a teller: how they reach the vault and how their answers leave it.
 *
 * A teller is believed who its client is, and nothing else. So what comes by one may obtain plain values, each with its
 * leaf first, and never a sealed one (vault_till_may): a conquered teller gets plain rows of any client, logged. */
#ifndef TTP_VAULT_TILL_H
#define TTP_VAULT_TILL_H

#include "ttp/kind.h"
#include "ttp/msg.h"
#include "ttp/till.h"

struct vault;
struct vault_ask;

/* Hangs on an ask that came by a teller. */
struct vault_till {
    uint64_t id;      /* the hall's */
    struct p256 *epk; /* the answer is wrapped to it */
    struct span tell; /* the box that it answers */
};

/* In struct vault. */
struct vault_tills {
    struct p256 *key;  /* tellers wrap to it; fresh with every start */
    uint8_t blind[32]; /* makes the answers to unknown PSK identities */
    uint8_t space;     /* what the ledger said last about its space */
};

/* With a hall: makes the till key and sends TILL_KEY. */
MUST_USE enum err vault_till_start(struct vault *v);
void vault_till_free(struct vault *v);
/* A new ask out of TOLD, not in the list yet. *out = NULL: it was no request, and has been answered with an empty PAY.
 * ERR_NOMEM. */
MUST_USE enum err vault_till_told(struct vault *v, const struct msg_TOLD *m, struct vault_ask **out);
/* The answer, wrapped to the teller. */
void vault_till_pay(struct vault *v, struct vault_ask *a, const struct till_answer *answer);
void vault_till_end(struct vault_ask *a);
/* What `req` in a record is the hash of: the signed text; or, since a text with a key in clear must not be guessed from
 * the log, the box that it came in. */
struct span vault_till_request(const struct vault_ask *a);
/* May this kind come by the ledger, that is from the front? Those of the tellers may not. */
bool vault_till_only(enum ttp_kind k);

/* May the value of this row leave in clear, as far as its class goes? Only by a teller; class plain, or a sealed row
 * whose owner signed `plain`: true. */
bool vault_till_may(const struct vault_ask *a, const struct row *row);
/* May who asks change or delete this row? By a teller only rows of class plain. */
bool vault_till_changes(const struct vault_ask *a, const struct row *row);
/* The leaf before a value leaves in clear: {v, t, op:"plain", iss, kid, class, req}. ERR_FULL, ERR_NOMEM. */
MUST_USE enum err vault_till_leaf(struct vault *v, struct vault_ask *a, const struct row *row, struct span to);

#endif
