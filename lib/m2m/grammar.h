/* grammar.h - the small grammars of simple types (TS-0004 6.3.3). Internal to lib/m2m. */
#ifndef M2M_GRAMMAR_H
#define M2M_GRAMMAR_H

#include "base/span.h"

bool grammar_unreserved(uint8_t c); /* RFC 3986: ALPHA DIGIT - . _ ~ */
bool grammar_uri(struct span s);    /* not empty; no blank, control character, or what RFC 3986 never allows */
bool grammar_ncname(struct span s);
bool grammar_base64(struct span s);
/* An absolute or relative time in a request (m2m:absRelTimestamp) as a point in time. Integers are milliseconds
 * from `now`; durations only when `durations` is set (switch 27). ERR_SYNTAX. */
MUST_USE enum err grammar_absrel(struct span s, int64_t now, bool durations, int64_t *ms);

#endif
