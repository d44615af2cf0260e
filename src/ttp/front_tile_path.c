#include "ttp/front_tile.h"
#include "ttp/ledger_tile.h"

enum { GROUP = 3 };

static bool digits(struct span s, uint64_t *n)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        *n = *n * 10 + (uint64_t)(s.p[i] - '0');
    }
    return s.n == GROUP;
}

/* x001/x234/067: the first group is never x000, since nobody writes it. */
static enum err index_of(struct span *path, uint64_t *n)
{
    *n = 0;
    for (int groups = 0; groups < 6; groups++) {
        struct span rest = *path, group = span_cut(&rest, '/');
        bool more = group.n > 0 && group.p[0] == 'x';
        if (more && groups == 0 && span_eq(group, SPAN("x000")))
            return ERR_SYNTAX;
        if (more) {
            if (!digits(span_from(group, 1), n))
                return ERR_SYNTAX;
            *path = rest;
            continue;
        }
        bool part = span_ends(group, SPAN(".p"));
        if (!digits(part ? span_first(group, group.n - 2) : group, n))
            return ERR_SYNTAX;
        *path = part ? rest : group.n == path->n ? SPAN_NONE : SPAN("/");
        return part == (rest.p != NULL) ? OK : ERR_SYNTAX;
    }
    return ERR_SYNTAX;
}

enum err front_tile_parse(struct span path, struct front_tile *out)
{
    struct span level = span_cut(&path, '/');
    uint64_t v = TILE_ENTRIES, w;
    *out = (struct front_tile){0};
    if (!span_eq(level, SPAN("entries")) && (span_u64(level, TILE_LEVELS - 1, &v) != OK))
        return ERR_SYNTAX;
    out->level = (uint8_t)v;
    TRY(index_of(&path, &out->n));
    if (!path.p)
        return OK;
    if (span_u64(path, TILE_WIDTH - 1, &w) != OK || w == 0)
        return ERR_SYNTAX;
    out->width = (uint8_t)w;
    return OK;
}
