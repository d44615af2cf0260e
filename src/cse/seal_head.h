/* seal_head.h - heads of the streams that this CSE seals (e2e.md 4): the open segment of each epoch, the record of it
 * that survives a crash, and the job that signs and stores heads.
 *
 * Nothing that was acknowledged is ever lost from the chain. Small state, all of it written in the transaction of its
 * cause:
 *
 *     seal/h        be64(first) || be64(next): numbers of the records
 *     seal/h/N      one epoch that is not closed: written with its first message, and with each head
 *     seal/s/N/I    SHA-256 of the envelope at index I, where hashes are kept: written with the message
 *     seal/t/SID    be64(ep) || SHA-256 of its closing head: written with that
 *
 * A record that no open epoch of this process owns (after a restart, a failed commit, the end of an epoch) is closed:
 * what its open segment holds is read from the store, from seal/s or from the instances themselves. */
#ifndef CSE_SEAL_HEAD_H
#define CSE_SEAL_HEAD_H

#include "cse/seal_own.h"
#include "esd/head.h"
#include "wire/json.h"

enum {
    HEAD_JOBS = 16,            /* heads, of as many streams, in one transaction */
    HEAD_ORPHANS = 4096,       /* records that wait to be closed; more are found again in the store */
    HEAD_AGAIN_MS = 60 * 1000, /* what failed is tried again */
    HEAD_KEPT_MNI = 2000,      /* below: retention may drop members of an open segment */
    HEAD_KEPT_MIA_S = 20,
    HEAD_KEPT_MBS = 64 << 20,
};

struct head_slot {
    bool on, kept;
    bool pending; /* `hash` was sealed last; whether its savepoint is kept is not known yet */
    struct log_hash hash;
    int64_t hash_ms;
    uint64_t n;  /* its record */
    uint64_t tx; /* transaction of its last head */
    struct head_maker m;
};

struct seal_heads {
    int64_t segment_ms, idle_ms; /* configuration */
    /* writer thread; slots are those of the epochs */
    struct head_slot slot[SEAL_STREAMS];
    int64_t due[SEAL_STREAMS];
    uint64_t orphan[HEAD_ORPHANS];
    size_t n_orphans;
    int64_t orphans_at;                /* not before */
    bool rescan;                       /* records are looked for in the store */
    uint32_t told;                     /* likewise: news of TTPs */
    uint32_t generation;               /* of hook_seal, that open epochs were compared with */
    bool urgent;                       /* a segment became full in this transaction */
    void (*wake)(struct hook_seal *h); /* heads are wanted now */
    _Atomic int64_t next_due;          /* the earliest of all; read by loop 0 */
    uint32_t generation_seen;          /* loop 0 */
};

/* ERR_NOMEM. */
MUST_USE enum err seal_head_new(struct hook_seal *h, const struct conf *conf);
void seal_head_free(struct hook_seal *h);

/* ---- called while sealing: writer thread, in the savepoint of the request ---- */
/* An epoch whose key commits has begun: its record is written. ERR_IO, ERR_NOMEM ... */
MUST_USE enum err seal_head_begins(struct hook_seal *h, const struct cse_hook_ask *ask, const struct epoch *e,
                                   const struct seal_ttp *ttp, struct span address, const uint8_t kc[ESD_KC]);
/* Are hashes kept for what has this body? */
bool seal_head_keeps(const struct jval *body);
/* Is there room for another message? False: HEAD_ROOM wait for their heads. */
bool seal_head_room(const struct hook_seal *h, const struct epoch *e);
/* e->i was sealed as this envelope (the text, without quotes). Costs one SHA-256; where hashes are kept, one row. */
MUST_USE enum err seal_head_sealed(struct hook_seal *h, const struct cse_hook_ask *ask, const struct epoch *e,
                                   struct span envelope);
/* What was sealed last was rolled back. */
void seal_head_undone(struct hook_seal *h, const struct epoch *e);
/* The savepoints before this moment are kept: what was sealed in them goes into the segments. */
void seal_head_flush(struct hook_seal *h);
/* The epoch ends, by whatever cause: its record is to be closed. */
void seal_head_dropped(struct hook_seal *h, const struct epoch *e);
void seal_head_committed(struct hook_seal *h, enum err e);
/* Any thread: a checkpoint of the TTP's log, from a signed acknowledgement. The newest goes into heads, so that whoever
 * reads these witnesses that log. */
void seal_head_saw_log(struct seal_ttp *t, uint64_t size, struct span note);

/* ---- records: seal_head_book.c; in a transaction of the writer ---- */
struct head_record {
    uint64_t n, ep;
    uint8_t sid[ESD_SID], kc[ESD_KC], wk[JOSE_THUMB];
    uint8_t what; /* enum cse_hook_what */
    bool kept, has_prev;
    uint8_t prev[ESD_HASH];
    uint32_t first;
    int64_t after; /* instances of the open segment have larger rids */
    struct span kid, ttp, address;
};
/* Takes a number. */
MUST_USE enum err seal_book_add(struct store_tx *t, struct arena *a, struct head_record *rec);
MUST_USE enum err seal_book_put(struct store_tx *t, struct arena *a, const struct head_record *rec);
/* ERR_NOTFOUND. */
MUST_USE enum err seal_book_get(struct store_tx *t, struct arena *a, uint64_t n, struct head_record *out);
/* The record, and the hashes from rec->first on. */
MUST_USE enum err seal_book_drop(struct store_tx *t, struct arena *a, const struct head_record *rec);
MUST_USE enum err seal_book_span(struct store_tx *t, struct arena *a, uint64_t *first, uint64_t *next);
MUST_USE enum err seal_book_hash_put(struct store_tx *t, uint64_t n, uint32_t i, const struct log_hash *hash);
/* ERR_NOTFOUND: index i was never sealed. */
MUST_USE enum err seal_book_hash_get(struct store_tx *t, struct arena *a, uint64_t n, uint32_t i, struct log_hash *out);
MUST_USE enum err seal_book_hash_drop(struct store_tx *t, uint64_t n, uint32_t i);
/* The closing head of an epoch. */
MUST_USE enum err seal_book_tail_put(struct store_tx *t, const uint8_t sid[ESD_SID], uint64_t ep,
                                     const uint8_t id[ESD_HASH]);
/* ERR_NOTFOUND: that epoch was not closed, or is not the newest that was. */
MUST_USE enum err seal_book_tail_get(struct store_tx *t, struct arena *a, const uint8_t sid[ESD_SID], uint64_t ep,
                                     uint8_t id[ESD_HASH]);

/* ---- the job: seal_head_job.c ---- */
struct seal_head_jobs {
    struct hook_seal *h;
    unsigned busy; /* loop 0 */
    struct {
        struct exch x; /* x.door: the jobs */
        struct arena mem;
        struct prim q;
    } job[HEAD_JOBS];
};
/* Before any thread runs: the hook gets its tick. ERR_NOMEM. */
MUST_USE enum err seal_head_attach(struct hook_seal *h, struct cse *c, struct cse_hook *hook);

#endif
