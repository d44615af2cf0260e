/* chunk.h - inside lib/net: takes the chunk framing off a body (RFC 9112 section 7.1). */
#ifndef NET_CHUNK_H
#define NET_CHUNK_H

#include "base/span.h"

enum { CHUNK_EXTENSION_MAX = 256, CHUNK_TRAILER_MAX = 1024, CHUNK_DIGITS_MAX = 8 };

enum chunk_result { CHUNK_MORE, CHUNK_DONE, CHUNK_BAD, CHUNK_BAD_TRAILER, CHUNK_TOO_LARGE };

struct chunk {
    uint8_t state, digits;
    uint32_t extra; /* octets of extension or trailer so far */
    uint64_t left;  /* octets of the present chunk still to come */
    uint64_t body;  /* octets of body so far */
    uint64_t max;
};

void chunk_begin(struct chunk *c, uint64_t max_body);
/* Reads in[0..n), writes the body's octets to `out` (which may lie at or before `in` in the same memory) and adds their
 * number to *out_n. *used: octets read; all of them with CHUNK_MORE, up to the end of the body with
 * CHUNK_DONE. Extensions and trailer fields are bounded, checked for control characters, and dropped. */
enum chunk_result chunk_feed(struct chunk *c, const uint8_t *in, size_t n, uint8_t *out, size_t *out_n, size_t *used);

#endif
