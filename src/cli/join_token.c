/* join_token.c - `oneseal join-token`: invitations of the TTP, by its admin socket (src/ttp/vault_join.h). */
#include "cli/ttp.h"
#include "cli/verbs.h"
#include "host/heap.h"

enum { TTL_S = 900, USES_MAX = 10000 };

/* Absolute already, or a dNSName: the TTP judges it. A blank would make two words of it. */
static bool one_word(const char *s)
{
    return *s && !strpbrk(s, " \t\r\n");
}

static enum status write_token(struct cli *c, const char *path, struct span token)
{
    char text[256];
    struct buf b = BUF_ARRAY(text);
    buf_put(&b, token);
    buf_c(&b, '\n');
    enum err e = b.e != OK ? b.e : file_replace(path, buf_span(&b), 0600);
    wipe(text, sizeof text);
    return e == OK ? ST_DONE : cli_fail_file(c, e, "the token cannot be written", path);
}

static enum status show_token(struct cli *c, const struct jval *answer)
{
    struct span token, id;
    const char *out = cli_opt(c, "out");
    if (json_str(JSON_GET(answer, "token"), &c->app.mem, &token) != OK ||
        json_str(JSON_GET(answer, "id"), &c->app.mem, &id) != OK)
        return CLI_FAIL(c, ST_FAILED, .what = "the TTP's answer has no token", .who = "this program",
                        .todo = "is this the state folder of oneseal-ttp?");
    enum status st = out ? write_token(c, out, token) : ST_DONE;
    if (st != ST_DONE)
        return st;
    if (c->json && !out)
        return cli_out_line(c, answer->raw);
    cli_say(c, "token %.*s for %s%s", SPAN_FMT(id), cli_opt(c, "for"),
            cli_has(c, "plain") ? "; whoever sees it may use it, a conquered front too" : "");
    return out ? ST_DONE : cli_out_line(c, token);
}

enum status join_token_create(struct cli *c)
{
    const char *who = cli_need(c, "for"), *ttl = cli_opt(c, "ttl");
    struct jval *answer;
    uint64_t uses;
    int64_t ms = (int64_t)TTL_S * 1000;
    if (!who)
        return ST_USAGE;
    if (!one_word(who) || (ttl && (cli_time(ttl, &ms) != OK || ms < 1000)))
        return CLI_FAIL(c, ST_USAGE, .what = "the name or the time has another form", .who = "this program",
                        .object = ttl ? ttl : who, .todo = "--for //sp.example/Sapp --ttl 15m (1s to 24h)");
    enum status st = cli_number(c, "uses", 1, USES_MAX, 1, &uses);
    if (st != ST_DONE)
        return st;
    if (c->dry_run) {
        cli_say(c, "would make a token for %s", who);
        return ST_DONE;
    }
    const char *line = cli_fmt(c, "join-token-create %s %lld %llu %d", who, (long long)(ms / 1000),
                               (unsigned long long)uses, cli_has(c, "plain"));
    st = ttp_admin(c, line, &answer);
    return st == ST_DONE ? show_token(c, answer) : st;
}

enum status join_token_list(struct cli *c)
{
    struct jval *answer;
    enum status st = ttp_admin(c, "join-token-list", &answer);
    return st == ST_DONE ? ttp_print(c, answer) : st;
}

enum status join_token_revoke(struct cli *c)
{
    struct jval *answer;
    if (!one_word(c->arg[0]))
        return CLI_FAIL(c, ST_USAGE, .what = "this is no identifier of a token", .who = "this program",
                        .object = c->arg[0], .todo = "oneseal join-token list");
    if (c->dry_run) {
        cli_say(c, "would revoke the token %s", c->arg[0]);
        return ST_DONE;
    }
    enum status st = ttp_admin(c, cli_fmt(c, "join-token-revoke %s", c->arg[0]), &answer);
    if (st == ST_DONE)
        cli_say(c, "token %s is good for nothing from now on", c->arg[0]);
    return st == ST_DONE && c->json ? cli_out_line(c, answer->raw) : st;
}
