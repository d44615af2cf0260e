/* verbs.h - one function for each row of verbs.def. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "cli/cli.h"

#define VERB(fn, ...) cli_verb fn;
#define OPT(...)
#include "cli/verbs.def"
#undef VERB
#undef OPT

#endif
