/* header.h - a protected JOSE header: decoding, shape, members (RFC 7515 4, RFC 7516 4; vectors README 12, 13).
 * Internal to lib/esd. */
#ifndef ESD_HEADER_H
#define ESD_HEADER_H

#include "esd/label.h"
#include "wire/json.h"

struct header {
    struct arena *a;
    struct span text;  /* decoded JSON, in the arena */
    struct jval *tree; /* an object */
};
/* Canonical base64url, at most 4096 octets, one JSON object, nesting and numbers in bounds. MALFORMED; FAILED: the
 * arena is too small. */
MUST_USE enum reason header_read(struct span text, struct arena *a, struct header *out);
/* Are depth and numbers of an unprotected header, a part of a larger document, in bounds? */
bool header_tree_ok(const struct jval *object);
/* A member that must be a string when it is there; absent gives the empty span and *here false. MALFORMED, FAILED. */
MUST_USE enum reason header_text(const struct header *h, struct span name, struct span *out, bool *here);
/* `crit` (RFC 7515 4.1.11): MALFORMED when it breaks the rules (empty, doubled, not there, a registered name);
 * ALGORITHM_REFUSED when it is well formed: no extension is known here, ours included. OK: absent. */
MUST_USE enum reason header_crit(const struct header *h);

/* The `e2e` member, absent: *e is zero. pad_end: padding may not be longer. MALFORMED. */
MUST_USE enum reason header_e2e(const struct header *h, size_t pad_end, struct esd_e2e *e);
/* Its value as we write it (vectors README 7 to 9); the sid's text is given, since it is the same for a whole epoch. */
void header_put_e2e(struct buf *b, struct span sid_text, const struct esd_e2e *e);

#endif
