/* seal_own.h - inside hook_seal: its parts and what they give one another. */
#ifndef CSE_SEAL_OWN_H
#define CSE_SEAL_OWN_H

#include <pthread.h>
#include <stdatomic.h>

#include "cse/hook_seal.h"
#include "esd/letter.h"
#include "esd/seal.h"

enum seal_level { SEAL_PASS, SEAL_GATEWAY, SEAL_REFUSE_CLEAR }; /* each stronger than the one before */

struct seal_ttp {
    struct span fqdn;
    const char *url;
    struct p256 *key; /* signs everything we send */
    struct span x5c[JWS_X5C_MAX];
    size_t n_x5c;
    uint8_t wk[JOSE_THUMB];
    pthread_mutex_t lock; /* bundle: written by the task, read by the writer */
    struct bundle bundle; /* identity NULL: none pinned */
    struct arena mem;     /* of the bundle */
    bool used;            /* by a policy that seals */
};

struct seal_policy {
    struct span name, pattern; /* absolute; without its star */
    bool star;
    enum seal_level level;
    struct policy_reader *readers;
    size_t n_readers;
    struct seal_ttp *ttp; /* NULL: none named */
};

/* One stream's epoch. Secret. */
struct epoch {
    bool open;
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

    /* writer thread */
    struct sealer sealer;
    struct seal_secret *secret; /* NULL: nothing seals */
    uint64_t tx, ticks;
    int64_t swept_ms;
    bool queued; /* a letter was stored in this transaction */
    struct {
        struct epoch *e; /* what `before` did last; NULL: nothing to undo */
        int64_t octets;
    } last;

    _Atomic uint32_t generation;
    _Atomic uint64_t sealed, refused, epochs, streams;
    void (*_Atomic wake)(void *ctx); /* the task: there are new letters */
    void *wake_ctx;
};

/* seal_conf.c */
enum err seal_conf_read(const struct conf *c, struct hook_seal *h, struct buf *why);
/* The policy that counts for a container: of the patterns that fit the longest, strengthened by a label
 * "e2e:policy=NAME". NULL: everything passes. *unknown: a label names a policy that is not configured. */
const struct seal_policy *seal_conf_policy(const struct hook_seal *h, struct span path, const struct span *lbl,
                                           size_t n, bool *unknown);

/* seal_epoch.c */
/* The stream's epoch, begun anew when there is none or its time is over: takes `ep` and stores the letter in ask->t.
 * NO_CREDENTIAL, REGISTRATION_OVERDUE, PLACE_UNVERIFIED, FAILED. */
MUST_USE enum reason seal_epoch_for(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                                    struct epoch **out);
void seal_epoch_drop(struct hook_seal *h, struct epoch *e);

/* The queue of letters in the small state: "seal/q" is be64(first) || be64(next), "seal/q/N" one letter:
 * be64(ms) || be16(n) TTP || be16(n) policy || text. */
struct seal_letter {
    uint64_t n;
    int64_t ms;
    struct span ttp, policy, text;
};
MUST_USE enum err seal_queue_span(struct store_tx *t, struct arena *a, uint64_t *first, uint64_t *next);
/* ERR_NOTFOUND: taken already. */
MUST_USE enum err seal_queue_get(struct store_tx *t, struct arena *a, uint64_t n, struct seal_letter *out);
/* W: it is registered; the front moves on over what is gone. */
MUST_USE enum err seal_queue_done(struct store_tx *t, struct arena *a, uint64_t n);

#endif
