/* watch.c - `oneseal watch`: registers, subscribes, receives; with --open also opens. */
#include "cli/watch.h"

#include <signal.h>

#include "cli/opened.h"
#include "cli/verbs.h"
#include "cli/watch_confirm.h"
#include "host/heap.h"
#include "m2m/rsc.h"
#include "wire/json.h"

enum {
    AGAIN_MS = 500,
    WAITING_MAX = 1024,
    ARENA_BLOCK = 1 << 16,
    ARENA_MAX = 64 << 20,
    LINE_MAX_ = 32 << 20,
    REGISTER_AGAIN_MS = 500
};

static void on_stop(void *ctx)
{
    ((struct watch *)ctx)->stop = true;
}

static void on_again(void *ctx)
{
    (void)ctx; /* the turn itself is what is wanted */
}

enum status watch_open(struct cli *c, struct watch *w)
{
    enum status st = session_open(&c->app, &w->s, SESSION_OPEN);
    if (st != ST_DONE)
        return st;
    struct net_loop *l = w->s.t.loop;
    if (net_timer_new(l, on_again, w, &w->again) != OK || net_signal_on(l, SIGINT, on_stop, w) != OK ||
        net_signal_on(l, SIGTERM, on_stop, w) != OK)
        return CLI_FAIL(c, ST_FAILED, .what = "timers and signals cannot be set up", .who = "the operating system",
                        .todo = "check the limits on memory and descriptors");
    return receiver_open(&w->s, &w->r);
}

void watch_close(struct watch *w)
{
    receiver_close(&w->r);
    net_timer_free(w->again);
    w->again = NULL;
    session_close(&w->s);
}

/* One row of the inbox. True: it is done with and may go. */
static bool judge_mail(struct watch *w, const struct book_mail *m, struct arena *mem)
{
    struct item it = {.con = m->con, .con_json = m->con_json, .cnf = m->cnf, .sur = m->sur};
    struct outcome out;
    struct span address = SPAN_NONE;
    if (book_subscribed_get(w->s.book, m->sur, mem, &address) != OK)
        address = SPAN_NONE;
    address = address.n ? profile_place(&w->s.p, address) : SPAN_NONE;
    opening_item(&w->s.o, &it, address, READER_NOTIFY, true, mem, &out);
    if (out.reason != REASON_OK && !out.duplicate && reason_heals(out.reason)) {
        w->waiting++;
        if (w->confirms && m->n > w->told)
            w->st = w->show(w, m, &out);
        w->told = m->n > w->told ? m->n : w->told;
        return false;
    }
    if (out.reason == REASON_FAILED)
        return false;
    if (out.reason != REASON_OK && !out.duplicate &&
        book_alarm_put(w->s.book, out.reason, out.res.label.kid, out.res.label.e2e.i, address, ttp_now_ms()) != OK)
        return false;
    if (!out.duplicate || w->confirms) {
        w->st = w->show(w, m, &out);
        w->shown += !w->confirms;
    }
    if (w->fills)
        watch_fill(w, &out);
    return true;
}

/* Every key that mail waits for, in one request to each TTP. */
static void ask_together(struct watch *w, struct arena *mem)
{
    struct span kids[READER_WANTS_MAX];
    size_t n = 0, wanted = 0;
    if (book_mail_kids(w->s.book, mem, kids, LEN(kids), &n) != OK)
        return;
    for (size_t i = 0; i < n; i++)
        if (!reader_key_has(&w->s.o.reader, kids[i], ttp_now_ms()))
            wanted += opening_want(&w->s.o, kids[i], SPAN_NONE) == REASON_OK;
    if (wanted > 1)
        opening_flush(&w->s.o);
}

void watch_mail(struct watch *w)
{
    struct arena mem;
    int64_t at = w->opens ? 0 : w->seen;
    w->waiting = 0;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    if (w->opens)
        ask_together(w, &mem);
    arena_reset(&mem);
    /* What waits for a key holds up nothing else: whoever names a key that does not exist stops nobody. Its key is
     * asked for again in AGAIN_MS, not once per reading. */
    for (struct book_mail m; !w->stop && w->waiting < WAITING_MAX && book_mail_next(w->s.book, at, &mem, &m) == OK;) {
        at = m.n;
        if (!w->opens) {
            w->st = w->show(w, &m, NULL);
            w->seen = m.n;
        } else if (judge_mail(w, &m, &mem) && book_mail_drop(w->s.book, m.n) != OK) {
            w->st = app_fail_file(w->s.app, ERR_IO, "the store cannot be written", w->s.p.store);
        }
        w->stop = w->stop || w->st != ST_DONE;
        arena_reset(&mem);
    }
    arena_reset(&mem);
    if (w->waiting)
        net_timer_start(w->again, AGAIN_MS, 0);
}

