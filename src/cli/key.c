/* key.c - `oneseal key`: what is known about the keys that this profile asked for, never the keys; and files of
 * provisioned ones. */
#include "app/session.h"
#include "cli/verbs.h"

#include "base/m2mtime.h"
#include "host/keyfile.h"
#include "wire/json.h"

enum { LINE_MAX_ = 4096, TIME_MAX_ = 32 };

static const char *time_text(struct cli *c, int64_t ms)
{
    char text[TIME_MAX_];
    struct buf b = BUF_ARRAY(text);
    if (ms == 0)
        return "-";
    m2mtime_put(&b, ms);
    return cli_fmt(c, "%.*s", SPAN_FMT(buf_span(&b)));
}

static enum err print_key(void *ctx, const struct book_key *k)
{
    struct cli *c = ctx;
    if (!c->json)
        return cli_out_line(
                   c, span_str(cli_fmt(c, "%.*s  %.*s  %.*s  cr %.*s  asked %s  cached until %s", SPAN_FMT(k->kid),
                                       SPAN_FMT(k->class), SPAN_FMT(k->verdict), SPAN_FMT(k->cr),
                                       time_text(c, k->asked_ms), time_text(c, k->until_ms)))) == ST_DONE
                   ? OK
                   : ERR_IO;
    char text[LINE_MAX_];
    struct buf b = BUF_ARRAY(text);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "kid", k->kid);
    JW_STR(&w, "ttp", k->ttp);
    JW_STR(&w, "class", k->class);
    JW_STR(&w, "verdict", k->verdict);
    JW_STR(&w, "cr", k->cr);
    JW_U64(&w, "pv", k->pv);
    JW_STR(&w, "asked", span_str(time_text(c, k->asked_ms)));
    JW_STR(&w, "until", span_str(time_text(c, k->until_ms)));
    jw_end_obj(&w);
    return cli_out_line(c, buf_span(&b)) == ST_DONE ? OK : ERR_IO;
}

enum status key_file(struct cli *c)
{
    enum err e = keyfile_make(c->arg[0]);
    if (e != OK)
        return cli_fail_file(c, e, "the key file cannot be made", c->arg[0]);
    cli_say(c,
            "%s holds a fresh key. Give it to both ends over a way that you trust: key=provisioned, key-file= and "
            "key-id=name@fqdn in [seal] of the writer, [key name@fqdn] of the reader; one file for each stream",
            c->arg[0]);
    return ST_DONE;
}

enum status key_list(struct cli *c)
{
    struct profile p;
    struct book *book = NULL;
    enum status st = profile_load(&c->app, c->args ? c->arg[0] : NULL, &p);
    if (st == ST_DONE && !p.store)
        return CLI_FAIL(c, ST_CONFIG, .what = "the profile names no store", .who = "this program", .kind = "profile",
                        .object = p.path, .todo = "set store= in [profile]");
    if (st == ST_DONE)
        st = book_open(&c->app, p.store, &book);
    if (st != ST_DONE)
        return st;
    enum err e = book_key_each(book, print_key, c);
    if (e != OK)
        st = cli_fail_file(c, e, "the store cannot be read", p.store);
    book_close(book);
    return st;
}
