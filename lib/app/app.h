/* app.h - what the client part is given by whoever runs it (the command line, liboneseal), and how it speaks.
 *
 * A function that returns a status other than ST_DONE has said why through `fault`, once. Text made by app_fmt and
 * everything else in `mem` lives until its owner resets the arena. Single-threaded. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdarg.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Exit status, product promise: see exit.def. */
enum status {
#define EXIT(name, code, text, retry) ST_##name = (code),
#include "app/exit.def"
#undef EXIT
};

enum { APP_TEXT_MAX = 1024 };

/* Why something failed: the five things that an error says, and for programs a code and a oneM2M response status code
 * (0: none). what and todo are never NULL; the others may be. `kind` names the object ("key", "file"); NULL means
 * "object". */
struct fault {
    const char *what, *who, *kind, *object, *todo, *request, *code;
    int rsc;
};

struct app {
    struct arena mem;
    const char *profile, *config; /* name of the profile where none is given, and their folder; NULL: none, the usual */
    int64_t timeout_ms;           /* for one answer */
    /* How it speaks; NULL: nobody listens. What is passed lives until the call returns. */
    void (*fault)(struct app *app, enum status st, const struct fault *f);
    void (*note)(struct app *app, const char *line); /* for whoever watches closely */
};

/* Tells the fault; returns st. */
enum status app_fail(struct app *app, enum status st, const struct fault *f);
#define APP_FAIL(app, st, ...) app_fail((app), (st), &(struct fault){__VA_ARGS__})
/* The same for a file: err_text(e) and what errno says; ERR_NOTFOUND gives ST_NOT_FOUND, ERR_CONFIG and
 * ERR_SYNTAX ST_CONFIG, ERR_EXISTS ST_CONFLICT, others ST_FAILED. */
enum status app_fail_file(struct app *app, enum err e, const char *what, const char *path);

/* Text in app->mem; never NULL. */
const char *app_fmt(struct app *app, const char *fmt, ...) PRINTF(2, 3);
PRINTF(2, 0) const char *app_vfmt(struct app *app, const char *fmt, va_list ap);
void app_note(struct app *app, const char *fmt, ...) PRINTF(2, 3);

#endif
