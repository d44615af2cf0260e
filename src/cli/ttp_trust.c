/* ttp_trust.c - `oneseal ttp trust`: pins the bundle of a TTP. What makes it a pin is the fingerprint of the identity
 * key, which came over another way than the file did; without one nothing is written. */
#include "base/code.h"
#include "cli/verbs.h"
#include "esd/letter.h"
#include "host/heap.h"

#include <time.h>

enum { BUNDLE_FILE_MAX = 256 << 10, PRINT_MAX = 64 };

static const char *fingerprint(struct cli *c, const struct bundle *b)
{
    uint8_t thumb[JOSE_THUMB], text[PRINT_MAX];
    struct buf t = BUF_ARRAY(text);
    if (p256_thumb(b->identity, thumb) != OK)
        return "";
    b64url_put(&t, span_of(thumb, sizeof thumb));
    return cli_fmt(c, "%.*s", SPAN_FMT(buf_span(&t)));
}

static enum status show(struct cli *c, const struct bundle *b, const char *print, const char *out)
{
    if (!c->json)
        return cli_out_line(
            c, span_str(cli_fmt(c, "%.*s  seq %llu  fingerprint %s%s%s", SPAN_FMT(b->fqdn), (unsigned long long)b->seq,
                                print, out ? "  pinned in " : "", out ? out : "")));
    struct buf text = heap_buf(BUNDLE_FILE_MAX);
    struct jw w = jw_over(&text);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_STR(&w, "ttp", b->fqdn);
    JW_U64(&w, "seq", b->seq);
    JW_STR(&w, "fingerprint", span_str(print));
    JW_BOOL(&w, "pinned", out != NULL);
    JW_NAME(&w, "vouches");
    jw_arr(&w);
    for (size_t i = 0; i < b->n_vouches; i++)
        jw_str(&w, b->vouches[i]);
    jw_end_arr(&w);
    jw_end_obj(&w);
    enum status st = cli_out_line(c, buf_span(&text));
    heap_buf_free(&text);
    return st;
}

static enum status pin(struct cli *c, const struct bundle *b, struct span text)
{
    const char *want = cli_opt(c, "fingerprint"), *out = cli_opt(c, "out"), *print = fingerprint(c, b);
    if (want && strcmp(want, print) != 0)
        return CLI_FAIL(c, ST_INTEGRITY,
                        .what = cli_fmt(c, "the identity key of this bundle is another one: %s", print),
                        .who = "this program", .kind = "TTP", .object = c->arg[0],
                        .todo = "do not use it; ask the operator of that TTP, over a way that you trust");
    if (!want || !out)
        return show(c, b, print, NULL);
    if (!c->dry_run) {
        enum err e = file_replace(out, text, 0644);
        if (e != OK)
            return cli_fail_file(c, e, "the bundle cannot be written", out);
    }
    return show(c, b, print, out);
}

enum status ttp_trust(struct cli *c)
{
    const char *file = cli_opt(c, "bundle");
    struct buf text = heap_buf(BUNDLE_FILE_MAX);
    struct bundle b;
    if (!file)
        return CLI_FAIL(c, ST_USAGE, .what = "--bundle is missing", .who = "this program",
                        .todo = "name the file that the operator of that TTP gave you");
    enum err e = file_read(file, &text);
    enum status st = e == OK ? ST_DONE : cli_fail_file(c, e, "the bundle cannot be read", file);
    if (st == ST_DONE) {
        enum reason r = bundle_open(buf_span(&text), span_str(c->arg[0]), NULL, (uint64_t)time(NULL), &c->app.mem, &b);
        st = r == REASON_OK ? pin(c, &b, buf_span(&text))
                            : CLI_FAIL(c, (enum status)reason_exit(r),
                                       .what = cli_fmt(c, "this is no bundle of that TTP: %s", reason_text(r)),
                                       .who = "this program", .kind = "file", .object = file, .code = reason_code(r),
                                       .todo = "ask its operator for the present one");
        if (r == REASON_OK)
            bundle_free(&b);
    }
    heap_buf_free(&text);
    return st;
}
