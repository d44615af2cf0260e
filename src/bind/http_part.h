/* http_part.h - what the files of the HTTP binding share. Internal to src/bind. */
#ifndef BIND_HTTP_PART_H
#define BIND_HTTP_PART_H

#include "bind/http.h"

/* Limits of what one request may carry besides lib/net's. */
enum { BIND_ARGS_MAX = 64, BIND_ECHO_MAX = 512 /* octets of rqi and vsi, which a response repeats */ };

/* Percent-decoding. `plus`: '+' is a blank. Without anything to decode *out is s itself. ERR_SYNTAX: malformed, or
 * the result holds a control character or is no UTF-8; ERR_NOMEM. */
MUST_USE enum err bind_decode(struct span s, bool plus, struct arena *a, struct span *out);
/* Percent-encodes everything but unreserved characters; a blank becomes '+' when `plus`. */
void bind_encode(struct buf *b, struct span s, bool plus);

/* Media types. */
enum ser bind_media(struct span content_type, bool *vnd); /* parameters are passed over */
/* The value of parameter `name` of a media type; p == NULL when it has none. */
struct span bind_media_param(struct span content_type, struct span name);
uint8_t bind_accept(struct span accept, bool *vnd); /* bits of struct prim.accept */

/* The target's query into p; what cannot be understood goes to p->bad. */
MUST_USE enum err bind_query_read(struct span query, struct prim *p, struct arena *a);
/* Parameters and criteria into a query, with its '?' when there are any. */
void bind_query_write(const struct prim *p, struct buf *b);

#endif
