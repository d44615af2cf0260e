/* ledger_courier.h - what the ledger has to do with the courier and with witnesses of the log: it hands on, makes the
 * proofs that a submission needs, and keeps the newest cosigned head. Nothing here is trusted: the vault verifies each
 * cosignature (vault_witness.h). Included by ledger_own.h. */
#ifndef TTP_LEDGER_COURIER_H
#define TTP_LEDGER_COURIER_H

#include "ttp/msg.h"

enum {
    LEDGER_WITNESSES_MAX = 16,
    LEDGER_WITNESS_NAME = 128 /* octets of the name of a section */
};

struct ledger_witness {
    char name[LEDGER_WITNESS_NAME];
    bool settled, flying, paced; /* the vault let us submit; a request is under way; one was made since the last tick */
    uint64_t seen;               /* size of the head that it holds */
    struct buf note;             /* what was submitted */
};

struct ledger_witnesses {
    struct ledger_witness one[LEDGER_WITNESSES_MAX];
    size_t n;
    char origin[300];
    uint64_t start; /* leaves that the vault started with */
    uint64_t due;   /* size of the newest head that is worth submitting */
    struct buf cosigned;
    uint64_t cosigned_size;
    bool cosigned_new; /* not on disk yet */
};

struct ledger;
MUST_USE enum err ledger_courier_post(struct ledger *l, const struct msg_POST_OUT *m);
MUST_USE enum err ledger_courier_sent(struct ledger *l, const struct msg_SENT *m);

MUST_USE enum err ledger_witness_start(struct ledger *l, const struct msg_WITNESSES *m);
MUST_USE enum err ledger_witness_settled(struct ledger *l, const struct msg_SETTLED *m);
MUST_USE enum err ledger_witness_due(struct ledger *l, uint64_t size);
MUST_USE enum err ledger_witness_good(struct ledger *l, const struct msg_COSIGN_GOOD *m);
/* An answer to one of the ledger's own requests. */
MUST_USE enum err ledger_witness_sent(struct ledger *l, const struct msg_SENT *m);
MUST_USE enum err ledger_witness_tick(struct ledger *l);
MUST_USE enum err ledger_witness_load(struct ledger *l);
MUST_USE enum err ledger_witness_store(struct ledger *l);
void ledger_witness_free(struct ledger *l);

#endif
