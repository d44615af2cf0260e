/* rsc.h - response status codes (TS-0004 6.6): what we decide about a request. Never a failure of our
 * own house, that is `enum err`. Rows: tbl/rsc.def. */
#ifndef M2M_RSC_H
#define M2M_RSC_H

#include "base/span.h"

enum rsc {
    RSC_NONE = 0, /* nothing decided yet */
#define RSC(id, number, name, http, coap) RSC_##id = number,
#include "m2m/tbl/rsc.def"
#undef RSC
};

struct rsc_row {
    const char *name; /* as TS-0004 6.6.3 writes it */
    uint16_t rsc;
    uint16_t http; /* TS-0009 table 6.3.2-1 */
    uint16_t coap; /* TS-0008 table 6.3.1-1, class * 100 + detail: 4.04 is 404 */
};

/* The row of a code; NULL when the standard has none of that number. */
const struct rsc_row *rsc_row(unsigned rsc);
/* Name for texts and logs; "UNKNOWN" outside the table. Never NULL. */
const char *rsc_name(unsigned rsc);
/* Status of a binding; 500 outside the table, so that every code yields a response. */
unsigned rsc_http(unsigned rsc);
unsigned rsc_coap(unsigned rsc);
/* An acknowledgement or a success: 1000 to 2999. */
static inline bool rsc_ok(unsigned rsc)
{
    return rsc >= 1000 && rsc < 3000;
}
/* All rows, in the order of their numbers. */
const struct rsc_row *rsc_rows(size_t *n);

/* A decision with its reason. rsc == RSC_NONE means: nothing against it, go on. The error text of a
 * response is made of all three (verdict_text). `attr` points into the request or into a table. */
struct verdict {
    enum rsc rsc;
    struct span attr; /* attribute or parameter, short name; empty when none is concerned */
    const char *rule; /* a sentence, static text: "a value that is in the past is refused (TS-0004 7.3.3.3)" */
};

#define VERDICT_GO ((struct verdict){RSC_NONE, {NULL, 0}, NULL})
static inline bool verdict_go(struct verdict v)
{
    return v.rsc == RSC_NONE;
}
static inline struct verdict verdict_of(enum rsc rsc, struct span attr, const char *rule)
{
    return (struct verdict){rsc, attr, rule};
}

struct buf;
/* "4000 BAD_REQUEST: mni: must be a whole number from 0 to 9007199254740991". Text for m2m:dbg, not yet escaped for
 * JSON. */
void verdict_text(struct buf *b, struct verdict v);

#endif
