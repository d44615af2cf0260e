/* oneseal/client.h - an application or a device as a whole: profile, requests, TTP, store, subscriptions. Hosted: uses
 * malloc, files, sockets, the clock. See label.h for the rules.
 *
 * A client speaks as one AE. Everything about it stands in its profile, the file that `oneseal` uses, too: who it is,
 * its registrar CSE, its certificate, the TTPs that it trusts, its store (see doc/guide/library.md). Answers are
 * waited for; notifications arrive while the caller runs oneseal_client_run or oneseal_client_step.
 *
 * The first client of a process ignores SIGPIPE. A client belongs to one thread; only oneseal_client_stop may be
 * called from others and from signal handlers. Callbacks must not call back into their client, but for
 * oneseal_client_stop. */
#ifndef ONESEAL_CLIENT_H
#define ONESEAL_CLIENT_H

#include "label.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct oneseal_client oneseal_client;

typedef struct oneseal_client_how {
    size_t size;
    const char *folder;  /* of profiles; NULL: $XDG_CONFIG_HOME/oneseal/profiles.d or ~/.config/oneseal/profiles.d */
    uint32_t timeout_ms; /* for one answer; 0: 10000 */
    /* What goes on, a line each; never content or keys. NULL: nobody wants to know. */
    void (*note)(void *ctx, const char *line);
    void *ctx;
} oneseal_client_how;

/* `profile` is a name in the folder (NAME.conf), or a path when it has a slash. `how` NULL: as if all were 0. *out is
 * set whatever comes of it, but for NO_MEMORY and BAD_ARGUMENT, so that oneseal_client_why can tell what is wrong; end
 * with oneseal_client_close in any case. CONFIG, NOT_FOUND, FAILED. */
ONESEAL_API oneseal_status oneseal_client_open(const char *profile, const oneseal_client_how *how,
                                               oneseal_client **out);
/* Ends the epochs that were written with a last head, wipes the keys, closes store and connections. NULL is fine. Not
 * from within a callback. */
ONESEAL_SAY void oneseal_client_close(oneseal_client *c);

/* What the last call that failed said: what is wrong, who decided it, what to do. "" when there is nothing. They live
 * until the next call. */
ONESEAL_SAY const char *oneseal_client_why(const oneseal_client *c);
ONESEAL_SAY const char *oneseal_client_who(const oneseal_client *c);
ONESEAL_SAY const char *oneseal_client_todo(const oneseal_client *c);

/* A reading as the reader judged it. Texts live until the callback returns, or until the next call. */
typedef struct oneseal_reading {
    oneseal_status verdict; /* OK: opened (or clear where the profile allows that) */
    uint64_t flags;         /* ONESEAL_FLAG of remarks beside OK: GAP, STALE, PLACE_UNVERIFIED, ... */
    const char *address;    /* of the container; "" when it is not known */
    const char *kid;        /* of the key; "" for clear text */
    const char *plain;      /* the content, ended by NUL; "" unless OK */
    size_t n;               /* its octets */
    int json;               /* 1: JSON */
    int clear;              /* 1: it came as clear text */
    int confirmed;          /* 1: a signed head of its writer covers it (oneseal_client_get_confirmed) */
    int batch;              /* 1: one of several readings of one envelope; from oneseal_client_get: all, as an array */
    uint32_t part;          /* its number in there, from 0 */
    uint32_t index;
    uint64_t epoch, time_ms;
    unsigned char reserved[64];
} oneseal_reading;

/* Retrieves a contentInstance (also .../la, .../ol) and opens it. Addresses as in the command line: //sp/cse/...,
 * /cse/..., or relative to the registrar's CSE. Asks the TTP for the key when it is not here yet, keeps what was opened
 * in the profile's store. OK, or the verdict (out->verdict too); NOT_FOUND, NO_PRIVILEGE, UNREACHABLE, FAILED. */
ONESEAL_API oneseal_status oneseal_client_get(oneseal_client *c, const char *address, oneseal_reading *out);

/* The same, and waits at most wait_ms until a signed head of its writer covers the reading: only then it is certain
 * that no other reader made it and that it is where its writer put it. A head is due 10 s after its first reading.
 * UNCONFIRMED: none came; FORGED_BY_READER and others: the heads say no. Clear text is never confirmed, nor is what was
 * sealed with a provisioned key. */
ONESEAL_API oneseal_status oneseal_client_get_confirmed(oneseal_client *c, const char *address, uint32_t wait_ms,
                                                        oneseal_reading *out);

/* Creates a contentInstance from json[0..n), the JSON text of its `con`. `name` is its resourceName, so that a
 * repetition after a lost answer is recognised (CONFLICT: it is stored already); NULL: the CSE names it. */
enum {
    ONESEAL_PUT_SEALED = 0, /* sealed here, with [seal] of the profile (device mode) */
    ONESEAL_PUT_CLEAR = 1   /* as it is: the gateway seals, or nobody */
};
/* BAD_ARGUMENT: no JSON; CONFIG: no [seal]; NOT_FOUND: the container; CONFLICT, NO_PRIVILEGE, UNREACHABLE, FAILED.
 * Writing never waits for the TTP: a registration that cannot be delivered stays in the store. What is sealed here is
 * covered by signed heads beside it (e2e-heads): call oneseal_client_flush, _run or _step at least every 10 s, so that
 * they are on time. */
ONESEAL_API oneseal_status oneseal_client_put(oneseal_client *c, const char *container, const char *json, size_t n,
                                              const char *name, int how);
/* Delivers the registrations that wait, signs heads that are due and sends them. OK: none is left. TTP_UNREACHABLE:
 * some are; try again later. */
ONESEAL_API oneseal_status oneseal_client_flush(oneseal_client *c);

/* Registers the AE where that was not done, listens ([listen] of the profile), and subscribes to new instances of a
 * container; safe to repeat after a restart. Tries again while the way is not there. The profile needs a store: what
 * arrives is kept there before it is acknowledged, and delivered exactly once. STOPPED: oneseal_client_stop. */
ONESEAL_API oneseal_status oneseal_client_subscribe(oneseal_client *c, const char *container);

/* Gets one reading; 0: go on, anything else ends the run. A verdict that heals by itself is not delivered: the reading
 * waits until its key is there. */
typedef int oneseal_deliver(void *ctx, const oneseal_reading *reading);
/* Blocks and delivers until the callback or oneseal_client_stop ends it (OK), or something fails. */
ONESEAL_API oneseal_status oneseal_client_run(oneseal_client *c, oneseal_deliver *deliver, void *ctx);
/* For event loops of their own: when oneseal_client_fd is readable, or oneseal_client_wait_ms is over, call
 * oneseal_client_step. It handles what is there, waits at most timeout_ms for something (0: not at all), and delivers.
 * OK, or STOPPED when the callback or oneseal_client_stop ended it. */
ONESEAL_API oneseal_status oneseal_client_step(oneseal_client *c, uint32_t timeout_ms, oneseal_deliver *deliver,
                                               void *ctx);
ONESEAL_SAY int oneseal_client_fd(const oneseal_client *c);      /* -1: none */
ONESEAL_SAY int oneseal_client_wait_ms(const oneseal_client *c); /* -1: no limit */
/* From any thread or signal handler. */
ONESEAL_SAY void oneseal_client_stop(oneseal_client *c);

#ifdef __cplusplus
}
#endif
#endif