/* ---- the verb ---- */

static enum status show_sealed(struct watch *w, const struct book_mail *m)
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
    enum status st = cli_out_line(cli_of(w->s.app), buf_span(&b));
    heap_buf_free(&b);
    return st;
}

/* With --confirmed: that it opened is an event, a refusal a verdict. Data comes with its head. */
static enum status show_first(struct watch *w, const struct outcome *out)
{
    struct cli *c = cli_of(w->s.app);
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
                                                    .address = w->stream,
                                                    .i = l->e2e.here ? l->e2e.i : READER_NO_INDEX});
}

static enum status show(struct watch *w, const struct book_mail *m, const struct outcome *out)
{
    if (!out)
        return show_sealed(w, m);
    if (w->confirms)
        return show_first(w, out);
    if (out->reason == REASON_OK)
        return opened_print(cli_of(w->s.app), out);
    (void)opening_fail(&w->s.o, out); /* said; the others go on */
    return ST_DONE;
}

static void show_found(void *ctx, const struct outcome *out)
{
    struct watch *w = ctx;
    if (w->st != ST_DONE || out->reason == REASON_NO_KEY_YET)
        return;
    w->st = show(w, NULL, out);
    w->shown += !w->confirms && out->reason == REASON_OK;
}

static bool try_again(const struct talk_answer *a)
{
    return a->e != OK || talk_status(a->rsc) == ST_UNREACHABLE || a->rsc >= 5000;
}

/* Registers and subscribes, and tries again while the way is not there yet. */
static enum status enrol(struct watch *w, struct span container)
{
    const char *poa = w->s.p.poa ? w->s.p.poa : w->r.url;
    bool registered = false, subscribed = false;
    while (!w->stop && !subscribed) {
        struct talk_answer a;
        enum err e = OK;
        if (!registered)
            ae_register(&w->s, poa, &a);
        else
            e = ae_subscribe(&w->s, container, &a);
        bool fine = e == OK && a.e == OK && rsc_ok((unsigned)a.rsc);
        subscribed = registered && fine;
        registered = registered || fine;
        enum status st = ST_DONE;
        if (!fine && !try_again(&a))
            st = talk_judge(w->s.app, &a, registered ? "it cannot be subscribed to" : "the AE cannot be registered",
                            registered ? container : span_str(w->s.p.ae_id));
        talk_answer_free(&a);
        if (st != ST_DONE)
            return st;
        if (!fine) {
            app_note(w->s.app, "trying again");
            net_timer_start(w->again, REGISTER_AGAIN_MS, 0);
            net_loop_turn(w->s.t.loop);
        }
    }
    return ST_DONE;
}

enum status watch_container(struct cli *c)
{
    static struct watch w;
    struct span address;
    uint64_t count = 0;
    enum status st = cli_number(c, "count", 1, UINT64_MAX, UINT64_MAX, &count);
    if (st == ST_DONE)
        st = profile_object(&c->app, c->arg[0], &w.s.p, &address);
    if (st == ST_DONE && !w.s.p.store)
        return CLI_FAIL(c, ST_CONFIG, .what = "the profile names no store", .who = "this program", .kind = "profile",
                        .object = w.s.p.path,
                        .todo = "set store= in [profile]: what is received must be kept somewhere");
    w.opens = cli_has(c, "open") || cli_has(c, "confirmed");
    w.confirms = cli_has(c, "confirmed");
    w.fills = w.opens;
    w.show = show;
    if (st == ST_DONE)
        st = watch_open(c, &w);
    w.s.o.found = show_found;
    w.s.o.found_ctx = &w;
    if (st == ST_DONE)
        w.stream = profile_place(&w.s.p, profile_absolute(&c->app, &w.s.p, address));
    if (st == ST_DONE && w.confirms)
        st = watch_confirm_open(&w);
    if (st == ST_DONE)
        st = enrol(&w, address);
    if (st == ST_DONE)
        cli_say(c, "watching %.*s, notifications at %s", SPAN_FMT(address), w.r.url);
    while (st == ST_DONE && !w.stop && w.shown < count) {
        watch_mail(&w);
        if (w.confirms && w.st == ST_DONE)
            watch_confirm(&w);
        if (w.opens)
            opening_flush(&w.s.o); /* keys that are due for a refresh */
        st = w.st;
        if (st == ST_DONE && !w.stop && w.shown < count)
            net_loop_turn(w.s.t.loop);
    }
    if (st == ST_DONE)
        opened_note_counters(c, &w.s.o.reader.count);
    watch_confirm_close(&w);
    watch_close(&w);
    return st;
}
