/* err.h - one family of failures for the whole house.
 *
 * A function that can fail returns `enum err`; OK is 0. The compiler does not let a caller drop it. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"

enum err {
    OK = 0,
#define ERR(name, text) ERR_##name,
#include "base/err.def"
#undef ERR
    ERR__N
};

/* The sentence of the row; "ok" for OK, "unknown error" outside the table. Never NULL. */
const char *err_text(enum err e);
/* The row's name , for logs and --json: "NOMEM". Never NULL. */
const char *err_name(enum err e);

/* Give up the present function when `call` fails. Only where there is nothing to undo. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        enum err try_e_ = (call);                                                                                      \
        if (try_e_ != OK)                                                                                              \
            return try_e_;                                                                                             \
    } while (0)

#endif
