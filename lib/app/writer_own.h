/* writer_own.h - inside the writer: its parts and what they give one another. */
#ifndef APP_WRITER_OWN_H
#define APP_WRITER_OWN_H

#include "app/writer.h"
#include "esd/seal_to.h"

enum {
    WRITER_DOCUMENT_MAX = 1 << 18,
    WRITER_ARENA_BLOCK = 1 << 16,
    WRITER_ARENA_MAX = 32 << 20,
    WRITER_PAIRS = 24,    /* strict pairs that are fetched ahead */
    WRITER_PAIRS_LOW = 8, /* so few left: fetch more */
};

/* Secret: locked memory. */
struct writer_secret {
    struct seal_key key; /* not in strict streams */
    struct esd_keys fresh;
    uint8_t value[ESD_KV];
};

struct writer {
    struct session *s;
    struct ttp *ttp;    /* NULL: provisioned */
    const char *stream; /* absolute */
    uint8_t sid[ESD_SID], kc[ESD_KC];
    struct sealer sealer;
    struct writer_secret *secret;
    struct seal_to_key to; /* strict */
    char kid[ESD_KID_MAX];
    size_t kid_n;
    uint64_t ep;
    uint32_t i;                 /* of the next message */
    uint32_t last;              /* of the last one */
    int64_t octets;             /* sealed in this epoch */
    int64_t began_ms, tried_ms; /* tried: to begin another epoch */
    bool open;
    const char *why; /* what stood in the way of an epoch, when it was not the TTP */
    /* News of the vault; times on the monotonic clock, from before the question was sent. */
    int64_t asked_ms, fresh_ms; /* 0: no question, no answer yet */
    uint64_t state, known_ep;
    enum reason said;     /* what came of the last question */
    bool cautious;        /* no answer is fresh: letters stay here */
    bool begun_cautious;  /* the epoch was begun so, when the newest answer was of: */
    int64_t begun_answer; /* fresh_ms at its begin */
};

/* writer_key.c: a key for the next epoch, its number taken and its letter in the book. On a refusal the epoch that was
 * open stays as it is. NO_CREDENTIAL: no pair is left, or the key file cannot be used; TTP_UNREACHABLE and others: what
 * the TTP said; FAILED. */
MUST_USE enum reason writer_key_begin(struct writer *w);
/* The index of the next message of a provisioned key, durable: (kid, i) never comes again. LIMIT: 2^24 are used up. */
MUST_USE enum err writer_key_index(struct writer *w);

/* writer_policy.c */
/* The policy goes to the TTP when its readers are not those that were sent last: into the book, in the caller's
 * transaction. */
MUST_USE enum err writer_policy_store(struct session *s, struct span ttp, struct buf *scratch, struct buf *text);
/* The vault knows a later version than our book does (which was lost, then): ours becomes the next. */
enum reason writer_policy_again(struct session *s, struct ttp *t, uint64_t current);

#endif
