/* vault_ca.h - the enrolment CA in the vault ([enrol] ca = own; security.md 6.6). Its key is made here, stands in the
 * snapshot boxed under RK, and never leaves; the box also holds the key that seals join tokens. Making it has its log
 * leaf; before that is durable the front does not trust it. */
#ifndef TTP_VAULT_CA_H
#define TTP_VAULT_CA_H

#include "ttp/msg.h"
#include "ttp/vault.h"

enum { VAULT_CA_KEY = 32, JOIN_TOKENS_MAX = 512 /* at a time */ };

struct vault_ask;

/* Wrong proofs that were shown for one token in a minute (vault_join.c). In memory alone. */
struct vault_join_try {
    uint64_t minute;
    uint8_t id[8], n;
};

/* Inside struct vault. */
struct vault_ca {
    bool own;               /* [enrol] ca = own: ENROL_START came */
    char sp[256];           /* domain of the service provider */
    uint64_t days, ca_days; /* life of what it issues, and its own */
    struct p256 *key;       /* NULL: none yet */
    void *cert;             /* X509 */
    struct vault_join_try tried[JOIN_TOKENS_MAX];
    uint8_t *token_key; /* VAULT_CA_KEY octets in locked memory; there from ENROL_START on */
};

/* ERR_SYNTAX: the domain or a number is none; ERR_NOMEM. */
MUST_USE enum err vault_ca_conf(struct vault *v, const struct msg_ENROL_START *m);
/* Opens what the snapshot has and trusts it as an anchor; nothing to do when there is none or it is not wanted.
 * ERR_AUTH: it does not open; ERR_CONFIG: it was made for another domain. */
MUST_USE enum err vault_ca_load(struct vault *v);
/* Is there a CA that issues? What a failed batch made does not count. */
bool vault_ca_ready(struct vault *v);
/* The same, and answers `a` with 404 or 503 when there is none. */
bool vault_ca_needed(struct vault *v, struct vault_ask *a);
/* Tells the parent the certificate, for the front's TLS. */
void vault_ca_tell(struct vault *v);
/* The row again under another RK, by vault_state_set: for the batch that changes RK. No CA: OK. */
MUST_USE enum err vault_ca_rewrap(struct vault *v, const uint8_t *rk);
void vault_ca_free(struct vault *v);

#endif
