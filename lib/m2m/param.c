/* param.c - rows of param.def, and finding them by what a binding calls them. */
#include "m2m/prim.h"

#define TEXT(lit)                                                                                                      \
    {                                                                                                                  \
        (const uint8_t *)(lit), sizeof(lit) - 1                                                                        \
    }

static const struct param_row params[PA__N] = {
#define PARAM(id, long_name, kind, place, http) [PA_##id] = {TEXT(#id), long_name, TEXT(http), IN_##place, VK_##kind},
#define CRIT(id, long_name, kind)
#include "m2m/tbl/param.def"
#undef PARAM
#undef CRIT
};

struct crit_row {
    struct span sn;
    uint8_t kind;
};
static const struct crit_row crits[FC__N] = {
#define PARAM(id, long_name, kind, place, http)
#define CRIT(id, long_name, kind) [FC_##id] = {TEXT(#id), VK_##kind},
#include "m2m/tbl/param.def"
#undef PARAM
#undef CRIT
};

const struct param_row *param_row(enum param id)
{
    return &params[id];
}

/* Every header of every request comes by here. Those of others are told apart by their first letter; of ours the length
 * and the last letter leave one candidate, which is compared. */
enum param param_of_header(struct span name)
{
    if (name.n < 8 || ((name.p[0] | 32) != 'x' && (name.p[0] | 32) != 'a'))
        return PA_NONE;
    uint8_t last = name.p[name.n - 1] | 32;
    for (unsigned i = 1; i < PA__N; i++) {
        struct span h = params[i].http;
        if (h.n == name.n && h.p[h.n - 1] == last && params[i].place == IN_HEADER && span_eq_nocase(h, name))
            return (enum param)i;
    }
    return PA_NONE;
}

enum param param_of_query(struct span name)
{
    for (unsigned i = 1; i < PA__N; i++)
        if (params[i].place == IN_QUERY && span_eq(params[i].http, name))
            return (enum param)i;
    return PA_NONE;
}

enum crit crit_of_query(struct span name)
{
    for (unsigned i = 1; i < FC__N; i++)
        if (span_eq(crits[i].sn, name))
            return (enum crit)i;
    return FC_NONE;
}

struct span crit_name(enum crit id)
{
    return crits[id].sn;
}

enum vkind crit_kind(enum crit id)
{
    return (enum vkind)crits[id].kind;
}
