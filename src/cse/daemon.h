/* daemon.h - the parts of oneseal-cse joined: loops, listeners, client, writer, engine, admin socket.
 *
 * main.c makes one struct daemon and owns it. Each struct station is one loop and belongs to the thread that runs it;
 * station 0 runs on the main thread and also has the outbox, the expiry sweep and the admin socket. What crosses
 * threads are exchanges (through the writer), posts, and the figures behind `lock`. */
#ifndef CSE_DAEMON_H
#define CSE_DAEMON_H

#include <pthread.h>
#include <stdatomic.h>

#include "cse/cse.h"
#include "cse/daemon_conf.h"
#include "cse/net_seal_post.h"
#include "cse/writer.h"
#include "host/admin.h"
#include "net/client.h"
#include "net/http.h"
#include "net/loop.h"
#include "store/batch.h"
#include "store/cache.h"

enum {
    VISIT_BLOCK = 12288, /* octets of a request's memory that stay with it; more comes from the heap */
    VISITS_KEPT = 256,   /* answered requests kept for the next ones, for each loop */
    DRAIN_MS = 1000,     /* time that requests in hand get when we are told to stop */
    STOP_MS = 1800,      /* then we leave, come what may */
    SPILLS_MAX = 64,     /* long results under way at once, until their readers have them */
};

#define SPILL_MAX (UINT64_C(1) << 30) /* octets of one long result */

struct daemon;
struct visit;  /* daemon_in.c: one request of a listener */
struct errand; /* daemon_out.c: one request that leaves */

/* Exchanges on their way back from the writer to one loop: any number, one wake-up. */
struct tray {
    struct net_post post;
    pthread_mutex_t lock;
    struct exch *first, **end;
    bool posted;
    struct station *at;
};

struct station {
    struct daemon *d;
    unsigned n;
    struct net_loop *loop;
    pthread_t thread;
    bool runs; /* the thread was started */
    struct http_server *https, *http;
    struct http_client *client;
    struct net_timer *bell; /* the engine's timers of this loop */
    struct net_timer *tick; /* station 0: the engine's; others: figures */
    struct net_timer *stop; /* waits for the last exchanges */
    struct visit *spare;    /* visits without a request */
    size_t spares, visits;  /* kept, in use */
    uint64_t busy;          /* refused: too many visits */
    size_t at_writer;       /* exchanges of this loop that the writer has */
    size_t errands;
    unsigned draining; /* servers that still have requests in hand */
    int64_t stop_at;   /* of the loop's clock: then it ends, come what may */
    struct tray tray;
    struct net_post stop_post;
    struct buf head; /* for the fields of an answer or a request: written, copied, used again */
};

struct figures {
    struct http_counts http, https; /* of one station */
    uint64_t busy;
    size_t visits, errands;
};

struct daemon {
    struct settings set;
    char *own_poa; /* the listener's URL when the operator named no point of access; set.poa points into it */
    struct store *store;
    struct cse *cse;
    struct writer *writer;
    struct tls_ctx *server_tls, *client_tls;
    struct admin *admin;
    struct hook_seal *seal;     /* policies and epochs: the writer's */
    struct net_seal_post *post; /* registers keys at the TTP: station 0; NULL: nothing is sealed here */
    struct station *station;
    unsigned stations;
    bool stopping;    /* station 0 */
    atomic_bool late; /* a station ended although something was under way */
    atomic_bool tick_posted;
    atomic_uint spills; /* see SPILLS_MAX */
    struct net_post tick_post;
    int64_t figures_at; /* writer: when it told the last time */
    atomic_int_fast64_t last_now;
    int64_t started; /* ms since 1970 */

    pthread_mutex_t lock; /* guards what follows; each part is written by its own thread, read by station 0 */
    struct figures figures[STORE_SLOTS_MAX];
    struct batch_stats batch;
    struct cache_stats cache;
};

/* daemon_in.c. A request came in: ctx is the station. */
void daemon_in(void *ctx, struct http_req *r);
void daemon_in_free(struct station *s);

/* daemon_out.c: world.send. */
void daemon_out(void *ctx, struct sending *s);

/* daemon_spill.c: results that are too long to be held (world.spill_new). Any thread. */
struct spill *daemon_spill_new(void *ctx);
MUST_USE enum err daemon_spill_put(struct spill *s, struct span octets);
void daemon_spill_free(struct spill *s);
int daemon_spill_fd(const struct spill *s);

/* daemon_run.c: stations, threads, the engine's world, stopping. */
MUST_USE enum err daemon_listen(struct daemon *d, struct buf *why);
MUST_USE enum err daemon_start(struct daemon *d, struct buf *why);
/* Returns when SIGTERM or SIGINT came and all is over; false: something was still under way after STOP_MS. */
bool daemon_run(struct daemon *d);
void daemon_free(struct daemon *d);
int64_t daemon_now(void *ctx);
/* Station 0: the engine has something to do at once. Any thread. */
void daemon_wants_tick(struct daemon *d);

/* daemon_desk.c: the admin socket. */
admin_handler daemon_desk;

#endif
