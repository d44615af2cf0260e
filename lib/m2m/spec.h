/* spec.h - specializations of flexContainer, read from data (TS-0004 7.4.37, TS-0023).
 *
 * A file holds one description or a list of them, in JSON:
 *
 *   {"cnd": "org.onem2m.common.moduleclass.binarySwitch", "root": "cod:binSh", "name": "binarySwitch",
 *    "attributes": [{"sn": "powSe", "name": "powerState", "type": "boolean", "create": "M"}]}
 *
 * Of an attribute: sn and type are there always; name (default: sn); create and update (M, O, NP; default O); announce
 * (OA, MA, NA; default OA); list (true: one value or more); least and most for a whole number; sealed (true: a string
 * that a gateway seals where its policy protects the place; the others are refused there, or stay clear, as the policy
 * says). A type is string, token, uri, id, boolean, integer, float, timestamp, duration, base64, object or any.
 * doc/guide says how to write one.
 *
 * From each description come four tables: of the flexContainer, of its instances, and of the announced variants of
 * both, each with the attributes that every one of them has. */
#ifndef M2M_SPEC_H
#define M2M_SPEC_H

#include "base/arena.h"
#include "m2m/type.h"

enum {
    SPEC_TEXT_MAX = 1 << 20, /* octets of a file */
    SPEC_MAX = 2000,         /* descriptions */
    SPEC_ROOT_MAX = 64,      /* octets of a root, of a short name, of a long name */
    SPEC_CND_MAX = 256,
};

/* What was read so far. All zero at the beginning; everything lives in the arena of spec_read. */
struct spec_list {
    struct type *types;
    struct attr_row *names; /* short names that no row of the folder has: AT__N, AT__N + 1 ... */
    size_t n_types, cap_types, n_names, cap_names;
};

/* What is wrong, for a message: of which description and attribute, and the rule. */
struct spec_why {
    struct span root, attr;
    const char *rule;
};

/* Adds the descriptions of one text. ERR_SYNTAX, ERR_RANGE, ERR_EXISTS (a root, cnd or attribute is there already),
 * ERR_LIMIT, each with *why; ERR_NOMEM. After an error the list is as it was before. The text must live on. */
MUST_USE enum err spec_read(struct spec_list *l, struct span text, struct arena *a, struct spec_why *why);

#endif
