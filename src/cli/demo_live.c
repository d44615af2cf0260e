/* demo_live.c - the demo that stays: a reading every two seconds, and who sees what of it. */
#include <poll.h>
#include <time.h>

#include "cli/demo.h"
#include "host/heap.h"

enum {
    EVERY_MS = 2000,
    SETTLE_MS = 5000,
    WAIT_MS = 15000,
    LISTEN_MS = 20,
    CELL = 21,
    CELL_HEAD = 10,
    CELL_MAX = 256,
    ROW_MAX = 8 << 20,
    LINE_MAX_ = 2048
};

static enum status broken(struct demo *d, const char *what, const struct jval *v)
{
    const char *why = !v ? d->failed : demo_text(d, JSON_GET(v, "resource"), "m2m:dbg");
    return CLI_FAIL(d->c, ST_FAILED, .what = cli_fmt(d->c, "%s: %d %s", what, demo_int(v, "rsc"), why),
                    .who = "an actor", .kind = "folder", .object = d->dir,
                    .todo = "run it again with --keep and read the logs in that folder");
}

static bool fine(const struct jval *v)
{
    return demo_int(v, "rsc") >= 2000 && demo_int(v, "rsc") < 3000;
}

/* The commands that bring the actors to where readings can flow; the ones for app-heat wait for the gateway's
 * registration at the server. */
static enum status set_up(struct demo *d)
{
    const struct {
        enum demo_who who;
        const char *command, *what;
    } rows[] = {
        {DEMO_DEVICE, "register", "the device cannot register"},
        {DEMO_DEVICE, plan_acp(d), "the access control policy cannot be made"},
        {DEMO_DEVICE, plan_container(d, "data", ",\"mni\":10000"), "the container cannot be made"},
        {DEMO_HEAT, "register", "app-heat cannot register"},
        {DEMO_HEAT, cli_fmt(d->c, "subscribe %s", plan_remote(d)), "app-heat cannot subscribe"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        int64_t until = demo_now_ms() + WAIT_MS;
        struct jval *v = proc_ask(d, rows[i].who, "%s", rows[i].command);
        while (v && !fine(v) && demo_now_ms() < until && !*d->stop) {
            (void)poll(NULL, 0, LISTEN_MS);
            v = proc_ask(d, rows[i].who, "%s", rows[i].command);
        }
        if (!fine(v))
            return broken(d, rows[i].what, v);
    }
    return proc_ask(d, DEMO_HEAT, "open-mail") ? ST_DONE : broken(d, "app-heat", NULL);
}

static const char *gateway_does(const struct demo *d)
{
    if (d->plan.site->who == DEMO_HOST)
        return "forwards to the device, which hosts";
    return d->plan.device_seals ? "stores what the device sealed" : "seals for devices that cannot";
}

static enum status heading(struct demo *d)
{
    struct cli *c = d->c;
    const char *remote = plan_remote(d);
    bool blind = d->plan.device_seals || d->plan.site->who == DEMO_HOST;
    if (c->json)
        return ST_DONE;
    return cli_out_line(
        c, span_str(cli_fmt(c,
                            "five actors on 127.0.0.1, data in %s, ends with Ctrl-C\n\n"
                            "  ok  ttp        https://%s   policy " DEMO_POLICY ": app-heat may open\n"
                            "  ok  server     https://%s   IN-CSE  /id-in     holds no content key\n"
                            "  ok  gateway    https://%s   MN-CSE  /id-mn     %s\n"
                            "  ok  device     thermo-1                  sends every 2 s%s\n"
                            "  ok  app        app-heat                  subscribed through the server\n\n"
                            "try, in another terminal:\n"
                            "  %s get try:%s/la --config %s/profiles          what the server sees\n"
                            "  %s get try:%s/la --config %s/profiles --open   the same, as app-heat\n"
                            "  %s demo revoke app-heat          take the key away and watch\n\n"
                            "  %-8s  %-*s  %-*s  %-*s  app-heat",
                            d->dir, d->actor[DEMO_TTP_P].https, d->actor[DEMO_SERVER].https,
                            d->actor[DEMO_GATEWAY].https, gateway_does(d), blind ? ", sealed by itself" : "", c->self,
                            remote, d->dir, c->self, remote, d->dir, c->self, "time", CELL, "device", CELL,
                            d->plan.site->who == DEMO_HOST ? "device (stores)" : "gateway (stores)", CELL,
                            "server (forwards)")));
}

/* A text cut to a cell; a sealed one as its begin and its size. */
static void put_cell(struct buf *b, const char *text, bool sealed)
{
    char cut[CELL_MAX];
    struct span s = span_str(text);
    if (sealed && s.n > CELL)
        (void)snprintf(cut, sizeof cut, "%.*s.. %zu B", CELL_HEAD, text, s.n);
    else
        (void)snprintf(cut, sizeof cut, s.n > CELL ? "%.*s.." : "%.*s", s.n > CELL ? CELL - 2 : CELL, text);
    buf_fmt(b, "  %-*s", CELL, cut);
}

/* "cannot open: refused by ttp.demo.example, key ..4F21 epoch 2" */
static void put_refusal(struct demo *d, struct buf *b, const struct jval *e)
{
    struct span kid = span_str(demo_text(d, e, "kid")), relative = span_first(kid, span_find(kid, '@'));
    struct span tail = relative.n > 4 ? span_from(relative, relative.n - 4) : relative;
    const char *who = demo_text(d, e, "who");
    buf_fmt(b, "  cannot open: %s by %s, key ..%.*s epoch %d", demo_text(d, e, "reason"), *who ? who : "the reader",
            SPAN_FMT(tail), demo_int(e, "ep"));
}

static enum status row_text(struct demo *d, const char *reading, const char *con, const struct jval *e, int64_t ms)
{
    char text[LINE_MAX_], clock[16];
    struct buf b = BUF_ARRAY(text);
    time_t now = time(NULL);
    struct tm tm;
    (void)strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &tm));
    bool opened = e && strcmp(demo_text(d, e, "reason"), "opened") == 0;
    buf_fmt(&b, "  %-8s", clock);
    put_cell(&b, reading, false);
    put_cell(&b, con, true);
    put_cell(&b, e ? demo_text(d, e, "con") : "(not there yet)", true);
    if (d->c->color)
        buf_str(&b, opened ? "\033[32m" : "\033[31m");
    if (opened) {
        put_cell(&b, demo_text(d, e, "plain"), false);
        buf_fmt(&b, "  %lld ms", (long long)ms);
    } else if (e) {
        put_refusal(d, &b, e);
    }
    if (d->c->color)
        buf_str(&b, "\033[0m");
    return cli_out_line(d->c, buf_span(&b));
}

