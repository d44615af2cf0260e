/* seal_own.h - inside hook_seal: its parts and what they give one another. */
#ifndef CSE_SEAL_OWN_H
#define CSE_SEAL_OWN_H

#include <pthread.h>
#include <stdatomic.h>

#include "cse/hook_seal.h"
#include "cse/readers.h"
#include "esd/keyask.h"
#include "esd/letter.h"
#include "esd/log.h"
#include "esd/seal.h"
#include "esd/seal_to.h"

enum {
    SEAL_WISHES_MAX = 256, /* streams that wait for keys of their TTP */
    SEAL_STOCK_MAX = 1024, /* such keys that lie ready */
    SEAL_PAIRS_LOW = 12,   /* fewer strict pairs of a stream than this: more are fetched */
    SEAL_NAME_MAX = 288,   /* octets of the name of a policy */
    SEAL_FOREIGN = 32,     /* octets of a provisioned key */
    SEAL_BUCKETS_MAX = 16, /* named sizes of one policy */
    SEAL_LAST_MAX = 64,    /* streams that one request seals in: attributes of a flexContainer */
};

/* Where the keys of a policy come from. */
enum seal_source { KEY_OWN, KEY_TTP, KEY_PROVISIONED };

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
    struct bundle bundle;  /* identity NULL: none pinned */
    struct arena mem;      /* of the bundle */
    _Atomic int64_t heard; /* of h->mono: nonce of its newest answer to a poll; 0: none yet */
    _Atomic uint32_t news; /* grows with each change that is not ours */
    bool used;             /* by a policy that seals */
};

struct seal_policy {
    struct span name, pattern; /* absolute; without its star */
    bool star;
    bool batch;        /* a JSON array is a batch of readings */
    bool others_clear; /* attributes of flexContainers that cannot be sealed stay clear; else they are refused */
    enum seal_level level;
    uint32_t pad[SEAL_BUCKETS_MAX]; /* sizes that plaintexts are padded to, rising */
    size_t n_pad;                   /* 0: no padding */
    bool readers_acp;               /* readers follow the access control of each place */
    struct policy_reader *readers;
    size_t n_readers;
    struct seal_ttp *ttp; /* NULL: none named */
    enum seal_source source;
    bool strict;                  /* each message to a public key: the gateway cannot open what it wrote */
    struct span key_id, key_file; /* provisioned: name@fqdn */
    size_t foreign;               /* provisioned: its place in secret->foreign */
};

/* One stream's epoch. Secret. */
struct epoch {
    bool open;
    const struct seal_policy *policy; /* under which its key is registered */
    uint8_t sid[ESD_SID];
    bool strict;   /* `to` counts, not `key` */
    bool stale;    /* begun without fresh word of the TTP */
    int64_t heard; /* the TTP's `heard` and `news` at its begin */
    uint32_t news;
    uint64_t pv, access; /* readers that follow access control: their version, looked at when */
    uint64_t ep, tx;     /* tx: number of the transaction that touched it last */
    uint64_t born;       /* number of the transaction that began it */
    uint32_t i;          /* next index */
    uint32_t generation; /* of hook_seal at its begin */
    int64_t since_ms, octets;
    uint64_t used;
    struct seal_key key;
    struct seal_to_key to;
};

/* A key that a TTP has made for a stream: a Key Value, or the public half of a pair. Secret. */
struct seal_stock {
    bool used, taken; /* taken in this transaction */
    const struct seal_policy *policy;
    uint8_t sid[ESD_SID], kc[ESD_KC];
    uint64_t ep, pv, order;
    int64_t et;
    struct p256 *pub; /* NULL: kv */
    uint8_t kv[ESD_KV];
};
/* What is to be asked for. */
struct seal_wish {
    uint8_t sid[ESD_SID];
    const struct seal_policy *policy;
    uint64_t ep, pv;
    unsigned pairs; /* 0: a Key Value for epoch ep */
    size_t name_n;
    char name[SEAL_NAME_MAX]; /* of the policy at the TTP */
};

/* Memory that is locked: everything that a key ever lies in. */
struct seal_secret {
    struct epoch epoch[SEAL_STREAMS];
    struct seal_stock stock[SEAL_STOCK_MAX];
    uint8_t foreign[SEAL_POLICIES_MAX][SEAL_FOREIGN];
    struct epoch born;          /* the epoch that is being begun */
    struct esd_keys fresh;      /* of the epoch that is being begun */
    uint8_t scratch[16 * 1024]; /* letters are written here */
};

/* What a TTP knows of a stream's epochs (seal_seen.c). */
struct seal_seen {
    const struct seal_ttp *ttp; /* NULL: free */
    uint8_t sid[ESD_SID];
    uint64_t ours, ep; /* the highest begun here, perhaps taken back; the highest that it knows */
    bool told;         /* it has said so */
};

struct hook_seal {
    struct arena mem;         /* configuration */
    struct span sp, iss, kid; /* "//demo.example", "//demo.example/id-mn", "53-//demo.example/id-mn" */
    struct seal_policy *policies;
    size_t n_policies;
    struct seal_ttp *ttps;
    size_t n_ttps;
    bool device; /* an ASN-CSE: it seals at the device, and says so */

    int64_t (*mono)(void); /* ms of a clock that only rises, and that goes on while the host sleeps */

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

