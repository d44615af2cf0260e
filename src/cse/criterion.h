/* criterion.h - m2m:evalCriteria: does an attribute of a resource compare with a threshold as asked? (Release 4) */
#ifndef CSE_CRITERION_H
#define CSE_CRITERION_H

#include "cse/inside.h"

/* Is the criterion one that the resource's type can meet at all? NULL, or the rule that it breaks. */
const char *criterion_fault(const struct row *subject, const struct jval *evc, struct arena *a);
/* An attribute that the resource does not have meets nothing. */
enum err criterion_holds(struct run *r, const struct row *subject, const struct jval *evc, bool *yes);

#endif
