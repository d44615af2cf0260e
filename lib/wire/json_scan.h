/* json_scan.h - one token after the other; the grammar lives here and nowhere else. Internal to lib/wire. */
#ifndef WIRE_JSON_SCAN_H
#define WIRE_JSON_SCAN_H

#include "wire/json.h"

enum jtok { JT_NULL, JT_BOOL, JT_INT, JT_FLOAT, JT_STR, JT_KEY, JT_ARR, JT_OBJ, JT_END_ARR, JT_END_OBJ, JT_EOF };

struct jscan {
    struct span text;
    size_t at;
    uint32_t depth;
    uint8_t want;                    /* what the grammar allows next, enum in json_scan.c */
    bool in_obj[JSON_DEPTH_MAX + 1]; /* kind of each open container */
    struct jerr why;
};

void jscan_over(struct jscan *s, struct span text);
/* The next token, its source text (strings and names with their quotes) and whether it has an escape.
 * An error is final and stands in s->why. */
MUST_USE enum err jscan_next(struct jscan *s, enum jtok *tok, struct span *raw, bool *esc);

#endif
