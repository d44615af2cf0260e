#include "m2m/type.h"

#include <string.h>

#include "m2m/spec.h"
#include "m2m/switches.h"

#define TEXT(lit)                                                                                                      \
    {                                                                                                                  \
        (const uint8_t *)(lit), sizeof(lit) - 1                                                                        \
    }

/* ---- values in attr.def and ctype.def ------------------------------------------------------------ */

#define MAX INT64_MAX
#define MIN INT64_MIN
#define ONE(k)                                                                                                         \
    {                                                                                                                  \
        VK_##k, LIST_NO, 0, 0, 0, 0                                                                                    \
    }
#define LIST(k)                                                                                                        \
    {                                                                                                                  \
        VK_##k, LIST_YES, 1, 0, 0, 0                                                                                   \
    }
#define LIST0(k)                                                                                                       \
    {                                                                                                                  \
        VK_##k, LIST_YES, 0, 0, 0, 0                                                                                   \
    }
#define UINT(least, most)                                                                                              \
    {                                                                                                                  \
        VK_UINT, LIST_NO, 0, 0, least, most                                                                            \
    }
#define INT(least, most) UINT(least, most)
#define LIST_UINT(least, most)                                                                                         \
    {                                                                                                                  \
        VK_UINT, LIST_YES, 1, 0, least, most                                                                           \
    }
#define LIST_INT(least, most) LIST_UINT(least, most)
#define ENUM(e)                                                                                                        \
    {                                                                                                                  \
        VK_ENUM, LIST_NO, 0, EN_##e, 0, 0                                                                              \
    }
#define LIST_ENUM(e)                                                                                                   \
    {                                                                                                                  \
        VK_ENUM, LIST_YES, 1, EN_##e, 0, 0                                                                             \
    }
#define OBJ(c)                                                                                                         \
    {                                                                                                                  \
        VK_COMPLEX, LIST_NO, 0, CT_##c, 0, 0                                                                           \
    }
#define LIST_OBJ(c)                                                                                                    \
    {                                                                                                                  \
        VK_COMPLEX, LIST_YES, 1, CT_##c, 0, 0                                                                          \
    }
#define LIST0_OBJ(c)                                                                                                   \
    {                                                                                                                  \
        VK_COMPLEX, LIST_YES, 0, CT_##c, 0, 0                                                                          \
    }
#define EITHER_OBJ(c)                                                                                                  \
    {                                                                                                                  \
        VK_COMPLEX, LIST_EITHER, 1, CT_##c, 0, 0                                                                       \
    }

static const struct attr_row attrs[AT__N] = {
#define ATTR_LEN(n)
#define ATTR(id, name, value) [AT_##id] = {TEXT(#id), name, value},
#include "m2m/attr.gen.def"
#undef ATTR
#undef ATTR_LEN
};

/* First attribute of each length of name; [n] .. [n+1] are those of length n. */
static const uint16_t of_len[] = {AT_LEN_2, AT_LEN_2, AT_LEN_2, AT_LEN_3, AT_LEN_4, AT_LEN_5, AT__N};

/* What was loaded beside these rows (spec.h). */
static const struct spec_list nothing, *loaded = &nothing;

void type_extend(const struct spec_list *more)
{
    loaded = more ? more : &nothing;
}

const struct attr_row *attr_row(enum attr a)
{
    return a < AT__N ? &attrs[a] : &loaded->names[a - AT__N];
}

static enum attr loaded_find(struct span s)
{
    for (size_t i = 0; i < loaded->n_names; i++)
        if (span_eq(loaded->names[i].sn, s))
            return (enum attr)(AT__N + i);
    return AT_NONE;
}

