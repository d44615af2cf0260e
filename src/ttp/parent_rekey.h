/* parent_rekey.h - XK is replaced while the TTP serves (e2e.md 6, "Keys at rest"): files and order; what hangs on the
 * root is the vault's (vault_root.h).
 *
 *   STATE/xk.next   random, mode 0600, on disk before anything hangs on it
 *   the unsealer runs with it and writes another root into the vault's pipe, whose other end the parent kept
 *   REWRAP -> the vault's batch -> REWRAPPED: from then on only the new root opens the state
 *   STATE/xk is overwritten, then xk.next renamed over it
 *
 * At a start with an xk.next both roots are offered (ROOT_ALSO), and ROOT_IS says what to do with the file. Overwriting
 * a file does not reach what flash storage, snapshots of the file system or a journal kept of it: keep XK where none of
 * these is, or in hardware. Where only the operator has the custody secret, XK is not replaced by itself. */
#ifndef TTP_PARENT_REKEY_H
#define TTP_PARENT_REKEY_H

#include "base/span.h"

struct parent;

enum { REKEY_EVERY_MS = 600000 /* by itself at most so often */ };

struct parent_rekey {
    int pipe;        /* write end of the vault's pipe; -1: none, XK cannot be replaced */
    bool second;     /* at start: the unsealer runs for xk.next after it ran for xk */
    bool running;    /* the unsealer runs for xk.next while the house serves */
    bool wrapping;   /* the vault works on it */
    uint64_t call;   /* command that waits; 0: none */
    int64_t last_ms; /* when it was done by itself; 0: never */
};
/* A start of the rooms: is there an xk.next? `pipe`: write end to keep a copy of, -1: none. */
void parent_rekey_start(struct parent *p, int pipe);
/* The rooms end. */
void parent_rekey_stop(struct parent *p);
/* Before VAULT_START: tells the vault of the second root. */
void parent_rekey_tell(struct parent *p);
/* The unsealer has ended. True: that was ours, and no fault of the chain. */
bool parent_rekey_unsealed(struct parent *p, bool good);
/* Messages of the vault. */
void parent_rekey_is(struct parent *p, bool other);
void parent_rekey_done(struct parent *p, bool done, struct span why);
void parent_rekey_wanted(struct parent *p);

#endif
