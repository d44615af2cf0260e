#include "ttp/admin.h"

static const struct admin_row rows[ADMIN__N] = {
#define ADMIN(name, room, when, what) [ADMIN_##name] = {#name, ROOM_##room, (when), (what)},
#include "ttp/admin.def"
#undef ADMIN
};

const char *admin_state_name(unsigned state)
{
    static const struct {
        enum admin_state state;
        const char *name;
    } names[] = {{A_STARTING, "starting"}, {A_SEALED, "sealed"}, {A_OPEN, "open"}, {A_QUARANTINE, "quarantine"}};
    for (size_t i = 0; i < LEN(names); i++)
        if (names[i].state == state)
            return names[i].name;
    return "unknown";
}

const struct admin_row *admin_row(unsigned n)
{
    return &rows[n];
}

static bool same(struct span word, const char *name)
{
    struct span s = span_str(name);
    if (word.n != s.n)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (word.p[i] != (s.p[i] == '_' ? '-' : s.p[i]))
            return false;
    return true;
}

enum admin_name admin_find(struct span word)
{
    unsigned n = 0;
    while (n < ADMIN__N && !same(word, rows[n].name))
        n++;
    return (enum admin_name)n;
}