    size_t n_taken;
    /* readers_at (readers.h), when there is an engine */
    enum err (*readers_at)(struct cse *c, struct store_tx *t, struct arena *a, int64_t now, struct span address,
                           struct readers *out, const struct span **lbl, size_t *nlbl);
    bool follows;      /* some policy has readers = acp, and there is an engine to ask */
    atomic_bool renew; /* access control has changed: the task has the policies looked at */
    pthread_mutex_t seen_lock;
    struct seal_seen *seen; /* SEAL_STREAMS */
    pthread_mutex_t wish_lock;
    struct seal_wish *wishes; /* SEAL_WISHES_MAX */
    size_t n_wishes;

    _Atomic uint32_t told; /* grows with `news` of any TTP */
    _Atomic uint32_t generation;
    _Atomic uint64_t sealed, refused, epochs, streams;
    void (*_Atomic wake)(void *ctx); /* the task: there are new letters */
    void *wake_ctx;
};

/* Is the TTP's word about policies and denials fresh? Any thread. */
static inline bool seal_ttp_fresh(const struct hook_seal *h, const struct seal_ttp *t)
{
    int64_t heard = t->heard;
    return heard && h->mono() - heard < SEAL_FRESH_MS;
}

/* seal_conf.c */
enum err seal_conf_read(const struct conf *c, struct hook_seal *h, struct buf *why);
/* Provisioned keys into locked memory. */
enum err seal_conf_keys(const struct conf *c, struct hook_seal *h, struct buf *why);

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

/* seal_readers.c: readers = acp. */
/* A stream as its place is seen now. */
struct seal_stream {
    struct store_tx *t;
    struct arena *a;
    int64_t now;
    const struct seal_policy *p;
    struct span address;
    uint8_t sid[ESD_SID];
};
/* Name of a stream's own policy at the TTP: "acp:" and the sid. Empty: no memory. */
struct span seal_readers_name(struct arena *a, const uint8_t sid[ESD_SID]);
/* *pv: the version that names these readers; a new one is queued when they have changed. */
MUST_USE enum err seal_readers_sync(struct hook_seal *h, const struct seal_stream *s, const struct readers *r,
                                    uint64_t *pv);
/* The same for every stream that has such a policy. `a` is used up. */
MUST_USE enum err seal_readers_renew(struct hook_seal *h, struct cse *c, struct store_tx *t, struct arena *a,
                                     int64_t now);
struct seal_letter;
/* The newest version of the stream that an entry of the queue is of; what its text says; the TTP counts further. */
MUST_USE enum err seal_readers_version(struct store_tx *t, struct arena *a, const struct seal_letter *l,
                                       uint64_t *version);
MUST_USE enum err seal_readers_read(struct span text, struct arena *a, struct policy *out);
MUST_USE enum err seal_readers_raise(struct store_tx *t, struct arena *a, const struct seal_letter *l,
                                     uint64_t version);

/* seal_stock.c. Writer thread, but for the three of wishes. */
/* Replaces an earlier one of the stream; when there is no room it is forgotten, and repeated by the next reading. */
void seal_wish(struct hook_seal *h, const struct seal_wish *w);
bool seal_wish_next(struct hook_seal *h, size_t from, struct seal_wish *out);
void seal_wish_done(struct hook_seal *h, const struct seal_wish *w);
/* Keeps it for the stream, unless it is there or in use. */
void seal_stock_put(struct hook_seal *h, const struct seal_wish *w, const struct key_made *k);
/* The oldest that serves this epoch; those that never will go. NULL: none. */
struct seal_stock *seal_stock_take(struct hook_seal *h, const struct seal_policy *p, const uint8_t sid[ESD_SID],
                                   uint64_t ep, uint64_t pv, int64_t now);
size_t seal_stock_of(const struct hook_seal *h, const uint8_t sid[ESD_SID]);
/* What was taken is given back: for one stream, or (NULL) for all. */
void seal_stock_back(struct hook_seal *h, const uint8_t *sid);
/* What was taken is used for good. */
void seal_stock_spent(struct hook_seal *h);
void seal_stock_free(struct hook_seal *h);

/* seal_seen.c. Any thread. */
/* An epoch begins. */
void seal_seen_begins(struct hook_seal *h, const struct seal_ttp *t, const uint8_t sid[ESD_SID], uint64_t ep);
/* The next epoch's number is above this one. */
uint64_t seal_seen_floor(struct hook_seal *h, const uint8_t sid[ESD_SID]);
/* Streams that this TTP has not been asked about yet. */
size_t seal_seen_ask(struct hook_seal *h, const struct seal_ttp *t, struct poll_stream *out, size_t max);
void seal_seen_told(struct hook_seal *h, const struct seal_ttp *t, const struct poll_stream *streams, size_t n);

/* seal_epoch.c */
/* The epoch of the stream at this address (of an attribute with #name), begun anew when there is none or its time is
 * over: takes `ep` and stores the letter in ask->t. NO_CREDENTIAL, REGISTRATION_OVERDUE, PLACE_UNVERIFIED, FAILED. */
MUST_USE enum reason seal_epoch_for(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p,
                                    struct span address, struct epoch **out);
/* A place comes: what its stream will need from a TTP is wished for. */
void seal_epoch_ahead(struct hook_seal *h, const struct cse_hook_ask *ask, const struct seal_policy *p);
void seal_epoch_drop(struct hook_seal *h, struct epoch *e);
/* Has somebody said that its key is not to be used any more? */
bool seal_epoch_told(const struct hook_seal *h, const struct epoch *e);
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
