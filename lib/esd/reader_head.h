/* reader_head.h - the second verdict: a reading is confirmed when its writer's signed head covers it (e2e.md 4, 5).
 *
 * The caller subscribes to `e2e-heads` beside the data and brings each instance here, inside a transaction, as it does
 * with readings. What is missing it fetches: links of the chain (res->ahead_n), readings (res->missing); when the fetch
 * did not bring them it says so (item.alone, reader_tried), and only a head that is newer than the failed fetch makes
 * WITHHELD of it, since retention may have moved in between. Now and then it calls reader_overdue. */
#ifndef ESD_READER_HEAD_H
#define ESD_READER_HEAD_H

#include "esd/head.h"
#include "esd/reader.h"

enum {
    /* A head is made at the latest HEAD_SEGMENT_MS after a reading; clocks and the way add no more than this. */
    READER_LATE_MS = HEAD_SEGMENT_MS + READER_AHEAD_MS,
};

/* What is remembered beside the chain itself. Stored as it is. */
struct reader_chain {
    struct head_chain heads;
    int64_t heard_ms;   /* when the newest head came; 0: none yet */
    int64_t waiting_ms; /* when the oldest reading came that no head covers yet; 0: none waits */
    int64_t tried_ms;   /* when readings were last looked for in vain; 0: never */
    bool silent;        /* it was said that the writer fell silent */
};
_Static_assert(sizeof(struct reader_chain) <= READER_CHAIN_MAX, "a chain fits where it is kept");

struct reader_head_item {
    struct span con;     /* value of con of an instance of e2e-heads */
    struct span address; /* of the stream that it is to be about, as pinned; empty: not known */
    struct span writer;  /* as in reader_item */
    bool alone;          /* the links before it were looked for, and are not there */
    int64_t now_ms;
};
struct reader_head_result {
    enum reason reason;
    enum head_step step;
    struct head head;                              /* as far as it was read; spans live in the arena or in con */
    uint32_t ahead_from, ahead_n;                  /* HEAD_AHEAD: indices whose links are missing */
    uint32_t missing;                              /* readings that it names, promised and not there: fetch them */
    uint32_t confirmed, forged, withheld, partial; /* how many verdicts this head changed or repeated */
};
/* Judges one head and what it covers. MALFORMED, ALGORITHM_REFUSED, WRONG_PLACE, UNKNOWN_TTP; NO_KEY_YET: ask for
 * head.kid and come again; WRITER_CHANGED, COMMITMENT_MISMATCH, PROOF_INVALID (also a key that signs nothing);
 * FAILED: the store. REASON_OK: it is the writer's; what it says about single readings is told by the store's
 * second_put and by the numbers of the result. */
enum reason reader_head(struct reader *r, const struct reader_head_item *item, struct arena *a,
                        struct reader_head_result *res);

/* Readings of this key were looked for and are not there. */
enum reason reader_tried(struct reader *r, struct span kid, int64_t now_ms);

/* The production time of the newest head of any key of the stream; 0: none, or its writer has no clock. */
enum reason reader_heads_until(struct reader *r, const uint8_t sid[ESD_SID], int64_t *t_ms);

/* Where the holes of a key end: one behind the last index that a head names or that came. 0: nothing is known. */
enum reason reader_known_end(struct reader *r, struct span kid, uint32_t *end);

/* The second verdict of (kid, i), whose envelope hashes to `hash`. OK: confirmed; UNCONFIRMED: no head covers it yet;
 * WITHHELD: nor did one come within the heartbeat; FORGED_BY_READER; PARTIAL; FAILED. */
struct reader_second {
    struct span kid;
    uint32_t i;
    const uint8_t *hash;
    const uint8_t *sid;
    const struct reader_policy *policy; /* NULL: the reader's */
    int64_t now_ms;
};
enum reason reader_second(struct reader *r, const struct reader_second *q, struct arena *a);

/* Who learns of what is overdue: index i of kid, WITHHELD; i is READER_NO_INDEX when the writer as a whole fell silent,
 * which is said once. */
struct reader_say {
    void (*say)(void *ctx, struct span kid, uint32_t i, enum reason r);
    void *ctx;
};
/* Looks through the keys of a stream for readings that no head covered within one heartbeat, and for writers that
 * showed no head for so long, counted from `since_ms` (when this reader began to listen) on. FAILED: the store. */
enum reason reader_overdue(struct reader *r, const uint8_t sid[ESD_SID], const struct reader_policy *policy,
                           int64_t since_ms, int64_t now_ms, struct reader_say say);

#endif
