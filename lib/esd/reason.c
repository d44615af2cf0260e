#include "esd/reason.h"

static const struct {
    const char *code, *text;
    int status;
    bool heals;
} rows[] = {
    [REASON_OK] = {"opened", "opened", 0, false},
#define REASON(name, code, status, heals, text) [REASON_##name] = {code, text, status, heals},
#include "esd/reasons.def"
#undef REASON
};

static bool known(enum reason r)
{
    return (unsigned)r < REASON__N;
}

const char *reason_code(enum reason r)
{
    return known(r) ? rows[r].code : "failed";
}

const char *reason_text(enum reason r)
{
    return known(r) ? rows[r].text : "unknown verdict";
}

int reason_exit(enum reason r)
{
    return known(r) ? rows[r].status : 1;
}

bool reason_heals(enum reason r)
{
    return known(r) && rows[r].heals;
}

enum err reason_of(struct span code, enum reason *out)
{
    *out = REASON_OK;
    if (span_eq(code, SPAN("ok")))
        return OK;
    for (unsigned r = 0; r < REASON__N; r++)
        if (span_eq(code, span_str(rows[r].code))) {
            *out = (enum reason)r;
            return OK;
        }
    return ERR_NOTFOUND;
}
