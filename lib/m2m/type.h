/* type.h - resource types and their attributes, as rows (TS-0004 7.4 and 8.2, TS-0001 9.6).
 *
 *   tbl/attr.def     one row per attribute: short name, long name, kind of value
 *   tbl/CSEBase.def, AE.def, ...   one row per attribute of that type: multiplicity, CREATE, UPDATE, announce, access
 *   tbl/type.def     one row per type that this CSE knows how to host, virtual ones included
 *   tbl/child.def    which type may live under which
 *   tbl/ctype.def    complex types with their members
 *   tbl/enum.def     enumerations
 * Everything here is constant data; lookups do not allocate. */
#ifndef M2M_TYPE_H
#define M2M_TYPE_H

#include "base/span.h"

/* ---- attributes --------------------------------------------------------------------------------- */

/* AT_rn, AT_ty ... in the order of tbl/attr.def: by length, then by letters. 0 is no attribute. */
enum attr {
    AT_NONE = 0,
#define ATTR_LEN(n)                AT_LEN_##n, AT_LEN_##n##_before = AT_LEN_##n - 1,
#define ATTR(id, long_name, value) AT_##id,
#include "m2m/tbl/attr.def"
#undef ATTR
#undef ATTR_LEN
    AT__N
};

/* Kinds of simple value. VK_ENUM and VK_COMPLEX refer to a row of enum.def or ctype.def. */
enum vkind {
    VK_STRING,   /* any text */
    VK_NSTRING,  /* any text but the empty one */
    VK_NAME,     /* m2m:resourceName, ABNF of TS-0004 6.2.4 */
    VK_TOKEN,    /* xs:token: labels */
    VK_NCNAME,   /* xs:NCName: attribute short names */
    VK_URI,      /* xs:anyURI, not empty */
    VK_ID,       /* m2m:ID in any of its forms */
    VK_TIME,     /* m2m:timestamp */
    VK_ABSREL,   /* m2m:absRelTimestamp */
    VK_DURATION, /* xs:duration, not negative */
    VK_UINT,     /* integer, lo..hi */
    VK_FLOAT,    /* number */
    VK_BOOL,
    VK_ENUM,     /* integer listed in enum.def */
    VK_EVENTCAT, /* 2..4 or 100..999 */
    VK_APPID,    /* N..., R..., r... */
    VK_CNF,      /* m2m:contentInfo */
    VK_SERIAL,   /* json, xml, cbor, or their media types */
    VK_RELEASE,  /* 1 2 2a 3 4 5 */
    VK_SCHEDULE, /* m2m:scheduleEntry */
    VK_IPV4,     /* address[/prefix] */
    VK_IPV6,
    VK_COUNTRY, /* two capital letters */
    VK_BASE64,
    VK_ANY,     /* any JSON value but null */
    VK_COMPLEX, /* object, members listed in ctype.def */
};

enum { LIST_NO, LIST_YES, LIST_EITHER /* one value or an array of them */ };

/* What a value must look like. `ref` is an enum enumeration or enum ctype.  */
struct vdesc {
    uint8_t kind;  /* enum vkind */
    uint8_t list;  /* LIST_NO, LIST_YES, LIST_EITHER */
    uint8_t least; /* a list needs so many entries */
    uint8_t ref;
    int64_t lo, hi; /* VK_UINT */
};

struct attr_row {
    struct span sn;        /* short name */
    const char *long_name; /* as in the attribute tables */
    struct vdesc v;
};
/* Row of an attribute, 1 .. AT__N-1. */
const struct attr_row *attr_row(enum attr a);
/* Short name to attribute; AT_NONE when no type has one of that name. */
enum attr attr_find(struct span short_name);

/* ---- rules: an attribute in a type -------------------------------------------------------------- */

enum presence { P_ABSENT, P_NP, P_O, P_M }; /* P_ABSENT: the type has no such attribute */
enum announce { ANN_NA, ANN_OA, ANN_MA };
enum access { ACC_NONE, ACC_RO, ACC_RW, ACC_WO };

