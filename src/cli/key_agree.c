/* key_agree.c - `oneseal key agree`: a pairwise key with a CSE, by certificates, without a TTP. */
#include <unistd.h>

#include "app/agree.h"
#include "app/session.h"
#include "base/code.h"
#include "cli/verbs.h"
#include "host/heap.h"
#include "host/secret.h"
#include "wire/json.h"

enum { LINE_MAX_ = 4096 };

/* Hexadecimal digits and a newline, mode 0600. */
static enum status write_key(struct cli *c, const struct agreed *k, const char *path)
{
    uint8_t text[2 * CERTKE_KEY + 1];
    struct buf b = BUF_ARRAY(text);
    hex_put(&b, span_of(k->key, CERTKE_KEY));
    buf_c(&b, '\n');
    enum err e = file_replace(path, buf_span(&b), 0600);
    wipe(text, sizeof text);
    return e == OK ? ST_DONE : cli_fail_file(c, e, "the key cannot be kept", path);
}

static enum status print(struct cli *c, const struct agreed *k, struct span cse, const char *path)
{
    if (!c->json)
        return cli_out_line(
            c, span_str(cli_fmt(c, "[esprim %s]\nkey-file = %s\npeer = %.*s", k->kid, path, SPAN_FMT(cse))));
    char text[LINE_MAX_];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "kid", span_str(k->kid));
    JW_STR(&w, "key_file", span_str(path));
    JW_STR(&w, "peer", cse);
    jw_end_obj(&w);
    return cli_out_line(c, buf_span(&b));
}

static enum status agree(struct session *s, struct span cse, const char *path)
{
    struct cli *c = cli_of(s->app);
    struct agreed *k = secret_alloc(sizeof *k);
    if (!k)
        return CLI_FAIL(c, ST_FAILED, .what = "memory for keys cannot be locked", .who = "the operating system",
                        .todo = "raise the limit: ulimit -l");
    enum status st = agree_key(&s->t, cse, k);
    if (st == ST_DONE)
        st = write_key(c, k, path);
    if (st == ST_DONE)
        st = print(c, k, cse, path);
    secret_free(k);
    return st;
}

enum status key_agree_cse(struct cli *c)
{
    struct session s = {0};
    struct span address;
    const char *path = cli_need(c, "out");
    enum status st = path ? profile_object(&c->app, c->arg[0], &s.p, &address) : ST_USAGE;
    if (st != ST_DONE)
        return st;
    struct span cse = profile_absolute(&c->app, &s.p, address);
    if (span_find(span_from(cse, 2 + span_find(span_from(cse, 2), '/') + 1), '/') <
        span_from(cse, 2 + span_find(span_from(cse, 2), '/') + 1).n)
        return CLI_FAIL(c, ST_USAGE, .what = "this is no CSE-ID", .who = "this program", .object = c->arg[0],
                        .todo = "write PROFILE:/id-mn");
    if (access(path, F_OK) == 0)
        return cli_fail_file(c, ERR_EXISTS, "a key is there already", path);
    if (c->dry_run) {
        cli_say(c, "would agree a key with %.*s and write it to %s", SPAN_FMT(cse), path);
        return ST_DONE;
    }
    st = session_open(&c->app, &s, SESSION_TALK);
    if (st == ST_DONE)
        st = agree(&s, cse, path);
    session_close(&s);
    return st;
}
