/* watch.c - `oneseal watch`: registers, subscribes, receives; with --open also opens. */
#include "cli/watch.h"

#include <signal.h>

#include "cli/opened.h"
#include "cli/verbs.h"
#include "cli/watch_confirm.h"
#include "host/heap.h"
#include "wire/json.h"

enum { LINE_MAX_ = 32 << 20 };

static void on_stop(void *ctx)
{
    ((struct inbox *)ctx)->stop = true;
}

enum status watch_open(struct cli *c, struct inbox *in)
{
    enum status st = session_open(&c->app, &in->s, SESSION_OPEN);
    if (st != ST_DONE)
        return st;
    struct net_loop *l = in->s.t.loop;
    if (net_signal_on(l, SIGINT, on_stop, in) != OK || net_signal_on(l, SIGTERM, on_stop, in) != OK)
        return CLI_FAIL(c, ST_FAILED, .what = "signals cannot be set up", .who = "the operating system",
                        .todo = "check the limits on memory and descriptors");
    return inbox_open(in);
}

void watch_close(struct inbox *in)
{
    inbox_close(in);
    session_close(&in->s);
}

/* ---- the verb ---- */

static enum status show_sealed(struct inbox *in, const struct book_mail *m)
{
    struct buf b = heap_buf(LINE_MAX_);
    struct jw j = jw_over(&b);
    jw_obj(&j);
    JW_U64(&j, "v", 1);
    JW_STR(&j, "sur", m->sur);
    JW_STR(&j, "cnf", m->cnf);
    JW_NAME(&j, "con");
    if (m->con_json)
        jw_raw(&j, m->con);
    else
        jw_str(&j, m->con);
    jw_end_obj(&j);
    enum status st = cli_out_line(cli_of(in->s.app), buf_span(&b));
    heap_buf_free(&b);
    return st;
}

/* With --confirmed: that it opened is an event, a refusal a verdict. Data comes with its head. */
static enum status show_first(struct inbox *in, const struct outcome *out)
{
    struct cli *c = cli_of(in->s.app);
    const struct esd_label *l = &out->res.label;
    if (out->reason == REASON_OK && out->res.clear)
        return opened_print(c, out);
    if (out->reason == REASON_OK)
        return opened_event(c, out);
    if (!c->json && out->duplicate)
        return ST_DONE; /* a NOTIFY whose answer was lost */
    return opened_verdict(c, &(struct verdict_line){.verdict = out->reason,
                                                    .about = "reading",
                                                    .kid = l->kid,
                                                    .address = in->stream,
                                                    .i = l->e2e.here ? l->e2e.i : READER_NO_INDEX});
}

static enum status show(struct inbox *in, const struct book_mail *m, const struct outcome *out)
{
    if (!out)
        return show_sealed(in, m);
    if (in->confirms)
        return show_first(in, out);
    if (out->reason == REASON_OK)
        return opened_print(cli_of(in->s.app), out);
    (void)opening_fail(&in->s.o, out); /* said; the others go on */
    return ST_DONE;
}

static void show_found(void *ctx, const struct outcome *out)
{
    struct inbox *in = ctx;
    if (in->st != ST_DONE || out->reason == REASON_NO_KEY_YET)
        return;
    in->st = show(in, NULL, out);
    in->shown += !in->confirms && out->reason == REASON_OK;
}

enum status watch_container(struct cli *c)
{
    static struct inbox in;
    struct span address;
    uint64_t count = 0;
    enum status st = cli_number(c, "count", 1, UINT64_MAX, UINT64_MAX, &count);
    if (st == ST_DONE)
        st = profile_object(&c->app, c->arg[0], &in.s.p, &address);
    if (st == ST_DONE && !in.s.p.store)
        return CLI_FAIL(c, ST_CONFIG, .what = "the profile names no store", .who = "this program", .kind = "profile",
                        .object = in.s.p.path,
                        .todo = "set store= in [profile]: what is received must be kept somewhere");
    in.opens = cli_has(c, "open") || cli_has(c, "confirmed");
    in.confirms = cli_has(c, "confirmed");
    in.fills = in.opens;
    in.show = show;
    if (st == ST_DONE)
        st = watch_open(c, &in);
    in.s.o.found = show_found;
    in.s.o.found_ctx = &in;
    if (st == ST_DONE)
        in.stream = profile_place(&in.s.p, profile_absolute(&c->app, &in.s.p, address));
    if (st == ST_DONE && in.confirms)
        st = watch_confirm_open(&in);
    if (st == ST_DONE)
        st = inbox_enrol(&in, address);
    if (st == ST_DONE)
        cli_say(c, "watching %.*s, notifications at %s", SPAN_FMT(address), in.r.url);
    while (st == ST_DONE && !in.stop && in.shown < count) {
        inbox_round(&in);
        if (in.confirms && in.st == ST_DONE)
            watch_confirm(&in);
        if (in.opens)
            opening_flush(&in.s.o); /* keys that are due for a refresh */
        st = in.st;
        if (st == ST_DONE && !in.stop && in.shown < count)
            net_loop_turn(in.s.t.loop);
    }
    if (st == ST_DONE)
        opened_note_counters(c, &in.s.o.reader.count);
    watch_confirm_close(&in);
    watch_close(&in);
    return st;
}
