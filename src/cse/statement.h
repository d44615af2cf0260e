/* statement.h - implementation conformance statement: what of oneM2M this program implements, told by the very rows
 * that the program works with (lib/m2m/tbl). Nothing here decides anything. */
#ifndef CSE_STATEMENT_H
#define CSE_STATEMENT_H

#include "base/buf.h"

/* The statement as Markdown, and as one JSON object with one line for each entry. b grows to about 300 KB; its error
 * sticks (ERR_FULL). */
void statement_text(struct buf *b);
void statement_json(struct buf *b);

#endif