enum attr attr_find(struct span s)
{
    if (s.n < 2 || s.n > 5)
        return loaded_find(s);
    unsigned lo = of_len[s.n], hi = of_len[s.n + 1];
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        int c = memcmp(s.p, attrs[mid].sn.p, s.n);
        if (c == 0)
            return (enum attr)mid;
        if (c > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return loaded_find(s);
}

/* ---- rules --------------------------------------------------------------------------------------- */

enum { MULT_OPT = false, MULT_ONE = true, SET_OF = false, SET_BY = true, SW_none = 0 };

#define HERE(type, id, name, value) static const struct attr_row here_##type##_##id = {TEXT(#id), name, value};
#define OWN_BEGIN(type)             static const struct rule own_##type[] = {[0] = {.create = P_ABSENT, .update = P_ABSENT},
#define OWN(place, id, row, mult, create, update, announced, access, by, sw, open)                                     \
    [place] = {&row,     AT_##id, P_##create, P_##update, ANN_##announced, ACC_##access, MULT_##mult,                  \
               SET_##by, SW_##sw, P_##open,   false},
#define OWN_END(type)                                                                                                  \
    }                                                                                                                  \
    ;
#include "m2m/rule.gen.def"
#undef HERE
#undef OWN_BEGIN
#undef OWN
#undef OWN_END

#define HERE(type, id, name, value)
#define OWN_BEGIN(type)                                                            static const uint8_t slot_##type[AT__N] = {
#define OWN(place, id, row, mult, create, update, announced, access, by, sw, open) [AT_##id] = place,
#define OWN_END(type)                                                                                                  \
    }                                                                                                                  \
    ;                                                                                                                  \
    _Static_assert(LEN(own_##type) <= ATTRS_MAX, #type " has more attributes than struct attrs has slots");
#include "m2m/rule.gen.def"
#undef HERE
#undef OWN_BEGIN
#undef OWN
#undef OWN_END

#define NEEDS(x, y)    {BOND_NEEDS, AT_##x, AT_##y},
#define SOME(x, y)     {BOND_SOME, AT_##x, AT_##y},
#define BOND_BEGIN(id) static const struct bond bond_##id[] = {
#define BOND_END(id)                                                                                                   \
    }                                                                                                                  \
    ;
#include "m2m/bond.gen.def"

/* ---- types --------------------------------------------------------------------------------------- */

static const uint16_t kids[] = {
#define CHILD(parent, child) TY_##child,
#define RESERVED(parent, name)
#include "m2m/child.gen.def"
#undef CHILD
#undef RESERVED
};

struct reserved {
    uint16_t parent;
    struct span name;
};
static const struct reserved reserved[] = {
#define CHILD(parent, child)
#define RESERVED(parent, name) {TY_##parent, TEXT(name)},
#include "m2m/child.gen.def"
#undef CHILD
#undef RESERVED
};

static const struct type types[] = {
#define TYPE(id, no, root, name, tf, first, count, bond, n_bond)                                                       \
    {name, TEXT(root), own_##id, slot_##id, kids + first, bond, {NULL, 0}, no, tf, 0, LEN(own_##id) - 1, count, n_bond},
#define SPEC(id, base, def, root, name, tf, first, count, bond, n_bond)                                                \
    {name,      TEXT(root),   own_##id, slot_##id,         kids + first, bond,  {NULL, 0},                             \
     TY_##base, tf | TF_SPEC, def,      LEN(own_##id) - 1, count,        n_bond},
#define VIRTUAL(id, no, segment, name, tf, first, count, bond, n_bond)                                                 \
    {name, TEXT(segment), NULL, NULL, NULL, NULL, {NULL, 0}, no, tf, 0, 0, 0, 0},
#define UNHOSTED(id, no, root, name, tf)
#include "m2m/type.gen.def"
#undef TYPE
#undef SPEC
#undef VIRTUAL
#undef UNHOSTED
};

/* Places in types[]: the types themselves, then the specializations from POS__SPEC on, the virtual ones from
 * POS__VIRTUAL. */
enum {
#define TYPE(id, no, root, name, tf, first, count, bond, n_bond) POS_##id,
#define SPEC(id, base, def, root, name, tf, first, count, bond, n_bond)
#define VIRTUAL(id, no, segment, name, tf, first, count, bond, n_bond)
#define UNHOSTED(id, no, root, name, tf)
#include "m2m/type.gen.def"
#undef TYPE
#undef SPEC
    POS__SPEC,
    POS__BEFORE = POS__SPEC - 1,
#define TYPE(id, no, root, name, tf, first, count, bond, n_bond)
#define SPEC(id, base, def, root, name, tf, first, count, bond, n_bond) POS_##id,
#include "m2m/type.gen.def"
    POS__VIRTUAL
#undef TYPE
#undef SPEC
#undef VIRTUAL
#undef UNHOSTED
};

/* Number of a type to its place + 1; [0] are the types themselves, [1] the announced variants. */
enum { NUMBERS = 128 };
static const uint8_t place[2][NUMBERS] = {
#define TYPE(id, no, root, name, tf, first, count, bond, n_bond) [(no) >= TY_ANNC][(no) % TY_ANNC] = POS_##id + 1,
#define SPEC(id, base, def, root, name, tf, first, count, bond, n_bond)
#define VIRTUAL(id, no, segment, name, tf, first, count, bond, n_bond)
#define UNHOSTED(id, no, root, name, tf)
#include "m2m/type.gen.def"
#undef TYPE
#undef SPEC
#undef VIRTUAL
#undef UNHOSTED
};

/* Numbers of the types that only an IN-CSE may host, whether we do or not. */
static const struct {
    uint16_t number, flags;
} numbers[] = {
#define TYPE(id, no, root, name, tf, first, count, bond, n_bond) {no, tf},
#define SPEC(id, base, def, root, name, tf, first, count, bond, n_bond)
#define VIRTUAL(id, no, segment, name, tf, first, count, bond, n_bond)
#define UNHOSTED(id, no, root, name, tf) {no, tf},
#include "m2m/type.gen.def"
#undef TYPE
#undef SPEC
#undef VIRTUAL
#undef UNHOSTED
};

const struct type *type_of(unsigned ty)
{
    unsigned annc = ty >= TY_ANNC, at;
    if (ty - annc * TY_ANNC < NUMBERS) {
        at = place[annc][ty - annc * TY_ANNC];
        return at ? &types[at - 1] : NULL;
    }
    for (at = POS__VIRTUAL; at < LEN(types); at++)
        if (types[at].number == ty)
            return &types[at];
    return NULL;
}

const struct type *type_of_root(struct span root)
{
    for (size_t i = 0; i < POS__VIRTUAL; i++)
        if (span_eq(types[i].root, root))
            return &types[i];
    for (size_t i = 0; i < loaded->n_types; i++)
        if (span_eq(loaded->types[i].root, root))
            return &loaded->types[i];
    return NULL;
}

const struct type *type_spec(unsigned ty, struct span root)
{
    for (size_t i = POS__SPEC; i < POS__VIRTUAL; i++)
        if (types[i].number == ty && span_eq(types[i].root, root))
            return &types[i];
    for (size_t i = 0; i < loaded->n_types; i++)
        if (loaded->types[i].number == ty && span_eq(loaded->types[i].root, root))
            return &loaded->types[i];
    return NULL;
}

const struct type *type_of_cnd(struct span cnd)
{
    for (size_t i = 0; i < loaded->n_types; i++)
        if (loaded->types[i].number == TY_FCNT && span_eq(loaded->types[i].cnd, cnd))
            return &loaded->types[i];
    return NULL;
}

const struct type *type_virtual(unsigned parent, struct span segment)
{
    for (size_t i = POS__VIRTUAL; i < LEN(types); i++)
        if (span_eq(types[i].root, segment) && type_child_anywhere(parent, types[i].number))
            return &types[i];
    return NULL;
}

bool type_known(unsigned ty)
{
    return enum_name(EN_resourceType, ty) != NULL;
}

bool type_in_only(unsigned ty)
{
    for (size_t i = 0; i < LEN(numbers); i++)
        if (numbers[i].number == ty)
            return numbers[i].flags & TF_IN_ONLY;
    return false;
}

bool type_child(unsigned parent, unsigned child)
{
    return type_child_anywhere(parent, child) && type_of(child);
}

bool type_child_anywhere(unsigned parent, unsigned child)
{
    const struct type *t = type_of(parent);
    for (size_t i = 0; t && i < t->n_kids; i++)
        if (t->kids[i] == child)
            return true;
    return false;
}

const struct type *type_rows(size_t *n)
{
    *n = LEN(types);
    return types;
}

bool type_reserved(unsigned parent, struct span name)
{
    for (size_t i = 0; i < LEN(reserved); i++)
        if (reserved[i].parent == parent && span_eq(reserved[i].name, name))
            return true;
    return type_virtual(parent, name) != NULL;
}

const struct rule *type_named(const struct type *t, struct span s)
{
    unsigned lo = 1, hi = t->n + 1u;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        struct span at = t->own[mid].row->sn;
        int c = at.n == s.n ? memcmp(s.p, at.p, s.n) : s.n < at.n ? -1 : 1;
        if (c == 0)
            return &t->own[mid];
        if (c > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return &t->own[0];
}

/* ---- enumerations -------------------------------------------------------------------------------- */

struct value {
    const char *name;
    uint16_t number;
};

#define ENUM_BEGIN(id)   static const struct value values_##id[] = {
#define EV(number, name) {name, number},
#define ENUM_END(id)                                                                                                   \
    }                                                                                                                  \
    ;
#include "m2m/enum.gen.def"
#undef ENUM_BEGIN
#undef EV
#undef ENUM_END

struct enum_row {
    const char *name;
    const struct value *v;
    size_t n;
};
static const struct enum_row enums[EN__N] = {
#define ENUM_BEGIN(id) [EN_##id] = {#id, values_##id, LEN(values_##id)},
#define EV(number, name)
#define ENUM_END(id)
#include "m2m/enum.gen.def"
#undef ENUM_BEGIN
#undef EV
#undef ENUM_END
};

const char *enum_name(enum enumeration e, int64_t value)
{
    size_t lo = 0, hi = enums[e].n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int64_t at = enums[e].v[mid].number;
        if (at == value)
            return enums[e].v[mid].name;
        if (at < value)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const char *enum_text(enum enumeration e)
{
    return enums[e].name;
}

size_t enum_count(enum enumeration e)
{
    return enums[e].n;
}

/* ---- complex types ------------------------------------------------------------------------------- */

enum { OPT_ = false, ONE_ = true };
#define CTYPE_BEGIN(id, least)             static const struct member_row members_##id[] = {
#define MEMBER(sn, long_name, need, value) {TEXT(#sn), long_name, value, need},
#define CTYPE_END(id)                                                                                                  \
    }                                                                                                                  \
    ;
#include "m2m/ctype.gen.def"
#undef CTYPE_BEGIN
#undef MEMBER
#undef CTYPE_END

static const struct ctype_row ctypes[CT__N] = {
#define CTYPE_BEGIN(id, least) [CT_##id] = {#id, members_##id, LEN(members_##id), least},
#define MEMBER(sn, long_name, need, value)
#define CTYPE_END(id)
#include "m2m/ctype.gen.def"
#undef CTYPE_BEGIN
#undef MEMBER
#undef CTYPE_END
};

const struct ctype_row *ctype_row(enum ctype c)
{
    return &ctypes[c];
}
