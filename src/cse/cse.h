/* cse.h - the oneM2M engine: what a door (binding) hands in, what the world lends it, how a request runs.
 *
 * A request is an *exchange*. It runs a list of named steps (step.def; TS-0004 7.3.2.1 and 7.2.2.2):
 *
 *     admit -> resolve -> forward -> authorise -> check -> before -> apply -> after -> tell -> project -> done
 *
 * Each step says MORE (go on), WAIT (a child exchange is under way; its answer goes on) or DONE (answered).
 *
 * Threads. The engine has no lock and no thread. Everything of one exchange happens on its loop thread, but for
 * cse_run_write, which the writer thread calls:
 *
 *     loop    cse_submit(x)            admits; a RETRIEVE runs to its end on a read transaction of slot x->loop;
 *                                      a forwarded one goes out by world.send; slow preludes (verification) too;
 *                                      whatever may change something: world.enqueue(x)
 *     writer  cse_run_write(list, n)   one transaction, a savepoint each, COMMIT; x->wrote tells its outcome
 *     loop    cse_finish(x)            the answer leaves: x->done(x). Called once for every enqueued exchange.
 *
 * Time, randomness, storage and sending reach the engine through struct world alone. */
#ifndef CSE_CSE_H
#define CSE_CSE_H

#include "m2m/prim.h"
#include "store/store.h"

struct cse;
struct run;   /* the engine's part of an exchange */
struct spill; /* the world's */

struct exch {
    /* ---- filled by the door before cse_submit; must live until done ---- */
    struct prim *req;    /* raw, args, pc, assoc as the binding found them; the engine calls prim_read */
    struct arena *arena; /* of this exchange alone: everything the engine makes for it lies here */
    bool self;           /* an internal request of this CSE: full rights, nothing of 7.3.2.1 about `fr` */
    bool trusted;        /* made by this CSE: `fr` is proven already; access control judges it as ever */
    bool proven;         /* it came inside an ESPrim Object: `fr` is authenticated end to end (TS-0003 7.1.2) */
    int64_t request;     /* rid of the request resource that its result goes into; 0: none (request.h) */
    bool spills;         /* the door takes content of any length from a spill (world.spill_new) */
    unsigned loop;       /* number of the loop thread (read slot) */
    void (*done)(struct exch *x);
    void *door; /* the door's own */

    /* ---- filled when done is called ---- */
    struct prim *rsp; /* the answer, in the arena; never NULL */
    struct spill
        *spill; /* not NULL: the content, spill_n octets of JSON, in place of rsp->pc. The door's from now on */
    uint64_t spill_n;
    bool busy; /* refused because the writer's queue was full: HTTP 503 with Retry-After */

    /* ---- for whoever holds the exchange: intrusive list of the queues between threads ---- */
    struct exch *next;

    /* ---- the engine's own ---- */
    struct run *run;
    enum err wrote; /* outcome of the transaction */
    /* An internal job instead of a request: runs on the writer inside its savepoint (expiry, outbox). */
    enum err (*job)(struct cse *c, struct store_tx *t, struct exch *x);
};

/* A request that leaves this CSE. The engine owns it; it lives until `reply` has been called, which happens exactly
 * once, on the loop thread that called world.send, never from inside world.send. */
struct sending {
    const struct prim *req;
    /* Where to: an absolute URL (http, https, ...). With `base` it is a point of access and the door appends
     * the request target made from req->to (bindings.md 1.2); otherwise it is complete (a notification target). */
    struct span url;
    bool base;
    struct span peer; /* identifier, absolute, that the other end's certificate must carry; empty: any of the URL */
    int64_t deadline; /* ms since 1970: after it, reply with ERR_TIMEOUT */
    unsigned loop;
    struct arena *arena; /* for the answer */
    /* e OK: rsp is what came back (any code; rsp->rsc 2000-class made from the transport's status when the answer
     * carried none). ERR_UNREACHABLE, ERR_TIMEOUT, ERR_TLS, ERR_CLOSED, ERR_SYNTAX: no answer. */
    void (*reply)(struct sending *s, enum err e, const struct prim *rsp);
    void *ctx;  /* the engine's */
    void *door; /* the door's own, NULL at first */
};

struct world {
    void *ctx;
    int64_t (*now)(void *ctx); /* ms since 1970; does not go back */
    void (*entropy)(void *ctx, void *p, size_t n);
    struct store *store;
    void (*send)(void *ctx, struct sending *s);
    /* Hands the exchange to the writer thread; false: the queue is full (the engine answers). */
    bool (*enqueue)(void *ctx, struct exch *x);
    /* Calls fn(arg) on that loop thread in a later turn: long queries give way to others (200 rows or 1 ms). */
    void (*later)(void *ctx, unsigned loop, void (*fn)(void *arg), void *arg);
    /* Asks for cse_loop_tick on that loop thread at that time, in a later turn; an earlier time replaces a later one.
     */
    void (*wake)(void *ctx, unsigned loop, int64_t when);
    /* A place for content that is too long to be held: written once, front to back, then read by the door. NULL: none
     * could be made. spill_put: ERR_IO, ERR_DISK. The three may be NULL: then everything is held. */
    struct spill *(*spill_new)(void *ctx);
    enum err (*spill_put)(struct spill *s, struct span octets);
    void (*spill_free)(struct spill *s);
    /* For the log: a notification cannot leave for `target` (waits, or was refused for good). Loop 0. NULL: no log. */
    void (*note)(void *ctx, const char *event, struct span target, const char *why, uint32_t tries);
};

