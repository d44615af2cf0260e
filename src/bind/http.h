/* http.h - HTTP binding (TS-0009): octets to struct prim and back, both roles, nothing else. No sockets, no
 * store: plain structs of spans in and out. Which header or query argument carries which parameter stands in
 * lib/m2m/tbl/param.def, which status goes with which code in rsc.def. */
#ifndef BIND_HTTP_H
#define BIND_HTTP_H

#include "m2m/prim.h"
#include "net/http.h"

/* A request as lib/net hands it over. */
struct bind_request {
    struct span method, path, query; /* still percent-encoded; the query without '?' */
    struct span body;
    const struct http_field *field;
    size_t fields;
};

/* Fills what the binding fills of *p (prim.h); spans point into *r or into the arena (decoded text). Never refuses:
 * what cannot be a primitive is noted in p->bad and becomes 4000 in prim_read, so that it is answered like
 * everything else. Method other than GET POST PUT DELETE: p->op is OP_NONE and bind_http_status_of answers 405.
 * p->assoc is left alone. ERR_NOMEM: the arena is full. */
MUST_USE enum err bind_http_request(const struct bind_request *r, struct prim *p, struct arena *a);

/* A message to be sent: `fields` are complete lines with CRLF, without Content-Length. */
struct bind_message {
    int status;                 /* responses */
    struct span method, target; /* requests */
    struct span fields, body;
};
/* The response to a request that came by HTTP. `fields` is written into *b (a buffer of the caller, who may
 * keep it for the next one; BIND_FIELDS_MAX octets suffice unless rqi and vsi are longer), the body is p->pc. ERR_FULL.
 */
enum { BIND_FIELDS_MAX = 2048 };
MUST_USE enum err bind_http_response(const struct prim *p, const struct switches *sw, struct buf *b,
                                     struct bind_message *out);

/* What lib/net refuses by itself (framing, limits, deadlines) as a oneM2M answer: X-M2M-RSC beside the status, and the
 * sentence in m2m:dbg. Fits struct http_conf.refuse. */
void bind_http_refusal(void *ctx, int status, const char *sentence, struct buf *fields, struct buf *body);

/* Client role: a request primitive as HTTP. `prefix` is the path of the point of access URL, often empty: it is put in
 * front. Written into *b: target, then fields. ERR_FULL, ERR_NOMEM; ERR_UNSUPPORTED for a `to` that is no resource
 * address. */
MUST_USE enum err bind_http_send(const struct prim *p, struct span prefix, struct buf *b, struct bind_message *out);
/* A NOTIFY to a URL of notificationURI: the target is the URL's own path and query. */
MUST_USE enum err bind_http_send_to_url(const struct prim *p, struct span target, struct buf *b,
                                        struct bind_message *out);
/* The answer to it. A target that speaks no oneM2M (no X-M2M-RSC) is judged by its HTTP status: 2xx is 2000,
 * everything else 5103. The request's rqi is put in when the answer has none. */
MUST_USE enum err bind_http_result(int status, const struct http_field *field, size_t fields, struct span body,
                                   const struct prim *request, struct prim *out, struct arena *a);
/* "?ct=json|xml|cbor" of a notification target (TS-0004 7.4.8.1): the serialization, and the target without it (into *b
 * when something is left out, else the same span). SER_NONE without a hint, SER_OTHER for an unknown one. */
enum ser bind_http_hint(struct span url, struct buf *b, struct span *clean);

#endif
