/* jsonpath.h - contentFilterQuery with syntax 1 (TS-0004 6.3.4.2.x contentFilterSyntax): does a JSONPath select
 * anything of a content? A subset of RFC 9535:
 *
 *     $  .name  .*  ['name']  [3]  [*]  ..name  ..*  [?(@.a.b)]  [?(@.a == 'x')]   with == != < <= > >=
 *     and numbers, strings, true, false, null to compare with
 *
 * Slices, unions, functions, && and || are not in it. */
#ifndef M2M_JSONPATH_H
#define M2M_JSONPATH_H

#include "base/arena.h"
#include "wire/json.h"

enum { JSONPATH_STEPS_MAX = 32 };

enum jsonpath_kind { JP_NAME, JP_INDEX, JP_ANY, JP_FILTER };
struct jsonpath_step;
struct jsonpath {
    const struct jsonpath_step *v;
    size_t n;
};
struct jsonpath_step {
    uint8_t kind; /* enum jsonpath_kind */
    bool deep;    /* of the value itself and everything below it */
    uint8_t op;   /* filters: '=', '!', '<', 'l' (<=), '>', 'g' (>=); 0: is there */
    struct span name;
    uint32_t index;
    struct jsonpath at;      /* filters: what stands behind @ */
    const struct jval *with; /* and what it is compared with */
};

/* ERR_SYNTAX: no path of this subset; ERR_LIMIT: more than JSONPATH_STEPS_MAX steps; ERR_NOMEM. Spans point into the
 * text, arrays are the arena's. */
MUST_USE enum err jsonpath_parse(struct span text, struct arena *a, struct jsonpath *out);
/* Does the path select at least one value of v? */
bool jsonpath_selects(const struct jsonpath *p, const struct jval *v);

#endif
