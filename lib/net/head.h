/* head.h - inside lib/net: the head of one HTTP message, parsed by llhttp and checked on top of it.
 *
 * llhttp finds the parts; then we check that its parts tile the head without a gap: name, at once a colon,
 * blanks, value, blanks, CR LF, next name. Whatever leniency llhttp has or gets, an octet that is in no
 * part refuses the message. Offsets count from the first octet of the message, so that the octets may be
 * moved between two calls. */
#ifndef NET_HEAD_H
#define NET_HEAD_H

#include "net/http.h"

#include <llhttp.h>

enum head_result { HEAD_MORE, HEAD_DONE, HEAD_REFUSED };

struct head_part {
    uint32_t at, n;
};

struct head_limits {
    uint32_t head, fields, value;
    uint64_t body;
};

struct head {
    llhttp_t ll;
    const struct head_limits *max;
    const uint8_t *base; /* during a call */
    uint32_t fed;        /* octets given to llhttp so far */
    uint32_t end;        /* HEAD_DONE: octets of the head with its empty line */
    uint16_t fields;
    bool response, complete;
    enum http_refusal why; /* HEAD_REFUSED */
    /* HEAD_DONE */
    struct head_part method, target;
    int status;      /* response */
    uint8_t minor;   /* HTTP/1.minor */
    bool keep_alive; /* the sender would go on */
    bool chunked;
    bool expects_continue;
    int64_t length; /* Content-Length, -1: none */
    struct head_part name[HTTP_FIELDS_MAX], value[HTTP_FIELDS_MAX];
};

/* Begins a message. `max` must outlive the head. */
void head_begin(struct head *h, bool response, const struct head_limits *max);
/* The message so far is base[0..have). HEAD_MORE: more octets are needed. HEAD_REFUSED: see why. */
enum head_result head_feed(struct head *h, const uint8_t *base, size_t have);
/* The fields as spans into base; out has room for HTTP_FIELDS_MAX. */
void head_fields(const struct head *h, const uint8_t *base, struct http_field *out);

/* ---- parts of it, in their own files */

/* Finds out by reading the octets themselves why they are no head; `fallback` when they look fine. */
enum http_refusal head_diagnose(const uint8_t *p, size_t n, bool response, enum http_refusal fallback);
/* Reads what the fields of a complete head mean for framing; false: h->why. */
bool head_meaning(struct head *h, const uint8_t *base);
/* Origin-form and its octets; false: *why. */
bool head_target_ok(struct span target, enum http_refusal *why);

#endif
