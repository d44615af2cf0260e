/* say.c - how the program speaks: faults, remarks, data. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/cli.h"
#include "host/heap.h"
#include "wire/json.h"

enum { SAY_MAX = 1 << 16 };

const char *cli_fmt(struct cli *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = app_vfmt(&c->app, fmt, ap);
    va_end(ap);
    return text;
}

void cli_say(struct cli *c, const char *fmt, ...)
{
    if (c->quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
}

static void say_note(struct app *app, const char *line)
{
    const struct cli *c = cli_of(app);
    if (c->verbose && !c->quiet)
        (void)fprintf(stderr, "%s\n", line);
}

static void say_fault(struct app *app, enum status st, const struct fault *f)
{
    (void)cli_fail(cli_of(app), st, f);
}

void cli_speak(struct cli *c)
{
    c->app.fault = say_fault;
    c->app.note = say_note;
}

static void member(struct jw *w, struct span name, const char *value)
{
    if (!value)
        return;
    jw_name(w, name);
    jw_str(w, span_str(value));
}

static void fault_json(enum status st, const struct fault *f)
{
    struct buf b = heap_buf(SAY_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_NAME(&w, "error");
    jw_obj(&w);
    member(&w, SPAN("code"), f->code);
    member(&w, SPAN("what"), f->what);
    member(&w, SPAN("who"), f->who);
    member(&w, SPAN("object"), f->object);
    member(&w, SPAN("do"), f->todo);
    member(&w, SPAN("request"), f->request);
    if (f->rsc)
        JW_U64(&w, "rsc", (uint64_t)f->rsc);
    JW_U64(&w, "exit", (uint64_t)st);
    jw_end_obj(&w);
    jw_end_obj(&w);
    buf_c(&b, '\n');
    (void)fwrite(b.p, 1, b.n, stderr);
    heap_buf_free(&b);
}

static void line(const char *name, const char *value)
{
    if (value)
        (void)fprintf(stderr, "  %-10s %s\n", name, value);
}

enum status cli_fail(struct cli *c, enum status st, const struct fault *f)
{
    (void)fflush(stdout);
    if (c->json) {
        fault_json(st, f);
        return st;
    }
    const char *red = c->color ? "\033[31m" : "", *plain = c->color ? "\033[0m" : "";
    (void)fprintf(stderr, "%soneseal:%s %s\n", red, plain, f->what);
    line(f->kind ? f->kind : "object", f->object);
    line("decided by", f->who);
    if (f->rsc)
        (void)fprintf(stderr, "  %-10s %d\n", "rsc", f->rsc);
    line("code", f->code);
    line("do", f->todo);
    line("request", f->request);
    (void)fprintf(stderr, "exit status %d\n", (int)st);
    return st;
}

enum status cli_fail_file(struct cli *c, enum err e, const char *what, const char *path)
{
    return app_fail_file(&c->app, e, what, path);
}

enum status cli_out(struct cli *c, struct span octets)
{
    if (fwrite(octets.p, 1, octets.n, stdout) == octets.n && fflush(stdout) == 0)
        return ST_DONE;
    if (errno == EPIPE)
        return ST_FAILED; /* nobody listens any more; nothing to add */
    return CLI_FAIL(c, ST_FAILED, .what = cli_fmt(c, "standard output cannot be written: %s", strerror(errno)),
                    .who = "the operating system", .todo = "check where the output goes");
}

enum status cli_out_line(struct cli *c, struct span text)
{
    (void)fwrite(text.p, 1, text.n, stdout);
    return cli_out(c, SPAN("\n"));
}
