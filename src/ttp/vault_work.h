/* vault_work.h - work that goes on beside the requests, a bounded step in a batch: sealing rows and keys anew under
 * fresh keys, destroying rows (e2e.md 6, "Keys at rest").
 *
 * What is to be done stands in TABLE_LIFE ("work/" and its kind, with what it is about), so that a vault that dies
 * begins it again; a step that was done twice does no harm. One at a time:
 *
 *   d  rows of a stream (or all) that were registered before a leaf: destroyed, each with a
 *      tombstone of its own, 128 at a time
 *   s  the key of a stream: its box gets a fresh key before the old one; every row is sealed under the fresh one, 128
 * at a time; then the old one leaves the box t  the key of a tenant: the same with the boxes of its streams r  XK: the
 * parent's, who is told (REKEY_WANTED); done by vault_root.c o  the second boxes of tenants' keys, under the root
 * before: dropped
 *
 * At every moment each row opens by what is in the database. New rows are sealed under the fresh key at once. Each work
 * ends with a leaf (`op` rewrap) and an empty write-ahead log (PURGE). */
#ifndef TTP_VAULT_WORK_H
#define TTP_VAULT_WORK_H

#include "base/arena.h"
#include "ttp/msg.h"

enum { WORK_ROWS = 128, WORK_TENANTS = 256, WORK_KEY_MAX = 2048 };

struct vault;

struct vault_swept {
    struct vault_swept *next;
    uint64_t at;
    struct row row;
    struct span key, sealed;
};
struct vault_work {
    struct arena mem, page;  /* of the work; of what was swept */
    char kind;               /* 0: none */
    struct span name, value; /* in the table; kind x has none */
    struct span iss, sid, tenant;
    bool asked, came;  /* SWEEP is out; its end is here */
    bool begun, fresh; /* two keys are in the box; the first was made after the work was wanted */
    bool pause;        /* after a failure: until the next tick */
    uint64_t told;     /* the parent knows of r with this count */
    uint64_t asked_at, after;
    struct span after_iss, after_sid;
    struct vault_swept *first, **last;
    size_t n;
    struct span stream_key, tenant_key;
};
void vault_work_new(struct vault *v);
void vault_work_free(struct vault *v);

/* In a batch: this is to be done, once more if it is under way. ERR_LIMIT, ERR_NOMEM. */
MUST_USE enum err vault_work_cut(struct vault *v, struct span iss, struct span sid);
MUST_USE enum err vault_work_stream(struct vault *v, struct span iss, struct span sid, struct span tenant);
MUST_USE enum err vault_work_tenant(struct vault *v, struct span tenant);
MUST_USE enum err vault_work_xk(struct vault *v);
/* Drops a work from the table. */
MUST_USE enum err vault_work_done(struct vault *v, char kind);
MUST_USE enum err vault_work_boxes(struct vault *v);
/* How many works there are, r among them. */
size_t vault_work_left(const struct vault *v);

/* First thing of a launch: a step, when what it needs has come. */
MUST_USE enum err vault_work_launch(struct vault *v);
/* Last thing of a launch: asks for what the next step needs. */
MUST_USE enum err vault_work_go(struct vault *v);
void vault_work_failed(struct vault *v);
void vault_work_tick(struct vault *v);
/* Messages of the ledger. */
MUST_USE enum err vault_work_swept(struct vault *v, const struct msg_SWEPT *m);
MUST_USE enum err vault_work_swept_end(struct vault *v, const struct msg_SWEPT_END *m);

#endif
