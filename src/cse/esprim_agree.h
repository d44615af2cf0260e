/* esprim_agree.h - this CSE as the terminating end of ESCertKE: whoever the configuration names may agree a pairwise
 * key with it by certificates, in two NOTIFY exchanges to the CSEBase (sit 6; TS-0003 8.7, TS-0004 7.5.1.2.12). The key
 * is bound to the From of both, which the certificate must name, and lives in memory until its time is over.
 *
 * Message 3 belongs to 1 by From alone, so each peer has one handshake under way: a further ClientHello takes the place
 * of the one before, message 3 uses it up. The number is bounded, each lives AGREE_PENDING_MS. */
#ifndef CSE_ESPRIM_AGREE_H
#define CSE_ESPRIM_AGREE_H

#include "cse/esprim.h"

enum {
    AGREE_PENDING_MAX = 64,    /* handshakes under way */
    AGREE_PENDING_MS = 30000,  /* life of one */
    AGREE_INITIATORS_MAX = 256 /* entities that may begin one */
};

struct esprim_agree_conf {
    struct span cert, key, ca;     /* PEM */
    const struct span *initiators; /* absolute AE-IDs and CSE-IDs; copied */
    size_t n_initiators;
    int64_t life; /* of an agreed key, ms */
};
/* Before any thread runs. ERR_CONFIG: *why says what cannot be used; ERR_LIMIT: too many initiators; ERR_NOMEM. */
MUST_USE enum err esprim_agree_new(struct esprim *m, const struct esprim_agree_conf *conf, const char **why);
void esprim_agree_free(struct esprim *m);

/* ---- for the engine ---- */

enum says esprim_agree_hear(struct run *r);
/* Handshakes that nobody went on with. Loop 0. */
void esprim_agree_sweep(struct esprim *m, int64_t now);
/* Own certificate, DER; empty: no agreement is offered. */
struct span esprim_agree_cert(const struct esprim *m);

#endif
