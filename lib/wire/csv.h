/* csv.h - readings in comma-separated values (RFC 4180, header line first): each record becomes a JSON object whose
 * members are named by the header. A field without quotes that is a JSON number, true or false stays one; every other
 * is a string; an empty field without quotes is left out. Pure: reads no file. */
#ifndef WIRE_CSV_H
#define WIRE_CSV_H

#include "base/arena.h"
#include "base/buf.h"

enum { CSV_FIELDS_MAX = 256, CSV_RECORD_MAX = 1 << 16 };

/* The names; they live in the arena of csv_header. */
struct csv {
    struct span name[CSV_FIELDS_MAX];
    size_t n;
};

/* Does the text hold a whole record, or is a quoted field still open at its end (its record goes on in the next line)?
 */
bool csv_whole(struct span text);
/* `record` is the first one, without the line end; a byte order mark before it is passed over. ERR_SYNTAX: quoting, a
 * NUL, not UTF-8; ERR_EXISTS: a name twice; ERR_NOTFOUND: an empty name; ERR_LIMIT: too many or too long; ERR_NOMEM. */
MUST_USE enum err csv_header(struct span record, struct arena *a, struct csv *out);
/* Appends one JSON object. ERR_SYNTAX: quoting, not UTF-8; ERR_RANGE: more or fewer fields than names; ERR_LIMIT;
 * ERR_NOMEM; the buf's errors. `a` is for the work and may be reset afterwards. */
MUST_USE enum err csv_object(const struct csv *h, struct span record, struct arena *a, struct buf *out);

#endif
