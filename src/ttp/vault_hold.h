/* vault_hold.h - polls that wait in the vault until something concerns their issuer, or their time is over (e2e.md 7).
 * A held poll costs memory and a look at a number, nothing else: it is no request under way, and there are bounds for
 * each client and for all. Members of struct vault and struct vault_ask. */
#ifndef TTP_VAULT_HOLD_H
#define TTP_VAULT_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HOLD_CLIENT_MAX = 2, /* of one client: the oldest is answered for a third */
    HOLD_MAX = 256       /* of all; more are answered at once */
};

struct vault_hold {
    bool on;
    uint64_t turn;        /* v->holds.turn when it was looked at */
    int64_t since, until; /* ms of the wall clock; a clock that was set back ends it as well */
};
struct vault_holds {
    size_t n;
    uint64_t turn;    /* rises with whatever may concern somebody */
    uint64_t looked;  /* the turn when they were looked at last */
    uint64_t changes; /* v->changes, when it was looked at: others count there too */
    int64_t next;     /* the earliest end, 0: none is held */
};

struct vault;
/* Between two batches, before anything is decided: answers those whose time has come. */
void vault_holds_turn(struct vault *v);

#endif
