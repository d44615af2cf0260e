/* demo_revoke.c - `oneseal demo revoke APP`, from another terminal: denies at the vault as the operator, then tells
 * the gateway to begin a new epoch. The order matters: a key made before the denial could still be released. */
#include <unistd.h>

#include "cli/demo.h"
#include "cli/policy.h"
#include "cli/verbs.h"
#include "host/admin.h"
#include "host/heap.h"

enum { ANSWER_MAX = 1 << 16, ADMIN_MS = 5000, LINE_MAX_ = 1024 };

/* The CSE that hosts: the device's, where there is one. */
static const char *host_socket(struct cli *c, const char *dir)
{
    const char *device = cli_fmt(c, "%s/host/admin.sock", dir);
    return access(device, F_OK) == 0 ? device : cli_fmt(c, "%s/gateway/admin.sock", dir);
}

static enum status new_epoch(struct cli *c, const char *dir)
{
    struct buf b = heap_buf(ANSWER_MAX);
    const char *socket = host_socket(c, dir);
    enum err e = admin_ask(socket, SPAN("epoch"), ADMIN_MS, &b);
    struct span answer = arena_dup(&c->app.mem, buf_span(&b));
    heap_buf_free(&b);
    if (e == OK && !memmem(answer.p, answer.n, "\"error\"", 7))
        return ST_DONE;
    return CLI_FAIL(c, e == OK ? ST_FAILED : ST_UNREACHABLE,
                    .what = e == OK ? cli_fmt(c, "denied, but the gateway begins no new epoch: %.*s", SPAN_FMT(answer))
                                    : cli_fmt(c, "denied, but the gateway cannot be told: %s", err_text(e)),
                    .who = "the gateway", .kind = "socket", .object = socket,
                    .todo =
                        "until its epoch ends by itself, data sealed in it stay readable with a key released before");
}

static enum status said(struct cli *c, const char *app)
{
    if (!c->json) {
        cli_say(c,
                "ttp: %s no longer may open " DEMO_POLICY ". A new epoch begins with the next reading"
                " (at a sealing device: within 10 s).",
                app);
        return ST_DONE;
    }
    return cli_out_line(c, span_str(cli_fmt(c, "{\"v\":1,\"revoked\":\"%s\"}", app)));
}

/* In a demo of two domains the applications are of the second one. */
static bool two_domains(struct cli *c, const char *dir)
{
    return access(cli_fmt(c, "%s/server-2/admin.sock", dir), F_OK) == 0;
}

enum status demo_revoke(struct cli *c)
{
    const char *app = c->arg[0], *dir = cli_opt(c, "state");
    struct session s = {0};
    if (strcmp(app, "app-heat") != 0 && strcmp(app, "app-other") != 0)
        return CLI_FAIL(c, ST_NOT_FOUND, .what = "the demo has no such application", .who = "this program",
                        .kind = "application", .object = app, .todo = "name app-heat or app-other");
    enum status st = dir ? ST_DONE : find_living(c, &dir);
    if (st == ST_DONE)
        st = profile_load(&c->app, cli_fmt(c, "%s/profiles/operator.conf", dir), &s.p);
    if (st == ST_DONE && c->dry_run) {
        cli_say(c, "would deny %s at %s, then tell the gateway to begin a new epoch", app, s.p.ttp[0].url);
        return ST_DONE;
    }
    if (st == ST_DONE)
        st = session_open(&c->app, &s, SESSION_TTP);
    if (st == ST_DONE) {
        enum reason r = policy_denial(&s, &s.ttps.one[0],
                                      cli_fmt(c, "%s/S%s", two_domains(c, dir) ? DEMO_SP_2 : DEMO_SP, app), "", true);
        if (r != REASON_OK)
            st = CLI_FAIL(c, (enum status)reason_exit(r),
                          .what = cli_fmt(c, "the vault has not taken the denial: %s", s.ttps.why), .who = s.ttps.who,
                          .object = app, .code = reason_code(r), .todo = "look at the TTP's log in the demo's folder");
    }
    session_close(&s);
    if (st == ST_DONE)
        st = new_epoch(c, dir);
    return st == ST_DONE ? said(c, app) : st;
}
