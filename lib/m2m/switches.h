/* switches.h - where the standard leaves room or contradicts itself: one named setting each, two
 * readings. Rows: tbl/switch.def, numbered as in the specification digest's switches table. A switch is
 * read at the one place where its rule applies. */
#ifndef M2M_SWITCHES_H
#define M2M_SWITCHES_H

#include "base/span.h"

enum sw {
#define SWITCH(number, id, has_open, topic) SW_##id = number,
#include "m2m/tbl/switch.def"
#undef SWITCH
    SW__N = 64
};

/* All zero: the Release 3 reading everywhere. A set bit: the reading of open deployments. */
struct switches {
    uint64_t open;
};

static inline bool sw_open(const struct switches *s, enum sw which)
{
    return s->open >> (unsigned)which & 1;
}
/* Every row that has a second reading takes it (`./dev lab`). */
struct switches switches_open(void);
/* Sets one row by its name ("rvi-required") or number ("1"); value `r3` or `open`.
 * ERR_NOTFOUND: no such row, ERR_SYNTAX: another value, ERR_UNSUPPORTED: the row has only one reading. */
MUST_USE enum err switches_set(struct switches *s, struct span name, struct span value);
/* Name of a row; NULL when the number has none. */
const char *switches_name(unsigned number);

#endif
