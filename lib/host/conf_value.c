#include "host/conf_in.h"

#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit times[] = {{"ms", 1},      {"s", 1000},    {"m", 60000},
                                    {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
static const struct unit sizes[] = {{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};

static enum err with_unit(struct span text, const struct unit *units, size_t n_units, int64_t *n)
{
    size_t digits = 0;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    uint64_t v;
    TRY(span_u64(span_first(text, digits), INT64_MAX, &v));
    struct span unit = span_from(text, digits);
    while (unit.n > 0 && unit.p[0] == ' ')
        unit = span_from(unit, 1);
    for (size_t i = 0; i < n_units; i++) {
        if (!span_eq(unit, span_str(units[i].name)))
            continue;
        if (v > (uint64_t)(INT64_MAX / units[i].factor))
            return ERR_RANGE;
        *n = (int64_t)v * units[i].factor;
        return OK;
    }
    return ERR_SYNTAX;
}

/* The largest unit that divides it. */
static void put_with_unit(struct buf *b, int64_t v, const struct unit *units, size_t n_units)
{
    size_t best = 0;
    for (size_t i = 1; i < n_units; i++)
        if (v != 0 && v % units[i].factor == 0 && units[i].factor > units[best].factor)
            best = i;
    buf_i64(b, v / units[best].factor);
    buf_str(b, units[best].name);
}

static void put_bound(struct buf *b, enum conf_type type, int64_t v)
{
    if (type == CONF_TIME)
        put_with_unit(b, v, times, LEN(times));
    else if (type == CONF_SIZE)
        put_with_unit(b, v, sizes, LEN(sizes));
    else
        buf_i64(b, v);
}

static enum err as_int(struct span text, int64_t *n)
{
    bool minus = text.n > 0 && text.p[0] == '-';
    uint64_t v;
    TRY(span_u64(span_from(text, minus), INT64_MAX, &v));
    *n = minus ? -(int64_t)v : (int64_t)v;
    return OK;
}

static enum err as_bool(struct span text, int64_t *n)
{
    static const char *const word[] = {"no", "yes", "false", "true", "off", "on"};
    for (size_t i = 0; i < LEN(word); i++)
        if (span_eq(text, span_str(word[i]))) {
            *n = (int64_t)(i & 1);
            return OK;
        }
    return ERR_SYNTAX;
}

static enum err as_choice(const char *choices, struct span text, int64_t *n)
{
    struct span rest = span_str(choices);
    for (int64_t i = 0; rest.p; i++)
        if (span_eq(text, span_cut(&rest, '|'))) {
            *n = i;
            return OK;
        }
    return ERR_SYNTAX;
}

/* "host:port" by its form; whether the host can be listened on or reached shows later. */
static enum err as_address(struct span text)
{
    size_t colon = span_rfind(text, ':');
    struct span host = span_first(text, colon);
    uint64_t port;
    if (colon == text.n || host.n == 0)
        return ERR_SYNTAX;
    bool bracket = host.p[0] == '[';
    if (bracket ? host.p[host.n - 1] != ']' : span_find(host, ':') < host.n)
        return ERR_SYNTAX;
    return span_u64(span_from(text, colon + 1), 65535, &port);
}

static enum err as_url(struct span text)
{
    bool tls = span_starts(text, SPAN("https://"));
    if (!tls && !span_starts(text, SPAN("http://")))
        return ERR_SYNTAX;
    struct span rest = span_from(text, tls ? 8 : 7);
    return rest.n > 0 && rest.p[0] != '/' && span_find(rest, ' ') == rest.n ? OK : ERR_SYNTAX;
}

static enum err parse(const struct conf_row *row, struct span text, int64_t *n)
{
    if (text.n == 0)
        return ERR_MISSING;
    switch (row->type) {
    case CONF_BOOL:
        return as_bool(text, n);
    case CONF_INT:
        return as_int(text, n);
    case CONF_SIZE:
        return with_unit(text, sizes, LEN(sizes), n);
    case CONF_TIME:
        return with_unit(text, times, LEN(times), n);
    case CONF_CHOICE:
        return as_choice(row->choices, text, n);
    case CONF_ADDRESS:
        return as_address(text);
    case CONF_URL:
        return as_url(text);
    case CONF_TEXT:
    case CONF_PATH:
    case CONF_LIST:
        break;
    }
    return OK;
}

static const char *shape(enum conf_type type)
{
    static const char *const text[] = {
        [CONF_TEXT] = "a text that is not empty",
        [CONF_BOOL] = "yes or no",
        [CONF_INT] = "a number",
        [CONF_SIZE] = "a size with a unit (B KiB MiB GiB)",
        [CONF_TIME] = "a time with a unit (ms s m h d)",
        [CONF_CHOICE] = "one of ",
        [CONF_ADDRESS] = "an address like 127.0.0.1:8443 or [::1]:8443",
        [CONF_URL] = "a URL like https://127.0.0.1:8443",
        [CONF_PATH] = "a path that is not empty",
        [CONF_LIST] = "texts with commas between them",
    };
    return text[type];
}

enum err conf_value(const struct conf_row *row, struct span text, int64_t *n, struct buf *why)
{
    bool ranged = (row->type == CONF_INT || row->type == CONF_SIZE || row->type == CONF_TIME) && row->max > row->min;
    *n = 0;
    enum err e = parse(row, text, n);
    if (e == OK && ranged && (*n < row->min || *n > row->max))
        e = ERR_RANGE;
    if (e == OK)
        return OK;
    buf_str(why, shape(row->type));
    if (row->type == CONF_CHOICE)
        buf_str(why, row->choices);
    if (ranged) {
        buf_str(why, " from ");
        put_bound(why, row->type, row->min);
        buf_str(why, " to ");
        put_bound(why, row->type, row->max);
    }
    return ERR_CONFIG;
}

unsigned conf_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned row[65];
    if (n > 64 || m > 64)
        return 99;
    for (unsigned j = 0; j <= m; j++)
        row[j] = j;
    for (unsigned i = 1; i <= n; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= m; j++) {
            unsigned up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            best = up + 1 < best ? up + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = up;
        }
    }
    return row[m];
}
