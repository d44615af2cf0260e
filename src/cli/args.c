/* args.c - argv into struct cli, checked against the rows. Flags may stand anywhere; `--` ends them. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"

enum { DAY_MS = 24 * 3600 * 1000, DEFAULT_TIMEOUT_MS = 10 * 1000 };

const char *cli_opt(const struct cli *c, const char *name)
{
    const char *value = NULL;
    for (unsigned i = 0; i < c->opts; i++)
        if (strcmp(c->opt[i].row->name, name) == 0)
            value = c->opt[i].value;
    return value;
}

bool cli_has(const struct cli *c, const char *name)
{
    return cli_opt(c, name) != NULL;
}

static const char *help_hint(struct cli *c)
{
    if (!c->verb)
        return "see: oneseal --help";
    return cli_fmt(c, "see: oneseal %s%s%s --help", c->verb->noun, *c->verb->verb ? " " : "", c->verb->verb);
}

static enum status usage(struct cli *c, const char *what, const char *object)
{
    return CLI_FAIL(c, ST_USAGE, .what = what, .who = "this program", .kind = "argument", .object = object,
                    .todo = help_hint(c));
}

const char *cli_need(struct cli *c, const char *name)
{
    const char *value = cli_opt(c, name);
    if (!value)
        (void)usage(c, cli_fmt(c, "--%s is missing", name), NULL);
    return value;
}

enum status cli_number(struct cli *c, const char *name, uint64_t min, uint64_t max, uint64_t missing, uint64_t *out)
{
    const char *text = cli_opt(c, name);
    *out = missing;
    if (!text || (span_u64(span_str(text), max, out) == OK && *out >= min))
        return ST_DONE;
    return usage(
        c, cli_fmt(c, "--%s wants a number from %llu to %llu", name, (unsigned long long)min, (unsigned long long)max),
        text);
}

enum err cli_time(const char *text, int64_t *ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    struct span s = span_str(text);
    size_t digits = 0;
    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    for (size_t i = 0; i < LEN(units); i++) {
        if (!span_eq(span_from(s, digits), span_str(units[i].unit)))
            continue;
        uint64_t n = 0;
        TRY(span_u64(span_first(s, digits), DAY_MS / units[i].ms, &n));
        *ms = (int64_t)(n * units[i].ms);
        return n ? OK : ERR_RANGE;
    }
    return ERR_SYNTAX;
}

static const struct option_row *find_option(const struct cli *c, struct span name)
{
    for (size_t i = 0; i < flag_count; i++)
        if (span_eq(name, span_str(flag_table[i].name)))
            return &flag_table[i];
    for (size_t i = 0; c->verb && i < option_count; i++)
        if (strcmp(option_table[i].id, c->verb->id) == 0 && span_eq(name, span_str(option_table[i].name)))
            return &option_table[i];
    return NULL;
}

static enum status unknown_option(struct cli *c, const char *text, struct span name)
{
    const char *names[CLI_OPTS_MAX + 16];
    size_t n = 0;
    for (size_t i = 0; i < flag_count; i++)
        names[n++] = flag_table[i].name;
    for (size_t i = 0; c->verb && i < option_count && n < LEN(names); i++)
        if (strcmp(option_table[i].id, c->verb->id) == 0)
            names[n++] = option_table[i].name;
    const char *near = help_nearest(cli_fmt(c, "%.*s", SPAN_FMT(name)), names, n);
    return usage(c, near ? cli_fmt(c, "unknown flag; did you mean --%s?", near) : "unknown flag", text);
}

/* One "--name", "--name=value" or "--name value"; *i moves over what was used. */
static enum status take_option(struct cli *c, int argc, char **argv, int *i)
{
    const char *text = argv[*i];
    struct span value = span_from(span_str(text), 2), name = span_cut(&value, '=');
    const struct option_row *row = find_option(c, name);
    if (!row)
        return unknown_option(c, text, name);
    if (c->opts == CLI_OPTS_MAX)
        return usage(c, "too many flags", text);
    const char *given = "";
    if (!row->value && value.p)
        return usage(c, cli_fmt(c, "--%s takes no value", row->name), text);
    if (row->value && value.p)
        given = (const char *)value.p;
    else if (row->value) {
        if (*i + 1 >= argc)
            return usage(c, cli_fmt(c, "--%s wants %s", row->name, row->value), text);
        given = argv[++*i];
    }
    c->opt[c->opts].row = row;
    c->opt[c->opts++].value = given;
    return ST_DONE;
}

static const struct verb *find_verb(const char *noun, const char *verb)
{
    for (size_t i = 0; i < verb_count; i++)
        if (strcmp(verb_table[i].noun, noun) == 0 && strcmp(verb_table[i].verb, verb) == 0)
            return &verb_table[i];
    return NULL;
}

static enum status unknown_noun(struct cli *c, const char *word)
{
    const char *names[256];
    size_t n = 0;
    for (size_t i = 0; i < verb_count && n < LEN(names); i++)
        names[n++] = verb_table[i].noun;
    const char *near = help_nearest(word, names, n);
    return usage(c, near ? cli_fmt(c, "unknown command; did you mean %s?", near) : "unknown command", word);
}

