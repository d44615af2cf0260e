/* type.h - resource types and their attributes, as rows (TS-0004 7.4 and 8.2, TS-0001 9.6).
 *
 * tbl/README.md says which rows there are; each type is one file there. tables.py merges them when the tree is built.
 * Everything here is constant data; lookups do not allocate. */
#ifndef M2M_TYPE_H
#define M2M_TYPE_H

#include "base/span.h"

/* ---- attributes --------------------------------------------------------------------------------- */

/* AT_rn, AT_ty ... by length, then by letters. 0 is no attribute. */
enum attr {
    AT_NONE = 0,
#define ATTR_LEN(n)                AT_LEN_##n, AT_LEN_##n##_before = AT_LEN_##n - 1,
#define ATTR(id, long_name, value) AT_##id,
#include "m2m/attr.gen.def"
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
    VK_UINT,     /* integer, lo..hi; lo may be negative */
    VK_FLOAT,    /* number */
    VK_BOOL,
    VK_ENUM,        /* integer listed in enum.def */
    VK_EVENTCAT,    /* 2..4 or 100..999 */
    VK_EVENTCATDEF, /* the same, or 0: the default */
    VK_APPID,       /* N..., R..., r... */
    VK_CNF,         /* m2m:contentInfo */
    VK_SERIAL,      /* json, xml, cbor, or their media types */
    VK_RELEASE,     /* 1 2 2a 3 4 5 */
    VK_SCHEDULE,    /* m2m:scheduleEntry */
    VK_IPV4,        /* address[/prefix] */
    VK_IPV6,
    VK_COUNTRY, /* two capital letters */
    VK_BASE64,
    VK_DIGITS,  /* decimal digits as text */
    VK_OBJECT,  /* any JSON object */
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
/* Row of an attribute, 1 .. AT__N-1, and of the loaded ones from AT__N on. Where a type uses the name for another kind
 * of value, its rule has its own row: `type_rule(t, a)->row` is what a value of that type's attribute is checked
 * against. */
const struct attr_row *attr_row(enum attr a);
/* Short name to attribute; AT_NONE when no type has one of that name. Attributes that only loaded specializations have
 * come behind: AT__N and more. */
enum attr attr_find(struct span short_name);

/* ---- rules: an attribute in a type -------------------------------------------------------------- */

/* P_ABSENT: the type has no such attribute. P_LACKS: the standard has it and this CSE does not offer it: 5001 (TS-0004
 * 7.3.3.3). */
enum presence { P_ABSENT, P_NP, P_O, P_M, P_LACKS };
enum announce { ANN_NA, ANN_OA, ANN_MA };
enum access { ACC_NONE, ACC_RO, ACC_RW, ACC_WO };

struct rule {
    const struct attr_row *row; /* short name and what the value looks like here */
    uint16_t at;                /* enum attr; AT__N and more: an attribute that only loaded specializations have */
    uint8_t create, update;     /* enum presence */
    uint8_t announce;           /* enum announce */
    uint8_t access;             /* enum access */
    bool one;                   /* multiplicity 1: every resource of the type has it; null is refused on UPDATE */
    bool set;                   /* the CSE gives it its value or may change it */
    uint8_t sw;                 /* number of the switch that changes `update`; 0: none */
    uint8_t open;               /* enum presence on UPDATE when that switch reads as open deployments do */
    bool sealed;                /* of a specialization: a text that is sealed in protected places (spec.h) */
};

/* What holds between attributes of one representation, beside the rules of each. */
enum bond_kind {
    BOND_NEEDS, /* a is not there without b */
    BOND_SOME,  /* a or b is there, or both */
};
struct bond {
    uint8_t kind;  /* enum bond_kind */
    uint16_t a, b; /* enum attr */
};

/* ---- types -------------------------------------------------------------------------------------- */

/* Numbers of m2m:resourceType: TY_GRP, and TY_GRP_A for the announced variant (number + TY_ANNC). Those that this CSE
 * does not host have a number, too. Virtual ones: la and ol as in m2m:memberType, the others are ours alone. */
enum ty {
    TY_NONE = 0,
#define TYPE(id, number, root, long_name, flags, first, n, bonds, n_bonds) TY_##id = number,
#define SPEC(id, base, def, root, long_name, flags, first, n, bonds, n_bonds)
#define VIRTUAL(id, number, segment, long_name, flags, first, n, bonds, n_bonds) TY_##id = number,
#define UNHOSTED(id, number, root, long_name, flags)                             TY_##id = number,
#include "m2m/type.gen.def"
#undef TYPE
#undef SPEC
#undef VIRTUAL
#undef UNHOSTED
    TY_ANNC = 10000
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
    TF_ANNC = 256,        /* may be announced: has a variant of number + TY_ANNC */
    TF_ANNOUNCED = 512,   /* is such a variant */
    TF_IN_ONLY = 1024,    /* only on an IN-CSE */
    TF_SPEC = 2048,       /* a specialization of the type of its number */
    TF_OPEN = 4096,       /* takes attributes that its table does not know */
};

/* Slots of struct attrs: an attribute of a type has the number of its rule, 1..n; 0 is "no such attribute". */
enum { ATTRS_MAX = 64 };

struct type {
    const char *long_name;  /* "container" */
    struct span root;       /* "m2m:cnt"; of a virtual type its URI segment "la" */
    const struct rule *own; /* own[1..n], by length of name, then letters; own[0] says P_ABSENT. NULL: virtual */
    const uint8_t *slot;    /* enum attr -> place in own, 0: the type has no such attribute */
    const uint16_t *kids;   /* numbers of the types that may live below it, hosted or not */
    const struct bond *bonds;
    struct span cnd; /* containerDefinition of a specialization of flexContainer */
    uint16_t number;
    uint16_t flags;
    uint16_t mgd; /* mgmtDefinition of a specialization of mgmtObj */
    uint8_t n, n_kids, n_bonds;
};

/* A type that this CSE hosts (virtual ones included); NULL for every other number. Of mgmtObj and flexContainer this is
 * the type itself, without the attributes of a specialization. */
const struct type *type_of(unsigned ty);
/* The type with this root, specializations that are rows included; NULL: none. */
const struct type *type_of_root(struct span root);
/* The specialization of a type (mgmtObj, flexContainer, flexContainerInstance, their announced variants) with this
 * root; NULL: none. */
const struct type *type_spec(unsigned ty, struct span root);
/* The specialization of flexContainer with this containerDefinition. */
const struct type *type_of_cnd(struct span cnd);
/* Specializations that were loaded from data (spec.h) join the rows of the folder, for the whole process: before any
 * thread runs. The list lives on with the caller; NULL: none any more. */
struct spec_list;
void type_extend(const struct spec_list *more);
/* The virtual type of a URI segment under a parent type; NULL when the segment is a name like others. */
const struct type *type_virtual(unsigned parent_ty, struct span segment);
/* The standard has a type of this number, hosted here or not: decides between 5001 and 4000. */
bool type_known(unsigned ty);
/* A type that only an IN-CSE may host, hosted here or not. */
bool type_in_only(unsigned ty);
/* May a resource of type child be created under one of type parent? Both are hosted. */
bool type_child(unsigned parent, unsigned child);
/* The same for every type of the standard, hosted here or not: what chty may name. */
bool type_child_anywhere(unsigned parent, unsigned child);
/* All rows: types, specializations (TF_SPEC), virtual types. */
const struct type *type_rows(size_t *n);
/* A name that no child of this parent type may have, because a virtual resource has it (la, ol, ntsr ...). */
bool type_reserved(unsigned parent_ty, struct span name);
/* The rule of an attribute that the type has under this short name; own[0] when it has none. */
const struct rule *type_named(const struct type *t, struct span short_name);

static inline size_t type_slot(const struct type *t, enum attr a)
{
    return a < AT__N ? t->slot[a] : (size_t)(type_named(t, attr_row(a)->sn) - t->own);
}
static inline const struct rule *type_rule(const struct type *t, enum attr a)
{
    return &t->own[type_slot(t, a)];
}

/* ---- enumerations and complex types ------------------------------------------------------------- */

enum enumeration {
    EN_NONE = 0,
#define ENUM_BEGIN(id) EN_##id,
#define EV(number, name)
#define ENUM_END(id)
#include "m2m/enum.gen.def"
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
#include "m2m/ctype.gen.def"
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
