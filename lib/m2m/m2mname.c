#include "m2m/m2mname.h"

static const struct {
    unsigned ty;
    const char *root, *long_root;
} types[] = {
#define M2M_TYPE(name, ty, root, long_root) {(ty), (root), (long_root)},
#include "m2m/m2mnames.def"
};
static const struct {
    const char *short_name, *long_name;
} attrs[] = {
#define M2M_ATTR(name, short_name, long_name) {(short_name), (long_name)},
#include "m2m/m2mnames.def"
};
static const struct {
    const char *path;
    enum m2mname_type type;
    uint8_t number;
} bases[] = {
#define M2M_BASE(name, path, type, number) {(path), M2MTYPE_##type, (number)},
#include "m2m/m2mnames.def"
};
static const char *const children[] = {
#define M2M_CHILD(name, rn) (rn),
#include "m2m/m2mnames.def"
};

unsigned m2mname_ty(enum m2mname_type t)
{
    return types[t].ty;
}

struct span m2mname_root(enum m2mname_type t)
{
    return span_str(types[t].root);
}

struct span m2mname_child(enum m2mname_child c)
{
    return span_str(children[c]);
}

bool m2mname_type_of(uint64_t ty, enum m2mname_type *out)
{
    for (unsigned i = 0; i < M2MTYPE__N; i++)
        if (types[i].ty == ty && ty != 0) {
            *out = (enum m2mname_type)i;
            return true;
        }
    return false;
}

struct span m2mname_base_path(uint8_t base)
{
    for (size_t i = 0; i < LEN(bases); i++)
        if (bases[i].number == base)
            return span_str(bases[i].path);
    return SPAN_NONE;
}

enum m2mname_type m2mname_base_type(uint8_t base)
{
    for (size_t i = 0; i < LEN(bases); i++)
        if (bases[i].number == base)
            return bases[i].type;
    return M2MTYPE__N;
}

const struct jval *m2mname_resource(const struct jval *doc, enum m2mname_type t)
{
    if (!doc || doc->type != J_OBJ || doc->n != 1)
        return NULL;
    const struct jval *o = json_get(doc, span_str(types[t].root));
    o = o ? o : json_get(doc, span_str(types[t].long_root));
    return o && o->type == J_OBJ ? o : NULL;
}

const struct jval *m2mname_get(const struct jval *o, enum m2mname_attr a)
{
    const struct jval *v = json_get(o, span_str(attrs[a].short_name));
    return v ? v : json_get(o, span_str(attrs[a].long_name));
}

bool m2mname_attr_of(const struct jval *member, enum m2mname_attr *out)
{
    for (unsigned i = 0; i < M2MATTR__N; i++)
        if (!member->key_esc && (span_eq(member->key, span_str(attrs[i].short_name)) ||
                                 span_eq(member->key, span_str(attrs[i].long_name)))) {
            *out = (enum m2mname_attr)i;
            return true;
        }
    return false;
}

struct span m2mname_short(enum m2mname_attr a)
{
    return span_str(attrs[a].short_name);
}

void m2mname_put(struct jw *w, enum m2mname_attr a)
{
    jw_name(w, span_str(attrs[a].short_name));
}

void m2mname_put_str(struct jw *w, enum m2mname_attr a, struct span s)
{
    m2mname_put(w, a);
    jw_str(w, s);
}

void m2mname_put_u64(struct jw *w, enum m2mname_attr a, uint64_t n)
{
    m2mname_put(w, a);
    jw_u64(w, n);
}
