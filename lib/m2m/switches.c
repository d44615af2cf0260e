#include "m2m/switches.h"

struct switch_row {
    const char *name;
    uint8_t number;
    bool has_open;
};

static const struct switch_row rows[] = {
#define SWITCH(number, id, has_open, topic) {#id, number, has_open},
#include "m2m/tbl/switch.def"
#undef SWITCH
};

struct switches switches_open(void)
{
    struct switches s = {0};
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].has_open)
            s.open |= UINT64_C(1) << rows[i].number;
    return s;
}

/* '-' and '_' are the same letter here: configuration files like the one, identifiers the other. */
static bool named(struct span name, const char *id)
{
    struct span s = span_str(id);
    if (s.n != name.n)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (name.p[i] != s.p[i] && !(name.p[i] == '-' && s.p[i] == '_'))
            return false;
    return true;
}

static const struct switch_row *find(struct span name)
{
    uint64_t number;
    bool by_number = span_u64(name, SW__N, &number) == OK;
    for (size_t i = 0; i < LEN(rows); i++)
        if (by_number ? rows[i].number == number : named(name, rows[i].name))
            return &rows[i];
    return NULL;
}

enum err switches_set(struct switches *s, struct span name, struct span value)
{
    const struct switch_row *row = find(name);
    if (!row)
        return ERR_NOTFOUND;
    bool open = span_eq(value, SPAN("open"));
    if (!open && !span_eq(value, SPAN("r3")))
        return ERR_SYNTAX;
    if (open && !row->has_open)
        return ERR_UNSUPPORTED;
    uint64_t bit = UINT64_C(1) << row->number;
    s->open = open ? s->open | bit : s->open & ~bit;
    return OK;
}

const char *switches_name(unsigned number)
{
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].number == number)
            return rows[i].name;
    return NULL;
}
