/* parent_custody.h - sealed and unsealed, as the parent brings it about. It holds no secret: the unsealer reads files
 * that it is given open, or a pipe whose other end the operator gets by the admin socket.
 *
 * Sealed means that there is no vault: ledger and front run, the front answers 503 ttp-sealed at once whatever needs a
 * key, pages of the log may be read. The TTP starts so with [custody] start = sealed or when nobody but the operator
 * has the secret; `seal` leads there, `unseal` out of it. At `unseal` the unsealer runs alone first; only when the root
 * lies in the pipe do the rooms start again with a vault, so that a wrong share or PIN disturbs nobody. The 72 octets
 * stay with the parent meanwhile: what comes back must be the state that went. */
#ifndef TTP_PARENT_CUSTODY_H
#define TTP_PARENT_CUSTODY_H

#include "base/buf.h"

struct parent;
struct parent_call;

enum { CUSTODY_LINE_MAX = 16384, CUSTODY_WAIT_MS = 600000, CUSTODY_SEAL_MS = 3000 };

struct parent_custody {
    bool sealed;       /* no vault is wanted */
    bool attended;     /* only the operator has the secret */
    bool sealing;      /* the vault was told to end */
    bool restart;      /* the rooms shall start again, for a reason that is no fault */
    bool alone;        /* an unsealer runs without the other rooms */
    int root;          /* read end of a pipe that holds RK; -1 */
    int say;           /* what it tells; -1 */
    int secret;        /* write end for the operator's secret while more may come; -1 */
    int device;        /* TPM; -1 */
    char refused[256]; /* why the vault could not serve, until the house is sealed again */
    uint64_t call;     /* id of the command that waits; 0: none */
    int64_t until_ms;  /* then the unsealer, or the vault, is ended; 0: never */
    size_t n;
    char line[CUSTODY_LINE_MAX];
};

/* Checks what the configuration names, with init makes the custody files; before the parent is confined. ERR_CONFIG
 * with sentences in `why`. */
MUST_USE enum err parent_custody_files(struct parent *p, struct buf *why);
/* Init, after the parent is confined: where the unsealer makes the secret it runs now, and STATE/custody and the root
 * in its pipe are there. ERR_IO, ERR_SYNTAX. */
MUST_USE enum err parent_custody_make(struct parent *p);
/* Descriptor that the unsealer reads its secret from when nobody has to type it; -1. */
int parent_custody_secret(const struct parent *p);
/* `seal`: its leaf was asked for as command c. */
void parent_custody_seal(struct parent *p, struct parent_call *c);
/* The rooms serve: whoever waited for it is told. */
void parent_custody_serving(struct parent *p);
/* The vault cannot serve. True: back to sealed, and go on; false: give up. */
bool parent_custody_refused(struct parent *p, struct span why);
/* The answer to a command of ours; false: it was not ours. */
bool parent_custody_done(struct parent *p, uint64_t id, uint16_t status);
/* An unsealer that ran alone has ended. */
void parent_custody_ended(struct parent *p, bool good);
/* Milliseconds until something is to be done, -1: nothing; and doing it. */
int parent_custody_timeout(const struct parent *p);
void parent_custody_tick(struct parent *p);
/* The unsealer says something. */
void parent_custody_hear(struct parent *p);
/* "open unattended" and the like, for status. */
const char *parent_custody_kind(const struct parent *p);

#endif
