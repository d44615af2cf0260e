/* help.c - what the program can do, printed from the rows of verbs.def, flags.def and exit.def. */
#include <stdio.h>

#include "cli/cli.h"

enum { HELP_NAME = 64, NEAR_MAX = 3 };

static void option_line(const struct option_row *o)
{
    char name[HELP_NAME];
    (void)snprintf(name, sizeof name, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    printf("  %-20s %s\n", name, o->help);
}

static void exit_lines(void)
{
#define EXIT(name, code, text, retry) printf("  %-3d %s\n", code, text);
#include "app/exit.def"
#undef EXIT
}

void help_all(void)
{
    printf("examples\n  oneseal demo --once\n  oneseal get heat:/in/mn/thermo-1/data/la --open\n\n"
           "usage: oneseal NOUN [VERB] [OBJECT] [FLAGS]\n\nverbs (oneseal NOUN VERB --help tells more)\n");
    for (size_t i = 0; i < verb_count; i++) {
        const struct verb *v = &verb_table[i];
        char name[HELP_NAME];
        (void)snprintf(name, sizeof name, "%s%s%s%s%s", v->noun, *v->verb ? " " : "", v->verb, *v->args ? " " : "",
                       v->args);
        printf("  %-28s %s\n", name, v->what);
    }
    printf("\nflags that every verb understands\n");
    for (size_t i = 0; i < flag_count; i++)
        option_line(&flag_table[i]);
    printf("\nexit status\n");
    exit_lines();
}

void help_verb(const struct verb *v)
{
    printf("examples\n  %s\n  %s\n\n", v->example[0], v->example[1]);
    printf("usage: oneseal %s%s%s%s%s [FLAGS]\n  %s\n\nflags\n", v->noun, *v->verb ? " " : "", v->verb,
           *v->args ? " " : "", v->args, v->what);
    for (size_t i = 0; i < option_count; i++)
        if (strcmp(option_table[i].id, v->id) == 0)
            option_line(&option_table[i]);
    for (size_t i = 0; i < flag_count; i++) {
        bool change_flag = strcmp(flag_table[i].name, "dry-run") == 0 || strcmp(flag_table[i].name, "yes") == 0;
        if (!change_flag || v->changes)
            option_line(&flag_table[i]);
    }
}

/* Edit distance, of which only small values matter. */
static size_t distance(const char *a, const char *b)
{
    size_t row[HELP_NAME + 1], m = strlen(a), n = strlen(b);
    if (m > HELP_NAME || n > HELP_NAME)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            if (up + 1 < best)
                best = up + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = up;
            row[j] = best;
        }
    }
    return row[n];
}

const char *help_nearest(const char *word, const char *const *names, size_t n)
{
    size_t best = NEAR_MAX;
    const char *found = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, names[i]);
        if (d < best && d < strlen(names[i])) {
            best = d;
            found = names[i];
        }
    }
    return found;
}
