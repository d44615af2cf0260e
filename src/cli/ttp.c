/* ttp.c - `oneseal ttp`: the operator's hand, by the admin socket of an oneseal-ttp on this machine. */
#include "cli/ttp.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/verbs.h"
#include "host/admin.h"
#include "host/heap.h"

enum { CONF_FILE_MAX = 1 << 20, ANSWER_MAX = 4 << 20, NEST_MAX = 4 };

/* ---- which TTP --------------------------------------------------------------------------------------------------- */

static struct span trim(struct span s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = span_from(s, 1);
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
        s.n--;
    return s;
}

/* The value of a key; other sections and keys are the daemon's business. */
static struct span value_of(struct span text, struct span section, struct span key)
{
    bool inside = false;
    while (text.n > 0) {
        struct span line = trim(span_cut(&text, '\n'));
        if (span_starts(line, SPAN("[")))
            inside = line.n == section.n + 2 && span_starts(span_from(line, 1), section);
        struct span value = line, name = trim(span_cut(&value, '='));
        if (inside && span_eq(name, key))
            return trim(value);
    }
    return SPAN_NONE;
}

enum status ttp_config(struct cli *c, const char *file, const char *section, const char *key, const char **out)
{
    struct buf b = heap_buf(CONF_FILE_MAX);
    enum err e = file_read(file, &b);
    struct span v = e == OK ? value_of(buf_span(&b), span_str(section), span_str(key)) : SPAN_NONE;
    *out = v.n > 0 ? cli_fmt(c, "%.*s", SPAN_FMT(v)) : NULL;
    heap_buf_free(&b);
    return e == OK ? ST_DONE : cli_fail_file(c, e, "the configuration of the TTP", file);
}

static enum status folder_of_config(struct cli *c, const char *file, const char **out)
{
    const char *slash = strrchr(file, '/');
    enum status st = ttp_config(c, file, "ttp", "state", out);
    if (st == ST_DONE && !*out)
        return CLI_FAIL(c, ST_CONFIG, .what = "there is no state in section [ttp]", .who = "this program",
                        .kind = "file", .object = file, .todo = "name the file that oneseal-ttp -c is started with");
    if (st == ST_DONE && **out != '/' && slash)
        *out = cli_fmt(c, "%.*s/%s", (int)(slash - file), file, *out);
    return st;
}

enum status ttp_socket(struct cli *c, char path[64], int *folder)
{
    const char *state = cli_opt(c, "state"), *file = cli_opt(c, "config");
    if (!state && !file)
        return CLI_FAIL(c, ST_USAGE, .what = "which TTP?", .who = "this program",
                        .todo = "--state DIR, its state folder, or --config FILE, its configuration");
    if (!state) {
        enum status st = folder_of_config(c, file, &state);
        if (st != ST_DONE)
            return st;
    }
    *folder = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*folder < 0)
        return CLI_FAIL(c, ST_NOT_FOUND, .what = "the state folder cannot be opened", .who = "this program",
                        .kind = "folder", .object = state, .todo = "check the path and who may enter it");
    /* By way of the descriptor: a socket's path has at most 107 octets, a folder's may have more. */
    snprintf(path, 64, "/proc/self/fd/%d/admin.sock", *folder);
    return ST_DONE;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static enum status of_status(uint64_t status)
{
    static const struct {
        uint64_t status;
        enum status st;
    } rows[] = {{200, ST_DONE},      {400, ST_USAGE},   {403, ST_REFUSED}, {404, ST_NOT_FOUND}, {409, ST_CONFLICT},
                {422, ST_INTEGRITY}, {429, ST_REFUSED}, {503, ST_TTP},     {507, ST_TTP}};
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].status == status)
            return rows[i].st;
    return ST_FAILED;
}

static const char *text_of(struct cli *c, const struct jval *v, struct span name)
{
    struct span s;
    if (json_str(json_get(v, name), &c->app.mem, &s) != OK)
        return NULL;
    return cli_fmt(c, "%.*s", SPAN_FMT(s));
}

static enum status told(struct cli *c, enum status st, const char *command, const struct jval *v)
{
    const char *what = text_of(c, v, SPAN("what")), *todo = text_of(c, v, SPAN("do"));
    return CLI_FAIL(c, st, .what = what ? what : "the TTP has not done it", .who = text_of(c, v, SPAN("who")),
                    .kind = "command", .object = command, .code = text_of(c, v, SPAN("code")),
                    .todo = todo ? todo : "oneseal ttp status");
}

