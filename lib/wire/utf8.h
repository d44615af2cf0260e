/* utf8.h - RFC 3629, strict: no overlong form, no surrogate, nothing above U+10FFFF. */
#ifndef WIRE_UTF8_H
#define WIRE_UTF8_H

#include "base/buf.h"

/* Length of the well-formed character at the start of s (1 to 4); 0 when there is none. */
size_t utf8_len(struct span s);
/* Offset of the first octet that is not part of a well-formed character, or s.n. */
size_t utf8_bad(struct span s);
/* How many octets at the start of s need no attention inside a JSON string: ASCII from space on, neither quote nor
 * backslash. Eight at a time; it may stop up to seven octets early, never late. */
size_t utf8_plain(struct span s);
/* Appends a code point that is no surrogate and at most U+10FFFF. */
void utf8_put(struct buf *b, uint32_t cp);

#endif
