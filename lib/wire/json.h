/* json.h - JSON (RFC 8259), strict: pull parser, document in an arena, writer. No allocation but the
 * caller's arena, no I/O.
 *
 * Strict means: UTF-8 only and no BOM; no duplicate member in an object (compared after unescaping);
 * no NUL and no unpaired surrogate in a string; nothing after the value but white space; depth and
 * node count bounded. TS-0004 8.4.2 asks for unique names; the rest is RFC 8259 read to the letter. */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include "base/arena.h"
#include "base/buf.h"

enum jtype { J_NULL, J_BOOL, J_INT, J_FLOAT, J_STR, J_ARR, J_OBJ };

/* Limits of every document. Reaching one gives ERR_DEPTH or ERR_LIMIT. */
enum { JSON_DEPTH_MAX = 64, JSON_MEMBERS_MAX = 4096 };

/* One value. `raw` is its source text, for a string with the quotes, and points into the text that was
 * parsed; so does `key` (the member name between its quotes, still escaped when `key_esc`). Children
 * of an array or object form a list: first child, then `next`. */
struct jval {
    struct span raw, key;
    struct jval *child, *next, *parent;
    uint32_t n;   /* number of children */
    uint8_t type; /* enum jtype */
    bool esc;     /* a string with a backslash in it: raw is not its value */
    bool key_esc;
};

/* Where and why a text was refused. */
struct jerr {
    enum err e;       /* ERR_SYNTAX UTF8 DEPTH TWICE LIMIT NOMEM */
    size_t at;        /* offset of the octet that was refused */
    const char *what; /* a sentence: "a control character in a string" */
};

/* Parses the whole text. The tree lives in the arena and points into `text`, which must live as long.
 * On failure returns an error and fills *why (when not NULL); *out is then NULL. */
MUST_USE enum err json_parse(struct span text, struct arena *a, struct jval **out, struct jerr *why);
/* Checks without building anything: the same refusals but TWICE. */
MUST_USE enum err json_check(struct span text, struct jerr *why);

/* The member of an object; NULL when v is NULL, no object, or has none of that name. */
struct jval *json_get(const struct jval *v, struct span name);
#define JSON_GET(v, lit) json_get((v), SPAN(lit))
/* Child number i of an array or object; NULL when there is none. */
struct jval *json_at(const struct jval *v, uint32_t i);

/* The value of a string. Without escapes it is a piece of the parsed text, otherwise it is unescaped
 * into the arena. ERR_TYPE when v is NULL or no string; ERR_NOMEM. */
MUST_USE enum err json_str(const struct jval *v, struct arena *a, struct span *out);
/* The same for the member name. */
MUST_USE enum err json_key(const struct jval *v, struct arena *a, struct span *out);
/* True when v is a string with exactly this value. */
bool json_is(const struct jval *v, struct span text);
/* An integer without fraction or exponent. ERR_TYPE; ERR_RANGE outside 0..max or -2^63..2^63-1. */
MUST_USE enum err json_u64(const struct jval *v, uint64_t max, uint64_t *out);
MUST_USE enum err json_i64(const struct jval *v, int64_t *out);
/* Any number as a double: rounding beyond 17 digits, an infinity beyond its range. ERR_TYPE. */
MUST_USE enum err json_f64(const struct jval *v, double *out);
MUST_USE enum err json_bool(const struct jval *v, bool *out);

/* ------------------------------------------------------------------------------------------------
 * Writer. Compact text into a buf; commas and colons come by themselves; errors stick in the buf.
 * A value inside an object needs json_name before it. */
struct jw {
    struct buf *b;
    uint8_t depth;
    bool comma; /* the next value or name needs one */
};

static inline struct jw jw_over(struct buf *b)
{
    return (struct jw){.b = b};
}
void jw_obj(struct jw *w);
void jw_arr(struct jw *w);
void jw_end_obj(struct jw *w);
void jw_end_arr(struct jw *w);
/* Escapes what must be; octets that are not UTF-8 become U+FFFD. */
void jw_name(struct jw *w, struct span name);
void jw_str(struct jw *w, struct span s);
void jw_u64(struct jw *w, uint64_t v);
void jw_i64(struct jw *w, int64_t v);
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
/* A complete JSON text, copied as it is. */
void jw_raw(struct jw *w, struct span json);
/* Octets as a base64url string. */
void jw_b64url(struct jw *w, struct span octets);

#define JW_NAME(w, lit)      jw_name((w), SPAN(lit))
/* name and value in one line, for straight columns of members */
#define JW_STR(w, lit, s)    (jw_name((w), SPAN(lit)), jw_str((w), (s)))
#define JW_U64(w, lit, v)    (jw_name((w), SPAN(lit)), jw_u64((w), (v)))
#define JW_BOOL(w, lit, v)   (jw_name((w), SPAN(lit)), jw_bool((w), (v)))
#define JW_B64URL(w, lit, s) (jw_name((w), SPAN(lit)), jw_b64url((w), (s)))

#endif
