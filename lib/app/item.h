/* item.h - one reading as it came: a contentInstance, a notification, or a bare token. */
#ifndef APP_ITEM_H
#define APP_ITEM_H

#include "base/arena.h"
#include "base/span.h"

struct item {
    struct span con; /* value of a string; of anything else the JSON text */
    bool con_json;
    struct span cnf; /* empty: absent */
    struct span sur; /* of a notification: the subscription */
    struct span rn, ri;
    bool verify;   /* a verification request: m2m:sgn with vrq, nothing else */
    bool deletion; /* a notice that the subscription is gone */
    bool other;    /* a notification about something else than a contentInstance */
};
/* Reads the text (its JSON tree and unescaped texts live in the arena, spans point there or into `text`).
 * ERR_SYNTAX: neither JSON nor a token; ERR_TYPE: JSON, but none of these; ERR_MISSING: no con in it. */
MUST_USE enum err item_read(struct span text, struct arena *a, struct item *out);

#endif
