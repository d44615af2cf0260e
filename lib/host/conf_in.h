/* conf_in.h - inside lib/host: one value against its row. */
#ifndef HOST_CONF_IN_H
#define HOST_CONF_IN_H

#include "host/conf.h"

/* Checks the text against the row. INT, SIZE, TIME, BOOL and CHOICE give their number in *n. On failure `why`
 * gets what a value must look like: "a time with a unit (ms s m h d) from 1s to 1h". */
MUST_USE enum err conf_value(const struct conf_row *row, struct span text, int64_t *n, struct buf *why);
/* Edits that turn one name into the other (Levenshtein), at most 64 letters each; 99 beyond. */
unsigned conf_distance(const char *a, const char *b);

#endif
