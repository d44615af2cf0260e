/* ledger_own.h - the ledger's inside, shared by its own files only. */
#ifndef TTP_LEDGER_OWN_H
#define TTP_LEDGER_OWN_H

#include "esd/log.h"
#include "ttp/ledger.h"
#include "ttp/ledger_courier.h"
#include "ttp/ledger_db.h"

enum { LEDGER_PROVE_MAX = 1024 };

struct ledger {
    struct ledger_conf conf;
    struct msg_end end;
    uint32_t state;
    bool open;
    struct ledger_db db;
    uint64_t size;  /* leaves that are durable */
    uint64_t fresh; /* the same with those of the batch in hand */
    bool known;     /* the vault asked for the snapshot of known_state */
    uint8_t known_state[MSG_HASH];
    bool begun; /* a transaction is open */
    enum err spoilt;
    bool purge; /* after a commit: empty the write-ahead log */
    uint64_t prove[LEDGER_PROVE_MAX];
    size_t n_prove;
    struct buf note; /* newest signed head */
    uint64_t note_size;
    bool note_new; /* not on disk yet: goes with the next batch, since the vault can sign it again */
    struct ledger_witnesses witness;
};

/* Adds leaf and every subtree that it completes. */
MUST_USE enum err ledger_log_append(struct ledger *l, uint64_t index, const uint8_t *salt, struct span record,
                                    const uint8_t *mac);
/* Sends PROOF from size m to the present size; an impossible m gives an empty one. */
MUST_USE enum err ledger_log_prove(struct ledger *l, uint64_t m);
/* The complete subtrees that are kept. */
struct log_nodes ledger_log_nodes(struct ledger *l);
/* Answers LOG_READ. */
MUST_USE enum err ledger_log_read(struct ledger *l, const struct msg_LOG_READ *q);
MUST_USE enum err ledger_note_load(struct ledger *l);
MUST_USE enum err ledger_note_store(struct ledger *l);

#endif
