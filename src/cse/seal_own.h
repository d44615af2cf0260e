/* seal_own.h - inside hook_seal: its parts and what they give one another. */
#ifndef CSE_SEAL_OWN_H
#define CSE_SEAL_OWN_H

#include <pthread.h>
#include <stdatomic.h>

#include "cse/hook_seal.h"
#include "esd/letter.h"
#include "esd/log.h"
#include "esd/seal.h"

enum {
    SEAL_BUCKETS_MAX = 16, /* named sizes of one policy */
    SEAL_LAST_MAX = 64,    /* streams that one request seals in: attributes of a flexContainer */
};

enum seal_level { SEAL_PASS, SEAL_GATEWAY, SEAL_REFUSE_CLEAR }; /* each stronger than the one before */

struct seal_ttp {
    struct span fqdn;
    const char *url;
    struct p256 *key; /* signs everything we send */
    struct span x5c[JWS_X5C_MAX];
    size_t n_x5c;
    struct p256 *data;           /* signs heads: the same, or a data-signing key of its own */
    uint8_t wk[JOSE_THUMB];      /* of `data` */
    pthread_mutex_t lock;        /* of bundle and log_head: written by the task, read by the writer */
    char log_head[LOG_NOTE_MAX]; /* newest checkpoint of its log that an acknowledgement showed */
    size_t log_head_n;
    uint64_t log_size;
    struct bundle bundle; /* identity NULL: none pinned */
    struct arena mem;     /* of the bundle */
    bool used;            /* by a policy that seals */
};

struct seal_policy {
    struct span name, pattern; /* absolute; without its star */
    bool star;
    bool batch;        /* a JSON array is a batch of readings */
    bool others_clear; /* attributes of flexContainers that cannot be sealed stay clear; else they are refused */
    enum seal_level level;
    uint32_t pad[SEAL_BUCKETS_MAX]; /* sizes that plaintexts are padded to, rising */
    size_t n_pad;                   /* 0: no padding */
    struct policy_reader *readers;
    size_t n_readers;
    struct seal_ttp *ttp; /* NULL: none named */
};

/* One stream's epoch. Secret. */
struct epoch {
    bool open;
    const struct seal_policy *policy; /* under which its key is registered */
    uint8_t sid[ESD_SID];
    uint64_t ep, tx;     /* tx: number of the transaction that touched it last */
    uint64_t born;       /* number of the transaction that began it */
    uint32_t i;          /* next index */
    uint32_t generation; /* of hook_seal at its begin */
    int64_t since_ms, octets;
    uint64_t used;
    struct seal_key key;
};

/* Memory that is locked: everything that a key ever lies in. */
struct seal_secret {
    struct epoch epoch[SEAL_STREAMS];
    struct esd_keys fresh;      /* of the epoch that is being begun */
    uint8_t scratch[16 * 1024]; /* letters are written here */
};

struct hook_seal {
    struct arena mem;         /* configuration */
    struct span sp, iss, kid; /* "//demo.example", "//demo.example/id-mn", "53-//demo.example/id-mn" */
    struct seal_policy *policies;
    size_t n_policies;
    struct seal_ttp *ttps;
    size_t n_ttps;
    bool device; /* an ASN-CSE: it seals at the device, and says so */

    /* writer thread */
    struct sealer sealer;
    struct seal_secret *secret; /* NULL: nothing seals */
    uint64_t tx, ticks;
    int64_t swept_ms;
    bool queued; /* a letter was stored in this transaction */
    struct {     /* what `before` did last, to be undone */
        struct epoch *e;
        uint8_t sid[ESD_SID];
        int64_t octets;
    } last[SEAL_LAST_MAX];
    size_t n_last;
    struct seal_heads *heads; /* seal_head.h; NULL: nothing seals */
    struct seal_head_jobs *jobs;
    struct cse *cse; /* the jobs' */

    _Atomic uint32_t generation;
    _Atomic uint64_t sealed, refused, epochs, streams;
    void (*_Atomic wake)(void *ctx); /* the task: there are new letters */
    void *wake_ctx;
};

static inline uint64_t seal_be64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

/* seal_conf.c */
enum err seal_conf_read(const struct conf *c, struct hook_seal *h, struct buf *why);

/* seal_policy.c */
/* What counts for a place. */
struct seal_rule {
    const struct seal_policy *p; /* NULL: none */
    bool unknown;                /* a label names a policy that is not configured: clear content is refused */
};
/* Of the patterns that fit the longest, strengthened by labels "e2e:policy=NAME": the strongest of them counts when it
 * is stronger, and the order of labels never matters. */
struct seal_rule seal_policy_for(const struct hook_seal *h, struct span path, const struct span *lbl, size_t n);
/* NULL: there is none of that name. */
const struct seal_policy *seal_policy_named(const struct hook_seal *h, struct span name);
enum seal_level seal_rule_level(const struct seal_rule *r);
/* Is p stronger than q? NULL is the weakest. */
bool seal_policy_stronger(const struct seal_policy *p, const struct seal_policy *q);
/* May `was` become `will`? Nothing ever becomes weaker, and what protects is not exchanged for its like. */
bool seal_rule_follows(const struct seal_rule *was, const struct seal_rule *will);

/* seal_series.c: what a timeSeries was made with, for its instances. "seal/ts/SID" holds the policy's name. */
MUST_USE enum err seal_series_put(const struct cse_hook_ask *ask, const uint8_t sid[ESD_SID], struct span policy);
/* ERR_NOTFOUND: the gateway did not undertake to seal it. */
MUST_USE enum err seal_series_get(const struct cse_hook_ask *ask, const uint8_t sid[ESD_SID], struct span *policy);
MUST_USE enum err seal_series_drop(const struct cse_hook_ask *ask, const uint8_t sid[ESD_SID]);

/* seal_epoch.c */
/* The epoch of the stream at this address (of an attribute with #name), begun anew when there is none or its time is
 * over: takes `ep` and stores the letter in ask->t. NO_CREDENTIAL, REGISTRATION_OVERDUE, PLACE_UNVERIFIED, FAILED. */
MUST_USE enum reason seal_epoch_for(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                                    struct span address, struct epoch **out);
void seal_epoch_drop(struct hook_seal *h, struct epoch *e);
/* Is nothing more to be sealed in it? At its soft limit only when a new one can begin. */
bool seal_epoch_over(struct hook_seal *h, const struct epoch *e, struct store_tx *t, struct arena *a, int64_t now);

/* seal_queue.c
 * The queue of letters in the small state: "seal/q" is be64(first) || be64(next), "seal/q/N" one letter:
 * be64(ms) || be16(n) TTP || be16(n) policy || text. */
struct seal_letter {
    uint64_t n;
    int64_t ms;
    struct span ttp, policy, text;
};
MUST_USE enum err seal_queue_put(struct store_tx *t, struct arena *a, const struct seal_letter *l);
MUST_USE enum err seal_queue_span(struct store_tx *t, struct arena *a, uint64_t *first, uint64_t *next);
/* ERR_NOTFOUND: taken already. */
MUST_USE enum err seal_queue_get(struct store_tx *t, struct arena *a, uint64_t n, struct seal_letter *out);
/* W: it is registered; the front moves on over what is gone. */
MUST_USE enum err seal_queue_done(struct store_tx *t, struct arena *a, uint64_t n);

#endif
