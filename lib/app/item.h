/* item.h - one reading as it came: a contentInstance or timeSeriesInstance (or the announced copy of one), a
 * notification, an attribute of a flexContainer, or a bare token. */
#ifndef APP_ITEM_H
#define APP_ITEM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"

struct item {
    struct span con; /* value of a string; of anything else the JSON text */
    bool con_json;
    struct span cnf; /* empty: absent */
    struct span sur; /* of a notification: the subscription */
    struct span rn, ri;
    bool verify;     /* a verification request: m2m:sgn with vrq, nothing else */
    bool deletion;   /* a notice that the subscription is gone */
    bool other;      /* a notification about something else; rep is what it is about */
    bool copy;       /* announced: it stands somewhere else than where it was sealed for */
    struct span rep; /* JSON; empty: none */
};
/* Reads the text (its JSON tree and unescaped texts live in the arena, spans point there or into `text`).
 * ERR_SYNTAX: neither JSON nor a token; ERR_TYPE: JSON, but none of these; ERR_MISSING: no con in it. */
MUST_USE enum err item_read(struct span text, struct arena *a, struct item *out);

/* The other way: body of a CREATE of a contentInstance. rn and cnf may be empty; `con` is text, or JSON as it is. */
void item_put(struct buf *b, struct span rn, struct span cnf, struct span con, bool text);

/* The attribute `name` of a flexContainer (a JSON object with one member of any name, or a rep of it). It carries no
 * cnf. The same errors. */
MUST_USE enum err item_attribute(struct span text, struct span name, struct arena *a, struct item *out);
/* The answer of a group's fan-out (m2m:agr): each member's resource, in its order; stops at the first error. ERR_TYPE:
 * it is none. */
MUST_USE enum err item_members(struct span text, struct arena *a, enum err (*each)(void *ctx, struct span resource),
                               void *ctx);

#endif
