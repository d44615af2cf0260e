/* cli.h - what every verb of `oneseal` is given, and how it speaks.
 *
 * Data goes to standard output, everything else to standard error. A verb returns an exit status; when
 * it is not ST_DONE it has said why by cli_fail, once. Text made by cli_fmt and everything else in
 * `app.mem` lives until the program ends. Single-threaded. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stddef.h>

#include "app/app.h"

/* Options kept at most, of one command line. */
enum { CLI_OPTS_MAX = 64, CLI_ARGS_MAX = 16, CLI_TEXT_MAX = APP_TEXT_MAX };

struct cli;
typedef enum status cli_verb(struct cli *c);

/* A row of verbs.def. */
struct verb {
    const char *id, *noun, *verb, *args;
    unsigned least, most;
    bool changes; /* offers --dry-run and --yes */
    const char *what, *example[2];
    cli_verb *run;
};
/* A row of flags.def (id == NULL) or an OPT row of verbs.def. */
struct option_row {
    const char *id, *name, *value, *help;
};

struct cli {
    struct app app; /* what the client part (lib/app) works with */
    const struct verb *verb;
    const char *arg[CLI_ARGS_MAX]; /* the objects */
    unsigned args;
    struct {
        const struct option_row *row;
        const char *value; /* "" for a switch */
    } opt[CLI_OPTS_MAX];
    unsigned opts;
    bool json, quiet, verbose, color, progress, dry_run, yes;
    const char *self; /* path of this program, for starting it again */
};

/* The command line around its client part: every `struct app` of this program is the one inside a struct cli. */
static inline struct cli *cli_of(struct app *app)
{
    return (struct cli *)(void *)((char *)app - offsetof(struct cli, app));
}
/* From now on faults and notes of c->app go where those of the program go. */
void cli_speak(struct cli *c);

/* Says the fault on standard error in the house format, or as one JSON object; returns st. */
enum status cli_fail(struct cli *c, enum status st, const struct fault *f);
#define CLI_FAIL(c, st, ...) cli_fail((c), (st), &(struct fault){__VA_ARGS__})
/* app_fail_file. */
enum status cli_fail_file(struct cli *c, enum err e, const char *what, const char *path);

/* Text in c->app.mem; never NULL. */
const char *cli_fmt(struct cli *c, const char *fmt, ...) PRINTF(2, 3);
/* A line on standard error; not with --quiet. */
void cli_say(struct cli *c, const char *fmt, ...) PRINTF(2, 3);
/* Data on standard output, as it is; flushed. ST_FAILED (said) when it cannot be written. */
MUST_USE enum status cli_out(struct cli *c, struct span octets);
/* The same with a newline behind it: a line of JSON, a line of text. */
MUST_USE enum status cli_out_line(struct cli *c, struct span line);

/* The value of an option, the last one given; NULL when it is absent, "" for a switch. */
const char *cli_opt(const struct cli *c, const char *name);
bool cli_has(const struct cli *c, const char *name);
/* A number of an option in min..max, or `missing`. Says the fault and returns ST_USAGE otherwise. */
MUST_USE enum status cli_number(struct cli *c, const char *name, uint64_t min, uint64_t max, uint64_t missing,
                                uint64_t *out);
/* "500ms", "10s", "2m", "1h" to milliseconds; a unit is required. ERR_SYNTAX, ERR_RANGE (over 24 h). */
MUST_USE enum err cli_time(const char *text, int64_t *ms);
/* For a required option: NULL after the fault was said (status ST_USAGE). */
const char *cli_need(struct cli *c, const char *name);

/* Parses argv into c. ST_DONE with c->verb set: run it. ST_DONE without a verb: help was printed. */
MUST_USE enum status args_parse(struct cli *c, int argc, char **argv);

/* All verbs, in the order of verbs.def. */
extern const struct verb verb_table[];
extern const size_t verb_count;
extern const struct option_row option_table[];
extern const size_t option_count;
extern const struct option_row flag_table[];
extern const size_t flag_count;

/* Help on standard output: all verbs, or one with its two examples first. */
void help_all(void);
void help_verb(const struct verb *v);
/* The name of at most `n` names that is nearest to `word`, or NULL when none is near. */
const char *help_nearest(const char *word, const char *const *names, size_t n);

#endif
