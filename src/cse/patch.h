/* patch.h - attributes that the CSE changes by itself in a resource that is stored: links, lists of missing data, the
 * result of an action. */
#ifndef CSE_PATCH_H
#define CSE_PATCH_H

#include "cse/inside.h"

struct patch {
    struct span name; /* short name */
    struct span json; /* its new value, JSON text; p NULL: the attribute goes */
};
/* The row as it will be, and stored. Everything else of it stays, lt too. Writer. */
enum err patch_row(struct run *r, struct row *row, const struct patch *p, size_t n);
/* The same in the row alone: r->out before it is stored. */
enum err patch_body(struct run *r, struct row *row, const struct patch *p, size_t n);

/* Numbers and flags of stored attributes; what is missing or of another kind gives `none`. */
int64_t patch_int(const struct attrs *at, enum attr a, int64_t none);
bool patch_true(const struct attrs *at, enum attr a);

#endif