static enum status row_json(struct demo *d, const char *reading, const char *con, const struct jval *e, int64_t ms)
{
    struct buf b = heap_buf(ROW_MAX);
    struct jw w = jw_over(&b);
    jw_obj(&w);
    JW_U64(&w, "v", 1);
    JW_U64(&w, "n", d->sent);
    JW_STR(&w, "device", span_str(reading));
    JW_STR(&w, "gateway", span_str(con));
    JW_STR(&w, "server", span_str(e ? demo_text(d, e, "con") : ""));
    JW_STR(&w, "verdict", span_str(e ? demo_text(d, e, "reason") : "waiting"));
    JW_STR(&w, "kid", span_str(e ? demo_text(d, e, "kid") : ""));
    JW_U64(&w, "ep", (uint64_t)demo_int(e, "ep"));
    if (e && JSON_GET(e, "plain"))
        JW_STR(&w, "app", span_str(demo_text(d, e, "plain")));
    JW_U64(&w, "ms", (uint64_t)ms);
    jw_end_obj(&w);
    enum status st = cli_out_line(d->c, buf_span(&b));
    heap_buf_free(&b);
    return st;
}

/* The application's verdict about this envelope; NULL: not within SETTLE_MS. */
static const struct jval *verdict_about(struct demo *d, const char *con)
{
    int64_t until = demo_now_ms() + SETTLE_MS;
    for (size_t at = 0;;) {
        for (; at < d->events; at++)
            if (json_is(JSON_GET(d->event[at], "event"), SPAN("judged")) &&
                strcmp(demo_text(d, d->event[at], "con"), con) == 0)
                return d->event[at];
        if (*d->stop || demo_now_ms() > until || !proc_listen(d, DEMO_HEAT, LISTEN_MS))
            return NULL;
    }
}

static enum status one_reading(struct demo *d, const char *reading)
{
    int64_t began = demo_now_ms();
    struct jval *v = demo_put(d, "data", reading);
    if (!fine(v))
        return *d->stop ? ST_DONE : broken(d, "the reading is not stored", v);
    d->sent++;
    const struct jval *stored = JSON_GET(JSON_GET(JSON_GET(v, "resource"), "m2m:cin"), "con");
    const char *con = stored && stored->type == J_STR
                          ? demo_text(d, JSON_GET(JSON_GET(v, "resource"), "m2m:cin"), "con")
                      : stored ? arena_cstr(&d->turn, stored->raw)
                               : "";
    const struct jval *e = verdict_about(d, con);
    int64_t ms = demo_now_ms() - began;
    return d->c->json ? row_json(d, reading, con, e, ms) : row_text(d, reading, con, e, ms);
}

enum status live_run(struct demo *d)
{
    enum status st = set_up(d);
    if (st == ST_DONE)
        st = heading(d);
    while (st == ST_DONE && !*d->stop && d->sent < d->count) {
        int64_t next = demo_now_ms() + EVERY_MS;
        const char *reading = demo_reading(d);
        if (!reading)
            break;
        st = one_reading(d, reading);
        d->events = 0;
        arena_reset(&d->turn);
        while (st == ST_DONE && !*d->stop && d->sent < d->count && demo_now_ms() < next)
            (void)poll(NULL, 0, LISTEN_MS);
    }
    return *d->stop ? ST_DONE : st;
}
