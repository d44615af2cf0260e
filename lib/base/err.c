#include "base/err.h"

#include <stddef.h>

const char *err_text(enum err e)
{
    static const char *const text[ERR__N] = {
        [OK] = "ok",
#define ERR(name, sentence) [ERR_##name] = sentence,
#include "base/err.def"
#undef ERR
    };
    return (size_t)e < LEN(text) ? text[e] : "unknown error";
}

const char *err_name(enum err e)
{
    static const char *const name[ERR__N] = {
        [OK] = "OK",
#define ERR(row, sentence) [ERR_##row] = #row,
#include "base/err.def"
#undef ERR
    };
    return (size_t)e < LEN(name) ? name[e] : "UNKNOWN";
}