/* A noun alone, or with a verb that it does not have: says which ones it has. */
static enum status unknown_verb(struct cli *c, const char *noun, const char *word)
{
    char list[256] = "";
    struct buf b = BUF_ARRAY(list);
    for (size_t i = 0; i < verb_count; i++)
        if (strcmp(verb_table[i].noun, noun) == 0)
            buf_fmt(&b, "%s%s", b.n ? ", " : "", verb_table[i].verb);
    const char *what = cli_fmt(c, "%s wants one of: %.*s", noun, SPAN_FMT(buf_span(&b)));
    return usage(c, b.n ? what : "unknown command", word);
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* Finds noun and verb: the first word that is no flag or value of a global flag, and the one directly
 * behind it. *at is the place of the noun, *words how many words name the verb; 0 when there is none. */
static enum status find_command(struct cli *c, int argc, char **argv, int *at, int *words)
{
    *at = argc;
    *words = 0;
    for (int i = 1; i < argc; i++) {
        if (!is_option(argv[i])) {
            *at = i;
            break;
        }
        const struct option_row *row = find_option(c, span_from(span_str(argv[i]), 2));
        i += row && row->value;
    }
    if (*at == argc)
        return ST_DONE;
    const char *noun = argv[*at], *next = *at + 1 < argc ? argv[*at + 1] : NULL;
    if (next && *next && (c->verb = find_verb(noun, next)))
        *words = 2;
    else if ((c->verb = find_verb(noun, "")))
        *words = 1;
    if (c->verb)
        return ST_DONE;
    for (size_t i = 0; i < verb_count; i++)
        if (strcmp(verb_table[i].noun, noun) == 0)
            return unknown_verb(c, noun, next);
    return unknown_noun(c, noun);
}

static enum status take_all(struct cli *c, int argc, char **argv, int at, int words)
{
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        if (i >= at && i < at + words)
            continue;
        if (!ended && strcmp(argv[i], "--") == 0) {
            ended = true;
            continue;
        }
        if (ended || !is_option(argv[i])) {
            if (c->args == CLI_ARGS_MAX || (c->verb && c->args == c->verb->most))
                return usage(c, "too many objects", argv[i]);
            c->arg[c->args++] = argv[i];
            continue;
        }
        if (argv[i][1] != '-')
            return usage(c, "flags are words with two dashes", argv[i]);
        enum status st = take_option(c, argc, argv, &i);
        if (st != ST_DONE)
            return st;
    }
    return ST_DONE;
}

static enum status take_globals(struct cli *c)
{
    c->json = cli_has(c, "json");
    c->quiet = cli_has(c, "quiet");
    c->verbose = cli_has(c, "verbose");
    c->dry_run = cli_has(c, "dry-run");
    c->yes = cli_has(c, "yes");
    c->app.profile = cli_opt(c, "profile");
    c->app.config = cli_opt(c, "config");
    c->color = c->color && !cli_has(c, "no-color") && !c->json;
    c->progress = c->progress && !c->quiet && !c->json;
    c->app.timeout_ms = DEFAULT_TIMEOUT_MS;
    const char *time = cli_opt(c, "timeout");
    if (time && cli_time(time, &c->app.timeout_ms) != OK)
        return usage(c, "--timeout wants a time with a unit: 500ms, 10s, 2m (at most 24h)", time);
    if (c->verb && !c->verb->changes && c->dry_run)
        return usage(c, "--dry-run: this verb changes nothing", NULL);
    return ST_DONE;
}

enum status args_parse(struct cli *c, int argc, char **argv)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    c->progress = isatty(STDERR_FILENO);
    c->color = c->progress && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
    int at = 0, words = 0;
    bool wants_help = argc <= 1, wants_json = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        wants_help = wants_help || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
        wants_json = wants_json || strcmp(argv[i], "--json") == 0;
    }
    c->json = wants_json; /* so that a fault of the command line itself is JSON, too */
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("oneseal %s\n", ONESEAL_VERSION);
        return ST_DONE;
    }
    if (argc == 1 || (argc == 2 && (wants_help || strcmp(argv[1], "help") == 0))) {
        help_all();
        return argc == 1 ? ST_USAGE : ST_DONE;
    }
    enum status st = find_command(c, argc, argv, &at, &words);
    if (st != ST_DONE)
        return st;
    if (wants_help) {
        c->verb ? help_verb(c->verb) : help_all();
        c->verb = NULL;
        return ST_DONE;
    }
    st = take_all(c, argc, argv, at, words);
    if (st == ST_DONE)
        st = take_globals(c);
    if (st != ST_DONE)
        return st;
    if (!c->verb)
        return usage(c, "no command", NULL);
    if (c->args < c->verb->least)
        return usage(c, cli_fmt(c, "%s is missing", c->verb->args), NULL);
    return ST_DONE;
}
