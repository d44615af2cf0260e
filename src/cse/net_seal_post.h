/* net_seal_post.h - registration at the TTP: binds the gateway's key, posts its policies and the letters of its epochs,
 * with back-off (e2e.md 2, 6). Loop 0. Whoever writes never waits for it. */
#ifndef CSE_NET_SEAL_POST_H
#define CSE_NET_SEAL_POST_H

#include "cse/hook_seal.h"
#include "net/client.h"

struct net_seal_post;

struct net_seal_post_conf {
    struct net_loop *loop; /* loop 0 */
    struct http_client *http;
    struct tls_ctx *tls; /* client role, the CSE's own certificate */
    struct store *store;
    unsigned slot;                              /* read slot of loop 0 */
    bool (*enqueue)(void *ctx, struct exch *x); /* hands a job to the writer; false: its queue is full */
    void *ctx;
    int64_t (*now)(void *ctx); /* ms since 1970 */
    struct hook_seal *seal;
};
/* Starts the task. ERR_NOMEM. */
MUST_USE enum err net_seal_post_new(const struct net_seal_post_conf *conf, struct net_seal_post **out);
/* Loop 0, before the http client is freed: calls under way end, nothing new begins; a job that the writer has may still
 * come back. NULL is fine. */
void net_seal_post_stop(struct net_seal_post *p);
/* After the writer and the loop have stopped. NULL is fine. */
void net_seal_post_free(struct net_seal_post *p);

struct net_seal_post_counts {
    uint64_t sent, failed; /* letters */
    bool reached;          /* the last call to the TTP had an answer */
};
struct net_seal_post_counts net_seal_post_counts(const struct net_seal_post *p);

#endif
