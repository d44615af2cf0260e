/* unsealer.h - the kinds of custody: where the secret S comes from, of which the root key is made.
 *
 *   RK = HKDF-SHA-256(salt = XK, input = S, info = "oneseal-root-v1")          (unsealer_custody.h)
 *
 * The first line of STATE/custody is "oneseal-custody 1 KIND ..."; KIND chooses the row. The unsealer opens what it
 * needs
 * (`open`: libraries, contexts), enters the cell of its kind, and only then reads a secret (`secret`), mixes XK in,
 * writes RK to the vault's pipe and ends. What it has to tell the parent goes line by line to UNSEALER_SAY:
 *
 *   more HAVE NEED     a share was good
 *   wrong SENTENCE     what was given is not it; it may be given again
 *   custody TEXT       init: what STATE/custody shall hold
 *
 * At init STATE/custody says "oneseal-custody new KIND ...": then `make` makes a fresh S, tells the custody text, and
 * hands out whatever the operator has to keep by UNSEALER_PASS. */
#ifndef TTP_UNSEALER_H
#define TTP_UNSEALER_H

#include "ttp/cell.h"
#include "ttp/unsealer_custody.h"

enum { UNSEALER_TEXT_MAX = 8192 };

/* In locked memory, wiped at the end. */
struct unsealer {
    uint8_t in[CUSTODY_PASS_MAX]; /* what is read from UNSEALER_PASS */
    uint8_t secret[CUSTODY_SECRET], root[CUSTODY_ROOT], xk[CUSTODY_XK + 1];
    char text[UNSEALER_TEXT_MAX]; /* the custody file */
    struct span file, words;      /* all of it; what stands behind the name of the kind */
    const char *why;              /* a sentence when it fails; NULL: err_text */
};

struct unsealer_kind {
    const char *word;
    enum cell_room cell;
    /* Before the cell. ERR_*. NULL: nothing to do. */
    enum err (*open)(struct unsealer *u);
    /* In the cell: fills u->secret. */
    enum err (*secret)(struct unsealer *u);
    /* In the cell, at init: u->secret and u->in are fresh random octets; tells the custody text. NULL: this kind is not
     * made so. */
    enum err (*make)(struct unsealer *u);
};
extern const struct unsealer_kind unsealer_passphrase, unsealer_credential, unsealer_shares, unsealer_tpm2;

/* Reads UNSEALER_PASS to its end, at most CUSTODY_PASS_MAX octets, and closes it. */
struct span unsealer_read(struct unsealer *u);
/* A line to the parent. ERR_IO. */
MUST_USE enum err unsealer_say(const char *fmt, ...) PRINTF(1, 2);

#endif
