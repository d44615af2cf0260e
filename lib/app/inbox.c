/* inbox.c - see inbox.h. */
#include "app/inbox.h"

#include "app/confirm.h"
#include "host/heap.h"
#include "m2m/rsc.h"

enum { AGAIN_MS = 500, WAITING_MAX = 1024, ARENA_BLOCK = 1 << 16, ARENA_MAX = 64 << 20, REGISTER_AGAIN_MS = 500 };

static void on_again(void *ctx)
{
    (void)ctx; /* the turn itself is what is wanted */
}

enum status inbox_open(struct inbox *in)
{
    if (net_timer_new(in->s.t.loop, on_again, in, &in->again) != OK)
        return APP_FAIL(in->s.app, ST_FAILED, .what = "timers cannot be set up", .who = "the operating system",
                        .todo = "check the limits on memory and descriptors");
    return receiver_open(&in->s, &in->r);
}

void inbox_close(struct inbox *in)
{
    receiver_close(&in->r);
    net_timer_free(in->again);
    in->again = NULL;
}

/* Readings that were skipped before this one: what is found is told by opening.found. */
static void fill(struct inbox *in, struct span address, const struct outcome *out)
{
    if (out->reason == REASON_OK && (out->res.flags & reason_bit(REASON_GAP)) && address.n)
        confirm_gap(&in->s.o, address, (int64_t)out->res.label.e2e.t_ms);
}

/* For a key, or for the readings before it where a gap refuses. What is stale does not become fresh by waiting. */
static bool waits(enum reason r)
{
    return r != REASON_OK && r != REASON_STALE && reason_heals(r);
}

/* One row of the inbox. True: it is done with and may go. */
static bool judge_mail(struct inbox *in, const struct book_mail *m, struct arena *mem)
{
    struct item it = {.con = m->con, .con_json = m->con_json, .cnf = m->cnf, .sur = m->sur};
    struct outcome out;
    struct span address = SPAN_NONE;
    if (book_subscribed_get(in->s.book, m->sur, mem, &address) != OK)
        address = SPAN_NONE;
    address = address.n ? profile_place(&in->s.p, address) : SPAN_NONE;
    opening_item(&in->s.o, &it, address, READER_NOTIFY, true, mem, &out);
    if (!out.duplicate && waits(out.reason)) {
        bool first = m->n > in->told;
        in->waiting++;
        if (in->confirms && first)
            in->st = in->show(in, m, &out);
        if (in->fills && first && out.reason == REASON_GAP) /* once; what comes later may fill it, too */
            confirm_gap(&in->s.o, address, (int64_t)out.res.label.e2e.t_ms);
        in->told = first ? m->n : in->told;
        return false;
    }
    if (out.reason == REASON_FAILED)
        return false;
    if (out.reason != REASON_OK && !out.duplicate &&
        book_alarm_put(in->s.book, out.reason, out.res.label.kid, out.res.label.e2e.i, address, ttp_now_ms()) != OK)
        return false;
    if (!out.duplicate || in->confirms) {
        in->st = in->show(in, m, &out);
        in->shown += !in->confirms;
    }
    if (in->fills)
        fill(in, address, &out);
    return true;
}

/* Every key that mail waits for, in one request to each TTP. */
static void ask_together(struct inbox *in, struct arena *mem)
{
    struct span kids[READER_WANTS_MAX];
    size_t n = 0, wanted = 0;
    if (book_mail_kids(in->s.book, mem, kids, LEN(kids), &n) != OK)
        return;
    for (size_t i = 0; i < n; i++)
        if (!reader_key_has(&in->s.o.reader, kids[i], ttp_now_ms()))
            wanted += opening_want(&in->s.o, kids[i], SPAN_NONE) == REASON_OK;
    if (wanted > 1)
        opening_flush(&in->s.o);
}

void inbox_round(struct inbox *in)
{
    struct arena mem;
    int64_t at = in->opens ? 0 : in->seen;
    in->waiting = 0;
    heap_arena(&mem, ARENA_BLOCK, ARENA_MAX);
    if (in->opens)
        ask_together(in, &mem);
    arena_reset(&mem);
    /* What waits for a key holds up nothing else: whoever names a key that does not exist stops nobody. Its key is
     * asked for again in AGAIN_MS, not once per reading. */
    for (struct book_mail m;
         !in->stop && in->waiting < WAITING_MAX && book_mail_next(in->s.book, at, &mem, &m) == OK;) {
        at = m.n;
        if (!in->opens) {
            in->st = in->show(in, &m, NULL);
            in->seen = m.n;
        } else if (judge_mail(in, &m, &mem) && book_mail_drop(in->s.book, m.n) != OK) {
            in->st = app_fail_file(in->s.app, ERR_IO, "the store cannot be written", in->s.p.store);
        }
        in->stop = in->stop || in->st != ST_DONE;
        arena_reset(&mem);
    }
    arena_reset(&mem);
    if (in->waiting)
        net_timer_start(in->again, AGAIN_MS, 0);
}

static bool try_again(const struct talk_answer *a)
{
    return a->e != OK || talk_status(a->rsc) == ST_UNREACHABLE || a->rsc >= 5000;
}

/* Registers and subscribes, and tries again while the way is not there yet. */
enum status inbox_enrol(struct inbox *in, struct span container)
{
    const char *poa = in->s.p.poa ? in->s.p.poa : in->r.url;
    bool registered = false, subscribed = false;
    while (!in->stop && !subscribed) {
        struct talk_answer a;
        enum err e = OK;
        if (!registered)
            ae_register(&in->s, poa, &a);
        else
            e = ae_subscribe(&in->s, container, &a);
        bool fine = e == OK && a.e == OK && rsc_ok((unsigned)a.rsc);
        subscribed = registered && fine;
        registered = registered || fine;
        enum status st = ST_DONE;
        if (!fine && !try_again(&a))
            st = talk_judge(in->s.app, &a, registered ? "it cannot be subscribed to" : "the AE cannot be registered",
                            registered ? container : span_str(in->s.p.ae_id));
        talk_answer_free(&a);
        if (st != ST_DONE)
            return st;
        if (!fine) {
            app_note(in->s.app, "trying again");
            net_timer_start(in->again, REGISTER_AGAIN_MS, 0);
            net_loop_turn(in->s.t.loop);
        }
    }
    return ST_DONE;
}
