/* hook_seal.h - the gateway seals: what the policies of the configuration say about clear content, and the epochs of
 * its streams (e2e.md 2, 7; architecture.md 5). What it stores for the TTP is sent by net_seal_post.h.
 *
 * Threads: hook_seal_hook's functions run on the writer thread; hook_seal_new_epoch anywhere.
 * Nothing here opens content: it links sealing and wrapping, and takes keys only out of answers to its own requests
 * (decision 061). */
#ifndef CSE_HOOK_SEAL_H
#define CSE_HOOK_SEAL_H

#include "cse/cse.h"
#include "cse/hook.h"
#include "host/conf.h"

struct hook_seal;

enum {
    SEAL_STREAMS = 2048,        /* epochs open at once; the least recently used one ends for another */
    SEAL_POLICIES_MAX = 256,    /* sections [seal NAME] */
    SEAL_TTPS_MAX = 8,          /* sections [ttp FQDN] that seal */
    SEAL_READERS_MAX = 256,     /* readers of one policy */
    SEAL_SOFT_MS = 3600 * 1000, /* the next epoch begins: 1 h, 2^20 messages, 1 GiB */
    SEAL_SOFT_MESSAGES = 1 << 20,
    SEAL_HARD_MS = 24 * 3600 * 1000, /* nothing more is sealed: 24 h, 2^24 messages, 16 GiB */
    SEAL_HARD_MESSAGES = 1 << 24,
    SEAL_POLL_MS = 10 * 1000,  /* the TTP is asked for news so often while streams are open */
    SEAL_FRESH_MS = 30 * 1000, /* without its word for so long every stream begins one new epoch */
    SEAL_SWEEP_MS = 60 * 1000, /* how often quiet streams are looked for */
};
#define SEAL_SOFT_OCTETS (INT64_C(1) << 30)
#define SEAL_HARD_OCTETS (INT64_C(1) << 34)
#define SEAL_ET_MS       (INT64_C(400) * 86400000) /* `et` of a registration: retention of the data */
#define SEAL_OFFLINE_MS  (INT64_C(30) * 86400000)  /* a letter may wait so long, then registration-overdue */

/* Reads sections [seal NAME] and [ttp FQDN]; sp "//demo.example", csi "/id-mn". Keys, certificates and bundles are read
 * now. ERR_CONFIG: `why` has a sentence "FILE:LINE: ..." for each defect. ERR_NOMEM: also when the memory for keys
 * cannot be locked, and `why` says so. conf must live as long as the hook. */
MUST_USE enum err hook_seal_new(const struct conf *conf, struct span sp, struct span csi, struct hook_seal **out,
                                struct buf *why);
/* After the writer and the task have stopped. Wipes all keys. NULL is fine. */
void hook_seal_free(struct hook_seal *h);
/* For cse_set_hook. */
struct cse_hook hook_seal_hook(struct hook_seal *h);
/* Before any thread runs: readers of places, for policies with readers = acp. */
void hook_seal_reads(struct hook_seal *h,
                     enum err (*at)(struct cse *c, struct store_tx *t, struct arena *a, int64_t now,
                                    struct span address, struct readers *out, const struct span **lbl, size_t *nlbl));
/* `policy why ADDRESS`: which policy counts there, who gets keys, and which rules grant none. JSON. Any thread. */
void hook_seal_why(struct hook_seal *h, struct cse *c, struct store_tx *t, struct arena *a, int64_t now,
                   struct span address, struct buf *out);
/* Does any policy take keys that a TTP makes? */
bool hook_seal_asks(const struct hook_seal *h);
/* Does any policy ask for sealing? Then net_seal_post is needed. */
bool hook_seal_seals(const struct hook_seal *h);
/* Any thread: every stream begins a new epoch with its next reading. Gives the number of streams open at the moment. */
unsigned hook_seal_new_epoch(struct hook_seal *h);

/* Numbers for `status`. */
struct hook_seal_counts {
    uint64_t sealed, refused, epochs; /* since the start */
    uint64_t streams;                 /* open epochs */
};
struct hook_seal_counts hook_seal_counts(const struct hook_seal *h);

#endif
