/* reason.h - the verdict about a sealed object, a key or a proof (reasons.def; vectors README rule 13).
 *
 * REASON_OK means opened (objects) or valid (everything else). Every function that judges returns one of
 * these; `enum err` stays for what goes wrong in our own house. */
#ifndef ESD_REASON_H
#define ESD_REASON_H

#include "base/span.h"

enum reason {
    REASON_OK = 0,
#define REASON(name, code, status, heals, text) REASON_##name,
#include "esd/reasons.def"
#undef REASON
    REASON__N
};

/* "opened", "malformed" ...: the word on the wire, in logs and in --json. Never NULL. */
const char *reason_code(enum reason r);
/* One sentence for users. Never NULL. */
const char *reason_text(enum reason r);
/* Exit status of the command line: product.md 2.2. */
int reason_exit(enum reason r);
/* True when waiting may help. */
bool reason_heals(enum reason r);
/* The row with this code; ERR_NOTFOUND. "ok" and "opened" give REASON_OK. */
MUST_USE enum err reason_of(struct span code, enum reason *out);

/* A set of remarks beside a verdict: bit 1 << reason. */
typedef uint32_t reason_set;
_Static_assert(REASON__N <= 32, "the set of reasons fits its type");
static inline reason_set reason_bit(enum reason r)
{
    return (reason_set)1 << r;
}

/* Give up with the verdict of `call` unless it is OK. */
#define JUDGE(call)                                                                                                    \
    do {                                                                                                               \
        enum reason judge_r_ = (call);                                                                                 \
        if (judge_r_ != REASON_OK)                                                                                     \
            return judge_r_;                                                                                           \
    } while (0)

#endif
