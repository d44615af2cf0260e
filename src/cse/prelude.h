/* prelude.h - preludes and postludes: what surrounds the work of the writer (prelude.def, postlude.def). */
#ifndef CSE_PRELUDE_H
#define CSE_PRELUDE_H

#include "cse/inside.h"

#define PRELUDE(name, ops, what)                                                                                       \
    bool name##_wanted(struct run *r);                                                                                 \
    enum says name##_start(struct run *r);
#include "cse/prelude.def"
#undef PRELUDE
#define POSTLUDE(name, what) bool name##_hold(struct run *r);
#include "cse/postlude.def"
#undef POSTLUDE

/* Must the loop thread look at this change before the writer has it? */
bool prelude_wanted(struct run *r);
/* The present prelude and those behind it; WAIT with stage AT_WRITER when all are over. Inside of a turn. */
enum says prelude_run(struct run *r);
/* A prelude that said WAIT is over: on with the next. Loop thread, outside of a turn. */
void prelude_over(struct run *r);
/* Likewise, but the request is refused. */
void prelude_fail(struct run *r, struct verdict v);
/* For a CREATE whose prelude must know the identifier of what will be made: `return prelude_reserve(r)`; the prelude's
 * start is called again once r->reserved is there. */
enum says prelude_reserve(struct run *r);

/* The postludes, then the answer. Loop thread. */
void postlude_run(struct run *r);
/* What held the answer back is over. Loop thread. */
void postlude_over(struct run *r);

#endif
