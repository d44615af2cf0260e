/* vault_witness.h - witnesses of this TTP's log, and this TTP as a witness of others (C2SP tlog-witness,
 * cosignature/v1).
 *
 * Who speaks over the network is not trusted: courier and ledger carry, and the vault verifies each cosignature against
 * the configured key before it counts. Two things hang on it. With `[log] witnesses-needed = n` keys are released only
 * while n witnesses keep up with the log, at most VAULT_WITNESS_LAG_S behind. And at a start the vault hears what each
 * witness saw last of this very log, signed by both: more than we have, or something that ours does not continue, means
 * that an older copy of the state came back.
 *
 * For others: POST /add-checkpoint for origins that the operator named, or that a partner's bundle names. Never a
 * smaller or an inconsistent head; what was signed last stands in the state (TABLE_WITNESSED: origin -> be64 size,
 * root, be64 seconds, note with our line) with a leaf {"op":"witness","origin","size","root"}. Our key is its own (vkey
 * under GET /witness, name FQDN/witness); GET /witness?origin=... gives the newest note that we signed for that log. */
#ifndef TTP_VAULT_WITNESS_H
#define TTP_VAULT_WITNESS_H

#include "esd/log_witness.h"
#include "ttp/msg.h"

enum {
    VAULT_WITNESSES_MAX = 16,
    VAULT_WITNESSED_MAX = 64, /* logs that the operator names */
    VAULT_WITNESS_NAME = 128, /* octets of a section's name */
    VAULT_WITNESS_LAG_S = 60, /* how far cosignatures may be behind where they are needed */
    VAULT_WITNESS_MOST = 256, /* logs in the table, those of partners included */
};

struct vault_witness {
    char name[VAULT_WITNESS_NAME], key[LOG_ORIGIN_MAX + 1];
    uint8_t pub[LOG_PUBLIC];
    bool told;     /* it told us what it saw last, and that is part of our log (or it saw nothing) */
    bool counted;  /* what it told was signed, or "nothing yet": counts for witnesses-needed at a start */
    uint64_t size; /* newest head that it cosigned */
};
struct vault_log {
    char origin[LOG_ORIGIN_MAX + 1];
    uint8_t pub[LOG_PUBLIC];
};

struct vault_witnesses {
    uint8_t needed;
    struct vault_witness one[VAULT_WITNESSES_MAX];
    size_t n;
    struct vault_log log[VAULT_WITNESSED_MAX];
    size_t n_logs;
    char name[LOG_ORIGIN_MAX + 1]; /* of our key as a witness */
    uint8_t pub[LOG_PUBLIC];
    bool started, cold;
    struct log_head start;   /* head of the log that this vault started with */
    uint64_t due;            /* size of the newest head with something in it that is no cosignature for others */
    int64_t behind_since_ms; /* since when too few witnesses have it; 0: they do */
};

struct vault;
/* VAULT_WITNESSES. ERR_SYNTAX: a verifier key is none; ERR_LIMIT. */
MUST_USE enum err vault_witness_conf(struct vault *v, const struct msg_VAULT_WITNESSES *m);
/* Serving begins: asks the witnesses. */
MUST_USE enum err vault_witness_serve(struct vault *v);
/* A batch is kept and its head signed; before its answers leave. */
void vault_witness_kept(struct vault *v);
MUST_USE enum err vault_witness_told(struct vault *v, const struct msg_WITNESSED *m);
MUST_USE enum err vault_witness_cosigned(struct vault *v, const struct msg_COSIGNED *m);
/* The head in a note that this log's key signed, or one of its keys of before. ERR_AUTH. */
MUST_USE enum err vault_head_read(struct vault *v, struct span note, struct log_head *h);
/* Why no key may be released now, or NULL. */
const char *vault_witness_bars(struct vault *v);

#endif