static enum status unreached(struct cli *c, enum err e)
{
    return CLI_FAIL(c, e == ERR_LIMIT ? ST_USAGE : ST_UNREACHABLE,
                    .what = e == ERR_UNREACHABLE ? "no oneseal-ttp listens at this state folder"
                            : e == ERR_CLOSED ? "oneseal-ttp has hung up: it takes commands of its own user and of root"
                                              : err_text(e),
                    .who = "this program", .kind = "socket", .object = "admin.sock",
                    .todo = "start it: oneseal-ttp -c FILE; then ask as its user");
}

enum status ttp_admin(struct cli *c, const char *line, struct jval **answer)
{
    char path[64];
    int folder;
    *answer = NULL;
    enum status st = ttp_socket(c, path, &folder);
    if (st != ST_DONE)
        return st;
    struct buf out = heap_buf(ANSWER_MAX);
    enum err e = admin_ask(path, span_str(line), (unsigned)c->app.timeout_ms, &out);
    close(folder);
    st = e == OK ? ttp_taken(c, buf_span(&out), line, answer) : unreached(c, e);
    heap_buf_free(&out);
    return st;
}

enum status ttp_taken(struct cli *c, struct span text, const char *command, struct jval **answer)
{
    uint64_t status = 0;
    struct jval *doc = NULL;
    text = arena_dup(&c->app.mem, text);
    if (json_parse(text, &c->app.mem, &doc, NULL) != OK || json_u64(JSON_GET(doc, "status"), 999, &status) != OK)
        return CLI_FAIL(c, ST_FAILED, .what = "the answer is no JSON of an oneseal-ttp", .who = "this program",
                        .todo = "is this the state folder of oneseal-ttp?");
    *answer = JSON_GET(doc, "answer");
    enum status st = of_status(status);
    return st == ST_DONE ? ST_DONE : told(c, st, command, *answer);
}

/* ---- showing ----------------------------------------------------------------------------------------------------- */

static void print_members(struct cli *c, const struct jval *v, int depth)
{
    for (const struct jval *m = v->child; m; m = m->next) {
        struct span key = SPAN_NONE, value = m->raw;
        bool deep = (m->type == J_OBJ || m->type == J_ARR) && depth < NEST_MAX;
        if (v->type == J_OBJ && json_key(m, &c->app.mem, &key) != OK)
            continue;
        if (depth == 0 && span_eq(key, SPAN("v")))
            continue;
        if (m->type == J_STR && json_str(m, &c->app.mem, &value) != OK)
            continue;
        printf("%*s%-18.*s %.*s\n", 2 * depth, "", SPAN_FMT(key), SPAN_FMT(deep ? SPAN_NONE : value));
        if (deep)
            print_members(c, m, depth + 1);
    }
}

enum status ttp_print(struct cli *c, const struct jval *answer)
{
    if (c->json)
        return cli_out_line(c, answer->raw);
    print_members(c, answer, 0);
    return cli_out(c, SPAN_NONE);
}

/* The words of the command line from `first` on, with a blank between them. */
static const char *words_of(struct cli *c, unsigned first)
{
    char text[ADMIN_LINE_MAX];
    struct buf b = BUF_ARRAY(text);
    for (unsigned i = first; i < c->args; i++)
        buf_fmt(&b, "%s%s", i > first ? " " : "", c->arg[i]);
    buf_nul(&b);
    if (b.e != OK || span_find(buf_span(&b), '\n') < b.n)
        return NULL;
    return (const char *)arena_dup(&c->app.mem, span_of(text, b.n + 1)).p;
}

enum status ttp_command(struct cli *c)
{
    struct jval *answer;
    const char *line = words_of(c, 0);
    if (!line)
        return CLI_FAIL(c, ST_USAGE, .what = "a command is one line of at most 4000 octets", .who = "this program",
                        .todo = "say less");
    if (c->dry_run) {
        cli_say(c, "would say: %s", line);
        return ST_DONE;
    }
    enum status st = ttp_admin(c, line, &answer);
    return st == ST_DONE ? ttp_print(c, answer) : st;
}
