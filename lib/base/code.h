/* code.h - base64url, base64 and hexadecimal. Strict: what we would not write we do not read. */
#ifndef BASE_CODE_H
#define BASE_CODE_H

#include "base/buf.h"

/* Octets that n octets need as base64url without padding. */
#define B64URL_LEN(n) (((n)*4 + 2) / 3)

/* Base64url without padding (RFC 7515 section 2). */
void b64url_put(struct buf *b, struct span octets);
/* Appends the octets of `text` to b. ERR_SYNTAX: a character outside the alphabet, padding, white
 * space, an impossible length, or trailing bits that are not zero (RFC 4648 section 3.5); ERR_FULL.
 * On an error b holds no octet of it. */
MUST_USE enum err b64url_get(struct span text, struct buf *b);
/* Would b64url_get take it? Without room for the octets. The empty text is fine. */
bool b64url_ok(struct span text);
/* Is it a character of base64url? */
bool b64url_char(uint8_t c);

/* Base64 with padding (RFC 4648 section 4), for xs:base64Binary. */
void b64_put(struct buf *b, struct span octets);
/* As b64url_get; padding is required, white space refused. */
MUST_USE enum err b64_get(struct span text, struct buf *b);

void hex_put(struct buf *b, struct span octets);       /* lower case */
void hex_put_upper(struct buf *b, struct span octets); /* upper case, xs:hexBinary */
/* Either case. ERR_SYNTAX: odd length or another character. */
MUST_USE enum err hex_get(struct span text, struct buf *b);

#endif
