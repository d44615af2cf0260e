/* api.h - between the public headers and our own types; internal to liboneseal. */
#ifndef API_API_H
#define API_API_H

#include "base/err.h"
#include "esd/label.h"
#include "oneseal/label.h"

/* The status with the same meaning. */
oneseal_status api_reason(enum reason r);
oneseal_status api_err(enum err e);
/* A set of remarks, bit by bit. */
uint64_t api_flags(reason_set set);
/* C text of at most n - 1 octets into to[n]; longer text gives "". */
void api_text(char *to, size_t n, struct span s);
/* Fills the public label. */
void api_label(const struct esd_label *l, oneseal_label *out);
/* Text from the caller; NULL gives the empty span. */
static inline struct span api_span(const char *text)
{
    return text ? span_str(text) : SPAN_NONE;
}
/* What a function appended to b becomes text ended by NUL, and its length: NO_ROOM (and empty text) when it did not
 * fit. */
oneseal_status api_ended(struct buf *b, enum err e, size_t *n);

#endif
