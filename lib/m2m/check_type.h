/* check_type.h - rules of single types behind the tables (TS-0004 7.4, procedures 9 and 17). Internal to lib/m2m. */
#ifndef M2M_CHECK_TYPE_H
#define M2M_CHECK_TYPE_H

#include "m2m/check.h"

/* `sent` are the attributes of the request, `now` those that the resource will have: on UPDATE new over old.
 * `old` is NULL on CREATE. */
struct verdict check_type_rules(const struct check *c, const struct attrs *old, const struct attrs *sent,
                                const struct attrs *now, struct arena *a);
/* May this mandatory attribute be left out all the same? */
bool check_type_spares(const struct check *c, enum attr id, const struct attrs *sent);

#endif
