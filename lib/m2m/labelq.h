/* labelq.h - label queries of filterCriteria, `lbq` (TS-0004 6.3.5.8, 7.3.3.17).
 *
 *     key                there is a label of that key, alone or with a value
 *     NT key             there is none
 *     key EQ v, key:v    one of its values is v
 *     key NE v           it is there, and none of its values is v
 *     key IN (v1, v2)    one of its values is in the list
 *     key NI (v1, v2)    it is there, and none of its values is in the list
 *
 * A label is "text" (a key alone) or "key:value". `*` in a value stands for any octets, as in `lbl`. Several
 * expressions, one behind the other, are alternatives. */
#ifndef M2M_LABELQ_H
#define M2M_LABELQ_H

#include "base/arena.h"

enum { LABELQ_TERMS_MAX = 32, LABELQ_VALUES_MAX = 64 };

enum labelq_op { LABELQ_HAS, LABELQ_NOT, LABELQ_IN, LABELQ_OUT };
struct labelq_term {
    uint8_t op; /* enum labelq_op */
    struct span key;
    const struct span *v; /* values; NULL: none needed */
    size_t n;
};
struct labelq {
    const struct labelq_term *v;
    size_t n;
};

/* Spans of the result point into the text; arrays are the arena's. ERR_SYNTAX: no such expression; ERR_LIMIT: more
 * terms or values than the limits; ERR_NOMEM. */
MUST_USE enum err labelq_parse(struct span text, struct arena *a, struct labelq *out);
/* Does any of the expressions hold for a resource with these labels? */
bool labelq_match(const struct labelq *q, const struct span *labels, size_t n);
/* `*` in the pattern stands for any octets, none included. */
bool labelq_wild(struct span pattern, struct span text);

#endif
