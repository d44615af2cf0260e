/* verbs.c - the rows as arrays. */
#include "cli/verbs.h"

const struct verb verb_table[] = {
#define VERB(fn, noun, verb, args, least, most, changes, what, ex1, ex2)                                               \
    {#fn, noun, verb, args, least, most, changes, what, {ex1, ex2}, fn},
#define OPT(...)
#include "cli/verbs.def"
#undef VERB
#undef OPT
};
const size_t verb_count = LEN(verb_table);

const struct option_row option_table[] = {
#define VERB(...)
#define OPT(fn, name, value, help) {#fn, name, value, help},
#include "cli/verbs.def"
#undef VERB
#undef OPT
};
const size_t option_count = LEN(option_table);

const struct option_row flag_table[] = {
#define FLAG(name, value, help) {NULL, name, value, help},
#include "cli/flags.def"
#undef FLAG
    {NULL, "dry-run", NULL, "say what would be done, change nothing"},
    {NULL, "yes", NULL, "do not ask"},
};
const size_t flag_count = LEN(flag_table);
