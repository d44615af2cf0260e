/* request_text.h - the representation of request resources, and what notifies their results. Internal to request.c. */
#ifndef CSE_REQUEST_TEXT_H
#define CSE_REQUEST_TEXT_H

#include "cse/request.h"
#include "m2m/prim_json.h"

/* The body of a new one: PENDING, operationResult {rsc 1000, rqi} (TS-0004 7.3.2.2). */
enum err request_text_new(struct cse *c, const struct prim *q, const struct row *row, bool away, struct arena *a,
                          struct span *out);
/* What the acknowledgement names: CSE-relative, for an originator of another CSE SP-relative. */
enum err request_text_uri(struct cse *c, struct store_tx *t, const struct prim *q, const struct row *row,
                          struct arena *a, struct span *out);
/* Puts status and result into the resource (writer), tells its subscribers, and writes the letters of response type 2.
 */
enum err request_text_result(struct run *r, struct row *row, enum request_status rs, const struct prim *rsp);

#endif
