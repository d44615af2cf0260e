/* vault_scrub.h - is what the ledger keeps still what this vault wrote? Every leaf against its MAC and the signed tree;
 * every registration row against its sealed columns and the leaf that registered it; every key that a leaf registered
 * and nothing ended against a row; the keys above rows, snapshots, heads, and the database's own pages. Each fault
 * names what it is about. Nothing is repaired, and nothing stops: a row that does not authenticate is not released
 * anyway.
 *
 * At each start, and on the operator's `scrub`. It runs between requests, SCRUB_LEAVES leaves at a time; only SQLite's
 * check of its pages, at the end, holds the ledger for as long as reading the file takes. */
#ifndef TTP_VAULT_SCRUB_H
#define TTP_VAULT_SCRUB_H

#include "base/arena.h"
#include "esd/log.h"
#include "ttp/msg.h"
#include "ttp/scrub.h"

enum {
    SCRUB_FAULTS = 64,  /* that are named; further ones are counted */
    SCRUB_OBJECT = 352, /* octets of a name */
    SCRUB_TENANTS = 64, /* tenants whose keys are tried on streams */
    SCRUB_MEMORY = 8 << 20
};

struct scrub_fault {
    char what[16], object[SCRUB_OBJECT], why[160];
};
struct scrub_item {
    struct span kid, sid;
    uint64_t ep;
    bool seen;
};

struct vault_scrub {
    bool running;
    struct log_head target; /* the head that the leaves must make */
    struct log_tree tree;
    uint64_t leaf;                          /* in hand: its rows are coming */
    bool has_leaf, registers, pairs, ended; /* of it; ended: its pairs' time is over */
    struct span iss;
    struct scrub_item *item;
    size_t n_items;
    struct arena mem;    /* of the leaf in hand */
    struct arena things; /* of the whole run */
    struct {
        struct span name, wrapped;
    } tenant[SCRUB_TENANTS];
    size_t n_tenants;
    uint8_t keys_hash[MSG_HASH]; /* of the wrapped keys that init left and that this vault opened */
    /* the result; of the run before while one is running */
    uint64_t runs, leaves, rows, keys, faults;
    int64_t done_ms;
    struct scrub_fault fault[SCRUB_FAULTS];
};

struct vault;
/* Begins a run unless one is under way. */
void vault_scrub_start(struct vault *v);
MUST_USE enum err vault_scrub_leaf(struct vault *v, const struct msg_SCRUB_LEAF *m);
MUST_USE enum err vault_scrub_row(struct vault *v, const struct msg_SCRUB_ROW *m);
MUST_USE enum err vault_scrub_part(struct vault *v, uint64_t to);
MUST_USE enum err vault_scrub_thing(struct vault *v, const struct msg_SCRUB_THING *m);
MUST_USE enum err vault_scrub_fault(struct vault *v, const struct msg_SCRUB_FAULT *m);
MUST_USE enum err vault_scrub_done(struct vault *v, const struct msg_SCRUB_DONE *m);
/* {"v":1,"running","leaves","rows","keys","faults","t","found":[{"what","object","why"}]} */
void vault_scrub_put(const struct vault *v, struct buf *b);
/* Does this record (its MAC was right) tell of a change of the state? Such a batch always wrote a snapshot of its own,
 * so that behind a snapshot there is none. */
bool vault_record_changes(struct span record);
void vault_scrub_free(struct vault *v);

#endif