struct rule {
    uint8_t create, update; /* enum presence */
    uint8_t announce;       /* enum announce */
    uint8_t access;         /* enum access */
    bool one;               /* multiplicity 1: every resource of the type has it; null is refused on UPDATE */
    bool set;               /* the CSE gives it its value or may change it */
};

/* ---- types -------------------------------------------------------------------------------------- */

/* Numbers of m2m:resourceType; virtual ones have the number that m2m:memberType gives them. */
enum ty {
    TY_NONE = 0,
#define TYPE(id, number, root, long_name, flags)    TY_##id = number,
#define VIRTUAL(id, number, root, long_name, flags) TY_##id = number,
#define IN_ONLY(number)
#include "m2m/tbl/type.def"
#undef TYPE
#undef VIRTUAL
#undef IN_ONLY
    TY_ANNC = 10000 /* announced variant: number + 10000 */
};

/* Flags of a type. */
enum {
    TF_VIRTUAL = 1,       /* no representation of its own */
    TF_ACPI = 2,          /* has acpi; without it the parent decides (procedures 4.4) */
    TF_NO_CREATE = 4,     /* never by request: 4005 */
    TF_NO_UPDATE = 8,     /* never by request: 4005, before existence and rights */
    TF_NO_DELETE = 16,    /* never by request: 4005 */
    TF_SUBSCRIBABLE = 32, /* may have a subscription below it */
    TF_INSTANCE = 64,     /* counted in its parent's cni and cbs */
    TF_STATE = 128,       /* has st that grows */
};

struct type {
    const char *long_name;    /* "container" */
    struct span root;         /* "m2m:cnt"; of a virtual type its URI segment "la" */
    const struct rule *rules; /* AT__N entries, indexed by enum attr; NULL for virtual types */
    uint16_t number;
    uint16_t flags;
};
/* A type that this CSE hosts (virtual ones included); NULL for every other number. */
const struct type *type_of(unsigned ty);
const struct type *type_of_root(struct span root);
/* The virtual type of a URI segment under a parent type; NULL when the segment is a name like others. */
const struct type *type_virtual(unsigned parent_ty, struct span segment);
/* The standard has a type of this number, hosted here or not: decides between 5001 and 4000. */
bool type_known(unsigned ty);
/* A type that only an IN-CSE may host. */
bool type_in_only(unsigned ty);
/* May a resource of type child be created under one of type parent? */
bool type_child(unsigned parent, unsigned child);
/* The same for every type of the standard, hosted here or not: what chty may name. */
bool type_child_anywhere(unsigned parent, unsigned child);
/* All rows. */
const struct type *type_rows(size_t *n);
/* A name that no child of this parent type may have, because a virtual resource has it (la, ol, ntsr ...). */
bool type_reserved(unsigned parent_ty, struct span name);

static inline const struct rule *type_rule(const struct type *t, enum attr a)
{
    return &t->rules[a];
}

/* ---- enumerations and complex types ------------------------------------------------------------- */

enum enumeration {
    EN_NONE = 0,
#define ENUM_BEGIN(id) EN_##id,
#define EV(number, name)
#define ENUM_END(id)
#include "m2m/tbl/enum.def"
#undef ENUM_BEGIN
#undef EV
#undef ENUM_END
    EN__N
};
/* The name of a value; NULL when the enumeration does not have it. */
const char *enum_name(enum enumeration e, int64_t value);
const char *enum_text(enum enumeration e); /* name of the enumeration */
size_t enum_count(enum enumeration e);     /* how many values it has */

enum ctype {
    CT_NONE = 0,
#define CTYPE_BEGIN(id, least) CT_##id,
#define MEMBER(sn, long_name, need, value)
#define CTYPE_END(id)
#include "m2m/tbl/ctype.def"
#undef CTYPE_BEGIN
#undef MEMBER
#undef CTYPE_END
    CT__N
};

struct member_row {
    struct span sn;
    const char *long_name;
    struct vdesc v;
    bool need; /* multiplicity 1 */
};
struct ctype_row {
    const char *name;
    const struct member_row *m;
    uint8_t n;
    uint8_t least; /* so many members must be there (operationMonitor: one of two) */
};
const struct ctype_row *ctype_row(enum ctype c);

#endif
