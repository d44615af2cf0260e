/* http_drive.h - reads a stream of HTTP messages as a connection does, without a socket: head, body, next head.
 * For the fuzz target and for the unit test, which both ask that the outcome does not depend on how the octets were
 * cut. */
#ifndef TEST_HTTP_DRIVE_H
#define TEST_HTTP_DRIVE_H

#include "net/chunk.h"
#include "net/head.h"

#include <stdlib.h>
#include <string.h>

struct drive {
    unsigned messages; /* complete ones */
    bool refused;
    enum http_refusal why;
    uint64_t sum; /* over all that was understood */
};

static void drive_sum(struct drive *d, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        d->sum = (d->sum ^ p[i]) * 1099511628211u;
    d->sum = (d->sum ^ 0x100) * 1099511628211u;
}

static void drive_head(struct drive *d, const struct head *h, const uint8_t *base)
{
    struct http_field f[HTTP_FIELDS_MAX];
    head_fields(h, base, f);
    drive_sum(d, base + h->method.at, h->method.n);
    drive_sum(d, base + h->target.at, h->target.n);
    for (unsigned i = 0; i < h->fields; i++) {
        drive_sum(d, f[i].name.p, f[i].name.n);
        drive_sum(d, f[i].value.p, f[i].value.n);
    }
}

/* One body; *at moves behind it. 1: complete, 0: more is needed, -1: refused. */
static int drive_body(struct drive *d, const struct head *h, struct chunk *c, uint8_t *body, size_t *body_n,
                      const uint8_t *p, size_t have, size_t *at)
{
    size_t used;
    if (!h->chunked) {
        size_t length = h->length > 0 ? (size_t)h->length : 0;
        if (have - *at < length)
            return 0;
        drive_sum(d, p + *at, length);
        *at += length;
        return 1;
    }
    enum chunk_result r = chunk_feed(c, p + *at, have - *at, body, body_n, &used);
    *at += used;
    if (r == CHUNK_MORE)
        return 0;
    if (r != CHUNK_DONE)
        return -1;
    drive_sum(d, body, *body_n);
    return 1;
}

/* The octets arrive `step` at a time; every feed sees a fresh copy of exactly what has arrived, so that an
 * address sanitizer notices one octet too many. */
static struct drive drive(const uint8_t *data, size_t n, size_t step, bool response, const struct head_limits *limits)
{
    struct drive d = {.why = HTTP_REFUSE__N};
    struct head h;
    struct chunk c;
    uint8_t *body = malloc(n + 1);
    size_t start = 0, at = 0, body_n = 0;
    bool in_body = false;
    head_begin(&h, response, limits);
    for (size_t have = 0; have < n && !d.refused;) {
        have = n - have < step ? n : have + step;
        uint8_t *copy = malloc(have);
        memcpy(copy, data, have);
        while (start < have && !d.refused) {
            if (!in_body) {
                enum head_result r = head_feed(&h, copy + start, have - start);
                if (r == HEAD_MORE)
                    break;
                d.refused = r == HEAD_REFUSED;
                d.why = h.why;
                if (d.refused)
                    break;
                drive_head(&d, &h, copy + start);
                in_body = true;
                at = start + h.end;
                body_n = 0;
                chunk_begin(&c, limits->body);
            }
            int r = drive_body(&d, &h, &c, body, &body_n, copy, have, &at);
            if (r == 0)
                break;
            d.refused = r < 0;
            d.messages += r > 0;
            start = at;
            in_body = false;
            head_begin(&h, response, limits);
        }
        free(copy);
    }
    free(body);
    return d;
}

#endif
