/* net_seal_own.h - inside net_seal_post: its state and what its parts give one another. Loop 0. */
#ifndef CSE_NET_SEAL_OWN_H
#define CSE_NET_SEAL_OWN_H

#include "cse/net_seal_post.h"
#include "cse/seal_own.h"
#include "esd/keyask.h"

enum { SEAL_ASK_MEM = 64 * 1024 /* locked: what an answer with a Key Value is opened in */ };

/* What is under way. DOING_READERS: a policy that follows access control. */
enum doing {
    DOING_NOTHING,
    DOING_BUNDLE,
    DOING_NONCE,
    DOING_CLIENT,
    DOING_POLICY,
    DOING_READERS,
    DOING_LETTER,
    DOING_KEY,
    DOING_JOB
};

/* The question that lies at a TTP (net_seal_poll.c). */
struct keeper_poll {
    struct http_pending *pending;
    struct buf request;
    int64_t made, next; /* of h->mono: when its nonce was made; when the next one is due */
    int64_t retry;      /* of the loop's clock: not before, after a failure */
    unsigned failures;
};

/* What we know of a TTP. */
struct keeper {
    struct net_seal_post *post;
    struct keeper_poll poll;
    struct seal_ttp *t;
    struct http_url url;
    bool url_ok, bound;
    uint8_t nonce[64]; /* newest Oneseal-Nonce, text */
    size_t nonce_n;
    int64_t fetched_ms;  /* when its bundle was asked for, 0: not yet in this run */
    bool stranger;       /* an answer was signed by a key that its bundle does not know */
    unsigned strangers;  /* such answers in a row */
    unsigned failures;   /* in a row */
    int64_t quiet_until; /* of the loop's clock: left alone until then */
    bool known, held;    /* `state` counts; letters wait for fresh word */
    uint64_t state, own; /* the vault's number of changes, and how many of ours came since */
    bool early;          /* `state` counts a policy of ours whose acknowledgement has not come */
};

/* What we know of a policy: the version that the TTP has, 0: not known. */
struct posted {
    uint64_t version, sending;
    bool done;
};

/* What the writer is asked to do next. */
enum seal_job { JOB_POLICY, JOB_LETTER, JOB_READERS, JOB_RENEW, JOB_STOCK, JOB_BUNDLE };

struct net_seal_post {
    struct net_seal_post_conf c;
    struct keeper keeper[SEAL_TTPS_MAX + 1]; /* the last one stays empty: of a TTP that left the configuration */
    struct posted *posted;                   /* one for each policy */
    struct net_timer *timer, *poll_timer;
    struct poll_stream seen[POLL_STREAMS_MAX]; /* of the question that is being built */
    struct http_pending *pending;
    struct net_post wake;
    atomic_bool waking;
    bool closing, loaded;
    enum doing doing;
    size_t ttp, policy;       /* of what is under way */
    uint64_t letter;          /* the same */
    uint64_t cursor;          /* letters before it were tried in this round */
    struct seal_letter entry; /* DOING_READERS: the entry of the queue; its texts lie in entry_mem */
    struct arena entry_mem;
    uint64_t version, wanted; /* the same: what is being sent, and what the entry says */
    size_t wish_at;           /* wishes before it were tried in this round */
    struct seal_wish wish;    /* DOING_KEY */
    struct key_ask ask;       /* the same */
    struct key_answer made;   /* the same: opened; in secret */
    bool made_here;
    uint8_t *secret; /* SEAL_ASK_MEM; NULL: no policy takes keys from a TTP */
    struct arena secret_mem;
    struct buf request; /* text under way */
    struct arena mem;   /* of one turn */
    enum seal_job job;
    struct exch x; /* the job that records an outcome */
    struct arena x_mem;
    struct net_seal_post_counts counts;
};

/* net_seal_post.c */
void net_seal_turn(struct net_seal_post *p);
/* The TTP under way is left alone for a while. */
void net_seal_failed(struct net_seal_post *p, const char *what, const char *why, int status);
void net_seal_call(struct net_seal_post *p, enum doing doing, const char *method, const char *path);
void net_seal_hand_in(struct net_seal_post *p, enum seal_job job);
size_t net_seal_keeper_of(const struct net_seal_post *p, struct span fqdn);
/* Bound, and not left alone at the moment. */
bool net_seal_may(const struct net_seal_post *p, size_t keeper);
/* Signed texts are public: they may lie in ordinary memory. */
struct buf net_seal_scratch(struct net_seal_post *p);
bool net_seal_ready(struct net_seal_post *p, enum err e, const char *what);

/* net_seal_ask.c */
/* An entry of the queue that is a policy's readers: sends it. False: it is no such entry. */
bool net_seal_readers(struct net_seal_post *p, const struct seal_letter *l);
void net_seal_readers_answered(struct net_seal_post *p, const struct ack *a, int status);
/* A key that is wanted: asks for it. False: none that can be asked for now. */
bool net_seal_key(struct net_seal_post *p);
void net_seal_key_answered(struct net_seal_post *p, const struct http_result *r);
/* net_seal_bundle.c */
/* Is it time to ask for the bundle of this TTP? */
bool net_seal_bundle_due(const struct net_seal_post *p, const struct keeper *k);
void net_seal_bundle_answered(struct net_seal_post *p, const struct http_result *r);
/* The bundles that an earlier run kept. ERR_IO. */
MUST_USE enum err net_seal_bundle_load(struct net_seal_post *p, struct store_tx *t);
/* On the writer: keeps the one in p->request. */
MUST_USE enum err net_seal_bundle_record(struct net_seal_post *p, struct store_tx *t);
/* The release key that an answer names. */
const struct p256 *net_seal_release(const struct keeper *k, const struct http_result *r);
/* An answer that does not verify may be signed by a key that came since: true when the bundle is fetched first and what
 * was asked is asked again. */
bool net_seal_stranger(struct net_seal_post *p, struct keeper *k, const struct http_result *r);
/* net_seal_poll.c */
MUST_USE enum err net_seal_polls_new(struct net_seal_post *p);
void net_seal_polls_stop(struct net_seal_post *p);
void net_seal_polls_free(struct net_seal_post *p);
/* Asks each TTP whose turn it is, and sets the timer for the others. */
void net_seal_polls(struct net_seal_post *p);
/* A policy of ours was answered: taken, or not. */
void net_seal_own_policy(struct net_seal_post *p, struct keeper *k, bool taken);
bool net_seal_fresh(const struct net_seal_post *p, const struct keeper *k);

/* Jobs on the writer. */
MUST_USE enum err net_seal_job(struct net_seal_post *p, struct cse *c, struct store_tx *t);
void net_seal_key_over(struct net_seal_post *p);

#endif
