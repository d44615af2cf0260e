/* m2mname.h - reading and writing by the table of provisional names, m2mnames.def: no other file spells one of them. */
#ifndef M2M_M2MNAME_H
#define M2M_M2MNAME_H

#include "wire/json.h"

enum m2mname_type {
#define M2M_TYPE(name, ty, root, long_root) M2MTYPE_##name,
#include "m2m/m2mnames.def"
    M2MTYPE__N
};
enum m2mname_attr {
#define M2M_ATTR(name, short_name, long_name) M2MATTR_##name,
#include "m2m/m2mnames.def"
    M2MATTR__N
};
enum m2mname_base {
#define M2M_BASE(name, path, type, number) M2MBASE_##name = (number),
#include "m2m/m2mnames.def"
};
enum m2mname_child {
#define M2M_CHILD(name, rn) M2MCHILD_##name,
#include "m2m/m2mnames.def"
    M2MCHILD__N
};

unsigned m2mname_ty(enum m2mname_type t);
struct span m2mname_root(enum m2mname_type t);
struct span m2mname_child(enum m2mname_child c);
/* The type of a number; false when there is none. */
bool m2mname_type_of(uint64_t ty, enum m2mname_type *out);
/* Path of a base ("/mef") and the type of its base resource, by its number; empty when there is none. */
struct span m2mname_base_path(uint8_t base);
enum m2mname_type m2mname_base_type(uint8_t base);
/* The only member of the document, by short or long root; NULL when there is another one or none. */
const struct jval *m2mname_resource(const struct jval *doc, enum m2mname_type t);
/* The attribute by its short or its long name, NULL when absent. */
const struct jval *m2mname_get(const struct jval *o, enum m2mname_attr a);
/* The attribute that a member is; false for an unknown one. */
bool m2mname_attr_of(const struct jval *member, enum m2mname_attr *out);
struct span m2mname_short(enum m2mname_attr a);
/* Writes the member name of an attribute (short), as jw_name. */
void m2mname_put(struct jw *w, enum m2mname_attr a);
/* The same with a string or a number. */
void m2mname_put_str(struct jw *w, enum m2mname_attr a, struct span s);
void m2mname_put_u64(struct jw *w, enum m2mname_attr a, uint64_t n);

#endif
