/* app.c - see app.h. */
#include "app/app.h"

#include <stdio.h>

enum { LINE_MAX_ = 4096 };

const char *app_vfmt(struct app *app, const char *fmt, va_list ap)
{
    char line[LINE_MAX_];
    int n = vsnprintf(line, sizeof line, fmt, ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    const char *text = arena_cstr(&app->mem, span_of(line, len));
    return text ? text : "(out of memory)";
}

const char *app_fmt(struct app *app, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = app_vfmt(app, fmt, ap);
    va_end(ap);
    return text;
}

void app_note(struct app *app, const char *fmt, ...)
{
    char line[LINE_MAX_];
    if (!app->note)
        return;
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(line, sizeof line, fmt, ap) >= 0)
        app->note(app, line);
    va_end(ap);
}

enum status app_fail(struct app *app, enum status st, const struct fault *f)
{
    if (app->fault)
        app->fault(app, st, f);
    return st;
}

enum status app_fail_file(struct app *app, enum err e, const char *what, const char *path)
{
    static const struct {
        enum err e;
        enum status st;
        const char *todo;
    } rows[] = {
        {ERR_NOTFOUND, ST_NOT_FOUND, "check the path"},
        {ERR_EXISTS, ST_CONFLICT, "choose another name, or remove what is there"},
        {ERR_CONFIG, ST_CONFIG, "correct the file"},
        {ERR_SYNTAX, ST_CONFIG, "correct the file"},
        {ERR_LIMIT, ST_FAILED, "check that it is the right file: it is too large"},
        {ERR_DISK, ST_FAILED, "make room on that file system"},
    };
    enum status st = ST_FAILED;
    const char *todo = "check that the path exists and that you may use it";
    for (size_t i = 0; i < LEN(rows); i++)
        if (rows[i].e == e) {
            st = rows[i].st;
            todo = rows[i].todo;
        }
    return APP_FAIL(app, st, .what = app_fmt(app, "%s: %s", what, err_text(e)), .who = "this program", .kind = "file",
                    .object = path, .todo = todo);
}