/* Registration of this CSE at its registrar. */
struct join_conf {
    struct strings labels; /* lbl of the own remoteCSE */
    struct span node;      /* its nl; empty: none */
    int64_t lifetime;      /* ms that its et asks for; 0: the registrar chooses */
    int64_t refresh;       /* ms between two UPDATEs; 0: five minutes */
    bool leave;            /* DELETE when the CSE stops */
};

/* Who may register here. */
struct admission_conf {
    struct strings originators, app_ids; /* patterns with *; none: everybody */
    bool empty_is_s;                     /* an AE that names no stem gets one of kind S */
    bool profiles_always;                /* switch 3: refuse every AE while the IN-CSE keeps no profile */
};

/* Another service provider, met over Mcc' (IN-CSE only): its IN-CSE. */
struct cse_peer {
    struct span sp, csi, url; /* "//other.example", "/id-in", "https://in.other.example" */
};

/* What an operator decided; all spans live as long as the cse. */
struct cse_conf {
    uint8_t role;      /* enum cse_role of m2m/check.h */
    struct self self;  /* SP-ID, CSE-ID, name of the CSEBase */
    struct span admin; /* originator with every right, in any of its forms; empty: none */
    const struct span *poa;
    size_t npoa;
    /* registrar of an MN or ASN; url empty: none */
    struct span parent_url, parent_csi; /* "https://127.0.0.1:8443", "/id-in" */
    struct join_conf join;
    struct span in_csi; /* CSE-ID of the IN-CSE; empty: what the registrar's CSEBase says, else the registrar */
    const struct cse_peer *peers;
    size_t npeers;
    struct admission_conf admission;
    struct strings labels, policies; /* lbl and acpi of the CSEBase */
    struct span node;                /* nl of the CSEBase */
    struct strings announced;        /* switch 11: short names */
    bool no_requests;                /* no request resources: response type 1 is 5206, 2 is 5001 */
    int64_t et_max;                  /* ms: longest lifetime of a resource; 0: five years */
    int64_t remote_ms;               /* ms that other entities get to answer; 0: 10 s */
    int64_t notify_keep;   /* ms that a notification without pn is tried while its target is down; 0: 7 days */
    struct esprim *esprim; /* esprim.h: end-to-end protected requests are received; NULL: none are. Not owned */
    struct switches sw;    /* spec/switches.md */
    uint16_t releases;     /* 1 << REL_x for every release served; 0: what switch 1 says */
};

/* Makes the engine and, in an empty store, the CSEBase. Called before any thread runs.
 * ERR_CONFIG: *why says which value and what would do; ERR_NOTNOW: the store belongs to another CSE-ID. */
MUST_USE enum err cse_new(const struct cse_conf *conf, const struct world *w, struct cse **out, const char **why);
void cse_free(struct cse *c);

/* Loop thread. Answers by x->done, possibly before it returns. */
void cse_submit(struct cse *c, struct exch *x);
/* Writer thread: begins, runs each exchange in its savepoint, commits. Afterwards every exchange of the list is to
 * be given back to its loop, in the same order. Never fails: what went wrong stands in x->wrote. */
void cse_run_write(struct cse *c, struct exch **list, size_t n);
/* Loop thread: the transaction of x is over. Calls x->done (or starts what follows the commit and then calls it). */
void cse_finish(struct cse *c, struct exch *x);

/* Loop 0: expiry sweep, outbox, registration at the parent. Call it at the time that it returned (ms since 1970,
 * never more than 1 s ahead), and once after cse_finish whenever cse_wants_tick is true (new letters). */
int64_t cse_tick(struct cse *c);
bool cse_wants_tick(const struct cse *c);
/* On each loop thread: rings the timers that are due; the time of the next one, INT64_MAX when there is none. */
int64_t cse_loop_tick(struct cse *c, unsigned loop);
/* On each loop thread, when the CSE is told to stop: requests that wait for their time, or for something to be fetched,
 * are answered. */
void cse_loop_stop(struct cse *c, unsigned loop);
/* Is this CSE registered at its registrar? True without a [parent]. Loop 0. */
bool cse_is_joined(const struct cse *c);
/* The CSE is about to stop: its registration is taken back where the operator wants that. True: fn(ctx) is called on
 * loop 0 once the registrar answered or a second and a half have passed; false: there is nothing to wait for. */
bool cse_leave(struct cse *c, void (*fn)(void *ctx), void *ctx);

#endif
