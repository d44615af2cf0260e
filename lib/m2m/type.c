#include "m2m/type.h"

#include <string.h>

#define TEXT(lit)                                                                                                      \
    {                                                                                                                  \
        (const uint8_t *)(lit), sizeof(lit) - 1                                                                        \
    }

/* ---- values in attr.def and ctype.def ------------------------------------------------------------ */

#define MAX INT64_MAX
#define ONE(k)                                                                                                         \
    {                                                                                                                  \
        VK_##k, LIST_NO, 0, 0, 0, 0                                                                                    \
    }
#define LIST(k)                                                                                                        \
    {                                                                                                                  \
        VK_##k, LIST_YES, 1, 0, 0, 0                                                                                   \
    }
#define UINT(least, most)                                                                                              \
    {                                                                                                                  \
        VK_UINT, LIST_NO, 0, 0, least, most                                                                            \
    }
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
#include "m2m/tbl/attr.def"
#undef ATTR
#undef ATTR_LEN
};

/* First attribute of each length of name; [n] .. [n+1] are those of length n. */
static const uint8_t of_len[] = {AT_LEN_2, AT_LEN_2, AT_LEN_2, AT_LEN_3, AT_LEN_4, AT__N};

const struct attr_row *attr_row(enum attr a)
{
    return &attrs[a];
}

enum attr attr_find(struct span s)
{
    if (s.n < 2 || s.n > 4)
        return AT_NONE;
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
    return AT_NONE;
}

/* ---- rules --------------------------------------------------------------------------------------- */

enum { MULT_OPT = false, MULT_ONE = true, SET_OF = false, SET_BY = true };
#define RULE(id, mult, create, update, announced, access, by)                                                          \
    [AT_##id] = {P_##create, P_##update, ANN_##announced, ACC_##access, MULT_##mult, SET_##by},

static const struct rule rules_CB[AT__N] = {
#include "m2m/tbl/CSEBase.def"
};
static const struct rule rules_AE[AT__N] = {
#include "m2m/tbl/AE.def"
};
static const struct rule rules_CNT[AT__N] = {
#include "m2m/tbl/container.def"
};
static const struct rule rules_CIN[AT__N] = {
#include "m2m/tbl/contentInstance.def"
};
static const struct rule rules_SUB[AT__N] = {
#include "m2m/tbl/subscription.def"
};
static const struct rule rules_ACP[AT__N] = {
#include "m2m/tbl/accessControlPolicy.def"
};
static const struct rule rules_CSR[AT__N] = {
#include "m2m/tbl/remoteCSE.def"
};

/* ---- types --------------------------------------------------------------------------------------- */

static const struct type types[] = {
#define TYPE(id, number, root, name, flags)       {name, TEXT(root), rules_##id, number, flags},
#define VIRTUAL(id, number, segment, name, flags) {name, TEXT(segment), NULL, number, flags},
#define IN_ONLY(number)
#include "m2m/tbl/type.def"
#undef TYPE
#undef VIRTUAL
#undef IN_ONLY
};

static const uint16_t in_only[] = {
#define TYPE(id, number, root, name, flags)
#define VIRTUAL(id, number, segment, name, flags)
#define IN_ONLY(number) number,
#include "m2m/tbl/type.def"
#undef TYPE
#undef VIRTUAL
#undef IN_ONLY
};

static const uint16_t children[][2] = {
#define CHILD(parent, child) {TY_##parent, TY_##child},
#define OTHER(parent, number, name)
#define RESERVED(parent, name)
#include "m2m/tbl/child.def"
#undef CHILD
#undef OTHER
#undef RESERVED
};

static const uint16_t others[][2] = {
#define CHILD(parent, child)
#define OTHER(parent, number, name) {TY_##parent, number},
#define RESERVED(parent, name)
#include "m2m/tbl/child.def"
#undef CHILD
#undef OTHER
#undef RESERVED
};

struct reserved {
    uint16_t parent;
    struct span name;
};
static const struct reserved reserved[] = {
#define CHILD(parent, child)
#define OTHER(parent, number, name)
#define RESERVED(parent, name) {TY_##parent, TEXT(name)},
#include "m2m/tbl/child.def"
#undef CHILD
#undef OTHER
#undef RESERVED
};

const struct type *type_of(unsigned ty)
{
    for (size_t i = 0; i < LEN(types); i++)
        if (types[i].number == ty)
            return &types[i];
    return NULL;
}

const struct type *type_of_root(struct span root)
{
    for (size_t i = 0; i < LEN(types); i++)
        if (!(types[i].flags & TF_VIRTUAL) && span_eq(types[i].root, root))
            return &types[i];
    return NULL;
}

const struct type *type_virtual(unsigned parent, struct span segment)
{
    for (size_t i = 0; i < LEN(types); i++)
        if (types[i].flags & TF_VIRTUAL && span_eq(types[i].root, segment) && type_child(parent, types[i].number))
            return &types[i];
    return NULL;
}

bool type_known(unsigned ty)
{
    return enum_name(EN_resourceType, ty) != NULL;
}

bool type_in_only(unsigned ty)
{
    for (size_t i = 0; i < LEN(in_only); i++)
        if (in_only[i] == ty)
            return true;
    return false;
}

bool type_child(unsigned parent, unsigned child)
{
    for (size_t i = 0; i < LEN(children); i++)
        if (children[i][0] == parent && children[i][1] == child)
            return true;
    return false;
}

bool type_child_anywhere(unsigned parent, unsigned child)
{
    for (size_t i = 0; i < LEN(others); i++)
        if (others[i][0] == parent && others[i][1] == child)
            return true;
    return type_child(parent, child);
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
#include "m2m/tbl/enum.def"
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
#include "m2m/tbl/enum.def"
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
#include "m2m/tbl/ctype.def"
#undef CTYPE_BEGIN
#undef MEMBER
#undef CTYPE_END

static const struct ctype_row ctypes[CT__N] = {
#define CTYPE_BEGIN(id, least) [CT_##id] = {#id, members_##id, LEN(members_##id), least},
#define MEMBER(sn, long_name, need, value)
#define CTYPE_END(id)
#include "m2m/tbl/ctype.def"
#undef CTYPE_BEGIN
#undef MEMBER
#undef CTYPE_END
};

const struct ctype_row *ctype_row(enum ctype c)
{
    return &ctypes[c];
}
